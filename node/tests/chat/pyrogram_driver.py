"""Drives Pyrogram 2.0.106 or Kurigram (`--client`), which share names and most of their code, from a session file.

Neither looks at pts: what the node pushes twice arrives twice, and what it does not push is not missed. Kurigram
asks for a difference when it starts and by `recover_gaps`, from the pts of the last update that it was pushed, its
own messages not among them. Pyrogram has nothing of the kind, so this driver keeps a box of what was seen and asks
by a raw updates.getDifference. In both the parser of the library runs on every update before the driver sees it.
"""

import json
import pathlib

import protocol
import pyrogram
import tl_json
from pyrogram import Client, enums, errors, raw, types
from pyrogram.crypto import rsa
from pyrogram.handlers import DisconnectHandler, RawUpdateHandler
from pyrogram.session import internals

common = protocol.common


def target(peer):
    return "me" if peer == "self" else peer


class Watched(Client):
    """A client that shows its driver what its own calls changed in the box."""

    driver = None

    async def invoke(self, query, *args, **kwargs):
        result = await super().invoke(query, *args, **kwargs)
        self.driver.own_result(result)
        return result


class Pyrogram(protocol.Driver):
    async def start(self):
        n, e = common.read_key(self.args.pem)
        rsa.server_public_keys[common.fingerprint(n, e)] = rsa.PublicKey(n, e)
        self.kurigram = self.args.client == "kurigram"
        self.state_file = self.args.session / "state.json"
        self.box, self.date = None, 0
        if self.state_file.exists():
            kept = json.loads(self.state_file.read_text())
            self.box, self.date = protocol.Box(kept["pts"], kept["seen"]), kept["date"]
        await self.connect()

    async def stop(self):
        await self.do_offline()

    def client(self):
        host, port, directory = self.args.host, self.args.port, self.args.session
        options = {}
        if self.kurigram:
            from pyrogram.storage import SQLiteStorage

            class Local(SQLiteStorage):
                async def server_address(self, value=object):
                    return host

                async def port(self, value=object):
                    return port

            options["storage_engine"] = Local("kurigram", workdir=pathlib.Path(directory))
            options["skip_updates"] = False
        else:
            internals.DataCenter.__new__ = lambda cls, *_, **__: (host, port)
            options["workdir"] = str(directory)
        app = Watched(
            self.args.client, api_id=1, api_hash="x" * 32, device_model=self.args.client, workers=1,
            sleep_threshold=0, parse_mode=enums.ParseMode.DISABLED, **options)
        app.driver = self
        app.add_handler(RawUpdateHandler(self.on_update))
        app.add_handler(DisconnectHandler(self.on_disconnect))
        return app

    async def connect(self):
        self.app = self.client()
        if await self.app.connect():
            self.me = await self.app.storage.user_id()
            await self.logged_in()

    async def logged_in(self):
        """What `Client.start` does with a login, by the library's own steps; then the catch-up."""
        state = await self.app.invoke(raw.functions.updates.GetState())
        if self.kurigram and not await self.app.storage.get_update_states(0):
            from pyrogram.storage import UpdateState

            await self.app.storage.set_update_state(
                UpdateState(0, state.pts, state.qts, state.date, state.seq))
        if self.box is None:
            self.box, self.date = protocol.Box(state.pts), state.date
        self.app.me = await self.app.get_me()
        await self.app.initialize()  # Kurigram recovers gaps in here
        if not self.kurigram:
            await self.catch_up()

    # ---- the box ----

    def save(self):
        if self.box:
            kept = {"pts": self.box.pts, "date": self.date, "seen": sorted(self.box.seen_messages)}
            self.state_file.write_text(json.dumps(kept))

    def note(self, update):
        """Notes an update in the box and tells whether it is new there."""
        # A channel counts for itself.
        if not self.box or "Channel" in type(update).__name__:
            return True
        message = getattr(update, "message", None)
        if type(update).__name__ == "UpdateNewMessage":
            self.box.seen_messages.add(message.id)
        pts, count = getattr(update, "pts", None), getattr(update, "pts_count", None)
        return self.box.add(pts, count) if pts and count and count > 0 else True

    def own_result(self, result):
        for update in getattr(result, "updates", None) or ():
            self.note(update)
        if hasattr(result, "pts_count"):
            self.note(result)
            if protocol.kind(result) == "UpdateShortSentMessage" and self.box:
                self.box.seen_messages.add(result.id)
        self.save()

    async def on_update(self, client, update, users, chats):
        if self.raw:
            self.emit_raw(tl_json.to_json(update))
        message = getattr(update, "message", None)
        overtaken = self.box and getattr(message, "id", None) in self.box.recovered_messages
        # Shown even if pushed before: a push that comes twice is the node's mistake.
        self.note(update)
        self.save()
        if protocol.kind(update) != "UpdateNewMessage" or not overtaken:
            self.emit(protocol.event_of(update, self.me))

    async def catch_up(self):
        while True:
            difference = await self.app.invoke(
                raw.functions.updates.GetDifference(pts=self.box.pts, date=self.date, qts=0))
            name = protocol.kind(difference)
            if name == "DifferenceEmpty":
                break
            if name == "DifferenceTooLong":
                self.emit({"event": "too_long", "pts": difference.pts})
                self.box.advance(difference.pts)
                continue
            for message in difference.new_messages:
                if message.id not in self.box.seen_messages:
                    self.box.seen_messages.add(message.id)
                    self.box.recovered_messages.add(message.id)
                    new = raw.types.UpdateNewMessage(message=message, pts=0, pts_count=0)
                    self.emit(protocol.event_of(new, self.me))
            for update in difference.other_updates:
                if self.note(update):
                    self.emit(protocol.event_of(update, self.me))
            state = difference.state if name == "Difference" else difference.intermediate_state
            self.box.advance(state.pts)
            self.date = state.date
            if name == "Difference":
                break
        self.save()

    async def on_disconnect(self, *_):
        self.emit({"event": "disconnected"})

    def error_of(self, error):
        if isinstance(error, errors.RPCError):
            # Of an error that the library does not list it keeps "[400 NAME]".
            return [error.CODE, error.ID or str(error.value).strip("[]").split(" ")[-1]]
        return None

    # ---- commands ----

    async def do_version(self):
        return {"version": pyrogram.__version__, "layer": raw.all.layer}

    async def do_invoke(self, method, fields):
        """Calls any method with fields in the shape of `tl_json`."""
        async def peer(number):
            return await self.app.resolve_peer(target(number))

        async def user(number):
            found = await peer(number)
            if isinstance(found, raw.types.InputPeerSelf):
                return raw.types.InputUserSelf()
            return raw.types.InputUser(user_id=found.user_id, access_hash=found.access_hash)

        async def channel(number):
            found = await self.app.resolve_peer(number)
            return raw.types.InputChannel(channel_id=found.channel_id, access_hash=found.access_hash)

        space, _, name = method.rpartition(".")
        space = getattr(raw.functions, space) if space else raw.functions
        fields = {
            key: await tl_json.from_json(value, lambda kind: getattr(raw.types, kind), peer, user, channel)
            for key, value in fields.items()
        }
        return {"result": tl_json.to_json(await self.app.invoke(getattr(space, name)(**fields)))}

    async def do_send_code(self, phone):
        send_code = self.app.send_phone_number_code if self.kurigram else self.app.send_code
        self.sent = await send_code(phone)
        return self.sent_code()

    def sent_code(self):
        following = self.sent.next_type
        return {"type": self.sent.type.name, "next": following.name if following else None}

    async def do_resend_code(self, phone):
        resend_code = self.app.resend_phone_number_code if self.kurigram else self.app.resend_code
        self.sent = await resend_code(phone, self.sent.phone_code_hash)
        return self.sent_code()

    async def do_sign_in(self, phone, code, first_name=None):
        signed_up = False
        user = await self.app.sign_in(phone, self.sent.phone_code_hash, code)
        if not isinstance(user, types.User):  # terms of service, or False: the number is to be registered
            user = await self.app.sign_up(phone, self.sent.phone_code_hash, first_name)
            signed_up = True
        self.me = user.id
        await self.logged_in()
        return {"user_id": user.id, "signed_up": signed_up}

    async def do_check_password(self, password):
        self.me = (await self.app.check_password(password)).id
        await self.logged_in()
        return {"user_id": self.me}

    async def do_give_channel(self, channel, user, password):
        """Makes somebody else the owner of a channel."""
        asked = await self.app.invoke(raw.functions.account.GetPassword())
        of, to = await self.app.resolve_peer(channel), await self.app.resolve_peer(user)
        await self.app.invoke(raw.functions.channels.EditCreator(
            channel=raw.types.InputChannel(channel_id=of.channel_id, access_hash=of.access_hash),
            user_id=raw.types.InputUser(user_id=to.user_id, access_hash=to.access_hash),
            password=pyrogram.utils.compute_password_check(asked, password)))
        return {}

    async def do_set_password(self, new, old=None):
        """Sets, changes or (with nothing new) removes the password of logins."""
        if old is None:
            await self.app.enable_cloud_password(new, hint="the usual")
        elif new is None:
            await self.app.remove_cloud_password(old)
        else:
            await self.app.change_cloud_password(old, new, new_hint="the usual")

    async def do_login(self, phone, code, first_name=None):
        await self.do_send_code(phone)
        return await self.do_sign_in(phone, code, first_name)

    async def do_find(self, phone):
        found = await self.app.import_contacts([types.InputPhoneContact(phone, "Somebody")])
        if not found.imported:
            raise protocol.Refused("NOT_FOUND")
        return {"user_id": found.imported[0].user_id}

    async def do_resolve(self, username):
        return {"user_id": (await self.app.get_users(username)).id}

    async def do_set_username(self, username):
        await self.app.set_username(username)

    async def do_send(self, to, text, entities=(), reply_to=None, silent=None):
        formatting = [
            types.MessageEntity(type=enums.MessageEntityType[name.upper()], offset=offset, length=length)
            for name, offset, length in entities
        ]
        options = {"reply_to_message_id": reply_to}
        if self.kurigram:
            options = {"reply_parameters": reply_to and types.ReplyParameters(message_id=reply_to)}
        sent = await self.app.send_message(
            target(to), text, entities=formatting or None, disable_notification=silent, **options)
        return {"msg_id": sent.id}

    async def do_send_again(self, to, text, random_id):
        peer = await self.app.resolve_peer(target(to))
        send = raw.functions.messages.SendMessage(peer=peer, message=text, random_id=random_id)
        return {"msg_id": protocol.sent_id(await self.app.invoke(send))}

    async def do_edit(self, to, msg_id, text):
        await self.app.edit_message_text(target(to), msg_id, text)

    async def do_delete(self, to, msg_ids, revoke=True):
        await self.app.delete_messages(target(to), msg_ids, revoke=revoke)

    async def do_forward(self, source, to, msg_ids):
        forwarded = await self.app.forward_messages(target(to), target(source), msg_ids)
        return {"msg_ids": [message.id for message in forwarded]}

    async def do_read(self, peer, max_id):
        await self.app.read_chat_history(target(peer), max_id)

    async def do_typing(self, to):
        await self.app.send_chat_action(target(to), enums.ChatAction.TYPING)

    async def do_history(self, peer, limit, offset_id=0):
        # Raw: the library's Message does not say `silent`.
        found = await self.app.invoke(raw.functions.messages.GetHistory(
            peer=await self.app.resolve_peer(target(peer)), offset_id=offset_id, offset_date=0, add_offset=0,
            limit=limit, max_id=0, min_id=0, hash=0))
        return {"messages": [protocol.message_of(message, self.me) for message in found.messages]}

    async def do_dialogs(self):
        # The library's own list must come through its parser; it leaves out the read marks.
        async for _ in self.app.get_dialogs():
            pass
        found = await self.app.invoke(raw.functions.messages.GetDialogs(
            offset_date=0, offset_id=0, offset_peer=raw.types.InputPeerEmpty(), limit=100, hash=0))
        return {"dialogs": [protocol.dialog_of(dialog) for dialog in found.dialogs]}

    async def do_get_state(self):
        state = await self.app.invoke(raw.functions.updates.GetState())
        # Kurigram's own count is that of the last push, whatever came before.
        return {"pts": state.pts, "local_pts": None if self.kurigram else self.box.pts}

    async def do_sessions(self):
        found = await self.app.invoke(raw.functions.account.GetAuthorizations())
        return {"sessions": [protocol.session_of(one) for one in found.authorizations]}

    async def do_terminate_others(self):
        await self.app.invoke(raw.functions.auth.ResetAuthorizations())

    async def do_logout(self):
        await self.app.log_out()  # stops the client and deletes its file
        self.box = None
        self.state_file.unlink(missing_ok=True)
        await self.connect()

    async def do_set_online(self, online):
        await self.app.invoke(raw.functions.account.UpdateStatus(offline=not online))

    async def do_status(self, user):
        found = await self.app.invoke(raw.functions.users.GetUsers(id=[await self.app.resolve_peer(user)]))
        return {"online": protocol.is_online(found[0].status)}

    async def do_offline(self):
        if self.app.is_initialized:
            await self.app.terminate()
        if self.app.is_connected:
            await self.app.disconnect()
        self.save()

    async def do_online(self):
        if not self.app.is_connected:
            await self.connect()
        elif self.kurigram:
            await self.app.recover_gaps()
        else:
            await self.catch_up()


if __name__ == "__main__":
    Pyrogram(protocol.arguments()).run()
