"""The three real sets against figures computed independently with other engines."""

import csv
import io
import json
import zipfile
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pytest
from sourcing import converted, kept_aside, nothing

from kpi.metrics import find
from kpi.pace import ignore_progress
from kpi.periods import Every
from kpi.report import ALWAYS, Answer, Question, answer
from kpi.sources.conversion import Conversion, Profile
from kpi.sources.convert import convert
from kpi.sources.mapping import named
from kpi.store import State, known_at, load

SHARED = Path(__file__).parents[2] / "shared"
LOG = SHARED / "data" / "incident_event_log.zip"
BOSTON = SHARED / "data" / "311_service_requests_2011.zip"
CALLS = SHARED / "data" / "call_center_ddmmyyyy.csv"
WORKBOOK = SHARED / "data" / "Contact-Center-Dataset.xlsx"
MINUTES = "date_diff('microsecond', opened_at, {end}) / 60e6"

ROW_BY_ROW = """
[time]
zone = "UTC"
formats = ["%d/%m/%Y %H:%M"]
[columns]
event_id = "number"
updated_at = "sys_updated_at"
opened_at = "opened_at"
store = "location"
channel = "contact_type"
service = "category"
transfer_count = "reassignment_count"
reopen_count = "reopen_count"
"""

pytestmark = pytest.mark.skipif(not SHARED.exists(), reason="the real sets are not beside the checkout (../shared)")


def answers(name: str) -> dict[str, dict]:
    return json.loads((SHARED / "reference" / "real_answers.json").read_text(encoding="utf-8"))[name]


def shipped(folder: Path, name: str, file: Path) -> Conversion:
    return convert(named(name, folder / "sources"), [file], folder / "extracts", nothing)


def one(report: Conversion, select: str, where: str = "true") -> tuple:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        row = connection.execute(f"SELECT {select} FROM read_parquet($file) WHERE {where}", {"file": report.extract}).fetchone()
    assert row is not None
    return row


NEWEST = "updated_at = (SELECT max(updated_at) FROM read_parquet($file) AS later WHERE later.event_id = read_parquet.event_id)"


def final(report: Conversion, select: str, where: str = "true") -> tuple:
    """As `one`, of the newest version of every event."""
    return one(report, select, f"{NEWEST} AND {where}")


def raw(report: Conversion, name: str) -> Profile:
    return next(profile for profile in report.raw_columns if profile.name == name)


def column(report: Conversion, name: str) -> Profile:
    return next(profile for profile in report.columns if profile.name == name)


@pytest.fixture(scope="module")
def incidents(tmp_path_factory: pytest.TempPathFactory) -> Conversion:
    return shipped(tmp_path_factory.mktemp("incidents"), "servicenow_incident_log", LOG)


@pytest.fixture(scope="module")
def requests(tmp_path_factory: pytest.TempPathFactory) -> Conversion:
    return shipped(tmp_path_factory.mktemp("requests"), "boston_311", BOSTON)


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> Conversion:
    return shipped(tmp_path_factory.mktemp("calls"), "call_centre", CALLS)


def test_every_row_of_the_log_is_part_of_an_incident(incidents: Conversion) -> None:
    quality = answers("servicenow_incidents")["data_quality"]
    assert (incidents.rows_read, incidents.rows_written, incidents.events) == (quality["rows"], quality["rows"], quality["cases"])


def test_the_dirt_of_the_log_is_counted(incidents: Conversion) -> None:
    quality = answers("servicenow_incidents")["data_quality"]
    assert incidents.outside_allowed == {"incident_state": quality["rows_state_-100"]}
    assert raw(incidents, "incident_state").values["-100"] == quality["rows_state_-100"]
    assert raw(incidents, "sys_created_at").nulls == quality["rows_sys_created_at_null"]
    assert incidents.fold_duplicates == quality["duplicate_number_mod_count_pairs"]
    assert incidents.set_aside == {"responded_at: before it was opened": quality["first_response_before_opened"]}
    assert incidents.warnings["reopened"] == quality["cases_reopened_by_counter"]


def test_the_flag_of_every_row_is_not_the_flag_of_the_incident(incidents: Conversion) -> None:
    quality, overall = answers("servicenow_incidents")["data_quality"], answers("servicenow_incidents")["overall"]
    flags = raw(incidents, "made_sla").values
    assert flags["true"] / quality["rows"] == pytest.approx(quality["naive_row_level_made_sla_rate_WRONG"], abs=1e-6)
    assert final(incidents, "count(*)", "agreement_met") == (overall["made_sla_final"]["num"],)


