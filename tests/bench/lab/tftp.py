"""A TFTP client as firmware has one: RFC 1350 with a block size of its choice (RFC 2348)."""

import socket
import struct

READ, DATA, ACKNOWLEDGE, ERROR, OPTIONS = 1, 3, 4, 5, 6
# As EDK2 has it: four seconds, six attempts.
PATIENCE, ATTEMPTS = 4.0, 6


class Refused(Exception):
    """The server says no."""


def fetch(server, file, source, block_size):
    """Reads a file; returns its bytes and how often a packet had to be sent again."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as it:
        it.bind((source, 0))
        it.settimeout(PATIENCE)
        options = f"blksize\0{block_size}\0tsize\x000\0".encode()
        last, peer = struct.pack("!H", READ) + file.encode() + b"\0octet\0" + options, (server, 69)
        expected, size, content, again, attempts = 1, 512, bytearray(), 0, 0
        it.sendto(last, peer)
        while True:
            try:
                packet, sender = it.recvfrom(65536)
            except TimeoutError:
                attempts += 1
                if attempts == ATTEMPTS:
                    raise TimeoutError(f"tftp: no answer to {ATTEMPTS} packets") from None
                again += 1
                it.sendto(last, peer)
                continue
            kind, number = struct.unpack("!HH", packet[:4])
            if kind == ERROR:
                raise Refused(f"tftp: {packet[4:].rstrip(bytes(1)).decode(errors='replace')}")
            if kind == OPTIONS:
                words = packet[2:].decode().split("\0")
                agreed = dict(zip(words[::2], words[1::2]))
                size, number = int(agreed.get("blksize", 512)), 0
            elif kind == DATA and number == expected & 0xFFFF:
                content += packet[4:]
                expected += 1
            elif kind != DATA:
                continue
            attempts, peer = 0, sender
            last = struct.pack("!HH", ACKNOWLEDGE, number)
            it.sendto(last, peer)
            if kind == DATA and len(packet) - 4 < size:
                return bytes(content), again
