"""The gate in front of a reminder's link: whether it publishes here and now, and what it asks first."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import Response, session

from statuspage import staff
from statuspage.audit import Actor
from statuspage.cadence import shelf
from statuspage.cadence.permission import Asked, asked_before
from statuspage.cadence.replies import Link
from statuspage.errors import Conflict
from statuspage.factors import standing
from statuspage.factors.proof import NotProven
from statuspage.vocabulary import LinkPolicy

from . import auth, proving
from .proving import Ways

_PROVEN = "proven"
GOOD_FOR = timedelta(minutes=10)
DRAFT_ONLY = "This link keeps a draft. Somebody signed in publishes it with one tap."
NO_PROOF = "No passkey and no password yet: keep a draft. Somebody signed in publishes it with one tap."
NOT_THEIRS = "Keep a draft, and a comms lead publishes it with one tap."


@dataclass(frozen=True)
class Gate:
    """What is asked of somebody who came by a link, and the ways in which they may answer."""

    link: Link
    asked: Asked
    ways: Ways
    why_draft: str = ""

    @property
    def publishes(self) -> bool:
        """Whether the link publishes here, once its question is answered."""
        return self.asked is not Asked.SIGN_IN


def gate_of(link: Link, now: datetime) -> Gate:
    """The gate as it stands in this browser. Looking changes nothing."""
    person, incident = link.person, link.incident
    if not shelf.may_release(person, incident):
        return Gate(link, Asked.SIGN_IN, Ways(), NOT_THEIRS)
    asked = asked_before(
        incident.page.link_policy,
        is_signed_in=auth.is_me(person) or _is_proven(link, now),
        is_remembered=proving.is_remembered(person, now),
        has_second_factor=standing.has_second_factor(person),
        has_password=bool(person.password),
    )
    if asked is Asked.SECOND_FACTOR:
        return Gate(link, asked, proving.ways_of(person, _about(link), now))
    why = DRAFT_ONLY if incident.page.link_policy is LinkPolicy.DRAFT_ONLY else NO_PROOF
    return Gate(link, asked, Ways(password=asked is Asked.PASSWORD), why)


def pass_through(gate: Gate, typed: Mapping[str, str], now: datetime) -> None:
    """The person may publish. Raises Conflict where the link keeps drafts only, NotProven and TooMany otherwise."""
    if not gate.publishes:
        raise Conflict(gate.why_draft)
    if gate.asked is Asked.NOTHING:
        proving.note_seen(gate.link.person, now)
        return
    if gate.asked is Asked.PASSWORD:
        _take_password(gate.link, typed.get("password", ""))
    else:
        standing.prove(gate.link.person, proving.site(), _about(gate.link), typed, now)
    session[_PROVEN] = [_about(gate.link), int((now + GOOD_FOR).timestamp())]


def remember(response: Response, gate: Gate, typed: Mapping[str, str], now: datetime) -> None:
    """Who has just used a second factor here need not do it again for a month, if they wish."""
    person = gate.link.person
    is_fresh = gate.asked is Asked.SECOND_FACTOR and _is_proven(gate.link, now)
    if is_fresh and typed.get("remember") == "yes":
        proving.remember(response, person, Actor(person, "reminder link"), now)


def _take_password(link: Link, password: str) -> None:
    person = link.person
    if not password:
        raise NotProven("Type your password, or save a draft.")
    auth.limit_guesses(person.email.casefold(), "Too many attempts. Wait a quarter of an hour, or save a draft.")
    if not staff.has_password(person, password):
        raise NotProven("This is not your password.")


def _is_proven(link: Link, now: datetime) -> bool:
    """Whether the person has answered for this link a moment ago, in this browser."""
    about, until = session.get(_PROVEN) or ("", 0)
    return bool(about == _about(link) and now.timestamp() < until)


def _about(link: Link) -> str:
    return f"link:{link.about.public_id}"
