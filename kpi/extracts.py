"""The extracts folder: which files there are, and which rows of them are good.

A file is decoded in another process (`kpi.border`) and rewritten once as a part, whose name says what it was made from:

    parts/<sha256>-<edition>.parquet               the good rows, canonical
    parts/<sha256>-<edition>.kept_aside.parquet    the other rows, with the reason; absent when there are none
    parts/<sha256>-<edition>.json                  the verdict, written last: without it the part does not count
    parts/<sha256>-<edition>-<count>.*             the same while so many rows are in the future: they come in when time has passed
    parts/seen.json                                the verdict of every file by its path, while size and times stay the same

The edition stands for all else a part depends on: the folder's name (the default source), the contract, the customer key.
"""

import hashlib
import json
import os
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from typing import Any

from kpi import airlock, checks, pseudonyms
from kpi.border import KEPT_ASIDE, PART, Job
from kpi.errors import StateError
from kpi.events import COLUMNS
from kpi.pace import Progress
from kpi.quarantine import PASSING, Problem, message, printable

READ = ".parquet"
NOT_READ = (
    *(".pq", ".parq", ".csv", ".tsv", ".xlsx", ".xls", ".jsonl", ".ndjson"),
    *(".arrow", ".feather", ".avro", ".orc", ".zip", ".gz", ".bz2", ".xz", ".zst", ".7z"),
)
"""Endings of data that wait in vain: they are named, not read. Anything else in the folder is nobody's data."""

