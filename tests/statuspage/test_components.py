import pytest

from statuspage import components, publishing
from statuspage.errors import Conflict, NotFound
from statuspage.vocabulary import Audience, ComponentStatus, IncidentStatus
from tests.conftest import BY, NOON
from tests.statuspage.fakes import acts, said

DOWN, OK = ComponentStatus.MAJOR_OUTAGE, ComponentStatus.OPERATIONAL


def names(page):
    return [component.name for component in components.listed(page)]


def test_new_component_works_and_comes_last(page, api):
    web = components.add(page, "Website", BY, NOON)

    assert web.status is OK
    assert names(page) == ["API", "Website"]


def test_group_is_made_once(page, api):
    queue = components.add(page, "Queue", BY, NOON, group="Platform")

    assert queue.group is api.group


def test_two_components_cannot_share_a_name(page, api, web):
    with pytest.raises(Conflict, match="named API already"):
        components.add(page, "API", BY, NOON)
    with pytest.raises(Conflict, match="named API already"):
        components.edit(web, "API", "", "", Audience.PUBLIC, BY, NOON)


def test_component_may_keep_its_own_name(page, api):
    components.edit(api, "API", "Core", "All calls", Audience.PUBLIC, BY, NOON)

    assert (api.group.name, api.description) == ("Core", "All calls")


def test_state_set_by_hand_is_dated_and_on_record(page, api):
    components.set_status(api, DOWN, BY, NOON)
    components.set_status(api, DOWN, BY, NOON)

    assert (api.status, acts().count("component.set_status")) == (DOWN, 1)


def test_component_of_an_open_incident_cannot_be_archived(page, api, open_incident):
    incident = open_incident(components={api: DOWN})
    with pytest.raises(Conflict, match="Payments fail"):
        components.archive(api, BY, NOON)
    publishing.post_update(incident, said(status=IncidentStatus.RESOLVED, components={api: OK}), BY, NOON)
    components.archive(api, BY, NOON)

    assert names(page) == []


@pytest.mark.parametrize(
    ("index", "is_up", "order"), [(0, False, "BAC"), (2, True, "ACB"), (0, True, "ABC"), (2, False, "ABC")]
)
def test_neighbours_swap_places(page, index, is_up, order):
    parts = [components.add(page, name, BY, NOON) for name in "ABC"]
    components.move(parts[index], is_up, BY, NOON)

    assert "".join(names(page)) == order


def test_component_is_found_by_its_name_in_any_case(page, api):
    assert components.find_by_name(page, " api ") is api
    with pytest.raises(NotFound, match="no component named"):
        components.find_by_name(page, "apj")
