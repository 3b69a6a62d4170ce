"""SMS through the real Twilio client against a double on loopback."""

import logging
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from werkzeug.datastructures import MultiDict

from notifiers import (
    DeliveryError,
    Envelope,
    Message,
    PermanentDeliveryError,
    Receipt,
    UncertainDeliveryError,
    sms as sms_channel,
)
from tests.doubles import DROP, SILENCE, Answer, TwilioDouble, callback_listener, free_port

ADA = "+4915112345678"
BO = "+447400123456"
TOKEN = "example-token"
SETTINGS = sms_channel.EXAMPLE
UPDATE = Message(reference="an-1/su-1 sms", subject="unused", text="Login: identified. Next update 14:30 CET.")


@pytest.fixture
def twilio():
    with TwilioDouble(auth_token=TOKEN) as double:
        yield double


@pytest.fixture
def sms(twilio):
    with closing(channel(twilio.url)) as built:
        yield built


def channel(url, **account) -> sms_channel.Sms:
    built = sms_channel.build(SETTINGS | {"CANDOR_TWILIO_API_URL": url})
    assert built.account
    return replace(built, account=replace(built.account, **account))


def results(sms, *numbers, message=UPDATE) -> list[Receipt | DeliveryError]:
    """How each fared, in the order of the numbers, whichever was answered first."""
    envelopes = [Envelope(place, number, message) for place, number in enumerate(numbers)]
    found = {outcome.key: outcome.result for outcome in sms.deliver(envelopes)}
    return [found[place] for place in range(len(numbers))]


def one_at_a_time(url, **account) -> sms_channel.Sms:
    return channel(url, at_once=1, **account)


# Sending


def test_an_sms_is_handed_to_twilio(sms, twilio):
    (receipt,) = results(sms, ADA)

    (form,) = twilio.sent
    assert receipt == Receipt(form["Sid"], "queued")
    assert (form["To"], form["From"], form["Body"]) == (ADA, "+15005550006", UPDATE.text)
    assert twilio.requests[0][0] == f"/2010-04-01/Accounts/{SETTINGS['CANDOR_TWILIO_ACCOUNT_SID']}/Messages.json"


def test_twilio_is_told_where_to_report_and_on_which_message(sms, twilio):
    results(sms, ADA)

    expected = "https://status.example.com/inbound/twilio/status?reference=an-1%2Fsu-1%20sms"
    assert twilio.sent[0]["StatusCallback"] == expected


def test_a_messaging_service_takes_the_place_of_a_number(twilio):
    with closing(channel(twilio.url, sender="MG00000000000000000000000000000000")) as sms:
        results(sms, ADA)

    assert twilio.sent[0]["MessagingServiceSid"].startswith("MG")
    assert "From" not in twilio.sent[0]


def test_connections_are_kept_from_batch_to_batch(sms, twilio):
    for _ in range(5):
        results(sms, ADA, BO)

    assert len(twilio.sent) == 10
    assert twilio.connections <= 2


def test_no_number_reaches_the_logs(sms, caplog):
    caplog.set_level(logging.INFO, "twilio")
    results(sms, ADA)

    assert ADA not in caplog.text
    assert "twilio" not in {record.name.partition(".")[0] for record in caplog.records}


# Being refused


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (
            Answer(400, 21610, "Attempt to send to unsubscribed recipient"),
            PermanentDeliveryError,
            "opted_out",
        ),
        (Answer(400, 21211, "The 'To' number is not valid"), PermanentDeliveryError, "invalid_address"),
        (Answer(400, 21614, "Not a mobile number"), PermanentDeliveryError, "invalid_address"),
        (Answer(400, 21408, "Region not enabled"), PermanentDeliveryError, "country_not_allowed"),
        (Answer(400, 21617, "Body exceeds the limit"), PermanentDeliveryError, "message_refused"),
        (Answer(400, 21606, "From is not a valid number"), DeliveryError, "refused"),
        (Answer(404, 20404, "Not found"), DeliveryError, "refused"),
        (Answer(302, 0, "elsewhere", {"Location": "/x"}), DeliveryError, "refused"),
        (Answer(403, 20003, "Permission denied"), DeliveryError, "credentials"),
        (Answer(500, 20500, "Internal server error"), UncertainDeliveryError, "uncertain"),
        (Answer(503, 0, "<html>down</html>"), UncertainDeliveryError, "uncertain"),
        (Answer(201, 0, "<html>not json</html>"), UncertainDeliveryError, "uncertain"),
        (Answer(201, 0, "[]"), UncertainDeliveryError, "uncertain"),
        (Answer(400, 0, "[1]"), DeliveryError, "refused"),
    ],
)
def test_each_answer_has_its_meaning(sms, twilio, answer, kind, code):
    twilio.answers[ADA] = [answer]

    (result,) = results(sms, ADA)

    assert type(result) is kind
    assert result.code == code


