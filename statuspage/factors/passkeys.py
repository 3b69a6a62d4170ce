"""Passkeys (WebAuthn): a question drawn at random, and the answer that only one device can give.

The question is not kept: it says itself for whom, for what and until when it is good, under a MAC, and is good once.
"""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from sqlalchemy import select
from webauthn import (
    base64url_to_bytes,
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import (
    bytes_to_base64url,
    parse_authentication_credential_json,
    parse_client_data_json,
    parse_registration_credential_json,
)
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from .. import audit, limits
from ..audit import Actor
from ..db import db
from ..errors import Conflict
from ..models import Passkey, StaffUser
from ..tokens import Purpose, signer
from .proof import NotProven

ANSWER_WITHIN = timedelta(minutes=10)
LONGEST_ANSWER = 50_000
MOST = 20
NOT_TAKEN = "This passkey was not taken. Try once more, or use a code."


@dataclass(frozen=True)
class Site:
    """Where a browser is, as it says itself: passkeys belong to a host and are used from its origin."""

    host: str
    origin: str

    @property
    def takes_passkeys(self) -> bool:
        """Whether browsers make passkeys here: not at a bare IP address, and without TLS only on localhost."""
        try:
            ip_address(self.host.strip("[]"))
        except ValueError:
            return self.host == "localhost" or self.origin.startswith("https://")
        return False


def question(site: Site, about: str, now: datetime, user: StaffUser | None = None) -> str:
    """What a browser is asked, as JSON. With a user only their passkeys answer; without, any that the device has."""
    options = generate_authentication_options(
        rp_id=site.host,
        challenge=_challenge(about, now),
        allow_credentials=_descriptors(of(user, site)) if user else None,
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return options_to_json(options)


def answer(site: Site, about: str, given: str, now: datetime, user: StaffUser | None = None) -> Passkey:
    """The passkey that answered the question; raises NotProven for anything else. The caller commits."""
    passkey = _named(given)
    if passkey is None or (user is not None and passkey.staff_user_id != user.id):
        raise NotProven(NOT_TAKEN)
    try:
        client_data = parse_authentication_credential_json(given).response.client_data_json
        verified = verify_authentication_response(
            credential=given,
            expected_challenge=_expected(client_data, about, now),
            expected_rp_id=site.host,
            expected_origin=site.origin,
            credential_public_key=passkey.public_key,
            credential_current_sign_count=passkey.sign_count,
            require_user_verification=True,
        )
    except NotProven:
        raise
    except Exception as error:  # whatever a stranger's JSON makes a parser do
        raise NotProven(NOT_TAKEN) from error
    passkey.sign_count, passkey.used_at = verified.new_sign_count, now
    return passkey


def invitation(user: StaffUser, site: Site, page_name: str, now: datetime) -> str:
    """What a browser is asked so that it makes a passkey, as JSON."""
    options = generate_registration_options(
        rp_id=site.host,
        rp_name=page_name,
        user_id=user.public_id.encode(),
        user_name=user.email,
        user_display_name=user.display_name,
        challenge=_challenge(f"enrol:{user.public_id}", now),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
        exclude_credentials=_descriptors(of(user, site)),
    )
    return options_to_json(options)


def enrol(user: StaffUser, site: Site, given: str, name: str, by: Actor, now: datetime) -> Passkey:  # noqa: PLR0913
    """The colleague has one more passkey; raises NotProven when the browser's answer is not one. The caller commits."""
    if len(of(user)) >= MOST:
        raise Conflict(f"You have {MOST} passkeys. Remove one first.")
    try:
        client_data = parse_registration_credential_json(_short(given)).response.client_data_json
        made = verify_registration_response(
            credential=given,
            expected_challenge=_expected(client_data, f"enrol:{user.public_id}", now),
            expected_rp_id=site.host,
            expected_origin=site.origin,
            require_user_verification=True,
        )
    except NotProven:
        raise
    except Exception as error:
        raise NotProven("This device did not make a passkey that we can read. Try once more.") from error
    credential = bytes_to_base64url(made.credential_id)
    if db.session.scalar(select(Passkey.id).filter_by(credential=credential)):
        raise Conflict("This passkey is known already.")
    passkey = Passkey(
        staff_user_id=user.id,
        name=name,
        credential=credential,
        public_key=made.credential_public_key,
        sign_count=made.sign_count,
        host=site.host,
        created_at=now,
    )
    db.session.add(passkey)
    db.session.flush()
    audit.record(by, "staff.add_passkey", user, now, name=name)
    return passkey


def of(user: StaffUser, site: Site | None = None) -> list[Passkey]:
    """The colleague's passkeys; with a site those that work there."""
    query = select(Passkey).filter_by(staff_user_id=user.id).order_by(Passkey.id)
    return list(db.session.scalars(query.filter_by(host=site.host) if site else query))


def _named(given: str) -> Passkey | None:
    """The passkey that the answer names, unchecked."""
    try:
        credential = parse_authentication_credential_json(_short(given)).id
    except Exception as error:
        raise NotProven(NOT_TAKEN) from error
    return db.session.scalar(select(Passkey).filter_by(credential=str(credential)))


def _short(given: str) -> str:
    if len(given) > LONGEST_ANSWER:
        raise NotProven(NOT_TAKEN)
    return given


def _descriptors(passkeys: list[Passkey]) -> list[PublicKeyCredentialDescriptor]:
    return [PublicKeyCredentialDescriptor(id=base64url_to_bytes(each.credential)) for each in passkeys]


def _challenge(about: str, now: datetime) -> bytes:
    said = f"{secrets.token_hex(16)}.{int((now + ANSWER_WITHIN).timestamp())}"
    return f"{said}.{_mac(said, about)}".encode()


def _expected(client_data: bytes, about: str, now: datetime) -> bytes:
    """The question that was answered, if it is ours, about this, not too old, and answered for the first time."""
    given = parse_client_data_json(client_data).challenge
    said, _, mac = given.decode("ascii").rpartition(".")
    if not secrets.compare_digest(mac, _mac(said, about)):
        raise NotProven(NOT_TAKEN)
    until = datetime.fromtimestamp(int(said.rpartition(".")[2]), UTC)
    # Counted at its end, so that all its uses fall into one window.
    if now >= until or not limits.allow(f"question:{said}", 1, ANSWER_WITHIN, until):
        raise NotProven("That took a while. Try once more.")
    return given


def _mac(said: str, about: str) -> str:
    return signer().short_mac(Purpose.PASSKEY)(f"{about}|{said}")
