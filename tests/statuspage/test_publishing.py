import threading
from datetime import timedelta
from zoneinfo import ZoneInfoNotFoundError

import pytest
from sqlalchemy import event, func, select

from statuspage import components, pages, publishing
from statuspage.audit import Actor
from statuspage.db import Base, db
from statuspage.drafts import IncidentDraft
from statuspage.errors import ComponentsNotGreen, Conflict, NotFound, StaleDraft
from statuspage.models import Incident, IncidentUpdate
from statuspage.vocabulary import (
    Audience,
    ComponentStatus,
    EventLevel,
    Impact,
    IncidentRole,
    IncidentStatus,
    IncidentType,
    Severity,
)
from tests.breaking import refuse_inserts
from tests.conftest import BY, NOON
from tests.statuspage.fakes import acts, announcements, said

OK, SLOW, PART, DOWN = (
    ComponentStatus.OPERATIONAL,
    ComponentStatus.DEGRADED_PERFORMANCE,
    ComponentStatus.PARTIAL_OUTAGE,
    ComponentStatus.MAJOR_OUTAGE,
)
LATER = NOON + timedelta(minutes=5)
RESOLVED = IncidentStatus.RESOLVED
INSIDE = Audience.INTERNAL


def post(incident, body="We know more.", status=IncidentStatus.IDENTIFIED, at=LATER, key="", **more):
    return publishing.post_update(incident, said(body, status, **more), BY, at, key)


def contents():
    """How many rows every table has."""
    db.session.rollback()
    return {
        table.name: db.session.scalar(select(func.count()).select_from(table)) for table in Base.metadata.sorted_tables
    }


def test_open_incident_says_all_of_it_in_one_go(open_incident, api):
    incident = open_incident(components={api: DOWN})

    assert (incident.status, incident.sequence, incident.impact) == (
        IncidentStatus.INVESTIGATING,
        1,
        Impact.CRITICAL,
    )
    assert (api.status, api.status_changed_at) == (DOWN, NOON)
    assert incident.next_update_due_at == NOON + timedelta(hours=1)
    assert [a.sequence for a in announcements()] == [1]
    assert acts()[-2:] == ["incident.open", "update.post"]


def test_update_says_what_is_new(open_incident):
    incident = open_incident()
    update = post(incident, "It was the cache.")

    assert (incident.status, incident.sequence, incident.updated_at) == (IncidentStatus.IDENTIFIED, 2, LATER)
    assert (update.sequence, update.body, update.created_at) == (2, "It was the cache.", LATER)


def test_same_status_new_words_is_an_update_like_any_other(open_incident):
    incident = open_incident()
    post(incident, "Still looking.", IncidentStatus.INVESTIGATING)

    assert (incident.sequence, incident.status) == (2, IncidentStatus.INVESTIGATING)
    assert len(announcements()) == 2


def test_each_update_keeps_how_every_touched_component_stood(open_incident, api, web):
    incident = open_incident(components={api: PART})
    update = post(incident, components={web: SLOW})

    rows = {row.component.name: (row.old_status, row.new_status) for row in update.components}
    assert rows == {"API": (PART, PART), "Website": (OK, SLOW)}


def test_component_changed_by_hand_shows_its_present_state_in_the_next_update(open_incident, api):
    incident = open_incident(components={api: PART})
    components.set_status(api, DOWN, BY, NOON)
    update = post(incident)

    assert [(row.old_status, row.new_status) for row in update.components] == [(DOWN, DOWN)]


def test_component_untouched_keeps_the_time_of_its_last_change(open_incident, api):
    incident = open_incident(components={api: PART})
    post(incident, components={api: PART})

    assert api.status_changed_at == NOON


def test_resolve_asks_about_components_that_are_not_green(open_incident, api, web):
    incident = open_incident(components={api: PART, web: SLOW})

    with pytest.raises(ComponentsNotGreen, match="API, Website") as caught:
        post(incident, status=RESOLVED)

    assert caught.value.names == ["API", "Website"]


def test_resolve_never_turns_a_component_green_unasked(open_incident, api):
    incident = open_incident(components={api: PART})
    post(incident, status=RESOLVED, leaves_components=True)

    assert (incident.status, api.status) == (RESOLVED, PART)


def test_resolve_with_green_components_ends_it(open_incident, api):
    incident = open_incident(components={api: PART})
    post(incident, status=RESOLVED, components={api: OK})

    assert (incident.resolved_at, incident.next_update_due_at, api.status) == (LATER, None, OK)
    assert incident.impact is Impact.MAJOR


