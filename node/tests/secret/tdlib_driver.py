"""The TDLib of the chat tests, with secret chats.

A secret chat has two numbers: its own (`chat`), and that of the dialog where its messages stand (`dialog`). What is
printed of its messages are TDLib's numbers as they are: the node has none.
TDLib changes the key by itself after each 100 messages and shows nothing of it: the hash of the key stays that of the
first one. Gaps it fills by asking the other end, so what it shows is in order whatever the node did; an encrypted
message that comes before its chat it drops, and logs that as an error.
"""

import asyncio
import base64
import pathlib
import shutil
import sys

# Before this directory: the files are called alike.
sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "chat"))
import protocol  # noqa: E402
import tdlib_driver  # noqa: E402

# The dialog of a secret chat is this plus the chat's number, which has 32 bits and a sign.
SECRET = -2_000_000_000_000
STATES = {"secretChatStatePending": "waiting", "secretChatStateReady": "active", "secretChatStateClosed": "closed"}
KINDS = {"messageText": "text", "messageDocument": "document", "messageChatSetMessageAutoDeleteTime": "timer"}


def is_secret(dialog):
    return -(1 << 31) <= dialog - SECRET < 1 << 31


def message_of(message):
    content = message["content"]
    timer = content.get("message_auto_delete_time", (message.get("self_destruct_type") or {}).get("self_destruct_time"))
    return {
        "dialog": message["chat_id"],
        "message": message["id"],
        "out": message["is_outgoing"],
        "kind": KINDS.get(content["@type"], content["@type"]),
        "text": content.get("text", content.get("caption", {})).get("text"),
        "date": message["date"],
        # Seconds after which it destroys itself, or that were set for the chat.
        "timer": timer or 0,
        # It runs.
        "burns": message.get("self_destruct_in", 0) > 0,
    }


def state_of(chat):
    return {
        "chat": chat["id"],
        "dialog": SECRET + chat["id"],
        "state": STATES[chat["state"]["@type"]],
        "out": chat["is_outbound"],
        "key": base64.b64decode(chat["key_hash"]).hex(),
        "layer": chat["layer"],
        "user": chat["user_id"],
    }


