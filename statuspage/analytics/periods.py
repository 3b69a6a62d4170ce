"""The stretches of time that figures are asked for."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Self
from zoneinfo import ZoneInfo

_MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")


class Period(StrEnum):
    """How far back one looks: an incident belongs to the period in which it began."""

    DAYS_30 = "30"
    DAYS_90 = "90"
    DAYS_365 = "365"
    ALL = "all"

    @property
    def label(self) -> str:
        """The period as people say it."""
        return "All" if self is Period.ALL else f"{self.value} days"

    @property
    def ends_at(self) -> datetime | None:
        """It reaches until now."""
        return None

    def since(self, now: datetime) -> datetime | None:
        """When it begins; None where it has no beginning."""
        return None if self is Period.ALL else now - timedelta(days=int(self.value))


USUAL = Period.DAYS_90


@dataclass(frozen=True)
class Month:
    """A calendar month on the page's own clock: with a change of the clock in it an hour shorter, or longer."""

    year: int
    number: int
    zone: str

    @classmethod
    def of(cls, at: datetime, zone: str) -> Self:
        """The month in which this moment lies."""
        local = at.astimezone(ZoneInfo(zone))
        return cls(local.year, local.month, zone)

    @classmethod
    def read(cls, text: str, zone: str) -> Self:
        """A month as it is written, like "2026-10"; raises ValueError."""
        found = _MONTH.fullmatch(text.strip())
        if not found or not 1970 <= int(found[1]) < 9999:
            raise ValueError("Write the month like 2026-10.")
        return cls(int(found[1]), int(found[2]), zone)

    @property
    def value(self) -> str:
        """The month as programs write it."""
        return f"{self.year:04}-{self.number:02}"

    @property
    def label(self) -> str:
        """The month as people say it."""
        return f"{datetime(self.year, self.number, 1, tzinfo=UTC):%B %Y}"

    @property
    def begins_at(self) -> datetime:
        """Midnight on its first day."""
        return datetime(self.year, self.number, 1, tzinfo=ZoneInfo(self.zone)).astimezone(UTC)

    @property
    def ends_at(self) -> datetime:
        """Midnight after its last day."""
        return self.after.begins_at

    @property
    def before(self) -> "Month":
        """The month before it."""
        return self._away(-1)

    @property
    def after(self) -> "Month":
        """The month after it."""
        return self._away(1)

    def since(self, _now: datetime) -> datetime:
        """When it begins."""
        return self.begins_at

    def _away(self, months: int) -> "Month":
        count = self.year * 12 + self.number - 1 + months
        return Month(count // 12, count % 12 + 1, self.zone)


Stretch = Period | Month
