//! The signed part of an entry.
//!
//! A CBOR array of 17 values, in this order: version (1), group, node, lane (0 control, 1 data),
//! gen (control: \[recovery, act, term\]; data: \[inc\]), seq, key_serial, prev, ts_ms, kind, user
//! (control: \[node16, id\] or null for the home itself; data: id, or 0 for the node itself), ctl
//! (data: \[recovery, act, seq, hash16\] or null), deps, epoch (id16 or null), body_hash, body_len,
//! flags. In a control header ctl is null, deps is empty, epoch is null and flags are 0.

use crate::cbor::{List, Malformed, Reader, Wire, Writer, decode_prefix, encode};
use crate::ids::{ControlRef, EntryId, EntryRef, GroupId, Hash16, NodeId, UserRef};

/// The version of the format.
const VERSION: u8 = 1;
/// Values of the array.
const FIELDS: usize = 17;
/// How many of them are bound to a sealed body as associated data: 0 to 13, all but what follows
/// from the body itself and the flags.
const BOUND_FIELDS: usize = 14;
/// The longest header. One with the most deps has about 1,900 bytes.
pub const HEADER_BYTES_MAX: usize = 4096;
/// Heads of other lanes that one entry may name.
pub const DEPS_MAX: usize = 32;

/// What an entry says before its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The group; zero in its Genesis.
    pub group: GroupId,
    /// Whose entry it is: the home, or the owner of the lane.
    pub node: NodeId,
    /// Which lane, and what only that kind of lane has.
    pub lane: Lane,
    /// The number in the chain or lane, from 0 without a gap.
    pub seq: u64,
    /// The certificate of the key that signed.
    pub key_serial: u32,
    /// The entry before; zero where there is none.
    pub prev: EntryId,
    /// Milliseconds since 1970 by the author's clock. Shown, never judged by.
    pub ts_ms: u64,
    /// What the body is.
    pub kind: u16,
    /// blake3 of the body as it is carried.
    pub body_hash: [u8; 32],
    /// Bytes of the body as it is carried.
    pub body_len: u32,
}

/// The fields that a control header and a data header do not share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lane {
    /// The control chain.
    Control {
        /// Where in the chain's lives.
        generation: Generation,
        /// Who asked; `None` is the home itself.
        user: Option<UserRef>,
    },
    /// A data lane.
    Data {
        /// The incarnation, from 0.
        inc: u32,
        /// Who speaks; 0 is the node itself.
        user: u64,
        /// The control head that this node had applied. `None` between two people.
        ctl: Option<ControlRef>,
        /// Heads of other lanes that advanced since this lane's last entry, by node and incarnation.
        deps: List<EntryRef, DEPS_MAX>,
        /// The control entry that carried the key of the body; `None` where bodies are clear.
        epoch: Option<Hash16>,
        /// The right class of a Post or Edit: see [`crate::Rights`].
        flags: u32,
    },
}

/// Under whom a control entry was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Generation {
    /// The number in the last Recover below; a Recover carries its own.
    pub recovery: u32,
    /// The last Recover below; zero before the first. A Recover carries that of the branch it keeps,
    /// since it cannot name itself.
    pub act: Hash16,
    /// How many times the home moved since.
    pub term: u32,
}

impl Header {
    /// The only encoding.
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    /// Reads the header that these bytes begin with; returns it and its length in bytes.
    ///
    /// # Errors
    /// [`Malformed`] beyond [`HEADER_BYTES_MAX`], and for anything but the only encoding of a header.
    pub fn decode_prefix(bytes: &[u8]) -> Result<(Self, usize), Malformed> {
        decode_prefix(bytes.get(..HEADER_BYTES_MAX).unwrap_or(bytes))
    }

    /// The associated data of a sealed body: fields 0 to 13, as an array of their own.
    pub fn bound(&self) -> Vec<u8> {
        let mut to = Writer::default();
        to.array(BOUND_FIELDS);
        self.put_bound(&mut to);
        to.into_bytes()
    }

    /// The incarnation, in a data lane.
    pub fn inc(&self) -> Option<u32> {
        match self.lane {
            Lane::Data { inc, .. } => Some(inc),
            Lane::Control { .. } => None,
        }
    }

