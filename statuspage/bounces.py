"""Mails that come back. Each one we send bears a return path of its own, which says whose it was and that we wrote it.

The return path is `bounces+<token>@bounce.example.com` (VERP). The token is the delivery's reference in few signs and
a MAC of 64 bits; it survives relays that write addresses in capitals. Who cannot be named by such a token is not heard.
"""

import hmac
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes
from email.message import Message as Mail
from email.utils import getaddresses

from . import subscriptions, text
from .audit import PROVIDER
from .db import db
from .delivery.receipts import note_callback
from .errors import CandorError
from .models import Subscriber
from .subscribers import INVALID_ADDRESS, stop_after_refusal
from .tokens import Purpose, signer
from .urls import settings
from .vocabulary import DeliveryState, SubscriberState

LARGEST_MAIL = 10_000_000
CHANNEL = "email"
# Where a mail system writes down for whom a mail was; what a feedback report says of the one complained about.
_DELIVERED_TO = ("X-Original-To", "Delivered-To", "Envelope-To", "X-Envelope-To", "To")
_COMPLAINED_ABOUT = ("Original-Mail-From", "Return-Path")
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_REFERENCE = re.compile(r"([a-z0-9]{12})-([su])([0-9]{1,14})-email")
_TOKEN = re.compile(r"([a-z0-9]{12})([su])([0-9a-z]{1,9})-([0-9a-f]{16})")
# RFC 3463: class 5 is for good. Where room, size or our standing is the trouble, the mailbox itself is alive.
_STATUS = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
_NOT_THE_MAILBOX = re.compile(r"5\.(?:2\.[2-4]|3\.|6\.|7\.)")


class Refused(CandorError):
    """A mail that is no answer to one of ours; the sentence says what it lacks."""

    code = "refused"


@dataclass(frozen=True)
class Returns:
    """Writes and reads return paths. Take one for a whole window: `path` costs 2 µs, finding the settings more."""

    local: str
    domain: str
    mac: Callable[[str], str]

    def path(self, reference: str) -> str:
        """Where the mail with this reference comes back to."""
        found = _REFERENCE.fullmatch(reference)
        if not found:
            return f"{self.local}@{self.domain}"
        subject = f"{found[1]}{found[2]}{_base36(int(found[3]))}"
        return f"{self.local}+{subject}-{self.mac(subject)}@{self.domain}"

    def reference(self, address: str) -> str | None:
        """The reference that this address was made from; None when we did not make it."""
        before, _, domain = address.strip().lower().rpartition("@")
        local, _, token = before.rpartition("+")
        found = _TOKEN.fullmatch(token)
        if not found or (local, domain) != (self.local.lower(), self.domain.lower()):
            return None
        announcement, kind, number, mac = found.groups()
        if not hmac.compare_digest(mac.encode(), self.mac(announcement + kind + number).encode()):
            return None
        return f"{announcement}-{kind}{int(number, 36)}-{CHANNEL}"


@dataclass(frozen=True)
class Verdict:
    """What a mail says about one of ours."""

    is_complaint: bool = False
    is_final: bool = False
    is_temporary: bool = False
    # The mailbox itself is the trouble, and not its size or our standing with it.
    is_dead: bool = False
    reason: str = ""


def returns() -> Returns | None:
    """How this installation writes return paths; None when it has no address for what comes back."""
    address = settings().bounce_address
    if not address:
        return None
    local, _, domain = address.rpartition("@")
    return Returns(local, domain, signer().short_mac(Purpose.BOUNCE))


def return_path(reference: str) -> str | None:
    """Where the mail with this reference comes back to; None when it is the sender as always."""
    found = returns()
    return found.path(reference) if found else None


def take(raw: bytes, now: datetime, recipient: str = "") -> str:
    """Do what a returned mail asks for, and say in a sentence what that was. Raises Refused for any other mail."""
    known = returns()
    if known is None:
        raise Refused("CANDOR_BOUNCE_ADDRESS is not set, so nothing can come back.")
    if len(raw) > LARGEST_MAIL:
        raise Refused("This mail is too large to be an answer to one of ours.")
    mail = _parse(raw)
    reference = _whose(mail, recipient, known)
    verdict = judge(mail)
    if verdict.is_complaint:
        return _complaint(reference, now)
    if verdict.is_final:
        return _final(reference, verdict, now)
    if verdict.is_temporary:
        return "Noted nothing: it says that the mail is late, and it is still being tried."
    return "Noted nothing: it is an answer to one of our mails, and not about its delivery."


