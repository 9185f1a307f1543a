//! Files of posts, for everybody: whoever follows a channel shows what comes with its posts.
//!
//! Its address says the channel, the post and a hash: it is looked for among the files of a post that is
//! there and public, so no file of anything else can be asked for, and nothing has to be kept.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use blobs::{BlobError, Blobs, Wanted};
use bytes::Bytes;
use data_encoding::BASE32_NOPAD;
use futures_util::{StreamExt as _, stream};
use node_core::{
    BlobId, Cid, CoreResult, Document, DocumentAttribute, EntityKind, FileId, Media, Message,
    PhotoSize, PostRef, UserId,
};
use sha2::{Digest as _, Sha256};

use crate::map;
use crate::object::Place;
use crate::shared::Shared;

/// Bytes that are read at once.
const READ_BYTES: u32 = 512 << 10;
/// Largest picture among words: GoToSocial takes no larger ones than 100 KiB.
const EMOJI_BYTES_MAX: u64 = 64 << 10;
/// Bytes of a file's hash: among the files of one post.
const HASH_BYTES: usize = 8;
/// What others may keep: the name changes with the bytes.
const KEEP: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// What a file is shown as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Image,
    Video,
    Audio,
    /// Saved.
    Document,
}

/// A file that others may have.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct File {
    pub(crate) kind: Kind,
    pub(crate) mime: String,
    pub(crate) size: u64,
    pub(crate) blob: BlobId,
    /// Whose it is: says which node has it.
    pub(crate) owner: UserId,
    /// Pixels.
    pub(crate) sides: Option<(u32, u32)>,
    /// Seconds.
    pub(crate) duration_s: Option<f64>,
    /// How it is called, or what it is.
    pub(crate) name: String,
    /// A picture of it.
    pub(crate) thumb: Option<Box<File>>,
    pub(crate) spoiler: bool,
}

/// The file that comes with a message.
pub(crate) fn file_of(shared: &Shared, message: &Message) -> CoreResult<Option<File>> {
    let Some(media) = &message.media else { return Ok(None) };
    let (file, spoiler) = match media {
        Media::Photo { photo, spoiler } => (photo_of(shared, *photo)?, *spoiler),
        Media::Document { document, spoiler } => {
            (shared.core.document(*document)?.map(|found| of_document(&found)), *spoiler)
        }
        _ => return Ok(None),
    };
    Ok(file.map(|file| File { spoiler, ..file }))
}

/// The picture of a custom emoji, if it stands still and is no larger than others take.
pub(crate) fn emoji_of(shared: &Shared, document_id: i64) -> CoreResult<Option<File>> {
    let Some(found) = shared.core.document(FileId(document_id))? else { return Ok(None) };
    let is_emoji = |one: &DocumentAttribute| matches!(one, DocumentAttribute::CustomEmoji { .. });
    let still = matches!(&*found.mime_type, "image/webp" | "image/png");
    let fits = still && found.size <= EMOJI_BYTES_MAX && found.attributes.iter().any(is_emoji);
    Ok(fits.then(|| of_document(&found)))
}

/// The pictures among the words of a message.
fn emoji_in(shared: &Shared, message: &Message) -> CoreResult<Vec<File>> {
    let mut files = Vec::new();
    for entity in &message.entities {
        if let EntityKind::CustomEmoji { document_id } = entity.kind {
            files.extend(emoji_of(shared, document_id)?);
        }
    }
    Ok(files)
}

/// The largest size of a photo.
pub(crate) fn photo_of(shared: &Shared, photo: FileId) -> CoreResult<Option<File>> {
    let found = shared.core.photo(photo)?;
    Ok(found.and_then(|found| found.sizes.last().map(|size| jpeg(size, found.owner))))
}

fn jpeg(size: &PhotoSize, owner: UserId) -> File {
    File {
        kind: Kind::Image,
        mime: "image/jpeg".into(),
        size: size.size.into(),
        blob: size.blob,
        owner,
        sides: sides(size.width, size.height),
        duration_s: None,
        name: String::new(),
        thumb: None,
        spoiler: false,
    }
}

