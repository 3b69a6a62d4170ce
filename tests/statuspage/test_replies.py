from datetime import timedelta

import pytest

from statuspage import publishing, staff
from statuspage.cadence import reminders, replies
from statuspage.cadence.replies import LinkState
from statuspage.db import db
from statuspage.delivery import letters
from statuspage.errors import Conflict, NotFound, StaleDraft
from statuspage.models import Incident
from statuspage.tokens import Purpose, signer
from statuspage.vocabulary import Audience, IncidentStatus, StaffRole
from tests.conftest import BY, NOON
from tests.statuspage.fakes import ledger, said

DUE = NOON + timedelta(hours=1)


@pytest.fixture
def token(open_incident, colleague):
    """The token in the reminder that the comms lead has just been sent."""
    colleague()
    open_incident()
    reminders.remind_due(DUE)
    return letters.personal(ledger(channel="email")[0]).text.split("/admin/compose/")[1].split()[0]


def incident():
    return db.session.query(Incident).one()


def state_at(token, at=DUE):
    return replies.open_link(token, at).state


def test_link_posts_as_the_person_reminded(token):
    update = replies.reply(replies.open_link(token, DUE), said("Still at it."), DUE)

    assert (update.body, update.author.email) == ("Still at it.", "comms-lead@candor.example")
    assert incident().sequence == 2


def test_link_works_once(token):
    replies.reply(replies.open_link(token, DUE), said(), DUE)

    assert state_at(token) is LinkState.USED
    with pytest.raises(Conflict, match="has done its work"):
        replies.reply(replies.open_link(token, DUE), said("Again."), DUE)


def test_looking_does_not_use_it_up(token):
    assert [state_at(token) for _ in range(3)] == [LinkState.OPEN] * 3


def test_link_works_for_two_hours(token):
    assert state_at(token, DUE + timedelta(hours=1, minutes=59)) is LinkState.OPEN
    assert state_at(token, DUE + timedelta(hours=2)) is LinkState.TOO_OLD


def test_post_that_is_refused_leaves_the_link_open(token):
    with pytest.raises(StaleDraft):
        replies.reply(replies.open_link(token, DUE), said(seen_sequence=7), DUE)
    db.session.commit()

    assert state_at(token) is LinkState.OPEN


def test_link_is_done_when_somebody_else_spoke_or_ended_it(token):
    publishing.post_update(incident(), said(), BY, DUE)
    assert state_at(token) is LinkState.ANSWERED
    publishing.post_update(incident(), said("Over.", IncidentStatus.RESOLVED), BY, DUE)

    assert state_at(token) is LinkState.RESOLVED


def test_link_of_somebody_who_left_is_no_way_in(token):
    staff.edit(staff.find_by_email("comms-lead@candor.example"), "", "", StaffRole.COMMS_LEAD, False, BY, DUE)

    assert state_at(token) is LinkState.NOT_YOURS


def test_reminder_is_answered_in_public(token):
    with pytest.raises(Conflict, match="in public"):
        replies.reply(replies.open_link(token, DUE), said(audience=Audience.INTERNAL), DUE)


@pytest.mark.parametrize("odd", ["", "é", "x" * 10_000, "aaaaaaaaaaaa.0." + "0" * 32])
def test_odd_token_is_not_found(token, odd):
    with pytest.raises(NotFound):
        replies.open_link(odd, DUE)


def test_token_for_another_purpose_is_not_found(token):
    other = signer().sign(Purpose.MANAGE, signer().subject(token))

    with pytest.raises(NotFound):
        replies.open_link(other, DUE)
