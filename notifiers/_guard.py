"""Which addresses of the internet we call, and which are somebody's inside.

Our own list, because `ipaddress` disagrees with itself from one Python to the next: `is_private` never knew
100.64.0.0/10, and `is_global` takes NAT64, `::127.0.0.1` and multicast for the open internet.
"""

import ipaddress
import socket
from collections.abc import Callable
from contextlib import suppress

Resolver = Callable[[str, int], list[str]]

_INSIDE_V4 = tuple(
    ipaddress.IPv4Network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's host, reachable from every guest
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
# Of IPv6 only what is handed out as unicast is outside: `::1`, mapped and compatible IPv4, NAT64, unique local,
# link-local, site-local and multicast all lie beyond 2000::/3. Within it, tunnels carry IPv4 in their digits.
_OUTSIDE_V6 = ipaddress.IPv6Network("2000::/3")
_INSIDE_V6 = tuple(
    ipaddress.IPv6Network(network)
    for network in (
        "2001::/23",  # protocols, Teredo (2001::/32) among them
        "2001:db8::/32",
        "2002::/16",  # 6to4
        "3fff::/20",
    )
)


def is_outside(address: str) -> bool:
    """Whether this IP address belongs to the open internet, and not to our machine, network or cloud."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv4Address):
        return not any(ip in network for network in _INSIDE_V4)
    return ip in _OUTSIDE_V6 and not any(ip in network for network in _INSIDE_V6)


def is_ours(address: str) -> bool:
    """Whether this machine itself answers to the address, however public: nobody else can bind it."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.bind((address, 0))
        return True
    return False


def look_up(host: str, port: int) -> list[str]:
    """Every address of a host, in the system's order of preference; raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))
