"""A sender's rate is kept by all workers together: used, and never passed."""

import json
import os
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from sqlalchemy import insert

from statuspage import pages, publishing, schema, settings
from statuspage.audit import Actor
from statuspage.clock import utcnow
from statuspage.db import db
from statuspage.drafts import IncidentDraft, UpdateDraft
from statuspage.models import Subscriber, Subscription
from statuspage.vocabulary import IncidentStatus, IncidentType, Severity, SubscriberState
from tests.bench.rows import Row
from tests.doubles import free_port
from tests.running import wait_until
from wsgi import create_app

RATE, PAUSE_MS, WORKERS = 40, 100, 2
SECONDS = 30
ROOT = Path(__file__).resolve().parents[2]


def sms_rate(scale: float) -> list[Row]:
    """SMS a second at the double, and the most that any second saw."""
    seconds = max(5, round(SECONDS * scale))
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        environment = _environment(folder, port)
        _owe(Path(folder), RATE * (seconds + 2))
        with _running([sys.executable, "-m", "tests.bench.twilio", str(port), str(PAUSE_MS)], environment):
            wait_until(lambda: _came(port) is not None, "the double did not start")
            engine = [sys.executable, "-m", "wsgi", "engine"]
            with _running(engine, environment), _running(engine, environment):
                enough = RATE * (seconds + 1)
                wait_until(lambda: len(_came(port) or ()) >= enough, "too few SMS were sent", patience=3 * seconds + 60)
            came = sorted(_came(port) or ())
    rate, most = _rate(came, seconds), most_in_a_second(came)
    what = (
        f"SMS a second with {RATE} allowed, {WORKERS} workers, answers after {PAUSE_MS} ms; most in any second: {most}"
    )
    is_met = 0.95 * RATE <= rate <= 1.05 * RATE and most <= RATE
    return [Row("sms_rate", what, rate, "/s", RATE, f"{RATE} ± 5 %, never above {RATE} in any second", is_met)]


def most_in_a_second(moments: Sequence[float]) -> int:
    """The most moments in any second, wherever it begins; they come in order."""
    first = most = 0
    for last, moment in enumerate(moments):
        while moments[first] <= moment - 1:
            first += 1
        most = max(most, last - first + 1)
    return most


def _rate(came: Sequence[float], seconds: int) -> float:
    """How many a second, once all workers were under way."""
    begin = came[0] + 1
    return sum(begin <= moment < begin + seconds for moment in came) / seconds


def _environment(folder: str, port: int) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("CANDOR_")}
    return inherited | {
        "CANDOR_INSTANCE_DIR": folder,
        "CANDOR_LOG_LEVEL": "error",
        "CANDOR_SMS_PER_SECOND": str(RATE),
        "CANDOR_TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
        "CANDOR_TWILIO_AUTH_TOKEN": "bench",
        "CANDOR_TWILIO_FROM": "+15005550006",
        "CANDOR_TWILIO_API_URL": f"http://127.0.0.1:{port}",
    }


def _owe(folder: Path, count: int) -> None:
    """An update is owed to so many phones."""
    now = utcnow()
    app = create_app(settings.load(instance_dir=folder, log_level="error"))
    with app.app_context():
        schema.upgrade(now)
        page = pages.first()
        facts = {"page_id": page.id, "channel": "sms", "state": SubscriberState.CONFIRMED}
        then = {"confirmed_at": now - timedelta(days=1), "state_changed_at": now, "created_at": now}
        phones = [f"+49151{number:08}" for number in range(count)]
        rows = [{"address": phone, "address_key": phone, **facts, **then} for phone in phones]
        ids = db.session.scalars(insert(Subscriber).returning(Subscriber.id, sort_by_parameter_order=True), rows)
        db.session.execute(insert(Subscription), [{"subscriber_id": each, "component_id": None} for each in ids])
        db.session.commit()
        said = UpdateDraft(IncidentStatus.INVESTIGATING, "We are looking into it.")
        draft = IncidentDraft("Payments fail", IncidentType.OUTAGE, Severity.SEV2, said)
        publishing.open_incident(page, draft, Actor(None, "bench"), now)
        db.session.remove()
        db.engine.dispose()


def _came(port: int) -> list[float] | None:
    """When the SMS came, as the double saw it; None while it is not there."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/came", timeout=10) as answer:
            moments: list[float] = json.load(answer)
    except (urllib.error.URLError, ConnectionError):
        return None
    return moments


@contextmanager
def _running(command: Sequence[str], environment: dict[str, str]) -> Iterator[None]:
    process = subprocess.Popen(command, env=environment, cwd=ROOT)
    try:
        yield
    finally:
        process.terminate()
        process.wait(60)
