"""`candor export`, `backup` and `restore`."""

import json
import os
import sqlite3
import tarfile
import zipfile
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from statuspage.archiving import presence

from .conftest import Shell

OPEN = ("incident", "open", "--title", "Payments fail", "--body", "We look into it.")


@pytest.fixture
def busy(new_candor: Shell) -> Shell:
    """An installation with a component, a subscriber, a colleague and an incident."""
    new_candor.says("component", "add", "API")
    new_candor.says("subscriber", "add", "--email", "ana@example.com", "--component", "API")
    new_candor.says("user", "add", "--email", "lead@example.com", "--role", "admin")
    new_candor.says(*OPEN, "--component", "API=major_outage")
    return new_candor


def tables(file: Path) -> dict[str, list[dict[str, Any]]]:
    with zipfile.ZipFile(file) as archive:
        return {
            name.removesuffix(".jsonl"): [json.loads(line) for line in archive.read(name).decode().splitlines()]
            for name in archive.namelist()
            if name.endswith(".jsonl")
        }


def revision(file: Path, found: str) -> str:
    """As if the file were of this version; the version it really is of."""
    with closing(sqlite3.connect(file)) as connection:
        before: str = connection.execute("SELECT version_num FROM alembic_version").fetchone()[0]
        connection.execute("UPDATE alembic_version SET version_num = ?", (found,))
        connection.commit()
    return before


def titles(candor: Shell) -> list[str]:
    return [each["title"] for each in candor.tells("incident", "list")]


def test_an_export_holds_every_row_in_plain_words(busy: Shell, tmp_path: Path) -> None:
    told = busy.tells("export", "all.zip")
    found = tables(tmp_path / "all.zip")

    assert {name: len(rows) for name, rows in found.items()} == told["tables"]
    assert found["subscriber"][0]["address"] == "ana@example.com"
    assert found["incident"][0]["title"] == "Payments fail"
    assert found["cadence_policy"][0]["interval"] > 0
    assert found["incident"][0]["created_at"].endswith("Z")
    assert (tmp_path / "all.zip").stat().st_mode & 0o777 == 0o600
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        assert "personal data" in archive.read("README.txt").decode()


def test_an_export_holds_no_secret(busy: Shell, tmp_path: Path) -> None:
    busy.says("export", "all.zip")
    columns = {column for rows in tables(tmp_path / "all.zip").values() for row in rows for column in row}

    assert not columns & {"salt", "password", "secret_hash", "fs_uniquifier", "lease_token"}
    assert not tables(tmp_path / "all.zip").keys() & {"staff_session", "sign_in_link", "idempotency_key"}


def test_an_export_of_one_page_holds_nothing_of_the_house(busy: Shell, tmp_path: Path) -> None:
    [page] = busy.tells("page", "list")
    busy.says("export", "page.zip", "--page", page["id"])
    found = tables(tmp_path / "page.zip")

    assert {"page", "incident", "incident_update", "subscriber", "subscription", "announcement"} <= found.keys()
    assert not found.keys() & {"staff_user", "audit_entry"}
    assert len(found["incident_update"]) == 1


