"""`candor drill`."""

from .conftest import Shell


def test_drill_from_the_shell(candor: Shell):
    candor.says("user", "add", "--email", "ada@candor.example", "--role", "comms_lead")
    assert "ready-checkout" in candor.says("drill", "list")
    drill = candor.says("drill", "start", "ready-checkout", "--lead", "ada@candor.example", "--pace", "4")

    assert "running" in candor.says("drill", "list")
    assert "another" not in candor.refuses("drill", "start", "ready-provider", "--lead", "ada@candor.example")
    assert "Stopped." in candor.says("drill", "stop")
    assert "First update: none (meant: within 15 min)" in candor.says("drill", "score", drill)
    facts = candor.tells("drill", "score", drill)
    assert (facts["ending"], facts["promises"]) == ("Stopped early.", {"kept": 0, "late": []})
    assert "No drill is running." in candor.refuses("drill", "stop")
    assert "no such script" in candor.refuses("drill", "start", "nothing", "--lead", "ada@candor.example")
    assert candor.tells("incident", "list") == []
