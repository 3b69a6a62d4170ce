"""The words for channels that lay them out themselves: a card for chats, an event for machines.

They are JSON, and frozen like all other words; what differs per recipient stands in them as a placeholder.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from notifiers import WantsParts

from ..channels import channels
from ..models import IncidentUpdate
from ..vocabulary import Impact, IncidentStatus
from . import events

Context = Mapping[str, Any]

_TONES = {
    Impact.MINOR: "degraded",
    Impact.MAJOR: "partial",
    Impact.CRITICAL: "major",
    Impact.MAINTENANCE: "maintenance",
}


def words(template: str, short: str, context: Context) -> Iterator[tuple[str, str]]:
    """The text for each such channel that is here. `short` says it in a few words where there is no more to say."""
    frozen: dict[str, str] = {}
    for kind, channel in channels().items():
        if isinstance(channel, WantsParts):
            if channel.shape not in frozen:
                made = _card(template, short, context) if channel.shape == "card" else _event(template, short, context)
                frozen[channel.shape] = json.dumps(made, ensure_ascii=False)
            yield kind, frozen[channel.shape]


def _card(template: str, short: str, context: Context) -> dict[str, Any]:
    page = context["page"]
    update: IncidentUpdate | None = context.get("update")
    if template == "reminder":
        return _reminder_card(context)
    if update is None:
        manage = [{"label": "Change or stop", "url": context["manage_url"]}] if template == "manage_link" else []
        return {"card": {"title": context["subject"], "body": short, "page": page.name, "links": manage}}
    incident = update.incident
    changes = context["changes"]
    return {
        "card": {
            "title": incident.title,
            "url": context["incident_url"],
            "page": f"{page.name}, {context['said_at']}",
            "status": update.status.label,
            "tone": _tone(update),
            "body": context["body_text"],
            "components": [{"name": each.component.name, "status": each.new_status.label} for each in changes],
            "promise": "" if update.status is IncidentStatus.RESOLVED else context["promise"],
            "links": [{"label": "Change or stop these messages", "url": context["manage_url"]}],
        }
    }


def _reminder_card(context: Context) -> dict[str, Any]:
    """For a colleague's own chat: what is owed, what was said last, and the page on which it is done."""
    said = f"Last said, {context['last_at']}: {context['last_text']}" if context["last"] else ""
    return {
        "card": {
            "title": context["subject"],
            "body": said,
            "page": context["page"].name,
            "tone": "degraded",
            "promise": f"Promised by {context['due']}.",
            "buttons": [
                {"label": "Write the update", "url": context["compose_url"]},
                {"label": "Acknowledge", "url": f"{context['compose_url']}#chase"},
            ],
        }
    }


def _tone(update: IncidentUpdate) -> str:
    if update.status is IncidentStatus.RESOLVED:
        return "ok"
    return _TONES.get(update.incident.impact, "neutral")


def _event(template: str, short: str, context: Context) -> dict[str, Any]:
    if template == "confirmation":
        return {"type": "endpoint.verify", "challenge": context["challenge_url"]}
    if context.get("update") is None:
        return {"type": template.replace("_", "."), "text": short}
    return events.incident_event(context["update"], context["unsubscribe_url"])
