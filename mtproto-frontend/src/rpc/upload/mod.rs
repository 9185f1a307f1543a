//! `upload.*`: files by parts in, by ranges out.

mod error;
mod get_file;
mod location;
mod save_part;

pub(super) use get_file::{get_file, get_file_hashes};
pub(super) use save_part::{save_big_file_part, save_file_part};
