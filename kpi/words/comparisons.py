"""What a comparison of units says, as sentences built from its numbers."""

from collections.abc import Sequence

from kpi.compare import FALSE_FINDS, LEAST_COVERAGE, MOST_IN_TIERS, Comparison, Peer
from kpi.events import UNKNOWN
from kpi.ranking import FEWEST_UNITS
from kpi.tiers import FALSE_DIFFERENCES
from kpi.words import counted, text
from kpi.words.values import NO_VALUE, count_text, difference_text, value_text

COUNTED = {
    "region": ("{count} region", "{count} regions"),
    "store": ("{count} store", "{count} stores"),
    "channel": ("{count} channel", "{count} channels"),
    "service": ("{count} service", "{count} services"),
    "agent": ("{count} agent", "{count} agents"),
    "segment": ("{count} segment", "{count} segments"),
    "touchpoint": ("{count} touchpoint", "{count} touchpoints"),
    "priority": ("{count} priority", "{count} priorities"),
}
"""How many units of a dimension."""

MANY = {
    "region": "Regions",
    "store": "Stores",
    "channel": "Channels",
    "service": "Services",
    "agent": "Agents",
    "segment": "Segments",
    "touchpoint": "Touchpoints",
    "priority": "Priorities",
}
"""The units of a dimension at the start of a sentence."""

NO_FUNNEL = {
    "geometric": "A funnel needs a share or a mean that is a sum over events; a geometric mean is not: no limits and no tiers.",
    "quantile": "A funnel needs the variance of a single event, which a median or a percentile does not have: no limits and no tiers.",
    "stock": "A funnel needs a share or a mean; open events grow with the size of the unit: no limits and no tiers.",
    "spread": "This is itself a figure of how units differ, one for all of them: nothing to hold against each other.",
}

BASES = {
    "adjusted": "Adjusted for service mix: each value is what it would be with the services of all together.",
    "not_asked": "Unadjusted: differences may come from the service mix.",
    "by_service": "Unadjusted: services are what is compared, so there is no service mix to adjust for.",
    "one_service": "Unadjusted: all events are of one service.",
    "not_covered": "Unadjusted: fewer than two units have enough events in at least {share} of the service mix.",
}

MOST_NAMED = 3

ROUGH_UNITS = 10
"""Below, how units usually differ is hardly told from one that stands out."""


def obstacle_sentence(found: Comparison) -> str:
    """Why there is no funnel."""
    match found.obstacle:
        case "one":
            return text("Only one to look at with these filters, {name}: nothing to compare it with.", name=_first_name(found))
        case "few":
            return text(
                "Cannot be compared: fewer than two of {units} have the {floor} events that a judgement needs. Choose more days.",
                units=units_text(found.by, sum(one.name != UNKNOWN for one in found.peers)),
                floor=found.kpi.floor,
            )
        case "geometric" | "quantile" | "stock" | "spread" as kind:
            return text("Cannot be compared as a funnel.") + " " + text(NO_FUNNEL[kind])
        case _:
            return text("Nothing to compare on complete days with these filters.")


def units_text(by: str, count: int) -> str:
    """So many units."""
    one, many = COUNTED.get(by, ("{count} unit", "{count} units"))
    return counted(one, many, count)


def stand_out_sentences(found: Comparison, currency: str) -> list[str]:
    """How many are unlike the others, and which; worse and better apart."""
    if not found.unlike:
        units = units_text(found.by, len(found.judged))
        return [text("None of {units} stands out from how far they usually differ, and from chance.", units=units)]
    sides = [
        ("Worse than the others", [one for one in found.unlike if one.is_worse]),
        ("Better than the others", [one for one in found.unlike if not one.is_worse]),
    ]
    return [_side_sentence(words, peers, found, currency) for words, peers in sides if peers]


def centre_sentence(found: Comparison, currency: str) -> str:
    """What the units are held against, and how far they usually are from it."""
    if found.funnel is None:
        return ""
    centre = value_text(found.funnel.centre, found.kpi.unit, currency)
    many = text(MANY.get(found.by, "Units"))
    if not found.funnel.tau:
        return text("All together: {centre}. {many} differ no more than chance makes them.", centre=centre, many=many)
    tau = difference_text(found.funnel.tau, found.kpi.unit, currency).lstrip("+±")
    words = text("All together: {centre}. {many} usually differ from it by about ±{tau} beyond chance.", centre=centre, many=many, tau=tau)
    if len(found.judged) >= ROUGH_UNITS:
        return words
    return words + " " + text("That is rough: among so few, one that stands out looks like a usual difference.")


def basis_sentence(found: Comparison) -> str:
    """Whether the service mix is taken out, or why not."""
    words = text(BASES[found.basis], share=_percent(LEAST_COVERAGE))
    left = [one for one in found.peers if one.adjusted is None and one.coverage is not None and one.is_enough]
    if found.basis != "adjusted" or not left:
        return words
    some = ", ".join(one.name for one in left[:MOST_NAMED]) + (" …" if len(left) > MOST_NAMED else "")
    return words + " " + text(
        "Not adjusted and so not judged, because their services are less than {share} of the mix: {names}.",
        share=_percent(LEAST_COVERAGE),
        names=some,
    )  # fmt: skip


