# SPDX-License-Identifier: ISC
"""`mms room` of a server that runs: what the operator changes is in effect when the command ends, and its members are told."""

import json
import subprocess

import mms
import pytest
from test_operator import Operator, read_all
from test_rooms import Talker


class RoomOperator(Operator):
    """`mms room` of a server's data directory."""

    def start(self, *words):
        return subprocess.Popen([mms.MMS, "room", words[0], "-d", self.data, *words[1:]], stdin=subprocess.DEVNULL, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=mms.environment(self.directory))

    def room(self, *words, status=0, said=""):
        out, err = self.user(*words, status=status)
        assert said in err, (words, out, err)
        return out


@pytest.fixture(name="people")
def fixture_people(make_server, profile, tmp_path):
    """people(user, ...) is an operator, and clients of these users."""
    def begin(*users, options=()):
        server = make_server(users=list(users), options=options)
        operator = RoomOperator(server.data, tmp_path)
        return [operator, *[Talker(profile(server, user)) for user in users]]
    return begin


def test_three_people_in_a_room_of_the_operators(people):
    operator, fred, tim, libero = people("fred", "Tim", "libero")
    operator.room("make", "#ops", said="#ops is there, and nobody is in it yet.")
    operator.room("add", "ops", "fred", said="fred is in #ops, which has 1 member.")
    operator.room("add", "#OPS", "tim", said="tim is in #OPS, which has 2 members.")
    fred.expect(">> #ops fred was added by the operator", ">> #ops Tim was added by the operator")  # as the users file writes the name
    tim.expect(">> #ops Tim was added by the operator")
    libero.do("join #ops", ">> you are in #ops")
    for other in (fred, tim):
        other.expect(">> #ops libero joined")
    tim.do("send #ops hello")
    fred.expect(">> #ops Tim: hello")
    assert operator.room("list") == "#ops\t3 members, open\n"
    assert operator.room("list", "ops") == "fred\towner\nlibero\tmember\nTim\tmember\n"

    operator.room("rename", "ops", "crew", said="#ops is now called #crew")
    for other in (fred, tim):
        other.expect(">> #ops is now called #crew")
    fred.do("send #ops by its old name")
    tim.expect(">> #crew fred: by its old name")

    operator.room("remove", "crew", "TIM", said="TIM is no longer in #crew, which has 2 members.")
    for other in (fred, tim):
        other.expect(">> #crew Tim was removed by the operator")
    tim.do("send #crew still there?", ">> you are not in #crew, message was not sent; type: join #crew")
    operator.room("remove", "crew", "Tim", said="Tim is not in #crew, nothing was done.")
    operator.room("remove", "crew", "fred")
    fred.expect(">> #crew fred was removed by the operator")
    assert operator.room("list", "crew") == "libero\towner\n"

    operator.room("delete", "crew", said="#crew is gone; it had 1 member. Its name can be given again in 30 days.")
    libero.process.type("send #crew anybody?")
    libero.process.wait_line(">> you are not in #crew, message was not sent; type: join #crew")
    assert operator.room("list") == ""
    for talker in (fred, tim, libero):
        talker.leave()


def test_a_private_room(people):
    operator, fred, tim = people("fred", "Tim")
    operator.room("make", "board", "--private", "--no-history")
    assert operator.room("list") == "#board\t0 members, private, no history\n"
    operator.room("add", "board", "fred")
    fred.expect(">> #board fred was added by the operator")
    tim.do("rooms", ">> you are in no room; type: join #<room>")
    tim.do("whoIsOn #board", ">> there is no room #board, or it is not open and you are not in it; type: rooms to see which there are")
    fred.do("rooms", ">> you are in 1 room:", ">>      #board (1 member, private, yours)")
    fred.do("send #board before")
    fred.settle()
    operator.room("add", "board", "Tim")
    tim.expect(">> #board Tim was added by the operator")
    fred.expect(">> #board Tim was added by the operator")
    fred.do("send #board after")
    tim.expect(">> #board fred: after")
    assert operator.room("list", "board") == "fred\towner\nTim\tmember\n"
    for talker in (fred, tim):
        talker.leave()


def test_changes_of_one_moment_are_each_told(people):
    operator, fred = people("fred")
    for room in ("a", "b", "c"):
        operator.room("make", room)
        operator.room("add", room, "fred")
    fred.expect(*[f">> #{room} fred was added by the operator" for room in "abc"])  # each once: they have ids of their own
    fred.leave()


def test_rooms_of_the_operator_alone(people):
    operator, fred = people("fred", options=("--rooms", "operator"))
    fred.do("join #ops", ">> there is no open room #ops, and on this server only its operator makes rooms")
    operator.room("make", "ops")
    fred.do("join #ops", ">> you are in #ops")
    fred.do("leave #ops", ">> you are no longer in #ops")
    assert operator.room("list") == "#ops\t0 members, open\n"  # one of the operator's stays
    fred.leave()


