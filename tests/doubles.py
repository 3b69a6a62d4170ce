"""Stand-ins for the world outside, on loopback: a mail server, a relay that misbehaves on cue, and Twilio."""

# ruff: noqa: N802  (aiosmtpd and http.server say what their handlers are called)

import base64
import contextlib
import gzip
import json
import socket
import threading
import urllib.error
import urllib.parse
import urllib.request
from asyncio import Server
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ssl import SSLContext
from typing import Any, Self, cast
from urllib.parse import parse_qsl, urlsplit

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from twilio.request_validator import RequestValidator

PATIENCE = 10.0


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
        scripted = _next(self.rcpt_replies, address)
        if scripted is None:
            envelope.rcpt_tos.append(address)
        return scripted or "250 2.1.5 Ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        for recipient in envelope.rcpt_tos:
            if scripted := _next(self.data_replies, recipient):
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


def _next(replies: dict[str, str | list[str]], recipient: str) -> str | None:
    scripted = replies.get(recipient)
    if isinstance(scripted, list):
        return scripted.pop(0) if scripted else None
    return scripted


def parse_mail(raw: bytes) -> EmailMessage:
    return message_from_bytes(raw, policy=policy.default)


DROP = "(drop)"
SILENCE = "(silence)"

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
        self._has_said = _next(self.script, stage) or _USUAL.get(stage, "500 What?")
        if self._has_said == SILENCE:
            self._is_over.wait(PATIENCE)
        if self._has_said in {DROP, SILENCE}:
            return False
        wire.write(self._has_said.encode() + b"\r\n")
        wire.flush()
        return True


