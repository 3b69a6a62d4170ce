"""Frozen words on their way to people: one message for everybody, and the values that make it each one's own."""

from datetime import timedelta

from notifiers import Envelope, Message

from .. import bounces, replyaddresses, urls
from ..models import Announcement, Delivery, Subscriber
from ..tokens import Purpose, signer
from ..vocabulary import AnnouncementKind
from .messages import Words, code_for, placeholder

CONFIRM_WITHIN = timedelta(days=7)
COMPOSE_WITHIN = timedelta(hours=2)

TO_MANY = (AnnouncementKind.INCIDENT_UPDATE, AnnouncementKind.CORRECTION, AnnouncementKind.CURRENT_STATE)


class Letter:
    """What an announcement says on one channel. All recipients share `message`; `values` are each one's own."""

    def __init__(self, announcement: Announcement, channel: str) -> None:
        self.announcement, self.channel = announcement, channel
        self.reference, self.manage, self.unsubscribe = (
            placeholder(announcement.public_id, name) for name in ("reference", "manage", "unsubscribe")
        )
        self._returns = bounces.returns() if channel == "email" else None
        self.bounce = placeholder(announcement.public_id, "bounce")
        self.message = self._message()
        self._references = f"{announcement.public_id}-s", f"-{channel}"
        self._manage_at, self._seal_manage = urls.manage(""), signer().sealer(Purpose.MANAGE)
        self._unsubscribe_at, self._seal_unsubscribe = urls.unsubscribe(""), signer().sealer(Purpose.UNSUBSCRIBE)

    def values(self, number: int, public_id: str, salt: str) -> dict[str, str]:
        """What differs for this subscriber, by placeholder: their number inside, their id outside, the salt of their
        links. The reference is the same for every attempt."""
        before, after = self._references
        reference = f"{before}{number}{after}"
        values = {
            self.reference: reference,
            self.manage: self._manage_at + self._seal_manage(public_id, salt),
            # Without salt: the link in the oldest mail must still end the newest subscription.
            self.unsubscribe: self._unsubscribe_at + self._seal_unsubscribe(public_id, ""),
        }
        return values | self._back(reference) if self._returns else values

    def values_of(self, delivery: Delivery) -> dict[str, str]:
        """What differs in this one delivery: also the confirmation's and the reminder's own links."""
        if delivery.subscriber is None:
            return self._for_staff(delivery)
        subscriber = delivery.subscriber
        values = self.values(subscriber.id, subscriber.public_id, subscriber.salt)
        if self.announcement.kind is AnnouncementKind.CONFIRMATION:
            values |= self._to_confirm(subscriber)
        return values

    def _back(self, reference: str) -> dict[str, str]:
        """Where the mail comes back to when it cannot be delivered, if we are to hear of it."""
        return {self.bounce: self._returns.path(reference)} if self._returns else {}

    def _message(self) -> Message:
        announcement, page = self.announcement, self.announcement.page
        words: Words = announcement.words.get(self.channel) or announcement.words["sms"]
        is_list_mail = announcement.kind in TO_MANY
        return Message(
            reference=self.reference,
            subject=words["subject"],
            text=words["text"],
            html=words["html"] or None,
            thread=announcement.incident.public_id if announcement.incident else None,
            is_thread_start=announcement.sequence == 1 and announcement.kind is AnnouncementKind.INCIDENT_UPDATE,
            from_name=page.mail_from_name or page.name,
            reply_to=replyaddresses.of(announcement) or page.mail_reply_to or None,
            unsubscribe_url=self.unsubscribe if is_list_mail else None,
            said_at=announcement.created_at,
            return_path=self.bounce if self._returns else None,
            list_id=f"{page.name} <{page.public_id}.{_host()}>" if is_list_mail else None,
        )

    def _to_confirm(self, subscriber: Subscriber) -> dict[str, str]:
        announcement = self.announcement
        expires_at = announcement.created_at + CONFIRM_WITHIN
        token = signer().sign(Purpose.CONFIRM, subscriber.public_id, subscriber.salt, expires_at)
        return {
            placeholder(announcement.public_id, "confirm"): urls.confirm(token),
            placeholder(announcement.public_id, "code"): code_for(subscriber),
            placeholder(announcement.public_id, "challenge"): signer().sign(
                Purpose.CHALLENGE, subscriber.public_id, subscriber.salt, expires_at
            ),
        }

    def _for_staff(self, delivery: Delivery) -> dict[str, str]:
        announcement = self.announcement
        expires_at = announcement.created_at + COMPOSE_WITHIN
        # One message may speak of several incidents, with a link of its own for each.
        named = announcement.words.get("reminder_ids") or {"compose": announcement.words.get("reminder_id", "")}
        tokens = {name: signer().sign(Purpose.COMPOSE, each, expires_at=expires_at) for name, each in named.items()}
        return {
            **self._back(delivery.reference),
            self.reference: delivery.reference,
            **{placeholder(announcement.public_id, name): urls.compose(token) for name, token in tokens.items()},
        }


def personal(delivery: Delivery) -> Message:
    """The finished message of one delivery, made from the announcement's frozen words."""
    letter = Letter(delivery.announcement, delivery.channel)
    return Envelope("", "", letter.message, letter.values_of(delivery)).personal()


def _host() -> str:
    return urls.settings().base_url.split("://", 1)[1].split("/")[0].split(":")[0]
