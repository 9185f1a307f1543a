#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub depth: u32,
    pub elements: usize,
    pub bytes: usize,
}
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ReadError {
    #[error("the input ends too early")]
    End,
    #[error("{0} bytes are left over")]
    Trailing(usize),
    #[error("constructor {id:08x} is no {expected}")]
    Constructor { id: u32, expected: &'static str },
    #[error("text is not UTF-8")]
    Utf8,
    #[error("over the limit of {0}")]
    Limit(&'static str),
}
pub trait Read: Sized {
    fn read(r: &mut Reader<'_>) -> Result<Self, ReadError>;
}
pub struct Reader<'a> {
    rest: &'a [u8],
    layer: i32,
    limits: Limits,
}
const VECTOR: u32 = 0x1cb5c415;
impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8], layer: i32) -> Self {
        let n = bytes.len();
        Self::with_limits(
            bytes,
            layer,
            Limits { depth: 32, elements: n / 4 + 16, bytes: 65536 + 4 * n },
        )
    }
    pub fn with_limits(bytes: &'a [u8], layer: i32, limits: Limits) -> Self {
        Self { rest: bytes, layer, limits }
    }
    pub fn layer(&self) -> i32 {
        self.layer
    }
    pub fn remaining(&self) -> &'a [u8] {
        self.rest
    }
    pub fn finish(self) -> Result<(), ReadError> {
        if self.rest.is_empty() { Ok(()) } else { Err(ReadError::Trailing(self.rest.len())) }
    }
    pub(crate) fn enter(&mut self) -> Result<(), ReadError> {
        self.limits.depth = self.limits.depth.checked_sub(1).ok_or(ReadError::Limit("depth"))?;
        Ok(())
    }
    pub(crate) fn leave(&mut self) {
        self.limits.depth += 1;
    }
    fn spend(&mut self, n: usize) -> Result<(), ReadError> {
        self.limits.bytes = self.limits.bytes.checked_sub(n).ok_or(ReadError::Limit("bytes"))?;
        Ok(())
    }
    fn take<const N: usize>(&mut self) -> Result<[u8; N], ReadError> {
        let (h, t) = self.rest.split_first_chunk().ok_or(ReadError::End)?;
        self.rest = t;
        Ok(*h)
    }
    pub fn u32(&mut self) -> Result<u32, ReadError> {
        Ok(u32::from_le_bytes(self.take()?))
    }
    pub fn i32(&mut self) -> Result<i32, ReadError> {
        Ok(i32::from_le_bytes(self.take()?))
    }
    pub fn i64(&mut self) -> Result<i64, ReadError> {
        Ok(i64::from_le_bytes(self.take()?))
    }
    pub fn f64(&mut self) -> Result<f64, ReadError> {
        Ok(f64::from_le_bytes(self.take()?))
    }
    pub fn int128(&mut self) -> Result<[u8; 16], ReadError> {
        self.take()
    }
    pub fn int256(&mut self) -> Result<[u8; 32], ReadError> {
        self.take()
    }
    pub fn bool(&mut self) -> Result<bool, ReadError> {
        match self.u32()? {
            0x997275b5 => Ok(true),
            0xbc799737 => Ok(false),
            id => Err(ReadError::Constructor { id, expected: "Bool" }),
        }
    }
    pub fn bytes(&mut self) -> Result<&'a [u8], ReadError> {
        let &[a, ..] = self.rest else { return Err(ReadError::End) };
        let (n, head) = match (a, self.rest) {
            (254, &[_, b, c, d, ..]) => (u32::from_le_bytes([b, c, d, 0]) as usize, 4),
            (254.., _) => return Err(ReadError::End),
            _ => (usize::from(a), 1),
        };
        let whole = (head + n).div_ceil(4) * 4;
        let (data, rest) = self.rest.split_at_checked(whole).ok_or(ReadError::End)?;
        self.rest = rest;
        data.get(head..head + n).ok_or(ReadError::End)
    }
    pub fn bytes_vec(&mut self) -> Result<Vec<u8>, ReadError> {
        let b = self.bytes()?;
        self.spend(b.len())?;
        Ok(b.to_vec())
    }
    pub fn string(&mut self) -> Result<String, ReadError> {
        String::from_utf8(self.bytes_vec()?).map_err(|_| ReadError::Utf8)
    }
    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }
    pub(crate) fn rest_value(&mut self) -> crate::Rest {
        crate::Rest(self.rest().to_vec())
    }
    pub(crate) fn vector<T>(
        &mut self,
        f: impl FnMut(&mut Self) -> Result<T, ReadError>,
    ) -> Result<Vec<T>, ReadError> {
        match self.u32()? {
            VECTOR => self.bare_vector(f),
            id => Err(ReadError::Constructor { id, expected: "vector" }),
        }
    }
    pub(crate) fn bare_vector<T>(
        &mut self,
        mut f: impl FnMut(&mut Self) -> Result<T, ReadError>,
    ) -> Result<Vec<T>, ReadError> {
        let n = self.u32()? as usize;
        if n > self.rest.len() / 4 {
            return Err(ReadError::End);
        }
        self.limits.elements =
            self.limits.elements.checked_sub(n).ok_or(ReadError::Limit("elements"))?;
        self.spend(n * size_of::<T>())?;
        let mut v = Vec::with_capacity(n);
        for _ in 0..n {
            v.push(f(self)?);
        }
        Ok(v)
    }
}
impl Read for bool {
    fn read(r: &mut Reader<'_>) -> Result<Self, ReadError> {
        r.bool()
    }
}
impl Read for i32 {
    fn read(r: &mut Reader<'_>) -> Result<Self, ReadError> {
        r.i32()
    }
}
impl Read for i64 {
    fn read(r: &mut Reader<'_>) -> Result<Self, ReadError> {
        r.i64()
    }
}
impl Read for String {
    fn read(r: &mut Reader<'_>) -> Result<Self, ReadError> {
        r.string()
    }
}
impl<T: Read> Read for Vec<T> {
    fn read(r: &mut Reader<'_>) -> Result<Self, ReadError> {
        r.vector(T::read)
    }
}
impl Read for crate::Rest {
    fn read(r: &mut Reader<'_>) -> Result<Self, ReadError> {
        Ok(r.rest_value())
    }
}
