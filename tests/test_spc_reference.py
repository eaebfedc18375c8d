"""Control charts against what other tools computed: each by its named convention, or listed here with the reason why not."""

import json
from dataclasses import dataclass, replace
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kpi.spc.catalogue import BY_NAME as CHARTS
from kpi.spc.charts import Lines, Sums
from kpi.spc.conventions import BY_NAME, CONVENTIONS, Convention
from kpi.spc.distances import Distances, distances, limit
from kpi.spc.marks import between
from kpi.spc.memory import cumulative_sums
from kpi.spc.rules import MAKING_DATA_COUNT, RULES
from kpi.spc.runs import rephased, runs
from tests.spc_series import counted, grouped, measured

CASES = Path(__file__).parents[2] / "shared" / "reference" / "spc_cases.json"
REFERENCE: dict[str, Any] = json.loads(CASES.read_text()) if CASES.exists() else {"cases": [], "anhoej_table": [], "arl": []}

KINDS = {
    "i": "individuals",
    "mr": "moving_range",
    "ip": "individuals_prime",
    "p_prime": "laney_p",
    "u_prime": "laney_u",
    "xbar": "x_bar",
    "funnel_p": "p",
    "run_rephase": "run",
}
HIGHEST = {"p": 1.0, "laney_p": 1.0}
LOWEST = dict.fromkeys(("p", "laney_p", "np", "u", "laney_u", "c", "s", "g", "t", "moving_range"), 0.0)
RULE_OF = {
    "nelson1": "beyond_limits",
    "nelson2": "run_of_nine",
    "nelson3": "trend_of_six",
    "nelson4": "alternating",
    "nelson5": "two_of_three",
    "nelson6": "four_of_five",
    "nelson7": "hugging",
    "nelson8": "avoiding",
    "we1": "beyond_limits",
    "we2": "two_of_three",
    "we3": "four_of_five",
    "we4": "run_of_eight",
    "sigma_signal": "beyond_limits",
    "outside_limits": "beyond_limits",
    "beyond_limits": "beyond_limits",
    "any": "beyond_limits",
}
CLOSE = between(2.0, 3.0, 1, 1)
PYCONTROLCHARTS = [f"nelson{number}_{side}" for number in (1, 2, 3, 5, 6) for side in ("up", "down")]
"""All its signals: those without a point are left out of its results."""

NOT_OFFERED = {
    "UWAVE-R": "ranges of subgroups are not among the sums; of two values they are 1.128 instead of d2(2) away from UWAVE-SD",
    "qcc(M, type='R')": "ranges of subgroups are not among the sums: an S chart shows the same change",
    "ewma(M, ": "ranges of subgroups again, and the sigma of the newest point for the whole weighted mean (the tool's defect)",
    "qcc(M,type='xbar')": "the tool refuses subgroups of one; they have limits from the others' deviation here",
    "qcc(y, type='g')  # default": "the tool draws no limits without a confidence level",
    "chart='pp', return.data=TRUE)@funnel_p": "cross-section: our funnel uses additive tau^2, not the deviation of z",
    "t_chart(y)": "quantiles of a Weibull distribution fitted by maximum likelihood; ours are Nelson's 3.6th root",
    "chart='t', return.data=TRUE)@t_zero_error": "the tool refuses a time of 0; here it is the root of 0",
    "calc_xbar_s": "constants of the mean n, printed to three digits, at every point: limits do not follow n (the tool is wrong)",
}
"""Results of calls that no convention stands for, and why; after an @ the chart or the case it is limited to."""

