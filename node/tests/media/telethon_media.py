"""The Telethon of the chat tests, with files: sends each kind by the library's own functions."""

import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).parent.parent / "chat"))
import protocol  # noqa: E402
import telethon_driver  # noqa: E402
from telethon import functions, types  # noqa: E402

target = telethon_driver.target
WAVEFORM = bytes(range(63))


def attributes_of(kind):
    video = {"duration": 2.0, "w": 320, "h": 240}
    return {
        "voice": [types.DocumentAttributeAudio(3, voice=True, waveform=WAVEFORM)],
        "audio": [types.DocumentAttributeAudio(60, title="Harbour lights", performer="The Rooks")],
        "video": [types.DocumentAttributeVideo(**video, supports_streaming=True)],
        "round": [types.DocumentAttributeVideo(2.0, 240, 240, round_message=True)],
        "gif": [types.DocumentAttributeVideo(**video), types.DocumentAttributeAnimated()],
    }.get(kind)


def other_of(kind):
    point = types.InputGeoPoint(52.5, 13.25)
    return {
        "contact": types.InputMediaContact("+88800001", "Bobby", "Tables", ""),
        "geo": types.InputMediaGeoPoint(point),
        "venue": types.InputMediaVenue(point, "The Pier", "Quay 1", "foursquare", "v1", "pier"),
        "dice": types.InputMediaDice("🎲"),
    }[kind]


def describe(message):
    media = message.media
    found = {"caption": message.message, "album": message.grouped_id is not None}
    if isinstance(media, types.MessageMediaPhoto):
        sizes = [size for size in media.photo.sizes if not isinstance(size, types.PhotoStrippedSize)]
        return {**found, "kind": "photo", "w": sizes[-1].w, "h": sizes[-1].h, "letters": [size.type for size in sizes]}
    if isinstance(media, types.MessageMediaContact):
        return {**found, "kind": "contact", "phone": media.phone_number, "name": media.first_name}
    if isinstance(media, types.MessageMediaVenue):
        return {**found, "kind": "venue", "name": media.title, "lat": media.geo.lat}
    if isinstance(media, types.MessageMediaGeo):
        return {**found, "kind": "geo", "lat": media.geo.lat, "long": media.geo.long}
    if isinstance(media, types.MessageMediaDice):
        return {**found, "kind": "dice", "value": media.value}
    document = media.document
    found.update(kind="document", mime=document.mime_type, size=document.size, thumb=bool(document.thumbs))
    for attribute in document.attributes:
        if isinstance(attribute, types.DocumentAttributeFilename):
            found["name"] = attribute.file_name
        elif isinstance(attribute, types.DocumentAttributeAudio):
            found.update(kind="voice" if attribute.voice else "audio", duration=attribute.duration)
            found.update(title=attribute.title, waveform=(attribute.waveform or b"").hex())
        elif isinstance(attribute, types.DocumentAttributeVideo):
            kind = "round" if attribute.round_message else "video"
            found.update(kind=kind if found["kind"] == "document" else found["kind"], w=attribute.w)
            found["duration"] = int(attribute.duration)
        elif isinstance(attribute, types.DocumentAttributeAnimated):
            found["kind"] = "gif"
    return found


class Media(telethon_driver.Telethon):
    async def do_send_file(self, to, kind, path, caption="", thumb=None):
        sent = await self.app.send_file(
            target(to), path, caption=caption, thumb=thumb, attributes=attributes_of(kind),
            force_document=kind == "document", voice_note=kind == "voice", video_note=kind == "round")
        return {"msg_id": sent.id}

    async def do_send_album(self, to, kind, paths, captions):
        sent = await self.app.send_file(target(to), paths, caption=captions, force_document=kind == "document")
        return {"msg_ids": [message.id for message in sent]}

    async def do_send_other(self, to, kind):
        sent = await self.app.send_message(target(to), file=other_of(kind))
        return {"msg_id": sent.id}

    async def do_describe(self, peer, msg_id):
        message = await self.app.get_messages(target(peer), ids=msg_id)
        return describe(message)

    async def do_download(self, peer, msg_id, path):
        message = await self.app.get_messages(target(peer), ids=msg_id)
        with open(path, "wb") as file:  # of a path it would make another one, with an ending
            await self.app.download_media(message, file=file)

    async def do_edit_file(self, to, msg_id, path, caption):
        await self.app.edit_message(target(to), msg_id, caption, file=path, force_document=True)

    async def do_send_named(self, to, path, name):
        file = await self.app.upload_file(path, file_name="x")
        media = types.InputMediaUploadedDocument(file, "text/plain", [types.DocumentAttributeFilename(name)])
        await self.app.send_message(target(to), file=media)

    async def do_download_begin(self, peer, msg_id, path):
        message = await self.app.get_messages(target(peer), ids=msg_id)
        self.loading, self.path = self.app.iter_download(message.media, request_size=128 << 10), path
        with open(path, "wb") as file:
            for _ in range(8):
                file.write(await self.loading.__anext__())

    async def do_download_rest(self):
        with open(self.path, "ab") as file:
            # Not `async for`: that begins anew.
            while (chunk := await anext(self.loading, None)) is not None:
                file.write(chunk)

    async def do_upload_parts(self, path, parts):
        """The first parts of a file only, as a client that is cut off."""
        with open(path, "rb") as content:
            for number in range(parts):
                data = content.read(128 << 10)
                await self.app(functions.upload.SaveFilePartRequest(4711, number, data))

    async def do_finish_upload(self, to, path, parts):
        with open(path, "rb") as content:
            content.seek(parts * (128 << 10))
            number = parts
            while data := content.read(128 << 10):
                await self.app(functions.upload.SaveFilePartRequest(4711, number, data))
                number += 1
        file = types.InputFile(4711, number, "half.bin", "")
        media = types.InputMediaUploadedDocument(file, "application/octet-stream", [], force_file=True)
        sent = await self.app.send_message(target(to), file=media)
        return {"msg_id": sent.id}

    async def do_set_photo(self, path):
        file = await self.app.upload_file(path)
        await self.app(functions.photos.UploadProfilePhotoRequest(file=file))

    async def do_download_photo(self, peer, path):
        return {"path": await self.app.download_profile_photo(target(peer), file=path)}

    async def do_photos(self, peer):
        return {"count": (await self.app.get_profile_photos(target(peer))).total}

    async def do_hashes(self, peer, msg_id):
        message = await self.app.get_messages(target(peer), ids=msg_id)
        document = message.media.document
        place = types.InputDocumentFileLocation(document.id, document.access_hash, document.file_reference, "")
        found, offset = [], 0
        while some := await self.app(functions.upload.GetFileHashesRequest(place, offset)):
            found += [[one.offset, one.limit, one.hash.hex()] for one in some]
            offset = some[-1].offset + some[-1].limit
        return {"hashes": found}


if __name__ == "__main__":
    Media(protocol.arguments()).run()
