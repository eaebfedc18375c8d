"""What the README says is what the code does."""

import re
from pathlib import Path

from kpi.metrics import KPIS, OR, Kpi
from kpi.sources import mapping
from kpi.spc.catalogue import BY_NAME as CHARTS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def row(kpi: Kpi) -> str:
    columns = ", ".join(f"`{name}`".replace(OR, f"`{OR}`") for name in kpi.needs) or "none"
    return f"| `{kpi.name}` | {kpi.meaning} | {kpi.on.removesuffix('_on')} | {columns} | {kpi.decision} |"


def test_the_table_of_kpis_is_the_one_in_the_code() -> None:
    rows = [line for line in README.splitlines() if re.match(r"\| `\w+` \| .* \| \d+ \|$", line)]
    assert rows == [row(kpi) for kpi in KPIS]


def test_every_decision_that_a_kpi_cites_exists() -> None:
    numbers = {int(found) for found in re.findall(r"^(\d+)\. \*\*", (ROOT / "kpi" / "DECISIONS.md").read_text(encoding="utf-8"), re.M)}
    assert {kpi.decision for kpi in KPIS} <= numbers


def test_every_kpi_names_a_chart_that_exists() -> None:
    assert {kpi.chart for kpi in KPIS} <= set(CHARTS)


def test_the_two_commands_stand_in_the_first_screen() -> None:
    first_screen = README.splitlines()[:30]
    assert "pip install uv && uv run dashboard.py" in first_screen
    assert "pip install uv && uv run pytest" in first_screen
    assert "uv run pytest" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_every_shipped_mapping_is_listed(tmp_path: Path) -> None:
    for name in mapping.available(tmp_path):
        assert f"`{name}`" in README


def test_every_file_that_the_readme_links_to_exists() -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", README) if not link.startswith("http")]
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
