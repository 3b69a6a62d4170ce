"""Words from people: normalised once at the edge, Markdown made harmless.

What is cut away are characters that break mail headers, XML or reading order: C0 and C1 controls, line and
paragraph separators, noncharacters and lone surrogates; in one-line fields also bidirectional controls.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

import nh3
from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markupsafe import Markup

BODY_LIMIT = 25_000
TITLE_LIMIT = 255

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufeff\ufff9-\uffff]")
_BIDI = re.compile(r"[\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]")
_BREAKS = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
_PLANE_ENDS = "".join(f"{chr(plane * 0x10000 + 0xFFFE)}{chr(plane * 0x10000 + 0xFFFF)}" for plane in range(1, 17))
_HIGHER_NONCHARACTERS = re.compile(f"[{_PLANE_ENDS}]")

_TAGS = {
    "p", "br", "hr", "em", "strong", "s", "code", "pre", "blockquote", "ul", "ol", "li", "a",
    "h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td",
}  # fmt: skip
_BR = re.compile(r"<br\s*/?>", re.IGNORECASE)


def _line_break(state: StateInline, silent: bool) -> bool:
    """`<br />` in the middle of words, which Statuspage's own bodies have, is the line break it means."""
    match = _BR.match(state.src, state.pos)
    if match and not silent:
        state.push("hardbreak", "br", 0)
    state.pos = match.end() if match else state.pos
    return match is not None


_markdown = (
    MarkdownIt("commonmark", {"html": False, "breaks": True}).enable(["table", "strikethrough"]).disable("image")
)
_markdown.inline.ruler.before("autolink", "line_break", _line_break)


def one_line(text: str) -> str:
    """The text on one line: normalised (NFC), single spaces, nothing that breaks a header or reading order."""
    return " ".join(block(_BIDI.sub("", text)).split())


def block(text: str) -> str:
    """The text with plain line ends, normalised (NFC), trimmed."""
    cleaned = _CONTROLS.sub("", _BREAKS.sub("\n", text))
    cleaned = _HIGHER_NONCHARACTERS.sub("", cleaned)
    return unicodedata.normalize("NFC", cleaned).strip()


@lru_cache(maxsize=2048)
def html(body: str) -> Markup:
    """Markdown as harmless HTML: no raw HTML, links to http, https, mailto and tel only, images as links."""
    rendered = _markdown.render(body)
    clean = nh3.clean(
        rendered,
        tags=_TAGS,
        attributes={"a": {"href"}, "ol": {"start"}},
        url_schemes={"http", "https", "mailto", "tel"},
        link_rel="nofollow noopener noreferrer",
    )
    return Markup(clean)  # noqa: S704 - cleaned by an allow-list just above


def plain(body: str) -> str:
    """Markdown as plain text for mail and SMS: marks gone, list dashes and link targets kept."""
    return re.sub(r"\n{3,}", "\n\n", "".join(_plain_parts(_markdown.parse(body)))).strip()


def excerpt(text: str, limit: int) -> str:
    """At most `limit` characters, cut between words and marked with an ellipsis."""
    if len(text) <= limit:
        return text
    return text[: limit - 1].rsplit(" ", 1)[0].rstrip(" ,;:.") + "…"


def _plain_parts(tokens: Iterable[Token]) -> Iterable[str]:
    numbers: list[int | None] = []
    for token in tokens:
        match token.type:
            case "inline":
                yield _inline_text(token.children or [])
            case "bullet_list_open":
                numbers.append(None)
            case "ordered_list_open":
                numbers.append(int(token.attrs.get("start", 1)))
            case "bullet_list_close" | "ordered_list_close":
                numbers.pop()
                yield "" if numbers else "\n"
            case "list_item_open":
                number = numbers[-1]
                if number is not None:
                    numbers[-1] = number + 1
                yield "  " * (len(numbers) - 1) + (f"{number}. " if number is not None else "- ")
            case "paragraph_close":
                yield "\n" if token.hidden or numbers else "\n\n"
            case "heading_close" | "table_close" | "blockquote_close":
                yield "\n\n"
            case "th_close" | "td_close":
                yield "  "
            case "tr_close":
                yield "\n"
            case "fence" | "code_block":
                yield token.content + "\n"


def _inline_text(tokens: Iterable[Token]) -> str:
    text, target = "", ""
    for token in tokens:
        match token.type:
            case "text" | "code_inline":
                text += token.content
            case "softbreak" | "hardbreak":
                text += "\n"
            case "link_open":
                target = str(token.attrs.get("href", ""))
            case "link_close":
                text += "" if text.endswith(target) else f" ({target.removeprefix('mailto:')})"
    return text
