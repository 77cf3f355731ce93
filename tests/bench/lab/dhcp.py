"""A DHCP client as firmware and iPXE have one, on a raw socket: it has no address yet, and its own Ethernet address."""

import os
import socket
import struct
import time

DISCOVER, OFFER, REQUEST, ACK, NAK = 1, 2, 3, 5, 6
# PXE's own pauses.
PAUSES = [4, 8, 16, 32]
BROADCAST = b"\xff" * 6
SO_ATTACH_FILTER = 26
X86_64_UEFI = 7


class Lease:
    """What a server lends, and what to boot."""

    def __init__(self, address, options, file):
        self.address = socket.inet_ntoa(address)
        self.server = socket.inet_ntoa(options[54])
        self.file = file


class Client:
    """One interface that asks; a context manager."""

    def __init__(self, link, mac, architecture=X86_64_UEFI, ipxe=False):
        self.mac = bytes.fromhex(mac.replace(":", ""))
        self.transaction = os.urandom(4)
        self.again = 0
        self.options = client_options(architecture, ipxe)
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        attach(self.socket, self.transaction)
        self.socket.bind((link, 0x0800))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def offer(self, pauses=PAUSES):
        """Asks who would lend an address; does not take it."""
        return self.exchange(DISCOVER, b"", OFFER, pauses)

    def lease(self):
        """DISCOVER, OFFER, REQUEST, ACK."""
        offer = self.offer()
        wanted = bytes([50, 4]) + socket.inet_aton(offer.address) + bytes([54, 4]) + socket.inet_aton(offer.server)
        return self.exchange(REQUEST, wanted, ACK, PAUSES)

    def exchange(self, kind, further, awaited, pauses):
        """Sends until it is answered."""
        frame = self.frame(bytes([53, 1, kind]) + further + self.options + b"\xff")
        for attempt, pause in enumerate(pauses):
            self.again += attempt > 0
            self.socket.send(frame)
            end = time.monotonic() + pause
            while (left := end - time.monotonic()) > 0:
                self.socket.settimeout(left)
                try:
                    answer = parse(self.socket.recv(2048))
                except TimeoutError:
                    break
                if answer and answer[1].get(53) == bytes([awaited]):
                    return Lease(*answer)
                if answer and answer[1].get(53) == bytes([NAK]):
                    raise ConnectionRefusedError("dhcp: NAK")
        raise TimeoutError(f"dhcp: no answer to {len(pauses)} packets")

    def frame(self, options):
        """An Ethernet frame from this interface to all, which asks for a broadcast in return."""
        # op, htype, hlen, hops, xid, secs, flags, four addresses, chaddr, sname and file, cookie
        dhcp = struct.pack("!BBBB4sHH16x6s10x192x4s", 1, 1, 6, 0, self.transaction, 0, 0x8000, self.mac,
                           b"\x63\x82\x53\x63") + options
        udp = struct.pack("!HHHH", 68, 67, 8 + len(dhcp), 0) + dhcp
        head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, b"\0" * 4, b"\xff" * 4)
        head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
        return BROADCAST + self.mac + b"\x08\x00" + head + udp


def client_options(architecture, ipxe):
    """Who asks: 60 and 93 say which firmware, 77 and 175 that it is iPXE by now."""
    vendor = f"PXEClient:Arch:{architecture:05}:UNDI:003010".encode()
    options = bytes([60, len(vendor)]) + vendor + bytes([93, 2]) + struct.pack("!H", architecture)
    options += bytes([94, 3, 1, 3, 16])
    # Subnet mask, router, DNS, name, NTP, vendor's, loader's server and file, iPXE's.
    wanted = bytes([1, 3, 6, 12, 15, 42, 43, 60, 66, 67, 175])
    options += bytes([55, len(wanted)]) + wanted
    if ipxe:
        # Some of the features that iPXE lists: HTTP, HTTPS, TFTP, bzImage, EFI.
        features = bytes([0x13, 1, 1, 0x14, 1, 1, 0x17, 1, 1, 0x18, 1, 1, 0x24, 1, 1])
        options += bytes([77, 4]) + b"iPXE" + bytes([175, len(features)]) + features
    return options


def parse(frame):
    """Address, options and file of an answer."""
    payload = frame[14 + (frame[14] & 15) * 4 + 8:]
    options, at = {}, 240
    while at < len(payload) and payload[at] != 255:
        if payload[at] == 0:
            at += 1
            continue
        length = payload[at + 1]
        options[payload[at]] = payload[at + 2:at + 2 + length]
        at += 2 + length
    if 53 not in options or 54 not in options:
        return None
    file = options.get(67) or payload[108:236]
    return payload[16:20], options, file.split(b"\0")[0].decode()


def checksum(head):
    """The checksum of an IPv4 header."""
    total = sum(struct.unpack(f"!{len(head) // 2}H", head))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


def attach(it, transaction):
    """Lets the kernel hand over nothing but answers to this transaction: all else that passes is left alone."""
    (number,) = struct.unpack("!I", transaction)
    half, byte, word, equal, take = 0x28, 0x30, 0x20, 0x15, 0x06
    # Ethernet's kind, IP's protocol, UDP's port, DHCP's transaction; no header of these has options.
    program = [(half, 0, 0, 12), (equal, 0, 7, 0x0800), (byte, 0, 0, 23), (equal, 0, 5, 17), (half, 0, 0, 36),
               (equal, 0, 3, 68), (word, 0, 0, 46), (equal, 0, 1, number), (take, 0, 0, 0xFFFF), (take, 0, 0, 0)]
    code = b"".join(struct.pack("HBBI", *line) for line in program)
    import ctypes
    buffer = ctypes.create_string_buffer(code, len(code))
    it.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HL", len(program), ctypes.addressof(buffer)))
