"""What a control chart says, as sentences built from its numbers."""

from datetime import timedelta

from kpi.control import ControlChart, Episode, Point, Proposal, Span, is_concern
from kpi.periods import Every, following
from kpi.spc.charts import FIRM_POINTS
from kpi.spc.judging import FEWEST_POINTS
from kpi.spc.rates import false_alarm_rate
from kpi.spc.rules import RULES, Rule, RuleSet
from kpi.spc.verdicts import Assurance, Variation
from kpi.words import counted, text
from kpi.words.sentences import period_text
from kpi.words.values import count_text, day_text, difference_text, value_text

VARIATION_WORDS: dict[Variation, str] = {
    "improvement": "Improvement",
    "concern": "Concern",
    "common_cause": "As usual",
    "not_judged": "Not judged",
}
VARIATION_SIGNS: dict[Variation, str] = {"improvement": "▲", "concern": "◆", "common_cause": "≈", "not_judged": "?"}
"""Beside the word, in the shape of the marks on the chart; never instead of it."""

ASSURANCE_WORDS: dict[Assurance, str] = {
    "passes": "Consistently reaches the target",
    "fails": "Consistently misses the target",
    "hit_and_miss": "Sometimes reaches the target, sometimes not",
    "not_judged": "No target to hold it against",
}
NOT_HELD = "Too little data to hold it against the target"
"""Said instead, when there is one."""

GRADE_WORDS = {1: "watch", 2: "serious"}

SYMBOL_WORDS = {
    "circle-open": "hollow: the period is not complete",
    "circle-open-dot": "a dot in a ring: fewer than {floor} events, not judged",
    "x": "a cross: left out of the limits",
}

MUCH_WIDER = 1.25
"""Limits this much farther apart in one period than in another are worth a word."""


def verdict_sentence(chart: ControlChart) -> str:
    """Variation and assurance of the current phase, in the words of NHS Making Data Count."""
    word = f"{VARIATION_SIGNS[chart.variation]} {text(VARIATION_WORDS[chart.variation])}"
    has_target = any(point.aim is not None for point in chart.points)
    assurance = NOT_HELD if has_target and chart.assurance == "not_judged" else ASSURANCE_WORDS[chart.assurance]
    return text("{variation} · {assurance}", variation=word, assurance=text(assurance))


def limits_sentence(chart: ControlChart, every: Every) -> str:
    """Which limits these are and on what they rest, or why there are none."""
    span = chart.current
    if not span.has_limits:
        return counted(
            "No limits: {count} complete period with data, at least {needed} are needed.",
            "No limits: {count} complete periods with data, at least {needed} are needed.",
            span.count,
            needed=FEWEST_POINTS,
        )
    weekdays = [text("Weekdays have their own usual.")] if every == "day" else []
    parts = [text(chart.chart.reason), *weekdays, _basis_sentence(span, every)]
    if span.is_provisional:
        parts.append(text("Provisional, and wider for it: fewer than {needed}.", needed=FIRM_POINTS))
    return " ".join([*parts, *([wobble] if (wobble := _wobble_sentence(chart)) else [])])


def _basis_sentence(span: Span, every: Every) -> str:
    """The periods the limits rest on, from the first day of the first to the last day of the last."""
    first = day_text(span.first) if span.first else ""
    last = day_text(following(span.last, every) - timedelta(days=1)) if span.last else ""
    return counted(
        "The limits rest on {count} complete period, {first} to {last}.",
        "The limits rest on {count} complete periods, {first} to {last}.",
        span.count,
        first=first,
        last=last,
    )


def _wobble_sentence(chart: ControlChart) -> str:
    """Why the limits are not straight lines."""
    known = [(point.upper - point.lower, point.figure.n) for point in chart.points if point.upper is not None and point.lower is not None]
    if not known or max(known)[0] < MUCH_WIDER * min(known)[0]:
        return ""
    fewest, most = min(n for _, n in known), max(n for _, n in known)
    return text(
        "They are wider where fewer events were counted (n from {fewest} to {most}): few tell less.",
        fewest=count_text(fewest),
        most=count_text(most),
    )


def phase_sentence(span: Span, every: Every) -> str:
    """Since when the process is another one, and why; empty for what was before any accepted phase."""
    phase = span.phase
    if phase is None:
        return ""
    return text(
        "New phase since {day}: {reason}{by}. {basis}",
        day=day_text(phase.starts_on),
        reason=phase.reason,
        by=text(" (accepted by {name})", name=phase.accepted_by) if phase.accepted_by else "",
        basis=_basis_sentence(span, every) if span.has_limits else text("Not enough periods for limits yet."),
    )


def symbols_sentence(chart: ControlChart) -> str:
    """What the forms of the points mean, of those that occur."""
    kinds = {symbol_of(point) for point in chart.points if point.drawn is not None}
    words = [text(words, floor=chart.kpi.floor) for symbol, words in SYMBOL_WORDS.items() if symbol in kinds]
    return text("Points: {kinds}.", kinds="; ".join(words)) if words else ""


