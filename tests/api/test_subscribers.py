import pytest

from statuspage import subscriptions
from statuspage.api.answers import Subscriber as SubscriberAnswer, SubscriberCountByType
from statuspage.db import db
from statuspage.models import Announcement, Subscriber
from statuspage.vocabulary import Scope, SubscriberState
from tests.conftest import BY, NOON
from tests.statuspage.fakes import acts


def add(robot, **subscriber):
    return robot.send("POST", "/subscribers", {"subscriber": subscriber})


def test_owner_is_asked_and_nothing_else_is_sent(robot):
    answer = add(robot, email="Reader@Example.com")
    subscriber = db.session.query(Subscriber).one()

    assert (answer.status_code, answer.json["mode"], answer.json["email"]) == (201, "email", subscriber.address)
    assert SubscriberAnswer.model_validate(answer.json)
    assert subscriber.state is SubscriberState.PENDING
    assert [each.kind for each in db.session.query(Announcement)] == ["confirmation"]


def test_consent_in_writing_counts_and_who_said_so_is_kept(robot, api):
    answer = add(robot, email="reader@example.com", skip_confirmation_notification=True, component_ids=[api.public_id])
    subscriber = db.session.query(Subscriber).one()

    assert (answer.json["components"], answer.json["skip_confirmation_notification"]) == ([api.public_id], True)
    assert subscriber.state is SubscriberState.CONFIRMED
    assert subscriber.consent.startswith("attested (API key ")
    assert "skip_confirmation_notification" in subscriber.consent
    assert db.session.query(Announcement).count() == 0
    assert "subscriber.attest" in acts()


def test_phone_is_dialled_from_its_country(robot):
    answer = add(robot, phone_number="(0) 1512 3456789", phone_country="de", skip_confirmation_notification=True)

    assert (answer.status_code, answer.json["mode"]) == (201, "sms")
    assert (answer.json["phone_country"], answer.json["phone_number"]) == ("DE", "15123456789")
    assert db.session.query(Subscriber).one().address == "+4915123456789"
    assert add(robot, phone_number="202-555-0105").json["display_phone_number"] == "+1 202-555-0105"


def test_endpoint_proves_itself_whatever_somebody_attests(robot):
    answer = add(robot, endpoint="https://hook.example/a", email="ops@example.com", skip_confirmation_notification=True)
    subscriber = db.session.query(Subscriber).one()

    assert (answer.status_code, answer.json["mode"], answer.json["endpoint"]) == (
        201, "webhook", "https://hook.example/a"
    )  # fmt: skip
    assert answer.json["email"] == "ops@example.com"
    assert (subscriber.state, subscriber.contact) == (SubscriberState.PENDING, "ops@example.com")


