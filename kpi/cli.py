"""The headless face: the same figures as the pages, for cron, scripts and tests."""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from kpi import asking, browse, charting, exports, extracts, printing, scaling, store
from kpi.browse import Selection
from kpi.building import EVENTS
from kpi.calendar import FILE as CALENDAR
from kpi.calendar import UNCHOSEN_ZONE
from kpi.circumstances import circumstances
from kpi.compare import MIXES, comparison
from kpi.control import control_charts
from kpi.errors import ConfigError, ExtractError, KpiError, UnknownName
from kpi.events import DISPOSITIONS
from kpi.exports import Form
from kpi.inspection import Inspected, inspected
from kpi.metrics import KPIS, Kpi, missing
from kpi.mix import effects, pooled_weights, standardised
from kpi.pace import Pace, Progress
from kpi.periods import Comparison
from kpi.printing import Format
from kpi.priorities import priorities
from kpi.records import answer_record, chart_record, inspected_lines, inspected_record, kept_aside_records, not_measured_record, peer_record
from kpi.report import ALWAYS, Question, answer, compared, on_complete_days, parts_compared
from kpi.sources import mapping
from kpi.sources.convert import convert as convert_files
from kpi.store import State
from kpi.tally import kept_out, kept_out_text, tally_text
from kpi.words import counted, text
from kpi.words.comparisons import basis_sentence, obstacle_sentence
from kpi.words.sentences import later_sentence, pace_sentence, unmeasured_sentence

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="Service KPIs from the command line.")

app.command()(charting.charts)
app.command()(charting.spc)

Names = Annotated[list[str], typer.Argument(help="KPIs, as `kpi list` names them.")]
DataOption = Annotated[
    Path, typer.Option("--data", parser=asking.folder_named, metavar="FOLDER", help="The data folder: extracts/, *.toml, state/.")
]
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
MOST_ROWS = 20
LOADED_IN_PART = 3  # 1 is a failure and 2 a wrong use of the command


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
    asked = asking.question(asking.attributed(kpis, on), every, by, where, asking.dates(first, last), within)
    question = _ended(state, asked, compare)
    _refuse_unknown_values(state, question)
    pairs = compared(state, question, _comparison(compare, question)) if compare else [(one, None) for one in answer(state, question)]
    records = [answer_record(one, question.by, before) for one, before in pairs] + _not_measured(state, unmeasured)
    columns = ("kpi", "period", "group", "value", "n", "undetermined", "excluded", "is_complete")
    columns += (("comparison",) if compare else ()) + (("why",) if unmeasured else ())
    printing.show(records, format, circumstances(state, question), columns)


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
    type_: Annotated[str, typer.Option("--type", help="A chart type, as `kpi charts` names them; without it the KPI's own.")] = "",
    rules: Annotated[str, typer.Option("--rules", help="A rule set, as `kpi charts` names them; without it watch and serious.")] = "",
    format: FormatOption = Format.TABLE,
    data: DataOption = DATA,
) -> None:
    """Control charts: points, limits, signals, phases, episodes, a proposed step, verdicts, target and alert threshold."""
    state = _state(data, as_of)
    kpis, unmeasured = asking.kpis_named(state, names)
    question = asking.question(kpis, every, by, where, asking.dates(first, last), within)
    _refuse_unknown_values(state, question)
    records = [chart_record(one, question.by) for one in control_charts(state, question, type_, rules)] + _not_measured(state, unmeasured)
    if format is not Format.JSON:
        shared = ("kpi", "group", "chart", "variation", "assurance", "stands_out")
        records = [{name: one.get(name) for name in shared} | point for one in records for point in one.get("points", [one])]
    columns = ("kpi", "group", "period", "value", "n", "centre", "lower", "upper", "target", "alert_threshold", "grade", "signals")
    printing.show(records, format, circumstances(state, question), columns)


@app.command("compare")
def compare_units(
    name: Annotated[str, typer.Argument(help="A KPI, as `kpi list` names it.")],
    by: ByOption = "store",
    where: WhereOption = NO_FILTER,
    first: FromOption = "",
    last: ToOption = "",
    as_of: AsOfOption = "",
    mix: Annotated[str, typer.Option("--mix", help="adjusted (for service mix) or unadjusted.")] = "adjusted",
    format: FormatOption = Format.TABLE,
    data: DataOption = DATA,
) -> None:
    """Units side by side on complete days: tiers instead of ranks, and which are unlike the others."""
    state = _state(data, as_of)
    kpis, unmeasured = asking.kpis_named(state, [name])
    _refuse_unmeasured(state, unmeasured)
    question = asking.question(kpis, "", by, where, asking.dates(first, last), None)
    _refuse_unknown_values(state, question)
    found = comparison(state, question, asking.one_of(mix, MIXES, "service mix"))
    funnel = found.funnel and {"centre": found.funnel.centre, "tau": found.funnel.tau, "basis": found.basis}
    why = obstacle_sentence(found) if found.obstacle else basis_sentence(found)
    sys.stderr.write(f"{printing.printable(why)}\n")
    columns = (found.by, "tier", "value", "adjusted", "n", "interval_95", "z", "is_unlike_others", "in_lowest_tenth")
    records = [peer_record(found, one) for one in found.peers]
    printing.show(records, format, circumstances(state, question) | {"funnel": funnel, "obstacle": found.obstacle}, columns)


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
        raise KpiError("{kpi}: no events on complete days on one side of the comparison. Choose other dates.", kpi=name)
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
    printing.show([total, *records], format, circumstances(state, question), columns)


