from datetime import timedelta

import pytest
from hypothesis import given, strategies as st

from statuspage.tokens import Purpose, Signer
from tests.conftest import NOON

SIGNER = Signer("k" * 32)
ADA = "abcdefghij12"
LATER = NOON + timedelta(hours=1)


def test_token_speaks_of_its_subject():
    token = SIGNER.sign(Purpose.MANAGE, ADA)

    assert SIGNER.subject(token) == ADA
    assert SIGNER.is_good(Purpose.MANAGE, token, NOON)


@pytest.mark.parametrize("other", [purpose for purpose in Purpose if purpose is not Purpose.MANAGE])
def test_token_for_one_purpose_is_noise_for_every_other(other):
    assert not SIGNER.is_good(other, SIGNER.sign(Purpose.MANAGE, ADA), NOON)


def test_token_works_until_its_end_and_not_at_it():
    token = SIGNER.sign(Purpose.CONFIRM, ADA, expires_at=LATER)

    assert SIGNER.is_good(Purpose.CONFIRM, token, LATER - timedelta(seconds=1))
    assert not SIGNER.is_good(Purpose.CONFIRM, token, LATER)


def test_new_salt_ends_old_tokens():
    token = SIGNER.sign(Purpose.CONFIRM, ADA, "salt")

    assert SIGNER.is_good(Purpose.CONFIRM, token, NOON, "salt")
    assert not SIGNER.is_good(Purpose.CONFIRM, token, NOON, "other")


def test_another_key_signs_other_tokens():
    assert not Signer("other" * 8).is_good(Purpose.MANAGE, SIGNER.sign(Purpose.MANAGE, ADA), NOON)


@pytest.mark.parametrize("position", [0, 5, 13, 15, 20, 46])
def test_one_changed_character_spoils_it(position):
    token = SIGNER.sign(Purpose.MANAGE, ADA, expires_at=LATER)
    changed = token[:position] + ("b" if token[position] != "b" else "c") + token[position + 1 :]

    assert not SIGNER.is_good(Purpose.MANAGE, changed, NOON)


def test_expiry_cannot_be_put_off():
    subject, _, mac = SIGNER.sign(Purpose.MANAGE, ADA, expires_at=NOON).split(".")

    assert not SIGNER.is_good(Purpose.MANAGE, f"{subject}.zzzzzzzzz.{mac}", NOON)
    assert not SIGNER.is_good(Purpose.MANAGE, f"{subject}.0.{mac}", NOON)


@pytest.mark.parametrize(
    "odd",
    [
        "",
        ".",
        "..",
        "é",
        "\x00",
        "null",
        "../../etc",
        "x" * 1_000_000,
        f"{ADA}.0.é" + "0" * 31,
        f"{ADA}.0.{'0' * 32}\n",
    ],
)
def test_odd_token_is_refused_without_fuss(odd):
    assert SIGNER.subject(odd) is None
    assert not SIGNER.is_good(Purpose.MANAGE, odd, NOON)


@given(st.text(st.characters()))
def test_no_text_is_ever_a_token(anything):
    assert not SIGNER.is_good(Purpose.MANAGE, anything, NOON)


def test_code_has_six_digits_and_changes_with_the_salt():
    codes = {SIGNER.digits(Purpose.CODE, ADA, str(salt)) for salt in range(200)}

    assert all(len(code) == 6 and code.isdigit() for code in codes)
    assert len(codes) > 190


def test_pseudonym_is_stable_and_tells_nothing_without_the_key():
    assert SIGNER.pseudonym("192.0.2.1") == SIGNER.pseudonym("192.0.2.1")
    assert SIGNER.pseudonym("192.0.2.1") != Signer("other" * 8).pseudonym("192.0.2.1")
    assert SIGNER.pseudonym("\ud800")
