"""The words of the demo's play: who says what about which component, and when."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..vocabulary import Audience, ComponentStatus, IncidentStatus, IncidentType, Severity


@dataclass(frozen=True)
class Said:
    """One statement, `at` minutes after the incident began; `corrected` replaces its words ten minutes later."""

    at: int
    status: IncidentStatus
    body: str
    states: Mapping[str, ComponentStatus] = field(default_factory=dict)
    audience: Audience = Audience.PUBLIC
    corrected: str = ""
    # Minutes until the next update is promised, where it is not by policy; or why none is.
    within: int | None = None
    none_because: str = ""


@dataclass(frozen=True)
class Story:
    """One incident from its first statement to its last. Resolving makes everything green again."""

    days_ago: int
    clock: str
    title: str
    type: IncidentType
    severity: Severity
    said: tuple[Said, ...]


def note(at: int, status: IncidentStatus, body: str) -> Said:
    """Words for colleagues only."""
    return Said(at, status, body, audience=Audience.INTERNAL)


NAME = "Parcelwright"
DESCRIPTION = "Labels, tracking, customs and returns for online shops."
FOOTER = "Parcelwright is an invented company. This page demonstrates Candor."

LABELS, TRACKING, SHIPPING, WEBHOOKS = "Labels and documents", "Tracking API", "Shipping API", "Webhooks"
DASHBOARD, SIGN_IN, SCANNER, REPORTS = "Dashboard", "Sign-in", "Warehouse scanner", "Reports and exports"
EUROPE, AMERICA = "Carriers in Europe", "Carriers in North America"
CUSTOMS, RETURNS = "Customs declarations", "Returns portal"
PIPELINE, CONSOLE = "Data pipeline", "Support console"

# What some components are to be up, in percent.
TARGETS = {SHIPPING: 99.9, LABELS: 99.95, TRACKING: 99.5}

# Group, its components with what they are, and who sees them.
GROUPS: tuple[tuple[str, tuple[tuple[str, str], ...], Audience], ...] = (
    (
        "API",
        (
            (SHIPPING, "Rates, shipments and pickups by API"),
            (LABELS, "Shipping labels, packing slips and commercial invoices"),
            (TRACKING, "Tracking events and delivery estimates"),
            (WEBHOOKS, "Notifications to your shop when a shipment changes"),
        ),
        Audience.PUBLIC,
    ),
    (
        "Apps",
        (
            (DASHBOARD, "app.parcelwright.example"),
            (SIGN_IN, "Passwords, single sign-on and one-time codes"),
            (SCANNER, "Pick, pack and scan on Android and iOS"),
            (REPORTS, "Scheduled reports, exports and invoices"),
        ),
        Audience.PUBLIC,
    ),
    (
        "Carriers and borders",
        (
            (EUROPE, "Connections to 41 carriers"),
            (AMERICA, "Connections to 17 carriers"),
            (CUSTOMS, "Export and import declarations"),
            (RETURNS, "Where your customers send things back"),
        ),
        Audience.PUBLIC,
    ),
    (
        "Inside Parcelwright",
        (
            (PIPELINE, "Feeds reports, estimates and billing"),
            (CONSOLE, "What the support team works with"),
        ),
        Audience.INTERNAL,
    ),
)

_IDENTIFIED, _INVESTIGATING = IncidentStatus.IDENTIFIED, IncidentStatus.INVESTIGATING

# Under way when the demo starts: the last statement promised news within 15 minutes, and 12 of them are gone.
OPEN_BEGAN, OPEN_LAST_SAID, OPEN_PROMISED = 49, 12, 15
OPEN = Story(
    0,
    "",
    "Shipments to carriers in Europe are failing",
    IncidentType.INFRASTRUCTURE,
    Severity.SEV2,
    (
        Said(
            0,
            _INVESTIGATING,
            "Since 10 minutes ago, most requests to create a shipment with a European carrier end with error "
            "`carrier_unavailable`. Labels that were created before are valid. We are looking into the cause.",
            {EUROPE: ComponentStatus.PARTIAL_OUTAGE},
            within=20,
        ),
        Said(
            17,
            _IDENTIFIED,
            "A certificate that we present to carriers was renewed this morning with an intermediate that our "
            "European gateway does not send along, so carriers refuse the connection. We are putting the complete "
            "chain in place, one gateway at a time.\n\n**What you can do:** leave failed shipments as they are. "
            "They are queued and will be retried without duplicates.",
            {EUROPE: ComponentStatus.MAJOR_OUTAGE, LABELS: ComponentStatus.DEGRADED_PERFORMANCE},
            within=20,
        ),
        Said(
            OPEN_BEGAN - OPEN_LAST_SAID,
            _IDENTIFIED,
            "Two of five gateways have the complete chain, and shipments through them succeed: about 40 % of "
            "European requests now. The other three follow as soon as each has proven stable. Labels may take up "
            "to two minutes while the queue empties.",
            within=OPEN_PROMISED,
        ),
    ),
)
