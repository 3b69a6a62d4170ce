"""API keys: what programs come in with. For admins."""

from datetime import timedelta

from flask import flash, redirect, render_template, request
from flask.typing import ResponseReturnValue

from statuspage import api_keys as verbs, urls
from statuspage.clock import utcnow
from statuspage.drafts import Reader
from statuspage.errors import Conflict, Invalid
from statuspage.presenting import site_page
from statuspage.vocabulary import Scope, StaffRole

from . import forms
from .auth import actor, needs
from .forms import Typed
from .views import panel

LIVES = {"90": timedelta(days=90), "365": timedelta(days=365), "0": None}
SCOPES = {
    Scope.READ: "Reads what is public: pages, components, incidents.",
    Scope.PUBLISH: "Opens, updates and removes incidents; sets the state of components. Subscribers are told.",
    Scope.SUBSCRIBERS: "Reads and changes subscribers, their addresses included.",
    Scope.CONFIG: "Changes components, groups and the page.",
    Scope.ADMIN: "Everything above.",
}


@panel.get("/api-keys")
@needs(StaffRole.ADMIN)
def api_keys() -> str:
    """All keys, the working ones first."""
    now = utcnow()
    keys = sorted(verbs.listed(site_page()), key=lambda key: not key.works_at(now))
    return render_template("admin/api_keys.html", keys=keys, now=now)


@panel.get("/api-keys/new")
@needs(StaffRole.ADMIN)
def new_api_key() -> str:
    """An empty form."""
    return _form({"days": "365", "allows_query": "yes"}, {})


@panel.post("/api-keys")
@needs(StaffRole.ADMIN)
def add_api_key() -> ResponseReturnValue:
    """There is one more key; it is shown now and never again."""
    typed = forms.typed()
    reader = Reader(typed)
    name = reader.line("name", "Say what the key is for.", verbs.NAME_LIMIT)
    scopes = [scope for scope in Scope if typed.get(f"scope_{scope.value}") == "yes"]
    try:
        if not scopes:
            reader.problems["scopes"] = "Choose at least one thing that the key may do."
        if typed.get("days", "") not in LIVES:
            reader.problems["days"] = "Choose how long the key works."
        reader.check()
        life, in_query = LIVES[typed["days"]], "allows_query" in request.form
        key, secret = verbs.add(site_page(), name, scopes, actor(), utcnow(), life=life, allows_query=in_query)
    except (Invalid, Conflict) as error:
        problems = error.problems if isinstance(error, Invalid) else {"name": str(error)}
        return _form(typed, problems), error.http_status
    return render_template("admin/api_key_made.html", key=key, secret=secret, base_url=urls.settings().base_url)


@panel.get("/api-keys/<public_id>")
@needs(StaffRole.ADMIN)
def api_key(public_id: str) -> str:
    """One key: what it may do, and when it was used."""
    return render_template("admin/api_key.html", key=verbs.find(site_page(), public_id), scopes=SCOPES, now=utcnow())


@panel.post("/api-keys/<public_id>/revoke")
@needs(StaffRole.ADMIN)
def revoke_api_key(public_id: str) -> ResponseReturnValue:
    """The key opens nothing any more."""
    key = verbs.find(site_page(), public_id)
    verbs.revoke(key, actor(), utcnow())
    flash(f"{key.name} is revoked.")
    return redirect("/admin/api-keys", 303)


def _form(typed: Typed, problems: dict[str, str]) -> str:
    return render_template("admin/api_key_new.html", typed=typed, problems=problems, scopes=SCOPES)
