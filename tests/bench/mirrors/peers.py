"""What mirrors: booddies, the floor and its peers; each one command on an upstream, into a folder of its own."""

import os
import pathlib
import subprocess

DEBS, RPMS = "debs", "rpms"


class Tool:
    """One that mirrors: its name, and the command for an upstream's address."""

    def __init__(self, name, folder):
        self.name, self.folder = name, pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)

    def write(self, file, text):
        """Writes one of its configuration files."""
        path = self.folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def forget(self):
        """Puts aside all that it has fetched. Removed it would slow down whoever makes files next: ext4 is slow to use the
        inodes again that it lost in the last seconds."""
        aside = self.folder / f"aside-{len(list(self.folder.iterdir()))}"
        aside.mkdir()
        for path in filter(pathlib.Path.exists, self.fetched()):
            path.rename(aside / path.name)

    def environment(self):
        """What its command needs to know."""
        return dict(os.environ)


class Booddies(Tool):
    """`runctl feed data`: all verified, by signature where there is one; fsync included."""

    def __init__(self, folder, program, url, kind, key, authority):
        super().__init__("runctl feed data", folder)
        self.program, self.authority, self.also = program, authority, []
        trust = f'keys = ["{key}"]\nsuites = ["stable"]' if kind == DEBS else 'trust = "none"'
        table = "apt" if kind == DEBS else "yum"
        self.write("etc/booddies/data.toml", f'[[{table}]]\nname = "bench"\nurls = ["{url}/"]\n{trust}\n')
        self.write("etc/booddies/boot.toml", "")

    def command(self):
        return [self.program, "--root", self.folder, "--progress", "none", "feed", "data", *self.also]

    def fetched(self):
        return [self.folder / "var"]

    def environment(self):
        return {**os.environ, "SSL_CERT_FILE": str(self.authority)}


class Floor(Tool):
    """A bare client that hashes and writes: no index, no fsync; or all brought to the disk by one sync at the end."""

    def __init__(self, folder, program, port, prefix, paths, synced=False):
        super().__init__("floor, then one sync" if synced else "floor, 20 connections", folder)
        self.program, self.port, self.synced = program, port, synced
        self.list = self.write("list", "".join(f"{prefix}/{path}\n" for path in paths))
        (self.folder / "out").mkdir(exist_ok=True)

    def command(self):
        then = f" && sync -f {self.folder}/out" if self.synced else ""
        return ["sh", "-c", f"{self.program} 127.0.0.1:{self.port} 20 {self.folder}/out <{self.list}{then}"]

    def forget(self):
        super().forget()
        (self.folder / "out").mkdir()

    def fetched(self):
        return [self.folder / "out"]


class Reposync(Tool):
    """dnf reposync: digests, no signatures."""

    def __init__(self, folder, url):
        super().__init__("dnf reposync", folder)
        self.write("repos/bench.repo", f"[bench]\nname=bench\nbaseurl={url}/\ngpgcheck=0\n")

    def command(self):
        settings = [f"reposdir={self.folder}/repos", f"cachedir={self.folder}/cache", f"logdir={self.folder}"]
        return ["dnf", "-q", "--releasever=9", "--disableplugin=local", *(f"--setopt={one}" for one in settings), "reposync",
                "--repoid=bench", "--download-metadata", "-p", f"{self.folder}/out"]

    def fetched(self):
        return [self.folder / "out", self.folder / "cache"]


class AptMirror(Tool):
    """apt-mirror: 20 wgets; sizes only, no signatures. It finds nothing again that has a port in its address: so the upstream
    is its proxy to a host without one."""

    def __init__(self, folder, port, kind):
        super().__init__("apt-mirror", folder)
        self.write("mirror.list", f"set base_path {self.folder}/base\nset nthreads 20\nset _tilde 0\nset defaultarch amd64\n"
                                  f"set run_postmirror 0\nset use_proxy yes\nset http_proxy 127.0.0.1:{port}\n"
                                  f"deb http://upstream.example/{kind} stable main\n")

    def command(self):
        base = self.folder / "base"
        return ["sh", "-c", f"mkdir -p {base}/mirror {base}/skel {base}/var && exec apt-mirror {self.folder}/mirror.list"]

    def fetched(self):
        return [self.folder / "base"]


class Aptly(Tool):
    """aptly: signature and digests; the mirror made beforehand, only its update is measured."""

    def __init__(self, folder, url, keyring):
        super().__init__("aptly mirror update", folder)
        self.url, self.keyring = url, keyring
        self.settings = self.write("aptly.conf", f'{{"rootDir": "{self.folder}/root", "downloadConcurrency": 20, '
                                                 '"architectures": ["amd64"], "gpgProvider": "internal"}\n')

    def command(self):
        return ["aptly", f"-config={self.settings}", "mirror", "update", f"-keyring={self.keyring}", "-max-tries=3", "bench"]

    def forget(self):
        super().forget()
        subprocess.run(["aptly", f"-config={self.settings}", "mirror", "create", f"-keyring={self.keyring}", "bench",
                        f"{self.url}/", "stable", "main"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def fetched(self):
        return [self.folder / "root"]


class Debmirror(Tool):
    """debmirror: signature, sizes."""

    def __init__(self, folder, port, prefix, keyring):
        super().__init__("debmirror", folder)
        self.port, self.prefix, self.keyring = port, prefix, keyring

    def command(self):
        return ["debmirror", f"--host=127.0.0.1:{self.port}", f"--root={self.prefix}", "--method=http", "--dist=stable",
                "--section=main", "--arch=amd64", "--nosource", "--diff=none", "--rsync-extra=none",
                f"--keyring={self.keyring}", f"{self.folder}/out"]

    def fetched(self):
        return [self.folder / "out"]


class Parser(Tool):
    """createrepo_c's own parser of `primary.xml`, in C, called from Python."""

    def __init__(self, folder, primary):
        super().__init__("createrepo_c's parser", folder)
        self.primary = primary

    def command(self):
        # Debian's own Python has Debian's bindings.
        return ["/usr/bin/python3", "-c", f"import createrepo_c; createrepo_c.xml_parse_primary('{self.primary}', None, lambda package: None, None, 1)"]

    def fetched(self):
        return []


class Gunzip(Tool):
    """gzip alone."""

    def __init__(self, folder, primary):
        super().__init__("gzip -dc", folder)
        self.primary = primary

    def command(self):
        return ["sh", "-c", f"exec gzip -dc {self.primary} >/dev/null"]

    def fetched(self):
        return []


class Makecache(Reposync):
    """dnf makecache: metadata alone."""

    def __init__(self, folder, url):
        super().__init__(folder, url)
        self.name = "dnf makecache"

    def command(self):
        command = super().command()
        return [*command[:command.index("reposync")], "--repo=bench", "makecache"]
