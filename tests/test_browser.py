"""What a manager does, in a real browser against a real server."""

import io
import re
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from playwright.sync_api import Error as PlaywrightError

from tests import browsing
from tests.browsing import csv_link, download, promised, ready, served

PAGES = ("", "overview", "kpi", "compare", "events", "data")

pytestmark = pytest.mark.xdist_group("browser")
folder, address, browser, page = browsing.folder, browsing.address, browsing.browser, browsing.page


def choose(page: Page, label: str, value: str) -> None:
    """Pick a value in a filter of the sidebar."""
    field = page.get_by_test_id("stMultiSelect").filter(has_text=label).get_by_role("combobox")
    field.click()
    field.press_sequentially(value)
    page.get_by_role("option", name=value, exact=True).click()
    page.keyboard.press("Escape")


def crumbs(page: Page) -> Locator:
    return page.get_by_role("navigation", name="Levels")


def click_point(page: Page, number: int) -> None:
    """Click a point of the chart, again when the chart was just being drawn anew."""
    hint = page.get_by_text("Click a point of the chart")
    for _ in range(8):
        try:
            page.wait_for_selector(".scatterlayer .points path")
            trace = page.locator(".scatterlayer .trace").filter(has=page.locator(".points path")).first
            point = trace.locator(".points path").nth(number)
            point.scroll_into_view_if_needed()
            box = point.bounding_box() or {"x": 0, "y": 0, "width": 0, "height": 0}
            page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
            page.wait_for_timeout(500)
            page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        except PlaywrightError:
            pass  # the point left the page while it was being aimed at
        page.wait_for_timeout(3_000)
        if not hint.count():
            return
    raise AssertionError("a click on a point does not open its events")


def test_a_manager_finds_a_bad_store_and_downloads_its_events(address: str, page: Page, browser: Browser) -> None:
    page.goto(address)
    ready(page, "Overview")
    expect(page.get_by_text("synthetic sample data")).to_be_visible()
    choose(page, "Store", "S014")
    page.wait_for_url(re.compile("store=S014"))

    expect(crumbs(page)).to_have_text("All›S014")
    ready(page, "Overview")
    card = page.get_by_test_id("stColumn").filter(has=page.get_by_text("Response on time", exact=True))
    card.get_by_role("link", name="Open chart").click()
    ready(page, "Response on time")
    assert "store=S014" in page.url

    table = page.get_by_test_id("stDataFrame").last
    table.scroll_into_view_if_needed()
    cells = table.bounding_box()
    assert cells is not None
    page.mouse.click(cells["x"] + 60, cells["y"] + 52)  # the name, not the box before it
    page.wait_for_url(re.compile("channel="))
    ready(page, "Response on time")
    channel = re.search(r"channel=(\w+)", page.url)
    assert channel is not None
    expect(crumbs(page)).to_have_text(f"All›S014›{channel[1]}")

    click_point(page, 40)
    rows = download(page)
    assert rows
    assert {row["store"] for row in rows} == {"S014"}
    assert {row["channel"] for row in rows} == {channel[1]}
    assert len({row["opened_at_local"][:10] for row in rows}) == 1

    words = csv_link(page).inner_text()
    other = browser.new_context().new_page()
    other.goto(page.url)
    ready(other, "Response on time")
    expect(csv_link(other)).to_have_text(words)
    other.context.close()

    page.go_back()
    expect(page.get_by_text("Click a point of the chart")).to_be_visible()


def test_filters_survive_a_reload_and_back_undoes_them(address: str, page: Page) -> None:
    page.goto(f"{address}/kpi")
    ready(page, "Response on time")
    choose(page, "Region", "North")
    page.wait_for_url(re.compile("region=North"))
    page.reload()
    ready(page, "Response on time")
    expect(crumbs(page)).to_have_text("All›North")
    page.go_back()
    expect(page).to_have_url(f"{address}/kpi")
    expect(crumbs(page)).to_have_text("All")
    ready(page, "Response on time")
    page.go_forward()
    expect(page).to_have_url(f"{address}/kpi?region=North")
    expect(crumbs(page)).to_have_text("All›North")


