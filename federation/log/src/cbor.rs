//! Deterministic CBOR (RFC 8949 section 4.2) of records as arrays, with every length bounded.
//!
//! A record is an array of its fields in the order in which they are declared. Two encodings of one
//! value would have two hashes, so [`decode`] refuses whatever does not encode to the same bytes:
//! longer integers than needed, indefinite lengths, anything behind the end. Byte strings and texts
//! are borrowed until their bound is checked; the shapes are fixed, so nesting has one too.

use std::ops::Deref;

/// These bytes are no encoding of what they should be, or not the only one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed CBOR")]
pub struct Malformed;

impl From<minicbor::decode::Error> for Malformed {
    fn from(_: minicbor::decode::Error) -> Self {
        Self
    }
}

/// Something with exactly one encoding.
pub trait Wire: Sized {
    /// Appends the encoding.
    fn put(&self, to: &mut Writer);
    /// Reads one value; that its encoding was the only one is checked by [`decode`].
    ///
    /// # Errors
    /// [`Malformed`], also where a bound is passed.
    fn take(from: &mut Reader<'_>) -> Result<Self, Malformed>;
}

/// The encoding of a value.
pub fn encode<T: Wire>(value: &T) -> Vec<u8> {
    let mut to = Writer::default();
    value.put(&mut to);
    to.into_bytes()
}

/// The value whose only encoding these bytes are.
///
/// # Errors
/// [`Malformed`] for anything else.
pub fn decode<T: Wire>(bytes: &[u8]) -> Result<T, Malformed> {
    let (value, length) = decode_prefix(bytes)?;
    if length == bytes.len() { Ok(value) } else { Err(Malformed) }
}

/// The value that these bytes begin with, and how many of them are its only encoding.
///
/// # Errors
/// [`Malformed`] for anything else.
pub fn decode_prefix<T: Wire>(bytes: &[u8]) -> Result<(T, usize), Malformed> {
    let mut from = Reader::new(bytes);
    let value = T::take(&mut from)?;
    let length = from.0.position();
    if bytes.get(..length) != Some(encode(&value).as_slice()) {
        return Err(Malformed);
    }
    Ok((value, length))
}

/// What encodings are appended to.
pub struct Writer(minicbor::Encoder<Vec<u8>>);

/// Why writing cannot fail.
const TAKES_ALL: &str = "a Vec takes every byte";

impl Default for Writer {
    fn default() -> Self {
        Self(minicbor::Encoder::new(Vec::new()))
    }
}

impl Writer {
    /// The bytes so far.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0.into_writer()
    }

    /// The head of an array of `length` values.
    pub fn array(&mut self, length: usize) {
        self.0.array(length as u64).expect(TAKES_ALL);
    }

    /// One unsigned integer.
    pub fn unsigned(&mut self, value: u64) {
        self.0.u64(value).expect(TAKES_ALL);
    }

    fn bytes(&mut self, value: &[u8]) {
        self.0.bytes(value).expect(TAKES_ALL);
    }

    /// Nothing.
    pub fn null(&mut self) {
        self.0.null().expect(TAKES_ALL);
    }
}

/// What encodings are read from.
pub struct Reader<'a>(minicbor::Decoder<'a>);

impl<'a> Reader<'a> {
    /// Reads from the beginning of these bytes.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(minicbor::Decoder::new(bytes))
    }

    /// The head of an array that must have `length` values.
    ///
    /// # Errors
    /// [`Malformed`] for any other length, and for none that is given.
    pub fn array(&mut self, length: usize) -> Result<(), Malformed> {
        if self.0.array()? == Some(length as u64) { Ok(()) } else { Err(Malformed) }
    }

    /// One unsigned integer.
    ///
    /// # Errors
    /// [`Malformed`] if it is none, or does not fit.
    pub fn unsigned<N: TryFrom<u64>>(&mut self) -> Result<N, Malformed> {
        N::try_from(self.0.u64()?).map_err(|_| Malformed)
    }

    fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        Ok(self.0.bytes()?)
    }

    /// Whether nothing comes next, which is then read.
    ///
    /// # Errors
    /// [`Malformed`] at the end of the bytes.
    pub fn null(&mut self) -> Result<bool, Malformed> {
        let is_null = self.0.datatype()? == minicbor::data::Type::Null;
        if is_null {
            self.0.null()?;
        }
        Ok(is_null)
    }
}

