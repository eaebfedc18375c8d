"""The state: the same from every history of files, the one before or the one after whatever happens, and open to many readers."""

import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import oracle
import pytest
from conftest import NOON, Event, ask, at, empty_folder, event, loaded, write
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from kpi import asking
from kpi.errors import ConfigError, LoaderBusy, StateError
from kpi.pace import ignore_progress
from kpi.store import POINTER, State, current, known_at, latest, load, published_version
from kpi.tally import Tally, tally_text

ROOT = Path(__file__).parent.parent
Table = list[tuple[Any, ...]]


def table(state: State) -> Table:
    """The whole events table, whatever its order."""
    return state.cursor().execute("SELECT * FROM events ORDER BY source, event_id").fetchall()


def ids(state: State) -> list[str]:
    return [row[0] for row in state.cursor().execute("SELECT event_id FROM events ORDER BY event_id").fetchall()]


def score(state: State) -> float | None:
    return ask(state, ["satisfaction"])[0].value if state.event_count else None


# --- histories -----------------------------------------------------------------------------------------------------------------------


BEGIN = at("2024-05-01T09:00")
LAST = event("last", updated_at=NOON)
SOURCES = ("desk", "phone")


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Event], list[list[Event]], int]:
    """All versions, the files they came in, and how many of the files were there at the first load.

    A version is made from its key and its minute alone, so that it is the same wherever it is exported again.
    """
    keys = [(source, number) for source in SOURCES for number in range(3)]
    versions = [
        version(source, number, minute, draw(st.booleans()))
        for source, number in keys
        for minute in draw(st.lists(st.integers(0, 9), max_size=3, unique=True))
    ]
    files: list[list[Event]] = [[] for _ in range(3)]
    for one in [*versions, *draw(st.lists(st.sampled_from(versions), max_size=4) if versions else st.just([]))]:
        files[draw(st.integers(0, 2))].append(one)
    return versions, [draw(st.permutations(file)) for file in draw(st.permutations(files))], draw(st.integers(0, 3))


def version(source: str, number: int, minute: int, is_deleted: bool) -> Event:
    random = Random(f"{source} {number} {minute} {is_deleted}")
    opened = BEGIN + timedelta(days=random.randint(0, 9))
    later = [None, *(opened + timedelta(hours=hours) for hours in (0, 5, 40))]
    return {
        "event_id": f"E{number}",
        "source": source,
        "updated_at": BEGIN + timedelta(days=20, minutes=minute),
        "opened_at": opened,
        "responded_at": random.choice(later),
        "resolved_at": random.choice(later),
        "closed_at": random.choice(later),
        "store": random.choice(["A", "B", None]),
        "channel": "phone",
        "service": "repair",
        "customer": random.choice([None, "C1", "C2"]),
        "merged_into": random.choice([None, None, "E0"]),
        "disposition": random.choice([None, "normal", "merged"]),
        "satisfaction": random.choice([None, Decimal(1), Decimal(5)]),
        "cost": random.choice([None, Decimal("1.5")]),
        "is_deleted": is_deleted,
    }


def write_file(folder: Path, number: int, events: Iterable[Event]) -> None:
    """One extract for each source that these versions come from."""
    for source in SOURCES:
        if rows := [one for one in events if one["source"] == source]:
            write(folder, rows, f"file {number}", source)


@settings(max_examples=10, deadline=None, phases=(Phase.reuse, Phase.generate))
@given(histories())
def test_every_history_of_files_ends_in_the_state_that_its_newest_versions_give(
    history: tuple[list[Event], list[list[Event]], int],
) -> None:
    versions, files, at_first = history
    with tempfile.TemporaryDirectory() as temporary:
        folder, once = empty_folder(Path(temporary) / "data"), empty_folder(Path(temporary) / "once")
        write(folder, [LAST], "last")
        for number, file in enumerate(files):
            if number == at_first:
                loaded(folder)
            write_file(folder, number, file)
        found = loaded(folder)
        write(once, [LAST], "last")
        write_file(once, 0, oracle.newest(versions, NOON))
        assert table(found) == table(loaded(once))
        assert (found.event_count, found.as_of) == (len(table(found)), NOON)


