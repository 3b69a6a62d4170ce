"""Drafts from answers to reminders: kept, released once by the rules of every update, or discarded."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from statuspage import publishing, staff
from statuspage.audit import Actor
from statuspage.cadence import reminders, replies, shelf
from statuspage.cadence.replies import LinkState
from statuspage.db import db
from statuspage.delivery import letters
from statuspage.errors import ComponentsNotGreen, Conflict, NotFound, StaleDraft
from statuspage.models import IncidentUpdate, ReplyDraft
from statuspage.vocabulary import ComponentStatus, IncidentStatus, ReplyVia, StaffRole
from tests.conftest import BY, NOON
from tests.statuspage.fakes import acts, ledger, said

WORDS = "Still working on it."
LATER = NOON + timedelta(minutes=40)


@pytest.fixture
def ada(colleague):
    return colleague(phone="+4915112345678")


@pytest.fixture
def incident(open_incident):
    return open_incident()


@pytest.fixture
def draft(ada, incident):
    return shelf.save(incident, ada, ReplyVia.SMS, WORDS, NOON, "SM1")[0]


def said_so_far():
    db.session.rollback()
    return [each.body for each in db.session.scalars(select(IncidentUpdate).order_by(IncidentUpdate.sequence))]


def test_a_draft_is_not_public_and_keeps_no_promise(draft, incident):
    due_at = incident.next_update_due_at

    assert said_so_far() == ["We are looking into it."]
    assert incident.next_update_due_at == due_at
    assert (draft.status, draft.sequence) == (IncidentStatus.INVESTIGATING, 1)
    assert shelf.waiting(incident) == [draft]
    assert "draft.save" in acts()


def test_a_release_says_it_as_the_one_who_released(draft, colleague):
    lead = colleague(email="lead@candor.example")
    update = shelf.release(draft, Actor(lead, "panel"), LATER, seen_sequence=1)

    assert (update.body, update.status, update.author) == (WORDS, IncidentStatus.INVESTIGATING, lead)
    assert draft.released_by == lead
    assert shelf.waiting(update.incident) == []
    assert {"draft.release", "update.post"} <= set(acts())


def test_two_taps_release_once(draft, ada):
    first = shelf.release(draft, Actor(ada, "panel"), LATER)
    second = shelf.release(draft, Actor(ada, "panel"), LATER)

    assert first.id == second.id
    assert said_so_far() == ["We are looking into it.", WORDS]


def test_the_same_message_is_kept_once(draft, incident, ada):
    again, is_new = shelf.save(incident, ada, ReplyVia.SMS, WORDS, LATER, "SM1")

    assert (again.id, is_new) == (draft.id, False)


def test_a_release_upon_newer_words_is_refused_and_the_draft_waits_on(draft, incident, ada):
    publishing.post_update(incident, said("News."), BY, NOON)
    with pytest.raises(StaleDraft):
        shelf.release(draft, Actor(ada, "panel"), LATER, seen_sequence=1)

    assert draft.is_waiting
    assert draft.is_older_than_the_last_word


def test_it_speaks_of_the_incident_as_it_stands_by_then(draft, incident, ada):
    publishing.post_update(incident, said("Found.", IncidentStatus.IDENTIFIED), BY, NOON)
    update = shelf.release(draft, Actor(ada, "panel"), LATER, seen_sequence=2)

    assert update.status is IncidentStatus.IDENTIFIED


def test_what_was_chosen_with_the_words_is_released_with_them(incident, ada, api):
    choices = {"status": "monitoring", "promise": "1h", "components": {api.public_id: "degraded_performance"}}
    draft, _ = shelf.save(incident, ada, ReplyVia.LINK, WORDS, NOON, "", choices)
    update = shelf.release(draft, Actor(ada, "panel"), LATER)

    assert update.status is IncidentStatus.MONITORING
    assert update.next_update_due_at == LATER + timedelta(hours=1)
    assert api.status is ComponentStatus.DEGRADED_PERFORMANCE


def test_a_draft_that_resolves_asks_for_what_is_not_green(open_incident, ada, api):
    incident = open_incident(components={api: ComponentStatus.MAJOR_OUTAGE})
    draft, _ = shelf.save(incident, ada, ReplyVia.LINK, "Over.", NOON, "", {"status": "resolved"})
    with pytest.raises(ComponentsNotGreen):
        shelf.release(draft, Actor(ada, "panel"), LATER)

    assert draft.is_waiting


def test_a_discarded_draft_is_never_said(draft, ada):
    shelf.discard(draft, Actor(ada, "panel"), LATER)
    with pytest.raises(Conflict, match="discarded"):
        shelf.release(draft, Actor(ada, "panel"), LATER)
    shelf.discard(draft, Actor(ada, "panel"), LATER)

    assert said_so_far() == ["We are looking into it."]


def test_a_released_draft_is_discarded_no_more(draft, ada):
    shelf.release(draft, Actor(ada, "panel"), LATER)

    with pytest.raises(Conflict, match="has been published"):
        shelf.discard(draft, Actor(ada, "panel"), LATER)


def test_nothing_is_kept_for_what_is_over(incident, ada):
    publishing.post_update(incident, said("Over.", IncidentStatus.RESOLVED), BY, NOON)

    with pytest.raises(Conflict, match="is over"):
        shelf.save(incident, ada, ReplyVia.SMS, WORDS, LATER)


def test_a_draft_of_what_is_over_waits_for_nothing(draft, incident, page):
    publishing.post_update(incident, said("Over.", IncidentStatus.RESOLVED), BY, NOON)

    assert shelf.waiting_on(page) == []


def test_a_viewer_suggests_nothing(incident, colleague):
    with pytest.raises(NotFound):
        shelf.save(incident, colleague(StaffRole.VIEWER), ReplyVia.SMS, WORDS, NOON)


def confirmed(channel="sms"):
    return letters.personal(next(row for row in ledger(channel=channel) if row.announcement.kind == "draft"))


def test_its_author_gets_one_link_that_releases_it(incident, ada):
    for _ in range(2):
        draft, _ = shelf.save(incident, ada, ReplyVia.SMS, WORDS, NOON, "SM2", confirms_on="sms")
    token = confirmed().text.split("/admin/compose/")[1].split()[0]
    link = replies.open_link(token, NOON)

    assert len([row for row in ledger() if row.announcement.kind == "draft"]) == 1
    assert "not published yet" in confirmed().text
    assert (link.draft, link.state) == (draft, LinkState.OPEN)
    replies.reply(link, shelf.as_update(draft), NOON + timedelta(minutes=1))
    assert replies.open_link(token, NOON).state is LinkState.USED
    assert said_so_far()[-1] == WORDS


def test_a_tap_in_the_panel_and_one_on_the_phone_release_once(incident, ada):
    draft, _ = shelf.save(incident, ada, ReplyVia.SMS, WORDS, NOON, "SM2", confirms_on="sms")
    link = replies.open_link(confirmed().text.split("/admin/compose/")[1].split()[0], NOON)
    shelf.release(draft, Actor(ada, "panel"), LATER)
    with pytest.raises(Conflict):
        replies.reply(link, shelf.as_update(draft), LATER, "k1")

    assert said_so_far() == ["We are looking into it.", WORDS]


def test_who_may_not_publish_is_told_who_does(incident, colleague):
    bob = colleague(StaffRole.RESPONDER, phone="+4915112345679")
    shelf.save(incident, bob, ReplyVia.SMS, WORDS, NOON, "SM2", confirms_on="sms")

    assert "A comms lead has to release it." in confirmed().text
    assert "/admin/compose/" not in confirmed().text


def test_who_was_reminded_may_release(incident, colleague):
    bob = colleague(StaffRole.RESPONDER)
    assert not shelf.may_release(bob, incident)
    staff.add("x@candor.example", StaffRole.COMMS_LEAD, BY, NOON)
    reminders.remind_due(NOON + timedelta(hours=2))

    assert shelf.may_release(bob, incident)


def test_an_answer_that_takes_a_draft_up_settles_it(draft, incident, ada):
    reminders.remind_due(NOON + timedelta(hours=1))
    token = letters.personal(ledger(channel="email")[0]).text.split("/admin/compose/")[1].split()[0]
    link = replies.open_link(token, NOON + timedelta(hours=1))
    replies.reply(link, said("Still working on it. Soon more."), NOON + timedelta(hours=1), "k", draft)

    assert not db.session.get(ReplyDraft, draft.id).is_waiting
