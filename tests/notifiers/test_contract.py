"""What every channel owes: runs over each file in notifiers/, also the one written tomorrow."""

import ast
import inspect
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

import notifiers
from notifiers import (
    BadSettings,
    Channel,
    DeliveryError,
    Envelope,
    Message,
    PermanentDeliveryError,
    Receipt,
    UncertainDeliveryError,
    deliver_with,
)

MODULES = list(notifiers.modules())
POISON = "Down\u2028again\u2029\x00\x0b\x0c\x85\ud800 \r\nBcc: victim@example.net\r\n.\r\n\u202eevil\ufffe"
every_channel = pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)


def a_message() -> Message:
    return Message(reference="an-1:su-1:x", subject="Login is back", text="The login service answers again.")


def example(module: ModuleType) -> Channel:
    name = module.__name__.rpartition(".")[2]
    channels = notifiers.load(module.EXAMPLE)
    return next(c for c in channels.values() if c.is_live and (c.kind == name or len(channels) == 1))


def address_for(module: ModuleType) -> str:
    return str(getattr(module, "EXAMPLE_ADDRESS", "12345"))


@every_channel
def test_without_settings_it_is_absent_or_captures(module):
    built = module.build({})

    assert built is None or not built.is_live


@every_channel
def test_its_example_settings_build_it_live(module):
    channel = example(module)

    assert channel.is_live
    assert channel.kind
    assert channel.label


@every_channel
@pytest.mark.parametrize("typed", ["", "   ", "\n"])
def test_it_refuses_an_empty_address_in_a_sentence(module, typed):
    with pytest.raises(ValueError, match=r"^[A-Z].*\.$"):
        example(module).clean(typed)


@every_channel
@pytest.mark.parametrize("typed", ["\x00", "\ud800", "a" * 1_000_000, "é\u2028é", "%s{}", "'; --"])
def test_it_refuses_nonsense_with_nothing_worse_than_a_value_error(module, typed):
    with pytest.raises(ValueError, match=r"\S"):
        example(module).clean(typed)


@every_channel
def test_a_clean_address_stays_as_it_is(module):
    address = address_for(module)

    assert example(module).clean(f"  {address} ") == address


@every_channel
def test_it_shows_what_would_go_over_the_wire(module):
    preview = example(module).preview(a_message(), address_for(module))

    assert "The login service answers again." in preview.text


@every_channel
def test_poison_text_is_shown_and_not_tripped_over(module):
    message = Message(
        reference=POISON,
        subject=POISON,
        text=POISON,
        html=POISON,
        thread=POISON,
        from_name=POISON,
        unsubscribe_url=f"https://status.example.com/{POISON}",
        unsubscribe_mailto=POISON,
        list_id=POISON,
    )

    preview = example(module).preview(message, address_for(module))

    (preview.text + (preview.html or "") + preview.raw).encode()
    assert not any(name == "Bcc" or "\n" in value for name, value in preview.headers)


@every_channel
def test_what_is_captured_is_rendered_and_kept_as_captured(module):
    channel = module.build({})
    if channel is None:
        return
    envelopes = [Envelope(key, address_for(module), a_message()) for key in (1, 2, 3)]

    outcomes = list(channel.deliver(envelopes))

    assert [outcome.key for outcome in outcomes] == [1, 2, 3]
    assert all(isinstance(o.result, Receipt) and o.result.is_captured for o in outcomes)


@every_channel
def test_an_address_that_slipped_in_fails_alone(module):
    channel = module.build({})
    if channel is None:
        return
    envelopes = [
        Envelope("bad", "x\r\nRCPT TO:<victim@example.net>", a_message()),
        Envelope("good", address_for(module), a_message()),
    ]

    bad, good = channel.deliver(envelopes)

    assert isinstance(bad.result, PermanentDeliveryError)
    assert isinstance(good.result, Receipt)


def test_channels_are_found_by_their_kind():
    assert {"email", "sms"} <= set(notifiers.load({}))


def test_every_wrong_setting_is_named_at_once():
    wrong = {
        "CANDOR_SMTP_URL": "http://relay.example",
        "CANDOR_TWILIO_ACCOUNT_SID": "AC1",
        "CANDOR_BASE_URL": "no",
    }

    with pytest.raises(BadSettings) as caught:
        notifiers.load(wrong)

    told = str(caught.value)
    assert all(name in told for name in ("CANDOR_SMTP_URL", "CANDOR_TWILIO_AUTH_TOKEN", "CANDOR_TWILIO_FROM"))
    assert told.count("CANDOR_BASE_URL") == 1


# A channel that only knows how to send


@dataclass(frozen=True)
class Pager:
    fails: tuple[tuple[str, Exception], ...] = ()

    kind = "pager"
    label = "Pager"

    def clean(self, address: str) -> str:
        if not address.isdigit():
            raise ValueError("Enter the pager number using digits only.")
        return address

    def send(self, message: Message, address: str) -> Receipt:
        for failing, error in self.fails:
            if failing == address:
                raise error
        return Receipt(provider_id=address, detail=message.subject)


def to(*addresses: str) -> list[Envelope]:
    return [Envelope(address, address, a_message()) for address in addresses]


def taken(address: str) -> Receipt:
    return Receipt(address, "Login is back")


def test_a_channel_that_only_sends_gets_the_rest_for_free(monkeypatch):
    module = ModuleType("notifiers.pager")
    module.build = lambda _: Pager()
    monkeypatch.setattr(notifiers, "modules", lambda: iter([module]))

    pager = notifiers.load({})["pager"]

    assert pager.is_live
    assert pager.clean("1") == "1"
    assert "Login is back" in pager.preview(a_message(), "1").text
    assert [outcome.result for outcome in pager.deliver(to("1", "2"))] == [taken("1"), taken("2")]


def test_one_failure_leaves_its_neighbours_alone():
    gone = PermanentDeliveryError("Pager 2 is not in service.")

    outcomes = list(deliver_with(Pager((("2", gone),)), to("1", "2", "3")))

    assert [outcome.result for outcome in outcomes] == [taken("1"), gone, taken("3")]


def test_a_fault_of_ours_is_uncertain_and_keeps_its_cause():
    bug = ZeroDivisionError("oops")

    first, second = deliver_with(Pager((("1", bug),)), to("1", "2"))

    assert isinstance(first.result, UncertainDeliveryError)
    assert first.result.__cause__ is bug
    assert isinstance(second.result, Receipt)


def test_after_a_channel_wide_error_the_rest_fails_without_being_tried():
    down = UncertainDeliveryError("The bridge went silent.", is_channel_wide=True)

    first, second = deliver_with(Pager((("1", down),)), to("1", "2"))

    assert first.result is down
    assert type(second.result) is DeliveryError
    assert str(second.result) == "The bridge went silent."


# The floor


def test_the_ground_floor_imports_nothing_from_above():
    above = {"statuspage", "admin", "wsgi", "flask", "sqlalchemy"}
    imported = set()
    for file in Path(inspect.getfile(notifiers)).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                imported.add((node.module or "").partition(".")[0])

    assert not imported & above


def test_loading_channels_imports_nothing_heavy():
    code = "import notifiers, sys; notifiers.load({}); print(*sys.modules)"

    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert not {"twilio", "phonenumbers", "requests", "email_validator"} & set(loaded.stdout.split())
