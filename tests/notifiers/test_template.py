"""A mail made by fitting bytes into a template says what the plain way says, whatever the words and values."""

import string
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import example, given, settings, strategies as st

from notifiers import DeliveryError, Message, email as email_channel
from notifiers._contract import substituted
from notifiers._mail import LONGEST_LINE
from tests.doubles import parse_mail

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
EMAIL = replace(
    email_channel.build(
        {"CANDOR_MAIL_FROM": "Example <status@example.com>", "CANDOR_BASE_URL": "https://status.example.com"}
    ),
    clock=lambda: NOON,
)
NAMES = ("__an12_reference__", "__an12_manage__", "__an12_stop__", "__an12_stop")
HEADERS = (
    "From", "To", "Reply-To", "Subject", "Date", "Message-ID", "In-Reply-To", "References", "List-Unsubscribe",
    "List-Unsubscribe-Post", "List-Id", "Auto-Submitted", "Precedence", "MIME-Version",
)  # fmt: skip

odd = st.sampled_from(
    ["\n", "\r\n", "\r", "\u2028", "\x85", "\x00", "\ud800", "\udc00", " ", "  ", "\t", ".", "\n.\n", "=", "=?", "?=",
     "=?utf-8?q?x?=", "=3D", "ä", "日本", "🔥", "<", "%", ",", "From ", "x" * 80, "ä" * 40, "y" * 950, "__an12_", "q"]
)  # fmt: skip
words = st.lists(st.one_of(odd, st.sampled_from(NAMES), st.text(max_size=20)), max_size=12).map("".join)
few_words = st.lists(st.one_of(odd, st.sampled_from(NAMES), st.text(max_size=8)), max_size=5).map("".join)
links = st.one_of(
    st.none(),
    st.sampled_from(
        ["__an12_stop__", "https://s.example/u?t=__an12_stop__", "__an12_manage__?x", "mailto:__an12_stop"]
    ),
    few_words,
)
usual = st.text(st.sampled_from(string.ascii_letters + string.digits + ":/?#&=.-_~%+"), min_size=1, max_size=120)
value = st.one_of(
    usual,
    usual,
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30),
    st.sampled_from(
        ["", ".", "..", "=", "?", "=?utf-8?q?y?=", "a" * 700, "=" * 99, "." * 200, "__an12_manage__", " x"]
    ),
)
messages = st.builds(
    Message,
    reference=st.sampled_from(["__an12_reference__", "an-1", "x__an12_reference__y"]),
    subject=few_words,
    text=words,
    html=st.one_of(st.none(), words),
    thread=st.sampled_from([None, "incident", "__an12_manage__"]),
    is_thread_start=st.booleans(),
    from_name=st.one_of(st.none(), st.just("Example, Inc."), few_words),
    reply_to=st.sampled_from([None, "help@example.com", "__an12_manage__@example.com"]),
    unsubscribe_url=links,
    unsubscribe_mailto=links,
    list_id=st.sampled_from([None, "Page <p1.example.com>", "__an12_manage__"]),
    said_at=st.sampled_from([None, NOON]),
    return_path=st.sampled_from([None, "b+__an12_stop__@example.com", "__an12_stop__"]),
)
addresses = st.sampled_from(
    ["ada@example.com", "o'brien+x@sub.example.co.uk", "a..b@example.com", "=?utf-8?q?x?=@example.com",
     "ådå@example.com", "a=b@example.com", "x" * 60 + "@example.com", "ada@example..com"]
)  # fmt: skip


def said(raw: bytes) -> dict[str, object]:
    """What a mail program reads."""
    mail = parse_mail(raw)
    found: dict[str, object] = {name: str(mail[name]) for name in HEADERS if name in mail}
    for kind in ("plain", "html"):
        part = mail.get_body((kind,))
        found[kind] = None if part is None else part.get_content().replace("\r\n", "\n")
    return found


@settings(max_examples=100, deadline=None)
@given(messages, addresses, st.lists(value, min_size=4, max_size=4))
def test_whatever_is_said_both_ways_say_the_same(message, address, given_values):
    compare(message, address, given_values)


@settings(max_examples=150, deadline=None)
@example(Message("r", "s", ".", "\n.\n"), ["0"] * 4, "")
@given(messages, st.lists(usual, min_size=4, max_size=4), few_words)
def test_what_the_template_writes_is_what_the_plain_way_writes(message, given_values, name):
    plain = replace(message, from_name=name.replace("__", ""), reply_to=None, list_id=None, return_path=None)

    compare(plain, "ada@example.com", given_values)


