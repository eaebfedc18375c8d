"""A dashboard server and a browser, as a manager has them."""

import csv
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from data import sample

ROOT = Path(__file__).parent.parent
CHROMIUM_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

expect.set_options(timeout=30_000)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample in a folder of its own, small enough to load in seconds."""
    folder = tmp_path_factory.mktemp("browser")
    sample.write(folder / "extracts", events=60_000)
    for name in ("calendar.toml", "kpis.toml", "targets.toml"):
        shutil.copy(ROOT / "data" / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def address(folder: Path) -> Generator[str]:
    with served(folder) as url:
        yield url


class served:  # noqa: N801 (used as a verb)
    """A dashboard server on a free port, as `uv run dashboard.py` starts it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __enter__(self) -> str:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        command = [sys.executable, "dashboard.py", "--data", str(self.folder), "--port", str(port)]
        environment = os.environ | {"KPI_CUSTOMER_KEY_FILE": str(self.folder.parent / "customer.key")}
        self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        url = f"http://127.0.0.1:{port}"
        for _ in range(150):
            try:
                urlopen(f"{url}/_stcore/health", timeout=1).close()
                return url
            except (URLError, OSError):
                time.sleep(0.2)
        raise AssertionError("the dashboard did not start")

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(timeout=20)


@pytest.fixture(scope="module")
def browser() -> Generator[Browser]:
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
    path = os.environ.get("CHROMIUM") or next((found for name in names if (found := shutil.which(name))), None)
    if path is None:
        message = "no Chromium found: install one (Debian: apt-get install chromium) or name it in the environment variable CHROMIUM"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Generator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    page = context.new_page()
    page.set_default_timeout(30_000)
    yield page
    context.close()


def ready(page: Page, heading: str) -> None:
    expect(page.get_by_role("heading", name=heading, exact=True)).to_be_visible(timeout=90_000)
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0, timeout=60_000)


def download(page: Page) -> list[dict[str, str]]:
    """The rows of the CSV behind the download link, whose text promises their number."""
    link = csv_link(page)
    with page.expect_download() as started:
        link.click()
    content = Path(started.value.path()).read_bytes()
    assert content.startswith(b"\xef\xbb\xbf# ")
    lines = content.decode("utf-8-sig").splitlines(keepends=True)
    rows = list(csv.DictReader(line for line in lines if not line.startswith("# ")))
    assert len(rows) == promised(link)
    return rows


def csv_link(page: Page) -> Locator:
    return page.get_by_role("link", name=re.compile(r"Download .* \(CSV\)"))


def promised(link: Locator) -> int:
    return int(re.sub(r"\D", "", link.inner_text()))
