"""What a file says, before anything is done about it."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from typing import Any


@dataclass(frozen=True)
class GroupFacts:
    """A heading over components."""

    id: str
    name: str
    description: str
    position: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True)
class ComponentFacts:
    """One thing customers rely on, as it stood when the file was written."""

    id: str
    name: str
    description: str
    position: int
    status: str
    group_id: str | None
    created_at: datetime
    updated_at: datetime
    showcase: bool = True
    start_date: date | None = None
    only_show_if_degraded: bool = False


@dataclass(frozen=True)
class Change:
    """How one component stood before and after an update; the name is for those that the file lists nowhere else."""

    component_id: str
    name: str = field(compare=False)
    old: str
    new: str


@dataclass(frozen=True)
class UpdateFacts:
    """One dated statement."""

    id: str
    status: str
    body: str
    at: datetime
    edited_at: datetime | None = None
    is_notified: bool = True
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True)
class IncidentFacts:
    """One incident with its updates, oldest first. A feed is not exact: it knows no seconds and no components."""

    id: str
    title: str
    status: str
    impact: str
    created_at: datetime
    started_at: datetime
    updated_at: datetime
    monitoring_at: datetime | None
    resolved_at: datetime | None
    updates: tuple[UpdateFacts, ...]
    component_ids: tuple[str, ...] = ()
    reminder_intervals: str | None = None
    is_exact: bool = field(default=True, compare=False)


@dataclass(frozen=True)
class SubscriberFacts:
    """One address as exported, with what it asked for by id or name; nothing there means the whole page."""

    id: str
    channel: str
    address: str
    components: tuple[str, ...]
    state: str
    created_at: datetime | None


Facts = GroupFacts | ComponentFacts | IncidentFacts | SubscriberFacts


@dataclass(frozen=True)
class Place:
    """Where in the files something stands."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file} line {self.line}"


@dataclass(frozen=True)
class Found:
    """One item that could be read."""

    place: Place
    facts: Facts


@dataclass(frozen=True)
class Refused:
    """One item that is not taken: it could not be read, or Candor has no place for it yet."""

    place: Place
    item: str
    reason: str
    is_broken: bool = True


@dataclass
class Contents:
    """All that was in the files."""

    found: list[Found] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, other: "Contents") -> None:
        """Take in what another file says."""
        self.found += other.found
        self.refused += other.refused
        self.notes += other.notes


class Unreadable(Exception):
    """An item, or a whole file, that cannot be read; the sentence says why."""

    def __init__(self, reason: str, line: int = 0) -> None:
        self.line = line
        super().__init__(reason)


def fingerprint(facts: Facts) -> str:
    """Equal for equal facts, in 32 characters."""
    plain = {key: value for key, value in asdict(facts).items() if key != "is_exact"}
    for update in plain.get("updates", ()):
        for change in update["changes"]:
            del change["name"]
    text = json.dumps(plain, sort_keys=True, default=_plain)
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:32]


def derived_id(*parts: object) -> str:
    """Twelve letters and digits for something that has no id in the file: the same at every import."""
    number = int.from_bytes(hashlib.sha256("|".join(map(str, parts)).encode(errors="replace")).digest()[:12])
    digits = ""
    for _ in range(12):
        number, rest = divmod(number, 36)
        digits += "0123456789abcdefghijklmnopqrstuvwxyz"[rest]
    return digits


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else list(value) if isinstance(value, Iterable) else value