def test_versions_arrive_late_twice_and_end_in_a_tombstone(data_folder: Path) -> None:
    second = event("X", "2024-05-01T08:00", updated_at="2024-05-03T09:00", satisfaction=Decimal(4), resolved_at="2024-05-01T08:30")
    first = second | {"updated_at": at("2024-05-01T09:00"), "satisfaction": Decimal(2)}
    write(data_folder, [second | {"updated_at": at("2024-05-09T09:00"), "is_deleted": True}, second], "late")
    write(data_folder, [first, second], "early")
    state = loaded(data_folder)
    days = [known_at(state, data_folder, at(day)) for day in ("2024-05-02", "2024-05-04", "2024-05-10")]
    assert [(one.event_count, score(one)) for one in days] == [(1, 2.0), (1, 4.0), (0, None)]
    assert state.event_count == 0


def test_what_was_known_at_a_moment_is_the_oracles_and_nothing_happened_after_it(data_folder: Path) -> None:
    random = Random(7)
    drawn = [
        (hour, version(source, number, hour, random.random() < 0.2))
        for source in SOURCES
        for number in range(20)
        for hour in random.sample(range(-5, 400), 3)
    ]
    versions = [one | {"updated_at": one["opened_at"] + timedelta(hours=hour)} for hour, one in drawn]
    write_file(data_folder, 0, versions)
    state = loaded(data_folder)
    for day in (0, 3, 6, 9, 17):
        moment = BEGIN + timedelta(days=day, minutes=30)
        expected = {oracle.key(one): one for one in oracle.newest(versions, moment) if one["opened_at"] <= moment}
        found = known_at(state, data_folder, moment)
        rows = found.cursor().execute("SELECT source, event_id, opened_at, responded_at, resolved_at, ended_at FROM events").fetchall()
        assert {(source, event_id): times for source, event_id, *times in rows} == {
            key: [one["opened_at"], *(known(end, moment) for end in (one["responded_at"], one["resolved_at"], ended(one, moment)))]
            for key, one in expected.items()
        }
        assert found.as_of == moment
        tally, latest_versions = found.tally, oracle.newest(versions, moment)
        not_known = sum(one["updated_at"] > moment for one in versions)
        assert (tally.rows, tally.later, tally.events) == (len(versions), not_known, len(expected))
        assert tally.unopened == sum(one["opened_at"] > moment for one in latest_versions)
        assert tally.rows == tally.events + tally.superseded + tally.deleted + tally.unopened + tally.later


def test_every_accepted_row_is_an_event_or_counted_by_what_became_of_it(data_folder: Path) -> None:
    write(data_folder, [event("1"), event("2"), event("2", updated_at=NOON - timedelta(hours=1))], "day")
    write(data_folder, [event("3", is_deleted=True), event("4", NOON.strftime("%FT%H:%M"), updated_at=NOON - timedelta(days=1))], "more")
    shutil.copy(write(data_folder, [event("5"), event("6")], "one"), data_folder / "extracts" / "desk" / "copy of one.parquet")
    write(data_folder, [event("7", "2024-06-30T12:01")], "ahead")
    state = loaded(data_folder)
    assert state.tally == Tally(rows=3 + 2 + 2 + 2 + 1, events=5, superseded=1 + 2, deleted=1, unopened=1, later=0)
    assert sum(verdict.accepted for verdict in state.verdicts) == state.tally.rows
    assert tally_text(state.tally) == "10 rows accepted = 5 events + 3 older versions or copies + 1 deletion + 1 not opened yet"
    assert known_at(state, data_folder, NOON - timedelta(hours=2)).tally == Tally(
        rows=10, events=0, superseded=2, deleted=0, unopened=1, later=7
    )


def known(end: datetime | None, moment: datetime) -> datetime | None:
    return end if end is not None and end <= moment else None


def ended(one: Event, moment: datetime) -> datetime | None:
    return oracle.ended_at({name: known(one[name], moment) for name in ("resolved_at", "closed_at")})


