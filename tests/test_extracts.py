"""The border: which files and rows of an extracts folder come in, and what is said about the others."""

import hashlib
import hmac
import json
import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kpi import extracts, pseudonyms
from kpi.errors import ConfigError, StateError
from kpi.events import COLUMNS
from kpi.extracts import Verdict
from kpi.quarantine import Refusal, rows_kept_aside
from tests import hostile
from tests.hostile import MOMENT, OPENED

NOW = datetime(2025, 6, 1, tzinfo=UTC)
KEY = bytes(range(32))
NAMES = [column.name for column in COLUMNS]


@pytest.fixture
def key_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "elsewhere" / "customer.key"
    path.parent.mkdir()
    path.touch(mode=0o600)
    path.write_bytes(KEY)
    monkeypatch.setenv(pseudonyms.KEY_FILE_VARIABLE, str(path))
    return path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    (folder / "extracts").mkdir(parents=True)
    return folder


def silent(done: int, total: int, file: str, rows: int) -> None:
    pass


def check(data: Path, *files: Path) -> list[Verdict]:
    return extracts.check(files, data, KEY, data / "state" / "parts", NOW, silent)


def check_one(data: Path, changed: Mapping[str, pa.Array], count: int = 1) -> Verdict:
    return check(data, hostile.write(data / "extracts" / "file.parquet", count, changed))[0]


def part(data: Path, verdict: Verdict) -> list[dict]:
    return pq.read_table(data / "state" / "parts" / f"{verdict.part}.parquet").to_pylist()


def kept_aside(data: Path, verdict: Verdict) -> list[Refusal]:
    assert verdict.part
    return rows_kept_aside(data / "state" / "parts", verdict.part, 1_000)


def moments(*values: datetime | None) -> pa.Array:
    return pa.array(values, MOMENT)


# Files that come in


def test_a_good_file_becomes_a_part_with_every_column_of_the_contract(data: Path) -> None:
    verdict = check_one(data, {}, 20)
    assert (verdict.status, verdict.rows, verdict.accepted, verdict.kept_aside, verdict.message) == ("accepted", 20, 20, 0, "")
    assert (verdict.file, verdict.source, verdict.checksum) == ("extracts/file.parquet", "extracts", "unverified")
    assert verdict.newest_update == (OPENED + timedelta(days=1, minutes=19)).isoformat()
    assert verdict.columns == ("event_id", "updated_at", "opened_at", "store", "channel", "service")
    assert verdict.sha256 == hashlib.sha256((data / "extracts" / "file.parquet").read_bytes()).hexdigest()
    rows = part(data, verdict)
    assert list(rows[0]) == [*NAMES, "file_row", "row_hash"]
    assert [row["file_row"] for row in rows] == list(range(20))
    assert rows[3]["opened_at"] == OPENED + timedelta(minutes=3)
    assert (rows[0]["source"], rows[0]["disposition"], rows[0]["is_deleted"], rows[0]["cost"]) == (
        "extracts",
        "normal",
        False,
        None,
    )


def test_a_part_has_the_types_of_the_contract(data: Path) -> None:
    verdict = check_one(data, {})
    with duckdb.connect() as connection:
        described = connection.execute("DESCRIBE FROM read_parquet(?)", [f"{data}/state/parts/{verdict.part}.parquet"]).fetchall()
    expected = [column.type.replace("TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE") for column in COLUMNS]
    assert [kind for _, kind, *_ in described] == [*expected, "BIGINT", "UBIGINT"]


def test_a_file_without_rows_comes_in(data: Path) -> None:
    verdict = check_one(data, {}, 0)
    assert (verdict.status, verdict.rows, verdict.accepted, verdict.newest_update) == ("accepted", 0, 0, None)


def test_types_that_lose_nothing_come_in(data: Path) -> None:
    verdict = check_one(
        data,
        {
            "event_id": pa.array([17], pa.int64()),
            "store": pa.array(["North"]).dictionary_encode(),
            "opened_at": pa.array([OPENED], pa.timestamp("ns", "Asia/Tokyo")),
            "contact_count": pa.array([2.0]),
            "reopen_count": pa.array([1], pa.int8()),
            "cost": pa.array([12.34], pa.float64()),
            "satisfaction": pa.array([4], pa.int32()),
            "handle_minutes": pa.array([Decimal("7.5")], pa.decimal128(9, 2)),
            "agent": pa.nulls(1),
            "recommendation": pa.array([None], pa.string()),
        },
    )
    row = part(data, verdict)[0]
    assert (row["event_id"], row["store"], row["opened_at"]) == ("17", "North", OPENED)
    assert (row["contact_count"], row["reopen_count"], row["cost"]) == (2, 1, Decimal("12.3400"))
    assert (row["satisfaction"], row["handle_minutes"], row["agent"], row["recommendation"]) == (Decimal(4), 7.5, None, None)


def test_texts_are_trimmed_and_empty_dimensions_are_counted_as_unknown(data: Path) -> None:
    verdict = check_one(
        data,
        {
            "store": pa.array([" North ", "", None, "\t\u00a0"]),
            "service": pa.array(["a0", "x2e8f", "u", None]),
            "region": pa.array([None, " ", "East", "r"]),
        },
        4,
    )
    rows = part(data, verdict)
    assert [row["store"] for row in rows] == ["North", "unknown", "unknown", "unknown"]
    assert [row["service"] for row in rows] == ["a0", "x2e8f", "u", "unknown"]
    assert [row["region"] for row in rows] == [None, None, "East", "r"]
    assert verdict.unknown_dimensions == {"store": 3, "service": 1}


