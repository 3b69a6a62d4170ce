"""Email: finished mails over one relay or several. Without a relay, mail is rendered and captured.

Settings: CANDOR_SMTP_URL (see `_relay.py`; several, separated by spaces, stand in for each other),
CANDOR_MAIL_FROM (`status@example.com` or `Example Status <status@example.com>`), CANDOR_BASE_URL (its host names
our messages) and, to sign, CANDOR_DKIM_KEY, CANDOR_DKIM_DOMAIN and CANDOR_DKIM_SELECTOR (see `_dkim.py`).
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import TypeVar

from . import _dkim, _mail
from ._contract import (
    BadSettings,
    DeliveryError,
    Envelope,
    Field,
    Health,
    Message,
    Outcome,
    PermanentDeliveryError,
    Preview,
    Receipt,
    patience_with,
)
from ._delivery import Round
from ._line import Letter
from ._mail import ADDRESS, Identity
from ._relay import Relay, read_relays
from ._settings import base_url, host_name
from ._station import Station
from ._template import Finished, Templates
from ._text import clean_body, clean_line

EXAMPLE = {
    "CANDOR_SMTP_URL": "smtp://relay.example:25",
    "CANDOR_MAIL_FROM": "Example Status <status@example.com>",
    "CANDOR_BASE_URL": "https://status.example.com",
}
EXAMPLE_ADDRESS = "ada@example.com"

T = TypeVar("T")

_LONGEST_ADDRESS = 254
_NAMED = re.compile(r"(?P<name>[^<>]*)<(?P<address>[^<>]+)>")
_MACHINES = {"postmaster", "mailer-daemon"}


def utcnow() -> datetime:
    """The moment a mail is dated with, unless the caller brings its own."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Email:
    """Mail from one sender. The connections it opens stay open for a while; `close` ends them."""

    sender: str
    sender_name: str = ""
    host: str = "localhost"
    relays: tuple[Relay, ...] = ()
    signature: _dkim.Signature | None = field(default=None, repr=False)
    clock: Callable[[], datetime] = utcnow
    stations: tuple[Station, ...] = field(init=False, repr=False, compare=False)
    templates: Templates = field(init=False, repr=False, compare=False)

    kind = "email"
    label = "Email"
    field = Field(
        name="email",
        label="Email address",
        input_type="email",
        hint="We send one message with a link to confirm.",
        autocomplete="email",
    )
    # The Message-ID is the same at every attempt.
    knows_repeats = True

    def __post_init__(self) -> None:
        # Each copy has its own connections and templates: both depend on what is above.
        object.__setattr__(self, "stations", tuple(Station(relay) for relay in self.relays))
        object.__setattr__(self, "templates", Templates(self._identity, self.clock))

    @property
    def is_live(self) -> bool:
        return bool(self.relays)

    def clean(self, address: str) -> str:
        # Imported when first needed: 40 ms that a process which only renders pages never pays.
        from email_validator import EmailNotValidError, validate_email  # noqa: PLC0415

        typed = address.strip()
        if not typed:
            raise ValueError("Enter an email address.")
        if len(typed) > _LONGEST_ADDRESS:
            raise ValueError("This email address is too long.")
        try:
            # test_environment lets reserved .test addresses in, for demos and tests; nothing is looked up.
            found = validate_email(typed, check_deliverability=False, test_environment=True, strict=True)
        except EmailNotValidError as error:
            raise ValueError(f"This email address cannot work. {error}") from error
        domain = found.ascii_domain
        if "." not in domain:
            raise ValueError("This email address cannot work. The part after the @-sign needs a dot.")
        read_back = {
            f"{found.local_part}@{found.domain}".casefold(),
            f"{found.local_part}@{domain}".casefold(),
        }
        if typed.casefold() not in read_back:
            raise ValueError("Enter one plain email address, without a name or special spelling.")
        cleaned = f"{typed.rpartition('@')[0]}@{domain}"
        if not ADDRESS.fullmatch(cleaned):
            raise ValueError("Enter one plain email address, like ada@example.com.")
        if self._is_ours(cleaned):
            raise ValueError("This address belongs to the status page itself. Enter your own.")
        return cleaned

    def preview(self, message: Message, address: str, at: datetime | None = None) -> Preview:
        if at is not None:
            message = replace(message, said_at=at)
        mail = self.render(message, address)
        raw = self._signed(self.templates.finish(message, address, {}))
        return Preview(
            text=clean_body(message.text),
            html=None if message.html is None else clean_body(message.html),
            headers=tuple((name, str(value)) for name, value in mail.items()),
            raw=raw.decode("utf-8", "replace"),
        )

    def render(self, message: Message, address: str, at: datetime | None = None) -> EmailMessage:
        """The mail as it goes out; all but its date follows from message and address."""
        return _mail.write(message, address, self._identity, at or message.said_at or self.clock())

    def deliver(self, envelopes: Iterable[Envelope]) -> Iterator[Outcome]:
        """Hand over each envelope; one is asked for only when the wire is ready for it.

        The iterable may end at any time; what is in hand then is finished. After an outcome that is channel-wide
        no relay is left, and whatever is asked for next fails at once, untried.
        """
        if not self.relays:
            return (Outcome(envelope.key, self._capture(envelope)) for envelope in envelopes)
        return Round(self.stations, map(self._letter, envelopes), patience_with(envelopes)).outcomes()

    def health(self) -> tuple[Health, ...]:
        return tuple(station.health() for station in self.stations)

    def close(self) -> None:
        """End the connections nobody uses at the moment."""
        for station in self.stations:
            station.close()

    def _capture(self, envelope: Envelope) -> Receipt | DeliveryError:
        try:
            finished = self._finished(envelope)
        except DeliveryError as error:
            return error
        return Receipt(finished.message_id, "Captured: no relay is set.", is_captured=True)

    def _letter(self, envelope: Envelope) -> Letter | Outcome:
        try:
            finished = self._finished(envelope)
            raw = self._signed(finished)
        except DeliveryError as error:
            return Outcome(envelope.key, error)
        return Letter(
            envelope.key,
            envelope.address,
            finished.return_path,
            raw,
            finished.message_id,
            may_have_dots=finished.may_have_dots,
        )

    def _finished(self, envelope: Envelope) -> Finished:
        try:
            return self.templates.finish(envelope.message, envelope.address, envelope.values)
        except DeliveryError:
            raise
        except Exception as error:
            # Words we cannot write stay unwritten however often they are tried; nothing has left.
            raise PermanentDeliveryError("These words cannot be written as mail.", code="unrenderable") from error

    def _signed(self, finished: Finished) -> bytes:
        return finished.raw if self.signature is None else self.signature.sign(finished.raw)

    @property
    def _identity(self) -> Identity:
        return Identity(self.sender, self.sender_name, self.host)

    def _is_ours(self, address: str) -> bool:
        local, _, domain = address.lower().rpartition("@")
        return address.lower() == self.sender.lower() or (domain == self.host and local in _MACHINES)


