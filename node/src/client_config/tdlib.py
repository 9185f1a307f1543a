"""Logs a member of a Rookery node in with TDLib, and writes a word to Saved messages.

Needs a copy of TDLib's library that trusts the node, which `rookery client-config --repoint libtdjson.so` makes:
    python3 program.py ./libtdjson-rookery.so
Run it once more, and it is logged in: the session is kept in `member.tdlib/`.
"""

import ctypes
import json
import sys
from getpass import getpass

HOST, PORT, SECRET = @HOST@, @PORT@, @SECRET@

td = ctypes.CDLL(sys.argv[1])
td.td_send.argtypes = [ctypes.c_int, ctypes.c_char_p]
td.td_receive.argtypes = [ctypes.c_double]
td.td_receive.restype = ctypes.c_char_p
td.td_execute.argtypes = [ctypes.c_char_p]
td.td_execute.restype = ctypes.c_char_p
td.td_execute(b'{"@type":"setLogVerbosityLevel","new_verbosity_level":1}')
client = td.td_create_client_id()


def send(kind, **fields):
    td.td_send(client, json.dumps({"@type": kind, "@extra": kind, **fields}).encode())


def on_state(state):
    match state["@type"]:
        case "authorizationStateWaitTdlibParameters":
            # A node takes any api_id and api_hash.
            send("setTdlibParameters", database_directory="member.tdlib", use_message_database=True,
                 use_secret_chats=True, api_id=1, api_hash="any", system_language_code="en",
                 device_model="TDLib", application_version="1")
            # Where Telegram's servers are is machine code: the node is its proxy.
            send("addProxy", enable=True, proxy={
                "@type": "proxy", "server": HOST, "port": PORT,
                "type": {"@type": "proxyTypeMtproto", "secret": SECRET}})
        case "authorizationStateWaitPhoneNumber":
            send("setAuthenticationPhoneNumber", phone_number=input("Number: "))
        case "authorizationStateWaitCode":
            send("checkAuthenticationCode", code=input("Code: "))
        case "authorizationStateWaitPassword":
            send("checkAuthenticationPassword", password=getpass("Password: "))
        case "authorizationStateWaitRegistration":
            send("registerUser", first_name=input("Your name: "))
        case "authorizationStateReady":
            send("getMe")
        case "authorizationStateClosed":
            sys.exit()


def on_event(event):
    match event["@type"]:
        case "updateAuthorizationState":
            on_state(event["authorization_state"])
        case "error":
            sys.exit(f"{event['@extra']}: {event['message']}")
        case "user":
            send("createPrivateChat", user_id=event["id"])
            print("Logged in as", event["first_name"], flush=True)
        case "chat":
            text = {"@type": "formattedText", "text": "hello from TDLib"}
            content = {"@type": "inputMessageText", "text": text}
            send("sendMessage", chat_id=event["id"], input_message_content=content)
        case "updateMessageSendSucceeded":
            send("close")


send("getOption", name="version")
while True:
    if line := td.td_receive(10.0):
        on_event(json.loads(line))
