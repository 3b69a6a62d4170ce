"""The public pages that are made on request: overview, incidents, history, and everything about subscribing."""

from flask import Flask
from flask_wtf.csrf import CSRFProtect

from .. import http
from . import callbacks, front, health, manage, metrics, pages, subscribe


def init_app(app: Flask) -> None:
    """Give the app its public pages, provider callbacks and probes; forms are protected against forgery."""
    front.init_app(app)
    csrf = CSRFProtect(app)
    for blueprint in (pages.site, subscribe.forms, manage.links, callbacks.inbound, health.probes, metrics.metrics):
        app.register_blueprint(blueprint)
    csrf.exempt(callbacks.inbound)
    csrf.exempt(manage.unsubscribe)
    for endpoint in ("inbound.twilio_status", "inbound.twilio_sms", "manage.unsubscribe"):
        http.open_to_others(endpoint)
