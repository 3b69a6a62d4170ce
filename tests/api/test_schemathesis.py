"""Everything that `/openapi.json` promises, tried by schemathesis: with a key of each scope, with and without sense."""

import shutil
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from itertools import chain
from pathlib import Path

import pytest
import schemathesis
from schemathesis.engine import Status, events, from_schema
from werkzeug.serving import WSGIRequestHandler, make_server

from statuspage import api_keys, component_groups, components, pages, publishing, settings as settings_module
from statuspage.audit import COMMAND_LINE
from statuspage.clock import utcnow
from statuspage.db import db
from statuspage.drafts import DEFAULT_TYPE, IncidentDraft, UpdateDraft
from statuspage.subscriptions import Wishes, add_attested
from statuspage.vocabulary import IncidentStatus, Scope, Severity
from tests.doubles import free_port
from wsgi import create_app

SEED = 20261121
SECONDS_PER_SCOPE = 16
EXAMPLES = 25


@pytest.fixture
def open_house(fresh: Path, tmp_path: Path) -> Iterator[str]:
    """An app that does not tire of being asked, answering on a port of its own; where it does."""
    folder, port = shutil.copytree(fresh, tmp_path / "instance"), free_port()
    app = create_app(
        settings_module.load(instance_dir=folder, log_level="error", port=port, api_requests_per_minute=1_000_000)
    )
    server = make_server("127.0.0.1", port, app, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    with app.app_context():
        yield f"http://127.0.0.1:{port}/openapi.json"
        server.shutdown()
        thread.join()
        server.server_close()
        db.session.remove()
        db.engine.dispose()


class Quiet(WSGIRequestHandler):
    """Says nothing of each request."""

    def log(self, *_args: object) -> None:
        pass


@pytest.mark.parametrize("scope", Scope)
@pytest.mark.filterwarnings("ignore")
def test_what_the_document_promises_is_kept(open_house: str, scope: Scope, capsys: pytest.CaptureFixture[str]) -> None:
    ids, key = furnish(scope)
    schema = schemathesis.openapi.from_url(open_house, config=config(ids, key))
    db.session.remove()  # what is open here would hold up every writer there
    asked, failures = run(schema)
    with capsys.disabled():
        print(f"\nschemathesis, {scope.value}, seed {SEED}: {asked.total()} requests, {dict(sorted(asked.items()))}")

    assert not failures, "\n\n".join(list(failures.values())[:8])
    assert not [code for code in asked if code >= 500]
    assert asked.total() > 200


def run(schema: schemathesis.BaseSchema) -> tuple[Counter[int], dict[str, str]]:
    """How often each code was answered, and one example of each thing that is not as it should be."""
    deadline, asked, failures = time.monotonic() + SECONDS_PER_SCOPE, Counter[int](), dict[str, str]()
    for event in (stream := from_schema(schema).execute()):
        if isinstance(event, events.ScenarioFinished):
            asked.update(each.response.status_code for each in event.recorder.interactions.values() if each.response)
            for check in chain.from_iterable(event.recorder.checks.values()):
                if check.status is Status.FAILURE and check.failure_info:
                    title = f"{event.recorder.label}: {check.failure_info.failure.title}"
                    failures[title] = f"{title}\n{check.failure_info.failure}\n{check.failure_info.code_sample}"[:1500]
        elif isinstance(event, events.NonFatalError):
            failures[event.label] = f"{event.label}: {event.value!r}"
        elif isinstance(event, events.FatalError):
            raise event.exception
        if time.monotonic() > deadline:
            stream.stop()
    return asked, failures


def furnish(scope: Scope) -> tuple[dict[str, str], str]:
    """Something of everything, and a key; what the paths need to lead somewhere."""
    page, now = pages.first(), utcnow()
    api = components.add(page, "API", COMMAND_LINE, now, group="Platform")
    components.add(page, "Website", COMMAND_LINE, now)
    group = component_groups.listed(page)[0]
    first = UpdateDraft(IncidentStatus.INVESTIGATING, "We are looking into it.", {api: api.status})
    draft = IncidentDraft("Payments fail", DEFAULT_TYPE, Severity.SEV3, first)
    incident = publishing.open_incident(page, draft, COMMAND_LINE, now - timedelta(hours=1))
    reader = add_attested(page, "email", "reader@example.com", Wishes(), COMMAND_LINE, "test", now)
    _, key = api_keys.add(page, "schemathesis", [scope], COMMAND_LINE, now)
    ids = {
        "page_id": page.public_id,
        "component_id": api.public_id,
        "id": group.public_id,
        "incident_id": incident.public_id,
        "subscriber_id": reader.public_id,
    }
    return ids, key


def config(ids: dict[str, str], key: str) -> schemathesis.Config:
    """A fixed seed, real ids, and 422 for what is well formed and against a rule."""
    return schemathesis.Config.from_dict(
        {
            "seed": SEED,
            "headers": {"Authorization": f"OAuth {key}"},
            "parameters": {f"path.{name}": value for name, value in ids.items()},
            "generation": {"max-examples": EXAMPLES, "deterministic": True, "database": "none"},
            "checks": {
                "positive_data_acceptance": {"expected-statuses": ["2xx", "401", "403", "404", "409", "422"]},
            },
        }
    )
