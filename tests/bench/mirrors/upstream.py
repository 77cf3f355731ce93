"""Serves an upstream on loopback: nginx over HTTP/1.1 and, with a certificate of its own, HTTP/2; each also behind a slow wire."""

import contextlib
import pathlib
import socket
import subprocess
import time

PLAIN, SECURE, SLOW_PLAIN, SLOW_SECURE = 18080, 18443, 18081, 18444

CONFIGURATION = """daemon off;
user root;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
    log_format counted '$server_port $request';
    access_log {folder}/access.log counted;
    client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
    uwsgi_temp_path {folder}; scgi_temp_path {folder};
    sendfile on; tcp_nopush on; keepalive_requests 100000; http2_max_concurrent_streams 128;
    server {{ listen 127.0.0.1:{plain}; root {root}; }}
    server {{ listen 127.0.0.1:{secure} ssl http2; root {root};
        ssl_certificate {folder}/server.pem; ssl_certificate_key {folder}/server.key; ssl_protocols TLSv1.3; }}
}}
"""


class Upstream:
    """What serves a folder, and what was asked of it."""

    def __init__(self, folder, root, delay, milliseconds):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir()
        certificates(self.folder)
        text = CONFIGURATION.format(folder=self.folder, root=root, plain=PLAIN, secure=SECURE)
        (self.folder / "nginx.conf").write_text(text)
        self.authority = self.folder / "authority.pem"
        slow = [[str(delay), str(port), str(to), str(milliseconds)] for port, to in ((SLOW_PLAIN, PLAIN), (SLOW_SECURE, SECURE))]
        nginx = ["nginx", "-c", self.folder / "nginx.conf", "-e", self.folder / "error.log"]
        self.children = Children([nginx, *slow], (PLAIN, SECURE, SLOW_PLAIN, SLOW_SECURE))

    def requests(self):
        """How many requests were answered so far."""
        return (self.folder / "access.log").read_bytes().count(b"\n")

    def close(self):
        """Ends what was started."""
        self.children.close()


class Children:
    """Programs that answer on ports; where one does not come up, none is left behind."""

    def __init__(self, commands, ports):
        self.running = []
        try:
            for command in commands:
                self.running.append(subprocess.Popen(command))
            for port in ports:
                answers(port)
        except BaseException:
            self.close()
            raise

    def close(self):
        """Ends them."""
        for child in self.running:
            child.terminate()
        for child in self.running:
            child.wait()


def answers(port):
    """Waits until a port takes connections."""
    for _ in range(200):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise SystemExit(f"nobody answers on port {port}")


def certificates(folder):
    """Makes an authority and a certificate of it for loopback."""
    def openssl(*words):
        subprocess.run(["openssl", *words], check=True, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl("req", "-x509", *new, "-keyout", f"{folder}/authority.key", "-out", f"{folder}/authority.pem", "-subj", "/CN=bench authority")
    openssl("req", *new, "-keyout", f"{folder}/server.key", "-out", f"{folder}/server.csr", "-subj", "/CN=localhost")
    (folder / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n")
    openssl("x509", "-req", "-in", f"{folder}/server.csr", "-CA", f"{folder}/authority.pem", "-CAkey", f"{folder}/authority.key",
            "-CAcreateserial", "-days", "2", "-out", f"{folder}/server.pem", "-extfile", f"{folder}/names")
