"""Twilio's message API, and a place that it can report to."""

import base64
import contextlib
import json
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self, cast
from urllib.parse import parse_qsl, urlsplit

from twilio.request_validator import RequestValidator

from .manners import DROP, PATIENCE, SILENCE


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
