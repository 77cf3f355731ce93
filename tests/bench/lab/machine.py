"""A machine that boots, step by step as its firmware, iPXE and installer would, each step with its time."""

import http.client
import json
import os
import re
import signal
import time
import urllib.parse

from lab import dhcp, segment, tftp

ARCHITECTURE = "x86_64"
# What iPXE asks for.
BLOCK_SIZE = 1432
# iPXE gives up on a silent connection after about this long.
PATIENCE = 60
PIECE = 1 << 20

STEPS = ["dhcp of the firmware", "loader by TFTP", "dhcp of iPXE", "first script", "own script", "kernel", "initrd",
         "answer file", "callback started", "callback finished"]


class Machine:
    """One machine with its address of Ethernet; it follows nothing but what it is told on the way."""

    def __init__(self, mac):
        self.mac = mac
        self.address = None
        self.steps = {}
        self.bytes = 0
        self.again = {"dhcp": 0, "tftp": 0}

    def install(self):
        """Boots into an installer and lets that say that it is done."""
        lease = self.step(STEPS[0], lambda: self.lease(ipxe=False))
        self.step(STEPS[1], lambda: self.load(lease))
        lease = self.step(STEPS[2], lambda: self.lease(ipxe=True))
        script = self.step(STEPS[3], lambda: self.get(lease.file)).decode()
        script = self.step(STEPS[4], lambda: self.get(self.chained(script))).decode()
        kernel, initrd = named(r"^kernel (?:--name \S+ )?(\S+)", script), named(r"^initrd (?:--name \S+ )?(\S+)", script)
        self.step(STEPS[5], lambda: self.get(kernel, keep=False))
        self.step(STEPS[6], lambda: self.get(initrd, keep=False))
        answer = named(r" url=(\S+)", script)
        answers = self.step(STEPS[7], lambda: self.get(answer)).decode()
        callback = named(r"(http://\S+/callback/[^/\s]+)/", answers)
        for stage in ["started", "finished"]:
            self.step(f"callback {stage}", lambda stage=stage: self.get(f"{callback}/{stage}", wanted=204))

    def step(self, name, act):
        """Takes one step and its time; what goes wrong says in which step."""
        began = time.monotonic()
        try:
            return act()
        except Exception as error:
            raise RuntimeError(f"{name}: {type(error).__name__}: {error}") from error
        finally:
            self.steps[name] = time.monotonic() - began

    def lease(self, ipxe):
        with dhcp.Client(segment.INSIDE, self.mac, ipxe=ipxe) as client:
            try:
                lease = client.lease()
            finally:
                self.again["dhcp"] += client.again
        self.address = lease.address
        return lease

    def load(self, lease):
        content, again = tftp.fetch(lease.server, lease.file, self.address, BLOCK_SIZE)
        self.again["tftp"] += again
        self.bytes += len(content)

    def get(self, url, keep=True, wanted=200):
        """Reads a URL from the machine's own address; all of it, whether it is kept or not."""
        parts = urllib.parse.urlsplit(url)
        link = http.client.HTTPConnection(parts.netloc, timeout=PATIENCE, source_address=(self.address, 0))
        try:
            link.request("GET", parts.path + (f"?{parts.query}" if parts.query else ""), headers={"User-Agent": "iPXE/1.21.1"})
            answer = link.getresponse()
            if answer.status != wanted:
                raise ConnectionError(f"{parts.path.split('/')[1]}: status {answer.status}: {answer.read(200).decode(errors='replace').strip()}")
            if keep:
                content = answer.read()
                self.bytes += len(content)
                return content
            self.bytes += discard(answer)
            return b""
        finally:
            link.close()

    def chained(self, script):
        """The URL of a script's first chain, as iPXE would read it on this machine."""
        known = {"mac:hexhyp": self.mac.replace(":", "-"), "buildarch": ARCHITECTURE, "platform": "efi"}
        return re.sub(r"\$\{([^}]*)\}", lambda word: known.get(word[1], ""), named(r"^chain (?:--\S+ )*(\S+)", script))


def named(pattern, text):
    """What a script names."""
    found = re.search(pattern, text, re.MULTILINE)
    if not found:
        raise LookupError(f"no {pattern} in: {' / '.join(text.splitlines()[:3])}")
    return found[1]


def discard(answer):
    """Reads an answer to its end; returns its bytes, which must be as many as were announced."""
    buffer, total = bytearray(PIECE), 0
    while count := answer.readinto(buffer):
        total += count
    announced = int(answer.headers["Content-Length"])
    if total != announced:
        raise ConnectionError(f"{total} of {announced} bytes")
    return total


class Booting:
    """A process in which a machine installs as soon as the gate opens."""

    def __init__(self, mac, gate):
        self.mac = mac
        self.report, writing = os.pipe()
        self.process = os.fork()
        if self.process == 0:
            self.live(gate, writing)
        os.close(writing)
        os.set_blocking(self.report, False)

    def live(self, gate, writing):
        """What the process does; it does not return."""
        waiting, opening = gate
        os.close(opening)
        machine, error = Machine(self.mac), None
        os.read(waiting, 1)
        began = time.monotonic()
        try:
            machine.install()
        except Exception as wrong:
            error = str(wrong)
        report = {"mac": self.mac, "address": machine.address, "error": error, "steps": machine.steps,
                  "bytes": machine.bytes, "again": machine.again, "all": time.monotonic() - began}
        os.write(writing, json.dumps(report).encode())
        os._exit(0)

    def end(self, deadline):
        """Waits for its report; who has none by then is ended."""
        while time.monotonic() < deadline:
            try:
                report = os.read(self.report, 65536)
            except BlockingIOError:
                time.sleep(0.05)
                continue
            os.waitpid(self.process, 0)
            return json.loads(report) if report else {"mac": self.mac, "error": "it died"}
        os.kill(self.process, signal.SIGKILL)
        os.waitpid(self.process, 0)
        return {"mac": self.mac, "error": "no end in time"}


def boot_all(macs, patience):
    """Boots machines at once; returns their reports."""
    gate = os.pipe()
    booting = [Booting(mac, gate) for mac in macs]
    for end in gate:
        os.close(end)
    deadline = time.monotonic() + patience
    return [machine.end(deadline) for machine in booting]
