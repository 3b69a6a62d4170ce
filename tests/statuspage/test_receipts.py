from datetime import timedelta

import pytest

from notifiers import Receipt, UncertainDeliveryError
from statuspage.db import db
from statuspage.delivery.receipts import note_callback
from statuspage.vocabulary import DeliveryState
from tests.conftest import NOON
from tests.statuspage.fakes import FakeChannel, Worker, ledger, only_row

PHONE = "+4915112345678"
SENT, DELIVERED, BOUNCED = DeliveryState.SENT, DeliveryState.DELIVERED, DeliveryState.BOUNCED


@pytest.fixture
def reference(subscribe, open_incident):
    """The reference of an SMS that Twilio has taken as SM1."""
    subscribe(PHONE, channel="sms")
    open_incident()
    Worker({"sms": FakeChannel(Receipt("SM1"), kind="sms")}).run()
    return only_row().reference


def hear(reference, *states, provider_id="SM1"):
    for minutes, state in enumerate(states, 1):
        note_callback(reference, provider_id, state, f"Twilio says: {state}", NOON + timedelta(minutes=minutes))
    return only_row()


def test_delivered_is_noted_with_its_time(reference):
    row = hear(reference, DELIVERED)

    assert (row.state, row.settled_at) == (DELIVERED, NOON + timedelta(minutes=1))
    assert [attempt.outcome for attempt in row.attempts] == ["delivered"]


@pytest.mark.parametrize(
    ("told", "ends"),
    [
        ([SENT, SENT], SENT),
        ([DELIVERED, DELIVERED], DELIVERED),
        ([DELIVERED, SENT], DELIVERED),
        ([DELIVERED, BOUNCED], DELIVERED),
        ([BOUNCED, DELIVERED], BOUNCED),
        ([SENT, BOUNCED, SENT], BOUNCED),
    ],
)
def test_row_only_moves_forward(reference, told, ends):
    assert hear(reference, *told).state is ends


def test_repetition_leaves_no_second_line(reference):
    row = hear(reference, DELIVERED, DELIVERED, DELIVERED)

    assert len(row.attempts) == 1


def test_answer_that_overtakes_our_own_note_stands(subscribe, open_incident):
    subscribe(PHONE, channel="sms")
    open_incident()
    sms = FakeChannel(Receipt("SM1"), kind="sms")
    sms.before_answering = lambda envelope: note_callback(envelope.personal().reference, "SM1", DELIVERED, "", NOON)
    Worker({"sms": sms}).run()

    row = only_row()
    assert (row.state, row.attempt_count) == (DELIVERED, 1)


def test_answer_settles_what_we_did_not_know(subscribe, open_incident):
    subscribe(PHONE, channel="sms")
    open_incident()
    Worker({"sms": FakeChannel(UncertainDeliveryError("?"), kind="sms")}).run()

    assert hear(only_row().reference, DELIVERED).state is DELIVERED


@pytest.mark.parametrize("state", ["failed", "captured", "suppressed", "withdrawn", "superseded", "expired"])
def test_no_answer_wakes_what_is_final(reference, state):
    row = only_row()
    row.state = DeliveryState(state)
    db.session.commit()

    assert hear(reference, DELIVERED).state.value == state


def test_unknown_reference_changes_nothing(reference):
    nobody = ["aaaaaaaaaaaa-s1-sms", "aaaaaaaaaaaa-s999999999999999999-sms"]
    for forged in [*nobody, "", "x", "' OR 1=1 --", "é" * 50, "a" * 100_000]:
        assert not note_callback(forged, "SM1", DELIVERED, "", NOON)

    assert [row.state for row in ledger()] == [SENT]


def test_another_message_id_changes_nothing(reference):
    assert not note_callback(reference, "SM2", DELIVERED, "", NOON)
    assert only_row().state is SENT


def test_reference_of_a_neighbour_channel_is_another_message(reference):
    assert not note_callback(reference.replace("-sms", "-email"), "SM1", DELIVERED, "", NOON)
