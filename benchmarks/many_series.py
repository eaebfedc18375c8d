"""How long it takes to judge every series of a company, against the same equations one series at a time in plain Python.

    uv run python benchmarks/many_series.py [SERIES]

The default chart, its graded rules and their episodes on 3,200 series (400 stores, each with two KPIs and four channels, say) of
730 days, 90 of them the baseline. The reference is the one that the tests compare the program with: lists and loops, no library
but for two quantiles. It judges a few of the series; both times are per series. Nothing is checked by time.
"""

import os
import platform
import statistics
import sys
import time
from collections.abc import Callable

import numpy as np

from kpi.spc.catalogue import BY_NAME
from kpi.spc.charts import Sums
from kpi.spc.conventions import EXACT
from kpi.spc.judging import Episodes, Judgement, Scope, episodes, judge
from kpi.spc.rules import GRADED
from kpi.spc.scales import LINEAR
from tests import spc_oracle

RUNS = 5
SERIES, DAYS, BASELINE = 3200, 730, 90
SAMPLE = 40
SEED = 1


def median_seconds(work: Callable[[], object]) -> float:
    """The median of several runs after a first one that is not counted."""
    work()
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def shares(series: int) -> Sums:
    """Daily shares of about 0.9 and 200 events, that differ by a point between days and are lower on Sundays."""
    random = np.random.default_rng(SEED)
    days = np.arange(DAYS)
    n = random.poisson(200, (series, DAYS)).astype(float)
    share = np.clip(random.normal(0.9, 0.01, n.shape) - 0.01 * (days % 7 == 6), 0, 1)
    above = random.binomial(n.astype(int), share).astype(float)
    baseline = np.broadcast_to(days < BASELINE, n.shape)
    return Sums(above / n, above, n, above, baseline, (days % 7).astype(np.int8), "shares", LINEAR)


def judged(sums: Sums) -> tuple[Judgement, Episodes]:
    shape = sums.value.shape
    scope = Scope(np.zeros(shape, dtype=np.int64), np.ones(shape, dtype=bool), 0.0, 1.0, 0.0, False)
    found = judge(sums, BY_NAME["between_within"], GRADED.rules, EXACT, scope)
    return found, episodes(found)


def judged_one_by_one(sums: Sums, rows: int) -> list[spc_oracle.Told]:
    baseline, weekday = sums.baseline[0].tolist(), sums.weekday.tolist()
    return [
        spc_oracle.told(value, spc_oracle.shares(above, n, baseline, weekday))
        for value, above, n in zip(
            sums.value[:rows].tolist(), sums.numerator[:rows].astype(int).tolist(), sums.n[:rows].astype(int).tolist(), strict=True
        )
    ]


def main() -> None:
    series = int(sys.argv[1]) if len(sys.argv) > 1 else SERIES
    sums = shares(series)
    whole = median_seconds(lambda: judged(sums)) / series
    one = median_seconds(lambda: judged_one_by_one(sums, SAMPLE)) / SAMPLE
    print(f"{series:,} series x {DAYS} days, {platform.machine()}, {os.cpu_count()} cores, numpy {np.__version__}")
    print(f"judged with grades and episodes: {whole * series * 1000:.0f} ms, {whole * 1e6:.0f} us a series")
    print(f"plain Python, {SAMPLE} series: {one * 1e6:,.0f} us a series, {one * series:.0f} s for all of them")
    print(f"{one / whole:.0f} times faster a series")


if __name__ == "__main__":
    main()
