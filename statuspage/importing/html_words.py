"""HTML from a stranger's feed as Markdown that shows the same words."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

from .. import text

_MARKUP = re.compile(r"</?(?:a|b|strong|i|em|p|div|span|ul|ol|li|code|pre|h[1-6]|blockquote)\b[^<>]*>", re.IGNORECASE)
_SPECIAL = re.compile(r"([\\`*_\[\]<>#~|&])")
_AT_START = re.compile(r"(?m)^(\s*)([-+=]|\d+[.)])")
_BLOCKS = {"p", "div", "ul", "ol", "blockquote", "pre", "h1", "h2", "h3", "h4", "h5", "h6", "table", "tr"}
_SILENT = {"script", "style", "template"}
_MARKS = {"b": "**", "strong": "**", "i": "*", "em": "*", "code": "`"}
LINKABLE = ("http://", "https://", "mailto:", "tel:")


def has_markup(body: str) -> bool:
    """Whether a body is written in HTML; a mere `<br />`, which our own pages understand, does not count."""
    return bool(_MARKUP.search(body))


def markdown(html: str) -> str:
    """The same words as Markdown; marks that a reader would not see as such are escaped."""
    words = plain(html)
    for escapes in (False, True):
        written = _write(html, marks=True, escapes=escapes)
        if _bare(text.plain(written)) == _bare(words):
            return written
    return _write(html, marks=False, escapes=True)


def plain(html: str) -> str:
    """The words alone, a link's target behind them in brackets as in our mails."""
    return _write(html, marks=False, escapes=False)


def _write(html: str, *, marks: bool, escapes: bool) -> str:
    writer = _Writer(marks, escapes)
    writer.feed(html)
    writer.close()
    return text.block(re.sub(r"\n{3,}", "\n\n", re.sub(r"[ \t]*\n[ \t]*", "\n", "".join(writer.out))))


def _bare(words: str) -> str:
    """Words without what only lays them out."""
    return re.sub(r"[\s\-•]+", " ", words).strip()


@dataclass
class _Writer(HTMLParser):
    marks: bool
    escapes: bool
    out: list[str] = field(default_factory=list)
    silent: int = 0
    links: list[tuple[str, int]] = field(default_factory=list)
    lists: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin what the tag begins."""
        if tag in _SILENT:
            self.silent += 1
        elif tag == "br":
            self.out.append("\n")
        elif tag in _BLOCKS:
            if tag in ("ul", "ol"):
                self.lists.append(0 if tag == "ol" else -1)
            self.out.append("\n\n")
        elif tag == "li":
            self.out.append("\n" + self._bullet())
        elif tag == "a":
            self.links.append(((dict(attrs).get("href") or "").strip(), len(self.out)))
        elif tag in _MARKS and self.marks:
            self.out.append(_MARKS[tag])

    def handle_endtag(self, tag: str) -> None:
        """End it."""
        if tag in _SILENT:
            self.silent = max(0, self.silent - 1)
        elif tag in _BLOCKS:
            if tag in ("ul", "ol") and self.lists:
                self.lists.pop()
            self.out.append("\n\n")
        elif tag == "a" and self.links:
            self._link(*self.links.pop())
        elif tag in _MARKS and self.marks:
            self.out.append(_MARKS[tag])

    def handle_data(self, data: str) -> None:
        """Words; a line break between them is a space, as in a browser."""
        if self.silent:
            return
        words = re.sub(r"\s+", " ", data)
        self.out.append(_AT_START.sub(r"\1\\\2", _SPECIAL.sub(r"\\\1", words)) if self.escapes else words)

    def _bullet(self) -> str:
        if not self.lists or self.lists[-1] < 0:
            return "- "
        self.lists[-1] += 1
        return f"{self.lists[-1]}. "

    def _link(self, target: str, start: int) -> None:
        words = "".join(self.out[start:])
        if not target.startswith(LINKABLE) or words.strip().endswith(target):
            return
        del self.out[start:]
        if self.marks and not re.search(r"[\s()<>]", target):
            self.out.append(f"[{words}]({target})")
        else:
            self.out.append(f"{words} ({target.removeprefix('mailto:')})")
