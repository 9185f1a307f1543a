//! From a history to Rust text.
//!
//! What grows with the schema is data and match arms; the code that reads and writes is written
//! once, in the crate that includes the output. That keeps 2,600 structs with 3,100 editions
//! within a minute of compile time.

mod boxed;
pub mod errors;
mod fields;
mod methods;
mod structs;

use std::collections::{BTreeMap, BTreeSet};

use crate::history::{Edition, History, Section};
use crate::names::split;
use fields::Struct;

/// What is generated.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// The API with its layers, or another schema as a history of one layer.
    pub history: &'a History,
    /// Rust path of the module that includes the output: `crate` or `crate::mtproto`.
    pub root: &'a str,
    /// Whether to emit the `Method` enum and the link from functions to it.
    pub methods: bool,
}

/// Core lines that are primitives in Rust.
pub const PRIMITIVES: [&str; 6] = ["boolFalse", "boolTrue", "error", "null", "true", "vector"];

struct Generator<'a> {
    input: &'a Input<'a>,
    types: BTreeMap<&'a str, Struct<'a>>,
    functions: BTreeMap<&'a str, Struct<'a>>,
    /// TL type → names of its constructors.
    boxed: BTreeMap<&'a str, Vec<&'a str>>,
    /// TL type → the constructor that its default is made of.
    defaults: BTreeMap<&'a str, &'a str>,
}

/// Writes the modules `types`, `enums` and `functions`, and `Method` with its table.
///
/// # Panics
/// If the history is none: a type without constructor, a flag word that is not declared, or a type
/// that has no finite value.
#[must_use]
pub fn generate(input: &Input<'_>) -> String {
    let mut boxed: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, editions) in constructors(&input.history.types) {
        let results: BTreeSet<&str> =
            editions.iter().map(|edition| edition.definition.result.as_str()).collect();
        for result in results {
            boxed.entry(result).or_default().push(name);
        }
    }
    let structs = |section| -> BTreeMap<&str, Struct<'_>> {
        constructors(section).map(|(name, editions)| (name, Struct::new(name, editions))).collect()
    };
    let mut generator = Generator {
        input,
        types: structs(&input.history.types),
        functions: structs(&input.history.functions),
        boxed,
        defaults: BTreeMap::new(),
    };
    generator.defaults = generator.find_defaults();
    let mut out = String::new();
    out.push_str("/// One struct per constructor, with its newest fields.\npub mod types {\n");
    by_space(&mut out, generator.types.keys().copied(), |out, name| {
        generator.emit_struct(out, &generator.types[name], false);
    });
    out.push_str("}\n\n/// One enum per TL type.\npub mod enums {\n");
    by_space(&mut out, generator.boxed.keys().copied(), |out, name| {
        generator.emit_boxed(out, name);
    });
    out.push_str(
        "}\n\n/// One struct per function, with its newest fields.\npub mod functions {\n",
    );
    by_space(&mut out, generator.functions.keys().copied(), |out, name| {
        generator.emit_struct(out, &generator.functions[name], true);
    });
    out.push_str("}\n");
    if input.methods {
        generator.emit_methods(&mut out);
    }
    out
}

fn constructors(section: &Section) -> impl Iterator<Item = (&str, &[Edition])> {
    section
        .iter()
        .filter(|(name, _)| !PRIMITIVES.contains(&name.as_str()))
        .map(|(name, editions)| (name.as_str(), editions.as_slice()))
}

/// Emits names without a namespace, then one module for each namespace.
fn by_space<'a>(
    out: &mut String,
    names: impl Iterator<Item = &'a str>,
    mut emit: impl FnMut(&mut String, &'a str),
) {
    let mut spaces: BTreeMap<Option<&str>, Vec<&str>> = BTreeMap::new();
    for name in names {
        spaces.entry(split(name).0).or_default().push(name);
    }
    for (space, names) in spaces {
        if let Some(space) = space {
            out.push_str(&format!("\n/// `{space}.*`\npub mod {space} {{\n"));
        }
        for name in names {
            emit(out, name);
        }
        if space.is_some() {
            out.push_str("}\n");
        }
    }
}

/// Layer ranges as the generated tables hold them: open to both ends of the history, so that an
/// older or newer layer than any known gets the nearest form.
fn layers(history: &History, edition: &Edition) -> String {
    let oldest = edition_start(history);
    let newest = history.known.last().copied().unwrap_or(0);
    let ranges: Vec<String> = edition
        .layers
        .iter()
        .map(|(from, to)| {
            let from = if *from == oldest { "0".to_owned() } else { from.to_string() };
            let to = if *to == newest { "i32::MAX".to_owned() } else { to.to_string() };
            format!("({from}, {to})")
        })
        .collect();
    format!("&[{}]", ranges.join(", "))
}

/// The oldest layer of the history.
fn edition_start(history: &History) -> i32 {
    history.known.first().copied().unwrap_or(0)
}
