"""The dead-man's ping: while Candor really works, an address elsewhere hears so every minute.

When it stops hearing, somebody there rings. What does not work but can still speak says so itself: `/fail` is put
behind the address's path, as healthchecks.io and its kin understand it; others miss the ping, and ring as well.
"""

from urllib.parse import urlsplit, urlunsplit

import requests
import structlog

from . import vitals
from .vitals import Signs

log = structlog.get_logger(__name__)

TIMEOUT = 4


def ping(url: str, signs: Signs) -> bool:
    """Tell the address how things are; whether it listened. Takes a few seconds at most, and raises nothing."""
    is_working = vitals.is_working(signs)
    try:
        target = url if is_working else failing(url)
        with requests.get(target, timeout=TIMEOUT, allow_redirects=False, stream=True) as answer:
            is_heard = answer.ok and not answer.is_redirect
            sentence = "" if is_heard else f"answered {answer.status_code}"
    except requests.RequestException as error:
        is_heard, sentence = False, type(error).__name__
    if not is_heard:
        log.warning("deadman.not_heard", because=sentence)  # never with the address: whoever knows it can ping
    return is_heard


def failing(url: str) -> str:
    """Where it is told that something does not work."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/fail"))
