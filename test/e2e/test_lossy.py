# SPDX-License-Identifier: ISC
"""200 messages both ways while half of everything is lost, doubled and reordered: each once, in order, no hang."""

import concurrent.futures
import json
import types

import kill_loop
import kill_rooms
import mms
import pytest
import relay
import witness

COUNT = 200
SHORT = 60


def numbered(name, count=COUNT):
    return [f"{name} {i}" for i in range(count)]


def exchange_of_agents(fred, tim, timeout=60):
    sent = [(fred.submit("Tim", f"fred {i}"), tim.submit("fred", f"Tim {i}")) for i in range(COUNT)]
    fred.wait_verdicts([message for message, _ in sent], timeout)
    tim.wait_verdicts([message for _, message in sent], timeout)
    assert {message.status for pair in sent for message in pair} == {4}
    tim.wait_texts(numbered("fred"), timeout=timeout)
    fred.wait_texts(numbered("Tim"), timeout=timeout)


def exchange_of_clients(fred, tim, count, timeout):
    """Two `mms client`, piped: signed in, `count` lines each, then what each printed."""
    for client, name in ((fred, "fred"), (tim, "Tim")):
        client.type(f"signin {name}")
        client.wait_for(lambda lines: len(lines) >= 2, timeout)
    for i in range(count):
        fred.type(f"send Tim fred {i}")
        tim.type(f"send fred Tim {i}")
    for client, other in ((fred, "Tim"), (tim, "fred")):
        client.wait_for(lambda lines, other=other: f">> {other}: {other} {count - 1}" in lines, timeout)
        client.end_input()
    for client, other in ((fred, "Tim"), (tim, "fred")):
        assert client.wait(timeout) == 0, str(client)
        messages = [line for line in client.lines if line.startswith(f">> {other}: ")]
        assert messages == [f">> {other}: {line}" for line in numbered(other, count)], str(client)


def test_two_agents_with_drop(make_server, agent):
    server = make_server(options=["--drop", "0.5"])
    exchange_of_agents(agent(server, "fred"), agent(server, "Tim"))


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.long)])
def test_two_agents_through_a_relay(server, agent, closing, seed):
    bad = closing(relay.Relay(server.port, loss=0.5, duplicate=0.3, reorder=0.5, seed=seed)).__enter__()
    exchange_of_agents(agent(bad.address, "fred"), agent(bad.address, "Tim"))
    assert bad.counts["lost"] > 20


@pytest.mark.parametrize("count", [SHORT, pytest.param(COUNT, marks=pytest.mark.long)])
def test_two_clients_with_drop(make_server, profile, count):
    server = make_server(options=["--drop", "0.5"])
    exchange_of_clients(profile(server, "fred").spawn("client"), profile(server, "Tim").spawn("client"), count, 150)


@pytest.mark.parametrize("seed, count", [(3, SHORT), *[pytest.param(seed, COUNT, marks=pytest.mark.long)
                                                       for seed in (4, 5, 6)]])
def test_two_clients_through_a_relay(server, profile, closing, seed, count):
    bad = closing(relay.Relay(server.port, loss=0.5, duplicate=0.3, reorder=0.5, seed=seed)).__enter__()
    name = f"127.0.0.1:{bad.port}"
    exchange_of_clients(profile(name, "fred").spawn("client"), profile(name, "Tim").spawn("client"), count, 150)


def test_sends_and_a_listener_through_a_relay(server, profile, closing):
    bad = closing(relay.Relay(server.port, loss=0.5, duplicate=0.3, reorder=0.5, seed=6)).__enter__()
    name = f"127.0.0.1:{bad.port}"
    listener = profile(name, "fred").listen()
    for i in range(10):
        profile(name, "Tim").send("fred", str(i), "--wait", "60", timeout=70)
    listener.wait_for(lambda lines: len(lines) >= 10, 40)
    assert mms.texts(listener) == [str(i) for i in range(10)]
    assert len({json.loads(line)["id"] for line in listener.lines}) == 10


