"""The document of the API is about the API, and about the vendor's."""

import json
import re
from pathlib import Path

import pytest

from statuspage.api import later
from statuspage.api.operations import v1

VENDOR = Path(__file__).parents[3] / "shared/data/statuspage-v1-openapi.json"


def test_every_route_of_the_api_is_in_the_document(app, client):
    document = client.get("/openapi.json").json
    told = {
        (method.upper(), re.sub(r"\{\w+\}", "{}", path)) for path, each in document["paths"].items() for method in each
    }
    served = {
        (method, re.sub(r"<[^>]+>", "{}", rule.rule))
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.endpoint.startswith(("api.", "api_v2."))
        and rule.endpoint not in ("api.elsewhere", "api.openapi")
        and not rule.rule.startswith("/api/v1")
        and not (rule.rule.startswith("/v1") and rule.rule.endswith(".json"))
    }

    assert told == served


def test_operations_carry_scopes_codes_and_bodies(client):
    document = client.get("/openapi.json").json
    create = document["paths"]["/v1/pages/{page_id}/incidents"]["post"]

    assert document["openapi"] == "3.1.0"
    assert create["security"] == [{"header": ["publish"]}, {"bearer": ["publish"]}, {"query": ["publish"]}]
    assert set(create["responses"]) == {"201", "400", "401", "403", "404", "409", "413", "415", "420", "422", "429"}
    assert create["requestBody"]["content"]["application/json"]["schema"] == {
        "$ref": "#/components/schemas/NewIncident"
    }
    names = [each["operationId"] for path in document["paths"].values() for each in path.values()]
    assert len(names) == len(set(names))


@pytest.mark.skipif(not VENDOR.is_file(), reason="the vendor's document is not at hand")
def test_everything_the_vendor_documents_is_served_or_known_to_be_missing():
    vendor = json.loads(VENDOR.read_text())["paths"]
    lost = [
        f"{method.upper()} {path}"
        for path, operations in vendor.items()
        for method in operations
        for example in [re.sub(r"\{\w+\}", "a" * 12, path)]
        if method in ("get", "post", "put", "patch", "delete")
        and method.upper() not in v1.allowed(example)
        and not later.is_documented(example)
    ]

    assert lost == []
