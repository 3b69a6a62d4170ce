"""Discord: a channel's webhook as address, an embed as words."""

import json
import re
from collections.abc import Mapping
from typing import Any

from ._chat import Card, ChatHook, Field, is_live, wire_for
from ._http import Answer
from ._text import clean_line, cut

EXAMPLE = {"CANDOR_BASE_URL": "https://status.example.com"}
EXAMPLE_ADDRESS = "https://discord.com/api/webhooks/100000000000000000/abcdefghijklmnopqrstuvwxyz0123456789"

_MARKUP = re.compile(r"([\\*_~`|>\[\]()#<-])")


class Discord(ChatHook):
    """Posts to the channel that a webhook of Discord belongs to; whatever it says, nobody is pinged."""

    kind = "discord"
    label = "Discord"
    field = Field(
        name="discord",
        label="Discord webhook address",
        input_type="url",
        hint="In Discord: channel settings, Integrations, Webhooks. We post a six-digit code there.",
        placeholder="https://discord.com/api/webhooks/",
        proof="code",
    )
    hosts = re.compile(r"(?:ptb\.|canary\.)?discord(?:app)?\.com")
    path = re.compile(r"/api(?:/v\d+)?/webhooks/\d+/[\w-]+")

    def payload(self, card: Card) -> dict[str, Any]:
        embed: dict[str, Any] = {
            "title": cut(escaped(f"{card.sign} {card.headline}"), 256),
            "description": cut(escaped(card.body), 3000),
            "color": int(card.colour.removeprefix("#"), 16),
        }
        if card.url:
            embed["url"] = card.url
        fields = [("Components", escaped(card.parts_text)), ("Next", escaped(card.promise)), ("Links", _links(card))]
        embed["fields"] = [{"name": name, "value": cut(words, 1000)} for name, words in fields if words]
        if card.page:
            embed["footer"] = {"text": cut(card.page, 200)}
        return {"embeds": [embed], "allowed_mentions": {"parse": []}}

    def complaint(self, answer: Answer) -> str:
        try:
            said = json.loads(answer.text)
        except ValueError:
            return ""
        return clean_line(str(said.get("message", ""))) if isinstance(said, dict) else ""


def escaped(words: str) -> str:
    """Words in which Discord finds no formatting."""
    return _MARKUP.sub(r"\\\1", words)


def _links(card: Card) -> str:
    return " · ".join(f"[{escaped(link.label)}]({link.url})" for link in card.links)


def build(settings: Mapping[str, str]) -> Discord:
    """Discord; where webhooks are not live it captures."""
    return Discord(is_live(settings), wire_for(settings))
