"""Signing up, confirming, changing and leaving: what subscribers do, and what is done in their name.

Answers to strangers never tell who is subscribed: `sign_up` returns nothing, and behaves the same for new,
pending, confirmed and unsubscribed addresses except for the message that the owner of the address gets.
"""

import hmac
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select

from . import audit, idempotency
from .audit import SUBSCRIBER, Actor
from .channels import proof_of
from .db import db, lock, lock_name, new_id
from .delivery import messages, outbox
from .errors import Conflict, Invalid, NotFound
from .models import Component, Incident, IncidentUpdate, Page, Subscriber, Subscription, UpdateComponent
from .models.subscriber import key_of
from .pseudonyms import has_left
from .subscribers import change_state
from .tokens import signer
from .visibility import PUBLIC, only_for
from .vocabulary import EventLevel, IncidentStatus, SubscriberState

ONE_MESSAGE_PER = timedelta(hours=24)
CODE_TRIES = 5
CODE_WITHIN = timedelta(minutes=30)
UNCONFIRMED_FOR = timedelta(days=7)
OLD_SECRET_FOR = timedelta(hours=24)


@dataclass(frozen=True)
class Wishes:
    """What somebody wants to hear: these components, or the whole page when there are none; how much of it."""

    components: tuple[Component, ...] = ()
    level: EventLevel = EventLevel.EVERY_UPDATE


def sign_up(  # noqa: PLR0913 - a form has as many fields
    page: Page,
    channel: str,
    address: str,
    wishes: Wishes,
    consent: str,
    network: str,
    now: datetime,
    contact: str = "",
) -> None:
    """Write down the wish and ask the owner of the address to confirm it.

    An address that does not answer gets one message in 24 hours, a number one for each code's life time. A
    confirmed address keeps what it has; its owner is sent the link to change it instead.
    """
    subscriber = _lock_address(page, channel, address)
    if subscriber and subscriber.state is SubscriberState.CONFIRMED:
        if _may_write_to(subscriber, now):
            subscriber.confirmation_sent_at = now
            outbox.send_manage_link(subscriber, now)
        db.session.commit()
        return
    if subscriber is None:
        subscriber = _new(page, channel, address, now)
    elif subscriber.state is not SubscriberState.PENDING:
        change_state(subscriber, SubscriberState.PENDING, "signed up again", now)
    _set_wishes(subscriber, wishes)
    _set_contact(subscriber, contact)
    subscriber.consent, subscriber.consent_network = consent, network
    if _may_write_to(subscriber, now):
        subscriber.salt, subscriber.code_attempts = new_id(), 0
        subscriber.confirmation_sent_at = now
        db.session.flush()
        audit.record(SUBSCRIBER, "subscriber.ask", subscriber, now, channel=channel)
        outbox.ask_to_confirm(subscriber, now)
    db.session.commit()


def invite(  # noqa: PLR0913 - a form has as many fields
    page: Page,
    channel: str,
    address: str,
    wishes: Wishes,
    by: Actor,
    now: datetime,
    contact: str = "",
    key: str = "",
) -> Subscriber:
    """Somebody of ours wants this address to be told: its owner is asked, and nothing else is sent before they agree.

    Raises Conflict for who is subscribed already, and for who has unsubscribed: only they sign up again.
    """
    if made := idempotency.result(key, Subscriber):
        return made
    subscriber = _lock_address(page, channel, address)
    _refuse_known(page, channel, address, subscriber)
    subscriber = subscriber or _new(page, channel, address, now)
    if subscriber.state is not SubscriberState.PENDING:
        change_state(subscriber, SubscriberState.PENDING, "invited again", now)
    _set_wishes(subscriber, wishes)
    _set_contact(subscriber, contact)
    subscriber.consent = f"asked on behalf of the page ({by.via})"
    if _may_write_to(subscriber, now):
        subscriber.salt, subscriber.code_attempts = new_id(), 0
        subscriber.confirmation_sent_at = now
        db.session.flush()
        outbox.ask_to_confirm(subscriber, now)
    db.session.flush()
    audit.record(by, "subscriber.invite", subscriber, now, channel=channel)
    idempotency.remember(key, subscriber, now)
    db.session.commit()
    return subscriber


