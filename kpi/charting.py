"""Commands of the chart engine that need no data folder: what there is, and any CSV on a chart."""

from pathlib import Path
from typing import Annotated, Any

import typer

from kpi import printing
from kpi.errors import UnknownName
from kpi.printing import Format
from kpi.spc import catalogue, conventions, rules
from kpi.words import text
from kpi.words.charts import rate_text
from kpi.worksheet import judged_rows, levels, read_worksheet

FormatOption = Annotated[Format, typer.Option("--format", help="How to print.")]


def charts(format: FormatOption = Format.TABLE) -> None:
    """The chart types, rule sets and conventions, each with its equation or definition and source."""
    records = [
        {"kind": "chart", "name": one.name, "what": text(one.reason), "equation": one.equation, "source": one.source}
        for one in catalogue.CHARTS
    ]
    for one in rules.RULE_SETS:
        records.append({"kind": "rules", "name": one.name, "what": rate_text(one.name), "equation": "", "source": one.source})
        records += [
            {"kind": "rule", "name": rule.name, "what": text(rule.definition), "equation": rate_text(rule.name), "source": one.source}
            for rule in one.rules
        ]
    records += [
        {"kind": "convention", "name": one.name, "what": text(one.label), "equation": "", "source": ""} for one in conventions.CONVENTIONS
    ]
    printing.show(records, format, {}, ("kind", "name", "what", "equation", "source"))


def spc(
    file: Annotated[Path, typer.Argument(help="CSV: time and value, or numerator and denominator, or mean, sd and n.")],
    chart: Annotated[str, typer.Option("--chart", help="A chart type, as `kpi charts` names them.")] = "between_within",
    rule_set: Annotated[str, typer.Option("--rules", help="A rule set, as `kpi charts` names them.")] = "graded",
    convention: Annotated[str, typer.Option("--convention", help="Whose choices: `kpi charts` names them.")] = "exact",
    baseline: Annotated[int | None, typer.Option("--baseline", min=2, help="Rows that set the limits; without it all.")] = None,
    format: FormatOption = Format.TABLE,
) -> None:
    """Put any series on a control chart."""
    for kind, name, known in (
        ("chart", chart, catalogue.BY_NAME),
        ("rule set", rule_set, rules.BY_NAME),
        ("convention", convention, conventions.BY_NAME),
    ):
        if name not in known:
            raise UnknownName(kind, name, known)
    chosen = catalogue.BY_NAME[chart]
    sheet = read_worksheet(file, baseline)
    records = judged_rows(sheet, chosen, rules.BY_NAME[rule_set], conventions.BY_NAME[convention])
    circumstances: dict[str, Any] = {"chart": chart, "equation": chosen.equation, "rules": rule_set, "convention": convention}
    if chart == "run":
        circumstances["levels"] = levels(sheet, baseline)
    printing.show(records, format, circumstances, ("time", "value", "n", "statistic", "centre", "lower", "upper", "z", "grade", "signals"))
