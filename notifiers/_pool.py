"""Many messages at once over a wire that answers one by one."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from ._contract import DeliveryError, Envelope, Outcome, Receipt, UncertainDeliveryError

Result = Receipt | DeliveryError


def deliver_pooled(send: Callable[[Envelope], Receipt], envelopes: Iterable[Envelope], slots: int) -> Iterator[Outcome]:
    """Send up to `slots` at once; outcomes come as the wire answers.

    An envelope is taken from the caller only when a slot is free, and in the caller's thread: what is taken is
    being sent, and nothing else is.
    """
    source = iter(envelopes)
    waiting: dict[Future[Result], Envelope] = {}
    has_more = True
    with ThreadPoolExecutor(slots, thread_name_prefix="hooks") as pool:
        while has_more or waiting:
            if has_more and len(waiting) < slots:
                envelope = next(source, None)
                if envelope is None:
                    has_more = False
                else:
                    waiting[pool.submit(_attempt, send, envelope)] = envelope
            for done in _answered(waiting, is_full=len(waiting) >= slots or not has_more):
                yield Outcome(waiting.pop(done).key, done.result())


def _answered(waiting: dict[Future[Result], Envelope], *, is_full: bool) -> list[Future[Result]]:
    """Those that have their answer; where nothing more can be begun, at least one is waited for."""
    if not waiting:
        return []
    return list(wait(waiting, None if is_full else 0, FIRST_COMPLETED).done)


def _attempt(send: Callable[[Envelope], Receipt], envelope: Envelope) -> Result:
    try:
        return send(envelope)
    except DeliveryError as error:
        return error
    except Exception as error:
        uncertain = UncertainDeliveryError(
            f"Sending stopped on a fault of ours ({type(error).__name__}).", code="fault"
        )
        uncertain.__cause__ = error
        return uncertain
