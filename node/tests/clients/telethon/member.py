"""Two members, by Telethon's own types: what the chat tests do not call, and how each sees the other.

`--phone` and `--code` hold two of each, separated by commas.
"""

import asyncio
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))
import common
import session
import telethon
from telethon import errors, events, functions, types
from telethon.tl.alltlobjects import LAYER

f = functions


async def outcome(call):
    try:
        return type(await call).__name__
    except errors.RPCError as error:
        return session.refusal_of(error)


async def main(args):
    phones, codes = args.phone.split(","), args.code.split(",")
    ada, ada_id = await session.log_in(args, phones[0], codes[0], "Ada")
    bob, bob_id = await session.log_in(args, phones[1], codes[1], "Bob")
    seen = {}
    updates = asyncio.Queue()
    ada.add_event_handler(updates.put, events.Raw)

    # By the number of a stranger: the name of one's own choice, and the number.
    found = await ada(f.contacts.ImportContactsRequest([types.InputPhoneContact(7, phones[1], "Robert", "B")]))
    known = found.users[0]
    seen["imported"] = [found.imported[0].client_id, found.imported[0].user_id == bob_id, known.first_name]
    seen["contact"] = [known.contact, known.mutual_contact, known.phone == phones[1].strip("+")]
    input_bob = types.InputUser(bob_id, known.access_hash)
    peer_bob = types.InputPeerUser(bob_id, known.access_hash)
    book = await ada(f.contacts.GetContactsRequest(0))
    seen["book"] = [[c.user_id == bob_id, c.mutual] for c in book.contacts]
    # The published fold over one id is that id.
    seen["book again"] = type(await ada(f.contacts.GetContactsRequest(bob_id))).__name__
    seen["ids"] = [id == bob_id for id in await ada(f.contacts.GetContactIDsRequest(0))]
    seen["statuses"] = [s.user_id == bob_id for s in await ada(f.contacts.GetStatusesRequest())]

    # The other way: Bob has not imported anybody, and sees neither a contact nor a number that is not his to see.
    await ada.send_message(peer_bob, "hello")
    dialogs = await bob(f.messages.GetDialogsRequest(0, 0, types.InputPeerEmpty(), 10, 0))
    stranger = next(user for user in dialogs.users if user.id == ada_id)
    seen["stranger"] = [stranger.contact, stranger.first_name]
    # Ada has Bob in her book: she lets him see her number.
    seen["number of who knows me"] = stranger.phone == phones[0].strip("+")
    input_ada = types.InputUser(ada_id, stranger.access_hash)
    peer_ada = types.InputPeerUser(ada_id, stranger.access_hash)
    settings = await bob(f.messages.GetPeerSettingsRequest(peer_ada))
    seen["settings"] = [settings.settings.add_contact, settings.settings.block_contact]
    await bob(f.contacts.AddContactRequest(input_ada, "Ada", "L", ""))
    seen["mutual"] = (await bob(f.users.GetUsersRequest([input_ada])))[0].mutual_contact
    await bob(f.contacts.DeleteContactsRequest([input_ada]))
    seen["deleted"] = (await bob(f.users.GetUsersRequest([input_ada])))[0].contact

    # Names.
    seen["names"] = [
        await bob(f.account.CheckUsernameRequest("bobby_1")),
        (await bob(f.account.UpdateUsernameRequest("bobby_1"))).username,
        await ada(f.account.CheckUsernameRequest("BOBBY_1")),
        await outcome(ada(f.account.UpdateUsernameRequest("Bobby_1"))),
        await outcome(ada(f.account.CheckUsernameRequest("a b"))),
        (await ada(f.contacts.ResolveUsernameRequest("BOBBY_1"))).peer.user_id == bob_id,
        (await ada(f.contacts.ResolvePhoneRequest(phones[1]))).peer.user_id == bob_id,
        await outcome(ada(f.contacts.ResolvePhoneRequest("+88800000000"))),
    ]
    await bob(f.account.UpdateProfileRequest(first_name="Bob", last_name="Builder", about="I build"))
    full = await ada(f.users.GetFullUserRequest(input_bob))
    seen["full"] = [full.full_user.about, full.users[0].first_name, full.full_user.blocked]
    results = await ada(f.contacts.SearchRequest("robe b", 10))
    seen["search of a contact"] = [len(results.my_results), len(results.results)]
    results = await bob(f.contacts.SearchRequest("nobody", 10))
    seen["search of nobody"] = [len(results.my_results), len(results.results)]
    seen["search of nothing"] = await outcome(ada(f.contacts.SearchRequest(" ", 10)))

    # Blocked: one tick, no error, and nothing arrives.
    await bob(f.contacts.BlockRequest(peer_ada))
    unheard = await ada.send_message(peer_bob, "unheard")
    blocked = await bob(f.contacts.GetBlockedRequest(0, 10))
    seen["blocked"] = [[b.peer_id.user_id == ada_id for b in blocked.blocked], unheard.id > 0]
    await bob(f.account.UpdateStatusRequest(offline=False))
    seen["status to who is blocked"] = type((await ada(f.users.GetUsersRequest([input_bob])))[0].status).__name__
    await bob(f.contacts.UnblockRequest(peer_ada))
    heard = await ada.send_message(peer_bob, "heard")
    history = await bob(f.messages.GetHistoryRequest(peer_ada, 0, None, 0, 10, 0, 0, 0))
    seen["history of who blocked"] = [message.message for message in history.messages]
    seen["status"] = type((await ada(f.users.GetUsersRequest([input_bob])))[0].status).__name__
    seen["unblocked"] = (await bob(f.contacts.GetBlockedRequest(0, 10))).count

    # An answer that quotes a part; the nearest place where the part stands.
    quoted = f.messages.SendMessageRequest(
        peer_bob, "indeed", random_id=7001,
        reply_to=types.InputReplyToMessage(heard.id, quote_text="ear", quote_offset=0), silent=True)
    await ada(quoted)
    answer = (await bob(f.messages.GetHistoryRequest(peer_ada, 0, None, 0, 1, 0, 0, 0))).messages[0]
    header = answer.reply_to
    seen["quote"] = [
        header.reply_to_msg_id == history.messages[0].id, header.quote, header.quote_text, header.quote_offset,
        answer.silent]
    quoted.random_id, quoted.reply_to = 7002, types.InputReplyToMessage(heard.id, quote_text="nowhere")
    seen["quote of nothing"] = await outcome(ada(quoted))
    seen["without a random id"] = [
        await outcome(ada(f.messages.SendMessageRequest(peer_bob, "x", random_id=0))),
        await outcome(ada(f.messages.ForwardMessagesRequest(peer_bob, [heard.id], peer_bob, random_id=[0]))),
    ]

    # Messages by their ids.
    ids = [types.InputMessageID(heard.id), types.InputMessageID(9999)]
    found = await ada(f.messages.GetMessagesRequest(ids))
    seen["by id"] = [type(message).__name__ for message in found.messages]
    seen["edit data"] = [
        (await ada(f.messages.GetMessageEditDataRequest(peer_bob, heard.id))).caption,
        await outcome(bob(f.messages.GetMessageEditDataRequest(peer_ada, history.messages[0].id))),
    ]
    contents = await ada(f.messages.ReadMessageContentsRequest([heard.id]))
    state = await ada(f.updates.GetStateRequest())
    seen["contents"] = [contents.pts == state.pts, contents.pts_count]
    seen["lists"] = [
        len(await ada(f.messages.ReceivedMessagesRequest(heard.id))),
        len((await ada(f.messages.GetCommonChatsRequest(input_bob, 0, 10))).chats),
        len((await ada(f.photos.GetUserPhotosRequest(input_bob, 0, 0, 10))).photos),
        len((await ada(f.messages.GetPinnedDialogsRequest(0))).dialogs),
    ]
    one = await ada(f.messages.GetPeerDialogsRequest([types.InputDialogPeer(peer_bob)]))
    nobody = await bob(f.messages.GetPeerDialogsRequest([types.InputDialogPeer(types.InputPeerSelf())]))
    seen["peer dialogs"] = [one.dialogs[0].top_message > heard.id, nobody.dialogs[0].top_message]

    def search(filter):
        return f.messages.SearchRequest(peer_bob, "", filter, None, None, 0, 0, 10, 0, 0, 0)

    seen["searched"] = [
        len((await ada(search(types.InputMessagesFilterPinned()))).messages),
        len((await ada(search(types.InputMessagesFilterPhotos()))).messages),
        len((await ada(search(types.InputMessagesFilterUrl()))).messages),
    ]
    for number in range(101):
        await ada(f.messages.SendMessageRequest(types.InputPeerSelf(), str(number), random_id=number + 1))
    before = (await ada(f.updates.GetStateRequest())).pts
    cleared = [await ada(f.messages.DeleteHistoryRequest(types.InputPeerSelf(), 0)) for _ in range(2)]
    left = await ada(f.messages.GetHistoryRequest(types.InputPeerSelf(), 0, None, 0, 10, 0, 0, 0))
    seen["cleared"] = [[c.pts - before, c.pts_count, c.offset] for c in cleared] + [len(left.messages)]

    # A login carried to a key of another DC, which all end here.
    media = await session.connected(args, dc=4)
    exported = await ada(f.auth.ExportAuthorizationRequest(4))
    carried = await media(f.auth.ImportAuthorizationRequest(exported.id, exported.bytes))
    seen["carried"] = [carried.user.id == ada_id, (await media(f.users.GetUsersRequest([types.InputUserSelf()])))[0].id == ada_id]
    seen["carried twice"] = await outcome(media(f.auth.ImportAuthorizationRequest(exported.id, exported.bytes)))
    devices = await ada(f.account.GetAuthorizationsRequest())
    seen["devices"] = [[d.current, d.hash] for d in devices.authorizations]
    other = await session.connected(args)
    sent = await other.send_code_request(phones[0])
    service = await ada.get_messages(777000, limit=1)
    code = re.search(r"\b\d{6}\b", service[0].message).group()
    await other(f.auth.SignInRequest(phones[0], sent.phone_code_hash, code))
    devices = await ada(f.account.GetAuthorizationsRequest())
    stranger = next(d for d in devices.authorizations if not d.current)
    seen["reset"] = [
        await ada(f.account.ResetAuthorizationRequest(stranger.hash)),
        await outcome(other(f.users.GetUsersRequest([types.InputUserSelf()]))),
        len((await ada(f.account.GetAuthorizationsRequest())).authorizations),
    ]
    seen["no such device"] = await outcome(ada(f.account.ResetAuthorizationRequest(5)))

    kinds = set()
    while not updates.empty():
        kinds.add(type(updates.get_nowait()).__name__)
    seen["told of names"] = "UpdateUserName" in kinds
    for client in (ada, bob, media, other):
        await client.disconnect()
    return {"version": telethon.__version__, "layer": LAYER, "seen": seen}


common.run(main(common.arguments()))
