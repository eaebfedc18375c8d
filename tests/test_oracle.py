"""The oracle itself, against cases worked out by hand and the published edge cases of the definitions."""

from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from typing import Any

import oracle
import pytest
from oracle import Figure, figure

NOON = datetime(2024, 6, 30, 12, tzinfo=UTC)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def event(event_id: str, opened: str = "2024-06-01T09:00", **columns: Any) -> dict[str, Any]:
    """An event; texts of columns that end in `_at` are UTC."""
    moments = {name: at(value) if name.endswith("_at") and isinstance(value, str) else value for name, value in columns.items()}
    return {"event_id": event_id, "opened_at": at(opened), "updated_at": at(opened), "disposition": "normal"} | moments


def answered(minutes: float) -> dict[str, Any]:
    opened = NOON - timedelta(days=1)
    return {"event_id": f"answered {minutes}", "opened_at": opened, "responded_at": opened + timedelta(minutes=minutes)}


def waiting(minutes: float) -> dict[str, Any]:
    return {"event_id": f"waiting {minutes}", "opened_at": NOON - timedelta(minutes=minutes)}


def share(numerator: int, denominator: int, undetermined: int = 0, **left_out: int) -> Figure:
    return Figure(Fraction(numerator), denominator, Fraction(numerator, denominator), undetermined, left_out)


FOUR_ANSWERED_TWO_WAITING = [answered(5), answered(10), answered(10), answered(20), waiting(12), waiting(30)]


def test_an_open_event_past_the_limit_is_late_and_a_younger_one_is_undetermined() -> None:
    found = figure("response_time", FOUR_ANSWERED_TWO_WAITING, NOON)
    assert found == share(3, 3 + 1 + 1, undetermined=1)
    assert found.value == Fraction(60, 100)


def test_the_mean_is_over_the_answered_alone() -> None:
    assert figure("response_time_mean", FOUR_ANSWERED_TWO_WAITING, NOON) == Figure(
        Fraction(45), 4, Fraction(1125, 100), 0, {"still_open": 2}
    )


def test_the_kaplan_meier_median_counts_the_waiting_and_the_ninetieth_percentile_is_not_reached() -> None:
    curve = oracle.kaplan_meier([5, 10, 10, 20], [12, 30])
    assert curve == [(5, Fraction(5, 6)), (10, Fraction(1, 2)), (20, Fraction(1, 4))]
    assert oracle.quantile(curve, 0.5) == 10
    assert oracle.quantile(curve, 0.9) is None


def test_at_a_tie_the_answer_comes_before_the_censoring() -> None:
    assert oracle.kaplan_meier([10], [10]) == [(10, Fraction(1, 2))]


def test_all_open_is_a_share_of_nothing_in_time_not_no_data() -> None:
    events = [waiting(3), waiting(90)]
    assert figure("response_time", events, NOON) == share(0, 1, undetermined=1)
    assert figure("response_time_mean", events, NOON) == Figure(Fraction(0), 0, None, 0, {"still_open": 2})
    assert oracle.quantile(oracle.kaplan_meier([], [3, 90]), 0.5) is None


def test_zero_minutes_is_valid_and_an_end_before_its_start_is_not() -> None:
    events = [answered(-5), answered(0), answered(10)]
    valid = [one for one in events if not oracle.ends_before_start(one)]
    assert len(events) - len(valid) == 1
    assert figure("response_time_mean", valid, NOON) == Figure(Fraction(10), 2, Fraction(5), 0, {})


def test_exactly_at_the_limit_an_answer_is_in_time_and_an_age_is_undetermined() -> None:
    assert figure("response_time", [answered(15), waiting(15)], NOON) == share(1, 1, undetermined=1)
    assert figure("response_time", [answered(15.001), waiting(15.001)], NOON) == share(0, 2)


def test_ended_without_a_response_is_left_out_or_late_by_name() -> None:
    given_up = event("given up", closed_at="2024-06-01T09:03", outcome="abandoned")
    events = [answered(5), given_up]
    assert figure("response_time", events, NOON) == share(1, 1, no_response=1)
    assert figure("response_time_of_all", events, NOON) == share(1, 2)
    assert figure("answer_rate", [*events, waiting(3)], NOON) == share(1, 2, undetermined=1)
    assert figure("abandonment_rate", [*events, waiting(3)], NOON) == share(1, 3)


