"""The dashboard: `uv run dashboard.py` starts its server; for each viewer this script is the frame around the pages."""

import argparse
import logging
import os
import secrets
import threading
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import streamlit as st
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send
from streamlit.runtime.scriptrunner import get_script_run_ctx

from data import sample
from kpi import asking, download, exports, store
from kpi.errors import KpiError
from kpi.exports import MEDIA_TYPES, Form
from kpi.figures import packed_script
from kpi.freshness import Rhythm, late_sources, rhythms
from kpi.loader import RUNNING, Loader
from kpi.words import text
from kpi.words.safe import plain
from kpi.words.sentences import age_sentence, late_sentence, pace_sentence
from pages import compare as compare_page
from pages import data as data_page
from pages import events as events_page
from pages import kpi as kpi_page
from pages import overview as overview_page
from pages.filters import show_breadcrumb, show_filters, show_pages
from pages.links import dress
from pages.plot import SCRIPT_PATH
from pages.view import DATA_VARIABLE, DOWNLOAD_PATH, View, as_known_at, current_state, data_folder, opened

SECONDS_BETWEEN_LOOKS = 2.5
Given = TypeVar("Given")
Found = TypeVar("Found")
HEADERS = {"X-Content-Type-Options": "nosniff", "X-Frame-Options": "SAMEORIGIN", "Referrer-Policy": "same-origin"}


def main() -> None:
    """Everything a viewer sees. The filters belong to this script and not to a page, so that one page hands them to the next."""
    st.set_page_config(page_icon="📈", layout="wide")
    way = st.container()
    view = _shown(_filtered, data_folder())
    pages = [
        st.Page(_page(overview_page.show, view), title=text("Overview"), url_path="home", default=True),
        st.Page(_page(overview_page.show, view), title=text("Overview"), url_path="overview", visibility="hidden"),
        st.Page(_page(kpi_page.show, view), title=text("KPI"), url_path="kpi"),
        st.Page(_page(compare_page.show, view), title=text("Compare"), url_path="compare"),
        st.Page(_page(events_page.show, view), title=text("Events"), url_path="events"),
        st.Page(_page(data_page.show, view), title=text("Data"), url_path="data"),
    ]
    page = st.navigation(pages, position="hidden")
    st.set_page_config(page_title=text("{page} · Service KPIs", page=page.title))
    if view is not None:
        with way:
            show_pages(pages, page)
            show_breadcrumb(view, page)
    page.run()
    dress()


def _filtered(folder: Path) -> View | None:
    """What the viewer chose; None while nothing is loaded, which is said."""
    if not store.published_version(folder):
        _loading(folder)
        return None
    published = current_state()
    view = show_filters(published)
    if view.as_of is None or view.as_of > published.as_of:
        _refresh_when_published(str(folder), published.version)
    return view


def _page(show: Callable[[View], None], view: View | None) -> Callable[[], None]:
    """A page that shows this view, or nothing as long as there is none."""

    def page() -> None:
        if view is None:
            return
        if view.as_of is not None and not view.state.event_count:
            st.info(text("Nothing was known yet at that moment. Choose a later one."), icon=":material/hourglass_empty:")
            return
        _shown(show, view)

    return page


def _shown(show: Callable[[Given], Found], given: Given) -> Found | None:
    """What `show` gives; the one place where a message for people is caught and shown."""
    try:
        return show(given)
    except KpiError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return None


@st.fragment(run_every=SECONDS_BETWEEN_LOOKS)
def _refresh_when_published(folder: str, shown: str) -> None:
    """Show new data without a reload; nothing is computed while nothing changed."""
    if store.published_version(Path(folder)) not in ("", shown):
        st.rerun()
    loader, now = _loader(Path(folder)), datetime.now(UTC)
    age = age_sentence(opened(folder, shown).as_of, now)
    late = late_sentence(late_sources(_rhythms(folder, shown), now))
    if age or late:
        st.caption(plain(" ".join(sentence for sentence in (age, late) if sentence)))
    if loader.error:
        st.warning(text("New data or settings could not be loaded; the last good ones are shown. {why}", why=plain(loader.error)))


@lru_cache(maxsize=3)
def _rhythms(folder: str, version: str) -> list[Rhythm]:
    return rhythms(opened(folder, version).verdicts)


