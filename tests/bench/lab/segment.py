"""A network namespace on the site's bridge: plugged in directly, or by a wire with a delay made in user space."""

import collections
import ctypes
import fcntl
import os
import select
import signal
import struct
import time

from lab.site import BRIDGE, SUBNET, attempt, output

NAMESPACE = "benchrack"
INSIDE = "eth0"
OUTSIDE = "benchport"
# As in linux/if_tun.h, sched.h and prctl.h.
TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 2, 0x1000
CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG, PR_SET_TIMERSLACK = 1, 29
# The longest frame of an Ethernet of 1500, with a VLAN's tag.
FRAME = 1518
LIBC = ctypes.CDLL(None, use_errno=True)


class Segment:
    """The namespace; a context manager. `delay` is one way, in seconds; none plugs in directly."""

    def __init__(self, delay=None):
        self.delay = delay
        self.forwarders = []

    def __enter__(self):
        self.clear()
        output("ip", "netns", "add", NAMESPACE)
        if self.delay is None:
            output("ip", "link", "add", OUTSIDE, "type", "veth", "peer", "name", INSIDE, "netns", NAMESPACE)
        else:
            self.lay_wire()
        output("ip", "link", "set", OUTSIDE, "master", BRIDGE, "up")
        for link in ["lo", INSIDE]:
            self.inside("ip", "link", "set", link, "up")
        return self

    def __exit__(self, *_):
        for forwarder in self.forwarders:
            os.kill(forwarder, signal.SIGTERM)
            os.waitpid(forwarder, 0)
        self.clear()

    def clear(self):
        attempt("ip", "netns", "delete", NAMESPACE)
        attempt("ip", "link", "delete", OUTSIDE)

    def inside(self, *command):
        """Runs a command in the namespace."""
        return output("ip", "netns", "exec", NAMESPACE, *command)

    def claim(self, address):
        """Gives the namespace one address."""
        self.inside("ip", "address", "add", f"{address}/{SUBNET.prefixlen}", "dev", INSIDE)

    def claim_all(self, network):
        """Lets every address of a network be the namespace's own: a program binds the one that it was lent."""
        self.inside("ip", "route", "replace", str(SUBNET), "dev", INSIDE)
        self.inside("ip", "route", "add", "local", str(network), "dev", "lo")

    def lay_wire(self):
        """Two taps, and one process for each direction that hands on each frame when its time has come."""
        outer, inner = tap(OUTSIDE), tap("benchfar")
        output("ip", "link", "set", "benchfar", "netns", NAMESPACE)
        self.inside("ip", "link", "set", "benchfar", "name", INSIDE)
        self.inside("ip", "link", "set", INSIDE, "txqueuelen", "20000")
        output("ip", "link", "set", OUTSIDE, "txqueuelen", "20000")
        self.forwarders = [forwarder(outer, inner, self.delay), forwarder(inner, outer, self.delay)]
        os.close(outer)
        os.close(inner)


def enter():
    """Moves this process into the namespace."""
    with open(f"/run/netns/{NAMESPACE}") as namespace:
        if LIBC.setns(namespace.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")


def tap(name):
    """Makes a tap and opens it."""
    handle = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(handle, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
    return handle


def forwarder(source, target, delay):
    """Starts a process that carries frames one way."""
    process = os.fork()
    if process:
        return process
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    LIBC.prctl(PR_SET_TIMERSLACK, 1)
    try:
        # Else a loaded machine adds what it likes.
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    except OSError:
        os.nice(-10)
    carry(source, target, delay)


def carry(source, target, delay):
    """Reads frames as they come, and writes each after the delay."""
    waiting = collections.deque()
    while True:
        pause = None if not waiting else max(0, waiting[0][0] - time.monotonic())
        ready, _, _ = select.select([source], [], [], pause)
        if ready:
            due = time.monotonic() + delay
            try:
                for _ in range(64):
                    waiting.append((due, os.read(source, FRAME)))
            except BlockingIOError:
                pass
        now = time.monotonic()
        while waiting and waiting[0][0] <= now:
            try:
                os.write(target, waiting.popleft()[1])
            except OSError:
                # A full or downed port drops the frame, as a switch does.
                pass
