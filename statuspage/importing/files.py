"""From a file's bytes to what it says. The kind of a file is seen from its first character, never from its name."""

import codecs
from pathlib import Path

from ..errors import Conflict
from . import feed, people, v2
from .facts import Contents, Unreadable

LIMIT = 100 * 1024 * 1024
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def read(paths: list[Path]) -> Contents:
    """Everything in these files; raises Conflict with one sentence for each file that is broken as a whole."""
    contents, problems = Contents(), []
    for path in paths:
        try:
            contents.add(_read(path))
        except Unreadable as error:
            where = f"{path.name} line {error.line}" if error.line else path.name
            problems.append(f"{where} {error} Nothing was imported.")
    if problems:
        raise Conflict("\n".join(problems))
    return contents


def load(path: Path) -> tuple[bytes, str]:
    """The file's bytes, and the text that they are; raises Unreadable."""
    try:
        size = path.stat().st_size
        if size > LIMIT:
            raise Unreadable(f"has {size // 1024 // 1024} MB; {LIMIT // 1024 // 1024} MB is the most.")
        data = path.read_bytes()
    except OSError as error:
        raise Unreadable(f"cannot be read ({error.strerror}).") from error
    if not data.strip():
        raise Unreadable("is empty.")
    return data, _text(data)


def _read(path: Path) -> Contents:
    data, text = load(path)
    first = text.lstrip()[:1]
    if first == "<":
        return feed.read(path.name, data)
    if first in ("{", "["):
        return v2.read(path.name, text)
    return people.read(path.name, text)


def _text(data: bytes) -> str:
    """The file as text; bytes that are none stay recognisable, so that only their item is refused."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            try:
                return data.decode(encoding)
            except UnicodeDecodeError as error:
                raise Unreadable(f"says that it is {encoding.upper()}, and is not.") from error
    if b"\0" in data[:1000]:
        raise Unreadable("is no text. Save it as UTF-8.")
    return data.decode("utf-8", errors="surrogateescape")
