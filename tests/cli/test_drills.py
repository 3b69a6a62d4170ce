"""`candor drill`."""

import json


def test_drill_from_the_shell(candor):
    candor("user", "add", "--email", "ada@candor.example", "--role", "comms_lead")
    assert "ready-checkout" in candor("drill", "list")
    drill = candor("drill", "start", "ready-checkout", "--lead", "ada@candor.example", "--pace", "4").strip()

    assert "running" in candor("drill", "list")
    assert "Stopped." in candor("drill", "stop")
    assert "First update: none (meant: within 15 min)" in candor("drill", "score", drill)
    facts = json.loads(candor("drill", "score", drill, "--json"))
    assert (facts["ending"], facts["promises"]) == ("Stopped early.", {"kept": 0, "late": []})
    assert candor("incident", "list") == candor("incident", "list", "--open")
