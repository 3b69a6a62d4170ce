"""What the chat channels share: an incoming webhook of the vendor's as address, a card as words.

The address is a secret as well: whoever has it can post to the channel. So no sentence repeats it.
"""

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar, Literal

from ._card import Card, Link, read_card
from ._contract import (
    DeliveryError,
    Envelope,
    Field,
    Health,
    Message,
    Outcome,
    PermanentDeliveryError,
    Preview,
    Receipt,
    UncertainDeliveryError,
)
from ._hook import HookWire, is_live, may_be_private, no_redirect, slow_down
from ._http import Answer, Poster, Target
from ._pool import deliver_pooled
from ._settings import is_loopback
from ._text import clean_line, cut
from ._traffic import PER_HOST, Traffic

ONE_A_SECOND = 1.0
AFTER_A_FLOOD = timedelta(seconds=30)

_GONE = {401, 403, 404, 410}
_REFUSED = {400, 413, 415, 422}


def _wire() -> HookWire:
    return HookWire(traffic=Traffic(pace=ONE_A_SECOND), may_repeat=False)


@dataclass(frozen=True)
class ChatHook(ABC):
    """A chat that takes posts at a URL of its own. A vendor says which URLs are its own, and lays out a card."""

    is_live: bool = False
    wire: HookWire = field(default_factory=_wire, repr=False, compare=False)

    kind: ClassVar[str]
    label: ClassVar[str]
    field: ClassVar[Field]
    hosts: ClassVar[re.Pattern[str]]
    path: ClassVar[re.Pattern[str]]
    shape: ClassVar[Literal["card"]] = "card"
    slots: ClassVar[int] = PER_HOST

    @abstractmethod
    def payload(self, card: Card) -> dict[str, Any]:
        """The card as the vendor wants it, its words unable to be markup."""

    def complaint(self, answer: Answer) -> str:
        """The vendor's own word for what is wrong, where it has one."""
        return clean_line(answer.text)

    def clean(self, address: str) -> str:
        if not address.strip():
            raise ValueError(f"Enter the address of the {self.label} webhook.")
        target = self.wire.read(address)
        if not (self._is_the_vendors(target) and self.path.fullmatch(target.path)):
            raise ValueError(f"This is not a {self.label} webhook. It begins with {self.field.placeholder}.")
        return target.url

    def preview(self, message: Message, address: str) -> Preview:
        card = read_card(message)
        raw = json.dumps(self.payload(card), indent=2, ensure_ascii=False)
        return Preview(card.text, headers=(("To", clean_line(address)),), raw=raw)

    def deliver(self, envelopes: Iterable[Envelope]) -> Iterator[Outcome]:
        return deliver_pooled(self._send, envelopes, self.slots if self.is_live else 1)

    def health(self) -> tuple[Health, ...]:
        return self.wire.health()

    def _send(self, envelope: Envelope) -> Receipt:
        try:
            self.clean(envelope.address)
        except ValueError as error:
            raise PermanentDeliveryError(f"This is no {self.label} webhook.", code="invalid_address") from error
        body = json.dumps(self.payload(read_card(envelope.personal()))).encode()
        if not self.is_live:
            return Receipt(detail="Captured: webhooks are not sent from here.", is_captured=True)
        answer = self.wire.post(envelope.address, body, {"Content-Type": "application/json"})
        if refusal := self.refusal(answer):
            raise refusal
        return Receipt(detail=f"{self.label} answered {answer.status}.")

    def refusal(self, answer: Answer) -> DeliveryError | None:
        """What an answer means for the message; None when it was posted."""
        if answer.is_success:
            return None
        said = cut(self.complaint(answer), 80)
        if answer.status in _GONE:
            return self.gone(f"{answer.status} {said}".strip())
        if answer.status == 429:
            pause = slow_down(answer, AFTER_A_FLOOD)
            return DeliveryError(f"{self.label} asked us to slow down.", pause, code="throttled")
        if answer.status in _REFUSED:
            sentence = f"{self.label} refused these words: {answer.status} {said}".strip()
            return PermanentDeliveryError(sentence, code="message_refused")
        if answer.status == 504:
            return UncertainDeliveryError(f"{self.label} answered 504 and may have posted it.", code="uncertain")
        return DeliveryError(f"{self.label} answered {answer.status}.{no_redirect(answer)}", answer.retry_after)

    def gone(self, reason: str) -> PermanentDeliveryError:
        """The webhook is no more: nothing further goes there, and what to do is said."""
        sentence = f"{self.label} no longer knows this webhook ({reason}). Make a new one there and subscribe that."
        return PermanentDeliveryError(sentence, code="invalid_address")

    def _is_the_vendors(self, target: Target) -> bool:
        is_a_double = self.wire.poster.may_be_private and is_loopback(target.host)
        is_their_port = target.is_tls and target.port == 443
        return is_a_double or (is_their_port and self.hosts.fullmatch(target.host) is not None)


def wire_for(settings: Mapping[str, str]) -> HookWire:
    """The wire of a chat channel: a post per second and hook, and never a second try of what may have been posted."""
    poster = Poster(may_be_private=may_be_private(settings))
    return HookWire(poster, Traffic(pace=ONE_A_SECOND), may_repeat=False)


__all__ = ["Card", "ChatHook", "Field", "Link", "is_live", "wire_for"]
