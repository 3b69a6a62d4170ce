"""Clients that others wrote for Statuspage, as they are on PyPI and npm, against a running Candor.

Each is only told another address, by the option or attribute that it has for that; none of their code is touched.
"""

from collections.abc import Iterator
from types import SimpleNamespace

import pytest
import requests
import statuspageio
from atlassian.statuspage import StatusPage

from tests.api import npm_packages
from tests.running import Running


@pytest.fixture(scope="module")
def candor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """A running Candor with two components, a key, and the page's id."""
    with Running(tmp_path_factory.mktemp("api-clients")) as running:
        key = running.command("apikey", "add", "--name", "clients", "--scope", "admin")
        ids = [running.command("component", "add", name) for name in ("API", "Website")]
        page = requests.get(f"{running.url}/v1/pages.json", headers={"Authorization": f"OAuth {key}"}, timeout=10)
        yield SimpleNamespace(
            running=running,
            url=running.url,
            key=key,
            page=page.json()[0]["id"],
            api=ids[0],
            web=ids[1],
            get=running.get,
        )


def test_atlassian_python_api_tells_a_whole_story(candor):
    """PyPI, atlassian-python-api: told where to go by its `url`; a bearer token, JSON, no suffixes."""
    client, page = StatusPage(url=candor.url, token=candor.key), candor.page
    made = client.page_create_incident(
        page, {"name": "Payments fail", "status": "investigating", "body": "We are looking.",
               "components": {candor.api: "major_outage"}, "component_ids": [candor.api]})  # fmt: skip

    shown = candor.get(f"/incidents/{made['id']}")
    assert "Payments fail" in shown
    assert "We are looking." in shown
    client.page_update_incident(page, made["id"], {"status": "identified", "body": "A full disk."})
    assert "A full disk." in candor.get("/")
    assert [each["id"] for each in client.page_list_unresolved_incidents(page)] == [made["id"]]
    assert client.page_get_component(page, candor.api)["status"] == "major_outage"
    client.page_update_incident(page, made["id"], {"status": "resolved", "components": {candor.api: "operational"}})
    assert client.page_list_unresolved_incidents(page) == []
    assert client.page_list_incidents(page, "payments")[0]["status"] == "resolved"
    assert "Resolved" in candor.get(f"/incidents/{made['id']}")


def test_atlassian_python_api_keeps_house(candor):
    client, page = StatusPage(url=candor.url, token=candor.key), candor.page
    part = client.page_create_component(page, {"name": "Queue", "description": "Jobs"})
    client.page_update_component(page, part["id"], {"status": "partial_outage"})
    reader = client.page_create_subscriber(page, {"email": "a@example.com", "skip_confirmation_notification": True})
    counted = client.page_count_subscribers_by_type(page, "email", "active")
    names = [each["name"] for each in client.page_get_components(page)]
    client.page_unsubscribe_subscriber(page, reader["id"])

    assert counted["email"] == 1
    assert "Queue" in names
    assert "Partial outage" in candor.get("/")
    assert client.page_get_subscribers(page) == []
    client.page_delete_component(page, part["id"])
    assert "Queue" not in candor.get("/")
    with pytest.raises(requests.HTTPError, match="can't be blank"):
        client.page_create_component(page, {"name": " "})
    assert client.page_update(page, {"name": "Acme"})["name"] == "Acme"


def test_statuspageio_tells_a_whole_story(candor):
    """PyPI, transity-statuspageio: `Authorization: OAuth`, JSON in envelopes, `.json` behind every path."""
    client = statuspageio.Client(api_key=candor.key, page_id=candor.page, organization_id="none")
    client.config.base_url = candor.url
    made = client.incidents.create(name="Search is slow", message="From an old client.",
                                   components={candor.web: "degraded_performance"})  # fmt: skip

    assert "From an old client." in candor.get(f"/incidents/{made.id}")
    client.incidents.update(made.id, status="monitoring", message="It is faster.", wants_twitter_update=False)
    assert [each.id for each in client.incidents.list_unresolved()] == [made.id]
    client.incidents.update(made.id, status="resolved", components={candor.web: "operational"})
    assert client.incidents.list_unresolved() == []
    assert client.components.update(candor.web, status="major_outage").status == "major_outage"
    assert "Major outage" in candor.get("/")
    client.components.update(candor.web, status="operational")
    extra = client.components.create(name="Extra")
    assert "Extra" in [each.name for each in client.components.list()]
    assert client.components.delete(extra.id) == 204
    assert client.incidents.delete(made.id) == 200
    assert "Search is slow" not in candor.get("/history")
    with pytest.raises(statuspageio.ResourceError):
        client.incidents.create(name="", status="broken")
    client.config.api_key = "wrong"
    with pytest.raises(statuspageio.RequestError):
        client.pages.get()


def test_npm_statuspage_moves_components_by_forms(candor):
    """npm, statuspage: bracketed forms; its address is that of its own axios instance."""
    said = npm_packages.run(
        """
        const StatusPage = require("statuspage");
        (async () => {
            const page = new StatusPage(key, pageId);
            page.instance.defaults.baseURL = url;
            const made = await page.createComponent("Made in a form");
            const moved = await page.updateComponentState(component, "partial_outage");
            const gone = await page.deleteComponent(made.data.id);
            const names = (await page.getComponents()).map(each => each.name);
            console.log(JSON.stringify([made.status, moved.data.status, gone.status, names]));
        })();
        """,
        key=candor.key, pageId=candor.page, url=candor.url, component=candor.api,
    )  # fmt: skip

    assert said[:3] == [201, "partial_outage", 204]
    assert "API" in said[3]
    assert "Partial outage" in candor.get("/")


def test_npm_statuspage_io_reads_what_is_public(candor):
    """npm, statuspage.io: the public documents, by its `setApiUrl`."""
    summary, components, incidents, unresolved, active = npm_packages.run(
        """
        const {Statuspage} = require("statuspage.io");
        (async () => {
            const page = new Statuspage("ours");
            page.setApiUrl(url);
            const {api} = page;
            console.log(JSON.stringify([
                await api.getSummary(), await api.getComponents(), await api.incidents.getAll(),
                await api.incidents.getUnresolved(), await api.scheduledMaintenances.getActive(),
            ]));
        })();
        """,
        url=candor.url,
    )

    assert summary["page"]["id"] == candor.page
    assert candor.api in [each["id"] for each in components["components"]]
    assert all(each["status"] == "resolved" for each in incidents["incidents"])
    assert (unresolved["incidents"], active["scheduled_maintenances"]) == ([], [])