def test_resolution_time_follows_the_same_rules_to_the_resolution() -> None:
    events = [
        event("in time", resolved_at="2024-06-01T10:00"),
        event("late", resolved_at="2024-06-01T10:01"),
        event("given up", closed_at="2024-06-01T10:00"),
        event("open"),
        waiting(60),
    ]
    assert figure("resolution_time", events, NOON, limit_minutes=60) == share(1, 3, undetermined=1, no_resolution=1)
    assert figure("resolution_time_mean", events, NOON) == Figure(
        Fraction(121), 2, Fraction(121, 2), 0, {"still_open": 2, "no_resolution": 1}
    )
    assert figure("resolution_rate", events, NOON) == share(2, 5)


REOPEN_CASES = [
    event("A", resolved_at="2024-06-01T10:00", customer="a"),
    event("B", resolved_at="2024-06-01T10:00", customer="b", reopened_at="2024-06-08T10:00"),
    event("C", resolved_at="2024-06-01T10:00", customer="c", reopened_at="2024-06-08T10:00:01"),
    event("D", resolved_at="2024-06-26T10:00", customer="d"),
    event("E", resolved_at="2024-06-26T10:00", customer="e", reopened_at="2024-06-27T09:00"),
    event("F", customer="f"),
]


def test_the_window_excludes_its_first_moment_includes_its_last_and_the_immature_are_in_neither_sum() -> None:
    as_of = at("2024-06-30")
    assert figure("first_contact_resolution_no_repeat", REOPEN_CASES, as_of) == share(2, 3, immature=2)
    assert figure("reopen_rate", REOPEN_CASES, as_of) == share(1, 3, immature=2)


def test_an_event_matures_at_the_last_moment_of_its_window() -> None:
    one = [event("A", resolved_at="2024-06-23T00:00", customer="a")]
    assert figure("first_contact_resolution_no_repeat", one, at("2024-06-30")) == share(1, 1)
    assert figure("first_contact_resolution_no_repeat", one, at("2024-06-29T23:59:59")).left_out == {"immature": 1}


def test_a_reopen_before_the_last_resolution_is_a_failure_and_so_is_a_bare_count() -> None:
    events = [
        event("reopened, then resolved", resolved_at="2024-06-05T10:00", reopened_at="2024-06-03T10:00", customer="a"),
        event("counted", resolved_at="2024-06-05T10:00", reopen_count=1, customer="b"),
        event("long after", resolved_at="2024-06-05T10:00", reopened_at="2024-06-20T10:00", reopen_count=1, customer="c"),
    ]
    assert figure("first_contact_resolution_no_repeat", events, NOON) == share(1, 3)


def test_a_merged_event_after_the_resolution_is_a_repeat_and_a_double_submission_is_not() -> None:
    events = [
        event("1", resolved_at="2024-06-01T10:00", customer="a"),
        event("2", "2024-06-02T09:00", disposition="merged", merged_into="1"),
        event("3", "2024-06-01T09:05", disposition="spam", resolved_at="2024-06-01T09:06"),
        event("4", "2024-06-03T09:01", disposition="duplicate", merged_into="6"),
        event("5", "2024-06-03T09:00", disposition="test", resolved_at="2024-06-03T09:00:10"),
        event("6", "2024-06-03T09:00", resolved_at="2024-06-03T09:30", customer="b"),
    ]
    assert figure("first_contact_resolution_no_repeat", events, at("2024-06-30")) == share(1, 2)
    assert figure("first_contact_resolution_no_repeat", events[5:], at("2024-06-30"), all_events=events) == share(1, 1)
    assert figure("first_contact_resolution_no_repeat", events[:1], at("2024-06-30"), all_events=events) == share(0, 1)


