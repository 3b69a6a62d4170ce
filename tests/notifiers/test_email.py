"""Email over a real SMTP dialogue on loopback: what arrives, and what is known when it does not."""

import re
import ssl
import time
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from notifiers import (
    DeliveryError,
    Envelope,
    Message,
    PermanentDeliveryError,
    Receipt,
    UncertainDeliveryError,
    email as email_channel,
)
from tests.doubles import DROP, SILENCE, ScriptedRelay, SmtpSink, free_port, parse_mail

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
LOOPBACK_PEM = Path(__file__).with_name("loopback.pem")
UNSUBSCRIBE = "https://status.example.com/unsubscribe/" + "t" * 180

UPDATE = Message(
    reference="an-1:su-1:email",
    subject="Störung: Login, Zahlung",
    text="Wir prüfen die Ursache.\n.\nNächste Nachricht um 14:30 CET.",
    html="<p>Wir prüfen die Ursache.</p>\n.\n<p>Nächste Nachricht um 14:30 CET.</p>",
    thread="incident-1",
    from_name='Acme, "Status" <evil@example.net>',
    reply_to="help@example.com",
    unsubscribe_url=UNSUBSCRIBE,
    unsubscribe_mailto="leave@example.com?subject=unsubscribe",
    list_id="page-1.status.example.com",
)


def channel(url: str = "", **relay) -> email_channel.Email:
    settings = {
        "CANDOR_SMTP_URL": url,
        "CANDOR_MAIL_FROM": "Example Status <status@example.com>",
        "CANDOR_BASE_URL": "https://status.example.com",
    }
    built = email_channel.build(settings)
    # One connection, unless the story is about more: what happens on it then has an order.
    relays = tuple(replace(each, **{"connections": 1} | relay) for each in built.relays)
    return replace(built, relays=relays, clock=lambda: NOON)


def to(*addresses: str, message: Message = UPDATE) -> list[Envelope]:
    return [Envelope(address, address, message) for address in addresses]


def results(email, *addresses: str, message: Message = UPDATE) -> list[Receipt | DeliveryError]:
    """What became of each, in the order of the addresses."""
    with closing(email):
        found = {outcome.key: outcome.result for outcome in email.deliver(to(*addresses, message=message))}
    return [found[address] for address in addresses]


def wire(message: Message = UPDATE, address: str = "ada@example.com") -> bytes:
    return channel().preview(message, address).raw.encode()


def words(mail, kind: str):
    return mail.get_body((kind,)).get_content().replace("\r\n", "\n").rstrip("\n")


def header_lines(raw: bytes) -> dict[str, str]:
    lines = raw.partition(b"\r\n\r\n")[0].decode("ascii").split("\r\n")
    return dict(line.split(": ", 1) for line in lines if not line.startswith(" "))


# What is written


def test_text_and_html_say_the_same():
    mail = parse_mail(wire())

    assert words(mail, "plain") == UPDATE.text
    assert words(mail, "html") == UPDATE.html


def test_without_html_the_mail_is_plain_text():
    mail = parse_mail(wire(replace(UPDATE, html=None)))

    assert mail.get_content_type() == "text/plain"


def test_headers_name_the_sender_the_list_and_the_machine():
    lines = header_lines(wire())

    assert lines["To"] == "ada@example.com"
    assert lines["Reply-To"] == "help@example.com"
    assert lines["Date"] == "Sat, 21 Nov 2026 12:00:00 +0000"
    assert lines["List-Id"] == "<page-1.status.example.com>"
    assert lines["Auto-Submitted"] == "auto-generated"
    assert lines["Precedence"] == "bulk"


def test_a_name_cannot_pass_for_an_address():
    sender = parse_mail(wire())["From"]

    assert [a.addr_spec for a in sender.addresses] == ["status@example.com"]
    assert sender.addresses[0].display_name == 'Acme, "Status" <evil@example.net>'


