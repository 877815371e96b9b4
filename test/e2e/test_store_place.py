# SPDX-License-Identifier: ISC
"""Databases that are emptied, removed or replaced, before a program starts and under it; and `mms check`."""
import contextlib
import os
import signal
import sqlite3
import subprocess

import pytest
from mms import MMS, environment, texts


def database(directory):
    return next(path for path in directory.rglob("*.db"))


def empty(path):
    os.truncate(path, 0)


def remove(path):
    path.unlink()


def rename(path):
    path.rename(path.with_suffix(".old"))


def replace(path):
    copy = path.with_suffix(".copy")
    copy.write_bytes(path.read_bytes())
    copy.rename(path)


def fails_to_start(server, *words):
    server.launch()
    assert server.process.wait() == 78, server.process
    for word in words:
        assert word in str(server.process), server.process


@pytest.mark.parametrize("spoil, word", [(empty, "empty"), (remove, "missing")])
def test_server_that_lost_its_database_does_not_begin_anew(make_server, spoil, word):
    server = make_server()
    server.stop()
    for each in server.data.glob("server.db-*"):
        each.unlink()
    spoil(server.data / "server.db")
    fails_to_start(server, "server.db", word, "--new-database")
    server.start("--new-database")
    server.restart()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_server_whose_database_was_cut_short(make_server, profile, number):
    server = make_server()
    fred = profile(server, "fred")
    for _ in range(10):
        fred.send("Tim", "x" * 900)
    server.restart()
    fred.send("Tim", "in the log")
    server.process.kill(number)
    path = server.data / "server.db"
    os.truncate(path, path.stat().st_size // 2)
    fails_to_start(server, "server.db", "damaged")


def test_server_whose_first_start_came_no_further_than_its_database(make_server):
    server = make_server()
    server.stop()
    key = (server.data / "server.key").read_bytes()
    for each in server.data.glob("server.*"):
        each.unlink()
    (server.data / "server.db").touch()
    server.start()
    assert (server.data / "server.key").read_bytes() != key


@pytest.mark.parametrize("way", ["the same", "a symbolic link"])
def test_second_server_where_the_lock_was_removed(make_server, way, tmp_path):
    server = make_server()
    (server.data / "lock").unlink()
    data = server.data
    if way != "the same":
        data = tmp_path / "other"
        data.symlink_to(server.data)
    second = subprocess.run([str(MMS), "server", "-p", "0", "-u", str(server.users), "-d", str(data)], stdin=subprocess.DEVNULL,
                            capture_output=True, text=True, timeout=20, check=False)
    assert second.returncode == 78 and "another server is running" in second.stderr, second


@pytest.mark.parametrize("spoil", [empty, remove])
def test_log_that_goes_under_a_running_server(make_server, profile, spoil):
    server = make_server()
    fred = profile(server, "fred")
    fred.send("Tim", "before")
    spoil(server.data / "server.db-wal")
    done = fred.run("send", "--wait", "2", "Tim", "after")
    assert done.returncode == 75, done  # never accepted
    assert server.process.wait() == 74, server.process
    assert "server.db was removed, emptied or replaced" in str(server.process), server.process


def test_index_of_the_log_that_is_cut_short(make_server, profile):
    server = make_server()
    fred = profile(server, "fred")
    fred.send("Tim", "before")
    empty(server.data / "server.db-shm")
    done = fred.run("send", "--wait", "2", "Tim", "after")
    assert done.returncode == 75, done  # never accepted
    assert server.process.wait() == 74, server.process
    assert "-shm file" in str(server.process) and "cut the file short" in str(server.process), server.process
    server.start()


@pytest.mark.parametrize("name", ["server.db", "server.db-wal"])
@pytest.mark.parametrize("spoil", [empty, remove])
def test_database_that_is_gone_when_the_server_is_to_stop(make_server, profile, spoil, name):
    server = make_server()
    profile(server, "fred").send("Tim", "accepted")
    spoil(server.data / name)
    assert server.process.kill(signal.SIGTERM) == 74, server.process
    assert "server.db was removed, emptied or replaced" in str(server.process), server.process


def test_log_that_another_program_copied_and_emptied(make_server, profile):
    server = make_server()
    fred = profile(server, "fred")
    fred.send("Tim", "before")
    with contextlib.closing(sqlite3.connect(server.data / "server.db")) as other:
        assert other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
        assert (server.data / "server.db-wal").stat().st_size == 0
        fred.send("Tim", "after")
    server.restart()
    listen = profile(server, "Tim").listen("-n", "2")
    assert listen.wait() == 0 and texts(listen) == ["before", "after"], listen


@pytest.mark.parametrize("spoil", [empty, remove, rename, replace])
def test_database_that_goes_under_a_running_server(make_server, profile, spoil):
    server = make_server()
    fred = profile(server, "fred")
    fred.send("Tim", "before")
    spoil(server.data / "server.db")
    done = fred.run("send", "--wait", "2", "Tim", "after")
    assert done.returncode == 75, done  # never accepted
    assert server.process.wait() == 74, server.process
    assert "server.db was removed, emptied or replaced" in str(server.process), server.process


@pytest.mark.parametrize("spoil", [empty, remove, rename, replace])
def test_profile_that_goes_under_a_running_listen(server, profile, spoil):
    fred = profile(server, "fred")
    fred.send("fred", "one")
    listen = fred.listen()
    listen.wait_for(lambda lines: any("one" in line for line in lines))
    spoil(database(fred.state))
    profile(server, "Tim").send("fred", "two")
    assert listen.wait() == 74, listen
    assert "was removed, emptied or replaced" in str(listen), listen
    assert not any("two" in line for line in listen.lines), listen


def test_empty_profile_is_not_taken_for_a_new_one(server, profile):
    fred = profile(server, "fred")
    fred.send("fred", "one")
    path = database(fred.state)
    empty(path)
    done = fred.run("send", "Tim", "x")
    assert done.returncode == 78 and str(path) in done.stderr and "is empty" in done.stderr, done


def check(*words, **env):
    return subprocess.run([MMS, "check", *map(str, words)], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30,
                          env={**environment("/"), **env}, check=False)


def is_sound(done, *paths):
    assert (done.returncode, done.stderr) == (0, "") and done.stdout == "".join(f"{path} is sound\n" for path in paths), done


def test_check(server, profile, tmp_path):
    fred = profile(server, "fred")
    fred.send("fred", "one")
    listen = fred.listen()
    listen.wait_for(lambda lines: any("one" in line for line in lines))
    paths = [server.data / "server.db", database(fred.state)]
    is_sound(check(*paths), *paths)

    broken = tmp_path / "broken.db"
    content = bytearray(paths[0].read_bytes())
    content[3 * 4096:3 * 4096 + 200] = bytes(200)
    broken.write_bytes(content)
    done = check(broken, paths[1])
    assert done.returncode == 78 and "damaged" in done.stderr and f"{paths[1]} is sound" in done.stdout, done
    done = check(tmp_path / "none.db")
    assert done.returncode == 66 and "none.db" in done.stderr, done


def test_check_of_a_server_by_its_data_directory(server, tmp_path):
    is_sound(check("-d", server.data), server.data / "server.db")
    home = tmp_path / "home"
    (home / "mms").mkdir(parents=True)
    done = check(XDG_STATE_HOME=str(home))
    assert done.returncode == 66 and str(home / "mms/server/server.db") in done.stderr, done
    assert not (home / "mms/server").exists()
    (home / "mms/server").symlink_to(server.data)
    is_sound(check(XDG_STATE_HOME=str(home)), home / "mms/server/server.db")


def test_check_of_a_profile_by_its_user(server, profile, tmp_path):
    state = tmp_path / "state"
    for user in ("fred", "Tim"):
        profile(server, user, state).send("fred", "one")
    paths = {path.stem: path for path in state.rglob("*.db")}
    where = ["--state", state, "-s", server.name]
    is_sound(check(*where, "-a", "Fred"), paths["fred"])
    is_sound(check(*where, MMS_USER="tim"), paths["tim"])
    both = check(*where)
    assert both.returncode == 0 and all(f"{path} is sound\n" in both.stdout for path in paths.values()), both
    before = sorted(state.rglob("*"))
    done = check(*where, "-a", "libero")
    assert done.returncode == 66 and "libero.db" in done.stderr, done
    done = check("--state", state, "-s", "127.0.0.1:9", "-a", "fred")
    assert done.returncode == 66 and "nobody has signed in at 127.0.0.1:9 from here" in done.stderr, done
    assert sorted(state.rglob("*")) == before
    for words in (["-d", server.data, "-a", "fred"], ["-d", server.data, "x.db"], [*where, "x.db"], [*where, "-a", "no name"]):
        assert check(*words).returncode == 64, words

    with open(paths["fred"], "r+b") as file:
        file.seek(3 * 4096)
        file.write(bytes(200))
    done = check(*where, "-a", "fred")
    assert done.returncode == 78 and "damaged" in done.stderr, done
    is_sound(check(*where, "-a", "tim"), paths["tim"])


def test_damaged_page_is_noticed_by_check_and_where_it_is_read_but_not_at_a_start(make_server, profile):
    """After a kill too a start reads only what it needs. What stands on the page is never taken for something else."""
    server = make_server()
    fred = profile(server, "fred")
    for number in range(40):
        fred.send("Tim", f"{number} " + "x" * 900)
    server.stop()  # all is in the database, nothing in its log
    server.start()
    fred.send("Tim", "the last")
    server.kill()
    path = server.data / "server.db"
    assert (server.data / "server.db-wal").stat().st_size > 0
    content = path.read_bytes()
    page = content.index(b"20 xxxxxxxx") // 4096
    with open(path, "r+b") as file:
        file.seek(page * 4096)
        file.write(bytes(200))
    server.start()
    done = check("-d", server.data)
    assert done.returncode == 78 and "damaged" in done.stderr and server.is_up(), done
    listen = profile(server, "Tim").listen("-n", "41")
    assert server.process.wait() == 74, server.process
    assert "damaged" in str(server.process), server.process
    got = texts(listen)
    assert [text.split()[0] for text in got] == [str(number) for number in range(len(got))] and len(got) <= 20, got
