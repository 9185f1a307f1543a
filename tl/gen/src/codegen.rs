//! From a history to Rust: editions as data, one match per struct and direction.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::history::{Edition, History, Section};
use crate::names::{camel, field, split};
use crate::schema::Type;

/// A field of a generated struct: the union over all editions.
struct Field {
    name: String,
    ty: Type,
    /// `Option<T>` in Rust.
    optional: bool,
    /// The TL name and base type that editions refer to.
    tl: String,
    /// `Some(last layer)` if the newest edition lacks it.
    until: Option<i32>,
}

struct Struct<'a> {
    name: &'a str,
    editions: &'a [Edition],
    fields: Vec<Field>,
}

/// What is generated.
pub struct Input<'a> {
    /// The API with its layers, or another schema as a history of one layer.
    pub history: &'a History,
    /// Rust path of the generated root: `crate` or `crate::mtproto`.
    pub root: &'a str,
    /// Whether to emit the `Method` enum.
    pub methods: bool,
}

struct Gen<'a> {
    input: &'a Input<'a>,
    /// TL type → constructors.
    enums: BTreeMap<String, Vec<&'a str>>,
    /// Enums that are emitted without a Box around their payloads: size estimate in bytes.
    default_ctor: BTreeMap<String, &'a str>,
}

/// The newest edition.
fn newest(editions: &[Edition]) -> &Edition {
    editions
        .iter()
        .max_by_key(|e| e.layers.last().map_or(0, |r| r.1))
        .expect("a definition has an edition")
}

/// Writes the whole module tree.
#[must_use]
pub fn generate(input: &Input<'_>) -> String {
    let mut enums: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (name, editions) in &input.history.types {
        if matches!(name.as_str(), "vector" | "boolTrue" | "boolFalse" | "true" | "null" | "error")
        {
            continue;
        }
        let mut results: BTreeSet<&str> = BTreeSet::new();
        for e in editions {
            results.insert(&e.definition.result);
        }
        for result in results {
            enums.entry(result.to_owned()).or_default().push(name);
        }
    }
    let mut r#gen = Gen { input, enums, default_ctor: BTreeMap::new() };
    r#gen.find_defaults();
    let mut out = String::new();
    out.push_str("/// One struct per constructor.\npub mod types {\n");
    r#gen.section(&mut out, &input.history.types, false);
    out.push_str("}\n/// One enum per type.\npub mod enums {\n");
    r#gen.emit_enums(&mut out);
    out.push_str("}\n/// One struct per function.\npub mod functions {\n");
    r#gen.section(&mut out, &input.history.functions, true);
    out.push_str("}\n");
    if input.methods {
        r#gen.emit_methods(&mut out);
    }
    out
}

fn skipped(name: &str) -> bool {
    matches!(name, "vector" | "boolTrue" | "boolFalse" | "true" | "null" | "error")
}

impl<'a> Gen<'a> {
    fn find_defaults(&mut self) {
        // Fixed point: the constructor whose mandatory fields are built in the fewest steps.
        let mut depth: BTreeMap<String, u32> = BTreeMap::new();
        for _ in 0..40 {
            for (name, ctors) in &self.enums {
                let mut best: Option<(u32, &'a str)> = None;
                for ctor in ctors {
                    let editions = &self.input.history.types[*ctor];
                    let s = make_struct(ctor, editions);
                    let mut worst = Some(0);
                    for f in s.fields.iter().filter(|f| !f.optional) {
                        let d = match &f.ty {
                            Type::Boxed(t) => depth.get(t).copied(),
                            Type::Bare(t) => {
                                let result = self
                                    .input
                                    .history
                                    .types
                                    .get(t)
                                    .map(|e| newest(e).definition.result.clone());
                                result.and_then(|r| depth.get(&r).copied())
                            }
                            _ => Some(0),
                        };
                        worst = match (worst, d) {
                            (Some(a), Some(b)) => Some(a.max(b)),
                            _ => None,
                        };
                    }
                    if let Some(w) = worst
                        && best.is_none_or(|(b, _)| w + 1 < b)
                    {
                        best = Some((w + 1, ctor));
                    }
                }
                if let Some((d, ctor)) = best
                    && depth.get(name).is_none_or(|old| d < *old)
                {
                    depth.insert(name.clone(), d);
                    self.default_ctor.insert(name.clone(), ctor);
                }
            }
        }
    }

    fn rust_type(&self, ty: &Type) -> String {
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
            Type::Vector(t) | Type::BareVector(t) => format!("Vec<{}>", self.rust_type(t)),
            Type::Boxed(t) if self.is_unit(t) => format!("{root}::enums::{}", path(t)),
            Type::Boxed(t) => format!("{root}::enums::{}", path(t)),
            Type::Bare(t) => format!("{root}::types::{}", path(t)),
            Type::Rest => "crate::Rest".into(),
        }
    }

