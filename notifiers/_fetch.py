"""Fetching a document that somebody publishes for us, like an on-call calendar: by the same guarded wire as posts."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ._contract import DeliveryError, PermanentDeliveryError
from ._hook import is_live, may_be_private, no_redirect
from ._http import LONGEST_URL, NoAnswer, NotAllowed, Poster, read_url

LARGEST = 2 * 1024 * 1024
_SAME_BUT_SECURE = ("webcal://", "webcals://")


@dataclass(frozen=True)
class Fetcher:
    """Reads what is at a secret address. Where posts are captured nothing is asked of anybody either."""

    is_live: bool = False
    poster: Poster = field(default_factory=Poster, repr=False, compare=False)

    def clean(self, address: str) -> str:
        """The address in its one spelling; ValueError is a sentence for the person typing."""
        return read_url(_as_https(address), may_be_private=self.poster.may_be_private).url

    def fetch(self, address: str, accept: str) -> bytes:
        """The document, 2 MB at most; raises DeliveryError with a sentence that holds no address."""
        if not self.is_live:
            raise PermanentDeliveryError(
                "Nothing is asked of other hosts from here (CANDOR_WEBHOOKS).", code="captured"
            )
        try:
            target = read_url(_as_https(address), may_be_private=self.poster.may_be_private)
            answer = self.poster.get(target, {"Accept": accept}, LARGEST + 1)
        except ValueError as error:
            raise PermanentDeliveryError("This is no address we may call.", code="invalid_address") from error
        except NotAllowed as error:
            raise PermanentDeliveryError(str(error), code="address_not_allowed") from error
        except NoAnswer as error:
            raise DeliveryError(str(error), code="unreachable") from error
        if answer.status != 200:
            raise DeliveryError(f"It answered {answer.status}.{no_redirect(answer)}", answer.retry_after)
        if len(answer.body) > LARGEST:
            raise PermanentDeliveryError("It is larger than 2 MB.", code="too_large")
        said = answer.headers.get("content-length", "")
        if said.isdigit() and int(said) != len(answer.body):
            raise DeliveryError("It broke off before its end.", code="cut_short")
        return answer.body


def fetcher(settings: Mapping[str, str]) -> Fetcher:
    """What fetches from foreign hosts, as these settings allow."""
    # Whoever keeps the clock asks, and has other duties.
    wire = Poster(may_be_private=may_be_private(settings), connect_seconds=5.0, total_seconds=10.0)
    return Fetcher(is_live(settings), wire)


def _as_https(address: str) -> str:
    """Calendars are often given as webcal://, which is https by another name."""
    typed = address.strip()
    for scheme in _SAME_BUT_SECURE:
        if typed[: len(scheme)].lower() == scheme and len(typed) <= LONGEST_URL:
            return "https://" + typed[len(scheme) :]
    return typed