def build(settings: Mapping[str, str]) -> Email:
    """Email by these settings; without CANDOR_SMTP_URL it captures."""
    problems: list[str] = []

    def read(what: Callable[[], T], otherwise: T) -> T:
        try:
            return what()
        except BadSettings as error:
            problems.extend(error.problems)
        except ValueError as error:
            problems.append(str(error))
        return otherwise

    base = read(lambda: base_url(settings), "")
    host = host_name(base)
    nowhere: tuple[Relay, ...] = ()
    relays = read(lambda: read_relays(settings.get("CANDOR_SMTP_URL", ""), host), nowhere)
    mail_from = settings.get("CANDOR_MAIL_FROM", "").strip() or f"status@{host}"
    name, sender = read(lambda: _mail_from(mail_from), ("", ""))
    signature = read(lambda: _dkim.read_signature(settings), None)
    if problems:
        raise BadSettings(*problems)
    return Email(sender, name, host, relays, signature)


def _mail_from(text: str) -> tuple[str, str]:
    named = _NAMED.fullmatch(text)
    name, address = (named["name"], named["address"]) if named else ("", text)
    if not address.isascii() or not ADDRESS.fullmatch(address):
        raise ValueError("CANDOR_MAIL_FROM must be an address like status@example.com, with or without a name.")
    return clean_line(name).strip('" '), address
