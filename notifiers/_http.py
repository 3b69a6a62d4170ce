"""One POST to a foreign host, or one GET: the only way from here to an address that a stranger typed.

The name is looked up once, every address it has must be outside (`_guard`), and the connection goes to an address
that was checked, with the name in SNI, certificate and Host. Redirects are answers like any other, proxies of the
environment are not asked, an answer is read up to 64 KB (or what the caller allows) as it came, never unpacked, and
30 seconds are all there is.
"""

import http.client
import io
import re
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cached_property
from ipaddress import ip_address
from typing import Any
from urllib.parse import quote

from ._guard import Resolver, is_ours, is_outside, look_up
from ._settings import is_loopback, split

LONGEST_URL = 500
MOST_READ = 64 * 1024
HEAD_AT_MOST = 64 * 1024
ADDRESSES_TRIED = 3
LONGEST_PAUSE = timedelta(hours=24)

_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_ODD = re.compile(r"[\x00-\x20\x7f-\xa0\\^`{|}<>\"\u2028\u2029\ud800-\udfff]")
_LOCAL_ENDS = ("localhost", "local", "internal", "intranet", "lan", "home", "corp", "private", "arpa")


@dataclass(frozen=True)
class Target:
    """Where a URL points, read once: the guard and the wire see the same host, port and path."""

    host: str
    port: int
    path: str
    is_tls: bool

    @property
    def name(self) -> str:
        """Host and port as a Host header says them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.is_tls else 80) else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The address in its one spelling."""
        return f"{'https' if self.is_tls else 'http'}://{self.name}{self.path}"


