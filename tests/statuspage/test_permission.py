"""What a reminder's link may do: a table."""

import pytest

from statuspage.cadence.permission import Asked, asked_before
from statuspage.vocabulary import LinkPolicy

REMEMBERED, ALWAYS, DRAFT = LinkPolicy


@pytest.mark.parametrize(
    ("policy", "facts", "asked"),
    [
        (REMEMBERED, {"is_remembered": True, "has_second_factor": True}, Asked.NOTHING),
        (REMEMBERED, {"has_second_factor": True, "has_password": True}, Asked.SECOND_FACTOR),
        (REMEMBERED, {"has_password": True}, Asked.PASSWORD),
        (REMEMBERED, {}, Asked.SIGN_IN),
        (ALWAYS, {"is_remembered": True, "has_second_factor": True}, Asked.SECOND_FACTOR),
        (ALWAYS, {"has_password": True}, Asked.PASSWORD),
        (ALWAYS, {}, Asked.SIGN_IN),
        (DRAFT, {"is_remembered": True, "has_second_factor": True, "has_password": True}, Asked.SIGN_IN),
        *[(policy, {"is_signed_in": True}, Asked.NOTHING) for policy in LinkPolicy],
    ],
)
def test_what_a_link_asks_first(policy, facts, asked):
    assert asked_before(policy, **facts) is asked
