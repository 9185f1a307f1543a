"""The JSON interface of TDLib by ctypes, in a copy that trusts the node.

The copy lies beside the node's key, where `rookery client-config --repoint` has made it; else it is made here: the
server keys compiled into the library are replaced by the node's. A PKCS#1 PEM of RSA-2048 with e = 65537 has one
length.
"""

import ctypes
import json
import pathlib

LIBRARY = "node_modules/@prebuilt-tdlib/linux-x64-glibc/libtdjson.so"
BEGIN, END = b"-----BEGIN RSA PUBLIC KEY-----", b"-----END RSA PUBLIC KEY-----"
LOG_LINE = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p)


def patched_copy(pem, directory):
    made = pathlib.Path(pem).with_name("libtdjson.so")
    if made.exists():
        return made
    library = bytearray(pathlib.Path(LIBRARY).read_bytes())
    ours = pathlib.Path(pem).read_bytes().strip()
    position = replaced = 0
    while (position := library.find(BEGIN, position)) >= 0:
        end = library.index(END, position) + len(END)
        if end - position == len(ours):  # the key of the simple config is one byte longer, and stays
            library[position:end] = ours
            replaced += 1
        position = end
    assert replaced == 2, f"{replaced} keys replaced, not those of the main and the test servers"
    copy = pathlib.Path(directory) / "libtdjson.so"
    copy.write_bytes(library)
    return copy


class TdJson:
    """A loaded copy; `log` gets the lines that TDLib logs as errors."""

    def __init__(self, pem, directory, log):
        self.td = ctypes.CDLL(str(patched_copy(pem, directory)))
        self.td.td_create_client_id.restype = ctypes.c_int
        self.td.td_send.argtypes = [ctypes.c_int, ctypes.c_char_p]
        self.td.td_receive.argtypes = [ctypes.c_double]
        self.td.td_receive.restype = ctypes.c_char_p
        self.td.td_execute.argtypes = [ctypes.c_char_p]
        self.td.td_execute.restype = ctypes.c_char_p
        # TDLib keeps the pointer: the callback must live as long as the library.
        self.on_line = LOG_LINE(lambda level, line: log.append(line.decode(errors="replace").strip()))
        self.td.td_set_log_message_callback(ctypes.c_int(1), self.on_line)
        self.execute("setLogVerbosityLevel", new_verbosity_level=1)

    def execute(self, kind, **fields):
        self.td.td_execute(json.dumps({"@type": kind, **fields}).encode())

    def create_client(self):
        return self.td.td_create_client_id()

    def send(self, client, value):
        self.td.td_send(client, json.dumps(value).encode())

    def receive(self, seconds):
        """The next object of any client, or None."""
        line = self.td.td_receive(seconds)
        return json.loads(line) if line else None
