-- What the owner of the figures decides, as far as events depend on it.
CREATE OR REPLACE TEMP TABLE schedules (store VARCHAR, zone VARCHAR);

CREATE OR REPLACE TEMP TABLE limits (kpi VARCHAR, starts_on DATE, ends_on DATE, seconds BIGINT);

CREATE OR REPLACE TEMP TABLE open_hours (store VARCHAR, starts_at TIMESTAMPTZ, seconds BIGINT, seconds_before BIGINT)
