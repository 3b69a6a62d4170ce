"""What docs/deploy/ says is what the command understands."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from statuspage.cli import cli
from statuspage.settings import PREFIX, Settings

DEPLOY = Path(__file__).parent.parent.parent / "docs" / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
KNOWN = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}


def compose() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    return read


def ours() -> dict[str, dict[str, Any]]:
    return {name: each for name, each in compose()["services"].items() if each["image"] == "candor"}


def settings_named(text: str) -> set[str]:
    return {name.removesuffix("_FILE") for name in re.findall(r"\bCANDOR_[A-Z_]+", text)}


def is_understood(*words: str) -> bool:
    command: click.Command | None = cli
    for word in words:
        assert isinstance(command, click.Group), words
        command = command.commands.get(word)
    return command is not None


def test_compose_starts_two_web_two_workers_and_one_scheduler() -> None:
    services = {name: (each["command"], each.get("deploy", {}).get("replicas", 1)) for name, each in ours().items()}

    assert services == {"web": (["web"], 2), "worker": (["worker"], 2), "scheduler": (["scheduler"], 1)}
    assert compose()["services"]["database"]["image"].startswith("postgres:")


@pytest.mark.parametrize("words", [each["command"] for each in ours().values()], ids=" ".join)
def test_every_command_of_compose_is_one_of_ours(words: list[str]) -> None:
    assert is_understood(*words)


def test_every_container_of_ours_is_locked_up() -> None:
    for service in ours().values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["volumes"] == ["data:/data"]
        assert "privileged" not in service
        assert set(service["secrets"]) <= compose()["secrets"].keys()


@pytest.mark.parametrize("file", [DEPLOY / "compose.yaml", DEPLOY / "Dockerfile", *UNITS], ids=lambda path: path.name)
def test_every_setting_that_is_named_exists(file: Path) -> None:
    assert settings_named(file.read_text()) <= KNOWN


def test_the_image_runs_as_nobody_in_particular_on_one_volume() -> None:
    lines = (DEPLOY / "Dockerfile").read_text().splitlines()
    last_stage = lines[max(at for at, line in enumerate(lines) if line.startswith("FROM")) :]

    assert "USER 10001:10001" in last_stage
    assert [line for line in last_stage if line.startswith("VOLUME")] == ["VOLUME /data"]
    assert json.loads(next(line for line in last_stage if line.startswith("ENTRYPOINT")).split(" ", 1)[1]) == ["candor"]
    assert is_understood(*json.loads(next(line for line in last_stage if line.startswith("CMD")).split(" ", 1)[1]))


def test_the_image_is_not_given_what_is_private() -> None:
    ignored = (DEPLOY.parent.parent / ".dockerignore").read_text().split()

    assert {".git", ".venv", "instance", "candor.toml"} <= set(ignored)


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_every_unit_starts_a_command_of_ours(unit: Path) -> None:
    [words] = re.findall(r"^ExecStart=/opt/candor/bin/candor (.*)$", unit.read_text(), re.MULTILINE)

    assert is_understood(*words.split())


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_every_unit_is_hardened(unit: Path) -> None:
    said = unit.read_text().splitlines()

    assert {"NoNewPrivileges=true", "ProtectSystem=strict", "ReadWritePaths=/var/lib/candor", "User=candor"} <= set(
        said
    )


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd-analyze on this machine")
def test_systemd_understands_the_units_and_finds_them_tight(tmp_path: Path) -> None:
    for unit in UNITS:  # the program and its user are not on this machine
        said = unit.read_text().replace("/opt/candor/bin/candor", shutil.which("true") or "")
        (tmp_path / unit.name.replace("@", "@1")).write_text(
            re.sub(r"^(User|Group)=.*\n", "", said, flags=re.MULTILINE)
        )
    names = sorted(f"./{path.name}" for path in tmp_path.iterdir())

    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *names], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")
    for name in names:
        found = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=25", name],
                               cwd=tmp_path, capture_output=True, text=True, check=False)  # fmt: skip
        assert found.returncode == 0, found.stdout[-300:]
