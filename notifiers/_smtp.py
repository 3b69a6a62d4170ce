"""What relays say and what it means; and how a connection is opened, which is left to smtplib."""

import contextlib
import re
import smtplib
import socket
import ssl
from dataclasses import dataclass
from datetime import timedelta

from ._contract import DeliveryError, PermanentDeliveryError, UncertainDeliveryError
from ._relay import Relay, Security
from ._text import clean_line, cut

CLOSING = 421
_TOO_LARGE = 552
# Answers about who we are, at whatever stage they come: the recipient is not to blame.
_ABOUT_US = {530, 534, 535, 538}
_ENHANCED = re.compile(r"\b5\.(\d{1,3})\.(\d{1,3})\b")


@dataclass(frozen=True)
class Reply:
    code: int
    text: str

    def __str__(self) -> str:
        return cut(f"{self.code} {self.text}".strip(), 200)


@dataclass(frozen=True)
class Session:
    """A relay that let us in: its socket, what it can do, and what it may have said too early."""

    sock: socket.socket
    extensions: frozenset[str]
    early: bytes = b""


def open_session(relay: Relay) -> Session:
    """Connect, agree on TLS and sign in; blocks. Raises a channel-wide DeliveryError that says why it cannot be."""
    try:
        smtp = _dial(relay)
    except OSError as error:
        what, code = _fault(error)
        if _is_timeout(error):
            what, code = f"did not answer within {relay.command_timeout:g} seconds.", "unreachable"
        raise DeliveryError(f"The relay {relay.name} {what}", code=code, is_channel_wide=True) from error
    sock = smtp.sock
    assert sock is not None
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setblocking(False)
    early = b""
    if smtp.file is not None:
        with contextlib.suppress(OSError):
            early = smtp.file.peek() or b""
        smtp.file.close()
    return Session(sock, frozenset(smtp.esmtp_features), early)


def _dial(relay: Relay) -> smtplib.SMTP:
    smtp = _call(relay)
    try:
        smtp.ehlo_or_helo_if_needed()
        is_private = _secure(relay, smtp)
        _sign_in(relay, smtp, is_private=is_private)
    except BaseException:
        smtp.close()
        raise
    return smtp


def _call(relay: Relay) -> smtplib.SMTP:
    # Our name is given because smtplib would otherwise ask the resolver for it, which can take seconds.
    name, patience = relay.ehlo_name, relay.command_timeout
    if relay.security is Security.IMPLICIT:
        return smtplib.SMTP_SSL(relay.host, relay.port, name, timeout=patience, context=relay.tls_context())
    return smtplib.SMTP(relay.host, relay.port, name, timeout=patience)


def _secure(relay: Relay, smtp: smtplib.SMTP) -> bool:
    security = relay.security
    if security is Security.IMPLICIT:
        return True
    if security is Security.NEVER:
        return False
    if not smtp.has_extn("starttls"):
        if security is Security.REQUIRE:
            raise smtplib.SMTPNotSupportedError("does not offer TLS, which our settings require")
        return False
    code, text = smtp.starttls(context=relay.tls_context())
    if code != 220:
        raise smtplib.SMTPResponseException(code, text)
    smtp.ehlo_or_helo_if_needed()
    return True


def _sign_in(relay: Relay, smtp: smtplib.SMTP, *, is_private: bool) -> None:
    if not relay.username:
        return
    if not is_private and not relay.is_loopback:
        raise smtplib.SMTPNotSupportedError("does not offer TLS, and our password is only sent over it")
    if not smtp.has_extn("auth"):
        raise smtplib.SMTPNotSupportedError("does not offer to sign in, and our settings give a password")
    smtp.login(relay.username, relay.password)


def read_reply(code: int, text: bytes, recipient: str) -> Reply:
    """What the relay said, without the address it likes to repeat, which must not outlive its subscriber."""
    words = text.decode("utf-8", "replace")
    if not (words.isascii() and words.isprintable() and "  " not in words) or words[:1] == " " or words[-1:] == " ":
        words = clean_line(words)
    # Cheap first: most replies name nobody, and a pattern made for each recipient would be costly.
    if recipient and recipient.lower() in words.lower():
        words = re.sub(re.escape(recipient), "address", words, flags=re.IGNORECASE)
    return Reply(code, words)


