# SPDX-License-Identifier: ISC
"""What reaches the line editor without having been typed: pastes, and what a terminal answers by itself.

The driver of test_terminal.py behind a bare pseudo terminal, whose bytes are written here, in pieces of any size.
"""

import contextlib
import os
import pty
import signal
import subprocess
import termios

import mms
import pytest

DRIVER = mms.BUILD / "test" / "terminal_driver"
ANSWERS = [  # that no person typed
    b"\x1b]11;rgb:0000/0000/0000\x07", b"\x1b]11;rgb:0000/0000/0000\x1b\\", b"\x1b]52;c;aGk=\x07",
    b"\x1bP>|XTerm(370)\x1b\\", b"\x1bP1$r0m\x1b\\", b"\x1b_Gi=1;OK\x1b\\", b"\x1b^pm\x1b\\", b"\x1bXsos\x1b\\",
    b"\x1b[24;80R", b"\x1b[?62;1;6c", b"\x1b[>0;276;0c", b"\x1b[I", b"\x1b[O", b"\x1b[<0;10;10M", b"\x1b[M !!",
    b"\x1b[?2004;2$y", b"\xc2\x9d11;rgb:0/0/0\x07", b"\x9d11;rgb:0/0/0\x9c", b"\x1b[8;24;80t", b"\x1bOP"]


class Typed:
    """The driver on a pseudo terminal; what it shows is kept in `shown`."""

    def __init__(self, directory):
        self.directory = directory
        self.log = directory / "log"
        self.log.touch()
        os.mkfifo(directory / "control")
        self.control = os.open(directory / "control", os.O_RDWR)
        self.master, self.slave = pty.openpty()
        self.shown = b""
        self.driver = subprocess.Popen([DRIVER, directory / "control", self.log], stdin=self.slave, stdout=self.slave,
                                       env={**mms.environment(directory), "TERM": "xterm"}, start_new_session=True)
        os.set_blocking(self.master, False)
        self.wait_for(lambda: b"Welcome" in self.shown and b"> " in self.shown)

    def look(self):
        with contextlib.suppress(OSError):
            while chunk := os.read(self.master, 65536):
                self.shown += chunk

    def wait_for(self, condition):
        def looked():
            self.look()
            return condition()
        mms.wait_until(looked, lambda: f"shown: {self.shown}\nlog: {self.log.read_text()}")

    def read_bytes(self):
        """What the driver has read, of whatever; what is written here reaches it a moment later."""
        with open(f"/proc/{self.driver.pid}/io", encoding="ascii") as counts:
            return int(counts.readline().split()[1])

    def send(self, data, pieces=None):
        """Writes the bytes, in one piece or in pieces of that size, each when the one before has been read."""
        size = pieces or len(data)
        for at in range(0, len(data), size):
            before = self.read_bytes()
            piece = data[at:at + size]
            assert os.write(self.master, piece) == len(piece)
            self.wait_for(lambda: self.read_bytes() >= before + len(piece))

    def enter(self):
        """Presses Enter after a pause: between two orders the driver has looked, and there was nothing more to read."""
        self.order("print .\\n")
        self.send(b"\r")

    def order(self, order):
        count = self.log.read_text().count("\ndone ")
        os.write(self.control, f"{order}\n".encode())
        self.wait_for(lambda: self.log.read_text().count("\ndone ") > count)

    def lines(self):
        return [line[5:] for line in self.log.read_text().split("\n") if line.startswith("line ")]

    def gets(self, *expected):
        self.wait_for(lambda: len(self.lines()) >= len(expected))
        self.order("print .\\n")
        assert self.lines() == list(expected), self.shown

    def close(self):
        self.driver.kill()
        self.driver.wait(mms.DEADLINE_S)
        for descriptor in (self.master, self.slave, self.control):
            os.close(descriptor)


@pytest.fixture(name="typed")
def fixture_typed(tmp_path, closing):
    assert DRIVER.exists(), f"{DRIVER} is not built"
    return closing(Typed(tmp_path))


@pytest.mark.parametrize("pieces", [None, 1, 2, 3, 7])
def test_what_a_terminal_answers_is_not_typed(typed, pieces):
    for answer in ANSWERS:
        typed.send(b"a" + answer + b"b", pieces)
    typed.enter()
    typed.gets("ab" * len(ANSWERS))


def test_an_answer_without_an_end_takes_no_line_with_it(typed):
    for broken in [b"\x1b]11;rgb:", b"\x1bP", b"\x1b_x", b"\x1b[12;", b"\x1bO", b"\x1b"]:
        typed.send(b"lost" + broken)
        typed.order("print .\\n")
        typed.send(b"\r")  # only ends what has no end
        typed.order("print .\\n")
        typed.send(b"\x15ok")
        typed.enter()
    typed.gets(*["ok"] * 6)


PASTES = {  # what is pasted: what becomes of it when Enter is pressed
    b"whoIsOn\rquit\rsend bob x": "whoIsOn\\nquit\\nsend bob x",
    b"whoIsOn\nquit\n": "whoIsOn\\nquit", b"one\r\ntwo\r\n\r\nthree\r\n": "one\\ntwo\\n\\nthree",
    b"\r\r\none\r": "one", b"a\tb\xc3\xa9\r\xe6\x97\xa5": "a\\tb\u00e9\\n\u65e5", b"\x1b]0;x\x07a\rb\x1b[A\r\r": "a\\nb",
    b"x\x1b[Mabcy\r\rz": "xy\\n\\nz"}


