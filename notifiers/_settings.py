"""What the channels' settings have in common."""

import ipaddress
import re
from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit

from ._contract import BadSettings

_NUMBER = re.compile(r"[\d.]+")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")


def base_url(settings: Mapping[str, str]) -> str:
    """Where the page lives, without a slash at the end; empty when not told."""
    url = settings.get("CANDOR_BASE_URL", "").strip().rstrip("/")
    if url and not is_web_url(url):
        raise BadSettings("CANDOR_BASE_URL must be a web address like https://status.example.com.")
    return url


def host_name(url: str) -> str:
    """The host of a URL as mail can carry it; `localhost` for none, or one that is only a number."""
    host = split(url).hostname or ""
    if not host.isascii():
        host = host.encode("idna").decode()
    return host if _HOST.fullmatch(host) and not _NUMBER.fullmatch(host) else "localhost"


def is_web_url(url: str) -> bool:
    try:
        parts = split(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def split(url: str) -> SplitResult:
    """`urlsplit`, with a port that cannot be found out now and not at the first send."""
    parts = urlsplit(url)
    _ = parts.port
    return parts
