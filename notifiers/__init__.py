"""Ground floor: one file per channel. Knows no models, no Flask, no database."""

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import cast

from ._contract import (
    BadSettings,
    CallbackState,
    Channel,
    DeliveryError,
    Envelope,
    Field,
    HasSchedule,
    Health,
    KnowsCountry,
    KnowsRepeats,
    Message,
    Metered,
    Monitored,
    NeedsSecret,
    OneByOne,
    Outcome,
    Paced,
    PermanentDeliveryError,
    Postponed,
    Preview,
    Proof,
    Receipt,
    Reconciles,
    Sender,
    SignedCallbacks,
    TakesSubscribers,
    UncertainDeliveryError,
    WantsParts,
    deliver_each,
    deliver_with,
)
from ._fetch import Fetcher, fetcher

__all__ = [
    "BadSettings",
    "CallbackState",
    "Channel",
    "DeliveryError",
    "Envelope",
    "Fetcher",
    "Field",
    "HasSchedule",
    "Health",
    "KnowsCountry",
    "KnowsRepeats",
    "Message",
    "Metered",
    "Monitored",
    "NeedsSecret",
    "OneByOne",
    "Outcome",
    "Paced",
    "PermanentDeliveryError",
    "Postponed",
    "Preview",
    "Proof",
    "Receipt",
    "Reconciles",
    "Sender",
    "SignedCallbacks",
    "TakesSubscribers",
    "UncertainDeliveryError",
    "WantsParts",
    "deliver_each",
    "deliver_with",
    "fetcher",
    "load",
    "modules",
]


def modules() -> Iterator[ModuleType]:
    """Every channel in this folder: found, not registered."""
    for found in pkgutil.iter_modules(__path__):
        if not found.name.startswith("_"):
            yield importlib.import_module(f"{__name__}.{found.name}")


def load(settings: Mapping[str, str]) -> dict[str, Channel]:
    """The channels these settings allow, by kind; BadSettings names every problem at once."""
    channels: dict[str, Channel] = {}
    problems: list[str] = []
    for module in modules():
        try:
            built = module.build(settings)
        except BadSettings as error:
            problems += error.problems
        except ValueError as error:
            problems.append(str(error))
        else:
            if built is not None:
                channels[built.kind] = _whole(built)
    if problems:
        raise BadSettings(*dict.fromkeys(problems))
    return channels


def _whole(built: Channel | Sender) -> Channel:
    # Asked by name, because a sender is told apart by what it lacks.
    return cast(Channel, built) if hasattr(built, "deliver") else OneByOne(built)
