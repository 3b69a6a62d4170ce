"""What figures are made of: plain facts about incidents, promises, messages and people."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from ..delivery.reach import REACHED, Curve
from ..uptime import Change
from ..vocabulary import WAITING_STATES, ComponentStatus, DeliveryState, IncidentType, PromiseOutcome, Severity
from .periods import Stretch


@dataclass(frozen=True)
class IncidentFacts:
    """One incident. An instant that nobody wrote down is None."""

    public_id: str
    title: str
    severity: Severity
    type: IncidentType
    started_at: datetime
    created_at: datetime
    detected_at: datetime | None = None
    # When somebody said that they have it, or said the first word after the alarm or the declaration.
    acknowledged_at: datetime | None = None
    first_public_at: datetime | None = None
    resolved_at: datetime | None = None
    # Its type and severity are guessed from the public impact: nobody here chose them.
    is_imported: bool = False
    components: tuple[str, ...] = ()
    leads: tuple[str, ...] = ()


@dataclass(frozen=True)
class PromiseFacts:
    """One promise of a next update, and what became of it; without an outcome it still stands."""

    incident: IncidentFacts
    due_at: datetime
    outcome: PromiseOutcome | None = None
    settled_at: datetime | None = None
    late_by: timedelta | None = None


@dataclass(frozen=True)
class ComponentFacts:
    """One component: its target in percent, if it has one, and how its state changed since the period began."""

    public_id: str
    name: str
    target: float | None
    # From when on its state is on record.
    known_since: datetime
    status: ComponentStatus
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True)
class ChannelFacts:
    """What became of everything said in the period on one channel, and how fast people were reached."""

    channel: str
    states: Mapping[DeliveryState, int]
    curve: Curve

    @property
    def owed(self) -> int:
        """How many messages were owed."""
        return sum(self.states.values())

    @property
    def reached(self) -> int:
        """How many reached somebody."""
        return self._count(*REACHED)

    @property
    def waiting(self) -> int:
        """How many are still on their way."""
        return self._count(*WAITING_STATES)

    @property
    def spared(self) -> int:
        """How many were not sent because they should not be: who had left, what was newer, what was taken back."""
        return self._count(DeliveryState.SUPPRESSED, DeliveryState.SUPERSEDED, DeliveryState.WITHDRAWN)

    @property
    def lost(self) -> int:
        """How many did not arrive, or may not have."""
        return self.owed - self.reached - self.waiting - self.spared

    def _count(self, *states: DeliveryState) -> int:
        return sum(self.states.get(state, 0) for state in states)


class Move(StrEnum):
    """What a subscriber did, or what was done to them."""

    WON = "won"
    LOST = "lost"
    STOPPED = "stopped"


@dataclass(frozen=True)
class Moves:
    """So many subscribers came or went in the minute that begins `at`."""

    at: datetime
    move: Move
    count: int


@dataclass(frozen=True)
class History:
    """All facts of one period. `known_since` is when the oldest record begins, `zone` the page's."""

    period: Stretch
    now: datetime
    zone: str
    known_since: datetime
    incidents: tuple[IncidentFacts, ...] = ()
    promises: tuple[PromiseFacts, ...] = ()
    channels: tuple[ChannelFacts, ...] = ()
    moves: tuple[Moves, ...] = ()
    # How many announcements there were, and to how many of them, the newest, `channels` refers.
    announcements: int = 0
    measured: int = 0
    components: tuple[ComponentFacts, ...] = ()

    @property
    def since(self) -> datetime:
        """From when on there is something to count."""
        begins = self.period.since(self.now)
        return max(begins, self.known_since) if begins else self.known_since

    @property
    def until(self) -> datetime:
        """Until when: now, or the end of a period that is over."""
        ends = self.period.ends_at
        return min(ends, self.now) if ends else self.now
