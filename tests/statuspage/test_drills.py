"""Drills: the whole pipeline runs for those who take part, and nobody else hears a word."""

import re
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from statuspage import api_keys, pages, publishing, reporting, subscriptions
from statuspage.analytics import reading, writing
from statuspage.analytics.figures import figures
from statuspage.analytics.periods import Period
from statuspage.cadence import handing, reminders
from statuspage.clock import utcnow
from statuspage.db import db
from statuspage.drafts import Promise, UpdateDraft
from statuspage.drills import playing, scores, scripts
from statuspage.drills.playing import Cast
from statuspage.errors import Conflict, Invalid
from statuspage.models import Announcement, Component, Delivery, Incident, Subscriber
from statuspage.visibility import PUBLIC, STAFF, may_see, only_for
from statuspage.vocabulary import (
    AnnouncementKind,
    ComponentStatus,
    DeliveryState,
    IncidentRole,
    IncidentStatus,
    PromiseOutcome,
    Scope,
    StaffRole,
)
from tests.conftest import BY, NOON

WORD = "Quagmire77"
MINUTE = timedelta(minutes=1)
SCRIPT = f"""Severity: sev1
+0 alert: {WORD}: checkouts fail.
+4 chat: {WORD}: support has 30 tickets.
+10 tech lead: {WORD}: cause found.

expect +15 first update
expect +20 identified
expect +60 resolved
"""
LEAD = IncidentRole.COMMUNICATIONS_LEAD


@pytest.fixture
def crew(colleague):
    """Ada speaks, Bo watches, Cy takes no part though they are a comms lead too."""
    return (
        colleague(email="ada@candor.example", phone="+4915112345601"),
        colleague(StaffRole.RESPONDER, email="bo@candor.example"),
        colleague(email="cy@candor.example"),
    )


@pytest.fixture
def kept(page):
    return scripts.save(page, "", f"Drill {WORD}", SCRIPT, BY, NOON)


@pytest.fixture
def drill(page, kept, crew, api, subscribe):
    subscribe("reader@example.com")
    ada, bo, _ = crew
    return playing.start(page, kept, Cast(((LEAD, ada),), (bo,), {bo}), 1.0, BY, NOON)


def say(drill, status, body, at, **more):
    return publishing.post_update(drill.incident, UpdateDraft(status, body, **more), BY, at)


def told(dispatch, now):
    """Everybody who was sent anything, and what."""
    dispatch(now)
    rows = db.session.scalars(select(Delivery).where(Delivery.state == DeliveryState.CAPTURED))
    return [(row.recipient, row.announcement.kind, row.announcement.words) for row in rows]


def test_a_whole_drill_with_its_score_sheet(drill, dispatch):
    stage = drill.stage
    part = db.session.scalar(select(Component).filter_by(page_id=stage.id))
    for minute in range(1, 11):
        playing.play_due(NOON + minute * MINUTE)
        reminders.remind_due(NOON + minute * MINUTE)
    down = {part: ComponentStatus.MAJOR_OUTAGE}
    say(drill, IncidentStatus.INVESTIGATING, f"{WORD}: we are looking.", NOON + 12 * MINUTE, components=down)
    say(drill, IncidentStatus.IDENTIFIED, f"{WORD}: we know why.", NOON + 50 * MINUTE, promise=Promise(none_because=""))
    green = {part: ComponentStatus.OPERATIONAL}
    say(drill, IncidentStatus.RESOLVED, f"{WORD}: over.", NOON + 55 * MINUTE, components=green)
    playing.play_due(NOON + 56 * MINUTE)
    sheet = scores.sheet(drill, NOON + 60 * MINUTE)

    assert not drill.is_running
    assert drill.ending == playing.PLAYED
    assert [each.shown_at for each in drill.injects] == [NOON, NOON + 4 * MINUTE, NOON + 10 * MINUTE]
    assert (sheet.first, sheet.first_within, sheet.is_first_in_time) == (12 * MINUTE, 15 * MINUTE, True)
    assert (sheet.kept, sheet.late) == (2, (8 * MINUTE,))
    assert [(each.label, each.is_kept) for each in sheet.steps] == [
        ("First update", True), ("Identified", False), ("Resolved", True),
    ]  # fmt: skip
    people = {address for address, _, _ in told(dispatch, NOON + 56 * MINUTE)}
    assert people == {"ada@candor.example", "+4915112345601", "bo@candor.example"}


