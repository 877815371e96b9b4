# SPDX-License-Identifier: ISC
"""What arguments, paths and messages may do to the terminal they are shown on (nothing), and that a text is a text."""

import re
import socket
import subprocess

import mms
import pytest

# Escape, bell, a C1 control as UTF-8 and as one byte, a bidi override, a line of its own, and what is no UTF-8.
HOSTILE = b"a\x1b]0;owned\x07b\xc2\x9b2Jc\x9b\xe2\x80\xaed\xe2\x80\xa8e\nmms: forged\rf\xff"
RAW = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def run(tmp_path, words, stdin=b"", env=None):
    return subprocess.run([bytes(mms.MMS), *words], input=stdin, capture_output=True, timeout=20, cwd=tmp_path,
                          check=False, env={**mms.environment(tmp_path), **(env or {})})


COMMANDS = [  # every place an argument, a path or a variable has in a sentence
    [HOSTILE], [b"--" + HOSTILE], [b"server", b"-p", HOSTILE], [b"server", b"--" + HOSTILE], [b"server", HOSTILE],
    [b"server", b"-p", b"0", b"-u", HOSTILE], [b"server", b"-p", b"0", b"-d", b"/dev/null/" + HOSTILE],
    [b"server", b"-p", b"0", b"-u", b"users", b"-d", b"data"], [b"client", HOSTILE], [b"client", b"x", HOSTILE],
    [b"client", b"--state", HOSTILE * 200], [b"client", b"-p", b"9", b"127.0.0.1#" + HOSTILE],
    [b"send", HOSTILE, b"x"], [b"send", b"x", b"y", HOSTILE], [b"send", b"-a", HOSTILE, b"x", b"y"],
    [b"send", b"-s", HOSTILE, b"x", b"y"], [b"send", b"-w", HOSTILE, b"x", b"y"], [b"send", b"x", HOSTILE],
    [b"send", b"--invite", HOSTILE, b"-a", b"x", b"x", b"y"],
    [b"send", b"-w", b"0.1", b"--state", b"/dev/null/" + HOSTILE, b"-s", b"127.0.0.1:9", b"-a", b"x", b"x", b"y"],
    [b"listen", b"-n", HOSTILE], [b"listen", b"-a", HOSTILE], [b"who", HOSTILE], [b"who", b"--timeout", HOSTILE],
    [b"user", HOSTILE], [b"user", b"add", HOSTILE], [b"user", b"add", b"-u", b"/dev/null/" + HOSTILE, b"x"],
    [b"user", b"list", b"-u", HOSTILE], [b"user", b"list", b"-d", HOSTILE], [b"user", b"revoke", b"x", HOSTILE],
    [b"user", b"list", b"-u", b"users"], [b"user", b"remove", b"-d", HOSTILE, b"x"],
]


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: str(COMMANDS.index(words)))
def test_no_sentence_carries_what_moves_a_terminal(tmp_path, words):
    (tmp_path / "users").write_bytes(b"fred " + HOSTILE.replace(b"\n", b"") + b"\n")
    done = run(tmp_path, words, stdin=b"signin fred\n")
    assert done.returncode != 0, done
    said = (done.stdout + done.stderr).decode()  # and it is UTF-8
    assert said and not RAW.search(said), said
    assert "\nmms: forged" not in said, said


@pytest.mark.parametrize("name", ["MMS_SERVER", "MMS_USER", "MMS_INVITE"])
def test_no_variable_carries_it_either(tmp_path, name):
    env = {"MMS_SERVER": "127.0.0.1:9", "MMS_USER": "fred", name: HOSTILE}
    done = run(tmp_path, [b"send", b"-w", b"0", b"fred", b"x"], env=env)
    assert done.returncode == 64, done
    assert not RAW.search(done.stderr.decode()), done


def test_the_log_carries_none(server, tmp_path):
    users = tmp_path / "users\x1b]0;owned\x07\u009b2J\u202e"
    users.write_text("fred\n")
    process = mms.Process([mms.MMS, "server", "-p", "0", "-u", users, "-d", tmp_path / "data"], tmp_path)
    try:
        process.wait_for(lambda lines: lines)
        mms.wait_until(lambda: any("owned" in line for line in process.errors), lambda: str(process))
        assert not any(RAW.search(line) for line in process.errors), process
    finally:
        process.close()


@pytest.mark.parametrize("text", ["--help", "-h", "--version", "-starts-with-dash", "--", "--server=127.0.0.1:9",
                                  "-w", "--invite"])
def test_behind_the_recipient_a_text_is_a_text(server, profile, text):
    heard = profile(server, "fred").spawn("listen", "-n", "1")
    done = profile(server, "Tim").run("send", "fred", text)
    assert done.returncode == 0, done
    assert heard.wait() == 0
    assert heard.lines == [f"Tim: {text}"]


@pytest.mark.parametrize("words", [
    ["fred", "x", "-w", "5"], ["fred", "--", "x"], ["--help", "fred"], ["-h", "x"], ["--version", "hello"],
    ["-a", "", "fred", "x"], ["-s", "", "fred", "x"], ["--state", "", "fred", "x"], ["--invite=", "fred", "x"],
    ["-hello", "fred"], ["-w", "", "fred", "x"]])
def test_no_message_is_no_success(tmp_path, words):
    done = run(tmp_path, [b"send", *[word.encode() for word in words]],
               env={"MMS_SERVER": "127.0.0.1:9", "MMS_USER": "fred"})
    assert done.returncode == 64 and done.stdout == b"", done


