"""Passkeys, six digits, recovery codes and remembered devices: what proves somebody, and what does not."""

import base64
import json
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from statuspage import staff
from statuspage.audit import Actor
from statuspage.db import db
from statuspage.errors import Conflict, Invalid, NotFound, TooMany
from statuspage.factors import codes, devices, passkeys, standing
from statuspage.factors.passkeys import Site
from statuspage.factors.proof import NotProven
from statuspage.models import Authenticator, Passkey
from tests.conftest import BY, NOON
from tests.doubles.authenticator import Phone
from tests.statuspage.fakes import acts

HERE = Site("localhost", "http://localhost")
MINUTE = timedelta(minutes=1)


@pytest.fixture
def ada(colleague):
    return colleague()


@pytest.fixture
def phone(ada):
    """Ada's phone, with a passkey."""
    made = Phone()
    passkeys.enrol(ada, HERE, made.make(passkeys.invitation(ada, HERE, "Status", NOON)), "Phone", BY, NOON)
    db.session.commit()
    return made


@pytest.fixture
def app_uri(ada):
    """The secret in Ada's authenticator app."""
    uri = codes.new_uri(ada, "Status")
    codes.enrol(ada, uri, digits(uri, NOON - timedelta(hours=1)), "App", BY, NOON - timedelta(hours=1))
    db.session.commit()
    return uri


def digits(uri, at):
    key = codes.secret_of(uri)
    totp = TOTP(base64.b32decode(key + "=" * (-len(key) % 8)), 6, SHA1(), 30)
    return totp.generate(int(at.timestamp())).decode()


def ask(user, about="link:x", at=NOON):
    return passkeys.question(HERE, about, at, user)


def test_a_passkey_proves_its_owner(ada, phone):
    way = standing.prove(ada, HERE, "link:x", {"passkey": phone.answer(ask(ada))}, NOON)

    assert way == "passkey"
    assert passkeys.of(ada)[0].used_at == NOON
    assert "staff.prove" in acts()


def test_an_answer_is_good_once(ada, phone):
    given = phone.answer(ask(ada))
    passkeys.answer(HERE, "link:x", given, NOON, ada)

    with pytest.raises(NotProven):
        passkeys.answer(HERE, "link:x", given, NOON, ada)


def test_an_answer_from_a_copied_key_is_refused(ada, phone):
    passkeys.answer(HERE, "link:x", phone.answer(ask(ada)), NOON, ada)
    db.session.commit()
    phone.count = 0

    with pytest.raises(NotProven):
        passkeys.answer(HERE, "link:x", phone.answer(ask(ada)), NOON, ada)


def test_an_answer_is_about_what_was_asked(ada, phone):
    with pytest.raises(NotProven):
        passkeys.answer(HERE, "sign-in", phone.answer(ask(ada, "link:x")), NOON, ada)


def test_an_answer_comes_within_ten_minutes(ada, phone):
    given = phone.answer(ask(ada))

    with pytest.raises(NotProven, match="took a while"):
        passkeys.answer(HERE, "link:x", given, NOON + 11 * MINUTE, ada)


@pytest.mark.parametrize(
    "wrong", [{"origin": "https://evil.example"}, {"host": "evil.example"}, {"verifies": False}, {"identity": b"other"}]
)
def test_an_answer_from_elsewhere_is_refused(ada, phone, wrong):
    for name, value in wrong.items():
        setattr(phone, name, value)

    with pytest.raises(NotProven):
        passkeys.answer(HERE, "link:x", phone.answer(ask(ada)), NOON, ada)


def test_a_forged_question_is_not_ours(ada, phone):
    question = json.loads(ask(ada))
    question["challenge"] = "A" * 43

    with pytest.raises(NotProven):
        passkeys.answer(HERE, "link:x", phone.answer(json.dumps(question)), NOON, ada)


def test_somebody_elses_passkey_proves_nothing(ada, phone, colleague):
    bob = colleague(email="bob@candor.example")

    with pytest.raises(NotProven):
        passkeys.answer(HERE, "link:x", phone.answer(ask(ada)), NOON, bob)


NO_ANSWER = '{"id": "a", "rawId": "a", "type": "public-key", "response": {}}'


@pytest.mark.parametrize("junk", ["", "{}", "[]", "null", "x" * 60_000, '{"id": "é"}', NO_ANSWER])
def test_junk_proves_nothing(ada, phone, junk):
    with pytest.raises(NotProven):
        passkeys.answer(HERE, "sign-in", junk, NOON)
    with pytest.raises(NotProven):
        passkeys.enrol(ada, HERE, junk, "Phone", BY, NOON)


def test_the_same_passkey_is_added_once(ada, phone):
    with pytest.raises(Conflict, match="known already"):
        passkeys.enrol(ada, HERE, phone.make(passkeys.invitation(ada, HERE, "Status", NOON)), "Again", BY, NOON)


