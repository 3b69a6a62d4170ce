from datetime import timedelta

import pytest

from statuspage import text
from statuspage.drafts import BY_POLICY, Promise, read_incident, read_update
from statuspage.errors import Invalid
from statuspage.vocabulary import Audience, ComponentStatus, Impact, IncidentStatus, IncidentType, Severity


def problems_of(typed, components=None):
    with pytest.raises(Invalid) as caught:
        read_update({"body": "Words."} | typed, components or {})
    return caught.value.problems


def test_body_alone_means_same_status_new_words():
    draft = read_update({"body": "Still at it."}, {}, IncidentStatus.MONITORING)

    assert (draft.status, draft.body, draft.promise) == (IncidentStatus.MONITORING, "Still at it.", BY_POLICY)
    assert draft.audience is Audience.PUBLIC
    assert draft.is_notified


def test_words_are_normalised_at_the_edge():
    draft = read_incident({"title": " Pay\u2028ments\x00 ", "body": "one\r\ntwo\u202e"}, {})

    assert (draft.title, draft.first.body) == ("Pay ments", "one\ntwo\u202e")


def test_every_problem_is_named_at_once():
    with pytest.raises(Invalid) as caught:
        read_incident({"type": "fire", "severity": "sev9", "status": "gone", "promise": "soon"}, {})

    assert set(caught.value.problems) == {"title", "type", "severity", "status", "body", "promise"}


def test_incident_needs_little():
    draft = read_incident({"title": "Slow", "body": "We look."}, {})

    assert (draft.type, draft.severity) == (IncidentType.DEGRADATION, Severity.SEV3)
    assert draft.first.status is IncidentStatus.INVESTIGATING


@pytest.mark.parametrize("field", ["status", "impact", "severity", "audience"])
def test_word_outside_the_vocabulary_is_refused_with_the_choice(field):
    sentence = problems_of({field: "x" * 500})[field]

    assert sentence.startswith("“xxx")
    assert len(sentence) < 250


def test_words_of_the_vocabulary_are_read():
    draft = read_update({"body": "x", "impact": "critical", "severity": "sev1", "audience": "internal"}, {})

    assert (draft.impact_override, draft.severity, draft.audience) == (
        Impact.CRITICAL,
        Severity.SEV1,
        Audience.INTERNAL,
    )


def test_component_without_a_state_is_left_alone(api, web):
    draft = read_update({"body": "x"}, {api: "", web: "partial_outage"})

    assert draft.components == {web: ComponentStatus.PARTIAL_OUTAGE}


def test_unknown_component_state_names_the_component(api):
    assert "is not a state of API" in problems_of({}, {api: "exploded"})["components"]


def test_body_has_a_limit_that_says_how_far_off_it_was():
    assert read_update({"body": "x" * text.BODY_LIMIT}, {})
    assert "25,001" in problems_of({"body": "x" * 25_001})["body"]


@pytest.mark.parametrize("body", ["", "   ", "\n\n", "\x00\x07"])
def test_saying_nothing_is_refused(body):
    assert "body" in problems_of({"body": body})


def test_title_has_a_limit():
    with pytest.raises(Invalid, match="within 255 characters"):
        read_incident({"title": "x" * 256, "body": "x"}, {})


@pytest.mark.parametrize(
    ("typed", "promise"),
    [
        ({}, BY_POLICY),
        ({"promise": "policy"}, BY_POLICY),
        ({"promise": "30m"}, Promise(within=timedelta(minutes=30))),
        ({"promise": "within", "promise_within": "1h30m"}, Promise(within=timedelta(minutes=90))),
        ({"promise_within": "45m"}, Promise(within=timedelta(minutes=45))),
        ({"promise": "none", "no_promise_reason": "A partner is at it"}, Promise(none_because="A partner is at it")),
        ({"promise": "7h", "promise_within": "1m"}, Promise(within=timedelta(hours=7))),
    ],
)
def test_promise_as_typed(typed, promise):
    assert read_update({"body": "x"} | typed, {}).promise == promise


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"promise": "none"}, "no_promise_reason"),
        ({"promise": "within"}, "promise_within"),
        ({"promise": "within", "promise_within": "tomorrow"}, "promise_within"),
        ({"promise": "0s"}, "promise"),
        ({"promise": "169h"}, "promise"),
        ({"promise": "9" * 30 + "m"}, "promise"),
        ({"promise": "none", "no_promise_reason": "x" * 301}, "no_promise_reason"),
    ],
)
def test_promise_that_cannot_be_made_is_refused_beside_its_field(typed, field):
    assert set(problems_of(typed)) == {field}


@pytest.mark.parametrize("seen", ["x", "-1", "1.0", "²", "٣", "9" * 5000])
def test_version_that_is_no_number_is_refused(seen):
    assert "seen_sequence" in problems_of({"seen_sequence": seen})


def test_version_seen_is_read():
    assert read_update({"body": "x", "seen_sequence": "3"}, {}).seen_sequence == 3
