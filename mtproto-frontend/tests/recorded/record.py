"""Records what Telethon and Kurigram put on the wire, for transport_recorded.rs.

Run with `pip install telethon==1.45.0 kurigram==2.2.26`, no network needed but loopback:
    python3 record.py > python.txt

Each client's own connection class connects to a socket here, sends the three packets, and
must read back the first one from bytes made with its own decryptor. One line each:
    name protocol secret dc sent answered
with `-` for none; `answered` frames the first packet without padding.
"""

import asyncio
import collections
import hashlib
import logging
import struct
import zlib

PACKETS = [
    bytes(range(1, 41)),  # looks encrypted: 24 bytes and one block
    bytes(8) + bytes(range(8)) + struct.pack("<i", 20) + bytes(range(100, 120)),
    bytes((i * 7 + 3) % 256 for i in range(24 + 512)),  # above 0x7e words
]
SECRET = "00112233445566778899aabbccddeeff"


def frame(protocol, packet):
    if protocol == "abridged":
        return bytes([len(packet) // 4]) + packet
    if protocol == "full":
        data = struct.pack("<II", len(packet) + 12, 0) + packet
        return data + struct.pack("<I", zlib.crc32(data))
    return struct.pack("<I", len(packet)) + packet


class Recorder:
    """A listening socket that keeps what arrives and can answer."""

    async def start(self):
        self.sent = b""
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def serve(self, reader, writer):
        self.writer = writer
        while data := await reader.read(65536):
            self.sent += data

    async def quiet(self):
        before = -1
        while before != len(self.sent):
            before = len(self.sent)
            await asyncio.sleep(0.2)


def line(name, protocol, secret, dc, sent, answered):
    print(name, protocol, secret or "-", dc or "-", sent.hex(), answered.hex())


def copy_of_decryptor(sent, secret):
    from telethon.crypto import AESModeCTR

    backwards = sent[55:7:-1]
    key = backwards[:32]
    if secret:
        key = hashlib.sha256(key + bytes.fromhex(secret)[-16:]).digest()
    return AESModeCTR(key, backwards[32:48])


async def telethon():
    from telethon.network import connection as c

    loggers = collections.defaultdict(lambda: logging.getLogger("telethon"))
    plain, dd = SECRET, "dd" + SECRET
    cases = [
        ("full", "full", c.ConnectionTcpFull, None),
        ("abridged", "abridged", c.ConnectionTcpAbridged, None),
        ("intermediate", "intermediate", c.ConnectionTcpIntermediate, None),
        ("obfuscated", "abridged", c.ConnectionTcpObfuscated, None),
        ("mtproxy", "abridged", c.ConnectionTcpMTProxyAbridged, plain),
        ("mtproxy", "intermediate", c.ConnectionTcpMTProxyIntermediate, plain),
        ("mtproxy", "padded", c.ConnectionTcpMTProxyRandomizedIntermediate, dd),
    ]
    for name, protocol, kind, secret in cases:
        recorder = await Recorder().start()
        proxy = ("127.0.0.1", recorder.port, secret) if secret else None
        conn = kind("127.0.0.1", recorder.port, -2, loggers=loggers, proxy=proxy)
        await conn.connect()
        for packet in PACKETS:
            await conn.send(packet)
        await recorder.quiet()
        answered = frame(protocol, PACKETS[0])
        if conn._obfuscation:
            # A copy of the decryptor, which must read this below.
            answered = copy_of_decryptor(recorder.sent, secret).encrypt(answered)
        recorder.writer.write(answered)
        assert await conn.recv() == PACKETS[0]
        line(f"telethon-{name}", protocol, secret, -2 if secret else None, recorder.sent, answered)
        recorder.writer.close()
        await conn.disconnect()


async def kurigram():
    from pyrogram.connection.proxy import MTProxy
    from pyrogram.connection.transport.tcp import (
        TCPAbridged,
        TCPAbridgedO,
        TCPFull,
        TCPIntermediate,
        TCPIntermediateO,
        TCPIntermediatePadded,
    )
    from pyrogram.crypto import aes

    cases = [
        ("full", "full", TCPFull, None),
        ("abridged", "abridged", TCPAbridged, None),
        ("intermediate", "intermediate", TCPIntermediate, None),
        ("padded", "padded", TCPIntermediatePadded, None),
        ("obfuscated", "abridged", TCPAbridgedO, None),
        ("obfuscated", "intermediate", TCPIntermediateO, None),
        ("mtproxy", "abridged", TCPAbridged, SECRET),
        ("mtproxy", "padded", TCPIntermediatePadded, "dd" + SECRET),
    ]
    for name, protocol, kind, secret in cases:
        recorder = await Recorder().start()
        proxy = MTProxy("127.0.0.1", recorder.port, bytes.fromhex(secret)) if secret else None
        dc = 10002 if secret else None
        conn = kind(False, proxy, 1, asyncio.get_running_loop(), dc_id=dc)
        await conn.connect(("127.0.0.1", recorder.port))
        for packet in PACKETS:
            await conn.send(packet)
        await recorder.quiet()
        answered = frame(protocol, PACKETS[0])
        if keys := getattr(conn, "decrypt", None) or conn._decrypt:
            copied = tuple(type(part)(part) for part in keys)
            answered = aes.ctr256_encrypt(answered, *copied)
        recorder.writer.write(answered)
        assert await conn.recv() == PACKETS[0]
        line(f"kurigram-{name}", protocol, secret, dc, recorder.sent, answered)
        recorder.writer.close()
        await conn.close()


if __name__ == "__main__":
    asyncio.run(telethon())
    asyncio.run(kurigram())
