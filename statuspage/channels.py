"""The channels this installation sends over."""

from collections.abc import Mapping

from flask import current_app

from notifiers import Channel, KnowsCountry, SignedCallbacks

from .errors import Invalid


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


def country_of(channel: str, address: str) -> str:
    """The country an address belongs to, as two letters; empty where addresses have none."""
    known = channels().get(channel)
    return known.country(address) if isinstance(known, KnowsCountry) else ""


def signed_callbacks(channel: str) -> SignedCallbacks | None:
    """The channel's check of its provider's callbacks, if it has one."""
    known = channels().get(channel)
    return known if isinstance(known, SignedCallbacks) else None