@pytest.mark.parametrize(
    ("subscriber", "field"),
    [
        ({}, "subscriber"),
        ({"email": "a@example.com", "phone_number": "2025550105"}, "subscriber"),
        ({"email": "nobody"}, "subscriber.email"),
        ({"email": 5}, "subscriber.email"),
        ({"phone_number": "12"}, "subscriber.phone_number"),
        ({"phone_number": "2025550105", "phone_country": "ZZ"}, "subscriber.phone_number"),
        ({"phone_number": "2025550105", "phone_country": "ZZZ"}, "subscriber.phone_country"),
        ({"phone_number": "912345678", "phone_country": "KP"}, "subscriber.phone_number"),
        ({"email": "a@example.com", "component_ids": []}, "subscriber.component_ids"),
        ({"email": "a@example.com", "component_ids": ["aaaaaaaaaaaa"]}, "subscriber.component_ids"),
        ({"email": "a@example.com", "skip_confirmation_notification": "true"},
         "subscriber.skip_confirmation_notification"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(robot, stored, subscriber, field):
    before = stored()
    answer = add(robot, **subscriber)

    assert (answer.status_code, list(answer.json["errors"])) == (422, [field])
    assert stored() == before


def test_who_is_subscribed_already_is_not_asked_again(robot, subscribe):
    subscribe("reader@example.com")

    assert add(robot, email="reader@example.com").status_code == 409


def test_who_has_left_comes_back_by_themselves_alone(robot, subscribe):
    subscriptions.unsubscribe(subscribe("reader@example.com"), "link", BY, NOON)

    for how in ({}, {"skip_confirmation_notification": True}):
        assert add(robot, email="reader@example.com", **how).status_code == 409


def test_repeated_request_makes_one_subscriber(robot):
    body = {"subscriber": {"email": "reader@example.com", "skip_confirmation_notification": True}}
    first, second = (robot.send("POST", "/subscribers", body, Idempotency_Key="k") for _ in range(2))

    assert (second.status_code, first.json["id"]) == (201, second.json["id"])


def test_subscriber_is_read_and_leaves(robot, subscribe):
    reader = subscribe("reader@example.com")
    path = f"/subscribers/{reader.public_id}"
    gone = robot.ask("DELETE", path + ".json", query_string={"skip_unsubscription_notification": "true"})

    assert (gone.status_code, gone.json["email"]) == (200, "reader@example.com")
    assert robot.ask("GET", path).status_code == robot.ask("DELETE", path).status_code == 404
    db.session.refresh(reader)
    assert reader.state is SubscriberState.UNSUBSCRIBED


def test_subscriber_hears_about_other_things(robot, api, subscribe):
    reader = subscribe("reader@example.com")
    path = f"/subscribers/{reader.public_id}"
    some = robot.send("PATCH", path, {"component_ids": [api.public_id]})

    assert (some.status_code, some.json["components"]) == (200, [api.public_id])
    assert robot.send("PATCH", path, {}).json["components"] is None
    assert robot.send("PATCH", path, {"component_ids": []}).status_code == 422


def test_list_is_filtered_sorted_and_cut(robot, subscribe):
    for name in ("carol", "alice", "bob"):
        subscribe(f"{name}@example.com")
    subscribe("+14155550123", channel="sms")
    add(robot, email="dave@example.com")

    def emails(**query):
        return [each["email"].partition("@")[0] for each in robot.get("/subscribers", type="email", **query)]

    assert emails() == ["alice", "bob", "carol"]
    assert emails(state="all", sort_direction="desc") == ["dave", "carol", "bob", "alice"]
    assert emails(state="unconfirmed") == ["dave"]
    assert emails(limit=2, page=0) == ["alice", "bob"]
    assert emails(limit=2, page=1) == ["carol"]
    assert emails(q="LI", sort_field="relevance") == ["alice"]
    assert emails(q="%") == []
    assert len(robot.get("/subscribers", sort_field="created_at")) == 4


def test_counts(robot, subscribe):
    subscribe("reader@example.com")
    subscribe("+14155550123", channel="sms")
    add(robot, email="dave@example.com")

    assert SubscriberCountByType.model_validate(robot.get("/subscribers/count")).model_dump() == {
        "email": 1, "sms": 1, "webhook": 0, "integration_partner": 0, "slack": 0, "teams": 0
    }  # fmt: skip
    assert robot.get("/subscribers/count", type="sms", state="all")["email"] == 0
    assert robot.get("/subscribers/count.json", state="unconfirmed")["email"] == 1


@pytest.mark.parametrize("query", [{"type": "fax"}, {"state": "gone"}, {"sort_field": "x"}, {"limit": "x"}])
def test_unknown_words_in_the_query_are_named(robot, query):
    answer = robot.ask("GET", "/subscribers", query_string=query)

    assert (answer.status_code, list(answer.json["errors"])) == (400, list(query))


def test_reader_of_the_page_learns_no_address(program, subscribe):
    reader = subscribe("reader@example.com")
    for scope in (Scope.READ, Scope.PUBLISH, Scope.CONFIG):
        someone = program(scope)
        for path in ("/subscribers", "/subscribers/count", f"/subscribers/{reader.public_id}"):
            assert someone.ask("GET", path).status_code == 403
