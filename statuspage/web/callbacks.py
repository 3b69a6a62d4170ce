"""What providers tell us: signed, or refused."""

import re

from flask import Blueprint, Response, abort, request

from .. import smsreports, subscriptions
from ..audit import SUBSCRIBER
from ..channels import clean_address, signed_callbacks
from ..clock import utcnow
from ..errors import Invalid
from ..urls import absolute
from ..vocabulary import DeliveryState

inbound = Blueprint("inbound", __name__, url_prefix="/inbound")

STOP_WORDS = {"stop", "stopall", "unsubscribe", "cancel", "end", "quit", "arret", "arrêt", "revoke", "optout"}
START_WORDS = {"start", "yes", "unstop"}
_STATES = {"sent": DeliveryState.SENT, "delivered": DeliveryState.DELIVERED, "failed": DeliveryState.BOUNCED}
_NOTHING_TO_SAY = '<?xml version="1.0" encoding="UTF-8"?><Response></Response>'


@inbound.post("/twilio/status")
def twilio_status() -> Response:
    """Twilio says what became of an SMS; the ledger moves forward, never back."""
    channel = signed_callbacks("sms")
    _require_signature()
    said, code = request.form.get("MessageStatus", ""), request.form.get("ErrorCode", "")
    state = channel.callback_state(said) if channel else None
    if channel is not None and state is not None:
        report = smsreports.Report(
            request.args.get("reference", ""),
            request.form.get("MessageSid", ""),
            _STATES[state],
            f"Twilio says: {said}" + (f" (error {code})" if code else ""),
            channel.callback_error(code) if state == "failed" else None,
        )
        smsreports.note(report, utcnow())
    return Response(status=204)


@inbound.post("/twilio/sms")
def twilio_sms() -> Response:
    """A subscriber wrote back: STOP ends their messages, START begins them again, anything else changes nothing."""
    _require_signature()
    words = re.sub(r"[^\w]", "", request.form.get("Body", "").casefold())
    kind = request.form.get("OptOutType", "").casefold()
    try:
        address = clean_address("sms", request.form.get("From", ""))
    except Invalid:
        return _answer()
    for subscriber in subscriptions.find_by_address("sms", address):
        if kind == "stop" or words in STOP_WORDS:
            subscriptions.unsubscribe(subscriber, "STOP by SMS", SUBSCRIBER, utcnow())
        elif kind == "start" or words in START_WORDS:
            subscriptions.resume(subscriber, utcnow())
    return _answer()


def _require_signature() -> None:
    channel = signed_callbacks("sms")
    url = absolute(request.full_path.rstrip("?"))
    params = request.form.to_dict()
    if channel is None or not channel.verify_signature(url, params, request.headers.get("X-Twilio-Signature", "")):
        abort(403)


def _answer() -> Response:
    return Response(_NOTHING_TO_SAY, mimetype="text/xml")
