"""Drives TDLib (see `tdjson`) up to an accepted auth.sendCode.

Its DC addresses are machine code, so it reaches the node through a proxy: SOCKS5, which is asked for those
addresses, or MTProxy. Run it only where nothing can leave.
"""

import asyncio
import pathlib
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))
import common
import socks5
import tdjson


class Tdlib:
    """One client, and the lines that TDLib logged as errors."""

    def __init__(self, pem, directory):
        self.log = []
        self.td = tdjson.TdJson(pem, self.log)
        self.id = self.td.create_client()

    def send(self, kind, **fields):
        self.td.send(self.id, {"@type": kind, "@extra": kind, **fields})

    def receive(self, seconds):
        return self.td.receive(seconds)


def socks5_port(host, port, asked_for):
    """Runs the proxy on a thread of its own: td_receive blocks this one."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    return asyncio.run_coroutine_threadsafe(socks5.start(host, port, asked_for), loop).result()


def drive(args, directory):
    options = args.transport.split("-")  # e.g. socks5-pfs, mtproxy-pfs-test
    tdlib = Tdlib(args.pem, directory)
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
