"""What providers tell us: signed, or refused."""

import re
from xml.sax.saxutils import escape

from flask import Blueprint, Response, abort, request

from .. import smsreplies, smsreports, subscriptions
from ..audit import SUBSCRIBER
from ..channels import clean_address, signed_callbacks
from ..clock import utcnow
from ..errors import Invalid
from ..urls import absolute
from ..vocabulary import DeliveryState

inbound = Blueprint("inbound", __name__, url_prefix="/inbound")

STOP_WORDS = {"stop", "stopall", "unsubscribe", "cancel", "end", "quit", "arret", "arrêt", "revoke", "optout"}
HELP_WORDS = {"help", "info"}
START_WORDS = {"start", "yes", "unstop"}
_STATES = {"sent": DeliveryState.SENT, "delivered": DeliveryState.DELIVERED, "failed": DeliveryState.BOUNCED}
_TWIML = '<?xml version="1.0" encoding="UTF-8"?><Response>{}</Response>'


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
    """Somebody wrote back: STOP ends a subscriber's messages, START begins them again; a colleague's answer to a
    reminder becomes a draft; anything else changes nothing."""
    _require_signature()
    words = re.sub(r"[^\w]", "", request.form.get("Body", "").casefold())
    kind = request.form.get("OptOutType", "").casefold()
    try:
        address = clean_address("sms", request.form.get("From", ""))
    except Invalid:
        return _answer()
    is_stop, is_start = kind == "stop" or words in STOP_WORDS, kind == "start" or words in START_WORDS
    for subscriber in subscriptions.find_by_address("sms", address):
        if is_stop:
            subscriptions.unsubscribe(subscriber, "STOP by SMS", SUBSCRIBER, utcnow())
        elif is_start:
            subscriptions.resume(subscriber, utcnow())
    # The carrier itself answers these, and it would be odd to hear from us as well.
    if is_stop or is_start or kind or words in HELP_WORDS:
        return _answer()
    form = request.form
    return _answer(smsreplies.take(address, form.get("Body", ""), form.get("MessageSid", ""), utcnow()))


def _require_signature() -> None:
    channel = signed_callbacks("sms")
    url = absolute(request.full_path.rstrip("?"))
    params = request.form.to_dict()
    if channel is None or not channel.verify_signature(url, params, request.headers.get("X-Twilio-Signature", "")):
        abort(403)


def _answer(sentence: str = "") -> Response:
    """What Twilio sends back, if anything."""
    said = f"<Message>{escape(sentence)}</Message>" if sentence else ""
    return Response(_TWIML.format(said), mimetype="text/xml")
