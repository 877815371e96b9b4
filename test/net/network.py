# SPDX-License-Identifier: ISC
"""Hosts of a network that is ours alone: namespaces without a name, joined by test/net/link.py.

A namespace lives as long as a process of it: here a `cat` whose input is a pipe from the test. So whatever becomes of
the test, even kill -9, leaves no namespace, no device and no mount behind. Host i is 10.77.i.1.
"""

import fcntl
import json
import os
import pathlib
import shutil
import struct
import subprocess
import sys

LINK = pathlib.Path(__file__).resolve().parent / "link.py"
IFF_TUN, IFF_NO_PI, TUNSETIFF = 1, 0x1000, 0x400454ca


def missing():
    """Why there can be no namespaces here, or None."""
    if os.geteuid() != 0:
        return "needs root, for namespaces and mounts"
    for tool in ("unshare", "nsenter", "ip", "mount"):
        if not shutil.which(tool):
            return f"needs {tool}"
    try:
        os.close(os.open("/dev/net/tun", os.O_RDWR))
    except OSError as failure:
        return f"needs TUN devices: {failure}"
    with subprocess.Popen(["unshare", "-n", "-m", "true"], stderr=subprocess.PIPE, text=True) as probe:
        said = probe.communicate()[1]
    return f"needs namespaces: {said.strip()}" if probe.returncode else None


def run(*words):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False, timeout=20)
    assert done.returncode == 0, (words, done.stdout, done.stderr)
    return done.stdout


class Namespace:
    """A network and mount namespace."""

    def __init__(self):
        self.holder = subprocess.Popen(["unshare", "-n", "-m", "--propagation", "private", "sh", "-c",
                                        "ip link set lo up && echo ready && exec cat"],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.holder.stdout.readline() == b"ready\n"

    @property
    def prefix(self):
        """What to put in front of a command to run it inside."""
        return ["nsenter", "-t", str(self.holder.pid), "-n", "-m"]

    def run(self, *words):
        return run(*self.prefix, *words)

    def path(self, path):
        """A path of its mounts as seen from outside."""
        return pathlib.Path(f"/proc/{self.holder.pid}/root{path}")

    def close(self):
        self.holder.stdin.close()
        self.holder.wait(20)
        self.holder.stdout.close()


class Host(Namespace):
    def __init__(self, index):
        super().__init__()
        self.index = index
        self.address = f"10.77.{index}.1"
        self.tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        made = fcntl.ioctl(self.tun, TUNSETIFF, struct.pack("16sH22x", f"mms{os.getpid()}.%d".encode(),
                                                           IFF_TUN | IFF_NO_PI))
        self.device = made[:16].rstrip(b"\0").decode()
        run("ip", "link", "set", self.device, "netns", self.holder.pid)
        self.run("ip", "addr", "add", f"{self.address}/24", "dev", self.device)
        self.run("ip", "link", "set", self.device, "up")
        self.run("ip", "route", "add", "default", "dev", self.device)

    def swap_address(self):
        """Another address, as by another network; for a moment there is none, and no way out."""
        new = f"10.77.{self.index}.{int(self.address.rsplit('.', 1)[1]) % 200 + 1}"
        self.run("ip", "route", "del", "default")
        self.run("ip", "addr", "del", f"{self.address}/24", "dev", self.device)
        self.run("ip", "addr", "add", f"{new}/24", "dev", self.device)
        self.run("ip", "route", "add", "default", "dev", self.device)
        self.address = new

    def close(self):
        os.close(self.tun)
        super().close()


class Network:
    """Hosts 0 to count - 1 and the link between them; options are those of link.py."""

    def __init__(self, count, nat=(), **options):
        self.hosts = []
        self.link = None
        self.counts = {}
        try:
            for index in range(count):
                self.hosts.append(Host(index))
            tuns = [host.tun for host in self.hosts]
            words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
            words += [word for index in nat for word in ("--nat", str(index))]
            self.link = subprocess.Popen([sys.executable, LINK, *words, *map(str, tuns)], pass_fds=tuns, text=True,
                                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        except BaseException:
            self.close()
            raise

    def order(self, *words):
        """A command to the link; it is in force when this returns."""
        print(*words, file=self.link.stdin, flush=True)
        assert self.link.stdout.readline() == "ok\n"

    def close(self):
        if self.link:
            self.link.stdin.close()
            self.counts = json.loads(self.link.stdout.read())
            self.link.stdout.close()
            assert self.link.wait(20) == 0
            self.link = None
        while self.hosts:
            self.hosts.pop().close()
