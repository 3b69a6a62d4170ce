"""`candor user`."""

from collections.abc import Callable

import pytest
from flask import Flask

from statuspage import staff
from statuspage.clock import utcnow
from statuspage.db import db
from statuspage.factors import codes, standing
from statuspage.models import Authenticator
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


def test_a_reset_forgets_the_second_factor_only_when_asked_to(candor: Shell, inside: Callable[[], Flask]) -> None:
    candor.says("user", "add", "--email", "mara@example.com", "--role", "admin")
    inside()
    user = staff.find_by_email("mara@example.com")
    uri = codes.new_uri(user, "Status")
    db.session.add(Authenticator(staff_user_id=user.id, name="App", uri=uri, created_at=utcnow()))
    db.session.commit()

    plain = candor("user", "reset", "--email", "mara@example.com")
    assert "--second-factor forgets those" in plain.stderr
    assert plain.stdout.startswith("http")
    inside()
    assert standing.has_second_factor(staff.find_by_email("mara@example.com"))
    db.session.rollback()
    candor.says("user", "reset", "--email", "mara@example.com", "--second-factor")

    inside()
    assert not standing.has_second_factor(staff.find_by_email("mara@example.com"))


def test_a_reset_ends_the_earlier_link(candor: Shell, inside: Callable[[], Flask]) -> None:
    first = candor.says("user", "add", "--email", "mara@example.com", "--role", "admin")

    second = candor.says("user", "reset", "--email", "mara@example.com")

    inside()
    assert staff.peek_sign_in_link(_secret(first), utcnow()) is None
    assert staff.peek_sign_in_link(_secret(second), utcnow()) is not None


def test_nobody_unknown_is_reset(candor: Shell) -> None:
    assert "nobody@example.com" in candor.refuses("user", "reset", "--email", "nobody@example.com")
