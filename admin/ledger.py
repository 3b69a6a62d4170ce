"""The ledger: what was said, to how many, and what became of each."""

from collections.abc import Mapping

from flask import Response, flash, redirect, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from statuspage import sealing
from statuspage.channels import label_of
from statuspage.clock import utcnow
from statuspage.db import db
from statuspage.delivery import exporting, retrying, unreported
from statuspage.errors import NotFound
from statuspage.kept import kept
from statuspage.models import Announcement
from statuspage.presenting import site_page
from statuspage.vocabulary import DeliveryState, StaffRole

from . import forms, masking, previews, receipt, standings
from .auth import actor, has_role, needs
from .previews import Shown, framed, frozen, with_frames
from .views import panel

EXPORTS = {"csv": "text/csv; charset=utf-8", "json": "application/json"}


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
    wanted, now = DeliveryState(state) if state in set(DeliveryState) else None, utcnow()
    standing = standings.standing(found, now)
    return with_frames(
        render_template(
            "admin/announcement.html",
            standing=standing,
            receipt=receipt.of(standing, now),
            retryable=retrying.count_failed(found, now),
            state=wanted,
            deliveries=standings.deliveries(standing, wanted, forms.continued_from()),
            shown=masking.shown,
            is_unreported=unreported.is_unreported,
            now=now,
            words=_words(found),
            laid_out=_laid_out(_words(found)),
        )
    )


@panel.get("/announcements/<public_id>/progress")
@needs(StaffRole.VIEWER)
def progress(public_id: str) -> str:
    """How far it has come, alone; asks again by itself until everything is settled."""
    return render_template("admin/_progress.html", standing=standings.standing(_find(public_id), utcnow()))


@panel.get("/announcements/<public_id>/receipt")
@needs(StaffRole.VIEWER)
def receipt_of(public_id: str) -> str:
    """Who was reached, how fast, and what became of the others, alone."""
    now = utcnow()
    standing = standings.standing(_find(public_id), now)
    return render_template("admin/_receipt.html", receipt=receipt.of(standing, now))


@panel.post("/announcements/<public_id>/retry")
@needs(StaffRole.COMMS_LEAD)
def retry(public_id: str) -> ResponseReturnValue:
    """What failed is owed once more."""
    found = _find(public_id)
    count = retrying.retry_failed(found, actor(), utcnow())
    kept().forget(("by_channel", found.id))
    flash(f"{count:,} are tried again." if count else "There is nothing to try again.")
    return redirect(f"/admin/announcements/{public_id}", 303)


@panel.get("/announcements/<public_id>/export.<form>")
@needs(StaffRole.COMMS_LEAD)
def export(public_id: str, form: str) -> Response:
    """The ledger as a file, CSV or JSON, written while it is read. Addresses are whole for admins only."""
    found = _find(public_id)
    if form not in EXPORTS:
        raise NotFound("A ledger comes as csv or json.")
    exporting.note_export(found, form, actor(), utcnow())
    show = sealing.shown if has_role(StaffRole.ADMIN) else masking.mask
    lines = exporting.lines(found.id, show)
    body = exporting.as_csv(lines) if form == "csv" else exporting.as_json(exporting.head(found), lines)
    headers = {"Content-Disposition": f'attachment; filename="announcement-{found.public_id}.{form}"'}
    return Response(body, headers=headers, content_type=EXPORTS[form])


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
