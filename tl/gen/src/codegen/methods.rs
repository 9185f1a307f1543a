//! All functions as one plain enum, and its table.

use std::fmt::Write as _;

use super::{Generator, layers};
use crate::names::method;

impl Generator<'_> {
    pub(super) fn emit_methods(&self, out: &mut String) {
        out.push_str(
            "\n/// Every function of every supported layer.\n#[derive(Debug, Clone, Copy, \
             PartialEq, Eq, Hash, PartialOrd, Ord)]\n#[repr(u16)]\npub enum Method {\n",
        );
        for name in self.functions.keys() {
            let _ = writeln!(out, "    /// `{name}`\n    {},", method(name));
        }
        out.push_str(
            "}\nimpl Method {\n    /// All of them, sorted by TL name.\n    pub const ALL: &'static \
             [Self] = &[\n",
        );
        for name in self.functions.keys() {
            let _ = writeln!(out, "        Self::{},", method(name));
        }
        out.push_str(
            "    ];\n}\n\n/// A row for each [`Method`], in their order: TL name; ids with layers.\n\
             pub(crate) static METHODS: &[(&str, &[MethodEdition])] = &[\n",
        );
        for (name, item) in &self.functions {
            let editions: Vec<String> = item
                .editions
                .iter()
                .map(|edition| {
                    let layers = layers(self.input.history, edition);
                    format!("(0x{:08x}, {layers})", edition.definition.id)
                })
                .collect();
            let _ = writeln!(out, "    (\"{name}\", &[{}]),", editions.join(", "));
        }
        out.push_str("];\n");
    }
}
