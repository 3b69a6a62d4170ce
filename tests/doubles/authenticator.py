"""A phone that makes passkeys and answers with them, as browsers pass it on: ES256, without attestation."""

import hashlib
import json
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

UP, UV, ATTESTED = 1, 4, 64


def packed(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


@dataclass
class Phone:
    """One device with one passkey. `verifies` says whether it asks for a finger."""

    origin: str = "http://localhost"
    host: str = "localhost"
    verifies: bool = True
    count: int = 0
    identity: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def make(self, question: str) -> str:
        """A new passkey, as the answer to an invitation."""
        attestation = {"fmt": "none", "attStmt": {}, "authData": self._facts(ATTESTED) + self._credential()}
        said = self._client_data("webauthn.create", question)
        return self._answer({"clientDataJSON": packed(said), "attestationObject": packed(cbor2.dumps(attestation))})

    def answer(self, question: str) -> str:
        """The answer to a question, signed."""
        self.count += 1
        said, facts = self._client_data("webauthn.get", question), self._facts(0)
        signature = self.key.sign(facts + hashlib.sha256(said).digest(), ec.ECDSA(SHA256()))
        return self._answer(
            {"clientDataJSON": packed(said), "authenticatorData": packed(facts), "signature": packed(signature)}
        )

    def _facts(self, flags: int) -> bytes:
        flags |= UP | (UV if self.verifies else 0)
        return hashlib.sha256(self.host.encode()).digest() + bytes([flags]) + self.count.to_bytes(4, "big")

    def _credential(self) -> bytes:
        point = self.key.public_key().public_numbers()
        public = {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")}
        return bytes(16) + len(self.identity).to_bytes(2, "big") + self.identity + cbor2.dumps(public)

    def _client_data(self, kind: str, question: str) -> bytes:
        challenge = json.loads(question)["challenge"]
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin}).encode()

    def _answer(self, response: dict[str, Any]) -> str:
        identity = packed(self.identity)
        return json.dumps({"id": identity, "rawId": identity, "type": "public-key", "response": response})