@app.command("priorities")
def list_priorities(
    by: ByOption = "touchpoint",
    where: WhereOption = NO_FILTER,
    first: FromOption = "",
    last: ToOption = "",
    as_of: AsOfOption = "",
    compare: CompareOption = "previous_year",
    format: FormatOption = Format.TABLE,
    data: DataOption = DATA,
) -> None:
    """Where the service got harder by more than 30 % while recommendation fell by 5 points or more: work orders."""
    state = _state(data, as_of)
    kpis, unmeasured = asking.kpis_named(state, ["effort", "recommendation"])
    _refuse_unmeasured(state, unmeasured)
    question = _ended(state, asking.question(kpis, "", by, where, asking.dates(first, last), None), compare)
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
    printing.show(records, format, circumstances(state, question), tuple(records[0]) if records else ("group",))


@app.command("events")
def write_events(
    where: WhereOption = NO_FILTER,
    first: FromOption = "",
    last: ToOption = "",
    on: Annotated[str, typer.Option("--on", help=f"The date that the days are of: {', '.join(browse.DATES)}.")] = "opened_on",
    as_of: AsOfOption = "",
    form: Annotated[Form, typer.Option("--format", help="The form of the file; plain.csv has no lines above its header.")] = Form.CSV,
    output: Annotated[Path | None, typer.Option("--output", metavar="FILE", help="The file to write; without it, stdout.")] = None,
    data: DataOption = DATA,
) -> None:
    """The events behind the figures as a file, byte for byte as the pages give it; how many is told on stderr."""
    state = _state(data, as_of)
    question = asking.question((), "", "", where, asking.dates(first, last), None)
    _refuse_unknown_values(state, question)
    found = exports.export(state, Selection(question, on))
    printing.write(exports.stream(found, form), output)
    sys.stderr.write(counted("{count} event", "{count} events", found.rows) + "\n")


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
    """Check what is new in the extracts and publish the state that follows; ends with 3 when that is without some files or rows."""
    folder = asking.folder_of(data)
    with printing.progress(text("Loading extracts")) as advance:
        state = store.load(folder, _shown_by(advance))
    _tell_loaded(state)


@app.command()
def rollup(
    engine: Annotated[
        str, typer.Option("--engine", help="duckdb: this machine; spark: a cluster (an extra: see docs/scale-out.md).")
    ] = "duckdb",
    master: Annotated[
        str, typer.Option("--master", help="Spark's cluster, as spark://HOST:7077, yarn or local[4]; else as spark-submit says.")
    ] = "",
    conf: Annotated[list[str], typer.Option("--conf", help="A setting of Spark: name=value; may be repeated.")] = NO_FILTER,
    extracts_at: Annotated[
        str, typer.Option("--extracts", help="A folder or, with spark, a URL whose extracts are brought into the data folder first.")
    ] = "",
    output: Annotated[
        str, typer.Option("--output", help="A folder or URL that every worker sees, where Spark reads and writes; kept afterwards.")
    ] = "",
    data: DataOption = DATA,
) -> None:
    """Build events and roll-ups of all extracts anew, here or on a cluster, and publish them; ends as `kpi load` does."""
    folder = asking.folder_of(data)
    cluster = None
    if asking.one_of(engine, scaling.ENGINES, "engine") == "spark":
        cluster = scaling.Cluster(master, dict(asking.named_value(one) for one in conf), output)
    elif master or conf or output:
        raise ConfigError("--master, --conf and --output are for --engine spark.")
    with printing.progress(text("Building roll-ups")) as advance:
        told = _shown_by(advance)
        state = scaling.by_spark(folder, extracts_at, cluster, told) if cluster else scaling.by_duckdb(folder, extracts_at, told)
    _tell_loaded(state)


@app.command()
def check(
    files: Annotated[list[Path] | None, typer.Argument(help="Extracts (parquet); without any, those of the data folder.")] = None,
    format: FormatOption = Format.TABLE,
    data: DataOption = DATA,
) -> None:
    """Check extracts against the event contract without loading them; fails when a file is refused or a row kept aside."""
    chosen, root = (files, Path.cwd()) if files else (extracts.listing(asking.folder_of(data) / "extracts"), data)
    with printing.progress(text("Checking")) as advance:
        found = inspected(chosen, root, _shown_by(advance))
    _show_inspected(found, format)
    bad = sum(not one.is_good for one in found)
    if bad:
        raise ExtractError("{count} of {all} files have problems.", count=bad, all=len(found))


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
    columns = ("extract", "kept_aside_file", "rows_read", "rows_written", "rows_kept_aside", "kept_aside", "set_aside", "warnings")
    printing.show_one(found.as_dict(), format, columns)
    if chosen.clock.zone != UNCHOSEN_ZONE and not (data / CALENDAR).exists():
        advice = 'these files tell the time of {zone}, but days are in UTC: set time_zone = "{zone}" in {file}'
        sys.stderr.write(text(advice, zone=chosen.clock.zone, file=data / CALENDAR) + "\n")
    if not found.rows_written:
        raise ExtractError(
            "{files}: no row was written: {read} read, {aside} kept aside. {advice}",
            files=", ".join(found.files),
            read=found.rows_read,
            aside=found.rows_kept_aside,
            advice=text("See {file}.", file=found.kept_aside_file) if found.kept_aside_file else text("Export it again."),
        )


