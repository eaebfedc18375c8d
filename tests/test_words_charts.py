"""Charts in words: the numbers of each sentence are those of the chart."""

from pathlib import Path

from kpi.control import ControlChart, control_charts
from kpi.periods import Dates
from kpi.spc.rules import BY_NAME, RULE_SETS
from kpi.words.charts import (
    chance_text,
    episode_sentence,
    limits_sentence,
    phase_sentence,
    proposal_sentence,
    rate_text,
    rule_sentence,
    signal_sentence,
    untested_sentence,
    verdict_sentence,
)
from kpi.words.sentences import closed_only_sentence
from tests.samples import costs, day, later, question, state_of

STEP = [*[10, 12] * 15, *[30, 32] * 15]
PHASE = f'[[phase]]\nkpi = "cost_per_service"\nfrom = {day(30)}\nreason = "New contract"\naccepted_by = "Ana"\n'


def chart_of(place: Path, values: list[float], first: int, rules: str = "graded", **settings: str) -> ControlChart:
    state = state_of(place, [*costs(values, a_day=30), later(day(len(values)))], **settings)
    asked = question("cost_per_service", every="day", dates=Dates(day(first), day(len(values))))
    return control_charts(state, asked, "individuals", rules)[0]


def test_an_episode_says_since_when_how_grave_how_much_what_is_usual_and_n(tmp_path: Path) -> None:
    chart = chart_of(tmp_path, STEP, 30)
    words = episode_sentence(chart, chart.episodes[0], "day", "EUR")
    assert words.startswith(
        "Since Wed 3 Jul 2024: worse than usual (serious). Newest signal Thu 1 Aug 2024: €32.00, usual €5.68 to €16.32, n = 30"
    )
    assert words.endswith("; not over yet.")


def test_a_past_episode_says_that_it_is_over(tmp_path: Path) -> None:
    chart = chart_of(tmp_path, [*[10, 12] * 15, 30, *[10, 12] * 20], 30)
    [one] = chart.episodes
    assert "; over since " in episode_sentence(chart, one, "day", "EUR")


def test_an_improvement_has_no_grade(tmp_path: Path) -> None:
    chart = chart_of(tmp_path, [*[30, 32] * 15, *[10, 12] * 15], 30)
    words = episode_sentence(chart, chart.episodes[0], "day", "EUR")
    assert "better than usual. Newest signal" in words
    assert verdict_sentence(chart) == "▲ Improvement · No target to hold it against"


def test_a_target_that_nothing_can_be_held_against_is_not_no_target(tmp_path: Path) -> None:
    target = '[[target]]\nkpi = "cost_per_service"\nevery = "day"\nat_most = 13\nfrom = 2024-01-01\n'
    chart = chart_of(tmp_path, [10, 12], 0, targets=target)
    assert verdict_sentence(chart).endswith(" · Too little data to hold it against the target")


def test_a_signal_of_other_rules_names_them(tmp_path: Path) -> None:
    chart = chart_of(tmp_path, STEP, 30, "limits")
    words = signal_sentence(chart, chart.points[0], "day", "EUR")
    assert words == "Wed 3 Jul 2024: €30.00, worse than usual; usual €5.68 to €16.32; beyond the limits; n = 30."


def test_a_proposal_says_from_what_to_what_since_when_and_how_sure(tmp_path: Path) -> None:
    chart = chart_of(tmp_path, STEP, 15)
    assert chart.proposal is not None
    words = proposal_sentence(chart, chart.proposal, "day", "EUR")
    assert words.startswith(
        "The level seems to be another one since Wed 3 Jul 2024: €11.02 before, €30.98 since (+€19.96), on 15 and 30 periods."
    )
    assert words.endswith("(95 % sure); a process without a change shows one as clear less than once in a million.")


def test_a_phase_says_why_and_who_accepted_it(tmp_path: Path) -> None:
    chart = chart_of(tmp_path, STEP, 15, phases=PHASE)
    assert [phase_sentence(span, "day") for span in chart.spans] == [
        "",
        "New phase since Wed 3 Jul 2024: New contract (accepted by Ana)."
        " The limits rest on 30 complete periods, Wed 3 Jul 2024 to Thu 1 Aug 2024.",
    ]


def test_limits_say_what_they_rest_on_and_that_they_are_provisional(tmp_path: Path) -> None:
    assert "The limits rest on 30 complete periods, Mon 3 Jun 2024 to Tue 2 Jul 2024." in limits_sentence(
        chart_of(tmp_path, STEP, 30), "day"
    )
    few = chart_of(tmp_path / "few", [10, 12] * 4, 0)
    assert limits_sentence(few, "day").endswith("Provisional, and wider for it: fewer than 20.")
    none = chart_of(tmp_path / "none", [10, 12], 0)
    assert limits_sentence(none, "day") == "No limits: 2 complete periods with data, at least 5 are needed."
    assert untested_sentence(none).startswith("Not tested for signals: too few complete periods.")


def test_limits_that_wobble_say_why(tmp_path: Path) -> None:
    busy, quiet = costs([10, 12, 11] * 10, a_day=90), costs([11, 10, 12] * 3, first=day(30), a_day=30)
    odd = [one | {"cost": one["cost"] * (0.5 if number % 2 else 1.5)} for number, one in enumerate([*busy, *quiet])]
    state = state_of(tmp_path, [*odd, later(day(39))])
    [chart] = control_charts(state, question("cost_per_service", every="day"), "x_bar", "")
    assert "They are wider where fewer events were counted (n from 30 to 90): few tell less." in limits_sentence(chart, "day")


def test_every_rule_says_its_definition_and_its_measured_rate() -> None:
    for rules in RULE_SETS:
        for rule in rules.rules:
            assert rule.definition in rule_sentence(rule)
            assert "not measured" not in rule_sentence(rule)
        assert "not measured" not in rate_text(rules.name)
    assert rate_text("no rule of ours") == "its rate was not measured"


def test_the_number_in_a_definition_is_the_one_in_the_rule() -> None:
    definitions = " ".join(rule.definition for rule in BY_NAME["graded"].rules)
    assert all(number in definitions for number in ("3.25", "3.2 ", "4 sigma", "3.75"))


def test_small_chances_have_two_digits() -> None:
    assert [chance_text(chance) for chance in (1e-9, 0.0001234, 0.009)] == ["less than once in a million", "once in 8,100", "once in 110"]


def test_sources_of_ended_requests_alone_are_named() -> None:
    assert closed_only_sentence({}) == ""
    assert closed_only_sentence({"log": 24918}).startswith("Every request of these sources has ended, though many took days: log (24,918).")