def test_nothing_is_posted_to_what_is_resolved(open_incident):
    incident = open_incident()
    post(incident, status=RESOLVED)

    with pytest.raises(Conflict, match="Reopen it"):
        post(incident, "One more thing", at=LATER + timedelta(minutes=1))


def test_reopened_incident_is_open_and_promises_again(open_incident):
    incident = open_incident()
    post(incident, status=RESOLVED)
    again = publishing.reopen(incident, said("It is back."), BY, LATER + timedelta(hours=1))

    assert (incident.is_open, incident.resolved_at, again.is_key_moment) == (True, None, True)
    assert incident.next_update_due_at == LATER + timedelta(hours=2)
    assert acts()[-2:] == ["incident.reopen", "update.post"]


def test_open_incident_cannot_be_reopened(open_incident):
    with pytest.raises(Conflict, match="is open"):
        publishing.reopen(open_incident(), said(), BY, LATER)


def test_reopening_needs_a_status_that_is_open(open_incident):
    incident = open_incident()
    post(incident, status=RESOLVED)

    with pytest.raises(Conflict, match="Choose the status"):
        publishing.reopen(incident, said(status=RESOLVED), BY, LATER)


def test_reopening_that_is_refused_leaves_nothing_to_commit(open_incident):
    incident = open_incident()
    post(incident, status=RESOLVED)
    with pytest.raises(StaleDraft):
        publishing.reopen(incident, said("It is back.", seen_sequence=1), BY, LATER)
    db.session.commit()

    assert incident.resolved_at == LATER
    assert "incident.reopen" not in acts()


def test_incident_may_begin_as_over(open_incident):
    incident = open_incident(status=RESOLVED)

    assert (incident.is_open, incident.resolved_at, incident.next_update_due_at) == (False, NOON, None)


def test_monitoring_is_dated_by_its_first_time(open_incident):
    incident = open_incident()
    for minutes, status in enumerate([IncidentStatus.MONITORING, IncidentStatus.IDENTIFIED, IncidentStatus.MONITORING]):
        post(incident, f"Step {minutes}", status, at=LATER + timedelta(minutes=minutes))

    assert incident.monitoring_at == LATER


def test_corrected_words_replace_the_old_ones_which_are_kept(open_incident):
    incident = open_incident(body="The datbase is down.")
    update = publishing.correct(incident.updates[0], "The database is down.", BY, LATER)

    assert (update.body, update.edited_at) == ("The database is down.", LATER)
    assert [revision.body for revision in update.revisions] == ["The datbase is down."]
    assert len(announcements()) == 1


def test_correcting_nothing_is_no_edit(open_incident):
    incident = open_incident(body="As it is.")
    publishing.correct(incident.updates[0], "As it is.", BY, LATER)

    assert incident.updates[0].edited_at is None


def test_draft_begun_before_somebody_spoke_is_stale(open_incident):
    incident = open_incident()
    post(incident)

    with pytest.raises(StaleDraft, match="while you were writing"):
        post(incident, "My view", at=LATER + timedelta(minutes=1), seen_sequence=1)


def test_lead_who_resolves_beats_the_one_who_still_monitors(open_incident):
    incident = open_incident()
    post(incident, "Over.", RESOLVED, seen_sequence=1)

    with pytest.raises(Conflict):
        post(incident, "We watch.", IncidentStatus.MONITORING, seen_sequence=1)

    assert incident.status is RESOLVED


def test_same_words_a_moment_later_are_a_double_click(open_incident):
    incident = open_incident()
    post(incident, "Once.")

    with pytest.raises(Conflict, match="few seconds ago"):
        post(incident, "Once.", at=LATER + timedelta(seconds=9))

    assert post(incident, "Once.", at=LATER + timedelta(seconds=10)).sequence == 3


def test_note_of_the_same_words_does_not_hold_up_saying_them_in_public(open_incident):
    incident = open_incident(status=IncidentStatus.IDENTIFIED)
    post(incident, "It was the cache.", audience=INSIDE)

    assert post(incident, "It was the cache.", at=LATER + timedelta(seconds=3)).audience is Audience.PUBLIC


def test_same_incident_is_not_opened_twice_by_a_double_click(open_incident):
    open_incident()

    with pytest.raises(Conflict, match="few seconds ago"):
        open_incident()


