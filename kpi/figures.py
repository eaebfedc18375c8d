"""Charts as Plotly figures and sparklines as SVG: nothing is told by colour alone."""

from collections.abc import Sequence
from html import escape
from typing import Any, NamedTuple

import pandas  # noqa: F401 (Plotly imports it lazily: the threads of the first viewers would meet it half-imported)
import plotly.graph_objects as go

from kpi.control import OTHER_STATISTICS, ControlChart, Point, is_concern
from kpi.metrics import Unit
from kpi.periods import Every
from kpi.spc.rules import GRADED, RULES
from kpi.words import text
from kpi.words.charts import usual_text
from kpi.words.sentences import period_text
from kpi.words.values import count_text, value_text

LINE = "#2e86c8"
QUIET = "#8a8f98"
TARGET = "#0a9a74"
ALERT = "#d55e00"
CONCERN = "#e07b00"
"""From the Okabe-Ito palette, lightness moved to the middle so that one colour works on white and on black."""

TICKS: dict[Unit, str] = {"share": ".0%", "minutes": ",~r", "score": ".2~f", "points": "+.0f", "currency": ",.2~f", "events": ",d"}

SPARK_WIDTH, SPARK_HEIGHT, SPARK_MARGIN = 260, 56, 6


def control_figure(chart: ControlChart, every: Every, currency: str) -> go.Figure:
    """The chart: values, centre, limits, target, alert threshold, signals by shape, incomplete periods hollow, phases by border.

    A watch is a hollow diamond, what is serious a full one, an improvement a triangle.
    """
    points = chart.points
    traces = [
        _limit(points, [point.lower for point in points], text("lower limit"), show=False),
        _limit(points, [point.upper for point in points], text("control limits"), show=True),
        _line(points, [point.centre for point in points], _named(chart, "centre", currency), QUIET, "solid", 1),
        _line(points, [point.aim for point in points], _named(chart, "aim", currency), TARGET, "dashdot", 2),
        _line(points, [point.alert for point in points], _named(chart, "alert", currency), ALERT, "dot", 2),
        *_courses(points),
        _values(chart, every, currency),
        *(_marks(chart, mark) for mark in MARKS),
    ]
    layout = _layout(chart, currency) | _borders(chart)
    return go.Figure(data=[trace for trace in traces if trace], layout=layout)


def sparkline(values: Sequence[float | None], aim: float | None, last_is_open: bool, description: str) -> str:
    """A small SVG line with the aim as a dashed line and a hollow last point while it is incomplete."""
    known = [value for value in (*values, aim) if value is not None]
    if not known or len(values) < 2:
        return ""
    low, high = min(known), max(known)
    spread = (high - low) or 1.0

    def place(position: int, value: float) -> str:
        x = SPARK_MARGIN + position * (SPARK_WIDTH - 2 * SPARK_MARGIN) / (len(values) - 1)
        y = SPARK_HEIGHT - SPARK_MARGIN - (value - low) / spread * (SPARK_HEIGHT - 2 * SPARK_MARGIN)
        return f"{x:.1f},{y:.1f}"

    runs = [f'<polyline points="{" ".join(run)}" fill="none" stroke="{LINE}" stroke-width="2"/>' for run in _runs(values, place)]
    goal = "" if aim is None else _goal(place(0, aim), place(len(values) - 1, aim))
    last = values[-1]
    dot = "" if last is None else _dot(place(len(values) - 1, last), "white" if last_is_open else LINE)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SPARK_WIDTH} {SPARK_HEIGHT}" width="{SPARK_WIDTH}" height="{SPARK_HEIGHT}">'
        f"<title>{escape(description)}</title>{goal}{''.join(runs)}{dot}</svg>"
    )


def _runs(values: Sequence[float | None], place: Any) -> list[list[str]]:
    """Unbroken stretches of points: a gap is a gap."""
    runs: list[list[str]] = [[]]
    for position, value in enumerate(values):
        if value is None:
            runs.append([])
        else:
            runs[-1].append(place(position, value))
    return [run for run in runs if run]