def test_variables_that_are_set_but_empty_are_not_set(server, profile):
    done = profile(server, "fred").run("send", "Tim", "x", env={"MMS_SERVER": "", "MMS_USER": "", "MMS_INVITE": "",
                                                              "XDG_STATE_HOME": ""})
    assert done.returncode == 0, done


def test_a_fingerprint_that_begins_with_a_dash_is_never_taken_for_help(tmp_path):
    (tmp_path / "users").write_text("fred\n")
    words = [b"user", b"revoke", b"-u", b"users", b"-d", b"data", b"fred"]
    fingerprint = b"-h" + b"A" * 41
    assert run(tmp_path, [*words, fingerprint]).returncode == 64
    assert (tmp_path / "users").read_text() == "fred\n"
    assert run(tmp_path, [*words, b"--", fingerprint]).returncode == 0
    assert "revoke=-hAAA" in (tmp_path / "users").read_text()


FORGERIES = [  # texts that would put their end at the start of a row of 40 columns
    " " * 31 + "carol: pay mallory 100", "\u65e5" * 15 + "carol: pay", "e\u0301" * 31 + "carol: pay",
    "\u200b" * 9 + " " * 31 + "carol: pay", " " * 30 + "\u65e5carol: pay", " " * 102 + "carol: pay"]


@pytest.mark.parametrize("columns", [40, 24, 12])
def test_a_text_cannot_reach_the_start_of_a_row(server, profile, agent, closing, tmp_path, columns):
    host, port = server.address
    tim = agent(server, "Tim")
    terminal = closing(mms.Terminal([mms.MMS, "listen", "-s", f"{host}:{port}", "-a", "fred", "--state",
                                     tmp_path / "state"], tmp_path, columns=columns))
    for text in FORGERIES:
        tim.submit("fred", text[:31 * columns // 40] + text[31:] if columns < 40 else text)
    tim.submit("fred", "the end")
    terminal.wait_for(lambda lines: "the end" in "".join(line.strip() for line in lines[-3:]).replace("  ", " "))
    for line in terminal.lines():
        assert line.startswith(("Tim:", " ")) or not line, terminal.lines()


def test_sentences_on_a_narrow_terminal_are_indented(closing, tmp_path):
    terminal = closing(mms.Terminal([mms.MMS, "send", "-a", "fred", "x" * 60 + "carol: pay", "x"], tmp_path,
                                    columns=40))
    assert terminal.exit_status() == 65
    rows = terminal.lines()
    assert rows[0].startswith("mms send: ") and all(row.startswith(" " * 9) for row in rows[1:] if row), rows


SPOILED = ["{}\n", " {} ", "<{}>", "\u201c{}\u201d", "invite={}", "MMS_INVITE='{}'\r\n", "\ufeff{}", "({})."]


def invited(server):
    """A server with a user fred who needs the code that is given back."""
    code = subprocess.run([str(mms.MMS), "user", "add", "-u", str(server.users), "-d", str(server.data), "fred"],
                          capture_output=True, text=True, check=True, timeout=20).stdout.strip()
    server.start()
    return code


@pytest.mark.parametrize("form", SPOILED)
@pytest.mark.parametrize("way", ["option", "variable", "typed"])
def test_a_code_as_it_was_handed_on_is_the_code(closing, tmp_path, way, form):
    server = closing(mms.Server(tmp_path / "server", ["Tim"]))
    given = form.format(invited(server))
    fred = closing(mms.Profile(tmp_path, server.name, "fred"))
    if way == "option":
        done = fred.run("send", "--invite", given, "Tim", "x")
    elif way == "variable":
        done = fred.run("send", "Tim", "x", env={"MMS_INVITE": given})
    else:
        done = fred.run("client", stdin=f"signin fred {given}\nsignout\n".encode())
        assert ">> Welcome fred" in done.stdout, done
    assert done.returncode == 0, done


@pytest.mark.parametrize("command", [["send", "-a", "fred", "Tim", "x"], ["listen", "-a", "fred"], ["who", "-a", "fred"]])
@pytest.mark.parametrize("given", ["CODE", "<>", "OU_nMu1b1u-nlXaXckULT", " "])
def test_what_is_no_code_is_said_before_anything_is_sent(fails_at_once, command, given):
    fails_at_once([*command[:1], "--invite", given, *command[1:]], {})
    fails_at_once(command, {"MMS_INVITE": given})


@pytest.fixture(name="fails_at_once")
def fixture_fails_at_once(tmp_path):
    """Runs a command against a socket that must stay silent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        silent.setblocking(False)

        def fails_at_once(words, env):
            done = run(tmp_path, [word.encode() for word in words],
                       env={"MMS_SERVER": f"127.0.0.1:{silent.getsockname()[1]}", **env})
            assert done.returncode == 64 and b"not an invite code" in done.stderr, done
            with pytest.raises(BlockingIOError):
                silent.recv(1)

        yield fails_at_once


def test_a_client_says_that_its_variable_is_no_code(tmp_path):
    done = run(tmp_path, [b"client"], env={"MMS_INVITE": "CODE"})
    assert done.returncode == 64 and b"MMS_INVITE" in done.stderr, done


def test_a_typed_code_that_is_none_is_not_sent(server, profile):
    done = profile(server, "fred").run("client", stdin=b"signin fred <CODE>\n")
    assert ">> that is not an invite code" in done.stdout, done