def test_a_file_that_exists_is_never_written_over(busy: Shell, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")

    assert "exists already" in busy.refuses("export", "mine")
    assert "exists already" in busy.refuses("backup", "mine")
    assert (tmp_path / "mine").read_text() == "mine"


def test_a_backup_is_for_its_owner_alone_and_holds_the_key(busy: Shell, tmp_path: Path) -> None:
    file = Path(busy.says("backup"))

    assert file.parent == tmp_path / "instance" / "backups"
    assert file.stat().st_mode & 0o777 == 0o600
    with tarfile.open(file) as archive:
        assert sorted(archive.getnames()) == ["candor-backup.json", "database", "instance/secret_key"]
        key = archive.extractfile("instance/secret_key")
        assert key
        assert key.read().decode() == (tmp_path / "instance" / "secret_key").read_text()


@pytest.mark.sqlite
def test_a_restore_brings_back_what_was_and_keeps_what_is(busy: Shell, tmp_path: Path) -> None:
    busy.says("backup", "then.tar.gz")
    key = (tmp_path / "instance" / "secret_key").read_text()
    busy.says("incident", "open", "--title", "Later", "--body", "Something else.")
    (tmp_path / "instance" / "secret_key").write_text("k" * 48)

    done = busy.tells("restore", "then.tar.gz")

    assert titles(busy) == ["Payments fail"]
    assert (tmp_path / "instance" / "secret_key").read_text() == key
    assert done["needs_upgrade"] is False
    kept = Path(done["kept"])
    with closing(sqlite3.connect(kept / "candor.db")) as before:
        assert before.execute("SELECT count(*) FROM incident").fetchone() == (2,)
    assert (kept / "secret_key").read_text() == "k" * 48
    assert kept.stat().st_mode & 0o077 == 0


def test_a_damaged_database_is_no_hindrance(busy: Shell, tmp_path: Path) -> None:
    busy.says("backup", "then.tar.gz")
    (tmp_path / "instance" / "candor.db").write_bytes(b"not a database at all" * 500)

    busy.says("restore", "then.tar.gz")

    assert titles(busy) == ["Payments fail"]


def test_an_empty_machine_becomes_the_old_one(busy: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    busy.says("backup", "then.tar.gz")
    monkeypatch.setenv("CANDOR_INSTANCE_DIR", str(tmp_path / "elsewhere"))

    busy.says("restore", "then.tar.gz")

    assert titles(busy) == ["Payments fail"]


@pytest.mark.sqlite
def test_a_damaged_database_is_not_backed_up_as_if_it_were_whole(busy: Shell, tmp_path: Path) -> None:
    file = tmp_path / "instance" / "candor.db"
    data = bytearray(file.read_bytes())
    data[4096 * 3 : 4096 * 40] = os.urandom(4096 * 37)
    file.write_bytes(bytes(data))

    result = busy("backup", "broken.tar.gz")

    assert result.exit_code == 1
    assert not (tmp_path / "broken.tar.gz").exists()
    assert [each.name for each in tmp_path.iterdir() if ".part" in each.name or "broken" in each.name] == []


@pytest.mark.sqlite
def test_a_backup_of_a_newer_candor_is_refused_and_nothing_is_changed(busy: Shell, tmp_path: Path) -> None:
    file = tmp_path / "instance" / "candor.db"
    busy.says("backup", "now.tar.gz")
    ours = revision(file, "9999")
    newer = busy("backup", "newer.tar.gz")
    assert newer.exit_code == 0
    revision(file, ours)

    assert "newer than what this version knows" in busy.refuses("restore", "newer.tar.gz")
    assert titles(busy) == ["Payments fail"]
    assert list((tmp_path / "instance").glob("replaced-*")) == []


@pytest.mark.sqlite
def test_a_bare_copy_of_a_newer_schema_is_refused_too(busy: Shell, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    copy.write_bytes((tmp_path / "instance" / "candor.db").read_bytes())
    revision(copy, "9999")

    assert "newer than what this version" in busy.refuses("restore", "copy.db")


@pytest.mark.sqlite
def test_the_copy_that_an_upgrade_made_is_a_way_back(busy: Shell, tmp_path: Path) -> None:
    with (
        closing(sqlite3.connect(tmp_path / "instance" / "candor.db")) as source,
        closing(sqlite3.connect(tmp_path / "candor.before-1.db")) as target,
    ):
        source.backup(target)
    busy.says("incident", "open", "--title", "Later", "--body", "Something else.")

    busy.says("restore", "candor.before-1.db")

    assert titles(busy) == ["Payments fail"]


@pytest.mark.parametrize("spoil", [
    lambda data: data[: len(data) // 2],
    lambda data: b"nothing of the kind",
    lambda data: data[:2000] + bytes([data[2000] ^ 255]) + data[2001:],
])  # fmt: skip
def test_a_damaged_backup_is_refused(busy: Shell, tmp_path: Path, spoil: Any) -> None:
    busy.says("backup", "then.tar.gz")
    (tmp_path / "bad.tar.gz").write_bytes(spoil((tmp_path / "then.tar.gz").read_bytes()))

    assert "bad.tar.gz is " in busy.refuses("restore", "bad.tar.gz")
    assert titles(busy) == ["Payments fail"]


def test_a_backup_that_names_files_elsewhere_is_refused(busy: Shell, tmp_path: Path) -> None:
    import hashlib
    import io

    busy.says("backup", "then.tar.gz")
    with tarfile.open(tmp_path / "then.tar.gz") as archive:
        parts = {each.name: archive.extractfile(each).read() for each in archive.getmembers()}  # type: ignore[union-attr]
    manifest = json.loads(parts["candor-backup.json"])
    parts["instance/../../evil"] = b"x"
    manifest["parts"]["instance/../../evil"] = hashlib.sha256(b"x").hexdigest()
    parts["candor-backup.json"] = json.dumps(manifest).encode()
    with tarfile.open(tmp_path / "evil.tar.gz", "w:gz") as archive:
        for name, data in parts.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))

    assert "outside of the instance folder" in busy.refuses("restore", "evil.tar.gz")
    assert not (tmp_path.parent / "evil").exists()


def test_nothing_is_restored_under_a_running_candor(busy: Shell, tmp_path: Path) -> None:
    busy.says("backup", "then.tar.gz")
    presence.show(tmp_path / "instance")
    try:
        assert "Candor is running here" in busy.refuses("restore", "then.tar.gz")
    finally:
        os.close(presence._held.pop((tmp_path / "instance").resolve() / "running.lock"))
