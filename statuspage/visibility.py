"""Who may see what: the one rule that page, feeds, mail, panel and API all ask."""

from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import InstrumentedAttribute

from .models import Component, Incident, IncidentUpdate, Page
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
        thing.audience in viewer.audiences and (_sees_hidden(viewer) or not _is_kept_in(thing)) for thing in things
    )


def only_for(
    viewer: Viewer, *models: type[Component] | type[Incident] | type[IncidentUpdate]
) -> tuple[ColumnElement[bool], ...]:
    """The same rule as conditions of a query over these models."""
    conditions = [_audience(model).in_(viewer.audiences) for model in models]
    if Incident in models and not _sees_hidden(viewer):
        conditions.append(Incident.hidden_at.is_(None))
        conditions.append(Incident.page_id.not_in(select(Page.id).where(Page.stage_pace.is_not(None))))
    return tuple(conditions)


def _sees_hidden(viewer: Viewer) -> bool:
    """What was taken out of public sight is still there for those who are inside."""
    return Audience.INTERNAL in viewer.audiences


def _is_kept_in(thing: HasAudience) -> bool:
    """Whether it was taken out of public sight, or is rehearsed in a drill and never was in it."""
    return getattr(thing, "is_hidden", False) or getattr(thing, "is_rehearsed", False)


def _audience(model: type[Component] | type[Incident] | type[IncidentUpdate]) -> InstrumentedAttribute[Audience]:
    return model.audience
