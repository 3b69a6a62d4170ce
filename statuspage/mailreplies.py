"""Mails that answer a reminder: the address they come to says which one, the sender who wrote, and the words become
a draft. What is quoted and signed below is left away, as far as that is certain.
"""

import hashlib
import re
from collections.abc import Iterator
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import getaddresses

from sqlalchemy import func, select

from . import replyaddresses, text
from .bounces import LARGEST_MAIL, Refused
from .cadence import shelf
from .db import db
from .errors import CandorError
from .importing import html_words
from .models import Announcement, StaffUser
from .vocabulary import ReplyVia

CHANNEL = "email"
KEPT = "Kept as a draft; its author is told how to release it."
KNOWN = "Kept already: this mail has come before."
_DELIVERED_TO = ("X-Original-To", "Delivered-To", "Envelope-To", "X-Envelope-To", "To", "Cc")
_QUOTED_BY = re.compile(
    r"(?:on|am|le|el|il|op|den|em) .{4,250}"
    r"(?:wrote|(?:schrieb|a écrit|escribió|ha scritto|schreef|skrev|escreveu)[^:]{0,100})\s*:",
    re.IGNORECASE | re.DOTALL,
)
_ORIGINAL = re.compile(
    r"\s*-{2,}\s*(?:original message|ursprüngliche nachricht|message d'origine)\s*-{2,}\s*", re.IGNORECASE
)
_HEADER = re.compile(r"\*?(?:from|von|de|da)\*?\s*:", re.IGNORECASE)
_MORE_HEADERS = re.compile(
    r"\*?(?:sent|date|to|subject|gesendet|datum|an|betreff|envoyé|objet|à)\*?\s*:", re.IGNORECASE
)
_DEVICE = re.compile(r"(?:sent from|gesendet von|von meinem|envoyé de) .{2,60}", re.IGNORECASE)
_HTML_QUOTE = re.compile(
    r'<blockquote\b|<[^<>]{1,300}(?:class="gmail_quote|id="divRplyFwdMsg"|id="appendonsend")', re.IGNORECASE
)


def is_addressed(raw: bytes, recipient: str) -> bool:
    """Whether this mail came to an address that answers one of our reminders."""
    try:
        return _announcement_id(_parse(raw), recipient) is not None
    except Refused:  # whoever else takes in mail may read it all the same
        return False


def take(raw: bytes, now: datetime, recipient: str = "") -> str:
    """The mail's words are a draft of the incident it answers about; says so in a sentence. Raises Refused."""
    if len(raw) > LARGEST_MAIL:
        raise Refused("This mail is too large to be an answer to a reminder.")
    mail = _parse(raw)
    announcement = _announcement(_announcement_id(mail, recipient) or "")
    if _is_automatic(mail):
        raise Refused("This is an automatic answer, and not somebody's words.")
    author = _author(mail)
    if announcement is None or announcement.incident is None or author is None:
        raise Refused("Nothing was kept: write from the address that the reminder was sent to.")
    words = text.block(newest_words(_body(mail)))[: text.BODY_LIMIT]
    if not words:
        raise Refused("Nothing was kept: there are no words above what is quoted.")
    try:
        _, is_new = shelf.save(
            announcement.incident, author, ReplyVia.MAIL, words, now, _source(mail, raw), confirms_on=CHANNEL
        )
    except CandorError as error:
        db.session.rollback()
        raise Refused(str(error)) from error
    return KEPT if is_new else KNOWN


def newest_words(body: str) -> str:
    """What the writer added: without what is surely quoted, and without a signature marked as such."""
    lines = [line.rstrip() for line in body.replace("\r\n", "\n").split("\n")]
    kept = [line for line in lines[: _end(lines)] if not line.startswith(">")]
    while kept and (not kept[-1] or _DEVICE.fullmatch(kept[-1].strip())):
        kept.pop()
    return "\n".join(kept).strip()


def _end(lines: list[str]) -> int:
    """Where the writer's own words end."""
    for number, line in enumerate(lines):
        if line in ("--", "-- ") or _ORIGINAL.fullmatch(line) or _opens_quote(lines, number):
            return number
    return len(lines)


def _opens_quote(lines: list[str], number: int) -> bool:
    """Whether somebody else's mail is quoted from here on: it is introduced, or it shows its headers."""
    line, after = lines[number], lines[number + 1 :]
    if _HEADER.match(line):
        return sum(bool(_MORE_HEADERS.match(each)) for each in after[:4]) >= 2
    for length in (1, 2, 3):  # long introductions are wrapped
        if _QUOTED_BY.fullmatch(" ".join(lines[number : number + length]).strip()):
            rest = [each for each in lines[number + length :] if each]
            return all(each.startswith(">") for each in rest)
    return False


def _parse(raw: bytes) -> EmailMessage:
    try:
        mail = message_from_bytes(raw, policy=policy.default)
        is_mail = bool(mail.keys())
    except Exception as error:  # a parser for everybody's mail meets everything
        raise Refused("This mail is malformed.") from error
    if not is_mail:
        raise Refused("This is not a mail.")
    return mail


def _body(mail: EmailMessage) -> str:
    try:
        part = mail.get_body(("plain", "html"))
        content = str(part.get_content()) if part is not None else ""
        is_html = part is not None and part.get_content_subtype() == "html"
    except Exception as error:
        raise Refused("The words of this mail cannot be read.") from error
    return html_words.plain(_HTML_QUOTE.split(content)[0]) if is_html else content


def _announcement_id(mail: EmailMessage, recipient: str) -> str | None:
    return next(filter(None, map(replyaddresses.announcement_id, _recipients(mail, recipient))), None)


def _recipients(mail: EmailMessage, recipient: str) -> Iterator[str]:
    if recipient:
        yield recipient
        return
    yield from _addresses(mail, *_DELIVERED_TO)


def _announcement(public_id: str) -> Announcement | None:
    return db.session.scalar(select(Announcement).filter_by(public_id=public_id))


def _author(mail: EmailMessage) -> StaffUser | None:
    """The colleague who writes. Whoever has the address of the answer has the reminder; this says whose words it is."""
    addresses = list(_addresses(mail, "From"))
    if len(addresses) != 1:
        return None
    query = select(StaffUser).where(func.lower(StaffUser.email) == addresses[0].lower(), StaffUser.active)
    return db.session.scalar(query)


def _addresses(mail: EmailMessage, *names: str) -> list[str]:
    try:
        values = [str(value) for name in names for value in mail.get_all(name, [])]
    except Exception as error:  # a header that no parser of ours can read
        raise Refused("This mail is malformed.") from error
    return [address for _, address in getaddresses(values[:50])]


def _is_automatic(mail: EmailMessage) -> bool:
    said = str(mail.get("Auto-Submitted", "no")).strip().lower()
    is_bulk = str(mail.get("Precedence", "")).strip().lower() in ("bulk", "junk", "auto_reply", "list")
    is_bounce = str(mail.get("Return-Path", "x")).strip() == "<>"
    return not said.startswith("no") or is_bulk or is_bounce or mail.get("X-Autoreply") is not None


def _source(mail: EmailMessage, raw: bytes) -> str:
    return str(mail.get("Message-ID", "")).strip() or hashlib.sha256(raw).hexdigest()
