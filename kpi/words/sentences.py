"""What charts and figures say, as sentences built from their numbers."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime

from kpi.freshness import LateSource
from kpi.limits import Limit
from kpi.metrics import Kpi, measured_variants, missing
from kpi.mix import Effects
from kpi.pace import Pace
from kpi.periods import Every
from kpi.report import Answer
from kpi.standing import Standing
from kpi.store import State
from kpi.targets import Target
from kpi.words import counted, text
from kpi.words.values import (
    count_text,
    day_text,
    difference_text,
    duration_text,
    moment_text,
    month_text,
    quarter_text,
    relative_text,
    value_text,
)

LEFT_OUT = {
    "no_response": "ended without a response",
    "no_response_moment": "answered at an unknown moment",
    "not_measured": "their source does not give it",
    "no_handling_time": "handling time unknown",
    "no_resolution": "ended without a resolution",
    "no_resolution_moment": "resolved at an unknown moment",
    "no_end_moment": "ended at an unknown moment",
    "no_limit": "no time limit set for that day",
    "still_open": "still open",
    "immature": "window not over yet",
    "no_customer": "no customer known",
    "no_contact_count": "number of contacts unknown",
    "no_transfer_count": "number of hand-overs unknown",
    "no_reopen_count": "number of reopens unknown",
    "no_answer_date": "still open, day of the answer unknown",
    "no_flag": "not flagged by the source",
    "no_due_date": "no due date",
    "no_cost": "cost unknown",
    "not_completed": "attempt not completed",
    "not_checked": "not checked",
}

REMEDIES = {
    "immature": "They count once their window has passed: choose earlier days.",
    "no_limit": "Set limit_minutes in a [[target]] of this KPI in targets.toml.",
    "still_open": "They count once they have ended.",
    "not_measured": "Choose another source, or export these columns.",
}
"""What can be done about a reason."""

STATUS_WORDS = {
    "met": "Target met",
    "missed": "Target missed",
    "alert": "Beyond the alert threshold",
    "no_target": "No target set",
    "not_enough": "Not enough data",
    "no_value": "Nothing to judge yet",
}

STATUS_SIGNS = {"met": "✓", "missed": "✗", "alert": "‼", "no_target": "·", "not_enough": "?", "no_value": "·"}
"""Beside the word, so that a glance is enough; never instead of it."""


def unmeasured_sentence(kpi: Kpi, measured: Collection[str]) -> str:
    """Which columns a KPI lacks, and what to configure where the data measure another variant of it."""
    lacking = text("No column {columns} in the extracts.", columns=", ".join(missing(kpi, measured)))
    variants = measured_variants(kpi, measured)
    if not variants:
        return lacking
    choice = text(" or ").join(f'"{variant}"' for variant in variants)
    return f"{lacking} " + text("They measure another variant: set first_contact_variant = {choice} in kpis.toml.", choice=choice)


def figure_text(one: Answer, currency: str) -> str:
    """The value in words: unknown is never 0, and what lies beyond every age known is not unknown."""
    return text("not reached") if one.is_not_reached else value_text(one.value, one.kpi.unit, currency)


def beside_sentence(answers: Sequence[Answer], currency: str) -> str:
    """The figures to read a KPI with, each with its name."""
    named = (
        text("{label} {value}", label=text(one.kpi.label), value=figure_text(one, currency))
        + (f" ({binned_text()})" if one.is_binned else "")
        for one in answers
        if one.n
    )
    return " · ".join(named)


def binned_text() -> str:
    """How exact a quantile of very many events is."""
    return text("to 1.6 %: of so many events it comes from a histogram")


def status_text(found: Standing) -> str:
    """The word for where a KPI stands, with its sign."""
    return f"{STATUS_SIGNS[found.status]} {text(STATUS_WORDS[found.status])}"


def standing_sentence(found: Standing, kpi: Kpi, currency: str) -> str:
    """What was judged: period, figure, n and aim."""
    if found.target is None or found.period is None or found.answer is None:
        return text("None is valid on these days: see targets.toml.")
    when = period_text(found.period, found.target.every)
    aim = aim_text(found.target, kpi, currency)
    if found.answer.is_not_reached:
        return text("{when}: not reached, target {aim}, n = {n}", when=when, aim=aim, n=count_text(found.answer.n))
    if found.measured is None and found.answer.value is not None:
        now = value_text(found.answer.value, kpi.unit, currency)
        return text("{when}: {now}; nothing measured a year earlier to hold it against.", when=when, now=now)
    if found.measured is None:
        return text("{when}: nothing measured; target {aim}.", when=when, aim=aim)
    measured = relative_text(found.measured) if found.target.against == "previous_year" else value_text(found.measured, kpi.unit, currency)
    return text(
        "{when}: {measured}, target {aim}, n = {n}",
        when=when,
        measured=measured,
        aim=aim,
        n=count_text(found.answer.n),
    )


def aim_text(target: Target, kpi: Kpi, currency: str) -> str:
    """The aim with its direction."""
    sign = "≥" if target.bound == "at_least" else "≤"
    if target.against == "previous_year" and not target.aim:
        return text("no less than last year") if target.bound == "at_least" else text("no more than last year")
    if target.against == "previous_year":
        return text("{sign} {change} against last year", sign=sign, change=relative_text(target.aim))
    if target.limit_minutes is not None:
        limit = duration_text(target.limit_minutes)
        return text("{sign} {value} within {limit}", sign=sign, value=value_text(target.aim, kpi.unit, currency), limit=limit)
    return f"{sign} {value_text(target.aim, kpi.unit, currency)}"


def period_text(start: date, every: Every) -> str:
    """A period as people call it."""
    match every:
        case "day":
            return day_text(start)
        case "week":
            return text("week of {day}", day=day_text(start))
        case "month":
            return month_text(start)
        case "quarter":
            return quarter_text(start)


def left_out_sentence(one: Answer) -> str:
    """What the figure does not contain, and why; empty when it contains everything."""
    reasons = [f"{count_text(count)} {text(LEFT_OUT[code])}" for code, count in one.left_out.items() if count]
    return text("Left out: {reasons}.", reasons=", ".join(reasons)) if reasons else ""


def nothing_sentence(one: Answer) -> str:
    """Why there is no value although there are events, the commonest reason first, and what can be done about it."""
    if one.kpi.aggregate == "spread":
        return text("A spread needs two stores with {floor} counted events each on these days.", floor=one.kpi.floor)
    reasons = sorted(((count, code) for code, count in one.left_out.items() if count), reverse=True)
    words = [f"{count_text(count)} {text(LEFT_OUT[code])}" for count, code in reasons]
    if one.undetermined:
        words.append(text("{count} not decided yet", count=count_text(one.undetermined)))
    if not words:
        return text("There are events on these days, but none that this KPI counts.")
    remedy = REMEDIES.get(reasons[0][1], "") if reasons else ""
    sentence = text("There are events on these days, but none counts yet: {reasons}.", reasons=", ".join(words))
    return f"{sentence} {text(remedy)}" if remedy else sentence


def limit_sentence(limit: Limit | None, target: Target | None) -> str:
    """The time limit an event counts by, where no target's words give it."""
    if limit is None or (target is not None and target.limit_minutes is not None):
        return ""
    words = duration_text(limit.seconds / 60)
    return (
        text("Within {limit} (the default: no target sets a limit).", limit=words)
        if limit.starts_on == date.min
        else text("Within {limit}.", limit=words)
    )