@pytest.mark.parametrize("name", ["Open chart", "KPI"])
def test_a_link_followed_at_once_keeps_the_filters(address: str, page: Page, name: str) -> None:
    page.goto(f"{address}/?store=S014&range=Last+28+days&compare=Previous+year")
    page.get_by_role("link", name=name, exact=True).first.click()
    ready(page, "Response on time")
    expect(crumbs(page)).to_have_text("All›S014")
    expect(page).to_have_url(re.compile(r"\?(?=.*store=S014)(?=.*range=Last\+28\+days)(?=.*compare=Previous\+year)"))


def test_each_press_of_back_undoes_one_step(address: str, page: Page) -> None:
    page.goto(f"{address}/?store=S014")
    ready(page, "Overview")
    choose(page, "Channel", "chat")
    expect(page).to_have_url(f"{address}/?channel=chat&store=S014")
    expect(crumbs(page)).to_have_text("All›S014›chat")
    page.get_by_role("link", name="Open chart").nth(1).click()
    ready(page, "First-contact resolution (no repeat)")
    page.get_by_role("link", name="Events", exact=True).click()
    ready(page, "Events")
    page.go_back()
    ready(page, "First-contact resolution (no repeat)")
    expect(crumbs(page)).to_have_text("All›S014›chat")
    page.go_back()
    ready(page, "Overview")
    expect(page).to_have_url(f"{address}/?channel=chat&store=S014")
    page.go_back()
    expect(page).to_have_url(f"{address}/?store=S014")
    expect(crumbs(page)).to_have_text("All›S014")


def test_an_empty_choice_says_which_filters_emptied_it(address: str, page: Page) -> None:
    page.goto(f"{address}/events?store=S007&range=From+%E2%80%93+to&from=2026-10-31&to=2026-10-31")
    ready(page, "Events")
    expect(page.get_by_text("No events on these days with these filters: Store.")).to_be_visible()
    page.get_by_role("link", name="Show all days").click()
    expect(page).to_have_url(f"{address}/events?store=S007&range=All+days")
    expect(csv_link(page)).to_be_visible()


def test_chosen_days_stand_in_the_address_and_do_not_move(address: str, page: Page) -> None:
    page.goto(f"{address}/events")
    ready(page, "Events")
    page.get_by_test_id("stSelectbox").filter(has_text="Days").get_by_role("combobox").click()
    page.get_by_role("option", name="From – to").click()
    expect(page).to_have_url(re.compile(r"from=2026-10-04&to=2026-10-31"))


def test_what_a_link_asks_for_in_vain_is_said_until_it_is_chosen_anew(address: str, page: Page) -> None:
    page.goto(f"{address}/kpi?store=S014&store=S999&every=Fortnight")
    ready(page, "Response on time")
    vain = page.get_by_text("The link asks for")
    expect(vain).to_have_text([re.compile("Store S999"), re.compile("points a Fortnight")])
    page.get_by_role("radio", name="Week").click()
    expect(page).to_have_url(re.compile("every=Week"))
    expect(vain).to_have_text([re.compile("Store S999")])
    understood = page.get_by_role("button", name="Understood")
    expect(understood).to_have_count(1)
    understood.click()
    expect(vain).to_have_count(0)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("kpi=First-contact+resolution+%28no+repeat%29&range=Last+7+days", "window not over yet"),
        ("kpi=Resolution+on+time", "Set limit_minutes in a [[target]]"),
        ("kpi=Spread+between+stores&store=S014", "A spread needs two stores"),
    ],
)
def test_why_there_is_nothing_to_judge_is_said(address: str, page: Page, query: str, words: str) -> None:
    page.goto(f"{address}/kpi?{query}")
    expect(page.get_by_test_id("stAlert").filter(has_text=words)).to_be_visible(timeout=90_000)
    expect(page.get_by_text("Nothing to judge yet").first).to_be_visible()
    expect(page.get_by_text("No events on these days")).to_have_count(0)


def test_broken_files_and_bad_rows_are_named_on_the_data_page(address: str, page: Page) -> None:
    page.goto(f"{address}/data")
    ready(page, "Data")
    expect(page.get_by_text("synthetic_broken.parquet: the end of the file is missing")).to_be_visible()


