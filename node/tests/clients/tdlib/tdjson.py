"""The JSON interface of TDLib by ctypes, in the copy that trusts the node: `rookery client-config --repoint` has
made it, beside the node's key.
"""

import ctypes
import json
import pathlib

LOG_LINE = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p)


class TdJson:
    """The loaded copy; `log` gets the lines that TDLib logs as errors."""

    def __init__(self, pem, log):
        self.td = ctypes.CDLL(str(pathlib.Path(pem).with_name("libtdjson.so")))
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