def test_counting_rows_instead_of_incidents_gives_the_known_wrong_rate(tmp_path: Path) -> None:
    report = converted(tmp_path, ROW_BY_ROW, LOG)
    good, events = one(report, "count(*) FILTER (transfer_count = 0 AND reopen_count = 0), count(*)")
    expected = answers("servicenow_incidents")["data_quality"]["naive_row_level_fcr_WRONG"]
    assert good / events == pytest.approx(expected, abs=1e-6)


def test_responses_and_resolutions_of_the_log(incidents: Conversion) -> None:
    overall = answers("servicenow_incidents")["overall"]
    for end, name in (("responded_at", "first_response"), ("resolved_at", "resolution_event_derived")):
        minutes = MINUTES.format(end=end)
        figures = final(incidents, f"count({end}), sum({minutes}), count(*) FILTER ({minutes} = 0), median({minutes})")
        expected = overall[name]
        assert figures == (expected["n"], expected["sum_min_observed"], expected["n_zero"], expected["naive_p50_min"])


def test_as_of_a_day_in_the_past_the_log_knows_what_was_open(incidents: Conversion) -> None:
    """Against the log itself: what was opened until then, less what stands in its last run of Resolved or Closed rows since."""
    known = "updated_at <= TIMESTAMPTZ '2016-04-01 00:00:00+00'"
    newest = f"SELECT event_id, max(resolved_at) AS resolved_at FROM read_parquet($file) WHERE {known} GROUP BY event_id"
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        query = f"SELECT count(*), count(*) FILTER (resolved_at IS NULL) FROM ({newest})"
        found = connection.execute(query, {"file": incidents.extract}).fetchone()
    assert found == open_in_the_log(datetime(2016, 4, 1))


def open_in_the_log(instant: datetime) -> tuple[int, int]:
    """In plain Python from the rows: incidents opened until the instant, and those of them that were not resolved for good."""
    opened, resolved = dict[str, datetime](), dict[str, datetime | None]()
    with zipfile.ZipFile(LOG) as archive, archive.open(archive.namelist()[0]) as stream:
        rows = list(csv.DictReader(io.TextIOWrapper(stream, encoding="utf-8")))
    for row in sorted(rows, key=lambda row: (row["number"], int(row["sys_mod_count"]))):
        number, is_resolved = row["number"], row["incident_state"] in ("Resolved", "Closed")
        opened[number] = datetime.strptime(row["opened_at"], "%d/%m/%Y %H:%M")
        changed = datetime.strptime(row["sys_updated_at"], "%d/%m/%Y %H:%M")
        resolved[number] = (resolved.get(number) or changed) if is_resolved else None
    known = [number for number, moment in opened.items() if moment <= instant]
    return len(known), sum(not (ended := resolved[number]) or ended > instant for number in known)


def test_incidents_closed_at_once_are_first_contact_resolutions(incidents: Conversion) -> None:
    expected = answers("servicenow_incidents")["overall"]["fcr_no_reassign_no_reopen"]
    assert final(incidents, "count(*)", "transfer_count = 0 AND reopen_count = 0") == (expected["num"],)


def test_the_resolution_column_taken_at_its_word(tmp_path: Path) -> None:
    quality = answers("servicenow_incidents")["data_quality"]
    expected = answers("servicenow_incidents")["overall"]["resolution_column_strict"]
    report = converted(tmp_path, 'extends = "servicenow_incident_log"\n[columns]\nresolved_at = "resolved_at"\n', LOG)
    minutes = MINUTES.format(end="resolved_at")
    assert column(report, "resolved_at").nulls == quality["cases_resolved_at_null"]
    assert final(report, f"count(resolved_at), sum({minutes})") == (expected["n"], expected["sum_min_observed"])


def test_reopens_counted_from_the_sequence(tmp_path: Path) -> None:
    toml = 'extends = "servicenow_incident_log"\n[fold.reopen_count]\n'
    toml += "count_exits_where = \"incident_state in ('Resolved', 'Closed')\"\n"
    quality = answers("servicenow_incidents")["data_quality"]
    assert converted(tmp_path, toml, LOG).warnings["reopened"] == quality["cases_reopened_by_event_sequence"]


def test_a_state_that_is_not_allowed_is_kept_aside_when_the_mapping_says_so(tmp_path: Path) -> None:
    report = converted(tmp_path, 'extends = "servicenow_incident_log"\n[allowed.incident_state]\notherwise = "refuse"\n', LOG)
    assert report.kept_aside == {"number: another row of the event is kept aside": 10, "incident_state: not an allowed value": 5}
    assert {found for _, _, reason, found in kept_aside(report) if reason == "not an allowed value"} == {"'-100"}


