//! Bytes in: primitives and the budgets that keep hostile input cheap.

use crate::Rest;

/// Constructor id of the boxed vector.
pub(crate) const VECTOR: u32 = 0x1cb5_c415;
/// Constructor id of `boolTrue`.
pub(crate) const BOOL_TRUE: u32 = 0x9972_75b5;
/// Constructor id of `boolFalse`.
pub(crate) const BOOL_FALSE: u32 = 0xbc79_9737;

/// What one decoding may cost at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Constructors inside each other.
    pub depth: u32,
    /// Elements of all vectors together.
    pub elements: usize,
    /// Heap bytes of the decoded value, roughly: elements, boxed constructors, strings.
    pub bytes: usize,
}

/// The deepest nesting of real requests (rich text inside page blocks inside media) is below 20.
const DEPTH_MAX: u32 = 32;
/// Small inputs may decode to this much whatever their size: a request of a few hundred bytes can
/// honestly be one wide struct.
const BYTES_SLACK: usize = 64 * 1024;

impl Limits {
    /// For `input` bytes from a stranger: at most 4 times that on the heap, and some slack.
    #[must_use]
    pub const fn hostile(input: usize) -> Self {
        Self {
            depth: DEPTH_MAX,
            elements: input / 4 + 1,
            bytes: BYTES_SLACK.saturating_add(input.saturating_mul(4)),
        }
    }

    /// For bytes of our own, such as a stored update or a test's answer: only the depth is bounded.
    #[must_use]
    pub const fn trusted() -> Self {
        Self { depth: DEPTH_MAX, elements: usize::MAX, bytes: usize::MAX }
    }
}

/// Why bytes are no value of the expected type.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReadError {
    /// A field or a vector's count promises more bytes than there are.
    #[error("the input ends too early")]
    End,
    /// [`Reader::finish`] found this many bytes.
    #[error("{0} bytes are left over")]
    Trailing(usize),
    /// The id belongs to no constructor of the expected type in any supported layer.
    #[error("constructor {id:08x} is no {expected}")]
    Constructor {
        /// What was read.
        id: u32,
        /// TL name of the type or constructor that was due.
        expected: &'static str,
    },
    /// A `string` field holds other bytes.
    #[error("text is not UTF-8")]
    Utf8,
    /// Over one of the [`Limits`], named here.
    #[error("over the limit of {0}")]
    Limit(&'static str),
}

/// A cursor over the bytes of one value, at the layer of its sender.
#[derive(Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
    layer: i32,
    limits: Limits,
}

impl<'a> Reader<'a> {
    /// With [`Limits::hostile`]. Layer 0 or less stands for the newest.
    #[must_use]
    pub fn new(bytes: &'a [u8], layer: i32) -> Self {
        Self::with_limits(bytes, layer, Limits::hostile(bytes.len()))
    }

    /// With limits of the caller's.
    #[must_use]
    pub fn with_limits(bytes: &'a [u8], layer: i32, limits: Limits) -> Self {
        let layer = if layer <= 0 { i32::MAX } else { layer };
        Self { rest: bytes, layer, limits }
    }

    pub(crate) fn layer(&self) -> i32 {
        self.layer
    }

    /// The bytes not yet read.
    #[must_use]
    pub fn remaining(&self) -> &'a [u8] {
        self.rest
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// `Trailing`, if there are bytes left.
    pub fn finish(self) -> Result<(), ReadError> {
        if self.rest.is_empty() { Ok(()) } else { Err(ReadError::Trailing(self.rest.len())) }
    }

    pub(crate) fn enter(&mut self) -> Result<(), ReadError> {
        self.limits.depth =
            self.limits.depth.checked_sub(1).ok_or(ReadError::Limit("nesting depth"))?;
        Ok(())
    }

    pub(crate) fn leave(&mut self) {
        self.limits.depth += 1;
    }

    pub(crate) fn spend(&mut self, bytes: usize) -> Result<(), ReadError> {
        self.limits.bytes =
            self.limits.bytes.checked_sub(bytes).ok_or(ReadError::Limit("decoded bytes"))?;
        Ok(())
    }

