"""The stretches of time that figures are asked for."""

from datetime import datetime, timedelta
from enum import StrEnum


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

    def since(self, now: datetime) -> datetime | None:
        """When it begins; None where it has no beginning."""
        return None if self is Period.ALL else now - timedelta(days=int(self.value))


USUAL = Period.DAYS_90
