"""The sample says what it is, obeys the event contract, and holds every story it promises."""

import subprocess
import sys
import time
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data import sample
from data.sample import extracts, stories
from data.sample.plan import year_ago_quarter
from kpi.events import BY_NAME, COLUMNS

ROOT = Path(__file__).parent.parent
PARIS = ZoneInfo("Europe/Paris")
FAULTS = ("synthetic_bad_rows", "synthetic_broken")
ENDS = ("responded_at", "resolved_at", "closed_at", "answered_at", "reopened_at")
COST_PARTS = ("direct_cost", "indirect_cost", "fixed_cost", "variable_cost")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return sample.write(tmp_path_factory.mktemp("extracts"))


@pytest.fixture(scope="module")
def versions(files: list[Path]) -> pd.DataFrame:
    """Every row of every sound extract, with the name of its file."""
    sound = [path for path in files if path.stem not in FAULTS]
    rows = pd.concat([pq.read_table(path).to_pandas().assign(file=path.stem) for path in sound])
    return rows.assign(cost=rows["cost"].astype(float)).reset_index(drop=True)


@pytest.fixture(scope="module")
def events(versions: pd.DataFrame) -> pd.DataFrame:
    """The newest version of each event, with local days and the wait in minutes."""
    newest = versions.sort_values("updated_at", kind="stable").drop_duplicates("event_id", keep="last")
    newest = newest[~newest["is_deleted"] & (newest["disposition"] == "normal")]
    return newest.assign(
        opened_on=local_days(newest["opened_at"]),
        resolved_on=local_days(newest["resolved_at"]),
        answered_on=local_days(newest["answered_at"]),
        wait=(newest["responded_at"] - newest["opened_at"]).dt.total_seconds() / 60,
    )


def local_days(moments: pd.Series) -> pd.Series:
    return moments.dt.tz_convert(PARIS).dt.tz_localize(None).dt.normalize()


def day(story: stories.Story, later: int = 0) -> datetime:
    return datetime.combine(story.begins_on() + timedelta(days=later), datetime.min.time())


def first_contact_resolution(of: pd.DataFrame, events: pd.DataFrame) -> float:
    """Share neither reopened nor followed by the same customer for the same service within 7 days, of the mature."""
    week = pd.Timedelta(days=7)
    mature = of[of["customer"].notna() & (of["resolved_at"] + week <= events["updated_at"].max())]
    pairs = mature.merge(events, on=["customer", "service"], suffixes=("", "_later"))
    gap = pairs["opened_at_later"] - pairs["resolved_at"]
    repeated = pairs.loc[(gap > pd.Timedelta(0)) & (gap <= week), "event_id"]
    return float(((mature["reopen_count"] == 0) & ~mature["event_id"].isin(repeated)).mean())


# --- what it is ---------------------------------------------------------------------------------------------------------------


def test_the_same_arguments_write_the_same_bytes(tmp_path: Path) -> None:
    first, again, other = (
        sample.write(tmp_path / name, events=3_000, seed=seed) for name, seed in (("first", 1), ("again", 1), ("other", 2))
    )
    assert [path.name for path in first] == [path.name for path in again]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in again]
    assert first[0].read_bytes() != other[0].read_bytes()


def test_every_file_says_that_it_is_synthetic(files: list[Path]) -> None:
    assert all(path.name.startswith("synthetic_") and path.parent.name == "synthetic_sample" for path in files)
    readable = [path for path in files if path.stem != "synthetic_broken"]
    assert all(pq.read_schema(path).metadata[b"synthetic"] == b"true" for path in readable)


def test_a_smaller_sample_leaves_nothing_of_a_larger_one(tmp_path: Path) -> None:
    sample.write(tmp_path, events=3_000, last_day=date(2026, 10, 31))
    paths = sample.write(tmp_path, events=1_000, last_day=date(2024, 2, 29))
    assert sorted((tmp_path / "synthetic_sample").iterdir()) == sorted(paths)


