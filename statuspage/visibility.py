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
    return all(
        thing.audience in viewer.audiences and (_sees_hidden(viewer) or not getattr(thing, "is_hidden", False))
        for thing in things
    )


def only_for(
    viewer: Viewer, *models: type[Component] | type[Incident] | type[IncidentUpdate]
) -> tuple[ColumnElement[bool], ...]:
    """The same rule as conditions of a query over these models."""
    conditions = [_audience(model).in_(viewer.audiences) for model in models]
    if Incident in models and not _sees_hidden(viewer):
        conditions.append(Incident.hidden_at.is_(None))
    return tuple(conditions)


def _sees_hidden(viewer: Viewer) -> bool:
    """What was taken out of public sight is still there for those who are inside."""
    return Audience.INTERNAL in viewer.audiences


def _audience(model: type[Component] | type[Incident] | type[IncidentUpdate]) -> InstrumentedAttribute[Audience]:
    return model.audience