@pytest.mark.parametrize("name", ["A, b. " * 30, "日本語ステータス" * 20, "Müller, Söhne" * 9, "", " ", "\x00"])
def test_any_name_leaves_one_sender(name):
    (sender,) = parse_mail(wire(replace(UPDATE, from_name=name)))["From"].addresses

    assert sender.addr_spec == "status@example.com"
    assert sender.display_name.rstrip("\u2026").rstrip() in " ".join(name.split()) or not name.strip("\x00 ")


def test_without_a_name_of_its_own_the_mail_bears_the_configured_one():
    sender = parse_mail(wire(replace(UPDATE, from_name=None)))["From"]

    assert sender.addresses[0].display_name == "Example Status"


def test_list_headers_are_never_encoded_words():
    lines = header_lines(wire())

    assert lines["List-Unsubscribe"] == f"<{UNSUBSCRIBE}>, <mailto:leave@example.com?subject=unsubscribe>"
    assert lines["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert not any("=?" in lines[name] for name in lines if name.startswith("List-") or name == "Message-ID")


def test_a_confirmation_offers_nothing_to_unsubscribe_from():
    lines = header_lines(wire(replace(UPDATE, unsubscribe_url=None, unsubscribe_mailto=None, list_id=None)))

    assert not any(name.startswith("List-") for name in lines)


def test_a_link_cannot_end_its_header():
    link = "https://status.example.com/u/a>,<mailto:x@example.net>\r\nBcc: x@example.net"

    line = header_lines(wire(replace(UPDATE, unsubscribe_url=link, unsubscribe_mailto=None)))["List-Unsubscribe"]

    assert line.count("<") == line.count(">") == 1


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r", "\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c"])
@pytest.mark.parametrize("part", ["subject", "from_name", "list_id", "unsubscribe_url", "unsubscribe_mailto"])
def test_no_header_can_be_smuggled_in(part, end):
    lines = header_lines(wire(replace(UPDATE, **{part: f"before{end}Bcc: victim@example.net"})))

    assert "Bcc" not in lines


def test_a_reply_address_with_more_than_one_line_is_refused():
    with pytest.raises(PermanentDeliveryError):
        wire(replace(UPDATE, reply_to="help@example.com\r\nBcc: victim@example.net"))


@pytest.mark.parametrize(
    "text",
    ["a\rb\nc\r\nd", "x" * 200_000, "\ud800\udc00 \ud800", "\r\n.\r\nMAIL FROM:<x@example.net>", "\n.\n", ""],
)
def test_every_line_on_the_wire_ends_in_crlf_and_is_short(text):
    raw = wire(replace(UPDATE, subject=text, text=text, html=text))

    assert not re.search(rb"\r(?!\n)|(?<!\r)\n", raw)
    assert max(len(line) for line in raw.split(b"\r\n")) <= 998
    raw.decode("ascii")


@pytest.mark.parametrize(
    "subject",
    [
        "Störung bei der Zahlung über Überweisung " * 4,
        "日本語の障害" * 33,
        "x" * 200,
        "🔥 down " * 25,
        "a ä  b=?c?=" * 9,
    ],
)
def test_a_long_subject_arrives_whole_in_short_encoded_words(subject):
    raw = wire(replace(UPDATE, subject=subject))

    assert all(len(word) <= 75 for word in re.findall(rb"=\?\S+\?=", raw))
    assert parse_mail(raw)["Subject"] == " ".join(subject.split())


def test_a_retry_bears_the_same_id_and_another_recipient_another():
    first, retry, other = (
        header_lines(wire(address=address))["Message-ID"]
        for address in ("ada@example.com", "ada@example.com", "bo@example.com")
    )

    assert first == retry != other
    assert first.endswith("@status.example.com>")


def test_updates_of_an_incident_form_one_thread_for_each_recipient():
    start = header_lines(wire(replace(UPDATE, reference="start", is_thread_start=True)))
    update = header_lines(wire())
    other = header_lines(wire(address="bo@example.com"))

    assert start["References"] == update["References"] == update["In-Reply-To"]
    assert "In-Reply-To" not in start
    assert update["References"] not in (start["Message-ID"], update["Message-ID"], other["References"])


def test_a_message_of_its_own_joins_no_thread():
    lines = header_lines(wire(replace(UPDATE, thread=None)))

    assert not {"References", "In-Reply-To"} & set(lines)


def test_the_preview_is_what_is_sent():
    with SmtpSink() as sink:
        email = channel(sink.url)
        list(email.deliver(to("ada@example.com")))

        preview = email.preview(UPDATE, "ada@example.com")

    assert preview.raw.encode() == sink.received[0][1]
    assert dict(preview.headers)["Subject"] == "Störung: Login, Zahlung"
    assert (preview.text, preview.html) == (UPDATE.text, UPDATE.html)


# Handing over


def test_a_batch_goes_over_one_connection():
    with SmtpSink() as sink:
        outcomes = results(channel(sink.url), *(f"p{n}@example.com" for n in range(5)))

    assert all(isinstance(result, Receipt) and not result.is_captured for result in outcomes)
    assert sink.recipients == [f"p{n}@example.com" for n in range(5)]
    assert sink.connections == 1


def test_the_receipt_says_under_which_id_and_with_which_answer():
    with SmtpSink() as sink:
        (receipt,) = results(channel(sink.url), "ada@example.com")

    assert receipt.provider_id == sink.mails()[0]["Message-ID"]
    assert receipt.detail == "250 2.0.0 Ok: queued as 1"


def test_a_line_with_a_single_dot_arrives_as_it_was_written():
    with SmtpSink() as sink:
        results(channel(sink.url), "ada@example.com", message=replace(UPDATE, text="one\n.\n..two\n.", html=None))

    assert b"\r\n.\r\n..two\r\n.\r\n" in sink.received[0][1]


def test_a_connection_is_renewed_after_so_many_messages():
    with SmtpSink() as sink:
        results(channel(sink.url, messages_per_connection=2), *(f"p{n}@example.com" for n in range(5)))

    assert len(sink.received) == 5
    assert sink.connections == 3


def test_outcomes_come_as_the_wire_answers():
    with SmtpSink() as sink:
        outcomes = channel(sink.url).deliver(to("a@example.com", "b@example.com"))
        next(outcomes)

        assert sink.recipients == ["a@example.com"]
        outcomes.close()


def test_hundreds_of_mails_pass_in_seconds():
    with SmtpSink() as sink:
        started = time.perf_counter()
        results(channel(sink.url), *(f"p{n}@example.com" for n in range(300)))

    assert time.perf_counter() - started < 30
    assert len(sink.received) == 300


# Being refused


def test_an_unknown_mailbox_is_permanent_and_costs_nobody_else():
    with SmtpSink() as sink:
        sink.rcpt_replies["gone@example.com"] = "550 5.1.1 <gone@example.com>: User unknown"
        gone, here = results(channel(sink.url), "gone@example.com", "here@example.com")

    assert isinstance(gone, PermanentDeliveryError)
    assert gone.code == "invalid_address"
    assert str(gone) == "The relay refused this address: 550 5.1.1 <address>: User unknown"
    assert isinstance(here, Receipt)
    assert sink.connections == 1


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        ("550 No such user", "invalid_address"),
        ("550 5.2.1 Disabled", "invalid_address"),
        ("550 5.7.1 Blocked by policy", "recipient_refused"),
        ("554 5.7.1 Relay access denied", "recipient_refused"),
        ("552 5.2.2 Mailbox full", "recipient_refused"),
    ],
)
def test_only_a_dead_mailbox_makes_an_invalid_address(reply, code):
    with SmtpSink() as sink:
        sink.rcpt_replies["ada@example.com"] = reply
        (result,) = results(channel(sink.url), "ada@example.com")

    assert isinstance(result, PermanentDeliveryError)
    assert result.code == code