def test_addresses_that_change_all_the_time(server, agent, closing):
    bad = closing(relay.Relay(server.port, loss=0.2, duplicate=0.1, reorder=0.3, seed=7)).__enter__()
    fred, tim = agent(bad.address, "fred"), agent(bad.address, "Tim")
    expected = []
    for i in range(10):
        bad.move()
        tim.wait_verdicts([tim.submit("Tim", "here")])  # who says nothing is found again by its PING, after 8 s
        messages = [fred.submit("Tim", f"{i} {j}") for j in range(10)]
        expected += [f"{i} {j}" for j in range(10)]
        fred.wait_verdicts(messages, 20)
    tim.wait_texts(expected, "fred")
    assert fred.device.sessions_made <= 2


def test_a_client_whose_address_changes(server, profile, closing, agent):
    bad = closing(relay.Relay(server.port)).__enter__()
    fred = profile(f"127.0.0.1:{bad.port}", "fred").spawn("client")
    fred.type("signin fred")
    fred.wait_for(lambda lines: len(lines) >= 2)
    tim = agent(server, "Tim")
    for i in range(5):
        bad.move()
        fred.type(f"send Tim {i}")
        tim.wait_texts([str(j) for j in range(i + 1)])
        tim.submit("fred", f"back {i}")
        fred.wait_line(f">> Tim: back {i}")
    fred.type("quit")
    assert fred.wait() == 0


def test_a_partition_that_ends(server, agent, closing):
    bad = closing(relay.Relay(server.port)).__enter__()
    fred, tim = agent(bad.address, "fred"), agent(server, "Tim")
    bad.is_partitioned = True
    messages = [fred.submit("Tim", f"a{i}") for i in range(20)]
    for i in range(20):
        tim.submit("fred", f"b{i}")
    tim.wait_verdicts([tim.submit("fred", "b20")])
    assert not any(message.status for message in messages)
    bad.is_partitioned = False
    tim.wait_texts([f"a{i}" for i in range(20)])
    fred.wait_texts([f"b{i}" for i in range(21)])


def test_a_room_of_fifty_with_drop(tmp_path, make_server, closing):
    """Four of the members write 200 messages; the others listen. A process each, and the witness of the kill loops."""
    users = [f"u{number}" for number in range(50)]
    server = make_server(users, kill_loop.OPTIONS)
    world = types.SimpleNamespace(directory=tmp_path, server=server, seed=1,
                                  witness=closing(witness.Witness(tmp_path / "witness")))
    writers = [kill_loop.Speaker(world, user, ["#all"]) for user in users[:4]]
    everybody = writers + [kill_loop.Listener(world, user) for user in users[4:]]
    world.witness.reaches("#all", users)
    for member in everybody:
        closing(member.profile)
        kill_rooms.join(member, ["#all"])
    server.stop()
    server.restart("--drop", "0.5")
    for member in everybody:
        member.start()
    with concurrent.futures.ThreadPoolExecutor(len(writers)) as pool:
        list(pool.map(lambda writer: writer.say(COUNT // len(writers)), writers))

    def breaches():
        for member in everybody:
            world.witness.received(member.name, member.transcript(), member.printed())
        kill_rooms.gather(world.witness, everybody)
        return world.witness.breaches()

    mms.wait_until(lambda: not breaches(), lambda: "\n".join(breaches()[:20]), 120, 1)
    for member in everybody:
        member.stop()
    assert not breaches(), breaches()[:20]
    assert world.witness.counts["accepted"] + world.witness.counts["queued"] == COUNT
    assert world.witness.counts["arrived"] == COUNT * len(users)


@pytest.mark.long
@pytest.mark.parametrize("loss", [0.75, 0.9])
def test_heavy_loss_in_a_session_still_gets_through(server, agent, closing, loss):
    bad = closing(relay.Relay(server.port, duplicate=0.1, reorder=0.3, seed=8, seconds=800)).__enter__()
    fred, tim = agent(bad.address, "fred"), agent(bad.address, "Tim")
    bad.loss = loss
    exchange_of_agents(fred, tim, timeout=700)