def test_a_repeat_is_the_same_customer_and_service_opened_within_the_window() -> None:
    first = event("first", resolved_at="2024-06-01T10:00", customer="a", service="orders")
    others = {
        "at the resolution": event("x", "2024-06-01T10:00", customer="a", service="orders"),
        "a second later": event("x", "2024-06-01T10:00:01", customer="a", service="orders"),
        "at the end of the window": event("x", "2024-06-08T10:00", customer="a", service="orders"),
        "after the window": event("x", "2024-06-08T10:00:01", customer="a", service="orders"),
        "another service": event("x", "2024-06-02T10:00", customer="a", service="billing"),
        "a service nobody knows": event("x", "2024-06-02T10:00", customer="a"),
        "another customer": event("x", "2024-06-02T10:00", customer="b", service="orders"),
        "spam": event("x", "2024-06-02T10:00", customer="a", service="orders", disposition="spam"),
        "merged elsewhere": event("x", "2024-06-02T10:00", customer="a", service="orders", disposition="merged"),
    }
    repeated = [
        name
        for name, other in others.items()
        if figure("first_contact_resolution_no_repeat", [first], NOON, all_events=[first, other]).value == 0
    ]
    assert repeated == ["a second later", "at the end of the window", "merged elsewhere"]


def test_without_a_customer_nothing_is_judged_not_even_a_known_failure() -> None:
    events = [
        event("nobody", resolved_at="2024-06-01T10:00"),
        event("nobody, reopened", resolved_at="2024-06-01T10:00", reopen_count=1),
        event("nobody, merged into", resolved_at="2024-06-01T10:00"),
        event("again", "2024-06-02T09:00", disposition="merged", merged_into="nobody, merged into"),
        event("somebody", resolved_at="2024-06-01T10:00", customer="a"),
    ]
    assert figure("first_contact_resolution_no_repeat", events, NOON) == share(1, 1, no_customer=3)


def test_a_resolution_is_the_end_and_a_close_is_one_only_without_it() -> None:
    resolved = event("resolved, closed later", resolved_at="2024-06-03T10:00", closed_at="2024-06-05T10:00")
    given_up = event("given up", closed_at="2024-06-05T10:00", outcome="failure", handle_minutes=2, resolved_first_contact=False)
    by_the_end = ("success_rate", "failure_rate", "handling_time", "survey_response_rate", "first_contact_resolution_as_flagged")
    assert {oracle.attributed_on(name, resolved, "UTC") for name in by_the_end} == {date(2024, 6, 3)}
    assert {oracle.attributed_on(name, given_up, "UTC") for name in by_the_end} == {date(2024, 6, 5)}
    assert figure("failure_rate", [given_up], NOON) == share(1, 1)
    assert figure("handling_time", [given_up], NOON) == Figure(Fraction(2), 1, Fraction(2), 0, {})
    assert figure("first_contact_resolution_as_flagged", [given_up], NOON) == share(0, 1)
    assert figure("accuracy", [given_up | {"quality_passed": True}], NOON) == Figure(Fraction(0), 0, None, 0, {})


def test_without_a_count_nothing_is_judged_either() -> None:
    events = [
        event("counted", resolved_at="2024-06-01T10:00", contact_count=1),
        event("not counted", resolved_at="2024-06-01T10:00"),
        event("not counted, reopened", resolved_at="2024-06-01T10:00", reopen_count=1),
    ]
    assert figure("first_contact_resolution_one_contact", events, NOON) == share(1, 1, no_contact_count=2)


def test_ended_events_that_did_not_answer_are_undetermined() -> None:
    events = [
        event("answered", resolved_at="2024-06-01T10:00", satisfaction=4),
        event("silent", closed_at="2024-06-01T10:00"),
        event("open"),
    ]
    assert figure("satisfaction", events, NOON) == Figure(Fraction(4), 1, Fraction(4), 1, {})
    assert figure("satisfaction_top2", events, NOON) == share(1, 1, undetermined=1)


def test_without_a_limit_nothing_is_late() -> None:
    events = [answered(5), event("given up", closed_at="2024-06-01T09:03"), waiting(90)]
    nothing = Figure(Fraction(0), 0, None, 0, {"no_response": 1, "no_limit": 2})
    assert figure("response_time", events, NOON, limit_minutes=None) == nothing
    assert figure("response_time_of_all", events, NOON, limit_minutes=None).left_out == {"no_limit": 3}


