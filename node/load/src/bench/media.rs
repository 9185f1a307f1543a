//! Files up and down, beside the cryptography that they need; and what photos cost others.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use jpeg_encoder::{ColorType, Encoder};
use keys::{BlobKey, Content, MasterKey, Side, message};
use rand::Rng as _;
use rookery_load::{Client, Member, Session, open_loop};
use tl::functions as f;
use tl::{enums, types};

use super::{Gate, Row, Target, percentile, process, rng};

/// Bytes of a part, the largest that there is.
const PART_BYTES: usize = 512 << 10;

/// Requests under way, as TDLib has them; after as many, what came is acknowledged.
const IN_FLIGHT: usize = 8;

/// MB per second of CPU, against the cryptography that a part needs.
const GATE: Gate = Gate::RatioAtLeast(0.6);

/// A busy machine answers within this.
const PATIENCE: Duration = Duration::from_secs(20);

const MB: f64 = 1e6;

/// The rows of files.
pub(crate) fn rows(target: &Target, short: bool) -> anyhow::Result<Vec<Row>> {
    let (rounds, parts) = if short { (3, 32) } else { (7, 128) };
    let rng = &mut rng();
    let mut member = target.member(rng)?;
    let (mut up, mut down) = (Vec::new(), Vec::new());
    for round in 0..=rounds {
        let (file, sent) = upload(target, &mut member, parts)?;
        let loaded = download(target, &mut member.client, &file, parts)?;
        let floor = floor(&member.client.session)?;
        // Once for nothing.
        if round > 0 {
            up.push((sent, floor.0));
            down.push((loaded, floor.1));
        }
    }
    let note = |what: &str| {
        format!(
            "{parts} parts of 512 KiB, {IN_FLIGHT} in flight; floor: {what} as much with the same \
             crates; sockets and files not included"
        )
    };
    let unit = "MB per CPU second";
    let note_up = note("opening frames and sealing blobs for");
    let note_down = note("opening blobs and sealing frames for");
    Ok(vec![
        Row::of_pairs("upload and sendMedia", unit, &up, parts, GATE, note_up),
        Row::of_pairs("upload.getFile", unit, &down, parts, GATE, note_down),
    ])
}

