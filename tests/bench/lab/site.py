"""A site of its own for one benchmark: its own root, name, bridge and subnet; nothing of it is left afterwards."""

import hashlib
import http.server
import ipaddress
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading

REPOSITORY = pathlib.Path(__file__).resolve().parents[3]
NAME = "bench"
BRIDGE = "brbench"
# Room for a thousand machines.
SUBNET = ipaddress.ip_network("10.95.0.0/21")
# Images stay: they are a cache.
PREFIX = os.environ.get("BENCH_IMAGES", "booddies-suite")
# The longest that one command of runctl may take; building images is the slowest.
PATIENCE = 1200


def output(*command):
    """What a command prints; it must succeed."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=PATIENCE)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout.strip()


def attempt(*command):
    """Runs a command that may fail, as all that clears away may."""
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=PATIENCE)


class Site:
    """A site below a temporary root; a context manager that takes it down."""

    def __init__(self, program):
        self.program = str(program)
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="booddies-bench-"))
        self.running = []
        # So that everything is taken down then, too.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        self.clear()
        self.configure("site.toml", "\n".join([
            f'name = "{NAME}"', "[network]", f'bridge = "{BRIDGE}"', f'subnet = "{SUBNET}"',
            f'host = "{SUBNET[1]}"', "[image]", f'prefix = "{PREFIX}"', "",
        ]))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.running:
            process.terminate()
        for process in self.running:
            process.wait(60)
        attempt(*self.command("down"))
        self.clear()
        shutil.rmtree(self.root, ignore_errors=True)

    def clear(self):
        """Removes whatever a site of this name has left."""
        labelled = ("--filter", f"label=booddies.site={NAME}")
        for container in output("docker", "ps", "-aq", *labelled).split():
            attempt("docker", "rm", "-f", "-v", container)
        for network in output("docker", "network", "ls", "-q", *labelled).split():
            attempt("docker", "network", "rm", network)
        attempt("iptables", "-w", "10", "-D", "DOCKER-USER", "-i", BRIDGE, "-o", BRIDGE, "-j", "ACCEPT")
        attempt("ip", "link", "delete", BRIDGE)

    def configure(self, file, text):
        """Writes one of its configuration files, by a rename as editors do."""
        path = self.root / "etc/booddies" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        written = path.with_name(f".{path.name}.new")
        written.write_text(text)
        written.rename(path)

    def configure_as_shipped(self, *names):
        """Takes files and folders of configuration as they are shipped."""
        for name in names:
            shipped, own = REPOSITORY / "etc/booddies" / name, self.root / "etc/booddies" / name
            (shutil.copytree if shipped.is_dir() else shutil.copyfile)(shipped, own)

    def command(self, *arguments):
        """runctl on this site."""
        return [self.program, "--root", str(self.root), "--progress", "plain", *arguments]

    def runctl(self, *arguments):
        """Runs runctl on this site; it must succeed."""
        os.environ["BOODDIES_IMAGES"] = str(REPOSITORY / "images")
        return output(*self.command(*arguments))

    def run(self, service):
        """Runs a service as its unit does, until the end of the site."""
        log = open(self.root / f"{service}.log", "wb")
        self.running.append(subprocess.Popen(self.command("run", service), stdout=log, stderr=log))

    def address(self, service):
        """The fixed address of a service, as shipped."""
        return str(SUBNET[2 + ["boot", "data", "gito", "cgit", "regi", "ntpd", "rack"].index(service)])

    def container(self, service):
        """A service's container: its id, when it was started, and its first process on the host."""
        asked = "{{.Id}} {{.State.StartedAt}} {{.State.Pid}}"
        return output("docker", "inspect", "-f", asked, f"{NAME}-{service}")

    def prefer(self, *services):
        """Lets services come first on a busy machine: what else runs there is not what is measured."""
        for service in services:
            pids = output("docker", "top", f"{NAME}-{service}", "-o", "pid").split()[1:]
            output("renice", "-n", "-15", "-p", *pids)

    def feed_kernel(self, files):
        """Feeds a folder of random bytes as Debian 12's kernel and initrd; `files` is name -> bytes."""
        with tempfile.TemporaryDirectory() as folder:
            for name, size in files.items():
                pathlib.Path(folder, name).write_bytes(os.urandom(size))
            with serving(folder) as url:
                self.configure("boot.toml", kernel_toml(folder, files, url))
                self.runctl("feed", "boot")


def kernel_toml(folder, files, url):
    """boot.toml with one kernel that comes from plain URLs."""
    lines = ["[[kernel]]", 'name = "debian-12"', 'distro = "debian"', 'version = "12"']
    for name in files:
        digest = hashlib.sha256(pathlib.Path(folder, name).read_bytes()).hexdigest()
        lines += ["[[kernel.file]]", f'name = "{name}"', f'urls = ["{url}/{name}"]', f'sha256 = "{digest}"']
    return "\n".join(lines) + "\n"


class serving:
    """Serves a folder over HTTP on loopback."""

    def __init__(self, folder):
        class Quiet(http.server.SimpleHTTPRequestHandler):
            def __init__(self, *arguments):
                super().__init__(*arguments, directory=folder)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet)

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self.server.server_port}"

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
