"""The receipt of one announcement: who was reached, how fast, and what became of the others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from statuspage.analytics.words import soon
from statuspage.delivery import reach, unreported
from statuspage.delivery.reach import REACHED, Curve
from statuspage.kept import kept
from statuspage.models import Announcement
from statuspage.vocabulary import WAITING_STATES, DeliveryState

from .curves import Chart, chart
from .standings import Standing

# Providers may say for so long whether an SMS arrived.
LIVE_FOR = timedelta(hours=1)
SHARES = (0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1.0)


@dataclass(frozen=True)
class Row:
    """One channel, or all of them: how many in each state, and when half, nearly all and the last were reached."""

    channel: str
    states: Mapping[DeliveryState, int]
    curve: Curve
    # Of those sent: the provider has said nothing more for a quarter of an hour.
    unreported: int = 0

    @property
    def owed(self) -> int:
        """How many it is owed to."""
        return sum(self.states.values())

    @property
    def waiting(self) -> int:
        """How many are still to be sent."""
        return sum(self.states.get(state, 0) for state in WAITING_STATES)

    @property
    def reached(self) -> int:
        """How many were."""
        return sum(self.states.get(state, 0) for state in REACHED)

    def within(self, share: float) -> str:
        """How long it took until this share of those reached had been."""
        return soon(self.curve.until(share)) if self.curve.total else "—"

    @property
    def last(self) -> str:
        """How long until the last."""
        return soon(self.curve.last) if self.curve.total else "—"

    @property
    def sentence(self) -> str:
        """The curve in words."""
        name = {"sms": "SMS"}.get(self.channel, self.channel.capitalize())
        if not self.curve.total:
            return f"{name}: nobody reached yet."
        return (
            f"{name}: {self.reached:,} of {self.owed:,} reached, half of them after {self.within(0.5)}, "
            f"95 % after {self.within(0.95)}, the last after {self.last}."
        )


@dataclass(frozen=True)
class ReceiptOf:
    """Everything the receipt shows."""

    announcement: Announcement
    whole: Row
    rows: Sequence[Row]
    chart: Chart | None
    is_live: bool

    @property
    def states(self) -> list[DeliveryState]:
        """The states that occur, in the order of the vocabulary."""
        return [state for state in DeliveryState if self.whole.states.get(state)]

    @property
    def words(self) -> str:
        """The chart for those who do not see it."""
        return " ".join(row.sentence for row in self.rows)

    shares = SHARES


def of(standing: Standing, now: datetime) -> ReceiptOf:
    """The receipt as things stand."""
    announcement, channels = standing.announcement, standing.channels
    curves = kept().get(("curves", announcement.id), lambda: reach.curves(announcement, channels))
    silent = unreported.counts(announcement, now)
    rows = [
        Row(channel, states, curves.get(channel, Curve()), silent.get(channel, 0))
        for channel, states in channels.items()
    ]
    whole = Row("all", standing.progress.states, reach.together([row.curve for row in rows]), sum(silent.values()))
    drawn = chart(curves, {row.channel: row.owed for row in rows})
    is_live = not standing.is_done or now - announcement.created_at < LIVE_FOR
    return ReceiptOf(announcement, whole, rows, drawn, is_live)
