from datetime import timedelta

import pytest
from sqlalchemy import func, select

from statuspage import limits
from statuspage.db import db
from statuspage.errors import TooMany
from statuspage.models import RateCount
from tests.conftest import NOON

HOUR = timedelta(hours=1)


@pytest.mark.usefixtures("app")
class TestCounting:
    def test_so_many_are_allowed_and_no_more(self):
        assert [limits.allow("x", 3, HOUR, NOON) for _ in range(5)] == [True, True, True, False, False]

    def test_next_window_starts_afresh(self):
        limits.allow("x", 1, HOUR, NOON)

        assert limits.allow("x", 1, HOUR, NOON + HOUR)

    def test_keys_are_counted_apart(self):
        limits.allow("x", 1, HOUR, NOON)

        assert limits.allow("y", 1, HOUR, NOON)

    def test_refusal_says_when_to_come_back(self):
        with pytest.raises(TooMany) as caught:
            limits.require("x", 0, HOUR, NOON + timedelta(minutes=45), "Wait.")

        assert caught.value.retry_after == 15 * 60

    def test_refused_use_counts_even_when_the_request_fails_later(self):
        limits.allow("x", 1, HOUR, NOON)
        db.session.rollback()

        assert not limits.allow("x", 1, HOUR, NOON)

    def test_old_windows_are_forgotten(self):
        limits.allow("x", 1, HOUR, NOON)
        limits.allow("y", 1, HOUR, NOON + timedelta(days=2, hours=1))
        limits.forget_old(NOON + timedelta(days=2, hours=1))

        assert db.session.scalar(select(func.count()).select_from(RateCount)) == 1


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("", "unknown"),
        ("evil", "unknown"),
    ],
)
def test_one_visitor_is_an_address_or_a_64(address, network):
    assert limits.network_of(address) == network


def test_ipv4_in_ipv6_clothes_is_the_same_visitor():
    assert limits.network_of("::ffff:192.0.2.7") == "192.0.2.7"
