//! Bytes out.

use crate::reader::{BOOL_FALSE, BOOL_TRUE};

/// Why a value has no bytes at a layer.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum WriteError {
    /// The layer does not have the constructor, and no fallback stands for it.
    #[error("{constructor} cannot be said in layer {layer}")]
    Inexpressible {
        /// TL name.
        constructor: &'static str,
        /// The receiver's.
        layer: i32,
    },
    /// `string` and `bytes` hold less than 2^24 bytes, vectors less than 2^31 elements.
    #[error("{0} bytes or elements are more than TL can say")]
    TooLong(usize),
}

/// Bytes of one value, at the layer of its receiver.
#[derive(Debug)]
pub struct Writer {
    out: Vec<u8>,
    layer: i32,
}

impl Writer {
    /// Layer 0 or less stands for the newest.
    #[must_use]
    pub fn new(layer: i32) -> Self {
        Self::append_to(Vec::new(), layer)
    }

    /// Writes behind the bytes of `out`.
    #[must_use]
    pub fn append_to(out: Vec<u8>, layer: i32) -> Self {
        Self { out, layer: if layer <= 0 { i32::MAX } else { layer } }
    }

    /// What was written.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.out
    }

    /// The receiver's layer; `i32::MAX` for the newest.
    #[must_use]
    pub fn layer(&self) -> i32 {
        self.layer
    }

    pub(crate) fn position(&self) -> usize {
        self.out.len()
    }

    pub(crate) fn truncate(&mut self, position: usize) {
        self.out.truncate(position);
    }

    pub(crate) fn patch(&mut self, position: usize, value: u32) {
        if let Some(word) = self.out.get_mut(position..position + 4) {
            word.copy_from_slice(&value.to_le_bytes());
        }
    }

    /// Four bytes, little-endian: a constructor id, a count, a flag word.
    pub fn u32(&mut self, value: u32) {
        self.raw(&value.to_le_bytes());
    }

    /// `int`.
    pub fn i32(&mut self, value: i32) {
        self.raw(&value.to_le_bytes());
    }

    /// `long`.
    pub fn i64(&mut self, value: i64) {
        self.raw(&value.to_le_bytes());
    }

    /// `double`.
    pub fn f64(&mut self, value: f64) {
        self.raw(&value.to_le_bytes());
    }

    /// `Bool`.
    pub fn bool(&mut self, value: bool) {
        self.u32(if value { BOOL_TRUE } else { BOOL_FALSE });
    }

    /// Bytes as they are: `int128`, `int256`, a value already encoded.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// `bytes` and `string`: the shortest length, data, zeros up to a multiple of 4.
    ///
    /// # Errors
    /// `TooLong` from 2^24 bytes on.
    pub fn bytes(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        // At once, with the zeros after it: growing for those would copy all of it.
        self.out.reserve(bytes.len() + 7);
        let head = match (u8::try_from(bytes.len()), u32::try_from(bytes.len())) {
            (Ok(short @ ..254), _) => {
                self.out.push(short);
                1
            }
            (_, Ok(long @ ..0x0100_0000)) => {
                self.u32(long << 8 | 254);
                4
            }
            _ => return Err(WriteError::TooLong(bytes.len())),
        };
        self.raw(bytes);
        let padding = (head + bytes.len()).next_multiple_of(4) - (head + bytes.len());
        self.out.resize(self.out.len() + padding, 0);
        Ok(())
    }
}
