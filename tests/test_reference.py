"""Every figure of the reference answers, as `kpi convert` and `kpi report` print it.

The reference was computed from the same public exports with other engines. `FIGURES` says of each of its keys how it is read
from the records of the command line; a key without an entry, or an entry without a key, is an error.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from kpi.cli import app
from kpi.metrics import KPIS

SHARED = Path(__file__).parents[2] / "shared"
REFERENCE = SHARED / "reference" / "real_answers.json"
MAPPINGS = Path(__file__).parent / "mappings"

pytestmark = pytest.mark.skipif(not SHARED.exists(), reason="the real sets are not beside the checkout (../shared)")

Record = dict[str, Any]
Options = tuple[str, ...]

COVERED_ELSEWHERE = ("data_quality", "dst")
"""Properties of the conversion, not figures of a report: tests/test_real_sources.py."""

WORDS = ("conventions", "definitions")

LABELS = ("channel", "month", "service")
GROUPS = "how many groups"

LOG, OPENING_MONTHS, RESOLUTION_COLUMN = "incidents", "incidents by opening month", "incidents, resolution column"
REQUESTS, CALLS = "requests", "calls"

EXPORTS = {
    REQUESTS: (str(MAPPINGS / "boston_wall_clock.toml"), "311_service_requests_2011.zip"),
    LOG: ("servicenow_incident_log", "incident_event_log.zip"),
    OPENING_MONTHS: (str(MAPPINGS / "incidents_by_opening_month.toml"), "incident_event_log.zip"),
    RESOLUTION_COLUMN: (str(MAPPINGS / "incidents_resolution_column.toml"), "incident_event_log.zip"),
    CALLS: ("call_centre", "call_center_ddmmyyyy.csv"),
}
"""The mapping and the file of each."""

BY_CHANNEL, BY_SERVICE, BY_MONTH = ("--by", "channel"), ("--by", "service"), ("--every", "month")
ALL = ("--where", "disposition=normal,duplicate,invalid")
FINAL, SNAPSHOT = (*ALL, "--as-of", "2023-05-04"), (*ALL, "--as-of", "2012-01-01")

SECTIONS: dict[str, dict[str, Options]] = {
    "servicenow_incidents/overall": {LOG: (), RESOLUTION_COLUMN: ()},
    "servicenow_incidents/by_channel": {LOG: BY_CHANNEL, RESOLUTION_COLUMN: BY_CHANNEL},
    "servicenow_incidents/by_month": {LOG: BY_MONTH, RESOLUTION_COLUMN: BY_MONTH, OPENING_MONTHS: ("--by", "segment")},
    "boston_311/overall_all_final": {REQUESTS: FINAL},
    "boston_311/overall_all_snapshot": {REQUESTS: SNAPSHOT},
    "boston_311/by_channel_snapshot_all": {REQUESTS: (*SNAPSHOT, *BY_CHANNEL)},
    "boston_311/by_month_final_all": {REQUESTS: (*FINAL, *BY_MONTH)},
    "call_centre/overall": {CALLS: ()},
    "call_centre/by_service": {CALLS: BY_SERVICE},
    "call_centre/by_month": {CALLS: BY_MONTH},
}
"""How a section of the reference is asked for, of each export it takes figures from."""

# Every incident of the log is in the state Closed, which is final: none can be reopened in the week after the last row, so the
# windows may be taken as passed. As of the last row itself, 2017-02-18 15:00, the last week would be immature.
SETTLED = ("--as-of", "2017-02-26")


@dataclass(frozen=True)
class Leaf:
    """One figure of the reference: `group` is a channel, a month or a service, or empty; `key` the rest of its path."""

    section: str
    group: str
    key: str
    expected: Any

    @property
    def path(self) -> str:
        return "/".join(part for part in (self.section, self.group, self.key) if part)

    @property
    def pattern(self) -> str:
        """The key with a star for its number (a limit in minutes, a score)."""
        return re.sub(r"(?<=/)\d+", "*", self.key)

    @property
    def number(self) -> str:
        found = re.search(r"(?<=/)\d+", self.key)
        return found.group() if found else ""


@dataclass(frozen=True)
class Extract:
    """An export converted into a data folder of its own, and the reports already asked of it."""

    folder: Path
    conversion: Record
    reports: dict[Options, dict[tuple[str, str], Record]] = field(default_factory=dict)

    def report(self, options: Options) -> dict[tuple[str, str], Record]:
        """The records of all KPIs, by KPI and group."""
        if options not in self.reports:
            records = printed("report", *(kpi.name for kpi in KPIS), *options, "--data", str(self.folder))
            self.reports[options] = {(record["kpi"], group_of(record)): record for record in records}
        return self.reports[options]


@dataclass(frozen=True)
class Asked:
    """The records of one group of a section; more options ask for something else about the same group."""

    extract: Extract
    options: Options
    group: str

    def __call__(self, kpi: str, *more: str) -> Record:
        return self.extract.report((*self.options, *more))[kpi, self.group]

    def groups(self) -> list[str]:
        return [group for kpi, group in self.extract.report(self.options) if kpi == "resolution_rate"]

    def score(self, score: str) -> Record:
        return self.extract.report((*self.options, "--by", "score"))["satisfaction", score]


Read = Callable[[Asked, str], Any]


@dataclass(frozen=True)
class Figure:
    """Where a figure of the reference stands in the records of an export."""

    export: str
    read: Read


Figures = Mapping[str, Figure]


def printed(*words: str) -> list[Record]:
    """What a command prints as JSON."""
    result = CliRunner().invoke(app, [*words, "--format", "json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)["figures"]


def group_of(record: Record) -> str:
    """A channel, a service, a score, or the month as in 2016-02; empty for the whole."""
    return "".join([(record["period"] or "")[:7], *record["group"].values()])


def under(name: str, figures: Figures) -> dict[str, Figure]:
    return {f"{name}/{key}": figure for key, figure in figures.items()}


def read_of(export: str, reads: Mapping[str, Read]) -> dict[str, Figure]:
    return {key: Figure(export, read) for key, read in reads.items()}


def share(export: str, kpi: str, *more: str) -> dict[str, Figure]:
    """A rate with its sums and its interval."""
    return read_of(
        export,
        {
            "num": lambda asked, _: asked(kpi, *more)["numerator"],
            "den": lambda asked, _: asked(kpi, *more)["denominator"],
            "rate": lambda asked, _: asked(kpi, *more)["value"],
            "wilson95": lambda asked, _: asked(kpi, *more)["interval_95"],
        },
    )


def bounds(record: Record) -> tuple[float, float]:
    """Without an undetermined event the value is both."""
    return record["bounds"] or (record["value"], record["value"])


def targets(export: str, kpi: str) -> dict[str, Figure]:
    """Attainment of a limit. What is late is told apart by who is in the mean, which only knows the observed."""

    def within(asked: Asked, minutes: str) -> Record:
        return asked(kpi, "--within", minutes)

    def observed(asked: Asked) -> int:
        return asked(f"{kpi}_mean")["n"]

    return read_of(
        export,
        {
            "within": lambda asked, minutes: within(asked, minutes)["numerator"],
            "late_observed": lambda asked, minutes: observed(asked) - within(asked, minutes)["numerator"],
            "late_still_open": lambda asked, minutes: within(asked, minutes)["denominator"] - observed(asked),
            "undetermined_still_open": lambda asked, minutes: within(asked, minutes)["undetermined"],
            "attainment_naive_observed_only": lambda asked, minutes: within(asked, minutes)["numerator"] / observed(asked),
            "attainment": lambda asked, minutes: within(asked, minutes)["value"],
            "attainment_lower_bound": lambda asked, minutes: bounds(within(asked, minutes))[0],
            "attainment_upper_bound": lambda asked, minutes: bounds(within(asked, minutes))[1],
        },
    )


def durations(export: str, kpi: str, invalid: Read) -> dict[str, Figure]:
    """Counts, sums and quantiles of a duration in minutes; `observed` of a quantile is the one over ended events alone."""
    median, p90, mean = f"{kpi}_median", f"{kpi}_p90", f"{kpi}_mean"
    reads: dict[str, Read] = {
        "n": lambda asked, _: asked(median)["n"] + asked(median)["undetermined"],
        "n_observed": lambda asked, _: asked(mean)["n"],
        "n_censored": lambda asked, _: asked(median)["undetermined"],
        "n_invalid_negative": invalid,
        "n_zero": lambda asked, _: asked(kpi, "--within", "0")["numerator"],
        "sum_min_observed": lambda asked, _: asked(mean)["numerator"],
        "sumsq_min_observed": lambda asked, _: asked(mean)["sum_of_squares"],
        "mean_min_observed": lambda asked, _: asked(mean)["value"],
        "sd_min_observed": lambda asked, _: asked(mean)["standard_deviation"],
        "naive_p50_min": lambda asked, _: asked(median)["observed"],
        "naive_p90_min": lambda asked, _: asked(p90)["observed"],
        "km_p50_min": lambda asked, _: asked(median)["value"],
        "km_p90_min": lambda asked, _: asked(p90)["value"],
    }
    return read_of(export, reads) | under("targets/*", targets(export, kpi))


def unusable_ends(asked: Asked, _: str) -> int:
    """Ends before the opening, that the conversion kept aside or set aside. None in all is none in each group."""
    reasons = [*asked.extract.conversion["kept_aside"].items(), *asked.extract.conversion["set_aside"].items()]
    return sum(count for reason, count in reasons if reason.startswith("resolved_at"))


def ended_without(kpi: str, reason: str) -> Read:
    return lambda asked, _: asked(f"{kpi}_mean")["excluded"][reason]


def resolved_with_deadline(asked: Asked) -> int:
    """`on_time` counts closed late and still open late together; the resolutions of requests with a deadline tell them apart."""
    return asked("resolution_rate", "--where", "segment=deadline")["numerator"]


def groups_and_events(export: str, label: str, count: str) -> dict[str, Figure]:
    """The names of the groups, how many there are, and the events in each: the n of a KPI that leaves none out."""
    return read_of(
        export,
        {
            label: lambda asked, _: asked("resolution_rate")["group"][label],
            "month": lambda asked, _: asked("resolution_rate")["period"][:7],
            GROUPS: lambda asked, _: len(asked.groups()),
            count: lambda asked, _: asked("resolution_rate")["n"],
        },
    )


INCIDENT_FIGURES: Figures = (
    groups_and_events(LOG, "channel", "n_cases")
    | under("fcr_no_reassign_no_reopen", share(LOG, "first_contact_resolution_no_transfer", *SETTLED))
    | under("reopened_by_counter", share(LOG, "reopen_rate", *SETTLED))
    | under("made_sla_final", share(LOG, "agreement_met"))
    # A response set aside because it was before the opening leaves an incident that ended without one: no other did.
    | under("first_response", durations(LOG, "response_time", ended_without("response_time", "no_response_moment")))
    | under("resolution_event_derived", durations(LOG, "resolution_time", unusable_ends))
    | under("resolution_column_strict", durations(RESOLUTION_COLUMN, "resolution_time", unusable_ends))
    | under(
        "resolution_column_strict",
        read_of(RESOLUTION_COLUMN, {"n_missing_resolved_at": ended_without("resolution_time", "no_resolution")}),
    )
)

REQUEST_FIGURES: Figures = (
    groups_and_events(REQUESTS, "channel", "n")
    | read_of(REQUESTS, {"n_open_at_as_of": lambda asked, _: asked("open_events")["value"]})
    | under("close_time", durations(REQUESTS, "resolution_time", unusable_ends))
    | under(
        "sla",
        read_of(
            REQUESTS,
            {
                "n_no_target": lambda asked, _: asked("on_time")["excluded"]["no_due_date"],
                "n_with_target": lambda asked, _: asked("on_time")["denominator"] + asked("on_time")["undetermined"],
                "on_time": lambda asked, _: asked("on_time")["numerator"],
                "late_closed": lambda asked, _: resolved_with_deadline(asked) - asked("on_time")["numerator"],
                "late_still_open": lambda asked, _: asked("on_time")["denominator"] - resolved_with_deadline(asked),
                "undetermined_still_open": lambda asked, _: asked("on_time")["undetermined"],
                "attainment": lambda asked, _: asked("on_time")["value"],
                "closed_only_naive": lambda asked, _: asked("on_time")["numerator"] / resolved_with_deadline(asked),
            },
        ),
    )
)

CALL_FIGURES: Figures = (
    groups_and_events(CALLS, "service", "n_calls")
    | read_of(
        CALLS,
        {
            "answered": lambda asked, _: asked("response_time_mean")["n"],
            "unanswered": lambda asked, _: asked("abandonment_rate")["numerator"],
            "asa_sum_s": lambda asked, _: 60 * asked("response_time_mean")["numerator"],
            "asa_s": lambda asked, _: 60 * asked("response_time_mean")["value"],
            "asa_p50_s": lambda asked, _: 60 * asked("response_time_median")["observed"],
            "asa_p90_s": lambda asked, _: 60 * asked("response_time_p90")["observed"],
            "talk_sum_s": lambda asked, _: 60 * asked("handling_time")["numerator"],
            "aht_s": lambda asked, _: 60 * asked("handling_time")["value"],
            "csat_over_answered_response_rate": lambda asked, _: asked("satisfaction")["n"] / asked("answer_rate")["numerator"],
        },
    )
    | under("answer_rate", share(CALLS, "answer_rate"))
    | under("resolved_over_all_calls", share(CALLS, "resolution_rate"))
    | under("resolved_over_answered", share(CALLS, "first_contact_resolution_as_flagged"))
    | under("answered_within_60s_over_all", share(CALLS, "response_time_of_all", "--within", "1"))
    | under("answered_within_60s_over_answered", share(CALLS, "response_time", "--within", "1"))
    | under("csat/top2", share(CALLS, "satisfaction_top2"))
    | under(
        "csat",
        read_of(
            CALLS,
            {
                "n_invited": lambda asked, _: asked("survey_response_rate")["denominator"],
                "n_responses": lambda asked, _: asked("satisfaction")["n"],
                "response_rate": lambda asked, _: asked("survey_response_rate")["value"],
                "sum": lambda asked, _: asked("satisfaction")["numerator"],
                "mean": lambda asked, _: asked("satisfaction")["value"],
                "sd": lambda asked, _: asked("satisfaction")["standard_deviation"],
                "mean_ci95_normal": lambda asked, _: asked("satisfaction")["interval_95"],
                "counts/*": lambda asked, score: asked.score(score)["n"],
                "nonresponse_bounds_mean": lambda asked, _: asked("satisfaction")["bounds"],
                "nonresponse_bounds_top2": lambda asked, _: asked("satisfaction_top2")["bounds"],
            },
        ),
    )
)

FIGURES: Mapping[str, Figures] = {
    "servicenow_incidents": INCIDENT_FIGURES,
    "boston_311": REQUEST_FIGURES,
    "call_centre": CALL_FIGURES,
}

EXCEPTIONS: Mapping[str, Figures] = {
    # The reference counts both by the month of the opening, the product by that of the resolution (decision 5).
    "servicenow_incidents/by_month": under(
        "fcr_no_reassign_no_reopen", share(OPENING_MONTHS, "first_contact_resolution_no_transfer", *SETTLED)
    )
    | under("reopened_by_counter", share(OPENING_MONTHS, "reopen_rate", *SETTLED)),
    # The reference means the requests opened in the month and open today; `open_events` of a month is the stock at its end.
    "boston_311/by_month_final_all": read_of(
        REQUESTS, {"n_open_at_as_of": lambda asked, _: asked("resolution_rate")["n"] - asked("resolution_rate")["numerator"]}
    ),
}
"""Figures of one section that are asked for in another way than in the others."""


def reference() -> list[Leaf]:
    """All figures of the three sets but those it gives as warnings."""
    sets = json.loads(REFERENCE.read_text(encoding="utf-8"))
    return [
        leaf
        for name in FIGURES
        for section, content in sets[name].items()
        if section not in (*WORDS, *COVERED_ELSEWHERE)
        for leaf in leaves(f"{name}/{section}", content)
        if not leaf.key.endswith("WRONG")
    ]


def leaves(section: str, content: Any) -> Iterator[Leaf]:
    """The figures of a section, which is one group or a list of groups; that there are no others is a figure too."""
    if isinstance(content, Mapping):
        yield from (Leaf(section, "", key, value) for key, value in flattened(content))
        return
    for row in content:
        group = next(row[label] for label in LABELS if label in row)
        yield from (Leaf(section, group, key, value) for key, value in flattened(row))
    yield Leaf(section, "", GROUPS, len(content))


def flattened(content: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in content.items():
        if isinstance(value, Mapping):
            yield from ((f"{key}/{inner}", figure) for inner, figure in flattened(value))
        else:
            yield key, value


def figure_of(leaf: Leaf) -> Figure | None:
    """The entry of a figure, if there is one."""
    return EXCEPTIONS.get(leaf.section, {}).get(leaf.pattern) or FIGURES[leaf.section.partition("/")[0]].get(leaf.pattern)


def agree(found: Any, expected: Any, key: str) -> bool:
    """Equal, or as near as the rounding of the reference lets one see: 6 decimals, of sums 4, and 15 digits."""
    if isinstance(expected, list):
        return len(found) == len(expected) and all(agree(one, other, key) for one, other in zip(found, expected, strict=True))
    if not isinstance(expected, float) or found is None:
        return found == expected
    return found == pytest.approx(expected, rel=1e-15, abs=1e-4 if "sum" in key else 1e-6)


def test_every_figure_of_the_reference_has_an_entry() -> None:
    found = reference()
    assert {leaf.section for leaf in found} == set(SECTIONS)
    assert [leaf.path for leaf in found if figure_of(leaf) is None] == []


def test_every_entry_is_of_a_figure_of_the_reference() -> None:
    keys = {(leaf.section.partition("/")[0], leaf.pattern) for leaf in reference()}
    assert [(name, key) for name, figures in FIGURES.items() for key in figures if (name, key) not in keys] == []
    patterns = {(leaf.section, leaf.pattern) for leaf in reference()}
    assert [(section, key) for section, figures in EXCEPTIONS.items() for key in figures if (section, key) not in patterns] == []


@pytest.mark.parametrize("export", EXPORTS)  # each converted by one test alone, so no two workers do it twice
def test_the_commands_print_every_figure_of_the_reference(export: str, tmp_path: Path) -> None:
    mapping, file = EXPORTS[export]
    [conversion] = printed("convert", mapping, str(SHARED / "data" / file), "--data", str(tmp_path))
    extract = Extract(tmp_path, conversion)
    figures = [(leaf, figure.read) for leaf in reference() if (figure := figure_of(leaf)) and figure.export == export]
    found = [(leaf, read(Asked(extract, SECTIONS[leaf.section][export], leaf.group), leaf.number)) for leaf, read in figures]
    assert found
    assert {leaf.path: (value, leaf.expected) for leaf, value in found if not agree(value, leaf.expected, leaf.key)} == {}
