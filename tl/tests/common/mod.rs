//! What the tests share: the schema, and every Rust type by the name of its definition.

// Each test file is a crate of its own and uses its part.
#![allow(dead_code, unreachable_pub)]

use std::{env, str::FromStr};

use tl::{Function, Read, ReadError, Write, WriteError};
use tl_gen::history::{History, Section};

/// The merged history of the API.
pub fn api() -> History {
    History::read(include_str!("../../schema/api.tl")).expect("the crate was built from it")
}

/// The service schema, a history of layer 0.
pub fn service() -> History {
    History::merge(&[(0, include_str!("../../schema/mtproto.tl"))])
        .expect("the crate was built from it")
}

/// The TL type that a constructor belongs to at a layer.
pub fn result_of<'a>(section: &'a Section, name: &str, layer: i32) -> &'a str {
    let edition = section[name].iter().find(|e| e.holds(layer)).expect("it is in the layer");
    &edition.definition.result
}

/// What was read, written again; or why it was not read.
pub type Again = Result<Result<Vec<u8>, WriteError>, ReadError>;

/// A definition of one of the schemas.
pub struct Entry {
    /// As TL spells it.
    pub name: &'static str,
    /// Reads the whole input at a layer and writes it at the same.
    pub again: fn(&[u8], i32) -> Again,
    /// Of the Rust type, in bytes.
    pub size: usize,
}

const fn entry<T: Read + Write>(name: &'static str) -> Entry {
    Entry { name, again: again::<T>, size: size_of::<T>() }
}

const fn result<T: Function>(name: &'static str) -> Entry {
    entry::<T::Result>(name)
}

fn again<T: Read + Write>(bytes: &[u8], layer: i32) -> Again {
    tl::from_bytes::<T>(bytes, layer).map(|value| tl::to_bytes(&value, layer))
}

// `&[Entry]` each, sorted by name: TYPES, ENUMS, FUNCTIONS, RESULTS (by function), SERVICE_TYPES,
// SERVICE_ENUMS and SERVICE_FUNCTIONS.
include!(concat!(env!("OUT_DIR"), "/names.rs"));

/// The entry of that name.
pub fn find(entries: &'static [Entry], name: &str) -> &'static Entry {
    let at = entries.binary_search_by_key(&name, |e| e.name);
    &entries[at.expect("every definition is generated")]
}

/// A number from the environment: seeds and amounts of the random tests.
pub fn from_env<T: FromStr>(name: &str, otherwise: T) -> T {
    match env::var(name) {
        Ok(text) => text.parse().ok().expect("seeds and amounts are numbers"),
        Err(_) => otherwise,
    }
}
