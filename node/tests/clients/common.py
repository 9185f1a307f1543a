"""What the Python clients' scripts share: arguments, the node's RSA key and the one-line report."""

import argparse
import asyncio
import base64
import hashlib
import json
import struct
import sys
import traceback

RUN_SECONDS_MAX = 60


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="127.0.0.1", help="address of the node")
    parser.add_argument("--port", type=int, required=True, help="MTProto port of the node")
    parser.add_argument("--pem", required=True, help="the node's RSA key, PKCS#1 PEM")
    parser.add_argument("--transport", required=True)
    parser.add_argument("--secret", help="MTProxy secret, hexadecimal")
    parser.add_argument("--session", help="file to keep the auth key in, and to find it in")
    parser.add_argument("--phone", required=True)
    parser.add_argument("--code", help="what the login asks for, where the script logs in")
    return parser.parse_args()


def read_key(path):
    """The modulus and exponent of a PKCS#1 PEM (DER: SEQUENCE { INTEGER n, INTEGER e })."""
    with open(path) as file:
        lines = [line.strip() for line in file if not line.startswith("-----")]
    der = base64.b64decode("".join(lines))

    def element(position):
        length = der[position + 1]
        position += 2
        if length & 0x80:
            size = length & 0x7F
            length = int.from_bytes(der[position:position + size], "big")
            position += size
        return position, position + length

    start, _ = element(0)
    n_start, n_end = element(start)
    e_start, e_end = element(n_end)
    return int.from_bytes(der[n_start:n_end], "big"), int.from_bytes(der[e_start:e_end], "big")


def fingerprint(n, e):
    """Low 64 bits of SHA-1 over the TL strings of n and e, signed."""

    def tl_string(value):
        data = value.to_bytes((value.bit_length() + 7) // 8, "big")
        head = bytes([len(data)]) if len(data) < 254 else b"\xfe" + len(data).to_bytes(3, "little")
        return head + data + bytes(-(len(head) + len(data)) % 4)

    return struct.unpack("<q", hashlib.sha1(tl_string(n) + tl_string(e)).digest()[-8:])[0]


def run(main):
    """Runs `main`, an async function that returns the report, and prints that as one JSON line."""
    try:
        report = asyncio.run(asyncio.wait_for(main, RUN_SECONDS_MAX))
        print(json.dumps({"ok": True, **report}), flush=True)
    except BaseException as error:
        traceback.print_exc()
        print(json.dumps({"ok": False, "error": f"{type(error).__name__}: {error}"}), flush=True)
        sys.exit(1)
