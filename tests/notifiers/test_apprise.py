"""Apprise: the long tail for staff, behind a list of services."""

import pytest

from notifiers import DeliveryError, Envelope, Message, PermanentDeliveryError, TakesSubscribers, deliver_with
from notifiers.apprise import Apprise, build
from tests.doubles import HookAnswer, HookDouble

# Its own dependencies warn on being imported.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

REMINDER = Message(
    reference="an1-u1-apprise", subject="Update due now: Payments fail", text="Post it: https://x.example/c"
)


@pytest.mark.parametrize(
    "address",
    ["ntfys://ntfy.sh/topic", "pover://user@token", "tgram://123:abc/42", "pagerduty://key@service", "gotifys://h/t"],
)
def test_a_service_that_reaches_people_is_let_in(address):
    assert Apprise().clean(address) == address


@pytest.mark.parametrize(
    "address",
    ["syslog://", "json://127.0.0.1/x", "xml://127.0.0.1/x", "form://h/x", "mailto://u:p@h", "file:///etc/passwd", "dbus://",
     "exec://rm", "windows://", "https://hooks.slack.com/services/a/b/c", "ntfy", "ntfy://a b", "ntfy://a\nntfy://b", "://",
     "NTFY://x/y", "ntfy://" + "x" * 300],
)  # fmt: skip
def test_every_other_is_refused_in_a_sentence(address):
    with pytest.raises(ValueError, match=r"^[A-Z“].*\.$"):
        Apprise().clean(address)


def test_nobody_subscribes_here():
    assert not isinstance(build({}), TakesSubscribers)


def test_a_reminder_is_pushed():
    with HookDouble() as ntfy:
        (outcome,) = deliver_with(Apprise(is_live=True), [Envelope(1, f"ntfy://127.0.0.1:{ntfy.port}/topic", REMINDER)])

        assert outcome.result.detail == "The service took it."
        assert "Payments fail" in str(ntfy.received[0].json)


def test_a_service_that_refuses_is_tried_again():
    with HookDouble() as ntfy:
        ntfy.on("/", HookAnswer(500))
        (outcome,) = deliver_with(Apprise(is_live=True), [Envelope(1, f"ntfy://127.0.0.1:{ntfy.port}/topic", REMINDER)])

    assert type(outcome.result) is DeliveryError
    assert outcome.result.retry_after is not None


def test_an_address_that_slipped_in_goes_nowhere():
    (outcome,) = deliver_with(Apprise(is_live=True), [Envelope(1, "json://127.0.0.1/x", REMINDER)])

    assert isinstance(outcome.result, PermanentDeliveryError)