def test_the_other_variants_of_first_contact_resolution() -> None:
    events = [
        event("once", resolved_at="2024-06-01T10:00", contact_count=1, transfer_count=0, resolved_first_contact=True),
        event("twice", resolved_at="2024-06-01T10:00", contact_count=2, transfer_count=0, resolved_first_contact=False),
        event("handed over", resolved_at="2024-06-01T10:00", contact_count=1, transfer_count=1),
        event("reopened", resolved_at="2024-06-01T10:00", contact_count=1, transfer_count=0, reopen_count=1),
        event("fresh", resolved_at="2024-06-30T10:00", contact_count=1, transfer_count=0, resolved_first_contact=True),
        event("open", contact_count=1, transfer_count=0, resolved_first_contact=True),
    ]
    assert figure("first_contact_resolution_one_contact", events, NOON) == share(2, 4, immature=1)
    assert figure("first_contact_resolution_no_transfer", events, NOON) == share(2, 4, immature=1)
    assert figure("first_contact_resolution_as_flagged", events, NOON) == share(2, 3, no_flag=2)


def test_versions_arrive_late_twice_and_end_in_a_tombstone() -> None:
    second = event("X", updated_at="2024-05-03T09:00", satisfaction=4)
    versions = [
        event("X", updated_at="2024-05-09T09:00", is_deleted=True),
        second,
        event("X", updated_at="2024-05-01T09:00", satisfaction=2),
        dict(second),
    ]

    def known(day: str) -> list[int]:
        return [one["satisfaction"] for one in oracle.newest(versions, at(day))]

    assert (known("2024-05-02"), known("2024-05-04"), known("2024-05-10")) == ([2], [4], [])


def test_the_same_number_in_two_sources_is_two_events() -> None:
    versions = [event("1", source="desk"), event("1", source="phone")]
    assert len(oracle.newest(versions, NOON)) == 2


def test_a_total_is_the_ratio_of_the_sums() -> None:
    passed = [event(f"pass {number}", resolved_at="2024-06-01T10:00", quality_passed=True) for number in range(51)]
    failed = [event(f"fail {number}", resolved_at="2024-06-01T10:00", quality_passed=False) for number in range(49)]
    shops = {"A": passed[:1], "B": passed[1:] + failed}
    values = [float(figure("accuracy", events, NOON).value or 0) for events in shops.values()]
    assert figure("accuracy", shops["A"] + shops["B"], NOON).value == Fraction(51, 100)
    assert sum(values) / 2 == pytest.approx(0.752525, abs=1e-6)


def test_with_pooled_weights_the_standardised_value_rises_though_the_total_falls() -> None:
    last, this = {"easy": (90, 100), "hard": (3, 10)}, {"easy": (10, 10), "hard": (40, 100)}
    pooled = {"easy": 110, "hard": 110}
    assert oracle.standardised(last, pooled) == Fraction(60, 100)
    assert oracle.standardised(this, pooled) == Fraction(70, 100)


def test_the_net_promoter_score_and_its_error() -> None:
    scores = [9] * 25 + [10] * 25 + [7] * 15 + [8] * 15 + [6] * 10 + [0] * 10
    events = [event(str(number), resolved_at="2024-06-01T10:00", recommendation=given) for number, given in enumerate(scores)]
    assert figure("recommendation", events, NOON) == Figure(Fraction(3_000), 100, Fraction(30), 0, {})
    error = oracle.nps_se(50, 20, 100)
    assert error == pytest.approx(7.81025, abs=1e-5)
    assert (30 - oracle.NORMAL_Z * error, 30 + oracle.NORMAL_Z * error) == pytest.approx((14.692192, 45.307808), abs=1e-6)


def test_one_answer_of_five_has_a_mean_and_says_little() -> None:
    events = [event("1", resolved_at="2024-06-01T10:00", satisfaction=5)]
    assert figure("satisfaction", events, NOON) == Figure(Fraction(5), 1, Fraction(5), 0, {})
    assert figure("satisfaction_top2", events, NOON) == share(1, 1)
    assert oracle.wilson(1, 1) == pytest.approx((0.2065, 1.0), abs=1e-4)


