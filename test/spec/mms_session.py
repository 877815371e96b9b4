# SPDX-License-Identifier: ISC
"""One session of the second client: sealed datagrams and numbered calls both ways (protocol.md §5).

A function of bytes and time: `receive` takes a datagram, `send` gives the datagrams that are due, `deadline` says when
to ask again. Times are seconds of any steady clock. Either end can be played; only the device end answers paths.
"""

import collections

import mms_wire as wire
from mms_noise import BadMessage, seal, unseal

REPLAY_WINDOW = 256
RESERVED_COUNTER = 2 ** 64 - 1
# The constants of §5.6.1 and §5.7.
FIRST_TIMEOUT_S = 0.25
VARIANCE_LEAST_S = 0.01
TIMEOUT_LEAST_S = 0.05
SAMPLE_MOST_S = 3
LEAST_FACTOR, LEAST_SLACK_S = 3, 0.1
SLOW_S = 1
CAPS_S = ((300, 30), (60, 3), (3, 1), (0, 0.25))  # (silence, cap)
LOWEST_TURN = 4
LOSSY, VERY_LOSSY = 1 / 20, 1 / 2
MARK_DELAY_S = 0.02
TELL_CALLS, TELL_DELAY_S = 8, 0.2
WINDOW_FIRST, WINDOW_LEAST, WINDOW_MOST, WINDOW_STEP = 12000, 2400, 76800, 1200
WINDOW_PROBES = 3
PING_AFTER_S = 8


class Outgoing:
    """A call this end makes, until it is answered."""

    def __init__(self, number, kind, body, on_answer):
        self.number = number
        self.kind = kind
        self.frame = wire.call_frame(number, kind, body)
        self.on_answer = on_answer
        self.status = None
        self.body = None
        self.first_sent_at = self.sent_at = None
        self.counter = None    # of the DATA that carried it last
        self.times_sent = 0
        self.is_marked = False
        self.is_lost = False
        self.counts = False    # in the flight of §5.7

    @property
    def is_answered(self):
        return self.status is not None


class RoundTrip:
    """The round trip and the timeouts of §5.6.3 to §5.6.6."""

    def __init__(self):
        self.srtt = self.variance = self.least = None

    def sample(self, measured):
        measured = min(measured, SAMPLE_MOST_S)
        if self.srtt is None:
            self.srtt, self.variance, self.least = measured, measured / 2, measured
            return
        self.least = measured if measured < self.least else self.least + (measured - self.least) / 64
        self.variance += (abs(measured - self.srtt) - self.variance) / 4
        self.srtt += (measured - self.srtt) / 8

    def most(self):
        return LEAST_FACTOR * self.least + LEAST_SLACK_S

    def plain_timeout(self):
        if self.srtt is None:
            return FIRST_TIMEOUT_S
        return max(min(self.srtt + max(4 * self.variance, VARIANCE_LEAST_S), self.most()), TIMEOUT_LEAST_S)

    def timeout(self, probes, silence):
        cap = next(cap for least, cap in CAPS_S if silence >= least)
        timeout = self.plain_timeout() * 2 ** min(probes, 64)
        if timeout < cap:
            return timeout
        slow = 0 if self.srtt is None else min(self.srtt + VARIANCE_LEAST_S, self.most())
        return max(cap, min(self.plain_timeout(), SLOW_S), slow)


class Replay:
    """Which counters have been seen: the highest and the 255 before it."""

    def __init__(self):
        self.highest = None
        self.seen = 0

    def is_fresh(self, counter):
        if counter == RESERVED_COUNTER:
            return False
        if self.highest is None or counter > self.highest:
            return True
        behind = self.highest - counter
        return behind < REPLAY_WINDOW and not self.seen >> behind & 1

    def take(self, counter):
        if self.highest is None or counter > self.highest:
            ahead = 0 if self.highest is None else counter - self.highest
            self.seen = self.seen << ahead & ((1 << REPLAY_WINDOW) - 1) | 1
            self.highest = counter
        else:
            self.seen |= 1 << (self.highest - counter)


