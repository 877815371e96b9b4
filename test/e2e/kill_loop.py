# SPDX-License-Identifier: ISC
"""kill -9 of a server and its clients under load, again and again, against a witness file that MMS does not write.

Who talks: fred listens (`mms listen`) and sends beside that with one `mms send` a message; francoc and Tim receive and
send by `mms client`; a user new in each stretch of 25 cycles has only `mms send`. Each cycle kills one of them or the
server: at a random moment, while it starts (the server: while it recovers), or in the middle of a commit. What was
accepted is looked for on the disk at each kill of the server. After each stretch the load pauses, everything drains, and
the witness is held against every transcript and every line printed. As a program, which ends with 1 on the first breach:
kill_loop.py [--cycles N] [--seed S] [--directory D].
"""

import argparse
import collections
import json
import math
import os
import pathlib
import random
import re
import shutil
import signal
import sqlite3
import sys
import tempfile
import threading
import time

import mms
import witness

MANY = "1000000"  # everybody shares one address here
OPTIONS = ["--blind-handshakes", MANY, "--submit-rate", MANY, "--submit-burst", MANY]
STRETCH = 25      # cycles between two checks
DRAIN_S = 90      # for everything to arrive once the killing has paused
MESSAGE = re.compile(r">> {1,6}(?:#\S+ )?(\S+): (\S+ \d+ x*\.)")
IDLE_LINES = re.compile(r"Welcome to MMS\.|>> Welcome \S+, you have .*"
                        r"|>> {1,6}#\S+ \S+ (joined|left)|>> {1,6}\S+ to \S+: .*"
                        r"|>> the server \S+ (cannot be reached|answers again).*"
                        r"|>> \S+ is offline, message will be saved for future delivery")


def writer(user, text):
    """Who wrote a text, as the witness calls it: a text begins with that, USER or USER.DEVICE."""
    name = text.split(" ", 1)[0]
    return name if name.split(".")[0] == user else user


def query(database, statement):
    """Rows of a database, looked at beside its process; none of one that is not there."""
    if not database:
        return []
    opened = sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=10)
    try:
        return opened.execute(statement).fetchall()
    except sqlite3.OperationalError:  # killed before it had a table
        return []
    finally:
        opened.close()


def transcript_of(database):
    """The (writer, text) of each message and gap, but for what the user wrote to one person on another device."""
    rows = query(database, "SELECT sender, text, gap_count FROM transcript WHERE kind NOT BETWEEN 2 AND 5"
                           " AND NOT (flags & 1 AND room_id IS NULL) ORDER BY seq")
    return [(writer(sender, text.decode()), text.decode()) if text else (sender, f"a gap of {gap}")
            for sender, text, gap in rows]


class Actor:
    """A device whose process is killed and started again, and what all its processes printed. `name` is what the witness
    calls it, of several devices of a user USER.DEVICE."""

    def __init__(self, loop, user, name=None):
        self.loop, self.user, self.name = loop, user, name or user
        self.profile = mms.Profile(loop.directory, loop.server.name, user, loop.directory / f"state-{self.name}")
        self.process = None
        self.lives = []  # the lines of each process, oldest first

    def start(self):
        process = self.profile.spawn(*self.words())
        process.place = 0  # for a Speaker: the line after the last marker
        self.lives.append(process.lines)
        self.process = process

    def kill(self):
        """Kills it; it must have been alive: no process may end by itself."""
        assert self.process.popen.poll() is None, str(self.process)
        self.process.kill()
        self.forget()

    def stop(self):
        self.process.kill(signal.SIGTERM)
        self.forget()

    def forget(self):
        self.process.close()
        self.profile.started.remove(self.process)

    def printed(self):
        """For each life the (sender, text) it printed."""
        return [[shown for shown in map(self.shown, list(lines)) if shown] for lines in self.lives]

    def database(self):
        return next(self.profile.state.glob(f"*/{self.user.lower()}.db"), None)

    def query(self, statement):
        """Rows of its database, looked at beside its process."""
        return query(self.database(), statement)

    def transcript(self):
        return transcript_of(self.database())

    def queued_count(self):
        rows = self.query("SELECT count(*) FROM outbox WHERE is_queued = 1")
        return rows[0][0] if rows else 0