def test_key_of_the_form_makes_a_second_press_return_the_first_result(page, open_incident):
    draft = IncidentDraft("Slow", IncidentType.OUTAGE, Severity.SEV2, said("We look."))
    first = publishing.open_incident(page, draft, BY, NOON, "key-1")
    update = post(first, "Once.", key="key-1")

    assert publishing.open_incident(page, draft, BY, LATER, "key-1") is first
    assert post(first, "Once.", key="key-1") is update
    assert first.sequence == 2


def test_long_keys_that_differ_at_the_end_are_two_keys(open_incident):
    incident = open_incident()
    one = post(incident, "One.", key="k" * 100 + "1")
    two = post(incident, "Two.", key="k" * 100 + "2")

    assert (one.sequence, two.sequence) == (2, 3)


@pytest.fixture
def eight_at_once(app, open_incident):
    """Eight leads who post to the same incident at the same instant; what each got, or was told."""
    public_id = open_incident().public_id
    db.session.rollback()

    def post_together(key):
        start, results = threading.Barrier(8), []

        def one_lead():
            with app.app_context():
                start.wait()
                try:
                    incident = publishing.find_incident(pages.first(), public_id)
                    results.append(post(incident, "Once.", key=key).public_id)
                except Conflict as refusal:
                    db.session.rollback()
                    results.append(type(refusal))

        threads = [threading.Thread(target=one_lead) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        db.session.rollback()
        return results

    return post_together


def test_eight_presses_with_one_key_get_one_update(eight_at_once):
    assert len(set(eight_at_once("key"))) == 1
    assert [u.sequence for u in db.session.scalars(select(IncidentUpdate))] == [1, 2]


def test_eight_presses_without_a_key_are_one_update_and_seven_questions(eight_at_once):
    results = eight_at_once("")

    assert results.count(Conflict) == 7
    assert len(announcements()) == 2


@pytest.mark.parametrize("table", ["announcement", "audit_entry", "update_component", "idempotency_key"])
def test_failure_in_the_middle_leaves_nothing_at_all(page, api, table):
    before = contents()
    refuse_inserts(table, "disk")
    db.session.commit()
    draft = IncidentDraft("Slow", IncidentType.OUTAGE, Severity.SEV2, said("We look.", components={api: DOWN}))

    with pytest.raises(Exception, match="disk"):
        publishing.open_incident(page, draft, BY, NOON, "key")

    assert contents() == before
    assert api.status is OK


def test_publishing_is_one_commit(open_incident, api):
    commits = []
    listener = commits.append
    event.listen(db.engine, "commit", listener)
    open_incident(components={api: DOWN})
    event.remove(db.engine, "commit", listener)

    assert len(commits) == 1


def test_words_that_cannot_be_rendered_are_not_published(page, open_incident, api):
    page.time_zone = "Mars/Base"
    db.session.commit()
    before = contents()

    with pytest.raises(ZoneInfoNotFoundError):
        open_incident(components={api: DOWN})

    assert contents() == before


@pytest.mark.parametrize(
    ("draft", "is_key"),
    [
        (said(), False),
        (said(status=RESOLVED), True),
        (said(severity=Severity.SEV1), True),
        (said(severity=Severity.SEV3), False),
        (said(impact_override=Impact.CRITICAL), True),
        (said(impact_override=Impact.NONE), False),
    ],
)
def test_key_moments_are_jumps_and_the_end(open_incident, draft, is_key):
    incident = open_incident(impact_override=Impact.MAJOR)

    assert publishing.post_update(incident, draft, BY, LATER).is_key_moment is is_key


def test_beginning_is_a_key_moment(open_incident):
    assert open_incident().updates[0].is_key_moment


def test_component_that_gets_worse_is_a_key_moment(open_incident, api):
    incident = open_incident(components={api: SLOW})

    assert post(incident, components={api: DOWN}).is_key_moment


def test_silent_update_is_on_the_page_and_owed_to_nobody(open_incident):
    incident = open_incident()
    post(incident, is_notified=False)

    assert (incident.sequence, len(announcements())) == (2, 1)


def test_internal_incident_is_owed_to_nobody_and_promises_its_first_public_word(open_incident):
    incident = open_incident(audience=INSIDE)

    assert (incident.audience, announcements()) == (INSIDE, [])
    assert incident.next_update_due_at == NOON + timedelta(minutes=30)


def test_first_public_word_of_an_internal_incident_is_its_beginning(open_incident):
    incident = open_incident(audience=INSIDE)
    update = post(incident, "Now you may know.")

    assert (incident.audience, update.is_key_moment) == (Audience.PUBLIC, True)
    assert [a.is_key_moment for a in announcements()] == [True]


def test_internal_note_leaves_status_promise_and_confirmation_alone(open_incident, page):
    incident = open_incident(status=IncidentStatus.IDENTIFIED)
    due_at = incident.next_update_due_at
    post(incident, "The vendor lies.", audience=INSIDE)

    assert (incident.next_update_due_at, incident.status) == (due_at, IncidentStatus.IDENTIFIED)
    assert page.confirmed_at == NOON


@pytest.mark.parametrize(
    "change", [{"status": RESOLVED}, {"impact_override": Impact.NONE}, {"status": IncidentStatus.MONITORING}]
)
def test_internal_note_cannot_change_what_is_public(open_incident, change):
    incident = open_incident(status=IncidentStatus.IDENTIFIED)

    with pytest.raises(Conflict, match="changes nothing in public"):
        post(incident, audience=INSIDE, **change)


def test_internal_note_cannot_move_components(open_incident, api):
    with pytest.raises(Conflict, match="changes nothing in public"):
        post(open_incident(), audience=INSIDE, components={api: DOWN})
    with pytest.raises(Conflict, match="Name the components when you publish"):
        open_incident(title="Another", audience=INSIDE, components={api: DOWN})


def test_component_kept_inside_does_not_weigh_on_what_the_public_is_told(page, open_incident, api):
    hidden = components.add(page, "Secret ledger", BY, NOON, audience=INSIDE)
    incident = open_incident(components={api: SLOW, hidden: DOWN})

    assert incident.impact is Impact.MINOR


def test_new_severity_picks_the_policy_from_this_update_on(open_incident):
    incident = open_incident(severity=Severity.SEV4)
    post(incident, severity=Severity.SEV1)

    assert incident.severity is Severity.SEV1
    assert incident.next_update_due_at == LATER + timedelta(minutes=30)


def test_whoever_speaks_in_public_confirms_the_page(open_incident, page):
    post(open_incident())

    assert page.confirmed_at == LATER


def test_override_stays_until_it_is_changed(open_incident, api):
    incident = open_incident(impact_override=Impact.MINOR)
    post(incident, components={api: DOWN})

    assert incident.impact is Impact.MINOR


def test_author_is_on_the_update_and_in_the_audit(open_incident, colleague):
    lead = colleague()
    incident = open_incident()
    update = publishing.post_update(incident, said(), Actor(lead, "panel"), LATER)

    assert update.author is lead


def test_role_given_twice_is_one_role(page, colleague):
    lead = (IncidentRole.COMMUNICATIONS_LEAD, colleague())
    draft = IncidentDraft("Slow", IncidentType.OUTAGE, Severity.SEV2, said("We look."), roles=(lead, lead))

    assert len(publishing.open_incident(page, draft, BY, NOON).assignments) == 1


def test_assigned_role_replaces_its_holder_and_nobody_else(open_incident, colleague):
    first, second = colleague(), colleague(email="b@candor.example")
    incident = open_incident()
    publishing.assign(incident, IncidentRole.COMMUNICATIONS_LEAD, first, BY, NOON)
    publishing.assign(incident, IncidentRole.INCIDENT_COMMANDER, first, BY, NOON)
    publishing.assign(incident, IncidentRole.COMMUNICATIONS_LEAD, second, BY, NOON)

    held = {(a.role, a.staff_user) for a in incident.assignments}
    assert held == {(IncidentRole.COMMUNICATIONS_LEAD, second), (IncidentRole.INCIDENT_COMMANDER, first)}


def test_what_is_not_there_is_not_found(page):
    with pytest.raises(NotFound):
        publishing.find_incident(page, "nope")
    with pytest.raises(NotFound):
        publishing.find_update(page, "nope")


def test_cost_of_publishing_does_not_grow_with_the_subscribers(open_incident, subscribe):
    def statements(title):
        seen = []
        listener = lambda *args: seen.append(args[2])  # noqa: E731
        event.listen(db.engine, "before_cursor_execute", listener)
        open_incident(title=title)
        event.remove(db.engine, "before_cursor_execute", listener)
        return len(seen)

    subscribe("s@example.com")
    first = statements("Before")
    for number in range(30):
        subscribe(f"s{number}@example.com", level=EventLevel.EVERY_UPDATE)

    assert statements("After") <= first


def test_updates_are_numbered_without_gaps_and_times_may_be_equal(open_incident):
    incident = open_incident()
    for number in range(3):
        post(incident, f"Word {number}", at=NOON)

    assert [u.sequence for u in db.session.scalars(select(IncidentUpdate))] == [1, 2, 3, 4]
    assert db.session.scalar(select(Incident.sequence)) == 4