def test_satisfaction_is_brought_to_one_to_five() -> None:
    scales = [
        ("0..10", 10, 5),
        ("0..10", 0, 1),
        ("0..10", 7, Fraction(38, 10)),
        ("1..7", 2, Fraction(16667, 10000)),
        (None, 3, 3),
    ]
    assert [oracle.score({"satisfaction": given, "satisfaction_scale": scale}) for scale, given, _ in scales] == [
        expected for *_, expected in scales
    ]


def test_the_survey_response_rate_is_over_what_ended() -> None:
    events = [
        event("answered", resolved_at="2024-06-01T10:00", satisfaction=4),
        event("silent", closed_at="2024-06-01T10:00"),
        event("open"),
    ]
    assert figure("survey_response_rate", events, NOON) == share(1, 2)


def test_an_unknown_cost_is_left_out_and_a_credit_is_negative() -> None:
    events = [
        event("paid", resolved_at="2024-06-01T10:00", cost=12.5),
        event("credit", resolved_at="2024-06-01T10:00", cost=-2.5),
        event("unknown", resolved_at="2024-06-01T10:00"),
        event("open", cost=99),
    ]
    assert figure("cost_per_service", events, NOON) == Figure(Fraction(10), 2, Fraction(5), 0, {"no_cost": 1})


def test_success_and_failure_are_of_completed_attempts() -> None:
    outcomes = ["success", "success", "success", "failure", "partial", "abandoned", "unknown"]
    events = [event(str(number), resolved_at="2024-06-01T10:00", outcome=outcome) for number, outcome in enumerate(outcomes)]
    assert figure("success_rate", events, NOON) == share(3, 4, not_completed=3)
    assert figure("failure_rate", events, NOON) == share(1, 4, not_completed=3)


def test_accuracy_is_of_the_checked_and_the_sampling_rate_of_the_resolved() -> None:
    events = [
        event(str(number), resolved_at="2024-06-01T10:00", quality_passed=passed) for number, passed in enumerate([True, False, None])
    ]
    assert figure("accuracy", events, NOON) == share(1, 2, not_checked=1)
    assert figure("sampling_rate", events, NOON) == share(2, 3)


def test_on_time_counts_what_is_still_open_past_its_deadline() -> None:
    events = [
        event("at the deadline", resolved_at="2024-06-02T09:00", due_at="2024-06-02T09:00"),
        event("late", resolved_at="2024-06-02T09:01", due_at="2024-06-02T09:00"),
        event("open past it", due_at="2024-06-02T09:00"),
        event("open before it", due_at="2099-01-01T00:00"),
        event("given up", closed_at="2024-06-01T10:00", due_at="2024-06-02T09:00"),
        event("no deadline", resolved_at="2024-06-02T09:00"),
    ]
    assert figure("on_time", events, NOON) == share(1, 3, undetermined=1, no_resolution=1, no_due_date=1)


def test_the_remaining_means_and_shares() -> None:
    events = [
        event("1", resolved_at="2024-06-01T10:00", effort=2, handle_minutes=7.5, is_complaint=True, agreement_met=True),
        event("2", resolved_at="2024-06-01T10:00", effort=5, handle_minutes=0, agreement_met=False),
        event("3", is_complaint=False),
    ]
    assert figure("effort", events, NOON) == Figure(Fraction(7), 2, Fraction(7, 2), 0, {})
    assert figure("handling_time", events, NOON) == Figure(Fraction(15, 2), 2, Fraction(15, 4), 0, {})
    assert figure("complaint_rate", events, NOON) == share(1, 3)
    assert figure("agreement_met", events, NOON) == share(1, 2, no_flag=1)


def test_open_events_are_counted_at_an_instant() -> None:
    events = [
        event("open"),
        event("ends at the instant", closed_at="2024-06-30T12:00"),
        event("ended", closed_at="2024-06-30T11:59"),
        event("opened at the instant", "2024-06-30T12:00"),
        event("spam", disposition="spam"),
    ]
    assert figure("open_events", events, NOON) == Figure(Fraction(2), 1, Fraction(2), 0, {})
    june = 29 * 1440 + 180  # minutes from 1 June 09:00 to 30 June 12:00
    assert figure("open_events_age", events, NOON) == Figure(Fraction(2 * june), 2, Fraction(june), 0, {})
    assert figure("open_events_age", [], NOON) == Figure(Fraction(0), 0, None, 0, {})