def test_unknown_columns_are_dropped_and_named(data: Path) -> None:
    verdict = check_one(data, {"phone number": pa.array(["555"]), "Notes": pa.array([{"a": 1}])})
    assert verdict.status == "accepted"
    assert verdict.unknown_columns == ("phone number", "Notes")
    assert set(part(data, verdict)[0]) == {*NAMES, "file_row", "row_hash"}


def test_the_folder_is_the_source_unless_the_row_says_so(data: Path) -> None:
    path = hostile.write(data / "extracts" / "crm" / "a.parquet", 3, {"source": pa.array([None, "phone system", " "])})
    verdict = check(data, path)[0]
    assert [row["source"] for row in part(data, verdict)] == ["crm", "phone system", "crm"]


def test_a_folder_cannot_override_a_column(data: Path) -> None:
    verdict = check(data, hostile.write(data / "extracts" / "store=EVIL" / "a.parquet", 2, {}))[0]
    assert [(row["store"], row["source"]) for row in part(data, verdict)] == [("North", "store=EVIL")] * 2


NAMES_OF_FILES = ["a*.parquet", "a[1].parquet", "a?.parquet", "it's; drop.parquet", "**.parquet"]


def test_a_file_name_is_never_a_pattern(data: Path) -> None:
    hostile.write(data / "extracts" / "a1.parquet", 7, {})
    files = [hostile.write(data / "extracts" / name, 10 + number, {}) for number, name in enumerate(NAMES_OF_FILES)]
    found = [(verdict.status, verdict.rows, verdict.file) for verdict in check(data, *files)]
    assert found == [("accepted", 10 + number, f"extracts/{name}") for number, name in enumerate(NAMES_OF_FILES)]


def test_what_a_terminal_would_obey_is_spelled_out(data: Path) -> None:
    """Control characters, marks that turn the direction of writing, bytes that are not UTF-8."""
    names = {
        b"red\x1b[31m.parquet": "red\\x1b[31m.parquet",
        b"new\nline.parquet": "new\\nline.parquet",
        "turn\u202eround.parquet".encode(): "turn\\u202eround.parquet",
        b"caf\xe9.parquet": "caf\\xe9.parquet",
        "Zo\u00eb.parquet".encode(): "Zo\u00eb.parquet",
    }
    plain = hostile.write(data / "extracts" / "plain.parquet", 2, {})
    files = [plain.with_name(os.fsdecode(name)) for name in names]
    for file in files:
        file.write_bytes(plain.read_bytes())
    files[0].write_bytes(b"text")
    verdicts = check(data, *files)
    assert [verdict.file for verdict in verdicts] == [f"extracts/{name}" for name in names.values()]
    assert verdicts[0].message.startswith("extracts/red\\x1b[31m.parquet: found a text file")


def test_a_cell_kept_aside_shows_no_control_characters(data: Path) -> None:
    verdict = check_one(data, {"event_id": pa.array(["T\x1b[2J"]), "outcome": pa.array(["\x1b[31mred\x07"])})
    assert [(row.event_id, row.found) for row in kept_aside(data, verdict)] == [("T\\x1b[2J", "\\x1b[31mred\\x07")]


# Files that do not


@dataclass(frozen=True)
class Attempt:
    """A hostile file and the good one after it, as they were judged, and how long the hostile one took."""

    refused: Verdict
    accepted: Verdict
    seconds: float


@pytest.fixture(scope="module")
def attempts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Attempt]:
    """Every hostile file, each followed by a good one that is read too, in one check."""
    data = tmp_path_factory.mktemp("hostile")
    files: list[Path] = []
    for number, (make, _) in enumerate(hostile.REFUSED):
        bad = data / "extracts" / make.__name__ / "bad.parquet"
        bad.parent.mkdir(parents=True)
        make(bad)
        files += [bad, hostile.write(bad.with_name("good.parquet"), number, {})]
    starts: list[float] = []
    verdicts = extracts.check(files, data, KEY, data / "state" / "parts", NOW, lambda *_: starts.append(time.monotonic()))
    parts = {path.name for path in (data / "state" / "parts").iterdir()}
    assert not [verdict.sha256 for verdict in verdicts[::2] if verdict.sha256 and any(verdict.sha256 in name for name in parts)]
    seconds = [end - start for start, end in pairwise(starts)]
    triples = zip(verdicts[::2], verdicts[1::2], seconds[::2], strict=True)
    return {make.__name__: Attempt(*triple) for (make, _), triple in zip(hostile.REFUSED, triples, strict=True)}


