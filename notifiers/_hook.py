"""What all channels that post to a URL have in common: the guarded wire, manners, and when it is live.

Settings: CANDOR_WEBHOOKS (`on`, `capture`; without it, on wherever the page itself is not on this machine alone),
CANDOR_WEBHOOK_ALLOW_PRIVATE (1: inside addresses and plain http too, for tests and internal networks).
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from ._contract import BadSettings, DeliveryError, Health, PermanentDeliveryError, UncertainDeliveryError
from ._http import Answer, NoAnswer, NotAllowed, Poster, Target, read_url
from ._settings import base_url, is_loopback, split
from ._traffic import Traffic

_CANNOT_NOW = (502, 503, 504)
_ASKS_FOR_TIME = (429, 503)


@dataclass(frozen=True)
class HookWire:
    """One POST with manners; whatever goes wrong before an answer comes out as ours."""

    poster: Poster = field(default_factory=Poster)
    traffic: Traffic = field(default_factory=Traffic)
    # Whether a second post of the same message can be told apart by the other side, so that trying again is safe.
    may_repeat: bool = True

    def read(self, address: str) -> Target:
        return read_url(address, may_be_private=self.poster.may_be_private)

    def post(self, address: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """The answer, whatever its status; raises DeliveryError where there is none."""
        try:
            target = self.read(address)
        except ValueError as error:
            raise PermanentDeliveryError("This is no address we may call.", code="invalid_address") from error
        with self.traffic.turn(target.name, address):
            started = time.monotonic()
            try:
                answer = self.poster.post(target, body, headers)
            except NotAllowed as error:
                raise PermanentDeliveryError(str(error), code="address_not_allowed") from error
            except NoAnswer as error:
                self.traffic.failed(target.name, str(error), time.monotonic() - started)
                raise self._as_ours(error) from error
        self._note(target, address, answer)
        return answer

    def health(self) -> tuple[Health, ...]:
        return self.traffic.health()

    def _note(self, target: Target, address: str, answer: Answer) -> None:
        if answer.status in _CANNOT_NOW:
            self.traffic.failed(target.name, f"It answered {answer.status}.", answer.seconds)
        else:
            self.traffic.worked(target.name, answer.seconds)
        if answer.status in _ASKS_FOR_TIME and answer.retry_after:
            self.traffic.pause(address, answer.retry_after)

    def _as_ours(self, error: NoAnswer) -> DeliveryError:
        if error.was_sent and not self.may_repeat:
            return UncertainDeliveryError(f"{error} The message may have been posted.", code="uncertain")
        return DeliveryError(str(error), code="unreachable")


def slow_down(answer: Answer, otherwise: timedelta) -> timedelta:
    """How long to wait after being told to slow down."""
    return answer.retry_after or otherwise


def no_redirect(answer: Answer) -> str:
    """Why a redirect is a failure, to be said after its status."""
    return " Redirects are not followed." if 300 <= answer.status < 400 else ""


def is_live(settings: Mapping[str, str]) -> bool:
    """Whether posts leave this machine; raises BadSettings."""
    wish = settings.get("CANDOR_WEBHOOKS", "").strip()
    if wish not in {"", "on", "capture"}:
        raise BadSettings("CANDOR_WEBHOOKS must be on or capture, or left out.")
    if wish:
        return wish == "on"
    base = base_url(settings)
    return may_be_private(settings) or bool(base and not is_loopback(split(base).hostname or ""))


def may_be_private(settings: Mapping[str, str]) -> bool:
    """Whether inside addresses may be called."""
    return settings.get("CANDOR_WEBHOOK_ALLOW_PRIVATE", "").strip() == "1"
