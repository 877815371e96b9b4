# SPDX-License-Identifier: ISC
"""The line editor on a real terminal: test/tools/terminal_driver.c inside tmux, keys sent and screens read back."""

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import time
import uuid

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("MMS_BUILD", ROOT / "build")).resolve()
DRIVER = BUILD / "test" / "terminal_driver"
DEADLINE_S = 20


class Screen:
    """One driver in one tmux server of its own."""

    def __init__(self, directory, columns=80, rows=24, term=None, locale="C.UTF-8"):
        self.control = directory / "control"
        self.log = directory / "log"
        self.socket = f"mms-{uuid.uuid4().hex}"
        os.mkfifo(self.control)
        self.pipe = os.open(self.control, os.O_RDWR)
        self.log.touch()
        environment = {**os.environ, "LC_ALL": locale}
        environment.pop("TMUX", None)
        # A shell around it shows whether the terminal is given back: `stty` after the driver has left.
        set_term = f"TERM={term} " if term else ""
        command = f"{set_term}'{DRIVER}' '{self.control}' '{self.log}'; stty -a > '{directory}/modes'; exec cat"
        self.directory = directory
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", str(columns), "-y", str(rows), command,
                  environment=environment)
        self.tmux("set-option", "-g", "window-size", "manual")
        self.wait_for(lambda: self.lines()[:2] == ["Welcome to MMS.", ">"])

    def tmux(self, *arguments, environment=None):
        done = subprocess.run(["tmux", "-u", "-L", self.socket, *arguments], check=True, capture_output=True,
                              text=True, env=environment, timeout=DEADLINE_S)
        return done.stdout

    def close(self):
        subprocess.run(["tmux", "-L", self.socket, "kill-server"], check=False, capture_output=True)
        os.close(self.pipe)
        for line in self.logged()[:1]:  # a driver that a bug keeps running ends too
            pid = int(line.split()[1])
            with contextlib.suppress(OSError):
                if os.readlink(f"/proc/{pid}/exe") == str(DRIVER):
                    os.kill(pid, signal.SIGKILL)

    def lines(self):
        """What the screen shows, without blanks at the ends of rows and empty rows at the end."""
        return [row.rstrip() for row in self.tmux("capture-pane", "-p").rstrip().split("\n")]

    def cursor(self):
        column, row = self.tmux("display-message", "-p", "#{cursor_x} #{cursor_y}").split()
        return int(column), int(row)

    def logged(self):
        return self.log.read_text(encoding="utf-8").split("\n")[:-1]

    def wait_for(self, condition):
        end = time.monotonic() + DEADLINE_S
        while not condition():
            if time.monotonic() > end:
                pytest.fail("screen:\n" + "\n".join(self.lines()) + f"\ncursor: {self.cursor()}\nlog: {self.logged()}")
            time.sleep(0.01)

    def shows(self, *expected):
        self.wait_for(lambda: self.lines() == list(expected))

    def cursor_is_at(self, column, row):
        self.wait_for(lambda: self.cursor() == (column, row))

    def type(self, text):
        self.tmux("send-keys", "-l", "--", text)

    def press(self, *keys):
        self.tmux("send-keys", *keys)

    def order(self, *orders):
        count = sum(line.startswith("done ") for line in self.logged())
        os.write(self.pipe, "".join(order + "\n" for order in orders).encode())
        self.wait_for(lambda: sum(line.startswith("done ") for line in self.logged()) == count + len(orders))

    def typed_lines(self):
        return [line[5:] for line in self.logged() if line.startswith("line ")]


@pytest.fixture(name="start")
def fixture_start(tmp_path):
    assert DRIVER.exists(), f"{DRIVER} is not built"
    assert shutil.which("tmux"), "tmux is not installed"
    screens = []

    def start(**options):
        directory = tmp_path / str(len(screens))
        directory.mkdir()
        screens.append(Screen(directory, **options))
        return screens[-1]

    yield start
    for screen in screens:
        screen.close()


def test_a_line_stays_on_screen_and_its_answer_follows(start):
    screen = start()
    screen.type("help")
    screen.press("Enter")
    screen.shows("Welcome to MMS.", "> help", ">> got help", ">")
    screen.cursor_is_at(2, 3)


