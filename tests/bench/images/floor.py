"""The floor of any mirror of images: N threads that GET each blob once and PUT it, over kept connections; no hash, no manifest.

`floor.py UPSTREAM-PORT REGI:PORT AUTHORITY USER PASSWORD-FILE THREADS <LIST`, where each line of LIST is a repository and a
digest. It buys one token, as every client has to.
"""

import base64
import http.client
import json
import pathlib
import queue
import ssl
import sys
import threading

PIECE = 1 << 20


def work(port, regi, context, token, blobs):
    """Copies what nobody else has begun, one blob after the other."""
    source = http.client.HTTPConnection("127.0.0.1", port)
    target = http.client.HTTPSConnection(regi, context=context)
    shown = {"Authorization": f"Bearer {token}"}
    while True:
        try:
            repository, digest = blobs.get_nowait()
        except queue.Empty:
            return
        target.request("POST", f"/v2/{repository}/blobs/uploads/", headers={**shown, "Content-Length": "0"})
        answer = target.getresponse()
        answer.read()
        session = answer.getheader("Location")
        session = session.split(regi)[-1]
        source.request("GET", f"/v2/{repository}/blobs/{digest}")
        blob = source.getresponse()
        target.putrequest("PUT", f"{session}{'&' if '?' in session else '?'}digest={digest}")
        for name, value in {**shown, "Content-Length": blob.getheader("Content-Length"),
                            "Content-Type": "application/octet-stream"}.items():
            target.putheader(name, value)
        target.endheaders()
        while piece := blob.read(PIECE):
            target.send(piece)
        answer = target.getresponse()
        answer.read()
        if answer.status != 201:
            raise SystemExit(f"regi answered {answer.status}")


def main():
    port, regi, authority, user, password, threads = sys.argv[1:]
    context = ssl.create_default_context(cafile=authority)
    connection = http.client.HTTPSConnection(regi, context=context)
    words = f"{user}:{pathlib.Path(password).read_text().strip()}".encode()
    connection.request("GET", "/token", headers={"Authorization": f"Basic {base64.b64encode(words).decode()}"})
    token = json.load(connection.getresponse())["token"]
    blobs = queue.Queue()
    for line in sys.stdin:
        blobs.put(line.split())
    workers = [threading.Thread(target=work, args=(int(port), regi, context, token, blobs)) for _ in range(int(threads))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


if __name__ == "__main__":
    main()
