//! Pictures from outside in, Telegram's photo sizes out.
//!
//! limits (what is taken) → decode (bytes to pixels; jpeg and webp look at what their decoders do
//! not) → raster (crop, scale, turn) → encode (JPEG, and the stripped preview) → sizes (which
//! letters) → studio (the threads that do it).
//!
//! Everything but [`Studio`] is a function of bytes. Nothing of the file that came in goes out
//! again: each size is encoded anew from pixels, so no EXIF, GPS position, comment, colour profile
//! or trailing archive can survive. Colour profiles are dropped without being converted: a picture
//! in another space than sRGB is shown a little off, as with most servers.
//!
//! Memory: one call takes at most [`Limits::decode_bytes_max`] for the pixels and what decoders
//! hold beside them, and [`WORK_BYTES_MAX`] for everything else; the input is the caller's.

mod decode;
mod encode;
mod error;
mod jpeg;
mod limits;
mod raster;
mod sizes;
mod studio;
mod webp;

pub use error::PictureError;
pub use limits::{Limits, WORK_BYTES_MAX};
pub use sizes::{Photo, Size, photo, profile, thumbnail};
pub use studio::{Setup, Studio, StudioError};