def test_a_large_month_is_split_into_files_of_bounded_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extracts, "ROWS_PER_FILE", 100)
    paths = sample.write(tmp_path, events=3_000)
    rows = {path.stem: pq.read_metadata(path).num_rows for path in paths if path.stem != "synthetic_broken"}
    assert max(rows.values()) == 100
    assert {"synthetic_2025-07_part1", "synthetic_2025-07_part2"} <= set(rows)


def command(folder: Path, events: int) -> list[str]:
    return [sys.executable, "-m", "data.sample", str(folder), "--events", str(events)]


def test_the_command_names_the_files_it_wrote(tmp_path: Path) -> None:
    printed = subprocess.run(command(tmp_path, 500), cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    assert sorted(printed) == sorted(str(path) for path in (tmp_path / "synthetic_sample").iterdir())


def test_a_sample_that_is_interrupted_does_not_count_as_made(tmp_path: Path) -> None:
    folder = tmp_path / "extracts"
    building = tmp_path / "extracts.building" / "synthetic_sample"
    with subprocess.Popen(command(folder, 2_000_000), cwd=ROOT, stdout=subprocess.DEVNULL) as process:
        while not (building.exists() and list(building.iterdir())):
            assert process.poll() is None
            time.sleep(0.01)
        process.kill()
    assert not folder.exists()
    paths = sample.write(folder, events=500)
    assert sorted((folder / "synthetic_sample").iterdir()) == sorted(paths)
    assert list(tmp_path.iterdir()) == [folder]


# --- the event contract -------------------------------------------------------------------------------------------------------


def test_every_column_is_in_the_contract_and_every_required_one_is_filled(versions: pd.DataFrame) -> None:
    rows = versions.drop(columns="file")
    assert set(rows) <= set(BY_NAME)
    needed = [column.name for column in COLUMNS if column.presence != "optional"]
    assert rows[needed].notna().all(axis=None)


def test_every_value_is_within_what_the_contract_allows(versions: pd.DataFrame) -> None:
    for column in COLUMNS:
        values = versions[column.name].dropna() if column.name in versions else pd.Series([])
        assert not column.values or values.isin(column.values).all()
        assert column.lowest is None or values.empty or values.min() >= column.lowest
        assert column.highest is None or values.empty or values.max() <= column.highest
    assert versions["satisfaction"].dropna().between(1, 5).all()


def test_nothing_ends_before_it_starts_or_happens_after_its_version(versions: pd.DataFrame) -> None:
    for name in ENDS:
        happened = versions[versions[name].notna()]
        assert (happened[name] >= happened["opened_at"]).all()
        assert (happened[name] <= happened["updated_at"]).all()


def test_one_moment_of_one_event_has_one_version(versions: pd.DataFrame) -> None:
    contents = versions.drop(columns="file").drop_duplicates()
    assert not contents.duplicated(["event_id", "updated_at"]).any()


def test_the_parts_of_a_cost_add_up_to_it(versions: pd.DataFrame) -> None:
    paid = versions[versions["cost"].notna()].astype(dict.fromkeys(COST_PARTS, float))
    assert (paid["direct_cost"] + paid["indirect_cost"] - paid["cost"]).abs().max() < 0.005
    assert (paid["fixed_cost"] + paid["variable_cost"] - paid["cost"]).abs().max() < 0.005


def test_an_unresolved_event_has_no_cost_and_an_unanswered_survey_no_score(versions: pd.DataFrame) -> None:
    assert versions.loc[versions["resolved_at"].isna(), ["cost", "handle_minutes", "quality_passed"]].isna().all(axis=None)
    assert versions.loc[versions["answered_at"].isna(), ["satisfaction", "recommendation", "effort"]].isna().all(axis=None)


def test_the_data_end_in_the_afternoon_of_the_last_day(versions: pd.DataFrame) -> None:
    assert versions["updated_at"].max() == datetime(2026, 10, 31, 14, 5, tzinfo=PARIS)
    assert versions["opened_at"].max() > datetime(2026, 10, 31, 12, 0, tzinfo=PARIS)
    assert versions["opened_at"].min() < datetime(2025, 7, 2, tzinfo=PARIS)
    assert versions["event_id"].nunique() == 300_000


@pytest.mark.parametrize(
    ("last_day", "first_day"),
    [(date(2026, 10, 31), date(2025, 7, 1)), (date(2026, 1, 1), date(2024, 10, 1)), (date(2024, 2, 29), date(2022, 10, 1))],
)
def test_the_last_complete_quarter_has_its_year_ago_quarter(last_day: date, first_day: date) -> None:
    assert year_ago_quarter(last_day) == first_day


def test_the_figures_are_those_of_a_service_near_its_targets(events: pd.DataFrame) -> None:
    surveyed = events["satisfaction"].dropna()
    assert (events["wait"].dropna() <= 15).mean() == pytest.approx(0.96, abs=0.01)
    assert first_contact_resolution(events, events) == pytest.approx(0.945, abs=0.015)
    assert surveyed.mean() == pytest.approx(4.5, abs=0.1)
    assert len(surveyed) / events["closed_at"].notna().sum() == pytest.approx(0.25, abs=0.03)
    assert events["quality_passed"].dropna().astype(bool).mean() == pytest.approx(0.96, abs=0.01)
    medians = events.groupby("channel")["wait"].median()
    assert medians.to_dict() == pytest.approx({"phone": 1, "chat": 3, "counter": 6, "app": 7, "email": 9}, rel=0.1)


# --- the stories --------------------------------------------------------------------------------------------------------------


def test_each_story_has_a_name_and_a_day_within_the_sample() -> None:
    assert len({story.name for story in stories.STORIES}) == len(stories.STORIES) == 8
    assert all(date(2025, 7, 1) < story.begins_on() < stories.LAST_DAY for story in stories.STORIES)


def test_story_slow_store(events: pd.DataFrame) -> None:
    late_weeks = events["opened_on"] >= day(stories.SLOW_STORE, later=14)
    before = events["opened_on"] < day(stories.SLOW_STORE)
    chat, slow = events["channel"] == "chat", events["store"] == "S014"

    def median(rows: pd.Series) -> float:
        return float(events.loc[rows, "wait"].median())

    assert median(chat & slow & late_weeks) > 2.3 * median(chat & slow & before)
    assert median(~chat & slow & late_weeks) < 2 * median(~chat & slow & before)
    assert median(chat & ~slow & late_weeks) < 1.2 * median(chat & ~slow & before)


def test_story_new_procedure(events: pd.DataFrame) -> None:
    concerned = (events["service"] == "returns") & (events["region"] == "East")
    after = events["opened_on"] >= day(stories.NEW_PROCEDURE)
    assert first_contact_resolution(events[concerned & ~after], events) == pytest.approx(0.85, abs=0.02)
    assert first_contact_resolution(events[concerned & after], events) == pytest.approx(0.96, abs=0.02)
    others = [first_contact_resolution(events[~concerned & period], events) for period in (~after, after)]
    assert others[0] == pytest.approx(others[1], abs=0.01)


def test_story_silent_store(events: pd.DataFrame, versions: pd.DataFrame) -> None:
    as_of = versions["updated_at"].max()
    last_changes = versions[~versions["is_deleted"]].groupby("store")["updated_at"].max()
    assert as_of - last_changes["S007"] > pd.Timedelta(hours=30)
    assert (as_of - last_changes.drop("S007")).max() < pd.Timedelta(hours=24)
    assert events.loc[events["store"] == "S007", "opened_at"].max() > as_of - pd.Timedelta(hours=54)


def test_story_survey_wave(events: pd.DataFrame) -> None:
    begins = day(stories.SURVEY_WAVE)
    wave = events["answered_on"].between(begins, begins + timedelta(days=9))
    days_before = events["answered_on"].between(begins - timedelta(days=28), begins - timedelta(days=1))
    assert wave.sum() / 10 == pytest.approx(2 * days_before.sum() / 28, rel=0.25)
    fall = events.loc[days_before, "satisfaction"].mean() - events.loc[wave, "satisfaction"].mean()
    assert 0.05 < fall < 0.35


def test_story_open_events(events: pd.DataFrame) -> None:
    still_open = events[events["closed_at"].isna()]
    waiting = still_open[still_open["responded_at"].isna()]
    assert 200 <= len(still_open) <= 1_000
    assert 8 <= len(waiting) <= 250
    assert (still_open["opened_on"] < day(stories.OPEN_EVENTS, later=-5)).sum() >= 5
    assert (waiting["channel"] == "email").mean() > 0.5


def test_story_reexports(versions: pd.DataFrame) -> None:
    columns = [name for name in versions if name != "file"]
    again = versions["file"].str.startswith("synthetic_reexport_")
    both = versions[versions["event_id"].isin(versions.loc[again, "event_id"])]
    copies = both.duplicated(columns)
    assert copies.sum() > 1_000
    assert both[~copies].duplicated("event_id").sum() > 50
    assert again.groupby(versions["file"]).sum().gt(0).sum() == 3


def test_story_correction(events: pd.DataFrame, versions: pd.DataFrame) -> None:
    paid = versions[versions["cost"].notna()]
    is_correction = paid["file"] == "synthetic_correction_costs_S003"
    both = paid[is_correction].merge(paid[~is_correction], on="event_id", suffixes=("_corrected", "_exported"))
    assert both["event_id"].nunique() == is_correction.sum() >= 5
    assert (both["cost_exported"] / both["cost_corrected"]).to_list() == pytest.approx([10] * len(both))
    assert (both["updated_at_exported"] < both["updated_at_corrected"]).all()
    that_day = events[(events["store"] == "S003") & (events["resolved_on"] == day(stories.CORRECTION))]
    assert set(that_day.loc[that_day["cost"].notna(), "event_id"]) <= set(both["event_id"])
    assert that_day["cost"].mean() < 2 * events["cost"].mean()


def test_story_dearer_service(events: pd.DataFrame) -> None:
    quarters = events[events["cost"].notna()].groupby(events["resolved_on"].dt.to_period("Q"))["cost"].mean()
    assert quarters["2026Q3"] / quarters["2025Q3"] == pytest.approx(1.08, abs=0.02)


# --- what is wrong with it on purpose -------------------------------------------------------------------------------------------


def test_three_events_are_deleted(versions: pd.DataFrame) -> None:
    deleted = versions.loc[versions["is_deleted"], "event_id"]
    assert len(deleted) == 3
    assert deleted.isin(versions.loc[~versions["is_deleted"], "event_id"]).all()


def test_the_bad_rows_are_four_beside_two_copies(files: list[Path], versions: pd.DataFrame) -> None:
    rows = next(pq.read_table(path) for path in files if path.stem == "synthetic_bad_rows").to_pandas()
    bad, copies = rows[:4], rows[4:]
    assert bad["closed_at"].iloc[0] < bad["opened_at"].iloc[0]
    assert bad["satisfaction"].iloc[1] == 9
    assert bad["opened_at"].iloc[2].year == 1900
    assert bad["outcome"].iloc[3] not in BY_NAME["outcome"].values
    assert not bad["event_id"].isin(versions["event_id"]).any()
    assert copies["event_id"].isin(versions["event_id"]).all()


def test_the_broken_file_cannot_be_read(files: list[Path]) -> None:
    with pytest.raises(pa.ArrowInvalid):
        pq.read_table(next(path for path in files if path.stem == "synthetic_broken"))
