"""The ladder as data: which step of it reaches whom, how long before or after the promise, and by which channels."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from ..vocabulary import IncidentRole, ReminderStep, StaffRole

# By what somebody can be reminded, the stronger the later.
CHANNELS = ("email", "sms", "apprise")
FALLBACK_WORD, STAFF, PERSON = "fallback", "staff:", "person:"


@dataclass(frozen=True)
class Recipient:
    """Who a step is for: an incident role, `staff:` and a staff role, `person:` and an id, or `fallback`."""

    word: str

    @property
    def role(self) -> IncidentRole | None:
        """The role on the incident, if it is for whoever holds one."""
        return IncidentRole(self.word) if self.word in set(IncidentRole) else None

    @property
    def staff_role(self) -> StaffRole | None:
        """The role in the panel, if it is for everyone who has one."""
        return StaffRole(self.word.removeprefix(STAFF)) if self.word.startswith(STAFF) else None

    @property
    def person_id(self) -> str:
        """The public id of the staff user it names; "" if it names none."""
        return self.word.removeprefix(PERSON) if self.word.startswith(PERSON) else ""

    @property
    def is_fallback(self) -> bool:
        """Whether it is the page's fallback contact."""
        return self.word == FALLBACK_WORD

    def __str__(self) -> str:
        return self.word

    @classmethod
    def read(cls, word: str) -> "Recipient":
        """The recipient this word names; raises ValueError with a sentence for any other."""
        if not word:
            raise ValueError("Choose who is reminded.")
        kind, _, name = word.partition(":")
        is_known = (
            word in set(IncidentRole)
            or word == FALLBACK_WORD
            or (kind == "staff" and name in set(StaffRole))
            or (kind == "person" and 0 < len(name) <= 12 and name.isascii() and name.isalnum())
        )
        if not is_known:
            raise ValueError(f"“{word[:40]}” is nobody who can be reminded.")
        return cls(word)


COMMS_LEAD = Recipient(IncidentRole.COMMUNICATIONS_LEAD.value)
COMMANDER = Recipient(IncidentRole.INCIDENT_COMMANDER.value)
MANAGERS = Recipient(f"{STAFF}{StaffRole.ADMIN.value}")
FALLBACK = Recipient(FALLBACK_WORD)


@dataclass(frozen=True)
class LadderStep:
    """One step: `after` counts from the moment the promise falls due, and is negative before it.

    The channels are named in the order of their strength; none named means every channel the person has.
    """

    step: ReminderStep
    after: timedelta
    to: Recipient
    channels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rung:
    """A step that has been climbed at an instant.

    `round` numbers the moments of one `step` word: the first overdue moment is 0, the next 1, and its repetitions
    go on counting, so that incident, promise, step, round and person are met once. `place` is the step in the ladder.
    """

    step: ReminderStep
    at: datetime
    to: Recipient
    round: int = 0
    channels: tuple[str, ...] = ()
    place: int = 0


def ready_made(lead: timedelta, interval: timedelta) -> tuple[LadderStep, ...]:
    """The ladder "web service": the comms lead before and at the time; the commander with them after it; then upwards.

    An interval later the managers hear of it as well, and two intervals later the fallback contact.
    """
    second, last = lead + interval, lead + 2 * interval
    return (
        LadderStep(ReminderStep.DUE_SOON, -lead, COMMS_LEAD),
        LadderStep(ReminderStep.DUE, timedelta(0), COMMS_LEAD),
        LadderStep(ReminderStep.OVERDUE, lead, COMMANDER),
        LadderStep(ReminderStep.OVERDUE, lead, COMMS_LEAD),
        LadderStep(ReminderStep.OVERDUE, second, MANAGERS),
        LadderStep(ReminderStep.OVERDUE, second, COMMANDER),
        LadderStep(ReminderStep.OVERDUE, second, COMMS_LEAD),
        LadderStep(ReminderStep.OVERDUE, last, FALLBACK),
        LadderStep(ReminderStep.OVERDUE, last, COMMANDER),
        LadderStep(ReminderStep.OVERDUE, last, COMMS_LEAD),
    )
