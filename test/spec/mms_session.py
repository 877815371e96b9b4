# SPDX-License-Identifier: ISC
"""One session of the second client: sealed datagrams and numbered calls both ways (protocol.md §5).

A function of bytes and time: `receive` takes a datagram, `send` gives the datagrams that are due, `deadline` says when
to ask again. Times are seconds of any steady clock. Either end can be played; only the device end answers paths.
"""

import collections

import mms_wire as wire
from mms_noise import BadMessage, seal, unseal

REPLAY_WINDOW = 512
RESERVED_COUNTER = 2 ** 64 - 1
FIRST_ROUND_TRIP_S = 0.25
MARK_DELAY_S = 0.02
BASE_DELAY_S = 0.2
BASE_STEPS = 8
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
        self.first_sent_at = None
        self.last_order = None
        self.times_sent = 0
        self.is_marked = False
        self.is_lost = False

    @property
    def is_answered(self):
        return self.status is not None

    def in_flight(self):
        return self.times_sent > 0 and not self.is_marked and not self.is_answered and not self.is_lost


class RoundTrip:
    """RFC 6298's estimate, with the probe timeout of §5.6 on top."""

    def __init__(self):
        self.srtt = None
        self.variance = None

    def measured(self, sample):
        sample = min(sample, 3)
        if self.srtt is None:
            self.srtt, self.variance = sample, sample / 2
        else:
            self.variance = 0.75 * self.variance + 0.25 * abs(self.srtt - sample)
            self.srtt = 0.875 * self.srtt + 0.125 * sample

    def timeout(self, probes, silence):
        """After so many probes in a row, and that long without a word from the peer to a call that waits."""
        cap = 0.25 if silence < 3 else 1 if silence < 60 else 3 if silence < 300 else 30
        if self.srtt is None:
            first, least = FIRST_ROUND_TRIP_S, 0
        else:
            first, least = max(self.srtt + max(4 * self.variance, 0.01), 0.05), self.srtt + 0.01
        return max(min(first * 2 ** min(probes, 12), cap), least, min(first, 1))


class Replay:
    """Which counters have been seen: the highest and the 512 before it."""

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

    def share_lost(self):
        """Of the recent counters, those that never arrived; the newest eight may still be on their way."""
        span = min((self.highest or 0) + 1, 64) - 8
        return 0 if span < 8 else 1 - (self.seen >> 8 & ((1 << span) - 1)).bit_count() / span


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
        self.heard_at = self.sent_at = self.call_sent_at = now
        self.base_moved_at = self.probed_at = now
        self.base_said = 1     # BASE in the newest DATA of ours
        self.base_due_at = None
        self.is_measured = False  # a round trip was taken from the datagram in hand
        self.sent = collections.deque(maxlen=16)  # (index, last 8 bytes) of what was sent, for UNKNOWN
        self.counts = collections.Counter()

        self.calls = []        # of ours, all that BASE has not passed, and everything after
        self.next_number = 1
        self.base = 1
        self.order = 0         # of datagrams that carried calls
        self.round_trip = RoundTrip()
        self.probes = 0
        self.window = 12000
        self.is_slow_start = True
        self.halved_at = now

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
                    self._progress(call, now)
                    call.is_marked = True

    def _progress(self, call, now):
        """A call is marked or answered for the first time."""
        self.probes = 0
        if call.times_sent == 1 and not self.is_measured:
            self.is_measured = True
            self.round_trip.measured(now - call.first_sent_at)
        size = len(call.frame)
        self.window += size if self.is_slow_start else size * 1200 // self.window
        self.window = min(self.window, 76800)
        for other in self.calls:
            if other.in_flight() and other.last_order < call.last_order:
                other.is_lost = True
                self.is_slow_start = False
                if now - self.halved_at > (self.round_trip.srtt or FIRST_ROUND_TRIP_S):
                    self.window = max(self.window // 2, 2400)
                    self.halved_at = now

    def _take_answer(self, answer, now):
        for call in list(self.calls):
            if not answer.first <= call.number < answer.first + answer.count or call.is_answered or not call.times_sent:
                continue
            if not call.is_marked:
                self._progress(call, now)
            self.probes = 0
            call.status, call.body = answer.status, answer.body
            if call.on_answer:
                call.on_answer(call)
        while self.calls and self.calls[0].is_answered:
            self.base = self.calls.pop(0).number + 1
            self.base_moved_at = now
        if self.base - self.base_said >= BASE_STEPS and self.base_due_at is None:
            self.base_due_at = now + BASE_DELAY_S

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
            return
        if call.number in self.held:
            self.mark_at = now
            return
        self.held[call.number] = call
        while self.peer_next in self.held or self.peer_next in self.answers:
            self.peer_next += 1
        if self.mark_at is None:
            self.mark_at = now + MARK_DELAY_S
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
        self.is_measured = False
        is_newest = self.replay.highest is None or counter > self.replay.highest
        self.replay.take(counter)
        self.heard_at = now
        if is_newest:
            self._take_state(*wire.STATE.unpack_from(plain), now)
        frames, is_whole = wire.frames_decode(plain[wire.STATE.size:])
        for frame in frames:
            self._take_frame(frame, now)
        if not is_whole:
            self.is_over = True
        return True

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
        flying = sum(len(call.frame) for call in self.calls if call.in_flight())
        for call in self.calls:
            if call.number >= self.base + wire.WINDOW:
                break
            if call.is_answered or call.is_marked or (call.times_sent and not call.is_lost):
                continue
            if flying + len(call.frame) > self.window or len(call.frame) > room:
                break
            flying += len(call.frame)
            room -= len(call.frame)
            yield call

    def _probed(self, room):
        waiting = self._waiting()
        for call in sorted(waiting, key=lambda call: (call.is_marked, call.number)):
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
        if call.first_sent_at is None:
            call.first_sent_at = now
        call.last_order = self.order
        call.times_sent += 1
        call.is_lost = False
        self.call_sent_at = now

    def _probe_at(self, now):
        """When the next probe is due; None: nothing waits for an answer."""
        waiting = self._waiting()
        if not waiting:
            return None
        silence = now - max(self.heard_at, min(call.first_sent_at for call in waiting))
        timeout = self.round_trip.timeout(self.probes, silence)
        return min(self.call_sent_at + timeout, max(self.base_moved_at, self.probed_at) + max(timeout, 1))

    def _probe_due(self, now):
        due = self._probe_at(now)
        return due is not None and now >= due

    def _copies(self, is_probe):
        """How often a probe goes, or an answer that was lost."""
        lost = self.replay.share_lost()
        return 3 if lost > 0.5 else 2 if lost > 0.05 or (is_probe and self.probes >= 2) else 1

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
                self.to_answer = [number for number in self.to_answer if number not in numbers]
            if self.answer_again:
                copies, self.answer_again = self._copies(False), False
            room = wire.FRAMES_BYTES - len(frames)
            if self._probe_due(now):
                calls = list(self._probed(room))
                if calls:
                    self.probes += 1
                    self.probed_at = now
                    copies = max(copies, self._copies(True))
                    if self.probes == 3:
                        self.window, self.is_slow_start = 2400, False
            else:
                calls = list(self._sendable(room))
            if calls:
                self.order += 1
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
