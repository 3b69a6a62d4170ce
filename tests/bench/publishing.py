"""Publishing must not get slower as history grows."""

import tempfile
import time
from dataclasses import replace
from pathlib import Path
from statistics import median

from statuspage import pages, publishing, schema, settings
from statuspage.clock import utcnow
from statuspage.db import db
from statuspage.drafts import IncidentDraft, UpdateDraft
from statuspage.models import Incident
from statuspage.vocabulary import IncidentStatus, IncidentType, Severity
from tests.bench.place import BY, Place
from tests.bench.rows import Row
from tests.conftest import NOON
from tests.histories import history
from tests.replay import Replay
from wsgi import create_app

MOST = 1.5
MANY, PUBLISHES, LONGEST_MS = 1_000_000, 300, 150
# About as many as the longest of real incidents has; without an end the length of one incident would be measured.
UPDATES = 30
IDENTIFIED = IncidentStatus.IDENTIFIED


def publish_growth(scale: float) -> list[Row]:
    """The last hundred publishes of a long history against the first hundred, in milliseconds each (median)."""
    source, said = history()
    said = said[: max(200, int(len(said) * scale))]
    with tempfile.TemporaryDirectory() as folder:
        app = create_app(settings.load(instance_dir=Path(folder), log_level="error"))
        with app.app_context():
            schema.upgrade(NOON)
            replay = Replay()
            replay.prepare(said)
            for each in said:
                replay.say(each)
            db.session.remove()
            db.engine.dispose()
    first, last = median(replay.seconds[:100]) * 1000, median(replay.seconds[-100:]) * 1000
    what = f"time per publish, last hundred against first hundred of {len(said)} updates ({source})"
    return [Row("publish-growth", what, last, "ms", first, f"ratio at most {MOST}", last / first <= MOST)]


def publish_flat(scale: float) -> list[Row]:
    """What a publish costs with a million subscribers against none: the verb alone, in milliseconds (p99)."""
    many = max(1_000, int(MANY * scale))
    figures = {}
    for count in (0, many):
        with tempfile.TemporaryDirectory() as folder, Place(Path(folder), count) as place, place.app.app_context():
            seconds = []
            for number in range(PUBLISHES):
                if number % UPDATES == 0:
                    opening = replace(_opening(), title=f"Slow {number}")
                    incident = publishing.open_incident(pages.first(), opening, BY, utcnow()).id
                    db.session.remove()
                found, draft = db.session.get_one(Incident, incident), UpdateDraft(IDENTIFIED, f"Update {number}.")
                started = time.perf_counter()
                publishing.post_update(found, draft, BY, utcnow())
                seconds.append(time.perf_counter() - started)
                db.session.remove()
            figures[count] = sorted(seconds)[int(PUBLISHES * 0.99)] * 1000
    value, reference = figures[many], figures[0]
    what = f"p99 of {PUBLISHES} publishes, {many} confirmed subscribers against none (the verb, on SQLite, no sending)"
    is_met = value / reference <= MOST and value <= LONGEST_MS
    return [Row("publish_flat", what, value, "ms", reference, f"ratio at most {MOST}, at most {LONGEST_MS} ms", is_met)]


def _opening() -> IncidentDraft:
    return IncidentDraft("Slow", IncidentType.OUTAGE, Severity.SEV2, UpdateDraft(IDENTIFIED, "We look."))