fn of_document(found: &Document) -> File {
    let mut file = File {
        kind: Kind::Document,
        mime: safe_type(&found.mime_type),
        size: found.size,
        blob: found.blob,
        owner: found.owner,
        sides: None,
        duration_s: None,
        name: String::new(),
        thumb: found.thumbs.last().map(|size| Box::new(jpeg(size, found.owner))),
        spoiler: false,
    };
    for attribute in &found.attributes {
        match attribute {
            DocumentAttribute::ImageSize { width, height } => {
                file.sides = sides(*width, *height);
                if file.mime.starts_with("image/") {
                    file.kind = Kind::Image;
                }
            }
            DocumentAttribute::Video { duration, width, height, .. } => {
                file.kind = Kind::Video;
                file.sides = sides(*width, *height);
                file.duration_s = Some(f64::from(*duration));
            }
            DocumentAttribute::Audio { duration, title, performer, .. } => {
                file.kind = Kind::Audio;
                file.duration_s = Some(f64::from(*duration));
                let parts: Vec<&str> = title.iter().chain(performer).map(String::as_str).collect();
                if !parts.is_empty() {
                    file.name = parts.join(" – ");
                }
            }
            DocumentAttribute::Sticker { alt, .. } | DocumentAttribute::CustomEmoji { alt, .. } => {
                file.name.clone_from(alt);
            }
            DocumentAttribute::Filename(name) if file.name.is_empty() => file.name.clone_from(name),
            _ => {}
        }
    }
    file
}

fn sides(width: i32, height: i32) -> Option<(u32, u32)> {
    let side = |side: i32| u32::try_from(side).ok().filter(|side| *side > 0);
    side(width).zip(side(height))
}

/// A type that browsers only show or play; anything else is bytes.
fn safe_type(mime: &str) -> String {
    const SAFE: [&str; 17] = [
        "image/jpeg",
        "image/png",
        "image/gif",
        "image/webp",
        "image/avif",
        "video/mp4",
        "video/webm",
        "video/quicktime",
        "audio/mpeg",
        "audio/ogg",
        "audio/mp4",
        "audio/x-m4a",
        "audio/flac",
        "audio/wav",
        "audio/aac",
        "application/pdf",
        "text/plain",
    ];
    let essence = mime.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if SAFE.contains(&essence.as_str()) { essence } else { "application/octet-stream".into() }
}

/// What an address of a file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) cid: Cid,
    /// The post that it comes with; none: it is the channel's picture.
    pub(crate) post: Option<PostRef>,
    hash: [u8; HASH_BYTES],
}

impl Named {
    fn of(cid: &Cid, post: Option<PostRef>, file: &File) -> Self {
        let mut hash = Sha256::new();
        hash.update(cid);
        hash.update(file.blob.0);
        let hash = hash.finalize().first_chunk().copied().unwrap_or_default();
        Self { cid: *cid, post, hash }
    }

    /// Reads the middle of an address.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return None;
        }
        let bytes = BASE32_NOPAD.decode(name.to_ascii_uppercase().as_bytes()).ok()?;
        let (cid, rest) = bytes.split_first_chunk()?;
        let (rest, hash) = rest.split_last_chunk()?;
        let post = if rest.is_empty() { None } else { Some(PostRef::from_bytes(rest)?) };
        Some(Self { cid: *cid, post, hash: *hash })
    }

    fn place(&self, file: &File) -> Place {
        let post = self.post.map(|post| post.bytes().to_vec()).unwrap_or_default();
        let bytes = [&self.cid[..], &post, &self.hash].concat();
        let name = BASE32_NOPAD.encode(&bytes).to_ascii_lowercase();
        Place::Media(name, extension(&file.mime).to_owned())
    }
}

/// Where a file of a post is.
pub(crate) fn post_url(shared: &Shared, cid: &Cid, post: &PostRef, file: &File) -> String {
    shared.ids_of(cid).url(&Named::of(cid, Some(*post), file).place(file))
}

