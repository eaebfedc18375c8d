"""A background thread that loads new extracts while the dashboard runs: one refresh serves all viewers."""

import logging
import math
import secrets
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kpi import extracts, store
from kpi.building import EVENTS
from kpi.errors import KpiError, LoaderBusy, StateError
from kpi.extracts import Verdict
from kpi.pace import Pace
from kpi.quarantine import OVER_LATER, PASSING
from kpi.words import text

SECONDS_BETWEEN_LOOKS = 1.0
SECONDS_BEFORE_RETRY = 30.0  # after what may be over by itself: a full disk, a file that may not be read
SECONDS_BEFORE_LATER_RETRY = 3_600.0  # after what only time or luck ends: rows in the future, a bug of ours

Fingerprint = tuple[tuple[str | int, ...], ...]


@dataclass
class Loader:
    """What the thread is doing, for whoever asks. `error` is the message of the last failure, empty when the last load went well;
    `is_waiting` tells that another program is loading the folder.
    """

    folder: Path
    pace: Pace = field(default_factory=Pace)
    error: str = ""
    is_waiting: bool = False
    stopped: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Load when the extracts or the settings changed, the state was deleted, or it is time to try again, until stopped."""
        seen: tuple[Fingerprint, bool] | None = None
        due = 0.0
        while not self.stopped.is_set():
            found = (_fingerprint(self.folder), bool(store.published_version(self.folder)))
            if found != seen or time.monotonic() >= due:
                due = self._load() + time.monotonic()
                seen = (found[0], found[1] or not self.error)
            self.stopped.wait(SECONDS_BETWEEN_LOOKS)

    def _load(self) -> float:
        """The seconds for which this load is good while nothing changes; 0 while another program loads the folder."""
        try:
            state = store.load(self.folder, self._advance)
            self.is_waiting = False
            store.tidy_up(self.folder)
        except LoaderBusy:
            self.is_waiting = True
            return 0.0
        except StateError as error:
            self.error = str(error)
            return SECONDS_BEFORE_RETRY
        except KpiError as error:
            self.error = str(error)
            return math.inf
        except Exception as error:  # the thread must outlive a bug: new data would never be seen again, and nobody would know
            self.error = _owned_up(error)
            return SECONDS_BEFORE_LATER_RETRY
        self.error = ""
        return holds_for(state.verdicts)

    def _advance(self, done: int, total: int, what: str, rows: int) -> None:
        self.is_waiting = False
        self.pace.hear(done, total, what, rows, is_checking=what != EVENTS, now=time.monotonic())


def holds_for(verdicts: Sequence[Verdict]) -> float:
    """The seconds after which the same files may be judged otherwise."""
    reasons = {reason for verdict in verdicts for reason in verdict.reasons}
    if reasons & PASSING:
        return SECONDS_BEFORE_RETRY
    return SECONDS_BEFORE_LATER_RETRY if reasons & OVER_LATER else math.inf


def _owned_up(error: Exception) -> str:
    """A bug: the person gets a number, the log the rest."""
    number = secrets.token_hex(4)
    logging.getLogger("kpi").error("error %s", number, exc_info=error)
    return text("Something went wrong while loading (error {number}). It is in the server's log.", number=number)


def _fingerprint(folder: Path) -> Fingerprint:
    """Names, sizes and times of all that a load reads: the same as long as there is nothing to do."""
    try:
        files = [(str(file), *extracts.times(file)) for file in extracts.listing(folder / "extracts")]
        settings = [(str(file), file.stat()) for file in sorted(folder.glob("*.toml"))]
    except (OSError, KpiError):
        return ()
    return (*files, *((name, status.st_size, status.st_mtime_ns, status.st_ctime_ns) for name, status in settings))


RUNNING: dict[Path, Loader] = {}
"""The loader of each folder that this process serves, where every viewer's run finds it."""
