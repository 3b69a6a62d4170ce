"""`candor run` and `engine` as real processes, started as a user starts them."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import wsgi
from tests.doubles import free_port
from tests.running import wait_until

PATIENCE = 60.0
PROGRAM = (sys.executable, str(Path(wsgi.__file__).resolve()))


class Service:
    """One installation in a folder of its own, on a port of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.started: list[subprocess.Popen[bytes]] = []
        # What another project left in the folder where we are started is nothing to us.
        (folder / "wsgi.py").write_text("raise SystemExit('the wrong wsgi.py')\n")

    def start(self, *words: str, **settings: str) -> subprocess.Popen[bytes]:
        """Start a command and do not wait for it."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("CANDOR_")}
        given = {
            "CANDOR_INSTANCE_DIR": "instance",
            "CANDOR_DATABASE_URL": os.environ.get("CANDOR_DATABASE_URL", ""),
            "CANDOR_PORT": str(self.port),
            "CANDOR_WEB_WORKERS": "1",
            "CANDOR_LOG_LEVEL": "warning",
        }
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [*PROGRAM, *words], cwd=self.folder, env=inherited | given | settings, stdout=log, stderr=log
            )
        self.started.append(process)
        return process

    def serve(self, *words: str, **settings: str) -> subprocess.Popen[bytes]:
        """Start a command and wait until the page answers."""
        process = self.start(*words, **settings)
        wait_until(lambda: self.status("/healthz") == 200, "The page does not answer", self.log, PATIENCE)
        return process

    def status(self, path: str) -> int:
        """The status of a page; 0 when nobody answers."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
                connection.sendall(f"GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n".encode())
                answer = connection.recv(64)
        except OSError:
            return 0
        return int(answer.split()[1]) if answer else 0

    def is_free(self) -> bool:
        """Whether nobody listens on the port."""
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            return probe.connect_ex(("127.0.0.1", self.port)) != 0

    def log(self) -> str:
        """What the processes have said so far."""
        return (self.folder / "log").read_text(errors="replace")

    def end(self) -> None:
        """Kill whatever is left; children notice by themselves."""
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.wait()


def _children(pid: int) -> dict[str, int]:
    """The children of a process by the command they run."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            words = (folder / "cmdline").read_bytes().split(b"\0")
        except (OSError, IndexError):
            continue
        if parent == pid and len(words) > 2:
            found[words[2].decode()] = int(folder.name)
    return found


def _is_gone(pid: int) -> bool:
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


@pytest.fixture
def service(tmp_path: Path, empty_database: str) -> Iterator[Service]:
    service = Service(tmp_path)
    yield service
    service.end()


def test_run_serves_the_page_and_says_where(service: Service) -> None:
    run = service.serve("run")

    wait_until(lambda: "Panel" in service.log(), "The addresses are not told", service.log)
    assert [service.status(path) for path in ("/", "/readyz", "/history.atom")] == [200, 200, 200]
    assert f"http://127.0.0.1:{service.port}/admin/" in service.log()
    assert set(_children(run.pid)) == {"web", "engine"}


def test_a_normal_stop_ends_all_processes_with_zero(service: Service) -> None:
    run = service.serve("run")
    children = _children(run.pid).values()

    run.send_signal(signal.SIGTERM)

    assert run.wait(10) == 0
    assert all(_is_gone(pid) for pid in children)
    assert service.is_free()


def test_ctrl_c_is_a_normal_stop(service: Service) -> None:
    run = service.serve("run")

    run.send_signal(signal.SIGINT)

    assert run.wait(10) == 0
    assert "Traceback" not in service.log()


def test_processes_that_die_are_replaced(service: Service) -> None:
    run = service.serve("run")
    before = _children(run.pid)

    for pid in before.values():
        os.kill(pid, signal.SIGKILL)

    def are_replaced() -> bool:
        now = _children(run.pid)
        return set(now) == set(before) and not set(now.values()) & set(before.values())

    wait_until(are_replaced, "Nobody took their place", service.log, PATIENCE)
    wait_until(lambda: service.status("/") == 200, "The page did not come back", service.log, PATIENCE)
    assert run.poll() is None


def test_a_web_worker_that_dies_is_replaced(service: Service) -> None:
    run = service.serve("run")
    web = _children(run.pid)["web"]
    (worker,) = _children(web).values()

    os.kill(worker, signal.SIGKILL)

    wait_until(lambda: bool({*_children(web).values()} - {worker}), "No new worker", service.log, PATIENCE)
    wait_until(lambda: service.status("/") == 200, "The page did not come back", service.log, PATIENCE)
    assert _children(run.pid)["web"] == web


def test_nobody_outlives_the_parent_and_a_restart_finds_the_port_free(service: Service) -> None:
    run = service.serve("run")
    children = _children(run.pid)

    run.kill()
    run.wait()
    again = service.start("run")

    wait_until(lambda: all(_is_gone(pid) for pid in children.values()), "Children stay", service.log, PATIENCE)
    wait_until(lambda: service.status("/") == 200, "The page did not come back", service.log, PATIENCE)
    assert again.poll() is None


def test_a_request_in_flight_is_answered_before_the_end(service: Service) -> None:
    run = service.serve("run")
    body = b"address=ada%40example.com"
    with socket.create_connection(("127.0.0.1", service.port), timeout=PATIENCE) as connection:
        connection.sendall(
            b"POST /subscribe HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
            b"Content-Type: application/x-www-form-urlencoded\r\n"
            + f"Content-Length: {len(body)}\r\n\r\n".encode()
            + body[:10]
        )
        wait_until(lambda: service.status("/healthz") == 200, "The page does not answer", service.log)

        run.send_signal(signal.SIGTERM)
        wait_until(service.is_free, "The port stays open", service.log, PATIENCE)
        connection.sendall(body[10:])

        assert connection.recv(64).startswith(b"HTTP/1.1 4")  # no token in the form: refused, but answered
    assert run.wait(PATIENCE) == 0


def test_the_engine_alone_ends_when_asked(service: Service) -> None:
    engine = service.start("engine", CANDOR_LOG_LEVEL="info")
    wait_until(lambda: "engine.started" in service.log(), "The engine does not start", service.log)

    engine.send_signal(signal.SIGTERM)

    assert engine.wait(10) == 0
    assert "engine.stopped" in service.log()


def test_flask_knows_the_app_too(service: Service) -> None:
    folder = Path(wsgi.__file__).resolve().parent
    listed = subprocess.run(
        [sys.executable, "-m", "flask", "--app", str(folder / "wsgi.py"), "routes"],
        cwd=service.folder,
        env=os.environ | {"CANDOR_INSTANCE_DIR": str(service.folder / "instance")},
        capture_output=True,
        text=True,
        check=True,
    )

    assert "site.overview" in listed.stdout
