# SPDX-License-Identifier: ISC
"""Rooms and blocking as people and scripts meet them: every word of it, who is away, kills in between, and one order for all."""

import json

import mms
import pytest


class Talker:
    """A user's client on a pipe: what is typed, and the lines that come of it, in order."""

    def __init__(self, profile, welcome=None):
        self.profile = profile
        self.user = profile.user
        self.process = None
        self.at = 0
        self.start(welcome or f">> Welcome {self.user}, you have no messages waiting")

    def start(self, *welcome):
        self.process, self.at = self.profile.spawn("client"), 0
        self.expect("Welcome to MMS.")
        self.do(f"signin {self.user}", *welcome)

    def expect(self, *lines):
        """The next lines are these."""
        for line in lines:
            self.process.wait_for(lambda said: len(said) > self.at)
            assert self.process.lines[self.at] == line, str(self.process)
            self.at += 1

    def do(self, typed, *lines):
        self.process.type(typed)
        self.expect(*lines)

    def settle(self):
        """Everything typed has had its verdict, which said nothing."""
        self.do("block", ">> you block nobody; type: block <username>")

    def leave(self, status=0):
        self.process.end_input()
        assert self.process.wait() == status, str(self.process)


@pytest.fixture(name="talkers")
def fixture_talkers(make_server, profile):
    def begin(*users, options=()):
        server = make_server(users=list(users), options=options)
        return [server, *[Talker(profile(server, user)) for user in users]]
    return begin


def in_room(talkers, room, first, *others):
    """Everybody comes into the room, in this order."""
    first.do(f"join {room}", f">> you are in {room}")
    inside = [first]
    for other in others:
        other.process.type(f"join {room}")
        other.process.wait_for(lambda said: f">> you are in {room}" in said)
        for earlier in inside:
            earlier.expect(f">> {room} {other.user} joined")
        inside.append(other)
    # What was said before comes as it comes: the words from here on count.
    for talker in talkers:
        talker.process.wait_for(lambda said: f">> {room} {others[-1].user} joined" in said or f">> you are in {room}" in said)
        talker.process.type("block")
        talker.process.wait_line(">> you block nobody; type: block <username>")
        talker.at = len(talker.process.lines)


def events(process):
    return [json.loads(line) for line in list(process.lines)]


def test_a_room_in_words(talkers):
    _, fred, tim, libero = talkers("fred", "Tim", "libero")
    tim.do("rooms", ">> you are in no room; type: join #<room>")
    fred.do("join #ops nohistory", ">> you are in #ops")
    tim.do("Rooms", ">> you are in no room; type: join #<room>", ">> 1 room is open to you:", ">>      #ops (1 member)")
    fred.do("send #ops nobody else hears this")
    fred.settle()
    tim.do("JOIN #Ops", ">> you are in #Ops")
    fred.expect(">> #ops Tim joined")
    tim.do("send #ops hello")
    fred.expect(">> #ops Tim: hello")
    tim.do("add libero #ops", ">> libero is in #ops")
    fred.expect(">> #ops Tim added libero")
    libero.expect(">> #ops Tim added libero")
    libero.do("whoIsOn #ops", ">> Users fred, libero, and Tim are online")
    libero.do("remove Tim #ops", ">> only the owner of #ops may remove somebody, Tim was not removed")
    fred.do("remove Tim #ops", ">> Tim is no longer in #ops")
    for other in (tim, libero):
        other.expect(">> #ops Tim was removed by fred")
    tim.do("send #ops still there?", ">> you are not in #ops, message was not sent; type: join #ops")
    tim.do("add fred #ops", ">> you are not in #ops, fred was not added; type: join #ops")
    libero.do("rooms", ">> you are in 1 room:", ">>      #ops (2 members)")
    libero.do("leave #ops", ">> you are no longer in #ops")
    fred.expect(">> #ops libero left")
    fred.do("rooms", ">> you are in 1 room:", ">>      #ops (1 member, yours)")
    fred.do("add nobody #ops", ">> there is no user nobody, nobody was added; type: whoIsOn to see who there is")
    for talker in (fred, tim, libero):
        talker.leave()


