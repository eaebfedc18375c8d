"""A background thread that loads new extracts while the dashboard runs: one refresh serves all viewers."""

import threading
from dataclasses import dataclass, field
from pathlib import Path

from kpi import extracts, store
from kpi.errors import KpiError, LoaderBusy

SECONDS_BETWEEN_LOOKS = 3.0


@dataclass
class Loader:
    """What the thread is doing, for whoever asks. `error` is the message of the last failure, empty when the last load went well."""

    folder: Path
    done: int = 0
    total: int = 0
    what: str = ""
    error: str = ""
    is_busy: bool = False
    stopped: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Load whenever the extracts or the settings changed, until stopped."""
        seen: tuple[tuple[str, int, int], ...] | None = None
        while not self.stopped.is_set():
            found = _fingerprint(self.folder)
            if found != seen:
                self._load()
                seen = found
            self.stopped.wait(SECONDS_BETWEEN_LOOKS)

    def _load(self) -> None:
        self.is_busy = True
        try:
            store.load(self.folder, self._advance)
            self.error = ""
        except LoaderBusy:
            self.error = ""
        except KpiError as error:
            self.error = str(error)
        finally:
            self.is_busy = False

    def _advance(self, done: int, total: int, what: str) -> None:
        self.done, self.total, self.what = done, total, what


def _fingerprint(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """Names, sizes and times of all that a load reads: the same as long as there is nothing to do."""
    try:
        files = [*extracts.listing(folder / "extracts"), *sorted(folder.glob("*.toml"))]
        return tuple((str(file), status.st_size, status.st_mtime_ns) for file in files for status in [file.stat()])
    except (OSError, KpiError):
        return ()


RUNNING: dict[Path, Loader] = {}
"""The loader of each folder that this process serves, where every viewer's run finds it."""