def _goal(start: str, end: str) -> str:
    (x1, y1), (x2, y2) = start.split(","), end.split(",")
    return f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="{TARGET}" stroke-width="1.5" stroke-dasharray="6 3 1 3"/>'


def _dot(place: str, fill: str) -> str:
    x, y = place.split(",")
    return f'<circle cx="{x}" cy="{y}" r="4" fill="{fill}" stroke="{LINE}" stroke-width="2"/>'


def _limit(points: Sequence[Point], values: Sequence[float | None], name: str, *, show: bool) -> go.Scatter | None:
    line = _line(points, values, name, QUIET, "dash", 1)
    return line and line.update(line_shape="hvh", showlegend=show)


def _line(points: Sequence[Point], values: Sequence[float | None], name: str, colour: str, dash: str, width: int) -> go.Scatter | None:
    """A reference line; nothing when it has no value at all."""
    if all(value is None for value in values):
        return None
    days = [point.period for point in points]
    return go.Scatter(
        x=days, y=list(values), mode="lines", name=name, line={"color": colour, "dash": dash, "width": width}, hoverinfo="skip"
    )


def _named(chart: ControlChart, line: str, currency: str) -> str:
    """The line's name with its latest value."""
    latest = next((value for point in reversed(chart.points) if (value := getattr(point, line)) is not None), None)
    words = {"centre": "centre {value}", "aim": "target {value}", "alert": "alert threshold {value}"}
    return text(words[line], value=value_text(latest, chart.kpi.unit, currency))


def _courses(points: Sequence[Point]) -> list[go.Scatter | None]:
    """The line through the values: solid while periods are complete, dashed through those that are not yet."""
    settled = max((place + 1 for place, point in enumerate(points) if point.figure.is_complete), default=0)
    solid, open_end = points[:settled], points[max(settled - 1, 0) :]
    lines = [_line(solid, [point.drawn for point in solid], text("value"), LINE, "solid", 2)]
    if len(open_end) > 1:
        lines.append(_line(open_end, [point.drawn for point in open_end], text("incomplete"), LINE, "dot", 2))
    return [line and line.update(showlegend=False) for line in lines]


def _values(chart: ControlChart, every: Every, currency: str) -> go.Scatter:
    points = chart.points
    return go.Scatter(
        x=[point.period for point in points],
        y=[point.drawn for point in points],
        customdata=[point.period.isoformat() for point in points],
        text=[_hover(chart, point, every, currency) for point in points],
        hoverinfo="text",
        mode="markers",
        name=escape(text(chart.kpi.label)),
        showlegend=False,
        marker={
            "size": 7,
            "color": [LINE if point.figure.is_enough else QUIET for point in points],
            "symbol": [_symbol(point) for point in points],
            "line": {"width": 1.5, "color": LINE},
        },
    )


def _symbol(point: Point) -> str:
    """Full, hollow while the period is incomplete, a cross where a person took it out of the limits."""
    if point.is_excluded:
        return "x"
    return "circle" if point.figure.is_complete else "circle-open"


def _hover(chart: ControlChart, point: Point, every: Every, currency: str) -> str:
    unit = chart.kpi.unit
    figure = point.figure
    lines = [
        period_text(point.period, every) + ("" if figure.is_complete else f" ({text('incomplete')})"),
        f"{value_text(figure.value, unit, currency)}, n = {count_text(figure.n)}",
    ]
    if point.drawn != figure.value and point.drawn is not None:
        lines.append(text("drawn: {value}", value=f"{point.drawn:.4g}"))
    if point.lower is not None:
        lines.append(usual_text(chart, point, currency))
    if not figure.is_enough:
        lines.append(text("few events: not judged"))
    if point.is_excluded:
        lines.append(text("left out of the limits"))
    if point.signals:
        lines.append(text("marked: {rules}", rules=", ".join(text(RULES[name].label) for name in point.signals)))
    return "<br>".join(escape(line) for line in lines)


