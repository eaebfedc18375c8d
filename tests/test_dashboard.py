"""Downloads as the server answers them: what a link promised is what it gives, and who goes away leaves nothing behind."""

import asyncio
from collections.abc import Generator, MutableMapping
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route

from dashboard import SecurityHeaders, _download
from kpi import download, store
from kpi.browse import Selection
from kpi.exports import Form, export, stream
from kpi.pace import ignore_progress
from kpi.store import State
from pages import view
from tests.samples import event, folder_of, question

APP = Starlette(routes=[Route(f"{view.DOWNLOAD_PATH}.{{form}}", _download)], middleware=[Middleware(SecurityHeaders)])
SELECTION = Selection(question(), "opened_on")
Message = MutableMapping[str, Any]


class Client:
    """A browser that asks for one address and hears the answer, or goes away after so many parts of it."""

    def __init__(self, form: str, token: str, parts: int | None = None) -> None:
        self.status, self.headers, self.body, self.parts = 0, {}, b"", parts
        self.has_asked = False
        self.gone = asyncio.Event()
        path = f"{view.DOWNLOAD_PATH}.{form}"
        scope = {"type": "http", "method": "GET", "path": path, "query_string": f"token={token}".encode(), "headers": []}
        asyncio.run(APP(scope, self.receive, self.send))

    async def receive(self) -> Message:
        if self.has_asked:
            await self.gone.wait()
            return {"type": "http.disconnect"}
        self.has_asked = True
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            return
        self.body += message["body"]
        self.parts = None if self.parts is None else self.parts - 1
        if self.parts == 0:
            self.gone.set()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Path]:
    """The data folder of a server: 30,000 events."""
    folder = folder_of(tmp_path, [event(number) for number in range(30_000)])
    monkeypatch.setenv(view.DATA_VARIABLE, str(folder))
    store.load(folder, ignore_progress)
    yield folder
    view.opened.clear()


def shown(folder: Path) -> State:
    """The state as a page opens it."""
    return view.opened(str(folder), store.published_version(folder))


def publish(folder: Path, number: int) -> None:
    """Load one event more."""
    other = folder_of(folder.parent / str(number), [event(f"new {number}")])
    (other / "extracts/till/events.parquet").rename(folder / f"extracts/till/{number}.parquet")
    store.load(folder, ignore_progress)


@pytest.mark.parametrize("form", Form)
def test_a_link_gives_the_file_that_it_promised(folder: Path, form: Form) -> None:
    state = shown(folder)
    found = Client(form, download.token(SELECTION, state.version))
    assert found.status == 200
    assert found.body == b"".join(stream(export(state, SELECTION), form))
    assert f"_30000rows_{state.version[:8]}.{form}" in found.headers["content-disposition"]
    assert found.headers["content-type"].startswith("application/vnd.apache.parquet" if form is Form.PARQUET else "text/csv")


def test_another_form_is_refused(folder: Path) -> None:
    found = Client("xlsx", download.token(SELECTION, shown(folder).version))
    assert (found.status, found.body) == (403, b"form 'xlsx' does not exist. Known: csv, parquet, plain.csv.")


def test_a_link_gives_the_version_that_the_page_showed_when_a_newer_one_is_published(folder: Path) -> None:
    state = shown(folder)
    link = download.token(SELECTION, state.version)
    publish(folder, 1)
    assert b"# rows: 30001\r\n" in Client("csv", download.token(SELECTION, store.published_version(folder))).body
    found = Client("csv", link)
    assert found.status == 200
    assert b"# rows: 30000\r\n" in found.body
    assert f"# version: {state.version}\r\n".encode() in found.body
    assert found.body.count(b"\r\n") == 30_000 + found.body.count(b"\r\n# ") + 2


def test_a_link_to_a_version_that_is_gone_says_so(folder: Path) -> None:
    link = download.token(SELECTION, shown(folder).version)
    publish(folder, 1)
    view.opened.clear()
    found = Client("parquet", link)
    assert (found.status, found.body) == (403, b"The data changed since this page was drawn. Reload it and use its link.")


@pytest.mark.parametrize("form", Form)
def test_a_client_that_goes_away_ends_its_query(folder: Path, form: Form) -> None:
    state = shown(folder)
    whole = len(b"".join(stream(export(state, SELECTION), form)))
    before = state.connection.execute("FROM duckdb_connection_count()").fetchall()
    found = Client(form, download.token(SELECTION, state.version), parts=1)
    assert 0 < len(found.body) < whole
    assert state.connection.execute("FROM duckdb_connection_count()").fetchall() == before
