"""Answers, charts and inspected files as plain records, for JSON and CSV: values in the KPI's unit, shares as 0..1, days as ISO dates."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

from kpi.compare import Comparison as Units
from kpi.compare import Peer
from kpi.control import ControlChart, Episode, Point, Proposal, Span
from kpi.inspection import Inspected
from kpi.metrics import Kpi
from kpi.quarantine import ROW_REASONS, Refusal
from kpi.report import Answer, Change
from kpi.words import text

Record = dict[str, Any]

ROW_CELLS = tuple(field.name for field in fields(Refusal))
PAIRS = ("bounds", "interval_95")


def answer_record(one: Answer, by: Sequence[str], before: Answer | None) -> Record:
    """One figure with all it rests on; `before` adds what it is held against."""
    record: Record = {
        "kpi": one.kpi.name,
        "unit": one.kpi.unit,
        "period": one.period.isoformat() if one.period else None,
        "group": dict(zip(by, one.group, strict=True)),
        "value": one.value,
        "numerator": one.numerator,
        "denominator": one.n,
        "n": one.n,
        "undetermined": one.undetermined,
        "excluded": dict(one.left_out),
        "bounds": one.bounds,
        "interval_95": one.interval,
        "standard_deviation": one.deviation,
        "sum_of_squares": one.squares,
        "observed": one.observed,
        "is_complete": one.is_complete,
        "is_binned": one.is_binned,
        "is_enough": one.is_enough,
    }
    return record if before is None else record | {"comparison": _comparison(one, before)}


def not_measured_record(kpi: Kpi, columns: Sequence[str]) -> Record:
    """A KPI whose columns the data lack: no value, and the reason."""
    return {"kpi": kpi.name, "unit": kpi.unit, "period": None, "group": {}, "value": None, "n": None, "not_measured": list(columns)}


def chart_record(chart: ControlChart, by: Sequence[str]) -> Record:
    """One control chart with its phases, episodes, proposal, verdicts and points."""
    return {
        "kpi": chart.kpi.name,
        "group": dict(zip(by, chart.group, strict=True)),
        "chart": chart.chart.name,
        "equation": chart.chart.equation,
        "rules": {rule.name: rule.definition for rule in chart.rules.rules},
        "variation": chart.variation,
        "assurance": chart.assurance,
        "stands_out": chart.stands_out,
        "autocorrelation": chart.autocorrelation,
        "phases": [_span_record(span) for span in chart.spans],
        "episodes": [_episode_record(one) for one in chart.episodes],
        "proposal": None if chart.proposal is None else _proposal_record(chart.proposal),
        "points": [point_record(chart, point) for point in chart.points],
    }


def point_record(chart: ControlChart, point: Point) -> Record:
    """One point of a chart, with a key for each rule that was looked for."""
    episode = next((one for one in chart.episodes if point in one.points), None)
    figure = point.figure
    return {
        "period": point.period.isoformat(),
        "value": figure.value,
        "numerator": figure.numerator,
        "denominator": figure.n,
        "n": figure.n,
        "undetermined": figure.undetermined,
        "excluded": dict(figure.left_out),
        "statistic": point.drawn,
        "centre": point.centre,
        "lower": point.lower,
        "upper": point.upper,
        "z": point.z,
        "target": point.aim,
        "alert_threshold": point.alert,
        "grade": point.grade,
        "signals": {rule.name: point.signals.get(rule.name, 0) for rule in chart.rules.rules},
        "completes": list(point.completes),
        "episode_from": None if episode is None else episode.starts.isoformat(),
        "is_proposed_step": chart.proposal is not None and chart.proposal.starts == point.period,
        "phase": point.phase,
        "baseline_count": chart.spans[point.phase].count,
        "is_excluded_from_limits": point.is_excluded,
        "is_complete": figure.is_complete,
        "is_enough": figure.is_enough,
    }


def peer_record(found: Units, one: Peer) -> Record:
    """One unit of a comparison, with what all of them are held against."""
    figure = one.answer
    return {
        "kpi": found.kpi.name,
        found.by: one.name,
        "value": figure.value,
        "n": figure.n,
        "adjusted": one.adjusted,
        "coverage": one.coverage,
        "interval_95": one.interval,
        "z": one.z,
        "tier": one.tier,
        "places": None if one.places is None else list(one.places),
        "is_unlike_others": one.is_unlike,
        "is_worse": one.is_worse,
        "in_lowest_tenth": one.in_lowest_tenth,
        "is_judged": one.is_judged,
        "is_enough": one.is_enough,
    }


def _span_record(span: Span) -> Record:
    phase = span.phase
    return {
        "from": None if phase is None else phase.starts_on.isoformat(),
        "reason": None if phase is None else phase.reason,
        "accepted_by": None if phase is None else phase.accepted_by,
        "baseline_count": span.count,
        "baseline_first": None if span.first is None else span.first.isoformat(),
        "baseline_last": None if span.last is None else span.last.isoformat(),
        "is_provisional": span.is_provisional,
    }


def _episode_record(one: Episode) -> Record:
    return {
        "from": one.starts.isoformat(),
        "until": None if one.ends is None else one.ends.isoformat(),
        "side": one.side,
        "grade": "serious" if one.worst > 1 else "watch",
        "periods": [point.period.isoformat() for point in one.points],
    }


def _proposal_record(one: Proposal) -> Record:
    return {
        "from": one.starts.isoformat(),
        "earliest": one.earliest.isoformat(),
        "latest": one.latest.isoformat(),
        "before": one.before,
        "after": one.after,
        "before_count": one.before_count,
        "after_count": one.after_count,
        "chance": one.chance,
    }


def inspected_record(one: Inspected) -> Record:
    """One file with its rows that would be kept aside."""
    return {**asdict(one.verdict), "kept_aside_rows": [asdict(row) for row in one.rows]}


def inspected_lines(one: Inspected) -> list[Record]:
    """The file's cells beside each row that would be kept aside; one line without a row when there is none."""
    rows: list[Record] = [asdict(row) for row in one.rows] or [dict.fromkeys(ROW_CELLS)]
    return [asdict(one.verdict) | row for row in rows]


def kept_aside_records(one: Inspected) -> list[Record]:
    """The rows that would be kept aside, with the reason in words."""
    return [{"file": one.verdict.file} | asdict(row) | {"reason": text(ROW_REASONS[row.reason])} for row in one.rows]


def flat(record: Mapping[str, Any]) -> Record:
    """The record in one level: nested names joined by a dot, pairs as `_lower` and `_upper`, lists joined by spaces."""
    found: Record = {}
    for name, value in record.items():
        match value:
            case Mapping():
                found |= {f"{name}.{inner}": content for inner, content in flat(value).items()}
            case tuple((lower, upper)):
                found |= {f"{name}_lower": lower, f"{name}_upper": upper}
            case None if name in PAIRS:
                found |= {f"{name}_lower": None, f"{name}_upper": None}
            case list():
                found[name] = " ".join(str(item) for item in value)
            case _:
                found[name] = value
    return found


def _comparison(one: Answer, before: Answer) -> Record:
    change = Change(one, before, None)
    return {
        "period": before.period.isoformat() if before.period else None,
        "value": before.value,
        "n": before.n,
        "difference": change.difference,
        "relative": change.relative,
    }