    fn is_unit(&self, _: &str) -> bool {
        false
    }

    fn read(&self, ty: &Type) -> String {
        match ty {
            Type::Flags | Type::Int => "r.i32()?".into(),
            Type::True | Type::Bool => "r.bool()?".into(),
            Type::Long => "r.i64()?".into(),
            Type::Double => "r.f64()?".into(),
            Type::Int128 => "r.int128()?".into(),
            Type::Int256 => "r.int256()?".into(),
            Type::String => "r.string()?".into(),
            Type::Bytes => "r.bytes_vec()?".into(),
            Type::Vector(t) => format!("r.vector(|r| Ok({}))?", self.read(t)),
            Type::BareVector(t) => format!("r.bare_vector(|r| Ok({}))?", self.read(t)),
            Type::Boxed(_) => "crate::Read::read(r)?".into(),
            Type::Bare(_) => "crate::read_bare(r)?".into(),
            Type::Rest => "r.rest_value()".into(),
        }
    }

    fn write(&self, ty: &Type, v: &str) -> String {
        match ty {
            Type::Flags | Type::Int => format!("w.i32(*{v})"),
            Type::True | Type::Bool => format!("w.bool(*{v})"),
            Type::Long => format!("w.i64(*{v})"),
            Type::Double => format!("w.f64(*{v})"),
            Type::Int128 | Type::Int256 => format!("w.raw({v})"),
            Type::String => format!("w.bytes({v}.as_bytes())"),
            Type::Bytes => format!("w.bytes({v})"),
            Type::Vector(t) => {
                format!("w.vector({v}, |w, v| {{ {}; Ok(()) }})?", self.write(t, "v"))
            }
            Type::BareVector(t) => {
                format!("w.bare_vector({v}, |w, v| {{ {}; Ok(()) }})?", self.write(t, "v"))
            }
            Type::Boxed(_) => format!("crate::Write::write({v}, w)?"),
            Type::Bare(_) => format!("crate::write_bare({v}, w)?"),
            Type::Rest => format!("w.raw(&{v}.0)"),
        }
    }

    fn section(&self, out: &mut String, section: &Section, functions: bool) {
        let mut spaces: BTreeMap<Option<&str>, Vec<(&str, &[Edition])>> = BTreeMap::new();
        for (name, editions) in section {
            if !skipped(name) || functions {
                spaces.entry(split(name).0).or_default().push((name, editions));
            }
        }
        for (space, items) in spaces {
            if let Some(space) = space {
                let _ = writeln!(out, "/// `{space}.*`\npub mod {space} {{");
            }
            for (name, editions) in items {
                self.emit_struct(out, &make_struct(name, editions), functions);
            }
            if space.is_some() {
                out.push_str("}\n");
            }
        }
    }

