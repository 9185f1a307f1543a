"""The Pyrogram of the chat tests, with files: sends each kind by the library's own functions."""

import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).parent.parent / "chat"))
import protocol  # noqa: E402
import pyrogram_driver  # noqa: E402
from pyrogram import types  # noqa: E402

target = pyrogram_driver.target


def describe(message):
    found = {"caption": message.caption or message.text or "", "album": message.media_group_id is not None}
    kinds = {
        "photo": "photo", "document": "document", "voice": "voice", "video_note": "round", "video": "video",
        "animation": "gif", "audio": "audio", "contact": "contact", "venue": "venue", "location": "geo",
        "dice": "dice",
    }
    name = next(name for name in kinds if getattr(message, name))
    media = getattr(message, name)
    found["kind"] = kinds[name]
    if name == "photo":
        found.update(w=media.width, h=media.height)
    elif name == "contact":
        found.update(phone=media.phone_number, name=media.first_name)
    elif name == "venue":
        found.update(name=media.title, lat=media.location.latitude)
    elif name == "location":
        found.update(lat=media.latitude, long=media.longitude)
    elif name == "dice":
        found["value"] = media.value
    else:
        found.update(size=media.file_size, mime=media.mime_type, thumb=bool(getattr(media, "thumbs", None)))
        if name != "document":
            found["duration"] = media.duration
        for field, attribute in (("name", "file_name"), ("title", "title")):
            if getattr(media, attribute, None) is not None:
                found[field] = getattr(media, attribute)
        if name in ("video", "animation"):
            found["w"] = media.width
        if name == "video_note":
            found["w"] = media.length
        if name == "voice":
            found["waveform"] = (media.waveform or b"").hex()
    return found


class Media(pyrogram_driver.Pyrogram):
    async def do_send_file(self, to, kind, path, caption="", thumb=None):
        app, to = self.app, target(to)
        shape = {"duration": 2, "width": 320, "height": 240}
        sent = await {
            "photo": lambda: app.send_photo(to, path, caption),
            "document": lambda: app.send_document(to, path, caption=caption, force_document=True),
            "voice": lambda: app.send_voice(to, path, caption, duration=3),
            "round": lambda: app.send_video_note(to, path, duration=2, length=240),
            "video": lambda: app.send_video(to, path, caption, thumb=thumb, **shape),
            "gif": lambda: app.send_animation(to, path, caption, **shape),
            "audio": lambda: app.send_audio(
                to, path, caption, duration=60, title="Harbour lights", performer="The Rooks"),
        }[kind]()
        return {"msg_id": sent.id}

    async def do_send_album(self, to, kind, paths, captions):
        item = types.InputMediaDocument if kind == "document" else types.InputMediaPhoto
        media = [item(path, caption=caption) for path, caption in zip(paths, captions)]
        sent = await self.app.send_media_group(target(to), media)
        return {"msg_ids": [message.id for message in sent]}

    async def do_send_other(self, to, kind):
        app, to = self.app, target(to)
        sent = await {
            "contact": lambda: app.send_contact(to, "+88800001", "Bobby", "Tables"),
            "geo": lambda: app.send_location(to, 52.5, 13.25),
            "venue": lambda: app.send_venue(to, 52.5, 13.25, "The Pier", "Quay 1"),
            "dice": lambda: app.send_dice(to, "🎲"),
        }[kind]()
        return {"msg_id": sent.id}

    async def do_describe(self, peer, msg_id):
        return describe(await self.app.get_messages(target(peer), msg_id))

    async def do_download(self, peer, msg_id, path):
        message = await self.app.get_messages(target(peer), msg_id)
        await self.app.download_media(message, file_name=path)

    async def do_set_photo(self, path):
        await self.app.set_profile_photo(photo=path)

    async def do_download_photo(self, peer, path):
        user = await self.app.get_users(peer)
        if user.photo is None:
            return {"path": None}
        return {"path": await self.app.download_media(user.photo.big_file_id, file_name=path)}

    async def do_photos(self, peer):
        return {"count": await self.app.get_chat_photos_count(peer)}


if __name__ == "__main__":
    Media(protocol.arguments()).run()