macro_rules! unsigned {
    ($($type:ty)*) => {$(
        impl Wire for $type {
            fn put(&self, to: &mut Writer) {
                to.unsigned(u64::from(*self));
            }

            fn take(from: &mut Reader<'_>) -> Result<Self, Malformed> {
                from.unsigned()
            }
        }
    )*};
}
unsigned!(u8 u16 u32 u64);

impl Wire for bool {
    fn put(&self, to: &mut Writer) {
        to.0.bool(*self).expect(TAKES_ALL);
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(from.0.bool()?)
    }
}

impl<const N: usize> Wire for [u8; N] {
    fn put(&self, to: &mut Writer) {
        to.bytes(self);
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        from.bytes()?.try_into().map_err(|_| Malformed)
    }
}

impl<T: Wire> Wire for Option<T> {
    fn put(&self, to: &mut Writer) {
        match self {
            Some(value) => value.put(to),
            None => to.null(),
        }
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        if from.null()? { Ok(None) } else { Ok(Some(T::take(from)?)) }
    }
}

impl<A: Wire, B: Wire> Wire for (A, B) {
    fn put(&self, to: &mut Writer) {
        to.array(2);
        self.0.put(to);
        self.1.put(to);
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        from.array(2)?;
        Ok((A::take(from)?, B::take(from)?))
    }
}

/// At most `MAX` values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List<T, const MAX: usize>(Vec<T>);

impl<T, const MAX: usize> List<T, MAX> {
    /// A list of these values.
    ///
    /// # Errors
    /// [`Malformed`] beyond `MAX`.
    pub fn new(values: Vec<T>) -> Result<Self, Malformed> {
        if values.len() > MAX { Err(Malformed) } else { Ok(Self(values)) }
    }

    /// The values themselves.
    pub fn into_vec(self) -> Vec<T> {
        self.0
    }
}

impl<T, const MAX: usize> Default for List<T, MAX> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T, const MAX: usize> Deref for List<T, MAX> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T: Wire, const MAX: usize> Wire for List<T, MAX> {
    fn put(&self, to: &mut Writer) {
        to.array(self.0.len());
        self.0.iter().for_each(|value| value.put(to));
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        let length = from.0.array()?.ok_or(Malformed)?;
        let length = usize::try_from(length).ok().filter(|&n| n <= MAX).ok_or(Malformed)?;
        // No reserve: a hostile count would take memory for values that never come.
        (0..length).map(|_| T::take(from)).collect::<Result<_, _>>().map(Self)
    }
}

/// A byte string of at most `MAX` bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Blob<const MAX: usize>(Vec<u8>);

impl<const MAX: usize> Blob<MAX> {
    /// These bytes.
    ///
    /// # Errors
    /// [`Malformed`] beyond `MAX`.
    pub fn new(bytes: Vec<u8>) -> Result<Self, Malformed> {
        if bytes.len() > MAX { Err(Malformed) } else { Ok(Self(bytes)) }
    }

    /// The bytes themselves.
    pub fn into_vec(self) -> Vec<u8> {
        self.0
    }
}

impl<const MAX: usize> Deref for Blob<MAX> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl<const MAX: usize> Wire for Blob<MAX> {
    fn put(&self, to: &mut Writer) {
        to.bytes(&self.0);
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        let bytes = from.bytes()?;
        if bytes.len() > MAX { Err(Malformed) } else { Ok(Self(bytes.to_vec())) }
    }
}

/// A text of at most `MAX` bytes of UTF-8.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Text<const MAX: usize>(String);