def symbol_of(point: Point) -> str:
    """A full circle for what is judged, and another form for each reason why a point is not."""
    if point.is_excluded:
        return "x"
    if not point.figure.is_enough:
        return "circle-open-dot"
    return "circle" if point.figure.is_complete else "circle-open"


def untested_sentence(chart: ControlChart) -> str:
    """Why no point was held against limits: silence would look like all is well."""
    if not chart.current.has_limits:
        return text("Not tested for signals: too few complete periods. Choose more days or shorter periods.")
    return text("Not tested for signals: no period has {floor} events. Choose longer periods.", floor=chart.kpi.floor)


def side_text(chart: ControlChart, side: int) -> str:
    """Whether a signal on this side is for the worse or for the better."""
    return text("worse than usual") if is_concern(chart.kpi, side) else text("better than usual")


def signal_sentence(chart: ControlChart, point: Point, every: Every, currency: str) -> str:
    """One marked point: what, how much, the usual range, by which rule, n."""
    side = next(iter(point.signals.values()))
    return text(
        "{when}: {value}, {word}; {usual}; {rules}; n = {n}.",
        when=period_text(point.period, every),
        value=value_text(point.drawn, chart.kpi.unit, currency),
        word=side_text(chart, side),
        usual=usual_text(chart, point, currency),
        rules=", ".join(text(RULES[name].label) for name in point.signals),
        n=count_text(point.figure.n),
    )


def usual_text(chart: ControlChart, point: Point, currency: str) -> str:
    """The range in which the point was to be expected."""
    unit = chart.kpi.unit
    if point.lower is None or point.upper is None:
        return text("usual {centre}", centre=value_text(point.centre, unit, currency))
    return text("usual {lower} to {upper}", lower=value_text(point.lower, unit, currency), upper=value_text(point.upper, unit, currency))


def episode_sentence(chart: ControlChart, one: Episode, every: Every, currency: str) -> str:
    """A deviation from its beginning: how grave, how much, against what is usual, since when, whether it is over, n."""
    signals = [point for point in one.points if point.grade and (point.grade > 0) == (one.side > 0)]
    last = signals[-1] if signals else one.points[-1]
    grade = "" if not is_concern(chart.kpi, one.side) else text(" ({grade})", grade=text(GRADE_WORDS[one.worst]))
    over = (
        text("; not over yet")
        if one.ends is None
        else text("; over since {when}, after it was calm for a while", when=period_text(one.ends, every))
    )
    return text(
        "Since {since}: {word}{grade}. Newest signal {when}: {value}, {usual}, n = {n}{over}.",
        since=period_text(one.starts, every),
        word=side_text(chart, one.side),
        grade=grade,
        when=period_text(last.period, every),
        value=value_text(last.drawn, chart.kpi.unit, currency),
        usual=usual_text(chart, last, currency),
        n=count_text(last.figure.n),
        over=over,
    )


def proposal_sentence(chart: ControlChart, one: Proposal, every: Every, currency: str) -> str:
    """A step nobody has explained yet: when, from what to what, how sure."""
    unit = chart.kpi.unit
    earliest, latest = (period_text(day, every) for day in (one.earliest, one.latest))
    return text(
        "The level seems to be another one since {when}: {before} before, {after} since ({change}), on {before_count} and {after_count}"
        " periods. It began between {earliest} and {latest} (95 % sure); a process without a change shows one as clear {chance}.",
        when=period_text(one.starts, every),
        before=value_text(one.before, unit, currency),
        after=value_text(one.after, unit, currency),
        change=difference_text(one.after - one.before, unit, currency),
        before_count=one.before_count,
        after_count=one.after_count,
        earliest=earliest,
        latest=latest,
        chance=chance_text(one.chance),
    )


def chance_text(chance: float) -> str:
    """A small chance in words."""
    return text("less than once in a million") if chance < 1e-6 else text("once in {times}", times=count_text(_two_digits(1 / chance)))


def _two_digits(number: float) -> int:
    return int(float(f"{number:.2g}"))


def rule_sentence(rule: Rule) -> str:
    """The rule's exact definition, and how often a stable process is marked by it."""
    return text("{definition}; {rate}", definition=text(rule.definition), rate=rate_text(rule.name))


def rules_sentence(rules: RuleSet) -> str:
    """The rules together: source and rate."""
    return text(
        "{label} ({source}): {rate} by all of them together.", label=text(rules.label), source=rules.source, rate=rate_text(rules.name)
    )


def rate_text(name: str) -> str:
    """How often a stable process is marked by chance, as measured by simulation."""
    rate = false_alarm_rate(name)
    if rate is None:
        return text("its rate was not measured")
    if rate.per == "series":
        return text("marks {share} of stable series by chance", share=value_text(rate.value, "share", ""))
    return text("a stable process is marked by chance about once in {points} points", points=count_text(_two_digits(rate.value)))