def test_a_number_refused_costs_nobody_else(sms, twilio):
    twilio.answers[ADA] = [Answer(400, 21610, "unsubscribed")]

    refused, sent = results(sms, ADA, BO)

    assert isinstance(refused, PermanentDeliveryError)
    assert isinstance(sent, Receipt)


def test_slow_down_holds_for_the_batch_and_says_until_when(twilio):
    twilio.answers[ADA] = [Answer(429, 20429, "Too many requests", {"Retry-After": "7"})]

    with closing(one_at_a_time(twilio.url)) as sms:
        first, second = results(sms, ADA, BO)

    assert type(first) is type(second) is DeliveryError
    assert first.retry_after == second.retry_after == timedelta(seconds=7)
    assert twilio.sent == []


@pytest.mark.parametrize("header", ["soon", "-1", "Wed, 21 Oct 2026 07:28:00 GMT", "9" * 400, "٣"])
def test_an_odd_retry_after_is_no_trouble(sms, twilio, header):
    twilio.answers[ADA] = [Answer(429, 20429, "Too many", {"Retry-After": header} if header.isascii() else {})]

    (result,) = results(sms, ADA)

    assert result.retry_after in (None, timedelta(hours=1))


def test_a_wrong_token_is_a_fault_of_ours_and_asked_once(twilio):
    with closing(one_at_a_time(twilio.url, token="wrong")) as sms:
        first, second = results(sms, ADA, BO)

    assert type(first) is type(second) is DeliveryError
    assert first.code == "credentials"
    assert "auth token" in str(first)
    assert len(twilio.requests) == 1


def test_the_number_is_not_repeated_in_the_reason(sms, twilio):
    twilio.answers[ADA] = [Answer(400, 21211, f"The 'To' number {ADA} is not valid")]

    (result,) = results(sms, ADA)

    assert str(result) == "Twilio cannot send to this number: 21211 The 'To' number number is not valid"


# Breaking off


def test_a_break_after_the_request_is_uncertain(sms, twilio):
    twilio.answers[ADA] = [Answer(words=DROP)]

    broken, sent = results(sms, ADA, BO)

    assert isinstance(broken, UncertainDeliveryError)
    assert isinstance(sent, Receipt)


def test_no_answer_in_time_is_uncertain(twilio):
    twilio.answers[ADA] = [Answer(words=SILENCE)]
    with closing(channel(twilio.url, timeout=0.2)) as sms:
        (result,) = results(sms, ADA)

    assert isinstance(result, UncertainDeliveryError)


def test_a_refused_connection_is_certain_and_ends_the_batch():
    with closing(one_at_a_time(f"http://127.0.0.1:{free_port()}")) as sms:
        first, second = results(sms, ADA, BO)

    assert type(first) is type(second) is DeliveryError
    assert str(first) == "Twilio cannot be reached."


# Asking what Twilio has


def found(sms, message=UPDATE, number=ADA, since=None):
    return sms.find(message, number, since or datetime.now(UTC))


def test_what_was_taken_without_an_answer_is_found_again(sms, twilio):
    twilio.answers[ADA] = [Answer(words=DROP, is_taken=True)]
    (lost,) = results(sms, ADA)

    assert isinstance(lost, UncertainDeliveryError)
    assert found(sms) == Receipt(twilio.sent[0]["Sid"], "queued")


def test_what_was_never_taken_is_certainly_not_there(sms, twilio):
    twilio.answers[ADA] = [Answer(words=DROP)]
    results(sms, ADA)

    assert found(sms) is None


def test_spaces_make_no_other_message(sms):
    results(sms, ADA, message=replace(UPDATE, text="Login:  identified.\r\nNext update 14:30 CET. "))

    assert found(sms)


