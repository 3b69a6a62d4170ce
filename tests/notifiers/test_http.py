"""One POST to a host that means no good."""

import resource
import socket
import ssl
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from notifiers._http import MOST_READ, NoAnswer, Poster, read_url
from tests.doubles import DROP, HookAnswer, HookDouble, free_port

LOOPBACK_PEM = Path(__file__).with_name("loopback.pem")
PRIVATE = Poster(may_be_private=True, total_seconds=5)


def post(url, poster=PRIVATE, body=b"{}", **headers):
    return poster.post(read_url(url, may_be_private=True), body, headers)


@pytest.fixture
def hook():
    with HookDouble() as hook:
        yield hook


def test_the_answer_comes_back_with_status_headers_and_body(hook):
    answer = post(hook.on("/x", HookAnswer(202, "taken", {"Retry-After": "7"})), body=b'{"a":1}')

    assert (answer.status, answer.text, answer.retry_after.total_seconds()) == (202, "taken", 7)
    assert hook.received[0].json == {"a": 1}
    assert hook.received[0].headers["host"] == f"127.0.0.1:{hook.port}"


def test_a_redirect_is_an_answer_and_not_a_way(hook):
    with HookDouble() as canary:
        answer = post(hook.on("/x", HookAnswer(302, headers={"Location": canary.url})))

        assert answer.status == 302
        assert canary.received == []


def test_proxies_of_the_environment_are_not_asked(hook, monkeypatch):
    with HookDouble() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        post(hook.on("/x"))

        assert (len(hook.received), proxy.received) == (1, [])


def test_no_more_than_64_kb_is_read(hook):
    answer = post(hook.on("/x", HookAnswer(size=5_000_000)))

    assert (answer.status, len(answer.body)) == (200, MOST_READ)


def test_an_answer_that_says_it_is_two_gigabytes_is_left_after_64_kb(hook):
    began = time.monotonic()
    answer = post(hook.on("/x", HookAnswer(size=200_000, headers={"Content-Length": str(2 * 1024**3)})))

    assert len(answer.body) == MOST_READ
    assert time.monotonic() - began < 2


def test_a_packed_answer_is_never_unpacked(hook):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    answer = post(hook.on("/x", HookAnswer(size=20_000_000, is_zipped=True)))

    assert answer.status == 200
    assert len(answer.body) <= MOST_READ
    assert b"xxxx" not in answer.body
    # The double packs 20 MB in this very process; unpacking them here would show on top of that.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60_000


def test_a_body_that_drips_costs_no_more_than_its_share(hook):
    began = time.monotonic()
    answer = post(
        hook.on("/x", HookAnswer(size=1000, drip=0.05)), Poster(may_be_private=True, total_seconds=9, body_seconds=0.3)
    )

    assert answer.status == 200
    assert time.monotonic() - began < 1.5


@contextmanager
def raw_server(talk):
    """A server that says whatever `talk` says to its client."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        is_over = threading.Event()

        def serve():
            client, _ = listener.accept()
            with client:
                client.recv(65536)
                with suppress(OSError):
                    talk(client, is_over)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        finally:
            is_over.set()
            thread.join(5)


def test_headers_that_drip_end_with_the_whole_time():
    def drip(client, is_over):
        client.sendall(b"HTTP/1.1 200 OK\r\n")
        while not is_over.wait(0.05):
            client.sendall(b"x")

    began = time.monotonic()
    with raw_server(drip) as url, pytest.raises(NoAnswer) as caught:
        post(url, Poster(may_be_private=True, total_seconds=0.5))

    assert caught.value.was_sent
    assert time.monotonic() - began < 2


def test_headers_without_end_are_cut_off():
    def flood(client, is_over):
        client.sendall(b"HTTP/1.1 200 OK\r\n")
        for number in range(10_000):
            client.sendall(b"X-%d: %s\r\n" % (number, b"y" * 80))

    with raw_server(flood) as url, pytest.raises(NoAnswer):
        post(url)


@pytest.mark.parametrize("words", [DROP, "(garbage)"])
def test_a_host_that_hangs_up_or_babbles_gives_no_answer(hook, words):
    with pytest.raises(NoAnswer) as caught:
        post(hook.on("/x", HookAnswer(words=words)))

    assert caught.value.was_sent


def test_silence_ends_with_the_whole_time(hook):
    with pytest.raises(NoAnswer, match="in time"):
        post(hook.on("/x", HookAnswer(seconds=5)), Poster(may_be_private=True, total_seconds=0.3))


def test_where_nobody_listens_nothing_was_sent():
    with pytest.raises(NoAnswer) as caught:
        post(f"http://127.0.0.1:{free_port()}/")

    assert not caught.value.was_sent


# TLS


def served(name="localhost"):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(LOOPBACK_PEM)
    heard = []
    context.sni_callback = lambda _socket, host, _context: heard.append(host)
    return context, heard


def trusting():
    context = ssl.create_default_context(cafile=str(LOOPBACK_PEM))
    return Poster(may_be_private=True, resolve=lambda host, port: ["127.0.0.1"], tls=context)


def test_the_name_goes_into_sni_and_host_though_an_address_is_called():
    context, heard = served()
    with HookDouble(tls=context) as hook:
        answer = post(f"https://localhost:{hook.port}/x", trusting())

        assert answer.status == 200
        assert heard == ["localhost"]
        assert hook.received[0].headers["host"] == f"localhost:{hook.port}"


@pytest.mark.parametrize("poster", [trusting(), Poster(may_be_private=True, resolve=lambda host, port: ["127.0.0.1"])])
def test_a_certificate_of_another_name_or_unknown_maker_is_refused(poster):
    context, _ = served()
    with HookDouble(tls=context) as hook:
        with pytest.raises(NoAnswer, match="certificate") as caught:
            post(f"https://elsewhere.example:{hook.port}/x", poster)

        assert not caught.value.was_sent
        assert hook.received == []


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("120", 120), ("0", 1), ("0.5", 1), ("9999999", 86400), ("soon", None), ("-5", None), ("", None)],
)
def test_retry_after_is_read_with_sense(hook, said, seconds):
    answer = post(hook.on("/x", HookAnswer(429, headers={"Retry-After": said})))

    assert (answer.retry_after.total_seconds() if answer.retry_after else None) == seconds


def test_retry_after_may_be_a_date(hook):
    answer = post(hook.on("/x", HookAnswer(429, headers={"Retry-After": "Wed, 21 Oct 2099 07:28:00 GMT"})))

    assert answer.retry_after.total_seconds() == 86400