@pytest.mark.parametrize(
    ("number", "make", "reason"),
    [(number, *one) for number, one in enumerate(hostile.REFUSED)],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_hostile_file_is_refused_and_the_next_one_comes_in(
    attempts: dict[str, Attempt], number: int, make: hostile.Maker, reason: str
) -> None:
    attempt = attempts[make.__name__]
    assert attempt.seconds < 10
    assert (attempt.refused.status, dict(attempt.refused.reasons), attempt.refused.part, attempt.refused.rows) == (
        "refused",
        {reason: 1},
        None,
        0,
    )
    assert attempt.refused.message.startswith(f"extracts/{make.__name__}/bad.parquet: ")
    assert (attempt.accepted.status, attempt.accepted.accepted) == ("accepted", number)


MESSAGES = [
    (hostile.empty, "the file is empty, expected a parquet file. Export it again."),
    (
        hostile.text,
        "found a text file, expected a parquet file. Export it as parquet, or convert the export with: kpi convert",
    ),
    (
        hostile.truncated,
        "the end of the file is missing: it is cut off or still being written. Expected a complete parquet file. "
        "It is retried when it changes; if it does not, export it again.",
    ),
    (
        hostile.negative_chunk_size,
        "the file is damaged (sizes or counts that cannot be right), expected a readable parquet file. Export it again.",
    ),
    (hostile.many_columns, "found 100,000 columns, expected at most 2,000. Export it in smaller parts."),
    (
        hostile.brotli,
        "compressed with BROTLI, expected one of UNCOMPRESSED, SNAPPY, GZIP, ZSTD, LZ4, LZ4_RAW. Export it with zstd or snappy.",
    ),
    (hostile.pipe, "found a pipe, expected a regular file. Put the file itself here."),
    (hostile.link, "found a link, expected a regular file. Put the file itself here."),
    (
        hostile.text_time,
        "column 'opened_at' is VARCHAR, expected TIMESTAMP WITH TIME ZONE. "
        "Export it as a timestamp with its time zone, or convert the export with: kpi convert",
    ),
    (
        hostile.naive_time,
        "column 'opened_at' is TIMESTAMP, expected TIMESTAMP WITH TIME ZONE. "
        "Export it as a timestamp with its time zone, or convert the export with: kpi convert",
    ),
    (
        hostile.two_wrong_types,
        "column 'opened_at' is VARCHAR, expected TIMESTAMP WITH TIME ZONE; column 'store' is BIGINT, expected VARCHAR. "
        "Export them as expected, or convert the export with: kpi convert",
    ),
    (
        hostile.missing_column,
        "column 'service' is missing, expected VARCHAR. Export it as expected, or convert the export with: kpi convert",
    ),
    (
        hostile.camel_case,
        "column 'opened_at' is missing, found 'openedAt': did you mean 'opened_at'? "
        "Rename it in the export, or convert the export with: kpi convert",
    ),
    (
        hostile.doubled_column,
        "column 'store' exists more than once (store, store), expected it once. "
        "Export it as expected, or convert the export with: kpi convert",
    ),
]


@pytest.mark.parametrize(("make", "message"), MESSAGES, ids=lambda value: getattr(value, "__name__", ""))
def test_a_refusal_says_where_what_was_found_what_was_expected_and_what_to_do(
    attempts: dict[str, Attempt], make: hostile.Maker, message: str
) -> None:
    assert attempts[make.__name__].refused.message == f"extracts/{make.__name__}/bad.parquet: {message}"


def test_no_cell_reaches_a_message(attempts: dict[str, Attempt]) -> None:
    assert "caf" not in extracts.to_json(attempts["bad_utf8"].refused)


def test_a_file_that_is_gone_is_refused(data: Path) -> None:
    verdict = check(data, data / "extracts" / "gone.parquet")[0]
    assert verdict.reasons == {"gone": 1}
    assert verdict.message == (
        "extracts/gone.parquet: no such file, expected a parquet file. "
        "Name one that exists; what was removed meanwhile is tried again when it is back."
    )


def test_a_file_that_grows_while_it_is_read_is_refused_and_retried(data: Path) -> None:
    path = hostile.write(data / "extracts" / "growing.parquet", 1_000, {})
    whole = path.read_bytes()
    with path.open("r+b") as file:
        file.truncate(400_000_000)  # long enough to read that the writer gets its turn meanwhile, however busy the machine
    done = threading.Event()

    def grow() -> None:
        with path.open("ab", buffering=0) as file:
            while not done.wait(0.001):
                file.write(bytes(2_000))

    writer = threading.Thread(target=grow)
    writer.start()
    try:
        verdict = check(data, path)[0]
    finally:
        done.set()
        writer.join()
    assert verdict.message == "extracts/growing.parquet: still being written: retried when it changes."
    path.write_bytes(whole)
    assert check(data, path)[0].accepted == 1_000


# A child that dies


def border_processes() -> Iterator[int]:
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(status.read_text().rsplit(")", 1)[1].split()[1])
            if parent == os.getpid() and b"kpi.border" in (status.parent / "cmdline").read_bytes():
                yield int(status.parent.name)
        except OSError:
            continue


def three_files(data: Path) -> list[Path]:
    return [hostile.write(data / "extracts" / f"{number}.parquet", number, {}) for number in (1, 2, 3)]


def test_a_killed_child_costs_one_file_which_is_tried_again(data: Path) -> None:
    def kill(_done: int, _total: int, file: str, _rows: int) -> None:
        if file.endswith("2.parquet"):
            for process in border_processes():
                os.kill(process, signal.SIGKILL)

    files = three_files(data)
    first, second, third = extracts.check(files, data, KEY, data / "state" / "parts", NOW, kill)
    assert (first.accepted, third.accepted) == (1, 3)
    assert second.message == (
        "extracts/2.parquet: could not be read safely (its reader was ended). "
        "It is tried again at the next check; if that fails too, export it again."
    )
    assert [verdict.accepted for verdict in check(data, *files)] == [1, 2, 3]
    assert list(border_processes()) == []


def test_a_child_that_hangs_is_ended(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extracts, "SECONDS_PER_FILE", 3)

    def stop(_done: int, _total: int, file: str, _rows: int) -> None:
        if file.endswith("2.parquet"):
            for process in border_processes():
                os.kill(process, signal.SIGSTOP)

    first, second, third = extracts.check(three_files(data), data, KEY, data / "state" / "parts", NOW, stop)
    assert (first.accepted, third.accepted) == (1, 3)
    assert "(it took longer than 3 seconds)" in second.message


def test_a_file_that_ends_its_reader_three_times_is_left_until_it_changes(data: Path) -> None:
    def kill(_done: int, _total: int, _file: str, _rows: int) -> None:
        for process in border_processes():
            os.kill(process, signal.SIGKILL)

    poison = hostile.write(data / "extracts" / "poison.parquet", 3, {})
    for count in range(5):
        new = hostile.write(data / "extracts" / f"new-{count}.parquet", count, {})  # it has the child started
        assert extracts.check([new, poison], data, KEY, data / "state" / "parts", NOW, kill)[1].reasons == {"unsafe": 1}
    seen = json.loads((data / "state" / "parts" / "seen.json").read_text())
    assert seen[str(poison)]["attempts"] == 3
    os.utime(poison)
    assert check(data, poison)[0].status == "accepted"


def test_nothing_is_left_in_the_spool(data: Path) -> None:
    check(data, *three_files(data))
    assert not (data / "state" / "parts" / ".spool").exists()


# Checksums


def test_a_checksum_that_matches_is_verified(data: Path) -> None:
    path = hostile.write(data / "extracts" / "a.parquet", 2, {})
    assert check(data, path)[0].checksum == "unverified"
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    Path(f"{path}.sha256").write_text(f"{digest.upper()}  a.parquet\n")
    verdict = check(data, path)[0]
    assert (verdict.status, verdict.checksum, verdict.accepted) == ("accepted", "verified", 2)


def test_a_checksum_that_does_not_match_refuses_the_file(data: Path) -> None:
    path = hostile.write(data / "extracts" / "a.parquet", 2, {})
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    Path(f"{path}.sha256").write_text("0" * 64)
    verdict = check(data, path)[0]
    assert (verdict.status, verdict.checksum) == ("refused", "mismatch")
    assert verdict.message == (
        f"extracts/a.parquet: the content does not match extracts/a.parquet.sha256 "
        f"(found {digest[:12]}..., expected 000000000000...). "
        "Copy both again; it is retried when one of them changes."
    )
    Path(f"{path}.sha256").write_text(digest)
    assert check(data, path)[0].checksum == "verified"


def test_a_checksum_file_that_is_a_pipe_does_not_hang(data: Path) -> None:
    path = hostile.write(data / "extracts" / "a.parquet", 2, {})
    os.mkfifo(f"{path}.sha256")
    assert check(data, path)[0].reasons == {"checksum": 1}


# Rows that are kept aside: column, cells, reason of each row (None: good)

LATER = OPENED + timedelta(hours=1)
UPDATED = OPENED + timedelta(days=1)
EARLIER = OPENED - timedelta(minutes=1)
ROWS: list[tuple[str, pa.Array, list[str | None]]] = [
    ("event_id", pa.array(["T0", None, "", "  ", "x" * 1_001]), [None, "empty", "empty", "empty", "too_long"]),
    (
        "updated_at",
        moments(LATER, None, NOW + timedelta(days=2), NOW + timedelta(days=2, seconds=1)),
        [None, "empty", None, "in_the_future"],
    ),
    ("opened_at", moments(OPENED, None), [None, "empty"]),
    ("responded_at", moments(OPENED, LATER, EARLIER, None), [None, None, "end_before_start", None]),
    ("resolved_at", moments(OPENED, EARLIER), [None, "end_before_start"]),
    ("closed_at", moments(OPENED, EARLIER), [None, "end_before_start"]),
    ("answered_at", moments(EARLIER), [None]),
    ("answered_at", moments(datetime(1900, 12, 31, tzinfo=UTC), datetime(1901, 1, 1, tzinfo=UTC)), ["sentinel_date", None]),
    ("opened_at", moments(datetime(2038, 1, 1, tzinfo=UTC), UPDATED), ["sentinel_date", None]),
    *(
        (
            column,
            moments(UPDATED + timedelta(days=2), UPDATED + timedelta(days=2, minutes=1, microseconds=1), datetime(2035, 1, 1, tzinfo=UTC)),
            [None, "after_its_update", "after_its_update"],
        )
        for column in ("opened_at", "responded_at", "resolved_at", "closed_at", "reopened_at", "answered_at")
    ),
    ("opened_at", pa.array([-(2**63) + 1, -(2**62)], pa.int64()).cast(MOMENT), ["sentinel_date", "sentinel_date"]),
    (
        "due_at",
        moments(EARLIER, datetime(1969, 12, 31, tzinfo=UTC), datetime(2999, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)),
        [None, "sentinel_date", None, "sentinel_date"],
    ),
    ("contact_count", pa.array([0, -1, None]), [None, "out_of_range", None]),
    ("contact_count", pa.array([2.0, 2.5, float("nan"), 1e300]), [None, "not_a_whole_number", "not_finite", "does_not_fit"]),
    ("recommendation", pa.array([0, 10, 11, -1]), [None, None, "out_of_range", "out_of_range"]),
    ("effort", pa.array([1, 7, 0, 8]), [None, None, "out_of_range", "out_of_range"]),
    ("satisfaction", pa.array([1.0, 5.0, 0.9, 5.1, float("nan")]), [None, None, *["score_outside_scale"] * 2, "not_finite"]),
    ("cost", pa.array([-5.0, float("inf"), float("-inf"), 1e15]), [None, "not_finite", "not_finite", "does_not_fit"]),
    ("cost", pa.array([Decimal("1.25"), Decimal(10**20)], pa.decimal128(38, 10)), [None, "does_not_fit"]),
    ("handle_minutes", pa.array([0.0, -0.5, float("nan")]), [None, "out_of_range", "not_finite"]),
    ("outcome", pa.array(["success", "Success", "won", None]), [None, "unknown_value", "unknown_value", None]),
    ("disposition", pa.array(["spam", "junk", None]), [None, "unknown_value", None]),
    ("agent", pa.array(["x" * 1_000, "x" * 1_001]), [None, "too_long"]),
    (
        "satisfaction_scale",
        pa.array(["1..5", "0 .. 10", "5..1", "1-5", "1..x", ""]),
        [None, None, *["scale_unreadable"] * 3, None],
    ),
]


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Verdict]]:
    """A file for each of ROWS, in one check."""
    data = tmp_path_factory.mktemp("rows")
    files = [
        hostile.write(data / "extracts" / f"{number}.parquet", len(cells), {column: cells})
        for number, (column, cells, _) in enumerate(ROWS)
    ]
    return data, check(data, *files)


