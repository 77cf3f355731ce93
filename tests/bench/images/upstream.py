"""An upstream registry in a container of its own, near and behind a slow wire; and the images that it has: layers of random
bytes, some of them shared; the same for the same seed."""

import hashlib
import http.client
import json
import random
import subprocess
import time

from lab.site import attempt, output

NEAR, FAR = 18090, 18091
SEED = 20151122
# Megabytes: each base is shared by the images of its family, the others are an image's own.
BASES, BASE, OWN = 4, 150, (60, 20, 10, 2.5)
KINDS = {
    "manifest": "application/vnd.docker.distribution.manifest.v2+json",
    "config": "application/vnd.docker.container.image.v1+json",
    "layer": "application/vnd.docker.image.rootfs.diff.tar.gzip",
}


class Upstream:
    """The registry program of regi's own image, over plain HTTP on loopback."""

    def __init__(self, name, image, delay, milliseconds):
        self.name = name
        attempt("docker", "rm", "-f", "-v", name)
        output("docker", "run", "-d", "--name", name, "--network", "host", "--user", "0:0", "--tmpfs", "/run",
               "-v", "/var/lib/registry", "-e", f"REGISTRY_HTTP_ADDR=127.0.0.1:{NEAR}", "-e", "REGISTRY_LOG_LEVEL=error",
               "-e", "REGISTRY_LOG_ACCESSLOG_DISABLED=false", "--entrypoint", "docker-registry", image,
               "serve", "/etc/docker/registry/booddies.yml")
        self.wire = subprocess.Popen([str(delay), str(FAR), str(NEAR), str(milliseconds)])
        for _ in range(100):
            try:
                ask("GET", "/v2/")
                return
            except OSError:
                time.sleep(0.1)
        raise SystemExit("the upstream registry does not answer")

    def close(self):
        """Leaves nothing behind."""
        self.wire.terminate()
        self.wire.wait()
        attempt("docker", "rm", "-f", "-v", self.name)

    def requests(self):
        """How many requests it answered so far."""
        log = subprocess.run(["docker", "logs", self.name], capture_output=True, text=True, check=True)
        return sum('"GET /v2/' in line or '"HEAD /v2/' in line for line in (log.stdout + log.stderr).splitlines())


def ask(method, path, body=None, kind="application/octet-stream"):
    """Makes one request; returns the answer's Location."""
    connection = http.client.HTTPConnection("127.0.0.1", NEAR, timeout=60)
    connection.request(method, path, body, {"Content-Type": kind})
    answer = connection.getresponse()
    answer.read()
    if answer.status >= 400:
        raise SystemExit(f"the upstream registry answered {method} {path} with {answer.status}")
    return answer.getheader("Location")


def blob(repository, body):
    """Puts a blob; returns its descriptor."""
    digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
    session = ask("POST", f"/v2/{repository}/blobs/uploads/")
    path = session.split("://")[-1]
    path = path[path.index("/"):]
    ask("PUT", f"{path}{'&' if '?' in path else '?'}digest={digest}", body)
    return {"size": len(body), "digest": digest}


def fill(count, scale):
    """Makes `count` images; `scale` makes all layers smaller. Returns (repository, manifest) of each."""
    noise = random.Random(SEED).randbytes(32 << 20)
    made = []
    for number in range(count):
        repository = f"bench/image-{number:02}"
        family = number % BASES
        sizes = [(1000 + family, BASE), *((number * len(OWN) + at, size) for at, size in enumerate(OWN))]
        layers = [{"mediaType": KINDS["layer"], **blob(repository, layer(noise, mark, int(size * scale * 1e6)))}
                  for mark, size in sizes]
        config = {"architecture": "amd64", "os": "linux", "config": {},
                  "rootfs": {"type": "layers", "diff_ids": [layer["digest"] for layer in layers]}}
        manifest = {"schemaVersion": 2, "mediaType": KINDS["manifest"], "layers": layers,
                    "config": {"mediaType": KINDS["config"], **blob(repository, json.dumps(config).encode())}}
        ask("PUT", f"/v2/{repository}/manifests/1", json.dumps(manifest).encode(), KINDS["manifest"])
        made.append((repository, manifest))
    return made


def layer(noise, mark, size):
    """Bytes that no other layer has."""
    body = bytearray(mark.to_bytes(8, "big"))
    while len(body) < size:
        body += noise[:size - len(body)]
    return bytes(body)
