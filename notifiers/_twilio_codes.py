"""What Twilio's error codes mean, whether they come as an answer or in a callback. Imports nothing of twilio."""

from dataclasses import dataclass
from datetime import timedelta

from ._contract import DeliveryError, PermanentDeliveryError, UncertainDeliveryError


@dataclass(frozen=True)
class Fate:
    """What an answer means for the message."""

    kind: type[DeliveryError]
    code: str
    sentence: str
    is_channel_wide: bool = False
    retry_after: timedelta | None = None

    def error(self, said: str, retry_after: timedelta | None = None) -> DeliveryError:
        """The error to tell; what the provider said stands behind our own sentence."""
        pause = retry_after or self.retry_after
        return self.kind(f"{self.sentence}: {said}", pause, code=self.code, is_channel_wide=self.is_channel_wide)


UNCERTAIN = Fate(UncertainDeliveryError, "uncertain", "Twilio failed and may have sent the SMS")
THROTTLED = Fate(DeliveryError, "throttled", "Twilio asked us to slow down", is_channel_wide=True)
CREDENTIALS = Fate(DeliveryError, "credentials", "Twilio refused our account SID or auth token", is_channel_wide=True)
# Nothing says that the number is to blame; it may well be our own account or sender.
REFUSED = Fate(DeliveryError, "refused", "Twilio did not take the SMS")
UNDELIVERED = Fate(PermanentDeliveryError, "undelivered", "The SMS did not arrive")
_SUSPENDED = Fate(DeliveryError, "credentials", "Our Twilio account is suspended", is_channel_wide=True)
_OPTED_OUT = Fate(PermanentDeliveryError, "opted_out", "This number has opted out with STOP")
_BLOCKED = Fate(PermanentDeliveryError, "opted_out", "The phone or its network blocks our SMS")
_INVALID = Fate(PermanentDeliveryError, "invalid_address", "Twilio cannot send to this number")
_UNKNOWN_NUMBER = Fate(PermanentDeliveryError, "invalid_address", "This number is not in service")
_LANDLINE = Fate(PermanentDeliveryError, "invalid_address", "This number cannot receive SMS")
_OUT_OF_REACH = Fate(
    DeliveryError, "out_of_reach", "The phone is off or out of reach", retry_after=timedelta(minutes=5)
)
_FILTERED = Fate(PermanentDeliveryError, "filtered", "The network took the SMS for spam and dropped it")
_COUNTRY = Fate(PermanentDeliveryError, "country_not_allowed", "Our Twilio account may not send to this country")
_WORDS = Fate(PermanentDeliveryError, "message_refused", "Twilio refused these words")

FATES = {
    20003: CREDENTIALS,
    20005: CREDENTIALS,
    20429: THROTTLED,
    21211: _INVALID,
    21217: _INVALID,
    21265: _INVALID,
    21408: _COUNTRY,
    21602: _WORDS,
    21610: _OPTED_OUT,
    21611: THROTTLED,
    21614: _INVALID,
    21617: _WORDS,
    21619: _WORDS,
    21635: _INVALID,
    30001: THROTTLED,
    30002: _SUSPENDED,
    30003: _OUT_OF_REACH,
    30004: _BLOCKED,
    30005: _UNKNOWN_NUMBER,
    30006: _LANDLINE,
    30007: _FILTERED,
}


def callback_error(code: str) -> DeliveryError | None:
    """What an `ErrorCode` of a status callback means; None when there is none."""
    digits = code.strip()
    if not (digits.isascii() and digits.isdigit() and int(digits[:6])):
        return None
    return FATES.get(int(digits[:6]), UNDELIVERED).error(f"error {digits[:6]}")