def test_greylisting_waits_a_minute():
    with SmtpSink() as sink:
        sink.rcpt_replies["ada@example.com"] = ["450 4.2.0 Greylisted, come back"]
        (result,) = results(channel(sink.url), "ada@example.com")
        (retry,) = results(channel(sink.url), "ada@example.com")

    assert type(result) is DeliveryError
    assert (result.code, result.retry_after) == ("greylisted", timedelta(minutes=1))
    assert isinstance(retry, Receipt)


@pytest.mark.parametrize(
    ("reply", "kind"),
    [("450 4.0.0 Not now", DeliveryError), ("554 5.7.1 Spam", PermanentDeliveryError)],
)
def test_a_refusal_after_the_dot_is_certain(reply, kind):
    with SmtpSink() as sink:
        sink.data_replies["ada@example.com"] = reply
        refused, other = results(channel(sink.url), "ada@example.com", "bo@example.com")

    assert type(refused) is kind
    assert isinstance(other, Receipt)


@pytest.mark.parametrize("stage", ["banner", "EHLO", "MAIL"])
def test_a_refusal_of_ourselves_blames_no_address(stage):
    # Refused at EHLO, a client says HELO; the relay means it.
    with ScriptedRelay({stage: "550 Go away", "HELO": "550 Go away"}) as relay:
        first, second = results(channel(relay.url), "ada@example.com", "bo@example.com")

    assert type(first) is type(second) is DeliveryError
    assert first.is_channel_wide
    assert relay.connections == 1


