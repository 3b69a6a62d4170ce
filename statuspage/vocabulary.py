"""The field's words as enums. The strings are Statuspage's, so that its tools understand ours."""

from enum import StrEnum


class Word(StrEnum):
    """A word of the vocabulary; `label` is how a person reads it."""

    @property
    def label(self) -> str:
        """The word as shown to people, for example "Degraded performance"."""
        return self.value.replace("_", " ").capitalize()


class ComponentStatus(Word):
    """How a component is doing, from fine to gone."""

    OPERATIONAL = "operational"
    DEGRADED_PERFORMANCE = "degraded_performance"
    PARTIAL_OUTAGE = "partial_outage"
    MAJOR_OUTAGE = "major_outage"
    UNDER_MAINTENANCE = "under_maintenance"


class IncidentStatus(Word):
    """Where an incident stands. Any order is allowed, and so is reopening."""

    INVESTIGATING = "investigating"
    IDENTIFIED = "identified"
    MONITORING = "monitoring"
    RESOLVED = "resolved"


class Phase(Word):
    """How far an incident or a maintenance is, as far as the interval between updates depends on it."""

    INVESTIGATING = "investigating"
    IDENTIFIED = "identified"
    MONITORING = "monitoring"
    # Waits for scheduled maintenance: it should be over, and is not.
    MAINTENANCE_OVERRUN = "maintenance_overrun"


class Impact(Word):
    """What the public is told about the weight of an incident."""

    NONE = "none"
    MINOR = "minor"
    MAJOR = "major"
    CRITICAL = "critical"
    MAINTENANCE = "maintenance"


class Severity(Word):
    """The responders' inner grade; picks the cadence policy and is never shown in public."""

    SEV1 = "sev1"
    SEV2 = "sev2"
    SEV3 = "sev3"
    SEV4 = "sev4"

    @property
    def label(self) -> str:
        """The grade as responders write it, for example "SEV1"."""
        return self.value.upper()


class IncidentType(Word):
    """What kind of trouble an incident is."""

    OUTAGE = "outage"
    DEGRADATION = "degradation"
    DEPLOYMENT = "deployment"
    INFRASTRUCTURE = "infrastructure"
    SECURITY = "security"
    DATA_INTEGRITY = "data_integrity"
    THIRD_PARTY = "third_party"


class Audience(Word):
    """Who a statement is for."""

    PUBLIC = "public"
    INTERNAL = "internal"


class IncidentRole(Word):
    """What a staff user does on one incident."""

    INCIDENT_COMMANDER = "incident_commander"
    COMMUNICATIONS_LEAD = "communications_lead"
    TECHNICAL_LEAD = "technical_lead"
    RESPONDER = "responder"


class StaffRole(Word):
    """What a staff user may do in the panel."""

    VIEWER = "viewer"
    RESPONDER = "responder"
    COMMS_LEAD = "comms_lead"
    ADMIN = "admin"

    @property
    def label(self) -> str:
        """The role as shown to people."""
        return "Comms lead" if self is StaffRole.COMMS_LEAD else self.value.capitalize()


class Scope(Word):
    """What an API key may do. Every key may read what is public; `admin` may do everything."""

    READ = "read"
    PUBLISH = "publish"
    SUBSCRIBERS = "subscribers"
    CONFIG = "config"
    ADMIN = "admin"


class SubscriberState(Word):
    """Whether an address may be written to."""

    PENDING = "pending"
    CONFIRMED = "confirmed"
    UNSUBSCRIBED = "unsubscribed"
    QUARANTINED = "quarantined"


class EventLevel(Word):
    """How much a subscriber wants to hear: everything, or begin, severity jump and resolve."""

    EVERY_UPDATE = "every_update"
    KEY_MOMENTS = "key_moments"


class AnnouncementKind(Word):
    """What an announcement says."""

    INCIDENT_UPDATE = "incident_update"
    CORRECTION = "correction"
    CURRENT_STATE = "current_state"
    CONFIRMATION = "confirmation"
    MANAGE_LINK = "manage_link"
    QUARANTINE = "quarantine"
    REMINDER = "reminder"
    DRAFT = "draft"
    ALARM = "alarm"
    REPORT = "report"
    DRILL = "drill"


class Lane(Word):
    """Which queue a delivery waits in: `fast` overtakes `bulk`, and `retry` gets a fifth of the slots."""

    FAST = "fast"
    BULK = "bulk"
    RETRY = "retry"


class DeliveryState(Word):
    """The states of one delivery. All but `pending` and `leased` are final; `sent` may still be
    refined to `delivered` or `bounced` by the provider's answer."""

    PENDING = "pending"
    LEASED = "leased"
    SENT = "sent"
    DELIVERED = "delivered"
    BOUNCED = "bounced"
    CAPTURED = "captured"
    FAILED = "failed"
    UNKNOWN = "unknown"
    SUPPRESSED = "suppressed"
    SUPERSEDED = "superseded"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


WAITING_STATES = (DeliveryState.PENDING, DeliveryState.LEASED)


class PauseKind(Word):
    """Why nobody is chased for a while: somebody has it, or has said why it must wait."""

    ACKNOWLEDGED = "acknowledged"
    SNOOZED = "snoozed"


class ReminderCause(Word):
    """Why somebody is reminded: a step of the ladder, a colleague's hand-over, a role that nobody has."""

    LADDER = "ladder"
    HANDED_OVER = "handed_over"
    UNCLAIMED = "unclaimed"


class LinkPolicy(Word):
    """What the link in a reminder may do for whoever opens it."""

    REMEMBERED = "remembered"
    ALWAYS_ASK = "always_ask"
    DRAFT_ONLY = "draft_only"


class ReplyVia(Word):
    """The way on which an answer to a reminder came."""

    SMS = "sms"
    MAIL = "mail"
    LINK = "link"

    @property
    def label(self) -> str:
        """The way as colleagues read it."""
        return {"sms": "SMS", "mail": "mail", "link": "a reminder's link"}[self.value]


class ReminderStep(Word):
    """A rung of the reminder ladder."""

    DUE_SOON = "due_soon"
    DUE = "due"
    OVERDUE = "overdue"


class PromiseOutcome(Word):
    """What became of a promised next update."""

    KEPT = "kept"
    LATE = "late"
    WITHDRAWN = "withdrawn"
    REPLACED = "replaced"


class DeadlineKind(Word):
    """Who a deadline's word is for: customers, who read of it on the page, or an authority, which stays inside."""

    CUSTOMERS = "customers"
    AUTHORITY = "authority"


class DeadlineStart(Word):
    """From when a deadline counts: since the trouble was noticed, or since the incident was declared."""

    DETECTED = "detected"
    DECLARED = "declared"
