"""Drives TDLib with perfect forward secrecy, its databases, and its own catch-up.

A copy of it trusts the node, and a SOCKS5 proxy that knows one destination stands for its compiled-in addresses
(see `../clients/tdlib`). Run it only where nothing can leave.
Message ids of TDLib are the server's, shifted left by 20 bits; everything printed here is the server's.
TDLib shows no pts and no `silent` flag of a message: both are null.
"""

import asyncio
import pathlib
import sys
import threading

import protocol

sys.path.append(str(pathlib.Path(__file__).parent.parent / "clients" / "tdlib"))
import socks5  # noqa: E402
import tdjson  # noqa: E402

STATE_SECONDS_MAX = 60
ID_SHIFT = 20


class TdError(Exception):
    def __init__(self, answer):
        super().__init__(answer)
        self.error = [answer["code"], answer["message"]]


def message_of(message):
    content, reply, forward = message["content"], message.get("reply_to"), message.get("forward_info")
    text = content.get("text", {})
    return {
        "id": message["id"] >> ID_SHIFT,
        "peer": message["chat_id"],
        "out": message["is_outgoing"],
        "from": message["sender_id"].get("user_id"),
        "text": text.get("text"),
        "reply_to": reply["message_id"] >> ID_SHIFT if reply else None,
        "silent": None,
        "edited": message["edit_date"] != 0,
        "fwd": forward["origin"].get("sender_user_id") if forward else None,
        "entities": [
            [protocol.entity_name(entity["type"]["@type"], "textEntityType"), entity["offset"], entity["length"]]
            for entity in text.get("entities", ())
        ],
    }


def is_online(status):
    return status["@type"] == "userStatusOnline"


