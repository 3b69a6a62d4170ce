"""Slack: an incoming webhook as address, blocks as words."""

import re
from collections.abc import Mapping
from typing import Any

from ._chat import Card, ChatHook, Field, Link, is_live, wire_for
from ._text import cut

EXAMPLE = {"CANDOR_BASE_URL": "https://status.example.com"}
EXAMPLE_ADDRESS = "https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX"


class Slack(ChatHook):
    """Posts to the channel that a webhook of Slack belongs to."""

    kind = "slack"
    label = "Slack"
    field = Field(
        name="slack",
        label="Slack webhook address",
        input_type="url",
        hint="In Slack, add “Incoming Webhooks” to a channel and copy the address. We post a six-digit code there.",
        placeholder="https://hooks.slack.com/services/",
        proof="code",
    )
    hosts = re.compile(r"hooks\.slack\.com|hooks\.slack-gov\.com")
    path = re.compile(r"/services/[A-Z0-9]+/[A-Z0-9]+/[A-Za-z0-9]+")

    def payload(self, card: Card) -> dict[str, Any]:
        title = escaped(card.headline)
        bold = f"*<{card.url}|{title}>*" if card.url else f"*{title}*"
        # As plain_text nothing is markup, so no words can call for a channel's attention.
        said = [card.body, card.parts_text, card.promise]
        blocks: list[dict[str, Any]] = [
            {"type": "section", "text": {"type": "plain_text", "text": cut(words, 2900), "emoji": False}}
            for words in said
            if words
        ]
        if card.buttons:
            blocks.append({"type": "actions", "elements": [_button(link) for link in card.buttons[:5]]})
        if footer := "  ·  ".join(_footer(card)):
            blocks.append({"type": "context", "elements": [{"type": "mrkdwn", "text": cut(footer, 2900)}]})
        return {
            "text": f"{card.sign} {bold}",
            "attachments": [{"color": card.colour, "fallback": escaped(cut(card.headline, 200)), "blocks": blocks}],
            "unfurl_links": False,
            "unfurl_media": False,
        }


def escaped(words: str) -> str:
    """Words in which Slack finds no link, no mention and no <!channel>."""
    plain = words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"[*_~`|]", lambda found: f"\u200b{found[0]}", plain)


def _footer(card: Card) -> list[str]:
    return ([escaped(card.page)] if card.page else []) + [f"<{link.url}|{escaped(link.label)}>" for link in card.links]


def _button(link: Link) -> dict[str, Any]:
    label = {"type": "plain_text", "text": cut(link.label, 70), "emoji": False}
    return {"type": "button", "text": label, "url": link.url}


def build(settings: Mapping[str, str]) -> Slack:
    """Slack; where webhooks are not live it captures."""
    return Slack(is_live(settings), wire_for(settings))