def test_other_words_another_number_or_an_earlier_day_are_another_message(sms):
    results(sms, ADA)

    assert found(sms, replace(UPDATE, text=f"{UPDATE.text} Really.")) is None
    assert found(sms, number=BO) is None
    assert found(sms, since=datetime.now(UTC) + timedelta(hours=1)) is None


@pytest.mark.parametrize("status", ["failed", "undelivered", "canceled"])
def test_what_failed_at_twilio_is_not_on_its_way(sms, twilio, status):
    results(sms, ADA)
    twilio.statuses[twilio.sent[0]["Sid"]] = status

    assert found(sms) is None


def test_how_it_stands_at_twilio_comes_with_the_receipt(sms, twilio):
    results(sms, ADA)
    twilio.statuses[twilio.sent[0]["Sid"]] = "delivered"

    assert sms.callback_state(found(sms).detail) == "delivered"


def test_words_of_a_trial_account_are_recognised(sms, twilio):
    results(sms, ADA)
    twilio.sent[0]["Body"] = f"Sent from your Twilio trial account - {UPDATE.text}"

    assert found(sms)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(500, 0, "<html>down</html>"),
        Answer(429, 20429, "Too many", {"Retry-After": "7"}),
        Answer(401, 20003, "Authenticate"),
        Answer(200, 0, "<html>not json</html>"),
        Answer(200, 0, "[]"),
        Answer(200, 0, '{"messages": [{"sid": "SM1", "direction": "outbound-api"}]}'),
    ],
)
def test_no_clear_answer_is_no_answer(sms, twilio, answer):
    twilio.list_answers = [answer]

    with pytest.raises(DeliveryError, match=r"^Twilio cannot say whether it has sent the SMS: .*\.$") as caught:
        found(sms)

    assert caught.value.code == "not_asked"


def test_words_that_twilio_no_longer_shows_are_no_proof(sms, twilio):
    results(sms, ADA)
    twilio.sent[0]["Body"] = ""

    with pytest.raises(DeliveryError, match="shows no words"):
        found(sms)


def test_twilio_out_of_reach_is_no_answer():
    with closing(channel(f"http://127.0.0.1:{free_port()}")) as sms, pytest.raises(DeliveryError, match="reached"):
        found(sms)


# Words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ("GSM-7", 0, 0)),
        ("a" * 160, ("GSM-7", 160, 1)),
        ("a" * 161, ("GSM-7", 161, 2)),
        ("a" * 306, ("GSM-7", 306, 2)),
        ("a" * 307, ("GSM-7", 307, 3)),
        ("€" * 80, ("GSM-7", 160, 1)),
        ("€" * 81, ("GSM-7", 162, 2)),
        ("a" * 152 + "€" + "a" * 7, ("GSM-7", 161, 2)),
        ("a" * 152 + "€" + "a" * 152, ("GSM-7", 306, 3)),
        ("ÄÖÜäöüß@£$ñ\n", ("GSM-7", 12, 1)),
        ("ç", ("UCS-2", 1, 1)),
        ("“" * 70, ("UCS-2", 70, 1)),
        ("“" * 71, ("UCS-2", 71, 2)),
        ("“" * 134, ("UCS-2", 134, 2)),
        ("“" * 135, ("UCS-2", 135, 3)),
        ("🔥" * 35, ("UCS-2", 70, 1)),
        ("🔥" * 36, ("UCS-2", 72, 2)),
        ("a" * 66 + "🔥" + "a" * 66, ("UCS-2", 134, 3)),
        ("`", ("UCS-2", 1, 1)),
    ],
)
def test_segments_are_counted_as_networks_do(text, expected):
    counted = sms_channel.segments(text)

    assert (counted.encoding, counted.units, counted.segments) == expected


def test_the_preview_shows_what_it_costs_and_what_is_sent(sms, twilio):
    message = replace(UPDATE, text="Login \u2013 identified\u2028Next update 14:30\x00 ")
    preview = sms.preview(message, ADA)
    results(sms, ADA, message=message)

    assert preview.text == twilio.sent[0]["Body"] == "Login \u2013 identified\nNext update 14:30"
    assert (preview.encoding, preview.segments) == ("UCS-2", 1)


@pytest.mark.parametrize("text", ["", "  ", "x" * 1601])
def test_what_no_sms_can_be_never_reaches_twilio(sms, twilio, text):
    (result,) = results(sms, ADA, message=replace(UPDATE, text=text))

    assert isinstance(result, PermanentDeliveryError)
    assert twilio.requests == []