@st.fragment(run_every=1)
def _loading(folder: Path) -> None:
    """What happens before there is anything to show."""
    loader = _loader(folder)
    if store.published_version(folder):
        st.rerun()
    if loader.error:
        st.error(plain(loader.error), icon=":material/error:")
        return
    if loader.is_waiting:
        st.info(text("Another program is loading these data. This page opens by itself when it is done."), icon=":material/hourglass_top:")
        return
    st.progress(loader.pace.share, text=pace_sentence(loader.pace))
    st.caption(text("What is done is kept: when the server is stopped, the next start goes on from here."))


def _loader(folder: Path) -> Loader:
    return RUNNING.get(folder) or Loader(folder)


def _own_up(error: BaseException) -> bool:
    """A bug: the person gets a number, the log the rest."""
    number = secrets.token_hex(4)
    logging.getLogger("kpi").error("error %s", number, exc_info=error)
    st.error(text("Something went wrong here (error {number}). It is in the server's log; reload the page.", number=number))
    return True


def serve() -> None:
    """Start the server on the folder that the command names; without extracts, on the sample."""
    parser = argparse.ArgumentParser(description="Serve the dashboard.")
    parser.add_argument("--data", type=Path, default=Path(__file__).parent / "data", help="the data folder (default: the sample's)")
    parser.add_argument("--port", type=int, default=8501)
    parser.add_argument("--address", default="127.0.0.1")
    arguments = parser.parse_args()
    folder = arguments.data.resolve()
    if not folder.is_dir():
        parser.error(text("{folder}: no such folder. Create it and put extracts into {folder}/extracts.", folder=folder))
    os.environ[DATA_VARIABLE] = str(folder)
    if folder == Path(__file__).parent / "data" and not (folder / "extracts").exists():
        print("Making the sample extracts (synthetic data)...")  # noqa: T201 (the terminal is where this command is read)
        sample.write(folder / "extracts")
    app = st.App(
        __file__,
        routes=[Route(f"{DOWNLOAD_PATH}.{{form}}", _download), Route(SCRIPT_PATH, _plot_script)],
        lifespan=_loading_in_background,
        middleware=[Middleware(SecurityHeaders)],
        on_script_error=_own_up,
    )
    app.run(config={"server.port": arguments.port, "server.address": arguments.address})


@asynccontextmanager
async def _loading_in_background(app: Any) -> AsyncGenerator[None]:
    """The loader runs as long as the server."""
    del app
    loader = Loader(data_folder())
    RUNNING[loader.folder] = loader
    thread = threading.Thread(target=loader.run, name="loader", daemon=True)
    thread.start()
    try:
        yield
    finally:
        loader.stopped.set()
        await run_in_threadpool(thread.join, 10)


class SecurityHeaders(BaseHTTPMiddleware):
    """Headers that Streamlit does not send itself."""

    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        """Add the headers to every answer."""
        response = await call_next(request)
        response.headers.update(HEADERS)
        return response


def _download(request: Request) -> Response:
    """Stream the events of a signed link; they are those of the version the page showed, as long as it is still there."""
    try:
        form = asking.one_of(request.path_params["form"], tuple(Form), "form")
        selection, version, as_of = download.selection_of(request.query_params.get("token", ""))
        folder = str(data_folder())
        state = as_known_at(folder, version, as_of) if as_of else opened(folder, version) if version else current_state()
        export = exports.export(state, selection)
    except KpiError as error:
        return PlainTextResponse(str(error), status_code=403)
    headers = {"Content-Disposition": f'attachment; filename="{exports.file_name(export, form)}"'}
    return Stream(exports.stream(export, form), media_type=MEDIA_TYPES[form], headers=headers)


class Stream(StreamingResponse):
    """Parts as they are made; when the client goes away, what makes them is closed, and not whenever its memory is collected."""

    def __init__(self, parts: Generator[bytes], media_type: str, headers: Mapping[str, str]) -> None:
        super().__init__(parts, media_type=media_type, headers=headers)
        self.parts = parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, and end."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self.parts.close()


def _plot_script(request: Request) -> Response:
    """The library that draws charts, from this server and not from another; its address changes with its version."""
    del request
    headers = {"Content-Encoding": "gzip", "Cache-Control": "public, max-age=31536000, immutable"}
    return Response(packed_script(), media_type="text/javascript; charset=utf-8", headers=headers)


if __name__ == "__main__":
    if get_script_run_ctx(suppress_warning=True) is None:
        serve()
    else:
        main()
