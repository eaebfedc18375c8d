"""Charts as Plotly figures and sparklines as SVG: nothing is told by colour alone."""

import gzip
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from functools import cache, lru_cache
from html import escape
from math import ceil, floor, hypot, log10
from typing import Any, NamedTuple

import pandas  # noqa: F401 (Plotly imports it lazily: the threads of the first viewers would meet it half-imported)
import plotly.graph_objects as go
from plotly.offline import get_plotlyjs, get_plotlyjs_version

from kpi.control import OTHER_STATISTICS, ControlChart, Point, is_concern
from kpi.metrics import Unit
from kpi.periods import EVERY, Dates, Every, following, starts
from kpi.spc.rules import GRADED, RULES
from kpi.words import text
from kpi.words.charts import symbol_of, usual_text
from kpi.words.sentences import period_text
from kpi.words.values import count_text, short_day_text, value_text

SCRIPT_VERSION = get_plotlyjs_version()

LINE = "#2e86c8"
QUIET = "#8a8f98"
TARGET = "#0a9a74"
ALERT = "#d55e00"
CONCERN = "#e07b00"
"""From the Okabe-Ito palette, lightness moved to the middle so that one colour works on white and on black."""

TICKS: dict[Unit, str] = {"score": ".2~f", "points": "+.0f", "currency": ",.2~f", "events": ",d"}

OPEN_END = "8px 3px 2px 3px 2px 3px"
"""Dashes of the line through periods that are not complete: like those of no other line."""

MANY_POINTS = 200
"""From so many on the points are small and without an edge, or they hide the line."""

MOST_POINTS = 400
"""More lie upon one another, and take a browser seconds to draw."""

FEW_PERIODS = 8
"""So few are named one by one on the axis."""

UNFADED = {"marker": {"opacity": 1}}
"""A click on a point opens its events: nothing else is to fade for it."""

CHOSEN_GROWTH = 6
"""By so many pixels the chosen point is larger."""

SPARK_WIDTH, SPARK_HEIGHT, SPARK_MARGIN, SPARK_RING = 260, 56, 6, 4


@cache
def packed_script() -> bytes:
    """plotly.js as it comes with the package that writes the figures, packed by gzip."""
    return gzip.compress(get_plotlyjs().encode(), mtime=0)


def control_figure(chart: ControlChart, every: Every, currency: str) -> go.Figure:
    """The chart: values, centre, limits, target, alert threshold, signals by shape, incomplete periods hollow, phases by border.

    A watch is a hollow diamond, what is serious a full one, an improvement a triangle. The reference lines lie over the values,
    which would hide them in a long series.
    """
    points = chart.points
    course, open_end = _courses(points)
    traces = {
        "lower": _reference(points, every, [point.lower for point in points], Style(text("lower limit"), QUIET, "dash", 1, show=False)),
        "upper": _reference(points, every, [point.upper for point in points], Style(text("control limits"), QUIET, "dash", 1)),
        "course": course,
        "open end": open_end,
        "values": _values(chart, every, currency),
        "centre": _reference(
            points, every, [point.centre for point in points], Style(_named(chart, "centre", currency), QUIET, "solid", 1)
        ),
        "aim": _reference(points, every, [point.aim for point in points], Style(_named(chart, "aim", currency), TARGET, "dashdot", 2)),
        "alert": _reference(points, every, [point.alert for point in points], Style(_named(chart, "alert", currency), ALERT, "dot", 2)),
        **{mark.name: _marks(chart, mark) for mark in MARKS},
    }
    return drawing(traces, _layout(chart, every, currency) | _borders(chart))


def drawing(traces: Mapping[str, go.Scatter | None], layout: dict[str, Any]) -> go.Figure:
    """The traces there are, known by their names whatever the data: one that a viewer has hidden stays hidden when another joins."""
    return go.Figure(data=[trace.update(uid=name) for name, trace in traces.items() if trace], layout=layout | {"template": "none"})


