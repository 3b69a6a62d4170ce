"""Pages and fragments: a fragment is answered when htmx asks for one, a whole page to everybody else."""

from htmx_flask import request

from statuspage.sessions import POLL_HEADER

# For elements that refresh themselves, so that a screen left open does not count as somebody at work.
POLLING = f'{{"{POLL_HEADER}": "1"}}'


def wants_fragment() -> bool:
    """Whether the request is htmx's and will be swapped into a page."""
    return bool(request.htmx) and not request.htmx.history_restore_request