@pytest.mark.parametrize("number", range(len(ROWS)), ids=[f"{row[0]}-{number}" for number, row in enumerate(ROWS)])
def test_a_wrong_cell_keeps_its_row_aside_and_lets_the_others_in(judged: tuple[Path, list[Verdict]], number: int) -> None:
    column, cells, reasons = ROWS[number]
    data, verdict = judged[0], judged[1][number]
    refused = {row: reason for row, reason in enumerate(reasons) if reason}
    assert {row.row: row.reason for row in kept_aside(data, verdict)} == refused
    assert {row.column for row in kept_aside(data, verdict)} <= {column}
    assert [row["file_row"] for row in part(data, verdict)] == [row for row, reason in enumerate(reasons) if not reason]
    assert verdict.rows == len(cells) == verdict.accepted + verdict.kept_aside
    assert sum(verdict.reasons.values()) == verdict.kept_aside == len(refused)


def test_a_row_in_the_future_comes_in_when_its_time_has_come(data: Path) -> None:
    """The same verdict and part as for who never looked before, and no reading in between."""
    updates = moments(NOW, NOW + timedelta(days=3), NOW + timedelta(days=5))
    path = hostile.write(data / "extracts" / "a.parquet", 3, {"updated_at": updates})
    next_one = hostile.write(data / "extracts" / "b.parquet", 1, {})
    children: list[int] = []

    def look(_done: int, _total: int, file: str, _rows: int) -> None:
        if file.endswith("b.parquet"):
            children.extend(border_processes())

    def check_after(parts: str, days: float) -> Verdict:
        return extracts.check([path, next_one], data, KEY, data / parts, NOW + timedelta(days=days), look)[0]

    first, before, one_in, all_in = (check_after("state/parts", days) for days in (0, 0.99, 1, 3))
    assert len(children) == 3  # not for the second
    assert (first.accepted, first.reasons) == (1, {"in_the_future": 2})
    assert before == first
    assert (one_in.accepted, one_in.reasons) == (2, {"in_the_future": 1})
    assert (all_in.accepted, all_in.reasons) == (3, {})
    assert len({first.part, one_in.part, all_in.part}) == 3
    assert check_after("fresh", 1) == one_in
    assert check_after("fresh", 4) == all_in


