"""Before the first word somebody has to take each role: one person after the other is asked until one does. Pure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

LONGEST_WAIT = timedelta(minutes=5)


@dataclass(frozen=True)
class Search:
    """The search for somebody to take a role: since when, who was asked, and when the last of them was."""

    since: datetime
    every: timedelta
    asked: Collection[int] = ()
    asked_at: datetime | None = None

    @property
    def next_at(self) -> datetime:
        """When the next person is asked."""
        return self.since if self.asked_at is None else self.asked_at + self.every

    def next_person(self, numbers: Sequence[int], now: datetime, spared: Collection[int] = ()) -> int | None:
        """Who is asked now; None when it is not time, or everybody was asked. `spared` have enough to read already."""
        if now < self.next_at:
            return None
        left = [number for number in numbers if number not in self.asked]
        return next((number for number in left if number not in spared), None)

    def next_look(self, numbers: Sequence[int], now: datetime) -> datetime | None:
        """When to look again; None once everybody was asked."""
        if all(number in self.asked for number in numbers):
            return None
        return self.next_at if self.next_at > now else now + self.every


def patience(first: timedelta) -> timedelta:
    """How long each person has before the next is asked, with this much time to the first public word."""
    return min(LONGEST_WAIT, first / 3)