impl<const MAX: usize> Text<MAX> {
    /// This text.
    ///
    /// # Errors
    /// [`Malformed`] beyond `MAX` bytes.
    pub fn new(text: impl Into<String>) -> Result<Self, Malformed> {
        let text = text.into();
        if text.len() > MAX { Err(Malformed) } else { Ok(Self(text)) }
    }
}

impl<const MAX: usize> Deref for Text<MAX> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<const MAX: usize> Wire for Text<MAX> {
    fn put(&self, to: &mut Writer) {
        to.0.str(&self.0).expect(TAKES_ALL);
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        let text = from.0.str()?;
        if text.len() > MAX { Err(Malformed) } else { Ok(Self(text.to_owned())) }
    }
}

/// A struct that is encoded as the array of its fields.
#[macro_export]
macro_rules! record {
    ($(#[$meta:meta])* pub struct $name:ident {
        $($(#[$field_meta:meta])* pub $field:ident: $type:ty,)*
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name {
            $($(#[$field_meta])* pub $field: $type,)*
        }

        impl $crate::cbor::Wire for $name {
            fn put(&self, to: &mut $crate::cbor::Writer) {
                to.array([$(stringify!($field)),*].len());
                $($crate::cbor::Wire::put(&self.$field, to);)*
            }

            fn take(
                from: &mut $crate::cbor::Reader<'_>,
            ) -> Result<Self, $crate::cbor::Malformed> {
                from.array([$(stringify!($field)),*].len())?;
                Ok(Self { $($field: $crate::cbor::Wire::take(from)?,)* })
            }
        }
    };
}
pub use record;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_shortest_definite_encoding_is_read() {
        type Numbers = List<u64, 3>;
        let value = Numbers::new(vec![1, 500]).unwrap();
        let bytes = [0x82, 0x01, 0x19, 0x01, 0xf4];
        assert_eq!(encode(&value), bytes);
        assert_eq!(decode::<Numbers>(&bytes), Ok(value));
        for other in [
            &[0x82, 0x18, 0x01, 0x19, 0x01, 0xf4][..], // a longer 1
            &[0x82, 0x01, 0x1a, 0, 0, 0x01, 0xf4],     // a longer 500
            &[0x98, 0x02, 0x01, 0x19, 0x01, 0xf4],     // a longer head
            &[0x9f, 0x01, 0x19, 0x01, 0xf4, 0xff],     // an indefinite length
            &[0x82, 0x01, 0x19, 0x01, 0xf4, 0x00],     // something behind the end
            &[0x82, 0x01, 0x19, 0x01],                 // something missing
            &[0x82, 0x01, 0x20],                       // a negative number
            &[0xc1, 0x82, 0x01, 0x02],                 // a tag
        ] {
            assert_eq!(decode::<Numbers>(other), Err(Malformed), "{other:02x?}");
        }
    }

    #[test]
    fn lengths_are_bounded_before_anything_is_allocated() {
        assert!(decode::<List<u64, 2>>(&[0x83, 1, 2, 3]).is_err());
        // Arrays and strings that claim 2^64 - 1 values.
        let huge = |head: u8| [&[head][..], &[0xff; 8]].concat();
        assert!(decode::<List<u64, { usize::MAX }>>(&huge(0x9b)).is_err());
        assert!(decode::<Blob<{ usize::MAX }>>(&huge(0x5b)).is_err());
        assert!(decode::<Text<{ usize::MAX }>>(&huge(0x7b)).is_err());
        assert!(decode::<Blob<2>>(&[0x43, 1, 2, 3]).is_err());
        assert!(decode::<Text<2>>(&[0x63, b'a', b'b', b'c']).is_err());
        assert!(decode::<Text<2>>(&[0x62, 0xff, 0xff]).is_err());
        assert!(decode::<[u8; 2]>(&[0x41, 1]).is_err());
        assert!(decode::<u8>(&[0x19, 0x01, 0x00]).is_err());
    }
}
