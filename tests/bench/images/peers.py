"""What mirrors images: booddies, the floor, and skopeo in two ways; each one command from the upstream into regi."""

import os
import pathlib

FLOOR = pathlib.Path(__file__).with_name("floor.py")


class Tool:
    """One that mirrors all images; `prefix` keeps what it pushes apart from what others push."""

    def __init__(self, name, site, port, images):
        self.name, self.site, self.port, self.images = name, site, port, images
        self.regi = f"{site.address('regi')}:5000"
        self.secrets = site.root / "var/lib/booddies/secrets"
        self.folder = site.root / "tools"
        self.folder.mkdir(exist_ok=True)

    def environment(self):
        """What its command needs to know."""
        return {**os.environ, "SSL_CERT_FILE": str(self.secrets / "ca.pem")}

    def stdin(self):
        """What its command reads, if anything."""
        return None

    def credentials(self):
        """The user who may push."""
        return f"booddies:{(self.secrets / 'regi-password').read_text().strip()}"


class Booddies(Tool):
    """`runctl feed regi`."""

    def command(self):
        tables = "".join(f'[[image]]\nname = "{repository}:1"\nregistry = "127.0.0.1:{self.port}/{repository}:1"\nplain = true\n'
                         for repository, _ in self.images)
        self.site.configure("regi.toml", tables)
        return [self.site.program, "--root", self.site.root, "--progress", "none", "feed", "regi"]


class Floor(Tool):
    """Each blob once by GET and PUT, eight at a time."""

    def command(self):
        return ["python3", FLOOR, self.port, self.regi, self.secrets / "ca.pem", "booddies", self.secrets / "regi-password", 8]

    def stdin(self):
        seen = {}
        for repository, manifest in self.images:
            for blob in (manifest["config"], *manifest["layers"]):
                seen.setdefault(blob["digest"], repository)
        return "".join(f"{repository} {digest}\n" for digest, repository in seen.items())


class SkopeoSync(Tool):
    """`skopeo sync`: one image after the other, six layers of it at once."""

    def command(self):
        names = "".join(f"    {repository}:\n      - '1'\n" for repository, _ in self.images)
        path = self.folder / f"sync-{self.port}.yml"
        path.write_text(f"127.0.0.1:{self.port}:\n  tls-verify: false\n  images:\n{names}")
        return ["skopeo", "sync", "--src", "yaml", "--dest", "docker", "--dest-creds", self.credentials(), path, f"{self.regi}/sync"]


class SkopeoCopies(Tool):
    """`skopeo copy`, four images at once."""

    def command(self):
        copy = (f"skopeo copy --quiet --src-tls-verify=false --dest-creds {self.credentials()} "
                f"docker://127.0.0.1:{self.port}/$0:1 docker://{self.regi}/copies/$0:1")
        return ["xargs", "-P", "4", "-n", "1", "sh", "-c", copy]

    def stdin(self):
        return "".join(f"{repository}\n" for repository, _ in self.images)
