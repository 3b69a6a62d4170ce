"""The desks at which colleagues sit."""

from collections.abc import Callable
from types import SimpleNamespace

import pytest

from statuspage.vocabulary import StaffRole

from .desk import Desk


@pytest.fixture
def at_desk(sign_in: Callable[..., SimpleNamespace]) -> Callable[..., Desk]:
    """Signs somebody of this role in."""

    def sit(role: StaffRole) -> Desk:
        signed_in = sign_in(role)
        return Desk(signed_in.browser, signed_in.user)

    return sit


@pytest.fixture
def lead(at_desk: Callable[..., Desk]) -> Desk:
    """The comms lead."""
    return at_desk(StaffRole.COMMS_LEAD)


@pytest.fixture
def responder(at_desk: Callable[..., Desk]) -> Desk:
    """A responder."""
    return at_desk(StaffRole.RESPONDER)


@pytest.fixture
def admin(at_desk: Callable[..., Desk]) -> Desk:
    """An admin."""
    return at_desk(StaffRole.ADMIN)
