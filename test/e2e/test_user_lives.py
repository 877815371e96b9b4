# SPDX-License-Identifier: ISC
"""A name's second life: who gets the mail and the devices of a user that was removed, when the name is given again."""

import pytest


class Operator:
    """`mms user` of a server that runs: whatever is done is in effect when the command ends."""

    def __init__(self, server, profile):
        self.server = server
        self.run_plain = profile(server, "fred").run_plain

    def user(self, action, *words, status=0):
        done = self.run_plain("user", action, "-u", self.server.users, "-d", self.server.data, *words)
        assert done.returncode == status, done
        return done


@pytest.fixture(name="operator")
def fixture_operator(server, profile):
    return Operator(server, profile)


def joins(profile, code):
    """Whether a first sign-in with this code is granted."""
    return profile.run("who", env={"MMS_INVITE": code}).returncode == 0


def received(profile):
    return profile.run("listen", "--timeout", "0.5").stdout


@pytest.fixture(name="dave")
def fixture_dave(operator, server, profile, tmp_path):
    """The first dave, who has a device, and mail that it has not got."""
    code = operator.user("add", "dave").stdout.strip()
    (tmp_path / "first").mkdir()
    dave = profile(server, "dave", state=tmp_path / "first" / "state")
    assert joins(dave, code)
    profile(server, "fred").send("dave", "for the first dave")
    operator.user("remove", "dave")
    assert dave.run("who").returncode == 77
    return dave


def test_a_new_user_begins_clean(operator, server, profile, dave, tmp_path):
    done = operator.user("add", "dave")
    assert "A new user" in done.stderr and "add --same dave" in done.stderr
    listed = operator.user("list").stdout
    assert "dave\tsuspended" in listed and "dave\tdevice" not in listed
    other = profile(server, "dave", state=tmp_path / "other")
    assert joins(other, done.stdout.strip())
    profile(server, "fred").send("dave", "for the second dave")
    assert "for the first dave" not in received(other)
    assert dave.run("who").returncode == 77  # the device of before stays out
    listed = operator.user("list").stdout
    assert "dave\tsuspended" in listed and "dave\tdevice" in listed


def test_the_same_user_comes_back(operator, profile, server, dave):
    operator.user("add", "dave")
    operator.user("remove", "dave")  # the one in between never joined
    done = operator.user("add", "--same", "dave")
    assert "The same dave as before" in done.stderr
    assert "for the first dave" in received(dave)


def test_a_user_without_a_life_comes_back(operator, profile, server):
    fred = profile(server, "fred")
    assert fred.run("who").returncode == 0
    operator.user("remove", "fred")
    operator.user("add", "--same", "fred")
    assert fred.run("who").returncode == 0
    assert "life=" not in server.users.read_text().split("fred", 1)[1]


def test_the_same_user_where_nobody_was(operator):
    assert "without --same it is a new user" in operator.user("add", "--same", "zoe", status=67).stderr
    assert "zoe" not in operator.server.users.read_text()


def test_the_same_user_comes_back_without_a_server(operator, server, profile, dave):
    server.stop()
    done = operator.user("add", "--same", "dave")
    assert "The same dave as before" in done.stderr and "kill -HUP" in done.stderr
    server.start()
    assert "for the first dave" in received(profile(server, "dave", state=dave.state))
