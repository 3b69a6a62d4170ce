"""Values from a stranger's file, one by one: each comes back as what it must be, or the reason why it cannot."""

import re
from collections.abc import Collection
from datetime import UTC, date, datetime
from typing import Any

from .. import text
from .facts import Unreadable

ID = re.compile(r"[a-z0-9]{12}")
BODY_MOST = 25_000
EARLIEST, LATEST = datetime(1990, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
_NO_TEXT = re.compile("[\ud800-\udfff]")


def mapping(value: Any) -> dict[str, Any]:
    """An object."""
    if not isinstance(value, dict):
        raise Unreadable("is not an object.")
    return value


def listed(item: dict[str, Any], name: str) -> list[Any]:
    """A list; none at all counts as empty."""
    value = item.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise Unreadable(f"{name} is not a list.")
    return value


def identity(item: dict[str, Any], name: str = "id") -> str:
    """An id of twelve lower-case letters and digits."""
    value = item.get(name)
    if not isinstance(value, str) or not ID.fullmatch(value):
        raise Unreadable(f"{name} is not twelve lower-case letters and digits.")
    return value


def words(item: dict[str, Any], name: str) -> str:
    """Text as it stands in the file, as long as it is text."""
    value = item.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Unreadable(f"{name} is not text.")
    if _NO_TEXT.search(value):
        raise Unreadable(f"{name} has bytes that are no UTF-8.")
    return value


def line(item: dict[str, Any], name: str, most: int) -> str:
    """One line that is not empty."""
    value = text.one_line(words(item, name))
    if not value:
        raise Unreadable(f"{name} is empty.")
    if len(value) > most:
        raise Unreadable(f"{name} has {len(value):,} characters; {most} is the most.")
    return value


def body(item: dict[str, Any], name: str) -> str:
    """A statement's words. What is harmless stays byte for byte as it was, line ends and outer blanks included."""
    value = words(item, name)
    if len(value) > BODY_MOST:
        raise Unreadable(f"{name} has {len(value):,} characters; {BODY_MOST:,} is the most.")
    cleaned = text.block(value)
    return value if cleaned == value.replace("\r\n", "\n").strip() else cleaned


def word(item: dict[str, Any], name: str, known: Collection[str]) -> str:
    """One of the known words."""
    value = item.get(name)
    if not isinstance(value, str) or value not in known:
        raise Unreadable(f"{name} is none of {', '.join(known)}.")
    return value


def whole(item: dict[str, Any], name: str) -> int:
    """A whole number of usual size."""
    value = item.get(name, 0)
    if value is None:
        return 0
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > 1_000_000:
        raise Unreadable(f"{name} is not a small whole number.")
    return value


def day(item: dict[str, Any], name: str) -> date | None:
    """A calendar day, or none."""
    value = item.get(name)
    try:
        return None if value is None else date.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise Unreadable(f"{name} is not a day like 2024-09-16.") from error


def instant(item: dict[str, Any], name: str) -> datetime:
    """A time with its zone."""
    found = maybe_instant(item, name)
    if found is None:
        raise Unreadable(f"{name} is missing.")
    return found


def maybe_instant(item: dict[str, Any], name: str) -> datetime | None:
    """A time with its zone, or none."""
    value = item.get(name)
    if value is None:
        return None
    return read_instant(value, name)


def read_instant(value: Any, name: str) -> datetime:
    """The time that this says."""
    try:
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise Unreadable(f"{name} is not a time like 2024-09-16T21:31:02.719Z.") from error
    if found.tzinfo is None:
        raise Unreadable(f"{name} has no time zone.")
    try:
        found = found.astimezone(UTC)
    except OverflowError as error:
        raise Unreadable(f"{name} is outside of all calendars.") from error
    if not EARLIEST <= found <= LATEST:
        raise Unreadable(f"{name} is in the year {found.year}.")
    return found
