"""New data while a page is open: it shows them by itself, and nothing that the manager did to it is lost."""

import json
import re
import time
import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from kpi import store
from pages.plot import SCRIPT_PATH
from tests import browsing
from tests.browsing import ROOT, csv_link, download, ready

CHARTS = {"kpi": ("Response on time", "point"), "compare": ("Compare", "unit")}
SHOWN = "document.querySelector('.plot')"
POINTS = f"JSON.stringify({SHOWN}._fullData.map((one) => one.y))"
SCROLLED = "document.querySelector('[data-testid=stMain]')"
SECONDS_TO_SHOW = 5

pytestmark = pytest.mark.xdist_group("browser")
folder, address, browser, page = browsing.folder, browsing.address, browsing.browser, browsing.page


def publish(folder: Path, days: int) -> None:
    """The last two days of the newest month once more, so many days later, as new events; returns when they are published."""
    extracts = folder / "extracts/synthetic_sample"
    table = pq.read_table(extracts / "synthetic_2026-10.parquet")
    opened = table.column("opened_at")
    since = pa.scalar(pc.max(opened).as_py() - timedelta(days=2), opened.type)
    rows = table.filter(pc.greater(opened, since))
    later = pa.scalar(timedelta(days=days), pa.duration("us"))
    columns = [pc.add(column, later) if pa.types.is_timestamp(column.type) else column for column in rows.columns]
    new = pa.table(columns, names=rows.column_names)
    names = pc.binary_join_element_wise(rows.column("event_id"), f"later by {days}", " ")
    before = store.published_version(folder)
    pq.write_table(new.set_column(new.column_names.index("event_id"), "event_id", names), extracts / f"synthetic_later_{days}.parquet")
    while store.published_version(folder) == before:
        time.sleep(0.1)


def freshness(page: Page) -> Locator:
    return page.get_by_text("Newest change known").first


def open_chart(page: Page, url: str, heading: str) -> None:
    page.goto(url)
    ready(page, heading)
    page.wait_for_selector(".plot .scatterlayer .points path")
    page.locator(".plot").scroll_into_view_if_needed()
    page.wait_for_timeout(1_000)


def zoom(page: Page) -> None:
    """Draw a box over the middle of the chart."""
    box = page.locator(".plot .nsewdrag").bounding_box()
    assert box is not None
    x, y, width, height = box["x"], box["y"], box["width"], box["height"]
    page.mouse.move(x + 0.2 * width, y + 0.05 * height)
    page.mouse.down()
    page.mouse.move(x + 0.5 * width, y + 0.5 * height, steps=5)
    page.mouse.move(x + 0.9 * width, y + 0.95 * height, steps=5)
    page.mouse.up()
    page.wait_for_timeout(1_000)


def click_inside(page: Page) -> None:
    """Click the first point that the zoom left well inside the axes."""
    box = page.locator(".plot .nsewdrag").bounding_box()
    assert box is not None
    for point in page.locator(".plot .scatterlayer .points path").all():
        spot = point.bounding_box()
        if spot and 20 < spot["x"] - box["x"] < box["width"] - 40 and 10 < spot["y"] - box["y"] < box["height"] - 20:
            page.mouse.move(spot["x"] + spot["width"] / 2, spot["y"] + spot["height"] / 2)
            page.wait_for_timeout(500)
            page.mouse.click(spot["x"] + spot["width"] / 2, spot["y"] + spot["height"] / 2)
            return
    raise AssertionError("no point is inside the zoomed axes")


def drawn(page: Page) -> dict[str, Any]:
    """What the viewer did to the chart, as it is drawn now."""
    found = page.evaluate(
        f"""(() => {{
            const {{ _fullLayout: layout, _fullData: traces, mark }} = {SHOWN};
            const chosen = traces.flatMap((one) => (one.selectedpoints ?? []).map((place) => one.customdata[place]));
            const hidden = traces.filter((one) => one.visible === "legendonly").map((one) => one.uid);
            return JSON.stringify({{ mark, x: layout.xaxis.range, y: layout.yaxis.range, hidden, chosen, scroll: {SCROLLED}.scrollTop }});
        }})()"""
    )
    return json.loads(found)


@pytest.mark.parametrize("path", CHARTS)
def test_new_data_leave_the_zoom_the_hidden_line_the_chosen_point_and_the_place(folder: Path, address: str, page: Page, path: str) -> None:
    heading, parameter = CHARTS[path]
    open_chart(page, f"{address}/{path}?channel=chat", heading)
    fresh = drawn(page)
    page.evaluate(f"{SHOWN}.mark = 'the same node'")
    zoom(page)
    page.locator(".plot .legendtoggle").nth(1).click()
    page.wait_for_timeout(1_000)
    click_inside(page)
    expect(page).to_have_url(re.compile(f"{parameter}="))
    ready(page, heading)
    page.evaluate(f"{SCROLLED}.scrollTo(0, 300)")
    page.wait_for_timeout(1_000)
    before = drawn(page)
    assert before["hidden"]
    assert before["chosen"]
    assert before["x"] != fresh["x"]
    assert before["scroll"] == 300
    known, url = freshness(page).inner_text(), page.url
    page.evaluate(f"window.points = {POINTS}")

    publish(folder, days=10 + 10 * list(CHARTS).index(path))
    expect(freshness(page)).not_to_have_text(known, timeout=1_000 * SECONDS_TO_SHOW)
    page.wait_for_function(f"window.points !== {POINTS}")
    ready(page, heading)
    page.wait_for_timeout(1_000)
    assert drawn(page) == before
    assert before["mark"] == "the same node"
    assert page.url == url


