import re


def test_key_is_printed_alone_and_once(candor):
    made = candor.says("apikey", "add", "--name", "Deploy", "--scope", "publish", "--scope", "config")
    (listed,) = candor.tells("apikey", "list")

    assert re.fullmatch(r"sp_live_[a-z0-9]{8}_\w{43}_\w{6}", made)
    assert made not in str(listed)
    assert (listed["scopes"], listed["state"], listed["handle"]) == (["publish", "config"], "works", made.split("_")[2])


def test_key_is_revoked_by_its_name(candor):
    candor.says("apikey", "add", "--name", "Deploy", "--scope", "admin", "--days", "0", "--no-query")
    candor.says("apikey", "revoke", "Deploy")

    (listed,) = candor.tells("apikey", "list")
    assert (listed["state"], listed["expires_at"], listed["allows_query"]) == ("revoked", None, False)
    assert "revoked" in candor.says("apikey", "list")


def test_what_cannot_be_is_refused_in_a_sentence(candor):
    assert candor("apikey", "add", "--name", "Deploy", "--scope", "everything").exit_code == 2
    assert "Give it a name" in candor.refuses("apikey", "add", "--name", " ", "--scope", "read")
    assert "no such key" in candor.refuses("apikey", "revoke", "Deploy")
