"""When to leave a relay in peace, and when to try it again. Time comes in as an argument."""

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum

from ._contract import DeliveryError, HealthState

SHORTEST_PAUSE = 2.0
LONGEST_PAUSE = 60.0


class Admission(Enum):
    """What a breaker says to one who asks to send."""

    YES = "yes"
    ONE = "one"  # a single letter, to see whether it works again
    LATER = "later"  # somebody is trying it just now
    NO = "no"


@dataclass
class Breaker:
    """Closed while all is well; open after trouble; half open while one letter tries whether it is over."""

    state: HealthState = "closed"
    error: DeliveryError | None = None
    until: float = 0.0
    failures: int = 0

    def admit(self, now: float) -> Admission:
        """Whether to send now. Who is told ONE has to say what became of it: `trip`, `mend` or `release`."""
        if self.state == "closed":
            return Admission.YES
        if self.state == "half_open":
            return Admission.LATER
        if now < self.until:
            return Admission.NO
        self.state = "half_open"
        return Admission.ONE

    def trip(self, error: DeliveryError, now: float, jitter: float) -> None:
        """There was trouble that no letter is to blame for. Each time in a row the pause doubles."""
        if self.state == "open":
            return
        self.failures += 1
        pause = min(SHORTEST_PAUSE * 2 ** min(self.failures - 1, 10), LONGEST_PAUSE) * (0.5 + jitter / 2)
        if error.retry_after is not None:
            pause = max(pause, error.retry_after.total_seconds())
        self.state, self.error, self.until = "open", error, now + pause

    def mend(self) -> None:
        """It works."""
        if self.state == "half_open":
            self.state, self.error, self.failures = "closed", None, 0

    def release(self, now: float) -> None:
        """Nothing was learnt: the next one may try."""
        if self.state == "half_open":
            self.state, self.until = "open", now

    def standing(self, now: float) -> DeliveryError:
        """What stopped one letter also holds for the next, but that one certainly never left."""
        assert self.error is not None
        pause = timedelta(seconds=max(0.0, self.until - now))
        return DeliveryError(str(self.error), pause, code=self.error.code, is_channel_wide=True)