class Tdlib(protocol.Driver):
    use_secret_chats = False

    async def start(self):
        self.loop = asyncio.get_running_loop()
        self.changed = asyncio.Condition()
        self.authorization = self.connection = self.shown = None
        self.requests, self.sent, self.chats, self.number = {}, {}, set(), 0
        self.proxy_port = await socks5.start(self.args.host, self.args.port, [])
        self.td = tdjson.TdJson(self.args.pem, self.errors)
        threading.Thread(target=self.receive, daemon=True).start()
        await self.open()

    async def open(self):
        self.id = self.td.create_client()
        self.authorization = None
        self.post("getOption", name="version")  # the first request starts a client
        if await self.reach("WaitPhoneNumber", "Ready") == "Ready":
            await self.logged_in()

    async def stop(self):
        self.post("close")
        await self.reach("Closed")

    # ---- requests and updates ----

    def receive(self):
        while True:
            if value := self.td.receive(1.0):
                self.loop.call_soon_threadsafe(self.on_object, value)

    def post(self, kind, **fields):
        self.number += 1
        self.td.send(self.id, {"@type": kind, "@extra": self.number, **fields})
        return self.number

    async def request(self, kind, **fields):
        answer = self.loop.create_future()
        self.requests[self.post(kind, **fields)] = answer
        found = await answer
        if found["@type"] == "error":
            raise TdError(found)
        return found

    def on_object(self, value):
        if value.get("@client_id") != self.id:
            return
        answer = self.requests.pop(value.get("@extra"), None)
        if answer and not answer.done():
            answer.set_result(value)
        elif value["@type"] == "updateAuthorizationState":
            self.on_authorization(value["authorization_state"])
        elif value["@type"] == "updateConnectionState":
            self.connection = value["state"]["@type"].removeprefix("connectionState")
            asyncio.ensure_future(self.notify())
        elif value["@type"] in ("updateMessageSendSucceeded", "updateMessageSendFailed"):
            if self.raw:
                self.emit_raw(value)
            self.outcome(value["message"]["chat_id"], value["old_message_id"]).set_result(value)
        else:
            if self.raw:
                self.emit_raw(value)
            self.emit(self.event_of(value))

    def on_authorization(self, state):
        self.shown = state
        state = state["@type"].removeprefix("authorizationState")
        if state == "WaitTdlibParameters":
            directory = str(self.args.session)
            self.post(
                "setTdlibParameters", use_test_dc=False, database_directory=directory, files_directory=directory,
                database_encryption_key="", use_file_database=True, use_chat_info_database=True,
                use_message_database=True, use_secret_chats=self.use_secret_chats, api_id=1, api_hash="x" * 32,
                system_language_code="en", device_model="tdlib", system_version="1", application_version="1")
            self.post("setOption", name="use_pfs", value={"@type": "optionValueBoolean", "value": True})
            proxy = {"@type": "proxyTypeSocks5", "username": "", "password": ""}
            proxy = {"@type": "proxy", "server": "127.0.0.1", "port": self.proxy_port, "type": proxy}
            self.post("addProxy", proxy=proxy, enable=True, comment="")
        self.authorization = state
        asyncio.ensure_future(self.notify())

    async def notify(self):
        async with self.changed:
            self.changed.notify_all()

    async def reach(self, *states, what="authorization"):
        """Waits until the authorization (or connection) state is one of `states`."""
        async with self.changed:
            try:
                await asyncio.wait_for(
                    self.changed.wait_for(lambda: getattr(self, what) in states), STATE_SECONDS_MAX)
            except asyncio.TimeoutError:
                raise protocol.Refused(f"{what} is {getattr(self, what)}, not {states}, log: {self.errors}")
        return getattr(self, what)

    def outcome(self, chat_id, temporary_id):
        # A temporary id follows the last one of its chat: two empty chats begin with the same.
        return self.sent.setdefault((chat_id, temporary_id), self.loop.create_future())

    async def delivered(self, message):
        """The server's id of a message that was only queued when the call came back."""
        result = await self.outcome(message["chat_id"], message["id"])
        if result["@type"] == "updateMessageSendFailed":
            raise TdError(result["error"])
        return result["message"]["id"] >> ID_SHIFT

    def event_of(self, update):
        name = update["@type"]
        if name == "updateNewMessage" and "sending_state" not in update["message"]:
            return protocol.arrival(message_of(update["message"]))
        if name == "updateMessageContent":
            text = update["new_content"].get("text", {}).get("text")
            return {
                "event": "edited", "id": update["message_id"] >> ID_SHIFT, "peer": update["chat_id"], "text": text}
        if name == "updateDeleteMessages" and update["is_permanent"] and not update["from_cache"]:
            return {"event": "deleted", "ids": [number >> ID_SHIFT for number in update["message_ids"]]}
        if name == "updateChatReadOutbox":
            last = update["last_read_outbox_message_id"] >> ID_SHIFT
            return {"event": "read_outbox", "peer": update["chat_id"], "max_id": last}
        if name == "updateChatReadInbox":
            last = update["last_read_inbox_message_id"] >> ID_SHIFT
            return {
                "event": "read_inbox", "peer": update["chat_id"], "max_id": last, "unread": update["unread_count"]}
        if name == "updateChatAction" and update["action"]["@type"] == "chatActionTyping":
            return {"event": "typing", "user": update["sender_id"]["user_id"]}
        if name == "updateUserStatus":
            return {"event": "status", "user": update["user_id"], "online": is_online(update["status"])}
        return None

    def error_of(self, error):
        return error.error if isinstance(error, TdError) else None

    # ---- commands ----

    async def logged_in(self):
        self.me = (await self.request("getMe"))["id"]

    async def chat(self, peer):
        peer = self.me if peer == "self" else peer
        if peer not in self.chats:
            if peer < protocol.CHANNELS:
                number = protocol.CHANNELS - peer
                await self.request("createSupergroupChat", supergroup_id=number, force=False)
            elif peer < 0:
                await self.request("createBasicGroupChat", basic_group_id=-peer, force=False)
            else:
                await self.request("createPrivateChat", user_id=peer, force=False)
            self.chats.add(peer)
        return peer

    async def do_version(self):
        return {"version": (await self.request("getOption", name="version"))["value"], "layer": None}

    async def do_request(self, kind, fields):
        """Sends any request of TDLib's own API."""
        return {"result": await self.request(kind, **fields)}

    async def do_chat(self, peer):
        """Makes sure that TDLib knows the chat."""
        return {"chat_id": await self.chat(peer)}

    async def do_state(self):
        return {"state": self.authorization, "shown": self.shown}

    async def do_reach(self, states):
        """Waits until the authorization state is one of these, without their prefix."""
        reached = await self.reach(*states)
        if reached == "Ready":
            await self.logged_in()
        return {"state": reached, "shown": self.shown}

    async def do_send_code(self, phone):
        await self.request("setAuthenticationPhoneNumber", phone_number=phone)
        await self.reach("WaitCode")
        return {"type": "other"}

    async def do_sign_in(self, phone, code, first_name=None):
        await self.request("checkAuthenticationCode", code=code)
        signed_up = await self.reach("WaitRegistration", "Ready") == "WaitRegistration"
        if signed_up:
            await self.request("registerUser", first_name=first_name, last_name="", disable_notification=True)
            await self.reach("Ready")
        await self.logged_in()
        return {"user_id": self.me, "signed_up": signed_up}

    async def do_login(self, phone, code, first_name=None):
        await self.do_send_code(phone)
        return await self.do_sign_in(phone, code, first_name)

    async def do_find(self, phone):
        contact = {"@type": "importedContact", "phone_number": phone, "first_name": "Somebody", "last_name": ""}
        found = (await self.request("importContacts", contacts=[contact]))["user_ids"][0]
        if not found:
            raise protocol.Refused("NOT_FOUND")
        return {"user_id": found}

    async def do_resolve(self, username):
        return {"user_id": (await self.request("searchPublicChat", username=username))["id"]}

    async def do_set_username(self, username):
        await self.request("setUsername", username=username)

    @staticmethod
    def content(text, entities=()):
        kinds = [
            {
                "@type": "textEntity", "offset": offset, "length": length,
                "type": {"@type": "textEntityType" + name[0].upper() + name[1:]},
            }
            for name, offset, length in entities
        ]
        return {"@type": "inputMessageText", "text": {"@type": "formattedText", "text": text, "entities": kinds}}

    async def do_send(self, to, text, entities=(), reply_to=None, silent=None):
        options = {}
        if reply_to:
            options["reply_to"] = {"@type": "inputMessageReplyToMessage", "message_id": reply_to << ID_SHIFT}
        if silent is not None:
            options["options"] = {"@type": "messageSendOptions", "disable_notification": silent}
        message = await self.request(
            "sendMessage", chat_id=await self.chat(to), input_message_content=self.content(text, entities), **options)
        return {"msg_id": await self.delivered(message)}

    async def do_send_again(self, to, text, random_id):
        raise protocol.Refused("TDLIB_CHOOSES_RANDOM_ID")

    async def do_edit(self, to, msg_id, text):
        await self.request(
            "editMessageText", chat_id=await self.chat(to), message_id=msg_id << ID_SHIFT,
            input_message_content=self.content(text))

    async def do_delete(self, to, msg_ids, revoke=True):
        ids = [number << ID_SHIFT for number in msg_ids]
        await self.request("deleteMessages", chat_id=await self.chat(to), message_ids=ids, revoke=revoke)

    async def do_forward(self, source, to, msg_ids):
        ids = [number << ID_SHIFT for number in msg_ids]
        messages = await self.request(
            "forwardMessages", chat_id=await self.chat(to), from_chat_id=await self.chat(source), message_ids=ids,
            send_copy=False, remove_caption=False)
        return {"msg_ids": [await self.delivered(message) for message in messages["messages"]]}

    async def do_read(self, peer, max_id):
        await self.request(
            "viewMessages", chat_id=await self.chat(peer), message_ids=[max_id << ID_SHIFT],
            source={"@type": "messageSourceChatHistory"}, force_read=True)

    async def do_typing(self, to):
        await self.request("sendChatAction", chat_id=await self.chat(to), action={"@type": "chatActionTyping"})

    async def do_history(self, peer, limit, offset_id=0):
        chat, found, last = await self.chat(peer), [], offset_id << ID_SHIFT
        while len(found) < limit:  # it gives what it has at hand first
            more = (await self.request(
                "getChatHistory", chat_id=chat, from_message_id=last, offset=0, limit=limit - len(found),
                only_local=False))["messages"]
            if not more:
                break
            found += more
            last = more[-1]["id"]
        return {"messages": [message_of(message) for message in found]}

    async def do_dialogs(self):
        main = {"@type": "chatListMain"}
        while True:
            try:
                await self.request("loadChats", chat_list=main, limit=100)
            except TdError as error:
                if error.error[0] == 404:  # all are loaded
                    break
                raise
        dialogs = []
        for number in (await self.request("getChats", chat_list=main, limit=100))["chat_ids"]:
            chat = await self.request("getChat", chat_id=number)
            dialogs.append({
                "peer": number,
                "top": chat["last_message"]["id"] >> ID_SHIFT if "last_message" in chat else 0,
                "unread": chat["unread_count"],
                "read_inbox_max_id": chat["last_read_inbox_message_id"] >> ID_SHIFT,
                "read_outbox_max_id": chat["last_read_outbox_message_id"] >> ID_SHIFT,
            })
        return {"dialogs": dialogs}

    async def do_get_state(self):
        # Shows no count. What it asks the node by the session that takes updates is answered once that is back: what
        # has no pts, such as the end of a poll, is lost on who is not there.
        await self.request("getActiveSessions")
        return {"pts": None, "local_pts": None}

    async def do_sessions(self):
        found = (await self.request("getActiveSessions"))["sessions"]
        return {
            "sessions": [
                {"current": one["is_current"], "device": one["device_model"], "layer_app": one["application_version"]}
                for one in found
            ]
        }

    async def do_terminate_others(self):
        await self.request("terminateAllOtherSessions")

    async def do_logout(self):
        self.post("logOut")
        await self.reach("Closed")
        self.me = None
        self.chats.clear()
        await self.open()

    async def do_set_online(self, online):
        await self.request("setOption", name="online", value={"@type": "optionValueBoolean", "value": online})

    async def do_status(self, user):
        return {"online": is_online((await self.request("getUser", user_id=user))["status"])}

    async def do_offline(self):
        await self.request("setNetworkType", type={"@type": "networkTypeNone"})
        await self.reach("WaitingForNetwork", what="connection")

    async def do_online(self):
        await self.request("setNetworkType", type={"@type": "networkTypeOther"})
        # "Updating" while it gets the difference.
        await self.reach("Ready", what="connection")


if __name__ == "__main__":
    Tdlib(protocol.arguments()).run()
