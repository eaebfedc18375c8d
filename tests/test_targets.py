"""What is aimed for: every refusal whole, borders exact, and a new target does not re-judge the past."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from kpi.errors import ConfigError
from kpi.metrics import find
from kpi.targets import Target, read_targets, relative_change, valid_on
from tests.samples import event, state_of, value_of

REPOSITORY = Path(__file__).parents[1]
SATISFIED = 'kpi = "satisfaction"\nevery = "month"\nat_least = 4.5\nfrom = 2024-01-01'
ANSWERED = 'kpi = "response_time"\nevery = "day"\nat_least = 0.95\nfrom = 2024-01-01'


def targets_of(folder: Path, *entries: str) -> tuple[Target, ...]:
    return read(folder, "".join(f"[[target]]\n{entry}\n" for entry in entries))


def read(folder: Path, toml: str) -> tuple[Target, ...]:
    (folder / "targets.toml").write_text(toml, encoding="utf-8")
    return read_targets(folder)


def refusal(folder: Path, *entries: str) -> str:
    with pytest.raises(ConfigError) as error:
        targets_of(folder, *entries)
    return str(error.value)


def changed(entry: str, before: str, after: str) -> str:
    assert before in entry
    return entry.replace(before, after)


def aim(bound: str, aim: float, alert: float | None) -> Target:
    return Target(
        kpi="satisfaction",
        starts_on=date(2024, 1, 1),
        ends_on=date.max,
        every="month",
        bound="at_least" if bound == "at_least" else "at_most",
        aim=aim,
        alert=alert,
        against="value",
        limit_minutes=None,
    )


def test_the_targets_of_the_repository_are_those_of_the_brief() -> None:
    found = {one.kpi: (one.every, one.bound, one.aim, one.against, one.limit_minutes) for one in read_targets(REPOSITORY / "data")}
    assert found == {
        "response_time": ("day", "at_least", 0.95, "value", 15),
        "first_contact_resolution": ("week", "at_least", 0.95, "value", None),
        "accuracy": ("week", "at_least", 0.95, "value", None),
        "satisfaction": ("month", "at_least", 4.5, "value", None),
        "cost_per_service": ("quarter", "at_most", 0.0, "previous_year", None),
    }


def test_without_a_file_there_are_no_targets(tmp_path: Path) -> None:
    assert read_targets(tmp_path) == ()


def test_an_entry_has_no_end_no_alert_and_no_limit_unless_it_says_so(tmp_path: Path) -> None:
    [found] = targets_of(tmp_path, SATISFIED)
    assert found == aim("at_least", 4.5, None)
    entry = f"{ANSWERED}\nuntil = 2024-06-30\nalert = 0.9\nlimit_minutes = 15"
    [found] = targets_of(tmp_path, entry)
    assert (found.ends_on, found.alert, found.limit_minutes) == (date(2024, 6, 30), 0.9, 15.0)


@pytest.mark.parametrize(("value", "is_met"), [(4.49, False), (4.5, True), (4.51, True)])
def test_exactly_at_the_aim_is_met(value: float, is_met: bool) -> None:
    assert aim("at_least", 4.5, None).met_by(value) is is_met
    assert aim("at_most", -4.5, None).met_by(-value) is is_met


@pytest.mark.parametrize(("value", "is_alerted"), [(4.29, True), (4.3, False), (4.31, False)])
def test_exactly_at_the_alert_threshold_there_is_no_alert(value: float, is_alerted: bool) -> None:
    assert aim("at_least", 4.5, 4.3).alerted_by(value) is is_alerted
    assert aim("at_most", -4.5, -4.3).alerted_by(-value) is is_alerted


@pytest.mark.parametrize(
    ("bound", "now", "before", "is_met"),
    [
        ("at_least", 3.3, 3.0, True),
        ("at_least", 3.299, 3.0, False),
        ("at_most", 4.4, 4.0, True),
        ("at_most", 4.401, 4.0, False),
    ],
)
def test_exactly_ten_percent_more_is_at_the_border_whatever_floating_point_makes_of_it(
    bound: str, now: float, before: float, is_met: bool
) -> None:
    change = relative_change(now, before)
    assert change is not None
    assert aim(bound, 0.10, None).met_by(change) is is_met
    assert aim(bound, 0.50 if bound == "at_least" else -0.50, 0.10).alerted_by(change) is not is_met


def test_without_an_alert_threshold_nothing_is_alerted() -> None:
    assert not aim("at_least", 4.5, None).alerted_by(1.0)


@pytest.mark.parametrize(
    ("value", "before", "change"), [(110, 100, 0.1), (90, 100, -0.1), (-90, -100, 0.1), (5, 0, None), (0, 50, -1), (100, 100, 0)]
)
def test_a_relative_change_is_a_share_of_the_earlier_value(value: float, before: float, change: float | None) -> None:
    assert relative_change(value, before) == change


def test_a_target_holds_from_its_first_to_its_last_day(tmp_path: Path) -> None:
    old = f"{SATISFIED}\nuntil = 2024-05-31"
    new = changed(changed(SATISFIED, "4.5", "4.8"), "2024-01-01", "2024-07-01")
    targets = targets_of(tmp_path, new, old)
    days = [date(2023, 12, 31), date(2024, 1, 1), date(2024, 5, 31), date(2024, 6, 1), date(2024, 6, 30), date(2024, 7, 1)]
    found = [valid_on(targets, find("satisfaction"), day) for day in days]
    assert [one and one.aim for one in found] == [None, 4.5, 4.5, None, None, 4.8]
    assert valid_on(targets, find("accuracy"), date(2024, 1, 1)) is None


def test_a_target_of_a_family_is_that_of_its_variants(tmp_path: Path) -> None:
    targets = targets_of(tmp_path, 'kpi = "first_contact_resolution"\nevery = "week"\nat_least = 0.95\nfrom = 2024-01-01')
    for variant in ("no_repeat", "one_contact", "no_transfer", "as_flagged"):
        assert valid_on(targets, find(f"first_contact_resolution_{variant}"), date(2024, 1, 1)) == targets[0]


def test_a_new_limit_does_not_judge_the_past_again(tmp_path: Path) -> None:
    old = f"{ANSWERED}\nlimit_minutes = 15\nuntil = 2024-05-31"
    new = f"{changed(ANSWERED, '2024-01-01', '2024-06-01')}\nlimit_minutes = 5"
    answered_in_10 = [event(day, f"{day}T10:00", responded_at=f"{day}T10:10") for day in ("2024-05-31", "2024-06-01")]
    toml = f"[[target]]\n{new}\n[[target]]\n{old}"
    assert value_of(state_of(tmp_path, answered_in_10, targets=toml), "response_time") == 1 / 2


def test_a_relative_aim_may_be_anything(tmp_path: Path) -> None:
    entry = 'kpi = "cost_per_service"\nevery = "quarter"\nagainst = "previous_year"\nat_most = -0.1\nalert = 2\nfrom = 2024-01-01'
    [found] = targets_of(tmp_path, entry)
    assert (found.against, found.aim, found.alert) == ("previous_year", -0.1, 2.0)


LIMITED = "response_time, resolution_time"


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("", "targets.toml: target 1: kpi is missing. Add it."),
        ("kpi = 3", "targets.toml: target 1: kpi is 3, expected str."),
        ('kpi = "responsetime"', "targets.toml: target 1: KPI 'responsetime' does not exist. Did you mean 'response_time'?"),
        (
            f"{SATISFIED}\nat_leat = 4",
            "targets.toml: target 1: key 'at_leat' does not exist. Did you mean 'at_least'?",
        ),
        (
            f"{SATISFIED}\nowner = 'me'",
            "targets.toml: target 1: key 'owner' does not exist. "
            "Known: against, alert, at_least, at_most, every, from, kpi, limit_minutes, until.",
        ),
        (f"{SATISFIED}\nat_most = 5", "targets.toml: target 1 (satisfaction): expected either at_least or at_most."),
        (changed(SATISFIED, "at_least = 4.5\n", ""), "targets.toml: target 1 (satisfaction): expected either at_least or at_most."),
        (changed(SATISFIED, "from = 2024-01-01", ""), "targets.toml: target 1 (satisfaction): from is missing. Add it."),
        (changed(SATISFIED, 'every = "month"\n', ""), "targets.toml: target 1 (satisfaction): every is missing. Add it."),
        (
            changed(SATISFIED, "2024-01-01", '"2024-01-01"'),
            "targets.toml: target 1 (satisfaction): from is '2024-01-01', expected date.",
        ),
        (
            changed(SATISFIED, "2024-01-01", "2024-01-01T00:00:00"),
            "targets.toml: target 1 (satisfaction): from is datetime.datetime(2024, 1, 1, 0, 0), expected date.",
        ),
        (f"{SATISFIED}\nuntil = 2024", "targets.toml: target 1 (satisfaction): until is 2024, expected date."),
        (
            f"{SATISFIED}\nuntil = 2023-12-31",
            "targets.toml: target 1 (satisfaction): until 2023-12-31 is before from 2024-01-01.",
        ),
        (
            changed(SATISFIED, '"month"', '"year"'),
            "targets.toml: target 1 (satisfaction): every is 'year', expected one of day, week, month, quarter.",
        ),
        (
            f'{SATISFIED}\nagainst = "last_year"',
            "targets.toml: target 1 (satisfaction): against is 'last_year', expected one of value, previous_year.",
        ),
        (
            changed(SATISFIED, "4.5", '"4.5"'),
            "targets.toml: target 1 (satisfaction): at_least is '4.5', expected int or float.",
        ),
        (
            changed(SATISFIED, "4.5", "true"),
            "targets.toml: target 1 (satisfaction): at_least is True, expected int or float.",
        ),
        (f"{SATISFIED}\nalert = true", "targets.toml: target 1 (satisfaction): alert is True, expected int or float."),
        (
            f"{SATISFIED}\nlimit_minutes = 15",
            f"targets.toml: target 1 (satisfaction): limit_minutes has no meaning here, only for {LIMITED}.",
        ),
        (
            f"{ANSWERED}\nlimit_minutes = -1",
            "targets.toml: target 1 (response_time): limit_minutes is -1.0, expected 0 or more.",
        ),
        (
            f"{ANSWERED}\nlimit_minutes = nan",
            "targets.toml: target 1 (response_time): limit_minutes is not a usable number. Write one below 1e+15.",
        ),
        (
            changed(ANSWERED, "0.95", "95"),
            "targets.toml: target 1 (response_time): at_least is 95.0, expected 0 to 1. Shares are written 0 to 1.",
        ),
        (
            changed(ANSWERED, "0.95", "nan"),
            "targets.toml: target 1 (response_time): at_least is not a usable number. Write one below 1e+15.",
        ),
        (
            f"{ANSWERED}\nalert = 90",
            "targets.toml: target 1 (response_time): alert is 90.0, expected 0 to 1. Shares are written 0 to 1.",
        ),
        (
            changed(SATISFIED, "4.5", "0.5"),
            "targets.toml: target 1 (satisfaction): at_least is 0.5, expected 1 to 5. Shares are written 0 to 1.",
        ),
        (
            f"{SATISFIED}\nalert = 4.6",
            "targets.toml: target 1 (satisfaction): alert 4.6 is better than the target 4.5.",
        ),
        (
            'kpi = "effort"\nevery = "month"\nat_most = 3\nalert = 2.5\nfrom = 2024-01-01',
            "targets.toml: target 1 (effort): alert 2.5 is better than the target 3.0.",
        ),
    ],
)
def test_a_wrong_entry_is_refused_by_name_with_what_was_expected(tmp_path: Path, entry: str, message: str) -> None:
    assert refusal(tmp_path, entry) == message


def test_an_alert_at_the_aim_itself_is_accepted(tmp_path: Path) -> None:
    [found] = targets_of(tmp_path, f"{SATISFIED}\nalert = 4.5")
    assert found.alert == found.aim


def test_the_wrong_entry_is_named_by_its_number(tmp_path: Path) -> None:
    assert refusal(tmp_path, SATISFIED, 'kpi = "x"').startswith("targets.toml: target 2: KPI 'x' does not exist. ")


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("targets = 1", "targets.toml: key 'targets' does not exist. Did you mean 'target'?"),
        ("[target]\nkpi = 'x'", "targets.toml: target is {'kpi': 'x'}, expected list."),
        ("target = ['x']", "targets.toml: target 1: 'x', expected a table."),
    ],
)
def test_a_file_of_another_shape_is_refused(tmp_path: Path, toml: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        read(tmp_path, toml)
    assert str(error.value) == message


@pytest.mark.parametrize("key", ["at_least", "alert", "limit_minutes"])
def test_a_number_too_large_for_a_computer_is_refused_and_no_bug(tmp_path: Path, key: str) -> None:
    entries = {"at_least": changed(ANSWERED, "0.95", "9" * 400), "alert": f"{ANSWERED}\nalert = {'9' * 400}"}
    refused = refusal(tmp_path, entries.get(key, f"{ANSWERED}\nlimit_minutes = {'9' * 400}"))
    assert refused.startswith(f"targets.toml: target 1 (response_time): {key} is ")


def test_two_targets_of_one_kpi_may_touch_but_not_overlap(tmp_path: Path) -> None:
    until_may = f"{SATISFIED}\nuntil = 2024-05-31"
    assert len(targets_of(tmp_path, until_may, changed(SATISFIED, "2024-01-01", "2024-06-01"))) == 2
    expected = "targets.toml: two targets for satisfaction overlap: from 2024-01-01 and from 2024-05-31. End the first with `until`."
    assert refusal(tmp_path, until_may, changed(SATISFIED, "2024-01-01", "2024-05-31")) == expected


def test_a_target_of_a_family_and_one_of_its_variant_overlap_too(tmp_path: Path) -> None:
    family = 'kpi = "first_contact_resolution"\nevery = "week"\nat_least = 0.95\nfrom = 2024-01-01'
    variant = changed(family, "first_contact_resolution", "first_contact_resolution_no_repeat")
    assert "overlap" in refusal(tmp_path, family, variant)


def test_targets_of_different_kpis_never_overlap(tmp_path: Path) -> None:
    assert [one.kpi for one in targets_of(tmp_path, SATISFIED, ANSWERED)] == ["satisfaction", "response_time"]


def test_a_target_that_ended_yesterday_is_not_that_of_today() -> None:
    today = date(2024, 6, 3)
    target = replace(aim("at_least", 4.5, None), ends_on=today - timedelta(days=1))
    assert valid_on([target], find("satisfaction"), today) is None