def test_everything_participants_get_is_marked_as_a_drill(drill, dispatch):
    reminders.remind_due(NOON + 10 * MINUTE)
    dispatch(NOON + 10 * MINUTE)
    say(drill, IncidentStatus.INVESTIGATING, f"{WORD}: we are looking.", NOON + 12 * MINUTE)
    sent = told(dispatch, NOON + 12 * MINUTE)

    assert {kind for _, kind, _ in sent} == {AnnouncementKind.DRILL, AnnouncementKind.REMINDER}
    assert all("[DRILL]" in words["email"]["subject"] and "[DRILL]" in words["sms"]["text"] for _, _, words in sent)


def test_nobody_is_chased_who_takes_no_part(drill, dispatch, crew):
    for minute in range(0, 200, 5):
        reminders.remind_due(NOON + minute * MINUTE)

    assert "cy@candor.example" not in {address for address, _, _ in told(dispatch, NOON + 200 * MINUTE)}
    with pytest.raises(Invalid, match="takes no part"):
        handing.hand_over(drill.incident, crew[2], BY, NOON + 201 * MINUTE)


def test_ledger_owes_no_subscriber_a_word(drill, dispatch):
    say(drill, IncidentStatus.INVESTIGATING, f"{WORD}: we are looking.", NOON + MINUTE)
    dispatch(NOON + MINUTE)
    owed = db.session.scalars(select(Delivery).where(Delivery.subscriber_id.is_not(None))).all()

    assert owed == []
    assert db.session.scalar(select(func.count()).select_from(Announcement).filter_by(page_id=pages.first().id)) == 0


def test_who_confirms_during_a_drill_is_told_nothing_of_it(drill, dispatch, page):
    say(drill, IncidentStatus.INVESTIGATING, f"{WORD}: we are looking.", NOON + MINUTE)
    subscriptions.sign_up(page, "email", "new@example.com", subscriptions.Wishes(), "test", "192.0.2.1", NOON + MINUTE)
    newcomer = db.session.scalar(select(Subscriber).filter_by(address="new@example.com"))
    subscriptions.confirm(newcomer, NOON + 2 * MINUTE)
    sent = told(dispatch, NOON + 2 * MINUTE)

    assert [kind for address, kind, _ in sent if address == "new@example.com"].count(
        AnnouncementKind.CURRENT_STATE
    ) == 0
    assert all(WORD not in str(words) for address, _, words in sent if address.endswith("example.com"))


def test_components_outside_stay_as_they_are(drill, api):
    part = db.session.scalar(select(Component).filter_by(page_id=drill.stage_id))
    say(drill, IncidentStatus.INVESTIGATING, "Down.", NOON + MINUTE, components={part: ComponentStatus.MAJOR_OUTAGE})

    assert part is not api
    assert api.status is ComponentStatus.OPERATIONAL
    assert pages.first().confirmed_at < NOON + MINUTE


def test_the_door_itself_lets_no_drill_through(drill):
    say(drill, IncidentStatus.INVESTIGATING, "Public words.", NOON + MINUTE)

    assert not may_see(PUBLIC, drill.incident)
    assert may_see(STAFF, drill.incident)
    assert db.session.scalars(select(Incident).where(*only_for(PUBLIC, Incident))).all() == []


def test_figures_of_real_incidents_are_the_same_before_and_after(page, kept, crew, open_incident):
    open_incident()
    now = NOON + timedelta(hours=4)

    def told_by_figures():
        counts = (reading.promise_counts(), reading.promise_totals(), reading.promises_standing(now))
        return writing.as_json(figures(reading.history(page, Period.DAYS_90, now))), counts

    before = told_by_figures()
    drill = playing.start(page, kept, Cast(((LEAD, crew[0]),)), 1.0, BY, NOON)
    say(drill, IncidentStatus.INVESTIGATING, f"{WORD}: we are looking.", NOON + 30 * MINUTE)
    say(drill, IncidentStatus.IDENTIFIED, f"{WORD}: we know why.", NOON + 130 * MINUTE)

    assert told_by_figures() == before
    assert reporting.report_due(NOON + timedelta(days=60)) == 0
    assert {each.outcome for each in drill.incident.promises} == {PromiseOutcome.LATE, None}


