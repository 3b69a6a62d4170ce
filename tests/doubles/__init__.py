"""Stand-ins for the world outside, on loopback: a mail server, a relay that misbehaves on cue, Twilio, and hooks."""

from .hooks import HookAnswer, HookDouble, Hooked
from .mail import ScriptedRelay, SmtpSink, parse_mail
from .manners import DROP, PATIENCE, SILENCE, free_port
from .twilio import Answer, TwilioDouble, callback_listener, post_form

__all__ = [
    "DROP", "PATIENCE", "SILENCE", "Answer", "HookAnswer", "HookDouble", "Hooked", "ScriptedRelay", "SmtpSink",
    "TwilioDouble", "callback_listener", "free_port", "parse_mail", "post_form",
]  # fmt: skip
