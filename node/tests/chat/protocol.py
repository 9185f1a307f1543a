"""What the Python drivers of the chat tests share: the line protocol, and the shapes of what they print.

A command is one line of JSON on standard input, `{"id":N,"do":"send", ...}`; its answer one on standard output,
`{"id":N,"ok":true, ...}` or `{"id":N,"ok":false,"error":[code,"NAME"]}` with code 0 for what is no RPC error. What
arrives without being asked for is a line `{"event": ...}`. Commands run side by side; the tests wait for answers
where order matters. Whatever a library prints by itself goes to standard error.
"""

import argparse
import asyncio
import json
import logging
import os
import pathlib
import sys
import threading
import traceback

sys.path.append(str(pathlib.Path(__file__).parent.parent / "clients"))
import common  # noqa: E402

SERVICE = 777000  # the account that login codes and the node's own messages come from
# Channels are shown as this less their number, by all the libraries.
CHANNELS = -1_000_000_000_000
# A library repeats a request for some time while the node is down, and the tests keep it down for less.
# The largest file takes minutes, which only long runs have.
COMMAND_SECONDS_MAX = 1800 if os.environ.get("ROOKERY_TEST") == "full" else 90


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--client", required=True, help="which library, where one script drives several")
    parser.add_argument("--host", default="127.0.0.1", help="address of the node")
    parser.add_argument("--port", type=int, required=True, help="MTProto port of the node")
    parser.add_argument("--pem", required=True, help="the node's RSA key, PKCS#1 PEM")
    parser.add_argument("--session", type=pathlib.Path, required=True, help="directory that keeps the login")
    return parser.parse_args()


class Refused(Exception):
    """An answer that says no without being an RPC error of the library."""

    def __init__(self, name, code=0):
        super().__init__(name)
        self.error = [code, name]


class Box:
    """The common message box of a library that keeps none: which of its events were seen.

    `pts` is what a difference is asked from: every event up to it was seen.
    """

    def __init__(self, pts, seen_messages=()):
        self.pts = pts
        self.ahead = {}
        self.seen_messages = set(seen_messages)
        # Of those, what a difference brought: a push of one may be on its way all the same.
        self.recovered_messages = set()

    def advance(self, pts):
        """Goes on to the state that a difference led to."""
        self.pts, self.ahead = pts, {}

    def add(self, pts, count):
        """Notes the events (pts - count, pts] and tells whether they are new."""
        if pts <= self.pts or pts in self.ahead:
            return False
        self.ahead[pts] = count
        for end in sorted(self.ahead):
            if end - self.ahead[end] <= self.pts:
                self.pts = max(self.pts, end)
                del self.ahead[end]
        return True


class Driver:
    """The line protocol. A library's driver adds a method `do_NAME` for each command."""

    def __init__(self, args):
        self.args = args
        self.me = None
        self.errors = []
        self.raw = False
        # Its own copy of standard output: a library that prints must not break a line.
        self.out = os.fdopen(os.dup(1), "w", buffering=1)
        os.dup2(2, 1)
        handler = logging.Handler(logging.ERROR)
        handler.emit = lambda record: self.errors.append(f"{record.name}: {record.getMessage()}")
        logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
        logging.getLogger().addHandler(handler)

    def say(self, value):
        self.out.write(json.dumps(value) + "\n")
        self.out.flush()

    def emit(self, event):
        if event:
            self.say(event)

    def error_of(self, error):
        """`[code, NAME]` for an exception of the library, or None."""
        return None

    async def do_log(self):
        """Lines that the library logged as errors."""
        return {"lines": self.errors}

    async def do_raw(self, on=True):
        """From now on every update is an event of its own, as the library has it: `{"event":"update","_":...}`."""
        self.raw = on

    def emit_raw(self, update):
        if self.raw:
            self.say({"event": "update", **update})

    async def answer(self, command):
        number, name = command.pop("id"), command.pop("do")
        try:
            method = getattr(self, "do_" + name)
            result = await asyncio.wait_for(method(**command), COMMAND_SECONDS_MAX)
            self.say({"id": number, "ok": True, **(result or {})})
        except Exception as error:
            known = error.error if isinstance(error, Refused) else self.error_of(error)
            if known is None:
                traceback.print_exc()
                known = [0, f"{type(error).__name__}: {error}"]
            self.say({"id": number, "ok": False, "error": known})

    async def serve(self):
        loop, lines, running = asyncio.get_running_loop(), asyncio.Queue(), set()

        def read():
            for line in sys.stdin:
                loop.call_soon_threadsafe(lines.put_nowait, line)
            loop.call_soon_threadsafe(lines.put_nowait, None)

        threading.Thread(target=read, daemon=True).start()
        await self.start()
        self.say({"event": "ready", "user": self.me})
        while line := await lines.get():
            command = json.loads(line)
            if command["do"] == "quit":
                await asyncio.wait_for(self.stop(), 30)
                self.say({"id": command["id"], "ok": True})
                break
            task = asyncio.create_task(self.answer(command))
            running.add(task)
            task.add_done_callback(running.discard)

    def run(self):
        status = 0
        try:
            asyncio.run(self.serve())
        except BaseException:
            traceback.print_exc()
            status = 1
        self.out.flush()
        os._exit(status)  # threads of the libraries may outlive the loop


