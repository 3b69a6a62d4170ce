"""The wires out: the relay and Twilio, each asked who we are and never for more."""

import smtplib
import socket
import ssl
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from urllib.parse import parse_qs, unquote, urlsplit

import requests

from ..clock import span_words
from ..settings import Settings
from .finding import Finding, bad, hint, ok

PATIENCE = 5
EXPIRES_SOON = timedelta(days=21)
TWILIO = "https://api.twilio.com"


def relays(settings: Settings, now: datetime) -> Iterator[Finding]:
    """Each relay answers, does TLS as it must, and knows our password. Nothing is sent."""
    urls = settings.smtp_url.get_secret_value().split()
    if not urls:
        yield ok("relay", "captured: no CANDOR_SMTP_URL, so no mail leaves this machine")
    for url in urls:
        yield _relay(url, now)


def twilio(settings: Settings) -> tuple[Finding, datetime | None]:
    """Twilio knows our account and password; what time it is there."""
    if not settings.twilio_account_sid:
        return ok("twilio", "captured: no CANDOR_TWILIO_ACCOUNT_SID, so no SMS leaves this machine"), None
    base, account = settings.twilio_api_url.rstrip("/") or TWILIO, settings.twilio_account_sid
    try:
        answer = requests.get(
            f"{base}/2010-04-01/Accounts/{account}.json",
            auth=(account, settings.twilio_auth_token.get_secret_value()),
            timeout=PATIENCE,
            allow_redirects=False,
        )
        there = parsedate_to_datetime(answer.headers["Date"]) if "Date" in answer.headers else None
        body = answer.json() if answer.ok else {}
        status = body.get("status", "") if isinstance(body, dict) else ""
    except (requests.RequestException, ValueError) as error:
        return bad("twilio", f"{base} does not answer ({type(error).__name__})"), None
    if answer.status_code in (401, 403):
        return bad("twilio", "Twilio refuses the account and its token (CANDOR_TWILIO_…)"), there
    if not answer.ok:
        return bad("twilio", f"Twilio answers {answer.status_code}"), there
    if status not in ("", "active"):
        return bad("twilio", f"the account is {status}"), there
    return ok("twilio", f"account {account[:6]}… is known"), there


def certificate(settings: Settings, now: datetime) -> Finding | None:
    """The page's own certificate is good for three weeks more; None for a page without one."""
    parts = urlsplit(settings.base_url)
    if parts.scheme != "https" or not parts.hostname or is_loopback(parts.hostname):
        return None
    try:
        context = ssl.create_default_context()
        address = (parts.hostname, parts.port or 443)
        with (
            closing(socket.create_connection(address, timeout=PATIENCE)) as plain,
            context.wrap_socket(plain, server_hostname=parts.hostname) as wire,
        ):
            return _judge("certificate", parts.hostname, wire, now)
    except ssl.SSLCertVerificationError as error:
        return bad("certificate", f"{parts.hostname}: {error.verify_message}")
    except OSError as error:
        return hint("certificate", f"{parts.hostname} could not be reached from here ({error})")


def is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _relay(url: str, now: datetime) -> Finding:
    parts = urlsplit(url)
    host, has_password = unquote(parts.hostname or ""), bool(parts.password)
    port = parts.port or (465 if parts.scheme == "smtps" else 587 if has_password else 25)
    name, wish = f"{host}:{port}", parse_qs(parts.query).get("starttls", [""])[-1]
    context = ssl.create_default_context()
    if is_loopback(host) and wish != "require":
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with (
            smtplib.SMTP_SSL(host, port, timeout=PATIENCE, context=context)
            if parts.scheme == "smtps"
            else smtplib.SMTP(host, port, timeout=PATIENCE)
        ) as session:
            session.ehlo()
            if parts.scheme == "smtp" and wish != "never" and session.has_extn("starttls"):
                session.starttls(context=context)
                session.ehlo()
            is_secret = isinstance(session.sock, ssl.SSLSocket)
            if not is_secret and (wish == "require" or (has_password and not wish and not is_loopback(host))):
                return bad("relay", f"{name} offers no TLS, and the settings want it")
            if has_password:
                session.login(unquote(parts.username or ""), unquote(parts.password or ""))
            session.noop()
            words = "answers" + (", with TLS" if is_secret else "") + (", knows the password" if has_password else "")
            if isinstance(session.sock, ssl.SSLSocket) and session.sock.getpeercert():
                return _judge("relay", f"{name} {words}", session.sock, now)
            return ok("relay", f"{name} {words}")
    except smtplib.SMTPAuthenticationError as error:
        return bad("relay", f"{name} refuses user and password ({error.smtp_code})")
    except (OSError, smtplib.SMTPException) as error:
        return bad("relay", f"{name} does not answer as it should ({error})")


def _judge(what: str, found: str, wire: ssl.SSLSocket, now: datetime) -> Finding:
    ends = (wire.getpeercert() or {}).get("notAfter")
    if not isinstance(ends, str):
        return ok(what, found)
    left = datetime.fromtimestamp(ssl.cert_time_to_seconds(ends), UTC) - now
    words = f"{found}, certificate good for {span_words(left)}"
    return ok(what, words) if left > EXPIRES_SOON else bad(what, f"{words}; renew it")
