"""Two members and a secret chat, call by call: what the libraries for secret chats do not call.

What is "encrypted" here is bytes: the node cannot tell. `--phone` and `--code` hold two of each, separated by commas.
"""

import asyncio
import hashlib
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))
import common
import session
import telethon
from telethon import errors, events, functions, types
from telethon.tl.alltlobjects import LAYER

m = functions.messages
WITHIN = 30


def number(value):
    return value.to_bytes(256, "big")


async def refused(call):
    try:
        return type(await call).__name__
    except errors.RPCError as error:
        return session.refusal_of(error)


class Told:
    """What a client is told, in order; each kind is waited for by itself."""

    def __init__(self, client):
        self.queues = {}
        client.add_event_handler(self.put, events.Raw)

    def queue(self, kind):
        return self.queues.setdefault(kind.__name__, asyncio.Queue())

    async def put(self, update):
        await self.queue(type(update)).put(update)

    async def next(self, kind):
        return await asyncio.wait_for(self.queue(kind).get(), WITHIN)


async def upload(client, content):
    """The content in parts of 128 KiB, as a file for a secret chat."""
    file_id = int.from_bytes(os.urandom(8), "big", signed=True)
    parts = [content[at:at + (128 << 10)] for at in range(0, len(content), 128 << 10)]
    for at, part in enumerate(parts):
        assert await client(functions.upload.SaveFilePartRequest(file_id, at, part))
    md5 = hashlib.md5(content).hexdigest()
    return types.InputEncryptedFileUploaded(file_id, len(parts), md5, 77)


async def load(client, file):
    place = types.InputEncryptedFileLocation(file.id, file.access_hash)
    content = b""
    while True:
        found = await client(functions.upload.GetFileRequest(place, len(content), 512 << 10))
        content += found.bytes
        if len(found.bytes) < 512 << 10:
            return content


async def main(args):
    phones, codes = args.phone.split(","), args.code.split(",")
    ada, ada_id = await session.log_in(args, phones[0], codes[0], "Ada")
    bob, bob_id = await session.log_in(args, phones[1], codes[1], "Bob")
    to_ada, to_bob = Told(ada), Told(bob)
    found = await ada(functions.contacts.ImportContactsRequest([types.InputPhoneContact(7, phones[1], "Bob", "")]))
    input_bob = types.InputUser(bob_id, found.users[0].access_hash)
    seen = {}

    config = await ada(m.GetDhConfigRequest(version=0, random_length=256))
    again = await ada(m.GetDhConfigRequest(version=config.version, random_length=256))
    seen["config"] = [config.g, len(config.p), type(again).__name__, config.random != again.random]
    prime, a, b = int.from_bytes(config.p, "big"), *(int.from_bytes(os.urandom(256), "big") for _ in range(2))
    g_a = number(pow(config.g, a, prime))
    seen["weak"] = await refused(ada(m.RequestEncryptionRequest(input_bob, g_a=number(1), random_id=5)))
    asked = await ada(m.RequestEncryptionRequest(input_bob, g_a=g_a, random_id=5))
    told = (await to_bob.next(types.UpdateEncryption)).chat
    seen["asked"] = [type(asked).__name__, type(told).__name__, told.admin_id == ada_id, told.g_a == g_a]
    at_bob = types.InputEncryptedChat(told.id, told.access_hash)
    at_ada = types.InputEncryptedChat(asked.id, asked.access_hash)
    seen["early"] = await refused(ada(m.SendEncryptedRequest(at_ada, b"early", random_id=1)))
    g_b = number(pow(config.g, b, prime))
    opened = await bob(m.AcceptEncryptionRequest(at_bob, g_b, key_fingerprint=-4))
    told = (await to_ada.next(types.UpdateEncryption)).chat
    key = pow(int.from_bytes(told.g_a_or_b, "big"), a, prime)
    same = key == pow(int.from_bytes(opened.g_a_or_b, "big"), b, prime)
    seen["opened"] = [type(told).__name__, told.key_fingerprint, same]

    before = await bob(functions.updates.GetStateRequest())
    await ada(m.SendEncryptedRequest(at_ada, b"one", random_id=1, silent=True))
    await ada(m.SendEncryptedRequest(at_ada, b"one", random_id=1, silent=True))
    await ada(m.SendEncryptedServiceRequest(at_ada, b"two", random_id=2))
    content = os.urandom(700_000)
    sent = await ada(m.SendEncryptedFileRequest(at_ada, b"three", await upload(ada, content), random_id=3))
    kept = await ada(m.UploadEncryptedFileRequest(at_ada, await upload(ada, content[:1000])))
    known = types.InputEncryptedFile(kept.id, kept.access_hash)
    await ada(m.SendEncryptedFileRequest(at_ada, b"four", known, random_id=4))
    came = [await to_bob.next(types.UpdateNewEncryptedMessage) for _ in range(4)]
    seen["came"] = [[type(c.message).__name__, c.message.bytes.decode(), c.qts - before.qts] for c in came]
    file = came[2].message.file
    seen["files"] = [
        [file.id == sent.file.id, file.size, file.key_fingerprint, await load(bob, file) == content],
        [came[3].message.file.id == kept.id, await load(bob, came[3].message.file) == content[:1000]],
    ]
    # What a client has seen and not confirmed comes again; what it has confirmed is gone.
    missed = functions.updates.GetDifferenceRequest(before.pts, before.date, before.qts)
    answer = await bob(missed)
    seen["again"] = [m.bytes.decode() for m in answer.new_encrypted_messages] + [answer.state.qts == came[3].qts]
    seen["received"] = [
        await bob(m.ReceivedQueueRequest(came[1].qts)),
        await refused(bob(m.ReceivedQueueRequest(came[3].qts + 1))),
        [m.bytes.decode() for m in (await bob(missed)).new_encrypted_messages],
    ]
    await bob(m.SetEncryptedTypingRequest(at_bob, True))
    await bob(m.ReadEncryptedHistoryRequest(at_bob, came[3].message.date))
    typing = await to_ada.next(types.UpdateEncryptedChatTyping)
    read = await to_ada.next(types.UpdateEncryptedMessagesRead)
    seen["shown"] = [typing.chat_id, read.chat_id, read.max_date == came[3].message.date]
    seen["reported"] = await bob(m.ReportEncryptedSpamRequest(at_bob))
    seen["wrong hash"] = await refused(bob(m.ReportEncryptedSpamRequest(types.InputEncryptedChat(5, 1))))
    seen["ended"] = await bob(m.DiscardEncryptionRequest(chat_id=5, delete_history=True))
    told = (await to_ada.next(types.UpdateEncryption)).chat
    seen["told of the end"] = [type(told).__name__, told.history_deleted]
    seen["ended again"] = await refused(bob(m.DiscardEncryptionRequest(chat_id=5)))
    seen["late"] = await refused(ada(m.SendEncryptedRequest(at_ada, b"late", random_id=9)))
    await ada.disconnect()
    await bob.disconnect()
    return {"version": telethon.__version__, "layer": LAYER, "seen": seen}


common.run(main(common.arguments()))