class Session:
    def __init__(self, keys, handshake_hash, own_index, peer_index, now, is_device=True):
        self.send_key, self.receive_key = keys
        self.handshake_hash = handshake_hash
        self.own_index = own_index
        self.peer_index = peer_index
        self.is_device = is_device
        self.is_over = False
        self.is_open = not is_device  # whether the peer's calls may start: at a device once SIGNIN is granted (§5.5)
        self.counter = 0
        self.replay = Replay()
        self.heard_at = self.sent_at = self.last_sent_at = self.answered_at = now
        self.waiting_since = self.base_since = now
        self.base_said = 1     # BASE in the newest DATA of ours
        self.base_due_at = None
        self.sent = collections.deque(maxlen=16)  # (index, last 8 bytes) of what was sent, for UNKNOWN
        self.counts = collections.Counter()

        self.calls = []        # of ours, all that BASE has not passed, and everything after
        self.next_number = 1
        self.base = 1
        self.round_trip = RoundTrip()
        self.probes = 0        # in a row without progress
        self.is_probe = False  # the next DATA is one
        self.arrived = self.measured = -1  # counters (§5.6.2)
        self.loss = 0          # share lost of late (§5.6.12)
        self.window = WINDOW_FIRST
        self.flight = 0
        self.is_slow_start = True
        self.halved_at = None

        self.held = {}         # calls of the peer: number -> Call, started or not
        self.answers = {}      # number -> (status, body)
        self.peer_base = 1
        self.peer_next = 1     # our NEXT: the lowest call of the peer that we do not hold
        self.start_next = 1
        self.to_answer = []    # numbers whose answer goes with the next datagram
        self.answer_again = False
        self.mark_at = None
        self.path_data = None
        self.on_call = lambda call: None  # answer now or later with `answer`

    # --- the caller's side ---

    def call(self, kind, body=b"", on_answer=None):
        outgoing = Outgoing(self.next_number, kind, body, on_answer)
        self.next_number += 1
        self.calls.append(outgoing)
        return outgoing

    def unanswered(self):
        return [call for call in self.calls if not call.is_answered]

    def _waiting(self):
        return [call for call in self.unanswered() if call.times_sent > 0]

    def _take_state(self, base, next_, marks, now):
        if self.peer_base <= base and all(n in self.answers for n in range(self.peer_base, base)):
            for number in range(self.peer_base, base):
                del self.answers[number]
                self.held.pop(number, None)
            self.peer_base = base
        if next_ == 0 or next_ > self.next_number:
            return
        for call in self.calls:
            place = call.number - next_ - 1
            if call.times_sent and not call.is_marked and not call.is_answered:
                if call.number < next_ or (0 <= place < wire.WINDOW and marks >> place & 1):
                    self._on_arrival(call, now)
                    call.is_marked = True

    def _on_arrival(self, call, now):
        """The first mark of a call, or its answer (§5.6.3)."""
        if not call.is_marked and call.times_sent == 1 and call.counter > self.measured:
            self.round_trip.sample(now - call.sent_at)
            self.measured = call.counter
        if call.counts:
            call.counts = False
            size = len(call.frame)
            self.flight -= size
            self.window += size if self.is_slow_start else WINDOW_STEP * size // self.window
            self.window = min(self.window, WINDOW_MOST)
        call.is_lost = False
        self.probes = 0
        self.arrived = max(self.arrived, call.counter)

    def _find_lost(self, now):
        """§5.6.13, when a datagram has been taken whole."""
        for call in self._waiting():
            if call.is_marked or call.is_lost or call.counter >= self.arrived:
                continue
            call.is_lost = True
            if not call.counts:
                continue
            call.counts = False
            self.flight -= len(call.frame)
            if self.halved_at is None or now - self.halved_at >= self.round_trip.plain_timeout():
                self.halved_at, self.is_slow_start = now, False
                self.window = max(self.window // 2, WINDOW_LEAST)

    def _take_answer(self, answer, now):
        for call in list(self.calls):
            if not answer.first <= call.number < answer.first + answer.count or call.is_answered or not call.times_sent:
                continue
            self._on_arrival(call, now)
            call.status, call.body = answer.status, answer.body
            if call.on_answer:
                call.on_answer(call)
        while self.calls and self.calls[0].is_answered:
            self.base = self.calls.pop(0).number + 1
            self.base_since = now
        is_first = self.is_device and self.base_said == 1 < self.base
        if (is_first or self.base - self.base_said >= TELL_CALLS) and self.base_due_at is None:
            self.base_due_at = now + TELL_DELAY_S

    # --- the callee's side ---

    def answer(self, number, status, body=b""):
        self.answers[number] = (status, body)
        self.to_answer.append(number)

    def _take_call(self, call, now):
        if call.number < self.peer_base or call.number >= self.peer_base + wire.WINDOW:
            return
        if call.number in self.answers:
            if call.number not in self.to_answer:
                self.to_answer.append(call.number)
                self.answer_again = True
                if now - self.answered_at >= self.round_trip.plain_timeout():
                    self.loss += (1 - self.loss) / 8
            return
        if self.mark_at is None:
            self.mark_at = now + MARK_DELAY_S
        if call.number in self.held:
            return
        self.held[call.number] = call
        while self.peer_next in self.held or self.peer_next in self.answers:
            self.peer_next += 1
        if self.is_open:
            self.open()

    def open(self):
        """From now on the peer's calls start, those first that are held."""
        self.is_open = True
        while self.start_next in self.held and not self.is_over:
            self.start_next += 1
            self.on_call(self.held[self.start_next - 1])

    # --- datagrams ---

    def receive(self, datagram, now):
        """True when the datagram was authentic and new."""
        _, index, counter = wire.DATA_HEAD.unpack_from(datagram)
        if index != self.own_index or self.is_over:
            return False
        if not self.replay.is_fresh(counter):
            self.counts["replayed"] += 1
            return False
        try:
            plain = unseal(self.receive_key, counter, datagram[:13], datagram[13:])
        except BadMessage:
            self.counts["forged"] += 1
            return False
        is_newest = self.replay.highest is None or counter > self.replay.highest
        self._note_loss(counter - self._next_counter() if is_newest else None)
        self.replay.take(counter)
        self.heard_at = now
        if is_newest:
            self._take_state(*wire.STATE.unpack_from(plain), now)
        frames, is_whole = wire.frames_decode(plain[wire.STATE.size:])
        for frame in frames:
            self._take_frame(frame, now)
        if not is_whole:
            self.is_over = True
        self._find_lost(now)
        return True

    def _next_counter(self):
        return 0 if self.replay.highest is None else self.replay.highest + 1

    def _note_loss(self, missing):
        """§5.6.12: so many counters before a DATA are missing; None: it came late."""
        if missing is None:
            self.loss = max(self.loss - 1 / 16, 0)
            return
        self.loss = 1 - (1 - self.loss) * (15 / 16) ** min(missing, 1000)
        self.loss -= self.loss / 16

    def _take_frame(self, frame, now):
        if self.is_over:
            return
        if isinstance(frame, wire.Call):
            self._take_call(frame, now)
        elif isinstance(frame, wire.Answer):
            self._take_answer(frame, now)
        elif self.is_device and frame.type == wire.PATH_CHALLENGE:
            self.path_data = frame.data
            self.counts["challenges"] += 1
        elif not self.is_device and frame.type == wire.PATH_RESPONSE:
            self.path_data = frame.data
        else:
            self.is_over = True

    def seal(self, frames, state=None, counter=None):
        """One DATA around `frames`, bytes as they are; another state or counter only for hostile tests."""
        if counter is None:
            counter = self.counter
            self.counter += 1
        head = wire.DATA_HEAD.pack(wire.DATA, self.peer_index, counter)
        plain = wire.STATE.pack(*(state or self.state())) + frames
        self.base_said, self.base_due_at = self.base, None
        datagram = head + seal(self.send_key, counter, head, plain)
        self.sent.append((datagram[1:5], datagram[-8:]))
        return datagram

    def state(self):
        marks = sum(1 << (number - self.peer_next - 1) for number in self.held if number > self.peer_next)
        return self.base, self.peer_next, marks

    def _sendable(self, room):
        """New calls and lost ones that the window lets go, in number order."""
        flight = self.flight
        for call in self.calls:
            if call.number >= self.base + wire.WINDOW:
                break
            if call.is_answered or call.is_marked or (call.times_sent and not call.is_lost):
                continue
            if (flight and flight + len(call.frame) > self.window) or len(call.frame) > room:
                break
            flight += len(call.frame)
            room -= len(call.frame)
            yield call

    def _probed(self, room):
        waiting = sorted(self._waiting(), key=lambda call: (call.is_marked, call.number))
        if self.probes % LOWEST_TURN == LOWEST_TURN - 1:
            waiting.sort(key=lambda call: call.number != self.base)
        for call in waiting:
            if len(call.frame) <= room:
                room -= len(call.frame)
                yield call

    def _answers(self):
        """The answers that are due, equal neighbours merged."""
        due = sorted(set(number for number in self.to_answer if number in self.answers))
        frames = []
        while due:
            first = due[0]
            status, body = self.answers[first]
            count = 1
            while count < len(due) and due[count] == first + count and self.answers[due[count]] == (status, body):
                count += 1
            frames.append((wire.answer_frame(first, count, status, body), due[:count]))
            due = due[count:]
        return frames

    def _note_sent(self, call, now):
        if not self._waiting():
            self.waiting_since = self.base_since = now
        if call.first_sent_at is None:
            call.first_sent_at = now
        if not call.is_marked and not call.counts:
            call.counts = True
            self.flight += len(call.frame)
        call.sent_at = self.last_sent_at = now
        call.counter = self.counter
        call.times_sent += 1
        call.is_lost = False

    def _probe_at(self, now):
        """When the next probe is due (§5.6.7); None: nothing waits for an answer."""
        if not self._waiting():
            return None
        silence = now - max(self.heard_at, self.waiting_since)
        timeout = self.round_trip.timeout(self.probes, silence)
        return min(self.last_sent_at + timeout, self.base_since + max(timeout, 1))

    def _probe_due(self, now):
        due = self._probe_at(now)
        if due is not None and now >= due and not self.is_probe:
            self.probes += 1
            self.is_probe = True
        self.is_probe = self.is_probe and due is not None
        return self.is_probe

    def _write_probe(self, room, now):
        calls = list(self._probed(room))
        if calls:
            self.is_probe = False
            self.base_since = now
            self.flight = 0
            for call in self.calls:
                call.counts = False
            if self.probes >= WINDOW_PROBES:
                self.window, self.is_slow_start = WINDOW_LEAST, False
        return calls

    def _copies(self):
        """How often a probe goes, or an answer that goes again (§5.6.11)."""
        return 3 if self.loss > VERY_LOSSY else 2 if self.loss > LOSSY or self.probes >= 2 else 1

    def send(self, now):
        """The datagrams to send now."""
        out = []
        if self.is_device and not self.is_over and now - self.sent_at >= PING_AFTER_S and not self.unanswered():
            self.call(wire.PING)
        while not self.is_over:
            frames = b""
            copies = 1
            if self.path_data is not None and self.is_device:
                frames += wire.path_frame(wire.PATH_RESPONSE, self.path_data)
                self.path_data = None
            for frame, numbers in self._answers():
                if len(frames) + len(frame) > wire.FRAMES_BYTES:
                    break
                frames += frame
                self.answered_at = now
                self.to_answer = [number for number in self.to_answer if number not in numbers]
            if self.answer_again:
                copies, self.answer_again = self._copies(), False
            room = wire.FRAMES_BYTES - len(frames)
            if self._probe_due(now):
                calls = self._write_probe(room, now)
                if calls:
                    copies = max(copies, self._copies())
            else:
                calls = list(self._sendable(room))
            for call in calls:
                frames += call.frame
                self._note_sent(call, now)
            if not frames and not any(due is not None and now >= due for due in (self.mark_at, self.base_due_at)):
                break
            self.mark_at = None
            self.sent_at = now
            out += [self.seal(frames) for _ in range(copies)]
        return out

    def deadline(self, now):
        """When `send` will next have something to say, if nothing arrives before."""
        times = [self.sent_at + PING_AFTER_S]
        times += [due for due in (self.mark_at, self.base_due_at, self._probe_at(now)) if due is not None]
        return min(times)
