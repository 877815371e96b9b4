# SPDX-License-Identifier: ISC
"""`mms user` as a process: what it writes where, every exit status, and that edits never mix."""
import base64
import datetime
import hashlib
import os
import re
import stat
import subprocess

import pytest

MMS = os.path.join(os.path.abspath(os.environ.get("MMS_BUILD", "build")), "mms")
FINGERPRINT = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"


class Home:
    """A state directory of its own, and `mms user` in it."""

    def __init__(self, path):
        self.path = path
        self.users = path / "state" / "mms" / "server" / "users"
        self.env = {"PATH": os.environ["PATH"], "HOME": str(path), "XDG_STATE_HOME": str(path / "state")}

    def run(self, *words, stdout=subprocess.PIPE):
        return subprocess.run([MMS, "user", *words], env=self.env, cwd=self.path, stdin=subprocess.DEVNULL,
                              stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=30, check=False)

    def ok(self, *words):
        done = self.run(*words)
        assert done.returncode == 0, done.stderr
        return done

    def fails(self, status, *words):
        done = self.run(*words)
        assert done.returncode == status, done.stderr
        assert done.stdout == ""
        assert done.stderr.startswith("mms user")
        return done.stderr


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path)


LIFE = r" life=[A-Za-z0-9_-]{22}"


def without_lives(path):
    """The users file without the lives, which are random."""
    return re.sub(LIFE, "", path.read_bytes().decode())


def hash_of(code):
    """What the users file keeps of a code: BLAKE2b-256 of its letters, in base64url."""
    digest = hashlib.blake2b(code.encode(), digest_size=32).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def days_from_now(expiry):
    moment = datetime.datetime.strptime(expiry, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=datetime.timezone.utc)
    return (moment - datetime.datetime.now(datetime.timezone.utc)).total_seconds() / 86400


def test_add_makes_the_file_and_shows_the_code_once(home):
    done = home.ok("add", "fred")
    code = done.stdout[:-1]
    assert re.fullmatch(r"[A-Za-z0-9_-]{22}\n", done.stdout)
    match = re.fullmatch(rf"fred{LIFE} invite=([A-Za-z0-9_-]{{43}}),(\S+)\n", home.users.read_text())
    assert match[1] == hash_of(code)
    assert 6.99 < days_from_now(match[2]) <= 7
    assert code not in done.stderr
    assert "signin fred CODE" in done.stderr and "MMS_INVITE=" in done.stderr and "kill -HUP" in done.stderr
    assert stat.S_IMODE(home.users.stat().st_mode) == 0o600
    assert stat.S_IMODE(home.users.parent.stat().st_mode) == 0o700


def test_codes_differ(home):
    codes = {home.ok("add", f"user{i}").stdout for i in range(5)}
    assert len(codes) == 5


def test_add_plain_has_no_code(home):
    done = home.ok("add", "--plain", "fred")
    assert done.stdout == ""
    assert re.fullmatch(f"fred{LIFE}\n", home.users.read_text())
    assert "loopback" in done.stderr


def test_every_add_makes_another_life(home):
    lives = set()
    for _ in range(3):
        home.ok("add", "--plain", "fred")
        lives.add(re.search(LIFE, home.users.read_text())[0])
        home.ok("remove", "fred")
    assert len(lives) == 3


def test_the_same_user_where_no_server_has_run(home):
    assert "no server database" in home.fails(67, "add", "--same", "fred")
    assert home.users.read_text() == "" if home.users.exists() else True


def test_options_choose_the_file(home):
    home.ok("add", "--plain", "fred", "-d", "data")
    home.ok("add", "--plain", "tim", "-u", "other/folder/file")
    home.ok("add", "--plain", "jim", "-u", "here")
    assert without_lives(home.path / "data" / "users") == "fred\n"
    assert without_lives(home.path / "other" / "folder" / "file") == "tim\n"
    assert without_lives(home.path / "here") == "jim\n"
    assert not home.users.exists()


def test_an_edit_keeps_everything_else(home):
    path = home.path / "users"
    path.write_bytes(b"# who \xc3\xa9\r\n\r\n  Fred \t# tall\r\ntim")
    path.chmod(0o640)
    home.ok("revoke", "-u", "users", "fred", FINGERPRINT)
    home.ok("add", "-u", "users", "--plain", "jim")
    assert without_lives(path) == f"# who é\r\n\r\n  Fred revoke={FINGERPRINT} \t# tall\r\ntim\r\njim\r\n"
    home.ok("remove", "-u", "users", "FRED")
    assert without_lives(path) == "# who é\r\n\r\ntim\r\njim\r\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_invites_add_up_until_replaced(home):
    home.ok("add", "fred")
    codes = [home.ok("invite", "fred", "--days", "365").stdout.strip() for _ in range(3)]
    text = home.users.read_text()
    assert text.count("invite=") == 4
    assert all(hash_of(code) in text for code in codes)
    assert "--replace" in home.fails(73, "invite", "fred")
    assert home.users.read_text() == text
    last = home.ok("invite", "--replace", "fred", "--days", "1").stdout.strip()
    match = re.fullmatch(rf"fred{LIFE} invite=(\S{{43}}),(\S+)\n", home.users.read_text())
    assert match[1] == hash_of(last)
    assert 0.99 < days_from_now(match[2]) <= 1


