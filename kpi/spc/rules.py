"""Rules with their exact definitions, and the sets of rules that people use together."""

from collections.abc import Callable
from dataclasses import dataclass

from kpi.spc.distances import Distances
from kpi.spc.marks import (
    Marked,
    alternating,
    avoiding,
    between,
    beyond,
    cusum_beyond,
    ewma_beyond,
    hugging,
    too_few_crossings,
    too_long_a_run,
    trend,
)
from kpi.spc.memory import INTERVAL

LIMIT_SIGMAS = 3.0


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A definition and the function that finds it; `label` is how a signal is named in a sentence."""

    name: str
    label: str
    definition: str
    marks: Callable[[Distances], Marked]


@dataclass(frozen=True, kw_only=True)
class RuleSet:
    """Rules that are used together."""

    name: str
    label: str
    source: str
    rules: tuple[Rule, ...]


NELSON_SOURCE = "Nelson, Journal of Quality Technology 16 (1984)"
WESTERN_ELECTRIC_SOURCE = "Western Electric, Statistical Quality Control Handbook (1956)"

WATCH_POINT, WATCH_DRIFT = 3.25, 3.2
SERIOUS_POINT, SERIOUS_DRIFT = 4.0, 3.75

BEYOND_LIMITS = Rule(
    name="beyond_limits",
    label="beyond the limits",
    definition="one point more than 3 sigma from the centre (Nelson 1)",
    marks=beyond(LIMIT_SIGMAS, 1, 1),
)
NELSON = (
    BEYOND_LIMITS,
    Rule(
        name="run_of_nine",
        label="nine in a row on one side",
        definition="nine points in a row on one side of the centre (Nelson 2)",
        marks=beyond(0.0, 9, 9),
    ),
    Rule(
        name="trend_of_six",
        label="a steady trend",
        definition="six points in a row steadily rising or falling: five steps (Nelson 3)",
        marks=trend(5),
    ),
    Rule(
        name="alternating",
        label="up and down by turns",
        definition="fourteen points in a row alternating up and down (Nelson 4)",
        marks=alternating(14),
    ),
    Rule(
        name="two_of_three",
        label="two of three far out",
        definition="two of three points in a row more than 2 sigma from the centre on one side (Nelson 5)",
        marks=beyond(2.0, 2, 3),
    ),
    Rule(
        name="four_of_five",
        label="four of five off the centre",
        definition="four of five points in a row more than 1 sigma from the centre on one side (Nelson 6)",
        marks=beyond(1.0, 4, 5),
    ),
    Rule(
        name="hugging",
        label="less variation than usual",
        definition="fifteen points in a row within 1 sigma of the centre (Nelson 7)",
        marks=hugging(1.0, 15),
    ),
    Rule(
        name="avoiding",
        label="avoiding the centre",
        definition="eight points in a row more than 1 sigma from the centre, on both sides of it (Nelson 8)",
        marks=avoiding(1.0, 8),
    ),
)
RUN_OF_EIGHT = Rule(
    name="run_of_eight",
    label="eight in a row on one side",
    definition="eight points in a row on one side of the centre (Western Electric 4)",
    marks=beyond(0.0, 8, 8),
)
MAKING_DATA_COUNT = (
    BEYOND_LIMITS,
    Rule(
        name="run_of_seven",
        label="seven in a row on one side",
        definition="seven points in a row on one side of the centre",
        marks=beyond(0.0, 7, 7),
    ),
    Rule(
        name="trend_of_seven",
        label="a steady trend",
        definition="seven points in a row steadily rising or falling: six steps",
        marks=trend(6),
    ),
    Rule(
        name="close_to_limit",
        label="two of three close to a limit",
        definition="two of three points in a row between 2 and 3 sigma from the centre, all three on one side",
        marks=between(2.0, 3.0, 2, 3),
    ),
)
WATCH = (
    Rule(
        name="watch_point",
        label="unusually far from the usual",
        definition="watch: one point more than 3.25 sigma from the centre",
        marks=beyond(WATCH_POINT, 1, 1),
    ),
    Rule(
        name="watch_drift",
        label="a lasting change",
        definition="watch: the weighted mean of recent points (weight 0.2) more than 3.2 of its own sigma from the centre",
        marks=ewma_beyond(WATCH_DRIFT),
    ),
)
SERIOUS = (
    Rule(
        name="serious_point",
        label="extremely far from the usual",
        definition="serious: one point more than 4 sigma from the centre",
        marks=beyond(SERIOUS_POINT, 1, 1),
    ),
    Rule(
        name="serious_drift",
        label="a strong lasting change",
        definition="serious: the weighted mean of recent points (weight 0.2) more than 3.75 of its own sigma from the centre",
        marks=ewma_beyond(SERIOUS_DRIFT),
    ),
)

RULE_SETS: tuple[RuleSet, ...] = (
    RuleSet(name="graded", label="Watch and serious", source="the default here; see the measured rates", rules=(*WATCH, *SERIOUS)),
    RuleSet(name="limits", label="3 sigma", source="Shewhart (1931)", rules=(BEYOND_LIMITS,)),
    RuleSet(name="nelson_1_2", label="Nelson 1-2", source=NELSON_SOURCE, rules=NELSON[:2]),
    RuleSet(name="nelson_1_4", label="Nelson 1-4", source=NELSON_SOURCE, rules=NELSON[:4]),
    RuleSet(name="nelson", label="Nelson 1-8", source=NELSON_SOURCE, rules=NELSON),
    RuleSet(
        name="western_electric",
        label="Western Electric 1-4",
        source=WESTERN_ELECTRIC_SOURCE,
        rules=(BEYOND_LIMITS, NELSON[4], NELSON[5], RUN_OF_EIGHT),
    ),
    RuleSet(name="nhs", label="NHS Making Data Count", source="NHS England, Making Data Count (2019)", rules=MAKING_DATA_COUNT),
    RuleSet(
        name="anhoej",
        label="Anhoej runs",
        source="Anhoej and Olesen, PLoS ONE 9 (2014)",
        rules=(
            Rule(
                name="long_run",
                label="an unusually long run on one side",
                definition="a run on one side of the centre longer than log2(n) + 3 points, n being those not on it",
                marks=too_long_a_run(),
            ),
            Rule(
                name="few_crossings",
                label="unusually few crossings of the centre",
                definition="fewer crossings of the centre than the 5 % point of a binomial of n - 1 and one half",
                marks=too_few_crossings(),
            ),
        ),
    ),
    RuleSet(
        name="ewma",
        label="EWMA 0.2 / 2.962",
        source="Lucas and Saccucci, Technometrics 32 (1990)",
        rules=(
            Rule(
                name="ewma",
                label="a lasting change",
                definition="the weighted mean of recent points (weight 0.2) more than 2.962 of its own sigma from the centre",
                marks=ewma_beyond(2.962),
            ),
        ),
    ),
    RuleSet(
        name="cusum",
        label="CUSUM 0.5 / 4.77",
        source="Page, Biometrika 41 (1954)",
        rules=(
            Rule(
                name="cusum",
                label="a lasting change",
                definition="the sum of what exceeds half a sigma more than 4.77 sigma",
                marks=cusum_beyond(INTERVAL),
            ),
        ),
    ),
)

RULES = {rule.name: rule for rules in RULE_SETS for rule in rules.rules}
BY_NAME = {rules.name: rules for rules in RULE_SETS}
GRADED = BY_NAME["graded"]
