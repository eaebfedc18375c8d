"""The private copy of an extract: what was hashed is what is decoded, whatever happens to the original meanwhile."""

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from kpi.quarantine import Refused, refusal_of

COPY = "extract.parquet"
LARGEST_FILE_BYTES = 64 * 2**30
CHUNK_BYTES = 2**20
CHECKSUM_BYTES = 4_096
KINDS = (
    (stat.S_ISLNK, "link"),
    (stat.S_ISDIR, "folder"),
    (stat.S_ISFIFO, "pipe"),
    (stat.S_ISSOCK, "socket"),
    (stat.S_ISCHR, "device"),
    (stat.S_ISBLK, "device"),
)


@dataclass(frozen=True)
class Taken:
    """The private copy of a file. `checksum` is `unverified` when the producer gave none."""

    sha256: str
    size: int
    checksum: str


def take(path: str) -> Taken:
    """Copies a file here and hashes it on the way; never waits for a pipe, never follows a link."""
    try:
        before = os.lstat(path)
        _check_kind(before)
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
        try:
            opened = os.fstat(descriptor)
            _check_kind(opened)
            sha256, size = _copy(descriptor, opened.st_size)
            after = os.fstat(descriptor)
        finally:
            os.close(descriptor)
        if not _state(before) == _state(opened) == _state(after) == _state(os.lstat(path)) or size != after.st_size:
            raise Refused("still_being_written")
    except OSError as error:
        raise refusal_of(error) from None
    return Taken(sha256, size, _checksum(path, sha256))


def _check_kind(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise Refused("not_a_file", next((kind for test, kind in KINDS if test(status.st_mode)), "special file"))
    if status.st_size > LARGEST_FILE_BYTES:
        raise Refused("too_much", f"{status.st_size:,} bytes", f"{LARGEST_FILE_BYTES:,}")


def _state(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _copy(descriptor: int, expected: int) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    with Path(COPY).open("wb") as copy:
        while size <= expected and (chunk := os.read(descriptor, CHUNK_BYTES)):
            digest.update(chunk)
            copy.write(chunk)
            size += len(chunk)
    return digest.hexdigest(), size


def _checksum(path: str, sha256: str) -> str:
    """Compares with `<file>.sha256`, as written by sha256sum; refuses a file that is not what its producer wrote."""
    try:
        descriptor = os.open(path + ".sha256", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return "unverified"
    except OSError as error:
        raise refusal_of(error) from None
    with os.fdopen(descriptor, "rb") as file:
        words = file.read(CHECKSUM_BYTES).split() if stat.S_ISREG(os.fstat(descriptor).st_mode) else []
    expected = words[0].decode("ascii", "replace").lower() if words else "nothing"
    if expected != sha256:
        raise Refused("checksum", sha256[:12] + "...", (expected[:12] + "...") if len(expected) == len(sha256) else "no checksum")
    return "verified"
