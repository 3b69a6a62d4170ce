"""`candor bounces`: what a mail system sees of us."""

import pytest

from statuspage import bounces
from tests.statuspage.test_bounces import HARD


@pytest.fixture
def path(candor, inside, monkeypatch):
    """The return path of a mail that is in nobody's ledger."""
    monkeypatch.setenv("CANDOR_BOUNCE_ADDRESS", "bounces@bounce.example.com")
    candor.says("page", "list")
    inside()
    return bounces.return_path("a1b2c3d4e5f6-s1-email")


def test_an_answer_to_one_of_ours_is_taken(candor, path):
    result = candor("bounces", "pipe", typed=HARD.decode().replace("{to}", path))

    assert (result.exit_code, result.stderr) == (0, "")
    assert "not in the ledger" in result.stdout


def test_the_recipient_may_come_from_the_pipe(candor, path):
    assert candor("bounces", "pipe", "--recipient", path, typed=HARD.decode()).exit_code == 0


@pytest.mark.parametrize("typed", ["", "noise", HARD.decode()])
def test_any_other_mail_is_refused_as_a_pipe_refuses(candor, path, typed):
    result = candor("bounces", "pipe", typed=typed)

    assert (result.exit_code, result.stdout) == (65, "")
    assert result.stderr.endswith(".\n")


def test_without_an_address_nothing_is_taken(candor):
    result = candor("bounces", "pipe", typed=HARD.decode())

    assert result.exit_code == 65
    assert "CANDOR_BOUNCE_ADDRESS is not set" in result.stderr


def test_a_maildir_is_emptied_once(candor, path, tmp_path):
    for name in ("new", "cur", "tmp"):
        (tmp_path / "box" / name).mkdir(parents=True)
    (tmp_path / "box/new/1.good").write_bytes(HARD.replace(b"{to}", path.encode()))
    (tmp_path / "box/new/2.bad").write_bytes(b"noise")

    result = candor("bounces", "maildir", str(tmp_path / "box"))

    assert result.exit_code == 0
    assert sorted(file.name for file in (tmp_path / "box/cur").iterdir()) == ["1.good:2,S", "2.bad:2,FS"]
    assert list((tmp_path / "box/new").iterdir()) == []
    assert "1.good: " in result.stdout
    assert "2.bad: " in result.stderr


def test_what_is_no_maildir_is_left_alone(candor, path, tmp_path):
    result = candor("bounces", "maildir", str(tmp_path))

    assert result.exit_code == 2
    assert "is not a maildir" in result.stderr
