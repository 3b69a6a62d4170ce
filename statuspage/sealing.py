"""Addresses that are as good as keys: whoever has a chat's or a pager's can post there. They are kept sealed.

Sealed is AES-256-GCM under a key that follows from CANDOR_SECRET_KEY; the text says so (`sealed:1:`), and by which
key. Other addresses are kept as they are, so that they can be searched for and counted.
"""

import base64
import os
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Dialect, String
from sqlalchemy.types import TypeDecorator

from .tokens import signer

SEALED = "sealed:1:"
_NONCE = 12


class Sealed(TypeDecorator[str]):
    """Text that the database has sealed wherever it is a key."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Sealed on its way in."""
        return seal(value) if value and is_key(value) else value

    def process_result_value(self, value: Any | None, dialect: Dialect) -> str | None:
        """Open on its way out."""
        return None if value is None else unsealed(str(value))


def is_key(address: str) -> bool:
    """Whether an address lets whoever has it in: one that names a protocol does."""
    return "://" in address


def seal(address: str) -> str:
    """The address as it is kept; different each time."""
    nonce = os.urandom(_NONCE)
    shut = _cipher(signer().sealing_key).encrypt(nonce, address.encode(), None)
    return SEALED + base64.urlsafe_b64encode(nonce + shut).decode()


def unsealed(kept: str) -> str:
    """What was sealed; what was not, as it is. Sealed by another key it stays shut, and leads nowhere."""
    if not kept.startswith(SEALED):
        return kept
    raw = base64.urlsafe_b64decode(kept.removeprefix(SEALED))
    try:
        return _cipher(signer().sealing_key).decrypt(raw[:_NONCE], raw[_NONCE:], None).decode()
    except InvalidTag:
        return kept


def shown(address: str) -> str:
    """The address, unless it is a key: then enough of it to be recognised by somebody who has it."""
    protocol, _, rest = address.partition("://")
    if not rest:
        return address
    return f"{rest.split('/')[0]}/•••{address[-3:]}" if protocol in ("http", "https") else f"{protocol}://•••"


@lru_cache(maxsize=8)
def _cipher(key: bytes) -> AESGCM:
    return AESGCM(key)
