"""Email: one SMTP relay, one connection for a batch. Without a relay, mail is rendered and captured.

Settings: CANDOR_SMTP_URL (see `_relay.py`), CANDOR_MAIL_FROM (`status@example.com` or `Example Status
<status@example.com>`) and CANDOR_BASE_URL (its host names our messages).
"""

import base64
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime
from typing import Any
from urllib.parse import quote

from ._contract import (
    BadSettings,
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
from ._relay import Relay, read_relay
from ._settings import base_url, host_name
from ._smtp import Conversation
from ._text import clean_body, clean_line, cut

EXAMPLE = {
    "CANDOR_SMTP_URL": "smtp://relay.example:25",
    "CANDOR_MAIL_FROM": "Example Status <status@example.com>",
    "CANDOR_BASE_URL": "https://status.example.com",
}
EXAMPLE_ADDRESS = "ada@example.com"

_LONGEST_ADDRESS = 254
_LONGEST_SUBJECT = 200
# Kept short because a name is never folded, and an encoded word should stay near RFC 2047's 75 characters.
_LONGEST_NAME = 64
_LONGEST_URI = 900
_ATOM = r"[^\s\x00-\x1f\x7f<>()\[\]@,;:\\\"]+"
_ADDRESS = re.compile(rf"{_ATOM}@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
_NAMED = re.compile(r"(?P<name>[^<>]*)<(?P<address>[^<>]+)>")
_LIST_ID = re.compile(r"[A-Za-z0-9._-]+")
_MACHINES = {"postmaster", "mailer-daemon"}


def utcnow() -> datetime:
    """The moment a mail is dated with, unless the caller brings its own."""
    return datetime.now(UTC)


class WirePolicy(EmailPolicy):
    """How headers are written: in long lines, and the subject in short ones.

    At the usual 78 columns Python writes a long List-Unsubscribe as an encoded word, which mailbox providers
    ignore (python/cpython#87659), and drops the quotes of a long display name, which lets a name pass for
    addresses. In a subject it loses a space between encoded words, so that one is left to the older Header.
    """

    def fold_binary(self, name: str, value: Any) -> bytes:
        words = str(value)
        if name.lower() != "subject" or (words.isascii() and "=?" not in words):
            return super().fold_binary(name, value)
        encoded = Header(words, "utf-8", maxlinelen=76, header_name=name).encode(linesep="\r\n")
        return f"{name}: {encoded}\r\n".encode("ascii")


# Bodies are made under the ordinary policy (76 columns, ASCII only, so no relay needs 8BITMIME); headers are
# folded when the bytes are written.
_BODY = policy.SMTP.clone(cte_type="7bit")
_WIRE = WirePolicy(linesep="\r\n", max_line_length=998, cte_type="7bit")
_WIRE_UTF8 = _WIRE.clone(utf8=True)


@dataclass(frozen=True)
class Email:
    """Mail from one sender over one relay."""

    sender: str
    sender_name: str = ""
    host: str = "localhost"
    relay: Relay | None = None
    clock: Callable[[], datetime] = utcnow

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

    @property
    def is_live(self) -> bool:
        return self.relay is not None

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
        if not _ADDRESS.fullmatch(cleaned):
            raise ValueError("Enter one plain email address, like ada@example.com.")
        if self._is_ours(cleaned):
            raise ValueError("This address belongs to the status page itself. Enter your own.")
        return cleaned

    def preview(self, message: Message, address: str, at: datetime | None = None) -> Preview:
        mail = self.render(message, address, at)
        raw = to_wire(mail, address)
        return Preview(
            text=clean_body(message.text),
            html=None if message.html is None else clean_body(message.html),
            headers=tuple((name, str(value)) for name, value in mail.items()),
            raw=raw.decode("utf-8", "replace"),
        )

    def deliver(self, envelopes: Iterable[Envelope]) -> Iterator[Outcome]:
        if self.relay is None:
            yield from deliver_each(self._capture, envelopes)
            return
        with Conversation(self.relay) as relay:
            yield from deliver_each(lambda message, address: self._hand_over(relay, message, address), envelopes)

    def render(self, message: Message, address: str, at: datetime | None = None) -> EmailMessage:
        """The mail as it goes out; all but its date follows from message and address."""
        if not _ADDRESS.fullmatch(address):
            raise PermanentDeliveryError("This is not an email address.", code="invalid_address")
        mail = EmailMessage(policy=_BODY)
        mail["From"] = Address(self._from_name(message), addr_spec=self.sender)
        mail["To"] = address
        if message.reply_to:
            mail["Reply-To"] = _reply_to(message.reply_to)
        mail["Subject"] = cut(clean_line(message.subject), _LONGEST_SUBJECT)
        mail["Date"] = format_datetime((at or message.said_at or self.clock()).astimezone(UTC))
        mail["Message-ID"] = self._id("message", message.reference, address)
        self._join_thread(mail, message, address)
        _offer_to_leave(mail, message)
        mail["Auto-Submitted"] = "auto-generated"
        mail["X-Auto-Response-Suppress"] = "All"
        mail["Precedence"] = "bulk"
        mail.set_content(clean_body(message.text))
        if message.html is not None:
            mail.add_alternative(clean_body(message.html), subtype="html")
            mail.set_boundary(f"=_{_digest('boundary', message.reference, address)}")
        return mail

    def _capture(self, message: Message, address: str) -> Receipt:
        mail = self._rendered(message, address)[0]
        return Receipt(str(mail["Message-ID"]), "Captured: no relay is set.", is_captured=True)

    def _hand_over(self, relay: Conversation, message: Message, address: str) -> Receipt:
        mail, raw = self._rendered(message, address)
        answer = relay.hand_over(self.sender, address, raw, needs_utf8=not address.isascii())
        return Receipt(str(mail["Message-ID"]), answer)

    def _rendered(self, message: Message, address: str) -> tuple[EmailMessage, bytes]:
        try:
            mail = self.render(message, address)
            return mail, to_wire(mail, address)
        except DeliveryError:
            raise
        except Exception as error:
            # Words we cannot write stay unwritten however often they are tried; nothing has left.
            raise PermanentDeliveryError("These words cannot be written as mail.", code="unrenderable") from error

    def _from_name(self, message: Message) -> str:
        return cut(clean_line(message.from_name or "") or self.sender_name, _LONGEST_NAME)

    def _join_thread(self, mail: EmailMessage, message: Message, address: str) -> None:
        # The root is an id no mail bears: who subscribes in the middle of an incident still gets one thread.
        if not message.thread:
            return
        root = self._id("thread", message.thread, address)
        if not message.is_thread_start:
            mail["In-Reply-To"] = root
        mail["References"] = root

    def _id(self, purpose: str, reference: str, address: str) -> str:
        return f"<{_digest(purpose, reference, address)}@{self.host}>"

    def _is_ours(self, address: str) -> bool:
        local, _, domain = address.lower().rpartition("@")
        return address.lower() == self.sender.lower() or (domain == self.host and local in _MACHINES)


def to_wire(mail: EmailMessage, address: str) -> bytes:
    """The bytes of a mail: every line ends in CRLF, headers are ASCII unless the address itself is not."""
    return mail.as_bytes(policy=_WIRE if address.isascii() else _WIRE_UTF8)


def build(settings: Mapping[str, str]) -> Email:
    """Email by these settings; without CANDOR_SMTP_URL it captures."""
    problems: list[str] = []
    base, relay, sender, name = "", None, "", ""
    try:
        base = base_url(settings)
    except BadSettings as error:
        problems += error.problems
    host = host_name(base)
    try:
        relay = read_relay(settings.get("CANDOR_SMTP_URL", "").strip(), host)
    except ValueError as error:
        problems.append(str(error))
    try:
        name, sender = _mail_from(settings.get("CANDOR_MAIL_FROM", "").strip() or f"status@{host}")
    except ValueError as error:
        problems.append(str(error))
    if problems:
        raise BadSettings(*problems)
    return Email(sender, name, host, relay)


def _mail_from(text: str) -> tuple[str, str]:
    named = _NAMED.fullmatch(text)
    name, address = (named["name"], named["address"]) if named else ("", text)
    if not address.isascii() or not _ADDRESS.fullmatch(address):
        raise ValueError("CANDOR_MAIL_FROM must be an address like status@example.com, with or without a name.")
    return clean_line(name).strip('" '), address


def _reply_to(address: str) -> str:
    cleaned = clean_line(address)
    if not _ADDRESS.fullmatch(cleaned) or not cleaned.isascii():
        raise PermanentDeliveryError("The Reply-To of this page is not an email address.", code="unrenderable")
    return cleaned


def _offer_to_leave(mail: EmailMessage, message: Message) -> None:
    """RFC 2369 and 8058: the button a mailbox shows beside the sender."""
    ways = [message.unsubscribe_url, _mailto(message.unsubscribe_mailto)]
    uris = [uri for way in ways if way and (uri := _uri(way))]
    if uris:
        mail["List-Unsubscribe"] = ", ".join(f"<{uri}>" for uri in uris)
    if message.unsubscribe_url:
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    if message.list_id and (found := _LIST_ID.search(message.list_id)):
        mail["List-Id"] = f"<{found[0]}>"


def _mailto(address: str | None) -> str | None:
    return address if not address or address.lower().startswith("mailto:") else f"mailto:{address}"


def _uri(text: str) -> str:
    """The URI with nothing that could end it, or the header, early; empty when no header could hold it."""
    uri = quote(clean_line(text), safe=":/?#[]@!$&'()*+;=%~")
    return uri if len(uri) <= _LONGEST_URI else ""


def _digest(purpose: str, reference: str, address: str) -> str:
    text = "\0".join((purpose, reference, address)).encode("utf-8", "surrogatepass")
    return base64.b32encode(hashlib.sha256(text).digest()[:20]).decode().lower()
