//! Values that can stand in a field: primitives, options, vectors, and whatever is generated.

use std::any::Any;
use std::fmt::Debug;

use crate::reader::VECTOR;
use crate::shape::same_shape;
use crate::{ReadError, Reader, Shape, WriteError, Writer};

/// How a value lies in the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// With constructor id, vectors with theirs.
    Boxed,
    /// A constructor or vector without its id.
    Bare,
    /// `vector<%t>`: neither the vector nor its elements have ids.
    BareOfBare,
    /// An `int` length, then that many bytes: the body of a `message`.
    Sized,
}

/// A field's value behind one vtable, so that one driver serves all structs.
///
/// Generated code and this crate implement it; others use [`Read`] and [`Write`].
pub trait Field: Any + Debug {
    /// Replaces the value by one from the bytes.
    ///
    /// # Errors
    /// As [`Read::read`].
    fn read_in(&mut self, form: Form, r: &mut Reader<'_>) -> Result<(), ReadError>;

    /// Appends the value.
    ///
    /// # Errors
    /// As [`Write::write`].
    fn write_out(&self, form: Form, w: &mut Writer) -> Result<(), WriteError>;

    /// Equal type and value.
    fn same(&self, other: &dyn Field) -> bool {
        match (self.as_shape(), other.as_shape()) {
            (Some(one), Some(other)) => same_shape(one, other),
            _ => false,
        }
    }

    /// The constructor inside, if it is one.
    fn as_shape(&self) -> Option<&dyn Shape> {
        None
    }

    /// Whether the bit of a conditional field is to be set.
    fn present(&self) -> bool {
        true
    }

    /// A pure flag was set.
    fn set_true(&mut self) {}
}

/// What can be read, with its constructor id in front where it has one.
pub trait Read: Sized {
    /// Reads one value at the layer of the reader.
    ///
    /// # Errors
    /// The bytes are no such value, or decoding would go over the reader's limits.
    fn read(r: &mut Reader<'_>) -> Result<Self, ReadError>;
}

/// What can be written, with its constructor id in front where it has one.
pub trait Write {
    /// Appends the value in the form of the writer's layer.
    ///
    /// # Errors
    /// The layer cannot say it; the writer then holds a part of it.
    fn write(&self, w: &mut Writer) -> Result<(), WriteError>;
}

impl<T: Field + Default> Read for T {
    fn read(r: &mut Reader<'_>) -> Result<Self, ReadError> {
        let mut value = Self::default();
        value.read_in(Form::Boxed, r)?;
        Ok(value)
    }
}

impl<T: Field> Write for T {
    fn write(&self, w: &mut Writer) -> Result<(), WriteError> {
        self.write_out(Form::Boxed, w)
    }
}

/// Raw bytes up to the end of the input: a query inside another, the body of a service message.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Rest(
    /// The bytes, with the constructor id of what they hold.
    pub Vec<u8>,
);

impl Debug for Rest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Rest({} bytes)", self.0.len())
    }
}

macro_rules! primitive {
    ($type:ty, |$r:ident| $read:expr, |$w:ident, $value:ident| $write:expr) => {
        impl Field for $type {
            fn read_in(&mut self, _: Form, $r: &mut Reader<'_>) -> Result<(), ReadError> {
                *self = $read;
                Ok(())
            }

            fn write_out(&self, _: Form, $w: &mut Writer) -> Result<(), WriteError> {
                let $value = self;
                $write;
                Ok(())
            }

            fn same(&self, other: &dyn Field) -> bool {
                downcast(other) == Some(self)
            }
        }
    };
}

primitive!(i32, |r| r.i32()?, |w, v| w.i32(*v));
primitive!(i64, |r| r.i64()?, |w, v| w.i64(*v));
primitive!(f64, |r| r.f64()?, |w, v| w.f64(*v));
primitive!([u8; 16], |r| r.int128()?, |w, v| w.raw(v));
primitive!([u8; 32], |r| r.int256()?, |w, v| w.raw(v));
primitive!(String, |r| r.string()?, |w, v| w.bytes(v.as_bytes())?);

impl Field for bool {
    fn read_in(&mut self, _: Form, r: &mut Reader<'_>) -> Result<(), ReadError> {
        *self = r.bool()?;
        Ok(())
    }

