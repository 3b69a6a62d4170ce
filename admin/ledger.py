"""The ledger: what was said, to how many, and what became of each."""

from collections.abc import Mapping

from flask import Response, render_template, request
from sqlalchemy import select

from statuspage.channels import label_of
from statuspage.clock import utcnow
from statuspage.db import db
from statuspage.errors import NotFound
from statuspage.models import Announcement
from statuspage.presenting import site_page
from statuspage.vocabulary import DeliveryState, StaffRole

from . import forms, masking, previews, standings
from .auth import needs
from .previews import Shown, framed, frozen, with_frames
from .views import panel


@panel.get("/announcements")
@needs(StaffRole.VIEWER)
def announcements() -> str:
    """What was said, newest first."""
    found = standings.announcements(site_page(), forms.continued_from())
    now = utcnow()
    shown = [standings.standing(each, now) for each in found.rows]
    return render_template("admin/announcements.html", standings=shown, before=found.before)


@panel.get("/announcements/<public_id>")
@needs(StaffRole.VIEWER)
def announcement(public_id: str) -> Response:
    """One announcement: counts that add up, reasons, the words as they were said, and each delivery."""
    found = _find(public_id)
    state = request.args.get("state", "")
    wanted = DeliveryState(state) if state in set(DeliveryState) else None
    return with_frames(
        render_template(
            "admin/announcement.html",
            standing=standings.standing(found, utcnow()),
            state=wanted,
            deliveries=standings.deliveries(found, wanted, forms.continued_from()),
            shown=masking.shown,
            words=_words(found),
            laid_out=_laid_out(_words(found)),
        )
    )


@panel.get("/announcements/<public_id>/progress")
@needs(StaffRole.VIEWER)
def progress(public_id: str) -> str:
    """How far it has come, alone; asks again by itself until everything is settled."""
    return render_template("admin/_progress.html", standing=standings.standing(_find(public_id), utcnow()))


@panel.get("/announcements/<public_id>/html")
@needs(StaffRole.VIEWER)
def announcement_html(public_id: str) -> Response:
    """The mail's HTML as frozen, for a sandboxed frame."""
    words = _words(_find(public_id)).get("email")
    return framed(words.html if words else None)


def _find(public_id: str) -> Announcement:
    query = select(Announcement).filter_by(page_id=site_page().id, public_id=public_id)
    found: Announcement | None = db.session.scalar(query)
    if found is None:
        raise NotFound("There is no such announcement.")
    return found


def _laid_out(words: Mapping[str, Shown]) -> list[tuple[str, str]]:
    """The words that channels lay out themselves, easy to read, each once with the channels that share it."""
    shared: dict[str, list[str]] = {}
    for kind, shown in words.items():
        if shown.text.startswith("{"):
            shared.setdefault(shown.text, []).append(label_of(kind))
    return [(", ".join(labels), previews.indented(text)) for text, labels in shared.items()]


def _words(announcement: Announcement) -> dict[str, Shown]:
    """The frozen words by channel; where they differ per person stands what differs."""
    said = {name: words for name, words in announcement.words.items() if isinstance(words, dict)}
    return {name: frozen(announcement.public_id, words) for name, words in said.items()}
