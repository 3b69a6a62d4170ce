"""The Twilio wire. A module of its own because importing twilio takes 0.3 s: only who sends pays for it."""

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response
from twilio.rest import Client
from urllib3.exceptions import ConnectTimeoutError, MaxRetryError, NewConnectionError

from ._contract import DeliveryError, PermanentDeliveryError, Receipt, UncertainDeliveryError
from ._text import clean_line, cut

TWILIO = "https://api.twilio.com"

_LONGEST_PAUSE = timedelta(hours=1)


@dataclass(frozen=True)
class Fate:
    """What an answer means for the message."""

    kind: type[DeliveryError]
    code: str
    sentence: str
    is_channel_wide: bool = False


_UNCERTAIN = Fate(UncertainDeliveryError, "uncertain", "Twilio failed and may have sent the SMS")
_THROTTLED = Fate(DeliveryError, "throttled", "Twilio asked us to slow down", is_channel_wide=True)
_CREDENTIALS = Fate(DeliveryError, "credentials", "Twilio refused our account SID or auth token", is_channel_wide=True)
_OPTED_OUT = Fate(PermanentDeliveryError, "opted_out", "This number has opted out with STOP")
_INVALID = Fate(PermanentDeliveryError, "invalid_address", "Twilio cannot send to this number")
_COUNTRY = Fate(PermanentDeliveryError, "country_not_allowed", "Our Twilio account may not send to this country")
_WORDS = Fate(PermanentDeliveryError, "message_refused", "Twilio refused these words")
# Nothing says that the number is to blame; it may well be our own account or sender.
_REFUSED = Fate(DeliveryError, "refused", "Twilio did not take the SMS")

_FATES = {
    20003: _CREDENTIALS,
    20005: _CREDENTIALS,
    20429: _THROTTLED,
    21611: _THROTTLED,
    21211: _INVALID,
    21217: _INVALID,
    21265: _INVALID,
    21614: _INVALID,
    21635: _INVALID,
    21408: _COUNTRY,
    21602: _WORDS,
    21617: _WORDS,
    21619: _WORDS,
    21610: _OPTED_OUT,
}


class Refusal(Exception):
    """Any answer but success. Twilio's own exception drops the headers, and Retry-After is one of them."""

    def __init__(self, status: int, code: int, words: str, retry_after: timedelta | None) -> None:
        super().__init__(words)
        self.status = status
        self.code = code
        self.words = words
        self.retry_after = retry_after


class Http(TwilioHttpClient):  # type: ignore[misc]  # twilio ships no types
    """Twilio's client with a time limit, no retries of its own, no logs, and any API address."""

    def __init__(self, api_url: str, timeout: float) -> None:
        # Retries belong to the outbox: Twilio takes no idempotency key, so a blind one may send twice.
        super().__init__(timeout=timeout, max_retries=None)
        self.api_url = api_url
        self.session.mount("http://", HTTPAdapter(pool_maxsize=32))

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Response:
        response = super().request(method, self.api_url + url.removeprefix(TWILIO), *args, **kwargs)
        if not 200 <= response.status_code < 300:
            raise _refusal(response)
        return response

    def log_request(self, kwargs: dict[str, Any]) -> None:
        pass

    def log_response(self, status_code: int, response: requests.Response) -> None:
        pass


def connect(account_sid: str, auth_token: str, api_url: str, timeout: float) -> Client:
    return Client(account_sid, auth_token, http_client=Http(api_url, timeout))


def send(client: Client, address: str, **fields: str) -> Receipt:
    """Hand one SMS to Twilio; whatever goes wrong comes out as ours."""
    try:
        sent = client.messages.create(to=address, **fields)
    except Refusal as refusal:
        raise _as_ours(refusal, address) from refusal
    except requests.RequestException as error:
        raise _not_connected(error) from error
    except (ValueError, TypeError, AttributeError) as error:
        raise UncertainDeliveryError("Twilio took the SMS, but its answer cannot be read.", code="uncertain") from error
    return Receipt(str(sent.sid or ""), str(sent.status or ""))


def _refusal(response: Response) -> Refusal:
    try:
        payload = json.loads(response.text)
    except ValueError:
        payload = None
    if not isinstance(payload, dict):
        payload = {}
    words = payload.get("message") or payload.get("detail") or payload.get("title") or ""
    code = payload.get("code")
    return Refusal(
        response.status_code,
        code if isinstance(code, int) else 0,
        clean_line(str(words)),
        _pause(response.headers),
    )


def _pause(headers: Any) -> timedelta | None:
    seconds = str((headers or {}).get("Retry-After", "")).strip()
    if not (seconds.isascii() and seconds.isdigit()):
        return None
    return min(timedelta(seconds=int(seconds[:9])), _LONGEST_PAUSE)


def _as_ours(refusal: Refusal, address: str) -> DeliveryError:
    fate = _fate(refusal)
    sentence = f"{fate.sentence}: {_said(refusal, address)}"
    return fate.kind(sentence, refusal.retry_after, code=fate.code, is_channel_wide=fate.is_channel_wide)


def _fate(refusal: Refusal) -> Fate:
    if refusal.status >= 500:
        return _UNCERTAIN
    by_status = {401: _CREDENTIALS, 429: _THROTTLED}
    return _FATES.get(refusal.code) or by_status.get(refusal.status, _REFUSED)


def _said(refusal: Refusal, address: str) -> str:
    """Twilio's words without the number, which must not outlive its subscriber."""
    words = refusal.words.replace(address, "number").replace(address.lstrip("+"), "number")
    number = refusal.code or refusal.status
    return cut(f"{number} {words}".strip(), 200)


def _not_connected(error: requests.RequestException) -> DeliveryError:
    if isinstance(error, requests.exceptions.SSLError):
        return DeliveryError("Twilio has a certificate we cannot trust.", code="insecure", is_channel_wide=True)
    if isinstance(error, requests.exceptions.ProxyError) or _never_reached(error):
        return DeliveryError("Twilio cannot be reached.", code="unreachable", is_channel_wide=True)
    if isinstance(error, requests.Timeout):
        return UncertainDeliveryError("Twilio did not answer in time and may have sent the SMS.", code="uncertain")
    return UncertainDeliveryError("Twilio broke off and may have sent the SMS.", code="uncertain")


def _never_reached(error: requests.RequestException) -> bool:
    """Whether no connection came about, so that nothing can have been sent."""
    if isinstance(error, requests.ConnectTimeout | requests.exceptions.InvalidURL):
        return True
    cause = error.args[0] if error.args else None
    if isinstance(cause, MaxRetryError):
        cause = cause.reason
    return isinstance(cause, NewConnectionError | ConnectTimeoutError)
