"""Uptime of a component from the states it was shown in: pure rules, facts in and values out.

What counts, as on Statuspage: a major outage is down, a partial outage is down by three tenths of its length,
degraded performance is up. Maintenance is not counted at all: it is neither up nor down, and shortens what is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from .vocabulary import ComponentStatus

PARTIAL_SHARE = 0.3
DEFINITION = (
    "A component is down while it shows a major outage, and by 30 % of the time while it shows a partial outage; "
    "degraded performance is not down. Maintenance is not counted: neither as up nor as down."
)


@dataclass(frozen=True)
class Change:
    """A component showed another state from then on."""

    at: datetime
    old: ComponentStatus
    new: ComponentStatus


@dataclass(frozen=True)
class Uptime:
    """How a stretch of time was spent."""

    whole: timedelta
    major: timedelta = timedelta()
    partial: timedelta = timedelta()
    maintenance: timedelta = timedelta()

    @property
    def counted(self) -> timedelta:
        """The time that counts: all but maintenance."""
        return self.whole - self.maintenance

    @property
    def down(self) -> timedelta:
        """The time that counts as down."""
        return self.major + self.partial * PARTIAL_SHARE

    @property
    def share(self) -> float | None:
        """The share of the time that counts in which it was up; None where none counts."""
        return 1 - self.down / self.counted if self.counted else None


def uptime(changes: Sequence[Change], present: ComponentStatus, begin: datetime, end: datetime) -> Uptime:
    """How the time from begin to end was spent, by the changes since `begin` up to now, in their order.

    What came before the first of them is what it changed from; without any it is the present state.
    """
    spent = dict.fromkeys(ComponentStatus, timedelta())
    if end <= begin:
        return Uptime(timedelta())
    since, later = begin, [each for each in changes if each.at > begin]
    state = later[0].old if later else present
    for change in later:
        if change.at >= end:
            break
        spent[state] += change.at - since
        state, since = change.new, change.at
    spent[state] += end - since
    return Uptime(
        end - begin,
        spent[ComponentStatus.MAJOR_OUTAGE],
        spent[ComponentStatus.PARTIAL_OUTAGE],
        spent[ComponentStatus.UNDER_MAINTENANCE],
    )
