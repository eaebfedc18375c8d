"""A background thread that loads new extracts while the dashboard runs: one refresh serves all viewers."""

import threading
from dataclasses import dataclass, field
from pathlib import Path

from kpi import extracts, store
from kpi.errors import KpiError, LoaderBusy

SECONDS_BETWEEN_LOOKS = 3.0

Fingerprint = tuple[tuple[str, int, int], ...]


@dataclass
class Loader:
    """What the thread is doing, for whoever asks. `error` is the message of the last failure, empty when the last load went well."""

    folder: Path
    done: int = 0
    total: int = 0
    what: str = ""
    error: str = ""
    stopped: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Load whenever the extracts or the settings changed or nothing is published, until stopped."""
        loaded: Fingerprint | None = None
        while not self.stopped.is_set():
            found = _fingerprint(self.folder)
            if (found != loaded or not store.published_version(self.folder)) and self._load():
                loaded = found
            self.stopped.wait(SECONDS_BETWEEN_LOOKS)

    def _load(self) -> bool:
        """Whether this look is done with; not while another program loads the folder."""
        try:
            store.load(self.folder, self._advance)
            self.error = ""
        except LoaderBusy:
            return False
        except KpiError as error:
            self.error = str(error)
        return True

    def _advance(self, done: int, total: int, what: str) -> None:
        self.done, self.total, self.what = done, total, what


def _fingerprint(folder: Path) -> Fingerprint:
    """Names, sizes and times of all that a load reads: the same as long as there is nothing to do."""
    try:
        files = [*extracts.listing(folder / "extracts"), *sorted(folder.glob("*.toml"))]
        return tuple((str(file), status.st_size, status.st_mtime_ns) for file in files for status in [file.stat()])
    except (OSError, KpiError):
        return ()


RUNNING: dict[Path, Loader] = {}
"""The loader of each folder that this process serves, where every viewer's run finds it."""
