"""The headless face: the same figures as the pages, for cron, scripts and tests."""

import sys
import tempfile
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from kpi import asking, browse, extracts, printing, pseudonyms, store
from kpi.control import control_charts
from kpi.errors import ConfigError, ExtractError, KpiError, UnknownName
from kpi.events import DISPOSITIONS
from kpi.metrics import KPIS, Kpi, missing
from kpi.mix import effects, pooled_weights, standardised
from kpi.periods import Comparison, Dates
from kpi.printing import Format
from kpi.priorities import priorities
from kpi.records import answer_record, chart_record, not_measured_record
from kpi.report import ALWAYS, Question, answer, compared, parts_compared
from kpi.settings import read_settings
from kpi.sources import mapping
from kpi.sources.convert import convert as convert_files
from kpi.store import State
from kpi.words import counted, text

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="Service KPIs from the command line.")

Names = Annotated[list[str], typer.Argument(help="KPIs, as `kpi list` names them.")]
DataOption = Annotated[Path, typer.Option("--data", help="The data folder: extracts/, *.toml, state/.")]
EveryOption = Annotated[str, typer.Option("--every", help="day, week, month or quarter; without it one figure over the whole range.")]
ByOption = Annotated[str, typer.Option("--by", help="Dimensions to group by, separated by commas.")]
WhereOption = Annotated[list[str], typer.Option("--where", help="Keep only these: store=S014 or store=S014,S015; may be repeated.")]
FromOption = Annotated[str, typer.Option("--from", help="First local day, as 2026-01-31.")]
ToOption = Annotated[str, typer.Option("--to", help="Last local day, inclusive.")]
AsOfOption = Annotated[str, typer.Option("--as-of", help="What was known then: 2026-01-31T18:00, local unless it has an offset.")]
WithinOption = Annotated[float | None, typer.Option("--within", min=0, help="Minutes that replace the configured limit.")]
OnOption = Annotated[
    str, typer.Option("--on", help="Date of attribution instead of the KPI's own: opened_on, resolved_on, ended_on, answered_on.")
]
CompareOption = Annotated[str, typer.Option("--compare", help="previous_period, same_weekdays or previous_year.")]
FormatOption = Annotated[Format, typer.Option("--format", help="How to print.")]

DATA = Path("data")
NO_FILTER: list[str] = []


def main() -> None:
    """Run a command; what a person can act on is one line on stderr, and the exit code says that it failed."""
    try:
        app()
    except KpiError as error:
        sys.stderr.write(f"kpi: {error}\n")
        sys.exit(1)


@app.command()
def report(
    names: Names,
    every: EveryOption = "",
    by: ByOption = "",
    where: WhereOption = NO_FILTER,
    first: FromOption = "",
    last: ToOption = "",
    as_of: AsOfOption = "",
    within: WithinOption = None,
    on: OnOption = "",
    compare: CompareOption = "",
    format: FormatOption = Format.TABLE,
    data: DataOption = DATA,
) -> None:
    """Figures of KPIs, each with its n, what was left out, its bounds and its interval."""
    state = _state(data, as_of)
    kpis, unmeasured = asking.kpis_named(state, names)
    question = asking.question(asking.attributed(kpis, on), every, by, where, _days(state, first, last, compare), within)
    _refuse_unknown_values(state, question)
    pairs = compared(state, question, _comparison(compare, question)) if compare else [(one, None) for one in answer(state, question)]
    records = [answer_record(one, question.by, before) for one, before in pairs] + _not_measured(state, unmeasured)
    columns = ("kpi", "period", "group", "value", "n", "undetermined", "excluded", "is_complete", *(("comparison",) if compare else ()))
    printing.show(records, format, _circumstances(state, question), columns)


@app.command()
def chart(
    names: Names,
    every: EveryOption = "day",
    by: ByOption = "",
    where: WhereOption = NO_FILTER,
    first: FromOption = "",
    last: ToOption = "",
    as_of: AsOfOption = "",
    within: WithinOption = None,
    type_: Annotated[str, typer.Option("--type", help="individuals, p, laney_p or x_bar; without it the KPI's own.")] = "",
    format: FormatOption = Format.TABLE,
    data: DataOption = DATA,
) -> None:
    """Control charts: points, centre, limits, signals, target and alert threshold."""
    state = _state(data, as_of)
    kpis, unmeasured = asking.kpis_named(state, names)
    question = asking.question(kpis, every, by, where, asking.dates(first, last), within)
    _refuse_unknown_values(state, question)
    records = [chart_record(one, question.by) for one in control_charts(state, question, type_)] + _not_measured(state, unmeasured)
    if format is not Format.JSON:
        records = [{"kpi": one["kpi"], "group": one["group"]} | point for one in records for point in one.get("points", [one])]
    columns = ("kpi", "group", "period", "value", "n", "centre", "lower", "upper", "target", "alert_threshold", "signals")
    printing.show(records, format, _circumstances(state, question), columns)


