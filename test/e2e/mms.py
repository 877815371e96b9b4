# SPDX-License-Identifier: ISC
"""What the end-to-end tests share: a server that can be killed, the program's commands, a terminal, agents in threads.

Nothing here waits without a deadline, and whatever it starts it ends. The program is $MMS_BUILD/mms, else build/mms.
"""

import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test" / "spec"))
BUILD = pathlib.Path(os.environ.get("MMS_BUILD", ROOT / "build")).resolve()
MMS = BUILD / "mms"
DEADLINE_S = 20
USERS = ["fred", "francoc", "Tim", "libero"]


def environment(directory):
    """A home of its own, a UTF-8 terminal, and nothing of the caller's that MMS reads."""
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith(("MMS_", "XDG_")) and name not in ("NO_COLOR", "TMUX")}
    return {**kept, "HOME": str(directory), "LC_ALL": "C.UTF-8"}


def wait_until(condition, what, timeout=DEADLINE_S, interval=0.01):
    """What `condition()` gives as soon as that is true; fails with `what`, a text or a function, after `timeout`."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"after {timeout} s: {what() if callable(what) else what}")
        time.sleep(interval)


def copy_data(source, target):
    """Copies a server's data directory, but for the socket that a killed one has left."""
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("operator"))


def unused_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Process:
    """A running command whose output is gathered line by line."""

    def __init__(self, arguments, directory, stdin=subprocess.PIPE, env=None, own_group=False):
        self.arguments = [str(argument) for argument in arguments]
        self.lines = []
        self.errors = []
        self.popen = subprocess.Popen(self.arguments, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                      env={**environment(directory), **(env or {})}, cwd=directory,
                                      process_group=0 if own_group else None)
        self._readers = [threading.Thread(target=self._read, args=pair, daemon=True)
                         for pair in ((self.popen.stdout, self.lines), (self.popen.stderr, self.errors))]
        for reader in self._readers:
            reader.start()

    @staticmethod
    def _read(stream, lines):
        for line in stream:
            lines.append(line.decode("utf-8", "replace").rstrip("\n"))

    def __str__(self):
        return f"{' '.join(self.arguments)}\noutput: {self.lines}\nerrors: {self.errors}\nexit: {self.popen.poll()}"

    def type(self, line):
        self.popen.stdin.write(line.encode() + b"\n")
        self.popen.stdin.flush()

    def end_input(self):
        self.popen.stdin.close()

    def wait_for(self, condition, timeout=DEADLINE_S):
        """Waits until `condition(lines)`."""
        return wait_until(lambda: condition(self.lines), lambda: str(self), timeout)

    def wait_line(self, line, timeout=DEADLINE_S):
        self.wait_for(lambda lines: line in lines, timeout)

    def wait(self, timeout=DEADLINE_S):
        """The exit status."""
        try:
            status = self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {timeout} s: {self}") from None
        for reader in self._readers:
            reader.join(5)
        return status

    def kill(self, number=signal.SIGKILL):
        self.popen.send_signal(number)
        return self.wait()

    def close(self):
        if self.popen.poll() is None:
            self.popen.kill()
        self.popen.wait(DEADLINE_S)
        for stream in (self.popen.stdin, self.popen.stdout, self.popen.stderr):
            if stream:
                try:
                    stream.close()
                except BrokenPipeError:
                    pass


