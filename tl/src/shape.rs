//! Constructors as data: editions, and the one driver that reads and writes them.
//!
//! A generated struct only hands out its fields by number. Which of them lie in the bytes, in what
//! order and behind which flag bits is said by the [`Edition`] of a layer, a static table. So a
//! layer costs a table row and no code.

use std::any::Any;
use std::fmt::{self, Debug};

use crate::fallback;
use crate::field::{Field, Form};
use crate::{ReadError, Reader, WriteError, Writer};

/// No definition has more flag words.
const FLAG_WORDS: usize = 2;

/// One step of an edition. Fields are numbers for [`Shape::field`], flag words count from 0.
#[derive(Debug, Clone, Copy)]
pub enum Op {
    /// A flag word.
    Flags,
    /// A field that is always there.
    Field(u16, Form),
    /// Flag word, bit, and the field that is there if it is set.
    Optional(u8, u8, u16, Form),
    /// Flag word, bit, and the field that is the bit itself.
    True(u8, u8, u16),
}

/// One form of a constructor or function on the wire.
#[derive(Debug)]
pub struct Edition {
    /// Constructor id.
    pub id: u32,
    /// Layers that have it, ascending, from and to included.
    pub layers: &'static [(i32, i32)],
    /// Its fields in the order of the wire.
    pub ops: &'static [Op],
}

/// A constructor or function: what is the same for all its values.
#[derive(Debug)]
pub struct Constructor {
    /// TL name, with its namespace.
    pub name: &'static str,
    /// Rust names of the fields, by number.
    pub fields: &'static [&'static str],
    /// Oldest first.
    pub editions: &'static [Edition],
}

impl Edition {
    fn holds(&self, layer: i32) -> bool {
        self.layers.iter().any(|(from, to)| (*from..=*to).contains(&layer))
    }

    fn last_layer(&self) -> i32 {
        self.layers.last().map_or(0, |(_, to)| *to)
    }

    fn is_newest(&self) -> bool {
        self.last_layer() == i32::MAX
    }
}

impl Constructor {
    /// The form that a receiver of `layer` knows.
    #[must_use]
    pub fn edition(&self, layer: i32) -> Option<&'static Edition> {
        self.editions.iter().find(|edition| edition.holds(layer))
    }

    /// The form that a sender of `layer` means by `id`: that of its layer, else the newest with
    /// this id, since clients mix layers (they keep old code for single methods).
    fn edition_of(&self, id: u32, layer: i32) -> Option<&'static Edition> {
        let of_id = || self.editions.iter().filter(|edition| edition.id == id);
        of_id()
            .find(|edition| edition.holds(layer))
            .or_else(|| of_id().max_by_key(|edition| edition.last_layer()))
    }
}

/// A generated struct: fields by number.
pub trait Shape: Any + Debug {
    /// Its constructor.
    fn constructor(&self) -> &'static Constructor;

    /// A field.
    fn field(&self, number: u16) -> Option<&dyn Field>;

    /// A field, to be filled.
    fn field_mut(&mut self, number: u16) -> Option<&mut dyn Field>;
}

/// A TL type: its constructors, and which ids are theirs.
#[derive(Debug)]
pub struct BoxedType {
    /// TL name, with its namespace.
    pub name: &'static str,
    /// Every id of every layer with the number of its constructor, sorted.
    pub ids: &'static [(u32, u16)],
}

/// A generated enum: one of a type's constructors.
pub trait Boxed: Any {
    /// Its type.
    fn boxed_type(&self) -> &'static BoxedType;

    /// Becomes the constructor of that number, with default fields.
    fn switch(&mut self, constructor: u16);

    /// The constructor's fields.
    fn shape(&self) -> &dyn Shape;

    /// The constructor's fields, to be filled.
    fn shape_mut(&mut self) -> &mut dyn Shape;
}

/// Reads a value of a type: an id, then the fields of its constructor.
pub fn read_boxed(value: &mut dyn Boxed, r: &mut Reader<'_>) -> Result<(), ReadError> {
    let mut id = r.u32()?;
    let boxed_type = value.boxed_type();
    let unknown = ReadError::Constructor { id, expected: boxed_type.name };
    let mut found = boxed_type.ids.binary_search_by_key(&id, |(id, _)| *id);
    if found.is_err()
        && let Some(other) = fallback::read_as(boxed_type.name, id)
    {
        id = other;
        found = boxed_type.ids.binary_search_by_key(&id, |(id, _)| *id);
    }
    let Some((_, number)) = found.ok().and_then(|at| boxed_type.ids.get(at)) else {
        return Err(unknown);
    };
    // Charged before it is made: `switch` allocates what is behind a Box.
    value.switch(*number);
    let shape = value.shape_mut();
    r.spend(size_of_val(shape))?;
    let edition = shape.constructor().edition_of(id, r.layer()).ok_or(unknown)?;
    if !edition.is_newest() {
        // What the old edition lacks stays as `switch` made it, and its input does not pay for it.
        r.spend(heap_of_defaults(shape))?;
    }
    fill(shape, edition, r)
}