def test_another_question_starts_with_axes_of_its_own(address: str, page: Page) -> None:
    open_chart(page, f"{address}/kpi", "Response on time")
    page.evaluate(f"{SHOWN}.mark = 'the same node'")
    fresh = drawn(page)
    zoom(page)
    zoomed = drawn(page)
    assert zoomed["x"] != fresh["x"]
    page.get_by_test_id("stSelectbox").filter(has_text="Rules").get_by_role("combobox").click()
    page.get_by_role("option").nth(1).click()
    ready(page, "Response on time")
    page.wait_for_timeout(2_000)
    assert drawn(page)["x"] == zoomed["x"]  # the same points, judged otherwise
    page.get_by_role("radio", name="Week").click()
    page.wait_for_function(f"{SHOWN}._fullLayout.uirevision.includes('week')")
    page.wait_for_timeout(1_000)
    assert drawn(page)["y"] != zoomed["y"]
    assert drawn(page)["x"][0] < zoomed["x"][0]
    assert drawn(page)["mark"] == "the same node"


def test_a_click_on_a_point_shows_its_events_and_makes_it_stand_out(address: str, page: Page) -> None:
    open_chart(page, f"{address}/kpi", "Response on time")
    click_inside(page)
    expect(csv_link(page)).to_be_visible()
    [day, *others] = drawn(page)["chosen"]
    assert not others
    assert f"point={day}" in page.url
    again = page.context.new_page()
    open_chart(again, page.url, "Response on time")
    assert drawn(again)["chosen"] == [day]


def test_charts_have_names_for_those_who_hear_the_page(address: str, page: Page) -> None:
    open_chart(page, f"{address}/kpi", "Response on time")
    expect(page.get_by_role("figure", name="Control chart of Response on time")).to_be_visible()
    open_chart(page, f"{address}/compare", "Compare")
    expect(page.get_by_role("figure", name="Funnel of Response on time by store")).to_be_visible()


@pytest.mark.parametrize("path", CHARTS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_charts_have_the_colours_of_the_page_and_fit_a_phone(address: str, browser: Browser, path: str, scheme: Any) -> None:
    theme = tomllib.loads((ROOT / ".streamlit/config.toml").read_text())["theme"][scheme]
    text = tuple(int(theme["textColor"][place : place + 2], 16) for place in (1, 3, 5))
    context = browser.new_context(viewport={"width": 375, "height": 800}, color_scheme=scheme)
    page = context.new_page()
    open_chart(page, f"{address}/{path}", CHARTS[path][0])
    for words in (".xtick text", ".ytick text", ".legendtext"):
        assert page.evaluate(f"getComputedStyle(document.querySelector('.plot {words}')).fill") == f"rgb{text}"
    assert page.evaluate("getComputedStyle(document.querySelector('.plot .main-svg')).backgroundColor") == "rgba(0, 0, 0, 0)"
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    assert page.evaluate("document.querySelector('.plot .main-svg').getBoundingClientRect().right") <= 375
    context.close()


def test_the_library_of_charts_is_fetched_packed_and_once(address: str, page: Page) -> None:
    answer = page.request.get(address + SCRIPT_PATH)
    assert answer.headers["content-encoding"] == "gzip"
    assert "immutable" in answer.headers["cache-control"]
    assert int(answer.headers["content-length"]) < len(answer.body()) / 3


def test_what_is_typed_and_opened_stays_when_new_data_arrive(folder: Path, address: str, page: Page) -> None:
    open_chart(page, f"{address}/kpi?region=North&range=Last+28+days", "Response on time")
    page.get_by_text("How this chart judges").click()
    expect(page.get_by_text("Marked: serious").first).to_be_visible()
    field = page.get_by_role("textbox", name="As known at")
    field.press_sequentially("2026-10")
    page.evaluate(f"{SCROLLED}.scrollTo(0, 400)")
    page.evaluate("document.querySelectorAll('[data-testid=stElementContainer]').forEach((one) => { one.mark = 'as before'; })")
    page.wait_for_timeout(1_000)
    known, url = freshness(page).inner_text(), page.url
    publish(folder, days=40)
    expect(freshness(page)).not_to_have_text(known)
    page.wait_for_timeout(2_000)
    expect(page.get_by_text("Marked: serious").first).to_be_visible()
    expect(field).to_have_value("2026-10")
    expect(field).to_be_focused()
    assert page.url == url
    assert page.evaluate(f"{SCROLLED}.scrollTop") == 400
    new = "[...document.querySelectorAll('[data-testid=stElementContainer]')].filter((one) => one.mark !== 'as before')"
    assert page.evaluate(f"{new}.map((one) => one.textContent)") == []


def test_a_page_of_the_past_stays_as_it_is_and_so_does_its_download(folder: Path, address: str, page: Page) -> None:
    page.goto(f"{address}/events?asof=2026-10-20T18:00&store=S014&range=Last+7+days")
    ready(page, "Events")
    expect(page.get_by_text("As known at Tue 20 Oct 2026 18:00 (Europe/Paris): later corrections")).to_be_visible()
    days = {row["opened_at_local"][:10] for row in download(page)}
    assert max(days) == "2026-10-20"
    link = csv_link(page)
    promised = link.get_attribute("href")
    publish(folder, days=50)
    page.wait_for_timeout(1_000 * SECONDS_TO_SHOW)
    assert link.get_attribute("href") == promised  # names the version that the page was drawn from
    page.get_by_role("link", name="Back to now").click()
    expect(freshness(page)).to_be_visible()
    expect(page).to_have_url(f"{address}/events?store=S014&range=Last+7+days")
    expect(page.get_by_text("As known at Tue")).to_have_count(0)