def test_in_json(server, profile, tmp_path):
    operator = RoomOperator(server.data, tmp_path)
    fred = profile(server, "fred")
    listening = fred.listen("--json")
    operator.room("make", "ops")
    operator.room("add", "ops", "fred")
    listening.wait_for(lambda lines: lines)
    operator.room("rename", "ops", "crew")
    operator.room("remove", "crew", "fred")
    listening.wait_for(lambda lines: len(lines) == 3)
    told = [json.loads(line) for line in listening.lines]
    assert [(event["event"], event["to"], event["row"]) for event in told] == [
        ("joined", "#ops", 1), ("renamed", "#crew", 2), ("removed", "#crew", 3)]
    assert not any("by" in event for event in told) and told[1]["was"] == "#ops" and told[2]["user"] == "fred"


def test_who_was_away_is_told_later(server, profile, tmp_path):
    operator = RoomOperator(server.data, tmp_path)
    fred = profile(server, "fred")
    assert fred.run("who").returncode == 0
    operator.room("make", "ops")
    operator.room("add", "ops", "fred")
    operator.room("rename", "ops", "crew")
    server.kill()
    server.restart()
    listening = fred.listen("--json")
    listening.wait_for(lambda lines: len(lines) == 2)
    assert [json.loads(line)["event"] for line in listening.lines] == ["joined", "renamed"]
    assert operator.room("list") == "#crew\t1 member, open\n"


def test_refusals(server, tmp_path):
    operator = RoomOperator(server.data, tmp_path)
    operator.room("make", "ops")
    operator.room("make", "OPS", status=73, said="the name #OPS is taken")
    operator.room("make", "crew")
    operator.room("rename", "ops", "crew", status=73, said="the name #crew is taken")
    operator.room("rename", "ops", "ops", said="#ops is its name already.")
    operator.room("rename", "none", "other", status=67, said="there is no room #none")
    operator.room("add", "none", "fred", status=67, said="there is no room #none")
    operator.room("add", "ops", "nobody", status=67, said="there is no user nobody")
    operator.room("remove", "none", "fred", status=67, said="there is no room #none")
    operator.room("delete", "none", status=67, said="there is no room #none")
    operator.room("list", "none", status=67, said="there is no room #none")
    operator.room("delete", "crew")
    operator.room("make", "crew", status=73, said="the name #crew is taken")
    for word in ("", "#", "a b", "##a", "x" * 33):
        operator.room("make", word, status=65, said="is not a room")
    operator.room("add", "ops", "#fred", status=65, said="is not a name")
    operator.room("add", "ops", status=64, said="too few arguments")
    operator.room("list", "ops", "crew", status=64)
    assert operator.room("list") == "#ops\t0 members, open\n"


def test_without_a_server(server, tmp_path):
    operator = RoomOperator(server.data, tmp_path)
    operator.room("make", "ops")
    server.kill()  # its socket stays
    for words in (("list",), ("make", "crew"), ("delete", "ops")):
        operator.room(*words, status=69, said="no server runs on")
    (server.data / "operator").unlink()
    operator.room("list", status=69, said="start it")
    server.restart()
    assert operator.room("list") == "#ops\t0 members, open\n"


def test_many_at_once(server, tmp_path):
    operator = RoomOperator(server.data, tmp_path)
    names = [f"room{i:02}" for i in range(60)]  # more than there are places, and than a page has
    running = [operator.start("make", name) for name in names]
    for process in running:
        _, err = process.communicate(timeout=mms.DEADLINE_S)
        assert process.returncode == 0, err
    assert operator.room("list") == "".join(f"#{name}\t0 members, open\n" for name in names)


def test_who_leaves_before_the_answer(server, tmp_path):
    operator = RoomOperator(server.data, tmp_path)
    plug = operator.connect()
    plug.sendall(b"do=room make\nroom=#ops\n\n")
    plug.close()
    mms.wait_until(lambda: operator.room("list") != "", "it was not made")
    assert operator.ask(b"do=room list\n\n") == b"room=#ops 0 open history\nstatus=0\n\n"
    assert operator.ask(b"do=room delete\nroom=#ops\n\n") == b"members=0\nstatus=0\n\n"
    assert b"status=64" in operator.ask(b"do=room make\nroom=ops\n\n")
    with operator.connect() as plug:
        plug.sendall(b"do=room list\n\n")
        assert read_all(plug) == b"status=0\n\n"


def test_who_asked_is_in_the_log(server, tmp_path):
    operator = RoomOperator(server.data, tmp_path)
    operator.room("make", "ops")
    operator.room("add", "ops", "fred")
    server.process.wait_for(lambda _: any('asks for "room add" of #ops: fred' in line for line in server.process.errors))
