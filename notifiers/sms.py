"""SMS: Twilio, one request per message. Without an account, messages are rendered and captured.

Settings: CANDOR_TWILIO_ACCOUNT_SID, CANDOR_TWILIO_AUTH_TOKEN, CANDOR_TWILIO_FROM (a number, or a messaging
service MG...), CANDOR_TWILIO_API_URL (Twilio's own unless told), CANDOR_BASE_URL (where Twilio reports back),
CANDOR_SMS_PER_SECOND (messages a second; 0 for no limit).
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any
from urllib.parse import quote

from ._contract import (
    BadSettings,
    CallbackState,
    DeliveryError,
    Envelope,
    Field,
    Message,
    Outcome,
    PermanentDeliveryError,
    Preview,
    Receipt,
    deliver_each,
)
from ._pool import deliver_pooled
from ._settings import base_url, is_loopback, is_web_url, split
from ._text import clean_body
from ._twilio_codes import callback_error

EXAMPLE = {
    "CANDOR_TWILIO_ACCOUNT_SID": "AC00000000000000000000000000000000",
    "CANDOR_TWILIO_AUTH_TOKEN": "example-token",
    "CANDOR_TWILIO_FROM": "+15005550006",
    "CANDOR_BASE_URL": "https://status.example.com",
}
EXAMPLE_ADDRESS = "+4915112345678"

API_URL = "https://api.twilio.com"
_NEEDED = ("CANDOR_TWILIO_ACCOUNT_SID", "CANDOR_TWILIO_AUTH_TOKEN", "CANDOR_TWILIO_FROM")
_SERVICE = re.compile(r"MG[0-9A-Za-z]+")
_SENDER = re.compile(r"\+[1-9]\d{5,14}|\d{3,8}")
_SID = re.compile(r"[0-9A-Za-z_-]+")
_E164 = re.compile(r"\+[1-9]\d{6,14}")
_PUNCTUATION = re.compile(r"[\s\-()./\u2010-\u2015]")
_SIGNATURE = re.compile(r"[A-Za-z0-9+/]{27}=")
_LONGEST_TYPED = 40
_LONGEST_BODY = 1600
_FASTEST = 1000

_STATES: dict[str, CallbackState] = {
    "accepted": "sent",
    "scheduled": "sent",
    "queued": "sent",
    "sending": "sent",
    "sent": "sent",
    "delivered": "delivered",
    "read": "delivered",
    "failed": "failed",
    "undelivered": "failed",
    "canceled": "failed",
}

# GSM 03.38, in the order of its table. The extension needs an escape, so its characters count for two.
_GSM_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_EXTENDED = frozenset("\f^{}\\[~]|€")


@dataclass(frozen=True)
class Segments:
    """What an SMS costs: its encoding, the units it takes, and the parts it is sent in."""

    encoding: str
    units: int
    segments: int


def segments(text: str) -> Segments:
    """Count an SMS as networks do: 160 units in one part or 153 in each of several (70 and 67 in UCS-2)."""
    if all(character in _GSM_BASIC or character in _GSM_EXTENDED for character in text):
        widths = [2 if character in _GSM_EXTENDED else 1 for character in text]
        return Segments("GSM-7", sum(widths), _parts(widths, 160, 153))
    widths = [2 if ord(character) > 0xFFFF else 1 for character in text]
    return Segments("UCS-2", sum(widths), _parts(widths, 70, 67))


def _parts(widths: list[int], alone: int, each: int) -> int:
    """How many parts the characters fill; none is split, so a wide one may leave a unit empty."""
    if sum(widths) <= alone:
        return 1 if widths else 0
    parts, room = 1, each
    for width in widths:
        if width > room:
            parts, room = parts + 1, each
        room -= width
    return parts


@dataclass(frozen=True)
class Account:
    """A Twilio account, and how patiently we wait for it."""

    sid: str
    token: str = field(repr=False)
    sender: str
    api_url: str = API_URL
    callback_url: str = ""
    # Short enough for a process that was asked to end to see its last messages through.
    timeout: float = 8.0
    at_once: int = 50
    per_second: float = 0

    @cached_property
    def client(self) -> Any:
        from . import _twilio  # noqa: PLC0415  twilio takes 0.3 s to import

        return _twilio.connect(self.sid, self.token, self.api_url, self.timeout, self.at_once)


@dataclass(frozen=True)
class Sms:
    """SMS from one Twilio account."""

    account: Account | None = None

    kind = "sms"
    label = "SMS"
    field = Field(
        name="phone",
        label="Mobile number",
        input_type="tel",
        hint="With the country code, for example +49 151 2345 6789. We send a six-digit code to confirm.",
        autocomplete="tel",
        proof="code",
        rings=True,
    )

    @property
    def is_live(self) -> bool:
        return self.account is not None

    def clean(self, address: str) -> str:
        typed = address.strip()
        if not typed:
            raise ValueError("Enter a mobile number.")
        digits = _PUNCTUATION.sub("", typed)
        if digits.startswith("00"):
            raise ValueError("Start the number with + and the country code, instead of 00.")
        if not digits.startswith("+"):
            raise ValueError("Start the number with + and the country code, like +49 151 12345678.")
        if len(typed) > _LONGEST_TYPED or not (digits[1:].isascii() and digits[1:].isdigit()):
            raise ValueError("Enter one phone number, in digits, without an extension.")
        from . import _phone  # noqa: PLC0415  50 ms that a process which only renders pages never pays

        cleaned = _phone.e164(digits)
        if cleaned is None:
            raise ValueError("This number cannot receive SMS. Check the country code and the number of digits.")
        if _phone.is_premium(cleaned):
            raise ValueError("This is a premium-rate number. Enter a mobile number.")
        return cleaned

    def country(self, address: str) -> str:
        """The ISO region a number belongs to: `DE`; `001` for those of no country; empty when unknown."""
        from . import _phone  # noqa: PLC0415  see clean

        return _phone.region(address)

    def _send_one(self, envelope: Envelope) -> Receipt:
        return self.send(envelope.personal(), envelope.address)

    def pieces(self, message: Message) -> int:
        return segments(_body(message)).segments

    def preview(self, message: Message, address: str) -> Preview:
        body = _body(message)
        counted = segments(body)
        sender = self.account.sender if self.account else ""
        headers = tuple((name, value) for name, value in (("From", sender), ("To", address)) if value)
        return Preview(body, headers=headers, raw=body, encoding=counted.encoding, segments=counted.segments)

    def send(self, message: Message, address: str) -> Receipt:
        body = _body(message)
        if not _E164.fullmatch(address):
            raise PermanentDeliveryError("This is not a phone number.", code="invalid_address")
        if not body:
            raise PermanentDeliveryError("There are no words to send.", code="message_refused")
        if len(body) > _LONGEST_BODY:
            raise PermanentDeliveryError("An SMS holds at most 1,600 characters.", code="message_refused")
        if self.account is None:
            return Receipt(detail="Captured: no Twilio account is set.", is_captured=True)
        from . import _twilio  # noqa: PLC0415  see Account.client

        return _twilio.send(self.account.client, address, body=body, **self._fields(self.account, message))

    def deliver(self, envelopes: Iterable[Envelope]) -> Iterator[Outcome]:
        if self.account is None:
            return deliver_each(self.send, envelopes)
        _ = self.account.client  # made once, before the threads ask for it
        return deliver_pooled(self._send_one, envelopes, self.account.at_once)

    def find(self, message: Message, address: str, since: datetime) -> Receipt | None:
        """Whether Twilio has these words for this number; asked before a second try, because it may have."""
        if self.account is None:
            return None
        from . import _twilio  # noqa: PLC0415  see Account.client

        return _twilio.find(self.account.client, address, _body(message), since)

    @property
    def pace(self) -> tuple[str, float] | None:
        if self.account is None or not self.account.per_second:
            return None
        return f"sms:{self.account.sender}", self.account.per_second

    def close(self) -> None:
        """Give the pooled connections back; the next message opens new ones."""
        if self.account is not None and "client" in vars(self.account):
            self.account.client.http_client.session.close()

    def verify_signature(self, url: str, params: Mapping[str, str], signature: str) -> bool:
        """Whether Twilio signed this callback; `url` is the public one, query included."""
        # The shape first: comparing signatures needs strings alike in kind.
        if self.account is None or not isinstance(signature, str) or not _SIGNATURE.fullmatch(signature):
            return False
        from twilio.request_validator import RequestValidator  # noqa: PLC0415  see Account.client

        try:
            return bool(RequestValidator(self.account.token).validate(url, params, signature))
        except (ValueError, TypeError, AttributeError, KeyError, UnicodeError):
            # Anyone can post anything here; what cannot even be read was not signed.
            return False

    def callback_state(self, status: str) -> CallbackState | None:
        """What a `MessageStatus` means for us; None for what says nothing about a message we sent."""
        return _STATES.get(status.lower())

    def callback_error(self, code: str) -> DeliveryError | None:
        """What an `ErrorCode` means: the same as if sending had failed with it."""
        return callback_error(code)

    def _fields(self, account: Account, message: Message) -> dict[str, str]:
        kind = "messaging_service_sid" if _SERVICE.fullmatch(account.sender) else "from_"
        fields = {kind: account.sender}
        if account.callback_url:
            fields["status_callback"] = f"{account.callback_url}?reference={quote(message.reference, safe='')}"
        return fields


def build(settings: Mapping[str, str]) -> Sms:
    """SMS by these settings; without any of Twilio's it captures."""
    given = {name: settings.get(name, "").strip() for name in _NEEDED}
    problems = list(_problems(given))
    api_url = settings.get("CANDOR_TWILIO_API_URL", "").strip().rstrip("/") or API_URL
    if not is_web_url(api_url):
        problems.append("CANDOR_TWILIO_API_URL must be a web address like https://api.twilio.com.")
    base, per_second = "", 0.0
    try:
        base = base_url(settings)
    except BadSettings as error:
        problems += error.problems
    try:
        per_second = _per_second(settings.get("CANDOR_SMS_PER_SECOND", "").strip())
    except ValueError as error:
        problems.append(str(error))
    if problems:
        raise BadSettings(*problems)
    if not any(given.values()):
        return Sms()
    sid, token, sender = given.values()
    return Sms(Account(sid, token, sender, api_url, _callback_url(base, api_url), per_second=per_second))


