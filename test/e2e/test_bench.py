# SPDX-License-Identifier: ISC
"""`mms bench`: what it prints and how it ends; that nothing of it is left, whatever ends it."""

import json
import os
import pathlib
import signal

import mms
import pytest

KEYS = {"v", "pairs", "window", "rate", "size", "seconds", "delivered_per_s", "p50_us", "p99_us", "server_cpu_us_per_message",
        "server_cpu_share", "load_cpu_share", "server_cpu_us_per_signin", "server_drops", "load_drops", "sent", "delivered",
        "refused", "lost", "doubled", "repeated", "disordered"}
SHORT = ("--pairs", 3, "--seconds", "0.3", "--json")


@pytest.fixture(name="bench")
def fixture_bench(tmp_path):
    """bench(*options) starts `mms bench` with a place of its own for its server."""
    started = []
    (tmp_path / "place").mkdir()

    def bench(*options, **how):
        started.append(mms.Process([mms.MMS, "bench", *options], tmp_path,
                                   env={"TMPDIR": str(tmp_path / "place"), **how.get("env", {})}))
        return started[-1]

    yield bench
    for process in started:
        process.close()


def finish(process, status=0):
    assert process.wait(60) == status, str(process)
    return json.loads(process.lines[0])


def own_servers(place):
    """Process ids of servers whose data is in this place."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if b"server" in words and any(word.startswith(os.fsencode(place)) for word in words):
            found.append(int(path.parent.name))
    return found


def wait_gone(place):
    mms.wait_until(lambda: not own_servers(place) and not list(place.iterdir()),
                   lambda: f"{own_servers(place)} {list(place.iterdir())}")


def test_json_has_every_figure_and_nothing_is_left(bench, tmp_path):
    found = finish(bench(*SHORT))
    assert set(found) == KEYS
    assert found["pairs"] == 3 and found["window"] == 16 and found["rate"] is None and found["size"] == 100
    assert found["sent"] == found["delivered"] > 0
    assert found["lost"] == found["doubled"] == found["disordered"] == found["refused"] == 0
    assert 0 < found["p50_us"] <= found["p99_us"]
    assert found["delivered_per_s"] > 0 and found["server_cpu_us_per_message"] > 0
    assert not list((tmp_path / "place").iterdir()) and not own_servers(tmp_path / "place")


def test_at_a_rate_so_many_messages_are_sent(bench):
    found = finish(bench("--rate", 500, *SHORT))
    assert found["rate"] == 500 and found["window"] is None
    assert found["sent"] == found["delivered"]
    assert 645 <= found["sent"] <= 655  # 1.3 seconds of it, the warm-up's included


def test_the_table_names_what_was_measured(bench):
    process = bench("--pairs", 1, "--window", 1, "--size", 24, "--seconds", "0.2")
    assert process.wait(60) == 0, str(process)
    assert any(line.endswith("messages delivered a second") for line in process.lines)
    assert not process.errors  # progress is for terminals


def test_lost_datagrams_lose_no_message(bench):
    found = finish(bench("--drop", "0.1", "--window", 8, *SHORT))
    assert found["sent"] == found["delivered"] > 0 and found["doubled"] == 0


def test_a_server_that_is_killed_meanwhile_is_said(bench, tmp_path):
    process = bench("--pairs", 5, "--seconds", 60, "--json")
    database = lambda: next((tmp_path / "place").glob("*/data/server.db-wal"), None)
    mms.wait_until(lambda: database() and database().stat().st_size > 1 << 20, "no load")
    for pid in own_servers(tmp_path / "place"):
        os.kill(pid, signal.SIGKILL)
    found = finish(process, 69)
    assert found["lost"] > 0
    assert process.errors == ["mms bench: the server ended while it was measured"]
    wait_gone(tmp_path / "place")


@pytest.mark.parametrize("number, status", [(signal.SIGINT, 130), (signal.SIGTERM, 130), (signal.SIGKILL, -signal.SIGKILL)])
def test_whatever_ends_it_its_server_goes_too(bench, tmp_path, number, status):
    process = bench("--seconds", 60)
    mms.wait_until(lambda: list((tmp_path / "place").glob("*/data/server.db")), "no server")
    assert process.kill(number) == status, str(process)
    assert not process.lines
    wait_gone(tmp_path / "place")


@pytest.fixture(name="server")
def fixture_server(tmp_path):
    started = []

    def server(users, *options):
        started.append(mms.Server(tmp_path / "server", users, options).start())
        return started[-1]

    yield server
    for each in started:
        each.close()


def test_another_server_knows_the_devices_again(bench, server, tmp_path):
    there = server([f"bench-{i}" for i in range(1, 7)] + ["ann"])
    for _ in range(2):
        found = finish(bench("-s", there.name, "--state", tmp_path / "state", *SHORT))
        assert found["sent"] == found["delivered"] > 0
        assert found["server_cpu_us_per_message"] is None and found["server_drops"] is None
        who = mms.Profile(tmp_path, there.name, "ann").run("who")
        assert who.stdout.count("\toffline") == 7, who  # they have signed out, and leave nobody to wait for
    assert oct((tmp_path / "state/bench.key").stat().st_mode & 0o777) == "0o600"
    stranger = bench("-s", there.name, "--state", tmp_path / "other", *SHORT)
    assert stranger.wait() == 77, str(stranger)
    assert "does not let bench-" in stranger.errors[0]


def test_users_of_a_file_with_their_invites(bench, server, tmp_path):
    there = server([])
    lines = []
    for name in ("ann", "bob"):
        done = mms.Profile(tmp_path, there.name, name).run_plain("user", "add", name, "-d", there.data, "-u", there.users)
        assert done.returncode == 0, done
        lines.append(f"{name} {done.stdout.strip()}\n")
    there.process.popen.send_signal(signal.SIGHUP)
    mms.wait_until(lambda: any("2 users" in line for line in there.process.errors), lambda: str(there.process))
    (tmp_path / "codes").write_text("".join(lines))
    found = finish(bench("-s", there.name, "--users", tmp_path / "codes", "--state", tmp_path / "state", "--pairs", 1,
                         "--seconds", "0.2", "--json"))
    assert found["sent"] == found["delivered"] > 0
    few = bench("-s", there.name, "--users", tmp_path / "codes", "--state", tmp_path / "state", "--pairs", 2)
    assert few.wait() == 78, str(few)
    assert "2 users for 2 pairs" in few.errors[0]


def test_a_server_that_is_not_there(bench):
    process = bench("-s", f"127.0.0.1:{mms.unused_port()}", "--pairs", 1)
    assert process.wait(60) == 69, str(process)
    assert "no answer" in process.errors[0]


@pytest.mark.parametrize("options, said", [
    (("--rate", 5, "--window", 5), "give one of them"),
    (("--seconds", "0.05"), "at least 0.1"),
    (("--users", "x"), "give that with -s"),
    (("-s", "host:0"), "host:0"),
    (("--pairs", 10001), "out of range"),
    (("--size", 23), "out of range"),
    (("here",), "too many arguments"),
])
def test_wrong_command_lines(bench, options, said):
    process = bench(*options)
    assert process.wait() == 64, str(process)
    assert said in process.errors[0], str(process)


def test_no_place_for_its_server(bench, tmp_path):
    process = bench(env={"TMPDIR": str(tmp_path / "nowhere")})
    assert process.wait() == 73, str(process)
    assert "TMPDIR" in process.errors[0]