class Listener(Actor):
    def words(self):
        return ["listen", "--json"]

    def shown(self, line):
        try:
            message = json.loads(line)
        except ValueError:  # killed in the middle of a line
            return None
        if "text" not in message or (message["from"] == self.user and not message["to"].startswith("#")):
            return None  # who joined; one's own, from another device
        return (writer(message["from"], message["text"]), message["text"])


class Speaker(Actor):
    """A client that sends to `recipients` in turn. The wrong command after each is answered when its fate is known."""

    def __init__(self, loop, user, recipients, name=None):
        super().__init__(loop, user, name)
        self.recipients = recipients
        self.dice = random.Random(f"{loop.seed} {self.name}")
        self.count = 0
        self.is_idle = threading.Event()

    def words(self):
        return ["client"]

    def start(self):
        super().start()
        self.type(self.process, f"signin {self.user}")

    @staticmethod
    def type(process, text):
        try:
            process.type(text)
        except (BrokenPipeError, ValueError):  # killed
            pass

    def shown(self, line):
        found = MESSAGE.fullmatch(line)
        return (writer(found[1], found[2]), found[2]) if found else None

    def feed(self):
        while not self.loop.is_over.is_set():
            if self.loop.is_paused.is_set():
                self.is_idle.set()
                time.sleep(0.005)
                continue
            self.is_idle.clear()
            self.say(self.dice.randrange(1, 9))

    def say(self, count):
        """Types so many messages, and waits until the fate of each is known."""
        process, first = self.process, self.count
        for _ in range(count):
            recipient = self.recipients[self.count % len(self.recipients)]
            text = self.loop.witness.about(self.name, recipient, self.count, self.dice)
            self.count += 1
            if process is not self.process:
                return  # killed meanwhile: the message was never typed
            self.type(process, f"send {recipient} {text}\nm{self.count - 1}")
        for number in range(first, self.count):
            if not self.await_marker(process, number):
                return

    def await_marker(self, process, number):
        """Waits for the marker after a message and notes the message's fate; False when the process ended before."""
        marker = f'>> there is no command "m{number}"; type: help'
        end = time.monotonic() + DRAIN_S
        while marker not in process.lines:
            if process is not self.process or process.popen.poll() is not None:
                return False
            assert time.monotonic() < end, f"no answer to message {number}: {process}"
            time.sleep(0.002)
        mine = process.lines.index(marker)
        said, process.place = process.lines[process.place:mine], mine + 1
        queued = [line for line in said if line.endswith("is queued and will be sent when it answers")]
        refused = [line for line in said if line == ">> You must signin first"]
        strange = [line for line in said if line not in queued and line not in refused
                   and not IDLE_LINES.fullmatch(line) and not self.shown(line)]
        assert not strange, strange
        self.loop.witness.fate(self.name, number, "queued" if queued else "refused" if refused else "accepted")
        return True


class Once:
    """One `mms send` a message, some of them killed early."""

    def __init__(self, loop, user, recipients, name=None):
        self.loop, self.user, self.recipients = loop, user, recipients
        self.actor = Actor(loop, user, name)
        self.name = self.actor.name
        self.dice = random.Random(f"{loop.seed} {self.name}")
        self.count = 0

    def send(self, wait, may_kill):
        recipient = self.recipients[self.count % len(self.recipients)]
        text = self.loop.witness.about(self.name, recipient, self.count, self.dice)
        process = self.actor.profile.spawn("send", "--wait", wait, recipient, text)
        self.count += 1
        fate = self.end(process, may_kill)
        if fate != "killed":
            self.loop.witness.fate(self.name, self.count - 1, fate)
        return fate

    def end(self, process, may_kill):
        """Waits for its end, or kills it early; gives what became of what it had to do."""
        if may_kill and self.dice.random() < 0.3:
            time.sleep(self.dice.uniform(0, 0.03))  # the moment is what varies, nothing is waited for
            process.popen.kill()
        status = process.wait(DRAIN_S)
        process.close()
        self.actor.profile.started.remove(process)
        if status == -signal.SIGKILL:
            self.loop.kills["send"] += 1
            return "killed"
        fate = {0: "accepted", 75: "queued", 69: "refused"}.get(status)
        assert fate, str(process)
        return fate

    def feed(self):
        while not self.loop.is_paused.is_set():
            self.send(2, may_kill=True)
        # What a killed process left in the queue goes with this one.
        assert self.send(DRAIN_S - 10, may_kill=False) == "accepted"