@lru_cache(maxsize=512)  # all viewers of the same figures see the same line
def sparkline(values: tuple[float | None, ...], aim: float | None, last_is_open: bool, description: str) -> str:
    """A small SVG line with the aim as a dashed line and a hollow last point while it is incomplete."""
    known = [value for value in (*values, aim) if value is not None]
    if not known or len(values) < 2:
        return ""
    low, high = min(known), max(known)
    spread = (high - low) or 1.0

    def place(position: int, value: float) -> Place:
        x = SPARK_MARGIN + position * (SPARK_WIDTH - 2 * SPARK_MARGIN) / (len(values) - 1)
        y = SPARK_HEIGHT - SPARK_MARGIN - (value - low) / spread * (SPARK_HEIGHT - 2 * SPARK_MARGIN)
        return Place(x, y)

    runs = _runs([None if value is None else place(position, value) for position, value in enumerate(values)])
    goal = "" if aim is None else _goal(place(0, aim), place(len(values) - 1, aim))
    last = values[-1]
    dot = "" if last is None else _dot(runs[-1][-1], "none" if last_is_open else LINE)
    if last is not None and last_is_open:
        runs[-1] = _up_to_ring(runs[-1])
    lines = "".join(f'<polyline points="{" ".join(map(str, run))}" fill="none" stroke="{LINE}" stroke-width="2"/>' for run in runs)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SPARK_WIDTH} {SPARK_HEIGHT}" width="{SPARK_WIDTH}" height="{SPARK_HEIGHT}">'
        f"<title>{escape(description)}</title>{goal}{lines}{dot}</svg>"
    )


class Place(NamedTuple):
    """A point of a sparkline, in its own units."""

    x: float
    y: float

    def __str__(self) -> str:
        return f"{self.x:.1f},{self.y:.1f}"


def _up_to_ring(run: list[Place]) -> list[Place]:
    """The line, ended at the edge of the ring around its last point: the ring is empty on any background."""
    if len(run) < 2:
        return run
    (x1, y1), (x2, y2) = run[-2:]
    length = hypot(x2 - x1, y2 - y1)
    kept = max(0.0, length - SPARK_RING) / length
    return [*run[:-1], Place(x1 + (x2 - x1) * kept, y1 + (y2 - y1) * kept)]


def _runs(places: Sequence[Place | None]) -> list[list[Place]]:
    """Unbroken stretches of points: a gap is a gap."""
    runs: list[list[Place]] = [[]]
    for place in places:
        if place is None:
            runs.append([])
        else:
            runs[-1].append(place)
    return [run for run in runs if run]


def _goal(start: Place, end: Place) -> str:
    line = f'x1="{start.x:.1f}" y1="{start.y:.1f}" x2="{end.x:.1f}" y2="{end.y:.1f}"'
    return f'<line {line} stroke="{TARGET}" stroke-width="1.5" stroke-dasharray="6 3 1 3"/>'


def _dot(place: Place, fill: str) -> str:
    return f'<circle cx="{place.x:.1f}" cy="{place.y:.1f}" r="{SPARK_RING}" fill="{fill}" stroke="{LINE}" stroke-width="2"/>'


class Style(NamedTuple):
    """How a reference line is named and drawn."""

    name: str
    colour: str
    dash: str
    width: int
    show: bool = True


def _reference(points: Sequence[Point], every: Every, values: Sequence[float | None], style: Style) -> go.Scatter | None:
    """A line of steps, one a period, as wide as the period when there is only one; nothing when it has no value at all."""
    line = _line(points, values, style.name, style.colour, style.dash, style.width)
    if line is None:
        return None
    if len(points) == 1:
        line.update(x=_around(points[0].period, every), y=[values[0], values[0]])
    return line.update(line_shape="hvh", showlegend=style.show)


def _around(start: date, every: Every) -> list[datetime]:
    """From half a period before the start of a period until half a period after it."""
    middle = datetime.combine(start, time())
    half = (following(start, every) - start) / 2
    return [middle - half, middle + half]


def _line(points: Sequence[Point], values: Sequence[float | None], name: str, colour: str, dash: str, width: int) -> go.Scatter | None:
    """A reference line; nothing when it has no value at all."""
    if all(value is None for value in values):
        return None
    days = [point.period for point in points]
    return go.Scatter(
        x=days, y=list(values), mode="lines", name=name, line={"color": colour, "dash": dash, "width": width}, hoverinfo="skip"
    )


def _named(chart: ControlChart, line: str, currency: str) -> str:
    """The line's name with its latest value, of a complete period where there is one: that is the one that was judged."""
    newest_first = sorted(chart.points, key=lambda point: (point.figure.is_complete, point.period), reverse=True)
    latest = next((value for point in newest_first if (value := getattr(point, line)) is not None), None)
    words = {"centre": "centre {value}", "aim": "target {value}", "alert": "alert threshold {value}"}
    return text(words[line], value=value_text(latest, chart.kpi.unit, currency))


