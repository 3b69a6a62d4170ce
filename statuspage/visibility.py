"""Who may see what: the one rule that page, feeds, mail, panel and API all ask."""

from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import ColumnElement
from sqlalchemy.orm import InstrumentedAttribute

from .models import Component, Incident, IncidentUpdate
from .vocabulary import Audience


@dataclass(frozen=True)
class Viewer:
    """Somebody who looks, and the audiences they belong to."""

    audiences: frozenset[Audience]


PUBLIC = Viewer(frozenset({Audience.PUBLIC}))
STAFF = Viewer(frozenset(Audience))


class HasAudience(Protocol):
    """Anything said to or kept for an audience."""

    audience: Audience


def may_see(viewer: Viewer, *things: HasAudience) -> bool:
    """Whether the viewer may see all of these; an update is asked for together with its incident."""
    return all(thing.audience in viewer.audiences for thing in things)


def only_for(
    viewer: Viewer, *models: type[Component] | type[Incident] | type[IncidentUpdate]
) -> tuple[ColumnElement[bool], ...]:
    """The same rule as conditions of a query over these models."""
    return tuple(_audience(model).in_(viewer.audiences) for model in models)


def _audience(model: type[Component] | type[Incident] | type[IncidentUpdate]) -> InstrumentedAttribute[Audience]:
    return model.audience