def test_a_row_kept_aside_says_what_was_found_and_expected(data: Path) -> None:
    verdict = check_one(data, {"outcome": pa.array(["success", "w" * 500]), "resolved_at": moments(EARLIER, None)}, 2)
    assert kept_aside(data, verdict) == [
        Refusal(0, "T0", "resolved_at", "end_before_start", "2025-03-03 08:59:00+00", "opened_at or later"),
        Refusal(1, "T1", "outcome", "unknown_value", "w" * 200, "success, failure, partial, abandoned, unknown"),
    ]


def test_a_customer_is_never_written_down(data: Path) -> None:
    verdict = check_one(data, {"customer": pa.array(["Jane Roe " * 200, "Jane Roe"]), "outcome": pa.array(["success", "x"])}, 2)
    assert [row.found for row in kept_aside(data, verdict)] == ["1799 characters", "x"]
    assert all(b"Jane" not in path.read_bytes() for path in (data / "state").rglob("*") if path.is_file())


def test_infinity_is_a_sentinel(data: Path) -> None:
    path = data / "extracts" / "a.parquet"
    hostile.infinite_time(path)
    assert check(data, path)[0].reasons == {"sentinel_date": 1}


def test_statistics_that_lie_do_not_decide(data: Path) -> None:
    path = data / "extracts" / "a.parquet"
    hostile.lying_statistics(path)
    verdict = check(data, path)[0]
    assert [(row.row, row.reason) for row in kept_aside(data, verdict)] == [(1, "sentinel_date")]
    assert [row["file_row"] for row in part(data, verdict)] == [0, 2]


