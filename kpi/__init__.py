"""Service-performance KPIs that stay right where data are open, late, corrected or few.

A KPI is a ratio of two sums over events. (So it is right for any group and any period.)
A chart type is a function from the sums to a centre line and a sigma. (Limits, clipping and gaps are handled once.)
A rule is a function from distances in sigmas to marks of +1, -1 or 0. (So every rule works on every chart type.)
"""
