//! The fields of a generated struct: the newest edition's, then those that only older ones have.

use crate::history::Edition;
use crate::names::field;
use crate::schema::{Param, Type};

/// A field of a generated struct.
#[derive(Debug)]
pub(super) struct Field<'a> {
    /// Rust name.
    pub(super) name: String,
    /// TL name.
    tl: &'a str,
    /// What it holds.
    pub(super) ty: &'a Type,
    /// `Option` in Rust: behind a flag in some edition.
    pub(super) optional: bool,
    /// Its doc line.
    pub(super) doc: String,
}

/// A generated struct.
#[derive(Debug)]
pub(super) struct Struct<'a> {
    /// TL name.
    pub(super) name: &'a str,
    /// Oldest first.
    pub(super) editions: &'a [Edition],
    /// By number.
    pub(super) fields: Vec<Field<'a>>,
}

impl<'a> Struct<'a> {
    pub(super) fn new(name: &'a str, editions: &'a [Edition]) -> Self {
        let newest = newest(editions);
        let mut newest_first: Vec<&Edition> = editions.iter().collect();
        newest_first.sort_by_key(|edition| std::cmp::Reverse(last_layer(edition)));
        let mut fields: Vec<Field<'a>> = Vec::new();
        for edition in newest_first {
            for param in fields_of(edition) {
                let optional = param.flag.is_some() && param.ty != Type::True;
                let known = fields.iter_mut().find(|field| is_same(field, param, editions));
                if let Some(field) = known {
                    // An Option if optional anywhere: absence must not be read as a default.
                    field.optional |= optional;
                    continue;
                }
                let mut rust = field(&param.name);
                if fields.iter().any(|field| field.name == rust) {
                    // The newest edition gives the name another type.
                    rust = format!("{rust}_until_{}", last_layer(edition));
                }
                let doc = doc(param, edition, newest, editions);
                let ty = &param.ty;
                fields.push(Field { name: rust, tl: &param.name, ty, optional, doc });
            }
        }
        Self { name, editions, fields }
    }

    /// The number of the field that a parameter of one of the editions fills.
    pub(super) fn number(&self, param: &Param) -> usize {
        self.fields
            .iter()
            .position(|field| is_same(field, param, self.editions))
            .expect("each parameter of each edition is in the union")
    }

    pub(super) fn newest(&self) -> &'a Edition {
        newest(self.editions)
    }
}

/// The parameters that are fields: no flag words, no length of a `message` body.
pub(super) fn fields_of(edition: &Edition) -> impl Iterator<Item = &Param> {
    edition.definition.params.iter().filter(|param| {
        param.ty != Type::Flags && !is_body_length(&edition.definition.params, param)
    })
}

/// `bytes:int body:Object`: the length belongs to the body, which is one field.
pub(super) fn is_body_length(params: &[Param], param: &Param) -> bool {
    let next = params.iter().skip_while(|p| !std::ptr::eq(*p, param)).nth(1);
    param.name == "bytes" && param.ty == Type::Int && next.is_some_and(|p| p.ty == Type::Rest)
}

fn is_same(field: &Field<'_>, param: &Param, editions: &[Edition]) -> bool {
    if field.tl != param.name {
        return false;
    }
    // A Bool that became a pure flag, or the other way, is one `bool`, unless it was optional.
    let both_bool = [field.ty, &param.ty].iter().all(|ty| matches!(ty, Type::Bool | Type::True));
    field.ty == &param.ty || both_bool && !has_optional_bool(editions, &param.name)
}

fn has_optional_bool(editions: &[Edition], name: &str) -> bool {
    editions
        .iter()
        .flat_map(|edition| &edition.definition.params)
        .any(|param| param.name == name && param.ty == Type::Bool && param.flag.is_some())
}

/// The edition with the highest layer.
pub(super) fn newest(editions: &[Edition]) -> &Edition {
    editions.iter().max_by_key(|edition| last_layer(edition)).expect("no name without an edition")
}

fn last_layer(edition: &Edition) -> i32 {
    edition.layers.last().map_or(0, |(_, to)| *to)
}

fn doc(param: &Param, edition: &Edition, newest: &Edition, editions: &[Edition]) -> String {
    let text = format!("`{}:{}`", param.name, param.text);
    if !std::ptr::eq(edition, newest) {
        return format!("{text}, up to layer {}", last_layer(edition));
    }
    let first = |edition: &Edition| edition.layers.first().map_or(0, |(from, _)| *from);
    let has = |edition: &&Edition| {
        edition.definition.params.iter().any(|p| p.name == param.name && p.ty == param.ty)
    };
    let since = editions.iter().filter(has).map(first).min();
    let oldest = editions.iter().map(first).min();
    match since {
        Some(since) if Some(since) != oldest => format!("{text}, since layer {since}"),
        _ => text,
    }
}
