"""Many requests at once: for wires that answer slowly and take each message by itself."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from queue import Empty, SimpleQueue

from ._contract import DeliveryError, Envelope, Outcome, Receipt, attempt, untried

Send = Callable[[Envelope], Receipt]


def deliver_pooled(send: Send, envelopes: Iterable[Envelope], at_once: int) -> Iterator[Outcome]:
    """Send up to `at_once` messages at a time and yield each outcome as the wire answers, in whatever order.

    An envelope is taken only when there is room for it, and in the caller's own thread; whatever is answered is
    yielded before the next one is taken. After a channel-wide error nothing new is tried: the rest fails at once.
    The threads live as long as this call, so that a call whose messages are stuck costs no other call its room.
    """
    feed, answers = _Feed(envelopes), SimpleQueue[Outcome]()
    standing: DeliveryError | None = None
    unanswered = 0
    pool = ThreadPoolExecutor(at_once, thread_name_prefix="send")
    try:
        while unanswered or not feed.is_over:
            has_room = not feed.is_over and unanswered < at_once
            if outcome := _next_answer(answers, waits=not has_room):
                unanswered -= 1
                if isinstance(outcome.result, DeliveryError) and outcome.result.is_channel_wide:
                    standing = outcome.result
                yield outcome
            elif (envelope := feed.take()) is None:
                continue
            elif standing is not None:
                yield Outcome(envelope.key, untried(standing))
            else:
                unanswered += 1
                pool.submit(_send, send, envelope, answers)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
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


def _next_answer(answers: SimpleQueue[Outcome], *, waits: bool) -> Outcome | None:
    try:
        return answers.get(block=waits)
    except Empty:
        return None


def _send(send: Send, envelope: Envelope, answers: SimpleQueue[Outcome]) -> None:
    answers.put(Outcome(envelope.key, attempt(send, envelope)))