def test_at_the_same_update_the_order_of_arrival_decides_nothing(data_folder: Path, tmp_path: Path) -> None:
    versions = [event("X", service=service, updated_at=NOON) for service in ("repair", "advice", "refund")]
    other = empty_folder(tmp_path / "other")
    write(data_folder, versions)
    for number, one in enumerate(reversed(versions)):
        write(other, [one], f"file {number}")
        loaded(other)
    assert table(loaded(data_folder)) == table(loaded(other))


# --- loading again ---------------------------------------------------------------------------------------------------------------------


def what_was_done(folder: Path) -> tuple[State, set[str]]:
    done: set[str] = set()
    return load(folder, lambda _done, _all, what, _rows: done.add(what)), done


def test_loading_twice_publishes_the_same_version_and_builds_nothing(configured_folder: Path) -> None:
    write(configured_folder, [event("1")])
    first, done = what_was_done(configured_folder)
    assert "events" in done
    files = {file: file.stat().st_mtime_ns for file in (configured_folder / "state").glob("*.*")}
    second, done = what_was_done(configured_folder)
    assert "events" not in done
    assert first.version == second.version == published_version(configured_folder)
    assert {file: file.stat().st_mtime_ns for file in (configured_folder / "state").glob("*.*")} == files
    assert table(first) == table(second)


def test_two_states_of_one_version_are_open_side_by_side(data_folder: Path) -> None:
    write(data_folder, [event("1")])
    states = [loaded(data_folder), loaded(data_folder), current(data_folder)]
    assert [ids(state) for state in states] == [["1"]] * 3


def test_an_open_state_stays_as_it_is_while_newer_ones_are_published(data_folder: Path) -> None:
    write(data_folder, [event("0")], "0")
    first = loaded(data_folder)
    for number in range(1, 4):
        write(data_folder, [event(f"{number}")], f"{number}")
        assert ids(loaded(data_folder)) == [f"{one}" for one in range(number + 1)]
    assert ids(first) == ["0"]


def test_removing_an_extract_removes_its_events(data_folder: Path) -> None:
    write(data_folder, [event("1")], "one")
    removed = write(data_folder, [event("2")], "two")
    before = loaded(data_folder)
    assert ids(before) == ["1", "2"]
    removed.unlink()
    assert ids(loaded(data_folder)) == ["1"]


def test_changed_settings_build_the_state_again(data_folder: Path) -> None:
    write(data_folder, [event("1", "2024-03-31T16:30", is_complaint=True)])
    before = loaded(data_folder)
    (data_folder / "calendar.toml").write_text('time_zone = "Asia/Shanghai"\n')
    after, done = what_was_done(data_folder)
    assert "events" in done
    assert before.version != after.version
    days = [ask(state, ["complaint_rate"], "day")[0].period for state in (before, after)]
    assert [str(day) for day in days] == ["2024-03-31", "2024-04-01"]


# --- what is wrong stops nothing else ---------------------------------------------------------------------------------------------------


def test_a_broken_file_and_bad_rows_are_named_and_the_good_rows_are_there(data_folder: Path) -> None:
    bad = [event("no opening", opened_at=None), event("backwards", responded_at="2024-06-01T08:00")]
    write(data_folder, [event("1"), *bad, event("2")], "mixed")
    write(data_folder, [event("3")], "good")
    (data_folder / "extracts" / "desk" / "broken.parquet").write_bytes(b"PAR1 and no more")
    state = loaded(data_folder)
    assert ids(state) == ["1", "2", "3"]
    assert {verdict.file: (verdict.status, verdict.accepted, verdict.reasons) for verdict in state.verdicts} == {
        "extracts/desk/broken.parquet": ("refused", 0, {"truncated": 1}),
        "extracts/desk/good.parquet": ("accepted", 1, {}),
        "extracts/desk/mixed.parquet": ("accepted", 2, {"empty": 1, "end_before_start": 1}),
    }
    assert state.verdicts[0].message == (
        "extracts/desk/broken.parquet: the end of the file is missing: it is cut off or still being written. "
        "Expected a complete parquet file. "
        "It is retried when it changes; if it does not, export it again."
    )


@pytest.mark.parametrize("column", [{"handle_minutes": 1e300}, {"cost": Decimal("99999999999999.9999")}], ids=["handle_minutes", "cost"])
def test_a_number_that_is_too_large_does_not_stop_the_good_rows(data_folder: Path, column: dict[str, Any]) -> None:
    write(data_folder, [event("1"), event("too large", **column)])
    assert "1" in ids(loaded(data_folder))