class Server:
    """`mms server` on a free port, by default of loopback, which it keeps over restarts; `prefix` runs it elsewhere."""

    def __init__(self, directory, users=None, options=(), host=None, prefix=()):
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.users = directory / "users"
        self.data = directory / "data"
        self.options = list(options)
        self.host = host
        self.prefix = prefix
        self.port = 0
        self.process = None
        self.write_users(USERS if users is None else users)

    def write_users(self, users):
        self.users.write_text("".join(f"{user}\n" for user in users))

    @property
    def address(self):
        return (self.host or "127.0.0.1", self.port)

    @property
    def name(self):
        return f"{self.host or '127.0.0.1'}:{self.port}"

    def launch(self, *more):
        """Starts it without waiting until it is ready."""
        arguments = [*self.prefix, MMS, "server", *([self.host] if self.host is not None else []), "-p", self.port,
                     "-u", self.users, "-d", self.data, *self.options, *more]
        self.process = Process(arguments, self.directory, stdin=subprocess.DEVNULL)

    def start(self, *more):
        self.launch(*more)
        wait_until(lambda: self.process.lines or self.process.popen.poll() is not None, lambda: str(self.process))
        found = re.fullmatch(r"listening on (?:\S+):(\d+)", self.process.lines[0]) if self.process.lines else None
        assert found, str(self.process)
        self.port = int(found[1])
        return self

    def stop(self):
        """Asks it to end and expects it to end well."""
        status = self.process.kill(signal.SIGTERM)
        assert status == 0, str(self.process)

    def kill(self):
        self.process.kill()

    def restart(self, *more):
        self.close()
        return self.start(*more)

    def reload(self, users):
        """Writes new users and has the server read them; it does so soon after."""
        self.write_users(users)
        self.process.popen.send_signal(signal.SIGHUP)

    def rss_kib(self):
        status = pathlib.Path(f"/proc/{self.process.popen.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1])

    def is_up(self):
        return self.process.popen.poll() is None

    def close(self):
        if self.process:
            self.process.close()


class Profile:
    """The commands of one user on one machine: a state directory of its own; `prefix` runs them elsewhere."""

    def __init__(self, directory, server, user, state=None, prefix=()):
        self.directory = directory
        self.server = server  # "HOST:PORT"
        self.user = user
        self.state = state or directory / f"state-{user}"
        self.prefix = prefix
        self.started = []

    def arguments(self, command, arguments=()):
        words = [*self.prefix, MMS, command, "--state", self.state]
        if command == "client":
            host, port = self.server.rsplit(":", 1)
            return [*words, host, "-p", port, *arguments]
        return [*words, "-s", self.server, "-a", self.user, *arguments]

    def run(self, command, *arguments, stdin=b"", timeout=DEADLINE_S, env=None):
        """Runs to the end: a CompletedProcess with text."""
        words = [str(word) for word in self.arguments(command, arguments)]
        done = subprocess.run(words, input=stdin, capture_output=True, timeout=timeout, cwd=self.directory,
                              env={**environment(self.directory), **(env or {})}, check=False)
        done.stdout, done.stderr = done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")
        return done

    def run_plain(self, *words, timeout=DEADLINE_S):
        """Runs `mms` with exactly these words."""
        return subprocess.run([str(word) for word in (MMS, *words)], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=timeout, cwd=self.directory, env=environment(self.directory),
                              check=False)

    def send(self, recipient, text, *options, status=0, **how):
        done = self.run("send", *options, recipient, text, **how)
        assert done.returncode == status, done
        assert done.stdout == "", done
        return done

    def spawn(self, command, *arguments, env=None):
        process = Process(self.arguments(command, arguments), self.directory, env=env)
        self.started.append(process)
        return process

    def listen(self, *options):
        return self.spawn("listen", "--json", *options)

    def close(self):
        for process in self.started:
            process.close()


def texts(process, sender=None):
    """The texts that a `listen --json` has printed."""
    messages = [json.loads(line) for line in list(process.lines)]
    return [message["text"] for message in messages if sender in (None, message["from"])]


class Terminal:
    """A command in a terminal of its own (tmux), keys sent and screen read back."""

    def __init__(self, arguments, directory, columns=80, rows=50):
        assert shutil.which("tmux"), "tmux is not installed"
        self.socket = f"mms-{uuid.uuid4().hex}"
        self.status = directory / f"{self.socket}.status"
        words = " ".join(f"'{argument}'" for argument in arguments)
        command = f"{words}; echo $? > '{self.status}'; exec cat"
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", str(columns), "-y", str(rows), command,
                  env=environment(directory))

    def tmux(self, *arguments, env=None):
        return subprocess.run(["tmux", "-u", "-L", self.socket, *arguments], check=True, capture_output=True,
                              text=True, env=env, timeout=DEADLINE_S).stdout

    def lines(self):
        """The screen without blanks at the ends of rows and empty rows at the end."""
        return [row.rstrip() for row in self.tmux("capture-pane", "-p").rstrip().split("\n")]

    def type(self, text):
        self.tmux("send-keys", "-l", "--", text)

    def enter(self, text):
        self.type(text)
        self.tmux("send-keys", "Enter")

    def wait_for(self, condition, timeout=DEADLINE_S):
        wait_until(lambda: condition(self.lines()), lambda: "\n".join(self.lines()), timeout)

    def exit_status(self):
        wait_until(lambda: self.status.exists() and self.status.read_text().endswith("\n"),
                   lambda: "\n".join(self.lines()))
        return int(self.status.read_text())

    def close(self):
        subprocess.run(["tmux", "-L", self.socket, "kill-server"], check=False, capture_output=True)


class Agent:
    """A device of the second client that goes on in a thread of its own, from start to close."""

    def __init__(self, device):
        self.device = device
        self.failure = None
        self._lock = threading.Lock()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self, timeout=DEADLINE_S):
        self.device.connect(timeout)
        self._thread.start()
        return self

    def _run(self):
        try:
            while not self._is_over.is_set():
                with self._lock:
                    self.device.step(0.002)
                time.sleep(0.001)  # the lock's turn for others
        except Exception as failure:  # pylint: disable=broad-except
            self.failure = failure

    def submit(self, recipient, text):
        with self._lock:
            return self.device.submit(recipient, text)

    def move(self):
        with self._lock:
            self.device.move()

    def texts(self, sender=None):
        with self._lock:
            return self.device.texts(sender)

    def wait_texts(self, expected, sender=None, timeout=DEADLINE_S):
        wait_until(lambda: len(self.texts(sender)) >= len(expected) or self.failure,
                   lambda: f"{len(self.texts(sender))} of {len(expected)} came", timeout)
        assert self.texts(sender) == expected

    def wait_verdicts(self, messages, timeout=DEADLINE_S):
        wait_until(lambda: all(message.status is not None for message in messages) or self.failure,
                   lambda: f"{sum(message.status is None for message in messages)} without a verdict", timeout)

    def close(self):
        self._is_over.set()
        if self._thread.is_alive():
            self._thread.join(5)
        self.device.close()
        assert self.failure is None, self.failure