SCREENED_AWAY = "screening of the moving ranges leaves none but zeros: sigma 0 and all 25 points flagged (SPC.md, section 5)"
ACROSS = "moving ranges across the excluded points, which are left out of the runs as well (SPC.md, section 5)"
ONE_SIDED = "Nelson 8 without its condition that the points lie on both sides of the centre"
UNLIMITED = "no limits without variation; ours have no width, so that any later change is a signal (SPC.md, section 2)"
MEAN_DRAWN = "the mean is drawn as the centre, which is not the middle of quantile limits; ours is the median"
MEDIAN_DRAWN = "limits around the mean and a centre at the median of the data: two distributions in one chart"
ONE_OVER_MEAN = "1 / mean is the chance of counts from 1, these count from 0: limits too narrow for many zeros (the tool's defect)"
BETWEEN_COUNTS = "quantiles of whole numbers drawn between them; ours are the whole number above, and no point changes sides"
SEVEN_TO_TREND = "Nelson 3 needs six points; the tool waits for the seventh, and leaves the first of them unmarked"
WRONG_MEMBERS = "marks points that are inside the rule's own limit and leaves out points that are beyond it"
CONSTANT_BELOW = "equal values, all on the centre, are flagged as low (SPC.md, section 5: points on the mean flagged)"
AT_ONE_LIMIT = "four of five against the limits of one point where n varies (SPC.md, section 5)"
TOO_FEW = "the tool's rule fails on two points"
NO_DEVIATION = "no deviation and so no limits or side at a subgroup of one, which the tool counts in the runs all the same"
NO_RUNS = "the tool leaves runs out of a cross-section; so does the page, not the chart"

LIMITS = ("lcl", "ucl")
RUN_FIELDS = ("anhoej.n_useful", "anhoej.longest_run", "anhoej.longest_run_max", "anhoej.n_crossings", "anhoej.n_crossings_min")
DIFFERENT: dict[tuple[str, str, str], str] = {}
"""(case, convention, field): why the tool's value is not ours."""


def different(cases: tuple[str, ...], conventions: tuple[str, ...], fields: tuple[str, ...], reason: str) -> None:
    DIFFERENT.update(dict.fromkeys(product(cases, conventions, fields), reason))


different(("i_constant_then_jump_25",), ("qicharts2",), (*LIMITS, "sigma_signal"), SCREENED_AWAY)
different(("i_constant_then_jump_25",), ("nhs",), (*LIMITS, "outside_limits"), SCREENED_AWAY)
different(("i_exclude_30",), ("qicharts2", "qicharts2_unscreened"), (*LIMITS, *RUN_FIELDS[:2], RUN_FIELDS[4]), ACROSS)
different(("i_given_cl_30", "i_constant_then_jump_25", "i_trend_36"), ("pccpy",), ("nelson8",), ONE_SIDED)
different(("i_few_2",), ("qcc",), ("we2", "we3", "nelson5", "nelson6"), TOO_FEW)
different(("u_overdispersed",), ("qcc",), ("we3", "nelson6"), AT_ONE_LIMIT)
different(("pprime_all_zero", "pprime_all_one"), ("qicharts2", "qicharts2_unscreened"), LIMITS, UNLIMITED)
different(("pprime_all_zero", "pprime_all_one"), ("pccpy",), (*LIMITS, "sigma_point"), UNLIMITED)
different(("pprime_all_zero", "pprime_all_one"), ("exact_unwidened",), (*LIMITS, "sigma_point", "nelson7"), UNLIMITED)
different(("xbar_with_n1",), ("qicharts2_unscreened",), (*RUN_FIELDS[:3], RUN_FIELDS[4]), NO_DEVIATION)
different(("funnel_p_20_stores",), ("qicharts2_unscreened",), ("anhoej.runs_signal",), NO_RUNS)
different(("p_conf_binomial", "c_mean16", "c_shift"), ("qcc_probability",), ("center",), MEAN_DRAWN)
different(("g_30", "g_zeros"), ("qcc_probability",), ("center", "ucl"), ONE_OVER_MEAN)
different(("g_30", "g_zeros"), ("pccpy",), ("center", "ucl", "sigma_point"), BETWEEN_COUNTS)
different(("g_30",), ("qicharts2_unscreened",), ("center", RUN_FIELDS[1]), MEDIAN_DRAWN)
different(("g_zeros",), ("qicharts2_unscreened",), ("center", *RUN_FIELDS), MEDIAN_DRAWN)
different(("i_365", "i_rebase_two_60"), ("pycontrolcharts",), ("nelson3_down",), SEVEN_TO_TREND)
different(
    ("i_365", "i_normal_100", "i_lognormal_60", "i_trend_36", "i_weekly_84", "rule_trend6", "rule_trend7", "p_binomial_2000"),
    ("pycontrolcharts",),
    ("nelson3_up",),
    SEVEN_TO_TREND,
)
different(
    (
        "rule_mixture",
        "rule_2of3_third_opposite",
        "i_zeros_inflated_40",
        "i_shift_2sigma_40",
        "p_overdispersed_2000",
        "u_overdispersed",
    ),
    ("pycontrolcharts",),
    ("nelson5_up",),
    WRONG_MEMBERS,
)
different(
    ("i_365", "rule_mixture", "rule_stratification", "p_overdispersed_2000", "u_overdispersed"),
    ("pycontrolcharts",),
    ("nelson5_down",),
    WRONG_MEMBERS,
)
different(
    (
        "rule_4of5",
        "rule_mixture",
        "i_trend_36",
        "i_shift_2sigma_40",
        "i_rebase_two_60",
        "p_overdispersed_2000",
        "p_binomial_2000",
        "u_overdispersed",
    ),
    ("pycontrolcharts",),
    ("nelson6_up",),
    WRONG_MEMBERS,
)
different(
    ("i_365", "i_trend_36", "i_shift_2sigma_40", "p_overdispersed_2000", "u_overdispersed", "c_shift"),
    ("pycontrolcharts",),
    ("nelson6_down",),
    WRONG_MEMBERS,
)
different(("p_all_zero", "c_all_zero"), ("pycontrolcharts",), ("nelson6_down",), CONSTANT_BELOW)