SEEN = "seen.json"
MOST_ATTEMPTS = 3  # for a file that ends its reader
SECONDS_PER_FILE = 120
BYTES_PER_SECOND = 5_000_000  # added to that for a large file
COUNTS = ("rows", "accepted", "reasons", "columns", "unknown_columns", "unknown_dimensions", "newest_update")


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What was found out about one file. rows = accepted + kept_aside = accepted + the sum of `reasons`.

    `part` names the part that holds its rows; a refused file has none, its `reasons` hold the one code, and its `message` says
    where, what was found, what was expected and what to do. `unknown_dimensions` counts good rows whose cell was empty.
    """

    file: str
    source: str
    sha256: str
    size: int
    checksum: str
    status: str
    message: str
    part: str | None
    rows: int
    accepted: int
    kept_aside: int
    reasons: Mapping[str, int]
    columns: tuple[str, ...]
    unknown_columns: tuple[str, ...]
    unknown_dimensions: Mapping[str, int]
    newest_update: str | None


@dataclass(frozen=True)
class Seen:
    """The verdict of a file in one state of it. `attempts` counts the readers it ended; the next row comes in at `holds_until`."""

    state: tuple[int | str, ...]
    verdict: Verdict
    attempts: int
    holds_until: str | None


def listing(extracts: Path) -> list[Path]:
    """Every parquet file under the folder, and what somebody may take for one: it is judged too, so that it is named. Sorted.

    Links are not followed; hidden and temporary names are left out.
    """
    found: list[Path] = []
    for folder, folders, names in os.walk(extracts, onerror=_unreadable):
        folders[:] = [name for name in folders if not _is_passed_over(name)]
        found += [link for name in folders if (link := Path(folder, name)).is_symlink()]
        found += [Path(folder, name) for name in names if name.lower().endswith((READ, *NOT_READ)) and not _is_passed_over(name)]
    return sorted(found)


def check(files: Sequence[Path], root: Path, key: bytes, parts: Path, now: datetime, progress: Progress) -> list[Verdict]:
    """A verdict for each file, in order; only new or changed files are read.

    Files are named from `root`; `key` makes the pseudonyms of customers; `progress` hears of bytes.
    """
    sizes = [_size(path) for path in files]
    done, rows = 0, 0
    with _locked(parts), airlock.opened(parts / ".spool") as child:
        seen = _load_seen(parts)
        judged: dict[str, Seen] = {}
        try:
            for path, size in zip(files, sizes, strict=True):
                file = _shown(path, root)
                progress(done, sum(sizes), file, rows)
                judged[os.fspath(path)] = _judge(path, file, seen.get(os.fspath(path)), _job(path, parts, now, key), child)
                done, rows = done + size, rows + judged[os.fspath(path)].verdict.rows
        finally:
            _save_seen(parts, {path: entry for path, entry in (seen | judged).items() if os.path.lexists(path)})
    progress(sum(sizes), sum(sizes), "", rows)
    return [judged[os.fspath(path)].verdict for path in files]


def times(path: Path) -> tuple[int, ...]:
    """What changes when a file or the checksum beside it does."""
    return (*_times(path), *_times(path.with_name(path.name + ".sha256")))


def to_json(verdict: Verdict) -> str:
    return json.dumps(asdict(verdict), indent=1)


def from_json(data: str) -> Verdict:
    """The inverse of `to_json`."""
    return _verdict(json.loads(data))


def _judge(path: Path, file: str, seen: Seen | None, job: Job, child: airlock.Airlock) -> Seen:
    state = (job["edition"], *times(path))
    parts = Path(job["parts"])
    if seen and seen.state == state and _still_holds(seen, parts, job["now"]):
        return replace(seen, verdict=replace(seen.verdict, file=file))
    reply = _unread(path) or _asked(child, job)
    attempts = 0
    if reply.get("refused") == "unsafe":
        attempts = 1 + (seen.attempts if seen and seen.state == state else 0)
    return Seen(state, _publish(file, job, reply, child.spool, parts), attempts, reply.get("holds_until"))


def _asked(child: airlock.Airlock, job: Job) -> Mapping[str, Any]:
    """The answer about a file; a verdict that is there and cannot be read any more does not count."""
    reply = airlock.ask(child, job)
    if not reply.get("known"):
        return reply
    file = Path(job["parts"]) / f"{_part(reply, job['edition'])}.json"
    try:
        from_json(file.read_text())
    except (OSError, ValueError, KeyError, TypeError):
        file.unlink(missing_ok=True)
        return airlock.ask(child, job)
    return reply


def _unread(path: Path) -> dict[str, Any]:
    """The answer about what is not read because of what it is called: data under another name, or a link to a folder."""
    if path.name.lower().endswith(READ) or not os.path.lexists(path):
        return {}
    reason = "linked" if path.is_symlink() else "other_name"
    return {"sha256": "", "size": 0, "checksum": "unverified", "refused": reason, "found": printable(path.suffix), "expected": READ}


def _still_holds(seen: Seen, parts: Path, now: str) -> bool:
    verdict = seen.verdict
    if seen.holds_until and datetime.fromisoformat(now) >= datetime.fromisoformat(seen.holds_until):
        return False
    if verdict.part:
        return (parts / f"{verdict.part}.json").exists() and (parts / f"{verdict.part}.parquet").exists()
    return not PASSING & set(verdict.reasons) and not 0 < seen.attempts < MOST_ATTEMPTS


def _publish(file: str, job: Job, reply: Mapping[str, Any], spool: Path, parts: Path) -> Verdict:
    """Turns an answer into a verdict, and what was written for it into a part."""
    facts = {"file": file, "source": job["source"], **{name: reply[name] for name in ("sha256", "size", "checksum")}}
    if reply["refused"]:
        return _refused(facts, reply)
    part = _part(reply, job["edition"])
    if reply.get("known"):
        return replace(from_json((parts / f"{part}.json").read_text()), file=file, checksum=reply["checksum"])
    kept_aside = sum(reply["reasons"].values())
    counts = {name: reply[name] for name in COUNTS}
    verdict = _verdict({**facts, **counts, "status": "accepted", "message": "", "part": part, "kept_aside": kept_aside})
    if kept_aside:
        _move(spool / KEPT_ASIDE, parts / f"{part}.kept_aside.parquet")
    _move(spool / PART, parts / f"{part}.parquet")
    _write(parts / f"{part}.json", to_json(verdict))
    return verdict


def _part(reply: Mapping[str, Any], edition: str) -> str:
    """The name of a part. Rows come in by the order of `updated_at`: their number says which are still in the future."""
    waiting = reply.get("reasons", {}).get("in_the_future", 0)
    return f"{reply['sha256']}-{edition}" + (f"-{waiting}" if waiting else "")


def _refused(facts: Mapping[str, Any], reply: Mapping[str, Any]) -> Verdict:
    problems = [Problem(**problem) for problem in reply.get("problems", ())]
    words = printable(message(facts["file"], reply["refused"], reply.get("found", ""), reply.get("expected", ""), problems))
    nothing = {"rows": 0, "accepted": 0, "kept_aside": 0, "columns": (), "unknown_columns": (), "unknown_dimensions": {}}
    checksum = "mismatch" if reply["refused"] == "checksum" else facts["checksum"]
    return _verdict(
        {**facts, **nothing, "checksum": checksum, "status": "refused", "message": words, "part": None, "newest_update": None}
        | {"reasons": {reply["refused"]: 1}}
    )


def _verdict(data: Mapping[str, Any]) -> Verdict:
    fields: dict[str, Any] = {**data, "columns": tuple(data["columns"]), "unknown_columns": tuple(data["unknown_columns"])}
    return Verdict(**fields)


def _job(path: Path, parts: Path, now: datetime, key: bytes) -> Job:
    source = printable(path.parent.absolute().name)
    inner, outer = pseudonyms.pads(key)
    ingredients = repr((checks.VERSION, COLUMNS, source, hashlib.sha256(key).hexdigest()))
    return {
        "path": os.fspath(path.absolute()),
        "source": source,
        "parts": os.fspath(parts.absolute()),
        "edition": hashlib.sha256(ingredients.encode()).hexdigest()[:12],
        "now": now.isoformat(),
        "inner_pad": inner.hex(),
        "outer_pad": outer.hex(),
        "seconds": SECONDS_PER_FILE + _size(path) // BYTES_PER_SECOND,
    }


def _times(path: Path) -> tuple[int, ...]:
    try:
        status = os.lstat(path)
    except OSError:
        return ()
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _size(path: Path) -> int:
    try:
        return os.lstat(path).st_size
    except OSError:
        return 0


def _load_seen(parts: Path) -> dict[str, Seen]:
    """What was seen before; a memory that cannot be read is no memory."""
    try:
        entries = json.loads((parts / SEEN).read_text())
        return {path: _seen(entry) for path, entry in entries.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _seen(entry: Mapping[str, Any]) -> Seen:
    return Seen(tuple(entry["state"]), _verdict(entry["verdict"]), entry["attempts"], entry["holds_until"])


def _save_seen(parts: Path, seen: Mapping[str, Seen]) -> None:
    _write(parts / SEEN, json.dumps({path: asdict(entry) for path, entry in seen.items()}))


@contextmanager
def _locked(parts: Path) -> Generator[None]:
    """One check at a time: two would write the same parts."""
    try:
        parts.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (parts / ".lock").open("w") as lock:
            flock(lock, LOCK_EX | LOCK_NB)
            yield
    except BlockingIOError:
        raise StateError("{parts}: the extracts are being checked by another process. Try again when it has ended.", parts=parts) from None


def _move(source: Path, target: Path) -> None:
    descriptor = os.open(source, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    source.replace(target)


def _write(path: Path, content: str) -> None:
    draft = path.with_name(f".{path.name}.tmp")
    draft.write_text(content)
    _move(draft, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _shown(path: Path, root: Path) -> str:
    return printable(os.fspath(path.relative_to(root) if path.is_relative_to(root) else path))


def _is_passed_over(name: str) -> bool:
    return name.startswith(".") or name == "_temporary" or name.lower().endswith((".tmp", ".tmp.parquet"))


def _unreadable(error: OSError) -> None:
    raise StateError(
        "{folder}: the folder cannot be read ({found}), expected a folder of extracts. Make it, or allow the dashboard to read it.",
        folder=printable(error.filename),
        found=error.strerror,
    )
