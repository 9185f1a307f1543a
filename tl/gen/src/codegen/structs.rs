//! Constructors and functions as structs.

use std::fmt::Write as _;

use super::fields::{Struct, is_body_length};
use super::{Generator, edition_start, layers};
use crate::history::Edition;
use crate::names::{camel, method, path, split};
use crate::schema::{Type, parse_type};

impl Generator<'_> {
    pub(super) fn emit_struct(&self, out: &mut String, item: &Struct<'_>, function: bool) {
        let name = camel(split(item.name).1);
        let newest = item.newest();
        let _ = writeln!(out, "\n{}", self.struct_doc(item, function));
        let copy = if item.fields.is_empty() { ", Copy" } else { "" };
        let _ = writeln!(out, "#[derive(Clone{copy}, Default)]\npub struct {name} {{");
        for field in &item.fields {
            let mut ty = self.rust_type(field.ty);
            if field.optional {
                ty = format!("Option<{ty}>");
            }
            let _ = writeln!(out, "    /// {}\n    pub {}: {ty},", field.doc, field.name);
        }
        let _ = writeln!(
            out,
            "}}\nimpl {name} {{\n    /// Constructor id in the newest layer that has it.\n    \
             pub const ID: u32 = 0x{:08x};",
            newest.definition.id,
        );
        self.emit_constructor(out, item);
        let _ = writeln!(
            out,
            "}}\nimpl crate::Shape for {name} {{\n    fn constructor(&self) -> &'static \
             crate::Constructor {{\n        Self::CONSTRUCTOR\n    }}",
        );
        for (suffix, reference) in [("", "&"), ("_mut", "&mut ")] {
            let unused = if item.fields.is_empty() { "_" } else { "" };
            let receiver = format!("{reference}self");
            let _ = writeln!(
                out,
                "    fn field{suffix}({receiver}, {unused}number: u16) -> Option<{reference}dyn \
                 crate::Field> {{",
            );
            if item.fields.is_empty() {
                out.push_str("        None\n    }\n");
                continue;
            }
            out.push_str("        Some(match number {\n");
            for (number, field) in item.fields.iter().enumerate() {
                let _ = writeln!(out, "            {number} => {reference}self.{},", field.name);
            }
            out.push_str("            _ => return None,\n        })\n    }\n");
        }
        let _ = writeln!(out, "}}\ncrate::shape_impls!({name});");
        if function && self.input.methods {
            let _ = writeln!(
                out,
                "impl crate::Function for {name} {{\n    const METHOD: crate::Method = \
                 crate::Method::{};\n    type Result = {};\n}}",
                method(item.name),
                self.rust_type(&parse_type(&newest.definition.result)),
            );
        }
    }

    fn struct_doc(&self, item: &Struct<'_>, function: bool) -> String {
        let newest = item.newest();
        let mut doc = format!("/// `{}`", newest.text);
        let first = item.editions.iter().filter_map(|e| e.layers.first()).map(|r| r.0).min();
        let last = newest.layers.last().map(|r| r.1);
        let known = &self.input.history.known;
        if let (Some(first), Some(last), Some(newest)) = (first, last, known.last())
            && (first, last) != (edition_start(self.input.history), *newest)
        {
            let _ = write!(doc, "\n///\n/// Layers {first} to {last}.");
        }
        for pair in item.editions.windows(2).filter(|_| function) {
            let [result, next] = [0, 1].map(|i| &pair[i].definition.result);
            if result != next {
                let last = pair[0].last_layer();
                let _ = write!(doc, "\n///\n/// Up to layer {last} the answer is `{result}`.");
            }
        }
        if self.input.methods {
            let kind = if function { "method" } else { "constructor" };
            let _ = write!(doc, "\n///\n/// <https://core.telegram.org/{kind}/{}>", item.name);
        }
        doc
    }

    fn emit_constructor(&self, out: &mut String, item: &Struct<'_>) {
        let names: Vec<String> = item.fields.iter().map(|f| format!("\"{}\"", f.name)).collect();
        let _ = writeln!(
            out,
            "    pub(crate) const CONSTRUCTOR: &'static crate::Constructor = &crate::Constructor \
             {{\n        name: \"{}\",\n        fields: &[{}],\n        editions: &[",
            item.name,
            names.join(", "),
        );
        for edition in item.editions {
            let _ = writeln!(
                out,
                "            crate::Edition {{ id: 0x{:08x}, layers: {}, ops: &[{}] }},",
                edition.definition.id,
                layers(self.input.history, edition),
                ops(item, edition).join(", "),
            );
        }
        out.push_str("        ],\n    };\n");
    }

    pub(super) fn rust_type(&self, ty: &Type) -> String {
        let root = self.input.root;
        match ty {
            Type::Flags | Type::Int => "i32".into(),
            Type::True | Type::Bool => "bool".into(),
            Type::Long => "i64".into(),
            Type::Double => "f64".into(),
            Type::Int128 => "[u8; 16]".into(),
            Type::Int256 => "[u8; 32]".into(),
            Type::String => "String".into(),
            Type::Bytes => "Vec<u8>".into(),
            Type::Vector(inner) | Type::BareVector(inner) => {
                format!("Vec<{}>", self.rust_type(inner))
            }
            Type::Boxed(name) => format!("{root}::enums::{}", path(name)),
            Type::Bare(name) => format!("{root}::types::{}", path(name)),
            Type::Rest => "crate::Rest".into(),
        }
    }
}

/// An edition as the steps of the driver.
fn ops(item: &Struct<'_>, edition: &Edition) -> Vec<String> {
    let params = &edition.definition.params;
    let mut words: Vec<&str> = Vec::new();
    let mut ops = Vec::new();
    for param in params {
        if param.ty == Type::Flags {
            words.push(&param.name);
            ops.push("crate::Op::Flags".to_owned());
            continue;
        }
        if is_body_length(params, param) {
            continue;
        }
        let number = item.number(param);
        let sized = params.iter().any(|p| is_body_length(params, p));
        let form = match &param.ty {
            Type::Rest if sized => "Sized",
            Type::Bare(_) => "Bare",
            Type::BareVector(inner) if matches!(**inner, Type::Bare(_)) => "BareOfBare",
            Type::BareVector(_) => "Bare",
            _ => "Boxed",
        };
        let Some((word, bit)) = &param.flag else {
            ops.push(format!("crate::Op::Field({number}, crate::Form::{form})"));
            continue;
        };
        let word = words.iter().position(|w| w == word).expect("flag words come before their use");
        ops.push(if param.ty == Type::True {
            format!("crate::Op::True({word}, {bit}, {number})")
        } else {
            format!("crate::Op::Optional({word}, {bit}, {number}, crate::Form::{form})")
        });
    }
    ops
}
