-- No part is gone.
CREATE OR REPLACE TEMP TABLE forgotten (event_key UBIGINT)