def test_a_score_is_judged_by_its_own_scale(data: Path) -> None:
    scores, scales = pa.array([8, 8, 8, -1]), pa.array(["0..10", "1..5", None, "-2.5..2.5"])
    verdict = check_one(data, {"satisfaction": scores, "satisfaction_scale": scales}, 4)
    assert [row.row for row in kept_aside(data, verdict)] == [1, 2]


def test_an_event_that_ends_when_it_opens_comes_in(data: Path) -> None:
    times = moments(OPENED)
    assert check_one(data, {"responded_at": times, "resolved_at": times, "closed_at": times}).accepted == 1


# Pseudonyms and row hashes


def test_a_customer_becomes_the_first_half_of_its_hmac(data: Path) -> None:
    verdict = check_one(data, {"customer": pa.array(["Jane", " Jane ", "Zoë 李", None, ""])}, 5)
    expected = [hmac.new(KEY, name.encode(), "sha256").hexdigest()[:32] for name in ("Jane", "Jane", "Zoë 李")]
    assert [row["customer"] for row in part(data, verdict)] == [*expected, None, None]


@pytest.mark.parametrize("length", [32, 64, 65, 200])
def test_the_pads_are_those_of_hmac(length: int) -> None:
    key = bytes(number % 251 for number in range(length))
    inner, outer = pseudonyms.pads(key)
    digest = hashlib.sha256(outer + hashlib.sha256(inner + b"Jane").digest()).digest()
    assert digest == hmac.new(key, b"Jane", "sha256").digest()


def test_a_key_is_made_once_and_only_its_owner_may_read_it(data: Path, key_file: Path) -> None:
    key_file.unlink()
    first = pseudonyms.customer_key(data)
    assert (len(first), key_file.stat().st_mode & 0o777) == (32, 0o600)
    assert pseudonyms.customer_key(data) == first
    assert list(key_file.parent.iterdir()) == [key_file]


