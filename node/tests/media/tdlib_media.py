"""The TDLib of the chat tests, with files: sends each kind by its own API."""

import base64
import pathlib
import shutil
import sys

sys.path.append(str(pathlib.Path(__file__).parent.parent / "chat"))
import protocol  # noqa: E402
import tdlib_driver  # noqa: E402

WAVEFORM = bytes(range(63))
SHIFT = tdlib_driver.ID_SHIFT


def local(path):
    return {"@type": "inputFileLocal", "path": path}


def text(caption):
    return {"@type": "formattedText", "text": caption}


def content_of(kind, path, caption):
    shape = {"duration": 2, "width": 320, "height": 240}
    return {
        "photo": lambda: {
            "@type": "inputMessagePhoto", "caption": text(caption),
            "photo": {"@type": "inputPhoto", "photo": local(path), "width": 640, "height": 480}},
        "document": lambda: {
            "@type": "inputMessageDocument", "caption": text(caption),
            "document": {
                "@type": "inputDocument", "document": local(path), "disable_content_type_detection": True}},
        "voice": lambda: {
            "@type": "inputMessageVoiceNote", "caption": text(caption),
            "voice_note": {
                "@type": "inputVoiceNote", "voice_note": local(path), "duration": 3,
                "waveform": base64.b64encode(WAVEFORM).decode()}},
        "round": lambda: {
            "@type": "inputMessageVideoNote",
            "video_note": {"@type": "inputVideoNote", "video_note": local(path), "duration": 2, "length": 240}},
        "video": lambda: {
            "@type": "inputMessageVideo", "caption": text(caption),
            "video": {"@type": "inputVideo", "video": local(path), "supports_streaming": True, **shape}},
        "gif": lambda: {
            "@type": "inputMessageAnimation", "caption": text(caption),
            "animation": {"@type": "inputAnimation", "animation": local(path), **shape}},
        "audio": lambda: {
            "@type": "inputMessageAudio", "caption": text(caption),
            "audio": {
                "@type": "inputAudio", "audio": local(path), "duration": 60, "title": "Harbour lights",
                "performer": "The Rooks"}},
    }[kind]()


def other_of(kind):
    location = {"@type": "location", "latitude": 52.5, "longitude": 13.25}
    return {
        "contact": {
            "@type": "inputMessageContact",
            "contact": {
                "@type": "contact", "phone_number": "+88800001", "first_name": "Bobby", "last_name": "Tables"}},
        "geo": {"@type": "inputMessageLocation", "location": location},
        "venue": {
            "@type": "inputMessageVenue",
            "venue": {
                "@type": "venue", "location": location, "title": "The Pier", "address": "Quay 1",
                "provider": "foursquare", "id": "v1", "type": "pier"}},
        "dice": {"@type": "inputMessageDice", "emoji": "🎲", "clear_draft": False},
    }[kind]


def file_of(content):
    kind = content["@type"]
    if kind == "messagePhoto":
        return content["photo"]["sizes"][-1]["photo"]
    for outer, inner in (
            ("document", "document"), ("voice_note", "voice"), ("video_note", "video"), ("video", "video"),
            ("animation", "animation"), ("audio", "audio")):
        if kind == "message" + "".join(part.title() for part in outer.split("_")):
            return content[outer][inner]
    return None


