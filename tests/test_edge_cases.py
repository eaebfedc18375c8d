"""The edge cases of the reference answers, read and not retyped: what the product makes of each input, leaf by leaf.

`ANSWERS` says how the product is asked; `NOT_APPLICABLE` what it cannot be asked, and why. A leaf in neither, or in both, is an error.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fnmatch import fnmatch
from math import sqrt
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from conftest import NOON, Event, ask, asked, at, empty_folder, event, loaded, write
from sourcing import SMALL, converted, file_of, kept_aside, rows_of

from kpi.browse import Selection, page
from kpi.mix import effects, pooled_weights, standardised
from kpi.periods import Dates
from kpi.priorities import priorities
from kpi.ranking import lowest_tenth_count
from kpi.report import Answer, parts_compared
from kpi.store import State, known_at
from kpi.survival import Durations, survival
from kpi.targets import read_targets, relative_change

SHARED = Path(__file__).parents[2] / "shared"
REFERENCE = SHARED / "reference" / "real_answers.json"

pytestmark = pytest.mark.skipif(not SHARED.exists(), reason="the reference answers are not beside the checkout (../shared)")

Input = Any
Found = dict[str, Any] | list[Any]

NOT_APPLICABLE = {
    "*/note": "words",
    "fcr_reopen_window_7d/interval": "words: cases B and C show which end of the window counts",
    "fcr_reopen_window_7d/alternative_known_failures_included/*": "what the definitions refuse (decision 5)",
    "*WRONG*": "a mistake to recognise, which the product does not make",
    "yoy_plus_10/direction_of_cost_is_configurable": "of the configuration: at_least or at_most, tests/test_targets.py",
    "dirty_numbers/11": "-100 is a number; that it is no state of an incident is in tests/test_real_sources.py",
}

MONEY = 1e-4
SHARES = ("cost_allocation_sums/A", "cost_allocation_sums/B", "cost_allocation_sums/C")
"""The product keeps money to 1/10,000: three shares of a hundred are 33.3334, 33.3333 and 33.3333, so that they add up to it."""


def one(state: State, name: str, **options: Any) -> Answer:
    (found,) = ask(state, [name], **options)
    return found


def state_of(folder: Path, events: Iterable[Event], **settings: str) -> State:
    data = empty_folder(folder)
    for name, toml in settings.items():
        (data / f"{name}.toml").write_text(toml, encoding="utf-8")
    write(data, events)
    return loaded(data)


def moment(text: str | None) -> datetime | None:
    return None if text is None else at(text)


# --- how the product is asked ------------------------------------------------------------------------------------------------------------


def business_minutes(place: Path, given: Input) -> Found:
    opened, responded = (
        datetime.fromisoformat(given[f"{end}_local"]).replace(tzinfo=ZoneInfo(given["tz"])) for end in ("opened", "responded")
    )
    hours = re.sub(r"\b(\d\d)-(\d\d)\b", r"\1:00-\2:00", given["schedule"].replace("24x7", "daily 00-24"))
    holidays = f"[{', '.join(given['holidays'])}]"
    calendar = f'time_zone = "{given["tz"]}"\nopening_hours = ["{hours}"]\nholidays = {holidays}\nclock = "%s"\n'
    call = event("1", updated_at=responded.astimezone(UTC)) | {
        "opened_at": opened.astimezone(UTC),
        "responded_at": responded.astimezone(UTC),
    }
    clocks = {"business_min": "opening_hours", "calendar_min": "elapsed"}
    return {key: one(state_of(place / key, [call], calendar=calendar % clock), "response_time_mean").value for key, clock in clocks.items()}


def lasting(durations: Iterable[float], ages: Iterable[float]) -> Iterator[Event]:
    """Requests opened yesterday and answered after so many minutes, and others that have waited for so many."""
    for number, minutes in enumerate(durations):
        opened = NOON - timedelta(days=1)
        yield event(f"answered {number}") | {"opened_at": opened, "responded_at": opened + timedelta(minutes=minutes)}
    for number, minutes in enumerate(ages):
        yield event(f"waiting {number}", responded_at=None) | {"opened_at": NOON - timedelta(minutes=minutes)}


def target_of_15(state: State) -> dict[str, Any]:
    share, answered = one(state, "response_time", within=15), one(state, "response_time_mean").n
    return {
        "within": share.numerator,
        "late_observed": answered - (share.numerator or 0),
        "late_still_open": share.n - answered,
        "undetermined": share.undetermined,
        "attainment": share.value,
        "naive": (share.numerator or 0) / answered if answered else None,
        "lower": share.bounds and share.bounds[0],
        "upper": share.bounds and share.bounds[1],
    }


def censored(place: Path, given: Input) -> Found:
    state = state_of(place, lasting(given["observed_min"], given["open_age_min"]))
    ended = {minutes: given["observed_min"].count(minutes) for minutes in given["observed_min"]}
    times = sorted({*ended, *given["open_age_min"]})
    counts = ([ended.get(time, 0) for time in times], [given["open_age_min"].count(time) for time in times])
    curve = dict(zip(times, survival(Durations(np.array(times), *map(np.array, counts))), strict=True))
    return {
        "S": {str(time): float(curve[time]) for time in ended},
        "km_p50": one(state, "response_time_median").value,
        "km_p90": one(state, "response_time_p90").value,
        "mean_observed_only": one(state, "response_time_mean").value,
        "target15": target_of_15(state),
    }


def all_open(place: Path, given: Input) -> Found:
    state = state_of(place, lasting(given["observed_min"], given["open_age_min"]))
    median, target = one(state, "response_time_median"), target_of_15(state)
    return {
        "mean": one(state, "response_time_mean").value,
        "p50": median.observed,
        "km_p50": median.value,
        "target15": {key: target[key] for key in ("within", "late_still_open", "undetermined", "attainment")},
    }


def negative_and_zero(place: Path, given: Input) -> Found:
    state = state_of(place, lasting(given["durations_min"], ()))
    mean = one(state, "response_time_mean")
    return {"n_invalid": sum(verdict.kept_aside for verdict in state.verdicts), "n": mean.n, "mean": mean.value}


FIRST_CONTACT = "first_contact_resolution_no_repeat"


def reopened_within_a_window(place: Path, given: Input) -> Found:
    as_of = at(given["as_of"])
    cases = [
        event(case["id"], resolved_at=moment(case["resolved"]), reopened_at=moment(case["reopened"]), customer=case["id"], store=case["id"])
        | {"updated_at": as_of}
        for case in given["cases"]
    ]
    state = state_of(place, cases, kpis=f"first_contact_window_days = {given['window_days']}\n")
    whole, parts = one(state, FIRST_CONTACT), {part.group[0]: part for part in ask(state, [FIRST_CONTACT], by=("store",))}
    return {
        "mature": [name for name, part in parts.items() if part.n],
        "num": whole.numerator,
        "den": whole.n,
        "rate": whole.value,
        "immature": [name for name, part in parts.items() if part.left_out["immature"]],
        "unresolved_not_in_denominator": [case["id"] for case in given["cases"] if case["id"] not in parts],
    }


def merged_spam_and_duplicates(place: Path, given: Input) -> Found:
    cases = [
        event(str(case["id"]), case["opened"], disposition=case["disposition"], customer=f"customer {case['id']}", store=str(case["id"]))
        | {"resolved_at": moment(case.get("resolved")), "updated_at": at(given["as_of"])}
        | ({"merged_into": str(case["merged_into"])} if "merged_into" in case else {})
        for case in given["cases"]
    ]
    state = state_of(place, cases, kpis=f"first_contact_window_days = {given['window_days']}\n")
    whole, parts = one(state, FIRST_CONTACT), ask(state, [FIRST_CONTACT], by=("store",))
    return {
        "num": whole.numerator,
        "den": whole.n,
        "fcr_case_ids": [int(part.group[0]) for part in parts if part.value == 1],
        "not_fcr_case_ids": [int(part.group[0]) for part in parts if part.value == 0],
    }


def versions(place: Path, given: Input) -> Found:
    rows = [
        event(row["case"], "2024-04-01T09:00", resolved_at="2024-04-01T10:00", is_deleted=row.get("deleted"))
        | {"updated_at": datetime.fromisoformat(row["recorded_at"]), "satisfaction": Decimal(row["csat"]) if "csat" in row else None}
        for row in given["rows"]
    ]
    state = state_of(place, rows)
    days = ("2024-05-02", "2024-05-04", "2024-05-10")
    return {f"as_of {day}": one(known_at(state, place, at(day)), "satisfaction").value for day in days}


def checked(name: str, on: str, passed: int, count: int, **columns: Any) -> Iterator[Event]:
    for number in range(count):
        yield event(f"{on} {name} {number}", on, resolved_at=on, quality_passed=number < passed, **columns)


def ratio_of_sums(place: Path, given: Input) -> Found:
    day = "2024-06-03T09:00"
    events = [one for store in given["stores"] for one in checked(store["s"], day, store["num"], store["den"], store=store["s"])]
    return {"overall": one(state_of(place, events), "accuracy").value}


def mix_and_rate(place: Path, given: Input) -> Found:
    days = {"last": "2024-06-03T09:00", "this": "2024-06-04T09:00"}
    events = [
        one
        for when, day in days.items()
        for name, (passed, count) in given[when].items()
        for one in checked(name, day, passed, count, service=name)
    ]
    tuesday = asked(["accuracy"], by=("service",), dates=Dates(date(2024, 6, 4), date(2024, 6, 5)))
    last, this = parts_compared(state_of(place, events), tuesday, "previous_period")
    found, weights = effects(last, this), pooled_weights(last, this)
    assert found is not None
    return {
        "last_total": found.before,
        "this_total": found.now,
        "each_stratum_improves": all(rate > 0 for rate in found.rates.values()),
        "direct_standardised_last": standardised(last, weights),
        "direct_standardised_this": standardised(this, weights),
    }


def net_promoters(place: Path, given: Input) -> Found:
    scores = [9] * given["promoters"] + [8] * given["passives"] + [6] * given["detractors"]
    resolved = [event(str(number), resolved_at="2024-06-01T10:00", recommendation=score) for number, score in enumerate(scores)]
    found = one(state_of(place, resolved), "recommendation")
    assert found.deviation is not None
    return {"nps": found.value, "se": found.deviation / sqrt(found.n), "ci95": found.interval}


ANSWERS_A_YEAR = 1000
EASE = f"""{SMALL}
[expressions]
effort = "8 - cast(ease as bigint)"
""".replace("[constants]", 'resolved_at = "opened"\nrecommendation = "score"\ntouchpoint = "touchpoint"\n[constants]')


def surveyed(mean: float, nps: float) -> Iterator[tuple[int, int]]:
    """Answers whose mean is this and whose score is this: whole numbers on both sides of the mean, and passives below promoters."""
    higher, passives = round((mean - int(mean)) * ANSWERS_A_YEAR), round((100 - nps) / 100 * ANSWERS_A_YEAR)
    for number in range(ANSWERS_A_YEAR):
        yield int(mean) + (number < higher), 8 if number < passives else 9


def work_orders(place: Path, given: Input) -> Found:
    """Every row is a touchpoint; one that asks for ease is turned into effort by its mapping."""
    data, events, lines = empty_folder(place), [], ["id,opened,shop,touchpoint,ease,score"]
    for number, row in enumerate(given["rows"]):
        scales = {
            "2023": (row.get("baseline_ease", given["baseline_effort"]), 90),
            "2024": (row.get("ease_1_to_7", row.get("effort")), 90 + row["nps_delta"]),
        }
        for year, (mean, nps) in scales.items():
            for place_, (answered, score) in enumerate(surveyed(mean, nps)):
                name, day = f"{year} {number} {place_}", f"{year}-03-04 10:00:00"
                if "ease_1_to_7" in row:
                    lines.append(f"{name},{day},N,{number},{answered},{score}")
                else:
                    events.append(event(name, day, resolved_at=day, touchpoint=str(number), effort=answered, recommendation=score))
    converted(data, EASE, file_of(data, "\n".join(lines) + "\n"))
    write(data, events)
    march = asked(["effort"], by=("touchpoint",), dates=Dates(date(2024, 3, 1), date(2024, 4, 1)))
    found = {found.group[0]: found.work_order for found in priorities(loaded(data), march, "previous_year")}
    return {"work_order": [found[str(number)] for number in range(len(given["rows"]))]}


def shared_pool(place: Path, given: Input) -> Found:
    mapping = SMALL.replace('store = "shop"', 'store = "shop"\nhandle_minutes = "minutes"')
    pool = f'[[costs.pools]]\namount = "{given["indirect"]}"\ndriver = "handle_minutes"\nstart = 2024-03-01\nend = 2024-04-01\n'
    rows = "".join(f"{name},2024-03-01 09:00:00,N,{minutes}\n" for name, minutes in given["driver_minutes"].items())
    report = converted(empty_folder(place), mapping + pool, file_of(place, f"id,opened,shop,minutes\n{rows}"))
    found: dict[str, Any] = {str(name): amount for name, amount in rows_of(report, "event_id, indirect_cost")}
    return {name: float(amount) for name, amount in found.items()} | {"sum_must_equal": float(sum(found.values()))}


def exchanged(place: Path, given: Input) -> Found:
    rates = "".join(f'{{currency = "EUR", on = {day}, rate = {rate}}},' for day, rate in given["rates_to_CNY"].items())
    costs = f'[costs]\nreporting = "CNY"\ncurrency = "ccy"\nbooked_on = "booked"\nrates = [{rates}]\n'
    mapping = SMALL.replace('store = "shop"', 'store = "shop"\ncost = "amount"')
    rows = "".join(
        f"{number},2024-03-01 09:00:00,N,{row['amount']},{row['ccy']},{row['date']}\n" for number, row in enumerate(given["entries"])
    )
    report = converted(empty_folder(place), mapping + costs, file_of(place, f"id,opened,shop,amount,ccy,booked\n{rows}"))
    return {"CNY": float(sum(amount for (amount,) in rows_of(report, "cost")))}  # type: ignore[misc]


def ten_percent_more(place: Path, given: Input) -> Found:
    place.mkdir()
    entry = '[[target]]\nkpi = "recommendation"\nevery = "quarter"\nagainst = "previous_year"\nat_least = 0.10\nfrom = 2024-01-01\n'
    (place / "targets.toml").write_text(entry, encoding="utf-8")
    [target] = read_targets(place)
    value, cost = (relative_change(given[f"{name}_now"], given[f"{name}_prev"]) for name in ("value", "cost"))
    assert value is not None
    return {"customer_value_yoy": value, "meets_plus_10": target.met_by(value), "cost_yoy": cost}


def local_periods(place: Path, given: Input) -> Found:
    instant = datetime.fromisoformat(given["instant"])
    call = event("1", is_complaint=True, updated_at=instant) | {"opened_at": instant}
    state = state_of(place, [call], calendar=f'time_zone = "{given["tz"]}"\n')
    day, week, month = (one(state, "complaint_rate", every=every).period for every in ("day", "week", "month"))
    [listed] = page(state, Selection(asked([]), "opened_on"), 1)
    return {
        "local": listed["opened_at"].isoformat(),
        "day": f"{day}",
        "month": f"{month}"[:7],
        "iso_week_monday": f"{week}",
    }


def lowest_tenths(_place: Path, given: Input) -> Found:
    return {"k": [lowest_tenth_count(eligible) for eligible in given["eligible_staff"]]}


def numbers(place: Path, given: Input) -> Found:
    """Each cell as a duration, which keeps all digits; kept aside is quarantined. The last is the state of an incident."""
    cells = given[:-1]
    toml = '[file]\nnulls = ["?", "NA", "NS", "#N/B"]\n' + SMALL.replace('store = "shop"', 'store = "shop"\nhandle_minutes = "amount"')
    rows = "".join(f'{number:02},2024-05-01 09:00:00,N,"{cell}"\n' for number, cell in enumerate(cells))
    report = converted(empty_folder(place), toml, file_of(place, f"id,opened,shop,amount\n{rows}"))
    refused = {int(str(row)) - 2 for row, *_ in kept_aside(report)}
    read = {int(str(name)): value for name, value in rows_of(report, "event_id, handle_minutes")}
    return ["quarantine" if number in refused else read[number] for number in range(len(cells))]


ANSWERS: Mapping[str, Callable[[Path, Input], Found]] = {
    "bh_spring_forward_weekend": business_minutes,
    "bh_24x7_equals_calendar_spring": business_minutes,
    "bh_holiday": business_minutes,
    "bh_overnight_shift_dst": business_minutes,
    "bh_out_of_hours_is_zero_not_null": business_minutes,
    "bh_china_no_dst": business_minutes,
    "km_small": censored,
    "all_open": all_open,
    "negative_and_zero": negative_and_zero,
    "fcr_reopen_window_7d": reopened_within_a_window,
    "fcr_merged_spam_duplicate": merged_spam_and_duplicates,
    "versions_late_arrival": versions,
    "ratio_of_sums": ratio_of_sums,
    "simpson": mix_and_rate,
    "nps_ci": net_promoters,
    "ces_polarity_and_priority_rule": work_orders,
    "cost_allocation_sums": shared_pool,
    "cost_fx_by_booking_date": exchanged,
    "yoy_plus_10": ten_percent_more,
    "week_and_timezone_bucket": local_periods,
    "bottom_10_percent": lowest_tenths,
    "dirty_numbers": numbers,
}


# --- and what it must answer -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """One edge case of the reference."""

    name: str
    given: Input
    expected: Any


def cases() -> dict[str, Case]:
    sets = json.loads(REFERENCE.read_text(encoding="utf-8")) if REFERENCE.exists() else {"edge_cases": []}
    return {case["id"]: Case(case["id"], case["input"], case["expected"]) for case in sets["edge_cases"]}


def leaves(path: str, content: Any) -> Iterator[tuple[str, Any]]:
    pairs = content.items() if isinstance(content, Mapping) else enumerate(content) if isinstance(content, list | tuple) else None
    if pairs is None:
        yield path, content
        return
    for key, inner in pairs:
        yield from leaves(f"{path}/{key}", inner)


def is_applicable(path: str) -> bool:
    return not any(fnmatch(path, pattern) for pattern in NOT_APPLICABLE)


def agree(found: Any, expected: Any, tolerance: float) -> bool:
    if isinstance(expected, str) and expected.startswith("quarantine"):
        return found == "quarantine"
    if expected is None or isinstance(expected, str | bool):
        return found == expected
    return found == pytest.approx(expected, rel=0, abs=tolerance)


def tolerance(path: str) -> float:
    return MONEY if path in SHARES else 1e-6


def test_every_edge_case_is_asked_and_no_other() -> None:
    assert set(ANSWERS) == set(cases())


def test_what_is_not_applicable_is_in_the_reference() -> None:
    paths = [path for case in cases().values() for path, _ in leaves(case.name, case.expected)] + [f"{name}/note" for name in cases()]
    assert [pattern for pattern in NOT_APPLICABLE if not any(fnmatch(path, pattern) for path in paths)] == []


@pytest.mark.parametrize("name", ANSWERS)
def test_the_product_answers_as_the_reference(name: str, tmp_path: Path) -> None:
    case = cases()[name]
    expected = {path: value for path, value in leaves(name, case.expected) if is_applicable(path)}
    found = dict(leaves(name, ANSWERS[name](tmp_path / "data", case.given)))
    assert expected
    assert found.keys() == expected.keys()
    assert {path: (found[path], value) for path, value in expected.items() if not agree(found[path], value, tolerance(path))} == {}
