"""Webhook: one signed POST per message to an endpoint of the subscriber's, as Standard Webhooks has it.

`webhook-id` is the message's reference, so that a repeated one is recognised; `webhook-signature` is HMAC-SHA256
over `id.timestamp.body`, one for each secret that is still valid.
"""

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar, Literal

from ._contract import (
    DeliveryError,
    Envelope,
    Field,
    Health,
    Message,
    Outcome,
    PermanentDeliveryError,
    Postponed,
    Preview,
    Receipt,
)
from ._hook import HookWire, is_live, may_be_private, no_redirect
from ._http import Answer, Poster
from ._pool import deliver_pooled
from ._text import clean_body, clean_line

EXAMPLE = {"CANDOR_BASE_URL": "https://status.example.com"}
EXAMPLE_ADDRESS = "https://hooks.example.com/status"

AT_ONCE = 50
VERIFY = "endpoint.verify"
_PREFIX = "whsec_"

# The pauses that senders of Standard Webhooks have settled on: ten attempts over three days.
SCHEDULE = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)


@dataclass(frozen=True)
class Webhook:
    """Posts events to endpoints that anybody may name, and trusts none of them."""

    is_live: bool = False
    wire: HookWire = field(default_factory=HookWire, repr=False, compare=False)
    clock: Callable[[], float] = field(default=time.time, repr=False, compare=False)

    kind: ClassVar[str] = "webhook"
    label: ClassVar[str] = "Webhook"
    field: ClassVar[Field] = Field(
        name="webhook",
        label="Webhook address",
        input_type="url",
        hint="Your endpoint gets a signed POST with JSON. We ask it to confirm; if it does not answer, we mail you.",
        placeholder="https://example.com/hooks/status",
        proof="challenge",
        needs_contact=True,
    )
    shape: ClassVar[Literal["event"]] = "event"
    needs_secret: ClassVar[bool] = True
    knows_repeats: ClassVar[bool] = True
    schedule: ClassVar[tuple[timedelta, ...]] = SCHEDULE

    def clean(self, address: str) -> str:
        return self.wire.read(address).url

    def preview(self, message: Message, address: str) -> Preview:
        body = _body(message)
        headers = (("To", clean_line(address)), *self._headers(message, body, ()).items())
        return Preview(json.dumps(json.loads(body), indent=2, ensure_ascii=False), headers=headers, raw=body)

    def deliver(self, envelopes: Iterable[Envelope]) -> Iterator[Outcome]:
        return deliver_pooled(self._send, envelopes, AT_ONCE if self.is_live else 1)

    def health(self) -> tuple[Health, ...]:
        return self.wire.health()

    def _send(self, envelope: Envelope) -> Receipt:
        message = envelope.personal()
        body = _body(message)
        if not self.is_live:
            self._check(envelope.address)
            return Receipt(detail="Captured: webhooks are not sent from here.", is_captured=True)
        if not envelope.secrets:
            raise PermanentDeliveryError("There is no secret to sign this webhook with.", code="unsigned")
        headers = self._headers(message, body, envelope.secrets)
        if challenge := _challenge(body):
            return self._ask_for_proof(envelope.address, body, headers, challenge)
        answer = self.wire.post(envelope.address, body.encode(), headers)
        if not answer.is_success:
            raise _refusal(answer)
        return Receipt(detail=f"The endpoint answered {answer.status}.")

    def _ask_for_proof(self, address: str, body: str, headers: Mapping[str, str], challenge: str) -> Receipt:
        """A challenge is posted once; what does not answer it is asked in another way."""
        try:
            answer = self.wire.post(address, body.encode(), headers)
        except Postponed:
            raise
        except DeliveryError as error:
            raise PermanentDeliveryError(f"The challenge was not answered. {error}", code="unproven") from error
        if not (answer.is_success and challenge in answer.text):
            sentence = f"The endpoint answered {answer.status}, and not with the challenge."
            raise PermanentDeliveryError(sentence, code="unproven")
        return Receipt(detail="The endpoint answered the challenge.", is_proof=True)

    def _check(self, address: str) -> None:
        try:
            self.clean(address)
        except ValueError as error:
            raise PermanentDeliveryError("This is no address we may call.", code="invalid_address") from error

    def _headers(self, message: Message, body: str, secrets: Iterable[str]) -> dict[str, str]:
        identity, moment = clean_line(message.reference), str(int(self.clock()))
        headers = {"Content-Type": "application/json", "webhook-id": identity, "webhook-timestamp": moment}
        signatures = [sign(secret, identity, moment, body) for secret in secrets]
        return headers | ({"webhook-signature": " ".join(signatures)} if signatures else {})


def sign(secret: str, identity: str, moment: str, body: str) -> str:
    """The signature that a receiver compares with; raises PermanentDeliveryError for a secret that is none."""
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (ValueError, binascii.Error) as error:
        raise PermanentDeliveryError("The secret of this webhook cannot be read.", code="unsigned") from error
    mac = hmac.new(key, f"{identity}.{moment}.{body}".encode(), hashlib.sha256).digest()
    return f"v1,{base64.b64encode(mac).decode()}"


def _body(message: Message) -> str:
    """The event as it goes out; words that are none become one."""
    text = clean_body(message.text)
    try:
        if text.startswith("{") and isinstance(json.loads(text), dict):
            return text
    except ValueError:
        pass
    event = {"type": "message", "subject": clean_line(message.subject), "text": text}
    return json.dumps(event, ensure_ascii=False)


def _challenge(body: str) -> str:
    """What an endpoint must repeat to prove itself; empty for every other event."""
    if VERIFY not in body:
        return ""
    event: dict[str, Any] = json.loads(body)
    return str(event.get("challenge", "")) if event.get("type") == VERIFY else ""


def _refusal(answer: Answer) -> DeliveryError:
    if answer.status == 410:
        return PermanentDeliveryError("The endpoint answered 410: it is gone for good.", code="gone")
    return DeliveryError(f"The endpoint answered {answer.status}.{no_redirect(answer)}", answer.retry_after)


def build(settings: Mapping[str, str]) -> Webhook:
    """Webhooks; where they are not live they are captured."""
    return Webhook(is_live(settings), HookWire(Poster(may_be_private=may_be_private(settings))))
