"""Names: whether readers find the page, and what other mail servers can read about our mail."""

import re
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import dns.exception
import dns.resolver

from ..settings import Settings
from .finding import Finding, bad, hint, ok
from .wires import is_loopback

PATIENCE = 3.0
# RFC 2606 and 6761: these names are nobody's, and asking for them tells nothing.
_NOBODYS = re.compile(r"(?:^|\.)(?:test|invalid|localhost|example|example\.(?:com|net|org))$")


def page(settings: Settings) -> Finding:
    """The page's host has an address."""
    host = urlsplit(settings.base_url).hostname or ""
    if is_loopback(host):
        return hint("dns", f"{settings.base_url} is for this machine alone; set CANDOR_BASE_URL for readers")
    try:
        found = {entry[4][0] for entry in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    except OSError:
        return bad("dns", f"{host} (CANDOR_BASE_URL) has no address")
    return ok("dns", f"{host} is {', '.join(map(str, sorted(found, key=str)))}")


def mail(settings: Settings) -> Iterator[Finding]:
    """SPF, DKIM and DMARC are published for the sender's domain, where mail is sent at all."""
    domain = settings.mail_from.rpartition("@")[2].rstrip(">").lower()
    if not settings.smtp_url.get_secret_value() or not domain or _NOBODYS.search(domain) or is_loopback(domain):
        return
    yield _published("spf", domain, "v=spf1")
    yield _published("dmarc", f"_dmarc.{domain}", "v=DMARC1")
    selector, signer = getattr(settings, "dkim_selector", ""), getattr(settings, "dkim_domain", "") or domain
    if selector:
        yield _published("dkim", f"{selector}._domainkey.{signer}", "p=")


def _published(what: str, name: str, begins: str) -> Finding:
    try:
        answers = dns.resolver.resolve(name, "TXT", lifetime=PATIENCE)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return hint(what, f"{name} says nothing: mail may be taken for spam. Publish a TXT record with {begins}")
    except dns.exception.DNSException as error:
        return hint(what, f"{name} could not be asked ({type(error).__name__})")
    texts = [b"".join(answer.strings).decode("ascii", "replace") for answer in answers]
    found = next((each for each in texts if begins in each), None)
    if found is None:
        return hint(what, f"{name} has no record with {begins}: mail may be taken for spam")
    return ok(what, f"{name}: {found[:80]}")
