"""Messages as they arrive, shown without letting them do anything."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from flask import Response, make_response

from statuspage import http
from statuspage.delivery.messages import PERSONAL
from statuspage.errors import NotFound

# The frame may show colours and inline pictures; it cannot run, load, send or leave.
FRAME_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'; sandbox"
)
_LINK = re.compile(r"https?://[^\s<>\"')\]]+")


@dataclass(frozen=True)
class Shown:
    """Words made ready to look at."""

    subject: str
    text: str
    html: str | None


def frozen(announcement_id: str, words: Mapping[str, str]) -> Shown:
    """An announcement's words on one channel, with a plain name where each person gets their own link."""

    def readable(part: str) -> str:
        for name in PERSONAL:
            part = part.replace(f"__{announcement_id}_{name}__", f"[their own {name} link]")
        return part

    return Shown(readable(words["subject"]), readable(words["text"]), readable(words["html"]) or None)


def indented(text: str) -> str:
    """JSON in lines that a person can follow; anything else as it is."""
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except ValueError:
        return text


def framed(html: str | None) -> Response:
    """HTML of a message, for a sandboxed frame of our own."""
    if html is None:
        raise NotFound("This message has no HTML part.")
    response = make_response(html)
    response.headers["Content-Security-Policy"] = FRAME_POLICY
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def with_frames(html: str, status: int = 200) -> Response:
    """A page of the panel that shows such a frame."""
    response = make_response(html, status)
    response.headers["Content-Security-Policy"] = f"{http.POLICY}; frame-src 'self'"
    return response


def links(text: str) -> list[str]:
    """The addresses in a text, each once, in their order."""
    return list(dict.fromkeys(found.rstrip(".,;:") for found in _LINK.findall(text)))
