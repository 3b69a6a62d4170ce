"""The feed: what a channel is given next, made only when the wire has room for it.

Confirmations and reminders first; then a window of a shard, with at most a fifth of retries among it.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy import select, update
from sqlalchemy.exc import DBAPIError

from notifiers import Channel, DeliveryError, Envelope, Metered, NeedsSecret, Paced, Reconciles

from .. import spending, subscriptions
from ..db import db, reading, will_pass
from ..models import Delivery, Shard
from ..models.delivery import is_waiting
from ..pacing import Throttle, nap
from ..vocabulary import DeliveryState, Lane, SubscriberState
from . import breakers, claims, shards, walks
from .eligibility import refusal, spared_because
from .expansion import NEWER
from .ledger import Ledger
from .letters import Letter
from .owed import Owed, Verdict, unanswered
from .walks import Walk

log = structlog.get_logger(__name__)

ALL_LANES = (Lane.FAST, Lane.BULK, Lane.RETRY)
SHARE_OF_RETRIES = 5
LOOK_UP_EVERY = timedelta(milliseconds=100)
MOST_LETTERS = 8
NEVER = datetime.max.replace(tzinfo=UTC)
UNWRITABLE = "The message could not be put together"


@dataclass
class Feed:
    """An iterator of envelopes for one call of `deliver`. `size` is the window: the most in hand at once."""

    channel: Channel
    ledger: Ledger
    lanes: Sequence[Lane]
    lease: timedelta
    clock: Callable[[], datetime]
    is_stopping: Callable[[], bool]
    size: int
    most: int | None = None
    # Whether even what is in hand is no longer waited for (`notifiers.Hurried`).
    is_out_of_time: Callable[[], bool] = field(default=lambda: False)
    taken: int = 0
    failure: DeliveryError | None = None
    held_until: datetime = NEVER
    claimed: set[str] = field(default_factory=set)
    ways: list[Walk] = field(default_factory=list)
    in_hand: dict[int, Owed] = field(default_factory=dict)
    _ready: deque[tuple[Owed, Letter, dict[str, str], str]] = field(default_factory=deque)
    _letters: dict[int, Letter] = field(default_factory=dict)
    _retries: int = 0
    _throttle: Throttle = field(init=False)
    _is_metered: bool = field(init=False)
    _is_paced: bool = field(init=False)
    _is_signed: bool = field(init=False)
    _is_interrupted: bool = False
    _looked_up: datetime | None = None

    def __post_init__(self) -> None:
        self._throttle = Throttle(self.channel, sleep=nap(self.is_stopping))
        self._is_metered = isinstance(self.channel, Metered)
        self._is_signed = isinstance(self.channel, NeedsSecret) and self.channel.needs_secret
        self._is_paced = isinstance(self.channel, Paced)

    def __iter__(self) -> Iterator[Envelope]:
        return self

    def __next__(self) -> Envelope:
        """The next message; the end when nothing is due, the lease is over, or the engine is asked to stop."""
        while not self._must_end():
            if len(self.in_hand) + len(self.ledger.pending) >= self.size:
                self.ledger.write()
            if self._ready:
                if self._is_paced:
                    self._throttle.wait(len(self._ready))
                    if self.is_stopping():
                        break
                return self._hand_out(*self._ready.popleft())
            if not self._refill():
                break
        raise StopIteration

    def take_back(self, key: str | int) -> Owed:
        """The message of this key has been answered for."""
        owed = self.in_hand.pop(int(key))
        if owed.row is not None and owed.row.lane is Lane.RETRY:
            self._retries -= 1
        return owed

    def renew(self) -> None:
        """Whatever is held stays held for another lease; may be called from another thread.

        A lease that is over stays over: somebody else may hold the same by now.
        """
        now = self.clock()
        if now >= self.held_until:
            return
        until = now + self.lease
        for token in tuple(self.claimed):
            claims.renew(token, until)
        for way in tuple(self.ways):
            shards.renew(way.token, until)
        self.held_until = until

    def end(self, due_at: datetime | None = None) -> None:
        """Write down what is known and give everything else back."""
        self.ledger.write()
        for token in self.claimed:
            claims.release(token, self.clock())
        self.claimed.clear()
        reason = str(self.failure or "")
        for way in self._open_ways():
            # What is still in hand was given to a channel that broke off: it may have left.
            self.ledger.leave(way, due_at, reason, is_doubtful=any(owed.way is way for owed in self.in_hand.values()))
        self.ways.clear()
        self.ledger.close()

    def _must_end(self) -> bool:
        if self._is_interrupted or (self.most is not None and self.taken >= self.most):
            return True
        return self.failure is not None or self.is_stopping() or self.clock() >= self.held_until

    def _hand_out(self, owed: Owed, letter: Letter, values: dict[str, str], address: str) -> Envelope:
        self.taken += 1
        self.in_hand[self.taken] = owed
        if owed.row is not None and owed.row.lane is Lane.RETRY:
            self._retries += 1
        secrets = self._secrets(owed) if self._is_signed else ()
        return Envelope(self.taken, address, letter.message, values, secrets)

    def _secrets(self, owed: Owed) -> tuple[str, ...]:
        """What this message is signed with, on channels that sign."""
        if owed.subscriber_id is None:
            return ()
        with reading():
            return subscriptions.secrets_for(owed.subscriber_id, self.clock())

    def _refill(self) -> bool:
        """Fetch what comes next, with eligibility as it is now; False when nothing is due.

        While the database is away nothing is: what is in hand is answered for, and then noted.
        """
        try:
            return self._fetch()
        except DBAPIError as error:
            db.session.rollback()
            if not will_pass(error):
                raise
            log.warning("delivery.interrupted", channel=self.channel.kind, why=repr(error.orig))
            self._is_interrupted = True
            return bool(self._ready)

    def _fetch(self) -> bool:
        self.ledger.write()
        now, has_worked = self.clock(), False
        is_time = self._looked_up is None or now - self._looked_up >= LOOK_UP_EVERY
        if is_time:
            self._looked_up = now
            if breakers.is_paused(self.channel.kind, now):
                self.lanes = [lane for lane in self.lanes if lane is Lane.FAST]
            has_worked |= self._claim_rows(Lane.FAST, self.size, now)
            self._give_way(now)
        if not (self.most and self._ready):
            has_worked |= self._walk_on(now)
        if is_time or not has_worked:
            retries = max(1, self.size // SHARE_OF_RETRIES) - self._retries
            has_worked |= self._claim_rows(Lane.RETRY, retries, now)
        return has_worked or (not is_time and self._claim_rows(Lane.FAST, self.size, now))

    # Rows of their own

    def _claim_rows(self, lane: Lane, room: int, now: datetime) -> bool:
        if lane not in self.lanes or room <= 0:
            return False
        rows = claims.claim(self.channel.kind, lane, self.most or room, self.lease, now)
        if rows:
            self.claimed.add(rows[0].lease_token)
            self.held_until = min(self.held_until, now + self.lease)
        for row in rows:
            self._prepare(row, now)
        return bool(rows)

    def _prepare(self, row: Delivery, now: datetime) -> None:
        owed = Owed(row.announcement, row.subscriber_id, row=row, is_doubtful=row.is_doubtful)
        if refused := refusal(row, now):
            self.ledger.note(owed, Verdict(*refused))
            return
        try:
            letter = Letter(row.announcement, row.channel)
            values = letter.values_of(row)
        except Exception as error:  # one poisoned row must not hold up the others
            self._bury(owed, error)
            return
        self._add(owed, letter, values, row.recipient)

    # Shards

    def _walk_on(self, now: datetime) -> bool:
        """Fetch a window from the shard in hand, or from the next one; False when there is none."""
        way = self._way(now)
        if way is None:
            return False
        met = way.window(self.ledger.connection, self.most or self.size)
        behind = self._clear_the_way(way, [each.number for each in met], now) if way.has_older else ()
        announcement, letter = way.announcement, way.letter
        for each in met:
            owed = Owed(announcement, each.number, way=way)
            if each.state != SubscriberState.CONFIRMED:
                reason = spared_because(SubscriberState(each.state))
                self.ledger.note(owed, Verdict(DeliveryState.SUPPRESSED, reason))
            elif each.number in behind:
                self.ledger.note(owed, Verdict(DeliveryState.PENDING, pause=timedelta(0)))
            else:
                if way.doubtful:
                    way.doubtful -= 1
                    owed.is_doubtful = True
                self._add(owed, letter, letter.values(each.number, each.public_id, each.salt), each.address)
        if not way.waiting and (way.is_done or way.is_left):
            self.ledger.leave(way)
        return True

    def _way(self, now: datetime) -> Walk | None:
        if Lane.BULK not in self.lanes:
            return None
        for way in self._open_ways():
            if not way.is_left and not way.fetched_all:
                return way
        while (shard := shards.take(self.channel.kind, self.lease, now)) is not None:
            try:
                letter = self._letter(shard)
            except Exception as error:  # frozen words that make no message now never will
                log.exception("delivery.unrenderable", announcement=shard.announcement_id)
                shards.close(shard, DeliveryState.FAILED, f"{UNWRITABLE}: {error}", now)
                db.session.commit()
                continue
            way = walks.walk(shard, letter, self.size if isinstance(self.channel, Reconciles) else 0)
            self.ways.append(way)
            self.held_until = min(self.held_until, now + self.lease)
            return way
        return None

    def _letter(self, shard: Shard) -> Letter:
        """What the shard's announcement says; the same for all of its shards, as the words are frozen.

        Raises whatever keeps the words from being put together.
        """
        found = self._letters.get(shard.announcement_id)
        if found is None:
            if len(self._letters) >= MOST_LETTERS:
                self._letters.clear()
            found = self._letters[shard.announcement_id] = Letter(shard.announcement, shard.channel)
        return found

    def _give_way(self, now: datetime) -> None:
        """When a newer publish waits, take nothing more from this shard; what is in hand is settled first."""
        for way in self._open_ways():
            is_paused = Lane.BULK not in self.lanes
            if not way.is_left and (is_paused or shards.has_more_urgent(self.channel.kind, way.shard.rank, now)):
                way.is_left = True
                if not way.waiting:
                    self.ledger.leave(way)

    def _open_ways(self) -> list[Walk]:
        self.ways = [way for way in self.ways if not way.is_over]
        return list(self.ways)

    def _clear_the_way(self, way: Walk, subscriber_ids: list[int], now: datetime) -> set[int]:
        """What is older and has failed once gives way (C6). Who must wait for an older one in its turn is returned."""
        announcement = way.announcement
        if not subscriber_ids:
            return set()
        older = (
            is_waiting,
            Delivery.subscriber_id.in_(subscriber_ids),
            Delivery.incident_id == announcement.incident_id,
            Delivery.announcement_id < announcement.id,
        )
        with reading():
            found = db.session.execute(
                select(Delivery.id, Delivery.subscriber_id, Delivery.state, Delivery.attempt_count).where(*older)
            ).all()
        failed = [row.id for row in found if row.state is DeliveryState.PENDING and row.attempt_count]
        if failed:
            db.session.execute(
                update(Delivery)
                .where(Delivery.id.in_(failed), Delivery.state == DeliveryState.PENDING)
                .values(state=DeliveryState.SUPERSEDED, reason=NEWER, settled_at=now)
                .execution_options(synchronize_session=False)
            )
            db.session.commit()
        return {row.subscriber_id for row in found if row.id not in failed}

    # Both

    def _add(self, owed: Owed, letter: Letter, values: dict[str, str], address: str) -> None:
        """Ready for the wire; first the provider is asked, where it can be, whether an earlier try arrived."""
        if owed.is_doubtful and isinstance(self.channel, Reconciles):
            verdict = self._ask(self.channel, owed, Envelope(0, address, letter.message, values))
            if verdict is not None:
                self.ledger.note(owed, verdict)
                return
        elif self._is_metered and not owed.attempt_count:
            refused = spending.refusal(
                self.channel, owed.announcement, Envelope(0, address, letter.message, values), self.clock()
            )
            if refused is not None:
                self.ledger.note(owed, Verdict(*refused))
                return
        self._ready.append((owed, letter, values, address))

    def _ask(self, channel: Reconciles, owed: Owed, envelope: Envelope) -> Verdict | None:
        since = owed.announcement.created_at
        try:
            receipt = channel.find(envelope.personal(), envelope.address, since)
        except DeliveryError as error:
            return unanswered(str(error), owed)
        if receipt is None:
            owed.is_doubtful = False
            return None
        return Verdict(DeliveryState.SENT, receipt.detail, receipt.provider_id, outcome=DeliveryState.SENT)

    def _bury(self, owed: Owed, error: Exception) -> None:
        log.error("delivery.unrenderable", delivery=owed.row and owed.row.id, error=repr(error))
        self.ledger.note(owed, Verdict(DeliveryState.FAILED, f"{UNWRITABLE}: {error}", outcome=DeliveryState.FAILED))