def test_a_private_room(talkers):
    _, fred, tim, libero = talkers("fred", "Tim", "libero")
    fred.do("join #board private nohistory", ">> you are in #board")
    tim.do("join #board", ">> #board is private or ended less than 30 days ago, you are not in it; ask somebody who is in it to add you")
    tim.do("rooms", ">> you are in no room; type: join #<room>")
    tim.do("whoIsOn #board", ">> there is no room #board, or it is not open and you are not in it; type: rooms to see which there are")
    fred.do("add Tim #board", ">> Tim is in #board")
    tim.expect(">> #board fred added Tim")
    tim.do("add libero #board", ">> #board is private and only its owner may add somebody, libero was not added")
    fred.do("leave #board", ">> you are no longer in #board")
    tim.expect(">> #board fred left")
    tim.do("add libero #board", ">> libero is in #board")  # it is his now
    libero.expect(">> #board Tim added libero")


def test_only_the_operator_makes_rooms(talkers):
    _, fred = talkers("fred", options=("--rooms", "operator"))
    fred.do("join #ops", ">> there is no open room #ops, and on this server only its operator makes rooms")


def test_blocking(talkers):
    _, fred, tim = talkers("fred", "Tim")
    in_room([fred, tim], "#ops", fred, tim)
    tim.do("block fred", ">> fred is blocked and can no longer write to you")
    tim.do("block", ">> Users fred are blocked by you")
    fred.do("send Tim hi", ">> Tim does not take messages from you, message was not sent")
    fred.do("send #ops in a room nothing is hidden")
    tim.expect(">> #ops fred: in a room nothing is hidden")
    done = fred.profile.run("send", "Tim", "hi")
    assert (done.returncode, done.stderr) == (71, "mms send: Tim does not take messages from you, message was not sent\n")
    fred.expect(">> Tim does not take messages from you, message was not sent")  # it was the client that sent it
    fred.do("join #lab", ">> you are in #lab")
    fred.do("add Tim #lab", ">> Tim does not want to be added by you, Tim was not added")
    tim.do("block nobody", ">> there is no user nobody, nobody was blocked; type: whoIsOn to see who there is")
    tim.do("unblock fred", ">> fred is not blocked and can write to you")
    tim.do("block", ">> you block nobody; type: block <username>")
    fred.do("send Tim hi")
    tim.expect(">> fred: hi")


def test_ones_words_on_another_device(talkers, profile, tmp_path):
    """They stand in the room's order like everybody's, are told once, never where they were typed, and wait for nobody."""
    server, fred, tim = talkers("fred", "Tim")
    in_room([fred, tim], "#ops", fred, tim)
    done = fred.profile.run_plain("user", "invite", "-u", server.users, "-d", server.data, "fred")
    assert done.returncode == 0, done
    second = profile(server, "fred", state=tmp_path / "second")
    away = second.run("client", stdin=f"signin fred {done.stdout.strip()}\n".encode())
    assert away.returncode == 0, away
    fred.do("send #ops hi")
    tim.expect(">> #ops fred: hi")
    tim.do("send #ops hello")
    fred.expect(">> #ops Tim: hello")
    other = Talker(second, ">> Welcome fred, you have 1 message waiting :")
    other.expect(">>      #ops fred: hi", ">>      #ops Tim: hello")
    fred.do("send #ops again")
    other.expect(">> #ops fred: again")
    other.do("send #ops from here")
    for talker in (fred, tim):
        talker.process.wait_line(">> #ops fred: from here")
    other.settle()


def test_who_is_away_finds_it_waiting(talkers):
    """What others wrote is counted and set in; who came meanwhile is told, and not counted."""
    server, fred, tim, libero = talkers("fred", "Tim", "libero")
    in_room([fred, tim], "#ops", fred, tim)
    tim.leave()
    fred.do("send #ops one")
    fred.do("send Tim two", ">> Tim is offline, message will be saved for future delivery")
    libero.process.type("join #ops")
    fred.expect(">> #ops libero joined")
    server.kill()
    server.restart()
    fred.do("send #ops three")
    libero.process.wait_line(">> #ops fred: three")
    tim.start(">> Welcome Tim, you have 3 messages waiting :", ">>      #ops fred: one", ">>      fred: two",
              ">>      #ops libero joined", ">>      #ops fred: three")


