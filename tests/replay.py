"""A history said again, update by update, through the verbs that a comms lead uses."""

import time
from dataclasses import dataclass, field

from statuspage import components, pages, publishing, subscriptions
from statuspage.audit import Actor
from statuspage.db import db
from statuspage.drafts import IncidentDraft, UpdateDraft
from statuspage.models import Incident, Page
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
    """Says a history again, each update in a session of its own as a request would, and keeps how long each took."""

    incidents: dict[str, int] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)

    def prepare(self, said: list[Said], subscribers: int = 50) -> None:
        """Components and subscribers on mixed components, mail and SMS, before the first word."""
        first, page = min(each.at for each in said), pages.first()
        everything = [components.add(page, name, BY, first) for name in COMPONENTS]
        for number in range(subscribers):
            wanted = (
                () if number % 5 == 0 else tuple(everything[(number + step) % 11] for step in range(number % 3 + 1))
            )
            is_sms = number % 7 == 3
            address = f"+4915123450{number:03d}" if is_sms else f"s{number}@example.com"
            level = EventLevel.KEY_MOMENTS if is_sms or number % 4 == 1 else EventLevel.EVERY_UPDATE
            wishes = Wishes(wanted, level)
            subscriptions.add_attested(page, "sms" if is_sms else "email", address, wishes, BY, "replay", first)

    def say(self, said: Said) -> None:
        """One more update, at the time it was said."""
        db.session.remove()
        key = f"replay-{len(self.seconds)}"  # the history says the same words twice in the same minute
        page = pages.first()
        if said.is_first:
            opening = self._opening(page, said)
            started = time.perf_counter()
            made = publishing.open_incident(page, opening, BY, said.at, key)
            self.seconds.append(time.perf_counter() - started)
            self.incidents[said.incident] = made.id
        else:
            incident = db.session.get_one(Incident, self.incidents[said.incident])
            draft = self._draft(page, said, incident.status)
            started = time.perf_counter()
            publishing.post_update(incident, draft, BY, said.at, key)
            self.seconds.append(time.perf_counter() - started)

    def _opening(self, page: Page, said: Said) -> IncidentDraft:
        kind = IncidentType.DEPLOYMENT if said.impact == "maintenance" else IncidentType.DEGRADATION
        return IncidentDraft(said.title, kind, Severity.SEV2, self._draft(page, said, IncidentStatus.INVESTIGATING))

    @staticmethod
    def _draft(page: Page, said: Said, before: IncidentStatus) -> UpdateDraft:
        status = STATUSES.get(said.status, before)
        state = ComponentStatus.OPERATIONAL if status is IncidentStatus.RESOLVED else STATES[said.impact]
        changes = said.is_first or status is IncidentStatus.RESOLVED
        return UpdateDraft(
            status=status,
            body=said.body,
            components={components.find_by_name(page, name): state for name in said.components} if changes else {},
            impact_override=Impact(said.impact) if said.is_first else None,
        )


def growth(seconds: list[float], window: int = 100) -> float:
    """The median of the last `window` publishes against that of the first."""
    first, last = sorted(seconds[:window]), sorted(seconds[-window:])
    return last[len(last) // 2] / first[len(first) // 2]