# Numbers people type


@pytest.mark.parametrize(
    ("typed", "cleaned"),
    [
        (" +49 151 12345678 ", ADA),
        ("+49 (0)151 123-456-78", ADA),
        ("+49/151.12345678", ADA),
        ("+1 (555) 010-0123", "+15550100123"),
        ("+44 7700 900123", "+447700900123"),
    ],
)
def test_a_number_is_kept_in_one_spelling(typed, cleaned):
    assert sms_channel.Sms().clean(typed) == cleaned


@pytest.mark.parametrize(
    "typed",
    [
        "0049 151 12345678",
        "0151 12345678",
        "112",
        "+112",
        "+49112",
        "+1911",
        "+4911",
        "+1555;ext=5",
        "+4915112345678 x5",
        "+49151123456789012345",
        "+999 123456789",
        "+1-800-FLOWERS",
        "+٤٩١٥١١٢٣٤٥٦٧٨",
        "+4915112345678,+447400123456",
        "++4915112345678",
        "+",
        "+1 900 555 1234",
        "+49 151 12345678\n+44 7400 123456",
    ],
)
def test_a_number_that_cannot_work_is_refused_in_a_sentence(typed):
    with pytest.raises(ValueError, match=r"^[A-Z].*\.$"):
        sms_channel.Sms().clean(typed)


@pytest.mark.parametrize(
    ("number", "region"),
    [
        (ADA, "DE"),
        (BO, "GB"),
        ("+18765550123", "JM"),
        ("+447700900123", "GB"),
        ("+80012345678", "001"),
        ("", ""),
        ("x", ""),
    ],
)
def test_a_number_belongs_to_a_country(number, region):
    assert sms_channel.Sms().country(number) == region


# Callbacks


def test_twilio_reports_back_and_its_signature_holds():
    with (
        callback_listener() as (url, heard),
        TwilioDouble(auth_token=TOKEN, reports=("sent", "delivered")) as twilio,
    ):
        settings = SETTINGS | {"CANDOR_TWILIO_API_URL": twilio.url, "CANDOR_BASE_URL": url}
        with closing(sms_channel.build(settings)) as sms:
            results(sms, ADA)
    path, form, signature = heard[-1]

    assert path == "/inbound/twilio/status?reference=an-1%2Fsu-1%20sms"
    assert sms.callback_state(form["MessageStatus"]) == "delivered"
    assert sms.verify_signature(url + path, form, signature)


def test_a_form_with_many_values_is_read_as_flask_gives_it():
    url, form = "https://status.example.com/inbound/twilio/sms", MultiDict({"Body": "STOP", "From": ADA})

    assert channel("https://api.example").verify_signature(url, form, TwilioDouble(auth_token=TOKEN).sign(url, form))


def test_a_changed_form_url_or_token_is_not_signed():
    sms = channel("https://api.example")
    url, form = "https://status.example.com/inbound/twilio/sms", {"Body": "STOP", "From": ADA}
    signature = TwilioDouble(auth_token=TOKEN).sign(url, form)

    assert sms.verify_signature(url, form, signature)
    assert not sms.verify_signature(url, form | {"From": BO}, signature)
    assert not sms.verify_signature(url.replace("https", "http"), form, signature)
    assert not sms.verify_signature(url, form, TwilioDouble(auth_token="other").sign(url, form))


@pytest.mark.parametrize(
    ("url", "params", "signature"),
    [
        ("https://x.test", {}, ""),
        ("https://x.test", {}, "é" * 28),
        ("https://x.test", {}, "A" * 1_000_000),
        ("https://x.test", {}, None),
        ("https://x.test", {"a": "\ud800"}, "A" * 27 + "="),
        ("https://x.test", {"a": None}, "A" * 27 + "="),
        ("https://x.test", None, "A" * 27 + "="),
        ("https://x.test:99999999/", {}, "A" * 27 + "="),
        ("https://[x", {}, "A" * 27 + "="),
        ("", {}, "A" * 27 + "="),
        (None, {}, "A" * 27 + "="),
    ],
)
def test_odd_callbacks_are_unsigned_and_nothing_worse(url, params, signature):
    assert channel("https://api.example").verify_signature(url, params, signature) is False