@dataclass(frozen=True)
class Answer:
    """What the other side said; the body is what came first, as it came."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    @property
    def retry_after(self) -> timedelta | None:
        """How long the other side wants to be left alone, a day at most."""
        said = self.headers.get("retry-after", "").strip()
        seconds: float | None = None
        if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", said):
            seconds = float(said)
        elif said:
            with suppress(ValueError, TypeError):
                at = parsedate_to_datetime(said)
                seconds = (at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
        return None if seconds is None else min(timedelta(seconds=max(seconds, 1)), LONGEST_PAUSE)


class NotAllowed(Exception):
    """The host is not outside; nothing was sent."""


class NoAnswer(Exception):
    """Nothing came back that can be read. `was_sent`: the other side may have got it all the same."""

    def __init__(self, sentence: str, *, was_sent: bool) -> None:
        super().__init__(sentence)
        self.was_sent = was_sent


def read_url(typed: str, *, may_be_private: bool = False) -> Target:
    """The target of a URL that may be called; raises ValueError with a sentence for the person typing.

    https alone; port 443 or one above 1023; no name and password, no fragment, no number spelt in an odd way.
    """
    url = typed.strip()
    if not url:
        raise ValueError("Enter the web address, beginning with https://.")
    if len(url) > LONGEST_URL:
        raise ValueError(f"This address is too long. {LONGEST_URL} characters fit.")
    if _ODD.search(url):
        raise ValueError("This address has characters that no web address has. Copy it again.")
    try:
        parts = split(url)
        host = _host(parts.hostname or "")
    except (ValueError, UnicodeError) as error:
        raise ValueError("This is not a web address that can be read. Copy it again.") from error
    if parts.port == 0:
        raise ValueError("Use port 443, or one above 1023.")
    if parts.scheme not in ({"https", "http"} if may_be_private else {"https"}) or not host:
        raise ValueError("Enter the web address, beginning with https://.")
    if "@" in parts.netloc or "#" in url:
        raise ValueError("Leave name, password and the part after # out of the address.")
    is_tls = parts.scheme == "https"
    port = (443 if is_tls else 80) if parts.port is None else parts.port
    if not may_be_private:
        _refuse_inside(host)
        if port != 443 and port < 1024:
            raise ValueError("Use port 443, or one above 1023.")
    path = quote(parts.path or "/", safe="/:@!$&'()*+,;=%~-._")
    query = quote(parts.query, safe="/:@!$&'()*+,;=%~-._?")
    return Target(host, port, f"{path}?{query}" if query else path, is_tls)


def _host(name: str) -> str:
    """The host in ASCII and lower case; raises ValueError for what is neither name nor plain IP address."""
    if ":" in name:
        return str(ip_address(name))  # with a zone it is link-local, and refused for that
    host = name.encode("idna").decode("ascii").lower().rstrip(".")
    labels = host.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        # 0177.0.0.1, 127.1 and 2130706433 are numbers to the resolver; only the plain spelling is one to us.
        return str(ip_address(host))
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError("no host")
    return host


def _refuse_inside(host: str) -> None:
    is_number = ":" in host or _NUMBER.fullmatch(host.rpartition(".")[2]) is not None
    is_inside = not is_outside(host) if is_number else "." not in host or host.rpartition(".")[2] in _LOCAL_ENDS
    if is_inside or is_loopback(host):
        raise ValueError("This address is not on the public internet, so we cannot reach it.")


@dataclass(frozen=True)
class Poster:
    """Posts to foreign hosts. With `may_be_private` it calls inside addresses too: for tests and internal networks."""

    may_be_private: bool = False
    connect_seconds: float = 10.0
    total_seconds: float = 30.0
    # Once the status is known the rest is only an explanation.
    body_seconds: float = 5.0
    resolve: Resolver = look_up
    is_ours: Callable[[str], bool] = is_ours
    tls: ssl.SSLContext | None = field(default=None, repr=False, compare=False)

    def post(self, target: Target, body: bytes, headers: Mapping[str, str]) -> Answer:
        """The answer to one POST; raises NotAllowed or NoAnswer."""
        return self._ask(_Question("POST", target, body, headers))

    def get(self, target: Target, headers: Mapping[str, str], most: int = MOST_READ) -> Answer:
        """The answer to one GET, of whose body so many bytes are read; raises NotAllowed or NoAnswer."""
        return self._ask(_Question("GET", target, None, headers, most))

    def _ask(self, question: "_Question") -> Answer:
        started = time.monotonic()
        deadline, target = started + self.total_seconds, question.target
        addresses = self._addresses(target)
        with self._connected(target, addresses, min(deadline, started + self.connect_seconds)) as connection:
            return self._exchange(_Wire(connection, deadline, HEAD_AT_MOST + question.most), question, started)

    def _addresses(self, target: Target) -> list[str]:
        """The host's addresses, all of them outside: one inside among them is a trap or a mistake."""
        try:
            found = self.resolve(target.host, target.port)
        except (OSError, UnicodeError) as error:
            raise NoAnswer("The host has no address.", was_sent=False) from error
        if not found:
            raise NoAnswer("The host has no address.", was_sent=False)
        if not self.may_be_private and any(not is_outside(each) or self.is_ours(each) for each in found):
            raise NotAllowed("The host's address is not allowed: it is not on the public internet.")
        return found

    def _connected(self, target: Target, addresses: list[str], deadline: float) -> socket.socket:
        trouble: Exception | None = None
        for address in addresses[:ADDRESSES_TRIED]:
            try:
                connection = socket.create_connection((address, target.port), timeout=_left(deadline))
            except OSError as error:
                trouble = error
                continue
            try:
                return self._secured(connection, target, deadline)
            except ssl.SSLCertVerificationError as error:
                connection.close()
                raise NoAnswer("The certificate cannot be trusted.", was_sent=False) from error
            except OSError as error:
                connection.close()
                trouble = error
        raise NoAnswer("No connection came about.", was_sent=False) from trouble

    def _secured(self, connection: socket.socket, target: Target, deadline: float) -> socket.socket:
        if not target.is_tls:
            return connection
        connection.settimeout(_left(deadline))
        return self._tls.wrap_socket(connection, server_hostname=target.host)

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return self.tls or ssl.create_default_context()

    def _exchange(self, wire: "_Wire", question: "_Question", started: float) -> Answer:
        target = question.target
        talk = http.client.HTTPConnection(target.host, target.port)
        talk.sock = wire  # all that http.client asks of a socket
        sent = {"Host": target.name, "User-Agent": "Candor", "Accept-Encoding": "identity", "Connection": "close"}
        try:
            talk.request(question.method, target.path, question.body, {**sent, **question.headers})
            response = talk.getresponse()
        except TimeoutError as error:
            raise NoAnswer("No answer came in time.", was_sent=True) from error
        except (OSError, http.client.HTTPException) as error:
            raise NoAnswer("The connection broke off before an answer came.", was_sent=True) from error
        if question.method == "POST":
            wire.deadline = min(wire.deadline, time.monotonic() + self.body_seconds)
        said = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, said, _first_of(response, question.most), time.monotonic() - started)


@dataclass(frozen=True)
class _Question:
    """What is asked of a foreign host, and how much of its answer is read."""

    method: str
    target: Target
    body: bytes | None
    headers: Mapping[str, str]
    most: int = MOST_READ


def _first_of(response: http.client.HTTPResponse, most: int) -> bytes:
    """The beginning of the body: as much as came in time and is allowed."""
    taken = bytearray()
    with suppress(OSError, ValueError, http.client.HTTPException):
        while len(taken) < most and (piece := response.read1(most - len(taken))):
            taken += piece
    return bytes(taken)


class _Wire:
    """A socket with one deadline for everything and an end to what it will read."""

    def __init__(self, connection: socket.socket, deadline: float, allowance: int) -> None:
        self.connection, self.deadline, self.allowance = connection, deadline, allowance

    def sendall(self, data: bytes) -> None:
        self.connection.settimeout(_left(self.deadline))
        self.connection.sendall(data)

    def makefile(self, *_: object) -> io.BufferedReader:
        return io.BufferedReader(_Incoming(self), 8192)

    def close(self) -> None:
        """The connection is closed by whoever opened it."""


class _Incoming(io.RawIOBase):
    def __init__(self, wire: _Wire) -> None:
        self.wire = wire

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        wire = self.wire
        wire.connection.settimeout(_left(wire.deadline))
        taken = wire.connection.recv_into(buffer, min(len(buffer), wire.allowance)) if wire.allowance > 0 else 0
        wire.allowance -= taken
        return taken


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("out of time")
    return left
