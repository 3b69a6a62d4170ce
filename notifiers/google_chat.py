"""Google Chat: a space's webhook as address, a card as words."""

import json
import re
from collections.abc import Mapping
from html import escape
from typing import Any

from ._chat import Card, ChatHook, Field, is_live, wire_for
from ._http import Answer
from ._text import clean_line, cut

EXAMPLE = {"CANDOR_BASE_URL": "https://status.example.com"}
EXAMPLE_ADDRESS = "https://chat.googleapis.com/v1/spaces/AAAAAAAAAAA/messages?key=example&token=example"


class GoogleChat(ChatHook):
    """Posts to the space that a webhook of Google Chat belongs to."""

    kind = "google_chat"
    label = "Google Chat"
    field = Field(
        name="google_chat",
        label="Google Chat webhook address",
        input_type="url",
        hint="In the space: Apps and integrations, Webhooks. We post a six-digit code there.",
        placeholder="https://chat.googleapis.com/v1/spaces/",
        proof="code",
    )
    hosts = re.compile(r"chat\.googleapis\.com")
    path = re.compile(r"/v1/spaces/[\w-]+/messages\?.*\bkey=.+")

    def payload(self, card: Card) -> dict[str, Any]:
        # A card's text is a little HTML, so escaping makes words of anything; mentions live in `text` alone.
        said = [card.body, card.parts_text, card.promise]
        widgets: list[dict[str, Any]] = [
            {"textParagraph": {"text": escape(cut(words, 3000)).replace("\n", "<br>")}} for words in said if words
        ]
        links = ([("Read more", card.url)] if card.url else []) + [(link.label, link.url) for link in card.links]
        if links:
            buttons = [{"text": label, "onClick": {"openLink": {"url": url}}} for label, url in links]
            widgets.append({"buttonList": {"buttons": buttons}})
        header = {"title": cut(f"{card.sign} {card.headline}", 200), "subtitle": cut(card.page, 200)}
        shown = {"header": header, "sections": [{"widgets": widgets}]}
        return {
            "fallbackText": cut(without_mentions(card.headline), 300),
            "cardsV2": [{"cardId": "update", "card": shown}],
        }

    def complaint(self, answer: Answer) -> str:
        try:
            error = json.loads(answer.text).get("error", {})
            return clean_line(str(error.get("status", "")))
        except (ValueError, AttributeError):
            return ""


def without_mentions(words: str) -> str:
    """Words that cannot be <users/all>."""
    return words.replace("<", "‹").replace(">", "›")


def build(settings: Mapping[str, str]) -> GoogleChat:
    """Google Chat; where webhooks are not live it captures."""
    return GoogleChat(is_live(settings), wire_for(settings))