class Mark(NamedTuple):
    """How one kind of signal is drawn; `grade` 0: found by rules that know no grades."""

    name: str
    is_concern: bool
    grade: int
    symbol: str
    size: int


MARKS = (
    Mark("worse than usual", is_concern=True, grade=0, symbol="diamond", size=13),
    Mark("watch: worse than usual", is_concern=True, grade=1, symbol="diamond-open", size=13),
    Mark("serious: worse than usual", is_concern=True, grade=2, symbol="diamond", size=15),
    Mark("better than usual", is_concern=False, grade=0, symbol="triangle", size=12),
)


def mark_of(chart: ControlChart, point: Point) -> Mark | None:
    """How the point is drawn if it is marked. Of the graded rules only what is large enough to matter is, and no point on the
    good side of the centre while a bad drift lasts.
    """
    if not point.signals or (chart.rules is GRADED and not point.grade):
        return None
    side = next(iter(point.signals.values()))
    if chart.rules is GRADED and point.z is not None and point.z * side < 0:
        return None
    concern = is_concern(chart.kpi, side)
    grade = abs(point.grade) if concern and chart.rules is GRADED else 0
    return next(mark for mark in MARKS if (mark.is_concern, mark.grade) == (concern, grade))


def _marks(chart: ControlChart, mark: Mark) -> go.Scatter | None:
    """The signals of one kind, over the line."""
    marked = [point for point in chart.points if mark_of(chart, point) is mark]
    if not marked:
        return None
    colour = CONCERN if mark.is_concern else LINE
    pointing = "triangle-up" if chart.kpi.better == "higher" else "triangle-down"
    return go.Scatter(
        x=[point.period for point in marked],
        y=[point.drawn for point in marked],
        customdata=[point.period.isoformat() for point in marked],
        mode="markers",
        name=text(mark.name),
        hoverinfo="skip",
        marker={
            "size": mark.size,
            "color": colour,
            "symbol": pointing if mark.symbol == "triangle" else mark.symbol,
            "line": {"width": 2.5 if mark.symbol.endswith("open") else 1, "color": colour if mark.symbol.endswith("open") else "white"},
        },
    )


def _borders(chart: ControlChart) -> dict[str, Any]:
    """A vertical line where an accepted phase begins, with its reason."""
    first, last = chart.points[0].period, chart.points[-1].period
    phases = [span.phase for span in chart.spans if span.phase is not None and first < span.phase.starts_on <= last]
    style = {"type": "line", "yref": "paper", "y0": 0, "y1": 1, "line": {"color": QUIET, "width": 1.5, "dash": "longdash"}}
    note = {"yref": "paper", "y": 1, "yanchor": "bottom", "xanchor": "left", "showarrow": False, "font": {"size": 11}}
    return {
        "shapes": [style | {"x0": phase.starts_on, "x1": phase.starts_on} for phase in phases],
        "annotations": [note | {"x": phase.starts_on, "text": escape(_short(phase.reason))} for phase in phases],
    }


LONGEST_NOTE = 32


def _short(reason: str) -> str:
    return reason if len(reason) <= LONGEST_NOTE else reason[: LONGEST_NOTE - 1] + "…"


def _layout(chart: ControlChart, currency: str) -> dict[str, Any]:
    unit = chart.kpi.unit
    own = chart.chart.name not in OTHER_STATISTICS
    suffix = f" {currency}" if unit == "currency" else " min" if unit == "minutes" else ""
    return {
        "height": 420,
        "margin": {"l": 8, "r": 8, "t": 24, "b": 8},
        "hovermode": "closest",
        "dragmode": "zoom",
        "legend": {"orientation": "h", "y": -0.15, "x": 0, "yanchor": "top"},
        "xaxis": {"type": "date", "automargin": True},
        "yaxis": {"automargin": True, "rangemode": "normal"} | ({"tickformat": TICKS[unit], "ticksuffix": suffix} if own else {}),
    }