def test_sixty_minutes_are_rehearsed_in_fifteen(page, kept, crew):
    drill = playing.start(page, kept, Cast(((LEAD, crew[0]),)), 4.0, BY, NOON)
    playing.play_due(NOON + 61 * timedelta(seconds=1))

    assert drill.incident.next_update_due_at == NOON + timedelta(minutes=15) / 4
    assert [each.shown_at is not None for each in drill.injects] == [True, True, False]
    say(drill, IncidentStatus.INVESTIGATING, "Looking.", NOON + 3 * MINUTE, promise=Promise(within=timedelta(hours=1)))
    assert drill.incident.next_update_due_at == NOON + 18 * MINUTE
    assert scores.sheet(drill, NOON + 4 * MINUTE).first == 12 * MINUTE


def test_drill_stopped_early_chases_nobody_any_more(drill):
    playing.stop(drill, BY, NOON + MINUTE)

    assert drill.ending == playing.STOPPED
    assert reminders.remind_due(NOON + timedelta(hours=5)) == 0
    with pytest.raises(Conflict):
        say(drill, IncidentStatus.INVESTIGATING, "Too late.", NOON + 2 * MINUTE)
    with pytest.raises(Conflict):
        publishing.show_again(drill.incident, BY, NOON + 2 * MINUTE)
    with pytest.raises(Conflict):
        playing.stop(drill, BY, NOON + 2 * MINUTE)


def test_drill_nobody_resolves_ends_by_itself(drill):
    playing.play_due(NOON + timedelta(minutes=89))
    assert drill.is_running
    playing.play_due(NOON + timedelta(minutes=90))

    assert drill.ending == playing.TIME_UP
    assert scores.sheet(drill, NOON + timedelta(hours=9)).missed == 3


def test_one_drill_at_a_time(drill, page, kept, crew):
    with pytest.raises(Conflict, match="being rehearsed"):
        playing.start(page, kept, Cast(((LEAD, crew[0]),)), 1.0, BY, NOON + MINUTE)


def test_past_incident_becomes_a_script(page, open_incident):
    incident = open_incident()
    publishing.post_update(incident, UpdateDraft(IncidentStatus.IDENTIFIED, "A full disk."), BY, NOON + 20 * MINUTE)
    name, source = scripts.from_incident(incident)
    script = scripts.save(page, "", name, source, BY, NOON).script

    assert [(each.minute, each.words) for each in script.injects] == [
        (0, "We are looking into it."), (20, "A full disk."),
    ]  # fmt: skip
    assert [(each.minute, each.label) for each in script.expectations] == [(5, "First update"), (25, "Identified")]


def outside(app: Flask) -> list[str]:
    """Every address of ours that a stranger may ask for by GET, with what there is to put into it."""
    return [
        re.sub(r"<[^>]+>", "{}", rule.rule)
        for rule in app.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and not rule.rule.startswith(("/admin", "/static"))
    ]


def filled(path: str, ids: list[str]) -> list[str]:
    """The path with each of these ids in it; where it has more places, the page's goes into the others."""
    places = path.count("{}")
    return [path.format(*[ids[-1]] * (places - 1), each) for each in ids] if places else [path]


def test_no_outsider_sees_a_word_on_any_surface(drill, app, client, dispatch, page):
    say(drill, IncidentStatus.INVESTIGATING, f"{WORD}: we are looking.", NOON + MINUTE)
    ids = [drill.public_id, drill.stage.public_id, drill.incident.public_id]
    ids += [*(each.public_id for each in drill.incident.updates), page.public_id]
    _, secret = api_keys.add(page, "program", {Scope.ADMIN}, BY, utcnow())
    found, seen = outside(app), []
    for path in [each for template in found for each in filled(template, ids)]:
        for headers in ({}, {"Authorization": f"OAuth {secret}"}) if "/v1" in path else ({},):
            answer = client.get(path, headers=headers)
            seen.append((path, answer.status_code))
            assert WORD not in answer.text, path
            assert path.endswith(drill.incident.public_id) or drill.incident.public_id not in answer.text, path

    assert len(seen) > len(found) > 30
    assert {("/", 200), ("/history.atom", 200), (f"/v1/pages/{page.public_id}/incidents", 200)} <= set(seen)
    assert (f"/incidents/{drill.incident.public_id}", 404) in seen
    outsiders = [each for each in told(dispatch, NOON + MINUTE) if not each[0].endswith(("candor.example", "5601"))]
    assert outsiders == []
