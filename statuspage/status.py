"""How states combine: pure rules from facts to what is shown.

Source: the vendor's rule for top-level status and incident impact, as published for Statuspage.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from .vocabulary import ComponentStatus, Impact, Severity

# From best to worst. An outage is never hidden behind a maintenance.
WORSE = (
    ComponentStatus.OPERATIONAL,
    ComponentStatus.UNDER_MAINTENANCE,
    ComponentStatus.DEGRADED_PERFORMANCE,
    ComponentStatus.PARTIAL_OUTAGE,
    ComponentStatus.MAJOR_OUTAGE,
)
HEAVIER = (Impact.NONE, Impact.MAINTENANCE, Impact.MINOR, Impact.MAJOR, Impact.CRITICAL)

ALL_GREEN = "No known incidents"


@dataclass(frozen=True)
class Overall:
    """The page's state in one glance."""

    indicator: Impact
    text: str


def worst(statuses: Iterable[ComponentStatus]) -> ComponentStatus:
    """The worst of these; operational when there are none."""
    return max(statuses, key=WORSE.index, default=ComponentStatus.OPERATIONAL)


def heaviest(impacts: Iterable[Impact]) -> Impact:
    """The heaviest of these; none when there are none."""
    return max(impacts, key=HEAVIER.index, default=Impact.NONE)


def impact_of(statuses: Iterable[ComponentStatus]) -> Impact:
    """The impact that components in these states amount to."""
    return components_overall(statuses).indicator


def components_overall(statuses: Iterable[ComponentStatus]) -> Overall:
    """Indicator and description for a set of components, by the vendor's table (first match wins)."""
    states = list(statuses)
    kinds = set(states)
    for is_met, overall in _vendor_table(kinds, len(states)):
        if is_met:
            return overall
    return Overall(Impact.MAINTENANCE, "Service Under Maintenance")


def _vendor_table(kinds: set[ComponentStatus], count: int) -> list[tuple[bool, Overall]]:
    degraded, partial, major = (
        ComponentStatus.DEGRADED_PERFORMANCE,
        ComponentStatus.PARTIAL_OUTAGE,
        ComponentStatus.MAJOR_OUTAGE,
    )
    return [
        (kinds <= {ComponentStatus.OPERATIONAL}, Overall(Impact.NONE, "All Systems Operational")),
        (kinds == {major}, Overall(Impact.CRITICAL, "Major System Outage")),
        (major in kinds or kinds == {partial}, Overall(Impact.MAJOR, "Partial System Outage")),
        (partial in kinds, Overall(Impact.MINOR, "Minor Service Outage")),
        (kinds == {degraded} and count > 1, Overall(Impact.MINOR, "Degraded System Service")),
        (degraded in kinds, Overall(Impact.MINOR, "Partially Degraded Service")),
    ]


def headline(components: Iterable[ComponentStatus], open_impacts: Iterable[Impact]) -> Overall:
    """The public page's headline: the worst of component states and open incidents, in plain words."""
    statuses, impacts = list(components), list(open_impacts)
    state = components_overall(statuses)
    indicator = heaviest([state.indicator, *impacts])
    if not impacts and state.indicator is Impact.NONE:
        return Overall(Impact.NONE, ALL_GREEN)
    is_only_planned = state.indicator is Impact.MAINTENANCE and indicator is not Impact.MAINTENANCE
    if state.indicator is not Impact.NONE and not is_only_planned:
        return Overall(indicator, _COMPONENT_HEADLINE[worst(statuses)])
    count = len(impacts)
    if indicator is Impact.NONE:
        indicator = Impact.MINOR  # something is open: that is never green
    return Overall(indicator, "1 open incident" if count == 1 else f"{count} open incidents")


def incident_impact(so_far: Impact, statuses: Iterable[ComponentStatus], override: Impact | None) -> Impact:
    """What an incident's impact becomes: the override if there is one, else the heaviest reached."""
    return override or heaviest([so_far, impact_of(statuses)])


def is_severer(new: Severity, old: Severity) -> bool:
    """Whether `new` is a higher grade of alarm than `old`; sev1 is the highest."""
    return new.value < old.value


_COMPONENT_HEADLINE = {
    ComponentStatus.UNDER_MAINTENANCE: "Maintenance in progress",
    ComponentStatus.DEGRADED_PERFORMANCE: "Some systems are degraded",
    ComponentStatus.PARTIAL_OUTAGE: "Some systems are down for some users",
    ComponentStatus.MAJOR_OUTAGE: "Some systems are down",
}