def judge(mail: Mail) -> Verdict:
    """What kind of answer this is."""
    # Imported when first needed: only who takes in mail pays for it.
    from flufl.bounce import all_failures  # noqa: PLC0415

    if _is_feedback(mail):
        return Verdict(is_complaint=True)
    try:
        temporary, permanent = all_failures(mail)
    except Exception as error:
        # Its detectors trip over what nobody should send; no other program reads such a mail either.
        raise Refused("This mail is malformed.") from error
    reason, status = _reason(mail)
    if permanent:
        is_dead = not _NOT_THE_MAILBOX.match(status)
        return Verdict(is_final=not status.startswith("4"), is_temporary=status.startswith("4"), is_dead=is_dead,
                       reason=reason)  # fmt: skip
    return Verdict(is_temporary=bool(temporary), reason=reason)


def _complaint(reference: str, now: datetime) -> str:
    subscriber = _subscriber(reference)
    if subscriber is None:
        return "Noted nothing: the one who complains is no subscriber."
    subscriptions.unsubscribe(subscriber, "complained to their mailbox provider", PROVIDER, now)
    return "Unsubscribed: the mailbox provider reports a complaint."


def _final(reference: str, verdict: Verdict, now: datetime) -> str:
    detail = f"Came back: {verdict.reason or 'without a reason'}"
    is_known = note_callback(reference, "", DeliveryState.BOUNCED, detail, now)
    if not is_known:
        return "Noted nothing: the mail it speaks of is not in the ledger, or no longer."
    subscriber = _subscriber(reference)
    is_written_to = subscriber is not None and subscriber.state in (SubscriberState.CONFIRMED, SubscriberState.PENDING)
    if subscriber is None or not is_written_to or not verdict.is_dead:
        return "Noted as bounced."
    stop_after_refusal(subscriber.id, INVALID_ADDRESS, detail, now)
    return "Noted as bounced, and the address is quarantined."


def _subscriber(reference: str) -> Subscriber | None:
    found = _REFERENCE.fullmatch(reference)
    return db.session.get(Subscriber, int(found[3])) if found and found[2] == "s" else None


def _parse(raw: bytes) -> Mail:
    try:
        mail = message_from_bytes(raw)
        is_mail = bool(mail.keys())
    except Exception as error:  # a parser for everybody's mail meets everything
        raise Refused("This mail is malformed.") from error
    if not is_mail:
        raise Refused("This is not a mail.")
    return mail


def _whose(mail: Mail, recipient: str, known: Returns) -> str:
    """The reference of the mail it answers, by an address that only we can have written."""
    for address in _addresses(mail, recipient):
        if reference := known.reference(address):
            return reference
    raise Refused("It is not addressed to a return path of ours.")


def _addresses(mail: Mail, recipient: str) -> Iterator[str]:
    if recipient:
        yield recipient
        return
    yield from _listed(mail, _DELIVERED_TO)
    if _is_feedback(mail):
        # A complaint comes to an address of its own; whose mail it is about stands inside.
        for part in mail.walk():
            yield from _listed(part, _COMPLAINED_ABOUT)


def _listed(part: Mail, names: tuple[str, ...]) -> Iterator[str]:
    values = [str(value) for name in names for value in part.get_all(name, [])]
    yield from (address for _, address in getaddresses(values[:50]))


def _is_feedback(mail: Mail) -> bool:
    """RFC 5965."""
    kind = mail.get_param("report-type") if mail.get_content_type() == "multipart/report" else None
    return str(kind).lower() == "feedback-report" or any(
        part.get_content_type() == "message/feedback-report" for part in mail.walk()
    )


def _reason(mail: Mail) -> tuple[str, str]:
    """What the other side says in its report, without any address, and its enhanced status code."""
    for part in mail.walk():
        if part.get_content_type() != "message/delivery-status":
            continue
        for block in part.get_payload() if part.is_multipart() else []:
            if isinstance(block, Mail) and (block["Status"] or block["Diagnostic-Code"]):
                status = _STATUS.search(str(block["Status"] or ""))
                said = text.one_line(str(block["Diagnostic-Code"] or "")).removeprefix("smtp; ")
                code = status[0] if status else ""
                words = said if code and code in said else f"{code} {said}".strip()
                return re.sub(r"\S+@\S+", "address", words)[:200], code
    return "", ""


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return digits or "0"
