"""Signed links: one key per purpose, checked for shape first and then byte by byte in constant time.

A token is `<subject>.<expiry>.<mac>`: the subject is a public id, the expiry is in epoch seconds in base 36
(0 for never), the mac is 128 bits of HMAC-SHA-256 (RFC 2104) under a key derived for the purpose.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache

from flask import current_app

_SHAPE = re.compile(r"([a-z0-9]{12})\.([0-9a-z]{1,9})\.([0-9a-f]{32})")
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


class Purpose(StrEnum):
    """What a token may be used for; a token for one purpose is noise for every other."""

    CONFIRM = "confirm"
    MANAGE = "manage"
    UNSUBSCRIBE = "unsubscribe"
    CODE = "code"
    CHALLENGE = "challenge"
    COMPOSE = "compose"
    FORM = "form"
    BOUNCE = "bounce"
    REPLY = "reply"
    DEVICE = "device"
    PASSKEY = "passkey"


@dataclass(frozen=True)
class Signer:
    """Signs and checks tokens under one secret."""

    secret: str

    def sign(self, purpose: Purpose, subject: str, salt: str = "", expires_at: datetime | None = None) -> str:
        """A token for `subject`; it stops working at `expires_at`, or when `salt` is no longer the same."""
        expiry = _base36(int(expires_at.timestamp())) if expires_at else "0"
        return f"{subject}.{expiry}.{self._mac(purpose, subject, expiry, salt)}"

    def sealer(self, purpose: Purpose) -> Callable[[str, str], str]:
        """As `sign`, for tokens that never expire, by subject and salt: a fan-out signs two for each person."""
        mac = _many(_key(self.secret, purpose))
        return lambda subject, salt: f"{subject}.0.{mac(f'{subject}|0|{salt}')[:32]}"

    def subject(self, token: str) -> str | None:
        """Whom the token speaks of, unchecked; None when it cannot be one of ours."""
        match = _SHAPE.fullmatch(token)
        return match.group(1) if match else None

    def is_good(self, purpose: Purpose, token: str, now: datetime, salt: str = "") -> bool:
        """Whether we signed this token for this purpose and salt, and it has not expired."""
        match = _SHAPE.fullmatch(token)
        if not match:
            return False
        subject, expiry, mac = match.groups()
        if not hmac.compare_digest(mac.encode(), self._mac(purpose, subject, expiry, salt).encode()):
            return False
        return expiry == "0" or now < datetime.fromtimestamp(int(expiry, 36), UTC)

    def digits(self, purpose: Purpose, subject: str, salt: str, count: int = 6) -> str:
        """A short numeric code for `subject`, another one for every salt."""
        mac = hmac.digest(_key(self.secret, purpose), f"digits|{subject}|{salt}".encode(), "sha256")
        return str(int.from_bytes(mac[:8]) % 10**count).zfill(count)

    def secret_of(self, subject: str, version: int) -> str:
        """What webhooks to `subject` are signed with: 256 bits that are kept nowhere, as `whsec_` and base64."""
        mac = hmac.digest(_key(self.secret, "webhook"), f"{subject}|{version}".encode(), "sha256")
        return f"whsec_{base64.b64encode(mac).decode()}"

    def short_mac(self, purpose: Purpose) -> Callable[[str], str]:
        """Makes MACs of 64 bits, for places with little room; a fan-out makes one for each person."""
        mac = _many(_key(self.secret, purpose))
        return lambda text: mac(text)[:16]

    @property
    def sealing_key(self) -> bytes:
        """What addresses that are as good as keys are sealed with: 256 bits."""
        return _key(self.secret, "sealing")

    def pseudonym(self, text: str) -> str:
        """A keyed fingerprint: equal for equal texts, and telling nothing without the key."""
        return hmac.digest(_key(self.secret, "pseudonym"), text.encode(errors="replace"), "sha256").hex()[:32]

    def _mac(self, purpose: Purpose, subject: str, expiry: str, salt: str) -> str:
        text = f"{subject}|{expiry}|{salt}".encode()
        return hmac.digest(_key(self.secret, purpose), text, "sha256").hex()[:32]


def signer() -> Signer:
    """The running app's signer."""
    found: Signer = current_app.extensions["candor.signer"]
    return found


@lru_cache(maxsize=64)
def _key(secret: str, purpose: str) -> bytes:
    """The key for one purpose; kept, because a fan-out signs two links for each of a million people."""
    return hmac.digest(secret.encode(), f"candor:{purpose}".encode(), "sha256")


def _many(key: bytes) -> Callable[[str], str]:
    """HMAC-SHA-256 (RFC 2104) in hexadecimal, of many short texts: what depends on the key alone is done once."""
    padded = key.ljust(hashlib.sha256().block_size, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in padded))
    outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in padded))

    def mac(text: str) -> str:
        inside, outside = inner.copy(), outer.copy()
        inside.update(text.encode())
        outside.update(inside.digest())
        return outside.hexdigest()

    return mac


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, rest = divmod(number, 36)
        digits = _DIGITS[rest] + digits
    return digits or "0"