    /// The generation, in the control chain.
    pub fn generation(&self) -> Option<Generation> {
        match self.lane {
            Lane::Control { generation, .. } => Some(generation),
            Lane::Data { .. } => None,
        }
    }

    fn put_bound(&self, to: &mut Writer) {
        VERSION.put(to);
        self.group.put(to);
        self.node.put(to);
        match &self.lane {
            Lane::Control { generation, .. } => {
                0u8.put(to);
                to.array(3);
                generation.recovery.put(to);
                generation.act.put(to);
                generation.term.put(to);
            }
            Lane::Data { inc, .. } => {
                1u8.put(to);
                to.array(1);
                inc.put(to);
            }
        }
        self.seq.put(to);
        self.key_serial.put(to);
        self.prev.put(to);
        self.ts_ms.put(to);
        self.kind.put(to);
        match &self.lane {
            Lane::Control { user, .. } => {
                user.put(to);
                to.null();
                to.array(0);
                to.null();
            }
            Lane::Data { user, ctl, deps, epoch, .. } => {
                user.put(to);
                ctl.put(to);
                deps.put(to);
                epoch.put(to);
            }
        }
    }
}

impl Wire for Header {
    fn put(&self, to: &mut Writer) {
        to.array(FIELDS);
        self.put_bound(to);
        self.body_hash.put(to);
        self.body_len.put(to);
        match self.lane {
            Lane::Control { .. } => 0u32.put(to),
            Lane::Data { flags, .. } => flags.put(to),
        }
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        from.array(FIELDS)?;
        if u8::take(from)? != VERSION {
            return Err(Malformed);
        }
        let group = Wire::take(from)?;
        let node = Wire::take(from)?;
        let is_data = match u8::take(from)? {
            0 => false,
            1 => true,
            _ => return Err(Malformed),
        };
        let (mut inc, mut generation) = (0, Generation::default());
        if is_data {
            from.array(1)?;
            inc = Wire::take(from)?;
        } else {
            from.array(3)?;
            generation = Generation {
                recovery: Wire::take(from)?,
                act: Wire::take(from)?,
                term: Wire::take(from)?,
            };
        }
        let seq = Wire::take(from)?;
        let key_serial = Wire::take(from)?;
        let prev = Wire::take(from)?;
        let ts_ms = Wire::take(from)?;
        let kind = Wire::take(from)?;
        let lane = if is_data {
            Lane::Data {
                inc,
                user: Wire::take(from)?,
                ctl: Wire::take(from)?,
                deps: Wire::take(from)?,
                epoch: Wire::take(from)?,
                flags: 0,
            }
        } else {
            let user = Wire::take(from)?;
            // What a control header does not have is written as nothing, so that no second header
            // differs in it alone.
            if !from.null()? {
                return Err(Malformed);
            }
            from.array(0)?;
            if !from.null()? {
                return Err(Malformed);
            }
            Lane::Control { generation, user }
        };
        let body_hash = Wire::take(from)?;
        let body_len = Wire::take(from)?;
        let flags_value = u32::take(from)?;
        let mut header =
            Self { group, node, lane, seq, key_serial, prev, ts_ms, kind, body_hash, body_len };
        if let Lane::Data { flags, .. } = &mut header.lane {
            *flags = flags_value;
        } else if flags_value != 0 {
            return Err(Malformed);
        }
        if header.is_sound() { Ok(header) } else { Err(Malformed) }
    }
}

impl Header {
    /// What a header contradicts by itself, whatever the group says.
    fn is_sound(&self) -> bool {
        let first = self.prev == EntryId::default();
        if first != (self.seq == 0) {
            return false;
        }
        match &self.lane {
            Lane::Control { user, .. } => user.is_none_or(|user| user.id != 0),
            Lane::Data { ctl, deps, .. } => {
                // Nobody needs a dependency twice, nor one on the lane itself: prev says that.
                let sorted = deps
                    .windows(2)
                    .all(|pair| matches!(pair, [a, b] if (a.node, a.inc) < (b.node, b.inc)));
                let cite =
                    ctl.is_none_or(|ctl| (ctl.recovery == 0) == (ctl.act == Hash16::default()));
                sorted && cite && self.group != GroupId::default()
            }
        }
    }
}