def fresh_sentence(last: date) -> str:
    """Until when the figure can no longer change as time goes on."""
    return text("Complete until {day}.", day=day_text(last))


def later_sentence(asked: datetime, state: State, zone: str) -> str:
    """That a moment is later than anything known."""
    if not state.tally.rows or asked <= state.as_of:
        return ""
    return text(
        "As of {asked}, later than the newest update, {newest}: of the time between nothing is known, and what was open then"
        " counts as open still.",
        asked=moment_text(asked, zone),
        newest=moment_text(state.as_of, zone),
    )


def begins_sentence(begins: date | None) -> str:
    """Why there is no comparison: half a range of days is not one."""
    return text("No comparison: no data before {day}.", day=day_text(begins)) if begins else ""


def all_unmeasured_sentence(lacking: Mapping[str, Sequence[str]]) -> str:
    """The KPIs that the data do not measure, and the columns they lack; empty when there is none."""
    words = "; ".join(
        text("{label} (no column {columns})", label=text(label), columns=", ".join(names)) for label, names in lacking.items()
    )
    return text("Not measured here: {kpis}.", kpis=words) if words else ""


def behind_sentence(one: Answer, count: int) -> str:
    """How many of the events behind a figure it counts, and why not the others."""
    events = counted("{count} event", "{count} events", count)
    if one.n >= count:
        return text("{events}; every one counts.", events=events)
    words = text("{events}, {n} of them count (n).", events=events, n=count_text(one.n))
    waiting = text("{count} not decided yet.", count=count_text(one.undetermined)) if one.undetermined else ""
    return " ".join(part for part in (words, waiting, left_out_sentence(one)) if part)