def test_every_request_of_boston_is_an_event(requests: Conversion) -> None:
    quality = answers("boston_311")["data_quality"]
    assert (requests.rows_read, requests.events, column(requests, "event_id").distinct) == (
        quality["rows"],
        58251,
        quality["distinct_ids"],
    )
    assert requests.rows_kept_aside == 0


def test_the_dirt_of_boston_is_counted(requests: Conversion) -> None:
    quality = answers("boston_311")["data_quality"]
    assert column(requests, "resolved_at").nulls == quality["closed_null"]
    assert column(requests, "due_at").nulls == quality["target_null"]
    assert column(requests, "store").nulls == raw(requests, "neighborhood").nulls == quality["neighborhood_blank_or_space"]
    assert requests.warnings["due_at in 2038 or later"] == quality["target_2038_or_later"]
    assert requests.warnings["due_at before opened_at"] == quality["target_before_open"]
    assert requests.ambiguous_moments == quality["open_or_close_in_ambiguous_hour_2011_11_06"]


def test_the_dispositions_of_boston(requests: Conversion) -> None:
    quality = answers("boston_311")["data_quality"]
    matches = {rule.disposition: rule.events for rule in requests.dispositions}
    assert matches == {"duplicate": quality["duplicates"], "invalid": quality["invalid"]}
    assert requests.disposition_overlaps == quality["duplicate_and_invalid"]
    both = quality["duplicate_and_invalid"]
    assert column(requests, "disposition").values["invalid"] == quality["invalid"] - both


def test_the_flag_of_boston_says_on_time_where_there_is_no_deadline(requests: Conversion) -> None:
    quality = answers("boston_311")["data_quality"]
    flag = raw(requests, "ontime")
    assert {**flag.values, "missing": flag.nulls} == quality["ontime_counts"]
    assert flag.values["ONTIME"] / quality["rows"] == pytest.approx(quality["naive_ontime_flag_rate_WRONG"], abs=1e-6)


def test_neighbourhoods_spelled_in_two_ways_stay_visible(requests: Conversion) -> None:
    pairs = answers("boston_311")["data_quality"]["neighborhood_spelling_pairs"]
    names = {name.strip() for pair in pairs.split(";") for name in pair.split(" vs ")}
    with duckdb.connect() as connection:
        query = "SELECT DISTINCT store FROM read_parquet($file)"
        stores = {store for (store,) in connection.execute(query, {"file": requests.extract}).fetchall()}
    assert names <= stores


def test_durations_over_the_change_of_the_clocks(requests: Conversion, tmp_path: Path) -> None:
    expected = answers("boston_311")["dst"]
    naive = converted(tmp_path, 'extends = "boston_311"\n[time]\nzone = "UTC"\n', BOSTON)
    seconds = "date_diff('second', {0}.opened_at, {0}.resolved_at)"
    right, wall = seconds.format("local"), seconds.format("naive")
    query = (
        f"SELECT count(*), count(*) FILTER ({right} - {wall} = 3600), count(*) FILTER ({right} - {wall} = -3600), "
        f"count(*) FILTER ({right} = {wall}), sum({wall}) / 60, sum({right}) / 60, count(*) FILTER ({wall} = 0) "
        "FROM read_parquet($local) AS local JOIN read_parquet($naive) AS naive USING (event_id) "
        "WHERE local.resolved_at IS NOT NULL AND naive.resolved_at IS NOT NULL"
    )
    with duckdb.connect() as connection:
        found = connection.execute(query, {"local": requests.extract, "naive": naive.extract}).fetchone()
    assert found is not None
    assert found[:4] == (expected["n_closed"], expected["n_diff_plus60"], expected["n_diff_minus60"], expected["n_diff_zero"])
    assert found[4] == pytest.approx(expected["sum_min_naive"], abs=1e-3)
    assert found[5] == pytest.approx(expected["sum_min_tz_aware_fold0"], abs=1e-3)
    assert expected["n_other"] == found[0] - sum(found[1:4])
    assert found[6] == answers("boston_311")["data_quality"]["zero_duration"]


