"""Absolute addresses of our own pages, from the configured base URL and never from a request's Host."""

from flask import current_app

from .settings import Settings


def settings() -> Settings:
    """The running app's settings."""
    found: Settings = current_app.extensions["candor.settings"]
    return found


def absolute(path: str) -> str:
    """The address that a reader far away can open."""
    return settings().base_url + path


def incident(public_id: str) -> str:
    """An incident's permalink."""
    return absolute(f"/incidents/{public_id}")


def deadlines(public_id: str) -> str:
    """Where the deadlines of an incident are settled, in the panel."""
    return absolute(f"/admin/incidents/{public_id}#deadlines")


def confirm(token: str) -> str:
    """Where a sign-up by email is confirmed."""
    return absolute(f"/subscribe/confirm/{token}")


def manage(token: str) -> str:
    """Where a subscriber changes what they get."""
    return absolute(f"/manage/{token}")


def unsubscribe(token: str) -> str:
    """Where a subscription ends; opening it changes nothing, posting to it does (RFC 8058)."""
    return absolute(f"/unsubscribe/{token}")


def compose(token: str) -> str:
    """The composer for one person and one incident."""
    return absolute(f"/admin/compose/{token}")


def sign_in(token: str) -> str:
    """A one-time way into the panel."""
    return absolute(f"/admin/sign-in/{token}")
