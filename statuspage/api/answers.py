"""The shapes of what is answered, for `/openapi.json`; tests hold every answer against them."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from .shapes import ImpactWord

Id = Annotated[str, Field(pattern="^[a-z0-9]{12}$")]
Instant = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
State = Literal["operational", "under_maintenance", "degraded_performance", "partial_outage", "major_outage"]
RealtimeState = Literal["investigating", "identified", "monitoring", "resolved"]


class Answer(BaseModel):
    """Anything that is answered: these keys, and no others."""

    model_config = ConfigDict(extra="forbid")


class Error(Answer):
    """What is wrong, for people and, by field, for programs."""

    message: str
    error: str | list[str]
    errors: dict[str, str] | None = Field(None, description="By field, for 422 and 400.")


class Picture(Answer):
    """A picture of the page; there is none here."""

    updated_at: None
    original_url: None
    size: None
    normal_url: None
    retina_url: None


class Logo(Answer):
    """A logo of the page; there is none here."""

    updated_at: None
    size: None
    url: None


class Page(Answer):
    """A page."""

    id: Id
    created_at: Instant
    updated_at: Instant
    name: str
    page_description: str | None
    headline: str | None
    branding: Literal["basic", "premium"]
    subdomain: str | None
    domain: str | None
    url: str
    support_url: str | None
    hidden_from_search: bool
    allow_page_subscribers: bool
    allow_incident_subscribers: bool
    allow_email_subscribers: bool
    allow_sms_subscribers: bool
    allow_rss_atom_feeds: bool
    allow_webhook_subscribers: bool
    notifications_from_email: str | None
    notifications_email_footer: str | None
    activity_score: float
    twitter_username: str | None
    viewers_must_be_team_members: bool
    ip_restrictions: str | None
    city: str | None
    state: str | None
    country: str | None
    time_zone: str
    css_body_background_color: str | None
    css_font_color: str | None
    css_light_font_color: str | None
    css_greens: str | None
    css_yellows: str | None
    css_oranges: str | None
    css_blues: str | None
    css_reds: str | None
    css_border_color: str | None
    css_graph_color: str | None
    css_link_color: str | None
    css_no_data: str | None
    favicon_logo: Logo
    transactional_logo: Picture
    hero_cover: Picture
    email_logo: Picture
    twitter_logo: Logo


class PublicComponent(Answer):
    """A component, as the public documents show it."""

    id: Id
    name: str
    status: State
    created_at: Instant
    updated_at: Instant
    position: int
    description: str | None
    showcase: bool
    start_date: Annotated[str, Field(json_schema_extra={"format": "date"})] | None
    group_id: Id | None
    page_id: Id
    group: Literal[False]
    only_show_if_degraded: bool


class PublicGroup(Answer):
    """A group among the components, in the worst state of those under it."""

    id: Id
    name: str
    status: State
    created_at: Instant
    updated_at: Instant
    position: int
    description: str | None
    showcase: bool
    start_date: None
    group_id: None
    page_id: Id
    group: Literal[True]
    only_show_if_degraded: bool
    components: list[Id]


class Component(PublicComponent):
    """A component, or a group among components."""

    group: bool  # type: ignore[assignment]
    automation_email: str | None


class GroupComponent(Answer):
    """A component group."""

    id: Id
    page_id: Id
    name: str
    description: str | None
    components: list[Id]
    position: int
    created_at: Instant
    updated_at: Instant


class AffectedComponent(Answer):
    """What an update did to a component."""

    code: Id
    name: str
    old_status: State
    new_status: State


class PublicUpdate(Answer):
    """A statement, as the public documents show it."""

    id: Id
    status: RealtimeState
    body: str
    incident_id: Id
    created_at: Instant
    updated_at: Instant
    display_at: Instant
    affected_components: list[AffectedComponent] | None
    deliver_notifications: bool
    custom_tweet: str | None
    tweet_id: str | None


class IncidentUpdate(PublicUpdate):
    """A statement."""

    twitter_updated_at: Instant | None
    wants_twitter_update: bool


class PublicIncident(Answer):
    """An incident, as the public documents show it."""

    id: Id
    name: str
    status: RealtimeState
    created_at: Instant
    updated_at: Instant
    monitoring_at: Instant | None
    resolved_at: Instant | None
    impact: ImpactWord
    shortlink: str
    started_at: Instant
    page_id: Id
    incident_updates: list[PublicUpdate]
    components: list[PublicComponent]
    reminder_intervals: str | None


class Incident(PublicIncident):
    """An incident."""

    incident_updates: list[IncidentUpdate]  # type: ignore[assignment]
    components: list[Component]  # type: ignore[assignment]
    impact_override: ImpactWord | None
    incident_impacts: list[Any]
    metadata: dict[str, Any]
    postmortem_body: str | None
    postmortem_body_last_updated_at: Instant | None
    postmortem_ignored: bool
    postmortem_notified_subscribers: bool
    postmortem_notified_twitter: bool
    postmortem_published_at: bool | None
    scheduled_auto_completed: bool
    scheduled_auto_in_progress: bool
    scheduled_for: Instant | None
    scheduled_remind_prior: bool
    scheduled_reminded_at: Instant | None
    scheduled_until: Instant | None
    auto_transition_deliver_notifications_at_end: bool | None
    auto_transition_deliver_notifications_at_start: bool | None
    auto_transition_to_maintenance_state: bool | None
    auto_transition_to_operational_state: bool | None
    # Ours, and not Statuspage's.
    next_update_due_at: Instant | None
    no_next_update_reason: str | None


class Subscriber(Answer):
    """A subscriber."""

    id: Id
    skip_confirmation_notification: bool
    mode: str
    email: str | None
    endpoint: str | None
    phone_number: str | None
    phone_country: str | None
    display_phone_number: str | None
    obfuscated_channel_name: str | None
    workspace_name: str | None
    quarantined_at: Instant | None
    purge_at: Instant | None
    components: list[Id] | None
    page_access_user_id: str | None
    created_at: Instant


class SubscriberCountByType(Answer):
    """How many subscribers there are on each channel."""

    email: int
    sms: int
    webhook: int
    integration_partner: int
    slack: int
    teams: int


class PageHead(Answer):
    """What every public document begins with."""

    id: Id
    name: str
    url: str
    time_zone: str
    updated_at: Instant


class Status(Answer):
    """The page in one glance."""

    indicator: ImpactWord
    description: str


Row = PublicComponent | PublicGroup


class StatusDocument(Answer):
    """`status.json`."""

    page: PageHead
    status: Status


class ComponentsDocument(Answer):
    """`components.json`."""

    page: PageHead
    components: list[Row]


class IncidentsDocument(Answer):
    """`incidents.json` and `incidents/unresolved.json`."""

    page: PageHead
    incidents: list[PublicIncident]


class MaintenancesDocument(Answer):
    """`scheduled-maintenances.json` and its variants; empty until maintenances can be planned."""

    page: PageHead
    scheduled_maintenances: Annotated[list[Any], Field(max_length=0)]


class Summary(Answer):
    """`summary.json`."""

    page: PageHead
    components: list[Row]
    incidents: list[PublicIncident]
    scheduled_maintenances: Annotated[list[Any], Field(max_length=0)]
    status: Status


class PendingSubscriber(Answer):
    """A request that waits for the owner of the address; its id stands for nothing else."""

    created_at: Instant
    skip_confirmation_notification: bool
    quarantined_at: None
    id: Id
    mode: str
    purge_at: None
    email: str | None


class Subscribed(Answer):
    """The same answer for every address."""

    subscriber: PendingSubscriber
    page: PageHead
    mode: str
    email: str | None
    phone: str | None
    webhook: str | None
    can_select_components: bool
