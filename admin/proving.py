"""Proving oneself in a browser: where it is, what it is asked, and the cookie of a remembered device."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from flask import Response, request

from statuspage import urls
from statuspage.audit import Actor
from statuspage.db import db
from statuspage.factors import devices, passkeys, standing
from statuspage.factors.passkeys import Site
from statuspage.http import LOOPBACK
from statuspage.models import RememberedDevice, StaffUser

# What tells browsers and systems apart in what they call themselves; the first that is found counts.
_BROWSERS = (("Edg", "Edge"), ("OPR/", "Opera"), ("Firefox", "Firefox"), ("Chrome", "Chrome"), ("Safari", "Safari"))
_SYSTEMS = ("iPhone", "iPad", "Android", "Windows", "Macintosh", "Linux")


@dataclass(frozen=True)
class Ways:
    """How somebody may prove themselves here; `question` is what a passkey answers, empty where none does."""

    question: str = ""
    code: bool = False
    password: bool = False


def site() -> Site:
    """Where the browser is: at the base URL, or on this machine by whatever name, for trying things out."""
    base = urlsplit(urls.settings().base_url)
    host = urlsplit(f"//{request.host}").hostname or ""
    if host in LOOPBACK:
        return Site(host, f"{request.scheme}://{request.host}")
    return Site(base.hostname or "", f"{base.scheme}://{base.netloc}")


def ways_of(user: StaffUser, about: str, now: datetime) -> Ways:
    """The colleague's second factors that work in this browser."""
    here = site()
    owned = standing.of(user, here)
    asked = passkeys.question(here, about, now, user) if owned.has_passkey_here else ""
    return Ways(question=asked, code=owned.has_code)


def is_remembered(user: StaffUser, now: datetime) -> bool:
    """Whether this colleague has proven themselves in this browser within a month."""
    return _device(user, now) is not None


def note_seen(user: StaffUser, now: datetime) -> None:
    """The colleague has used this browser again, if it is remembered; the caller commits."""
    if device := _device(user, now):
        device.seen_at = now


def remember(response: Response, user: StaffUser, by: Actor, now: datetime) -> None:
    """The browser need not ask again for a month; the colleague can end that in their account."""
    name = device_name(request.user_agent.string)
    token = devices.remember(user, name, by, now)
    db.session.commit()
    response.set_cookie(
        _cookie(),
        token,
        max_age=devices.REMEMBER_FOR,
        httponly=True,
        secure=urls.settings().is_https,
        samesite="Lax",
        path="/",
    )


def device_name(agent: str) -> str:
    """What a browser is called in a list, for example "Chrome on Android"."""
    browser = next((name for mark, name in _BROWSERS if mark in agent), "A browser")
    system = next((name for name in _SYSTEMS if name in agent), "")
    return f"{browser} on {system}" if system else browser


def _device(user: StaffUser, now: datetime) -> RememberedDevice | None:
    return devices.recognised(user, request.cookies.get(_cookie(), ""), now)


def _cookie() -> str:
    return "__Host-device" if urls.settings().is_https else "device"