def _problems(given: Mapping[str, str]) -> Iterator[str]:
    missing = [name for name, value in given.items() if not value]
    if missing and len(missing) < len(given):
        yield f"SMS needs all of its settings or none; missing: {', '.join(missing)}."
    sid, _, sender = given.values()
    if sid and not _SID.fullmatch(sid):
        yield "CANDOR_TWILIO_ACCOUNT_SID must be the account SID, like AC followed by 32 characters."
    if sender and not (_SERVICE.fullmatch(sender) or _SENDER.fullmatch(sender)):
        yield "CANDOR_TWILIO_FROM must be a number like +15005550006 or a messaging service like MG..."


def _per_second(typed: str) -> float:
    if not re.fullmatch(r"\d{0,4}(\.\d{1,3})?", typed, re.ASCII) or float(typed or 0) > _FASTEST:
        raise ValueError("CANDOR_SMS_PER_SECOND must be a number from 0 to 1000.")
    return float(typed or 0)


def _callback_url(base: str, api_url: str) -> str:
    """Where Twilio reports back. Twilio itself refuses an address on this machine, so it is not given one."""
    if not base or (api_url == API_URL and is_loopback(split(base).hostname or "")):
        return ""
    return f"{base}/inbound/twilio/status"


def _body(message: Message) -> str:
    return clean_body(message.text).strip()
