"""SMS that answer a reminder: from a colleague's own number, beginning with the incident's code, they become drafts.

Everybody else gets one helpful answer at most, and nothing changes.
"""

import re
from datetime import datetime, timedelta

import structlog
from sqlalchemy import select

from . import limits, replyaddresses, text, urls
from .cadence import shelf
from .db import db
from .errors import Conflict, NotFound
from .models import Incident, Reminder, StaffUser
from .vocabulary import IncidentStatus, ReplyVia

log = structlog.get_logger(__name__)

CHANNEL = "sms"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
DRAFTS_AN_HOUR, ANSWERS_A_DAY = 30, 200
_CODED = re.compile(r"\D{0,3}(\d{4})\b[\s:.,;–-]*(.*)", re.DOTALL)

STRANGER = "Nobody reads messages to this number. The current status: {url}"
NO_CODE = "Nothing was kept. Begin with the four digits from your reminder, then your words."
NO_WORDS = "Nothing was kept. After the four digits, write the words for the update."
WRONG_CODE = "Nothing was kept: no open incident of yours has the code {code}. It stands in the last reminder."
ENOUGH = "Nothing was kept: too many messages in one hour. Open the link in the reminder instead."


def take(phone: str, words: str, source: str, now: datetime) -> str:
    """Do what this SMS asks for; what is answered at once is returned, empty for nothing.

    `source` is what the carrier calls the message: one that is handed over again changes nothing more.
    """
    people = _people(phone)
    if not people:
        return _once(phone, STRANGER.format(url=urls.absolute("/")), DAY, now)
    if not limits.allow(f"sms-drafts:{phone}", DRAFTS_AN_HOUR, HOUR, now):
        return _once(phone, ENOUGH, HOUR, now)
    found = _CODED.match(words.strip())
    if found is None:
        return _once(phone, NO_CODE, HOUR, now)
    body = text.block(found[2])[: text.BODY_LIMIT]
    if not body:
        return _once(phone, NO_WORDS, HOUR, now)
    chosen = _whose(people, found[1])
    if chosen is None:
        return _once(phone, WRONG_CODE.format(code=found[1]), HOUR, now)
    author, incident = chosen
    return _keep(incident, author, body, source or f"{phone}:{words}:{now:%Y%m%d%H}", phone, now)


def _keep(  # noqa: PLR0913 - a message is all of this
    incident: Incident, author: StaffUser, body: str, source: str, phone: str, now: datetime
) -> str:
    try:
        shelf.save(incident, author, ReplyVia.SMS, body, now, source, confirms_on=CHANNEL)
    except (Conflict, NotFound) as error:
        db.session.rollback()
        return _once(phone, str(error), HOUR, now)
    return ""


def _people(phone: str) -> list[StaffUser]:
    """The colleagues whose number this is."""
    return list(db.session.scalars(select(StaffUser).filter_by(phone=phone, active=True).order_by(StaffUser.id)))


def _whose(people: list[StaffUser], code: str) -> tuple[StaffUser, Incident] | None:
    """Who of them answers about which open incident: the code says which, who was reminded of it goes first."""
    query = select(Incident).where(Incident.status != IncidentStatus.RESOLVED, Incident.hidden_at.is_(None))
    coded = [each for each in db.session.scalars(query) if replyaddresses.code(each.public_id) == code]
    pairs = [(user, each) for each in coded for user in people if shelf.may_suggest(user, each)]
    return max(pairs, key=lambda pair: _last_reminded(*pair), default=None)


def _last_reminded(user: StaffUser, incident: Incident) -> int:
    query = select(Reminder.id).filter_by(incident_id=incident.id, staff_user_id=user.id)
    return db.session.scalar(query.order_by(Reminder.id.desc()).limit(1)) or 0


def _once(phone: str, sentence: str, per: timedelta, now: datetime) -> str:
    """The sentence, unless this number has had an answer lately, or everybody together too many."""
    is_first = limits.allow(f"sms-answer:{phone}", 1, per, now)
    if not is_first or not limits.allow("sms-answers", ANSWERS_A_DAY, DAY, now):
        log.info("sms.unanswered")
        return ""
    return sentence