@app.command()
def mix(
    name: Annotated[str, typer.Argument(help="A KPI, as `kpi list` names it.")],
    by: ByOption,
    first: FromOption,
    last: ToOption,
    where: WhereOption = NO_FILTER,
    as_of: AsOfOption = "",
    compare: CompareOption = "previous_period",
    format: FormatOption = Format.TABLE,
    data: DataOption = DATA,
) -> None:
    """Why a total moved: because its parts changed (rate) or because their weights did (mix)."""
    state = _state(data, as_of)
    kpis, unmeasured = asking.kpis_named(state, [name])
    _refuse_unmeasured(state, unmeasured)
    if kpis[0].aggregate != "ratio":
        raise KpiError("{kpi} is not a ratio of two sums: it has no mix and rate.", kpi=name)
    question = asking.question(kpis, "", by, where, asking.dates(first, last), None)
    _refuse_unknown_values(state, question)
    before, now = parts_compared(state, question, _comparison(compare, question))
    found = effects(before, now)
    if found is None:
        raise KpiError("{kpi}: no events on one side of the comparison. Choose other dates.", kpi=name)
    weights = pooled_weights(before, now)
    records: list[dict[str, Any]] = [
        {"part": " / ".join(part), "rate_effect": found.rates[part], "mix_effect": found.mixes[part]} for part in found.rates
    ]
    total: dict[str, Any] = {
        "part": text("all"),
        "rate_effect": found.rate,
        "mix_effect": found.mix,
        "before": found.before,
        "now": found.now,
    }
    total |= {"standardised_before": standardised(before, weights), "standardised_now": standardised(now, weights)}
    columns = ("part", "rate_effect", "mix_effect", "before", "now", "standardised_before", "standardised_now")
    printing.show([total, *records], format, _circumstances(state, question), columns)


@app.command("priorities")
def list_priorities(
    by: ByOption = "touchpoint",
    where: WhereOption = NO_FILTER,
    first: FromOption = "",
    last: ToOption = "",
    compare: CompareOption = "previous_year",
    format: FormatOption = Format.TABLE,
    data: DataOption = DATA,
) -> None:
    """Where the service got harder by more than 30 % while recommendation fell by 5 points or more: work orders."""
    state = _state(data, "")
    kpis, unmeasured = asking.kpis_named(state, ["effort", "recommendation"])
    _refuse_unmeasured(state, unmeasured)
    question = asking.question(kpis, "", by, where, _days(state, first, last, compare), None)
    _refuse_unknown_values(state, question)
    records = [
        {
            "group": dict(zip(question.by, one.group, strict=True)),
            "work_order": one.work_order,
            "effort": one.effort.value,
            "effort_before": one.effort_before.value,
            "recommendation": one.recommendation.value,
            "recommendation_before": one.recommendation_before.value,
        }
        for one in priorities(state, question, _comparison(compare, question))
    ]
    printing.show(records, format, _circumstances(state, question), tuple(records[0]) if records else ("group",))


@app.command("list")
def list_kpis(format: FormatOption = Format.TABLE, data: DataOption = DATA) -> None:
    """The KPIs, and which of them these data measure."""
    state = _state(data, "")
    records = [
        {"kpi": kpi.name, "label": text(kpi.label), "unit": kpi.unit, "missing_columns": list(missing(kpi, state.measured))} for kpi in KPIS
    ]
    printing.show(records, format, {}, ("kpi", "label", "unit", "missing_columns"))


@app.command()
def load(data: DataOption = DATA) -> None:
    """Check what is new in the extracts and publish the state that follows."""
    folder = asking.folder_of(data)
    with printing.progress(text("Loading extracts")) as advance:
        state = store.load(folder, lambda done, total, what: advance(done / max(total, 1), what))
    for verdict in state.verdicts:
        if line := printing.verdict_line(verdict):
            sys.stderr.write(f"{line}\n")
    sys.stdout.write(
        counted("{count} event as of {as_of}", "{count} events as of {as_of}", state.event_count, as_of=state.as_of.isoformat()) + "\n"
    )