    fn emit_struct(&self, out: &mut String, s: &Struct<'_>, function: bool) {
        let rust = camel(split(s.name).1);
        let last = newest(s.editions);
        let _ = writeln!(out, "/// `{}`", last.text);
        let derive_default = true;
        let _ = derive_default;
        let copyable = s.fields.is_empty();
        let _ = writeln!(
            out,
            "#[derive(Debug, Clone, {}PartialEq, Default)]",
            if copyable { "Copy, " } else { "" }
        );
        let _ = writeln!(out, "pub struct {rust} {{");
        for f in &s.fields {
            match f.until {
                Some(until) => {
                    let _ = writeln!(out, "/// `{}`, up to layer {until}", f.tl);
                }
                None => {
                    let _ = writeln!(out, "/// `{}`", f.tl);
                }
            }
            let ty = self.rust_type(&f.ty);
            let ty = if f.optional { format!("Option<{ty}>") } else { ty };
            let _ = writeln!(out, "pub {}: {ty},", f.name);
        }
        out.push_str("}\n");
        // Shape
        let _ = writeln!(out, "impl crate::Shape for {rust} {{");
        out.push_str("fn editions(&self) -> &'static [crate::Edition] { <Self as crate::Constructor>::EDITIONS }\n");
        if !s.fields.is_empty() {
            out.push_str("fn read_field(&mut self, field: u16, r: &mut crate::Reader<'_>) -> Result<(), crate::ReadError> { match field {\n");
            for (i, f) in s.fields.iter().enumerate() {
                let e = self.read(&f.ty);
                let e = if f.optional { format!("Some({e})") } else { e };
                let _ = writeln!(out, "{i} => self.{} = {e},", f.name);
            }
            out.push_str("_ => {} } Ok(()) }\n");
            out.push_str("fn write_field(&self, field: u16, w: &mut crate::Writer) -> Result<(), crate::WriteError> { match field {\n");
            for (i, f) in s.fields.iter().enumerate() {
                if f.optional {
                    let default = format!(
                        "w.default::<{}>(|w, v| {{ {}; Ok(()) }})?",
                        self.rust_type(&f.ty),
                        self.write(&f.ty, "v")
                    );
                    let _ = writeln!(
                        out,
                        "{i} => if let Some(v) = &self.{} {{ {} }} else {{ {default} }},",
                        f.name,
                        self.write(&f.ty, "v")
                    );
                } else {
                    let _ = writeln!(
                        out,
                        "{i} => {{ let v = &self.{}; {} }},",
                        f.name,
                        self.write(&f.ty, "v")
                    );
                }
            }
            out.push_str("_ => {} } Ok(()) }\n");
            let tests: Vec<String> = s
                .fields
                .iter()
                .enumerate()
                .filter_map(|(i, f)| {
                    if f.optional {
                        Some(format!("{i} => self.{}.is_some(),", f.name))
                    } else if matches!(f.ty, Type::True) {
                        Some(format!("{i} => self.{},", f.name))
                    } else {
                        None
                    }
                })
                .collect();
            if !tests.is_empty() {
                let _ = writeln!(
                    out,
                    "fn has_field(&self, field: u16) -> bool {{ match field {{ {} _ => true }} }}",
                    tests.join("\n")
                );
            }
            let sets: Vec<String> = s
                .fields
                .iter()
                .enumerate()
                .filter_map(|(i, f)| {
                    matches!(f.ty, Type::True).then(|| format!("{i} => self.{} = true,", f.name))
                })
                .collect();
            if !sets.is_empty() {
                let _ = writeln!(
                    out,
                    "fn set_true(&mut self, field: u16) {{ match field {{ {} _ => {{}} }} }}",
                    sets.join("\n")
                );
            }
        }
        out.push_str("}\n");
        let _ = writeln!(
            out,
            "impl {rust} {{ /// Constructor id of the newest edition.\npub const ID: u32 = 0x{:08x}; }}",
            last.definition.id
        );
        let _ = writeln!(
            out,
            "impl crate::Constructor for {rust} {{ const NAME: &'static str = \"{}\"; const EDITIONS: &'static [crate::Edition] = &[",
            s.name
        );
        for e in s.editions {
            let _ = write!(
                out,
                "crate::Edition {{ id: 0x{:08x}, layers: &{:?}, ops: &[",
                e.definition.id, e.layers
            );
            let mut words: Vec<&str> = Vec::new();
            for p in &e.definition.params {
                if p.ty == Type::Flags {
                    words.push(&p.name);
                    let _ = write!(out, "crate::Op::Flags,");
                    continue;
                }
                let index = s.index(&p.name, &p.ty);
                match &p.flag {
                    None => {
                        let _ = write!(out, "crate::Op::Field({index}),");
                    }
                    Some((word, bit)) => {
                        let word = words.iter().position(|w| w == word).expect("declared before");
                        let op = if p.ty == Type::True { "True" } else { "Optional" };
                        let _ = write!(out, "crate::Op::{op}({word}, {bit}, {index}),");
                    }
                }
            }
            out.push_str("] },\n");
        }
        out.push_str("]; }\n");
        let _ = writeln!(out, "crate::impl_constructor!({rust});");
        if function && self.input.methods {
            let result = self.result_type(&last.definition.result);
            let _ = writeln!(
                out,
                "impl crate::Function for {rust} {{ const METHOD: crate::Method = crate::Method::{}; type Result = {result}; }}",
                method_name(s.name)
            );
        }
    }

