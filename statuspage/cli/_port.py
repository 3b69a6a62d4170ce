"""The port we serve on: free before we begin, and answering once we have begun."""

import errno
import http.client
import socket
import time
from contextlib import closing

from ..errors import SettingsError
from ..settings import Settings

PATIENCE = 5.0
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared with, not bound to


def address_of(settings: Settings) -> str:
    """The number of the host to listen on; raises SettingsError when it has none."""
    try:
        found = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise SettingsError({"CANDOR_HOST": f"“{settings.host}” is not an address of this machine."}) from error
    return str(found[0][4][0])


def await_free(settings: Settings) -> None:
    """Return once the port is free; raise SettingsError when it cannot be had.

    Two servers of one user would share it silently (SO_REUSEPORT), so it is tried without. One that has just
    been killed needs a moment to be gone.
    """
    deadline = time.monotonic() + PATIENCE
    while (problem := _problem(settings)) is not None:
        if problem.errno != errno.EADDRINUSE or time.monotonic() > deadline:
            raise SettingsError(_blame(settings, problem))
        time.sleep(0.1)


def answers(settings: Settings) -> bool:
    """Whether the web process answers its probe by now."""
    host = address_of(settings)
    connection = http.client.HTTPConnection(_EVERYWHERE.get(host, host), settings.port, timeout=2)
    try:
        with closing(connection):
            connection.request("GET", "/healthz")
            return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False


def _problem(settings: Settings) -> OSError | None:
    host = address_of(settings)
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, settings.port))
        except OSError as error:
            return error
    return None


def _blame(settings: Settings, problem: OSError) -> dict[str, str]:
    if problem.errno == errno.EADDRINUSE:
        return {"CANDOR_PORT": f"{settings.port} is in use by another program. Stop it, or choose another port."}
    if problem.errno == errno.EACCES:
        return {"CANDOR_PORT": f"{settings.port} is not ours to use. Choose one above 1023, behind a proxy."}
    return {"CANDOR_HOST": f"“{settings.host}” cannot be listened on ({problem.strerror})."}
