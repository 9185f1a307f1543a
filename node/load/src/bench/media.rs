//! Files up and down, beside the cryptography of their frames; and what photos cost others.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anyhow::Context as _;
use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};
use keys::{Side, message};
use rand::Rng as _;
use rookery_load::{Client, Member, Session, open_loop};
use tl::functions as f;
use tl::{enums, types};

use super::{Gate, Row, Target, percentile, process, rng};

/// Bytes of a part, the largest that there is.
const PART_BYTES: usize = 512 << 10;

/// Parts after which what came is acknowledged.
const ACKNOWLEDGED_AT_ONCE: usize = 8;

/// MB per second of CPU, against the frames alone.
const GATE: Gate = Gate::RatioAtLeast(0.6);

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
            "{parts} parts of 512 KiB, one in flight; floor: {what} such frames with the same \
             crates; sockets and files not included"
        )
    };
    let unit = "MB per CPU second";
    Ok(vec![
        Row::of_pairs("upload and sendMedia", unit, &up, parts, GATE, note("opening")),
        Row::of_pairs("upload.getFile", unit, &down, parts, GATE, note("sealing")),
    ])
}

/// Uploads a file of so many parts, and sends it to oneself: the file, and MB per second of CPU.
fn upload(
    target: &Target,
    member: &mut Member,
    parts: usize,
) -> anyhow::Result<(enums::InputFileLocation, f64)> {
    let rng = &mut rng();
    let file_id = rng.next_u64().cast_signed() >> 1;
    let mut bytes = vec![0; PART_BYTES];
    process::settle(target.pid)?;
    let begin = process::cpu_ever(target.pid)?;
    for part in 0..parts {
        rng.fill_bytes(&mut bytes);
        let save = f::upload::SaveBigFilePart {
            file_id,
            file_part: part as i32,
            file_total_parts: parts as i32,
            bytes: bytes.clone(),
        };
        anyhow::ensure!(member.client.invoke(&save, tl::LAYER_MAX, rng)?, "a part was not saved");
        if part % ACKNOWLEDGED_AT_ONCE == 0 {
            member.client.acknowledge(rng)?;
        }
    }
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
    let rng = &mut rng();
    process::settle(target.pid)?;
    let begin = process::cpu_ever(target.pid)?;
    for part in 0..parts {
        let get = f::upload::GetFile {
            location: file.clone(),
            offset: (part * PART_BYTES) as i64,
            limit: PART_BYTES as i32,
            ..f::upload::GetFile::default()
        };
        let enums::upload::File::File(found) = client.invoke(&get, tl::LAYER_MAX, rng)? else {
            anyhow::bail!("not a file");
        };
        anyhow::ensure!(found.bytes.len() == PART_BYTES, "a short part");
        if part % ACKNOWLEDGED_AT_ONCE == 0 {
            client.acknowledge(rng)?;
        }
    }
    process::settle(target.pid)?;
    let spent = process::cpu_ever(target.pid)? - begin;
    Ok((parts * PART_BYTES) as f64 / MB / spent.as_secs_f64())
}

/// MB per second of CPU of opening a frame with a part, and of sealing one.
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
    let rate = |spent: std::time::Duration| (FRAMES * PART_BYTES) as f64 / MB / spent.as_secs_f64();
    let begin = process::own_cpu()?;
    for _ in 0..FRAMES {
        let opened = message::open(&session.key, Side::Client, std::hint::black_box(&frame));
        std::hint::black_box(opened.is_ok());
    }
    let opened = process::own_cpu()? - begin;
    let begin = process::own_cpu()?;
    for _ in 0..FRAMES {
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
        name: "photo.png".into(),
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

/// A PNG that no encoder made small: waves of colour.
///
/// Source: <https://www.w3.org/TR/png-3/>
fn photo(width: u32, height: u32) -> anyhow::Result<Vec<u8>> {
    let mut pixels = ZlibEncoder::new(Vec::new(), Compression::fast());
    let mut row = Vec::with_capacity(width as usize * 3 + 1);
    for y in 0..height {
        row.clear();
        row.push(0);
        for x in 0..width {
            let wave = ((x / 5 + y / 7) % 256) as u8;
            row.extend_from_slice(&[wave, (x * y / 4096) as u8, (y / 12) as u8]);
        }
        pixels.write_all(&row)?;
    }
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut chunk = |kind: &[u8; 4], data: &[u8]| {
        png.extend_from_slice(&(data.len() as u32).to_be_bytes());
        png.extend_from_slice(kind);
        png.extend_from_slice(data);
        let mut sum = Crc::new();
        sum.update(kind);
        sum.update(data);
        png.extend_from_slice(&sum.sum().to_be_bytes());
    };
    let mut header = [&width.to_be_bytes()[..], &height.to_be_bytes()].concat();
    // 8 bits a colour, red, green and blue, nothing interlaced.
    header.extend_from_slice(&[8, 2, 0, 0, 0]);
    chunk(b"IHDR", &header);
    chunk(b"IDAT", &pixels.finish()?);
    chunk(b"IEND", &[]);
    Ok(png)
}