/// Heap behind the fields of a default value: constructors in boxes, and nothing else.
fn heap_of_defaults(shape: &dyn Shape) -> usize {
    let fields = (0..).map_while(|number| shape.field(number));
    fields
        .filter_map(Field::as_shape)
        .map(|inner| size_of_val(inner).saturating_add(heap_of_defaults(inner)))
        .fold(0, usize::saturating_add)
}

/// Writes a value of a type, or what stands for it at the receiver's layer.
pub fn write_boxed(value: &dyn Boxed, w: &mut Writer) -> Result<(), WriteError> {
    let shape = value.shape();
    match write_shape(shape, Form::Boxed, w) {
        Err(error @ WriteError::Inexpressible { .. }) => {
            match fallback::instead(value.boxed_type().name, shape) {
                Some(other) => other.write_out(Form::Boxed, w),
                None => Err(error),
            }
        }
        done => done,
    }
}

/// Reads a constructor, after its id if the form has one.
pub fn read_shape(value: &mut dyn Shape, form: Form, r: &mut Reader<'_>) -> Result<(), ReadError> {
    let constructor = value.constructor();
    let (id, edition) = if form == Form::Boxed {
        let id = r.u32()?;
        (id, constructor.edition_of(id, r.layer()))
    } else {
        (0, constructor.edition(r.layer()))
    };
    let edition = edition.ok_or(ReadError::Constructor { id, expected: constructor.name })?;
    fill(value, edition, r)
}

/// Writes a constructor, with its id if the form has one.
pub fn write_shape(value: &dyn Shape, form: Form, w: &mut Writer) -> Result<(), WriteError> {
    let layer = w.layer();
    let is_newest = value.constructor().edition(layer).is_some_and(Edition::is_newest);
    let adapted = if is_newest { None } else { fallback::before_write(value) };
    let value = adapted.as_deref().unwrap_or(value);
    let constructor = value.constructor();
    let error = WriteError::Inexpressible { constructor: constructor.name, layer };
    let edition = constructor.edition(layer).ok_or(error)?;
    let start = w.position();
    if form == Form::Boxed {
        w.u32(edition.id);
    }
    let done = pour(value, edition, w);
    if done.is_err() {
        w.truncate(start);
    }
    done
}

fn fill(value: &mut dyn Shape, edition: &Edition, r: &mut Reader<'_>) -> Result<(), ReadError> {
    r.enter()?;
    let mut words = FlagWords::default();
    for op in edition.ops {
        let (number, form) = match *op {
            Op::Flags => {
                words.declare(r.u32()?);
                continue;
            }
            Op::True(word, bit, number) => {
                if words.has(word, bit)
                    && let Some(field) = value.field_mut(number)
                {
                    field.set_true();
                }
                continue;
            }
            Op::Optional(word, bit, ..) if !words.has(word, bit) => continue,
            Op::Optional(_, _, number, form) | Op::Field(number, form) => (number, form),
        };
        if let Some(field) = value.field_mut(number) {
            field.read_in(form, r)?;
        }
    }
    if !edition.is_newest() {
        fallback::after_read(value);
    }
    r.leave();
    Ok(())
}

/// Writes the fields. A conditional field that the layer cannot say is dropped together with the
/// fields behind the same bit.
fn pour(value: &dyn Shape, edition: &Edition, w: &mut Writer) -> Result<(), WriteError> {
    let start = w.position();
    let mut words = wanted_bits(value, edition);
    'again: loop {
        w.truncate(start);
        let mut word_at = [0; FLAG_WORDS];
        let mut declared = 0;
        for op in edition.ops {
            let (number, form) = match *op {
                Op::Flags => {
                    if let Some(at) = word_at.get_mut(declared) {
                        *at = w.position();
                    }
                    w.u32(words.word(declared));
                    declared += 1;
                    continue;
                }
                Op::True(..) => continue,
                Op::Optional(word, bit, ..) if !words.has(word, bit) => continue,
                Op::Optional(_, _, number, form) | Op::Field(number, form) => (number, form),
            };
            let Some(field) = value.field(number) else { continue };
            let before = w.position();
            match (field.write_out(form, w), *op) {
                (Ok(()), _) => {}
                (Err(WriteError::Inexpressible { .. }), Op::Optional(word, bit, ..)) => {
                    words.clear(word, bit);
                    if shares_bit(edition, number, word, bit) {
                        continue 'again;
                    }
                    w.truncate(before);
                    let word = usize::from(word);
                    w.patch(word_at.get(word).copied().unwrap_or(start), words.word(word));
                }
                (Err(error), _) => return Err(error),
            }
        }
        return Ok(());
    }
}

