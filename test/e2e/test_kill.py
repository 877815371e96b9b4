# SPDX-License-Identifier: ISC
"""kill -9, lost state and old copies: what was accepted arrives, once; what was queued is sent, in order."""

import os
import random
import shutil
import time

import kill_loop
import mms
import pytest
import witness

ACCEPTED = 4


def pairs_under_load(agent, server, rounds, seed):
    """Two agents talk while the server is killed and started again; gives (fred, tim, what each sent)."""
    fred, tim = agent(server, "fred"), agent(server, "Tim")
    dice = random.Random(seed)
    sent = ([], [])
    for round_ in range(rounds):
        end = time.monotonic() + dice.uniform(0.05, 0.4)
        while time.monotonic() < end:
            for messages, from_, to in ((sent[0], fred, "Tim"), (sent[1], tim, "fred")):
                if sum(message.status is None for message in messages[-60:]) < 40:
                    messages.append(from_.submit(to, f"{len(messages)} in round {round_}"))
            time.sleep(0.001)
        server.kill()
        server.restart()
    return fred, tim, sent


def check_all_came(fred, tim, sent):
    for from_, to, messages in ((fred, tim, sent[0]), (tim, fred, sent[1])):
        from_.wait_verdicts(messages, 40)
        assert {message.status for message in messages} == {ACCEPTED}
        to.wait_texts([message.text.decode() for message in messages], timeout=40)


def test_server_killed_under_load(server, agent):
    check_all_came(*pairs_under_load(agent, server, 6, 1))


@pytest.mark.parametrize("cycles", [int(os.environ.get("MMS_KILL_CYCLES", "20")),
                                    pytest.param(500, marks=pytest.mark.long)])
def test_everybody_killed_in_a_loop(tmp_path, cycles):
    """MMS_KILL_CYCLES and MMS_KILL_SEED change the short one; kill_loop.py is a program too."""
    seed = int(os.environ.get("MMS_KILL_SEED", "1"))
    loop = kill_loop.Loop(tmp_path, seed)
    try:
        loop.run(cycles)
    finally:
        print(f"kill_loop.py --cycles {cycles} --seed {seed}: {loop}")
    assert loop.witness.counts["accepted"] > cycles


SENT = [["about", "a", "b", 0, "zero"], ["about", "a", "b", 1, "one"], ["fate", "a", 0, "accepted"]]
ZERO, ONE = ["transcript", "b", "a", "zero"], ["transcript", "b", "a", "one"]
SHOWN_0, SHOWN_1 = ["printed", "b", 0, "a", "zero"], ["printed", "b", 0, "a", "one"]


@pytest.mark.parametrize("records, word", [
    ([ZERO, SHOWN_0], None), ([ZERO, ONE, SHOWN_0, SHOWN_1], None), ([], "lacks"), ([ONE, SHOWN_1], "lacks"),
    ([ZERO, ZERO, SHOWN_0], "2 times"), ([ONE, ZERO, SHOWN_1, SHOWN_0], "out of order"), ([ZERO], "not shown"),
    ([ZERO, ["transcript", "b", "a", "two"], SHOWN_0], "nobody sent"), ([ZERO, ONE, SHOWN_1], "was shown"),
    ([["fate", "a", 1, "queued"], ZERO, SHOWN_0], "lacks"),
    ([["fate", "a", 1, "refused"], ZERO, ONE, SHOWN_0, SHOWN_1], "refused"),
    ([ZERO, ONE, SHOWN_0, SHOWN_1, ["printed", "b", 1, "a", "one"]], None),
    ([ZERO, ONE, SHOWN_0, ["printed", "b", 1, "a", "zero"], ["printed", "b", 1, "a", "one"]], None),
    ([ZERO, ONE, SHOWN_0, SHOWN_1, SHOWN_1], "was shown")])
def test_the_witness_sees_each_breach(records, word):
    found, _ = witness.breaches_of(SENT + records)
    assert (not found) if word is None else any(word in breach for breach in found), found


@pytest.mark.long
@pytest.mark.parametrize("kills", [1, 20])
def test_server_killed_under_a_listener(server, profile, kills):
    """A listener that stays finds the new server by its PING at the latest; each `send` tells its message's fate."""
    fred, tim = profile(server, "fred"), profile(server, "Tim")
    listener = fred.listen()
    tim.send("fred", "0")
    for i in range(kills):
        server.kill()
        server.restart()
        for j in range(3):
            tim.send("fred", f"{i} {j}", "--wait", "30", timeout=40)
    listener.wait_for(lambda lines: len(lines) >= 3 * kills + 1, 40)
    assert mms.texts(listener) == ["0"] + [f"{i} {j}" for i in range(kills) for j in range(3)]


def test_accepted_is_on_disk_at_once(server, profile):
    tim = profile(server, "Tim")
    for i in range(5):
        tim.send("fred", str(i))
        server.kill()
        server.restart()
    listener = profile(server, "fred").listen("-n", "5")
    assert listener.wait() == 0
    assert mms.texts(listener) == ["0", "1", "2", "3", "4"]


