"""The Twilio wire. A module of its own because importing twilio takes 0.3 s: only who sends pays for it."""

import json
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import requests
from requests import Request
from requests.adapters import HTTPAdapter
from twilio.base.exceptions import TwilioException
from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response
from twilio.rest import Client
from urllib3.exceptions import ConnectTimeoutError, MaxRetryError, NewConnectionError

from ._contract import DeliveryError, Receipt, UncertainDeliveryError
from ._text import clean_line, cut
from ._twilio_codes import CREDENTIALS, FATES, REFUSED, THROTTLED, UNCERTAIN, Fate

_LONGEST_PAUSE = timedelta(hours=1)
# A place that nobody answers is known to be one sooner than an answer is given up.
_LONGEST_KNOCK = 4.0
_MOST_LISTED = 200
# How far Twilio's clock and ours may be apart. Who got the same words so shortly before has been told.
_SKEW = timedelta(minutes=5)
_FAILED = {"failed", "undelivered", "canceled"}


class Refusal(Exception):
    """Any answer but success. Twilio's own exception drops the headers, and Retry-After is one of them."""

    def __init__(self, status: int, code: int, words: str, retry_after: timedelta | None) -> None:
        super().__init__(words)
        self.status = status
        self.code = code
        self.words = words
        self.retry_after = retry_after


class Http(TwilioHttpClient):  # type: ignore[misc]  # twilio ships no types
    """Twilio's client with a time limit, a pool of connections, no retries of its own, no logs, and any API address."""

    def __init__(self, api_url: str, timeout: float, connections: int) -> None:
        # Retries belong to the outbox: Twilio takes no idempotency key, so a blind one may send twice.
        super().__init__(timeout=timeout, max_retries=None)
        self.api_url = api_url
        for scheme in ("http://", "https://"):
            self.session.mount(scheme, HTTPAdapter(pool_maxsize=connections))

    def request(  # noqa: PLR0913 - as twilio calls it
        self,
        method: str,
        url: str,
        params: Any = None,
        data: Any = None,
        headers: Any = None,
        auth: Any = None,
        timeout: float | None = None,
        allow_redirects: bool = False,
    ) -> Response:
        """One request. Twilio's own method keeps the answer in an attribute, where threads would swap theirs."""
        prepared = self.session.prepare_request(
            Request(method.upper(), self._here(url), params=params, data=data, headers=headers, auth=auth)
        )
        limit = timeout or self.timeout
        surroundings = self.session.merge_environment_settings(prepared.url, {}, None, None, None)
        answer = self.session.send(
            prepared, allow_redirects=allow_redirects, timeout=(min(limit, _LONGEST_KNOCK), limit), **surroundings
        )
        response = Response(answer.status_code, answer.text, answer.headers)
        if not 200 <= response.status_code < 300:
            raise _refusal(response)
        return response

    def _here(self, url: str) -> str:
        """The same request at the API address that was set."""
        parts = urlsplit(url)
        return f"{self.api_url}{parts.path}" + (f"?{parts.query}" if parts.query else "")


def connect(account_sid: str, auth_token: str, api_url: str, timeout: float, connections: int) -> Client:
    """A client that many threads may share."""
    client = Client(account_sid, auth_token, http_client=Http(api_url, timeout, connections))
    _ = client.messages  # made on first use, which must not happen in two threads at once
    return client


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


def find(client: Client, address: str, body: str, since: datetime) -> Receipt | None:
    """The SMS with these words to this number that Twilio took after `since`, unless it failed.

    Asked by number alone: a message that still waits at Twilio has no DateSent, and a filter by it would hide the
    very one we ask for.
    """
    try:
        listed = client.messages.list(to=address, limit=_MOST_LISTED, page_size=_MOST_LISTED)
        recent = [each for each in listed if _is_ours(each) and each.date_created >= since - _SKEW]
        live = [each for each in recent if str(each.status) not in _FAILED]
        found = next((each for each in live if _same(str(each.body or ""), body)), None)
    except Refusal as refusal:
        raise _not_asked(_said(refusal, address), refusal.retry_after) from refusal
    except requests.RequestException as error:
        raise _not_asked("it cannot be reached") from error
    except (TwilioException, ValueError, TypeError, AttributeError, KeyError) as error:
        raise _not_asked("its answer cannot be read") from error
    if found is not None:
        return Receipt(str(found.sid or ""), str(found.status or ""))
    if len(recent) == _MOST_LISTED or not all(each.body for each in live):
        raise _not_asked("its list is too long, or shows no words")
    return None


def _is_ours(each: Any) -> bool:
    return str(each.direction or "outbound").startswith("outbound")


def _same(theirs: str, ours: str) -> bool:
    """Whether the words are the same but for white space; a trial account puts a line of its own before them."""
    theirs, ours = " ".join(theirs.split()), " ".join(ours.split())
    return theirs == ours or (theirs.startswith("Sent from your Twilio trial account") and theirs.endswith(ours))


def _not_asked(why: str, retry_after: timedelta | None = None) -> DeliveryError:
    return DeliveryError(f"Twilio cannot say whether it has sent the SMS: {why}.", retry_after, code="not_asked")


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
    return _fate(refusal).error(_said(refusal, address), refusal.retry_after)


def _fate(refusal: Refusal) -> Fate:
    if refusal.status >= 500:
        return UNCERTAIN
    by_status = {401: CREDENTIALS, 429: THROTTLED}
    return FATES.get(refusal.code) or by_status.get(refusal.status, REFUSED)


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