def confirm(subscriber: Subscriber, now: datetime) -> None:
    """The owner of the address said yes. If an incident is open that concerns them, they are told how it stands."""
    lock(subscriber)
    if subscriber.state is SubscriberState.CONFIRMED:
        return
    if subscriber.state is not SubscriberState.PENDING:
        raise Conflict("This link has been used. Sign up again to get a new one.")
    _confirm(subscriber, SUBSCRIBER, now)
    db.session.commit()


def prove(subscriber_id: int, now: datetime) -> None:
    """The endpoint itself has answered its challenge: it is confirmed. Asking again changes nothing."""
    subscriber = db.session.get(Subscriber, subscriber_id)
    if subscriber is not None and subscriber.state is SubscriberState.PENDING:
        _confirm(subscriber, SUBSCRIBER, now)
        db.session.commit()


def prove_again(subscriber: Subscriber, now: datetime) -> None:
    """An address we had stopped writing to is asked once more; when its owner answers, all is as it was."""
    if subscriber.state is not SubscriberState.QUARANTINED:
        raise Conflict("This subscription was not stopped by us. There is nothing to prove.")
    change_state(subscriber, SubscriberState.PENDING, "to be proven again", now)
    subscriber.code_attempts, subscriber.confirmation_sent_at = 0, now
    audit.record(SUBSCRIBER, "subscriber.ask", subscriber, now, channel=subscriber.channel)
    outbox.ask_to_confirm(subscriber, now)
    db.session.commit()


def secrets_of(subscriber: Subscriber, now: datetime) -> tuple[str, ...]:
    """What messages to this subscriber are signed with: the current secret, and for a day the one before it."""
    versions = [subscriber.secret_version]
    if subscriber.secret_rotated_at and now < subscriber.secret_rotated_at + OLD_SECRET_FOR:
        versions.append(subscriber.secret_version - 1)
    return tuple(signer().secret_of(subscriber.public_id, version) for version in versions)


def secrets_for(subscriber_id: int, now: datetime) -> tuple[str, ...]:
    """As `secrets_of`, by number; none for somebody who is gone."""
    subscriber = db.session.get(Subscriber, subscriber_id)
    return secrets_of(subscriber, now) if subscriber else ()


def rotate_secret(subscriber: Subscriber, by: Actor, now: datetime) -> None:
    """There is a new secret; for a day both sign, so that the receiver can change over in peace."""
    if subscriber.state is not SubscriberState.CONFIRMED:
        raise Conflict("This subscription has ended. Sign up again to start a new one.")
    subscriber.secret_version += 1
    subscriber.secret_rotated_at = now
    audit.record(by, "subscriber.rotate_secret", subscriber, now)
    db.session.commit()


def confirm_by_code(page: Page, channel: str, address: str, code: str, now: datetime) -> Subscriber:
    """As `confirm`, by the digits sent to a phone; raises Invalid for a wrong, late or exhausted code.

    The sentence is the same whether the number, the code or the time was wrong.
    """
    wrong = Invalid({"code": "This code is wrong or too old. Check it, or sign up again for a new one."})
    subscriber = _lock_address(page, channel, address)
    if subscriber is None or subscriber.state is not SubscriberState.PENDING:
        raise wrong
    subscriber.code_attempts += 1
    attempts = subscriber.code_attempts
    db.session.commit()  # a guess counts even if the next line fails
    sent_at = subscriber.confirmation_sent_at
    if attempts > CODE_TRIES or sent_at is None or now > sent_at + CODE_WITHIN:
        raise wrong
    if not hmac.compare_digest(code.encode(errors="replace"), messages.code_for(subscriber).encode()):
        raise wrong
    lock(subscriber)
    if subscriber.state is SubscriberState.PENDING:
        _confirm(subscriber, SUBSCRIBER, now)
    db.session.commit()
    return subscriber


