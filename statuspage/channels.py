"""The channels this installation sends over."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from flask import current_app

from notifiers import Channel, Field, KnowsCountry, NeedsSecret, SignedCallbacks, TakesSubscribers

from .errors import Invalid

_FIRST = {"email": 0, "sms": 1}


def channels() -> Mapping[str, Channel]:
    """The running app's channels by kind; those without a relay capture what they are given."""
    found: Mapping[str, Channel] = current_app.extensions["candor.channels"]
    return found


def clean_address(channel: str, address: str, field: str = "address") -> str:
    """The address in its one spelling; raises Invalid with the channel's own sentence."""
    known = channels().get(channel)
    if known is None:
        raise Invalid({"channel": "Choose one of the channels offered."})
    if "\ufffd" in address:
        raise Invalid({field: "Some characters of this address did not arrive. Type it again."})
    try:
        return known.clean(address)
    except ValueError as error:
        raise Invalid({field: str(error)}) from error


def sign_up_fields() -> dict[str, Field]:
    """How people type their address, for each channel that takes subscribers: mail and SMS first, then by name."""
    takers = {kind: each for kind, each in channels().items() if isinstance(each, TakesSubscribers)}
    order = sorted(takers, key=lambda kind: (_FIRST.get(kind, len(_FIRST)), channels()[kind].label))
    return {kind: takers[kind].field for kind in order}


def field_of(channel: str) -> Field:
    """How people type an address of this channel; raises Invalid where nobody signs up."""
    found = sign_up_fields().get(channel)
    if found is None:
        raise Invalid({"channel": "Choose one of the channels offered."})
    return found


def proof_of(channel: str) -> str:
    """How an address of this channel is proven: link, code or challenge."""
    found = sign_up_fields().get(channel)
    return found.proof if found else "link"


def is_signed(channel: str) -> bool:
    """Whether messages on this channel are signed with a secret of the subscriber's."""
    known = channels().get(channel)
    return known.needs_secret if isinstance(known, NeedsSecret) else False


def shown_address(channel: str, address: str) -> str:
    """The address as others than its owner may see it; a chat's is as good as a key, so most of it is hidden."""
    is_key = proof_of(channel) == "code" and address.startswith("https://")
    return f"{urlsplit(address).hostname}/…{address[-4:]}" if is_key else address


def label_of(channel: str) -> str:
    """What a channel is called, also one that is gone."""
    known = channels().get(channel)
    return known.label if known else channel.replace("_", " ").capitalize()


def country_of(channel: str, address: str) -> str:
    """The country an address belongs to, as two letters; empty where addresses have none."""
    known = channels().get(channel)
    return known.country(address) if isinstance(known, KnowsCountry) else ""


def reporting() -> list[str]:
    """The channels whose provider says afterwards whether a message arrived."""
    return [kind for kind, each in channels().items() if isinstance(each, SignedCallbacks) and each.is_live]


def signed_callbacks(channel: str) -> SignedCallbacks | None:
    """The channel's check of its provider's callbacks, if it has one."""
    known = channels().get(channel)
    return known if isinstance(known, SignedCallbacks) else None
