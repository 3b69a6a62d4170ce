"""A message in named parts, for channels that lay it out themselves."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ._contract import Message
from ._text import clean_body, clean_line, cut

COLOURS = {
    "ok": "#1a7f4b",
    "degraded": "#b78103",
    "partial": "#d9640b",
    "major": "#c62832",
    "maintenance": "#3461c9",
    "neutral": "#6b7280",
}
SIGNS = {"ok": "✅", "degraded": "🟡", "partial": "🟠", "major": "🔴", "maintenance": "🔧", "neutral": "🔵"}


@dataclass(frozen=True)
class Part:
    """A component and how it does."""

    name: str
    status: str


@dataclass(frozen=True)
class Link:
    """Words that lead somewhere."""

    label: str
    url: str


@dataclass(frozen=True)
class Card:
    """What is said, apart from how it looks. Everything is plain text; nothing in it is markup."""

    title: str
    body: str
    url: str = ""
    page: str = ""
    status: str = ""
    tone: str = "neutral"
    promise: str = ""
    components: tuple[Part, ...] = ()
    links: tuple[Link, ...] = ()
    # What one can do about it, in one tap; the first is meant most.
    buttons: tuple[Link, ...] = ()

    @property
    def colour(self) -> str:
        return COLOURS.get(self.tone, COLOURS["neutral"])

    @property
    def sign(self) -> str:
        return SIGNS.get(self.tone, SIGNS["neutral"])

    @property
    def headline(self) -> str:
        """Status and title on one line."""
        return f"{self.status}: {self.title}" if self.status else self.title

    @property
    def parts_text(self) -> str:
        """The components, one to a line."""
        return "\n".join(f"{part.name}: {part.status}" for part in self.components)

    @property
    def text(self) -> str:
        """All of it, to be read without any layout."""
        links = "\n".join(f"{link.label}: {link.url}" for link in (*self.buttons, *self.links))
        parts = (self.headline, self.body, self.parts_text, self.promise, self.url, links)
        return "\n\n".join(part for part in parts if part)


def read_card(message: Message) -> Card:
    """The card that a message's text is; plain words become a card of their own."""
    try:
        found = json.loads(message.text) if message.text.startswith("{") else None
    except ValueError:
        found = None
    if not isinstance(found, dict) or not isinstance(found.get("card"), dict):
        return Card(title=cut(clean_line(message.subject), 250), body=clean_body(message.text).strip())
    facts: Mapping[str, Any] = found["card"]
    return Card(
        title=cut(clean_line(_text(facts, "title")), 250),
        body=clean_body(_text(facts, "body")).strip(),
        url=_text(facts, "url"),
        page=clean_line(_text(facts, "page")),
        status=clean_line(_text(facts, "status")),
        tone=_text(facts, "tone") or "neutral",
        promise=clean_line(_text(facts, "promise")),
        components=tuple(
            Part(clean_line(_text(each, "name")), _text(each, "status")) for each in _list(facts, "components")
        ),
        links=_links(facts, "links"),
        buttons=_links(facts, "buttons"),
    )


def _text(facts: Mapping[str, Any], name: str) -> str:
    return str(facts.get(name) or "")


def _links(facts: Mapping[str, Any], name: str) -> tuple[Link, ...]:
    return tuple(Link(_text(each, "label"), _text(each, "url")) for each in _list(facts, name))


def _list(facts: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    found = facts.get(name)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []
