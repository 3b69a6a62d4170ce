"""What a channel promises, and the words that travel between the domain and the wire.

A channel is one file in this folder. It offers `build(settings)`, answering None when it is not set up, and
`EXAMPLE`, settings the contract test builds it from (with `EXAMPLE_ADDRESS`, where addresses have a shape).
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

CallbackState = Literal["sent", "delivered", "failed"]
HealthState = Literal["closed", "open", "half_open"]


@dataclass(frozen=True)
class Message:
    """Words ready for the wire. `reference` follows from announcement, recipient and channel, not from the attempt.

    In an envelope that has `values` any text here may hold placeholders, and one message serves all recipients.
    `said_at` is when they were said; a mail carries it as its Date, so that every attempt is the same mail.
    `return_path` is where a mail that cannot be delivered comes back to; without one, to the sender.
    """

    reference: str
    subject: str
    text: str
    html: str | None = None
    thread: str | None = None
    is_thread_start: bool = False
    from_name: str | None = None
    reply_to: str | None = None
    unsubscribe_url: str | None = None
    unsubscribe_mailto: str | None = None
    list_id: str | None = None
    said_at: datetime | None = None
    return_path: str | None = None


class Envelope(NamedTuple):
    """One message for one address; `key` is the caller's own and comes back with the outcome.

    `values` are what differs per recipient: placeholder to text, both in ASCII, a placeholder in letters, digits
    and underscores. All envelopes of one announcement and channel share the same message object, so a channel may
    prepare it once and substitute bytes; one that has no need for speed calls `personal`.
    """

    key: str | int
    address: str
    message: Message
    values: Mapping[str, str] = MappingProxyType({})
    # What a channel that declares `needs_secret` signs with: the current secret first, then those still valid.
    # Kept apart from `values`, so that no word can ever call for one.
    secrets: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Without the secrets."""
        return f"Envelope({self.key!r}, {self.address!r}, {self.message!r}, {self.values!r})"

    def personal(self) -> Message:
        """The message with this recipient's values in place; a value is never looked through for placeholders."""
        return substituted(self.message, self.values)


def substituted(message: Message, values: Mapping[str, str]) -> Message:
    """The message with each placeholder replaced by its value, all at once."""
    if not values:
        return message
    # The longest first, so that one placeholder may begin like another.
    wanted = re.compile("|".join(re.escape(each) for each in sorted(values, key=len, reverse=True)))
    texts: dict[str, Any] = {
        each.name: wanted.sub(lambda found: values[found[0]], text)
        for each in fields(Message)
        if isinstance(text := getattr(message, each.name), str)
    }
    return replace(message, **texts)


class Receipt(NamedTuple):
    """The provider took the message, or (captured) nothing was ever meant to leave.

    `is_proof`: the other side has answered a confirmation as only somebody who wants it would.
    """

    provider_id: str = ""
    detail: str = ""
    is_captured: bool = False
    is_proof: bool = False


@dataclass(frozen=True)
class Preview:
    """What would go over the wire. Channels fill what they have: mail its headers, SMS its segments."""

    text: str
    html: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    raw: str = ""
    encoding: str = ""
    segments: int = 0


class DeliveryError(Exception):
    """Not delivered; try later. The text is a sentence for the comms lead and holds no address.

    `code` is for the caller's rules (`opted_out`, `invalid_address`, ...). `is_channel_wide` says that the
    address is not to blame: whatever else waits for this channel now would fare no better.
    """

    def __init__(
        self,
        sentence: str,
        retry_after: timedelta | None = None,
        *,
        code: str = "",
        is_channel_wide: bool = False,
    ) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after
        self.code = code
        self.is_channel_wide = is_channel_wide


class PermanentDeliveryError(DeliveryError):
    """Not delivered, and never will be: trying again is of no use."""


class Postponed(DeliveryError):
    """Nothing was tried: the other side has enough to do just now, or wants to be left alone until `retry_after`.

    It counts as no attempt; the message keeps its place.
    """