def test_a_message_too_large_is_refused_for_good_before_it_is_sent():
    with ScriptedRelay({"MAIL": "552 5.3.4 Too large"}) as relay:
        (result,) = results(channel(relay.url), "ada@example.com")

    assert isinstance(result, PermanentDeliveryError)
    assert result.code == "message_refused"
    assert re.search(r"SIZE=\d+", " ".join(relay.commands))


@pytest.mark.parametrize("stage", ["banner", "MAIL", "RCPT", "DATA", "dot"])
def test_a_relay_that_closes_is_left_in_peace(stage):
    with ScriptedRelay({stage: "421 4.7.0 Too many, closing"}) as relay:
        outcomes = results(channel(relay.url), *(f"p{n}@example.com" for n in range(4)))

    assert [type(result) for result in outcomes] == [DeliveryError] * 4
    assert "421" in str(outcomes[-1])
    assert relay.connections == 1


def test_a_half_done_message_is_taken_back_before_the_next():
    with ScriptedRelay({"RCPT": ["550 5.1.1 Unknown"]}) as relay:
        results(channel(relay.url), "gone@example.com", "bo@example.com", "cy@example.com")

    verbs = [command.split()[0] for command in relay.commands]
    assert " ".join(verbs) == "EHLO MAIL RCPT RSET MAIL RCPT DATA MAIL RCPT DATA QUIT"


# Breaking off


@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA"])
def test_a_drop_before_the_dot_is_safe_to_retry(stage):
    with ScriptedRelay({stage: [DROP]}) as relay:
        broken, next_one = results(channel(relay.url), "ada@example.com", "bo@example.com")

    assert type(broken) is DeliveryError
    assert isinstance(next_one, Receipt)
    assert len(relay.messages) == 1


def test_a_drop_within_a_long_message_is_safe_to_retry():
    long = replace(UPDATE, text="x" * 20_000_000, html=None)
    with ScriptedRelay({"body": DROP}) as relay:
        (broken,) = results(channel(relay.url), "ada@example.com", message=long)

    assert type(broken) is DeliveryError


