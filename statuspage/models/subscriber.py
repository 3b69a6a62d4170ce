"""Who wants to hear, on which channel, about what."""

import hashlib
from datetime import datetime
from urllib.parse import urlsplit

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ..db import Base, Identified, WordType, new_id
from ..sealing import Sealed, is_key
from ..vocabulary import EventLevel, SubscriberState
from .component import Component
from .imported import Imported
from .page import Page

LONGEST_KEY = 254


class Subscriber(Imported, Identified, Base):
    """One address on one channel, with the proof that its owner wanted this."""

    __tablename__ = "subscriber"
    __table_args__ = (
        UniqueConstraint("page_id", "channel", "address_key"),
        Index("ix_subscriber_page_state", "page_id", "state", "id"),
    )

    page_id: Mapped[int] = mapped_column(ForeignKey("page.id"))
    channel: Mapped[str] = mapped_column(String(32))
    address: Mapped[str] = mapped_column(Sealed(800))
    # What it is found by; of a sealed one, its host and a hash.
    address_key: Mapped[str] = mapped_column(String(254))
    state: Mapped[SubscriberState] = mapped_column(WordType(SubscriberState), default=SubscriberState.PENDING)
    level: Mapped[EventLevel] = mapped_column(WordType(EventLevel), default=EventLevel.EVERY_UPDATE)
    # Changes whenever old links must stop working.
    salt: Mapped[str] = mapped_column(String(12), default=new_id)
    code_attempts: Mapped[int] = mapped_column(default=0)
    confirmation_sent_at: Mapped[datetime | None]
    confirmed_at: Mapped[datetime | None]
    # Who is told by mail when an endpoint stops working; empty where the address itself reaches a person.
    contact: Mapped[str] = mapped_column(String(254), default="")
    # What a webhook is signed with follows from this number and the installation's key; the one before it stays
    # valid for a while after a change.
    secret_version: Mapped[int] = mapped_column(default=1)
    secret_rotated_at: Mapped[datetime | None]
    # How consent was given: the form's version, or who attested it and why.
    consent: Mapped[str] = mapped_column(String(300), default="")
    consent_network: Mapped[str] = mapped_column(String(64), default="")
    state_reason: Mapped[str] = mapped_column(String(300), default="")
    state_changed_at: Mapped[datetime]
    created_at: Mapped[datetime]

    page: Mapped[Page] = relationship()
    subscriptions: Mapped[list["Subscription"]] = relationship(
        back_populates="subscriber", cascade="all, delete-orphan", lazy="selectin"
    )

    @property
    def wants_whole_page(self) -> bool:
        """Whether this subscriber asked for everything on the page."""
        return any(subscription.component_id is None for subscription in self.subscriptions)

    def address_on(self, channel: str) -> str:
        """Where a message for this subscriber goes: by mail about an endpoint, to whoever looks after it."""
        return self.address if channel == self.channel else self.contact


def key_of(address: str) -> str:
    """What makes two addresses the same one. Case counts in a web address, of which only the host can be read."""
    if is_key(address):
        host = (urlsplit(address).hostname or "")[:150]
        return f"{host} sha256:{hashlib.sha256(address.encode()).hexdigest()}"
    key = address.casefold()
    return key if len(key) <= LONGEST_KEY else f"sha256:{hashlib.sha256(key.encode()).hexdigest()}"


class Subscription(Base):
    """One thing a subscriber asked for: a component, or the whole page when there is none."""

    __tablename__ = "subscription"
    __table_args__ = (UniqueConstraint("subscriber_id", "component_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    subscriber_id: Mapped[int] = mapped_column(ForeignKey("subscriber.id"), index=True)
    component_id: Mapped[int | None] = mapped_column(ForeignKey("component.id"), index=True)

    subscriber: Mapped[Subscriber] = relationship(back_populates="subscriptions")
    component: Mapped[Component | None] = relationship(lazy="joined")