def test_message_above_a_line_with_the_cursor_in_its_middle(start):
    screen = start()
    screen.type("send tim hello")
    screen.press("Left", "Left", "Left")
    screen.shows("Welcome to MMS.", "> send tim hello")
    screen.cursor_is_at(13, 1)
    screen.order("print >> francoc: hi\\n")
    screen.shows("Welcome to MMS.", ">> francoc: hi", "> send tim hello")
    screen.cursor_is_at(13, 2)
    screen.type("XY")
    screen.press("Enter")
    screen.wait_for(lambda: screen.typed_lines() == ["send tim heXYllo"])
    screen.shows("Welcome to MMS.", ">> francoc: hi", "> send tim heXYllo", ">> got send tim heXYllo", ">")


def test_message_above_a_line_on_several_rows(start):
    screen = start(columns=40, rows=12)
    text = "".join(f"{i:02}......" for i in range(14))  # 112 and 2 for the prompt: rows of 40, 40, 34
    screen.type(text)
    rows = ["> " + text[:38], text[38:78], text[78:]]
    screen.shows("Welcome to MMS.", *rows)
    screen.order("print >> Tim: one\\n")
    screen.shows("Welcome to MMS.", ">> Tim: one", *rows)
    screen.cursor_is_at(34, 4)
    screen.press("C-a")
    screen.cursor_is_at(2, 2)
    screen.order("print >> Tim: two\\n")
    screen.shows("Welcome to MMS.", ">> Tim: one", ">> Tim: two", *rows)
    screen.cursor_is_at(2, 3)
    screen.press(*["Right"] * 38)
    screen.cursor_is_at(0, 4)
    screen.order("print >> Tim: three\\n")
    screen.shows("Welcome to MMS.", ">> Tim: one", ">> Tim: two", ">> Tim: three", *rows)
    screen.cursor_is_at(0, 5)
    screen.press("Enter")
    screen.wait_for(lambda: screen.typed_lines() == [text])