def bounds_sentence(one: Answer, currency: str) -> str:
    """Where the figure can still go when open events are decided; empty when it cannot. Surveys never are, so not theirs."""
    if one.bounds is None or one.kpi.settles == "at_once":
        return ""
    lowest, highest = (value_text(bound, one.kpi.unit, currency) for bound in one.bounds)
    if lowest == highest:
        return text("{count} not decided yet.", count=count_text(one.undetermined))
    return text(
        "{count} not decided yet: between {lowest} and {highest} when they are.",
        count=count_text(one.undetermined),
        lowest=lowest,
        highest=highest,
    )


def interval_sentence(one: Answer, currency: str) -> str:
    """How sure the figure is; empty where no interval is known."""
    if one.interval is None:
        return ""
    lowest, highest = (value_text(bound, one.kpi.unit, currency) for bound in one.interval)
    return text("95 % interval {lowest} to {highest}", lowest=lowest, highest=highest)


def mix_sentence(effect: Effects, kpi: Kpi, currency: str) -> str:
    """How much of a change is the parts' own and how much their changed weights."""
    return text(
        "Against the comparison {total}: {rate} because the parts changed, {mix} because their weights did.",
        total=difference_text(effect.now - effect.before, kpi.unit, currency),
        rate=difference_text(effect.rate, kpi.unit, currency),
        mix=difference_text(effect.mix, kpi.unit, currency),
    )


def closed_only_sentence(counts: Mapping[str, int]) -> str:
    """Sources that give only ended requests, and what that does to durations; empty when there is none."""
    if not counts:
        return ""
    names = ", ".join(text("{source} ({count})", source=source, count=count_text(count)) for source, count in counts.items())
    return text(
        "Every request of these sources has ended, though many took days: {names}. They seem to give only ended requests, so the"
        " newest days, by opening, hold only those that ended quickly. Do not read a fall of durations there as an improvement.",
        names=names,
    )


def age_sentence(newest: datetime, now: datetime) -> str:
    """How old the newest change is; an empty text where a clock says that it has not come yet."""
    return text("Age of the data: {age}.", age=duration_text((now - newest).total_seconds() / SECONDS)) if newest <= now else ""


def late_sentence(late: Sequence[LateSource]) -> str:
    """The sources that have sent nothing for longer than usual; an empty text when there is none."""
    if not late:
        return ""
    sources = [
        text(
            "{source} (nothing new for {silence}, usually every {pause})",
            source=one.rhythm.source,
            silence=duration_text(one.silence.total_seconds() / SECONDS),
            pause=duration_text(one.rhythm.usual_pause.total_seconds() / SECONDS),
        )
        for one in late
    ]
    return text("Later than usual: {sources}. The figures hold up to then.", sources=", ".join(sources))


def pace_sentence(pace: Pace) -> str:
    """What a load does, how far it is, how fast, and how long it will take."""
    work = text("Checking extracts") if pace.is_checking else text("Deriving events")
    words = [text("{work}: {share}", work=work, share=value_text(pace.share, "share", ""))]
    if pace.rows:
        words.append(counted("{count} row", "{count} rows", pace.rows))
    if pace.rows_a_second is not None:
        words.append(text("{count} rows a second", count=count_text(round(pace.rows_a_second))))
    if pace.seconds_left is not None:
        words.append(text("about {duration} left", duration=duration_text(pace.seconds_left / SECONDS)))
    return ", ".join(words)


SECONDS = 60
"""In a minute."""
