"""A drill's stage: a page of its own, with its own components and faster policies. That is why nothing leaks.

Whatever is public asks for the real page, and a stage never is that. It has no subscribers, so what is said on it is
owed to none; its components are copies, so the real ones stay as they are; its policies are the real ones at the
drill's pace, without business hours, contact outside the drill, or deadlines of contracts.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from .. import components
from ..db import db
from ..models import (
    Announcement,
    CadencePolicy,
    Component,
    ComponentGroup,
    Deadline,
    DrillPlayer,
    Incident,
    IncidentUpdate,
    Page,
    ReplyDraft,
    StaffUser,
)
from ..vocabulary import ComponentStatus

# What the panel's rooms show, and how it belongs to a page.
_ROOMS: dict[str, tuple[Any, ...]] = {
    "incidents": (Incident,),
    "updates": (Incident, IncidentUpdate),
    "deadlines": (Incident, Deadline),
    "drafts": (Incident, ReplyDraft),
    "announcements": (Announcement,),
}
_SPANS = ("first", "interval", "lead", "coalescing")


def build(page: Page, players: Mapping[StaffUser, bool], pace: float, now: datetime) -> Page:
    """A stage for these players, and whether each is told of injects; the caller commits."""
    stage = Page(
        name=page.name,
        time_zone=page.time_zone,
        mail_from_name=page.mail_from_name,
        mail_reply_to=page.mail_reply_to,
        link_policy=page.link_policy,
        public_channels=[],
        is_demo=page.is_demo,
        stage_pace=pace,
        confirmed_at=now,
        created_at=now,
        updated_at=now,
        players=[DrillPlayer(staff_user=user, is_told=is_told) for user, is_told in players.items()],
    )
    db.session.add(stage)
    db.session.flush()
    _copy_components(page, stage, now)
    for policy in db.session.scalars(select(CadencePolicy).filter_by(page_id=page.id)):
        db.session.add(_paced(policy, stage, now))
    db.session.flush()
    return stage


def naming(room: str, public_id: str) -> Page | None:
    """The stage on which the thing with this id is, in that room of the panel; None for what is real."""
    if (path := _ROOMS.get(room)) is None:
        return None
    query = select(Page).where(Page.stage_pace.is_not(None), path[-1].public_id == public_id)
    query = query.join(path[0], path[0].page_id == Page.id)
    for each in path[1:]:
        query = query.join(each, each.incident_id == path[0].id)
    return db.session.scalar(query)


def _copy_components(page: Page, stage: Page, now: datetime) -> None:
    """Everything works when a drill begins, whatever is broken outside."""
    groups: dict[int, ComponentGroup] = {}
    for each in components.listed(page):
        if each.group is not None and each.group.id not in groups:
            groups[each.group.id] = ComponentGroup(
                page_id=stage.id, name=each.group.name, position=each.group.position, created_at=now
            )
        copy = Component(
            page=stage,
            group=groups[each.group.id] if each.group else None,
            name=each.name,
            position=each.position,
            audience=each.audience,
            status=ComponentStatus.OPERATIONAL,
            status_changed_at=now,
            created_at=now,
        )
        db.session.add(copy)


def _paced(policy: CadencePolicy, stage: Page, now: datetime) -> CadencePolicy:
    spans = {name: stage.paced(getattr(policy, name)) for name in _SPANS}
    ladder = policy.ladder
    if ladder is not None:
        ladder = [{**step, "after": stage.paced(timedelta(seconds=step["after"])).total_seconds()} for step in ladder]
    return CadencePolicy(
        page=stage,
        severity=policy.severity,
        type=policy.type,
        **spans,
        phases={name: stage.paced(timedelta(seconds=span)).total_seconds() for name, span in policy.phases.items()},
        ladder=ladder,
        repeat=stage.paced(policy.repeat) if policy.repeat else None,
        needs_second=policy.needs_second,
        updated_at=now,
    )