@pytest.mark.parametrize(
    ("site", "takes"),
    [
        (Site("localhost", "http://localhost:8000"), True),
        (Site("status.example.com", "https://status.example.com"), True),
        (Site("status.example.com", "http://status.example.com"), False),
        (Site("127.0.0.1", "http://127.0.0.1:8000"), False),
        (Site("::1", "http://[::1]:8000"), False),
    ],
)
def test_browsers_make_passkeys_only_at_names_and_safely(site, takes):
    assert site.takes_passkeys is takes


def test_six_digits_prove_their_owner_once(ada, app_uri):
    code = digits(app_uri, NOON)
    assert codes.use(ada, code, NOON) == "authenticator"
    db.session.commit()

    with pytest.raises(NotProven):
        codes.use(ada, code, NOON)


@pytest.mark.parametrize(("off", "is_good"), [(-30, True), (30, True), (-90, False), (90, False)])
def test_a_clock_may_be_half_a_minute_off(ada, app_uri, off, is_good):
    code = digits(app_uri, NOON + timedelta(seconds=off))
    if is_good:
        assert codes.use(ada, f" {code[:3]} {code[3:]} ", NOON)
    else:
        with pytest.raises(NotProven):
            codes.use(ada, code, NOON)


def test_an_app_shows_that_it_works_before_it_counts(ada):
    with pytest.raises(Invalid, match="digits"):
        codes.enrol(ada, codes.new_uri(ada, "Status"), "000000", "App", BY, NOON)


def test_the_secret_is_sealed_in_the_database(ada, app_uri):
    kept = db.session.execute(db.text("SELECT uri FROM authenticator")).scalar_one()

    assert kept.startswith("sealed:")
    assert codes.secret_of(app_uri) not in kept


def test_guessing_codes_is_limited(ada, app_uri):
    for _ in range(codes.TRIES):
        with pytest.raises(NotProven):
            codes.use(ada, "123", NOON)

    with pytest.raises(TooMany):
        codes.use(ada, digits(app_uri, NOON), NOON)


def test_a_recovery_code_works_once_however_it_is_typed(ada, app_uri):
    fresh = codes.new_recovery_codes(ada, BY, NOON)
    db.session.commit()
    assert codes.use(ada, f" {fresh[0].upper().replace('-', ' ')} ", NOON) == "recovery code"
    db.session.commit()

    assert codes.recovery_left(ada) == 9
    with pytest.raises(NotProven):
        codes.use(ada, fresh[0], NOON)


def test_new_recovery_codes_end_the_earlier_ones(ada, app_uri):
    old = codes.new_recovery_codes(ada, BY, NOON)
    codes.new_recovery_codes(ada, BY, NOON)
    db.session.commit()

    with pytest.raises(NotProven):
        codes.use(ada, old[0], NOON)


def test_nothing_given_proves_nothing(ada, app_uri):
    with pytest.raises(NotProven, match="Use your passkey"):
        standing.prove(ada, HERE, "link:x", {"passkey": "", "code": " "}, NOON)


def test_a_device_is_remembered_for_a_month_for_its_owner_alone(ada, colleague):
    token = devices.remember(ada, "Chrome on Android", BY, NOON)
    bob = colleague(email="bob@candor.example")

    assert devices.recognised(ada, token, NOON + timedelta(days=29)).name == "Chrome on Android"
    assert devices.recognised(ada, token, NOON + timedelta(days=30)) is None
    assert devices.recognised(bob, token, NOON) is None
    assert devices.recognised(ada, token[:-1] + "x", NOON) is None


def test_a_forgotten_device_is_a_stranger(ada):
    token = devices.remember(ada, "Firefox", BY, NOON)
    standing.remove(ada, "device", devices.of(ada, NOON)[0].public_id, BY, NOON)

    assert devices.recognised(ada, token, NOON) is None


@pytest.mark.parametrize("end", [staff.sign_out_everywhere, standing.reset])
def test_signing_out_everywhere_and_a_reset_forget_every_device(ada, end):
    token = devices.remember(ada, "Firefox", BY, NOON)
    end(ada, BY, NOON)

    assert devices.recognised(ada, token, NOON) is None


def test_a_reset_leaves_nothing(ada, phone, app_uri):
    codes.new_recovery_codes(ada, BY, NOON)
    standing.reset(ada, Actor(None, "command line"), NOON)

    assert not standing.has_second_factor(ada)
    assert standing.of(ada, HERE) == standing.Standing(False, False, False)


def test_codes_and_devices_end_with_the_last_factor(ada, app_uri):
    codes.new_recovery_codes(ada, BY, NOON)
    token = devices.remember(ada, "Firefox", BY, NOON)
    standing.remove(ada, "authenticator", codes.of(ada)[0].public_id, BY, NOON)

    assert codes.recovery_left(ada) == 0
    assert devices.recognised(ada, token, NOON) is None


def test_what_is_somebody_elses_is_not_found(ada, phone, colleague):
    bob = colleague(email="bob@candor.example")
    for kind, public_id in (("passkey", passkeys.of(ada)[0].public_id), ("nonsense", "x"), ("device", "x")):
        with pytest.raises(NotFound):
            standing.remove(bob, kind, public_id, BY, NOON)

    assert db.session.query(Passkey).count() == 1
    assert db.session.query(Authenticator).count() == 0
