//! What stands for what an older layer cannot say.
//!
//! Without any rule here: a field that the receiver's layer does not have is not sent; a
//! conditional field whose constructor it does not have is dropped; a vector element likewise, and
//! the count follows; a constructor that nothing stands for makes its whole value inexpressible,
//! up to the next conditional field or vector around it. An `Update` is thus left out of the
//! vector of its `updates`.
//!
//! [`SUBSTITUTES`] and [`CONVERSIONS`] are the rest, and [`ALIASES`] what is read besides the
//! schema: short, written by hand, each row with its reason.

mod aliases;
mod conversions;
mod keyboard;
mod substitutes;

use std::collections::HashMap;
use std::sync::LazyLock;

pub(crate) use aliases::read_as;
pub use aliases::{ALIASES, Alias};
pub use conversions::CONVERSIONS;
pub use substitutes::SUBSTITUTES;

use crate::{Field, Shape};

/// What is written for a type's constructor that the receiver's layer does not have.
#[derive(Debug)]
pub struct Substitute {
    /// TL type.
    pub of: &'static str,
    /// What is written, in words of TL.
    pub by: &'static str,
    /// Why that.
    pub reason: &'static str,
    pub(crate) make: fn(&dyn Shape) -> Option<Box<dyn Field>>,
}

/// A field of an older edition that says the same as another field of the newest one.
#[derive(Debug)]
pub struct Conversion {
    /// TL constructor or function.
    pub of: &'static str,
    /// What changed.
    pub reason: &'static str,
    /// For a receiver of an older edition; fills only what the caller left empty.
    pub(crate) write: fn(&dyn Shape) -> Option<Box<dyn Shape>>,
    /// After an older edition was read; fills only what it does not have.
    pub(crate) read: fn(&mut dyn Shape),
}

static CONVERSION_OF: LazyLock<HashMap<&str, &Conversion>> =
    LazyLock::new(|| CONVERSIONS.iter().map(|conversion| (conversion.of, conversion)).collect());

pub(crate) fn instead(boxed_type: &str, shape: &dyn Shape) -> Option<Box<dyn Field>> {
    SUBSTITUTES
        .iter()
        .filter(|substitute| substitute.of == boxed_type)
        .find_map(|substitute| (substitute.make)(shape))
}

pub(crate) fn before_write(shape: &dyn Shape) -> Option<Box<dyn Shape>> {
    let conversion = CONVERSION_OF.get(shape.constructor().name)?;
    (conversion.write)(shape)
}

pub(crate) fn after_read(shape: &mut dyn Shape) {
    if let Some(conversion) = CONVERSION_OF.get(shape.constructor().name) {
        (conversion.read)(shape);
    }
}
