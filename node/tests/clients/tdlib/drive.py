"""Drives TDLib (libtdjson.so by ctypes) up to an accepted auth.sendCode.

The server keys compiled into the library are replaced by the node's in a temporary copy: a PKCS#1 PEM of
RSA-2048 with e = 65537 has one length. Its DC addresses are machine code, so it reaches the node through a
proxy: SOCKS5, which is asked for those addresses, or MTProxy. Run it only where nothing can leave.
"""

import asyncio
import ctypes
import json
import os
import pathlib
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))
import common
import socks5

LIBRARY = "node_modules/@prebuilt-tdlib/linux-x64-glibc/libtdjson.so"
BEGIN, END = b"-----BEGIN RSA PUBLIC KEY-----", b"-----END RSA PUBLIC KEY-----"
LOG_LINE = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p)


def patched_copy(pem, directory):
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
    copy = os.path.join(directory, "libtdjson.so")
    pathlib.Path(copy).write_bytes(library)
    return copy


class Tdlib:
    """The JSON interface, and the lines that TDLib logged as errors."""

    def __init__(self, path):
        self.library = ctypes.CDLL(path)
        self.library.td_create_client_id.restype = ctypes.c_int
        self.library.td_send.argtypes = [ctypes.c_int, ctypes.c_char_p]
        self.library.td_receive.argtypes = [ctypes.c_double]
        self.library.td_receive.restype = ctypes.c_char_p
        self.library.td_execute.argtypes = [ctypes.c_char_p]
        self.library.td_execute.restype = ctypes.c_char_p
        self.log = []
        self.on_line = LOG_LINE(lambda level, line: self.log.append(line.decode(errors="replace").strip()))
        self.library.td_set_log_message_callback(ctypes.c_int(1), self.on_line)
        self.execute("setLogVerbosityLevel", new_verbosity_level=1)
        self.id = self.library.td_create_client_id()

    def execute(self, kind, **fields):
        return json.loads(self.library.td_execute(json.dumps({"@type": kind, **fields}).encode()))

    def send(self, kind, **fields):
        self.library.td_send(self.id, json.dumps({"@type": kind, "@extra": kind, **fields}).encode())

    def receive(self, seconds):
        line = self.library.td_receive(seconds)
        return json.loads(line) if line else None


def socks5_port(host, port, asked_for):
    """Runs the proxy on a thread of its own: td_receive blocks this one."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    return asyncio.run_coroutine_threadsafe(socks5.start(host, port, asked_for), loop).result()


def drive(args, directory):
    options = args.transport.split("-")  # e.g. socks5-pfs, mtproxy-pfs-test
    tdlib = Tdlib(patched_copy(args.pem, directory))
    asked_for = []
    if options[0] == "socks5":
        proxy_port = socks5_port(args.host, args.port, asked_for)
        proxy = {"@type": "proxyTypeSocks5", "username": "", "password": ""}
    else:
        proxy_port = args.port
        proxy = {"@type": "proxyTypeMtproto", "secret": args.secret}
    report = {"client": "tdlib", "transport": args.transport, "asked_for": asked_for, "states": []}
    tdlib.send("getOption", name="version")
    end = time.monotonic() + common.RUN_SECONDS_MAX - 10  # time to say what is missing
    wanted = {"code", "countries", "languages"}
    while wanted and time.monotonic() < end:
        event = tdlib.receive(1.0)
        if not event:
            continue
        if event["@type"] == "updateOption" and event["name"] == "version":
            report["version"] = event["value"]["value"]
        elif event["@type"] == "error":
            raise RuntimeError(f"{event} after {report}, log: {tdlib.log}")
        elif event["@type"] == "countries":
            report["countries"] = len(event["countries"])
            wanted.discard("countries")
        elif event["@type"] == "localizationTargetInfo":
            report["languages"] = len(event["language_packs"])
            wanted.discard("languages")
        if event["@type"] != "updateAuthorizationState":
            continue
        state = event["authorization_state"]
        report["states"].append(state["@type"])
        if state["@type"] == "authorizationStateWaitTdlibParameters":
            tdlib.send(
                "setTdlibParameters", use_test_dc="test" in options, database_directory=directory,
                files_directory=directory, database_encryption_key="", use_file_database=False,
                use_chat_info_database=False, use_message_database=False, use_secret_chats=False, api_id=1,
                api_hash="x" * 32, system_language_code="en", device_model="test", system_version="1",
                application_version="1")
            if "pfs" in options:
                value = {"@type": "optionValueBoolean", "value": True}
                tdlib.send("setOption", name="use_pfs", value=value)
            tdlib.send("setOption", name="localization_target", value={"@type": "optionValueString", "value": "android"})
            tdlib.send(
                "addProxy", enable=True, comment="",
                proxy={"@type": "proxy", "server": "127.0.0.1", "port": proxy_port, "type": proxy})
        elif state["@type"] == "authorizationStateWaitPhoneNumber":
            tdlib.send("getCountries")
            tdlib.send("getLocalizationTargetInfo", only_local=False)
            tdlib.send("setAuthenticationPhoneNumber", phone_number=args.phone)
        elif state["@type"] == "authorizationStateWaitCode":
            report["code_info"] = state["code_info"]
            wanted.discard("code")
    if wanted:
        raise RuntimeError(f"no {sorted(wanted)} in time: {report}, log: {tdlib.log}")
    tdlib.send("close")
    while time.monotonic() < end:
        event = tdlib.receive(1.0)
        if event and event.get("authorization_state", {}).get("@type") == "authorizationStateClosed":
            break
    report["log"] = tdlib.log
    return report


async def main(args):
    with tempfile.TemporaryDirectory() as directory:
        return await asyncio.to_thread(drive, args, directory)


common.run(main(common.arguments()))