def test_a_key_inside_the_data_folder_is_refused(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(pseudonyms.KEY_FILE_VARIABLE, str(data / "customer.key"))
    with pytest.raises(ConfigError, match="lies in the data folder"):
        pseudonyms.customer_key(data)


def test_a_key_that_others_may_read_is_refused(data: Path, key_file: Path) -> None:
    key_file.chmod(0o644)
    with pytest.raises(StateError) as caught:
        pseudonyms.customer_key(data)
    assert str(caught.value) == f"{key_file}: others may read the customer key (mode 644), expected mode 600. Run: chmod 600 {key_file}"


def test_another_key_gives_another_part(data: Path) -> None:
    path = hostile.write(data / "extracts" / "a.parquet", 1, {"customer": pa.array(["Jane"])})
    before = check(data, path)[0]
    after = extracts.check([path], data, KEY[::-1], data / "state" / "parts", NOW, silent)[0]
    assert part(data, before)[0]["customer"] != part(data, after)[0]["customer"]


def test_a_row_hash_depends_on_every_cell_and_on_nothing_else(data: Path) -> None:
    first = check(data, hostile.write(data / "extracts" / "a.parquet", 3, {}))[0]
    reordered = pa.table(hostile.columns(3)).take([2, 0, 1]).select(["store", "service", "channel", "opened_at", "updated_at", "event_id"])
    pq.write_table(reordered, data / "extracts" / "b.parquet", compression="zstd")
    second = check(data, data / "extracts" / "b.parquet")[0]
    hashes = {row["event_id"]: row["row_hash"] for row in part(data, first)}
    assert len(set(hashes.values())) == 3
    assert {row["event_id"]: row["row_hash"] for row in part(data, second)} == hashes
    moved = check(data, hostile.write(data / "extracts" / "c.parquet", 3, {"agent": pa.array(["North", None, None])}))[0]
    assert [row["row_hash"] == hashes[row["event_id"]] for row in part(data, moved)] == [False, True, True]


def test_a_row_hash_is_the_start_of_the_hash_of_its_content(data: Path) -> None:
    verdict = check_one(data, {"cost": pa.array([2]), "agent": pa.array(["a;b=c"])})
    microseconds = int(OPENED.timestamp()) * 1_000_000
    content = (
        f"event_id=2:T0;source=8:extracts;updated_at={microseconds + 86_400_000_000};opened_at={microseconds};store=5:North;"
        "channel=5:phone;service=6:repair;agent=5:a;b=c;cost=2.0000;disposition=6:normal;is_deleted=false;"
    )
    assert part(data, verdict)[0]["row_hash"] == int(hashlib.sha256(content.encode()).hexdigest()[:16], 16)


# Memory


def test_an_unchanged_file_is_not_read_again(data: Path) -> None:
    path = hostile.write(data / "extracts" / "a.parquet", 2, {})
    verdict = check(data, path)[0]
    path.chmod(0o000)  # a change of rights alone makes it be read again, and anyone but root is then refused
    path.chmod(0o644)
    seen = json.loads((data / "state" / "parts" / "seen.json").read_text())
    started = time.monotonic()
    assert check(data, path) == [verdict]
    assert check(data, path) == [verdict]
    assert time.monotonic() - started < 2
    assert list(seen) == [str(path)]


def test_a_copy_of_a_file_shares_its_part(data: Path) -> None:
    first = hostile.write(data / "extracts" / "a.parquet", 2, {})
    second = hostile.write(data / "extracts" / "b.parquet", 2, {})
    other_source = hostile.write(data / "extracts" / "crm" / "a.parquet", 2, {})
    one, two, three = check(data, first, second, other_source)
    assert two == replace(one, file="extracts/b.parquet")
    assert (three.sha256, three.source) == (one.sha256, "crm")
    assert three.part != one.part


def test_a_refused_file_is_read_again_when_it_changes(data: Path) -> None:
    path = data / "extracts" / "a.parquet"
    hostile.truncated(path)
    assert check(data, path)[0].status == "refused"
    no_child: list[int] = []
    extracts.check([path], data, KEY, data / "state" / "parts", NOW, lambda *_: no_child.extend(border_processes()))
    assert no_child == []
    hostile.good(path)
    assert check(data, path)[0].status == "accepted"


def test_a_part_that_was_deleted_is_made_again(data: Path) -> None:
    path = hostile.write(data / "extracts" / "a.parquet", 2, {})
    verdict = check(data, path)[0]
    for file in (data / "state" / "parts").glob(f"{verdict.part}*"):
        file.unlink()
    assert check(data, path) == [verdict]
    assert len(part(data, verdict)) == 2


def test_a_damaged_memory_is_no_memory(data: Path) -> None:
    path = hostile.write(data / "extracts" / "a.parquet", 2, {})
    verdict = check(data, path)[0]
    for content in ("", "[1]", '{"x": {}}', "{" * 10_000):
        (data / "state" / "parts" / "seen.json").write_text(content)
        assert check(data, path) == [verdict]


def test_two_checks_at_once_are_refused(data: Path) -> None:
    path = hostile.write(data / "extracts" / "a.parquet", 2, {})
    caught: list[str] = []

    def again(done: int, _total: int, _file: str, _rows: int) -> None:
        if not done:
            try:
                check(data, path)
            except StateError as error:
                caught.append(str(error))

    extracts.check([path], data, KEY, data / "state" / "parts", NOW, again)
    assert caught == [f"{data}/state/parts: the extracts are being checked by another process. Try again when it has ended."]


def test_a_verdict_survives_json(data: Path) -> None:
    verdict = check_one(data, {"store": pa.array([None]), "x": pa.array([1])})
    assert extracts.from_json(extracts.to_json(verdict)) == verdict
    assert extracts.from_json((data / "state" / "parts" / f"{verdict.part}.json").read_text()) == verdict


def test_progress_hears_of_bytes_and_rows_at_every_file(data: Path) -> None:
    heard: list[tuple[int, int, str, int]] = []
    files = three_files(data)
    extracts.check(files, data, KEY, data / "state" / "parts", NOW, lambda *step: heard.append(step))
    first, second, third = (file.stat().st_size for file in files)
    all_bytes = first + second + third
    assert heard == [
        (0, all_bytes, "extracts/1.parquet", 0),
        (first, all_bytes, "extracts/2.parquet", 1),
        (first + second, all_bytes, "extracts/3.parquet", 1 + 2),
        (all_bytes, all_bytes, "", 1 + 2 + 3),
    ]


# The folder


def test_the_listing_is_sorted_and_leaves_out_hidden_and_temporary_files(data: Path) -> None:
    folder = data / "extracts"
    for name in ("b.parquet", "A/z.PARQUET", ".hidden.parquet", "._b.parquet", "c.parquet.tmp", "d.tmp.parquet", ".e.csv", "f.md"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()
    (folder / ".cache").mkdir()
    (folder / ".cache" / "f.parquet").touch()
    (folder / ".linked").symlink_to(folder / "A")
    assert extracts.listing(folder) == [folder / "A" / "z.PARQUET", folder / "b.parquet"]


def test_data_that_are_not_read_are_named_with_what_to_do(data: Path) -> None:
    folder = data / "extracts"
    inner = hostile.write(data / "elsewhere" / "a.parquet", 3, {}).parent
    good = hostile.write(folder / "crm" / "good.parquet", 2, {})
    for name in ("export.csv", "EXPORT.XLSX", "x.pq", "x.parquet.gz"):
        (folder / "crm" / name).write_bytes(good.read_bytes())
    (folder / "linked").symlink_to(inner)
    verdicts = {verdict.file: verdict for verdict in check(data, *extracts.listing(folder))}
    assert [(file, verdict.accepted) for file, verdict in verdicts.items() if not verdict.message] == [("extracts/crm/good.parquet", 2)]
    advice = "Unpack it, rename it if it is parquet, or convert the export with: kpi convert"
    assert [verdict.message for verdict in verdicts.values() if verdict.message] == [
        f"extracts/crm/EXPORT.XLSX: not read: its name ends in '.XLSX', expected '.parquet'. {advice}",
        f"extracts/crm/export.csv: not read: its name ends in '.csv', expected '.parquet'. {advice}",
        f"extracts/crm/x.parquet.gz: not read: its name ends in '.gz', expected '.parquet'. {advice}",
        f"extracts/crm/x.pq: not read: its name ends in '.pq', expected '.parquet'. {advice}",
        "extracts/linked: not read: it is a link, and links are not followed. Put here what it links to.",
    ]


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(StateError) as caught:
        extracts.listing(tmp_path / "nowhere")
    assert str(caught.value) == (
        f"{tmp_path}/nowhere: the folder cannot be read (No such file or directory), expected a folder of extracts. "
        "Make it, or allow the dashboard to read it."
    )


# Any rows at all, against a checker that shares no code with the border

TIMES = st.one_of(
    st.none(),
    st.datetimes(datetime(2025, 3, 1), datetime(2025, 3, 4)),
    st.sampled_from([datetime(1900, 1, 1), datetime(2038, 1, 1), datetime(2025, 6, 3), datetime(2025, 6, 3, 0, 0, 1)]),
)
ANY_ROW = st.fixed_dictionaries(
    {
        "event_id": st.one_of(st.none(), st.text(max_size=5)),
        "updated_at": st.one_of(st.just(datetime(2025, 4, 1)), TIMES),
        "opened_at": st.one_of(st.just(datetime(2025, 3, 1)), TIMES),
        "resolved_at": TIMES,
        "store": st.one_of(st.none(), st.text(max_size=5)),
        "effort": st.one_of(st.none(), st.integers(-1, 9)),
        "handle_minutes": st.one_of(st.none(), st.floats(), st.floats(0, 100)),
        "satisfaction": st.one_of(st.none(), st.integers(0, 11)),
        "satisfaction_scale": st.sampled_from([None, "1..5", "0..10", "five"]),
        "outcome": st.sampled_from([None, "success", "failure", "lost"]),
    }
)
ANY_TYPE = {
    **dict.fromkeys(("event_id", "store", "satisfaction_scale", "outcome"), pa.string()),
    **dict.fromkeys(("updated_at", "opened_at", "resolved_at"), MOMENT),
    **dict.fromkeys(("effort", "satisfaction"), pa.int64()),
    "handle_minutes": pa.float64(),
}
BLANK = " \t\n\r\v\f\u00a0\u2028\u3000\ufeff"


def is_good(row: Mapping) -> bool:
    times = [row[name] for name in ("updated_at", "opened_at", "resolved_at") if row[name] is not None]
    scale = {None: (1, 5), "1..5": (1, 5), "0..10": (0, 10), "five": None}[row["satisfaction_scale"]]
    return bool(
        (row["event_id"] or "").strip(BLANK)
        and row["updated_at"] is not None
        and row["opened_at"] is not None
        and all(1900 < time.year < 2038 for time in times)
        and row["updated_at"] <= datetime(2025, 6, 3)
        and all(time <= row["updated_at"] + timedelta(days=2) for time in times)
        and (row["resolved_at"] is None or row["resolved_at"] >= row["opened_at"])
        and (row["effort"] is None or 1 <= row["effort"] <= 7)
        and (row["handle_minutes"] is None or 0 <= row["handle_minutes"] <= 10_000_000)
        and scale
        and (row["satisfaction"] is None or scale[0] <= row["satisfaction"] <= scale[1])
        and row["outcome"] != "lost"
    )


def in_utc(cell: object) -> object:
    return cell.replace(tzinfo=UTC) if isinstance(cell, datetime) else cell


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(tables=st.lists(st.lists(ANY_ROW, max_size=20), min_size=4, max_size=4))
def test_the_good_rows_come_in_and_only_they(data: Path, tables: list[list[dict]]) -> None:
    files = [hostile.write(data / "extracts" / f"{number}.parquet", len(rows), arrays(rows)) for number, rows in enumerate(tables)]
    for rows, verdict in zip(tables, check(data, *files), strict=True):
        assert_only_good_rows_came_in(data, rows, verdict)


def arrays(rows: list[dict]) -> dict[str, pa.Array]:
    return {name: pa.array([in_utc(row[name]) for row in rows], kind) for name, kind in ANY_TYPE.items()}


def assert_only_good_rows_came_in(data: Path, rows: list[dict], verdict: Verdict) -> None:
    zoned = [{name: in_utc(cell) for name, cell in row.items()} for row in rows]
    good = [number for number, row in enumerate(rows) if is_good(row)]
    found = part(data, verdict)
    assert verdict.rows == len(rows) == verdict.accepted + verdict.kept_aside
    assert [row["file_row"] for row in found] == good
    for row in found:
        before = zoned[row["file_row"]]
        assert row["event_id"] == before["event_id"].strip(BLANK)
        assert row["store"] == ((before["store"] or "").strip(BLANK) or "unknown")
        assert [row[name] for name in ("opened_at", "resolved_at", "effort", "handle_minutes", "satisfaction", "outcome")] == [
            before[name] for name in ("opened_at", "resolved_at", "effort", "handle_minutes", "satisfaction", "outcome")
        ]
