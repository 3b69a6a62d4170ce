from datetime import timedelta

import pytest
from flask import Flask

from statuspage import api_keys, logs
from statuspage.api.operations import v1
from statuspage.clock import utcnow
from statuspage.db import db
from statuspage.errors import Conflict, Invalid
from statuspage.models import ApiKey, AuditEntry
from statuspage.vocabulary import Scope
from tests.conftest import BY, NOON


def test_key_is_shown_once_and_kept_as_a_hash(page):
    key, text = api_keys.add(page, "deploy", [Scope.PUBLISH], BY, NOON)

    assert api_keys.recognise(text, NOON) is key
    assert text.split("_")[3] not in str(
        {column.name: getattr(key, column.name) for column in ApiKey.__table__.columns}
    )


def test_key_ends_when_it_is_revoked_and_when_its_time_is_up(page):
    key, text = api_keys.add(page, "deploy", [Scope.PUBLISH], BY, NOON)
    later = NOON + api_keys.DEFAULT_LIFE

    assert api_keys.recognise(text, later - timedelta(seconds=1)) is key
    assert api_keys.recognise(text, later) is None
    api_keys.revoke(key, BY, NOON)
    api_keys.revoke(key, BY, NOON)
    assert api_keys.recognise(text, NOON) is None


def test_key_without_an_end_lives_on(page):
    _, text = api_keys.add(page, "deploy", [Scope.PUBLISH], BY, NOON, life=None)

    assert api_keys.recognise(text, NOON + timedelta(days=5000))


@pytest.mark.parametrize("change", [lambda t: t[:-1], lambda t: t + "0", lambda t: t.upper(), lambda t: "x" + t[1:],
                                    lambda t: t.replace("_", "-"), lambda t: "", lambda t: "\u0660" * 60,
                                    lambda t: t[:20] + ("A" if t[20] != "A" else "B") + t[21:]])  # fmt: skip
def test_what_is_not_the_key_opens_nothing(page, change):
    _, text = api_keys.add(page, "deploy", [Scope.PUBLISH], BY, NOON)

    assert api_keys.recognise(change(text), NOON) is None


def test_right_checksum_and_handle_with_another_secret_open_nothing(page):
    key, _ = api_keys.add(page, "deploy", [Scope.PUBLISH], BY, NOON)

    assert api_keys.recognise(api_keys._spell(key.handle, "live"), NOON) is None
    assert api_keys.recognise(api_keys._spell("zzzzzzzz", "live"), NOON) is None


def test_two_working_keys_do_not_share_a_name(page):
    key, _ = api_keys.add(page, "deploy", [Scope.PUBLISH], BY, NOON)
    with pytest.raises(Conflict, match="named deploy"):
        api_keys.add(page, "deploy", [Scope.READ], BY, NOON)
    api_keys.revoke(key, BY, NOON)
    again, _ = api_keys.add(page, "deploy", [Scope.READ], BY, NOON)

    assert api_keys.find(page, "deploy") is again


def test_key_that_may_nothing_is_refused(page):
    with pytest.raises(Invalid, match="what the key may do"):
        api_keys.add(page, "deploy", [], BY, NOON)


def test_what_becomes_of_a_key_is_on_record_without_its_secret(page):
    key, text = api_keys.add(page, "deploy", [Scope.PUBLISH], BY, NOON)
    api_keys.revoke(key, BY, NOON)
    entries = db.session.query(AuditEntry).filter_by(object_kind="api_key").all()

    assert [entry.act for entry in entries] == ["api_key.add", "api_key.revoke"]
    assert all(text not in str(entry.detail) for entry in entries)


@pytest.mark.parametrize("header", ["OAuth {}", "oauth {}", "OAUTH {}", "Bearer {}", "bearer   {} "])
def test_key_is_taken_from_the_header_in_every_spelling(robot, header):
    answer = robot.ask("GET", "/v1/pages", headers={"Authorization": header.format(robot.key)})

    assert answer.status_code == 200