def convention_of(case: Any, result: Any) -> Convention:
    """The named convention of a result, with the settings of its call."""
    tool, call = result["tool"].split()[0], result["call"]
    found = BY_NAME[name_of(tool, result, call)]
    given = {name: case["params"].get(key) for name, key in (("centre", "cl"), ("sigma", "sigma"))}
    given["centre"] = given["centre"] or case["params"].get("center")
    found = replace(found, **{name: float(value) for name, value in given.items() if value is not None})
    if "0.1, " in call:
        found = replace(found, weight=0.1, drift_sigmas=2.7)
    if case["params"].get("sigma_method") == "sd":
        found = replace(found, single="deviation")
    if "head.start" in call:
        found = replace(found, interval=4.0, head_start=2.0)
    return found


def name_of(tool: str, result: Any, call: str) -> str:
    match tool:
        case "exact-constant":
            return "exact_unwidened"
        case "qcc":
            options = {"RMSDF": "rmsdf", "MVLUE": "mvlue", "'SD'": "deviation", "confidence": "probability"}
            return "_".join(["qcc", *(name for option, name in options.items() if option in call)])
        case "qicharts2":
            return "qicharts2" if result["screened_mr"] else "qicharts2_unscreened"
        case "NHSRplotthedots":
            return "nhs" if result["screen_outliers"] else "nhs_unscreened"
        case "nhspy-plotthedots":
            return "nhs"
        case "pccpy":
            return "pccpy_sbar" if "sbar" in call else "pccpy"
        case _:
            return tool


def sums_of(case: Any) -> Sums:
    given, length = case["input"], len(next(iter(case["input"].values())))
    left_out, frozen = case["params"].get("exclude_0based", []), case["params"].get("baseline_n", length)
    baseline = [place < frozen and place not in left_out for place in range(length)]
    if "y" in given:
        return measured(given["y"], baseline)
    return grouped(given["subgroups"], baseline) if "subgroups" in given else counted(given["num"], given["n"], baseline)


def phases(case: Any) -> list[Sums]:
    whole = sums_of(case)
    borders = [0, *case["params"].get("rebase_at_0based", []), whole.value.shape[1]]
    parts = [slice(start, end) for start, end in pairwise(borders)]
    arrays = ("value", "numerator", "n", "squares", "baseline")
    return [replace(whole, **{name: getattr(whole, name)[:, part] for name in arrays}, weekday=whole.weekday[part]) for part in parts]


