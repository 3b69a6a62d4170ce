"""`candor component`."""

from .conftest import Shell


def test_a_component_is_added_and_its_id_printed_alone(candor: Shell) -> None:
    component_id = candor.says("component", "add", "Checkout", "--group", "Shop", "--description", "Basket and payment")

    assert candor.tells("component", "list") == [
        {
            "id": component_id,
            "name": "Checkout",
            "group": "Shop",
            "description": "Basket and payment",
            "status": "operational",
            "audience": "public",
            "uptime_target": None,
        }
    ]


def test_an_internal_component_is_for_staff(candor: Shell) -> None:
    candor.says("component", "add", "Batch queue", "--internal")

    assert candor.tells("component", "list")[0]["audience"] == "internal"


def test_a_name_is_used_once(candor: Shell) -> None:
    candor.says("component", "add", "Checkout")

    assert "already" in candor.refuses("component", "add", "Checkout")


def test_a_component_needs_a_name(candor: Shell) -> None:
    assert candor.refuses("component", "add", "  ").startswith("--name: ")


def test_a_state_is_set_by_name_in_whatever_case(candor: Shell) -> None:
    candor.says("component", "add", "Checkout")

    candor.says("component", "set", "checkout", "partial-outage")

    assert "partial_outage" in candor.says("component", "list")


def test_a_component_that_does_not_exist_is_named(candor: Shell) -> None:
    assert "“Chekout”" in candor.refuses("component", "set", "Chekout", "operational")
