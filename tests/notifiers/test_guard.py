"""The address guard, as a specification: which addresses are outside, and which spellings are read at all."""

import socket
from contextlib import suppress

import pytest
from hypothesis import given, strategies

from notifiers._guard import is_ours, is_outside
from notifiers._http import NoAnswer, NotAllowed, Poster, read_url
from tests.doubles import HookDouble

OUTSIDE = ["8.8.8.8", "1.1.1.1", "93.184.215.14", "100.63.255.255", "172.32.0.1", "198.20.0.1", "2606:4700::1111"]
INSIDE = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.8.8.8",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.9",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::8.8.8.8",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "::ffff:7f00:1",
    "64:ff9b::7f00:1",
    "64:ff9b::808:808",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:2::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "2002:808:808::1",
    "3fff::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
]


@pytest.mark.parametrize("address", OUTSIDE)
def test_the_open_internet_is_outside(address):
    assert is_outside(address)


@pytest.mark.parametrize("address", INSIDE)
def test_everything_else_is_inside(address):
    assert not is_outside(address)


@pytest.mark.parametrize("text", ["", "localhost", "8.8.8", "8.8.8.8/32", "0x8.8.8.8", " 8.8.8.8", "８.8.8.8"])
def test_what_is_no_address_is_not_outside(text):
    assert not is_outside(text)


@given(strategies.ip_addresses(v=4))
def test_an_address_hidden_in_another_is_never_outside(inner):
    mapped = [f"::ffff:{inner}", f"::{inner}", f"64:ff9b::{inner}"]

    assert not any(map(is_outside, mapped))


def test_this_machines_own_addresses_are_known():
    assert is_ours("127.0.0.1")
    assert not is_ours("8.8.8.8")


# What may be typed

CANNOT_BE_CALLED = [
    "http://example.com/",
    "ftp://example.com/",
    "file:///etc/passwd",
    "gopher://example.com/",
    "javascript:alert(1)",
    "https://",
    "https:///path",
    "//example.com/",
    "example.com/hook",
    "https://localhost/",
    "https://localhost./",
    "https://intranet/",
    "https://router.local/",
    "https://metadata.google.internal/",
    "https://printer.home.arpa/",
    "https://127.0.0.1/",
    "https://127.1/",
    "https://127.0.1/",
    "https://0177.0.0.1/",
    "https://0x7f.1/",
    "https://0x7f000001/",
    "https://2130706433/",
    "https://017700000001/",
    "https://①②⑦.⓪.⓪.①/",
    "https://127。0。0。1/",
    "https://１２７.0.0.1/",
    "https://0/",
    "https://10.1.2.3/",
    "https://169.254.169.254/latest/meta-data",
    "https://100.100.100.200/",
    "https://198.18.0.1/",
    "https://224.0.0.1/",
    "https://[::1]/",
    "https://[::]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[2002:7f00:1::1]/",
    "https://[::127.0.0.1]/",
    "https://[fec0::1]/",
    "https://[fe80::1%25eth0]/",
    "https://[fd00:ec2::254]/",
    "https://[::1/",
    "https://example.com:pass@127.0.0.1/",
    "https://user@example.com/",
    "https://user:pass@example.com/",
    "https://allowed.example#@127.0.0.1",
    "https://127.0.0.1#@allowed.example/",
    "https://127.0.0.1/?x=office.com",
    "https://example.com/#fragment",
    "https://example.com\\@127.0.0.1/",
    "https:\\\\example.com/",
    "https://exam ple.com/",
    "https://example.com/a b",
    "https://example.com/\r\nHost: evil.example",
    "https://example.com\t/",
    "https://example.com/\x00",
    "https://example.com/\u2028x",
    "https://example.com:0/",
    "https://example.com:22/",
    "https://example.com:25/",
    "https://example.com:80/",
    "https://example.com:99999/",
    "https://example.com:port/",
    "https://-example.com/",
    "https://example..com/",
    "https://" + "a" * 64 + ".example/",
    "https://example.com/" + "x" * 500,
]


@pytest.mark.parametrize("typed", CANNOT_BE_CALLED)
def test_a_strange_spelling_is_refused_in_a_sentence(typed):
    with pytest.raises(ValueError, match=r"^[A-Z].*\.$"):
        read_url(typed)


@pytest.mark.parametrize(
    ("typed", "clean"),
    [
        ("https://example.com", "https://example.com/"),
        (" https://EXAMPLE.com:443/Hook?b=2&a=%2F ", "https://example.com/Hook?b=2&a=%2F"),
        ("https://example.com.:8443/x", "https://example.com:8443/x"),
        ("https://bücher.example/über", "https://xn--bcher-kva.example/%C3%BCber"),
        ("https://8.8.8.8/", "https://8.8.8.8/"),
        ("https://[2606:4700:0::1111]/x", "https://[2606:4700::1111]/x"),
        ("HTTPS://example.com/a//b/../c", "https://example.com/a//b/../c"),
    ],
)
def test_an_address_has_one_spelling(typed, clean):
    assert read_url(typed).url == clean
    assert read_url(clean).url == clean


@given(strategies.text(max_size=60))
def test_whatever_is_typed_is_read_or_refused(text):
    with suppress(ValueError):
        assert read_url(f"https://{text}").is_tls


def test_an_inner_network_may_be_allowed():
    assert read_url("http://127.0.0.1:81/x", may_be_private=True).url == "http://127.0.0.1:81/x"


# What is called


def answering(*answers):
    """A resolver that answers each question with the next list."""
    asked = []

    def resolve(host, port):
        asked.append(host)
        return list(answers[min(len(asked), len(answers)) - 1])

    return resolve, asked


@pytest.mark.parametrize(
    "addresses", [["127.0.0.1"], ["8.8.8.8", "::1"], ["8.8.8.8", "127.0.0.1"], ["2606:4700::1111", "10.0.0.1"]]
)
def test_one_address_inside_is_enough_to_refuse(addresses):
    with HookDouble() as canary:
        resolve, _ = answering(addresses)
        target = read_url(f"https://rebinding.example:{canary.port}/")

        with pytest.raises(NotAllowed):
            Poster(resolve=resolve).post(target, b"{}", {})

        assert canary.received == []


def test_our_own_public_address_is_inside_too():
    resolve, _ = answering(["8.8.8.8"])
    poster = Poster(resolve=resolve, is_ours=lambda address: address == "8.8.8.8")

    with pytest.raises(NotAllowed):
        poster.post(read_url("https://ourselves.example/"), b"{}", {})


def test_a_name_is_looked_up_once_and_the_checked_address_is_called(monkeypatch):
    resolve, asked = answering(["8.8.8.8"], ["127.0.0.1"])
    called = []

    def connect(address, timeout):
        called.append(address)
        raise OSError("no packet leaves this machine")

    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(NoAnswer):
        Poster(resolve=resolve).post(read_url("https://rebinding.example/"), b"{}", {})

    assert asked == ["rebinding.example"]
    assert called == [("8.8.8.8", 443)]


def test_a_name_without_address_is_no_answer():
    def resolve(host, port):
        raise socket.gaierror("no such name")

    with pytest.raises(NoAnswer) as caught:
        Poster(resolve=resolve).post(read_url("https://nowhere.example/"), b"{}", {})

    assert not caught.value.was_sent
