"""What a worker has in hand: one message owed to one person, and what its answer means for the ledger."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

from notifiers import DeliveryError, PermanentDeliveryError, Postponed, Receipt, UncertainDeliveryError

from ..models import Announcement, Delivery
from ..subscribers import EXHAUSTED, PROVEN
from ..vocabulary import DeliveryState
from .walks import Walk

ASK_AGAIN_AFTER = timedelta(minutes=10)
RECONCILE_AFTER = timedelta(minutes=1)
MOST_QUESTIONS = 5


@dataclass(slots=True)
class Owed:
    """One message in hand: from a row of its own, or on the way through a shard."""

    announcement: Announcement
    subscriber_id: int | None
    row: Delivery | None = None
    way: Walk | None = None
    is_doubtful: bool = False

    @property
    def attempt_count(self) -> int:
        """How often it was tried before."""
        return self.row.attempt_count if self.row is not None else 0


class Verdict(NamedTuple):
    """What the ledger is to say. With `pause` it is tried again; `outcome` is how this attempt ended, None for none."""

    state: DeliveryState
    reason: str = ""
    provider_id: str = ""
    pause: timedelta | None = None
    outcome: DeliveryState | None = None
    is_doubtful: bool = False
    # Why the address itself is to blame, in the channel's word.
    code: str = ""


@dataclass(frozen=True, slots=True)
class Manners:
    """What a channel can do about trouble: be asked, recognise the same message again, or give up in time."""

    can_be_asked: bool = False
    knows_repeats: bool = False
    # How often a message is tried before its address is given up; 0 where news grows old first.
    most_attempts: int = 0


def judge(
    result: Receipt | DeliveryError, owed: Owed, manners: Manners, pause: Callable[[int, timedelta | None], timedelta]
) -> Verdict:
    """What an answer of the wire means; `pause` says how long to wait after so many attempts."""
    states = DeliveryState
    match result:
        case Receipt() as receipt:
            state = states.CAPTURED if receipt.is_captured else states.SENT
            code = PROVEN if receipt.is_proof else ""
            return Verdict(state, receipt.detail, receipt.provider_id, outcome=state, code=code)
        case Postponed() as error:
            wait = pause(0, error.retry_after)
            return Verdict(states.PENDING, str(error), pause=wait, is_doubtful=owed.is_doubtful)
        case PermanentDeliveryError() as error:
            return Verdict(states.FAILED, str(error), outcome=states.FAILED, code=error.code)
        case UncertainDeliveryError() as error:
            return _uncertain(str(error), owed, manners)
        case error if manners.most_attempts and owed.attempt_count + 1 >= manners.most_attempts:
            reason = f"It failed {owed.attempt_count + 1} times. {error}"
            return Verdict(states.FAILED, reason, outcome=states.FAILED, code=EXHAUSTED)
        case error:
            wait = pause(owed.attempt_count, error.retry_after)
            return Verdict(states.PENDING, str(error), pause=wait, outcome=states.PENDING, is_doubtful=owed.is_doubtful)


def _uncertain(reason: str, owed: Owed, manners: Manners) -> Verdict:
    """It may have arrived. The provider is asked where it can be; a message that is recognised is sent once more."""
    states, pause = DeliveryState, None
    if manners.can_be_asked and owed.attempt_count < MOST_QUESTIONS:
        pause = RECONCILE_AFTER
    elif manners.knows_repeats and not owed.is_doubtful:
        pause = ASK_AGAIN_AFTER
    state = states.UNKNOWN if pause is None else states.PENDING
    return Verdict(state, reason, pause=pause, outcome=states.UNKNOWN, is_doubtful=True)


def unanswered(reason: str, owed: Owed) -> Verdict:
    """The provider could not be asked whether an earlier try arrived; so it is not tried again before it can be."""
    pause = RECONCILE_AFTER if owed.attempt_count < MOST_QUESTIONS else None
    state = DeliveryState.UNKNOWN if pause is None else DeliveryState.PENDING
    return Verdict(state, reason, pause=pause, outcome=DeliveryState.UNKNOWN, is_doubtful=True)