def test_an_invite_drops_expired_ones(home):
    path = home.path / "users"
    path.write_text(f"fred invite={FINGERPRINT},2001-01-01T00:00:00Z\n")
    home.ok("invite", "-u", "users", "fred")
    assert path.read_text().count("invite=") == 1
    assert FINGERPRINT not in path.read_text()


def test_revoke_is_done_once(home):
    home.ok("add", "--plain", "fred")
    home.ok("revoke", "fred", FINGERPRINT)
    home.ok("revoke", "fred", FINGERPRINT)
    assert without_lives(home.users) == f"fred revoke={FINGERPRINT}\n"


def test_list_shows_the_options(home):
    path = home.path / "users"
    path.write_text(f"# x\nfred\nTim invite={FINGERPRINT},2001-01-01T00:00:00Z revoke={FINGERPRINT}\n")
    assert home.ok("list", "-u", "users").stdout == (
        f"fred\tplain\nTim\tinvite until 2001-01-01T00:00:00Z\nTim\trevoke {FINGERPRINT}\n")
    path.write_text("")
    assert home.ok("list", "-u", "users").stdout == ""


def test_names_and_fingerprints_that_cannot_be(home):
    home.ok("add", "--plain", "fred")
    for name in ("", "a b", "a/b", "fré", "x" * 33, "#x", "a=b"):
        assert "is not a name" in home.fails(65, "add", name)
    assert "is not a fingerprint" in home.fails(65, "revoke", "fred", FINGERPRINT[1:])
    assert without_lives(home.users) == "fred\n"


def test_usage(home):
    assert "an action is missing" in home.fails(64)
    assert 'unknown action "fire"' in home.fails(64, "fire")
    assert "too few arguments" in home.fails(64, "add")
    assert "too few arguments" in home.fails(64, "revoke", "fred")
    assert "too many arguments" in home.fails(64, "list", "fred")
    assert "unknown option -x" in home.fails(64, "add", "-x", "fred")
    for days in ("0", "366", "-1", "1.5", "week"):
        assert "1 to 365" in home.fails(64, "add", "fred", "--days", days)
    home.fails(64, "add", "fred", "-u", "")
    assert not home.users.exists()


def test_no_such_user(home):
    home.ok("add", "--plain", "fred")
    for words in (["invite", "tim"], ["remove", "tim"], ["revoke", "tim", FINGERPRINT]):
        assert "no such user: tim" in home.fails(67, *words)


def test_add_of_a_name_that_is_there(home):
    home.ok("add", "--plain", "fred")
    assert "already" in home.fails(73, "add", "FRED")
    assert without_lives(home.users) == "fred\n"


def test_a_file_that_is_missing_stays_missing(home):
    for words in (["invite", "tim"], ["remove", "tim"], ["revoke", "tim", FINGERPRINT], ["list"]):
        assert "users" in home.fails(66, *words, "-u", "users")
    assert list(home.path.iterdir()) == []
    home.fails(66, "list", "-u", ".")


def test_a_bad_file_is_not_touched(home):
    path = home.path / "users"
    path.write_text("fred\ntim extra\n")
    for words in (["add", "jim"], ["invite", "fred"], ["remove", "fred"], ["revoke", "fred", FINGERPRINT], ["list"]):
        assert 'users:2: "extra" is not an option' in home.fails(78, *words, "-u", "users")
    assert path.read_text() == "fred\ntim extra\n"


def test_what_cannot_be_created(home):
    (home.path / "file").write_text("")
    assert "file" in home.fails(73, "add", "fred", "-u", "file/users")


def test_a_full_standard_output_is_told(home):
    with open("/dev/full", "w", encoding="ascii") as full:
        done = home.run("add", "fred", stdout=full)
        assert done.returncode == 74
        assert "mms user invite --replace fred" in done.stderr
        assert home.run("list", stdout=full).returncode == 74
        assert home.run("--help", stdout=full).returncode == 74


def test_a_symbolic_link_stays(home):
    (home.path / "real").mkdir()
    (home.path / "real" / "users").write_text("tim\n")
    (home.path / "link").symlink_to("real/users")
    home.ok("add", "--plain", "fred", "-u", "link")
    assert (home.path / "link").is_symlink()
    assert without_lives(home.path / "real" / "users") == "tim\nfred\n"


def test_many_at_once_lose_nothing(home):
    names = [f"user{i}" for i in range(40)]
    running = [subprocess.Popen([MMS, "user", "add", name], env=home.env, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True) for name in names]
    codes = {}
    for name, process in zip(names, running):
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        codes[name] = out.strip()
    lines = dict(line.split(" ") for line in without_lives(home.users).splitlines())
    assert sorted(lines) == sorted(names)
    for name in names:
        assert lines[name].startswith(f"invite={hash_of(codes[name])},")
    assert sorted(entry.name for entry in home.users.parent.iterdir()) == ["users", "users.lock"]


def test_help_and_version():
    def run(*words):
        return subprocess.run([MMS, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)

    for words in (["--help"], ["user", "--help"], ["user", "add", "-h"], ["user", "list", "--help"]):
        done = run(*words)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith("usage: mms ")
    for words in (["--version"], ["user", "--version"], ["user", "add", "--version"]):
        done = run(*words)
        assert (done.returncode, done.stdout, done.stderr) == (0, "mms 0.1.0\n", "")
    for words in ([], ["fly"], ["--fly"]):
        done = run(*words)
        assert (done.returncode, done.stdout) == (64, "")
        assert "mms --help" in done.stderr or "usage: mms COMMAND" in done.stderr
