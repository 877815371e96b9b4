# SPDX-License-Identifier: ISC
"""The conversation this project exists for, word for word: line by line, all at once, on a terminal, and at 50 % loss."""

import re
import subprocess

import mms
import pytest

HELP = [">> the following commands are supported:", ">>", ">>  signin <username>", ">>  whoIsOn",
        ">>  send <username> <message>", ">>  signout"]
# What is typed, and the lines that come of it.
STEPS = [
    ("help", HELP),
    ("send fred hi fred", [">> You must signin first"]),
    ("signin jimmy", [">> user jimmy is not authorized to use MMS"]),
    ("signin fred", [">> Welcome fred, you have 2 messages waiting :", ">>      libero: you here?",
                     ">>      Tim: can't make it :("]),
    ("WhoIsOn", [">> Users fred, francoc, and Tim are online", ">> Users libero are NOT online"]),
    ("send francoc hi franco", [">> francoc: hi"]),
    ("send libero yup", [">> libero is offline, message will be saved for future delivery"]),
    ("signout", [">> user fred has signed off"]),
]


def without_more_help(lines):
    """`help` may list more commands after the four."""
    kept = []
    for line in lines:
        if line.startswith(">>  ") and not line.startswith(">>   ") and HELP[-1] in kept and line not in HELP:
            continue
        kept.append(line)
    return kept


def conversation(prompts):
    lines = ["Welcome to MMS."]
    for typed, answers in STEPS:
        lines += ([f"> {typed}"] if prompts else []) + answers
    return lines



def test_who_by_name_and_pattern(make_server, profile):
    """Of a name one sentence, of a pattern the words of the whole list."""
    server = make_server(users=["fred", "Frank", "francoc", "Tim"])
    tim = profile(server, "Tim")
    typed = b"signin Tim\nwhoIsOn TIM\nwhoIsOn fred\nwhoIsOn jimmy\nwhoIsOn fr*\nwhoIsOn ?im\nwhoIsOn x*\nwhoIsOn fr@d\n"
    done = tim.run("client", stdin=typed)
    assert done.stdout.split("\n")[2:-2] == [
        ">> Tim is online",
        ">> fred is NOT online",
        ">> there is no user jimmy; type: whoIsOn to see who there is",
        ">> Users fred, Frank, and francoc are NOT online",
        ">> Users Tim are online",
        ">> there is no user like x*",
        '>> "fr@d" is neither a user name nor a pattern, which has * for any letters and ? for one',
    ], done
    assert done.returncode == 0


def test_who_with_10000_users(make_server, profile, tmp_path, closing):
    """A screen has columns, those first who are online, with their number; a script has lines."""
    server = make_server(users=["fred", *[f"user{i:04}" for i in range(9999)]])
    host, port = server.name.rsplit(":", 1)
    fred = profile(server, "fred")
    terminal = closing(mms.Terminal([mms.MMS, "client", "--state", fred.state, host, "-p", port], tmp_path, rows=200))
    terminal.enter("signin fred")
    terminal.wait_for(lambda lines: ">> Welcome fred, you have no messages waiting" in lines)
    terminal.enter("whoIsOn user001?")
    columns = [">> 10 users are NOT online:", ">>      " + "  ".join(f"user001{i}" for i in range(7)),
               ">>      user0017  user0018  user0019"]
    terminal.wait_for(lambda lines: lines[-4:] == [*columns, ">"])
    terminal.enter("whoIsOn *")
    terminal.wait_for(lambda lines: ">>      and 9499 more" in lines)
    lines = terminal.lines()
    at = lines.index(">> 1 user is online:")
    assert lines[at + 1:at + 3] == [">>      fred", ">> 9999 users are NOT online:"]
    assert lines.index(">>      and 9499 more") == at + 3 + 72, lines  # 500 names, 7 a row
    assert "user0011\toffline\n" in fred.run("who", "user001*").stdout
    assert fred.run("who", "*").stdout.count("\n") == 10000
    assert fred.run("who", "FRED").stdout == "fred\tonline\n"
    assert fred.run("who", "--json", "f?*d").stdout == '{"v":1,"user":"fred","online":true}\n'
    done = fred.run("who", "x*")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    done = fred.run("who", "jimmy")
    assert (done.returncode, done.stdout, done.stderr) == (67, "", "mms who: there is no user jimmy\n")
    done = fred.run("who", "fr@d")
    assert done.returncode == 65 and "neither a user name nor a pattern" in done.stderr
    script = closing(mms.Terminal([mms.MMS, "who", "--state", fred.state, "-s", server.name, "user000[0-9]"], tmp_path))
    assert script.exit_status() == 65
    script = closing(mms.Terminal([mms.MMS, "who", "--state", fred.state, "-s", server.name, "*r*d"], tmp_path))
    script.wait_for(lambda lines: lines == ["1 user is online:", "  fred"])