@pytest.mark.parametrize("path", PAGES)
def test_each_link_opens_its_page_as_the_first_request_to_a_fresh_server(folder: Path, page: Page, path: str) -> None:
    with served(folder) as url:
        page.goto(f"{url}/{path}?store=S002")
        expect(crumbs(page)).to_have_text("All›S002", timeout=90_000)
        expect(page.get_by_text("Page not found")).to_have_count(0)


@pytest.mark.parametrize("path", PAGES[1:])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_overflows_on_a_phone(address: str, browser: Browser, path: str, scheme: str) -> None:
    context = browser.new_context(viewport={"width": 375, "height": 800}, color_scheme="dark" if scheme == "dark" else "light")
    page = context.new_page()
    page.goto(f"{address}/{path}")
    page.wait_for_selector("h1", timeout=90_000)
    page.wait_for_timeout(1_000)
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    context.close()


def test_no_page_asks_another_host_for_anything(address: str, page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for path in PAGES[1:]:
        page.goto(f"{address}/{path}")
        page.wait_for_selector("h1")
        page.wait_for_timeout(1_000)
    assert [url for url in asked if not url.startswith((address, address.replace("http", "ws"), "data:", "blob:"))] == []


def test_the_events_are_there_as_parquet_and_as_plain_csv(address: str, page: Page) -> None:
    page.goto(f"{address}/events?range=7d")
    ready(page, "Events")
    rows = promised(csv_link(page))
    assert rows
    for name, start in ((r"Download .* \(parquet\)", b"PAR1"), ("without the lines", b"\xef\xbb\xbfevent_id,")):
        link = page.get_by_role("link", name=re.compile(name))
        with page.expect_download() as started:
            link.click()
        content = Path(started.value.path()).read_bytes()
        assert content.startswith(start)
        assert f"_{rows}rows_" in started.value.suggested_filename
        if start == b"PAR1":
            assert promised(link) == pq.read_metadata(io.BytesIO(content)).num_rows == rows


def test_a_made_up_download_link_is_refused(address: str, page: Page) -> None:
    answer = page.request.get(f"{address}/download/events.csv?token=e30.0000")
    assert answer.status == 403
    assert answer.text() == "This download link is not valid here. Open the page again and use its link."


def test_new_extracts_show_without_a_reload(folder: Path, address: str, page: Page) -> None:
    extracts = folder / "extracts/synthetic_sample"
    page.goto(f"{address}/data")
    ready(page, "Data")
    files = page.get_by_test_id("stMetric").filter(has=page.get_by_text("Files", exact=True)).get_by_test_id("stMetricValue")
    expect(files).to_have_text(str(len(list(extracts.glob("*.parquet")))))
    shutil.copy(extracts / "synthetic_bad_rows.parquet", extracts / "synthetic_copy.parquet")
    expect(files).to_have_text(str(len(list(extracts.glob("*.parquet")))))


def test_a_unit_of_the_funnel_leads_to_its_control_chart_with_the_filters_kept(address: str, page: Page) -> None:
    page.goto(f"{address}/compare?measure=Satisfaction&channel=email")
    ready(page, "Compare")
    expect(page.get_by_text("Adjusted for service mix")).to_be_visible()
    page.wait_for_selector(".scatterlayer .points path")
    table = page.get_by_test_id("stDataFrame")
    table.scroll_into_view_if_needed()
    cells = table.bounding_box()
    assert cells is not None
    page.mouse.click(cells["x"] + 18, cells["y"] + 52)
    page.wait_for_url(re.compile("unit="))
    unit = re.search(r"unit=(\w+)", page.url)
    assert unit is not None
    page.get_by_role("link", name=f"Open the control chart of {unit[1]}").click()
    ready(page, "Satisfaction")
    assert f"store={unit[1]}" in page.url
    assert "channel=email" in page.url
    page.go_back()
    ready(page, "Compare")


def test_a_kpi_without_a_funnel_says_why_and_lists_the_stores(address: str, page: Page) -> None:
    page.goto(f"{address}/compare?measure=Response+time%2C+median")
    ready(page, "Compare")
    expect(page.get_by_text("Cannot be compared as a funnel.")).to_be_visible()
    expect(page.get_by_test_id("stDataFrame")).to_be_visible()
