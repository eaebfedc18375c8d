"""The background loader: what it notices, and what it leaves alone."""

import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from conftest import event, write

from kpi import loader, store
from kpi.loader import Loader


@contextmanager
def running(folder: Path) -> Generator[Loader]:
    one = Loader(folder)
    thread = threading.Thread(target=one.run)
    thread.start()
    try:
        yield one
    finally:
        one.stopped.set()
        thread.join()


def eventually(holds: Callable[[], object]) -> bool:
    """Whether it holds within four looks of the loader."""
    end = time.monotonic() + 4 * loader.SECONDS_BETWEEN_LOOKS
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(0.1)
    return False


def test_new_extracts_are_loaded_by_themselves(data_folder: Path) -> None:
    write(data_folder, [event("1")], "first")
    with running(data_folder):
        assert eventually(lambda: store.published_version(data_folder))
        first = store.published_version(data_folder)
        write(data_folder, [event("2")], "second")
        assert eventually(lambda: store.published_version(data_folder) != first)
        assert store.current(data_folder).event_count == 2


def test_a_wrong_setting_is_said_and_the_last_good_state_stays(data_folder: Path) -> None:
    write(data_folder, [event("1")])
    with running(data_folder) as one:
        assert eventually(lambda: store.published_version(data_folder))
        good = store.published_version(data_folder)
        (data_folder / "kpis.toml").write_text("currencie = 'EUR'")
        assert eventually(lambda: one.error)
        assert one.error == "kpis.toml: key 'currencie' does not exist. Did you mean 'currency'?"
        assert store.published_version(data_folder) == good
        (data_folder / "kpis.toml").unlink()
        assert eventually(lambda: not one.error)


def test_a_deleted_state_is_built_again(data_folder: Path) -> None:
    write(data_folder, [event("1")])
    with running(data_folder):
        assert eventually(lambda: store.published_version(data_folder))
        (data_folder / "state" / "current.json").unlink()
        assert eventually(lambda: store.published_version(data_folder))
