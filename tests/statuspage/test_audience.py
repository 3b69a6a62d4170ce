import pytest

from statuspage import publishing, subscribers
from statuspage.delivery import audience
from statuspage.vocabulary import ComponentStatus, EventLevel, SubscriberState
from tests.conftest import BY, NOON
from tests.statuspage.fakes import ledger, said

KEY, EVERY = EventLevel.KEY_MOMENTS, EventLevel.EVERY_UPDATE
DOWN = ComponentStatus.MAJOR_OUTAGE


@pytest.fixture
def crowd(subscribe, api, web):
    """One subscriber for each wish."""
    subscribe("all@example.com")
    subscribe("all-key@example.com", level=KEY)
    subscribe("api@example.com", api)
    subscribe("api-key@example.com", api, level=KEY)
    subscribe("web@example.com", web)
    subscribe("both@example.com", api, web)


@pytest.mark.parametrize(
    ("touches", "is_key", "reached"),
    [
        ("", True, "all all-key"),
        ("", False, "all"),
        ("api", True, "all all-key api api-key both"),
        ("api", False, "all api both"),
        ("web", True, "all all-key web both"),
        ("web", False, "all web both"),
        ("api web", True, "all all-key api api-key web both"),
    ],
)
def test_who_is_owed_an_update(open_incident, crowd, api, web, dispatch, touches, is_key, reached):
    parts = {"api": api, "web": web}
    incident = open_incident(components={parts[name]: DOWN for name in touches.split()}, is_notified=is_key)
    if not is_key:
        publishing.post_update(incident, said(), BY, NOON)
    dispatch()

    assert {row.recipient.split("@")[0] for row in ledger()} == set(reached.split())


def test_count_in_the_composer_is_what_the_ledger_will_owe(page, crowd, api, open_incident, dispatch):
    promised = audience.counts(page, [api.id], is_key_moment=True)
    open_incident(components={api: DOWN})
    dispatch()

    assert promised == {"email": len(ledger())}


@pytest.mark.parametrize("state", [state for state in SubscriberState if state is not SubscriberState.CONFIRMED])
def test_only_confirmed_addresses_are_owed_anything(page, subscribe, state):
    ada = subscribe("ada@example.com")
    subscribers.change_state(ada, state, "", NOON)

    assert audience.counts(page, [], is_key_moment=True) == {}


def test_later_update_still_reaches_those_touched_earlier(open_incident, crowd, api, dispatch):
    incident = open_incident(components={api: DOWN}, is_notified=False)
    publishing.post_update(incident, said(), BY, NOON)
    dispatch()

    assert {row.recipient.split("@")[0] for row in ledger()} == {"all", "api", "both"}


def test_counts_are_by_channel(page, subscribe):
    subscribe("a@example.com")
    subscribe("+4915112345678", channel="sms")
    subscribe("+4915112345679", channel="sms")

    assert audience.counts(page, [], is_key_moment=True) == {"email": 1, "sms": 2}