def test_a_drop_after_the_dot_is_uncertain():
    with ScriptedRelay({"dot": [DROP]}) as relay:
        broken, next_one = results(channel(relay.url), "ada@example.com", "bo@example.com")

    assert isinstance(broken, UncertainDeliveryError)
    assert isinstance(next_one, Receipt)
    assert len(relay.messages) == 2


def test_silence_after_the_dot_is_uncertain_and_ends_the_batch():
    with ScriptedRelay({"dot": SILENCE}) as relay:
        email = channel(relay.url, final_timeout=0.2)
        silent, untried = results(email, "ada@example.com", "bo@example.com")

    assert isinstance(silent, UncertainDeliveryError)
    assert type(untried) is DeliveryError
    assert relay.connections == 1


@pytest.mark.parametrize("answer", ["garbage", "250"])
def test_only_a_reply_that_is_one_ends_the_doubt(answer):
    with ScriptedRelay({"dot": answer}) as relay:
        (result,) = results(channel(relay.url), "ada@example.com")

    assert isinstance(result, Receipt if answer == "250" else UncertainDeliveryError)


@pytest.mark.parametrize("stage", ["banner", "EHLO", "MAIL", "RCPT", "DATA"])
def test_a_silent_relay_is_given_up_for_the_whole_batch(stage):
    with ScriptedRelay({stage: SILENCE}) as relay:
        email = channel(relay.url, command_timeout=0.2)
        outcomes = results(email, "ada@example.com", "bo@example.com", "cy@example.com")

    assert [type(result) for result in outcomes] == [DeliveryError] * 3
    assert "did not answer within 0.2 seconds" in str(outcomes[0])
    assert relay.connections == 1


def test_the_final_dot_gets_more_patience_than_a_command():
    with ScriptedRelay({"dot": SILENCE}) as relay:
        started = time.monotonic()
        results(channel(relay.url, command_timeout=0.1, final_timeout=0.4), "ada@example.com")

    assert time.monotonic() - started >= 0.4


def test_a_relay_that_keeps_breaking_off_is_not_hammered():
    with ScriptedRelay({"RCPT": DROP}) as relay:
        outcomes = results(channel(relay.url), *(f"p{n}@example.com" for n in range(20)))

    assert all(type(result) is DeliveryError for result in outcomes)
    assert relay.connections == 3


def test_an_idle_connection_closed_by_the_relay_costs_nobody_a_try():
    with ScriptedRelay({"MAIL": ["250 Ok", DROP]}) as relay:
        outcomes = results(channel(relay.url), "ada@example.com", "bo@example.com")

    assert all(isinstance(result, Receipt) for result in outcomes)
    assert relay.connections == 2


def test_a_refused_connection_says_so_once_for_all():
    port = free_port()

    first, second = results(channel(f"smtp://127.0.0.1:{port}"), "ada@example.com", "bo@example.com")

    assert str(first) == str(second) == f"The relay 127.0.0.1:{port} refused the connection."
    assert type(first) is type(second) is DeliveryError


def test_a_farewell_that_fails_changes_nothing():
    with ScriptedRelay({"QUIT": DROP}) as relay:
        (result,) = results(channel(relay.url), "ada@example.com")

    assert isinstance(result, Receipt)


# TLS and signing in


def server_tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(LOOPBACK_PEM)
    return context


def trusting() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(LOOPBACK_PEM))


def test_a_password_goes_over_tls_that_was_verified():
    with SmtpSink(user="candor", password="s3cret", tls=server_tls()) as sink:
        (result,) = results(channel(f"{sink.url}?starttls=require", tls=trusting()), "ada@example.com")

    assert isinstance(result, Receipt)
    assert sink.signed_in == ["candor"]


def test_a_certificate_nobody_vouches_for_is_refused_where_tls_is_required():
    with SmtpSink(user="candor", password="s3cret", tls=server_tls()) as sink:
        (result,) = results(channel(f"{sink.url}?starttls=require"), "ada@example.com")

    assert type(result) is DeliveryError
    assert "certificate we cannot trust" in str(result)
    assert sink.received == []
    assert sink.signed_in == []