def test_queued_while_the_server_is_down(server, profile):
    tim = profile(server, "Tim")
    tim.send("fred", "first")
    server.kill()
    for i in range(3):
        done = tim.send("fred", f"queued {i}", "--wait", "0.2", status=75)
        assert "queued" in done.stderr
    server.restart()
    tim.send("fred", "last")
    listener = profile(server, "fred").listen("-n", "5")
    assert listener.wait() == 0
    assert mms.texts(listener) == ["first", "queued 0", "queued 1", "queued 2", "last"]


def test_client_killed_with_messages_in_its_outbox(server, profile):
    tim = profile(server, "Tim")
    client = tim.spawn("client")
    client.type("signin Tim")
    client.wait_for(lambda lines: len(lines) >= 2)
    server.kill()
    for i in range(5):
        client.type(f"send fred {i}")
    client.wait_for(lambda lines: sum("queued" in line for line in lines) >= 5, 40)
    client.kill()
    server.restart()
    tim.run("who")  # anything that reaches the server takes the queue along
    tim.send("fred", "5")
    listener = profile(server, "fred").listen("-n", "6")
    assert listener.wait() == 0
    assert mms.texts(listener) == [str(i) for i in range(6)]


def test_client_killed_at_any_moment(server, profile):
    """Every message the client took has one fate: it arrives once. A line never read is never half sent."""
    tim, dice = profile(server, "Tim"), random.Random(5)
    tim.send("fred", "start")
    for round_ in range(6):
        client = tim.spawn("client")
        client.type("signin Tim")
        client.wait_for(lambda lines: len(lines) >= 2)
        for i in range(30):
            client.type(f"send fred {round_} {i}")
        time.sleep(dice.uniform(0, 0.03))  # the moment is what varies, nothing is waited for
        client.kill()
    tim.send("fred", "end")
    listener = profile(server, "fred").listen()
    listener.wait_for(lambda lines: "end" in mms.texts(listener))
    got = mms.texts(listener)
    assert len(got) == len(set(got)) and got[0] == "start" and got[-1] == "end"
    for round_ in range(6):
        of_round = [text for text in got if text.startswith(f"{round_} ")]
        assert of_round == [f"{round_} {i}" for i in range(len(of_round))]


def test_listener_killed_and_started_again(server, profile, agent):
    tim, fred = agent(server, "Tim"), profile(server, "fred")
    listener = fred.listen()
    shown = []
    for i in range(5):
        messages = [tim.submit("fred", f"{i} {j}") for j in range(20)]
        listener.wait_for(lambda lines: lines)
        tim.wait_verdicts(messages)
        listener.kill()
        shown += mms.texts(listener)
        listener = fred.listen()
    tim.submit("fred", "end")
    listener.wait_for(lambda lines: "end" in mms.texts(listener))
    shown += mms.texts(listener)
    # Killed between output and its note, a line is shown again; it is never skipped and never out of order.
    once = list(dict.fromkeys(shown))
    assert once == [f"{i} {j}" for i in range(5) for j in range(20)] + ["end"]
    assert len(shown) - len(once) <= 5 * 20


def copy_of(server):
    copy = server.directory / "copy"
    mms.copy_data(server.data, copy)
    return copy


def put_back(server, copy):
    shutil.rmtree(server.data)
    shutil.copytree(copy, server.data)


def test_older_copy_of_the_data_with_agents(server, agent):
    fred, tim = agent(server, "fred"), agent(server, "Tim")
    first = [tim.submit("fred", f"before {i}") for i in range(20)]
    tim.wait_verdicts(first)
    fred.wait_texts([message.text.decode() for message in first])
    server.stop()
    copy = copy_of(server)
    server.restart()
    then = [tim.submit("libero", f"lost at the server {i}") for i in range(20)]
    more = [tim.submit("fred", f"received {i}") for i in range(20)]
    tim.wait_verdicts(then + more + [fred.submit("Tim", "so that fred notices before its next PING")], 30)
    fred.wait_texts([message.text.decode() for message in first + more], timeout=30)
    server.kill()
    put_back(server, copy)
    server.restart()
    last = tim.submit("fred", "after")
    tim.wait_verdicts([last, fred.submit("Tim", "so that fred notices before its next PING")], 30)
    libero = agent(server, "libero")
    libero.wait_texts([message.text.decode() for message in then], timeout=30)
    fred.wait_texts([message.text.decode() for message in first + more + [last]], timeout=30)


def test_older_copy_of_the_data_with_the_program(server, profile):
    tim, fred = profile(server, "Tim"), profile(server, "fred")
    tim.send("fred", "one")
    assert fred.run("listen", "-n", "1").stdout == "Tim: one\n"
    server.stop()
    copy = copy_of(server)
    server.restart()
    for text in ("two", "three"):
        tim.send("fred", text)
    server.kill()
    put_back(server, copy)
    server.restart()
    tim.send("fred", "four")
    listener = fred.listen()
    listener.wait_for(lambda lines: "four" in mms.texts(listener))
    assert mms.texts(listener) == ["two", "three", "four"]


def test_sigterm_finishes_and_says_goodbye(server, agent):
    tim = agent(server, "Tim")
    messages = [tim.submit("fred", str(i)) for i in range(100)]
    server.stop()
    server.restart()
    tim.wait_verdicts(messages, 30)
    agent(server, "fred").wait_texts([str(i) for i in range(100)])