def test_as_of_the_new_year_what_closed_later_was_open(requests: Conversion) -> None:
    expected = answers("boston_311")["overall_all_snapshot"]
    known = "updated_at <= timezone('America/New_York', TIMESTAMP '2012-01-01')"
    newest = f"SELECT max(resolved_at) AS resolved_at FROM read_parquet($file) WHERE {known} GROUP BY event_id"
    with duckdb.connect() as connection:
        query = f"SELECT count(*), count(*) FILTER (resolved_at IS NULL) FROM ({newest})"
        found = connection.execute(query, {"file": requests.extract}).fetchone()
    assert found == (expected["n"], expected["n_open_at_as_of"])


def test_a_version_before_the_last_knows_no_later_moment_and_no_disposition(requests: Conversion) -> None:
    assert one(requests, "count(*)", "resolved_at > updated_at OR closed_at > updated_at") == (0,)
    earlier = "read_parquet($file) AS later WHERE later.event_id = versions.event_id AND later.updated_at > versions.updated_at"
    early = f"SELECT count(*) FROM read_parquet($file) AS versions WHERE disposition <> 'normal' AND EXISTS (SELECT 1 FROM {earlier})"
    with duckdb.connect() as connection:
        assert connection.execute(early, {"file": requests.extract}).fetchone() == (0,)
    versions = one(requests, "count(*)")[0]
    quality = answers("boston_311")["data_quality"]
    assert versions == quality["rows"] + quality["rows"] - quality["closed_null"] - quality["zero_duration"]


def test_every_call_is_an_event(calls: Conversion) -> None:
    quality, overall = answers("call_centre")["data_quality"], answers("call_centre")["overall"]
    assert (calls.rows_read, calls.events, column(calls, "event_id").distinct) == (quality["rows"], 5000, quality["unique_ids"])
    assert column(calls, "responded_at").nulls == quality["structural_nulls_unanswered"]
    assert one(calls, "count(*)", "resolved_at IS NOT NULL AND responded_at IS NULL") == (quality["resolved_but_unanswered"],)
    assert column(calls, "outcome").values == {
        "success": overall["resolved_over_all_calls"]["num"],
        "failure": 408,
        "abandoned": 946,
    }


def test_calls_that_start_in_the_same_second(calls: Conversion) -> None:
    expected = answers("call_centre")["data_quality"]["identical_start_times"]
    assert calls.events - column(calls, "opened_at").distinct == expected


def test_waiting_talking_and_satisfaction_of_the_calls(calls: Conversion) -> None:
    overall = answers("call_centre")["overall"]
    wait = "date_diff('second', opened_at, responded_at)"
    talk = "date_diff('second', responded_at, closed_at)"
    figures = one(calls, f"sum({wait}), sum({talk}), sum(handle_minutes * 60), sum(satisfaction), count(satisfaction)")
    csat = overall["csat"]
    assert figures[:2] == (overall["asa_sum_s"], overall["talk_sum_s"])
    assert figures[2] == pytest.approx(overall["talk_sum_s"])
    assert (float(figures[3]), figures[4]) == (csat["sum"], csat["n_responses"])
    flags = column(calls, "resolved_first_contact")
    assert flags.values == {"true": overall["resolved_over_answered"]["num"], "false": 4054 - 3646}


def test_the_workbook_tells_the_same_as_the_csv(calls: Conversion, tmp_path: Path) -> None:
    workbook = shipped(tmp_path, "call_centre_xlsx", WORKBOOK)
    assert answers("call_centre")["data_quality"]["date_is_text_time_is_time_type"]
    query = "SELECT count(*) FROM (FROM read_parquet($one) EXCEPT ALL FROM read_parquet($other))"
    with duckdb.connect() as connection:
        found = connection.execute(query, {"one": workbook.extract, "other": calls.extract}).fetchone()
    assert (workbook.events, found) == (5000, (0,))


# --- Boston by its shipped mapping and its own clock: what really elapsed ------------------------------------------------------------

BOSTON_ZONE = ZoneInfo("America/New_York")
NEW_YEAR = datetime(2012, 1, 1, tzinfo=BOSTON_ZONE).astimezone(UTC)
EVERY_DISPOSITION = {"disposition": ("normal", "duplicate", "invalid")}


@dataclass(frozen=True)
class Request:
    """One row of the export, in UTC; what happened after the new year is not known yet."""

    opened: datetime
    closed: datetime | None
    due: datetime | None

    @property
    def seconds(self) -> int:
        """How long it took, or has been open."""
        return round(((self.closed or NEW_YEAR) - self.opened).total_seconds())


def boston_moment(cell: str) -> datetime | None:
    """The hour that happens twice is read as summer time (fold 0)."""
    return datetime.fromisoformat(cell).replace(tzinfo=BOSTON_ZONE).astimezone(UTC) if cell.strip() else None


