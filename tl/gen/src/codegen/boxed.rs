//! TL types as enums.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::Generator;
use super::fields::Struct;
use crate::names::{camel, path, split};
use crate::schema::Type;

/// Payloads up to this many bytes lie in the enum itself; others, and all that hold an enum, are
/// behind a Box. So no enum is bigger than this and its tag, however wide its constructors grow.
const INLINE_MAX: usize = 24;

impl<'a> Generator<'a> {
    pub(super) fn emit_boxed(&self, out: &mut String, name: &str) {
        let enum_name = camel(split(name).1);
        let variants: Vec<(String, String, bool)> = self.boxed[name]
            .iter()
            .map(|constructor| {
                let payload = format!("{}::types::{}", self.input.root, path(constructor));
                let inline = self.is_inline(&self.types[constructor]);
                (camel(split(constructor).1), payload, inline)
            })
            .collect();
        let _ = writeln!(out, "\n/// `{name}`\n#[derive(Clone)]\npub enum {enum_name} {{");
        for ((variant, payload, inline), constructor) in variants.iter().zip(&self.boxed[name]) {
            let payload = if *inline { payload.clone() } else { format!("Box<{payload}>") };
            let _ = writeln!(out, "    /// `{constructor}`\n    {variant}({payload}),");
        }
        out.push_str("}\n");
        for (variant, payload, inline) in &variants {
            let value = if *inline { "value" } else { "Box::new(value)" };
            let _ = writeln!(
                out,
                "impl From<{payload}> for {enum_name} {{\n    #[inline]\n    fn from(value: \
                 {payload}) -> Self {{\n        Self::{variant}({value})\n    }}\n}}",
            );
        }
        let default = self.defaults.get(name).expect("each type has a finite value");
        let _ = writeln!(
            out,
            "impl Default for {enum_name} {{\n    fn default() -> Self {{\n        \
             Self::{}(Default::default())\n    }}\n}}",
            camel(split(default).1),
        );
        let _ = writeln!(out, "impl crate::Boxed for {enum_name} {{");
        self.emit_boxed_type(out, name);
        out.push_str(
            "    fn switch(&mut self, constructor: u16) {\n        *self = match constructor {\n",
        );
        for (number, (variant, ..)) in variants.iter().enumerate() {
            let _ = writeln!(out, "            {number} => Self::{variant}(Default::default()),");
        }
        out.push_str("            _ => return,\n        };\n    }\n");
        for (suffix, reference) in [("", "&"), ("_mut", "&mut ")] {
            let _ = writeln!(
                out,
                "    fn shape{suffix}({reference}self) -> {reference}dyn crate::Shape {{\n        \
                 match self {{",
            );
            for (variant, _, inline) in &variants {
                let value = match (*inline, suffix) {
                    (true, _) => "value",
                    (false, "") => "&**value",
                    (false, _) => "&mut **value",
                };
                let _ = writeln!(out, "            Self::{variant}(value) => {value},");
            }
            out.push_str("        }\n    }\n");
        }
        let _ = writeln!(out, "}}\ncrate::boxed_impls!({enum_name});");
    }

    fn emit_boxed_type(&self, out: &mut String, name: &str) {
        let mut ids = BTreeMap::new();
        for (number, constructor) in self.boxed[name].iter().enumerate() {
            for edition in self.types[constructor].editions {
                ids.insert(edition.definition.id, number);
            }
        }
        let ids: Vec<String> =
            ids.iter().map(|(id, number)| format!("(0x{id:08x}, {number})")).collect();
        let _ = writeln!(
            out,
            "    fn boxed_type(&self) -> &'static crate::BoxedType {{\n        \
             &crate::BoxedType {{ name: \"{name}\", ids: &[{}] }}\n    }}",
            ids.join(", "),
        );
    }

    fn is_inline(&self, item: &Struct<'_>) -> bool {
        let sizes = item.fields.iter().map(|field| {
            let (size, align) = match field.ty {
                Type::Flags | Type::Int => (4, 4),
                Type::True | Type::Bool => (1, 1),
                Type::Long | Type::Double => (8, 8),
                Type::Int128 => (16, 1),
                Type::Int256 => (32, 1),
                Type::String | Type::Bytes | Type::Vector(_) | Type::BareVector(_) => (24, 0),
                Type::Rest => (24, 0),
                Type::Boxed(_) | Type::Bare(_) => return None,
            };
            Some(if field.optional { size + align } else { size })
        });
        sizes.sum::<Option<usize>>().is_some_and(|size| size <= INLINE_MAX)
    }

    /// For each type the constructor whose value takes the fewest steps to build; among equals the
    /// one that the oldest layers know too, then the one with the fewest fields.
    pub(super) fn find_defaults(&self) -> BTreeMap<&'a str, &'a str> {
        let mut best: BTreeMap<&str, ((usize, i32, usize), &str)> = BTreeMap::new();
        loop {
            let mut changed = false;
            for (boxed, constructors) in &self.boxed {
                for constructor in constructors {
                    let item = &self.types[constructor];
                    let Some(steps) = self.steps(item, &best) else { continue };
                    let since = item.editions.iter().filter_map(|e| e.layers.first());
                    let since = since.map(|range| range.0).min().unwrap_or(0);
                    let rank = (steps, since, item.fields.len());
                    if best.get(boxed).is_none_or(|(old, _)| rank < *old) {
                        best.insert(boxed, (rank, constructor));
                        changed = true;
                    }
                }
            }
            if !changed {
                return best.into_iter().map(|(boxed, (_, name))| (boxed, name)).collect();
            }
        }
    }

    /// Levels of constructors in the default of a struct, or `None` as long as that is not known.
    fn steps(
        &self,
        item: &Struct<'_>,
        best: &BTreeMap<&str, ((usize, i32, usize), &str)>,
    ) -> Option<usize> {
        let mut steps = 0;
        for field in item.fields.iter().filter(|field| !field.optional) {
            steps = steps.max(match field.ty {
                Type::Boxed(name) => best.get(name.as_str())?.0.0,
                Type::Bare(name) => self.steps(self.types.get(name.as_str())?, best)?,
                _ => 0,
            });
        }
        Some(steps + 1)
    }
}
