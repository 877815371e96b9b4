# SPDX-License-Identifier: ISC
"""A witness of what was sent and received: a file of its own, each line synced before anything else happens.

`breaches` reads the file again and nothing else, and says where the promise was broken: what was accepted or queued
stands in the recipient's transcript once, in its sender's order; what has no known fate may stand there once; what was
refused and what nobody wrote does not. The screen may repeat, after a kill, what was not noted as shown; it never skips.
A recipient may stand for several devices, a person's or a room's: each has all of it. A person's devices have it in the same
order. Of a room each device has every row from its first to the newest, and behind each row the same as the others.
"""

import collections
import json
import os
import threading

HAS_TO_COME = ("accepted", "queued")
MESSAGE = 1  # a kind; who joined and left are others


class Witness:
    def __init__(self, path):
        self.path = path
        self.counts = collections.Counter()
        self._lock = threading.Lock()
        self._file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND, 0o600)
        self._texts = {}
        self._accepted = []
        self._received = collections.defaultdict(list)

    def close(self):
        os.close(self._file)

    def _write(self, *records):
        with self._lock:
            os.write(self._file, b"".join(json.dumps(record).encode() + b"\n" for record in records))
            os.fsync(self._file)

    def reaches(self, recipient, devices):
        """Whatever is sent to this recipient is for all of these devices."""
        self._write(("reaches", recipient, devices))

    def about(self, sender, recipient, number, dice):
        """A message is about to be sent; gives its text, of a length by the dice."""
        text = f"{sender} {number} {'x' * dice.choice([0, 0, 20, 300, 990])}."
        self._write(("about", sender, recipient, number, text))
        self._texts[sender, number] = text
        self.counts["written"] += 1
        return text

    def fate(self, sender, number, fate):
        """MMS has said what became of it: accepted, queued or refused."""
        self._write(("fate", sender, number, fate))
        self.counts[fate] += 1
        if fate == "accepted":
            self._accepted.append((sender, self._texts[sender, number]))

    def received(self, recipient, transcript, printed):
        """What stands in a recipient's transcript now, and what its processes have printed; both only ever grow."""
        self._grow("transcript", recipient, transcript)
        self._grow("printed", recipient, [(life, *entry) for life, entries in enumerate(printed) for entry in entries])

    def rows(self, device, rows):
        """What stands in a device's transcript of rooms now: (room, row, id, kind, sender, text)."""
        self._grow("row", device, rows)

    def _grow(self, what, recipient, entries):
        known = self._received[what, recipient]
        assert entries[:len(known)] == known, f"{what} of {recipient} has changed: {known[:3]}"
        if len(entries) > len(known):
            self._write(*[(what, recipient, *entry) for entry in entries[len(known):]])
        known[:] = entries

    def accepted_and_not_in(self, held):
        """What was accepted and does not stand in any of `held`, (sender, text)."""
        return set(self._accepted) - set(held)

    def breaches(self):
        found, counts = breaches_of([json.loads(line) for line in self.path.read_text().splitlines()])
        self.counts.update({name: count - self.counts[name] for name, count in counts.items()})
        return found

    def __str__(self):
        return "messages " + ", ".join(f"{name} {count}" for name, count in sorted(self.counts.items()))


def breaches_of(records):
    """(breaches, counts) of a witness file's records."""
    messages = collections.defaultdict(dict)     # recipient -> (sender, text) -> number
    transcripts = collections.defaultdict(list)  # recipient -> (sender, text)
    screens = collections.defaultdict(dict)      # recipient -> life -> (sender, text)
    rooms = collections.defaultdict(lambda: collections.defaultdict(list))  # room -> device -> (row, id, kind, sender, text)
    fates, reached = {}, {}
    said = {}                                    # (sender, text) -> (recipient, number)
    for kind, who, *what in records:
        if kind == "about":
            recipient, number, text = what
            said[who, text] = (recipient, number)
            for device in reached.get(recipient, [recipient]):
                messages[device][who, text] = number
        elif kind == "reaches":
            reached[who] = what[0]
        elif kind == "row":
            rooms[what[0]][who].append(tuple(what[1:]))
        elif kind == "fate":
            fates[who, what[0]] = what[1]
        elif kind == "transcript":
            transcripts[who].append(tuple(what))
        else:
            screens[who].setdefault(what[0], []).append(tuple(what[1:]))
    found, counts = [], collections.Counter()
    for recipient, written in messages.items():
        transcript = transcripts[recipient]
        found += breaches_of_transcript(recipient, transcript, written, fates)
        of_others = [entry for entry in transcript if entry[0] != recipient]  # one's own was seen where it was typed
        repeats, more = breaches_of_screen(recipient, of_others, screens[recipient].values())
        found += more
        counts["arrived"] += len(transcript)
        counts["repeated on a screen"] += repeats
    for recipient, devices in reached.items():
        if not recipient.startswith("#"):  # a room's order is that of its rows
            found += breaches_of_order(recipient, {device: transcripts[device] for device in devices}, said)
    for room, devices in rooms.items():
        found += breaches_of_room(room, devices, said)
        counts["rows of rooms"] += len({row for rows in devices.values() for row, *_ in rows})
    return found, counts


