"""What a worker has in hand: one message owed to one person, and what its answer means for the ledger."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from notifiers import DeliveryError, PermanentDeliveryError, Receipt, UncertainDeliveryError

from ..models import Announcement, Delivery
from ..vocabulary import DeliveryState
from .shards import Walk

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


@dataclass(frozen=True, slots=True)
class Verdict:
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
    """What a channel can do about an uncertain outcome: be asked, or recognise the same message again."""

    can_be_asked: bool = False
    knows_repeats: bool = False


def judge(
    result: Receipt | DeliveryError, owed: Owed, manners: Manners, pause: Callable[[int, timedelta | None], timedelta]
) -> Verdict:
    """What an answer of the wire means; `pause` says how long to wait after so many attempts."""
    states = DeliveryState
    match result:
        case Receipt() as receipt:
            state = states.CAPTURED if receipt.is_captured else states.SENT
            return Verdict(state, receipt.detail, receipt.provider_id, outcome=state)
        case PermanentDeliveryError() as error:
            return Verdict(states.FAILED, str(error), outcome=states.FAILED, code=error.code)
        case UncertainDeliveryError() as error:
            return _uncertain(str(error), owed, manners)
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