    fn result_type(&self, text: &str) -> String {
        let d = crate::schema::parse(&format!("x#00000000 y:{text} = X;"));
        match (text, d) {
            ("X", _) | (_, Err(_)) => "crate::Rest".into(),
            (_, Ok(d)) => self.rust_type(&d.params[0].ty),
        }
    }

    fn emit_enums(&self, out: &mut String) {
        let mut spaces: BTreeMap<Option<&str>, Vec<&str>> = BTreeMap::new();
        for name in self.enums.keys() {
            spaces.entry(split(name).0).or_default().push(name);
        }
        for (space, names) in spaces {
            if let Some(space) = space {
                let _ = writeln!(out, "/// `{space}.*`\npub mod {space} {{");
            }
            for name in names {
                self.emit_enum(out, name);
            }
            if space.is_some() {
                out.push_str("}\n");
            }
        }
    }

    fn emit_enum(&self, out: &mut String, name: &str) {
        let rust = camel(split(name).1);
        let ctors = &self.enums[name];
        let root = self.input.root;
        let _ =
            writeln!(out, "/// `{name}`\n#[derive(Debug, Clone, PartialEq)]\npub enum {rust} {{");
        let mut seen = BTreeSet::new();
        for ctor in ctors {
            let variant = camel(split(ctor).1);
            assert!(seen.insert(variant.clone()), "{name}: {variant} twice");
            let ty = format!("{root}::types::{}", path(ctor));
            let ty = if self.is_boxed(ctor) { format!("Box<{ty}>") } else { ty };
            let _ = writeln!(out, "/// `{ctor}`\n{variant}({ty}),");
        }
        out.push_str("}\n");
        for ctor in ctors {
            let variant = camel(split(ctor).1);
            let ty = format!("{root}::types::{}", path(ctor));
            let v = if self.is_boxed(ctor) { "Box::new(v)" } else { "v" };
            let _ = writeln!(
                out,
                "impl From<{ty}> for {rust} {{ fn from(v: {ty}) -> Self {{ Self::{variant}({v}) }} }}"
            );
        }
        let _ = writeln!(
            out,
            "impl crate::Read for {rust} {{ fn read(r: &mut crate::Reader<'_>) -> Result<Self, crate::ReadError> {{ let id = r.u32()?; match id {{"
        );
        for ctor in ctors {
            let variant = camel(split(ctor).1);
            let ids: BTreeSet<String> = self.input.history.types[*ctor]
                .iter()
                .filter(|e| e.definition.result == name)
                .map(|e| format!("0x{:08x}", e.definition.id))
                .collect();
            let ids: Vec<String> = ids.into_iter().collect();
            let v = format!("crate::read_body::<{root}::types::{}>(id, r)?", path(ctor));
            let v = if self.is_boxed(ctor) { format!("Box::new({v})") } else { v };
            let _ = writeln!(out, "{} => Ok(Self::{variant}({v})),", ids.join(" | "));
        }
        let _ = writeln!(
            out,
            "_ => Err(crate::ReadError::Constructor {{ id, expected: \"{name}\" }}) }} }} }}"
        );
        let _ = writeln!(
            out,
            "impl crate::Write for {rust} {{ fn write(&self, w: &mut crate::Writer) -> Result<(), crate::WriteError> {{ let shape: &dyn crate::Shape = match self {{"
        );
        for ctor in ctors {
            let variant = camel(split(ctor).1);
            let v = if self.is_boxed(ctor) { "&**v" } else { "v" };
            let _ = writeln!(out, "Self::{variant}(v) => {v},");
        }
        let _ = writeln!(out, "}}; crate::write_variant(shape, \"{name}\", w) }} }}");
        let ctor = self
            .default_ctor
            .get(name)
            .copied()
            .unwrap_or_else(|| panic!("{name} has no finite default"));
        let variant = camel(split(ctor).1);
        let _ = writeln!(
            out,
            "impl Default for {rust} {{ fn default() -> Self {{ Self::{variant}(Default::default()) }} }}"
        );
    }