@dataclass(frozen=True)
class Found:
    """One case by one convention, phase by phase."""

    kind: str
    lines: list[Lines]
    judged: list[Distances]

    def centre(self) -> list[float]:
        return np.concatenate([one.scale.back(one.centre) for one in self.lines], axis=1)[0].tolist()

    def limit(self, sigmas: float) -> list[float]:
        values = [limit(one, sigmas, np.full((1, 1), abs(sigmas))) for one in self.lines]
        return np.clip(np.concatenate(values, axis=1)[0], LOWEST.get(self.kind, -np.inf), HIGHEST.get(self.kind, np.inf)).tolist()

    def completing(self, rule: str) -> list[int]:
        return places([RULES[rule].marks(one).completing != 0 for one in self.judged])

    def members(self, *rules: str, side: int = 0) -> list[int]:
        marks = [[RULES[rule].marks(one).members for rule in rules] for one in self.judged]
        return places([np.any([mark == side if side else mark != 0 for mark in phase], axis=0) for phase in marks])


def places(phases: list[Any]) -> list[int]:
    return np.flatnonzero(np.concatenate(phases, axis=1)[0]).tolist()


def found(case: Any, convention: Convention) -> Found:
    kind = KINDS.get(case["chart"], case["chart"])
    lines = [CHARTS[kind].lines(sums, convention) for sums in phases(case)]
    return Found(kind, lines, [distances(one, widens=convention.widens) for one in lines])


def differences(case: Any, result: Any) -> dict[str, tuple[Any, Any]]:
    """Every field in which the convention and the tool differ: ours and theirs."""
    if case["chart"] == "cusum":
        return cusum_differences(case, result)
    convention = convention_of(case, result)
    ours = found(case, convention)
    compared = {"lcl": ours.limit(-3.0), "ucl": ours.limit(3.0), "center": ours.centre()}
    widened = convention.drift_sigmas / 3 if case["chart"] == "ewma" else 1.0
    compared["sigma_point"] = [sigma / widened for one in ours.lines for sigma in one.sigma[0]]
    compared["ewma"] = [value for one in ours.lines for value in one.statistic[0]]
    different = {name: (mine, result[name]) for name, mine in compared.items() if name in result and not same(mine, result[name])}
    theirs = {key: [] for key in (PYCONTROLCHARTS if convention.name == "pycontrolcharts" else [])} | result["signals"]
    signals = {name: (signal(ours, name), marked) for name, marked in theirs.items()}
    different |= {name: pair for name, pair in signals.items() if pair[0] != pair[1]}
    return different | anhoej_differences(case, result)


def cusum_differences(case: Any, result: Any) -> dict[str, tuple[Any, Any]]:
    """Sums in sigmas, or in the unit of the values as pccpy draws them."""
    convention = convention_of(case, result)
    (lines,) = (CHARTS["individuals"].lines(sums, convention) for sums in phases(case))
    ours = found(case, convention)
    up, down = cumulative_sums((lines.statistic - lines.centre) / lines.sigma, convention.slack, convention.head_start)
    unit = 1.0 if "qcc" in result["tool"] else lines.sigma[0, 0]
    compared = {
        "pos": up[0] * unit,
        "neg": -down[0] * unit,
        "ucl": np.array(ours.limit(3.0)) * unit,
        "lcl": np.array(ours.limit(-3.0)) * unit,
    }
    above = {name: np.flatnonzero(side[0] > convention.interval).tolist() for name, side in (("upper", up), ("lower", down))}
    above["any"] = ours.completing("beyond_limits")
    different = {name: (mine, result[name]) for name, mine in compared.items() if name in result and not same(mine, result[name])}
    return different | {name: (above[name], theirs) for name, theirs in result["signals"].items() if above[name] != theirs}