    /// A vector's count, checked against the bytes that are left and charged for elements of
    /// `size` bytes, before anything is allocated.
    pub(crate) fn count(&mut self, size: usize) -> Result<usize, ReadError> {
        let count = self.u32()? as usize;
        // Nothing in TL but an empty bare constructor takes less than 4 bytes.
        if count > self.rest.len() / 4 {
            return Err(ReadError::End);
        }
        self.limits.elements =
            self.limits.elements.checked_sub(count).ok_or(ReadError::Limit("vector elements"))?;
        self.spend(count.saturating_mul(size))?;
        Ok(count)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], ReadError> {
        let (head, rest) = self.rest.split_first_chunk().ok_or(ReadError::End)?;
        self.rest = rest;
        Ok(*head)
    }

    /// Four bytes, little-endian: a constructor id, a count, a flag word.
    ///
    /// # Errors
    /// `End`.
    pub fn u32(&mut self) -> Result<u32, ReadError> {
        Ok(u32::from_le_bytes(self.take()?))
    }

    /// `int`.
    ///
    /// # Errors
    /// `End`.
    pub fn i32(&mut self) -> Result<i32, ReadError> {
        Ok(i32::from_le_bytes(self.take()?))
    }

    /// `long`.
    ///
    /// # Errors
    /// `End`.
    pub fn i64(&mut self) -> Result<i64, ReadError> {
        Ok(i64::from_le_bytes(self.take()?))
    }

    /// `double`.
    ///
    /// # Errors
    /// `End`.
    pub fn f64(&mut self) -> Result<f64, ReadError> {
        Ok(f64::from_le_bytes(self.take()?))
    }

    /// `int128`, 16 bytes as they are.
    ///
    /// # Errors
    /// `End`.
    pub fn int128(&mut self) -> Result<[u8; 16], ReadError> {
        self.take()
    }

    /// `int256`, 32 bytes as they are.
    ///
    /// # Errors
    /// `End`.
    pub fn int256(&mut self) -> Result<[u8; 32], ReadError> {
        self.take()
    }

    /// `Bool`.
    ///
    /// # Errors
    /// `End`, or `Constructor` if the id is neither of the two.
    pub fn bool(&mut self) -> Result<bool, ReadError> {
        match self.u32()? {
            BOOL_TRUE => Ok(true),
            BOOL_FALSE => Ok(false),
            id => Err(ReadError::Constructor { id, expected: "Bool" }),
        }
    }

    /// `bytes`, borrowed: length (1 byte, or 254 and 3 bytes) ++ data ++ padding to 4.
    ///
    /// A long length where a short one would do, and padding other than zero, are accepted: there
    /// are clients that send them.
    ///
    /// # Errors
    /// `End`.
    pub fn bytes(&mut self) -> Result<&'a [u8], ReadError> {
        let (length, head) = match *self.rest {
            [] | [255, ..] => return Err(ReadError::End),
            [254, a, b, c, ..] => (u32::from_le_bytes([a, b, c, 0]) as usize, 4),
            // Too short for the three bytes of length.
            [254, ..] => return Err(ReadError::End),
            [short, ..] => (usize::from(short), 1),
        };
        let whole = (head + length).next_multiple_of(4);
        let (data, rest) = self.rest.split_at_checked(whole).ok_or(ReadError::End)?;
        self.rest = rest;
        data.get(head..head + length).ok_or(ReadError::End)
    }

    /// `string`.
    ///
    /// # Errors
    /// `End`; `Utf8`; `Limit`.
    pub fn string(&mut self) -> Result<String, ReadError> {
        let bytes = self.bytes()?;
        self.spend(bytes.len())?;
        std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| ReadError::Utf8)
    }

    /// All that is left, borrowed.
    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    /// Exactly `length` bytes, borrowed.
    ///
    /// # Errors
    /// `End`.
    pub fn raw(&mut self, length: usize) -> Result<&'a [u8], ReadError> {
        let (data, rest) = self.rest.split_at_checked(length).ok_or(ReadError::End)?;
        self.rest = rest;
        Ok(data)
    }

    pub(crate) fn owned_rest(&mut self) -> Result<Rest, ReadError> {
        self.spend(self.rest.len())?;
        Ok(Rest(self.rest().to_vec()))
    }
}