def _tell_loaded(state: State) -> None:
    lines = (*(printing.verdict_line(verdict) for verdict in state.verdicts), printing.loose_line(state.verdicts))
    sys.stderr.writelines(f"{line}\n" for line in lines if line)
    sys.stdout.write(_loaded(state) + "\n")
    if kept_out_text(kept_out(state.verdicts)):
        raise typer.Exit(LOADED_IN_PART)


def _shown_by(advance: Callable[[float, str], None]) -> Progress:
    """The progress of a load as a bar with a sentence: rows, how fast, how long."""
    pace = Pace()

    def progress(done: int, total: int, what: str, rows: int) -> None:
        pace.hear(done, total, what, rows, is_checking=what != EVENTS, now=time.monotonic())
        advance(pace.share, pace_sentence(pace))

    return progress


def _loaded(state: State) -> str:
    if not state.tally.rows:
        return text("no events yet")
    moment = state.as_of.isoformat()
    events = counted("{count} event as of {as_of}", "{count} events as of {as_of}", state.event_count, as_of=moment)
    return f"{events}\n{tally_text(state.tally)}"


def _state(data: Path, as_of: str) -> State:
    """The loaded state; what is new is loaded first, unless another program is doing that."""
    folder = asking.folder_of(data)
    with printing.progress(text("Loading extracts")) as advance:
        state = store.latest(folder, _shown_by(advance))
    if found := kept_out_text(kept_out(state.verdicts)):
        sys.stderr.write(
            text("{found}: not in these figures. They are named by: kpi load --data {folder}", found=found, folder=data) + "\n"
        )
    if not as_of:
        return state
    zone = state.settings.calendar.default.zone
    asked = asking.moment(as_of, zone)
    if warning := later_sentence(asked, state, zone):
        sys.stderr.write(f"{warning}\n")
    return store.known_at(state, folder, asked)


def _show_inspected(found: list[Inspected], format: Format) -> None:
    """JSON has the rows kept aside within their file, CSV a line for each, a table the first of each file below the files."""
    of_files = ("file", "status", "rows", "accepted", "kept_aside", "reasons", "message")
    if format is Format.CSV:
        printing.show([line for one in found for line in inspected_lines(one)], format, {}, of_files)
        return
    printing.show([inspected_record(one) for one in found], format, {}, of_files)
    if format is Format.TABLE and (rows := [row for one in found for row in kept_aside_records(one)[:MOST_ROWS]]):
        words = text("Rows kept aside, at most {most} of each file; JSON and CSV have them all. Rows count from 0.", most=MOST_ROWS)
        sys.stdout.write(f"\n{words}\n")
        printing.show(rows, format, {}, tuple(rows[0]))


def _comparison(word: str, question: Question) -> Comparison:
    if question.every is None and question.dates.start == ALWAYS.start:
        raise ConfigError("a comparison over the whole range needs its first day. Add --from.")
    return asking.comparison(word)


def _ended(state: State, question: Question, compare: str) -> Question:
    """The question; a range that is compared and has no last day ends with the last that is complete for all its KPIs."""
    first, last = question.dates.start, question.dates.end
    if not (compare and question.kpis) or first == ALWAYS.start or last != ALWAYS.end:
        return question
    found = on_complete_days(state, question)
    if not found.dates.days:
        raise ConfigError("no day from {first} on is complete yet, so there is nothing to compare. Choose an earlier --from.", first=first)
    return found


def _refuse_unknown_values(state: State, question: Question) -> None:
    for dimension, values in question.where.items():
        known = DISPOSITIONS if dimension == "disposition" else browse.values_of(state, dimension)
        for value in values:
            if value not in known:
                raise UnknownName(dimension, value, known)


def _refuse_unmeasured(state: State, unmeasured: tuple[Kpi, ...]) -> None:
    for kpi in unmeasured:
        raise KpiError("{kpi} is not measured. {why}", kpi=kpi.name, why=unmeasured_sentence(kpi, state.measured))


def _not_measured(state: State, unmeasured: tuple[Kpi, ...]) -> list[dict[str, Any]]:
    return [
        not_measured_record(kpi, missing(kpi, state.measured)) | {"why": unmeasured_sentence(kpi, state.measured)} for kpi in unmeasured
    ]
