"""Apprise: the long tail of pagers and push services, for reminders to our own staff.

Nobody subscribes here. An address is a URL of Apprise's, typed by an admin; Apprise opens connections of its own, so
only services that reach people are let in, and none that reads files, runs programs or posts where it is told.
"""

import importlib.util
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from ._contract import DeliveryError, Envelope, Message, Outcome, PermanentDeliveryError, Preview, Receipt, deliver_each
from ._hook import is_live
from ._text import clean_body, clean_line

EXAMPLE = {"CANDOR_BASE_URL": "https://status.example.com"}
EXAMPLE_ADDRESS = "ntfys://ntfy.example/candor-reminders"

SERVICES = frozenset(
    (
        "gotify",
        "gotifys",
        "matrix",
        "matrixs",
        "mmost",
        "mmosts",
        "ntfy",
        "ntfys",
        "opsgenie",
        "pagerduty",
        "pagertree",
        "pover",
        "pbul",
        "rocket",
        "rockets",
        "signal",
        "signals",
        "signl4",
        "spike",
        "splunk",
        "slack",
        "workflows",
        "discord",
        "gchat",
        "tgram",
        "threema",
        "victorops",
        "wxteams",
        "zulip",
    )
)
_LONGEST = 254
_SCHEMA = re.compile(r"([a-z0-9]{2,20})://\S+")
_ODD = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029\ud800-\udfff]")
_TRY_AGAIN = timedelta(minutes=1)


@dataclass(frozen=True)
class Apprise:
    """Whatever Apprise can reach, as far as it is on the list."""

    is_live: bool = False

    kind = "apprise"
    label = "Push or pager"

    def clean(self, address: str) -> str:
        url = address.strip()
        if not url:
            raise ValueError("Enter an Apprise address, like ntfys://ntfy.sh/your-topic.")
        found = _SCHEMA.fullmatch(url) if len(url) <= _LONGEST and not _ODD.search(url) else None
        if found is None:
            raise ValueError(f"Enter one Apprise address of {_LONGEST} characters at most, like ntfys://ntfy.sh/topic.")
        if found[1] not in SERVICES:
            raise ValueError(f"“{found[1]}” is not among the services allowed here: {', '.join(sorted(SERVICES))}.")
        return url

    def preview(self, message: Message, address: str) -> Preview:
        return Preview(clean_body(message.text), headers=(("To", clean_line(address)),))

    def send(self, message: Message, address: str) -> Receipt:
        try:
            url = self.clean(address)
        except ValueError as error:
            raise PermanentDeliveryError(
                "This is no address that reminders may go to.", code="invalid_address"
            ) from error
        if not self.is_live:
            return Receipt(detail="Captured: reminders are not pushed from here.", is_captured=True)
        from apprise import Apprise as Reach  # noqa: PLC0415  0.2 s to import, and only who sends pays for it

        reach = Reach()
        if not reach.add(url):
            raise PermanentDeliveryError("Apprise cannot read this address.", code="invalid_address")
        # It says yes or no and nothing between; a reminder that comes twice is better than none.
        if not reach.notify(title=clean_line(message.subject), body=clean_body(message.text)):
            raise DeliveryError("The service did not take the reminder.", _TRY_AGAIN, code="refused")
        return Receipt(detail="The service took it.")

    def deliver(self, envelopes: Iterable[Envelope]) -> Iterator[Outcome]:
        return deliver_each(self.send, envelopes)


def build(settings: Mapping[str, str]) -> Apprise | None:
    """Apprise where it is installed (`candor-status[apprise]`); captured where webhooks are."""
    return Apprise(is_live(settings)) if importlib.util.find_spec("apprise") else None
