"""Every KPI once more, in plain Python, written from the definitions alone: `kpi/DECISIONS.md` and the event contract.

Nothing is imported from `kpi` and nothing may be: agreement between the two is evidence only as long as neither has seen the
other. Slow and literal on purpose. Events are dictionaries with the columns of the contract; an absent key is an empty cell (of
`reopen_count` a column that the source does not give);
moments are aware datetimes. Figures are exact fractions; minutes are exact too.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from math import sqrt
from statistics import NormalDist
from typing import Any
from zoneinfo import ZoneInfo

Event = dict[str, Any]
Key = tuple[str, str]
Verdict = Fraction | int | bool | str
Opening = dict[int, list[tuple[time, time]]]

UNDETERMINED = "undetermined"
NORMAL_Z = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True)
class Figure:
    """A KPI of a group of events. `left_out` counts by reason what cannot be judged; `undetermined` what is not decided yet."""

    numerator: Fraction
    denominator: int
    value: Fraction | None
    undetermined: int
    left_out: dict[str, int]


@dataclass(frozen=True)
class Question:
    """What a judge may look at besides the event: the instant, the limit, the window, and who asked again."""

    as_of: datetime
    limit: timedelta | None
    window: timedelta
    repeats: "Repeats"


@dataclass(frozen=True)
class Repeats:
    """The events that can be a repeat contact, by customer and service and by the event they were merged into."""

    by_customer: dict[tuple[Any, Any], list[Event]]
    by_target: dict[Key, list[Event]]


# --- versions -----------------------------------------------------------------------------------------------------------------


def key(event: Event) -> Key:
    return (event.get("source") or "", event["event_id"])


def newest(versions: Iterable[Event], as_of: datetime) -> list[Event]:
    """Events as they were known at `as_of`: the newest version of each, without the deleted."""
    known: dict[Key, Event] = {}
    for version in versions:
        if version["updated_at"] <= as_of and (key(version) not in known or known[key(version)]["updated_at"] < version["updated_at"]):
            known[key(version)] = version
    return [event for event in known.values() if not event.get("is_deleted")]


# --- one event ----------------------------------------------------------------------------------------------------------------


def is_normal(event: Event) -> bool:
    return (event.get("disposition") or "normal") == "normal"


def ended_at(event: Event) -> datetime | None:
    """The resolution, or the close of an event without one (decision 7)."""
    return event.get("resolved_at") or event.get("closed_at")


def is_ended(event: Event) -> bool:
    """Also at a moment nobody knows (decision 12); what was resolved has ended."""
    return ended_at(event) is not None or bool(event.get("has_resolution")) or bool(event.get("has_end"))


def ends_before_start(event: Event) -> bool:
    """Such a row is refused whole at the border and enters nothing here."""
    return any(event.get(end) is not None and event[end] < event["opened_at"] for end in ("responded_at", "resolved_at", "closed_at"))


def exact(value: Any) -> Fraction:
    return Fraction(str(value)) if isinstance(value, float) else Fraction(value)


def minutes(duration: timedelta) -> Fraction:
    return Fraction(duration // timedelta(microseconds=1), 60_000_000)


def score(event: Event) -> Fraction | None:
    """Satisfaction on 1..5, to 1/10,000."""
    if event.get("satisfaction") is None:
        return None
    lowest, highest = (exact(Decimal(end)) for end in (event.get("satisfaction_scale") or "1..5").split(".."))
    scaled = 1 + 4 * (exact(event["satisfaction"]) - lowest) / (highest - lowest)
    ten_thousandths = Decimal(scaled.numerator * 10_000) / Decimal(scaled.denominator)
    return Fraction(int(ten_thousandths.quantize(Decimal(1), rounding=ROUND_HALF_UP)), 10_000)


# --- judges: each gives the event's share of the numerator, or the reason why it has none ---------------------------------------


UNKNOWN_MOMENTS = {"responded_at": ("has_response", "no_response_moment"), "resolved_at": ("has_resolution", "no_resolution_moment")}


def without_a_moment(event: Event, happened: str, never: str) -> str:
    """Why there is no time to it: it happened at a moment nobody knows, or the event ended without it; empty while it still may."""
    known, unknown_moment = UNKNOWN_MOMENTS[happened]
    if event.get(known):
        return unknown_moment
    return never if is_ended(event) else ""


def answered_in_time(event: Event, question: Question, happened: str, never: str) -> Verdict:
    if event.get(happened) is None and (reason := without_a_moment(event, happened, never)):
        return reason
    if question.limit is None:
        return "no_limit"
    if event.get(happened) is not None:
        return event[happened] - event["opened_at"] <= question.limit
    return UNDETERMINED if question.as_of - event["opened_at"] <= question.limit else False


def response_time(event: Event, question: Question) -> Verdict:
    return answered_in_time(event, question, "responded_at", "no_response")


def response_time_of_all(event: Event, question: Question) -> Verdict:
    verdict = response_time(event, question)
    late = False if question.limit is not None else "no_limit"
    return late if verdict == "no_response" else verdict


def resolution_time(event: Event, question: Question) -> Verdict:
    return answered_in_time(event, question, "resolved_at", "no_resolution")


def minutes_until(event: Event, happened: str, never: str) -> Verdict:
    if event.get(happened) is not None:
        return minutes(event[happened] - event["opened_at"])
    return without_a_moment(event, happened, never) or "still_open"


def response_time_mean(event: Event, _question: Question) -> Verdict:
    return minutes_until(event, "responded_at", "no_response")


def resolution_time_mean(event: Event, _question: Question) -> Verdict:
    return minutes_until(event, "resolved_at", "no_resolution")


def is_immature(event: Event, question: Question) -> bool:
    return event["resolved_at"] + question.window > question.as_of


def was_reopened(event: Event, question: Question) -> bool:
    if event.get("reopened_at") is not None:
        return event["reopened_at"] <= event["resolved_at"] + question.window
    return (event.get("reopen_count") or 0) > 0


def repeats_among(events: Iterable[Event]) -> Repeats:
    found = Repeats({}, {})
    for event in events:
        if (event.get("disposition") or "normal") not in ("normal", "merged"):
            continue
        if event.get("customer") is not None and event.get("service") is not None:
            found.by_customer.setdefault((event["customer"], event["service"]), []).append(event)
        if event.get("merged_into") is not None:
            found.by_target.setdefault((event.get("source") or "", event["merged_into"]), []).append(event)
    return found


def was_repeated(event: Event, question: Question) -> bool:
    same_request = question.repeats.by_customer.get((event.get("customer"), event.get("service")), [])
    candidates = same_request + question.repeats.by_target.get(key(event), [])
    resolved_at = event["resolved_at"]
    return any(resolved_at < other["opened_at"] <= resolved_at + question.window for other in candidates if key(other) != key(event))


def no_repeat(event: Event, question: Question) -> Verdict:
    """Without a customer nothing is judged, not even a known failure (decision 5)."""
    if is_immature(event, question):
        return "immature"
    if event.get("customer") is None:
        return "no_customer"
    return not was_reopened(event, question) and not was_repeated(event, question)


def counted_at_most(event: Event, question: Question, column: str, highest: int) -> Verdict:
    """As `no_repeat`: what cannot be judged is left out even if it was reopened."""
    if is_immature(event, question):
        return "immature"
    if event.get(column) is None:
        return f"no_{column}"
    return not was_reopened(event, question) and event[column] <= highest


def one_contact(event: Event, question: Question) -> Verdict:
    return counted_at_most(event, question, "contact_count", 1)


def no_transfer(event: Event, question: Question) -> Verdict:
    return counted_at_most(event, question, "transfer_count", 0)


def flag(column: str, missing: str) -> Callable[[Event, Question], Verdict]:
    return lambda event, _question: missing if event.get(column) is None else bool(event[column])


def amount(column: str, missing: str) -> Callable[[Event, Question], Verdict]:
    return lambda event, _question: missing if event.get(column) is None else exact(event[column])


def reopened(event: Event, question: Question) -> Verdict:
    """A source that counts reopens and left this count empty did not say (decision 49)."""
    if is_immature(event, question):
        return "immature"
    if event.get("reopened_at") is None and "reopen_count" in event and event["reopen_count"] is None:
        return "no_reopen_count"
    return was_reopened(event, question)


def no_answer(event: Event) -> Verdict:
    """An ended event that did not answer may have thought anything: the bounds beside the mean (decision 9)."""
    return UNDETERMINED if is_ended(event) else ""


def answered(event: Event, found: Verdict | None) -> Verdict:
    """What was answered. The answer of an open event whose day is not known is left out until one of them is (decision 50)."""
    if found is None:
        return no_answer(event)
    return found if event.get("answered_at") or ended_at(event) else "no_answer_date"


def satisfaction(event: Event, _question: Question) -> Verdict:
    return answered(event, score(event))


def satisfaction_top2(event: Event, _question: Question) -> Verdict:
    scored = score(event)
    return answered(event, None if scored is None else scored >= 4)


def recommendation(event: Event, _question: Question) -> Verdict:
    given = event.get("recommendation")
    return answered(event, None if given is None else 100 * ((given >= 9) - (given <= 6)))


def effort(event: Event, _question: Question) -> Verdict:
    given = event.get("effort")
    return answered(event, None if given is None else exact(given))


def attempt(wanted: str) -> Callable[[Event, Question], Verdict]:
    return lambda event, _question: event["outcome"] == wanted if event.get("outcome") in ("success", "failure") else "not_completed"


def answer(event: Event, _question: Question) -> Verdict:
    if event.get("responded_at") is not None or event.get("has_response"):
        return True
    return False if is_ended(event) else UNDETERMINED


def resolved(event: Event, _question: Question) -> Verdict:
    return event.get("resolved_at") is not None or bool(event.get("has_resolution"))


def on_time(event: Event, question: Question) -> Verdict:
    if event.get("due_at") is None:
        return "no_due_date"
    if event.get("resolved_at") is not None:
        return event["resolved_at"] <= event["due_at"]
    if reason := without_a_moment(event, "resolved_at", "no_resolution"):
        return reason
    return UNDETERMINED if question.as_of <= event["due_at"] else False


# --- the KPIs -------------------------------------------------------------------------------------------------------------------


def opening_moment(event: Event) -> datetime | None:
    return event["opened_at"]


def resolution_moment(event: Event) -> datetime | None:
    return event.get("resolved_at")


def answer_moment(event: Event) -> datetime | None:
    """By the opening only what is left out for want of another date."""
    is_answered = any(event.get(column) is not None for column in ("satisfaction", "recommendation", "effort"))
    return event.get("answered_at") or ended_at(event) or (event["opened_at"] if is_answered else None)


@dataclass(frozen=True)
class Definition:
    """A KPI: the moment it goes by (an event without one is not in it) and its judge."""

    on: Callable[[Event], datetime | None]
    judge: Callable[[Event, Question], Verdict]


DEFINITIONS = {
    "response_time": Definition(opening_moment, response_time),
    "response_time_of_all": Definition(opening_moment, response_time_of_all),
    "resolution_time": Definition(opening_moment, resolution_time),
    "response_time_mean": Definition(opening_moment, response_time_mean),
    "resolution_time_mean": Definition(opening_moment, resolution_time_mean),
    "first_contact_resolution_no_repeat": Definition(resolution_moment, no_repeat),
    "first_contact_resolution_one_contact": Definition(resolution_moment, one_contact),
    "first_contact_resolution_no_transfer": Definition(resolution_moment, no_transfer),
    "first_contact_resolution_as_flagged": Definition(ended_at, flag("resolved_first_contact", "no_flag")),
    "satisfaction": Definition(answer_moment, satisfaction),
    "satisfaction_top2": Definition(answer_moment, satisfaction_top2),
    "survey_response_rate": Definition(ended_at, lambda event, _question: event.get("satisfaction") is not None),
    "cost_per_service": Definition(resolution_moment, amount("cost", "no_cost")),
    "recommendation": Definition(answer_moment, recommendation),
    "effort": Definition(answer_moment, effort),
    "handling_time": Definition(ended_at, amount("handle_minutes", "no_handling_time")),
    "success_rate": Definition(ended_at, attempt("success")),
    "failure_rate": Definition(ended_at, attempt("failure")),
    "accuracy": Definition(resolution_moment, flag("quality_passed", "not_checked")),
    "sampling_rate": Definition(resolution_moment, lambda event, _question: event.get("quality_passed") is not None),
    "reopen_rate": Definition(resolution_moment, reopened),
    "complaint_rate": Definition(opening_moment, lambda event, _question: bool(event.get("is_complaint"))),
    "abandonment_rate": Definition(opening_moment, lambda event, _question: event.get("outcome") == "abandoned"),
    "answer_rate": Definition(opening_moment, answer),
    "resolution_rate": Definition(opening_moment, resolved),
    "on_time": Definition(opening_moment, on_time),
    "agreement_met": Definition(opening_moment, flag("agreement_met", "no_flag")),
}


def figure(
    name: str,
    events: list[Event],
    as_of: datetime,
    *,
    all_events: list[Event] | None = None,
    limit_minutes: float | None = 15,
    window_days: int = 7,
) -> Figure:
    """The KPI of the events given. `all_events` is where repeat contacts are looked for (default: the events given)."""
    if name in STOCKS:
        return STOCKS[name](open_events(events, as_of), as_of)
    found = figures(name, events, as_of, lambda _event: "", all_events=all_events, limit_minutes=limit_minutes, window_days=window_days)
    return found.get("", summed([]))


def figures(
    name: str,
    events: list[Event],
    as_of: datetime,
    group: Callable[[Event], Hashable],
    *,
    all_events: list[Event] | None = None,
    limit_minutes: float | None = 15,
    window_days: int = 7,
) -> dict[Hashable, Figure]:
    """The KPI of every group of the events given that has an event attributed to a moment."""
    repeats = repeats_among(events if all_events is None else all_events)
    limit = None if limit_minutes is None else timedelta(minutes=limit_minutes)
    question = Question(as_of, limit, timedelta(days=window_days), repeats)
    definition = DEFINITIONS[name]
    verdicts: dict[Hashable, list[Verdict]] = {}
    for event in events:
        if is_normal(event) and definition.on(event) is not None:
            verdicts.setdefault(group(event), []).append(definition.judge(event, question))
    return {one: summed(judged) for one, judged in verdicts.items()}


def summed(verdicts: Iterable[Verdict]) -> Figure:
    reasons: Counter[str] = Counter()
    numerator, denominator = Fraction(0), 0
    for verdict in verdicts:
        if isinstance(verdict, str):
            reasons[verdict] += 1
        else:
            numerator += verdict
            denominator += 1
    value = numerator / denominator if denominator else None
    left_out = {reason: count for reason, count in reasons.items() if reason not in ("", UNDETERMINED)}
    return Figure(numerator, denominator, value, reasons[UNDETERMINED], left_out)


def open_events(events: Iterable[Event], instant: datetime) -> list[Event]:
    """Events opened before the instant and not ended before it; those that ended at a moment nobody knows are neither."""
    known = [event for event in events if is_normal(event) and event["opened_at"] < instant and not is_undated(event)]
    return [event for event in known if (ended_at(event) or instant) >= instant]


def is_undated(event: Event) -> bool:
    return is_ended(event) and ended_at(event) is None


def stock(waiting: list[Event], _instant: datetime) -> Figure:
    return Figure(Fraction(len(waiting)), 1, Fraction(len(waiting)), 0, {})


def open_age(waiting: list[Event], instant: datetime) -> Figure:
    """The mean age of what is open at an instant."""
    return summed(minutes(instant - event["opened_at"]) for event in waiting)


STOCKS = {"open_events": stock, "open_events_age": open_age}


# --- periods --------------------------------------------------------------------------------------------------------------------


def attributed_on(name: str, event: Event, zone: str) -> date | None:
    """The local day whose figure the event enters. A stock has none."""
    moment = None if name in STOCKS else DEFINITIONS[name].on(event)
    return None if moment is None else moment.astimezone(ZoneInfo(zone)).date()


def period_start(day: date, every: str) -> date:
    match every:
        case "day":
            return day
        case "week":
            return day - timedelta(days=day.weekday())
        case "month":
            return day.replace(day=1)
        case "quarter":
            return day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
    raise ValueError(every)


# --- durations ------------------------------------------------------------------------------------------------------------------


def kaplan_meier(observed: list[float], censored: list[float]) -> list[tuple[float, Fraction]]:
    """Survival just after each observed time. An event censored at an observed time is still at risk then."""
    survival, curve = Fraction(1), []
    for moment in sorted(set(observed)):
        at_risk = sum(other >= moment for other in observed + censored)
        survival *= 1 - Fraction(observed.count(moment), at_risk)
        curve.append((moment, survival))
    return curve


def quantile(curve: list[tuple[float, Fraction]], p: float) -> float | None:
    """The smallest time at which no more than 1 - p survive; nothing when the curve never gets there."""
    return next((moment for moment, survival in curve if survival <= 1 - exact(p)), None)


def utc(local: datetime, zone: str) -> datetime:
    return local.replace(tzinfo=ZoneInfo(zone)).astimezone(ZoneInfo("UTC"))


def calendar_minutes(opened_local: datetime, responded_local: datetime, zone: str) -> Fraction:
    return minutes(utc(responded_local, zone) - utc(opened_local, zone))


def business_minutes(
    opened_local: datetime, responded_local: datetime, zone: str, opening: Opening, holidays: Iterable[date] = ()
) -> Fraction:
    """Minutes between two wall clocks in which the store was open.

    `opening` holds non-overlapping hours by weekday (Monday 0). Hours that end at or before their start end on the next day and
    belong, for holidays, to the day they start on.
    """
    opened, responded, closed_days = utc(opened_local, zone), utc(responded_local, zone), set(holidays)
    total = Fraction(0)
    day = opened_local.date() - timedelta(days=1)
    while day <= responded_local.date():
        for start, end in opening.get(day.weekday(), []) if day not in closed_days else []:
            last_day = day if start < end else day + timedelta(days=1)
            begins, ends = utc(datetime.combine(day, start), zone), utc(datetime.combine(last_day, end), zone)
            total += minutes(max(min(ends, responded) - max(begins, opened), timedelta(0)))
        day += timedelta(days=1)
    return total


# --- intervals and mixes --------------------------------------------------------------------------------------------------------


def wilson(k: int, n: int) -> tuple[float, float]:
    """95 % interval of the share k of n."""
    share, squared = k / n, NORMAL_Z**2
    centre = (share + squared / (2 * n)) / (1 + squared / n)
    half = NORMAL_Z * sqrt(share * (1 - share) / n + squared / (4 * n * n)) / (1 + squared / n)
    return centre - half, centre + half


def nps_se(promoters: int, detractors: int, n: int) -> float:
    """Standard error of the net promoter score, from counts, in its own points."""
    p, d = promoters / n, detractors / n
    return 100 * sqrt((p + d - (p - d) ** 2) / n)


def standardised(parts: dict[str, tuple[int, int]], weights: dict[str, int]) -> Fraction:
    """The value the group would have with the mix given by `weights`. `parts` holds numerator and denominator."""
    return sum((Fraction(*parts[name]) * weight for name, weight in weights.items()), Fraction(0)) / sum(weights.values())
