"""The policies room: whole forms, what is refused in a sentence, and what is shown as broken."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select

from statuspage import staff
from statuspage.cadence.policies import business_hours, cadence_for
from statuspage.cadence.policy import DEFAULTS
from statuspage.cadence.soundness import faults
from statuspage.db import db
from statuspage.models import AuditEntry, CadencePolicy, Page, StaffUser
from statuspage.vocabulary import IncidentType, Phase, Severity, StaffRole
from tests.conftest import BY, NOON
from tests.counting import statements

from .desk import Desk

MINUTE = timedelta(minutes=1)
WHOLE = {"whole": "yes", "first": "10m", "interval": "20m", "lead": "5m", "ladder": "ready"}
STEP = {"step-1-span": "5m", "step-1-when": "before", "step-1-to": "communications_lead"}


def kept(page: Page, severity: Severity = Severity.SEV1, of_type: IncidentType | None = None):
    db.session.rollback()
    return cadence_for(page, severity, of_type)


def test_everything_in_the_form_is_kept(lead: Desk, page: Page) -> None:
    answer = lead.post(
        "/admin/policies/sev1",
        **{
            **WHOLE, **STEP, "ladder": "own", "repeat": "15m", "coalescing": "1m", "needs_second": "yes",
            "phase-monitoring": "1h", "step-1-by": "email",
            "step-2-span": "0s", "step-2-when": "after", "step-2-to": f"person:{lead.user.public_id}",
            "rule-1-name": "Early warning", "rule-1-after": "24h", "rule-1-since": "detected",
            "rule-1-owner": "incident_commander", "rule-1-kind": "authority",
        },
    )  # fmt: skip

    assert answer.status_code == 303
    found = kept(page)
    assert [(step.step.value, step.after, step.to.word, step.channels) for step in found.steps] == [
        ("due_soon", -5 * MINUTE, "communications_lead", ("email",)),
        ("due", 0 * MINUTE, f"person:{lead.user.public_id}", ()),
    ]
    assert (found.phases, found.repeat, found.coalescing) == ({Phase.MONITORING: 60 * MINUTE}, 15 * MINUTE, MINUTE)
    assert [(rule.name, rule.after, rule.kind.value) for rule in found.deadlines] == [
        ("Early warning", timedelta(days=1), "authority")
    ]
    assert found.needs_second


def test_form_comes_back_as_it_was_kept(lead: Desk, page: Page) -> None:
    lead.post("/admin/policies/sev1", **{**WHOLE, **STEP, "ladder": "own", "phase-monitoring": "1h"})
    first = kept(page)
    text = lead.get("/admin/policies/sev1").text

    assert 'value="1h"' in text
    assert '<option value="communications_lead" selected>' in text
    assert first.ladder is not None


@pytest.mark.parametrize(
    ("change", "field", "sentence"),
    [
        ({"interval": "2m"}, "lead", "is shorter than the lead time"),
        ({"phase-monitoring": "2m"}, "lead", "The interval while monitoring (2 min) is shorter"),
        ({"ladder": "own"}, "ladder", "A ladder needs a step"),
        ({"ladder": "own", **STEP, "repeat": "1s"}, "repeat", "would bury people in messages"),
        ({"ladder": "own", **STEP, "step-1-span": "1h"}, "ladder", "would remind 1 h before the time"),
        ({"ladder": "own", **STEP, "step-1-to": "person:nobodyhere12"}, "ladder", "who has left"),
        ({"ladder": "own", **STEP, "step-1-to": "everybody"}, "ladder", "nobody who can be reminded"),
        ({"ladder": "own", **STEP, "step-1-by": "sms"}, "ladder", "has no SMS on file"),
        ({"ladder": "own", **STEP, "step-1-to": "fallback"}, "ladder", "there is none"),
        ({"first": ""}, "first", "Write a span"),
        ({"rule-1-name": "Report", "rule-1-after": "soon"}, "deadlines", "is not a span"),
        ({"rule-1-name": "Report", "rule-1-after": "1h", "rule-1-owner": "x"}, "deadlines", "nobody who can be"),
        ({"coalescing": "2h"}, "coalescing", "an hour at most"),
    ],
)
def test_what_cannot_be_kept_is_said_in_a_sentence(
    lead: Desk, page: Page, change: dict[str, str], field: str, sentence: str
) -> None:
    answer = lead.post("/admin/policies/sev1", **{**WHOLE, **change})

    assert answer.status_code == 422
    assert sentence in answer.text
    assert f'href="#{field}"' in answer.text
    assert kept(page) == DEFAULTS[Severity.SEV1]


def test_what_changed_is_on_record_with_what_was_before(lead: Desk) -> None:
    lead.post("/admin/policies/sev1", first="15m", interval="20m", lead="5m")

    db.session.rollback()
    [entry] = db.session.scalars(select(AuditEntry).filter_by(act="policy.set"))
    assert (entry.detail["before"], entry.detail["after"]) == ({"interval": "30m"}, {"interval": "20m"})


def test_type_of_incident_has_a_policy_of_its_own_until_it_is_dropped(lead: Desk, page: Page) -> None:
    asked = lead.get("/admin/policies/own?severity=sev1&type=security")
    lead.post("/admin/policies/sev1?type=security", **WHOLE)
    own = kept(page, of_type=IncidentType.SECURITY).interval
    lead.post("/admin/policies/sev1/drop", type="security")

    assert asked.location == "/admin/policies/sev1?type=security"
    assert own == 20 * MINUTE
    assert kept(page, of_type=IncidentType.SECURITY) == kept(page) == DEFAULTS[Severity.SEV1]


def test_ready_made_set_comes_back(lead: Desk, page: Page) -> None:
    lead.post("/admin/policies/sev1", **WHOLE)
    lead.post("/admin/policies/sev1", what="ready")

    assert kept(page) == DEFAULTS[Severity.SEV1]


def test_business_hours_are_kept_by_the_policies_that_say_so(lead: Desk, page: Page) -> None:
    hours = {"keeps": "yes", "zone": "Europe/Berlin", "opens": "09:00", "closes": "17:30", "holidays": "de-be"}
    lead.post("/admin/policies/hours", **hours, days=["0", "1", "4"])
    lead.post("/admin/policies/sev4", **WHOLE, keeps_hours="yes")

    found = kept(page, Severity.SEV4).hours
    assert found is not None
    assert (found.days, found.holidays, found.closes.minute) == ((0, 1, 4), "DE-BE", 30)
    assert kept(page).hours is None


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"zone": "Europe/Berlim"}, "is not a time zone"),
        ({"holidays": "XX"}, "The holidays of “XX” are not known"),
        ({"opens": "late"}, "Write a time of day"),
        ({"opens": "18:00"}, "end after they begin"),
        ({"days": []}, "Choose a day"),
    ],
)
def test_hours_that_make_no_sense_are_refused(lead: Desk, page: Page, change: dict[str, object], sentence: str) -> None:
    typed = {"keeps": "yes", "zone": "UTC", "opens": "09:00", "closes": "17:00", "days": ["0"]} | change
    answer = lead.post("/admin/policies/hours", **typed)

    assert answer.status_code == 422
    assert sentence in answer.text
    db.session.rollback()
    assert business_hours(page) is None


def test_policy_that_has_become_broken_is_shown_before_an_incident_finds_out(
    lead: Desk, page: Page, colleague: Callable[..., StaffUser]
) -> None:
    ada = colleague(StaffRole.RESPONDER, "ada@candor.example", "+4915112345601")
    only_ada = {**STEP, "ladder": "own", "step-1-to": f"person:{ada.public_id}", "step-1-by": "sms"}
    lead.post("/admin/policies/sev2", **{**WHOLE, **only_ada})
    before = lead.get("/admin/").text
    staff.edit(ada, "", "", StaffRole.RESPONDER, True, BY, NOON)  # her number is gone
    without = [fault.whole for fault in faults(page)]
    staff.edit(ada, "", "", StaffRole.RESPONDER, False, BY, NOON)

    assert "is broken" not in before
    assert without == ["SEV2: Step 1 reaches nobody: ada@candor.example has no SMS on file."]
    sentence = "Step 1 is for ada@candor.example, who has left. Choose somebody else."
    assert all(sentence in lead.get(path).text for path in ("/admin/", "/admin/policies", "/admin/policies/sev2"))


def test_other_spans_are_changed_although_somebody_has_left(
    lead: Desk, page: Page, colleague: Callable[..., StaffUser]
) -> None:
    ada = colleague(StaffRole.RESPONDER, "ada@candor.example")
    lead.post("/admin/policies/sev2", **{**WHOLE, **STEP, "ladder": "own", "step-1-to": f"person:{ada.public_id}"})
    staff.edit(ada, "", "", StaffRole.RESPONDER, False, BY, NOON)
    lead.post("/admin/policies/sev2", first="10m", interval="25m", lead="5m")

    assert kept(page, Severity.SEV2).interval == 25 * MINUTE


def test_values_that_a_hand_has_spoilt_stop_nothing_and_are_shown(lead: Desk, page: Page) -> None:
    row = db.session.scalars(select(CadencePolicy).filter_by(severity=Severity.SEV3)).one()
    row.ladder = [{"step": "never"}]
    db.session.commit()

    assert cadence_for(page, Severity.SEV3) == DEFAULTS[Severity.SEV3]
    assert "Its ladder cannot be read" in lead.get("/admin/policies").text


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"holidays": "XX"}, "The holidays of “XX” are not known"),
        ({"zone": "Moon/Base"}, "is not a time zone"),
        ({"days": ["Monday"]}, "The business hours cannot be read"),
    ],
)
def test_hours_that_nobody_knows_any_more_hold_nothing_back_and_are_shown(
    lead: Desk, page: Page, change: dict[str, object], sentence: str
) -> None:
    lead.post("/admin/policies/sev4", **WHOLE, keeps_hours="yes")
    good = {"zone": "UTC", "opens": "09:00", "closes": "17:00", "days": [0], "holidays": ""}
    page.business_hours = good | change
    db.session.commit()

    assert kept(page, Severity.SEV4).held(NOON) == NOON
    assert sentence in lead.get("/admin/policies").text


def test_fallback_contact_is_chosen(lead: Desk, page: Page) -> None:
    assert "Nobody is the fallback contact yet" in lead.get("/admin/policies").text
    lead.post("/admin/policies/fallback", fallback=lead.user.public_id)

    db.session.expire_all()
    assert page.fallback_contact_id == lead.user.id
    assert "Nobody is the fallback contact yet" not in lead.get("/admin/policies").text


def test_asking_whether_policies_hold_costs_the_same_however_many_people_they_name(lead: Desk, page: Page) -> None:
    def cost() -> int:
        db.session.rollback()
        with statements() as heard:
            assert faults(page) == []
        return len(heard)

    before = cost()
    named = {
        f"step-{number}-{what}": word
        for number in (1, 2, 3)
        for what, word in (("span", f"{number}m"), ("when", "after"), ("to", f"person:{lead.user.public_id}"))
    }
    lead.post("/admin/policies/sev1", **{**WHOLE, **named, "ladder": "own"})

    assert cost() == before
