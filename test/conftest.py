# SPDX-License-Identifier: ISC
"""Fixtures of the tests that start real processes; every test has a deadline, and what it started ends with it."""

import os
import pathlib
import signal
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "e2e"))

import mms  # noqa: E402 pylint: disable=wrong-import-position
from mms_client import Device  # noqa: E402 pylint: disable=wrong-import-position

TEST_DEADLINE_S = 180


def own_signals():
    """Takes signals that whoever started pytest has ignored (nohup, a job in the background) or blocked, so that what the
    tests start inherits none of that: a handler of Python's is gone after exec, where being ignored stays."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, lambda *_: None)  # pytest itself goes on ignoring it
    signal.pthread_sigmask(signal.SIG_SETMASK, [])


own_signals()
LONG_DEADLINE_S = 900


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true", help="also run the tests marked long")


def pytest_configure(config):
    config.addinivalue_line("markers", "long(seconds): minutes instead of seconds; run with --long, -m long or MMS_LONG=1")


def pytest_collection_modifyitems(config, items):
    if config.getoption("--long") or os.environ.get("MMS_LONG") or "long" in config.option.markexpr:
        return
    for item in items:
        if "long" in item.keywords:
            item.add_marker(pytest.mark.skip(reason="long: run with --long or MMS_LONG=1"))


@pytest.fixture(autouse=True)
def deadline(request):
    """Ends a test that hangs, whatever it hangs in."""
    def ring(*_):
        raise TimeoutError("the test's deadline")
    before = signal.signal(signal.SIGALRM, ring)
    long = request.node.get_closest_marker("long")
    signal.alarm(long.kwargs.get("seconds", LONG_DEADLINE_S) if long else TEST_DEADLINE_S)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(name="closing")
def fixture_closing():
    """closing(thing) gives the thing back and closes it at the end of the test, the newest first."""
    things = []

    def closing(thing):
        things.append(thing)
        return thing

    yield closing
    failures = []
    for thing in reversed(things):
        try:
            thing.close()
        except Exception as failure:  # pylint: disable=broad-except
            failures.append(failure)
    assert not failures, failures


@pytest.fixture(name="make_server")
def fixture_make_server(tmp_path, closing):
    """make_server(users, options) starts a server; more than one get directories of their own."""
    assert mms.MMS.exists(), f"{mms.MMS} is not built"
    count = 0

    def make(users=None, options=(), host=None):
        nonlocal count
        count += 1
        return closing(mms.Server(tmp_path / f"server-{count}", users, options, host)).start()

    return make


@pytest.fixture(name="server")
def fixture_server(make_server):
    return make_server()


@pytest.fixture(name="profile")
def fixture_profile(tmp_path, closing):
    """profile(server, user): the commands of a user with a state directory of that name."""
    def profile(server, user, state=None):
        name = server if isinstance(server, str) else server.name
        return closing(mms.Profile(tmp_path, name, user, state))

    return profile


@pytest.fixture(name="device")
def fixture_device(closing):
    """device(server, user, …): a second client's Device, not yet connected."""
    def device(server, user, **how):
        address = server if isinstance(server, tuple) else server.address
        return closing(Device(address, user, **how))

    return device


@pytest.fixture(name="agent")
def fixture_agent(closing):
    """agent(server, user, …): a Device signed in and driven by a thread."""
    def agent(server, user, setup=None, timeout=mms.DEADLINE_S, **how):
        address = server if isinstance(server, tuple) else server.address
        made = Device(address, user, **how)
        if setup:
            setup(made)
        return closing(mms.Agent(made)).start(timeout)

    return agent
