"""`history.atom`: what a public page's feed remembers. It knows no components, no impact and no seconds."""

from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

from .facts import Contents, Found, Place, Refused, Unreadable
from .feed_words import Entry, incident

_NS = "http://www.w3.org/2005/Atom "
MISSING = "A feed tells neither components nor impact: incidents read from it have none. incidents.json tells both."


def read(file: str, data: bytes) -> Contents:
    """The feed's incidents; raises Unreadable where it is no Atom feed."""
    reader = _Reader()
    try:
        reader.parser.Parse(data, True)
    except expat.ExpatError as error:
        reason = expat.errors.messages.get(error.code, str(error))
        raise Unreadable(f"is no XML: {reason}.", error.lineno) from error
    except (ValueError, LookupError) as error:  # an encoding that nobody knows
        raise Unreadable(f"is in an encoding that cannot be read ({error}).") from error
    contents = Contents(notes=[MISSING] if reader.entries else [])
    for number, entry in enumerate(reader.entries, 1):
        place, label = Place(file, entry.line), f"entry {number} ({entry.link.rpartition('/')[2][:40]})"
        try:
            found = incident(entry)
        except Unreadable as error:
            contents.refused.append(Refused(place, label, str(error)))
            continue
        if found is None:
            contents.refused.append(Refused(place, label, "is a scheduled maintenance. Candor does not keep these yet.",
                                            is_broken=False))  # fmt: skip
        else:
            contents.found.append(Found(place, found))
    return contents


@dataclass
class _Reader:
    """Walks the XML once and keeps of it what an entry needs."""

    entries: list[Entry] = field(default_factory=list)
    path: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.parser: Any = expat.ParserCreate(namespace_separator=" ")
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self._refuse
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self.words.append

    def _refuse(self, *_declared: object) -> None:
        raise Unreadable("declares a document type, as no feed does.", self.parser.CurrentLineNumber)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if not self.path and name != f"{_NS}feed":
            raise Unreadable("is no Atom feed. Download history.atom.", self.parser.CurrentLineNumber)
        self.path.append(name.removeprefix(_NS))
        if len(self.path) > 100:
            raise Unreadable("is nested too deeply to be a feed.", self.parser.CurrentLineNumber)
        self.words.clear()
        if self.path == ["feed", "entry"]:
            self.entries.append(Entry(self.parser.CurrentLineNumber))
        elif self.path == ["feed", "entry", "link"] and attributes.get("rel", "alternate") == "alternate":
            self.entries[-1].link = attributes.get("href", "")

    def _end(self, _name: str) -> None:
        if len(self.path) == 3 and self.path[1] == "entry" and self.path[2] in Entry.SAID:
            setattr(self.entries[-1], self.path[2], "".join(self.words))
        self.path.pop()
        self.words.clear()
