"""A few thousand subscribers on reserved domains and fictional numbers; the same ones every time."""

import random
from datetime import datetime, timedelta

from sqlalchemy import insert

from ..audit import SUBSCRIBER
from ..db import db, new_id
from ..models import AuditEntry, Component, Page, Subscriber, Subscription
from ..vocabulary import EventLevel, SubscriberState

HOW_MANY = 3000
_FIRST = (
    "ada ben carla dario elif femi greta hugo ines jakub kofi lena mateo nadia oskar priya quentin rosa samir tilda "
    "umar vera wanda xenia yusuf zofia amara bruno chiara dmitri esther fatima giulia henrik ivana joao karin luca "
    "marta nils olga pedro rasa stefan tomas ulla"
)
_LAST = (
    "abadi bauer costa dahl eriksen fischer garcia hansen ivanov jansen kowalski lindgren moreau nowak okafor "
    "petrov quist rossi schmidt tanaka urban vasquez weber xu yilmaz zimmer almeida brandt castillo dubois"
)
_DOMAINS = ("example.com", "example.org", "example.net")
# 555-0100 to 555-0199 is kept for fiction in every area.
_AREAS = ("202", "212", "303", "312", "415", "503", "617", "713")


Row = dict[str, object]


def gather(page: Page, components: list[Component], now: datetime) -> int:
    """The page has its subscribers, all but a few of them confirmed; the caller commits. How many is returned."""
    dice = random.Random(2026)  # noqa: S311 - a play, not a secret
    numbers = [f"+1{area}55501{line:02}" for area in _AREAS for line in range(100)]
    dice.shuffle(numbers)
    rows = []
    for index in range(HOW_MANY):
        is_sms = dice.random() < 0.15
        address = numbers.pop() if is_sms else _mail_address(dice, index)
        rows.append(_row(page, "sms" if is_sms else "email", address, now, dice))
    # In bulk, so that building the demo takes seconds; the verbs would take them one by one.
    ids = db.session.scalars(insert(Subscriber).returning(Subscriber.id, sort_by_parameter_order=True), rows)
    wishes = [
        {"subscriber_id": subscriber_id, "component_id": component_id}
        for subscriber_id in ids
        for component_id in _chosen(components, dice)
    ]
    db.session.execute(insert(Subscription), wishes)
    db.session.execute(insert(AuditEntry), [act for row in rows for act in _acts(row)])
    return len(rows)


def _mail_address(dice: random.Random, index: int) -> str:
    return f"{dice.choice(_FIRST.split())}.{dice.choice(_LAST.split())}{index}@{dice.choice(_DOMAINS)}"


def _chosen(components: list[Component], dice: random.Random) -> list[int | None]:
    """The whole page for most."""
    if dice.random() < 0.7:
        return [None]
    return [component.id for component in dice.sample(components, dice.randint(1, 4))]


def _row(page: Page, channel: str, address: str, now: datetime, dice: random.Random) -> Row:
    signed_up_at = now - timedelta(minutes=dice.randint(60 * 24, 60 * 24 * 88))
    has_left = dice.random() < 0.03
    confirmed_at = signed_up_at + timedelta(minutes=4)
    wants_all = dice.random() < (0.1 if channel == "sms" else 0.8)
    return {
        "public_id": new_id(),
        "page_id": page.id,
        "channel": channel,
        "address": address,
        "address_key": address.casefold(),
        "state": SubscriberState.UNSUBSCRIBED if has_left else SubscriberState.CONFIRMED,
        "state_reason": "unsubscribed by link" if has_left else "",
        "level": EventLevel.EVERY_UPDATE if wants_all else EventLevel.KEY_MOMENTS,
        "consent": "sign-up form",
        "confirmation_sent_at": signed_up_at,
        "confirmed_at": confirmed_at,
        "state_changed_at": confirmed_at + (now - confirmed_at) * dice.random() if has_left else confirmed_at,
        "created_at": signed_up_at,
    }


def _acts(row: Row) -> list[Row]:
    """What the record says of somebody: they came by themselves, and some have left."""
    acts = [("subscriber.confirm", row["confirmed_at"])]
    if row["state"] is SubscriberState.UNSUBSCRIBED:
        acts.append(("subscriber.unsubscribe", row["state_changed_at"]))
    return [
        {
            "at": at,
            "via": SUBSCRIBER.via,
            "act": act,
            "object_kind": Subscriber.__tablename__,
            "object_id": row["public_id"],
            "detail": {},
        }
        for act, at in acts
    ]