/// Where a channel's picture is.
pub(crate) fn actor_url(shared: &Shared, cid: &Cid, file: &File) -> String {
    shared.ids_of(cid).url(&Named::of(cid, None, file).place(file))
}

/// The file that an address names, if it is one of a channel that is bridged, or of a post there.
pub(crate) async fn find(shared: &Shared, named: &Named) -> CoreResult<Option<File>> {
    let bridge = shared.core.bridge_by_cid(&named.cid);
    let Some(bridge) = bridge.filter(|bridge| shared.core.is_bridged(bridge.channel)) else {
        return Ok(None);
    };
    let mut files = Vec::new();
    match &named.post {
        None => {
            let channel = shared.core.channel(bridge.channel);
            if let Some(photo) = channel.and_then(|channel| channel.photo) {
                files.extend(photo_of(shared, photo)?);
            }
        }
        Some(post) if let Some(answer) = map::answer_ref(&map::mid(post)) => {
            let Some((message, _)) = map::answer_at(shared, &bridge, &answer)? else {
                return Ok(None);
            };
            files.extend(file_of(shared, &message)?);
            files.extend(emoji_in(shared, &message)?);
        }
        Some(post) => {
            let Some(id) = shared.core.post_at(bridge.channel, post)? else { return Ok(None) };
            for one in shared.core.public_album(bridge.channel, id).await? {
                files.extend(file_of(shared, &one.message)?);
                files.extend(emoji_in(shared, &one.message)?);
            }
        }
    }
    let thumbs: Vec<File> =
        files.iter().filter_map(|file| file.thumb.as_deref().cloned()).collect();
    files.extend(thumbs);
    Ok(files.into_iter().find(|file| Named::of(&named.cid, named.post, file) == *named))
}

fn extension(mime: &str) -> &'static str {
    match mime {
        "image/jpeg" => "jpg",
        "image/png" => "png",
        "image/gif" => "gif",
        "image/webp" => "webp",
        "image/avif" => "avif",
        "video/mp4" => "mp4",
        "video/webm" => "webm",
        "video/quicktime" => "mov",
        "audio/mpeg" => "mp3",
        "audio/ogg" => "ogg",
        "audio/mp4" | "audio/x-m4a" => "m4a",
        "audio/flac" => "flac",
        "audio/wav" => "wav",
        "audio/aac" => "aac",
        "application/pdf" => "pdf",
        "text/plain" => "txt",
        _ => "bin",
    }
}

/// What of a file is asked for: first byte, and how many.
fn range(headers: &HeaderMap, size: u64) -> Result<Option<(u64, u64)>, ()> {
    let Some(text) = headers.get(header::RANGE).and_then(|value| value.to_str().ok()) else {
        return Ok(None);
    };
    // Several ranges at once are the whole: that is allowed, and nobody needs them.
    let Some(one) = text.strip_prefix("bytes=").filter(|one| !one.contains(',')) else {
        return Ok(None);
    };
    let Some((first, last)) = one.trim().split_once('-') else { return Ok(None) };
    let (first, end) = match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), Ok(last)) => (first, last.saturating_add(1).min(size)),
        (Ok(first), Err(_)) if last.is_empty() => (first, size),
        (Err(_), Ok(count)) if first.is_empty() => (size.saturating_sub(count), size),
        _ => return Ok(None),
    };
    if first < end { Ok(Some((first, end - first))) } else { Err(()) }
}