def test_a_refused_file_is_tried_again_when_it_changes(data_folder: Path) -> None:
    file = write(data_folder, [event("1")], "day")
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    before = loaded(data_folder)
    assert (ids(before), before.verdicts[0].status) == ([], "refused")
    assert loaded(data_folder).verdicts == before.verdicts
    file.write_bytes(whole)
    after = loaded(data_folder)
    assert (ids(after), after.verdicts[0].status) == (["1"], "accepted")


@pytest.mark.parametrize("name", ["data [x]", "data*", "data {a,b}", "l'été 50% ;--"])
def test_any_name_of_a_folder_is_only_a_name(tmp_path: Path, name: str) -> None:
    beside = empty_folder(tmp_path / "data x")
    write(beside, [event("not this")])
    folder = empty_folder(tmp_path / name)
    write(folder, [event("1")], "day [1] *", source=name)
    loaded(beside)
    state = loaded(folder)
    assert state.cursor().execute("SELECT source, event_id FROM events").fetchall() == [(name, "1")]
    assert ids(known_at(state, folder, NOON)) == ["1"]


def test_a_folder_that_the_engine_cannot_write_below_is_refused_by_name(tmp_path: Path) -> None:
    folder = empty_folder(tmp_path / "what?")
    write(folder, [event("1")])
    with pytest.raises(StateError) as refused:
        loaded(folder)
    where = folder / "state" / "parts"
    assert str(refused.value) == f"{where}: DuckDB cannot write below a folder with '?' in its name. Rename it."


def test_of_an_empty_folder_nothing_is_loaded_yet(data_folder: Path) -> None:
    with pytest.raises(StateError) as refused:
        current(data_folder)
    assert str(refused.value) == f"{data_folder}/state: nothing is loaded yet. Run: kpi load --data {data_folder}"
    assert published_version(data_folder) == ""


def test_an_extracts_folder_without_files_is_a_state_without_events(data_folder: Path) -> None:
    state = loaded(data_folder)
    assert (state.event_count, state.verdicts, state.as_of) == (0, (), datetime(1970, 1, 1, tzinfo=UTC))
    assert [one.value for one in ask(state, ["response_time", "open_events", "response_time_median", "consistency"])] == [None] * 4