@app.command()
def check(files: Annotated[list[Path], typer.Argument(help="Extracts (parquet).")], format: FormatOption = Format.TABLE) -> None:
    """Check extracts against the event contract without loading them; fails when a file is refused or a row kept aside."""
    with tempfile.TemporaryDirectory() as parts, printing.progress(text("Checking")) as advance:
        verdicts = extracts.check(
            files,
            Path.cwd(),
            pseudonyms.throw_away_key(),
            Path(parts),
            datetime.now(UTC),
            lambda done, total, what: advance(done / max(total, 1), what),
        )
    records = [asdict(one) for one in verdicts]
    printing.show(records, format, {}, ("file", "status", "rows", "accepted", "kept_aside", "reasons", "message"))
    if any(one.message or one.kept_aside for one in verdicts):
        raise ExtractError(
            "{count} of {all} files have problems.",
            count=sum(bool(one.message or one.kept_aside) for one in verdicts),
            all=len(verdicts),
        )


@app.command()
def convert(
    source: Annotated[str, typer.Argument(help="A mapping: a shipped one, one in the data folder's sources/, or a TOML file.")],
    files: Annotated[list[Path], typer.Argument(help="Exports: CSV, zipped CSV, XLSX or parquet.")],
    format: FormatOption = Format.TABLE,
    data: DataOption = DATA,
) -> None:
    """Turn a vendor's export into an extract; what could not be used is kept aside and counted."""
    own = data / "sources"
    chosen = mapping.load(Path(source), own) if source.endswith(".toml") else mapping.named(source, own)
    with printing.progress(text("Converting")) as advance:
        found = convert_files(chosen, files, data / "extracts", advance)
    printing.show(
        [found.as_dict()],
        format,
        {},
        ("extract", "kept_aside_file", "rows_read", "rows_written", "rows_kept_aside", "kept_aside", "set_aside", "warnings"),
    )
    if not found.rows_written:
        raise ExtractError(
            "{files}: no row was written: {read} read, {aside} kept aside. {advice}",
            files=", ".join(found.files),
            read=found.rows_read,
            aside=found.rows_kept_aside,
            advice=text("See {file}.", file=found.kept_aside_file) if found.kept_aside_file else text("Export it again."),
        )


def _state(data: Path, as_of: str) -> State:
    """The loaded state; what is new is loaded first, unless another program is doing that."""
    folder = asking.folder_of(data)
    with printing.progress(text("Loading extracts")) as advance:
        state = store.latest(folder, lambda done, total, what: advance(done / max(total, 1), what))
    if not as_of:
        return state
    return store.known_at(state, folder, asking.moment(as_of, read_settings(folder).calendar.default.zone))


def _comparison(word: str, question: Question) -> Comparison:
    if question.every is None and question.dates.start == ALWAYS.start:
        raise ConfigError("a comparison over the whole range needs its first day. Add --from.")
    return asking.comparison(word)


def _days(state: State, first: str, last: str, compare: str) -> Dates:
    """The asked days; a range that is compared and has no last day ends with the last complete one."""
    dates = asking.dates(first, last)
    return Dates(dates.start, max(state.known_on, dates.start)) if compare and first and not last else dates


def _refuse_unknown_values(state: State, question: Question) -> None:
    for dimension, values in question.where.items():
        known = DISPOSITIONS if dimension == "disposition" else browse.values_of(state, dimension)
        for value in values:
            if value not in known:
                raise UnknownName(dimension, value, known)


def _refuse_unmeasured(state: State, unmeasured: tuple[Kpi, ...]) -> None:
    for kpi in unmeasured:
        raise KpiError("{kpi} is not measured: no column {columns}.", kpi=kpi.name, columns=", ".join(missing(kpi, state.measured)))


def _not_measured(state: State, unmeasured: tuple[Kpi, ...]) -> list[dict[str, Any]]:
    return [not_measured_record(kpi, missing(kpi, state.measured)) for kpi in unmeasured]


def _circumstances(state: State, question: Question) -> dict[str, Any]:
    """What the figures depend on besides the question's KPIs."""
    calendar = state.settings.calendar
    return {
        "as_of": state.as_of.isoformat(),
        "version": state.version,
        "time_zone": calendar.default.zone,
        "clock": calendar.clock,
        "where": {name: list(values) for name, values in question.where.items()},
        "first_contact_window_days": state.settings.definitions.first_contact_window_days,
    }
