"""The Telethon of the chat tests, with secret chats by telethon-secret-chat, of which nothing is changed.

It runs with the Telethon of the chat tests. What it lacks by itself, the tests do without:
- It begins in MTProto 1 under layer 101, and takes the moment when its module was loaded for the age of every chat, by
  which it repeats its layer after each message. TDLib ends a chat for either, so its own storage is extended here.
- Its storage in a file keeps the key of a chat and not how many messages there were: TDLib takes the second one for the
  first come again. So the one in memory is used, and chats end with the process.
- It encrypts each part of a file anew with the same vector: only files of one part are read, up to 64 KiB.
- It has no new keys: after 100 messages, counting those of both and its own about the layer, a chat does not go on.
- It knows the file of layer 46 and not that of 143; it says the layer that it last heard. So TDLib has to write first.
A chat has one number here, which is printed as both `chat` and `dialog`; a message's is its random id.
"""

import hashlib
import os
import pathlib
import sys
import time

# Before this directory: the files are called alike.
sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "chat"))
import protocol  # noqa: E402
import telethon_driver  # noqa: E402
from telethon import TelegramClient, events, functions, types  # noqa: E402
from telethon.network import connection  # noqa: E402
from telethon.sessions import SQLiteSession  # noqa: E402
from telethon_secret_chat import SecretChatManager, secretTL  # noqa: E402
from telethon_secret_chat.storage.memory import SecretMemorySession  # noqa: E402


class Storage(SecretMemorySession):
    def save_chat(self, chat, temp=False):
        if not temp:
            chat.mtproto, chat.created = 2, time.time()
        super().save_chat(chat, temp)


def key_of(chat):
    """The hash that TDLib shows of a key."""
    return (hashlib.sha1(chat.auth_key).digest()[:16] + hashlib.sha256(chat.auth_key).digest()[:20]).hex()


