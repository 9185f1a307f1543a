//! [`Read`] and [`Write`] of the types that are results of functions without being constructors:
//! `Bool`, `int`, `long`, `string`, `Vector<T>`, and the bytes that a generic function carries.

use crate::{Read, ReadError, Reader, Write, WriteError, Writer};

/// The rest of an input, unread: `!X` of a generic function (`invokeWithLayer`), `X` of its result.
///
/// <https://core.telegram.org/mtproto/TL-polymorph>
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rest(pub Vec<u8>);

impl Read for Rest {
    fn read(r: &mut Reader<'_>) -> Result<Self, ReadError> {
        Ok(r.rest_value())
    }
}

impl Write for Rest {
    fn write(&self, w: &mut Writer) -> Result<(), WriteError> {
        w.raw(&self.0);
        Ok(())
    }
}

impl<T: Read> Read for Vec<T> {
    fn read(r: &mut Reader<'_>) -> Result<Self, ReadError> {
        r.vector(T::read)
    }
}

impl<T: Write> Write for Vec<T> {
    fn write(&self, w: &mut Writer) -> Result<(), WriteError> {
        w.vector(self, |w, value| value.write(w))
    }
}

impl Read for bool {
    fn read(r: &mut Reader<'_>) -> Result<Self, ReadError> {
        r.bool()
    }
}

impl Write for bool {
    fn write(&self, w: &mut Writer) -> Result<(), WriteError> {
        w.bool(*self);
        Ok(())
    }
}

impl Read for i32 {
    fn read(r: &mut Reader<'_>) -> Result<Self, ReadError> {
        r.i32()
    }
}

impl Write for i32 {
    fn write(&self, w: &mut Writer) -> Result<(), WriteError> {
        w.i32(*self);
        Ok(())
    }
}

impl Read for i64 {
    fn read(r: &mut Reader<'_>) -> Result<Self, ReadError> {
        r.i64()
    }
}

impl Write for i64 {
    fn write(&self, w: &mut Writer) -> Result<(), WriteError> {
        w.i64(*self);
        Ok(())
    }
}

impl Read for String {
    fn read(r: &mut Reader<'_>) -> Result<Self, ReadError> {
        r.string()
    }
}

impl Write for String {
    fn write(&self, w: &mut Writer) -> Result<(), WriteError> {
        w.bytes(self.as_bytes());
        Ok(())
    }
}
