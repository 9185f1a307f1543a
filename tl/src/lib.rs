//! TL
mod read;
mod shape;
mod write;
pub use read::{Limits, Read, ReadError, Reader};
pub use shape::{Constructor, Edition, Op, Shape};
pub(crate) use shape::{impl_constructor, read_bare, read_body, write_bare, write_variant};
pub use write::{Write, WriteError, Writer};
pub const LAYER_MIN: i32 = 152;
pub const LAYER_MAX: i32 = 230;
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rest(pub Vec<u8>);
pub trait Function: Read + Write {
    const METHOD: Method;
    type Result: Read + Write;
}
include!(concat!(env!("OUT_DIR"), "/api.rs"));
pub mod mtproto {
    include!(concat!(env!("OUT_DIR"), "/mtproto.rs"));
}
pub fn to_bytes<T: Write + ?Sized>(value: &T, layer: i32) -> Result<Vec<u8>, WriteError> {
    let mut w = Writer::new(layer);
    value.write(&mut w)?;
    Ok(w.into_bytes())
}
pub fn from_bytes<T: Read>(bytes: &[u8], layer: i32) -> Result<T, ReadError> {
    let mut r = Reader::new(bytes, layer);
    let v = T::read(&mut r)?;
    r.finish()?;
    Ok(v)
}
impl Method {
    pub fn name(self) -> &'static str {
        METHODS[self as usize].0
    }
    pub fn from_id(id: u32, layer: i32) -> Option<Self> {
        static INDEX: std::sync::LazyLock<std::collections::HashMap<u32, Vec<u16>>> =
            std::sync::LazyLock::new(|| {
                let mut m: std::collections::HashMap<u32, Vec<u16>> = Default::default();
                for (i, (_, e)) in METHODS.iter().enumerate() {
                    for (id, _) in *e {
                        let v = m.entry(*id).or_default();
                        if !v.contains(&(i as u16)) {
                            v.push(i as u16);
                        }
                    }
                }
                m
            });
        let c = INDEX.get(&id)?;
        let at = |i: &&u16| {
            METHODS[**i as usize]
                .1
                .iter()
                .any(|(e, l)| *e == id && l.iter().any(|(a, b)| (*a..=*b).contains(&layer)))
        };
        let i = c.iter().find(at).or_else(|| c.last())?;
        Some(Self::ALL[*i as usize])
    }
}