def test_earlier_history(talkers):
    _, fred, tim, libero = talkers("fred", "Tim", "libero")
    fred.do("join #ops", ">> you are in #ops")
    fred.do("join #now nohistory", ">> you are in #now")
    for room in ("#ops", "#now"):
        fred.do(f"send {room} before")
    fred.settle()
    tim.do("join #ops", ">> you are in #ops", ">>      #ops fred: before")
    fred.expect(">> #ops Tim joined")
    libero.do("join #now", ">> you are in #now")
    fred.do("send #now after")
    libero.expect(">> #now fred: after")


def test_a_change_waits_for_the_server(talkers):
    """Like a message: it is done by whoever reaches the server next, and a later process of the profile hears of a refusal."""
    server, fred, tim = talkers("fred", "Tim")
    fred.do("join #ops private", ">> you are in #ops")
    server.kill()
    tim.process.type("join #ops")
    queued = '>> the server cannot be reached, "join #ops" is queued and will be done when it answers'
    tim.process.wait_line(queued)
    tim.process.type("add fred #lab")
    tim.process.wait_line(queued.replace("join #ops", "add fred #lab"))
    tim.process.type("join #lab")
    tim.process.wait_line(queued.replace("join #ops", "join #lab"))
    tim.process.kill()
    server.restart()
    tim.start()
    tim.process.wait_for(lambda said: said[-1].startswith(">> Welcome Tim") or ">> you are in #lab" in said)
    tim.process.wait_line(">> you are in #lab")
    said = [line for line in tim.process.lines if "#" in line]
    assert said == [">> #ops is private or ended less than 30 days ago, you are not in it; ask somebody who is in it to add you",
                    ">> you are not in #lab, fred was not added; type: join #lab", ">> you are in #lab"], str(tim.process)


def test_scripts(make_server, profile):
    server = make_server(users=["fred", "Tim", "libero"])
    fred, tim, libero = (profile(server, user) for user in ("fred", "Tim", "libero"))
    done = fred.run("client", stdin=b"signin fred\njoin #ops nohistory\n")
    assert done.returncode == 0, done
    done = libero.run("send", "#ops", "hi")
    assert (done.returncode, done.stderr) == (69, f"mms send: the server {server.name} has not answered in time, nothing was kept to be "
                                              "sent later\n") or done.returncode == 67, done
    done = libero.run("send", "#ops", "hi")
    assert (done.returncode, done.stderr) == (67, "mms send: you are not in #ops, message was not sent\n"), done
    done = fred.run("send", "#o ps", "hi")
    assert done.returncode == 65, done
    assert "is not a room" in done.stderr, done
    assert tim.run("client", stdin=b"signin Tim\njoin #ops\n").returncode == 0
    fred.send("#ops", "one")
    fred.send("Tim", "two")
    done = tim.run("listen", "--json", "-n", "2", "--timeout", "15")
    assert done.returncode == 0, done
    first, second = (json.loads(line) for line in done.stdout.splitlines())
    assert {key: first[key] for key in ("v", "from", "to", "text", "row")} == {
        "v": 1, "from": "fred", "to": "#ops", "text": "one", "row": 3}
    assert (second["from"], second["to"], second["text"]) == ("fred", "Tim", "two")
    assert "row" not in second
    # Who comes and goes is told, and counts as no message.
    assert libero.run("client", stdin=b"signin libero\njoin #ops\nsend #ops three\nleave #ops\n").returncode == 0
    done = tim.run("listen", "--json", "-n", "1", "--timeout", "15")
    joined, three = (json.loads(line) for line in done.stdout.splitlines())
    assert {key: value for key, value in joined.items() if key not in ("id", "time")} == {
        "v": 1, "event": "joined", "user": "libero", "by": "libero", "to": "#ops", "row": 4}
    assert three["text"] == "three"
    done = tim.run("listen", "-n", "1", "--timeout", "0.5")
    assert (done.returncode, done.stdout, done.stderr) == (75, "", "mms listen: #ops libero left\n"), done
    fred.send("#ops", "four")
    done = tim.run("listen", "-n", "1", "--timeout", "15")
    assert done.stdout == "#ops fred: four\n", done
    done = tim.run("who", "#ops")
    assert (done.returncode, done.stdout) == (0, "fred\toffline\nTim\toffline\n"), done
    done = tim.run("who", "#nowhere")
    assert (done.returncode, done.stderr) == (67, "mms who: there is no room #nowhere, or it is not open and you are not in it\n"), done
    assert tim.run("who", "#").returncode == 65