@pytest.mark.parametrize("header", ["", "OAuth", "OAuth ", "Basic {}", "{}", "Token {}", "OAuth {} x", "OAuth \xff"])
def test_other_headers_are_not_a_key(robot, header):
    answer = robot.ask("GET", "/v1/pages", headers={"Authorization": header.format(robot.key)})

    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, 'Bearer realm="Candor"')
    assert set(answer.json) == {"error", "message"}


def test_key_in_the_query_is_taken_and_marked(robot, page):
    assert robot.client.get("/v1/pages", query_string={"api_key": robot.key}).status_code == 200
    assert api_keys.listed(page)[0].used_in_query_at is not None


def test_key_may_be_kept_out_of_the_query(program):
    careful = program(Scope.READ, allows_query=False)

    assert careful.client.get("/v1/pages", query_string={"api_key": careful.key}).status_code == 401
    assert careful.ask("GET", "/v1/pages").status_code == 200


def test_key_in_the_query_opens_nothing_outside_of_v1(robot):
    answer = robot.client.get("/admin/", query_string={"api_key": robot.key})

    assert answer.status_code == 303


def test_use_is_noted_to_the_minute(robot, page):
    robot.get("/v1/pages")
    first = api_keys.listed(page)[0].last_used_at
    robot.get("/v1/pages")
    db.session.expire_all()

    assert api_keys.listed(page)[0].last_used_at == first
    assert utcnow() - first < timedelta(minutes=1)


def test_key_is_in_no_log(robot, capfd, app):
    logs.configure(app.extensions["candor.settings"].model_copy(update={"log_level": "debug"}))
    robot.get("/v1/pages")
    robot.client.get("/v1/pages", query_string={"api_key": robot.key})
    robot.client.get("/v1/pages", query_string={"api_key": robot.key + "x"})
    captured = capfd.readouterr()

    assert captured.err.count("/v1/pages") == 3
    assert robot.key not in captured.out + captured.err


def test_asking_too_often_is_answered_with_when_to_come_back(robot, app):
    app.extensions["candor.settings"] = app.extensions["candor.settings"].model_copy(
        update={"api_requests_per_minute": 2, "api_limit_status": 420}
    )
    codes = [robot.ask("GET", "/v1/pages") for _ in range(4)]

    assert [answer.status_code for answer in codes[:2]] == [200, 200]
    assert codes[3].status_code == 420
    assert 1 <= int(codes[3].headers["Retry-After"]) <= 60


MAY = {
    Scope.READ: {Scope.READ},
    Scope.PUBLISH: {Scope.READ, Scope.PUBLISH},
    Scope.SUBSCRIBERS: {Scope.READ, Scope.SUBSCRIBERS},
    Scope.CONFIG: {Scope.READ, Scope.CONFIG},
    Scope.ADMIN: set(Scope),
}


@pytest.mark.parametrize("scope", Scope)
def test_each_scope_goes_where_it_may_and_nowhere_else(app: Flask, program, scope):
    someone, wrong = program(scope), []
    for operation in v1.operations:
        path = operation.path.replace("{page_id}", someone.page_id)
        path = "/v1" + "".join("a" * 12 if part.startswith("{") else part for part in _parts(path))
        code = someone.send(operation.method, path, {}).status_code
        may = operation.scope in MAY[scope]
        if (code == 403) == may or code in (401, 405) or code >= 500:
            wrong.append((operation.name, code))

    assert wrong == []


def _parts(path: str) -> list[str]:
    return [part for step in path.split("/")[1:] for part in ("/", step)]


def test_without_a_key_nothing_is_told(app, client):
    rules = [rule for rule in app.url_map.iter_rules() if rule.endpoint.startswith("api.")]
    asked = [
        (method, "/".join("a" * 12 if part.startswith("<") else part for part in rule.rule.split("/")))
        for rule in rules
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    ]
    told = [path for method, path in asked if client.open(path, method=method).status_code != 401]

    assert told == ["/openapi.json"]
