"""A mail server that keeps what it is given, and a relay that misbehaves on cue."""

# ruff: noqa: N802  (aiosmtpd and http.server say what their handlers are called)

import contextlib
import socket
import threading
from asyncio import Server
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from ssl import SSLContext
from typing import Any, Self, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from .manners import DROP, PATIENCE, SILENCE, next_answer

_USUAL = {
    "banner": "220 relay.test ready",
    "EHLO": "250-relay.test\r\n250 SIZE 10000000",
    "MAIL": "250 Ok",
    "RCPT": "250 Ok",
    "DATA": "354 Go on",
    "dot": "250 Ok: queued",
    "RSET": "250 Ok",
    "QUIT": "221 Bye",
}


class _AnyPortController(Controller):
    """aiosmtpd's controller, able to take whichever port is free."""

    def _trigger_server(self) -> None:
        self.port = cast(Server, self.server).sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]


class SmtpSink:
    """A real SMTP server that keeps what it is given: `with SmtpSink() as sink: ... sink.url`.

    `rcpt_replies` and `data_replies` script the answer for one recipient (after RCPT, after the final dot); a
    list is used up answer by answer, a string stands for good. `received` holds (recipient, bytes) in order.
    """

    def __init__(
        self,
        *,
        user: str = "",
        password: str = "",
        tls: SSLContext | None = None,
        has_utf8: bool = False,
    ) -> None:
        self.received: list[tuple[str, bytes]] = []
        self.rcpt_replies: dict[str, str | list[str]] = {}
        self.data_replies: dict[str, str | list[str]] = {}
        self.connections = 0
        self.signed_in: list[str] = []
        self._login = (user, password)
        self._changed = threading.Condition()
        self._controller = _AnyPortController(
            self,
            hostname="127.0.0.1",
            port=0,
            enable_SMTPUTF8=has_utf8,
            tls_context=tls,
            authenticator=self._authenticate,
            auth_require_tls=tls is not None,
        )

    def __enter__(self) -> Self:
        self._controller.start()
        self.connections = 0  # the controller itself knocks once to see that it is up
        return self

    def __exit__(self, *error: object) -> None:
        self._controller.stop()

    @property
    def port(self) -> int:
        return self._controller.port

    @property
    def url(self) -> str:
        user, password = self._login
        login = f"{user}:{password}@" if user else ""
        return f"smtp://{login}127.0.0.1:{self.port}"

    @property
    def recipients(self) -> list[str]:
        return [recipient for recipient, _ in self.received]

    def mails(self, recipient: str = "") -> list[EmailMessage]:
        """What arrived, parsed; for one recipient or for all."""
        return [parse_mail(raw) for to, raw in self.received if recipient in {"", to}]

    def wait_for(self, count: int, timeout: float = PATIENCE) -> None:
        """Return once so many messages have arrived."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.received) >= count, timeout), (
                f"{len(self.received)} of {count} messages arrived"
            )

    # What aiosmtpd calls

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        self.connections += 1
        session.host_name = hostname
        return responses

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        scripted = next_answer(self.rcpt_replies, address)
        if scripted is None:
            envelope.rcpt_tos.append(address)
        return scripted or "250 2.1.5 Ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        for recipient in envelope.rcpt_tos:
            if scripted := next_answer(self.data_replies, recipient):
                return scripted
        with self._changed:
            self.received += [(to, cast(bytes, envelope.original_content)) for to in envelope.rcpt_tos]
            self._changed.notify_all()
        return f"250 2.0.0 Ok: queued as {len(self.received)}"

    def _authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: LoginPassword
    ) -> AuthResult:
        user, password = self._login
        is_known = (given.login.decode(), given.password.decode()) == (user, password)
        if is_known:
            self.signed_in.append(user)
        return AuthResult(success=is_known, handled=False)


def parse_mail(raw: bytes) -> EmailMessage:
    return message_from_bytes(raw, policy=policy.default)


@dataclass
class ScriptedRelay:
    """A relay that misbehaves at a chosen stage: `ScriptedRelay({"RCPT": ["450 Later", DROP]})`.

    Stages are banner, the commands, `body` (while the message comes in) and `dot`. A list is used up answer
    by answer, a string stands for good. DROP hangs up instead of answering, SILENCE says nothing.
    """

    script: dict[str, str | list[str]] = field(default_factory=dict)
    commands: list[str] = field(default_factory=list)
    connections: int = 0
    messages: list[bytes] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._is_over = threading.Event()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._is_over.set()
        with contextlib.suppress(OSError):
            # Closing alone would leave accept() waiting.
            self._listener.shutdown(socket.SHUT_RDWR)
        self._accepting.join(PATIENCE)
        self._listener.close()
        for thread in self._threads:
            thread.join(PATIENCE)

    @property
    def port(self) -> int:
        return cast(int, self._listener.getsockname()[1])

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    def _accept(self) -> None:
        while not self._is_over.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(client,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, client: socket.socket) -> None:
        with client, client.makefile("rwb") as wire, contextlib.suppress(OSError):
            if not self._say(wire, "banner"):
                return
            for line in wire:
                command = line.decode("utf-8").strip()
                self.commands.append(command[:4].upper() + command[4:])
                verb = command[:4].upper()
                if not self._say(wire, verb) or verb == "QUIT":
                    return
                if verb == "DATA" and self._has_said.startswith("354") and not self._take_message(wire):
                    return

    def _take_message(self, wire: Any) -> bool:
        if self.script.get("body") == DROP:
            return False
        lines: list[bytes] = []
        for line in wire:
            if line == b".\r\n":
                self.messages.append(b"".join(lines))
                return self._say(wire, "dot")
            lines.append(line)
        return False

    def _say(self, wire: Any, stage: str) -> bool:
        self._has_said = next_answer(self.script, stage) or _USUAL.get(stage, "500 What?")
        if self._has_said == SILENCE:
            self._is_over.wait(PATIENCE)
        if self._has_said in {DROP, SILENCE}:
            return False
        wire.write(self._has_said.encode() + b"\r\n")
        wire.flush()
        return True
