"""DKIM signatures (RFC 6376; Ed25519 by RFC 8463), relaxed/relaxed.

Settings: CANDOR_DKIM_KEY (a private key in PEM, or the path of a file with one; RSA or Ed25519),
CANDOR_DKIM_DOMAIN and CANDOR_DKIM_SELECTOR (the public key stands at `<selector>._domainkey.<domain>`).
"""

import base64
import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ._contract import BadSettings

_NAMES = ("CANDOR_DKIM_KEY", "CANDOR_DKIM_DOMAIN", "CANDOR_DKIM_SELECTOR")
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_WEAKEST = 1024
# What a reader sees, and what a mailbox acts upon. From stands twice, so that nobody adds another one.
_SIGNED = (
    "from", "from", "to", "reply-to", "subject", "date", "message-id", "in-reply-to", "references", "list-id",
    "list-unsubscribe", "list-unsubscribe-post", "auto-submitted", "mime-version", "content-type",
    "content-transfer-encoding",
)  # fmt: skip
_SPACE = re.compile(rb"[ \t]+")


@dataclass(frozen=True)
class Signature:
    """Signs mails in the name of a domain."""

    domain: str
    selector: str
    algorithm: str
    make: Callable[[bytes], bytes] = field(repr=False, compare=False)

    def sign(self, raw: bytes) -> bytes:
        """The mail with a signature above it. The same mail gets the same one at every attempt."""
        head, _, body = raw.partition(b"\r\n\r\n")
        found = _headers(head)
        names = [name for at, name in enumerate(_SIGNED) if name in found or name in _SIGNED[:at]]
        signed = [found.pop(name) for name in names if name in found]
        digest = base64.b64encode(hashlib.sha256(relaxed_body(body)).digest()).decode()
        lines = (
            f"DKIM-Signature: v=1; a={self.algorithm}; c=relaxed/relaxed; d={self.domain};",
            f" s={self.selector}; h={':'.join(names[:8])}:",
            f" {':'.join(names[8:])};",
            f" bh={digest};",
            " b=",
        )
        header = "\r\n".join(lines).encode("ascii")
        text = b"".join(each + b"\r\n" for each in signed) + _relaxed(header)
        made = base64.b64encode(self.make(text))
        folded = b"\r\n ".join(made[at : at + 72] for at in range(0, len(made), 72))
        return header + folded + b"\r\n" + raw


def relaxed_body(body: bytes) -> bytes:
    """RFC 6376, 3.4.4: no space at the end of a line, one within, no empty lines at the end."""
    if b"  " in body or b"\t" in body or b" \r\n" in body:
        body = b"\r\n".join(_SPACE.sub(b" ", line).rstrip(b" ") for line in body.split(b"\r\n"))
    body = body.rstrip(b"\r\n")
    return body + b"\r\n" if body else b""


def _headers(head: bytes) -> dict[str, bytes]:
    """The headers in their relaxed form, by name; ours stand once each."""
    found = {}
    for line in re.split(rb"\r\n(?![ \t])", head):
        relaxed = _relaxed(line)
        found[relaxed.partition(b":")[0].decode("ascii")] = relaxed
    return found


def _relaxed(header: bytes) -> bytes:
    name, _, value = header.partition(b":")
    return name.strip().lower() + b":" + _SPACE.sub(b" ", value.replace(b"\r\n", b"")).strip(b" ")


def read_signature(settings: Mapping[str, str]) -> Signature | None:
    """What these settings sign with; None when they say nothing of it."""
    key, domain, selector = (settings.get(name, "").strip() for name in _NAMES)
    if not (key or domain or selector):
        return None
    missing = [name for name in _NAMES if not settings.get(name, "").strip()]
    if missing:
        raise BadSettings(*(f"{name} is missing: signing mail needs {', '.join(_NAMES)}." for name in missing))
    problems = [
        f"{name} must look like {example}."
        for name, text, example in ((_NAMES[1], domain, "example.com"), (_NAMES[2], selector, "candor"))
        if not _DOMAIN.fullmatch(text)
    ]
    if problems:
        raise BadSettings(*problems)
    algorithm, make = _read_key(key)
    return Signature(domain.lower(), selector, algorithm, make)


def _read_key(text: str) -> tuple[str, Callable[[bytes], bytes]]:
    """The algorithm and the signing function of a private key. No sentence repeats the key."""
    # Imported when first needed: most installations let their relay sign.
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa  # noqa: PLC0415
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415

    try:
        found = load_pem_private_key(_pem(text), None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise BadSettings("CANDOR_DKIM_KEY is not a private key in PEM without a password.") from error
    if isinstance(found, ed25519.Ed25519PrivateKey):
        # RFC 8463, 3: what Ed25519 signs is the hash of the text.
        return "ed25519-sha256", lambda words: found.sign(hashlib.sha256(words).digest())
    if isinstance(found, rsa.RSAPrivateKey):
        if found.key_size < _WEAKEST:
            raise BadSettings(f"CANDOR_DKIM_KEY has fewer than {_WEAKEST} bits, which nobody accepts.")
        scheme, hashed = padding.PKCS1v15(), SHA256()
        return "rsa-sha256", lambda words: found.sign(words, scheme, hashed)
    raise BadSettings("CANDOR_DKIM_KEY must be an RSA or an Ed25519 key.")


def _pem(text: str) -> bytes:
    if text.startswith("-----BEGIN"):
        # A variable often carries the line ends as \n.
        return text.replace("\\n", "\n").encode()
    try:
        return Path(text).read_bytes()
    except (OSError, ValueError) as error:
        raise BadSettings("CANDOR_DKIM_KEY names a file that cannot be read.") from error
