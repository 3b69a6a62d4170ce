"""Business hours: when somebody is at work, and when the next day begins. Outside of them it is quiet."""

from collections.abc import Container
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

# Longer than any run of holidays; whoever is closed for so long has no hours at all.
FARTHEST = 40


@dataclass(frozen=True)
class Hours:
    """From `opens` to `closes` by the wall clock of the zone, on these days of the week (0 is Monday).

    `holidays` names a country and perhaps a part of it, "DE" or "DE-BE", on whose public holidays it stays closed.
    """

    zone: str
    opens: time
    closes: time
    days: tuple[int, ...] = (0, 1, 2, 3, 4)
    holidays: str = ""

    @property
    def are_known(self) -> bool:
        """Whether zone and holidays are known here; a library may forget what it knew when they were saved."""
        try:
            ZoneInfo(self.zone)
            public_holidays(self.holidays)
        except (ValueError, KeyError):
            return False
        return True

    def are_open(self, at: datetime) -> bool:
        """Whether somebody is at work at this instant; at the closing time itself still."""
        local = at.astimezone(ZoneInfo(self.zone))
        return self._is_working(local.date()) and self._opening(local.date()) <= at <= self._closing(local.date())

    def next_opening(self, at: datetime) -> datetime:
        """The first instant from `at` on when somebody is at work; `at` itself where somebody is."""
        if self.are_open(at):
            return at
        today = at.astimezone(ZoneInfo(self.zone)).date()
        for day in (today + timedelta(days=number) for number in range(FARTHEST)):
            if self._is_working(day) and self._opening(day) >= at:
                return self._opening(day)
        return at  # hours that never come hold nothing back

    def _is_working(self, day: date) -> bool:
        return day.weekday() in self.days and day not in public_holidays(self.holidays)

    def _opening(self, day: date) -> datetime:
        return _instant(day, self.opens, self.zone)

    def _closing(self, day: date) -> datetime:
        return _instant(day, self.closes, self.zone)


@cache
def public_holidays(place: str) -> Container[date]:
    """The public holidays of a country or a part of it; raises ValueError with a sentence where it is not known."""
    if not place:
        return ()
    import holidays  # noqa: PLC0415 - a seventh of a second that only those pay who keep business hours

    country, _, part = place.partition("-")
    try:
        return holidays.country_holidays(country, subdiv=part or None)
    except NotImplementedError as error:
        raise ValueError(f"The holidays of “{place[:20]}” are not known. Write a country like DE, or DE-BE.") from error


def _instant(day: date, clock: time, zone: str) -> datetime:
    # Through UTC and back: a wall-clock time that the spring change leaves out becomes the instant just after it.
    return datetime.combine(day, clock, ZoneInfo(zone)).astimezone(UTC)
