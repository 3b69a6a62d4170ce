"""What it means not to have proven oneself."""

from ..errors import CandorError


class NotProven(CandorError):
    """Somebody could not show that they are who they say; the sentence says what to do instead."""

    code = "not_proven"
    http_status = 422
