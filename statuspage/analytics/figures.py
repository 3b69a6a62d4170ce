"""All figures of one period."""

from dataclasses import dataclass
from datetime import datetime

from ..delivery.reach import together as curves_together
from . import incidents, people, targets
from .compliance import Compliance, Tally, by_incident, compliance
from .facts import ChannelFacts, History, IncidentFacts
from .incidents import ChangeFailures, FirstWords, Frequency, Measure
from .people import Tide
from .periods import Stretch
from .targets import Standing


@dataclass(frozen=True)
class Figures:
    """What the facts amount to."""

    period: Stretch
    since: datetime
    until: datetime
    # When they were worked out: what began in the period may have gone on after it.
    as_of: datetime
    zone: str
    frequency: Frequency
    first_words: FirstWords
    detecting: Measure
    acknowledging: Measure
    repairing: Measure
    changes: ChangeFailures
    promises: Compliance
    channels: tuple[ChannelFacts, ...]
    announcements: int
    measured: int
    tides: tuple[tuple[IncidentFacts, Tide], ...]
    incidents: tuple[tuple[IncidentFacts, Tally], ...]
    uptimes: tuple[Standing, ...]

    @property
    def tide(self) -> Tide:
        """All who came and went."""
        return people.together(self.tides)

    @property
    def is_empty(self) -> bool:
        """Whether nothing has happened."""
        return not self.frequency.total

    @property
    def everywhere(self) -> ChannelFacts | None:
        """All channels as one."""
        if not self.channels:
            return None
        states = {state: 0 for each in self.channels for state in each.states}
        for each in self.channels:
            for state, count in each.states.items():
                states[state] += count
        return ChannelFacts("all", states, curves_together([each.curve for each in self.channels]))


def figures(history: History) -> Figures:
    """The facts in figures."""
    return Figures(
        period=history.period,
        since=history.since,
        until=history.until,
        as_of=history.now,
        zone=history.zone,
        frequency=incidents.frequency(history),
        first_words=incidents.first_words(history),
        detecting=incidents.detecting(history),
        acknowledging=incidents.acknowledging(history),
        repairing=incidents.repairing(history),
        changes=incidents.change_failures(history),
        promises=compliance(history),
        channels=history.channels,
        announcements=history.announcements,
        measured=history.measured,
        tides=people.tides(history),
        incidents=by_incident(history),
        uptimes=targets.standings(history),
    )
