"""Fakes at the domain's seams, and short ways to ask the ledger."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from notifiers import DeliveryError, Envelope, Message, Outcome, Preview, Receipt
from statuspage.db import db
from statuspage.delivery.dispatcher import WINDOW, Dispatcher
from statuspage.delivery.receipts import progress
from statuspage.drafts import UpdateDraft
from statuspage.models import Announcement, AuditEntry, Delivery
from statuspage.vocabulary import IncidentStatus
from tests.conftest import NOON

Answer = Receipt | DeliveryError


class FakeChannel:
    """A channel whose answers are scripted: used up one by one, the last one stands for good."""

    label = "Fake"
    is_live = True

    def __init__(self, *answers: Answer, kind: str = "email", for_address: Mapping[str, Answer] | None = None) -> None:
        self.kind = kind
        self.knows_repeats = kind == "email"
        self.answers = list(answers) or [Receipt("from-the-fake")]
        self.for_address = dict(for_address or {})
        self.sent: list[Envelope] = []
        self.before_answering: Callable[[Envelope], object] = lambda envelope: None

    @property
    def recipients(self) -> list[str]:
        return [envelope.address for envelope in self.sent]

    @property
    def messages(self) -> list[Message]:
        return [envelope.personal() for envelope in self.sent]

    def clean(self, address: str) -> str:
        return address.strip()

    def preview(self, message: Message, address: str) -> Preview:
        return Preview(message.text)

    def deliver(self, envelopes: Iterable[Envelope]) -> Iterator[Outcome]:
        for envelope in envelopes:
            self.sent.append(envelope)
            self.before_answering(envelope)
            db.session.rollback()  # whatever it looked at, it did not look at from the dispatcher's own session
            yield Outcome(envelope.key, self._answer(envelope.address))

    def _answer(self, address: str) -> Answer:
        if address in self.for_address:
            return self.for_address[address]
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@dataclass
class Clock:
    """A clock that stands until it is moved, or ticks whenever it is looked at."""

    now: datetime = NOON
    ticks: timedelta = timedelta()

    def __call__(self) -> datetime:
        self.now += self.ticks
        return self.now

    def move(self, **span: float) -> datetime:
        self.now += timedelta(**span)
        return self.now


@dataclass
class Worker:
    """A dispatcher over fakes, on a clock that the test moves."""

    channels: dict[str, FakeChannel]
    clock: Clock = field(default_factory=Clock)
    window: int = WINDOW

    @property
    def dispatcher(self) -> Dispatcher:
        return Dispatcher(self.channels, window=self.window, clock=self.clock, jitter=lambda: 1.0)

    def run(self, **later: float) -> int:
        self.clock.move(**later)
        return self.dispatcher.run_until_idle()


def email_worker(*answers: Answer, for_address: Mapping[str, Answer] | None = None) -> tuple[Worker, FakeChannel]:
    channel = FakeChannel(*answers, for_address=for_address)
    return Worker({"email": channel}), channel


def said(body: str = "We know more.", status: IncidentStatus = IncidentStatus.IDENTIFIED, **more: Any) -> UpdateDraft:
    """A draft with the usual words."""
    return UpdateDraft(status, body, **more)


def ledger(**where: Any) -> list[Delivery]:
    """The deliveries as the database has them now."""
    db.session.rollback()
    query = select(Delivery).filter_by(**where).order_by(Delivery.id)
    return list(db.session.scalars(query.execution_options(populate_existing=True)))


def only_row(**where: Any) -> Delivery:
    rows = ledger(**where)
    assert len(rows) == 1, f"{len(rows)} rows"
    return rows[0]


def states(**where: Any) -> Counter[str]:
    """How many deliveries are in each state; those still in a shard are pending."""
    if where:
        return Counter(row.state.value for row in ledger(**where))
    db.session.rollback()
    found: Counter[str] = Counter()
    for each in announcements():
        db.session.refresh(each)
        found.update({state.value: count for state, count in progress(each).states.items()})
    return found


def announcements(**where: Any) -> list[Announcement]:
    return list(db.session.scalars(select(Announcement).filter_by(**where).order_by(Announcement.id)))


def acts() -> list[str]:
    """What the audit says was done, in order."""
    return list(db.session.scalars(select(AuditEntry.act).order_by(AuditEntry.id)))