@pytest.mark.parametrize("length", [37, 38, 39])
def test_message_above_a_line_that_ends_at_the_margin(start, length):
    screen = start(columns=40, rows=12)
    screen.type("x" * length)
    rows = ["> " + "x" * min(length, 38)] + (["x"] if length > 38 else [])
    screen.shows("Welcome to MMS.", *rows)
    screen.order("print >> Tim: one\\n")
    screen.shows("Welcome to MMS.", ">> Tim: one", *rows)
    screen.cursor_is_at((length + 2) % 40, 2 + (length + 2) // 40)
    screen.type("y")
    screen.press("Enter")
    screen.wait_for(lambda: screen.typed_lines() == ["x" * length + "y"])


def test_wide_characters(start):
    screen = start(columns=20, rows=12)
    screen.type("é日本語日本語日本語日")  # a row of 20: 3 narrow cells, 8 wide characters, one cell left over
    rows = ["> é日本語日本語日本", "語日"]
    screen.shows("Welcome to MMS.", *rows)
    screen.cursor_is_at(4, 2)
    screen.order("print >> Tim: 한\\n")
    screen.shows("Welcome to MMS.", ">> Tim: 한", *rows)
    screen.cursor_is_at(4, 3)
    screen.press("Left", "BSpace", "BSpace")
    screen.order("print >> Tim: b\\n")
    screen.shows("Welcome to MMS.", ">> Tim: 한", ">> Tim: b", "> é日本語日本語日日")
    screen.press("Enter")
    screen.wait_for(lambda: screen.typed_lines() == ["é日本語日本語日日"])


def test_marks_are_kept_in_the_line(start):
    screen = start()
    screen.type("ae\u0301b")
    screen.cursor_is_at(5, 1)
    screen.press("Left")
    screen.cursor_is_at(4, 1)
    screen.type("X")
    screen.wait_for(lambda: screen.lines()[-1] == "> aeXb")  # libedit does not draw marks
    screen.order("print >> Tim: a\\n")
    screen.cursor_is_at(5, 2)
    screen.press("Enter")
    screen.wait_for(lambda: screen.typed_lines() == ["ae\u0301Xb"])


def test_utf8_in_a_locale_without_it(start):
    screen = start(locale="C")
    screen.type("日本")
    screen.order("print >> Tim: é\\n")
    screen.shows("Welcome to MMS.", ">> Tim: é", "> 日本")
    screen.cursor_is_at(6, 2)
    screen.press("Enter")
    screen.wait_for(lambda: screen.typed_lines() == ["日本"])


@pytest.mark.parametrize("text", ["a\tb\tc\td", "1234567890\t\tx", "x" * 17 + "\tx", "\u0378" * 5, "x" * 17 + "日",
                                  "x" * 16 + "日日", "日" * 9, "日" * 10, "x" * 18, "\U0001f600" * 11,
                                  "x" * 36 + "\t", "é" * 38])
def test_rows_are_where_libedit_puts_them(start, text):
    """A message changes nothing on the screen but that it stands there, wherever the cursor is in the line."""
    screen = start(columns=20, rows=40)
    screen.type(text)
    screen.press("Enter")
    screen.wait_for(lambda: len(screen.typed_lines()) == 1 and screen.lines()[-1] == ">")
    for i in range(8):
        at = screen.cursor()
        screen.press("Left" if i > 0 else "Up")
        screen.wait_for(lambda old=at: screen.cursor() != old)
        screen.order("print >> settled\\n")
        before, (column, row) = screen.lines(), screen.cursor()
        first = max(number for number, line in enumerate(before) if line.startswith(">"))
        screen.order(f"print >> {i}\\n")
        screen.shows(*before[:first], f">> {i}", *before[first:])
        screen.cursor_is_at(column, row + 1)
        if (column, row) == (2, first):
            break


def resize(screen, columns, rows=12):
    count = screen.logged().count("resized")
    screen.tmux("resize-window", "-x", str(columns), "-y", str(rows))
    screen.wait_for(lambda: screen.logged().count("resized") > count)


def test_resize_while_a_line_is_on_several_rows(start):
    screen = start(columns=40, rows=12)
    screen.order("print >> Tim: one\\n")
    text = "".join(f"{i:02}......" for i in range(11))  # 88 and 2 for the prompt
    screen.type(text)
    screen.press(*["Left"] * 10)
    screen.shows("Welcome to MMS.", ">> Tim: one", "> " + text[:38], text[38:78], text[78:])
    screen.cursor_is_at(0, 4)
    resize(screen, 30)
    screen.shows("Welcome to MMS.", ">> Tim: one", "> " + text[:28], text[28:58], text[58:])
    screen.cursor_is_at(20, 4)
    resize(screen, 70)
    screen.shows("Welcome to MMS.", ">> Tim: one", "> " + text[:68], text[68:])
    screen.cursor_is_at(10, 3)
    screen.order("print >> Tim: two\\n")
    screen.shows("Welcome to MMS.", ">> Tim: one", ">> Tim: two", "> " + text[:68], text[68:])
    screen.type("Z")
    screen.press("Enter")
    screen.wait_for(lambda: screen.typed_lines() == [text[:78] + "Z" + text[78:]])


def test_resize_while_hidden(start):
    screen = start(columns=40, rows=12)
    screen.order("hold")
    screen.type("a")
    screen.press("Enter")
    screen.shows("Welcome to MMS.", "> a", ">> got a")
    resize(screen, 60)
    screen.order("go", "show")
    screen.type("x" * 50)
    screen.shows("Welcome to MMS.", "> a", ">> got a", "> " + "x" * 50)


def test_hidden_prompt_keeps_what_is_typed_ahead(start):
    screen = start()
    screen.order("hold")
    screen.type("first")
    screen.press("Enter")
    screen.wait_for(lambda: screen.typed_lines() == ["first"])
    screen.type("second")
    screen.press("Enter")
    screen.type("thi")
    screen.shows("Welcome to MMS.", "> first", ">> got first")
    screen.order("print >> Tim: meanwhile\\n")
    screen.shows("Welcome to MMS.", "> first", ">> got first", ">> Tim: meanwhile")
    screen.order("go", "show")
    screen.shows("Welcome to MMS.", "> first", ">> got first", ">> Tim: meanwhile", "> second", ">> got second",
                 "> thi")
    screen.type("rd")
    screen.press("Enter")
    screen.wait_for(lambda: screen.typed_lines() == ["first", "second", "third"])


@pytest.mark.parametrize("marked", [["-p"], []])
def test_pasted_lines_wait_for_enter(start, marked):
    screen = start(columns=40)
    screen.tmux("set-buffer", "one\ntwo two two two two\nthree three three\n")
    screen.tmux("paste-buffer", *marked)
    screen.shows("Welcome to MMS.", "> one^Mtwo two two two two^Mthree three", "three")
    screen.cursor_is_at(5, 2)
    screen.order("print >> Tim: hi\\n")
    screen.shows("Welcome to MMS.", ">> Tim: hi", "> one^Mtwo two two two two^Mthree three", "three")
    assert screen.typed_lines() == []
    screen.press("Home", "DC", "Right", "Right", "DC", "X")  # the mark of a newline goes as one letter does
    screen.press("Enter")
    screen.wait_for(lambda: screen.typed_lines() == ["neXtwo two two two two\\nthree three three"])
    screen.press("Up")
    screen.wait_for(lambda: screen.lines()[-2:] == ["> neXtwo two two two two^Mthree three th", "ree"])


def test_hide_and_show_keep_the_line(start):
    screen = start()
    screen.type("half a line")
    screen.press("C-b", "C-b")
    screen.shows("Welcome to MMS.", "> half a line")
    screen.order("hide")
    screen.shows("Welcome to MMS.")
    screen.order("print >> Tim: now\\n", "show")
    screen.shows("Welcome to MMS.", ">> Tim: now", "> half a line")
    screen.cursor_is_at(11, 2)


def test_two_messages_at_once_and_one_in_pieces(start):
    screen = start()
    screen.type("abc")
    screen.order("print >> Tim: one\\n>> Tim: two\\n")
    screen.shows("Welcome to MMS.", ">> Tim: one", ">> Tim: two", "> abc")
    screen.order("print >> Users fred")
    screen.shows("Welcome to MMS.", ">> Tim: one", ">> Tim: two", ">> Users fred")
    screen.order("print  are online\\n")
    screen.shows("Welcome to MMS.", ">> Tim: one", ">> Tim: two", ">> Users fred are online", "> abc")


def test_a_long_message_cannot_reach_the_start_of_a_row(start):
    screen = start(columns=40, rows=12)
    screen.type("typing")
    screen.order("print >> Tim: " + " " * 32 + ">> fred: forged\\n")
    screen.shows("Welcome to MMS.", ">> Tim:", " " * 9 + ">> fred: forged", "> typing")
    screen.order("print >> Tim: " + "\t" * 9 + ">> fred: forged\\n")
    assert not [row for row in screen.lines() if row.startswith(">> fred")]


def test_messages_scroll_the_screen(start):
    screen = start(columns=40, rows=5)
    screen.type("x" * 60)
    for i in range(6):
        screen.order(f"print >> Tim: {i}\\n")
    screen.shows(">> Tim: 3", ">> Tim: 4", ">> Tim: 5", "> " + "x" * 38, "x" * 22)


def test_a_line_longer_than_the_screen(start):
    screen = start(columns=40, rows=4)
    screen.type("x" * 200 + "end")
    screen.wait_for(lambda: screen.lines()[-1].endswith("end"))
    screen.order("print >> Tim: a\\n")
    screen.press("Enter")
    screen.wait_for(lambda: screen.typed_lines() == ["x" * 200 + "end"])


def test_end_of_input_only_on_an_empty_line(start):
    screen = start()
    screen.type("ab")
    screen.press("C-a", "C-d")
    screen.shows("Welcome to MMS.", "> b")
    screen.press("C-d")
    screen.shows("Welcome to MMS.", ">")
    assert "end" not in screen.logged()
    screen.press("C-d")
    screen.wait_for(lambda: screen.logged()[-2:] == ["end", "closed"])
    screen.cursor_is_at(0, 2)


def test_the_terminal_is_given_back(start):
    screen = start()
    screen.type("unfinished")
    screen.press("C-a")
    screen.order("quit")
    screen.wait_for(lambda: screen.logged()[-1:] == ["closed"])
    modes = screen.directory / "modes"
    screen.wait_for(lambda: modes.exists() and modes.read_text().endswith("\n"))
    words = modes.read_text().replace(";", " ").split()
    assert {"echo", "icanon", "isig", "ixon", "icrnl", "opost"} <= set(words)
    screen.cursor_is_at(0, 2)
    screen.type("echoed")
    screen.shows("Welcome to MMS.", "> unfinished", "echoed")


def test_history(start):
    screen = start()
    for count, text in enumerate(["one", "two", "two", "   "], 1):
        screen.type(text)
        screen.press("Enter")
        screen.wait_for(lambda: len(screen.typed_lines()) == count)
    screen.type("draft")
    screen.press("Up")
    screen.wait_for(lambda: screen.lines()[-1] == "> two")
    screen.order("print >> Tim: hi\\n")
    screen.press("Up")
    screen.wait_for(lambda: screen.lines()[-2:] == [">> Tim: hi", "> one"])
    screen.press("Down", "Down")
    screen.wait_for(lambda: screen.lines()[-1] == "> draft")


def test_editing_keys(start):
    screen = start()
    screen.type("one two three")
    screen.press("C-w")
    screen.wait_for(lambda: screen.lines()[-1] == "> one two")
    screen.press("Home", "DC", "M-f", "C-k")
    screen.wait_for(lambda: screen.lines()[-1] == "> ne")
    screen.press("C-u")
    screen.wait_for(lambda: screen.lines()[-1] == ">")
    screen.press("DC")  # not the end of input
    screen.type("a\tb")
    screen.press("Enter")
    screen.wait_for(lambda: screen.typed_lines() == ["a\\tb"])


def test_keys_that_would_wait_do_not_stop_the_loop(start):
    screen = start()
    screen.type("ok")
    for key in ["Escape", "C-v", "C-x", "C-r", "F5", "F1", "M-x", "S-F5"]:
        screen.press(key)
        screen.order(f"print >> after {key}\\n")
    screen.press("C-s")
    screen.order("print >> not stopped\\n")
    screen.wait_for(lambda: screen.lines()[-2:] == [">> not stopped", "> ok"])
    screen.press("Enter")
    screen.wait_for(lambda: screen.typed_lines() == ["ok"])


def test_a_lost_key_is_never_silent(start):
    screen = start()
    screen.tmux("set-buffer", "x" * 4100)
    screen.tmux("paste-buffer")
    screen.wait_for(lambda: "".join(screen.lines()).count("x") > 1500)
    screen.press("Enter")
    screen.wait_for(lambda: "overlong" in screen.logged())
    assert screen.typed_lines() == []
    screen.type("short")
    screen.press("Enter")
    screen.wait_for(lambda: screen.typed_lines() == ["short"])


def test_dumb_terminal(start):
    screen = start(term="dumb")
    screen.order("print >> Tim: one\\n")
    screen.shows("Welcome to MMS.", ">> Tim: one", ">")
    screen.type("abc")
    screen.order("print >> Tim: two\\n")
    screen.shows("Welcome to MMS.", ">> Tim: one", ">> Tim: two", "> abc")
    screen.press("BSpace")
    screen.type("d" * 100)
    screen.order("print >> Tim: three\\n")
    screen.wait_for(lambda: screen.lines()[-3:] == [">> Tim: three", "> ab" + "d" * 76, "d" * 24])
    screen.press("Enter")
    screen.wait_for(lambda: screen.typed_lines() == ["ab" + "d" * 100])


@pytest.mark.parametrize("term", ["emacs", "no-such-terminal", "vt100", "linux", "xterm-256color"])
def test_other_terminals(start, term):
    screen = start(term=term)
    screen.type("abc")
    screen.order("print >> Tim: hi\\n")
    screen.shows("Welcome to MMS.", ">> Tim: hi", "> abc")
    screen.press("Left")
    screen.type("X")
    screen.press("Enter")
    screen.wait_for(lambda: screen.typed_lines() == ["abXc"])


def test_hang_up_is_the_end_of_input(start):
    screen = start()
    screen.type("abc")
    screen.shows("Welcome to MMS.", "> abc")
    subprocess.run(["tmux", "-L", screen.socket, "kill-server"], check=True, capture_output=True)
    end = time.monotonic() + DEADLINE_S
    while screen.logged()[-2:] != ["end", "closed"]:
        assert time.monotonic() < end, screen.logged()
        time.sleep(0.01)


def test_continued_after_the_shell_changed_the_modes(start):
    screen = start()
    screen.type("abc")
    screen.shows("Welcome to MMS.", "> abc")
    pid = int(screen.logged()[0].split()[1])
    os.kill(pid, signal.SIGSTOP)
    screen.wait_for(lambda: pathlib.Path(f"/proc/{pid}/stat").read_text().split()[2] == "T")
    tty = screen.tmux("display-message", "-p", "#{pane_tty}").strip()
    subprocess.run(["stty", "-F", tty, "sane"], check=True)
    os.kill(pid, signal.SIGCONT)
    screen.wait_for(lambda: "resumed" in screen.logged())
    screen.type("d")
    screen.shows("Welcome to MMS.", "> abcd")
    screen.press("Enter")
    screen.wait_for(lambda: screen.typed_lines() == ["abcd"])
    screen.shows("Welcome to MMS.", "> abcd", ">> got abcd", ">")
