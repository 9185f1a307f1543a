use crate::{ReadError, Reader, WriteError, Writer};
#[derive(Debug, Clone, Copy)]
pub enum Op {
    Flags,
    Field(u16),
    Optional(u8, u8, u16),
    True(u8, u8, u16),
}
#[derive(Debug)]
pub struct Edition {
    pub id: u32,
    pub layers: &'static [(i32, i32)],
    pub ops: &'static [Op],
}
pub trait Shape {
    fn editions(&self) -> &'static [Edition];
    fn read_field(&mut self, _: u16, _: &mut Reader<'_>) -> Result<(), ReadError> {
        Ok(())
    }
    fn write_field(&self, _: u16, _: &mut Writer) -> Result<(), WriteError> {
        Ok(())
    }
    fn has_field(&self, _: u16) -> bool {
        true
    }
    fn set_true(&mut self, _: u16) {}
}
pub trait Constructor: Shape + Default {
    const NAME: &'static str;
    const EDITIONS: &'static [Edition];
}
impl Edition {
    fn holds(&self, layer: i32) -> bool {
        layer <= 0 || self.layers.iter().any(|(a, b)| (*a..=*b).contains(&layer))
    }
    fn last(&self) -> i32 {
        self.layers.last().map_or(0, |l| l.1)
    }
}
pub(crate) fn read_body<T: Constructor>(id: u32, r: &mut Reader<'_>) -> Result<T, ReadError> {
    let mut v = T::default();
    let layer = r.layer();
    let of_id = || T::EDITIONS.iter().filter(|e| e.id == id);
    let e = of_id()
        .find(|e| e.holds(layer))
        .or_else(|| of_id().max_by_key(|e| e.last()))
        .ok_or(ReadError::Constructor { id, expected: T::NAME })?;
    fill(&mut v, e, r)?;
    Ok(v)
}
pub(crate) fn read_bare<T: Constructor>(r: &mut Reader<'_>) -> Result<T, ReadError> {
    let mut v = T::default();
    let layer = r.layer();
    let e = T::EDITIONS
        .iter()
        .find(|e| e.holds(layer))
        .or(T::EDITIONS.last())
        .ok_or(ReadError::Constructor { id: 0, expected: T::NAME })?;
    fill(&mut v, e, r)?;
    Ok(v)
}
fn fill(v: &mut dyn Shape, e: &Edition, r: &mut Reader<'_>) -> Result<(), ReadError> {
    r.enter()?;
    let mut words = [0u32; 4];
    let mut n = 0;
    for op in e.ops {
        match *op {
            Op::Flags => {
                if let Some(w) = words.get_mut(n) {
                    *w = r.u32()?;
                }
                n += 1;
            }
            Op::Field(f) => v.read_field(f, r)?,
            Op::Optional(w, b, f) => {
                if words.get(usize::from(w)).is_some_and(|x| x >> b & 1 == 1) {
                    v.read_field(f, r)?
                }
            }
            Op::True(w, b, f) => {
                if words.get(usize::from(w)).is_some_and(|x| x >> b & 1 == 1) {
                    v.set_true(f)
                }
            }
        }
    }
    r.leave();
    Ok(())
}
pub(crate) fn write_bare<T: Constructor>(v: &T, w: &mut Writer) -> Result<(), WriteError> {
    let layer = w.layer();
    let e = T::EDITIONS
        .iter()
        .find(|e| e.holds(layer))
        .ok_or(WriteError::Inexpressible { constructor: T::NAME, layer })?;
    pour(v, e, w)
}
pub(crate) fn write_variant(
    v: &dyn Shape,
    ty: &'static str,
    w: &mut Writer,
) -> Result<(), WriteError> {
    let layer = w.layer();
    match v.editions().iter().find(|e| e.holds(layer)) {
        Some(e) => {
            w.u32(e.id);
            pour(v, e, w)
        }
        None => Err(WriteError::Inexpressible { constructor: ty, layer }),
    }
}
fn pour(v: &dyn Shape, e: &Edition, w: &mut Writer) -> Result<(), WriteError> {
    let start = w.position();
    let mut hidden: u128 = 0;
    'again: loop {
        w.truncate(start);
        let mut at = [0usize; 4];
        let mut words = [0u32; 4];
        let mut n = 0;
        for op in e.ops {
            match *op {
                Op::Flags => {
                    if let Some(p) = at.get_mut(n) {
                        *p = w.position();
                    }
                    w.u32(0);
                    n += 1;
                }
                Op::Field(f) => v.write_field(f, w)?,
                Op::Optional(word, b, f) => {
                    let bit = 1u128 << (u32::from(word) * 32 + u32::from(b));
                    if hidden & bit == 0 && v.has_field(f) {
                        match v.write_field(f, w) {
                            Ok(()) => words[usize::from(word)] |= 1 << b,
                            Err(WriteError::Inexpressible { .. }) => {
                                hidden |= bit;
                                continue 'again;
                            }
                        }
                    }
                }
                Op::True(word, b, f) => {
                    if v.has_field(f) {
                        words[usize::from(word)] |= 1 << b
                    }
                }
            }
        }
        for (p, word) in at.iter().zip(words).take(n) {
            w.patch(*p, word);
        }
        return Ok(());
    }
}
macro_rules! impl_constructor {
    ($t:ident) => {
        impl crate::Read for $t {
            fn read(r: &mut crate::Reader<'_>) -> Result<Self, crate::ReadError> {
                let id = r.u32()?;
                crate::read_body(id, r)
            }
        }
        impl crate::Write for $t {
            fn write(&self, w: &mut crate::Writer) -> Result<(), crate::WriteError> {
                crate::write_variant(self, <Self as crate::Constructor>::NAME, w)
            }
        }
    };
}
pub(crate) use impl_constructor;
