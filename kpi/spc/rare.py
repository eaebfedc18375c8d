"""Chart types of rare events: what lies between one and the next."""

from dataclasses import replace

import numpy as np

from kpi.spc.charts import Lines, Sums, by_quantiles, in_baseline, individuals, mean, plain
from kpi.spc.conventions import Convention
from kpi.spc.quantiles import geometric
from kpi.spc.scales import NELSON


def g(sums: Sums, convention: Convention) -> Lines:
    """Numbers of cases between rare events: quantiles of the geometric distribution with their mean, or its deviation."""
    average = mean(in_baseline(sums))
    cases = plain(sums, average, np.sqrt(average * (average + 1)))
    return by_quantiles(cases, geometric(cases.centre)) if "g" in convention.quantiles else cases


def t(sums: Sums, convention: Convention) -> Lines:
    """Times between rare events, as individuals of their 3.6th roots."""
    transformed = replace(sums, value=NELSON.there(sums.value))
    return replace(individuals(transformed, convention), statistic=sums.value, scale=NELSON)