class UncertainDeliveryError(DeliveryError):
    """The provider may have taken it: sending again may double it."""


class Outcome(NamedTuple):
    """How one envelope fared."""

    key: str | int
    result: Receipt | DeliveryError


class BadSettings(ValueError):
    """Settings that cannot work, every problem a sentence that names its variable."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Channel(Protocol):
    """One way to reach people."""

    @property
    def kind(self) -> str: ...

    @property
    def label(self) -> str: ...

    @property
    def is_live(self) -> bool:
        """False when messages are captured: rendered as always, and kept here."""
        ...

    def clean(self, address: str) -> str:
        """The address in its one spelling; ValueError is a sentence for the person typing."""
        ...

    def preview(self, message: Message, address: str) -> Preview: ...

    def deliver(self, envelopes: Iterable[Envelope]) -> Iterator[Outcome]:
        """One outcome for each envelope, in any order, as the wire answers.

        When the envelopes are `Hurried` and their time is up, whatever may have left is answered as uncertain, and
        whatever has certainly not left is not answered at all.
        """
        ...


class Hurried(Protocol):
    """Envelopes whose sender cannot wait for ever: once `is_out_of_time`, no answer is waited for."""

    def is_out_of_time(self) -> bool: ...


def patience_with(envelopes: Iterable[Envelope]) -> Callable[[], bool]:
    """Says whether whoever gives these envelopes has run out of time; most never do."""
    asked: Callable[[], bool] = getattr(envelopes, "is_out_of_time", lambda: False)
    return asked


def unheard() -> UncertainDeliveryError:
    """What became of a message whose answer was no longer waited for."""
    return UncertainDeliveryError("We had to end before there was an answer; it may have left.", code="uncertain")


@runtime_checkable
class SignedCallbacks(Protocol):
    """A channel whose provider calls back: whether it is really them, and what they say."""

    def verify_signature(self, url: str, params: Mapping[str, str], signature: str) -> bool: ...

    def callback_state(self, status: str) -> CallbackState | None: ...

    def callback_error(self, code: str) -> DeliveryError | None:
        """What the provider's error code means, as if the sending itself had failed so; None without a code."""
        ...


@runtime_checkable
class Paced(Protocol):
    """A channel that may be used only so often."""

    @property
    def pace(self) -> tuple[str, float] | None:
        """By which sender, and how many messages a second in all processes together; None: as fast as it goes."""
        ...


@runtime_checkable
class KnowsCountry(Protocol):
    """A channel whose addresses belong to countries."""

    def country(self, address: str) -> str: ...


@dataclass(frozen=True)
class Health:
    """How one destination of a channel is doing: `closed` is well, `open` is left alone until `until`."""

    destination: str
    state: HealthState
    reason: str = ""
    until: datetime | None = None


@runtime_checkable
class Monitored(Protocol):
    """A channel that knows how its destinations are doing."""

    def health(self) -> tuple[Health, ...]: ...


@runtime_checkable
class Metered(Protocol):
    """A channel whose messages cost by the piece."""

    def pieces(self, message: Message) -> int:
        """How many pieces this message is paid for as."""
        ...


@runtime_checkable
class Reconciles(Protocol):
    """A channel whose provider can be asked whether it took a message."""

    def find(self, message: Message, address: str, since: datetime) -> Receipt | None:
        """What became of this message since then; None when it was certainly never taken.

        Raises DeliveryError when the provider cannot be asked.
        """
        ...


@runtime_checkable
class KnowsRepeats(Protocol):
    """A channel whose recipients can tell that a message is the same one again, by its id."""

    @property
    def knows_repeats(self) -> bool: ...


Proof = Literal["link", "code", "challenge"]


