"""The comms lead's panel. Each room is a module that hangs its views on the one blueprint."""

from flask import Flask

from . import (
    account,
    analytics,
    api_keys,
    auth,
    chase,
    components,
    compose,
    dashboard,
    drafts,
    drills,
    factors,
    health,
    incidents,
    journal,
    ledger,
    messages,
    on_call,
    page,
    policies,
    promises,
    second,
    sending,
    staff,
    subscribers,
    told,
    updates,
)
from .views import panel

ROOMS = (
    account, analytics, api_keys, chase, components, compose, dashboard, drafts, drills, factors, health, incidents,
    journal, ledger, messages, on_call, page, policies, promises, second, sending, staff, subscribers, told, updates,
)  # fmt: skip


def init_app(app: Flask) -> None:
    """Give the app its panel under /admin/."""
    auth.init_app(app, second.after_password)
    app.context_processor(lambda: {"passkey_question": second.passkey_question})
    app.register_blueprint(panel)
