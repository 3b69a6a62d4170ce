"""The relays that CANDOR_SMTP_URL names: `smtp://user:password@host:port`, `smtps://`, `?starttls=...&connections=...`.

TLS is required by default when a password goes to another machine, else taken when offered. Ports default to
465 for smtps, 587 with a password, 25 without. Of several URLs, separated by spaces, the first is used while it
works, and the next ones stand in for it.
"""

import re
import ssl
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import SplitResult, parse_qs, unquote

from ._settings import is_loopback, split

_MOST_CONNECTIONS = 100


class Security(StrEnum):
    IMPLICIT = "implicit"
    REQUIRE = "require"
    OPPORTUNISTIC = "opportunistic"
    NEVER = "never"


@dataclass(frozen=True)
class Relay:
    """Where mail is handed over, and how patiently."""

    host: str
    port: int
    security: Security = Security.OPPORTUNISTIC
    username: str = ""
    password: str = field(default="", repr=False)
    ehlo_name: str = "localhost"
    command_timeout: float = 30.0
    # RFC 5321, 4.5.3.2.6; a relay that files the message before it answers may well take minutes.
    final_timeout: float = 600.0
    connections: int = 10
    messages_per_connection: int = 500
    breaks_allowed: int = 3
    tls: ssl.SSLContext | None = field(default=None, repr=False, compare=False)

    @property
    def name(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        return is_loopback(self.host)

    def tls_context(self) -> ssl.SSLContext:
        if self.tls is not None:
            return self.tls
        context = ssl.create_default_context()
        if self.security is Security.OPPORTUNISTIC and self.is_loopback:
            # A certificate proves nothing about our own machine, and Debian's relay has a self-signed one.
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


def read_relays(urls: str, ehlo_name: str) -> tuple[Relay, ...]:
    """The relays these URLs name, in the order in which they are tried."""
    relays = tuple(_read_relay(url, ehlo_name) for url in urls.split())
    if len({(relay.host, relay.port) for relay in relays}) < len(relays):
        raise ValueError("CANDOR_SMTP_URL names the same relay twice.")
    return relays


def _read_relay(url: str, ehlo_name: str) -> Relay:
    """The relay a URL names. No sentence repeats the URL: it may hold a password."""
    try:
        parts = split(url)
        host = (parts.hostname or "").encode("idna").decode()
    except (ValueError, UnicodeError) as error:
        raise ValueError("CANDOR_SMTP_URL has a host or port that cannot be read.") from error
    if parts.scheme not in {"smtp", "smtps"} or not host:
        raise ValueError("CANDOR_SMTP_URL must look like smtp://user:password@relay.example:587.")
    if parts.path not in {"", "/"} or parts.fragment:
        raise ValueError("CANDOR_SMTP_URL must end after the port; write # and / in a password as %23 and %2F.")
    username, password = unquote(parts.username or ""), unquote(parts.password or "")
    if bool(username) != bool(password):
        raise ValueError("CANDOR_SMTP_URL must give user and password together, or neither.")
    if not (username + password).isascii():
        raise ValueError("CANDOR_SMTP_URL has letters outside ASCII in user or password, which relays do not agree on.")
    has_password = bool(password)
    options = parse_qs(parts.query, keep_blank_values=True)
    if set(options) - {"starttls", "connections"}:
        raise ValueError("CANDOR_SMTP_URL knows ?starttls=require, opportunistic or never, and ?connections=1 to 100.")
    security = _security(parts, options, has_password=has_password, is_local=is_loopback(host))
    default = 465 if security is Security.IMPLICIT else 587 if has_password else 25
    port = parts.port or default
    return Relay(host, port, security, username, password, ehlo_name, connections=_connections(options))


def _connections(options: dict[str, list[str]]) -> int:
    wish = options.get("connections", [str(Relay.connections)])[-1]
    if not (re.fullmatch("[0-9]{1,3}", wish) and 1 <= int(wish) <= _MOST_CONNECTIONS):
        raise ValueError(f"CANDOR_SMTP_URL must say connections=1 to {_MOST_CONNECTIONS}.")
    return int(wish)


def _security(parts: SplitResult, options: dict[str, list[str]], *, has_password: bool, is_local: bool) -> Security:
    wish = options.get("starttls", [""])[-1]
    if parts.scheme == "smtps":
        if wish:
            raise ValueError("CANDOR_SMTP_URL says smtps, which is TLS from the first byte; leave out starttls.")
        return Security.IMPLICIT
    if "starttls" not in options:
        return Security.REQUIRE if has_password and not is_local else Security.OPPORTUNISTIC
    if wish not in {"require", "opportunistic", "never"}:
        raise ValueError("CANDOR_SMTP_URL must say starttls=require, opportunistic or never.")
    if wish == "never" and has_password and not is_local:
        raise ValueError("CANDOR_SMTP_URL forbids TLS but gives a password, which is only sent over TLS.")
    return Security(wish)
