"""Captured messages: what an installation without relay or Twilio would have sent, exactly as it would arrive."""

from flask import Response, render_template, request

from statuspage.channels import channels
from statuspage.db import db
from statuspage.delivery import letters as rendering
from statuspage.errors import NotFound
from statuspage.models import Delivery
from statuspage.presenting import site_page
from statuspage.vocabulary import DeliveryState, StaffRole

from . import forms, masking, standings
from .auth import has_role, needs
from .previews import framed, links, with_frames
from .views import panel


@panel.get("/messages")
@needs(StaffRole.COMMS_LEAD)
def messages() -> str:
    """The captured messages, newest first."""
    channel = request.args.get("channel", "")
    return render_template(
        "admin/messages.html",
        channel=channel,
        channels=channels(),
        messages=standings.captured(channel, forms.continued_from()),
        shown=masking.shown,
    )


@panel.get("/messages/<int:delivery_id>")
@needs(StaffRole.COMMS_LEAD)
def message(delivery_id: int) -> Response:
    """One message as it would have arrived."""
    delivery = _find(delivery_id)
    preview = channels()[delivery.channel].preview(rendering.personal(delivery), delivery.recipient)
    is_admin = has_role(StaffRole.ADMIN)
    headers = [(name, masking.shown(value) if name == "To" else value) for name, value in preview.headers]
    return with_frames(
        render_template(
            "admin/message.html",
            delivery=delivery,
            message=preview,
            headers=headers,
            links=links(preview.text),
            raw=preview.raw if is_admin else "",
            shown=masking.shown,
        )
    )


@panel.get("/messages/<int:delivery_id>/html")
@needs(StaffRole.COMMS_LEAD)
def message_html(delivery_id: int) -> Response:
    """The HTML part alone, for a sandboxed frame."""
    return framed(rendering.personal(_find(delivery_id)).html)


def _find(delivery_id: int) -> Delivery:
    delivery = db.session.get(Delivery, delivery_id) if delivery_id <= forms.GREATEST_KEY else None
    page = delivery.announcement.page if delivery is not None else None
    is_ours = page is not None and (page.is_stage or page.id == site_page().id)
    if delivery is None or not is_ours or delivery.state is not DeliveryState.CAPTURED:
        raise NotFound("There is no such message.")
    if delivery.channel not in channels() or not delivery.recipient:
        raise NotFound("This message can no longer be shown: its channel or its address is gone.")
    return delivery
