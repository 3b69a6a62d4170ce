"""Cadence policies: how often an incident speaks, and who is chased when it does not."""

from typing import Any

from flask import flash, redirect, render_template, request
from flask.typing import ResponseReturnValue

from statuspage import staff
from statuspage.cadence import soundness
from statuspage.cadence.policies import (
    business_hours,
    cadence_for,
    drop_policy,
    rulebook,
    set_fallback,
    set_hours,
    set_policy,
)
from statuspage.cadence.policy import DEFAULTS
from statuspage.cadence.steps import CHANNELS
from statuspage.channels import label_of
from statuspage.clock import utcnow
from statuspage.errors import Invalid, NotFound
from statuspage.presenting import site_page
from statuspage.vocabulary import DeadlineKind, DeadlineStart, IncidentType, Phase, Severity, StaffRole

from . import forms, policy_form
from .auth import actor, needs
from .policy_cards import card
from .views import panel


@panel.get("/policies")
@needs(StaffRole.VIEWER)
def policies() -> str:
    """A card for each policy, and what they share."""
    return _room()


@panel.get("/policies/own")
@needs(StaffRole.COMMS_LEAD)
def own_policy() -> ResponseReturnValue:
    """To the policy of one severity and one type of incident, which there may not be yet."""
    severity, of_type = _severity(request.args.get("severity", "")), _type()
    return redirect(f"/admin/policies/{severity.value}" + (f"?type={of_type.value}" if of_type else ""), 303)


@panel.get("/policies/<severity>")
@needs(StaffRole.COMMS_LEAD)
def edit_policy(severity: str) -> str:
    """One policy, ready to be changed."""
    known, of_type = _severity(severity), _type()
    kept = cadence_for(site_page(), known, of_type)
    return _form(known, of_type, policy_form.filled(kept), {})


@panel.post("/policies/<severity>")
@needs(StaffRole.COMMS_LEAD)
def change_policy(severity: str) -> ResponseReturnValue:
    """Such incidents promise accordingly, from their next update on."""
    known, of_type, page = _severity(severity), _type(), site_page()
    if request.form.get("what") == "ready":
        set_policy(page, known, DEFAULTS[known], actor(), utcnow(), of_type)
        flash(f"{known.label} is as it came: the set “web service”.")
        return redirect("/admin/policies", 303)
    typed = policy_form.retyped()
    try:
        cadence = policy_form.read(typed, cadence_for(page, known, of_type))
        set_policy(page, known, cadence, actor(), utcnow(), of_type)
    except Invalid as error:
        shown = typed if typed.get("whole") else {**policy_form.filled(cadence_for(page, known, of_type)), **typed}
        return _form(known, of_type, shown, error.problems), error.http_status
    flash(f"{known.label} is saved. It holds from the next update on.")
    return redirect("/admin/policies", 303)


@panel.post("/policies/<severity>/drop")
@needs(StaffRole.COMMS_LEAD)
def drop_own_policy(severity: str) -> ResponseReturnValue:
    """Incidents of this type follow their severity's policy again."""
    known, of_type = _severity(severity), _type()
    if of_type is None:
        raise NotFound("Every severity has a policy. Choose one for a type of incident.")
    drop_policy(site_page(), known, of_type, actor(), utcnow())
    flash(f"{known.label} incidents of type “{of_type.label.lower()}” follow the policy of {known.label} again.")
    return redirect("/admin/policies", 303)


@panel.post("/policies/hours")
@needs(StaffRole.COMMS_LEAD)
def change_hours() -> ResponseReturnValue:
    """These are the business hours of every policy that keeps them."""
    days = request.form.getlist("days")
    try:
        set_hours(site_page(), policy_form.read_hours(forms.typed(), days), actor(), utcnow())
    except Invalid as error:
        return _room(hours={**forms.typed(), "days": days}, problems=error.problems), error.http_status
    flash("The business hours are saved.")
    return redirect("/admin/policies#hours", 303)


@panel.post("/policies/fallback")
@needs(StaffRole.COMMS_LEAD)
def change_fallback() -> ResponseReturnValue:
    """Somebody hears of a late promise when the ladder has run out."""
    wanted = request.form.get("fallback", "")
    try:
        set_fallback(site_page(), staff.find(wanted) if wanted else None, actor(), utcnow())
    except Invalid as error:
        return _room(problems=error.problems), error.http_status
    flash("The fallback contact is saved.")
    return redirect("/admin/policies#fallback-contact", 303)


def _room(hours: dict[str, Any] | None = None, problems: dict[str, str] | None = None) -> str:
    page = site_page()
    book, found = rulebook(page), soundness.faults(page)
    own = [(severity, of_type) for severity, of_type in book.cadences if of_type is not None]
    order = sorted(own, key=lambda key: (key[0].value, key[1].value))
    cards = [card(each, None, book.cadence(each), found) for each in Severity]
    return render_template(
        "admin/policies.html",
        cards=cards,
        own=[card(severity, of_type, book.cadence(severity, of_type), found) for severity, of_type in order],
        shared=[fault.sentence for fault in found if fault.severity is None],
        hints=soundness.hints(page),
        hours=hours or policy_form.filled_hours(business_hours(page)),
        days=list(enumerate(policy_form.DAYS)),
        people=[(each.public_id, each.display_name) for each in staff.listed() if each.active],
        severities=[(each.value, each.label) for each in Severity],
        types=[(each.value, each.label) for each in IncidentType],
        problems=problems or {},
    )


def _form(severity: Severity, of_type: IncidentType | None, typed: dict[str, Any], problems: dict[str, str]) -> str:
    page = site_page()
    cadence = cadence_for(page, severity, of_type)
    return render_template(
        "admin/policy.html",
        card=card(severity, of_type, cadence, soundness.faults(page)),
        is_kept=(severity, of_type) in rulebook(page).cadences,
        typed=typed,
        problems=problems,
        phases=[(phase.value, phase.label) for phase in Phase],
        recipients=policy_form.recipients(staff.listed()),
        channels=[(name, label_of(name)) for name in CHANNELS],
        since=[(each.value, f"since {each.label.lower()}") for each in DeadlineStart],
        kinds=[(DeadlineKind.CUSTOMERS.value, "Word to customers, on the page"),
               (DeadlineKind.AUTHORITY.value, "Report to an authority, inside")],
        has_phases=any(value for name, value in typed.items() if name.startswith("phase-")),
        hours=business_hours(page),
    )  # fmt: skip


def _severity(word: str) -> Severity:
    if word not in set(Severity):
        raise NotFound("There is no such severity.")
    return Severity(word)


def _type() -> IncidentType | None:
    word = request.values.get("type", "")
    if word and word not in set(IncidentType):
        raise NotFound("There is no such type of incident.")
    return IncidentType(word) if word else None
