"""Signatures, read by somebody else's program."""

import base64

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from notifiers import BadSettings, Message, email as email_channel

MESSAGE = Message(
    reference="an-1:su-1:email",
    subject="Störung: Login,  Zahlung",
    text="Wir prüfen  die Ursache. \n.\n\tNächste Nachricht um 14:30 CET.\n\n\n",
    html="<p>Wir prüfen die Ursache.</p>\n",
    thread="incident-1",
    from_name="Example, Inc.",
    reply_to="help@example.com",
    unsubscribe_url="https://status.example.com/unsubscribe/" + "t" * 180,
    list_id="page-1.status.example.com",
)
KEYS = {"rsa": rsa.generate_private_key(65537, 2048), "ed25519": ed25519.Ed25519PrivateKey.generate()}


def pem(key):
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def record(kind):
    public = KEYS[kind].public_key()
    if kind == "ed25519":
        raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    else:
        raw = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return f"v=DKIM1; k={kind}; p={base64.b64encode(raw).decode()}".encode()


def channel(key: str, **more: str) -> email_channel.Email:
    settings = {
        "CANDOR_MAIL_FROM": "status@example.com",
        "CANDOR_BASE_URL": "https://status.example.com",
        "CANDOR_DKIM_KEY": key,
        "CANDOR_DKIM_DOMAIN": "example.com",
        "CANDOR_DKIM_SELECTOR": "candor",
    }
    return email_channel.build(settings | more)


def wire(kind: str, message: Message = MESSAGE) -> bytes:
    return channel(pem(KEYS[kind])).preview(message, "ada@example.com").raw.encode()


def is_good(raw: bytes, kind: str) -> bool:
    asked = []

    def dns(name, timeout=5):
        asked.append(name)
        return record(kind)

    verdict = dkim.verify(raw, dnsfunc=dns)
    assert asked == [b"candor._domainkey.example.com."]
    return bool(verdict)


@pytest.mark.parametrize("kind", KEYS)
def test_a_signed_mail_is_believed(kind):
    raw = wire(kind)

    assert is_good(raw, kind)
    assert f"a={kind}-sha256; c=relaxed/relaxed".encode() in raw


@pytest.mark.parametrize("kind", KEYS)
@pytest.mark.parametrize(
    "words", ["", "\n", "\n\n\n", " ", "a  b\tc \n \n", "x" * 3000, "ä " * 500 + "\n\n", ".\n..\n"]
)
def test_whatever_is_said_the_signature_holds(kind, words):
    assert is_good(wire(kind, Message("r", words, words)), kind)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"status@example.com", b"status@example.net"),
        (b"unsubscribe/t", b"unsubscribe/u"),
        (b"List-Unsubscribe=One-Click", b"List-Unsubscribe=One-Klick"),
        (b"<p>Wir", b"<p>Ihr"),
    ],
)
def test_a_changed_mail_is_not_believed(old, new):
    raw = wire("rsa")

    assert old in raw
    assert not is_good(raw.replace(old, new), "rsa")


def test_a_second_sender_is_not_believed():
    assert not is_good(b"From: somebody@example.net\r\n" + wire("rsa"), "rsa")


def test_a_relay_may_fold_and_space_without_harm():
    raw = wire("rsa").replace(b"Subject: ", b"Subject:  \r\n  ").replace(b"Precedence: bulk", b"Precedence:   bulk")

    assert is_good(raw, "rsa")


def test_every_attempt_bears_the_same_signature():
    message = Message("r", "Down", "Down", said_at=email_channel.utcnow())

    assert wire("rsa", message) == wire("rsa", message)


def test_a_key_may_stand_in_a_file_or_in_one_line(tmp_path):
    text = pem(KEYS["ed25519"])
    path = tmp_path / "dkim.pem"
    path.write_text(text)

    for given in (str(path), text.replace("\n", "\\n")):
        raw = channel(given).preview(MESSAGE, "ada@example.com").raw.encode()
        assert is_good(raw, "ed25519")


def test_without_settings_nothing_is_signed():
    assert email_channel.build({}).signature is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CANDOR_DKIM_KEY", ""),
        ("CANDOR_DKIM_KEY", "/nowhere/s3cret.pem"),
        ("CANDOR_DKIM_KEY", "-----BEGIN PRIVATE KEY-----\ns3cret\n-----END PRIVATE KEY-----"),
        ("CANDOR_DKIM_KEY", pem(ec.generate_private_key(ec.SECP256R1()))),
        ("CANDOR_DKIM_DOMAIN", ""),
        ("CANDOR_DKIM_DOMAIN", "exa mple.com"),
        ("CANDOR_DKIM_SELECTOR", ""),
        ("CANDOR_DKIM_SELECTOR", "a;b"),
    ],
)
def test_a_wrong_setting_names_itself_and_no_secret(name, value):
    with pytest.raises(BadSettings, match=name) as caught:
        channel(pem(KEYS["rsa"]), **{name: value})

    assert "s3cret" not in str(caught.value)


def test_a_key_is_never_shown():
    assert "PRIVATE" not in repr(channel(pem(KEYS["rsa"])))