    /// Payloads that are more than a few words live behind a pointer.
    fn is_boxed(&self, ctor: &str) -> bool {
        let s = make_struct(ctor, &self.input.history.types[ctor]);
        let mut bytes = 0;
        for f in &s.fields {
            bytes += match &f.ty {
                Type::Int | Type::Flags => 4,
                Type::True | Type::Bool => 1,
                Type::Long | Type::Double => 8,
                Type::Boxed(_) | Type::Bare(_) => return true,
                _ => 24,
            } + if f.optional { 8 } else { 0 };
        }
        bytes > 24
    }

    fn emit_methods(&self, out: &mut String) {
        let functions = &self.input.history.functions;
        out.push_str("/// Every function of every supported layer.\n#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]\n#[repr(u16)]\npub enum Method {\n");
        for name in functions.keys() {
            let _ = writeln!(out, "/// `{name}`\n{},", method_name(name));
        }
        out.push_str(
            "}\nimpl Method {\n/// All, in TL's order.\npub const ALL: &'static [Self] = &[",
        );
        for name in functions.keys() {
            let _ = write!(out, "Self::{},", method_name(name));
        }
        out.push_str("];\n}\n/// By method: name and editions' ids with their layers.\npub(crate) static METHODS: &[(&str, &[(u32, &[(i32, i32)])])] = &[\n");
        for (name, editions) in functions {
            let _ = write!(out, "(\"{name}\", &[");
            for e in editions {
                let _ = write!(out, "(0x{:08x}, &{:?}),", e.definition.id, e.layers);
            }
            out.push_str("]),\n");
        }
        out.push_str("];\n");
    }
}

impl Struct<'_> {
    fn index(&self, name: &str, ty: &Type) -> usize {
        self.fields
            .iter()
            .position(|f| f.tl == name && same(&f.ty, ty))
            .expect("every edition's field is in the union")
    }
}

fn same(a: &Type, b: &Type) -> bool {
    a == b
}

fn make_struct<'a>(name: &'a str, editions: &'a [Edition]) -> Struct<'a> {
    let last = newest(editions);
    let mut order: Vec<&Edition> = vec![last];
    let mut others: Vec<&Edition> = editions.iter().filter(|e| !std::ptr::eq(*e, last)).collect();
    others.sort_by_key(|e| std::cmp::Reverse(e.layers.last().map_or(0, |r| r.1)));
    order.extend(others);
    let mut fields: Vec<Field> = Vec::new();
    for edition in order {
        let until = edition.layers.last().map_or(0, |r| r.1);
        for p in edition.definition.params.iter().filter(|p| p.ty != Type::Flags) {
            let optional = p.flag.is_some() && p.ty != Type::True;
            if let Some(f) = fields.iter_mut().find(|f| f.tl == p.name && same(&f.ty, &p.ty)) {
                // Optional anywhere: an Option, so that absence is not mistaken for a default.
                f.optional |= optional;
                continue;
            }
            let mut rust = field(&p.name);
            if fields.iter().any(|f| f.name == rust) {
                rust = format!("{rust}_until_{until}");
            }
            let until = (!std::ptr::eq(edition, last)).then_some(until);
            fields.push(Field {
                name: rust,
                ty: p.ty.clone(),
                optional,
                tl: p.name.clone(),
                until,
            });
        }
    }
    Struct { name, editions, fields }
}

fn path(name: &str) -> String {
    match split(name) {
        (Some(space), last) => format!("{space}::{}", camel(last)),
        (None, last) => camel(last),
    }
}

/// `help.getConfig` → `HelpGetConfig`.
#[must_use]
pub fn method_name(name: &str) -> String {
    match split(name) {
        (Some(space), last) => format!("{}{}", camel(space), camel(last)),
        (None, last) => camel(last),
    }
}