@pytest.fixture(name="scene")
def fixture_scene(make_server, profile, agent):
    """Two messages wait for fred, francoc and Tim are signed in, francoc answers "hi" once."""
    def scene(options=(), timeout=mms.DEADLINE_S):
        server = make_server(options=options)
        profile(server, "libero").send("fred", "you here?", "--wait", "60", timeout=70)
        tim = agent(server, "Tim", timeout=timeout)
        message = tim.submit("fred", "can't make it :(")
        tim.wait_verdicts([message], timeout)

        def answer_once(device):
            answered = []

            def answer(delivery):
                if not answered:
                    answered.append(device.submit(delivery.sender, "hi"))
            device.on_message = answer

        agent(server, "francoc", setup=answer_once, timeout=timeout)
        return server

    return scene


def walk(client, timeout):
    """Types each line when the answers to the one before are there."""
    seen = 1
    client.wait_for(lambda lines: lines[:1] == ["Welcome to MMS."], timeout)
    for typed, answers in STEPS:
        client.type(typed)
        client.wait_for(lambda lines, count=seen + len(answers): len(without_more_help(lines)) >= count, timeout)
        seen += len(answers)
        assert without_more_help(client.lines)[seen - len(answers):] == answers
    client.end_input()
    assert client.wait(timeout) == 0
    assert without_more_help(client.lines) == conversation(prompts=False)
    assert client.errors == []


def test_line_by_line(scene, profile):
    walk(profile(scene(), "fred").spawn("client"), mms.DEADLINE_S)


def test_all_at_once(scene, profile):
    client = profile(scene(), "fred")
    done = client.run("client", stdin="".join(f"{typed}\n" for typed, _ in STEPS).encode())
    assert done.returncode == 0, done
    lines = without_more_help(done.stdout.splitlines())
    answer = ">> francoc: hi"  # comes when francoc likes
    assert [line for line in lines if line != answer] == [line for line in conversation(False) if line != answer]
    assert lines.count(answer) <= 1
    assert done.stderr == ""


def test_line_by_line_with_half_of_all_datagrams_lost(scene, profile):
    walk(profile(scene(options=["--drop", "0.5"], timeout=60), "fred").spawn("client"), 60)


def terminal_walk(closing, server, tmp_path, timeout):
    host, port = server.name.split(":")
    terminal = closing(mms.Terminal([mms.MMS, "client", "--state", tmp_path / "state-fred", host, "-p", port], tmp_path))
    shown = ["Welcome to MMS."]
    for typed, answers in STEPS:
        terminal.wait_for(lambda lines, wanted=tuple(shown): without_more_help(lines) == [*wanted, ">"], timeout)
        terminal.enter(typed)
        shown += [f"> {typed}", *answers]
    terminal.wait_for(lambda lines: without_more_help(lines) == [*conversation(prompts=True), ">"], timeout)
    terminal.enter("quit")
    assert terminal.exit_status() == 0


def test_on_a_terminal(scene, closing, tmp_path):
    terminal_walk(closing, scene(), tmp_path, mms.DEADLINE_S)


def test_on_a_terminal_with_half_of_all_datagrams_lost(scene, closing, tmp_path):
    terminal_walk(closing, scene(options=["--drop", "0.5"], timeout=60), tmp_path, 60)