def test_without_an_account_no_callback_is_trusted():
    signature = TwilioDouble(auth_token="").sign("https://x.test", {})

    assert not sms_channel.Sms().verify_signature("https://x.test", {}, signature)


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("queued", "sent"),
        ("sent", "sent"),
        ("delivered", "delivered"),
        ("undelivered", "failed"),
        ("failed", "failed"),
        ("received", None),
        ("", None),
        ("nonsense", None),
    ],
)
def test_a_callback_is_put_in_our_words(status, state):
    assert sms_channel.Sms().callback_state(status) == state


@pytest.mark.parametrize(
    ("error_code", "kind", "code"),
    [
        ("21610", PermanentDeliveryError, "opted_out"),
        ("30004", PermanentDeliveryError, "opted_out"),
        ("30005", PermanentDeliveryError, "invalid_address"),
        ("30006", PermanentDeliveryError, "invalid_address"),
        ("30007", PermanentDeliveryError, "filtered"),
        ("30008", PermanentDeliveryError, "undelivered"),
        ("30003", DeliveryError, "out_of_reach"),
    ],
)
def test_an_error_code_of_a_callback_has_its_meaning(error_code, kind, code):
    error = sms_channel.Sms().callback_error(error_code)

    assert type(error) is kind
    assert (error.code, error_code in str(error)) == (code, True)


def test_a_phone_out_of_reach_is_worth_a_try_in_five_minutes():
    assert sms_channel.Sms().callback_error("30003").retry_after == timedelta(minutes=5)


@pytest.mark.parametrize("code", ["", "0", "none", "-1", "\u0663"])
def test_no_error_code_is_no_error(code):
    assert sms_channel.Sms().callback_error(code) is None


# Settings


def test_the_pace_belongs_to_the_sender():
    built = sms_channel.build(SETTINGS | {"CANDOR_SMS_PER_SECOND": "40"})

    assert built.pace == ("sms:+15005550006", 40)


@pytest.mark.parametrize(
    "settings", [SETTINGS, SETTINGS | {"CANDOR_SMS_PER_SECOND": "0"}, {"CANDOR_SMS_PER_SECOND": "9"}]
)
def test_without_a_limit_or_an_account_nothing_is_paced(settings):
    assert sms_channel.build(settings).pace is None


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"CANDOR_TWILIO_AUTH_TOKEN": ""}, "CANDOR_TWILIO_AUTH_TOKEN"),
        (
            {"CANDOR_TWILIO_ACCOUNT_SID": "", "CANDOR_TWILIO_FROM": " "},
            "CANDOR_TWILIO_ACCOUNT_SID, CANDOR_TWILIO_FROM",
        ),
        ({"CANDOR_TWILIO_FROM": "0151 1234"}, "CANDOR_TWILIO_FROM"),
        ({"CANDOR_TWILIO_ACCOUNT_SID": "AC 12/3"}, "CANDOR_TWILIO_ACCOUNT_SID"),
        ({"CANDOR_TWILIO_API_URL": "ftp://x"}, "CANDOR_TWILIO_API_URL"),
        ({"CANDOR_BASE_URL": "status.example.com"}, "CANDOR_BASE_URL"),
        ({"CANDOR_SMS_PER_SECOND": "ten"}, "CANDOR_SMS_PER_SECOND"),
        ({"CANDOR_SMS_PER_SECOND": "-1"}, "CANDOR_SMS_PER_SECOND"),
        ({"CANDOR_SMS_PER_SECOND": "1001"}, "CANDOR_SMS_PER_SECOND"),
    ],
)
def test_a_wrong_setting_names_itself(changed, named):
    with pytest.raises(ValueError, match=named) as caught:
        sms_channel.build(SETTINGS | changed)

    assert TOKEN not in str(caught.value)


def test_a_token_is_never_shown():
    assert TOKEN not in repr(sms_channel.build(SETTINGS))


@pytest.mark.parametrize(("base", "is_told"), [("http://127.0.0.1:8000", False), ("http://192.0.2.1", True)])
def test_twilio_itself_is_not_told_of_a_callback_on_this_machine(base, is_told):
    built = sms_channel.build(SETTINGS | {"CANDOR_BASE_URL": base})

    assert bool(built.account.callback_url) is is_told


def test_without_an_account_nothing_leaves_and_everything_is_kept():
    (result,) = results(sms_channel.Sms(), ADA)

    assert result.is_captured
    assert not sms_channel.Sms().is_live