def breaches_of_transcript(recipient, transcript, messages, fates):
    found = []
    times = collections.Counter(transcript)
    for entry, count in times.items():
        if entry not in messages:
            found.append(f"{recipient} got what nobody sent: {entry}")
        elif fates.get((entry[0], messages[entry])) == "refused":
            found.append(f"{recipient} got what was refused: {entry}")
        if count > 1:
            found.append(f"{recipient} has {count} times: {entry}")
    for entry, number in messages.items():
        if entry not in times and fates.get((entry[0], number)) in HAS_TO_COME:
            found.append(f"{recipient} lacks what was {fates[entry[0], number]}: {entry}")
    newest = {}
    for entry in transcript:
        number = messages.get(entry, 0)
        if number < newest.get(entry[0], 0):
            found.append(f"{recipient} has out of order: {entry}")
        newest[entry[0]] = number
    return found


def breaches_of_screen(recipient, transcript, printed):
    """Each process goes on where the one before ended, or some way before that."""
    found, reached, repeats = [], 0, 0
    place = {entry: index for index, entry in enumerate(transcript)}
    for shown in printed:
        begin = place.get(shown[0], len(transcript))
        if shown != transcript[begin:begin + len(shown)] or begin > reached:
            found.append(f"{recipient} was shown, after {reached} of its transcript: {shown[:3]}")
        repeats += max(0, min(reached, begin + len(shown)) - begin)
        reached = max(reached, begin + len(shown))
    if reached < len(transcript):
        found.append(f"{recipient} was not shown: {transcript[reached]}")
    return repeats, found


def breaches_of_order(recipient, transcripts, said):
    """The devices of one person have in the same order what was for that person."""
    found, expected = [], None
    for device, transcript in transcripts.items():
        own = [entry for entry in transcript if said.get(entry, (None,))[0] == recipient]
        if expected is None:
            expected = own
        differing = [pair for pair in zip(own, expected) if pair[0] != pair[1]]
        if differing:
            found.append(f"{device} has where another device of {recipient} has something else: {differing[0]}")
    return found


def breaches_of_room(room, devices, said):
    found, everybodys = [], {}
    newest = max(row for rows in devices.values() for row, *_ in rows)
    for device, rows in devices.items():
        numbers = sorted(row for row, *_ in rows)
        if numbers != list(range(numbers[0], newest + 1)):
            found.append(f"{device} has not each row of {room} up to {newest} once: {missing_or_doubled(numbers, newest)[:10]}")
        for row, *what in rows:
            if everybodys.setdefault(row, what) != what:
                found.append(f"{device} has in row {row} of {room}, where another device has {everybodys[row]}: {what}")
    ids = collections.Counter(what[0] for what in everybodys.values())
    found += [f"{room} has in two rows: {identity}" for identity, count in ids.items() if count > 1]
    latest = {}
    for row, (_, kind, sender, text) in sorted(everybodys.items()):
        if kind != MESSAGE:
            continue
        recipient, number = said.get((sender, text), (None, 0))
        if recipient != room:
            found.append(f"{room} has in row {row} what was for {recipient}: {(sender, text)}")
        if number < latest.get(sender, 0):
            found.append(f"{room} has out of order, in row {row}: {(sender, text)}")
        latest[sender] = number
    return found


def missing_or_doubled(numbers, newest):
    times = collections.Counter(numbers)
    return [row for row in range(numbers[0], newest + 1) if times[row] != 1]