def add_attested(  # noqa: PLR0913 - an attestation names all of it
    page: Page,
    channel: str,
    address: str,
    wishes: Wishes,
    by: Actor,
    attestation: str,
    now: datetime,
    contact: str = "",
    key: str = "",
) -> Subscriber:
    """Somebody who has the consent in writing says so: the address is confirmed, and who attested it is kept.

    Who has unsubscribed comes back by their own sign-up alone; raises Conflict for them.
    """
    if made := idempotency.result(key, Subscriber):
        return made
    subscriber = _lock_address(page, channel, address)
    is_gone = subscriber.state is SubscriberState.UNSUBSCRIBED if subscriber else has_left(page, channel, address)
    if is_gone:
        raise Conflict("The owner of this address has unsubscribed. Only they can sign it up again.")
    subscriber = subscriber or _new(page, channel, address, now)
    _set_wishes(subscriber, wishes)
    if contact:
        _set_contact(subscriber, contact)
    if subscriber.state is not SubscriberState.CONFIRMED:
        subscriber.consent = f"attested ({by.via}): {attestation}"[:300]
        _confirm(subscriber, by, now)
    db.session.flush()
    audit.record(by, "subscriber.attest", subscriber, now, channel=channel)
    idempotency.remember(key, subscriber, now)
    db.session.commit()
    return subscriber


def change(subscriber: Subscriber, wishes: Wishes, now: datetime, by: Actor = SUBSCRIBER) -> None:
    """The subscriber hears about other things, or more or less of them, from the next update on."""
    lock(subscriber)
    if subscriber.state is not SubscriberState.CONFIRMED:
        raise Conflict("This subscription has ended. Sign up again to start a new one.")
    _set_wishes(subscriber, wishes)
    audit.record(by, "subscriber.change", subscriber, now, level=wishes.level.value)
    db.session.commit()


def unsubscribe(subscriber: Subscriber, reason: str, by: Actor, now: datetime) -> None:
    """Nothing more is sent to this address. Asking again changes nothing."""
    lock(subscriber)
    if subscriber.state is SubscriberState.UNSUBSCRIBED:
        return
    change_state(subscriber, SubscriberState.UNSUBSCRIBED, reason, now)
    audit.record(by, "subscriber.unsubscribe", subscriber, now, reason=reason)
    db.session.commit()


def lift_quarantine(subscriber: Subscriber, by: Actor, now: datetime) -> None:
    """Somebody knows that the address works again: it is written to as before, or asked to confirm as before."""
    if subscriber.state is not SubscriberState.QUARANTINED:
        raise Conflict("This address is not quarantined.")
    was_confirmed = subscriber.confirmed_at is not None
    change_state(subscriber, SubscriberState.CONFIRMED if was_confirmed else SubscriberState.PENDING, "", now)
    audit.record(by, "subscriber.lift_quarantine", subscriber, now)
    db.session.commit()


def resume(subscriber: Subscriber, now: datetime) -> None:
    """START after STOP: a number that was confirmed once is written to again."""
    lock(subscriber)
    is_away = subscriber.state in (SubscriberState.UNSUBSCRIBED, SubscriberState.PENDING)
    if is_away and subscriber.confirmed_at is not None:
        change_state(subscriber, SubscriberState.CONFIRMED, "START by SMS", now)
        audit.record(SUBSCRIBER, "subscriber.resume", subscriber, now)
        db.session.commit()


def find(page: Page, channel: str, address: str) -> Subscriber | None:
    """The page's subscriber with this cleaned address on this channel."""
    return db.session.scalar(
        select(Subscriber).filter_by(page_id=page.id, channel=channel, address_key=key_of(address))
    )


def find_by_id(public_id: str | None) -> Subscriber:
    """The subscriber with this id; raises NotFound."""
    subscriber = db.session.scalar(select(Subscriber).filter_by(public_id=public_id)) if public_id else None
    if subscriber is None:
        raise NotFound("This link is not valid, or no longer.")
    return subscriber


def find_by_address(channel: str, address: str) -> list[Subscriber]:
    """All subscribers, on whichever page, with this address."""
    query = select(Subscriber).filter_by(channel=channel, address_key=key_of(address))
    return list(db.session.scalars(query))