@pytest.fixture(scope="module")
def known_at_new_year() -> list[Request]:
    """The export read here, by the standard library alone."""
    found = []
    with zipfile.ZipFile(BOSTON) as archive, archive.open(archive.namelist()[0]) as file:
        for row in csv.DictReader(io.TextIOWrapper(file, encoding="utf-8")):
            opened, closed, due = (boston_moment(row[name]) for name in ("open_dt", "closed_dt", "target_dt"))
            assert opened is not None
            if opened <= NEW_YEAR:
                found.append(Request(opened, closed if closed is not None and closed <= NEW_YEAR else None, due))
    return found


@pytest.fixture(scope="module")
def at_new_year(requests: Conversion) -> State:
    folder = Path(requests.extract).parents[2]
    (folder / "calendar.toml").write_text('time_zone = "America/New_York"\n')
    return known_at(load(folder, ignore_progress), folder, NEW_YEAR)


def asked_of(state: State, name: str, every: Every | None = None, within: float | None = None) -> list[Answer]:
    question = Question(kpis=(find(name),), every=every, by=(), where=EVERY_DISPOSITION, dates=ALWAYS, within_minutes=within)
    return answer(state, question)


def test_what_is_open_in_boston_and_how_long_the_rest_took(at_new_year: State, known_at_new_year: list[Request]) -> None:
    closed = [one.seconds for one in known_at_new_year if one.closed]
    waiting = [one.seconds for one in known_at_new_year if not one.closed]
    [backlog], [age], [mean] = (asked_of(at_new_year, name) for name in ("open_events", "open_events_age", "resolution_time_mean"))
    assert len(closed) > 40_000
    assert backlog.value == len(waiting) == answers("boston_311")["overall_all_snapshot"]["n_open_at_as_of"]
    assert age.value == pytest.approx(sum(waiting) / len(waiting) / 60, rel=1e-12)
    assert (mean.n, mean.numerator, mean.left_out["still_open"]) == (len(closed), pytest.approx(sum(closed) / 60, rel=1e-12), len(waiting))


@pytest.mark.parametrize("minutes", [60, 1440, 10_080])
def test_the_share_of_boston_that_was_resolved_in_time(at_new_year: State, known_at_new_year: list[Request], minutes: int) -> None:
    within = sum(one.seconds <= 60 * minutes for one in known_at_new_year if one.closed)
    undetermined = sum(one.seconds <= 60 * minutes for one in known_at_new_year if not one.closed)
    [found] = asked_of(at_new_year, "resolution_time", within=minutes)
    assert (found.numerator, found.n, found.undetermined) == (within, len(known_at_new_year) - undetermined, undetermined)


@pytest.mark.parametrize(("name", "left"), [("resolution_time_median", 0.5), ("resolution_time_p90", 0.1)])
def test_the_quantiles_of_boston_count_the_open_requests(
    at_new_year: State, known_at_new_year: list[Request], name: str, left: float
) -> None:
    """Kaplan-Meier, event by event: at each resolution the share that is still there shrinks by one of those at risk."""
    in_order = sorted((one.seconds, one.closed is None) for one in known_at_new_year)
    surviving, expected = 1.0, None
    for place, (seconds, is_open) in enumerate(in_order):
        surviving *= 1 if is_open else 1 - 1 / (len(in_order) - place)
        if surviving <= left + 1e-12:
            expected = seconds / 60
            break
    assert [one.value for one in asked_of(at_new_year, name)] == [expected]


def test_the_deadlines_of_boston_by_the_local_month_of_the_opening(at_new_year: State, known_at_new_year: list[Request]) -> None:
    months: dict[date, list[Request]] = {}
    for one in known_at_new_year:
        months.setdefault(one.opened.astimezone(BOSTON_ZONE).date().replace(day=1), []).append(one)
    expected = {
        month: (
            sum(one.closed <= one.due for one in ours if one.closed and one.due),
            sum(one.due is not None and (one.closed is not None or one.due < NEW_YEAR) for one in ours),
            sum(one.due is not None and one.closed is None and one.due >= NEW_YEAR for one in ours),
            sum(one.due is None for one in ours),
        )
        for month, ours in months.items()
    }
    found = asked_of(at_new_year, "on_time", "month")
    assert len(expected) == 6
    assert {one.period: (one.numerator, one.n, one.undetermined, one.left_out["no_due_date"]) for one in found} == expected
    assert [one.is_complete for one in found] == [not undetermined for _, _, undetermined, _ in expected.values()]
