"""Whom a ladder would reach, and whether business hours make sense: asked before a policy is saved, and ever after."""

from collections.abc import Iterator
from itertools import groupby

from sqlalchemy import select

from ..channels import channels, label_of
from ..db import db
from ..models import Page, StaffUser
from ..settings import check_zone
from ..vocabulary import StaffRole
from .hours import Hours, public_holidays
from .naming import recipient_words
from .policy import Cadence
from .roster import STAND_INS
from .steps import CHANNELS, LadderStep, Recipient


def reach_problems(page: Page, cadence: Cadence, before: Cadence) -> dict[str, str]:
    """Whom a policy about to be saved would not reach, by field.

    What stays as it was is not asked about: that somebody has left is shown elsewhere, and keeps no interval from
    being changed.
    """
    people = active()
    ladder = "" if cadence.ladder == before.ladder else next(_unreached(page, cadence, people), "")
    owners = "" if cadence.deadlines == before.deadlines else next(_without_owner(cadence, people), "")
    return {name: said for name, said in (("ladder", ladder), ("deadlines", owners)) if said}


def hours_problems(hours: Hours | None) -> dict[str, str]:
    """What is wrong with these business hours, by field."""
    if hours is None:
        return {}
    problems = {}
    try:
        check_zone(hours.zone)
    except ValueError as error:
        problems["zone"] = str(error)
    try:
        public_holidays(hours.holidays)
    except ValueError as error:
        problems["holidays"] = str(error)
    if hours.opens >= hours.closes:
        problems["closes"] = "Business hours end after they begin, on the same day."
    if not hours.days:
        problems["days"] = "Choose a day at least, or keep no business hours."
    return problems


def active() -> list[StaffUser]:
    """Everybody who works here."""
    return list(db.session.scalars(select(StaffUser).where(StaffUser.active)))


def nobody_reached(page: Page, cadence: Cadence, people: list[StaffUser]) -> Iterator[str]:
    """A sentence for each step and deadline that has nobody."""
    yield from _unreached(page, cadence, people)
    yield from _without_owner(cadence, people)


def _unreached(page: Page, cadence: Cadence, people: list[StaffUser]) -> Iterator[str]:
    """A sentence for each step that would reach nobody.

    The ready-made ladder is for small houses too: there it is enough that somebody is reached each time.
    """
    for _, steps in groupby(enumerate(cadence.steps, 1), key=lambda each: each[1].after):
        found = [_why_nobody(page, number, step, people) for number, step in steps]
        if cadence.ladder is not None or all(found):
            yield from (sentence for sentence in found if sentence)


def _why_nobody(page: Page, number: int, step: LadderStep, people: list[StaffUser]) -> str:
    """Why this step would reach nobody; "" if it would."""
    if unknown := [name for name in step.channels if name not in CHANNELS]:
        return f"Step {number} uses “{unknown[0]}”, by which nobody can be reminded."
    if step.to.is_fallback and page.fallback_contact is None:
        return f"Step {number} is for the fallback contact, and there is none. Choose one first."
    meant = _meant(page, step.to, people)
    if not meant:
        return _nobody(number, step.to)
    if step.channels and not any(_has(user, step) for user in meant):
        return f"Step {number} reaches nobody: {recipient_words(step.to.word)} has no {_any_of(step)} on file."
    if step.channels and not any(_works(name) for name in step.channels):
        return f"Step {number} goes by {_any_of(step)} alone, which is not set up here any more."
    return ""


def _nobody(number: int, to: Recipient) -> str:
    who = recipient_words(to.word)
    if to.person_id:
        return f"Step {number} is for {who}, who has left. Choose somebody else."
    return f"Step {number} is for “{who.lower()}”, and nobody on the staff could be that."


def _without_owner(cadence: Cadence, people: list[StaffUser]) -> Iterator[str]:
    for rule in cadence.deadlines:
        if rule.owner.person_id and rule.owner.person_id not in {each.public_id for each in people}:
            yield f"“{rule.name}” is owed by {recipient_words(rule.owner.word)}, who has left. Choose somebody else."


def _meant(page: Page, to: Recipient, people: list[StaffUser]) -> list[StaffUser]:
    """Who could be meant, as long as no incident says who holds a role. Any role may be held by anybody."""
    if to.is_fallback:
        return [each for each in people if each.id == page.fallback_contact_id]
    if to.person_id:
        return [each for each in people if each.public_id == to.person_id]
    if to.staff_role is not None:
        return [each for each in people if to.staff_role.value in {role.name for role in each.roles}]
    wanted = STAND_INS.get(to.role, tuple(StaffRole)) if to.role else ()
    return [each for each in people if {role.name for role in each.roles} & {role.value for role in wanted}]


def _has(user: StaffUser, step: LadderStep) -> bool:
    return bool(set(step.channels) & set(user.addresses))


def _works(name: str) -> bool:
    """Whether it is there and sends. Where nothing sends at all, everything is captured, and Health says so."""
    found = channels().get(name)
    is_any_live = any(each.is_live for kind, each in channels().items() if kind in CHANNELS)
    return found is not None and (found.is_live or not is_any_live)


def _any_of(step: LadderStep) -> str:
    return " or ".join(label_of(name) for name in step.channels)
