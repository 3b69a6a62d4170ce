"""A mail as it is written: headers, text and HTML from a message and an address.

This is the plain way, one `EmailMessage` at a time. `_template.py` prepares the same mail for a whole audience.
"""

import hashlib
import re
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

from ._contract import Message, PermanentDeliveryError
from ._text import clean_body, clean_line, cut

LONGEST_SUBJECT = 200
LONGEST_URI = 900
# RFC 5322 allows 998; what relays add or wrap needs room.
LONGEST_LINE = 900
_URI_SAFE = ":/?#[]@!$&'()*+;=%~"
# Kept short because a name is never folded, and an encoded word should stay near RFC 2047's 75 characters.
_LONGEST_NAME = 64
_ATOM = r"[^\s\x00-\x1f\x7f<>()\[\]@,;:\\\"]+"
ADDRESS = re.compile(rf"{_ATOM}@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
_LIST_ID = re.compile(r"[A-Za-z0-9._-]+")
_NAMED_LIST_ID = re.compile(rf"<({_LIST_ID.pattern})>")


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


# Bodies are made under the ordinary policy (ASCII only, so no relay needs 8BITMIME); headers are folded when the
# bytes are written.
_BODY = policy.SMTP.clone(cte_type="7bit", max_line_length=76)
WIRE = WirePolicy(linesep="\r\n", max_line_length=998, cte_type="7bit")
_WIRE_UTF8 = WIRE.clone(utf8=True)


@dataclass(frozen=True)
class Identity:
    """Who writes: the sender's address, the name beside it, and the host that names our messages."""

    address: str
    name: str
    host: str


@dataclass(frozen=True)
class Marks:
    """What follows from reference, thread and recipient, and from nothing else."""

    message_id: str
    boundary: str
    thread_root: str
    date: str


def write(message: Message, address: str, identity: Identity, at: datetime) -> EmailMessage:
    """The mail as it goes out; all but its date follows from message and address."""
    require_address(address)
    return compose(message, address, identity, marks(message, address, identity.host, at))


def compose(message: Message, address: str, identity: Identity, made: Marks) -> EmailMessage:
    """The mail with these marks."""
    mail = compose_headers(message, address, identity, made)
    text = clean_body(message.text)
    mail.set_content(text, cte=transfer_encoding(text))
    if message.html is not None:
        html = clean_body(message.html)
        mail.add_alternative(html, subtype="html", cte=transfer_encoding(html))
        mail.set_boundary(made.boundary)
    return mail


def compose_headers(message: Message, address: str, identity: Identity, made: Marks) -> EmailMessage:
    """All that stands above the words."""
    mail = EmailMessage(policy=_BODY)
    name = cut(clean_line(message.from_name or "") or identity.name, _LONGEST_NAME)
    mail["From"] = Address(name, addr_spec=identity.address)
    mail["To"] = address
    if message.reply_to:
        mail["Reply-To"] = _plain_address(message.reply_to, "The Reply-To of this page is not an email address.")
    mail["Subject"] = subject_of(message)
    mail["Date"] = made.date
    mail["Message-ID"] = made.message_id
    if made.thread_root:
        # The root is an id no mail bears: who subscribes in the middle of an incident still gets one thread.
        if not message.is_thread_start:
            mail["In-Reply-To"] = made.thread_root
        mail["References"] = made.thread_root
    _offer_to_leave(mail, message)
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    mail["Precedence"] = "bulk"
    return mail


def to_wire(mail: EmailMessage, address: str) -> bytes:
    """The bytes of a mail: every line ends in CRLF, headers are ASCII unless the address itself is not."""
    return mail.as_bytes(policy=WIRE if address.isascii() else _WIRE_UTF8)


def marks(message: Message, address: str, host: str, at: datetime) -> Marks:
    """The ids of this message to this address: the same for every attempt."""
    of_message = digest("message", message.reference, address)
    root = f"<{digest('thread', message.thread, address)}@{host}>" if message.thread else ""
    return Marks(f"<{of_message}@{host}>", f"=_{of_message}", root, date_of(at))


def digest(purpose: str, reference: str, address: str) -> str:
    """160 bits that follow from these three."""
    text = "\0".join((purpose, reference, address)).encode("utf-8", "surrogatepass")
    return hashlib.sha256(text).hexdigest()[:40]


def date_of(at: datetime) -> str:
    return format_datetime(at.astimezone(UTC))


def subject_of(message: Message) -> str:
    return cut(clean_line(message.subject), LONGEST_SUBJECT)


def subject_line(subject: str) -> bytes:
    """The subject as it goes over the wire."""
    return WIRE.fold_binary("Subject", WIRE.header_factory("Subject", subject))


def transfer_encoding(text: str) -> str:
    """How a body travels: as it is when it is ASCII in lines of a bearable length, else quoted-printable."""
    is_plain = text.isascii() and max(map(len, text.split("\n"))) <= LONGEST_LINE
    return "7bit" if is_plain else "quoted-printable"


def return_path(message: Message, identity: Identity) -> str:
    """Where the mail comes back to when it cannot be delivered."""
    if not message.return_path:
        return identity.address
    return _plain_address(message.return_path, "The return path of this message is not an email address.")


def require_address(address: str) -> None:
    """Raise unless this is one plain address, which no header or command can trip over."""
    if not ADDRESS.fullmatch(address):
        raise PermanentDeliveryError("This is not an email address.", code="invalid_address")


def _plain_address(text: str, otherwise: str) -> str:
    cleaned = clean_line(text)
    if not ADDRESS.fullmatch(cleaned) or not cleaned.isascii():
        raise PermanentDeliveryError(otherwise, code="unrenderable")
    return cleaned


def _offer_to_leave(mail: EmailMessage, message: Message) -> None:
    """RFC 2369 and 8058: the button a mailbox shows beside the sender."""
    ways = [message.unsubscribe_url, _mailto(message.unsubscribe_mailto)]
    uris = [uri for way in ways if way and (uri := _uri(way))]
    if uris:
        mail["List-Unsubscribe"] = ", ".join(f"<{uri}>" for uri in uris)
    if message.unsubscribe_url:
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    if message.list_id and (found := _list_id(message.list_id)):
        mail["List-Id"] = f"<{found}>"


def _list_id(text: str) -> str:
    """The id itself, also where a name stands before it (RFC 2919)."""
    if named := _NAMED_LIST_ID.search(text):
        return named[1]
    found = _LIST_ID.search(text)
    return found[0] if found else ""


def _mailto(address: str | None) -> str | None:
    return address if not address or address.lower().startswith("mailto:") else f"mailto:{address}"


def _uri(text: str) -> str:
    """The URI with nothing that could end it, or the header, early; empty when no header could hold it."""
    uri = quoted(text)
    return uri if len(uri) <= LONGEST_URI else ""


def quoted(text: str) -> str:
    """The text as a URI may stand in a header."""
    return quote(clean_line(text), safe=_URI_SAFE)
