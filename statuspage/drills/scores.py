"""From a drill's rows to its score sheet."""

from datetime import datetime, timedelta

from notifiers import Message

from .. import text
from ..cadence.policies import cadence_for
from ..channels import channels
from ..models import Drill, IncidentUpdate
from ..visibility import PUBLIC, may_see
from ..vocabulary import IncidentStatus
from .lint import Said
from .scoring import Kept, Played, Sheet, Statement, score
from .script import read


def sheet(drill: Drill, now: datetime) -> Sheet:
    """The drill's score sheet, as it stands now or as it ended."""
    incident, script, pace = drill.incident, read(drill.script), drill.stage.stage_pace or 1.0
    said = [each for each in incident.updates if may_see(PUBLIC, each)]
    first = cadence_for(drill.stage, script.severity, script.type).first
    return score(
        Played(
            started_at=drill.started_at,
            until=drill.ended_at or now,
            pace=pace,
            first_within=timedelta(seconds=round(first.total_seconds() * pace)),
            statements=[Statement(each.created_at, each.status) for each in said],
            promises=[Kept(each.due_at, each.is_first, each.outcome, each.late_by) for each in incident.promises],
            expectations=script.expectations,
            words=[_said(number, each) for number, each in enumerate(said, 1)],
        )
    )


def _said(number: int, update: IncidentUpdate) -> Said:
    promises = update.next_update_due_at is not None or bool(update.no_promise_reason)
    is_last = update.status is IncidentStatus.RESOLVED
    return Said(number, text.plain(update.body), promises, is_last, _segments(update.body))


def _segments(body: str) -> int:
    """How many segments the words alone would take by SMS, were they not cut."""
    channel = channels().get("sms")
    words = " ".join(text.plain(body).split())
    return channel.preview(Message(reference="preview", subject="", text=words), "").segments if channel else 0
