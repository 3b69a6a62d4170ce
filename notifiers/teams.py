"""Microsoft Teams: a workflow's webhook as address, an Adaptive Card as words."""

import json
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from ._chat import Card, ChatHook, Field, is_live, wire_for
from ._contract import DeliveryError
from ._http import Answer
from ._text import clean_line, cut

EXAMPLE = {"CANDOR_BASE_URL": "https://status.example.com"}
EXAMPLE_ADDRESS = (
    "https://prod-00.westeurope.logic.azure.com/workflows/00000000000000000000000000000000/triggers/manual/paths/invoke"
    "?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=example"
)

_TONES = {"ok": "Good", "degraded": "Warning", "partial": "Warning", "major": "Attention", "maintenance": "Accent"}
# The old connectors answer 200 and say in words what went wrong behind them.
_BEHIND = re.compile(r"returned HTTP error (\d{3})")


class Teams(ChatHook):
    """Posts to the channel that a workflow of Teams belongs to."""

    kind = "teams"
    label = "Microsoft Teams"
    field = Field(
        name="teams",
        label="Teams workflow address",
        input_type="url",
        hint="In Teams: Workflows, “Send webhook alerts to a channel”. We post a six-digit code there.",
        placeholder="https://….logic.azure.com/workflows/",
        proof="code",
    )
    hosts = re.compile(
        r"[a-z0-9-]+\.webhook\.office\.com|[a-z0-9-]+\.[a-z0-9-]+\.logic\.azure\.(?:com|us|cn)"
        r"|[a-z0-9.-]+\.environment\.api\.(?:gov\.)?powerplatform\.(?:com|us|cn)|[a-z0-9.-]+\.api\.powerplatform\.com"
    )
    path = re.compile(r"/webhookb2/\S+|/workflows/[\w-]+/triggers/\S+|/powerautomate/\S+/workflows/[\w-]+/triggers/\S+")
    # Each region and tenant has a host of its own.
    slots = 20

    def payload(self, card: Card) -> dict[str, Any]:
        title = f"{card.sign} {card.headline}"
        body: list[dict[str, Any]] = [_words(cut(title, 300), size="Large", weight="Bolder", color=_tone(card))]
        body += [_words(cut(words, 5000)) for words in (card.body, card.parts_text) if words]
        if card.promise:
            body.append(_words(card.promise, weight="Bolder"))
        if card.page:
            body.append(_words(cut(card.page, 200), isSubtle=True, size="Small"))
        read_on = [("Read more", card.url)] if card.url else []
        links = [(link.label, link.url) for link in card.buttons] + read_on
        links += [(link.label, link.url) for link in card.links]
        content = {
            "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
            "type": "AdaptiveCard",
            "version": "1.4",
            "fallbackText": cut(card.headline, 300),
            "msteams": {"width": "Full"},
            "body": body,
            "actions": [{"type": "Action.OpenUrl", "title": label, "url": url} for label, url in links],
        }
        attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": content}
        return {"type": "message", "attachments": [attachment]}

    def complaint(self, answer: Answer) -> str:
        try:
            return clean_line(str(json.loads(answer.text)["error"]["code"]))
        except (ValueError, KeyError, TypeError):
            return ""

    def refusal(self, answer: Answer) -> DeliveryError | None:
        if not answer.is_success:
            return super().refusal(answer)
        behind = _BEHIND.search(answer.text)
        if behind and behind[1] == "429":
            return DeliveryError("Microsoft Teams asked us to slow down.", timedelta(seconds=30), code="throttled")
        return self.gone(f"{behind[1]} behind the connector") if behind else None


def _words(text: str, **looks: object) -> dict[str, Any]:
    """A paragraph as runs, in which nothing is markup; a TextBlock would read Markdown."""
    lines = text.split("\n")
    runs = [{"type": "TextRun", "text": f"{line}\n", **looks} for line in lines[:-1]]
    runs.append({"type": "TextRun", "text": lines[-1], **looks})
    return {"type": "RichTextBlock", "inlines": runs}


def _tone(card: Card) -> str:
    return _TONES.get(card.tone, "Default")


def build(settings: Mapping[str, str]) -> Teams:
    """Teams; where webhooks are not live it captures."""
    return Teams(is_live(settings), wire_for(settings))