def _lock_address(page: Page, channel: str, address: str) -> Subscriber | None:
    """As `find`; whoever else does something with this address, known or not, waits until our commit."""
    lock_name(f"address:{page.id}:{channel}:{address.casefold()}")
    subscriber = find(page, channel, address)
    if subscriber is not None:
        lock(subscriber)
    return subscriber


def _new(page: Page, channel: str, address: str, now: datetime) -> Subscriber:
    subscriber = Subscriber(
        page=page,
        channel=channel,
        address=address,
        address_key=key_of(address),
        state=SubscriberState.PENDING,
        state_changed_at=now,
        created_at=now,
    )
    db.session.add(subscriber)
    return subscriber


def _refuse_known(page: Page, channel: str, address: str, subscriber: Subscriber | None) -> None:
    state = subscriber.state if subscriber else None
    if state is SubscriberState.CONFIRMED:
        raise Conflict("This address is subscribed already.")
    if state is SubscriberState.UNSUBSCRIBED or (subscriber is None and has_left(page, channel, address)):
        raise Conflict("The owner of this address has unsubscribed. Only they can sign it up again.")


def _set_wishes(subscriber: Subscriber, wishes: Wishes) -> None:
    wanted: Collection[int | None] = {component.id for component in wishes.components} or {None}
    kept = [row for row in subscriber.subscriptions if row.component_id in wanted]
    missing = set(wanted) - {row.component_id for row in kept}
    subscriber.subscriptions = kept + [Subscription(component_id=component_id) for component_id in missing]
    subscriber.level = wishes.level


def _set_contact(subscriber: Subscriber, contact: str) -> None:
    """Mail about an endpoint goes here. Who was told an earlier secret must not know the next one's."""
    if contact != subscriber.contact:
        subscriber.contact = contact
        subscriber.secret_version = (subscriber.secret_version or 0) + 1
        subscriber.secret_rotated_at = None


def _may_write_to(subscriber: Subscriber, now: datetime) -> bool:
    sent_at, answered_at = subscriber.confirmation_sent_at, subscriber.confirmed_at
    if sent_at is None:
        return True
    has_left = subscriber.state is SubscriberState.PENDING and answered_at is not None and answered_at >= sent_at
    by_code = proof_of(subscriber.channel) == "code"
    is_over = subscriber.state is SubscriberState.PENDING and by_code and now - sent_at > CODE_WITHIN
    return has_left or is_over or now - sent_at >= ONE_MESSAGE_PER


def _confirm(subscriber: Subscriber, by: Actor, now: datetime) -> None:
    lock_name(subscriber.page.voice, is_shared=True)
    change_state(subscriber, SubscriberState.CONFIRMED, "", now)
    subscriber.confirmed_at = now
    db.session.flush()
    audit.record(by, "subscriber.confirm", subscriber, now, channel=subscriber.channel)
    if subscriber.contact:
        outbox.tell_ready(subscriber, now)
    for update in current_states(subscriber):
        outbox.announce_state(subscriber, update, now)


def current_states(subscriber: Subscriber) -> list[IncidentUpdate]:
    """The latest public update of each open incident that concerns this subscriber."""
    query = (
        select(Incident)
        .where(
            Incident.page_id == subscriber.page_id,
            Incident.status != IncidentStatus.RESOLVED,
            *only_for(PUBLIC, Incident),
        )
        .order_by(Incident.id)
    )
    if not subscriber.wants_whole_page:
        wanted = [row.component_id for row in subscriber.subscriptions]
        touched = (
            select(IncidentUpdate.incident_id).join(UpdateComponent).where(UpdateComponent.component_id.in_(wanted))
        )
        query = query.where(Incident.id.in_(touched))
    latest = (
        db.session.scalar(
            select(IncidentUpdate)
            .where(IncidentUpdate.incident_id == incident.id, *only_for(PUBLIC, IncidentUpdate))
            .order_by(IncidentUpdate.sequence.desc())
            .limit(1)
        )
        for incident in db.session.scalars(query)
    )
    return [update for update in latest if update is not None]
