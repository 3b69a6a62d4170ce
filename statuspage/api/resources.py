"""The resources of the management API (v1): pure functions from loaded facts to what is answered."""

from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import urlsplit

from ..models import Component, ComponentGroup, Incident, Page, Subscriber
from ..vocabulary import SubscriberState
from . import documents
from .documents import Document, Site, utc_instant
from .phones import country_and_number, display

_COLOURS = ("body_background_color", "font_color", "light_font_color", "greens", "yellows", "oranges", "blues", "reds",
            "border_color", "graph_color", "link_color", "no_data")  # fmt: skip
_PICTURE = {"updated_at": None, "original_url": None, "size": None, "normal_url": None, "retina_url": None}
_LOGO = {"updated_at": None, "size": None, "url": None}


class UtcSite(Site):
    """The same page in UTC, as v1 writes its times."""

    def instant(self, at: Any) -> str:
        """RFC 3339 in UTC with milliseconds."""
        return utc_instant(at)


def page_resource(page: Page, base_url: str, mail_from: str) -> Document:
    """The page; what Candor does not have is null or says how it is here."""
    host = urlsplit(base_url).hostname
    return {
        "id": page.public_id,
        "created_at": utc_instant(page.created_at),
        "updated_at": utc_instant(page.updated_at),
        "name": page.name,
        "page_description": page.description or None,
        "headline": None,
        "branding": "basic",
        "subdomain": None,
        "domain": host,
        "url": base_url,
        "support_url": page.support_url or None,
        "hidden_from_search": False,
        "allow_page_subscribers": True,
        "allow_incident_subscribers": False,
        "allow_email_subscribers": "email" in page.public_channels,
        "allow_sms_subscribers": "sms" in page.public_channels,
        "allow_rss_atom_feeds": True,
        "allow_webhook_subscribers": "webhook" in page.public_channels,
        "notifications_from_email": mail_from or None,
        "notifications_email_footer": page.mail_footer or None,
        "activity_score": 0,
        "twitter_username": None,
        "viewers_must_be_team_members": False,
        "ip_restrictions": None,
        "city": None,
        "state": None,
        "country": None,
        "time_zone": page.time_zone,
        **{f"css_{name}": None for name in _COLOURS},
        "favicon_logo": _LOGO,
        "transactional_logo": _PICTURE,
        "hero_cover": _PICTURE,
        "email_logo": _PICTURE,
        "twitter_logo": _LOGO,
    }


def component_resource(page: Page, component: Component) -> Document:
    """One component."""
    return _with_automation(documents.component_document(UtcSite(page, ""), component))


def component_resources(page: Page, listed: Sequence[Component]) -> list[Document]:
    """Components and group rows in one list, in the page's order."""
    rows = documents.component_rows(UtcSite(page, ""), listed)
    return [_with_automation({name: value for name, value in row.items() if name != "components"}) for row in rows]


def group_resource(page: Page, group: ComponentGroup, listed: Iterable[Component]) -> Document:
    """One group with the ids of those under it."""
    return {
        "id": group.public_id,
        "page_id": page.public_id,
        "name": group.name,
        "description": group.description or None,
        "components": [component.public_id for component in listed if component.group_id == group.id],
        "position": group.position,
        "created_at": utc_instant(group.created_at),
        "updated_at": utc_instant(group.edited_at or group.created_at),
    }


def incident_resource(page: Page, base_url: str, incident: Incident) -> Document:
    """One incident: the public document and what only v1 tells."""
    site = UtcSite(page, base_url)
    known = documents.incident_document(site, incident)
    return {
        **known,
        "components": [component_resource(page, each) for each in documents.touched(incident)],
        "incident_updates": [
            {**each, "twitter_updated_at": None, "wants_twitter_update": False} for each in known["incident_updates"]
        ],
        "impact_override": incident.impact_override.value if incident.impact_override else None,
        "incident_impacts": [],
        "metadata": incident.client_data,
        "postmortem_body": None,
        "postmortem_body_last_updated_at": None,
        "postmortem_ignored": False,
        "postmortem_notified_subscribers": False,
        "postmortem_notified_twitter": False,
        "postmortem_published_at": None,
        "scheduled_auto_completed": False,
        "scheduled_auto_in_progress": False,
        "scheduled_for": None,
        "scheduled_remind_prior": False,
        "scheduled_reminded_at": None,
        "scheduled_until": None,
        "auto_transition_deliver_notifications_at_end": None,
        "auto_transition_deliver_notifications_at_start": None,
        "auto_transition_to_maintenance_state": None,
        "auto_transition_to_operational_state": None,
        "next_update_due_at": site.maybe(incident.next_update_due_at),
        "no_next_update_reason": (incident.no_promise_reason if incident.is_open else "") or None,
    }


def subscriber_resource(subscriber: Subscriber, shown: str) -> Document:
    """One subscriber, with the address that only this scope may read; of a chat, what may be `shown` of its secret."""
    channel, address = subscriber.channel, subscriber.address
    country, number = country_and_number(address) if channel == "sms" else (None, None)
    chosen = [row.component.public_id for row in subscriber.subscriptions if row.component]
    is_quarantined = subscriber.state is SubscriberState.QUARANTINED
    return {
        "id": subscriber.public_id,
        "skip_confirmation_notification": subscriber.consent.startswith("attested"),
        "mode": channel,
        "email": (address if channel == "email" else subscriber.contact) or None,
        "endpoint": address if channel == "webhook" else None,
        "phone_number": number,
        "phone_country": country,
        "display_phone_number": display(address) if channel == "sms" else None,
        "obfuscated_channel_name": None if channel in ("email", "sms", "webhook") else shown,
        "workspace_name": None,
        "quarantined_at": utc_instant(subscriber.state_changed_at) if is_quarantined else None,
        "purge_at": None,
        "components": sorted(chosen) or None,
        "page_access_user_id": None,
        "created_at": utc_instant(subscriber.created_at),
    }


def _with_automation(row: Document) -> Document:
    return {**row, "automation_email": None}
