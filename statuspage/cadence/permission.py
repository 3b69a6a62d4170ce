"""What the link in a reminder may do for whoever opens it: pure, facts in and a word out."""

from enum import StrEnum

from ..vocabulary import LinkPolicy


class Asked(StrEnum):
    """What a person is asked before the link publishes. Keeping a draft is never asked about."""

    NOTHING = "nothing"
    SECOND_FACTOR = "second_factor"
    PASSWORD = "password"  # noqa: S105 - a word
    # The link publishes nothing here: it keeps a draft, which somebody signed in releases.
    SIGN_IN = "sign_in"


def asked_before(
    policy: LinkPolicy,
    *,
    is_signed_in: bool = False,
    is_remembered: bool = False,
    has_second_factor: bool = False,
    has_password: bool = False,
) -> Asked:
    """What this policy asks of a person with these ways to prove themselves.

    Who is signed in may publish in the panel anyway. Where nobody has a second factor yet the password stands in;
    who has neither keeps a draft.
    """
    if is_signed_in:
        return Asked.NOTHING
    if policy is LinkPolicy.DRAFT_ONLY:
        return Asked.SIGN_IN
    if policy is LinkPolicy.REMEMBERED and is_remembered:
        return Asked.NOTHING
    if has_second_factor:
        return Asked.SECOND_FACTOR
    return Asked.PASSWORD if has_password else Asked.SIGN_IN
