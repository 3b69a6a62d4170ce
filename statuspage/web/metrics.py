"""`/metrics`: the vital signs in Prometheus' text format, for those who hold the token.

Everything is asked of the database, so every process gives the same answer. What only one process knows (requests by
route and status) is left to proxy and logs: of several web processes each would tell its own part as the whole.
"""

import hmac
from collections.abc import Iterable, Iterator
from datetime import datetime
from urllib.parse import urlsplit

from flask import Blueprint, Response, abort, request

from .. import alarms, urls, vitals
from ..analytics import reading
from ..clock import utcnow
from ..http import LOOPBACK
from ..vitals import Signs
from ..vocabulary import DeliveryState, PromiseOutcome

metrics = Blueprint("metrics", __name__)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_FORWARDED = ("X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Forwarded", "Via")
_CAME = {PromiseOutcome.KEPT: "in time", PromiseOutcome.LATE: "late"}
Sample = tuple[dict[str, str], float]


@metrics.get("/metrics")
def show() -> Response:
    """The signs as they are now; 404 for strangers where no token is set, 401 without it where one is."""
    token = urls.settings().metrics_token.get_secret_value()
    if token:
        given = request.headers.get("Authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
            return Response("A token is needed.\n", 401, {"WWW-Authenticate": "Bearer"}, mimetype="text/plain")
    elif not _is_at_this_machine():
        abort(404)
    return Response("".join(_lines(utcnow())), content_type=CONTENT_TYPE)


def _is_at_this_machine() -> bool:
    """Asked from here, of a page that is for this machine alone, and not on behalf of somebody behind a proxy."""
    name = urlsplit(f"//{request.host}").hostname
    is_direct = not any(header in request.headers for header in _FORWARDED)
    is_private = urlsplit(urls.settings().base_url).hostname in LOOPBACK
    return is_private and request.remote_addr in LOOPBACK and name in LOOPBACK and is_direct


def _lines(now: datetime) -> Iterator[str]:
    signs = vitals.read(now)
    yield from _of_channels(signs)
    recent = vitals.recent_deliveries(now)
    yield from _gauge(
        "deliveries_recent",
        "Messages of the last 24 hours by state, without what is still in a queue.",
        [({"state": state.value}, recent.get(state, 0)) for state in DeliveryState],
    )
    yield from _gauge(
        "engine_heartbeat_age_seconds",
        "Since an engine last said that it works.",
        _ages([({}, signs.engine_seen_at)], now),
    )
    yield from _gauge(
        "scheduler_lease_age_seconds",
        "Since the clock's keeper last renewed its lease.",
        _ages([({}, signs.clock_ticked_at)], now),
    )
    yield from _gauge("promises_overdue", "Open incidents whose update is late.", [({}, signs.promises_overdue)])
    settled = reading.promise_counts()
    yield from _gauge(
        "promises_settled",
        "Promised updates by outcome, since the beginning.",
        [({"outcome": each.value}, settled.get(each, 0)) for each in PromiseOutcome],
    )
    totals = reading.promise_totals()
    for outcome in (PromiseOutcome.KEPT, PromiseOutcome.LATE):
        yield from _counter(
            f"promises_{outcome.value}_total", f"Promised updates that came {_CAME[outcome]}.", totals.get(outcome, 0)
        )
    standing, late = reading.promises_standing(now)
    yield from _gauge("promises_open", "Promised updates that are still to come.", [({}, standing)])
    yield from _gauge("promises_open_late", "Promised updates that should have come by now.", [({}, late)])
    open_alarms = [({"about": alarm.about}, 1.0) for alarm in alarms.open_alarms()]
    yield from _gauge("alarm_open", "Alarms that are not over.", open_alarms)


def _of_channels(signs: Signs) -> Iterator[str]:
    named = [({"channel": kind}, each) for kind, each in signs.channels.items()]
    yield from _gauge(
        "waiting_messages", "Messages on their way.", [(labels, each.queue.count) for labels, each in named]
    )
    yield from _gauge(
        "waiting_oldest_seconds",
        "How long the oldest message on its way has waited; 0 when none does.",
        _ages([(labels, each.queue.since or signs.at) for labels, each in named], signs.at),
    )
    yield from _gauge(
        "breaker_open",
        "Whether the channel takes nothing and is left in peace.",
        [(labels, float(each.breaker is not None)) for labels, each in named],
    )
    yield from _gauge(
        "breaker_open_seconds",
        "For how long it has been so; 0 when it is not.",
        _ages([(labels, each.breaker.since if each.breaker else signs.at) for labels, each in named], signs.at),
    )
    yield from _gauge(
        "paused_for_subscribers",
        "Whether what goes to subscribers waits, because networks drop it.",
        [(labels, float(each.paused is not None)) for labels, each in named],
    )
    yield from _gauge(
        "destinations_in_trouble",
        "Destinations that the channel itself leaves in peace.",
        [(labels, len(each.destinations)) for labels, each in named],
    )
    yield from _gauge(
        "sender_round_age_seconds",
        "Since one of the channel's senders last went round.",
        _ages([(labels, each.beat_at) for labels, each in named], signs.at),
    )
    yield from _gauge(
        "last_sent_age_seconds",
        "Since the channel last took a message, as far as processes of the last hour know.",
        _ages([(labels, each.sent_at) for labels, each in named], signs.at),
    )


def _ages(instants: Iterable[tuple[dict[str, str], datetime | None]], now: datetime) -> list[Sample]:
    """Seconds since; what has never been has no sample, which Prometheus' `absent()` sees."""
    return [(labels, max(0.0, (now - at).total_seconds())) for labels, at in instants if at is not None]


def _gauge(name: str, means: str, samples: Iterable[Sample]) -> Iterator[str]:
    yield f"# HELP candor_{name} {means}\n# TYPE candor_{name} gauge\n"
    for labels, value in samples:
        said = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
        yield f"candor_{name}{f'{{{said}}}' if said else ''} {value:.10g}\n"


def _counter(name: str, means: str, value: int) -> Iterator[str]:
    yield f"# HELP candor_{name} {means}\n# TYPE candor_{name} counter\ncandor_{name} {value}\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
