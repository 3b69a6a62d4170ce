"""Whatever is sent: a documented 4xx that names the field, nothing stored, never a 5xx."""

import json
import time

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from statuspage.api import bodies
from statuspage.api.errors import Unreadable
from statuspage.errors import Invalid

GOOD = {"name": "x"}


def deep(levels):
    return '{"incident": ' + '{"a": ' * levels + "1" + "}" * levels + "}"


@pytest.mark.parametrize(
    ("body", "kind", "code"),
    [
        ("{", "application/json", 400),
        ("[]", "application/json", 400),
        ('"incident"', "application/json", 400),
        ("null", "application/json", 400),
        ('{"incident": {"name": NaN}}', "application/json", 400),
        ('{"incident": {"name": "x", "n": Infinity}}', "application/json", 400),
        ('{"incident": {"name": "x", "n": -Infinity}}', "application/json", 400),
        ('{"incident": {"name": "x", "n": 1e400}}', "application/json", 400),
        ('{"incident": {"name": "x", "n": ' + "9" * 5000 + "}}", "application/json", 400),
        ('{"incident": {"name": "a", "name": "b"}}', "application/json", 400),
        (b'{"incident": {"name": "\xff"}}', "application/json", 400),
        ('\ufeff{"incident": {"name": "x"}}'.encode(), "application/json", 400),
        (deep(25), "application/json", 400),
        (deep(10_000), "application/json", 400),
        ("incident[name]=x", "text/plain", 415),
        ("<incident/>", "application/xml", 415),
        ("", "application/json", 400),
        ("", "", 422),
        ("{}", "application/json", 422),
        ('{"name": "x"}', "application/json", 422),
        ("name=x", "application/x-www-form-urlencoded", 422),
        ("&".join(f"a{n}=1" for n in range(2001)), "application/x-www-form-urlencoded", 400),
        ("incident[name]=x&incident=y", "application/x-www-form-urlencoded", 422),
        ("incident=y&incident[name]=x", "application/x-www-form-urlencoded", 422),
        ("incident[components][]=a&incident[components][b]=c", "application/x-www-form-urlencoded", 422),
    ],
)
def test_what_cannot_be_read_is_refused(robot, stored, body, kind, code):
    before = stored()
    answer = robot.raw("POST", "/incidents", body, kind)

    assert (answer.status_code, answer.mimetype) == (code, "application/json")
    assert answer.json["message"]
    assert len(answer.data) < 8192
    assert stored() == before


@pytest.mark.parametrize(
    ("incident", "field"),
    [
        ({"name": 5}, "name"),
        ({"name": ["x"]}, "name"),
        ({"name": ""}, "name"),
        ({"name": " \u200e\u2028 "}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"name": "a\ud800b"}, "name"),
        ({}, "name"),
        ({**GOOD, "status": "broken"}, "status"),
        ({**GOOD, "status": 7}, "status"),
        ({**GOOD, "impact_override": "huge"}, "impact_override"),
        ({**GOOD, "deliver_notifications": "yes"}, "deliver_notifications"),
        ({**GOOD, "deliver_notifications": 1}, "deliver_notifications"),
        ({**GOOD, "body": {"a": 1}}, "body"),
        ({**GOOD, "component_ids": "aaaaaaaaaaaa"}, "component_ids"),
        ({**GOOD, "component_ids": [1]}, "component_ids.0"),
        ({**GOOD, "component_ids": ["aaaaaaaaaaaa"]}, "component_ids"),
        ({**GOOD, "components": {"aaaaaaaaaaaa": "major_outage"}}, "components"),
        ({**GOOD, "components": ["a\x00"]}, "components"),
        ({**GOOD, "components": 3}, "components"),
        ({**GOOD, "metadata": []}, "metadata"),
        ({**GOOD, "metadata": {"jira": "A-1"}}, "metadata.jira"),
        ({**GOOD, "metadata": {"jira": {"deep": {"id": "\x00"}}}}, "metadata.jira.deep.id"),
        ({**GOOD, "metadata": {"jira": {"a\ud800": 1}}}, "metadata.jira"),
        ({**GOOD, "reminder_intervals": "[5, 3]"}, "reminder_intervals"),
        ({**GOOD, "reminder_intervals": "25"}, "reminder_intervals"),
        ({**GOOD, "backfill_date": "yesterday"}, "backfill_date"),
        ({**GOOD, "backfill_date": "0001-01-01T00:00:00+14:00"}, "backfill_date"),
        ({**GOOD, "scheduled_for": 10**30}, "scheduled_for"),
    ],
)
def test_what_is_wrong_is_named(robot, stored, incident, field):
    before = stored()
    answer = robot.raw("POST", "/incidents", json.dumps({"incident": incident}))

    assert (answer.status_code, list(answer.json["errors"])) == (422, [f"incident.{field}"])
    assert answer.json["error"][0].startswith(f"incident.{field}: ")
    assert stored() == before


@pytest.mark.parametrize("envelope", [None, [], "x", 5, True])
def test_wrong_envelope_is_named(robot, envelope):
    answer = robot.send("POST", "/incidents", {"incident": envelope})

    assert (answer.status_code, list(answer.json["errors"])) == (422, ["incident"])