@dataclass(frozen=True)
class Field:
    """How people type an address of a channel, and how they prove that it is theirs.

    `proof`: by a link in the message, by digits they read there and type here, or by the endpoint's own answer to
    a challenge. `needs_contact`: somebody must be told by mail when the address stops working.
    `rings`: each message makes a noise, so only key moments are sent unless they ask for more.
    """

    name: str
    label: str
    input_type: str = "text"
    hint: str = ""
    placeholder: str = ""
    autocomplete: str = "off"
    proof: Proof = "link"
    needs_contact: bool = False
    rings: bool = False


@runtime_checkable
class TakesSubscribers(Protocol):
    """A channel that people sign up on; one without a field reaches staff alone."""

    @property
    def field(self) -> Field: ...


@runtime_checkable
class WantsParts(Protocol):
    """A channel that lays the words out itself.

    Its `Message.text` is a JSON object: a `card` (title, body, status, components, promise, links by name), or an
    `event` for machines. Every other channel gets text.
    """

    @property
    def shape(self) -> Literal["card", "event"]: ...


@runtime_checkable
class NeedsSecret(Protocol):
    """A channel that signs what it sends with the recipient's own secret (`Envelope.secrets`)."""

    @property
    def needs_secret(self) -> bool: ...


@runtime_checkable
class HasSchedule(Protocol):
    """A channel with customs of its own for trying again: the pause after each failed attempt, in order.

    What the other side asks for is the least. After the last pause one more failure is final, and the address is
    not written to any more until its owner proves it again. News keeps for as long as the schedule.
    """

    @property
    def schedule(self) -> tuple[timedelta, ...]: ...


class Sender(Protocol):
    """The least a channel can know: one message to one address. `load` gives it the rest."""

    @property
    def kind(self) -> str: ...

    @property
    def label(self) -> str: ...

    def clean(self, address: str) -> str: ...

    def send(self, message: Message, address: str) -> Receipt: ...


@dataclass(frozen=True)
class OneByOne:
    """A channel made of a sender: each envelope in its turn."""

    sender: Sender
    is_live = True

    @property
    def kind(self) -> str:
        return self.sender.kind

    @property
    def label(self) -> str:
        return self.sender.label

    def clean(self, address: str) -> str:
        return self.sender.clean(address)

    def preview(self, message: Message, address: str) -> Preview:
        return Preview(text=f"{message.subject}\n\n{message.text}", headers=(("To", address),))

    def deliver(self, envelopes: Iterable[Envelope]) -> Iterator[Outcome]:
        return deliver_with(self.sender, envelopes)


def deliver_with(sender: Sender, envelopes: Iterable[Envelope]) -> Iterator[Outcome]:
    """The batch, for a channel that only knows `send`."""
    return deliver_each(sender.send, envelopes)


def deliver_each(send: Callable[[Message, str], Receipt], envelopes: Iterable[Envelope]) -> Iterator[Outcome]:
    """Send one after the other; after a channel-wide error the rest fails at once, without being tried."""
    standing: DeliveryError | None = None
    for envelope in envelopes:
        if standing is not None:
            yield Outcome(envelope.key, untried(standing))
            continue
        result = attempt(lambda one: send(one.personal(), one.address), envelope)
        if isinstance(result, DeliveryError) and result.is_channel_wide:
            standing = result
        yield Outcome(envelope.key, result)


def attempt(send: Callable[[Envelope], Receipt], envelope: Envelope) -> Receipt | DeliveryError:
    """One try, and how it ended; whatever is raised comes back as an error of ours."""
    try:
        return send(envelope)
    except DeliveryError as error:
        return error
    except Exception as error:
        # A fault of ours costs this message, never its neighbours. Whether it left is not known; the caller
        # logs the cause.
        uncertain = UncertainDeliveryError(
            f"Sending stopped on a fault of ours ({type(error).__name__}).", code="fault"
        )
        uncertain.__cause__ = error
        return uncertain


def untried(standing: DeliveryError) -> DeliveryError:
    """What stopped one message also holds for the next, but that one certainly never left."""
    return DeliveryError(str(standing), standing.retry_after, code=standing.code, is_channel_wide=True)