AWAY = re.compile(r">> Tim is NOT online, last heard \d\d:\d\d")


def test_people_come_and_go(server, profile, closing, tmp_path):
    """On a terminal it is said of those one writes with, also by the next process; in a pipe nothing is said unasked."""
    host, port = server.name.rsplit(":", 1)
    command = [mms.MMS, "client", "--state", tmp_path / "fred", host, "-p", port]

    def sign_in():
        terminal = closing(mms.Terminal(command, tmp_path))
        terminal.wait_for(lambda lines: lines[-1] == ">")  # what is typed before may look like a paste
        terminal.enter("signin fred")
        terminal.wait_for(lambda lines: ">> Welcome fred, you have no messages waiting" in lines and lines[-1] == ">")
        return terminal

    tim, libero = profile(server, "Tim").spawn("client"), profile(server, "libero").spawn("client")
    for user, process in (("Tim", tim), ("libero", libero)):
        process.type(f"signin {user}")
        process.wait_line(f">> Welcome {user}, you have no messages waiting")
    fred = sign_in()
    fred.enter("send Tim hi")
    libero.type("send Tim you there?")
    tim.wait_for(lambda lines: {">> fred: hi", ">> libero: you there?"} <= set(lines))
    fred.enter("whoIsOn TIM")  # a list that is called after who was written to is watched
    fred.wait_for(lambda lines: ">> Tim is online" in lines)
    tim.type("signout")
    fred.wait_for(lambda lines: any(AWAY.fullmatch(line) for line in lines))
    fred.enter("whoIsOn tim")
    fred.wait_for(lambda lines: sum(AWAY.fullmatch(line) is not None for line in lines) == 2)
    libero.type("whoIsOn fred")
    libero.wait_line(">> fred is online")
    assert not [line for line in libero.lines if line.startswith(">> Tim is")], libero
    fred.enter("quit")
    assert fred.exit_status() == 0
    again = sign_in()
    again.enter("whoIsOn jimmy")
    again.wait_for(lambda lines: any(line.startswith(">> there is no user jimmy") for line in lines))
    assert ">> Tim is online" not in again.lines()
    tim.type("signin Tim")
    again.wait_for(lambda lines: ">> Tim is online" in lines)


def test_commands_and_names_in_any_case(server, profile):
    fred = profile(server, "fred")
    done = fred.run("client", stdin=b"SIGNIN FRED\nwhoison\nSend FRED Me\n\n   \nSIGNOUT\nQuit\n")
    assert done.returncode == 0, done
    assert done.stdout.splitlines() == [
        "Welcome to MMS.", ">> Welcome fred, you have no messages waiting", ">> Users fred are online",
        ">> Users francoc, Tim, and libero are NOT online", ">> fred: Me", ">> user fred has signed off"]


def test_one_message_waits(server, profile):
    profile(server, "Tim").send("fred", "one")
    done = profile(server, "fred").run("client", stdin=b"signin fred\n")
    assert done.stdout.splitlines()[1:3] == [">> Welcome fred, you have 1 message waiting :", ">>      Tim: one"]
    assert done.returncode == 0


@pytest.mark.parametrize("line, words", [
    ("signin fred", "signed in"), ("frobnicate", "help"), ("send", "send"), ("send Tim", "send"),
    ("send nobody hi", "nobody"), ("send Tim " + "x" * 1025, "1024"), ("signin", "signin")])
def test_wrong_lines_say_what_to_do(server, profile, line, words):
    done = profile(server, "fred").run("client", stdin=f"signin fred\n{line}\nsignout\n".encode())
    lines = done.stdout.splitlines()
    assert done.returncode == 0, done
    assert len(lines) == 4 and lines[2].startswith(">> ") and words in lines[2], lines
    assert lines[3] == ">> user fred has signed off"


def test_signout_when_nobody_is_signed_in(server, profile):
    done = profile(server, "fred").run("client", stdin=b"signout\n")
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 2 and "sign" in done.stdout.splitlines()[1]


