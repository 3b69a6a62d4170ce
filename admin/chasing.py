"""What the panel shows of a chase: how it stands, and what this person may do about it in one tap."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

from statuspage import staff
from statuspage.cadence import standing
from statuspage.cadence.standing import Standing
from statuspage.clock import utcnow
from statuspage.models import Incident, StaffUser
from statuspage.vocabulary import IncidentRole, StaffRole

NEAREST = 2
# What keeps people from speaking, most often.
REASONS = ("Waiting for facts", "Writing it now")


@dataclass(frozen=True)
class Chased:
    """One incident's chase as one person sees it. `base` is where their taps go, `back` where they come from."""

    incident: Incident
    user: StaffUser
    standing: Standing
    base: str
    back: str = "incident"
    may_act: bool = True
    may_speak: bool = True

    @property
    def has_it(self) -> bool:
        """Whether this person has acknowledged it."""
        pause = self.standing.pause
        return self.standing.is_acknowledged and pause is not None and pause.staff_user_id == self.user.id

    @property
    def is_lead(self) -> bool:
        """Whether this person speaks for the incident, and nobody else does."""
        return self._leads == [self.user.id]

    @property
    def _leads(self) -> list[int]:
        lead = IncidentRole.COMMUNICATIONS_LEAD
        return [each.staff_user_id for each in self.incident.assignments if each.role is lead]

    @property
    def is_under_way(self) -> bool:
        """Whether anybody was reminded, asked to take it, or has said something: else there is nothing to answer."""
        stands = self.standing
        return bool(stands.chased or stands.asked or stands.pause)

    @property
    def other_ways(self) -> str:
        """What this person may do instead of writing, in words."""
        ways = ["snooze"]
        if self.may_speak:
            ways = [*([] if self.is_lead else ["take over"]), *ways, *(["hand over"] if self.colleagues else [])]
        return ", ".join(ways).capitalize()

    @property
    def reasons(self) -> tuple[str, ...]:
        """The reasons for a snooze that one tap gives."""
        return REASONS

    @cached_property
    def colleagues(self) -> list[StaffUser]:
        """To whom it can be handed, those whose work it is first."""
        others = [each for each in staff.listed() if each.active and each.id != self.user.id]
        others = [each for each in others if self._leads != [each.id]]
        able = [each for each in others if each.staff_role is not StaffRole.VIEWER]
        return sorted(able, key=lambda each: (not staff.may_publish(each, self.incident), each.display_name.casefold()))

    @property
    def nearest(self) -> list[StaffUser]:
        """To whom one tap hands it."""
        return self.colleagues[:NEAREST]


def by_link(incident: Incident, user: StaffUser, base: str) -> Chased:
    """The chase as whoever holds a reminder's link sees it; `base` is the link's own address."""
    found = standing.of_incidents([incident], utcnow())
    return Chased(incident, user, found.get(incident.id, Standing()), f"{base}/chase")


def of_incident(incident: Incident, user: StaffUser) -> Chased | None:
    """The chase on the incident's own page; None where nothing is promised."""
    return next(iter(of_many([incident], user, "incident")), None)


def of_many(incidents: Collection[Incident], user: StaffUser, back: str = "board") -> list[Chased]:
    """The chases of these incidents, as far as something is promised on them."""
    found = standing.of_incidents(incidents, utcnow())
    may_act = staff_may_act(user)
    return [
        Chased(
            each,
            user,
            found[each.id],
            f"/admin/incidents/{each.public_id}/chase",
            back,
            may_act,
            may_act and (staff.may_publish(user, each) or standing.is_chased(user, each)),
        )
        for each in incidents
        if each.id in found
    ]


def staff_may_act(user: StaffUser) -> bool:
    """Whether this person works on incidents at all."""
    return user.staff_role is not StaffRole.VIEWER
