"""`candor user`."""

from collections.abc import Callable

import pytest
from flask import Flask

from statuspage import staff
from statuspage.clock import utcnow
from statuspage.vocabulary import StaffRole

from .conftest import Shell


def _secret(link: str) -> str:
    assert link.startswith("http://127.0.0.1:8000/admin/sign-in/")
    return link.rsplit("/", 1)[1]


def test_a_new_colleague_gets_a_link_that_lets_them_in(candor: Shell, inside: Callable[[], Flask]) -> None:
    link = candor.says(
        "user", "add", "--email", "Mara@Example.com", "--role", "comms_lead", "--phone", "+1 202 555 0143"
    )

    inside()
    user = staff.use_sign_in_link(_secret(link), utcnow())
    assert (user.staff_role, user.phone) == (StaffRole.COMMS_LEAD, "+12025550143")


@pytest.mark.parametrize("role", ["viewer", "responder", "comms-lead", "Comms_Lead", "admin"])
def test_roles_may_be_spelled_as_people_do(candor: Shell, role: str) -> None:
    link = candor.says("user", "add", "--email", "mara@example.com", "--role", role)

    assert "/admin/sign-in/" in link


def test_a_role_that_does_not_exist_is_wrong_usage(candor: Shell) -> None:
    result = candor("user", "add", "--email", "mara@example.com", "--role", "king")

    assert result.exit_code == 2
    assert "viewer" in result.stderr


def test_an_address_that_cannot_work_is_refused_beside_its_option(candor: Shell) -> None:
    assert candor.refuses("user", "add", "--email", "mara", "--role", "admin").startswith("--email: ")


def test_nobody_is_added_twice(candor: Shell) -> None:
    candor.says("user", "add", "--email", "mara@example.com", "--role", "admin")

    assert "already" in candor.refuses("user", "add", "--email", "mara@example.com", "--role", "admin")


def test_a_reset_ends_the_earlier_link(candor: Shell, inside: Callable[[], Flask]) -> None:
    first = candor.says("user", "add", "--email", "mara@example.com", "--role", "admin")

    second = candor.says("user", "reset", "--email", "mara@example.com")

    inside()
    assert staff.peek_sign_in_link(_secret(first), utcnow()) is None
    assert staff.peek_sign_in_link(_secret(second), utcnow()) is not None


def test_nobody_unknown_is_reset(candor: Shell) -> None:
    assert "nobody@example.com" in candor.refuses("user", "reset", "--email", "nobody@example.com")
