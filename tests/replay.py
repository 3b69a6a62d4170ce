"""A history said again, update by update, through the verbs that a comms lead uses."""

import time
from dataclasses import dataclass, field

from statuspage import components, publishing, subscriptions
from statuspage.audit import Actor
from statuspage.drafts import IncidentDraft, UpdateDraft
from statuspage.models import Component, Incident, Page
from statuspage.subscriptions import Wishes
from statuspage.vocabulary import ComponentStatus, EventLevel, Impact, IncidentStatus, IncidentType, Severity
from tests.histories import COMPONENTS, Said

BY = Actor(None, "replay")
STATUSES = {
    "Investigating": IncidentStatus.INVESTIGATING,
    "Scheduled": IncidentStatus.IDENTIFIED,
    "In progress": IncidentStatus.MONITORING,
    "Resolved": IncidentStatus.RESOLVED,
    "Completed": IncidentStatus.RESOLVED,
}
STATES = {
    "none": ComponentStatus.OPERATIONAL,
    "minor": ComponentStatus.DEGRADED_PERFORMANCE,
    "major": ComponentStatus.PARTIAL_OUTAGE,
    "critical": ComponentStatus.MAJOR_OUTAGE,
    "maintenance": ComponentStatus.UNDER_MAINTENANCE,
}


@dataclass
class Replay:
    """Says a history again and keeps how long each publish took."""

    page: Page
    components: dict[str, Component] = field(default_factory=dict)
    incidents: dict[str, Incident] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)

    def prepare(self, said: list[Said], subscribers: int = 50) -> None:
        """Components and subscribers on mixed components, mail and SMS, before the first word."""
        first = min(each.at for each in said)
        for name in COMPONENTS:
            self.components[name] = components.add(self.page, name, BY, first)
        everything = list(self.components.values())
        for number in range(subscribers):
            wanted = (
                () if number % 5 == 0 else tuple(everything[(number + step) % 11] for step in range(number % 3 + 1))
            )
            channel, address = (
                ("sms", f"+4915123450{number:03d}") if number % 7 == 3 else ("email", f"s{number}@example.com")
            )
            level = EventLevel.KEY_MOMENTS if channel == "sms" or number % 4 == 1 else EventLevel.EVERY_UPDATE
            subscriptions.add_attested(self.page, channel, address, Wishes(wanted, level), BY, "replay", first)

    def say(self, said: Said) -> None:
        """One more update, at the time it was said."""
        key = f"replay-{len(self.seconds)}"  # the history says the same words twice in the same minute
        started = time.perf_counter()
        if said.is_first:
            opening = self._opening(said)
            self.incidents[said.incident] = publishing.open_incident(self.page, opening, BY, said.at, key)
        else:
            publishing.post_update(self.incidents[said.incident], self._draft(said), BY, said.at, key)
        self.seconds.append(time.perf_counter() - started)

    def _opening(self, said: Said) -> IncidentDraft:
        kind = IncidentType.DEPLOYMENT if said.impact == "maintenance" else IncidentType.DEGRADATION
        return IncidentDraft(said.title, kind, Severity.SEV2, self._draft(said))

    def _draft(self, said: Said) -> UpdateDraft:
        before = self.incidents[said.incident].status if not said.is_first else IncidentStatus.INVESTIGATING
        status = STATUSES.get(said.status, before)
        state = ComponentStatus.OPERATIONAL if status is IncidentStatus.RESOLVED else STATES[said.impact]
        changes = said.is_first or status is IncidentStatus.RESOLVED
        return UpdateDraft(
            status=status,
            body=said.body,
            components={self.components[name]: state for name in said.components} if changes else {},
            impact_override=Impact(said.impact) if said.is_first else None,
        )


def growth(seconds: list[float], window: int = 100) -> float:
    """The median of the last `window` publishes against that of the first."""
    first, last = sorted(seconds[:window]), sorted(seconds[-window:])
    return last[len(last) // 2] / first[len(first) // 2]
