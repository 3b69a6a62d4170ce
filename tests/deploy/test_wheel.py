"""What `pip install` and `pipx install` give: the wheel alone serves the page, vendor scripts included."""

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from tests.running import Running, wait_until

ROOT = Path(__file__).parent.parent.parent


class Installed(Running):
    """`candor run` from an environment of its own, with the checkout out of reach."""

    def __init__(self, folder: Path, program: Path) -> None:
        super().__init__(folder)
        self.program = (str(program),)
        self.place = folder
        self.environment.pop("PYTHONPATH", None)

    def start(self) -> None:
        """Start the installed command in an empty folder."""
        with self.log.open("ab") as log:
            self.processes = [
                subprocess.Popen(
                    [*self.program, "run"],
                    env=self.environment,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    cwd=self.place,
                )
            ]
        wait_until(self._is_ready, "Candor did not become ready", lambda: self.log.read_text()[-2000:])


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from this checkout with the locked tools."""
    folder = tmp_path_factory.mktemp("wheel")
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "-q", "--no-deps",
         "--no-build-isolation", "--no-index", "-w", str(folder), str(ROOT)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    [built] = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def candor(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command in a fresh environment. Its dependencies are those of the tests: nothing is downloaded."""
    folder = tmp_path_factory.mktemp("fresh") / "venv"
    venv.create(folder, with_pip=True, symlinks=True)
    python = folder / "bin" / "python"
    subprocess.run([python, "-m", "pip", "--disable-pip-version-check", "install", "-q", "--no-deps", "--no-index",
                    str(wheel)], check=True)  # fmt: skip
    [packages] = folder.glob("lib/*/site-packages")
    (packages / "dependencies.pth").write_text(f"{sysconfig.get_paths()['purelib']}\n")
    return folder / "bin" / "candor"


def test_the_wheel_carries_everything_a_page_needs(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())

    assert {"wsgi.py", "statuspage/_assets/templates/public/overview.html"} <= names
    assert any(name.startswith("statuspage/_assets/static/vendor/htmx") for name in names)
    assert any(name.startswith("statuspage/migrations/versions/0001") for name in names)
    assert not any(name.startswith(("tests/", "docs/", "instance/")) for name in names)


def test_the_installed_command_knows_its_version(candor: Path, tmp_path: Path) -> None:
    said = subprocess.run([candor, "--version"], capture_output=True, text=True, check=True, cwd=tmp_path, env=bare())

    assert said.stdout.startswith("candor, version 0.")


def test_the_installed_command_serves_the_page_and_its_scripts(wheel: Path, candor: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        [script] = [name for name in archive.namelist() if "static/vendor/htmx" in name and name.endswith(".js")]
    with Installed(tmp_path, candor) as running:
        assert "No known incidents" in running.get("/")
        assert len(running.get(script.removeprefix("statuspage/_assets"))) > 10_000


def bare() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("CANDOR_", "PYTHON"))}
