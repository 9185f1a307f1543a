"""Telegram Desktop shows what a Telethon user sends beside text, answers a poll, reacts, and makes a group.

Pictures have a word in them, which OCR finds: so they were loaded, and shown as they are.
"""

import os
import time

import window
from companion import SOON_S, Telethon
from window import CHATS, TALK

PART_BYTES = 512 * 1024
# Three lines left of the field for searching.
MENU = 105, 93
# The line below the bars of a voice message that is the last one; it is pale.
VOICE = "220x24+460+609", "80%"


def upload(telethon, data, name):
    """Uploads a file, part by part; returns it as an InputFile."""
    file_id = int.from_bytes(os.urandom(7), "big")
    parts = [data[at:at + PART_BYTES] for at in range(0, len(data), PART_BYTES)]
    for number, part in enumerate(parts):
        fields = {"file_id": file_id, "file_part": number, "bytes": {"hex": part.hex()}}
        telethon.do("invoke", method="upload.SaveFilePart", fields=fields)
    return {"_": "InputFile", "id": file_id, "parts": len(parts), "name": name, "md5_checksum": ""}


def send(telethon, to, media, text=""):
    fields = {"peer": {"peer": to}, "media": media, "message": text, "random_id": int.from_bytes(os.urandom(7), "big")}
    return telethon.do("invoke", method="messages.SendMedia", fields=fields)["result"]


def picture(screen, word, kind="png", size="640x480"):
    """A picture with a word in it."""
    path = screen.directory / f"{word}.{kind}"
    text = ["-fill", "black", "-pointsize", "96", "-gravity", "center", "-annotate", "0", word]
    screen.tool("convert", "-size", size, "xc:white", *text, str(path))
    return path.read_bytes()


def document(telethon, data, name, mime, *attributes):
    attributes = [{"_": "DocumentAttributeFilename", "file_name": name}, *attributes]
    file = upload(telethon, data, name)
    return {"_": "InputMediaUploadedDocument", "file": file, "mime_type": mime, "attributes": attributes}


def voters(telethon, to, message):
    """How many have answered a poll: what they said is shown to who has answered."""
    fields = {"peer": {"peer": to}, "msg_id": message, "poll_hash": 0}
    answer = telethon.do("invoke", method="messages.GetPollResults", fields=fields)["result"]
    (poll,) = [update for update in answer["updates"] if update["_"] == "UpdateMessagePoll"]
    return poll["results"]["total_voters"] or 0


def until(what, ask, wanted):
    end = time.monotonic() + SOON_S
    while (found := ask()) != wanted:
        assert time.monotonic() < end, f"{what}: {found}, and not {wanted}"
        time.sleep(0.2)