class Loop:
    """One device a user; `prepare`, `senders`, `kill_one` and `gather` are what another world has otherwise."""

    USERS = ["fred", "francoc", "Tim"]

    def __init__(self, directory, seed):
        self.directory, self.seed = directory, seed
        self.dice = random.Random(seed)
        self.users = list(self.USERS)
        self.server = mms.Server(directory / "server", self.users, OPTIONS).start()
        self.witness = witness.Witness(directory / "witness")
        self.kills = collections.Counter()
        self.is_over, self.is_paused = threading.Event(), threading.Event()
        self.ends_at = None
        self.failures = []
        self.actors, self.speakers, self.once = [], [], []

    def prepare(self):
        """Says who talks."""
        self.actors = [Listener(self, "fred"), Speaker(self, "francoc", ["fred", "Tim"]),
                       Speaker(self, "Tim", ["fred", "francoc"])]
        # Also from the listener's profile: what it hands over makes the listener find a new server at once.
        self.once = [Once(self, "fred", ["francoc", "Tim"])]

    def senders(self):
        """Who sends by `mms send` in the stretch that begins."""
        self.once.append(Once(self, f"once-{len(self.once)}", ["fred", "francoc", "Tim"]))
        self.users.append(self.once[-1].user)
        self.server.reload(self.users)
        return [self.once[0], self.once[-1]]

    def thread(self, work):
        def guarded():
            try:
                work()
            except BaseException as failure:  # pylint: disable=broad-except
                self.failures.append(failure)
        return threading.Thread(target=guarded, daemon=True)

    def pause_before(self, longest):
        time.sleep(self.dice.uniform(0, longest))  # the moment is what varies, nothing is waited for

    def await_commit(self, database):
        """Returns in the middle of a commit: its log has been written to. False when none came for a while."""
        log = pathlib.Path(f"{database}-wal")
        end = time.monotonic() + 2
        try:
            for _ in range(self.dice.randrange(1, 30)):
                before = log.stat().st_mtime_ns
                while log.stat().st_mtime_ns == before:
                    if time.monotonic() > end:
                        return False
        except FileNotFoundError:
            return False
        return True

    def await_moment(self, moment, database):
        if moment == "commit" and self.await_commit(database):
            return "commit"
        self.pause_before(0.5)
        return "any"

    def kill_server(self, moment):
        moment = self.await_moment(moment, self.server.data / "server.db")
        self.server.kill()
        self.kills[f"server, {moment}"] += 1
        self.check_disk()
        while self.dice.random() < 0.3:
            self.server.close()
            self.server.launch()
            self.pause_before(0.02)
            self.server.kill()
            self.kills["server, start"] += 1
        self.server.restart()

    def check_disk(self):
        """Accepted is on disk at once: what was accepted is in the dead server's database or has been received."""
        copy = self.directory / "copy"
        mms.copy_data(self.server.data, copy)
        opened = sqlite3.connect(copy / "server.db")
        held = [(writer(sender, text.decode()), text.decode())
                for sender, text in opened.execute("SELECT sender, text FROM body")]
        opened.close()
        shutil.rmtree(copy)
        for actor in self.actors:
            held += actor.transcript()
        lost = self.witness.accepted_and_not_in(held)
        assert not lost, f"accepted and nowhere: {sorted(lost)[:10]}"

    def kill_actor(self, actor, moment):
        moment = self.await_moment(moment, actor.database() or "none")
        actor.kill()
        self.kills[f"{actor.words()[0]}, {moment}"] += 1
        actor.start()
        while self.dice.random() < 0.4:
            self.pause_before(0.03)
            actor.kill()
            self.kills[f"{actor.words()[0]}, start"] += 1
            actor.start()

    def kill_one(self):
        moment = self.dice.choice(["any", "commit"])
        if self.dice.random() < 0.5:
            self.kill_server(moment)
        else:
            self.kill_actor(self.dice.choice(self.actors), moment)

    def run(self, cycles, seconds=math.inf):
        """At least `cycles` kills of server and actors, unless the seconds are over before; those of `mms send` come on top."""
        self.ends_at = time.monotonic() + seconds
        try:
            self.prepare()
            for actor in self.actors:
                actor.start()
            self.speakers = [actor for actor in self.actors if isinstance(actor, Speaker)]
            for speaker in self.speakers:
                self.thread(speaker.feed).start()
            done = 0
            while done < cycles and not self.is_late():
                done += self.stretch(min(STRETCH, cycles - done))
            self.is_over.set()
            self.end()
        finally:
            self.close()

    def stretch(self, cycles):
        before = self.cycle_count()
        senders = [self.thread(once.feed) for once in self.senders()]
        self.is_paused.clear()
        for sender in senders:
            sender.start()
        while self.cycle_count() < before + cycles and not self.failures and not self.is_late():
            self.kill_one()
        self.is_paused.set()
        for sender in senders:
            sender.join(2 * DRAIN_S)
        for actor in self.speakers:
            mms.wait_until(lambda actor=actor: self.failures or actor.is_idle.is_set(), f"{actor.name} is busy", DRAIN_S)
        if self.failures:
            raise self.failures[0]
        self.check()
        return self.cycle_count() - before

    def cycle_count(self):
        return sum(self.kills.values()) - self.kills["send"]

    def is_late(self):
        return time.monotonic() > self.ends_at

    def gather(self):
        """Shows the witness what everybody has."""
        for actor in self.actors:
            self.witness.received(actor.name, actor.transcript(), actor.printed())

    def check(self):
        def breaches():
            self.gather()
            return self.witness.breaches()

        everyone = self.actors + [once.actor for once in self.once]
        mms.wait_until(lambda: not any(actor.queued_count() for actor in everyone), "a queue that stays", DRAIN_S, 0.1)
        mms.wait_until(lambda: not breaches(), lambda: "\n".join(breaches()[:20]), DRAIN_S, 0.5)

    def end(self):
        """Ends everybody in order; nothing may have come late a second time."""
        for actor in self.actors:
            actor.stop()
        self.server.stop()
        self.gather()
        assert not self.witness.breaches(), self.witness.breaches()[:20]

    def close(self):
        self.is_over.set()
        self.is_paused.set()
        self.server.close()
        for actor in [*self.actors, *[once.actor for once in self.once]]:
            actor.profile.close()
        self.witness.close()

    def __str__(self):
        of_server = sum(count for name, count in self.kills.items() if name.startswith("server"))
        of_clients = sum(self.kills.values()) - of_server
        kills = ", ".join(f"{name}: {count}" for name, count in sorted(self.kills.items()))
        return f"kills of the server {of_server}, of clients {of_clients} ({kills}); {self.witness}"


def main(kind=Loop, program="kill_loop.py"):
    parser = argparse.ArgumentParser(description="Kills a server and its clients under load and checks every promise.")
    parser.add_argument("--cycles", type=int, default=500)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--directory", type=pathlib.Path)
    options = parser.parse_args()
    print(f"{program} --cycles {options.cycles} --seed {options.seed}", flush=True)
    began_at = time.monotonic()
    directory = options.directory or pathlib.Path(tempfile.mkdtemp(prefix="mms-kill-"))
    directory.mkdir(parents=True, exist_ok=True)
    loop = kind(directory, options.seed)
    try:
        loop.run(options.cycles)
    finally:
        print(f"{loop}; {time.monotonic() - began_at:.0f} s; all of it in {directory}", flush=True)


if __name__ == "__main__":
    sys.path.insert(0, os.fspath(pathlib.Path(__file__).resolve().parent))
    main()
