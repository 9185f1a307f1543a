"""Drives Telethon through its public functions: a file session, TCP full, its own message box and catch-up.

Its `sign_up` refuses by itself, so a new number is registered by a raw auth.signUp after the library's own signIn.
Of a difference it hands out the new messages and drops what other_updates holds about messages (its box is still
"getting" while it applies them): edits, deletions and reads that came in the meantime show in the history only.
"""

import protocol
import telethon
import tl_json
from telethon import TelegramClient, errors, events, functions, types, utils
from telethon.crypto import rsa
from telethon.network import connection
from telethon.sessions import SQLiteSession
from telethon.tl.alltlobjects import LAYER

NAMES = {kind: name for name, kind in errors.rpc_errors_dict.items()}


def target(peer):
    return "me" if peer == "self" else peer


class Telethon(protocol.Driver):
    async def start(self):
        with open(self.args.pem) as pem:
            rsa.add_key(pem.read(), old=False)
        await self.connect()

    async def stop(self):
        await self.app.disconnect()

    async def connect(self):
        session = SQLiteSession(str(self.args.session / "telethon"))
        session.set_dc(2, self.args.host, self.args.port)
        self.app = TelegramClient(
            session, 1, "x" * 32, connection=connection.ConnectionTcpFull, catch_up=True, sequential_updates=True,
            connection_retries=60, retry_delay=1, timeout=10, flood_sleep_threshold=0, raise_last_call_error=True,
            device_model="telethon")
        self.app.add_event_handler(self.on_update, events.Raw())
        await self.app.connect()
        me = await self.app.get_me()
        self.me = me.id if me else None

    async def on_update(self, update):
        if self.raw:
            self.emit_raw(tl_json.to_json(update))
        self.emit(protocol.event_of(update, self.me))

    def error_of(self, error):
        # The name is kept only as the class that was looked up by it.
        if isinstance(error, errors.RPCError):
            return [error.code, NAMES.get(type(error), error.message)]
        return None

    async def do_version(self):
        return {"version": telethon.__version__, "layer": LAYER}

    async def do_invoke(self, method, fields):
        """Calls any method with fields in the shape of `tl_json`."""
        async def user(number):
            return utils.get_input_user(await self.app.get_input_entity(target(number)))

        async def peer(number):
            return await self.app.get_input_entity(target(number))

        async def channel(number):
            return utils.get_input_channel(await self.app.get_input_entity(number))

        space, _, name = method.rpartition(".")
        space = getattr(functions, space) if space else functions
        fields = {
            key: await tl_json.from_json(value, lambda kind: getattr(types, kind), peer, user, channel)
            for key, value in fields.items()
        }
        return {"result": tl_json.to_json(await self.app(getattr(space, name + "Request")(**fields)))}

    async def do_send_code(self, phone):
        # With a hash at hand, Telethon would ask to resend that code.
        self.app._phone_code_hash.pop(utils.parse_phone(phone), None)
        sent = await self.app.send_code_request(phone)
        return {"type": protocol.kind(sent.type)}

    async def do_resend_code(self, phone):
        sent = await self.app.send_code_request(phone)
        return {"type": protocol.kind(sent.type)}

    async def do_sign_in(self, phone, code, first_name=None):
        try:
            user, signed_up = await self.app.sign_in(phone, code=code), False
        except errors.PhoneNumberUnoccupiedError:
            number, code_hash = self.app._parse_phone_and_hash(phone, None)
            done = await self.app(functions.auth.SignUpRequest(number, code_hash, first_name, ""))
            user, signed_up = await self.app._on_login(done.user), True
        self.me = user.id
        return {"user_id": user.id, "signed_up": signed_up}

    async def do_check_password(self, password):
        self.me = (await self.app.sign_in(password=password)).id
        return {"user_id": self.me}

    async def do_give_channel(self, channel, user, password):
        """Makes somebody else the owner of a channel."""
        asked = await self.app(functions.account.GetPasswordRequest())
        await self.app(functions.messages.EditChatCreatorRequest(
            peer=await self.app.get_input_entity(channel), user_id=await self.app.get_input_entity(user),
            password=telethon.password.compute_check(asked, password)))
        return {}

    async def do_set_password(self, new, old=None):
        """Sets, changes or (with nothing new) removes the password of logins."""
        await self.app.edit_2fa(old, new, hint="the usual")

    async def do_login(self, phone, code, first_name=None):
        await self.do_send_code(phone)
        return await self.do_sign_in(phone, code, first_name)

    async def do_find(self, phone):
        contact = types.InputPhoneContact(0, phone, "Somebody", "")
        found = await self.app(functions.contacts.ImportContactsRequest([contact]))
        if not found.imported:
            raise protocol.Refused("NOT_FOUND")
        return {"user_id": found.imported[0].user_id}

    async def do_resolve(self, username):
        return {"user_id": (await self.app.get_entity(username)).id}

    async def do_set_username(self, username):
        await self.app(functions.account.UpdateUsernameRequest(username))

    async def do_send(self, to, text, entities=(), reply_to=None, silent=None):
        formatting = [
            getattr(types, "MessageEntity" + name[0].upper() + name[1:])(offset, length)
            for name, offset, length in entities
        ]
        sent = await self.app.send_message(
            target(to), text, formatting_entities=formatting, reply_to=reply_to, silent=silent)
        return {"msg_id": sent.id}

    async def do_send_again(self, to, text, random_id):
        peer = await self.app.get_input_entity(target(to))
        result = await self.app(functions.messages.SendMessageRequest(peer, text, random_id=random_id))
        return {"msg_id": protocol.sent_id(result)}

    async def do_edit(self, to, msg_id, text):
        await self.app.edit_message(target(to), msg_id, text, formatting_entities=[])

    async def do_delete(self, to, msg_ids, revoke=True):
        await self.app.delete_messages(target(to), msg_ids, revoke=revoke)

    async def do_forward(self, source, to, msg_ids):
        forwarded = await self.app.forward_messages(target(to), msg_ids, target(source))
        return {"msg_ids": [message.id for message in forwarded]}

    async def do_read(self, peer, max_id):
        await self.app.send_read_acknowledge(target(peer), max_id=max_id)

    async def do_typing(self, to):
        peer = await self.app.get_input_entity(target(to))
        await self.app(functions.messages.SetTypingRequest(peer, types.SendMessageTypingAction()))

    async def do_history(self, peer, limit, offset_id=0):
        messages = await self.app.get_messages(target(peer), limit=limit, offset_id=offset_id)
        return {"messages": [protocol.message_of(message, self.me) for message in messages]}

    async def do_dialogs(self):
        return {"dialogs": [protocol.dialog_of(dialog.dialog) async for dialog in self.app.iter_dialogs()]}

    async def do_get_state(self):
        state = await self.app(functions.updates.GetStateRequest())
        return {"pts": state.pts, "local_pts": self.app._message_box.session_state()[0]["pts"]}

    async def do_sessions(self):
        found = await self.app(functions.account.GetAuthorizationsRequest())
        return {"sessions": [protocol.session_of(one) for one in found.authorizations]}

    async def do_terminate_others(self):
        await self.app(functions.auth.ResetAuthorizationsRequest())

    async def do_logout(self):
        if not await self.app.log_out():
            raise protocol.Refused("LOGOUT_REFUSED")
        # The library has deleted the session's file: a new client has a new key.
        await self.connect()

    async def do_set_online(self, online):
        await self.app(functions.account.UpdateStatusRequest(offline=not online))

    async def do_status(self, user):
        found = await self.app(functions.users.GetUsersRequest([await self.app.get_input_entity(user)]))
        return {"online": protocol.is_online(found[0].status)}

    async def do_offline(self):
        await self.app.disconnect()

    async def do_online(self):
        if self.app.is_connected():
            await self.app.catch_up()
        else:
            await self.app.connect()


if __name__ == "__main__":
    Telethon(protocol.arguments()).run()
