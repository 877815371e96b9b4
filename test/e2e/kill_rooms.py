# SPDX-License-Identifier: ISC
"""kill -9 of everything while three people with two devices each talk in two rooms and with one another.

The loop, its moments and its witness are those of kill_loop.py. The devices are `mms client` and `mms listen`, the listeners
with `mms send` beside them; one of ten times all six and the server are killed at once. A fourth person comes into the rooms
and leaves them all the time. The witness holds against each other what each device has of a room: the same behind each row,
and each row once.
As a program, which ends with 1 on the first breach: kill_rooms.py [--cycles N] [--seed S] [--directory D].
"""

import kill_loop

ROOMS = ["#ops", "#lab"]
DEVICES = {"fred": ["fred.1", "fred.2"], "francoc": ["francoc.1", "francoc.2"], "Tim": ["Tim.1", "Tim.2"]}
LISTENING = ["fred.2", "Tim.1"]  # the others are `mms client`


def rows_of(database):
    """What a profile's transcript has of rooms: (room, row, id, kind, writer, text), a gap without id and text."""
    rows = kill_loop.query(database, "SELECT CAST(conversation AS TEXT), room_row, hex(id), kind, sender, text, gap_count"
                                     " FROM transcript WHERE room_id IS NOT NULL ORDER BY seq")
    return [(room, row, identity, kind, kill_loop.writer(sender, text.decode()), text.decode()) if text else
            (room, row, "", kind, "", f"a gap of {gap}") for room, row, identity, kind, sender, text, gap in rows]


def gather(seen_by, actors):
    """Shows a witness what each of these devices has of rooms."""
    for actor in actors:
        seen_by.rows(actor.name, rows_of(actor.database()))


def join(actor, rooms):
    typed = [f"signin {actor.user}", *[f"join {room}" for room in rooms], ""]
    done = actor.profile.run("client", stdin="\n".join(typed).encode())
    assert done.returncode == 0 and all(f">> you are in {room}" in done.stdout for room in rooms), done


class Visitor(kill_loop.Once):
    """Comes into a room and leaves it, a client each time, some of them killed early: rows of other kinds between messages."""

    def send(self, wait, may_kill):
        room = self.recipients[self.count % len(self.recipients)]
        self.count += 1
        process = self.actor.profile.spawn("client")
        try:
            process.type(f"signin {self.user}\njoin {room}\nleave {room}")
            process.end_input()
        except BrokenPipeError:
            pass  # it ended before it read this, and its status says why
        return self.end(process, may_kill)


class RoomLoop(kill_loop.Loop):
    USERS = [*DEVICES, "libero"]

    def prepare(self):
        for user, devices in DEVICES.items():
            others = [other for other in DEVICES if other != user]
            for name in devices:
                kind = kill_loop.Listener if name in LISTENING else kill_loop.Speaker
                actor = kind(self, user, *([] if name in LISTENING else [ROOMS + others]), name=name)
                self.enrol(actor)
                self.actors.append(actor)
                if name in LISTENING:
                    self.once.append(kill_loop.Once(self, user, ROOMS + others, name))
            self.witness.reaches(user, devices)
        self.once.append(Visitor(self, "libero", ROOMS))
        for room in ROOMS:
            self.witness.reaches(room, [actor.name for actor in self.actors])
        for actor in self.actors:
            if actor.name.endswith(".1"):
                join(actor, ROOMS)

    def enrol(self, actor):
        """Its key becomes one of the user's: the first claims the name, the next one takes an invite."""
        invite = []
        if actor.name.endswith(".2"):
            done = actor.profile.run_plain("user", "invite", "-d", self.server.data, "-u", self.server.users, actor.user)
            assert done.returncode == 0, done
            invite = ["--invite", done.stdout.strip()]
        done = actor.profile.run("who", *invite)
        assert done.returncode == 0, done

    def senders(self):
        return self.once

    def kill_one(self):
        if self.dice.random() < 0.1:
            self.kill_all(self.dice.choice(["any", "commit"]))
        else:
            super().kill_one()

    def kill_all(self, moment):
        self.await_moment(moment, self.server.data / "server.db")
        for actor in self.dice.sample(self.actors, len(self.actors)):
            actor.kill()
            self.kills[f"{actor.words()[0]}, with all"] += 1
        self.server.kill()
        self.kills["server, with all"] += 1
        self.check_disk()
        self.server.restart()
        for actor in self.actors:
            actor.start()

    def gather(self):
        super().gather()
        gather(self.witness, self.actors)


if __name__ == "__main__":
    kill_loop.main(RoomLoop, "kill_rooms.py")