/// Makes requests, several at once, and looks at their answers in the order in which they come.
fn pipelined(
    client: &mut Client,
    mut requests: impl Iterator<Item = Vec<u8>>,
    mut look: impl FnMut(Vec<u8>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let rng = &mut rng();
    let (mut under_way, mut answered) = (HashSet::new(), 0);
    loop {
        while under_way.len() < IN_FLIGHT
            && let Some(request) = requests.next()
        {
            under_way.insert(client.send(&request, true, rng)?.msg_id);
        }
        if under_way.is_empty() {
            return Ok(client.acknowledge(rng)?);
        }
        let (id, answer) = client.wait(PATIENCE, |message| {
            let result = message.service::<tl::mtproto::types::RpcResult>()?;
            Some((result.req_msg_id, result.result.0))
        })?;
        anyhow::ensure!(under_way.remove(&id), "an answer to nothing");
        if let Ok(error) = tl::from_bytes::<tl::mtproto::types::RpcError>(&answer, 0) {
            anyhow::bail!("{}", error.error_message);
        }
        look(answer)?;
        answered += 1;
        if answered % IN_FLIGHT == 0 {
            client.acknowledge(rng)?;
        }
    }
}

/// Uploads a file of so many parts, and sends it to oneself: the file, and MB per second of CPU.
fn upload(
    target: &Target,
    member: &mut Member,
    parts: usize,
) -> anyhow::Result<(enums::InputFileLocation, f64)> {
    let rng = &mut rng();
    let file_id = rng.next_u64().cast_signed() >> 1;
    process::settle(target.pid)?;
    let begin = process::cpu_ever(target.pid)?;
    let requests = (0..parts).map(|part| {
        let mut bytes = vec![0; PART_BYTES];
        rng.fill_bytes(&mut bytes);
        let (file_part, file_total_parts) = (part as i32, parts as i32);
        let save = f::upload::SaveBigFilePart { file_id, file_part, file_total_parts, bytes };
        tl::to_bytes(&save, tl::LAYER_MAX).unwrap_or_default()
    });
    pipelined(&mut member.client, requests, |saved| {
        anyhow::ensure!(tl::from_bytes::<bool>(&saved, 0)?, "a part was not saved");
        Ok(())
    })?;
    let name = "load.bin".to_owned();
    let uploaded = types::InputFileBig { id: file_id, parts: parts as i32, name: name.clone() };
    let media = types::InputMediaUploadedDocument {
        force_file: true,
        file: uploaded.into(),
        mime_type: "application/octet-stream".into(),
        attributes: vec![types::DocumentAttributeFilename { file_name: name }.into()],
        ..types::InputMediaUploadedDocument::default()
    };
    let document = send_media(member, media.into())?;
    process::settle(target.pid)?;
    let spent = process::cpu_ever(target.pid)? - begin;
    let location = types::InputDocumentFileLocation {
        id: document.id,
        access_hash: document.access_hash,
        file_reference: document.file_reference,
        thumb_size: String::new(),
    };
    Ok((location.into(), (parts * PART_BYTES) as f64 / MB / spent.as_secs_f64()))
}

fn send(member: &mut Member, media: enums::InputMedia) -> anyhow::Result<enums::MessageMedia> {
    let rng = &mut rng();
    let send = f::messages::SendMedia {
        peer: types::InputPeerSelf {}.into(),
        media,
        random_id: rng.next_u64().cast_signed() | 1,
        ..f::messages::SendMedia::default()
    };
    let answer = member.client.invoke(&send, tl::LAYER_MAX, rng)?;
    member.client.acknowledge(rng)?;
    let enums::Updates::Updates(answer) = answer else { anyhow::bail!("not updates") };
    let sent = answer.updates.into_iter().find_map(|update| match update {
        enums::Update::UpdateNewMessage(new) => match new.message {
            enums::Message::Message(message) => message.media,
            _ => None,
        },
        _ => None,
    });
    sent.context("no media in the answer")
}

fn send_media(member: &mut Member, media: enums::InputMedia) -> anyhow::Result<types::Document> {
    let enums::MessageMedia::MessageMediaDocument(media) = send(member, media)? else {
        anyhow::bail!("not a document in the answer");
    };
    match media.document {
        Some(enums::Document::Document(document)) => Ok(*document),
        _ => anyhow::bail!("no document in the answer"),
    }
}

/// Loads a file: MB per second of CPU.
fn download(
    target: &Target,
    client: &mut Client,
    file: &enums::InputFileLocation,
    parts: usize,
) -> anyhow::Result<f64> {
    process::settle(target.pid)?;
    let begin = process::cpu_ever(target.pid)?;
    let requests = (0..parts).map(|part| {
        let get = f::upload::GetFile {
            location: file.clone(),
            offset: (part * PART_BYTES) as i64,
            limit: PART_BYTES as i32,
            ..f::upload::GetFile::default()
        };
        tl::to_bytes(&get, tl::LAYER_MAX).unwrap_or_default()
    });
    pipelined(client, requests, |found| {
        let enums::upload::File::File(found) = tl::from_bytes(&found, tl::LAYER_MAX)? else {
            anyhow::bail!("not a file");
        };
        anyhow::ensure!(found.bytes.len() == PART_BYTES, "a short part");
        Ok(())
    })?;
    process::settle(target.pid)?;
    let spent = process::cpu_ever(target.pid)? - begin;
    Ok((parts * PART_BYTES) as f64 / MB / spent.as_secs_f64())
}

/// MB per second of CPU of the cryptography of a part on its way in (its frame is opened, it is
/// sealed as a blob), and on its way out.
fn floor(session: &Session) -> anyhow::Result<(f64, f64)> {
    const FRAMES: usize = 24;
    let rng = &mut rng();
    let mut bytes = vec![0; PART_BYTES];
    rng.fill_bytes(&mut bytes);
    let envelope = rookery_load::session::Envelope {
        salt: 0,
        session_id: session.session_id,
        msg_id: session.msg_id_at(0),
        seq_no: 1,
    };
    let frame = session.seal(envelope, &bytes, rng);
    let mut plain = vec![7; message::HEADER_BYTES];
    plain.extend_from_slice(&bytes);
    let blobs = BlobKey::derive(&MasterKey::from_file_bytes(&[7; 32])?);
    let (hash, blob) = blobs.seal(Content::Chunk, &bytes);
    let rate = |spent: std::time::Duration| (FRAMES * PART_BYTES) as f64 / MB / spent.as_secs_f64();
    let begin = process::own_cpu()?;
    for _ in 0..FRAMES {
        let opened = message::open(&session.key, Side::Client, std::hint::black_box(&frame));
        std::hint::black_box(opened.is_ok());
        std::hint::black_box(blobs.seal(Content::Chunk, std::hint::black_box(&bytes)));
    }
    let opened = process::own_cpu()? - begin;
    let begin = process::own_cpu()?;
    for _ in 0..FRAMES {
        let opened = blobs.open(Content::Chunk, &hash, std::hint::black_box(&blob));
        std::hint::black_box(opened.is_ok());
        std::hint::black_box(message::seal(&session.key, Side::Server, &plain, rng));
    }
    let sealed = process::own_cpu()? - begin;
    Ok((rate(opened), rate(sealed)))
}

/// Messages offered in a second, and pairs that take turns.
const PER_SECOND: u32 = 100;
const PAIRS: usize = 10;

/// How long texts take while photos are made into their sizes, beside the same without photos.
pub(crate) fn beside_photos(target: &Target, short: bool) -> anyhow::Result<Vec<Row>> {
    let (rounds, seconds) = if short { (3, 3) } else { (5, 10) };
    let count = u64::from(PER_SECOND * seconds);
    let mut pairs = target.pairs(PAIRS)?;
    let mut photographer = target.member(&mut rng())?;
    let photo = photo(4000, 3000)?;
    let mut base = open_loop::offer(&mut pairs, 0, 200, PER_SECOND)?.1;
    let (mut measured, mut sent) = (Vec::new(), 0);
    for _ in 0..rounds {
        process::settle(target.pid)?;
        let (quiet, next) = open_loop::offer(&mut pairs, base, count, PER_SECOND)?;
        let done = Arc::new(AtomicBool::new(false));
        let (busy, more) = thread::scope(|scope| -> anyhow::Result<_> {
            let (stop, member, photo) = (done.clone(), &mut photographer, &photo);
            let photos = scope.spawn(move || -> anyhow::Result<usize> {
                let mut photos = 0;
                while !stop.load(Ordering::Relaxed) {
                    send_photo(member, photo)?;
                    photos += 1;
                }
                Ok(photos)
            });
            let offered = open_loop::offer(&mut pairs, next, count, PER_SECOND);
            done.store(true, Ordering::Relaxed);
            let photos = photos.join().map_err(|_| anyhow::anyhow!("the photographer fell"))??;
            Ok((offered?, photos))
        })?;
        base = busy.1;
        sent += more;
        measured.push((busy.0, quiet));
    }
    let rows = [("p50", 0.5, Gate::None), ("p99", 0.99, Gate::RatioAtMost(2.0))].map(
        |(label, share, gate)| {
            let of = |latencies: &open_loop::Latencies| percentile(&latencies.answered, share);
            let values: Vec<_> =
                measured.iter().map(|(busy, quiet)| (of(busy), of(quiet))).collect();
            Row::of_pairs(
                format!("sendMessage while photos are processed, {label}"),
                "us",
                &values,
                count as usize,
                gate,
                format!(
                    "open loop, {PER_SECOND}/s; {sent} photos of 12 megapixels in all, one after \
                     the other; floor: the same without photos; the generator runs on the same cores"
                ),
            )
        },
    );
    Ok(rows.into())
}

fn send_photo(member: &mut Member, photo: &[u8]) -> anyhow::Result<()> {
    let rng = &mut rng();
    let file_id = rng.next_u64().cast_signed() >> 1;
    let parts = photo.chunks(PART_BYTES).count();
    for (part, bytes) in photo.chunks(PART_BYTES).enumerate() {
        let (file_part, bytes) = (part as i32, bytes.to_vec());
        let save = f::upload::SaveFilePart { file_id, file_part, bytes };
        member.client.invoke(&save, tl::LAYER_MAX, rng)?;
    }
    let file = types::InputFile {
        id: file_id,
        parts: parts as i32,
        name: "photo.jpg".into(),
        md5_checksum: String::new(),
    };
    let media = types::InputMediaUploadedPhoto {
        file: file.into(),
        ..types::InputMediaUploadedPhoto::default()
    };
    match send(member, media.into())? {
        enums::MessageMedia::MessageMediaPhoto(_) => Ok(()),
        _ => anyhow::bail!("no photo in the answer"),
    }
}

/// A JPEG as a camera of so many pixels writes it: some megabytes of waves of colour.
fn photo(width: u16, height: u16) -> anyhow::Result<Vec<u8>> {
    let pixel = |x: u32, y: u32| {
        let wave = ((x / 5 + y / 7) % 256) as u8;
        [wave, (x * y / 4096) as u8, (y / 12) as u8]
    };
    let (wide, high) = (u32::from(width), u32::from(height));
    let pixels: Vec<u8> =
        (0..high).flat_map(|y| (0..wide).flat_map(move |x| pixel(x, y))).collect();
    let mut jpeg = Vec::new();
    Encoder::new(&mut jpeg, 92).encode(&pixels, width, height, ColorType::Rgb)?;
    Ok(jpeg)
}