@pytest.mark.parametrize("name", [*oracle.DEFINITIONS])
def test_no_events_are_no_value_and_other_dispositions_are_no_events(name: str) -> None:
    spam = event("1", responded_at="2024-06-01T09:01", resolved_at="2024-06-01T10:00", satisfaction=1, cost=1, disposition="spam")
    assert figure(name, [], NOON) == figure(name, [spam], NOON) == Figure(Fraction(0), 0, None, 0, {})


def test_a_local_day_and_its_week_and_month() -> None:
    late_in_march = event("1", "2024-03-31T16:30")
    assert oracle.attributed_on("response_time", late_in_march, "Asia/Shanghai") == date(2024, 4, 1)
    assert oracle.attributed_on("response_time", late_in_march, "UTC") == date(2024, 3, 31)
    assert oracle.attributed_on("cost_per_service", late_in_march, "UTC") is None
    starts = {every: oracle.period_start(date(2024, 4, 1), every) for every in ("day", "week", "month", "quarter")}
    assert set(starts.values()) == {date(2024, 4, 1)}
    assert oracle.period_start(date(2024, 3, 31), "week") == date(2024, 3, 25)
    assert oracle.period_start(date(2024, 3, 31), "quarter") == date(2024, 1, 1)


def test_an_answer_goes_by_its_own_day_else_by_the_end_of_the_event() -> None:
    one = event("1", resolved_at="2024-06-03T10:00", closed_at="2024-06-04T10:00", satisfaction=5)
    assert oracle.attributed_on("satisfaction", one, "UTC") == date(2024, 6, 3)
    assert oracle.attributed_on("satisfaction", one | {"answered_at": at("2024-06-09")}, "UTC") == date(2024, 6, 9)


def weekdays(start: time, end: time) -> oracle.Opening:
    return {weekday: [(start, end)] for weekday in range(5)}


NINE_TO_FIVE = weekdays(time(9), time(17))
NINE_TO_SIX = weekdays(time(9), time(18))
ALWAYS = {weekday: [(time(0), time(0))] for weekday in range(7)}
NIGHTS = {weekday: [(time(22), time(6))] for weekday in range(7)}
NEW_YORK, SHANGHAI = "America/New_York", "Asia/Shanghai"
CHRISTMAS = date(2024, 12, 25)


@pytest.mark.parametrize(
    ("opened", "responded", "zone", "opening", "holidays", "business", "calendar"),
    [
        pytest.param("2024-03-08T16:30", "2024-03-11T09:15", NEW_YORK, NINE_TO_FIVE, [], 45, 3_825, id="spring forward weekend"),
        pytest.param("2024-03-08T16:30", "2024-03-11T09:15", NEW_YORK, ALWAYS, [], 3_825, 3_825, id="always open is the calendar"),
        pytest.param("2024-12-25T10:00", "2024-12-26T09:30", NEW_YORK, NINE_TO_FIVE, [CHRISTMAS], 30, 1_410, id="holiday"),
        pytest.param("2024-03-09T23:00", "2024-03-10T07:00", NEW_YORK, NIGHTS, [], 360, 420, id="night shift, clocks change"),
        pytest.param("2024-05-06T18:00", "2024-05-06T20:00", NEW_YORK, NINE_TO_FIVE, [], 0, 120, id="out of hours is zero"),
        pytest.param("2024-03-08T17:50", "2024-03-11T09:10", SHANGHAI, NINE_TO_SIX, [], 20, 3_800, id="no clock change"),
    ],
)
def test_business_minutes(
    opened: str, responded: str, zone: str, opening: oracle.Opening, holidays: list[date], business: int, calendar: int
) -> None:
    clocks = datetime.fromisoformat(opened), datetime.fromisoformat(responded)
    assert oracle.business_minutes(*clocks, zone, opening, holidays) == business
    assert oracle.calendar_minutes(*clocks, zone) == calendar