def tiers_sentence(found: Comparison) -> str:
    """How many tiers there are."""
    judged = len(found.judged)
    if judged > MOST_IN_TIERS:
        return text("No tiers: more than {most} units.", most=count_text(MOST_IN_TIERS))
    if found.tier_count == 1:
        return text("One tier: no two of {units} clearly differ.", units=units_text(found.by, judged))
    units = units_text(found.by, judged)
    return text("Some clearly differ: {units} in {count} tiers, of which 1 is the best.", units=units, count=found.tier_count)


def few_sentence(found: Comparison) -> str:
    """Who is shown but not judged for want of events; empty when nobody is."""
    few = [one for one in found.peers if not one.is_enough and one.name != UNKNOWN]
    if not few:
        return ""
    return text("{units} below {floor} events: shown, not judged.", units=units_text(found.by, len(few)), floor=found.kpi.floor)


def method_sentences(found: Comparison) -> list[str]:
    """The exact definitions."""
    return [
        text(
            "Limits: all together ± 2 and 3 × sqrt(variance of one event / n + tau²); tau is how far units differ beyond chance, "
            "from z winsorised at 10 % (Spiegelhalter 2005, Paule and Mandel 1982)."
        ),
        text(
            "Unlike the others: |z| is larger than chance explains, Benjamini and Hochberg over all units judged; at most {share} of "
            "those marked are expected to be marked by chance.",
            share=_percent(FALSE_FINDS),
        ),
        text(
            "Tiers: two units clearly differ when their 95 % intervals do (Newcombe's method 10), Benjamini and Hochberg over all pairs "
            "at {share}. A unit is in tier 1 when none is clearly better, in tier 2 when only units of tier 1 are, and so on. Within a "
            "tier no two clearly differ; units of neighbouring tiers may. Place: one after all that are clearly better, one before all "
            "that are clearly worse.",
            share=_percent(FALSE_DIFFERENCES),
        ),
        text(
            "Lowest tenth: ceil(0.10 × units judged) with the worst values; none below {fewest} units. Only units with {floor} events "
            "are judged.",
            fewest=FEWEST_UNITS,
            floor=found.kpi.floor,
        ),
        text(
            "Adjusted: the sum over services of the service's share of all events × the unit's value in it (direct standardisation), "
            "over the services that the unit has; its n is the number of events of that mix that would give a value as certain."
        ),
    ]


def tier_text(one: Peer, found: Comparison) -> str:
    """The tier of so many, the best and the worst named; a dash for a unit that is in none."""
    if one.tier is None:
        return NO_VALUE
    place = text("{tier} of {count}", tier=one.tier, count=found.tier_count)
    if found.tier_count == 1:
        return place
    return place + (" " + text("(best)") if one.tier == 1 else " " + text("(worst)") if one.tier == found.tier_count else "")


def places_text(one: Peer) -> str:
    """Between which places the unit is."""
    if one.places is None:
        return NO_VALUE
    first, last = one.places
    return text("{first} to {last}", first=first, last=last) if first != last else str(first)


def range_text(interval: tuple[float, float] | None, one: Peer, currency: str) -> str:
    """An interval in the KPI's unit."""
    if interval is None:
        return NO_VALUE
    lowest, highest = (value_text(end, one.answer.kpi.unit, currency) for end in interval)
    return text("{lowest} to {highest}", lowest=lowest, highest=highest)


def note_text(one: Peer) -> str:
    """What to know about a unit in a table."""
    notes = [
        text("worse than the others") if one.is_unlike and one.is_worse else text("better than the others") if one.is_unlike else "",
        text("lowest tenth") if one.in_lowest_tenth else "",
        text("few: not judged") if not one.is_enough else "",
        text("not known which: not judged") if one.name == UNKNOWN else "",
        _uncovered(one),
    ]
    return ", ".join(note for note in notes if note)


def _uncovered(one: Peer) -> str:
    if one.coverage is None or one.adjusted is not None:
        return ""
    return text("unadjusted: {share} of the mix", share=_percent(one.coverage))


def _side_sentence(words: str, peers: Sequence[Peer], found: Comparison, currency: str) -> str:
    """Who is on one side, the farthest first."""
    by_distance = sorted(peers, key=lambda one: -abs(one.z or 0.0))
    named = ", ".join(_named(one, currency) for one in by_distance[:MOST_NAMED])
    more = len(peers) - MOST_NAMED
    rest = " " + counted("and {count} more", "and {count} more", more) if more > 0 else ""
    return text(
        "{words}: {count} of {units}: {named}{rest}.",
        words=text(words),
        count=count_text(len(peers)),
        units=units_text(found.by, len(found.judged)),
        named=named,
        rest=rest,
    )


def _named(one: Peer, currency: str) -> str:
    value = value_text(one.value, one.answer.kpi.unit, currency)
    return text("{name} {value} (n = {n})", name=one.name, value=value, n=count_text(one.answer.n))


def _first_name(found: Comparison) -> str:
    return next((one.name for one in found.peers if one.answer.n and one.name != UNKNOWN), "")


def _percent(share: float) -> str:
    return text("{number} %", number=f"{100 * share:.0f}")
