import pytest

from statuspage.status import (
    ALL_GREEN,
    components_overall,
    headline,
    heaviest,
    impact_of,
    incident_impact,
    is_severer,
    worst,
)
from statuspage.vocabulary import ComponentStatus, Impact, Severity

OK, SLOW, PART, DOWN, WORK = (
    ComponentStatus.OPERATIONAL,
    ComponentStatus.DEGRADED_PERFORMANCE,
    ComponentStatus.PARTIAL_OUTAGE,
    ComponentStatus.MAJOR_OUTAGE,
    ComponentStatus.UNDER_MAINTENANCE,
)


@pytest.mark.parametrize(
    ("states", "indicator", "description"),
    [
        ([], Impact.NONE, "All Systems Operational"),
        ([OK, OK], Impact.NONE, "All Systems Operational"),
        ([DOWN], Impact.CRITICAL, "Major System Outage"),
        ([DOWN, DOWN], Impact.CRITICAL, "Major System Outage"),
        ([DOWN, OK], Impact.MAJOR, "Partial System Outage"),
        ([DOWN, PART], Impact.MAJOR, "Partial System Outage"),
        ([DOWN, WORK], Impact.MAJOR, "Partial System Outage"),
        ([PART], Impact.MAJOR, "Partial System Outage"),
        ([PART, PART], Impact.MAJOR, "Partial System Outage"),
        ([PART, OK], Impact.MINOR, "Minor Service Outage"),
        ([PART, SLOW], Impact.MINOR, "Minor Service Outage"),
        ([SLOW, SLOW], Impact.MINOR, "Degraded System Service"),
        ([SLOW], Impact.MINOR, "Partially Degraded Service"),
        ([SLOW, OK], Impact.MINOR, "Partially Degraded Service"),
        ([SLOW, WORK], Impact.MINOR, "Partially Degraded Service"),
        ([WORK], Impact.MAINTENANCE, "Service Under Maintenance"),
        ([WORK, OK, OK], Impact.MAINTENANCE, "Service Under Maintenance"),
    ],
)
def test_vendor_table(states, indicator, description):
    overall = components_overall(states)

    assert (overall.indicator, overall.text) == (indicator, description)


def test_impact_never_sinks_by_itself():
    assert incident_impact(Impact.MAJOR, [OK, OK], None) is Impact.MAJOR


def test_impact_rises_with_the_components():
    assert incident_impact(Impact.MINOR, [DOWN], None) is Impact.CRITICAL


@pytest.mark.parametrize("override", list(Impact))
def test_override_is_the_impact_whatever_was_reached(override):
    assert incident_impact(Impact.CRITICAL, [DOWN], override) is override


def test_maintenance_weighs_less_than_the_least_trouble():
    assert heaviest([Impact.MAINTENANCE, Impact.MINOR]) is Impact.MINOR


def test_outage_is_never_hidden_behind_maintenance():
    assert worst([WORK, DOWN, OK, PART, SLOW]) is DOWN
    assert worst([WORK, OK]) is WORK


def test_impact_of_nothing_is_none():
    assert impact_of([]) is Impact.NONE


@pytest.mark.parametrize(
    ("states", "open_impacts", "indicator", "words"),
    [
        ([OK, OK], [], Impact.NONE, ALL_GREEN),
        ([], [], Impact.NONE, ALL_GREEN),
        ([OK], [Impact.MINOR], Impact.MINOR, "1 open incident"),
        ([OK], [Impact.MINOR, Impact.MAJOR], Impact.MAJOR, "2 open incidents"),
        ([OK], [Impact.NONE], Impact.MINOR, "1 open incident"),
        ([WORK, OK], [], Impact.MAINTENANCE, "Maintenance in progress"),
        ([SLOW, OK], [], Impact.MINOR, "Some systems are degraded"),
        ([PART, WORK], [], Impact.MINOR, "Some systems are down for some users"),
        ([DOWN, OK], [Impact.MINOR], Impact.MAJOR, "Some systems are down"),
        ([SLOW, OK], [Impact.CRITICAL], Impact.CRITICAL, "Some systems are degraded"),
        ([WORK, OK], [Impact.CRITICAL], Impact.CRITICAL, "1 open incident"),
        ([WORK, OK], [Impact.MAINTENANCE], Impact.MAINTENANCE, "Maintenance in progress"),
    ],
)
def test_headline_is_the_worst_of_components_and_incidents(states, open_impacts, indicator, words):
    said = headline(states, open_impacts)

    assert (said.indicator, said.text) == (indicator, words)


@pytest.mark.parametrize("states", [[DOWN], [PART], [SLOW], [WORK], [OK, DOWN]])
def test_trouble_never_reads_green(states):
    assert headline(states, []).text != ALL_GREEN


def test_sev1_is_the_highest_alarm():
    assert is_severer(Severity.SEV1, Severity.SEV2)
    assert not is_severer(Severity.SEV3, Severity.SEV3)