def media(args, screen):
    with Telethon(args, screen.directory) as telethon:
        assert telethon.do("login", phone=args.owner, code=args.owner_code, first_name="Thea")["signed_up"]
        screen.sign_up(args)
        dora = telethon.do("find", phone=args.phone)["user_id"]
        telethon.do("send", to=dora, text="Look at these")
        (_, place), _ = screen.wait_for("7-message-in", "thea", "look", part=CHATS)
        screen.click(place)
        screen.wait_for("8-chat", "look", "these", part=TALK)

        photo = upload(telethon, picture(screen, "Lighthouse"), "lighthouse.png")
        send(telethon, dora, {"_": "InputMediaUploadedPhoto", "file": photo}, "Our harbour")
        screen.wait_for("9-photo", "lighthouse", "harbour", part=TALK)

        album = []
        for word in ["Anchor", "Compass"]:
            file = upload(telethon, picture(screen, word), f"{word}.png")
            one = {"_": "InputMediaUploadedPhoto", "file": file}
            fields = {"peer": {"peer": dora}, "media": one}
            shown = telethon.do("invoke", method="messages.UploadMedia", fields=fields)["result"]["photo"]
            known = {"_": "InputPhoto", **{name: shown[name] for name in ("id", "access_hash", "file_reference")}}
            album.append({
                "_": "InputSingleMedia", "media": {"_": "InputMediaPhoto", "id": known}, "message": "",
                "random_id": int.from_bytes(os.urandom(7), "big")})
        telethon.do("invoke", method="messages.SendMultiMedia", fields={"peer": {"peer": dora}, "multi_media": album})
        screen.wait_for("10-album", "anchor", "compass", part=TALK)

        voice = {"_": "DocumentAttributeAudio", "duration": 7, "voice": True, "waveform": {"hex": "55" * 60}}
        send(telethon, dora, document(telethon, os.urandom(20_000), "voice.ogg", "audio/ogg", voice))
        screen.wait_for("11-voice", "00:07", part=VOICE)
        send(telethon, dora, document(telethon, b"Wind from the west. " * 500, "logbook.txt", "text/plain"))
        screen.wait_for("12-file", "logbook", part=TALK)

        sticker = {"_": "DocumentAttributeSticker", "alt": "\N{ANCHOR}", "stickerset": {"_": "InputStickerSetEmpty"}}
        size = {"_": "DocumentAttributeImageSize", "w": 512, "h": 512}
        ahoy = picture(screen, "Ahoy", "webp", "512x512")
        send(telethon, dora, document(telethon, ahoy, "sticker.webp", "image/webp", size, sticker))
        screen.wait_for("13-sticker", "ahoy", part=TALK)

        text = lambda words: {"_": "TextWithEntities", "text": words, "entities": []}
        answers = [{"_": "PollAnswer", "text": text(words), "option": {"hex": option}}
                   for words, option in [("Northern", "00"), ("Southern", "01")]]
        poll = {"_": "Poll", "id": 0, "question": text("Which harbour"), "answers": answers, "hash": 0}
        answer = send(telethon, dora, {"_": "InputMediaPoll", "poll": poll})
        (poll,) = [one["message"]["id"] for one in answer["updates"] if one["_"] == "UpdateNewMessage"]
        _, place = screen.wait_until_still("14-poll", "northern", "southern", part=TALK)
        assert voters(telethon, dora, poll) == 0
        screen.click(place)
        until("voters", lambda: voters(telethon, dora, poll), 1)
        screen.wait_for("15-voted", "100%", part=TALK)

        # Above the menu of a message stand the reactions.
        last = telethon.do("send", to=dora, text="Aye or nay")["msg_id"]
        place, _ = screen.wait_until_still("16-to-react", "aye", "nay", part=TALK)
        screen.click(place, button=3)
        place, _ = screen.wait_until_still("17-reactions", "copy", "forward")
        screen.click((place[0] - 10, place[1] - 95))

        def reactions():
            fields = {"peer": {"peer": dora}, "id": [last]}
            answer = telethon.do("invoke", method="messages.GetMessagesReactions", fields=fields)["result"]
            found = [one["reactions"]["results"] for one in answer["updates"] if one["_"] == "UpdateMessageReactions"]
            return sum(one["count"] for results in found for one in results)

        until("reactions", reactions, 1)
        screen.rest()
        screen.read("18-reacted", TALK)

        # The window makes a group of the two; who is added has to be a contact.
        (place,), _ = screen.wait_for("19-bar", "add", part=("540x80+380+100", "75%"))
        screen.click(place)
        screen.wait_for("20-add-contact", "new", "contact", "done")
        screen.key("Return")
        screen.wait_for("21-added", "northern", without=["done"])
        screen.click(MENU)
        (place, _), _ = screen.wait_for("22-menu", "group", "channel")
        screen.click(place)
        screen.wait_for("23-new-group", "group", "name", "next")
        screen.type("Crew")
        screen.key("Return")
        (*_, place), _ = screen.wait_for("24-members", "add", "members", "thea")
        screen.click(place)
        (place,), _ = screen.wait_for("25-chosen", "create")
        screen.click(place)

        def groups():
            dialogs = telethon.do("invoke", method="messages.GetDialogs", fields={
                "offset_date": 0, "offset_id": 0, "offset_peer": {"_": "InputPeerEmpty"}, "limit": 10, "hash": 0})
            return [[chat["title"], chat["participants_count"]] for chat in dialogs["result"]["chats"]]

        until("groups", groups, [["Crew", 2]])
        screen.wait_for("26-group", "crew", "members")
        return groups()[0]


window.run(
    media, within_s=300, code="the code of its invite", owner="number of the other account", owner_code="and its code",
    telethon="a Python interpreter that has Telethon")