# ---- shapes: Telethon and Pyrogram name their types and fields alike ----


def kind(value):
    return type(value).__name__


def user_of(peer):
    return getattr(peer, "user_id", None)


def peer_of(peer):
    """A user's number, or that of a group below zero, of a channel below -10^12, as all the libraries write it."""
    chat, channel = getattr(peer, "chat_id", None), getattr(peer, "channel_id", None)
    if channel:
        return CHANNELS - channel
    return -chat if chat else user_of(peer)


def entity_name(name, prefix):
    """`MessageEntityBold` and `textEntityTypeBold` are both `bold`."""
    bare = name[len(prefix):]
    return bare[:1].lower() + bare[1:]


def message_of(message, me):
    peer, sender = peer_of(message.peer_id), user_of(message.from_id)
    # Of a service message there are fewer fields.
    forward, edited = getattr(message, "fwd_from", None), getattr(message, "edit_date", None)
    return {
        "id": message.id,
        "peer": peer,
        "out": bool(message.out),
        # Telegram leaves from_id out where the peer says it.
        "from": sender or (me if message.out else peer),
        "text": getattr(message, "message", None),
        "reply_to": getattr(message.reply_to, "reply_to_msg_id", None),
        "silent": bool(message.silent),
        "edited": edited is not None,
        "fwd": user_of(forward.from_id) if forward else None,
        "entities": [
            [entity_name(kind(entity), "MessageEntity"), entity.offset, entity.length]
            for entity in getattr(message, "entities", None) or ()
        ],
    }


def is_online(status):
    return kind(status) == "UserStatusOnline"


def arrival(shape):
    """The event for a new message."""
    if shape["peer"] == SERVICE and not shape["out"]:
        return {"event": "service", "id": shape["id"], "text": shape["text"]}
    return {"event": "message", **shape}


def event_of(update, me):
    """The event for one update of the raw API, or None for those that no test looks at."""
    name = kind(update)
    if name in ("UpdateNewMessage", "UpdateNewChannelMessage") and kind(update.message) == "Message":
        return arrival(message_of(update.message, me))
    if name == "UpdateShortMessage":
        return arrival({
            "id": update.id,
            "peer": update.user_id,
            "out": bool(update.out),
            "from": me if update.out else update.user_id,
            "text": update.message,
            "reply_to": getattr(update.reply_to, "reply_to_msg_id", None),
            "silent": bool(update.silent),
            "edited": False,
            "fwd": user_of(update.fwd_from.from_id) if update.fwd_from else None,
            "entities": [
                [entity_name(kind(entity), "MessageEntity"), entity.offset, entity.length]
                for entity in update.entities or ()
            ],
        })
    if name in ("UpdateEditMessage", "UpdateEditChannelMessage"):
        return {"event": "edited", **message_of(update.message, me)}
    if name in ("UpdateDeleteMessages", "UpdateDeleteChannelMessages"):
        # Telethon makes empty ones out of the answers to its own calls.
        return {"event": "deleted", "ids": list(update.messages)} if update.messages else None
    if name == "UpdateReadHistoryOutbox":
        return {"event": "read_outbox", "peer": peer_of(update.peer), "max_id": update.max_id}
    if name == "UpdateReadHistoryInbox":
        return {
            "event": "read_inbox",
            "peer": peer_of(update.peer),
            "max_id": update.max_id,
            "unread": update.still_unread_count,
        }
    if name == "UpdateReadChannelOutbox":
        return {"event": "read_outbox", "peer": CHANNELS - update.channel_id, "max_id": update.max_id}
    if name == "UpdateReadChannelInbox":
        return {
            "event": "read_inbox",
            "peer": CHANNELS - update.channel_id,
            "max_id": update.max_id,
            "unread": update.still_unread_count,
        }
    if name == "UpdateChannelUserTyping":
        return {"event": "typing", "user": user_of(update.from_id), "peer": CHANNELS - update.channel_id}
    if name == "UpdateChatUserTyping":
        return {"event": "typing", "user": user_of(update.from_id), "peer": -update.chat_id}
    if name == "UpdateUserTyping":
        return {"event": "typing", "user": update.user_id}
    if name == "UpdateUserStatus":
        return {"event": "status", "user": update.user_id, "online": is_online(update.status)}
    return None


def sent_id(result):
    """The message id in the answer to a raw messages.sendMessage."""
    if kind(result) == "UpdateShortSentMessage":
        return result.id
    return next(update.id for update in result.updates if kind(update) == "UpdateMessageID")


def dialog_of(dialog):
    return {
        "peer": peer_of(dialog.peer),
        "top": dialog.top_message,
        "unread": dialog.unread_count,
        "read_inbox_max_id": dialog.read_inbox_max_id,
        "read_outbox_max_id": dialog.read_outbox_max_id,
    }


def session_of(authorization):
    return {
        "current": bool(authorization.current),
        "device": authorization.device_model,
        "layer_app": authorization.app_version,
    }