def refused(relay: Relay, reply: Reply, what: str, *, is_about_address: bool = False) -> DeliveryError:
    """What a reply other than the hoped-for one means for a message."""
    if reply.code == CLOSING or reply.code in _ABOUT_US:
        return relay_wide(relay, reply, "would not go on", code="relay_refused")
    if 500 <= reply.code < 600:
        code = "message_refused"
        if is_about_address:
            code = "invalid_address" if _is_dead(reply) else "recipient_refused"
        return PermanentDeliveryError(f"The relay refused {what}: {reply}", code=code)
    if 400 <= reply.code < 500:
        # Greylisting wants a minute; asked again sooner it would only say the same.
        pause = timedelta(minutes=1) if is_about_address else None
        code = "greylisted" if re.search("gr[ae]ylist", reply.text, re.IGNORECASE) else "deferred"
        return DeliveryError(f"The relay wants {what} later: {reply}", pause, code=code)
    return DeliveryError(f"The relay {relay.name} gave an answer we do not understand: {reply}", code="protocol")


def sender_refused(relay: Relay, reply: Reply) -> DeliveryError:
    """What it means that the relay does not take a mail from us."""
    if reply.code == _TOO_LARGE:
        return PermanentDeliveryError(f"The relay finds this message too large: {reply}", code="message_refused")
    return relay_wide(relay, reply, "would not take mail from us", code="sender_refused")


def relay_wide(relay: Relay, reply: Reply, what: str, *, code: str) -> DeliveryError:
    """A refusal that no address is to blame for."""
    return DeliveryError(f"The relay {relay.name} {what}: {reply}", code=code, is_channel_wide=True)


def broken_off(relay: Relay, *, is_channel_wide: bool) -> DeliveryError:
    """The connection is gone."""
    return DeliveryError(
        f"The relay {relay.name} broke off in the middle of the message.",
        code="disconnected",
        is_channel_wide=is_channel_wide,
    )


def silent(relay: Relay, patience: float, *, is_channel_wide: bool) -> DeliveryError:
    """The relay has not answered in time."""
    sentence = f"The relay {relay.name} did not answer within {patience:g} seconds."
    return DeliveryError(sentence, code="timeout", is_channel_wide=is_channel_wide)


def uncertain(broken: DeliveryError) -> UncertainDeliveryError:
    """As the given one, after the last byte of a message had gone."""
    return UncertainDeliveryError(
        f"{broken} It may have taken the message.", code="uncertain", is_channel_wide=broken.is_channel_wide
    )


def _fault(error: OSError) -> tuple[str, str]:
    """How the sentence about a failed connection goes on, and its code; the narrow kinds come first."""
    match error:
        case smtplib.SMTPAuthenticationError():
            found = f"refused our user name or password: {_of(error)}", "credentials"
        case smtplib.SMTPNotSupportedError():
            found = f"{error.args[0]}.", "insecure"
        case smtplib.SMTPResponseException():
            found = f"turned us away: {_of(error)}", "relay_refused"
        case smtplib.SMTPException():
            found = "hung up before we could begin.", "unreachable"
        case ssl.SSLCertVerificationError():
            found = f"has a certificate we cannot trust: {clean_line(error.verify_message)}.", "insecure"
        case ssl.SSLError():
            found = f"could not agree on TLS with us ({clean_line(error.reason or 'no reason')}).", "insecure"
        case socket.gaierror():
            found = "could not be found by its name.", "unreachable"
        case ConnectionRefusedError():
            found = "refused the connection.", "unreachable"
        case _:
            found = (
                f"cannot be reached ({clean_line(error.strerror or type(error).__name__)}).",
                "unreachable",
            )
    return found


def _of(error: smtplib.SMTPResponseException) -> Reply:
    said = error.smtp_error
    return read_reply(error.smtp_code, said if isinstance(said, bytes) else str(said).encode(), "")


def _is_dead(reply: Reply) -> bool:
    """Whether the mailbox itself is the trouble (RFC 3463: 5.1.x, or 5.2.1 disabled), and not a policy."""
    if found := _ENHANCED.search(reply.text):
        return found[1] == "1" or found.groups() == ("2", "1")
    return reply.code in {550, 551, 553}


def _is_timeout(error: OSError) -> bool:
    # smtplib turns a timeout into "disconnected"; the truth stays in the context.
    return isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError)