@pytest.mark.parametrize("pieces", [None, 1, 2, 5])
@pytest.mark.parametrize("paste", PASTES)
def test_a_marked_paste_never_sends(typed, paste, pieces):
    typed.send(b"\x1b[200~" + paste + b"\x1b[201~", pieces)
    typed.order("print .\\n")
    assert typed.lines() == []
    assert (b"^M" in typed.shown) == ("\\n" in PASTES[paste])
    typed.enter()
    typed.gets(PASTES[paste])


@pytest.mark.parametrize("paste", [paste for paste in PASTES if paste.count(b"\r") + paste.count(b"\n") > 1])
def test_several_newlines_in_one_read_are_a_paste(typed, paste):
    typed.send(paste)
    typed.order("print .\\n")
    assert typed.lines() == []
    typed.enter()
    typed.gets(PASTES[paste])


def test_one_newline_is_typed(typed):
    typed.send(b"one\rtwo")
    typed.gets("one")
    typed.send(b"\r")
    typed.gets("one", "two")


def test_enter_that_comes_with_the_end_of_a_paste_does_nothing(typed):
    typed.send(b"\x1b[200~one\x1b[201~\r")
    typed.order("print .\\n")
    assert typed.lines() == []
    typed.enter()
    typed.gets("one")


def test_a_paste_that_pretends_to_end_runs_nothing(typed):
    typed.send(b"\x1b[200~one\x1b[201~\rquit\r\x1b[201~")
    typed.order("print .\\n")
    assert typed.lines() == []


def test_a_paste_whose_end_is_lost(typed):
    typed.send(b"\x1b[200~one\r")
    typed.enter()
    typed.order("print .\\n")
    assert typed.lines() == []
    typed.send(b"\x15")  # ends it
    typed.order("print .\\n")
    typed.send(b"\x15two")
    typed.enter()
    typed.gets("two")


def test_controls_in_a_paste_do_nothing(typed):
    typed.send(b"\x1b[200~ab\x1b[D\x1bdcd\x1b[201~")
    typed.enter()
    typed.gets("abcd")


def test_a_paste_that_is_too_long_is_said_not_sent(typed):
    typed.send(b"\x1b[200~" + b"x\r" * 3000 + b"\x1b[201~", 4000)
    typed.enter()
    typed.wait_for(lambda: "overlong" in typed.log.read_text())
    assert typed.lines() == []
    typed.send(b"short")
    typed.enter()
    typed.gets("short")


def modes(typed):
    """What the terminal was told last about marking pastes."""
    typed.look()
    on, off = typed.shown.rfind(b"\x1b[?2004h"), typed.shown.rfind(b"\x1b[?2004l")
    return "on" if on > off else "off"


def test_marks_are_asked_for_and_given_back(typed):
    assert modes(typed) == "on"
    typed.order("quit")
    typed.wait_for(lambda: "closed" in typed.log.read_text())
    assert modes(typed) == "off"


@pytest.mark.parametrize("number", [signal.SIGQUIT, signal.SIGABRT, signal.SIGSEGV])
def test_a_crash_gives_the_terminal_back(typed, number):
    typed.driver.send_signal(number)
    assert typed.driver.wait(mms.DEADLINE_S) == -number
    assert modes(typed) == "off"
    assert termios.tcgetattr(typed.slave)[3] & termios.ECHO


def test_a_stopped_process_gives_the_terminal_back(tmp_path, closing):
    """In a process group of its own in this session: one that a stop does stop."""
    typed = closing(Typed(tmp_path))
    typed.order("quit")
    typed.driver.wait(mms.DEADLINE_S)
    typed.look()
    typed.log.write_text("")
    typed.shown = b""
    typed.driver = subprocess.Popen([DRIVER, tmp_path / "control", typed.log], stdin=typed.slave, stdout=typed.slave,
                                    env={**mms.environment(tmp_path), "TERM": "xterm"}, process_group=0)
    typed.wait_for(lambda: b"> " in typed.shown)
    typed.send(b"abc")
    typed.driver.send_signal(signal.SIGTSTP)
    stat = f"/proc/{typed.driver.pid}/stat"
    mms.wait_until(lambda: open(stat, encoding="ascii").read().split()[2] == "T", "not stopped")
    assert modes(typed) == "off"
    assert termios.tcgetattr(typed.slave)[3] & termios.ECHO
    typed.driver.send_signal(signal.SIGCONT)
    typed.wait_for(lambda: "resumed" in typed.log.read_text())
    assert modes(typed) == "on"
    typed.enter()
    typed.gets("abc")


@pytest.mark.parametrize("marked", [["-p"], []])
def test_a_paste_into_the_client_runs_nothing(server, agent, closing, tmp_path, marked):
    tim = agent(server, "Tim")
    host, port = server.address
    terminal = closing(mms.Terminal([mms.MMS, "client", "--state", tmp_path / "fred", host, "-p", port], tmp_path))
    terminal.wait_for(lambda lines: lines[-1] == ">")

    def paste(text):
        terminal.tmux("set-buffer", text)
        terminal.tmux("paste-buffer", *marked)

    paste("signin fred\nsend Tim one\nquit\n")
    terminal.wait_for(lambda lines: lines[-1] == "> signin fred^Msend Tim one^Mquit")
    terminal.enter("")
    terminal.wait_for(lambda lines: lines[-1] == ">" and ">> several lines are no command" in lines[-3])
    terminal.enter("signin fred")
    terminal.wait_for(lambda lines: ">> Welcome fred, you have no messages waiting" in lines and lines[-1] == ">")
    paste("send Tim one\n\nquit\n")
    terminal.wait_for(lambda lines: lines[-1] == "> send Tim one^M^Mquit")
    assert tim.texts() == []
    terminal.enter("")
    tim.wait_texts(["one\n\nquit"])
    terminal.enter("quit")
    assert terminal.exit_status() == 0