@pytest.mark.parametrize(
    "kind", ["application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
)
def test_ten_megabytes_are_refused_at_once(robot, stored, kind):
    before, started = stored(), time.perf_counter()
    answer = robot.raw("POST", "/incidents", b'{"incident": {"name": "' + b"x" * 10_000_000, kind)

    assert (answer.status_code, answer.mimetype) == (413, "application/json")
    assert time.perf_counter() - started < 1
    assert stored() == before


def test_packed_body_is_refused(robot):
    answer = robot.ask("POST", "/incidents", data=b"\x1f\x8b", headers={"Content-Encoding": "gzip"})

    assert answer.status_code == 415


@pytest.mark.parametrize("path", ["/incidents/", "/incidents/x", "/incidents/aaaaaaaaaaaa", "/incidents/AAAAAAAAAAAA",
                                  "/incidents/aaaaaaaaaaa%00", "/components//", "/nothing", "/incidents/..%2f..",
                                  "/components/aaaaaaaaaaaa.xml", "/component-groups/aaaaaaaaaaaa"])  # fmt: skip
def test_what_is_not_there_is_404_in_json(robot, path):
    answer = robot.ask("GET", path)

    assert (answer.status_code, set(answer.json)) == (404, {"error", "message"})


def test_another_page_is_not_there(robot):
    assert robot.ask("GET", "/v1/pages/aaaaaaaaaaaa/incidents").status_code == 404
    assert robot.ask("GET", "/v1/pages/aaaaaaaaaaaa").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/metrics",
        "/metrics.json",
        "/page_access_users",
        "/incidents/aaaaaaaaaaaa/postmortem",
        "/subscribers/histogram_by_state",
        "/incident_templates.json",
    ],
)
def test_documented_and_not_served_yet_says_so(robot, path):
    answer = robot.ask("GET", path)

    assert (answer.status_code, answer.json["message"]) == (404, "This part of the API is not available in Candor yet.")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/incidents", "GET, HEAD, OPTIONS, POST"),
        ("POST", "/incidents/unresolved.json", "GET, HEAD, OPTIONS"),
        ("POST", "/components/aaaaaaaaaaaa", "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"),
    ],
)
def test_wrong_method_is_told_the_right_ones(robot, method, path, allowed):
    answer = robot.ask(method, path)

    assert (answer.status_code, answer.headers["Allow"]) == (405, allowed)


def test_browsers_elsewhere_are_not_let_in(robot):
    answer = robot.ask("GET", "/v1/pages", headers={"Origin": "https://evil.test"})
    before = robot.ask("OPTIONS", "/incidents", headers={"Origin": "https://evil.test"})

    for each in (answer, before):
        assert "Access-Control-Allow-Origin" not in each.headers
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Authorization" in answer.headers["Vary"]
    assert "Set-Cookie" not in answer.headers


def test_programs_need_no_form_token_and_no_origin_of_ours(robot):
    headers = {"Origin": "https://tool.example", "Sec-Fetch-Site": "cross-site"}

    assert robot.ask("POST", "/incidents", json={"incident": GOOD}, headers=headers).status_code == 201


def test_staff_session_opens_nothing_here(sign_in, page):
    browser = sign_in().browser

    assert browser.get(f"/v1/pages/{page.public_id}/incidents").status_code == 401


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(alphabet=st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
fields = st.sampled_from(["name", "status", "components", "component_ids", "metadata", "body", "backfill_date", "x"])


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(incident=st.dictionaries(fields, json_values, max_size=4) | json_values)
def test_no_tree_breaks_anything(robot, incident):
    answer = robot.raw("POST", "/incidents", json.dumps({"incident": incident}))

    assert answer.status_code in {201, 400, 409, 422}


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    pairs=st.lists(
        st.tuples(
            st.text(max_size=12)
            | st.lists(st.sampled_from(["incident", "[name]", "[components]", "[]", "[a]", "]", "["])).map("".join),
            st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=12),
        ),
        max_size=6,
    )
)
def test_no_form_breaks_anything(pairs):
    try:
        tree = bodies.unfold(pairs)
    except (Unreadable, Invalid):
        return

    assert isinstance(tree, dict)


string_trees = st.recursive(
    st.text(alphabet="abc", max_size=3),
    lambda inner: (
        st.dictionaries(st.text(alphabet="ab", min_size=1, max_size=2), inner, min_size=1, max_size=3)
        | st.lists(st.text(alphabet="abc", max_size=3), min_size=1, max_size=3)
    ),
    max_leaves=6,
)


@given(tree=st.dictionaries(st.text(alphabet="ab", min_size=1, max_size=2), string_trees, min_size=1, max_size=3))
def test_brackets_are_unfolded_as_they_were_folded(tree):
    assert bodies.unfold(fold(tree)) == tree


def fold(node, name=""):
    match node:
        case dict():
            return [pair for key, value in node.items() for pair in fold(value, f"{name}[{key}]" if name else key)]
        case list():
            return [(f"{name}[]", value) for value in node]
        case _:
            return [(name, node)]
