"""Many requests at once: for wires that answer slowly and take each message by itself."""

import threading
from collections.abc import Callable, Iterable, Iterator
from queue import Empty, SimpleQueue

from ._contract import DeliveryError, Envelope, Outcome, Receipt, attempt, patience_with, unheard, untried

Send = Callable[[Envelope], Receipt]

# How often to look whether an answer is still waited for.
_GLANCE = 0.25


def deliver_pooled(send: Send, envelopes: Iterable[Envelope], at_once: int) -> Iterator[Outcome]:
    """Send up to `at_once` messages at a time and yield each outcome as the wire answers, in whatever order.

    An envelope is taken only when there is room for it, and in the caller's own thread; whatever is answered is
    yielded before the next one is taken. After a channel-wide error nothing new is tried: the rest fails at once.
    The threads live as long as this call, so that a call whose messages are stuck costs no other call its room.
    """
    feed, crew, is_out_of_time = _Feed(envelopes), _Crew(send), patience_with(envelopes)
    standing: DeliveryError | None = None
    try:
        while crew.in_hand or not feed.is_over:
            has_room = not feed.is_over and len(crew.in_hand) < at_once
            if outcome := crew.next_answer(waits=not has_room):
                if isinstance(outcome.result, DeliveryError) and outcome.result.is_channel_wide:
                    standing = outcome.result
                yield outcome
            elif is_out_of_time():
                yield from [Outcome(key, unheard()) for key in crew.in_hand]
                return
            elif not has_room or (envelope := feed.take()) is None:
                continue
            elif standing is not None:
                yield Outcome(envelope.key, untried(standing))
            else:
                crew.give(envelope)
    finally:
        crew.dismiss()
    if feed.fault is not None:
        raise feed.fault


class _Feed:
    """The envelopes, one by one. A feed that breaks has ended; what was taken from it is still seen through."""

    def __init__(self, envelopes: Iterable[Envelope]) -> None:
        self.envelopes = iter(envelopes)
        self.is_over = False
        self.fault: Exception | None = None

    def take(self) -> Envelope | None:
        try:
            return next(self.envelopes)
        except StopIteration:
            self.is_over = True
        except Exception as error:
            self.is_over, self.fault = True, error
        return None


class _Crew:
    """As many threads as there ever were messages in hand.

    No pool of the standard library: at exit it would wait for those that wait for a silent host.
    """

    def __init__(self, send: Send) -> None:
        self.in_hand: set[str | int] = set()
        self._send = send
        self._given, self._answers = SimpleQueue[Envelope | None](), SimpleQueue[Outcome]()
        self._size = 0
        self._is_dismissed = False

    def give(self, envelope: Envelope) -> None:
        """Have it sent, at once: there is always a thread for it."""
        self.in_hand.add(envelope.key)
        self._given.put(envelope)
        if self._size < len(self.in_hand):
            self._size += 1
            threading.Thread(target=self._work, name=f"send-{self._size}", daemon=True).start()

    def next_answer(self, *, waits: bool) -> Outcome | None:
        """What has become of one of them; None when nothing is known, or was in a moment."""
        try:
            outcome = self._answers.get(block=waits, timeout=_GLANCE)
        except Empty:
            return None
        self.in_hand.discard(outcome.key)
        return outcome

    def dismiss(self) -> None:
        """Nothing more is begun; nobody waits for what is under way."""
        self._is_dismissed = True
        for _ in range(self._size):
            self._given.put(None)

    def _work(self) -> None:
        while (envelope := self._given.get()) is not None and not self._is_dismissed:
            self._answers.put(Outcome(envelope.key, attempt(self._send, envelope)))