class Secret(tdlib_driver.Tdlib):
    use_secret_chats = True

    async def start(self):
        self.orders = {}
        await super().start()

    def event_of(self, update):
        name = update["@type"]
        if name == "updateSecretChat":
            return {"event": "secret_state", **state_of(update["secret_chat"])}
        dialog = update["message"]["chat_id"] if name == "updateNewMessage" else update.get("chat_id", 0)
        if not is_secret(dialog):
            return super().event_of(update)
        if name == "updateNewMessage" and "sending_state" not in update["message"]:
            self.orders[dialog] = self.orders.get(dialog, 0) + 1
            return {"event": "secret_message", "order": self.orders[dialog], **message_of(update["message"])}
        if name == "updateDeleteMessages" and update["is_permanent"] and not update["from_cache"]:
            return {"event": "secret_deleted", "dialog": dialog, "messages": update["message_ids"]}
        if name == "updateChatReadOutbox":
            return {"event": "secret_read", "dialog": dialog, "message": update["last_read_outbox_message_id"]}
        if name == "updateChatAction" and update["action"]["@type"] == "chatActionTyping":
            return {"event": "secret_typing", "dialog": dialog, "user": update["sender_id"]["user_id"]}
        return None

    async def chat(self, peer):
        if peer != "self" and is_secret(peer):
            # After a start it knows only what it was asked for.
            if peer not in self.chats:
                await self.request("createSecretChat", secret_chat_id=peer - SECRET)
                self.chats.add(peer)
            return peer
        return await super().chat(peer)

    async def when_sent(self, message):
        """What the message is called once it is sent: the chat's own numbers follow each other."""
        result = await self.outcome(message["chat_id"], message["id"])
        if result["@type"] == "updateMessageSendFailed":
            raise tdlib_driver.TdError(result["error"])
        return {"message": result["message"]["id"], "date": result["message"]["date"]}

    async def queue(self, dialog, content):
        return await self.request("sendMessage", chat_id=await self.chat(dialog), input_message_content=content)

    async def messages(self, dialog):
        """All that is there, oldest first; of a secret chat nobody else has any."""
        chat, found, last = await self.chat(dialog), [], 0
        while more := (await self.request(
                "getChatHistory", chat_id=chat, from_message_id=last, offset=0, limit=100,
                only_local=False))["messages"]:
            found += more
            last = more[-1]["id"]
        return found[::-1]

    async def view(self, dialog, messages):
        await self.request("openChat", chat_id=await self.chat(dialog))
        await self.request(
            "viewMessages", chat_id=dialog, message_ids=messages, source={"@type": "messageSourceChatHistory"},
            force_read=True)

    async def do_secret_create(self, user):
        """Asks somebody for a secret chat; that the node has taken it shows in nothing but its answer to them."""
        made = await self.request("createNewSecretChat", user_id=user)
        self.chats.add(made["id"])
        return {"chat": made["type"]["secret_chat_id"], "dialog": made["id"]}

    async def do_secret_state(self, chat):
        return state_of(await self.request("getSecretChat", secret_chat_id=chat))

    async def do_secret_send(self, dialog, text):
        return await self.when_sent(await self.queue(dialog, self.content(text)))

    async def do_secret_send_many(self, dialog, texts):
        """Queues all, in order, then waits until all are sent."""
        await self.chat(dialog)
        queued = await asyncio.gather(*(self.queue(dialog, self.content(text)) for text in texts))
        return {"messages": [(await self.when_sent(message))["message"] for message in queued]}

    async def do_secret_file(self, dialog, path):
        return await self.when_sent(await self.queue(dialog, {
            "@type": "inputMessageDocument",
            "document": {
                "@type": "inputDocument", "document": {"@type": "inputFileLocal", "path": path},
                "disable_content_type_detection": True},
        }))

    async def do_secret_download(self, dialog, message, path):
        found = await self.request("getMessage", chat_id=await self.chat(dialog), message_id=message)
        done = await self.request(
            "downloadFile", file_id=found["content"]["document"]["document"]["id"], priority=32, offset=0, limit=0,
            synchronous=True)
        shutil.copyfile(done["local"]["path"], path)

    async def do_secret_ttl(self, dialog, seconds):
        """The timer of all that is written from now on. The other end is told in a message of the chat."""
        await self.request(
            "setChatMessageAutoDeleteTime", chat_id=await self.chat(dialog), message_auto_delete_time=seconds)
        told = next(message for message in reversed(await self.messages(dialog)) if message["is_outgoing"])
        return await self.when_sent(told) if "sending_state" in told else message_of(told)

    async def do_secret_open(self, dialog, message):
        """Looks at a message, as somebody who opens it: its timer runs."""
        await self.view(dialog, [message])
        await self.request("openMessageContent", chat_id=dialog, message_id=message)

    async def do_secret_delete(self, dialog, messages):
        await self.request("deleteMessages", chat_id=await self.chat(dialog), message_ids=messages, revoke=True)

    async def do_secret_read(self, dialog):
        """Looks at all that came."""
        await self.view(dialog, [one["id"] for one in await self.messages(dialog) if not one["is_outgoing"]])

    async def do_secret_typing(self, dialog):
        await self.request("sendChatAction", chat_id=await self.chat(dialog), action={"@type": "chatActionTyping"})

    async def do_secret_close(self, chat):
        await self.request("closeSecretChat", secret_chat_id=chat)

    async def do_secret_history(self, dialog):
        return {"messages": [message_of(message) for message in await self.messages(dialog)]}


if __name__ == "__main__":
    Secret(protocol.arguments()).run()
