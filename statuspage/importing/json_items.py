"""JSON read item by item, so that each is known by its line."""

import json
import re
from collections.abc import Iterator
from typing import Any

from .facts import Unreadable

_SPACE = re.compile(r"[ \t\r\n]*")
_decoder = json.JSONDecoder()


def items(text: str) -> Iterator[tuple[str, int, Any]]:
    """The top-level object's members as (name, line, value), a list's elements one by one under the list's name.

    A bare list comes under the name "". Raises Unreadable, with the line, where the text is no JSON.
    """
    reader = _Reader(text)
    if reader.peek() == "[":
        yield from reader.elements("")
    else:
        yield from reader.members()
    if reader.peek():
        raise Unreadable("goes on after its end.", reader.line())


class _Reader:
    def __init__(self, text: str) -> None:
        self.text, self.at, self._counted, self._line = text, 0, 0, 1
        self.peek()

    def peek(self) -> str:
        """The next character that is no space; nothing at the end."""
        match = _SPACE.match(self.text, self.at)
        self.at = match.end() if match else self.at
        return self.text[self.at : self.at + 1]

    def line(self) -> int:
        self._line += self.text.count("\n", self._counted, self.at)
        self._counted = self.at
        return self._line

    def take(self, wanted: str) -> None:
        if self.peek() != wanted:
            raise Unreadable(f"is no JSON: “{wanted}” is missing.", self.line())
        self.at += 1

    def value(self) -> Any:
        self.peek()
        try:
            value, self.at = _decoder.raw_decode(self.text, self.at)
        except json.JSONDecodeError as error:
            raise Unreadable(f"is no JSON: {error.msg}.", error.lineno) from error
        except RecursionError as error:
            raise Unreadable("is nested too deeply to be a status page's file.", self.line()) from error
        except ValueError as error:  # a number of more digits than Python reads
            raise Unreadable("has a number that is none.", self.line()) from error
        return value

    def members(self) -> Iterator[tuple[str, int, Any]]:
        self.take("{")
        while self.peek() != "}":
            name = self.value()
            if not isinstance(name, str):
                raise Unreadable("is no JSON: a name is missing.", self.line())
            self.take(":")
            if self.peek() == "[":
                yield from self.elements(name)
            else:
                line = self.line()
                yield name, line, self.value()
            if self.peek() != ",":
                break
            self.take(",")
        self.take("}")

    def elements(self, name: str) -> Iterator[tuple[str, int, Any]]:
        self.take("[")
        while self.peek() != "]":
            line = self.line()
            yield name, line, self.value()
            if self.peek() != ",":
                break
            self.take(",")
        self.take("]")