def describe(message):
    content = message["content"]
    kind = content["@type"]
    found = {
        "caption": content.get("caption", {}).get("text", ""),
        "album": message.get("media_album_id", "0") not in ("0", 0),
    }
    if file := file_of(content):
        found["size"] = file["size"]
    if kind == "messagePhoto":
        sizes = content["photo"]["sizes"]
        last = sizes[-1]
        found.update(kind="photo", w=last["width"], h=last["height"], letters=[size["type"] for size in sizes])
    elif kind == "messageDocument":
        document = content["document"]
        found.update(kind="document", mime=document["mime_type"], name=document["file_name"])
        found["thumb"] = "thumbnail" in document
    elif kind == "messageVoiceNote":
        note = content["voice_note"]
        found.update(kind="voice", duration=note["duration"], mime=note["mime_type"])
        found["waveform"] = base64.b64decode(note["waveform"]).hex()
    elif kind == "messageVideoNote":
        found.update(kind="round", duration=content["video_note"]["duration"], w=content["video_note"]["length"])
    elif kind == "messageVideo":
        video = content["video"]
        found.update(kind="video", duration=video["duration"], w=video["width"], thumb="thumbnail" in video)
    elif kind == "messageAnimation":
        found.update(kind="gif", duration=content["animation"]["duration"], w=content["animation"]["width"])
    elif kind == "messageAudio":
        found.update(kind="audio", duration=content["audio"]["duration"], title=content["audio"]["title"])
    elif kind == "messageContact":
        found.update(kind="contact", phone=content["contact"]["phone_number"], name=content["contact"]["first_name"])
    elif kind == "messageLocation":
        found.update(kind="geo", lat=content["location"]["latitude"], long=content["location"]["longitude"])
    elif kind == "messageVenue":
        found.update(kind="venue", name=content["venue"]["title"], lat=content["venue"]["location"]["latitude"])
    elif kind == "messageDice":
        found.update(kind="dice", value=content["value"])
    else:
        found["kind"] = kind
    return found


class Media(tdlib_driver.Tdlib):
    async def send_content(self, to, content):
        message = await self.request("sendMessage", chat_id=await self.chat(to), input_message_content=content)
        return await self.delivered(message)

    async def do_send_file(self, to, kind, path, caption="", thumb=None):
        return {"msg_id": await self.send_content(to, content_of(kind, path, caption))}

    async def do_send_album(self, to, kind, paths, captions):
        contents = [content_of(kind, path, caption) for path, caption in zip(paths, captions)]
        sent = await self.request(
            "sendMessageAlbum", chat_id=await self.chat(to), input_message_contents=contents)
        return {"msg_ids": [await self.delivered(message) for message in sent["messages"]]}

    async def do_send_other(self, to, kind):
        return {"msg_id": await self.send_content(to, other_of(kind))}

    async def message(self, peer, msg_id):
        return await self.request("getMessage", chat_id=await self.chat(peer), message_id=msg_id << SHIFT)

    async def do_describe(self, peer, msg_id):
        return describe(await self.message(peer, msg_id))

    async def download(self, file, path):
        done = await self.request(
            "downloadFile", file_id=file["id"], priority=32, offset=0, limit=0, synchronous=True)
        shutil.copyfile(done["local"]["path"], path)

    async def do_download(self, peer, msg_id, path):
        await self.download(file_of((await self.message(peer, msg_id))["content"]), path)

    async def do_download_begin(self, peer, msg_id, path):
        self.loading, self.path = file_of((await self.message(peer, msg_id))["content"]), path
        await self.request(
            "downloadFile", file_id=self.loading["id"], priority=32, offset=0, limit=1 << 20, synchronous=True)

    async def do_download_rest(self):
        await self.download(self.loading, self.path)

    async def do_edit_file(self, to, msg_id, path, caption):
        await self.request(
            "editMessageMedia", chat_id=await self.chat(to), message_id=msg_id << SHIFT,
            input_message_content=content_of("document", path, caption))

    async def do_set_photo(self, path):
        photo = {"@type": "inputChatPhotoStatic", "photo": local(path)}
        await self.request("setProfilePhoto", photo=photo, is_public=False)

    async def do_download_photo(self, peer, path):
        user = await self.request("getUser", user_id=peer)
        if "profile_photo" not in user:
            return {"path": None}
        await self.download(user["profile_photo"]["big"], path)
        return {"path": path}

    async def do_photos(self, peer):
        found = await self.request("getUserProfilePhotos", user_id=peer, offset=0, limit=10)
        return {"count": found["total_count"]}


if __name__ == "__main__":
    Media(protocol.arguments()).run()
