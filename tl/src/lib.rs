//! Bytes and shapes of every supported layer of the Telegram API.
//!
//! [`types`] holds one struct per constructor, in its newest shape; [`enums`] one enum per TL
//! type; [`functions`] one struct per method; [`mtproto`] the same for the service schema. All of
//! them [`Read`] and [`Write`] at the layer of a [`Reader`] or [`Writer`]: reading takes every
//! constructor id of every supported layer, writing picks the form that the receiver knows.
//! [`fallback`] says what stands for what an old layer cannot say, [`errors`] names the answers
//! that are none.
//!
//! The sources are the schema texts in `schema/`, merged into one history; `tl-gen` turns it into
//! the modules when the crate is built.

pub mod errors;
pub mod fallback;
mod field;
mod method;
mod reader;
#[doc(hidden)]
pub mod shape;
mod writer;

pub use field::{Field, Form, Read, Rest, Write};
pub use method::MethodEdition;
pub use reader::{Limits, ReadError, Reader};
pub use shape::{Boxed, Constructor, Edition, Shape};
pub use writer::{WriteError, Writer};

pub(crate) use shape::{BoxedType, Op, boxed_impls, shape_impls};

/// The oldest supported layer.
pub const LAYER_MIN: i32 = 152;
/// The newest supported layer; the generated types have its shapes.
pub const LAYER_MAX: i32 = 230;

/// A request: its method, and what answers it in the newest layer that has the method.
pub trait Function: Read + Write {
    /// Which one it is.
    const METHOD: Method;
    /// The answer.
    type Result: Read + Write;
}

include!(concat!(env!("OUT_DIR"), "/api.rs"));

/// The service schema: key exchange, containers, acknowledgements, salts. It has no layers.
pub mod mtproto {
    include!(concat!(env!("OUT_DIR"), "/mtproto.rs"));
}

/// What clients say to each other in secret chats, by layers of its own. The server relays it
/// sealed and never opens it, so this is for tests only.
#[cfg(feature = "secret-chats")]
pub mod secret {
    include!(concat!(env!("OUT_DIR"), "/secret.rs"));
}

/// The bytes of a value in the form of a layer; 0 stands for the newest.
///
/// # Errors
/// The layer cannot say the value, and no [`fallback`] stands for it.
pub fn to_bytes<T: Write + ?Sized>(value: &T, layer: i32) -> Result<Vec<u8>, WriteError> {
    let mut writer = Writer::new(layer);
    value.write(&mut writer)?;
    Ok(writer.into_bytes())
}

/// The value that all of `bytes` hold, from a sender of `layer`, with [`Limits::hostile`].
///
/// # Errors
/// The bytes are no such value, too many, or would cost more than the limits.
pub fn from_bytes<T: Read>(bytes: &[u8], layer: i32) -> Result<T, ReadError> {
    let mut reader = Reader::new(bytes, layer);
    let value = T::read(&mut reader)?;
    reader.finish()?;
    Ok(value)
}