class Secret(telethon_driver.Telethon):
    async def connect(self):
        session = SQLiteSession(str(self.args.session / "telethon"))
        session.set_dc(2, self.args.host, self.args.port)
        self.app = TelegramClient(
            session, 1, "x" * 32, connection=connection.ConnectionTcpFull, catch_up=True, sequential_updates=True,
            connection_retries=60, retry_delay=1, timeout=10, flood_sleep_threshold=0, raise_last_call_error=True,
            device_model="telethon")
        self.app.add_event_handler(self.on_update, events.Raw())
        # Before it connects: what was missed comes at once.
        self.secret = SecretChatManager(
            self.app, session=Storage(), auto_accept=True, new_chat_created=self.on_created)
        self.secret.add_secret_event_handler(func=self.on_secret)
        self.kept, self.media, self.users, self.ended = {}, {}, {}, {}
        await self.app.connect()
        me = await self.app.get_me()
        self.me = me.id if me else None

    # ---- what comes ----

    async def on_created(self, chat, created_by_me):
        self.users[chat.id] = chat.participant_id if created_by_me else chat.admin_id
        self.emit({"event": "secret_state", **self.state(chat.id)})

    async def on_update(self, update):
        await super().on_update(update)
        if isinstance(update, types.UpdateEncryption) and isinstance(update.chat, types.EncryptedChatDiscarded):
            self.end(update.chat.id)
            self.emit({"event": "secret_state", **self.state(update.chat.id)})
        elif isinstance(update, types.UpdateEncryptedMessagesRead):
            date = int(update.max_date.timestamp())
            self.emit({"event": "secret_read", "dialog": update.chat_id, "until": date})
        elif isinstance(update, types.UpdateEncryptedChatTyping):
            self.emit({"event": "secret_typing", "dialog": update.chat_id, "user": self.users.get(update.chat_id)})

    async def on_secret(self, event):
        dialog, decrypted = event.message.chat_id, event.decrypted_event
        action = getattr(decrypted, "action", None)
        if isinstance(action, secretTL.DecryptedMessageActionDeleteMessages):
            kept = self.kept.setdefault(dialog, [])
            kept[:] = [one for one in kept if one["message"] not in action.random_ids]
            self.emit({"event": "secret_deleted", "dialog": dialog, "messages": action.random_ids})
        elif isinstance(action, secretTL.DecryptedMessageActionReadMessages):
            self.emit({"event": "secret_opened", "dialog": dialog, "messages": action.random_ids})
        elif isinstance(action, secretTL.DecryptedMessageActionSetMessageTTL) or action is None:
            kept = self.keep(dialog, decrypted, event.message.date, out=False)
            self.media[kept["message"]] = decrypted
            order = sum(not one["out"] for one in self.kept[dialog])
            self.emit({"event": "secret_message", "order": order, **kept})

    def keep(self, dialog, decrypted, date, out):
        media, action = getattr(decrypted, "media", None), getattr(decrypted, "action", None)
        kind = protocol.kind(media).removeprefix("DecryptedMessageMedia").lower()
        kept = {
            "dialog": dialog,
            "message": decrypted.random_id,
            "out": out,
            "kind": "timer" if action else "text" if kind in ("nonetype", "empty") else kind,
            "text": getattr(decrypted, "message", None),
            "date": int(date.timestamp()),
            "timer": action.ttl_seconds if action else getattr(decrypted, "ttl", 0),
            "burns": False,
        }
        self.kept.setdefault(dialog, []).append(kept)
        return kept

    def end(self, chat):
        """Keeps what there is to say of a chat that is no more."""
        known = self.secret.session.get_secret_chat_by_id(chat)
        self.ended[chat] = known or self.secret.session.get_temp_secret_chat_by_id(chat)

    def state(self, chat):
        active = self.secret.session.get_secret_chat_by_id(chat)
        waiting = self.secret.session.get_temp_secret_chat_by_id(chat)
        known = active or waiting or self.ended.get(chat)
        return {
            "chat": chat,
            "dialog": chat,
            "state": "closed" if chat in self.ended else "active" if active else "waiting",
            "out": bool(waiting or known and known.admin),
            "key": key_of(known) if known and known is not waiting else "",
            "layer": known.layer if known else 0,
            "user": self.users.get(chat),
        }

    # ---- commands ----

    async def do_secret_create(self, user):
        chat = await self.secret.start_secret_chat(user)
        self.users[chat] = user
        return {"chat": chat, "dialog": chat}

    async def do_secret_state(self, chat):
        return self.state(chat)

    def sent(self, dialog, result):
        """What the library has just encrypted."""
        chat = self.secret.get_secret_chat(dialog)
        kept = self.keep(dialog, chat.outgoing[chat.out_seq_no].message, result.date, out=True)
        return {"message": kept["message"], "date": kept["date"]}

    async def do_secret_send(self, dialog, text):
        timer = self.secret.get_secret_chat(dialog).ttl
        return self.sent(dialog, await self.secret.send_secret_message(dialog, text, ttl=timer, parse_mode=None))

    async def do_secret_send_many(self, dialog, texts):
        return {"messages": [(await self.do_secret_send(dialog, text))["message"] for text in texts]}

    async def do_secret_file(self, dialog, path):
        name, size = os.path.basename(path), os.path.getsize(path)
        result = await self.secret.send_secret_document(
            dialog, path, thumb=b"", thumb_w=0, thumb_h=0, file_name=name, mime_type="application/octet-stream",
            size=size, attributes=[types.DocumentAttributeFilename(name)],
            ttl=self.secret.get_secret_chat(dialog).ttl)
        return self.sent(dialog, result)

    async def do_secret_download(self, dialog, message, path):
        decrypted = self.media[message]
        content = await self.secret.download_secret_media(decrypted)
        # What was encrypted is a whole number of blocks.
        pathlib.Path(path).write_bytes(content[:decrypted.media.size])

    async def do_secret_ttl(self, dialog, seconds):
        """The library has the message and no function that sends it."""
        chat = self.secret.get_secret_chat(dialog)
        message = secretTL.DecryptedMessageService(secretTL.DecryptedMessageActionSetMessageTTL(seconds))
        data = await self.secret.encrypt_secret_message(dialog, message)
        result = await self.app(functions.messages.SendEncryptedServiceRequest(chat.input_chat, data))
        chat.ttl = seconds
        return self.sent(dialog, result)

    async def do_secret_delete(self, dialog, messages):
        chat = self.secret.get_secret_chat(dialog)
        message = secretTL.DecryptedMessageService(secretTL.DecryptedMessageActionDeleteMessages(messages))
        data = await self.secret.encrypt_secret_message(dialog, message)
        await self.app(functions.messages.SendEncryptedServiceRequest(chat.input_chat, data))
        self.kept[dialog] = [one for one in self.kept[dialog] if one["message"] not in messages]

    async def do_secret_read(self, dialog):
        chat = self.secret.get_secret_chat(dialog)
        last = max(one["date"] for one in self.kept[dialog] if not one["out"])
        await self.app(functions.messages.ReadEncryptedHistoryRequest(chat.input_chat, last))

    async def do_secret_typing(self, dialog):
        chat = self.secret.get_secret_chat(dialog)
        await self.app(functions.messages.SetEncryptedTypingRequest(chat.input_chat, True))

    async def do_secret_close(self, chat):
        known = self.secret.get_secret_chat(chat)
        self.end(chat)
        await self.secret.close_secret_chat(known)

    async def do_secret_history(self, dialog):
        return {"messages": self.kept.get(dialog, [])}


if __name__ == "__main__":
    Secret(protocol.arguments()).run()
