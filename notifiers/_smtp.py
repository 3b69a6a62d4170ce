"""The SMTP wire, by hand where it matters: which stage a message had reached when things broke.

smtplib raises the same exception for a drop before and after the final dot. Before it, sending again is safe;
after it the relay may have taken the message, and only the sender can know which of the two it was.
"""

import contextlib
import re
import smtplib
import socket
import ssl
from dataclasses import dataclass
from datetime import timedelta
from types import TracebackType
from typing import Self

from ._contract import DeliveryError, PermanentDeliveryError, UncertainDeliveryError
from ._relay import Relay, Security
from ._text import clean_line, cut

_CLOSING = 421
_GO_AHEAD = 354
_TOO_LARGE = 552
# Answers about who we are, at whatever stage they come: the recipient is not to blame.
_ABOUT_US = {530, 534, 535, 538}
_LEADING_DOT = re.compile(rb"(?m)^\.")
_ENHANCED = re.compile(r"\b5\.(\d{1,3})\.(\d{1,3})\b")
_GOODBYE_TIMEOUT = 5.0


@dataclass(frozen=True)
class Reply:
    code: int
    text: str

    def __str__(self) -> str:
        return cut(f"{self.code} {self.text}".strip(), 200)


class Conversation:
    """One batch with one relay: a connection reused, renewed after a while, and reopened when it broke."""

    def __init__(self, relay: Relay) -> None:
        self.relay = relay
        self._smtp: smtplib.SMTP | None = None
        self._carried = 0
        self._breaks = 0
        self._is_half_done = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.hang_up()

    def hand_over(self, sender: str, recipient: str, raw: bytes, *, needs_utf8: bool = False) -> str:
        """Put one message in the relay's hands; its last reply comes back."""
        if self._carried >= self.relay.messages_per_connection:
            self.hang_up()
        self._mail(sender, len(raw), needs_utf8=needs_utf8)
        self._rcpt(recipient)
        self._data(recipient)
        return str(self._dot(raw, recipient))

    def hang_up(self) -> None:
        """Leave politely; the relay's last word changes nothing."""
        smtp, self._smtp = self._smtp, None
        self._carried = 0
        self._is_half_done = False
        if smtp is None:
            return
        with contextlib.suppress(OSError):
            if smtp.sock is not None:
                smtp.sock.settimeout(_GOODBYE_TIMEOUT)
                smtp.quit()
        smtp.close()

    # The stages

    def _mail(self, sender: str, size: int, *, needs_utf8: bool) -> None:
        is_reused = self._smtp is not None
        try:
            reply = self._try_mail(sender, size, needs_utf8=needs_utf8)
        except DeliveryError as error:
            if not is_reused or error.code != "disconnected":
                raise
            # A relay may close an idle connection at any time; nothing was said yet, so a new one will do.
            reply = self._try_mail(sender, size, needs_utf8=needs_utf8)
        if reply.code == _TOO_LARGE:
            raise PermanentDeliveryError(f"The relay finds this message too large: {reply}", code="message_refused")
        if reply.code != 250:
            raise self._relay_wide(reply, "would not take mail from us", code="sender_refused")
        self._is_half_done = True

    def _try_mail(self, sender: str, size: int, *, needs_utf8: bool) -> Reply:
        smtp = self._connection()
        if self._is_half_done:
            self._is_half_done = False
            self._ask("RSET")
        options = ""
        if smtp.has_extn("size"):
            options += f" SIZE={size}"
        if needs_utf8:
            if not smtp.has_extn("smtputf8"):
                raise PermanentDeliveryError(
                    "The relay cannot carry addresses with letters outside ASCII.", code="unsupported_address"
                )
            options += " SMTPUTF8"
        return self._ask(f"MAIL FROM:<{sender}>{options}")

    def _rcpt(self, recipient: str) -> None:
        reply = self._ask(f"RCPT TO:<{recipient}>", recipient)
        if reply.code not in {250, 251}:
            raise self._refused(reply, "this address", is_about_address=True)

    def _data(self, recipient: str) -> None:
        reply = self._ask("DATA", recipient)
        if reply.code != _GO_AHEAD:
            raise self._refused(reply, "this message")

    def _dot(self, raw: bytes, recipient: str) -> Reply:
        # Body and final dot go in one write. When it raises, some bytes stayed here, and a message without
        # its last byte cannot be accepted. When it returns, only the reply can tell.
        wire = _LEADING_DOT.sub(b"..", raw)
        wire += b".\r\n" if wire.endswith(b"\r\n") else b"\r\n.\r\n"
        smtp = self._connection()
        try:
            smtp.send(wire)
        except OSError as error:
            raise self._broken(error, self.relay.command_timeout) from error
        try:
            reply = self._last_reply(smtp, recipient)
        except OSError as error:
            broken = self._broken(error, self.relay.final_timeout)
            raise UncertainDeliveryError(
                f"{broken} It may have taken the message.",
                code="uncertain",
                is_channel_wide=broken.is_channel_wide,
            ) from error
        self._is_half_done = False
        self._carried += 1
        self._breaks = 0
        if reply.code != 250:
            raise self._refused(reply, "this message")
        return reply

    def _last_reply(self, smtp: smtplib.SMTP, recipient: str) -> Reply:
        if smtp.sock is not None:
            smtp.sock.settimeout(self.relay.final_timeout)
        code, text = smtp.getreply()
        if code < 200:
            raise smtplib.SMTPServerDisconnected("not an SMTP reply")
        if smtp.sock is not None:
            smtp.sock.settimeout(self.relay.command_timeout)
        return _reply(code, text, recipient)

    # Opening

    def _connection(self) -> smtplib.SMTP:
        if self._smtp is None:
            try:
                self._smtp = self._dial()
            except OSError as error:
                sentence, code = self._why_not(error)
                raise DeliveryError(sentence, code=code, is_channel_wide=True) from error
        return self._smtp

    def _dial(self) -> smtplib.SMTP:
        smtp = self._call()
        try:
            smtp.ehlo_or_helo_if_needed()
            is_private = self._secure(smtp)
            self._sign_in(smtp, is_private=is_private)
            # smtplib would refuse an SMTPUTF8 command before the relay has seen it.
            smtp.command_encoding = "utf-8"
        except BaseException:
            smtp.close()
            raise
        return smtp

    def _call(self) -> smtplib.SMTP:
        # Our name is given because smtplib would otherwise ask the resolver for it, which can take seconds.
        relay, name, patience = self.relay, self.relay.ehlo_name, self.relay.command_timeout
        if relay.security is Security.IMPLICIT:
            return smtplib.SMTP_SSL(relay.host, relay.port, name, timeout=patience, context=relay.tls_context())
        return smtplib.SMTP(relay.host, relay.port, name, timeout=patience)

    def _secure(self, smtp: smtplib.SMTP) -> bool:
        security = self.relay.security
        if security is Security.IMPLICIT:
            return True
        if security is Security.NEVER:
            return False
        if not smtp.has_extn("starttls"):
            if security is Security.REQUIRE:
                raise smtplib.SMTPNotSupportedError("does not offer TLS, which our settings require")
            return False
        code, text = smtp.starttls(context=self.relay.tls_context())
        if code != 220:
            raise smtplib.SMTPResponseException(code, text)
        smtp.ehlo_or_helo_if_needed()
        return True

    def _sign_in(self, smtp: smtplib.SMTP, *, is_private: bool) -> None:
        if not self.relay.username:
            return
        if not is_private and not self.relay.is_loopback:
            raise smtplib.SMTPNotSupportedError("does not offer TLS, and our password is only sent over it")
        if not smtp.has_extn("auth"):
            raise smtplib.SMTPNotSupportedError("does not offer to sign in, and our settings give a password")
        smtp.login(self.relay.username, self.relay.password)

    def _why_not(self, error: OSError) -> tuple[str, str]:
        """What happened and a code, for a connection that did not come about."""
        what, code = _fault(error)
        if _is_timeout(error):
            what, code = f"did not answer within {self.relay.command_timeout:g} seconds.", "unreachable"
        return f"The relay {self.relay.name} {what}", code

    # Asking and being refused

    def _ask(self, command: str, recipient: str = "") -> Reply:
        smtp = self._connection()
        try:
            code, text = smtp.docmd(command)
            if code < 200:
                raise smtplib.SMTPServerDisconnected("not an SMTP reply")
        except OSError as error:
            raise self._broken(error, self.relay.command_timeout) from error
        return _reply(code, text, recipient)

    def _broken(self, error: OSError, patience: float) -> DeliveryError:
        """The connection is gone. A relay that went silent, or keeps breaking off, is left in peace."""
        if self._smtp is not None:
            self._smtp.close()
        self._smtp, self._carried, self._is_half_done = None, 0, False
        if _is_timeout(error):
            sentence = f"The relay {self.relay.name} did not answer within {patience:g} seconds."
            return DeliveryError(sentence, code="timeout", is_channel_wide=True)
        self._breaks += 1
        return DeliveryError(
            f"The relay {self.relay.name} broke off in the middle of the message.",
            code="disconnected",
            is_channel_wide=self._breaks >= self.relay.breaks_allowed,
        )

    def _refused(self, reply: Reply, what: str, *, is_about_address: bool = False) -> DeliveryError:
        if reply.code == _CLOSING or reply.code in _ABOUT_US:
            return self._relay_wide(reply, "would not go on", code="relay_refused")
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
        self.hang_up()
        return DeliveryError(
            f"The relay {self.relay.name} gave an answer we do not understand: {reply}", code="protocol"
        )

    def _relay_wide(self, reply: Reply, what: str, *, code: str) -> DeliveryError:
        if reply.code == _CLOSING:
            self.hang_up()
        return DeliveryError(f"The relay {self.relay.name} {what}: {reply}", code=code, is_channel_wide=True)


def _reply(code: int, text: bytes, recipient: str) -> Reply:
    """What the relay said, without the address it likes to repeat, which must not outlive its subscriber."""
    words = clean_line(text.decode("utf-8", "replace"))
    if recipient:
        words = re.sub(re.escape(recipient), "address", words, flags=re.IGNORECASE)
    return Reply(code, words)


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
    return _reply(error.smtp_code, said if isinstance(said, bytes) else str(said).encode(), "")


def _is_dead(reply: Reply) -> bool:
    """Whether the mailbox itself is the trouble (RFC 3463: 5.1.x, or 5.2.1 disabled), and not a policy."""
    if found := _ENHANCED.search(reply.text):
        return found[1] == "1" or found.groups() == ("2", "1")
    return reply.code in {550, 551, 553}


def _is_timeout(error: OSError) -> bool:
    # smtplib turns a timeout into "disconnected"; the truth stays in the context.
    return isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError)
