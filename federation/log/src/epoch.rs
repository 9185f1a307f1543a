//! Keys of private groups: making an epoch, opening one's box, sealing and opening bodies.
//!
//! A sealed body is nonce (24) ++ ciphertext ++ tag (16), a multiple of 64 bytes. What is sealed is
//! the clear body, then 0x80, then zeros: its length is told to nobody but roughly.

use keys::epoch::{BODY_OVERHEAD_BYTES, BoxSealer, EpochSecret, NONCE_BYTES, open_box};
use keys::sealed::{BoxPublic, BoxSecret};

use crate::body::{Action, DataBody, Epoch, EpochBox};
use crate::cbor::{List, Malformed};
use crate::cert::NodeCert;
use crate::control::ControlEntry;
use crate::data::Content;
use crate::entry::Entry;
use crate::header::{Generation, Header, Lane};
use crate::ids::{GroupId, Node16, NodeId};

/// Sealed bodies are as long as a multiple of this.
const PADDED_BYTES: usize = 64;
const PAD_BEGIN: u8 = 0x80;

/// The entry that an epoch is carried in: each box is bound to it.
#[derive(Debug, Clone, Copy)]
pub struct EpochPlace {
    /// The group; zero in its Genesis.
    pub group: GroupId,
    /// Who writes the entry.
    pub home: NodeId,
    /// As in its header.
    pub generation: Generation,
    /// As in its header.
    pub seq: u64,
}

impl EpochPlace {
    fn of(header: &Header) -> Option<Self> {
        let generation = header.generation()?;
        Some(Self { group: header.group, home: header.node, generation, seq: header.seq })
    }

    /// group (32) ++ home (32) ++ act (16) ++ term (4) ++ seq (8) ++ recipient (16), numbers
    /// big-endian.
    fn context(&self, recipient: Node16) -> Vec<u8> {
        [
            &self.group.0[..],
            &self.home.0,
            &self.generation.act.0,
            &self.generation.term.to_be_bytes(),
            &self.seq.to_be_bytes(),
            &recipient.0,
        ]
        .concat()
    }
}

/// Makes an epoch for exactly these nodes, by their newest certificates.
///
/// # Errors
/// [`Malformed`] if a certificate has a key to which nothing can be sealed, or there are too many.
pub fn seal_epoch<R: keys::CryptoRng + ?Sized>(
    secret: &EpochSecret,
    place: EpochPlace,
    recipients: &[&NodeCert],
    rng: &mut R,
) -> Result<Epoch, Malformed> {
    let sealer = BoxSealer::generate(rng);
    let mut boxes = Vec::with_capacity(recipients.len());
    for cert in recipients {
        let node = cert.node().short();
        let key = BoxPublic::from_bytes(cert.body.x25519);
        let sealed = sealer.seal(secret, &key, &place.context(node)).map_err(|_| Malformed)?;
        boxes.push(EpochBox { node, sealed });
    }
    boxes.sort_by_key(|sealed| sealed.node);
    Ok(Epoch {
        ephemeral: sealer.public(),
        commitment: secret.commitment(),
        boxes: List::new(boxes)?,
    })
}

/// Opens a node's box in a control entry. `None` if there is none, it does not open, or what it holds
/// is not what everybody was promised: then another member is asked.
pub fn open_epoch(entry: &ControlEntry, node: Node16, key: &BoxSecret) -> Option<EpochSecret> {
    let epoch = entry.action().and_then(Action::epoch)?;
    let sealed = epoch.boxes.iter().find(|sealed| sealed.node == node)?;
    let context = EpochPlace::of(entry.header())?.context(node);
    let secret = open_box(key, &epoch.ephemeral, &context, &sealed.sealed).ok()?;
    (secret.commitment() == epoch.commitment).then_some(secret)
}

/// Seals a clear body for the header that it will travel under.
///
/// `random` is 32 random bytes. The nonce is the first 24 bytes of blake3 of them ++ the header's
/// fields 0 to 13 ++ the body: it repeats neither if randomness fails nor if the body does.
///
/// # Errors
/// [`Malformed`] beyond what AES-GCM takes.
pub fn seal_body(
    secret: &EpochSecret,
    header: &Header,
    body: &[u8],
    random: &[u8; 32],
) -> Result<Vec<u8>, Malformed> {
    let bound = header.bound();
    let hash = blake3::Hasher::new().update(random).update(&bound).update(body).finalize();
    let nonce: &[u8; NONCE_BYTES] = hash.as_bytes().first_chunk().ok_or(Malformed)?;
    let mut padded = body.to_vec();
    padded.push(PAD_BEGIN);
    let length = (padded.len() + BODY_OVERHEAD_BYTES).next_multiple_of(PADDED_BYTES);
    padded.resize(length - BODY_OVERHEAD_BYTES, 0);
    secret.seal_body(&header.node.0, nonce, &bound, &padded).map_err(|_| Malformed)
}

/// Opens a sealed body; returns it as it was before padding.
///
/// # Errors
/// [`Malformed`], the same for every cause.
pub fn open_body(
    secret: &EpochSecret,
    header: &Header,
    sealed: &[u8],
) -> Result<Vec<u8>, Malformed> {
    if !sealed.len().is_multiple_of(PADDED_BYTES) {
        return Err(Malformed);
    }
    let padded =
        secret.open_body(&header.node.0, &header.bound(), sealed).map_err(|_| Malformed)?;
    let end = padded.iter().rposition(|byte| *byte != 0).ok_or(Malformed)?;
    match padded.split_at_checked(end) {
        Some((body, [PAD_BEGIN, ..])) => Ok(body.to_vec()),
        _ => Err(Malformed),
    }
}

/// What an entry says under a key, or in clear.
pub(crate) fn read_body(entry: &Entry, secret: Option<&EpochSecret>) -> Content {
    let header = entry.header();
    let Some(carried) = entry.body() else { return Content::Hidden };
    let is_sealed = matches!(&header.lane, Lane::Data { epoch: Some(_), .. });
    let clear = match (is_sealed, secret) {
        (false, _) => Ok(carried.to_vec()),
        (true, None) => return Content::Hidden,
        (true, Some(secret)) => open_body(secret, header, carried),
    };
    let read = clear.and_then(|clear| DataBody::decode(header.kind, &clear));
    read.map_or(Content::Nonsense, Content::Said)
}