def free_port() -> int:
    """A port nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return cast(int, listener.getsockname()[1])


@dataclass
class Answer:
    """One scripted answer of the Twilio double; `DROP` or `SILENCE` as words act it out instead.

    With `is_taken` the SMS is accepted all the same: what fails is the answer.
    """

    status: int = 201
    code: int = 0
    words: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    is_taken: bool = False


class TwilioDouble:
    """Twilio's message API: `with TwilioDouble() as twilio: ... CANDOR_TWILIO_API_URL = twilio.url`.

    `sent` holds the form of every accepted SMS, with its `Sid`. `answers` scripts the answers for one number,
    used up one by one; `list_answers` those for whoever asks what was sent. With `reports`, each accepted SMS is
    followed by signed status callbacks. `statuses` says by Sid what the list shows instead of "queued".
    """

    def __init__(self, *, auth_token: str = "example-token", reports: tuple[str, ...] = ()) -> None:
        self.auth_token = auth_token
        self.reports = reports
        self.sent: list[dict[str, str]] = []
        self.answers: dict[str, list[Answer]] = {}
        self.list_answers: list[Answer] = []
        self.statuses: dict[str, str] = {}
        self.requests: list[tuple[str, str]] = []
        self.callback_statuses: list[int] = []
        self.connections = 0
        self._changed = threading.Condition()
        self._is_over = threading.Event()
        self._reporters: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._is_over.set()
        for reporter in self._reporters:
            reporter.join(PATIENCE)
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(PATIENCE)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def texts(self, number: str) -> list[str]:
        """The words sent to one number, in order."""
        return [form["Body"] for form in self.sent if form["To"] == number]

    def wait_for(self, count: int, timeout: float = PATIENCE) -> None:
        """Return once so many SMS have been accepted."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.sent) >= count, timeout), (
                f"{len(self.sent)} of {count} SMS were sent"
            )

    def report(self, form: Mapping[str, str], status: str) -> int:
        """Tell the application what became of an SMS, signed; its HTTP status comes back."""
        return self.post_signed(
            form["StatusCallback"],
            {
                "MessageSid": form["Sid"],
                "MessageStatus": status,
                "To": form["To"],
                "From": form.get("From", ""),
            },
        )

    def text_in(self, url: str, number: str, body: str, opt_out_type: str = "") -> int:
        """A person texts us (STOP, say): posted to `url`, signed."""
        fields = {"MessageSid": "SM" + "0" * 32, "From": number, "To": "+15005550006", "Body": body}
        return self.post_signed(url, fields | ({"OptOutType": opt_out_type} if opt_out_type else {}))

    def post_signed(self, url: str, fields: dict[str, str]) -> int:
        signature = self.sign(url, fields)
        return post_form(url, fields, {"X-Twilio-Signature": signature})

    def sign(self, url: str, fields: Mapping[str, str]) -> str:
        """What Twilio would put into X-Twilio-Signature."""
        return cast(str, RequestValidator(self.auth_token).compute_signature(url, dict(fields)))

    def _accept(self, form: dict[str, str]) -> dict[str, str]:
        with self._changed:
            form = form | {"Sid": f"SM{len(self.sent):032x}", "DateCreated": format_datetime(datetime.now(UTC))}
            self.sent.append(form)
            self._changed.notify_all()
        if self.reports and form.get("StatusCallback"):
            reporter = threading.Thread(target=self._report_all, args=(form,))
            self._reporters.append(reporter)
            reporter.start()
        return form

    def _listed(self, number: str) -> dict[str, Any]:
        """What Twilio shows of the SMS to one number, newest first; those that still wait have no date_sent."""
        found = [form for form in reversed(self.sent) if form["To"] == number]
        messages = [
            {
                "sid": form["Sid"],
                "to": number,
                "body": form["Body"],
                "status": self.statuses.get(form["Sid"], "queued"),
                "direction": "outbound-api",
                "date_created": form["DateCreated"],
                "date_sent": None,
            }
            for form in found
        ]
        return {"messages": messages, "next_page_uri": None, "page": 0, "page_size": 50}

    def _report_all(self, form: dict[str, str]) -> None:
        for status in self.reports:
            self.callback_statuses.append(self.report(form, status))

    def _handler(self) -> Callable[..., BaseHTTPRequestHandler]:
        double = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                double.connections += 1
                super().setup()

            def do_POST(self) -> None:
                form = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
                double.requests.append((self.path, self.headers.get("Authorization", "")))
                scripted = double.answers.get(form.get("To", ""))
                answer = scripted.pop(0) if scripted else Answer()
                if not self._knows_caller():
                    answer = Answer(401, 20003, "Authenticate")
                if answer.is_taken:
                    double._accept(form)
                if answer.words == SILENCE:
                    double._is_over.wait(PATIENCE)
                if answer.words in {DROP, SILENCE}:
                    self.close_connection = True
                    return
                self._answer(answer, form)

            def do_GET(self) -> None:
                double.requests.append((self.path, self.headers.get("Authorization", "")))
                answer = double.list_answers.pop(0) if double.list_answers else Answer(200)
                if answer.status == 200 and not answer.words:
                    query = dict(parse_qsl(urlsplit(self.path).query))
                    answer = Answer(200, 0, json.dumps(double._listed(query.get("To", ""))))
                self._answer(answer, {})

            def _knows_caller(self) -> bool:
                scheme, _, given = self.headers.get("Authorization", "").partition(" ")
                return scheme == "Basic" and base64.b64decode(given).decode().endswith(f":{double.auth_token}")

            def _answer(self, answer: Answer, form: dict[str, str]) -> None:
                if answer.status == 201 and not answer.words:
                    sid = double._accept(form)["Sid"]
                    payload: dict[str, Any] = {"sid": sid, "status": "queued", "to": form["To"]}
                    body = json.dumps(payload)
                elif answer.code:
                    body = json.dumps({"code": answer.code, "message": answer.words, "status": answer.status})
                else:
                    body = answer.words
                raw = body.encode()
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, *_: object) -> None:
                pass

        return Handler