def test_without_a_folder_of_extracts_the_message_says_what_to_make(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        asking.folder_of(tmp_path / "none")
    where = tmp_path / "none"
    assert str(refused.value) == (
        f"{where}: no such folder. Create it and put extracts into {where}/extracts, or name another with --data."
    )
    with pytest.raises(StateError) as unreadable:
        loaded(tmp_path)
    assert str(unreadable.value) == (
        f"{tmp_path}/extracts: the folder cannot be read (No such file or directory), expected a folder of extracts. "
        "Make it, or allow the dashboard to read it."
    )


# --- many programs -----------------------------------------------------------------------------------------------------------------------


def python(program: str, folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", program, folder], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=dict(os.environ)
    )


SLOW_LOADER = """
import sys
from pathlib import Path
from kpi.store import load
def wait(done, total, what, rows):
    print("loading", flush=True)
    sys.stdin.readline()
load(Path(sys.argv[1]), wait)
"""

READER = """
import sys
from pathlib import Path
from kpi.store import current
print(current(Path(sys.argv[1])).event_count)
"""


def test_a_second_loader_is_told_to_wait_and_readers_see_what_is_published(data_folder: Path) -> None:
    write(data_folder, [event("1")], "one")
    before = loaded(data_folder)
    write(data_folder, [event("2")], "two")
    with python(SLOW_LOADER, data_folder) as loader:
        assert loader.stdin is not None
        assert loader.stdout is not None
        assert loader.stdout.readline() == "loading\n"
        with pytest.raises(LoaderBusy) as refused:
            loaded(data_folder)
        published = latest(data_folder, ignore_progress)
        loader.stdin.close()
        assert loader.wait(30) == 0
    assert str(refused.value) == f"{data_folder}/state: another program is loading this folder. Wait until it is done."
    assert published.version == before.version
    assert ids(loaded(data_folder)) == ["1", "2"]


def test_another_program_reads_while_this_one_holds_the_state_open(data_folder: Path) -> None:
    write(data_folder, [event("1"), event("2")])
    state = loaded(data_folder)
    with python(READER, data_folder) as reader:
        output, _ = reader.communicate(timeout=30)
    assert (output, reader.returncode) == ("2\n", 0)
    assert ids(state) == ["1", "2"]


def test_a_loader_killed_at_any_time_leaves_the_state_before_or_the_state_after(tmp_path: Path) -> None:
    start = empty_folder(tmp_path / "start")
    write(start, [event("before")], "before")
    before = table(loaded(start))
    write(start, [event(f"after {number}") for number in range(3_000)], "after")
    after = table(loaded(copy(start, tmp_path / "after")))
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload(["kpi.store"])
    whole = seconds_to_load(server, copy(start, tmp_path / "whole"))
    random, seen = Random(20), []
    for number in range(20):
        folder = copy(start, tmp_path / f"killed {number}")
        kill_after(server, folder, whole * (number + random.random()) / 20)
        found = table(current(folder))
        assert found in (before, after)
        seen.append(found == after)
        if number % 5 == 0:
            assert table(loaded(folder)) == after
    assert not seen[0]


def copy(folder: Path, target: Path) -> Path:
    shutil.copytree(folder, target)
    return target


def seconds_to_load(server: Any, folder: Path) -> float:
    for name in (folder.with_name("warm"), folder):
        if name != folder:
            copy(folder, name)
        started = time.monotonic()
        process = server.Process(target=load, args=(name, ignore_progress))
        process.start()
        process.join()
        assert process.exitcode == 0
    return time.monotonic() - started


def kill_after(server: Any, folder: Path, seconds: float) -> None:
    process = server.Process(target=load, args=(folder, ignore_progress))
    process.start()
    process.join(seconds)
    process.kill()
    process.join()
    process.close()


def test_what_a_killed_loader_left_unfinished_is_cleared_away(data_folder: Path) -> None:
    write(data_folder, [event("1")])
    loaded(data_folder)
    leftover = data_folder / "state" / "events-0123456789abcdef.building"
    leftover.write_bytes(b"half of a state whose data have changed since")
    write(data_folder, [event("2")], "two")
    loaded(data_folder)
    assert not leftover.exists()


def test_threads_get_their_own_rows_from_their_own_cursors(data_folder: Path) -> None:
    threads, queries = 8, 100
    write(data_folder, [event(f"{thread} {number}") for thread in range(threads) for number in range(queries)])
    state = loaded(data_folder)
    found: dict[int, list[list[tuple[str, int]]]] = {}

    def ask_all(thread: int) -> None:
        statement = "SELECT event_id, $tag FROM events WHERE event_id = $id"
        tags = [f"{thread} {number}" for number in range(queries)]
        found[thread] = [state.cursor().execute(statement, {"id": tag, "tag": thread}).fetchall() for tag in tags]

    workers = [threading.Thread(target=ask_all, args=(thread,)) for thread in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert found == {thread: [[(f"{thread} {number}", thread)] for number in range(queries)] for thread in range(threads)}


def test_a_file_that_changes_its_columns_is_one_more_version(data_folder: Path) -> None:
    write(data_folder, [event("1")], "old")
    write(data_folder, [event("1", updated_at=NOON + timedelta(hours=1), satisfaction=Decimal(5), resolved_at="2024-06-01T10:00")], "new")
    state = loaded(data_folder)
    assert (state.event_count, score(state)) == (1, 5.0)
    assert {"satisfaction", "resolved_at"} <= state.measured


def test_the_state_of_another_release_is_as_if_nothing_were_loaded_and_is_rebuilt(data_folder: Path) -> None:
    write(data_folder, [event("1")])
    loaded(data_folder)
    (data_folder / "state" / POINTER).rename(data_folder / "state" / "current-of-another.json")
    assert published_version(data_folder) == ""
    with pytest.raises(StateError):
        current(data_folder)
    assert loaded(data_folder).event_count == 1
    assert published_version(data_folder) != ""
