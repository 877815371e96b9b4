# SPDX-License-Identifier: ISC
"""Addresses that change under a conversation: the client's own, and those a forgetful NAT shows to the server.

Nobody signs in anew, nothing is lost or doubled. Who says nothing is found again by the next keepalive, after 8 s.
"""

import re
import time

import mms
import pytest

KEEPALIVE_S = 8
ROUNDS = 5


@pytest.fixture(name="talk")
def fixture_talk(make_network, closing, tmp_path):
    """talk(…) gives a network, a server at one host, and fred's client and libero's at the others."""
    def talk(**options):
        net = make_network(3, delay=0.01, **options)
        server = closing(mms.Server(tmp_path / "server", host="10.77.0.1", options=["--open-claims", "--verbose"],
                                    prefix=net.hosts[0].prefix)).start()
        clients = []
        for user, host in zip(("fred", "libero"), net.hosts[1:]):
            made = closing(mms.Profile(tmp_path, server.name, user, prefix=host.prefix)).spawn("client")
            made.type(f"signin {user}")
            made.wait_for(lambda lines: len(lines) >= 2)
            clients.append(made)
        return net, server, *clients

    return talk


def say(sender, receiver, names, text, timeout=mms.DEADLINE_S):
    """One message, and how long it took until it was shown."""
    began_at = time.monotonic()
    sender.type(f"send {names[1]} {text}")
    receiver.wait_for(lambda lines: f">> {names[0]}: {text}" in lines, timeout)
    return time.monotonic() - began_at


def check_quiet(server, *clients):
    """Every message was shown once and in order, nobody noticed anything, and nobody shook hands twice."""
    for client in clients:
        shown = [line for line in client.lines if re.match(r">> \w+: ", line)]
        assert len(shown) == len(set(shown)), str(client)
        assert client.lines[2:] == shown, str(client)
        client.end_input()
        assert client.wait() == 0, str(client)
    server.stop()
    counted = [line for line in server.process.errors if "handshakes" in line][-1]
    assert int(re.search(r"handshakes (\d+)", counted)[1]) == len(clients), counted


def test_address_swapped_in_mid_conversation(talk, figure):
    net, server, fred, libero = talk()
    took = []
    for i in range(ROUNDS):
        net.hosts[1].swap_address()
        took.append(say(fred, libero, ("fred", "libero"), f"from my new address {i}"))
        took.append(say(libero, fred, ("libero", "fred"), f"to your new address {i}"))
        fred.type(f"send libero said and gone {i}")  # the answer finds nobody at the old address
        net.hosts[1].swap_address()
        libero.wait_line(f">> fred: said and gone {i}")
    figure(f"address swapped in mid-conversation: {2 * ROUNDS} messages, the slowest {max(took):.2f} s")
    check_quiet(server, fred, libero)


def test_nat_forgets_in_mid_conversation(talk, figure):
    net, server, fred, libero = talk(nat=(1, 2))
    took = []
    for i in range(ROUNDS):
        net.order("forget")
        took.append(say(fred, fred, ("fred", "fred"), f"is this me {i}"))
        took.append(say(libero, fred, ("libero", "fred"), f"from a new port {i}"))
        took.append(say(fred, libero, ("fred", "libero"), f"back {i}"))
        net.order("forget")
        took.append(say(libero, libero, ("libero", "libero"), f"is this me {i}"))
        took.append(say(fred, libero, ("fred", "libero"), f"from a new port {i}"))
    figure(f"NAT forgets in mid-conversation: {5 * ROUNDS} messages, the slowest {max(took):.2f} s")
    check_quiet(server, fred, libero)


def test_idle_receivers_are_found_again_by_their_keepalive(talk, figure):
    """fred's NAT forgets, libero's address changes, both say nothing; Tim, beside the server, writes to them."""
    net, server, fred, libero = talk(nat=(1,))
    net.order("forget")
    net.hosts[2].swap_address()
    began_at = time.monotonic()
    tim = mms.Profile(server.directory, server.name, "Tim", prefix=net.hosts[0].prefix)
    for recipient in ("fred", "libero"):
        tim.send(recipient, "still there?")
    took = []
    for client in (fred, libero):
        client.wait_line(">> Tim: still there?", KEEPALIVE_S + 15)
        took.append(time.monotonic() - began_at)
    figure(f"idle receivers found again: NAT that forgot {took[0]:.1f} s, new address {took[1]:.1f} s")
    assert max(took) > 1, "found without a keepalive: the old addresses still work"
    say(fred, libero, ("fred", "libero"), "we are")
    tim.close()
    fred.end_input()
    assert fred.wait() == 0
    assert fred.lines.count(">> Tim: still there?") == 1 and libero.lines.count(">> Tim: still there?") == 1
    assert not [line for line in fred.lines + libero.lines if "reached" in line or line.count("Welcome") > 1]