def post_form(url: str, fields: Mapping[str, str], headers: Mapping[str, str]) -> int:
    """Post a form and return the HTTP status, whatever it is; only loopback is ever called."""
    assert urlsplit(url).hostname in {"127.0.0.1", "localhost"}, "a double stays on this machine"
    data = urllib.parse.urlencode(fields).encode()
    request = urllib.request.Request(url, data, dict(headers))
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as response:
            return cast(int, response.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


@contextlib.contextmanager
def callback_listener(status: int = 204) -> Iterator[tuple[str, list[tuple[str, dict[str, str], str]]]]:
    """A place Twilio can report to: its URL, and the (path, form, signature) of each post."""
    heard: list[tuple[str, dict[str, str], str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            form = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
            heard.append((self.path, form, self.headers.get("X-Twilio-Signature", "")))
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", heard
    finally:
        server.shutdown()
        server.server_close()
        thread.join(PATIENCE)


@dataclass
class Hooked:
    """One POST that a hook got."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class HookAnswer:
    """One scripted answer of a hook.

    `seconds` pass before it; `size` pads the body; `is_zipped` packs it; `drip` sends the body a byte at a time, with
    so many seconds between; `words` DROP hangs up, "(garbage)" answers with no HTTP at all.
    """

    status: int = 200
    words: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    size: int = 0
    is_zipped: bool = False
    drip: float = 0.0


class HookDouble:
    """Somebody's endpoint, or a chat's: `with HookDouble() as hook: ... hook.url`.

    `answers` scripts the answers for one path, used up one by one but for the last; `received` holds what came.
    With `echoes`, a challenge is answered as an endpoint should. `most_at_once` is how many it had in hand together.
    """

    def __init__(self, *, echoes: bool = False, tls: SSLContext | None = None) -> None:
        self.echoes = echoes
        self.received: list[Hooked] = []
        self.answers: dict[str, list[HookAnswer]] = {}
        self.connections = self.at_once = self.most_at_once = 0
        self._tls = tls
        self._changed = threading.Condition()
        self._is_over = threading.Event()

    def __enter__(self) -> Self:
        self._server = _ManyServer(("127.0.0.1", 0), self._handler())
        if self._tls:
            self._server.socket = self._tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._is_over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(PATIENCE)

    @property
    def port(self) -> int:
        return self._server.server_port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def on(self, path: str, *answers: HookAnswer) -> str:
        """Script a path; its whole address comes back."""
        self.answers[path] = list(answers)
        return self.url + path

    def wait_for(self, count: int, timeout: float = PATIENCE) -> None:
        """Return once so many posts have come."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.received) >= count, timeout), (
                f"{len(self.received)} of {count} posts came"
            )

    def _answer_for(self, hooked: Hooked) -> HookAnswer:
        scripted = self.answers.get(hooked.path, [])
        if scripted:
            return scripted.pop(0) if len(scripted) > 1 else scripted[0]
        if self.echoes and b"endpoint.verify" in hooked.body:
            return HookAnswer(words=json.dumps({"challenge": hooked.json["challenge"]}))
        return HookAnswer()

    def _handler(self) -> Callable[..., BaseHTTPRequestHandler]:
        double = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hooked = Hooked(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
                with double._changed:
                    double.received.append(hooked)
                    double.at_once += 1
                    double.most_at_once = max(double.most_at_once, double.at_once)
                    double._changed.notify_all()
                try:
                    with contextlib.suppress(OSError):
                        self._act(double._answer_for(hooked))
                finally:
                    with double._changed:
                        double.at_once -= 1
                        double._changed.notify_all()

            def _act(self, answer: HookAnswer) -> None:
                self.close_connection = True
                double._is_over.wait(answer.seconds)
                if answer.words == DROP:
                    return
                if answer.words == "(garbage)":
                    self.wfile.write(b"\x16\x03\x01 what?\r\n\r\n")
                    return
                raw = answer.words.encode() or b"x" * answer.size
                headers = {"Content-Length": str(len(raw)), **answer.headers}
                if answer.is_zipped:
                    raw = gzip.compress(raw)
                    headers |= {"Content-Encoding": "gzip", "Content-Length": str(len(raw))}
                self.send_response_only(answer.status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                for start in range(0, len(raw), 1 if answer.drip else 65536):
                    self.wfile.write(raw[start : start + (1 if answer.drip else 65536)])
                    self.wfile.flush()
                    if answer.drip and double._is_over.wait(answer.drip):
                        return

            def log_message(self, *_: object) -> None:
                pass

        return Handler


class _ManyServer(ThreadingHTTPServer):
    request_queue_size = 256
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that hangs up in the middle is part of the play."""