def test_on_this_machine_an_unknown_certificate_is_good_enough():
    with SmtpSink(tls=server_tls()) as sink:
        (result,) = results(channel(sink.url), "ada@example.com")

    assert isinstance(result, Receipt)


def test_required_tls_that_is_not_offered_sends_nothing():
    with ScriptedRelay() as relay:
        (result,) = results(channel(f"{relay.url}?starttls=require"), "ada@example.com")

    assert "does not offer TLS" in str(result)
    assert {command.split()[0] for command in relay.commands} == {"EHLO"}


def test_a_refused_password_is_a_fault_of_ours_and_not_of_the_address():
    with SmtpSink(user="candor", password="right") as sink:
        wrong = sink.url.replace("right", "wrong")
        first, second = results(channel(wrong), "ada@example.com", "bo@example.com")

    assert type(first) is type(second) is DeliveryError
    assert first.code == "credentials"
    assert sink.connections == 1


def test_a_percent_encoded_password_arrives_decoded():
    with SmtpSink(user="me@example.com", password="p@ss/w#rd") as sink:
        url = f"smtp://me%40example.com:p%40ss%2Fw%23rd@127.0.0.1:{sink.port}"
        (result,) = results(channel(url), "ada@example.com")

    assert isinstance(result, Receipt)


# Letters outside ASCII


def test_an_address_outside_ascii_goes_where_the_relay_can_carry_it():
    with SmtpSink(has_utf8=True) as sink:
        ada, bo = results(channel(sink.url), "ådå@example.com", "bo@example.com")

    assert isinstance(ada, Receipt)
    assert isinstance(bo, Receipt)
    assert sink.recipients == ["ådå@example.com", "bo@example.com"]


def test_an_address_outside_ascii_fails_alone_where_the_relay_cannot():
    with SmtpSink() as sink:
        ada, bo = results(channel(sink.url), "ådå@example.com", "bo@example.com")

    assert isinstance(ada, PermanentDeliveryError)
    assert str(ada) == "The relay cannot carry addresses with letters outside ASCII."
    assert isinstance(bo, Receipt)


# Addresses people type


@pytest.mark.parametrize(
    ("typed", "cleaned"),
    [
        (" ada@example.com\n", "ada@example.com"),
        ("Ada.L@EXAMPLE.com", "Ada.L@example.com"),
        ("ada+status@sub.example.co.uk", "ada+status@sub.example.co.uk"),
        ("o'brien@candor.test", "o'brien@candor.test"),
        ("ada@münchen.example", "ada@xn--mnchen-3ya.example"),
        ("ada@xn--mnchen-3ya.example", "ada@xn--mnchen-3ya.example"),
        ("ådå@example.com", "ådå@example.com"),
        ("postmaster@example.com", "postmaster@example.com"),
        ("POSTMASTER@example.com", "POSTMASTER@example.com"),
    ],
)
def test_an_address_keeps_its_words_and_loses_its_capitals_after_the_at(typed, cleaned):
    assert channel().clean(typed) == cleaned


@pytest.mark.parametrize(
    "typed",
    [
        "ada",
        "ada@",
        "@example.com",
        "ada@localhost",
        "ada@internal",
        "ada@test",
        "ada@10.0.0.1",
        "ada@[127.0.0.1]",
        "ada@[IPv6:::1]",
        "ada@printer.local",
        "a@b.test,c@d.test",
        "a@b.test;c@d.test",
        "a@b.test c@d.test",
        "Ada <ada@example.com>",
        "<ada@example.com>",
        '"ada l"@example.com',
        "a@b.test\r\nBcc:v@x.test",
        "a@b.test\nRCPT TO:<v@x>",
        "ada@example.com.",
        "ada@\uff45xample.com",
        "a..b@example.com",
        "(comment)ada@example.com",
        "x" * 65 + "@example.com",
        "a@" + "x." * 130 + "com",
        "status@example.com",
        "Postmaster@status.example.com",
    ],
)
def test_an_address_that_cannot_work_is_refused_in_a_sentence(typed):
    with pytest.raises(ValueError, match=r"^[A-Z].*\.$"):
        channel().clean(typed)


