"""One address takes in both: mails that come back, and answers to reminders."""

import pytest

from statuspage import bounces, inbox, replyaddresses
from statuspage.bounces import Refused
from tests.conftest import NOON
from tests.statuspage.test_bounces import ADDRESS, HARD


@pytest.fixture
def home(app):
    settings = app.extensions["candor.settings"]
    app.extensions["candor.settings"] = settings.model_copy(update={"bounce_address": ADDRESS})


def test_a_report_on_a_mail_of_ours_is_a_bounce_and_no_answer(home):
    path = bounces.return_path("a1b2c3d4e5f6-s12345-email")

    assert "not in the ledger" in inbox.take(HARD.replace(b"{to}", path.encode()), NOON)


def test_a_bounce_that_is_sent_to_the_reply_address_becomes_no_draft(home):
    address = replyaddresses.address("a1b2c3d4e5f6")

    with pytest.raises(Refused):
        inbox.take(HARD.replace(b"{to}", address.encode()), NOON)


def test_the_two_kinds_of_address_are_never_taken_for_each_other(home):
    back = bounces.return_path("a1b2c3d4e5f6-u12345-email")
    answer = replyaddresses.address("a1b2c3d4e5f6")

    assert replyaddresses.announcement_id(back) is None
    assert bounces.returns().reference(answer) is None
    assert replyaddresses.announcement_id(answer) == "a1b2c3d4e5f6"
