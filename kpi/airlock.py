"""The process at the border: started, asked, and replaced when a file ends it."""

import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kpi.border import Job

LONGEST_ANSWER_BYTES = 8 * 2**20
PACKAGE = Path(__file__).parent.parent


@dataclass
class Airlock:
    """The folder that the process may write to, and the process itself while there is one."""

    spool: Path
    process: subprocess.Popen[bytes] | None


@contextmanager
def opened(spool: Path) -> Generator[Airlock]:
    """An airlock whose process starts with the first question; its folder, which holds raw rows, is gone afterwards."""
    airlock = Airlock(spool, None)
    try:
        yield airlock
    finally:
        _end(airlock)
        shutil.rmtree(spool, ignore_errors=True)


def ask(airlock: Airlock, job: Job) -> Mapping[str, Any]:
    """The answer to a job; refused as `unsafe` when the process died, took too long or answered nonsense."""
    process = airlock.process or _start(airlock)
    found = "its reader was ended"
    try:
        assert process.stdin is not None  # noqa: S101 (both pipes were asked for)
        assert process.stdout is not None  # noqa: S101
        process.stdin.write(json.dumps(job).encode() + b"\n")
        process.stdin.flush()
        answer = json.loads(_line(process.stdout.fileno(), time.monotonic() + job["seconds"]))
        if isinstance(answer, dict):
            return answer
    except TimeoutError:
        found = f"it took longer than {job['seconds']} seconds"
    except (OSError, ValueError, EOFError):
        pass
    _end(airlock)
    return {"refused": "unsafe", "found": found, "sha256": "", "size": 0, "checksum": "unverified"}


def _start(airlock: Airlock) -> subprocess.Popen[bytes]:
    """A fresh process in an empty folder: no inherited environment, descriptors, terminal or working folder."""
    shutil.rmtree(airlock.spool, ignore_errors=True)
    airlock.spool.mkdir(mode=0o700)
    airlock.process = subprocess.Popen(
        [sys.executable, "-P", "-s", "-m", "kpi.border"],
        cwd=airlock.spool,
        env={"PYTHONPATH": os.fspath(PACKAGE), "LC_ALL": "C.UTF-8", "PYTHONUTF8": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    return airlock.process


def _line(descriptor: int, deadline: float) -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            raise TimeoutError
        piece = os.read(descriptor, 65_536)
        if not piece or len(line) > LONGEST_ANSWER_BYTES:
            raise EOFError
        line += piece
    return line


def _end(airlock: Airlock) -> None:
    process, airlock.process = airlock.process, None
    if process is None:
        return
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe:
            with suppress(BrokenPipeError):
                pipe.close()
