//! From TL schema texts to Rust types.
//!
//! [`schema`] reads one line, [`history`] merges the texts of many layers into one, [`crc`] and
//! [`check`] prove the texts, [`codegen`] turns a history into the modules of crate `tl`, and
//! [`random`] makes bytes for tests from the schema alone. The binary `tl-gen` merges and checks
//! schema files.

pub mod check;
pub mod codegen;
pub mod crc;
pub mod history;
pub mod names;
pub mod random;
pub mod schema;
