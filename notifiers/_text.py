"""The last guard before a wire: text that no header, body or SMS can trip over."""

import re

# What Python or a mail client takes for the end of a line. EmailMessage raises on these in a header, and so
# one title pasted from a word processor would stop a whole fan-out.
_LINE_ENDS = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
_NEVER = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ufdd0-\ufdef\ufffe\uffff]")
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")


def clean_body(text: str) -> str:
    """The same words, lines ended by LF alone, nothing that cannot be encoded."""
    return _NEVER.sub("", _LINE_ENDS.sub("\n", _paired(text)))


def clean_line(text: str) -> str:
    """The same words on one line, unable to end a header or to turn the reading direction."""
    return " ".join(_BIDI.sub("", clean_body(text)).split())


def cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1].rstrip()}\u2026"


def _paired(text: str) -> str:
    """Surrogates in pairs become their character, lone ones the replacement character."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
