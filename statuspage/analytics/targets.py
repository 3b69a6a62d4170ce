"""Uptime against targets: what each component was allowed to be down, and how much of that it has used."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from ..uptime import Uptime, uptime
from .facts import ComponentFacts, History

# What a float may be off by is not what decides about a target.
_HAIR = timedelta(milliseconds=1)


@dataclass(frozen=True)
class Standing:
    """One component in one period. `since`: from when its state is known, as far as the period reaches."""

    component: ComponentFacts
    since: datetime
    # Whether its state is known for the whole period; if not, there is no uptime to speak of.
    is_whole: bool
    uptime: Uptime

    @property
    def name(self) -> str:
        """Of which component."""
        return self.component.name

    @property
    def share(self) -> float | None:
        """The share of the time it was up; None without enough history."""
        return self.uptime.share if self.is_whole else None

    @property
    def budget(self) -> timedelta | None:
        """How long it may be down in the time that counts; None without a target or enough history."""
        if self.component.target is None or self.share is None:
            return None
        return self.uptime.counted * ((100 - self.component.target) / 100)

    @property
    def used(self) -> float | None:
        """The share of the budget that is used; above 1 the target is missed."""
        return self.uptime.down / self.budget if self.budget else None

    @property
    def is_met(self) -> bool | None:
        """Whether the target is met."""
        return None if self.budget is None else self.uptime.down <= self.budget + _HAIR


def standings(history: History) -> tuple[Standing, ...]:
    """Each component's uptime in this period, in the page's order; without those that came only after it."""
    return tuple(_standings(history))


def _standings(history: History) -> Iterable[Standing]:
    wanted = history.period.since(history.now)
    for each in history.components:
        since = max(each.known_since, wanted) if wanted else each.known_since
        if since < history.until:
            is_whole = wanted is None or each.known_since <= wanted
            spent = uptime(each.changes, each.status, since, history.until)
            yield Standing(each, since, is_whole, spent)
