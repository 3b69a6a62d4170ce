"""Limits: how often something may be done, counted in the database so that all processes share the count."""

from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, ip_address, ip_network

from sqlalchemy import delete

from .db import db, upsert
from .errors import TooMany
from .models import RateCount


def count(key: str, amount: int, per: timedelta, now: datetime) -> int:
    """Count so many more uses of `key` and say how many there are now in the present window.

    One atomic statement with a commit of its own, so that a use which is then refused counts too.
    """
    window_at = datetime.fromtimestamp(now.timestamp() // per.total_seconds() * per.total_seconds(), UTC)
    insert = upsert(RateCount).values(key=key[:120], window_at=window_at, count=amount)
    counted = insert.on_conflict_do_update(
        index_elements=["key", "window_at"], set_={"count": RateCount.count + amount}
    ).returning(RateCount.count)
    found: int = db.session.execute(counted).scalar_one()
    db.session.commit()
    return found


def allow(key: str, at_most: int, per: timedelta, now: datetime) -> bool:
    """Count one more use of `key` in the present window and say whether it is within the limit."""
    return count(key, 1, per, now) <= at_most


def require(key: str, at_most: int, per: timedelta, now: datetime, sentence: str) -> None:
    """As `allow`, but raise TooMany with the sentence when the limit is passed."""
    if not allow(key, at_most, per, now):
        rest = per.total_seconds() - now.timestamp() % per.total_seconds()
        raise TooMany(sentence, retry_after=max(1, int(rest)))


def network_of(address: str) -> str:
    """The network that counts as one visitor: the address itself in IPv4, its /64 in IPv6."""
    try:
        found = ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(found, IPv4Address):
        return str(found)
    # A server that listens on :: sees IPv4 visitors in IPv6 clothes, all of them in one /64.
    return str(found.ipv4_mapped or ip_network((found, 64), strict=False))


def forget_old(now: datetime) -> None:
    """Drop the counts of windows long gone."""
    db.session.execute(delete(RateCount).where(RateCount.window_at < now - timedelta(days=2)))
    db.session.commit()