def test_listen_in_a_room(make_server, profile):
    """One room alone is written, and noted as shown; everything else is there for the next one, in its order."""
    server = make_server(users=["fred", "Tim"])
    fred, tim = profile(server, "fred"), profile(server, "Tim")
    assert fred.run("client", stdin=b"signin fred\njoin #ops nohistory\njoin #lab nohistory\n").returncode == 0
    assert tim.run("client", stdin=b"signin Tim\njoin #ops\njoin #lab\n").returncode == 0
    for recipient, text in (("#lab", "1"), ("#ops", "2"), ("Tim", "3"), ("#OPS", "4"), ("#lab", "5")):
        fred.send(recipient, text)
    done = tim.run("listen", "--in", "#Ops", "-n", "2", "--timeout", "15")
    assert (done.returncode, done.stdout) == (0, "#ops fred: 2\n#ops fred: 4\n"), done
    done = tim.run("listen", "--in", "#ops", "-n", "1", "--timeout", "0.5")
    assert (done.returncode, done.stdout) == (75, ""), done
    done = tim.run("listen", "-n", "3", "--timeout", "15")
    assert (done.returncode, done.stdout) == (0, "#lab fred: 1\nfred: 3\n#lab fred: 5\n"), done
    done = tim.run("listen", "--in", "ops")
    assert done.returncode == 65, done


def test_one_order_through_kills(make_server, profile):
    """Three listeners and a server that are killed while three people write: everybody has the same rows, each once."""
    server = make_server(users=["fred", "Tim", "libero"])
    people = [profile(server, user) for user in ("fred", "Tim", "libero")]
    for person in people:
        assert person.run("client", stdin=f"signin {person.user}\njoin #ops nohistory\n".encode()).returncode == 0
    listeners = [[person.listen()] for person in people]
    for turn in range(12):
        for person in people:
            person.send("#ops", f"{person.user} {turn}")
        if turn % 4 == 3:
            server.kill()
            server.restart()
        else:
            lives = listeners[turn % 4]
            lives[-1].kill()
            lives.append(people[turn % 4].listen())
    wanted = {f"{person.user} {turn}" for person in people for turn in range(12)}

    class Life:  # all that the processes of one profile wrote
        def __init__(self, processes):
            self.lines = [line for process in processes for line in list(process.lines) if line.endswith("}")]

    def others(person):
        return {text for text in wanted if not text.startswith(person.user)}

    for person, lives in zip(people, listeners):
        mms.wait_until(lambda: others(person) <= {event.get("text") for event in events(Life(lives))}, lambda: str(lives[-1]))
    rows = [dict((row, (text, user)) for row, text, _, user in unique(Life(lives))) for lives in listeners]
    for mine in rows:
        for theirs in rows:
            assert all(mine[row] == theirs[row] for row in mine.keys() & theirs.keys())
    for person, mine in zip(people, rows):
        said = [text for _, (text, _) in sorted(mine.items()) if text]
        for other in people:
            in_order = [text for text in said if text.startswith(other.user)]
            assert in_order == sorted(in_order, key=lambda text: int(text.split()[1])), in_order
            assert len(in_order) == (0 if other is person else 12)


def unique(life):
    """What was printed again since it was killed before it could note that it had, is the same."""
    seen = {}
    for event in events(life):
        assert seen.setdefault(event["row"], event) == event
    return [(row, event.get("text"), event.get("event"), event.get("user")) for row, event in sorted(seen.items())]
