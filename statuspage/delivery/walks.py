"""The way through a shard: who in it is still owed, window by window, and how far everybody is settled."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, select

from ..db import UtcDateTime, db, reading, reading_on
from ..models import Announcement, Shard, Subscriber
from ..prepared import Prepared, stamp
from ..sealing import SEALED, unsealed
from ..vocabulary import AnnouncementKind
from .audience import Said, is_owed
from .letters import Letter

_MAY_GO_ON = (
    select(Shard.id)
    .join(Announcement)
    .where(
        Shard.id == bindparam("of"),
        Shard.lease_token == bindparam("token"),
        Announcement.stopped_at.is_(None),
        Announcement.withdrawn_at.is_(None),
    )
)


class Met(NamedTuple):
    """Somebody on the way: who they are, where they are reached, and whether they still want to be."""

    number: int
    public_id: str
    salt: str
    address: str
    state: str


@dataclass
class Walk:
    """One worker's way through a leased shard: whom it has fetched, and who of them is settled."""

    shard: Shard
    letter: Letter
    token: str
    query: Prepared
    asked: Mapping[str, Any]
    fetched: int
    # How many of the next ones may have been sent to by a worker that died.
    doubtful: int = 0
    # Whether something older of the same incident may still be owed to the same people.
    has_older: bool = False
    fetched_all: bool = False
    # No more is fetched: something else is more urgent, or the shard is no longer this worker's.
    is_left: bool = False
    # Closed, or given back.
    is_over: bool = False
    waiting: deque[int] = field(default_factory=deque)
    settled: set[int] = field(default_factory=set)

    @property
    def announcement(self) -> Announcement:
        """What is being said."""
        return self.shard.announcement

    @property
    def is_done(self) -> bool:
        """Whether everybody in it is settled."""
        return self.fetched_all and not self.waiting

    def window(self, connection: Connection, most: int) -> list[Met]:
        """The next recipients in order of id, as they are now; marks the end when there are no more.

        None come when the shard is no longer this worker's, or its announcement was stopped or withdrawn.
        """
        with reading_on(connection):
            asked = {**self.asked, "after": self.fetched, "most": most}
            rows = [_met(row) for row in self.query.run(connection, asked).fetchall()]
            mine = {"of": self.shard.id, "token": self.token}
            self.is_left = len(rows) < most and connection.execute(_MAY_GO_ON, mine).first() is None
        if rows:
            self.fetched = rows[-1].number
            self.waiting.extend(row.number for row in rows)
        self.fetched_all = len(rows) < most and not self.is_left
        return rows

    def reach(self, subscriber_ids: Sequence[int]) -> int:
        """These are settled; the id up to which everybody is comes back."""
        self.settled.update(subscriber_ids)
        while self.waiting and self.waiting[0] in self.settled:
            self.settled.discard(self.waiting.popleft())
        if self.waiting:
            return self.waiting[0] - 1
        return self.shard.last_id if self.fetched_all else self.fetched


def _met(row: Sequence[Any]) -> Met:
    """Read past the types of columns: what is sealed must be opened here."""
    met = Met._make(row)
    return met._replace(address=unsealed(met.address)) if met.address.startswith(SEALED) else met


def walk(shard: Shard, letter: Letter, doubtful: int) -> Walk:
    """The way through a shard that has just been taken."""
    announcement = shard.announcement
    with reading():
        has_older = db.session.scalar(
            select(Announcement.id)
            .where(Announcement.incident_id == shard.incident_id, Announcement.id < shard.announcement_id)
            .limit(1)
        )
    query = _query(
        db.engine.dialect.name,
        announcement.kind,
        announcement.is_key_moment,
        announcement.incident_id is not None,
        len(announcement.component_ids),
    )
    return Walk(
        shard,
        letter,
        shard.lease_token,
        query,
        _asked(shard),
        fetched=shard.reached,
        doubtful=doubtful if shard.is_doubtful else 0,
        has_older=has_older is not None,
    )


@lru_cache(maxsize=256)
def _query(_dialect: str, kind: AnnouncementKind, is_key_moment: bool, has_incident: bool, components: int) -> Prepared:
    """Who of a shard is owed an announcement of this shape; put together once for all announcements of the shape."""
    said = Said(
        id=bindparam("about"),
        kind=kind,
        page_id=bindparam("page"),
        incident_id=bindparam("incident") if has_incident else None,
        update_id=bindparam("said"),
        sequence=bindparam("sequence"),
        is_key_moment=is_key_moment,
        component_ids=[bindparam(f"component{number}") for number in range(components)],
        created_at=bindparam("at", type_=UtcDateTime()),
    )
    found = (
        select(Subscriber.id, Subscriber.public_id, Subscriber.salt, Subscriber.address, Subscriber.state)
        .where(
            _MAY_GO_ON.exists(),
            Subscriber.channel == bindparam("on"),
            is_owed(said),
            Subscriber.id > bindparam("after"),
            Subscriber.id <= bindparam("last"),
        )
        .order_by(Subscriber.id)
        .limit(bindparam("most"))
    )
    return Prepared(found, db.engine.dialect, *_OPEN, *(f"component{number}" for number in range(components)))


_OPEN = (
    "of", "token", "on", "after", "last", "most", "about", "page", "incident", "said", "sequence", "at",
)  # fmt: skip


def _asked(shard: Shard) -> dict[str, Any]:
    announcement = shard.announcement
    return {
        "of": shard.id,
        "token": shard.lease_token,
        "on": shard.channel,
        "last": shard.last_id,
        "about": announcement.id,
        "page": announcement.page_id,
        "incident": announcement.incident_id,
        "said": announcement.update_id,
        "sequence": announcement.sequence,
        "at": stamp(announcement.created_at, db.engine.dialect),
        **{f"component{number}": found for number, found in enumerate(announcement.component_ids)},
    }