def anhoej_differences(case: Any, result: Any) -> dict[str, tuple[Any, Any]]:
    """Runs and crossings, phase by phase."""
    theirs = result.get("anhoej", [])
    if not isinstance(theirs, list):
        theirs = [theirs]
    ours = [runs(one.z) for one in found(case, convention_of(case, result)).judged]
    names = {
        "n_useful": "useful",
        "longest_run": "longest",
        "longest_run_max": "longest_allowed",
        "n_crossings": "crossings",
        "n_crossings_min": "crossings_needed",
        "runs_signal": "is_signal",
    }
    return {
        f"anhoej.{name}": (getattr(mine, ours_name)[0], part[name])
        for mine, part in zip(ours, theirs, strict=False)
        for name, ours_name in names.items()
        if getattr(mine, ours_name)[0] != (part[name] or 0)
    }


def signal(ours: Found, name: str) -> list[int]:
    if name == "special_cause":
        return ours.members(*(rule.name for rule in MAKING_DATA_COUNT))
    if name == "close_to_limits":
        return places([CLOSE(one).completing != 0 for one in ours.judged])
    if name.endswith(("_up", "_down")):
        return ours.members(RULE_OF[name.split("_")[0]], side=1 if name.endswith("_up") else -1)
    return ours.completing(RULE_OF[name])


def same(ours: list[float], theirs: list[float | None]) -> bool:
    return np.allclose(ours, np.array(theirs, dtype=float), rtol=1e-9, atol=1e-12, equal_nan=True)


def unoffered(case: Any, result: Any) -> str | None:
    """The reason why no convention stands for this result."""
    for call, reason in NOT_OFFERED.items():
        text, _, only = call.partition("@")
        if text in result["call"] and only in ("", case["id"], case["chart"]):
            return reason
    return None


ABSENT = pytest.mark.skip(reason=f"the results of other tools are not beside the checkout: {CASES}")
RESULTS = [
    pytest.param(case, result, id=f"{case['id']}-{number}-{result['tool'].split()[0]}")
    for case in REFERENCE["cases"]
    for number, result in enumerate(case["results"])
    if case["chart"] != "run_rephase"
] or [pytest.param(None, None, marks=ABSENT)]


@pytest.mark.parametrize(("case", "result"), RESULTS)
def test_a_named_convention_gives_the_figures_of_its_tool_or_the_table_says_why_not(case: Any, result: Any) -> None:
    if unoffered(case, result):
        return
    name = convention_of(case, result).name
    listed = {field for where, convention, field in DIFFERENT if (where, convention) == (case["id"], name)}
    found = differences(case, result)
    assert set(found) == listed, found


@pytest.mark.skipif(not REFERENCE["cases"], reason=ABSENT.kwargs["reason"])
def test_every_entry_of_the_tables_is_about_a_result() -> None:
    results = [(case, result) for case in REFERENCE["cases"] for result in case["results"] if case["chart"] != "run_rephase"]
    assert {reason for case, result in results if (reason := unoffered(case, result))} == set(NOT_OFFERED.values())
    offered = {(case["id"], convention_of(case, result).name) for case, result in results if not unoffered(case, result)}
    assert {(case, convention) for case, convention, _ in DIFFERENT} <= offered


@pytest.mark.parametrize(
    "case", [case for case in REFERENCE["cases"] if case["chart"] == "run_rephase"] or [pytest.param(None, marks=ABSENT)]
)
def test_a_run_chart_proposes_the_levels_that_runcharter_finds(case: Any) -> None:
    [result] = case["results"]
    found = rephased(np.array(case["input"]["y"]), case["params"]["med_rows"], case["params"]["runlength"])
    assert [(level.start, level.end) for level in found] == [(phase["start"], phase["end"]) for phase in result["phases"]]
    assert [level.median for level in found] == pytest.approx([phase["median"] for phase in result["phases"]], rel=1e-9)


@pytest.mark.parametrize("limits", REFERENCE["anhoej_table"] or [pytest.param(None, marks=ABSENT)], ids=str)
def test_runs_and_crossings_have_the_limits_of_anhoej(limits: Any) -> None:
    found = runs(np.ones((1, limits["n_useful"])))
    assert (found.longest_allowed[0], found.crossings_needed[0]) == (limits["longest_run_max"], limits["n_crossings_min"])


def test_conventions_have_names_of_their_own() -> None:
    assert len(BY_NAME) == len(CONVENTIONS)