    fn write_out(&self, _: Form, w: &mut Writer) -> Result<(), WriteError> {
        w.bool(*self);
        Ok(())
    }

    fn same(&self, other: &dyn Field) -> bool {
        downcast(other) == Some(self)
    }

    fn present(&self) -> bool {
        *self
    }

    fn set_true(&mut self) {
        *self = true;
    }
}

// `u8` is no `Field`, so this does not overlap with the vectors below.
impl Field for Vec<u8> {
    fn read_in(&mut self, _: Form, r: &mut Reader<'_>) -> Result<(), ReadError> {
        let bytes = r.bytes()?;
        r.spend(bytes.len())?;
        *self = bytes.to_vec();
        Ok(())
    }

    fn write_out(&self, _: Form, w: &mut Writer) -> Result<(), WriteError> {
        w.bytes(self)
    }

    fn same(&self, other: &dyn Field) -> bool {
        downcast(other) == Some(self)
    }
}

impl Field for Rest {
    fn read_in(&mut self, form: Form, r: &mut Reader<'_>) -> Result<(), ReadError> {
        if form == Form::Sized {
            let length = r.i32()?.try_into().map_err(|_| ReadError::End)?;
            let bytes = r.raw(length)?;
            r.spend(length)?;
            self.0 = bytes.to_vec();
        } else {
            *self = r.owned_rest()?;
        }
        Ok(())
    }

    fn write_out(&self, form: Form, w: &mut Writer) -> Result<(), WriteError> {
        if form == Form::Sized {
            let length = self.0.len();
            w.i32(length.try_into().map_err(|_| WriteError::TooLong(length))?);
        }
        w.raw(&self.0);
        Ok(())
    }

    fn same(&self, other: &dyn Field) -> bool {
        downcast(other) == Some(self)
    }
}

/// `None` is written as the default value where the layer insists on the field.
impl<T: Field + Default> Field for Option<T> {
    fn read_in(&mut self, form: Form, r: &mut Reader<'_>) -> Result<(), ReadError> {
        self.insert(T::default()).read_in(form, r)
    }

    fn write_out(&self, form: Form, w: &mut Writer) -> Result<(), WriteError> {
        match self {
            Some(value) => value.write_out(form, w),
            None => T::default().write_out(form, w),
        }
    }

    fn same(&self, other: &dyn Field) -> bool {
        match (self, downcast::<Self>(other)) {
            (Some(one), Some(Some(other))) => one.same(other),
            (None, Some(None)) => true,
            _ => false,
        }
    }

    fn present(&self) -> bool {
        self.is_some()
    }
}

/// Elements that the receiver's layer cannot say are left out, and the count follows.
impl<T: Field + Default> Field for Vec<T> {
    fn read_in(&mut self, form: Form, r: &mut Reader<'_>) -> Result<(), ReadError> {
        if form == Form::Boxed {
            match r.u32()? {
                VECTOR => {}
                id => return Err(ReadError::Constructor { id, expected: "vector" }),
            }
        }
        let count = r.count(size_of::<T>())?;
        self.clear();
        self.reserve_exact(count);
        for _ in 0..count {
            let mut element = T::default();
            element.read_in(element_form(form), r)?;
            self.push(element);
        }
        Ok(())
    }

    fn write_out(&self, form: Form, w: &mut Writer) -> Result<(), WriteError> {
        if form == Form::Boxed {
            w.u32(VECTOR);
        }
        if i32::try_from(self.len()).is_err() {
            return Err(WriteError::TooLong(self.len()));
        }
        let count_at = w.position();
        let mut count = 0;
        w.u32(count);
        for element in self {
            let start = w.position();
            match element.write_out(element_form(form), w) {
                Ok(()) => count += 1,
                Err(WriteError::Inexpressible { .. }) => w.truncate(start),
                Err(other) => return Err(other),
            }
        }
        w.patch(count_at, count);
        Ok(())
    }

    fn same(&self, other: &dyn Field) -> bool {
        downcast::<Self>(other).is_some_and(|other| {
            self.len() == other.len() && self.iter().zip(other).all(|(a, b)| a.same(b))
        })
    }
}

fn element_form(vector: Form) -> Form {
    if vector == Form::BareOfBare { Form::Bare } else { Form::Boxed }
}

fn downcast<T: Field>(field: &dyn Field) -> Option<&T> {
    let any: &dyn Any = field;
    any.downcast_ref()
}
