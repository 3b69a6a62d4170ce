"""Open promises by the thousand, written in a few statements."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import insert, select

from statuspage.db import db, new_id
from statuspage.models import Incident, IncidentAssignment, IncidentUpdate, Page, Promise
from statuspage.vocabulary import Audience, Impact, IncidentRole, IncidentStatus, IncidentType, Severity


def promise_many(page: Page, leads: Sequence[int], due: Sequence[datetime], now: datetime) -> list[int]:
    """An open incident for each of these times, each led by one of these people in turn; their numbers."""
    made = {
        "page_id": page.id,
        "type": IncidentType.OUTAGE,
        "severity": Severity.SEV2,
        "status": IncidentStatus.INVESTIGATING,
        "impact": Impact.NONE,
        "sequence": 1,
        "started_at": now,
        "created_at": now,
        "updated_at": now,
    }
    rows = [
        {**made, "public_id": new_id(), "title": f"Incident {number}", "next_update_due_at": at, "next_look_at": at}
        for number, at in enumerate(due)
    ]
    last = db.session.scalar(select(db.func.max(Incident.id))) or 0
    db.session.execute(insert(Incident), rows)
    numbers = list(db.session.scalars(select(Incident.id).where(Incident.id > last).order_by(Incident.id)))
    role, said = IncidentRole.COMMUNICATIONS_LEAD, {"status": IncidentStatus.INVESTIGATING, "body": "We are looking."}
    pairs = list(zip(numbers, due, strict=True))
    db.session.execute(
        insert(IncidentAssignment),
        [
            {"incident_id": each, "staff_user_id": leads[place % len(leads)], "role": role}
            for place, each in enumerate(numbers)
        ],
    )
    db.session.execute(
        insert(IncidentUpdate),
        [
            {
                **said,
                "audience": Audience.PUBLIC,
                "public_id": new_id(),
                "incident_id": each,
                "sequence": 1,
                "created_at": now,
                "next_update_due_at": at,
            }
            for each, at in pairs
        ],
    )
    db.session.execute(
        insert(Promise),
        [{"public_id": new_id(), "incident_id": each, "made_at": now, "due_at": at} for each, at in pairs],
    )
    db.session.commit()
    return numbers