# Settings


@pytest.mark.parametrize(
    ("url", "host", "port", "security"),
    [
        ("smtp://relay.example", "relay.example", 25, "opportunistic"),
        ("smtp://u:p@relay.example", "relay.example", 587, "require"),
        ("smtp://u:p@localhost:25", "localhost", 25, "opportunistic"),
        ("smtp://u:p@[::1]:25", "::1", 25, "opportunistic"),
        ("smtps://u:p@relay.example", "relay.example", 465, "implicit"),
        ("smtp://relay.example:2525/?starttls=never", "relay.example", 2525, "never"),
        ("smtp://u:p@relay.example?starttls=opportunistic", "relay.example", 587, "opportunistic"),
    ],
)
def test_a_relay_url_is_understood(url, host, port, security):
    (relay,) = channel(url).relays

    assert (relay.host, relay.port, relay.security) == (host, port, security)


@pytest.mark.parametrize(
    "url",
    [
        "relay.example:25",
        "http://relay.example",
        "smtp://",
        "smtp://relay.example:99999",
        "smtp://relay.example:port",
        "smtp://u:s3cret/x@relay.example",
        "smtp://u:s3cret#x@relay.example",
        "smtp://u@relay.example",
        "smtp://:s3cret@relay.example",
        "smtp://u:s3cr%C3%A9t@relay.example",
        "smtp://relay.example?starttls=maybe",
        "smtp://relay.example?starttls=",
        "smtp://relay.example?tls=1",
        "smtps://relay.example?starttls=require",
        "smtp://u:s3cret@relay.example?starttls=never",
        "smtp://[::1",
    ],
)
def test_a_wrong_relay_url_names_its_variable_and_no_secret(url):
    with pytest.raises(ValueError, match="CANDOR_SMTP_URL") as caught:
        channel(url)

    assert "s3cr" not in str(caught.value)


@pytest.mark.parametrize(
    "sender", ["nobody", "a@b, c@d", "ä@example.com", "x <a@b> y", "a@example.com\r\nBcc: b@x.test"]
)
def test_a_wrong_sender_names_its_variable(sender):
    with pytest.raises(ValueError, match="CANDOR_MAIL_FROM"):
        email_channel.build({"CANDOR_MAIL_FROM": sender})


@pytest.mark.parametrize(
    ("base", "sender"),
    [
        ("https://status.example.com/", "status@status.example.com"),
        ("https://störung.example", "status@xn--strung-xxa.example"),
        ("http://127.0.0.1:8000", "status@localhost"),
        ("http://[::1]:8000", "status@localhost"),
        ("", "status@localhost"),
    ],
)
def test_without_a_sender_the_page_writes_in_its_own_name(base, sender):
    assert email_channel.build({"CANDOR_BASE_URL": base}).sender == sender


def test_a_password_is_never_shown():
    assert "s3cret" not in repr(channel("smtp://u:s3cret@relay.example"))


def test_without_a_relay_nothing_leaves_and_everything_is_kept():
    (result,) = results(channel(), "ada@example.com")

    assert result.is_captured
    assert not channel().is_live


def test_words_that_cannot_be_rendered_fail_alone():
    broken = replace(UPDATE, text=None)
    with SmtpSink() as sink:
        email = channel(sink.url)
        envelopes = [Envelope(1, "ada@example.com", broken), Envelope(2, "bo@example.com", UPDATE)]
        first, second = email.deliver(envelopes)

    assert isinstance(first.result, PermanentDeliveryError)
    assert first.result.code == "unrenderable"
    assert isinstance(second.result, Receipt)