/// A file as an answer, or a part of it.
pub(crate) async fn answer(
    shared: &Shared,
    file: &File,
    method: &Method,
    headers: &HeaderMap,
) -> Response {
    let size = file.size;
    let Ok(part) = range(headers, size) else {
        let all = format!("bytes */{size}");
        return (StatusCode::RANGE_NOT_SATISFIABLE, [(header::CONTENT_RANGE, all)]).into_response();
    };
    let (first, count) = part.unwrap_or((0, size));
    let mut response = if *method == Method::HEAD {
        Response::new(Body::empty())
    } else {
        // The first bytes are read before anything is promised.
        match read(&shared.blobs, file, first, count).await {
            Ok(bytes) => Response::new(body(shared, file, first, count, bytes)),
            Err(cause) => return unread(&cause),
        }
    };
    let answer = response.headers_mut();
    let set = |name, value: String| HeaderValue::from_str(&value).map(|value| (name, value));
    let kind = HeaderValue::from_str(&file.mime);
    answer.extend(kind.map(|kind| (header::CONTENT_TYPE, kind)));
    answer.extend(set(header::CONTENT_LENGTH, count.to_string()));
    answer.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    answer.insert(header::CACHE_CONTROL, KEEP);
    // What members uploaded runs nowhere.
    answer.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; sandbox"),
    );
    let shown = file.kind != Kind::Document;
    let place = if shown { "inline" } else { "attachment" };
    answer.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static(place));
    if part.is_some() {
        let shown = format!("bytes {first}-{}/{size}", first + count - 1);
        answer.extend(set(header::CONTENT_RANGE, shown));
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    response
}

/// The rest is read as it is taken.
fn body(shared: &Shared, file: &File, first: u64, count: u64, begin: Bytes) -> Body {
    let (blobs, file, end) = (shared.blobs.clone(), file.clone(), first + count);
    let at = first + begin.len() as u64;
    let rest = stream::try_unfold(at, move |at| {
        let (blobs, file) = (blobs.clone(), file.clone());
        async move {
            if at >= end {
                return Ok::<_, BlobError>(None);
            }
            let bytes = read(&blobs, &file, at, end - at).await?;
            if bytes.is_empty() {
                return Err(BlobError::NotFound);
            }
            let next = at + bytes.len() as u64;
            Ok(Some((bytes, next)))
        }
    });
    Body::from_stream(stream::once(async move { Ok(begin) }).chain(rest))
}

async fn read(blobs: &Blobs, file: &File, at: u64, left: u64) -> Result<Bytes, BlobError> {
    let wanted = Wanted { blob: blobs::BlobId(file.blob.0), size: file.size, owner: file.owner.0 };
    let count = u32::try_from(left.min(READ_BYTES.into())).unwrap_or(READ_BYTES);
    blobs.read_far(&wanted, at, count).await
}

fn unread(cause: &BlobError) -> Response {
    match cause {
        BlobError::NotFound => StatusCode::NOT_FOUND.into_response(),
        BlobError::Busy => {
            (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "2")]).into_response()
        }
        cause => {
            tracing::warn!(%cause, "a file is not read for another server");
            StatusCode::BAD_GATEWAY.into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_those_of_rfc_9110() {
        let of = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::RANGE, text.parse().unwrap());
            range(&headers, 100)
        };
        assert_eq!(range(&HeaderMap::new(), 100), Ok(None));
        for (text, wanted) in [
            ("bytes=0-", Some((0, 100))),
            ("bytes=0-0", Some((0, 1))),
            ("bytes=10-19", Some((10, 10))),
            ("bytes=90-200", Some((90, 10))),
            ("bytes=-5", Some((95, 5))),
            ("bytes=-500", Some((0, 100))),
            ("bytes=0-1,5-6", None),
            ("bytes=x-y", None),
            ("lines=1-2", None),
        ] {
            assert_eq!(of(text), Ok(wanted), "{text}");
        }
        for text in ["bytes=100-", "bytes=100-200", "bytes=-0", "bytes=5-4"] {
            assert_eq!(of(text), Err(()), "{text}");
        }
    }

    #[test]
    fn what_browsers_could_run_is_bytes() {
        for (mime, wanted) in [
            ("image/png", "image/png"),
            ("Image/JPEG; q=1", "image/jpeg"),
            ("image/svg+xml", "application/octet-stream"),
            ("text/html", "application/octet-stream"),
            ("application/activity+json", "application/octet-stream"),
            ("", "application/octet-stream"),
        ] {
            assert_eq!(safe_type(mime), wanted, "{mime}");
        }
    }
}