/// A bit is set if any of its fields is there; the others behind it are then written as defaults.
fn wanted_bits(value: &dyn Shape, edition: &Edition) -> FlagWords {
    let mut words = FlagWords::default();
    for op in edition.ops {
        if let Op::Optional(word, bit, number, _) | Op::True(word, bit, number) = *op
            && value.field(number).is_some_and(Field::present)
        {
            words.set(word, bit);
        }
    }
    words
}

fn shares_bit(edition: &Edition, number: u16, word: u8, bit: u8) -> bool {
    edition
        .ops
        .iter()
        .any(|op| matches!(*op, Op::Optional(w, b, n, _) if (w, b) == (word, bit) && n != number))
}

#[derive(Default)]
struct FlagWords {
    words: [u32; FLAG_WORDS],
    declared: usize,
}

impl FlagWords {
    fn declare(&mut self, word: u32) {
        if let Some(place) = self.words.get_mut(self.declared) {
            *place = word;
        }
        self.declared += 1;
    }

    fn word(&self, number: usize) -> u32 {
        self.words.get(number).copied().unwrap_or(0)
    }

    fn has(&self, word: u8, bit: u8) -> bool {
        self.word(word.into()) >> bit & 1 == 1
    }

    fn set(&mut self, word: u8, bit: u8) {
        if let Some(word) = self.words.get_mut(usize::from(word)) {
            *word |= 1 << bit;
        }
    }

    fn clear(&mut self, word: u8, bit: u8) {
        if let Some(word) = self.words.get_mut(usize::from(word)) {
            *word &= !(1 << bit);
        }
    }
}

/// Equal constructor and equal fields.
pub fn same_shape(one: &dyn Shape, other: &dyn Shape) -> bool {
    one.constructor().name == other.constructor().name
        && (0..)
            .map_while(|number| one.field(number).zip(other.field(number)))
            .all(|(one, other)| one.same(other))
}

/// Prints the constructor with the fields that are there.
pub fn debug_shape(value: &dyn Shape, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let constructor = value.constructor();
    let mut out = f.debug_struct(constructor.name);
    for (number, name) in (0..).zip(constructor.fields) {
        if let Some(field) = value.field(number).filter(|field| field.present()) {
            out.field(name, &field);
        }
    }
    out.finish()
}

/// What every generated struct has besides its [`Shape`].
macro_rules! shape_impls {
    ($type:ty) => {
        impl ::core::fmt::Debug for $type {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                $crate::shape::debug_shape(self, f)
            }
        }
        impl PartialEq for $type {
            fn eq(&self, other: &Self) -> bool {
                $crate::shape::same_shape(self, other)
            }
        }
        impl $crate::field::Field for $type {
            fn read_in(
                &mut self,
                form: $crate::field::Form,
                r: &mut $crate::Reader<'_>,
            ) -> Result<(), $crate::ReadError> {
                $crate::shape::read_shape(self, form, r)
            }
            fn write_out(
                &self,
                form: $crate::field::Form,
                w: &mut $crate::Writer,
            ) -> Result<(), $crate::WriteError> {
                $crate::shape::write_shape(self, form, w)
            }
            fn as_shape(&self) -> Option<&dyn $crate::Shape> {
                Some(self)
            }
        }
    };
}
pub(crate) use shape_impls;

/// What every generated enum has besides its [`Boxed`].
macro_rules! boxed_impls {
    ($type:ty) => {
        impl ::core::fmt::Debug for $type {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                $crate::shape::debug_shape($crate::shape::Boxed::shape(self), f)
            }
        }
        impl PartialEq for $type {
            fn eq(&self, other: &Self) -> bool {
                let one = $crate::shape::Boxed::shape(self);
                $crate::shape::same_shape(one, $crate::shape::Boxed::shape(other))
            }
        }
        impl $crate::field::Field for $type {
            fn read_in(
                &mut self,
                _: $crate::field::Form,
                r: &mut $crate::Reader<'_>,
            ) -> Result<(), $crate::ReadError> {
                $crate::shape::read_boxed(self, r)
            }
            fn write_out(
                &self,
                _: $crate::field::Form,
                w: &mut $crate::Writer,
            ) -> Result<(), $crate::WriteError> {
                $crate::shape::write_boxed(self, w)
            }
            fn as_shape(&self) -> Option<&dyn $crate::Shape> {
                Some($crate::shape::Boxed::shape(self))
            }
        }
    };
}
pub(crate) use boxed_impls;
