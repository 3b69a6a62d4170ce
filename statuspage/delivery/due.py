"""What is due now: one question for all channels and lanes, so that idle senders need not ask one each."""

from collections.abc import Collection
from datetime import datetime
from functools import lru_cache

from sqlalchemy import CompoundSelect, exists, literal, select, union_all

from ..db import db, reading
from ..vocabulary import Lane
from . import claims, shards


def due(channels: Collection[str], now: datetime) -> set[tuple[str, Lane]]:
    """On which channels and lanes a worker would find something to do."""
    if not channels:
        return set()
    with reading():
        found = db.session.execute(_question(tuple(sorted(channels))), {"now": now, "old": now - shards.NEWS_FOR})
        return {(row.channel, Lane(row.lane)) for row in found}


@lru_cache(maxsize=8)
def _question(channels: tuple[str, ...]) -> CompoundSelect[tuple[str, str]]:
    """For each channel and lane a look at the first that is due; each goes straight to its place in an index."""
    parts = []
    for channel in channels:
        conditions = [(lane, claims.is_due(channel, lane)) for lane in (Lane.FAST, Lane.RETRY)]
        conditions.append((Lane.BULK, shards.is_due(channel)))
        parts += [
            select(literal(channel).label("channel"), literal(lane.value).label("lane")).where(exists().where(is_due))
            for lane, is_due in conditions
        ]
    return union_all(*parts)