def test_signing_in_again_after_signout(server, profile):
    done = profile(server, "fred").run("client", stdin=b"signin fred\nsignout\nsignin fred\n")
    welcome = ">> Welcome fred, you have no messages waiting"
    assert done.stdout.splitlines()[1:4] == [welcome, ">> user fred has signed off", welcome]


def test_what_was_read_waits_no_more(server, profile):
    profile(server, "Tim").send("fred", "one")
    done = profile(server, "fred").run("client", stdin=b"signin fred\nsignout\nsignin fred\n")
    assert ">>      Tim: one" in done.stdout.splitlines()
    assert done.stdout.splitlines()[4] == ">> Welcome fred, you have no messages waiting", done


def test_leaving_signs_out(server, profile, device):
    profile(server, "fred").run("client", stdin=b"signin fred\n")
    assert ("fred", False) in device(server, "Tim").connect().who()


def test_messages_appear_above_the_line_being_typed(server, closing, tmp_path, agent):
    tim = agent(server, "Tim")
    host, port = server.name.split(":")
    terminal = closing(mms.Terminal([mms.MMS, "client", "--state", tmp_path / "fred", host, "-p", port], tmp_path))
    terminal.wait_for(lambda lines: lines == ["Welcome to MMS.", ">"])
    terminal.enter("signin fred")
    terminal.wait_for(lambda lines: lines[-1] == ">" and len(lines) == 4)
    terminal.type("send Tim half a li")
    terminal.wait_for(lambda lines: lines[-1] == "> send Tim half a li")
    tim.submit("fred", "look up")
    terminal.wait_for(lambda lines: lines[-2:] == [">> Tim: look up", "> send Tim half a li"])
    terminal.enter("ne")
    tim.wait_texts(["half a line"])


def test_hostile_text_cannot_forge_a_line_or_steer_the_terminal(server, closing, tmp_path, agent):
    tim = agent(server, "Tim")
    host, port = server.name.split(":")
    terminal = closing(mms.Terminal([mms.MMS, "client", "--state", tmp_path / "fred", host, "-p", port], tmp_path))
    terminal.wait_for(lambda lines: lines == ["Welcome to MMS.", ">"])
    terminal.enter("signin fred")
    terminal.wait_for(lambda lines: lines[-1] == ">" and len(lines) == 4)
    tim.submit("fred", "\x1b[2J\x1b[Hgone\r>> libero: forged\n>> libero: forged\n\u202eflip\u2028x\x9b2J")
    tim.submit("fred", "end")
    terminal.wait_for(lambda lines: lines[-2:] == [">> Tim: end", ">"])
    lines = terminal.lines()
    assert lines[0] == "Welcome to MMS."
    assert not [line for line in lines if line.startswith(">> libero")], lines
    assert "\u202e" not in "".join(lines)


def test_two_terminals_on_one_machine(server, closing, tmp_path):
    host, port = server.name.split(":")
    command = [mms.MMS, "client", "--state", tmp_path / "state", host, "-p", port]
    fred, tim = [closing(mms.Terminal(command, tmp_path)) for _ in range(2)]
    for terminal, name in ((fred, "fred"), (tim, "Tim")):
        terminal.wait_for(lambda lines: lines == ["Welcome to MMS.", ">"])
        terminal.enter(f"signin {name}")
        terminal.wait_for(lambda lines: lines[-1] == ">" and len(lines) == 4)
    fred.enter("send tim hello")
    tim.wait_for(lambda lines: lines[-2:] == [">> fred: hello", ">"])


def test_demo(tmp_path):
    if not (mms.ROOT / "tools" / "demo").exists():
        pytest.skip("no tools/demo")
    typed = "".join(f"{line}\n" for line, _ in STEPS).encode()
    done = subprocess.run([mms.ROOT / "tools" / "demo"], input=typed, check=False,
                          capture_output=True, timeout=80, env={**mms.environment(tmp_path), "BUILD": str(mms.BUILD)})
    assert done.returncode == 0, done
    assert without_more_help(done.stdout.decode().splitlines()) == conversation(prompts=False)