def _courses(points: Sequence[Point]) -> tuple[go.Scatter | None, go.Scatter | None]:
    """The line through the values: solid while periods are complete, dashed through those that are not yet."""
    settled = max((place + 1 for place, point in enumerate(points) if point.figure.is_complete), default=0)
    solid, open_end = points[:settled], points[max(settled - 1, 0) :]
    full = _line(solid, [point.drawn for point in solid], text("value"), LINE, "solid", 2)
    dashed = _line(open_end, [point.drawn for point in open_end], text("incomplete"), LINE, OPEN_END, 2) if len(open_end) > 1 else None
    return full and full.update(showlegend=False), dashed and dashed.update(showlegend=False)


def _values(chart: ControlChart, every: Every, currency: str) -> go.Scatter:
    points = chart.points
    size = 4 if len(points) > MANY_POINTS else 7
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
            "size": size,
            "color": [LINE if point.figure.is_enough else QUIET for point in points],
            "symbol": [symbol_of(point) for point in points],
            "line": {"width": 0 if len(points) > MANY_POINTS else 1.5, "color": LINE},
        },
        selected=_chosen(size),
        unselected=UNFADED,
    )


def _chosen(size: int) -> dict[str, Any]:
    return {"marker": {"opacity": 1, "size": size + CHOSEN_GROWTH}}


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
        selected=_chosen(mark.size),
        unselected=UNFADED,
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


def readable(every: Every, dates: Dates) -> Every:
    """The asked period, or the shortest longer one of which not too many fit into the days."""
    return next((one for one in EVERY[EVERY.index(every) :] if len(starts(dates, one)) <= MOST_POINTS), EVERY[-1])


def _layout(chart: ControlChart, every: Every, currency: str) -> dict[str, Any]:
    return {
        "height": 420,
        "margin": {"l": 8, "r": 8, "t": 24, "b": 8},
        "hovermode": "closest",
        "dragmode": "zoom",
        "legend": {"orientation": "h", "y": -0.15, "x": 0, "yanchor": "top"},
        "xaxis": {"type": "date", "automargin": True} | _named_periods(chart.points, every),
        "yaxis": {"automargin": True, "rangemode": "normal"} | _value_axis(chart, currency),
    }


def _named_periods(points: Sequence[Point], every: Every) -> dict[str, Any]:
    """Few periods by their names; the axis of one is as wide as it."""
    if len(points) > FEW_PERIODS:
        return {}
    ticks = {"tickvals": [point.period for point in points], "ticktext": [_short_period(point.period, every) for point in points]}
    return ticks | ({"range": _around(points[0].period, every)} if len(points) == 1 else {})


def _short_period(start: date, every: Every) -> str:
    return short_day_text(start) if every in ("day", "week") else period_text(start, every)


def _value_axis(chart: ControlChart, currency: str) -> dict[str, Any]:
    """Ticks in the KPI's unit; none where the chart draws another statistic."""
    if chart.chart.name in OTHER_STATISTICS:
        return {}
    shown = (value for point in chart.points for value in (point.drawn, point.lower, point.upper, point.aim, point.alert))
    return value_axis([value for value in shown if value is not None] or [0.0], chart.kpi.unit, currency)


def value_axis(known: Sequence[float], unit: Unit, currency: str) -> dict[str, Any]:
    """Ticks in a unit that differ from one another."""
    if unit == "minutes":
        return _duration_ticks(min(known), max(known))
    if unit == "share":
        return {"tickformat": f".{_share_decimals(max(known) - min(known))}%"}
    return {"tickformat": TICKS[unit], "ticksuffix": f" {currency}" if unit == "currency" else ""}


def _share_decimals(span: float) -> int:
    """So many that five ticks over the span differ."""
    return 0 if span >= 0.05 else 1 if span >= 0.005 else 2


def _duration_ticks(low: float, high: float) -> dict[str, Any]:
    """About five round durations, in the unit that words use for the longest."""
    unit = 1.0 if high < 120 else 60.0 if high < 2880 else 1440.0
    rough = max(high - low, 1e-9) / unit / 5
    ten = 10.0 ** floor(log10(rough))
    step = unit * next(ten * factor for factor in (1, 2, 5, 10) if ten * factor >= rough)
    values = [step * place for place in range(floor(low / step), ceil(high / step) + 1)]
    return {"tickvals": values, "ticktext": [_duration_name(value, unit) for value in values]}


def _duration_name(minutes: float, unit: float) -> str:
    number = f"{minutes / unit:,.4g}"
    names = {1.0: "{number} min", 60.0: "{number} h", 1440.0: "{number} day" if number == "1" else "{number} days"}
    return text(names[unit], number=number)
