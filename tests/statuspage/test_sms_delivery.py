"""An SMS that Twilio may have taken is asked for before it is sent again: nobody is told twice, nobody is left out."""

from contextlib import closing

import pytest

from notifiers import sms as sms_channel
from statuspage.vocabulary import DeliveryState
from tests.doubles import DROP, Answer, TwilioDouble
from tests.statuspage.fakes import Worker, only_row

ADA = "+4915112345678"


@pytest.fixture
def twilio():
    with TwilioDouble() as double:
        yield double


@pytest.fixture
def worker(twilio, subscribe, open_incident):
    """A worker with a real SMS channel and one SMS to send."""
    subscribe(ADA, channel="sms")
    open_incident()
    with closing(sms_channel.build(sms_channel.EXAMPLE | {"CANDOR_TWILIO_API_URL": twilio.url})) as sms:
        yield Worker({"sms": sms})


def test_what_twilio_took_without_saying_so_is_not_sent_again(worker, twilio):
    twilio.answers[ADA] = [Answer(words=DROP, is_taken=True)]
    worker.run()
    worker.run(hours=1)

    assert len(twilio.texts(ADA)) == 1
    assert (only_row().state, only_row().provider_id) == (DeliveryState.SENT, twilio.sent[0]["Sid"])


def test_what_twilio_never_took_is_sent(worker, twilio):
    twilio.answers[ADA] = [Answer(words=DROP)]
    worker.run()
    worker.run(hours=1)

    assert len(twilio.texts(ADA)) == 1
    assert only_row().state is DeliveryState.SENT


def test_while_twilio_cannot_say_nothing_is_sent(worker, twilio):
    twilio.answers[ADA] = [Answer(500, 20500, "Internal error", is_taken=True)]
    twilio.list_answers = [Answer(503, 0, "down")]
    worker.run()
    worker.run(minutes=11)
    between = len(twilio.texts(ADA))
    worker.run(hours=1)

    assert (between, len(twilio.texts(ADA))) == (1, 1)
    assert only_row().state is DeliveryState.SENT


def test_out_of_credentials_nobody_is_lost(worker, twilio):
    twilio.answers[ADA] = [Answer(401, 20003, "Authenticate")]
    worker.run()
    worker.run(hours=1)

    assert len(twilio.texts(ADA)) == 1
    assert only_row().state is DeliveryState.SENT
