"""An event log folds into events, and a final state unfolds into versions."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sourcing import SMALL, converted, file_of, kept_aside, rows_of, workbook_of

from kpi.sources.conversion import Conversion

LOG = """
history = "final"
[time]
zone = "UTC"
[columns]
event_id = "id"
opened_at = "opened"
store = "shop"
[constants]
channel = "phone"
service = "repair"
[fold]
key = ["id"]
order = ["step"]
[fold.updated_at]
last = "at"
[fold.responded_at]
first = "at"
where = "state <> 'new'"
[fold.resolved_at]
trailing_run_start = "at"
where = "state = 'done'"
[fold.reopen_count]
count_exits_where = "state = 'done'"
[fold.contact_count]
count_where = "state = 'work'"
[fold.agent]
first = "who"
where = "state = 'work'"
"""
HEADER = "id,step,opened,at,state,shop,who\n"


def at(hour: int) -> str:
    return f"2024-05-01 {hour:02}:00:00"


def log(folder: Path, rows: str, toml: str = LOG) -> Conversion:
    """Rows as `id step hour state shop who`, one a line."""
    lines = [row.split() for row in rows.strip().splitlines()]
    content = "".join(f"{row[0]},{row[1]},{at(8)},{at(int(row[2]))},{row[3]},{row[4]},{row[5]}\n" for row in lines)
    return converted(folder, toml, file_of(folder, HEADER + content))


def test_the_rows_of_an_event_fold_into_one(tmp_path: Path) -> None:
    report = log(
        tmp_path,
        """
        A 1 8  new  North ann
        A 2 9  work North bob
        A 3 10 done North bob
        A 10 13 done South cas
        A 5 11 work North dan
        A 9 12 done North dan
        B 1 9  new  East  eve
    """,
    )
    hours = ", ".join(f"date_part('hour', {name})" for name in ("updated_at", "responded_at", "resolved_at"))
    assert rows_of(report, f"event_id, {hours}, reopen_count, contact_count, agent, store") == [
        ("A", 13, 9, 12, 1, 2, "bob", "South"),  # step 10 comes after step 9
        ("B", 9, None, None, 0, 0, None, "East"),
    ]
    assert (report.rows_read, report.rows_written, report.events) == (7, 7, 2)


def test_a_log_is_replayed_unless_the_mapping_says_otherwise(tmp_path: Path) -> None:
    report = log(tmp_path, "A 1 8 new North ann\nA 2 9 work North bob\nA 3 10 done South bob", LOG.replace('history = "final"', ""))
    hours = ", ".join(f"date_part('hour', {name})" for name in ("updated_at", "responded_at", "resolved_at"))
    assert rows_of(report, hours) == [(8, None, None), (9, 9, None), (10, 9, 10)]


def test_rows_of_the_same_order_follow_the_file_and_are_counted(tmp_path: Path) -> None:
    report = log(tmp_path, "A 1 8 new North ann\nA 2 9 work North bob\nA 2 10 done South bob")
    assert rows_of(report, "store") == [("South",)]
    assert report.fold_duplicates == 1


def test_a_row_that_cannot_be_placed_takes_its_event_aside(tmp_path: Path) -> None:
    report = log(tmp_path, "A 1 8 new North ann\nA x 9 work North bob\nA 3 10 done North bob\nB 1 9 new East eve")
    assert kept_aside(report) == [
        ("2", "id", "another row of the event is kept aside", "row 3"),
        ("3", "step", "not a number", "x"),
        ("4", "id", "another row of the event is kept aside", "row 3"),
    ]
    assert rows_of(report, "event_id") == [("B",)]
    assert (report.rows_read, report.rows_written, report.events) == (4, 1, 1)


@pytest.mark.parametrize("bad", [1, 2, 3])
def test_an_event_without_one_of_its_moments_tells_no_other_story(tmp_path: Path, bad: int) -> None:
    """With the first moment bad it would open an hour late, with the last one it would be open for ever."""
    hours = [8, 9, 10]
    hours[bad - 1] = 99
    report = log(
        tmp_path, "".join(f"A {step} {hours[step - 1]} {state} North ann\n" for step, state in ((1, "new"), (2, "work"), (3, "done")))
    )
    assert (report.events, report.rows_kept_aside) == (0, 3)
    assert report.kept_aside == {"id: another row of the event is kept aside": 2, "at: not a date in a known format": 1}


def test_a_row_of_a_log_that_cannot_be_read_is_a_warning_as_nobody_knows_whose_it_was(tmp_path: Path) -> None:
    file = file_of(tmp_path, HEADER + f"A,1,{at(8)},{at(8)},new,North,ann\nA,2,{at(8)}\n")
    report = converted(tmp_path, LOG, file)
    assert report.warnings == {"unreadable rows of a log: their events lack them": 1}
    assert (report.rows_read, report.rows_written, report.rows_kept_aside) == (2, 1, 1)


BY_MOMENT = LOG.replace('order = ["step"]', 'order = ["at"]').replace('zone = "UTC"', 'zone = "UTC"\nformats = ["%d.%m.%Y %H:%M"]')


def by_moment(folder: Path, *rows: str) -> Conversion:
    """Rows as `id at state`, ordered by the moment alone."""
    lines = (row.split(" ", 1) for row in rows)
    cells = ((name, *rest.rsplit(" ", 1)) for name, rest in lines)
    content = "".join(f"{name},,01.05.2024 07:00,{moment},{state},North,ann\n" for name, moment, state in cells)
    return converted(folder, BY_MOMENT, file_of(folder, HEADER + content))


def test_a_log_with_nothing_but_moments_is_ordered_by_them(tmp_path: Path) -> None:
    report = by_moment(tmp_path, "A 02.05.2024 10:00 done", "A 1.5.2024 9:00 new", "A 01.05.2024 11:00 work", "A 01.05.2024 11:00 work")
    assert rows_of(report, "strftime(responded_at, '%d %H'), strftime(resolved_at, '%d %H'), contact_count") == [("01 11", "02 10", 2)]
    assert report.fold_duplicates == 1


def test_a_row_without_a_moment_to_order_by_takes_its_event_aside(tmp_path: Path) -> None:
    report = by_moment(tmp_path, "A 01.05.2024 09:00 new", "A 7 done", "B 01.05.2024 09:00 new", "C 01.05.2024 09:00 new", "C  done")
    assert kept_aside(report)[1] == ("3", "at", "not a date in a known format", "7")
    assert kept_aside(report)[3][:3] == ("6", "at", "empty")
    assert rows_of(report, "event_id") == [("B",)]


def test_an_event_that_is_refused_takes_all_its_rows_aside(tmp_path: Path) -> None:
    report = log(tmp_path, "A 1 7 new North ann\nA 2 7 work North bob\nB 1 9 work North bob")
    assert [row[:3] for row in kept_aside(report)] == [
        ("2", "responded_at", "before it was opened"),
        ("3", "responded_at", "before it was opened"),
    ]
    assert {row[3] for row in kept_aside(report)} == {at(7)}
    assert (report.rows_read, report.rows_written, report.events) == (3, 1, 1)


def test_a_number_of_a_workbook_stays_one_in_a_fold(tmp_path: Path) -> None:
    toml = LOG + '[file]\ndecimal = ","\n[fold.cost]\nfirst = "who"\nwhere = "state = \'work\'"\n'
    rows = [("A", 1, at(8), at(8), "new", "North", "1.125"), ("A", 2, at(8), at(9), "work", "North", 1.125)]
    report = converted(tmp_path, toml, workbook_of(tmp_path, tuple(HEADER.strip().split(",")), *rows))
    assert rows_of(report, "cost::DOUBLE") == [(1.125,)]


ROW = st.builds(
    "{} {} {} {} {} {}".format,
    st.sampled_from("ABC"),
    st.sampled_from(["1", "2", "3", "10", "x"]),
    st.integers(6, 30),  # before the opening, and hours that no day has
    st.sampled_from(["new", "work", "done"]),
    st.just("North"),
    st.just("ann"),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(ROW, min_size=1, max_size=15))
def test_every_row_of_a_log_is_in_an_event_or_kept_aside(tmp_path: Path, rows: list[str]) -> None:
    report = log(tmp_path, "\n".join(rows))
    assert report.rows_read == len(rows) == report.rows_written + report.rows_kept_aside
    assert report.rows_kept_aside == (len(kept_aside(report)) if report.kept_aside_file else 0)
    assert report.events == report.versions <= len({row[0] for row in rows})


REPLAY = """history = "replay"
[time]
zone = "UTC"
[columns]
event_id = "id"
opened_at = "opened"
responded_at = "answered"
closed_at = "closed"
due_at = "due"
store = "shop"
satisfaction = "score"
[constants]
channel = "web"
service = "repair"
[[dispositions]]
disposition = "spam"
column = "why"
equals = "spam"
"""
HOURS = ", ".join(f"strftime({name}, '%H')" for name in ("updated_at", "responded_at", "closed_at"))
KNOWN = f"event_id, {HOURS}, disposition, satisfaction::INT, store"


def replayed(folder: Path, rows: str, toml: str = REPLAY) -> list[tuple[object, ...]]:
    header = "id,opened,answered,closed,due,shop,score,why,changed\n"
    return rows_of(converted(folder, toml, file_of(folder, header + rows)), KNOWN)


def test_a_version_knows_what_could_be_known_then(tmp_path: Path) -> None:
    rows = f"A,{at(8)},{at(9)},{at(11)},{at(20)},North,4,spam,\nB,{at(8)},,,,South,,,\nC,{at(8)},{at(8)},{at(8)},,,5,,\n"
    assert replayed(tmp_path, rows) == [
        ("A", "08", None, None, "normal", None, "North"),
        ("A", "09", "09", None, "normal", None, "North"),
        ("A", "11", "09", "11", "spam", 4, "North"),
        ("B", "08", None, None, "normal", None, "South"),
        ("C", "08", "08", "08", "normal", 5, "unknown"),
    ]


def test_a_change_after_the_last_moment_is_a_version_of_its_own(tmp_path: Path) -> None:
    toml = REPLAY.replace("[columns]", '[columns]\nupdated_at = "changed"')
    rows = f"A,{at(8)},,{at(11)},,North,4,spam,{at(12)}\nB,{at(8)},,{at(11)},,North,4,spam,{at(9)}\n"
    assert replayed(tmp_path, rows, toml) == [
        ("A", "08", None, None, "normal", None, "North"),
        ("A", "11", None, "11", "normal", None, "North"),
        ("A", "12", None, "11", "spam", 4, "North"),
        ("B", "08", None, None, "normal", None, "North"),
        ("B", "11", None, "11", "spam", 4, "North"),
    ]


def test_the_first_disposition_that_matches_decides_and_all_are_counted(tmp_path: Path) -> None:
    toml = SMALL + "".join(
        f'[[dispositions]]\ndisposition = "{name}"\ncolumn = "why"\ncontains = "{name}"\n' for name in ("duplicate", "invalid")
    )
    file = file_of(tmp_path, f"id,opened,shop,why\n1,{at(8)},N,INVALID and Duplicate\n2,{at(8)},N,invalid\n3,{at(8)},N,\n")
    report = converted(tmp_path, toml, file)
    assert rows_of(report, "disposition") == [("duplicate",), ("invalid",), ("normal",)]
    assert [(rule.disposition, rule.events) for rule in report.dispositions] == [("duplicate", 1), ("invalid", 2)]
    assert report.disposition_overlaps == 1
