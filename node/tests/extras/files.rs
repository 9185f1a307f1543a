//! Files that tests upload, by Telethon's raw API.

use serde_json::{Value, json};

use crate::driver::Driver;

/// A picture of 512 pixels both ways.
pub(crate) const WEBP: &[u8] =
    include_bytes!("../../../mtproto-frontend/assets/reactions/heart.webp");

/// Another one.
pub(crate) const WEBP_2: &[u8] =
    include_bytes!("../../../mtproto-frontend/assets/reactions/fire.webp");

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `inputMediaUploadedDocument` of bytes that are uploaded by this.
pub(crate) fn media(
    driver: &mut Driver,
    id: i64,
    bytes: &[u8],
    mime_type: &str,
    attributes: Value,
) -> Value {
    let part = json!({ "file_id": id, "file_part": 0, "bytes": { "hex": hex(bytes) } });
    assert_eq!(driver.invoke("upload.SaveFilePart", part), true);
    let file =
        json!({ "_": "InputFile", "id": id, "parts": 1, "name": "file", "md5_checksum": "" });
    json!({
        "_": "InputMediaUploadedDocument", "file": file, "mime_type": mime_type,
        "attributes": attributes,
    })
}

/// `inputDocument` of a document that was shown.
pub(crate) fn input(document: &Value) -> Value {
    json!({
        "_": "InputDocument", "id": document["id"], "access_hash": document["access_hash"],
        "file_reference": document["file_reference"],
    })
}

/// A picture that is uploaded, as `inputDocument`.
pub(crate) fn sticker(driver: &mut Driver, id: i64, bytes: &[u8]) -> Value {
    let size = json!({ "_": "DocumentAttributeImageSize", "w": 512, "h": 512 });
    let media = media(driver, id, bytes, "image/webp", json!([size]));
    let me = json!({ "_": "InputPeerSelf" });
    let stored = driver.invoke("messages.UploadMedia", json!({ "peer": me, "media": media }));
    input(&stored["document"])
}

/// The bytes of a document, as they are loaded, in hexadecimal.
pub(crate) fn load(driver: &mut Driver, document: &Value) -> String {
    let location = json!({
        "_": "InputDocumentFileLocation", "id": document["id"],
        "access_hash": document["access_hash"], "file_reference": document["file_reference"],
        "thumb_size": "",
    });
    let fields = json!({ "location": location, "offset": 0, "limit": 1 << 20 });
    let loaded = driver.invoke("upload.GetFile", fields);
    loaded["bytes"]["hex"].as_str().expect("bytes").to_owned()
}

/// Whether these are the bytes.
pub(crate) fn is(loaded: &str, bytes: &[u8]) -> bool {
    loaded == hex(bytes)
}
