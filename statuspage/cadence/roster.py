"""Who can be reminded just now: staff, who is on call, the page's fallback contact. Read once, asked for many."""

from collections.abc import Iterable
from datetime import datetime
from functools import cached_property

from sqlalchemy import select

from ..db import db
from ..models import Incident, OnCallFeed, StaffUser
from ..oncall import feeds
from ..vocabulary import IncidentRole, StaffRole
from .steps import Recipient

# Who stands in where an incident has nobody in a role.
STAND_INS = {
    IncidentRole.COMMUNICATIONS_LEAD: (StaffRole.COMMS_LEAD, StaffRole.ADMIN),
    IncidentRole.INCIDENT_COMMANDER: (StaffRole.RESPONDER, StaffRole.ADMIN),
}


class Roster:
    """Everybody who works here, and who is on duty at this moment."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def people(self, incident: Incident, to: Recipient) -> list[StaffUser]:
        """Whom this recipient means on this incident; nobody where it means nobody who still works here."""
        return _told_of(incident, self._meant(incident, to))

    def _meant(self, incident: Incident, to: Recipient) -> list[StaffUser]:
        if to.is_fallback:
            contact = incident.page.fallback_contact
            return [contact] if contact and contact.active else []
        if to.person_id:
            return [each for each in self._staff if each.public_id == to.person_id]
        if to.staff_role is not None:
            return self._with(to.staff_role)
        return self._in_role(incident, to.role) if to.role is not None else []

    def holders(self, incident: Incident, role: IncidentRole) -> list[StaffUser]:
        """Who has the role on this incident and still works here."""
        return [each.staff_user for each in incident.assignments if each.role is role and each.staff_user.active]

    def candidates(self, incident: Incident, role: IncidentRole) -> list[StaffUser]:
        """Who could take the role, one after the other: on duty first, then the staff whose work it is, then admins."""
        found = [*self._on_duty(incident.page_id, role), *(
            user for stand_in in STAND_INS.get(role, ()) for user in self._with(stand_in))]  # fmt: skip
        return _told_of(incident, list(dict.fromkeys(found)))

    def _in_role(self, incident: Incident, role: IncidentRole) -> list[StaffUser]:
        """Who holds the role; else who is on call for it; else whoever stands in for it on the staff."""
        if held := self.holders(incident, role):
            return held
        if on_duty := self._on_duty(incident.page_id, role):
            return on_duty
        return next(filter(None, map(self._with, STAND_INS.get(role, ()))), [])

    def _on_duty(self, page_id: int, role: IncidentRole) -> list[StaffUser]:
        numbers = self._duty.get((page_id, role), [])
        return [self._by_number[number] for number in numbers if number in self._by_number]

    def _with(self, role: StaffRole) -> list[StaffUser]:
        return [each for each in self._staff if role.value in {held.name for held in each.roles}]

    @cached_property
    def _staff(self) -> list[StaffUser]:
        return list(db.session.scalars(select(StaffUser).where(StaffUser.active).order_by(StaffUser.id)))

    @cached_property
    def _by_number(self) -> dict[int, StaffUser]:
        return {each.id: each for each in self._staff}

    @cached_property
    def _duty(self) -> dict[tuple[int, IncidentRole], list[int]]:
        rotas: Iterable[OnCallFeed] = db.session.scalars(select(OnCallFeed))
        return {(each.page_id, each.role): feeds.on_duty(each, self.now) for each in rotas}


def _told_of(incident: Incident, people: list[StaffUser]) -> list[StaffUser]:
    """Those of them who may be told of it: of a drill nobody but its participants."""
    return [each for each in people if incident.page.may_tell(each)]
