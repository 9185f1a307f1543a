#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum WriteError {
    #[error("{constructor} cannot be said in layer {layer}")]
    Inexpressible { constructor: &'static str, layer: i32 },
}
pub trait Write {
    fn write(&self, w: &mut Writer) -> Result<(), WriteError>;
}
pub struct Writer {
    out: Vec<u8>,
    layer: i32,
}
impl Writer {
    pub fn new(layer: i32) -> Self {
        Self { out: Vec::new(), layer }
    }
    pub fn layer(&self) -> i32 {
        self.layer
    }
    pub fn into_bytes(self) -> Vec<u8> {
        self.out
    }
    pub(crate) fn position(&self) -> usize {
        self.out.len()
    }
    pub(crate) fn truncate(&mut self, n: usize) {
        self.out.truncate(n)
    }
    pub(crate) fn patch(&mut self, at: usize, v: u32) {
        if let Some(b) = self.out.get_mut(at..at + 4) {
            b.copy_from_slice(&v.to_le_bytes())
        }
    }
    pub fn u32(&mut self, v: u32) {
        self.out.extend_from_slice(&v.to_le_bytes())
    }
    pub fn i32(&mut self, v: i32) {
        self.out.extend_from_slice(&v.to_le_bytes())
    }
    pub fn i64(&mut self, v: i64) {
        self.out.extend_from_slice(&v.to_le_bytes())
    }
    pub fn f64(&mut self, v: f64) {
        self.out.extend_from_slice(&v.to_le_bytes())
    }
    pub fn bool(&mut self, v: bool) {
        self.u32(if v { 0x997275b5 } else { 0xbc799737 })
    }
    pub fn raw(&mut self, v: &[u8]) {
        self.out.extend_from_slice(v)
    }
    pub fn bytes(&mut self, v: &[u8]) {
        let n = v.len();
        if n < 254 {
            self.out.push(n as u8)
        } else {
            let [a, b, c, _] = (n as u32).to_le_bytes();
            self.out.extend_from_slice(&[254, a, b, c])
        }
        self.out.extend_from_slice(v);
        while self.out.len() % 4 != 0 {
            self.out.push(0)
        }
    }
    pub(crate) fn vector<T>(
        &mut self,
        v: &[T],
        f: impl FnMut(&mut Self, &T) -> Result<(), WriteError>,
    ) -> Result<(), WriteError> {
        self.u32(0x1cb5c415);
        self.bare_vector(v, f)
    }
    pub(crate) fn bare_vector<T>(
        &mut self,
        v: &[T],
        mut f: impl FnMut(&mut Self, &T) -> Result<(), WriteError>,
    ) -> Result<(), WriteError> {
        let at = self.position();
        self.u32(0);
        let mut n = 0u32;
        for x in v {
            let start = self.position();
            match f(self, x) {
                Ok(()) => n += 1,
                Err(WriteError::Inexpressible { .. }) => self.truncate(start),
            }
        }
        self.patch(at, n);
        Ok(())
    }
    pub(crate) fn default<T: Default>(
        &mut self,
        f: impl FnOnce(&mut Self, &T) -> Result<(), WriteError>,
    ) -> Result<(), WriteError> {
        f(self, &T::default())
    }
}
impl Write for bool {
    fn write(&self, w: &mut Writer) -> Result<(), WriteError> {
        w.bool(*self);
        Ok(())
    }
}
impl Write for i32 {
    fn write(&self, w: &mut Writer) -> Result<(), WriteError> {
        w.i32(*self);
        Ok(())
    }
}
impl Write for i64 {
    fn write(&self, w: &mut Writer) -> Result<(), WriteError> {
        w.i64(*self);
        Ok(())
    }
}
impl Write for String {
    fn write(&self, w: &mut Writer) -> Result<(), WriteError> {
        w.bytes(self.as_bytes());
        Ok(())
    }
}
impl<T: Write> Write for Vec<T> {
    fn write(&self, w: &mut Writer) -> Result<(), WriteError> {
        w.vector(self, |w, v| v.write(w))
    }
}
impl Write for crate::Rest {
    fn write(&self, w: &mut Writer) -> Result<(), WriteError> {
        w.raw(&self.0);
        Ok(())
    }
}
