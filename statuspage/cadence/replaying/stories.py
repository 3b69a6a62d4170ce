"""What a history says: incidents as the public heard of them, and what of it cannot be measured."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise

from ...vocabulary import IncidentStatus, Severity


@dataclass(frozen=True)
class Statement:
    """One public update: when, and where the incident stood from then on."""

    at: datetime
    status: IncidentStatus


@dataclass(frozen=True)
class Story:
    """One incident, its statements oldest first.

    `known_at` is when somebody knew of it, where that is on record beside the first update.
    """

    id: str
    title: str
    statements: tuple[Statement, ...]
    known_at: datetime | None = None
    severity: Severity | None = None

    @property
    def is_open(self) -> bool:
        """Whether the last word said leaves people waiting."""
        return self.statements[-1].status is not IncidentStatus.RESOLVED


@dataclass(frozen=True)
class Broken:
    """An item that cannot be measured, and why."""

    line: int
    item: str
    reason: str


@dataclass(frozen=True)
class History:
    """All that is measured, what was left out, and what must be said about it."""

    name: str
    stories: tuple[Story, ...]
    maintenance: int = 0
    broken: tuple[Broken, ...] = ()
    notes: tuple[str, ...] = ()


def tidied(history: History, now: datetime) -> History:
    """The history in the order of time, each incident once, nothing in it from the future; what was done is noted."""
    stories, notes = _each_once(history.stories), list(history.notes)
    if twice := len(history.stories) - len(stories):
        notes.append(f"{_are(twice)} told more than once: the telling with more updates counts.")
    past = [_until(story, now) for story in stories]
    if future := sum(len(a.statements) - len(b.statements) for a, b in zip(stories, past, strict=True)):
        are = "updates lie" if future > 1 else "update lies"
        notes.append(f"{future:,} {are} in the future, after {now:%Y-%m-%d %H:%M} UTC, and were left out.")
    stories = sorted((story for story in past if story.statements), key=lambda story: story.statements[0].at)
    return replace(history, stories=tuple(stories), notes=tuple(notes + _remarks(stories)))


def _remarks(stories: list[Story]) -> list[str]:
    notes = []
    if single := sum(len(story.statements) == 1 for story in stories):
        notes.append(f"{_have(single)} a single update, and so no gap.")
    if same := sum(a.at == b.at for story in stories for a, b in pairwise(story.statements)):
        notes.append(f"{same:,} {'gaps have' if same > 1 else 'gap has'} no length, because updates share a time.")
    if still := sum(story.is_open for story in stories):
        notes.append(f"{_are(still)} still open: the silence after the last update is not counted.")
    return notes


def _each_once(stories: Iterable[Story]) -> list[Story]:
    best: dict[str, Story] = {}
    for story in stories:
        if story.id not in best or len(story.statements) > len(best[story.id].statements):
            best[story.id] = story
    return list(best.values())


def _until(story: Story, now: datetime) -> Story:
    return replace(story, statements=tuple(each for each in story.statements if each.at <= now))


def _are(count: int) -> str:
    return "1 incident is" if count == 1 else f"{count:,} incidents are"


def _have(count: int) -> str:
    return "1 incident has" if count == 1 else f"{count:,} incidents have"