def compare(message, address, given_values):
    values = dict(zip(NAMES, given_values, strict=True))
    try:
        slow = EMAIL.templates.by_hand(substituted(message, values), address, NOON)
    except DeliveryError as refused:
        with pytest.raises(type(refused)):
            EMAIL.templates.finish(message, address, values)
        return

    fast = EMAIL.templates.finish(message, address, values)

    assert said(fast.raw) == said(slow.raw)
    assert (fast.message_id, fast.return_path) == (slow.message_id, slow.return_path)
    lines = fast.raw.split(b"\r\n")
    assert b"\n" not in b"".join(lines)
    assert max(map(len, lines)) <= 998
    assert fast.may_have_dots or b"\n." not in fast.raw
    assert fast.raw.isascii() or not address.isascii()


@settings(max_examples=60, deadline=None)
@given(words, st.lists(usual, min_size=4, max_size=4))
def test_quoted_printable_lines_are_short_whatever_the_values(text, given_values):
    values = dict(zip(NAMES, given_values, strict=True))
    message = Message("r", "s", f"ä{text}__an12_stop__")

    body = EMAIL.templates.finish(message, "ada@example.com", values).raw.partition(b"\r\n\r\n")[2]

    assert max(map(len, body.split(b"\r\n"))) <= 76


MANY = Message(
    reference=NAMES[0],
    subject="Störung",
    text=f"Wir prüfen es.\n{NAMES[1]}\n{NAMES[2]}",
    html=f"<p>ok</p>\n{NAMES[1]}\n" * 20,
    unsubscribe_url=NAMES[2],
    said_at=NOON,
)


def test_a_message_is_prepared_once_for_all():
    values = dict.fromkeys(NAMES[:3], "https://status.example.com/" + "t" * 60)
    templates = replace(EMAIL).templates
    templates.finish(MANY, "ada@example.com", values)
    template = templates._known[id(MANY)][1]

    templates.finish(MANY, "bo@example.com", values)

    assert templates._known[id(MANY)][1] is template


def test_a_mail_takes_ten_microseconds():
    values = dict.fromkeys(NAMES[:3], "https://status.example.com/" + "t" * 60)
    templates = replace(EMAIL).templates
    templates.finish(MANY, "ada@example.com", values)

    def seconds() -> float:
        started = time.perf_counter()
        for number in range(1000):
            templates.finish(MANY, f"p{number}@example.com", values)
        return time.perf_counter() - started

    # Twenty times the room, for a busy machine; the plain way needs a hundred times as much.
    assert min(seconds() for _ in range(5)) < 0.2


def test_only_a_few_templates_are_kept():
    templates = replace(EMAIL).templates
    for number in range(100):
        templates.finish(Message(str(number), "s", "t"), "ada@example.com", {})

    assert len(templates._known) <= 16


def test_threads_share_templates():
    templates = replace(EMAIL).templates
    kinds = [replace(MANY, subject=f"Update {number}") for number in range(30)]
    wrong = []

    def work():
        for number in range(200):
            message = kinds[number % 30]
            if f"Subject: {message.subject}\r\n".encode() not in templates.finish(message, "ada@example.com", {}).raw:
                wrong.append(number)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert not wrong


def test_a_value_is_never_looked_through_for_placeholders():
    message = Message("r", "s", "__an12_stop__ __an12_manage__")

    raw = EMAIL.templates.finish(message, "ada@example.com", {NAMES[2]: NAMES[1], NAMES[1]: "here"}).raw

    assert b"__an12_manage__ here" in raw


def test_a_line_too_long_for_the_wire_is_wrapped():
    message = Message("r", "s", "Go to __an12_stop__ now")

    raw = EMAIL.templates.finish(message, "ada@example.com", {NAMES[2]: "x" * LONGEST_LINE}).raw

    assert b"quoted-printable" in raw
    assert "Go to " + "x" * LONGEST_LINE + " now" in str(said(raw)["plain"])


def test_the_list_id_is_what_stands_in_brackets():
    message = Message("r", "s", "t", list_id="Acme Status <p1.status.example.com>")

    assert (
        parse_mail(EMAIL.templates.finish(message, "ada@example.com", {}).raw)["List-Id"] == "<p1.status.example.com>"
    )
