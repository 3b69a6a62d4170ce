"""Cadence policies: how often an incident of each severity speaks."""

from dataclasses import replace
from typing import Any

from flask import flash, redirect, render_template
from flask.typing import ResponseReturnValue

from statuspage.cadence.policies import cadence_for, set_policy
from statuspage.cadence.policy import Cadence
from statuspage.clock import parse_span, span_text, utcnow
from statuspage.errors import Invalid, NotFound
from statuspage.presenting import site_page
from statuspage.vocabulary import Severity, StaffRole

from . import forms
from .auth import actor, needs
from .forms import Typed
from .views import panel

SPANS = ("first", "interval", "lead")


@panel.get("/policies")
@needs(StaffRole.VIEWER)
def policies() -> str:
    """The policy of each severity."""
    return _page("", {}, {})


@panel.post("/policies/<severity>")
@needs(StaffRole.COMMS_LEAD)
def change_policy(severity: str) -> ResponseReturnValue:
    """Incidents of this severity promise accordingly, from their next update on."""
    if severity not in set(Severity):
        raise NotFound("There is no such severity.")
    typed = forms.typed()
    try:
        kept = cadence_for(site_page(), Severity(severity))
        set_policy(site_page(), Severity(severity), _read(typed, kept), actor(), utcnow())
    except Invalid as error:
        return _page(severity, typed, error.problems), error.http_status
    flash(f"{Severity(severity).label} is saved. It holds from the next update on.")
    return redirect("/admin/policies", 303)


def _read(typed: Typed, kept: Cadence) -> Cadence:
    spans: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for name in SPANS:
        try:
            spans[name] = parse_span(typed.get(name, ""))
        except ValueError as error:
            problems[name] = str(error) if typed.get(name, "").strip() else "Write a span like 20s, 30m or 1h30m."
    if problems:
        raise Invalid(problems)
    return replace(kept, **spans)


def _page(severity: str, typed: Typed, problems: dict[str, str]) -> str:
    page = site_page()
    kept = {each: {name: span_text(getattr(cadence_for(page, each), name)) for name in SPANS} for each in Severity}
    return render_template("admin/policies.html", kept=kept, severity=severity, typed=typed, problems=problems)
