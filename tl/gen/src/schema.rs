//! TL definitions: one line of a schema text, taken apart.

use std::fmt;

/// What stands after a field's colon.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Type {
    /// `#`
    Flags,
    /// `true`, always behind a flag: the bit is the value.
    True,
    /// `int`
    Int,
    /// `long`
    Long,
    /// `double`
    Double,
    /// `int128`
    Int128,
    /// `int256`
    Int256,
    /// `string`
    String,
    /// `bytes`
    Bytes,
    /// `Bool`
    Bool,
    /// `Vector<T>`, with its constructor id.
    Vector(Box<Type>),
    /// `vector<t>`, the count only.
    BareVector(Box<Type>),
    /// A type: any of its constructors, with the id.
    Boxed(String),
    /// A constructor without its id.
    Bare(String),
    /// `!X` or `Object`: the rest of the bytes.
    Rest,
}

/// A field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Param {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub ty: Type,
    /// Flag word and bit that say whether it is there.
    pub flag: Option<(String, u8)>,
    /// As written behind the colon.
    pub text: String,
}

/// A constructor or a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// With its namespace: `help.getConfig`.
    pub name: String,
    /// Constructor id.
    pub id: u32,
    /// Fields in the order of the wire.
    pub params: Vec<Param>,
    /// The result as written: `help.Config`, `Vector<long>`, `X`.
    pub result: String,
}

/// A line that is no definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError(pub String);

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a TL definition: {}", self.0)
    }
}

impl std::error::Error for ParseError {}

/// Takes `name#id field:type … = Result;` apart.
///
/// # Errors
/// The text, if it is not of that form.
pub fn parse(line: &str) -> Result<Definition, ParseError> {
    let error = || ParseError(line.to_owned());
    let (head, result) =
        line.strip_suffix(';').ok_or_else(error)?.split_once(" = ").ok_or_else(error)?;
    let mut words = head.split(' ');
    let (name, id) = words.next().and_then(|w| w.split_once('#')).ok_or_else(error)?;
    let id = u32::from_str_radix(id, 16).map_err(|_| error())?;
    let mut params = Vec::new();
    if name != "vector" {
        for word in words.filter(|w| !w.starts_with('{')) {
            let (name, text) = word.split_once(':').ok_or_else(error)?;
            let written = text.to_owned();
            let (flag, text) = match text.split_once('?') {
                Some((flag, text)) => {
                    let (word, bit) = flag.split_once('.').ok_or_else(error)?;
                    (Some((word.to_owned(), bit.parse().map_err(|_| error())?)), text)
                }
                None => (None, text),
            };
            params.push(Param { name: name.to_owned(), ty: parse_type(text), flag, text: written });
        }
    }
    Ok(Definition { name: name.to_owned(), id, params, result: result.to_owned() })
}

/// A type as it stands behind a colon or an equals sign.
#[must_use]
pub fn parse_type(text: &str) -> Type {
    if let Some(inner) = text.strip_prefix("Vector<").and_then(|t| t.strip_suffix('>')) {
        return Type::Vector(Box::new(parse_type(inner)));
    }
    if let Some(inner) = text.strip_prefix("vector<").and_then(|t| t.strip_suffix('>')) {
        return Type::BareVector(Box::new(parse_type(inner)));
    }
    match text {
        "#" => Type::Flags,
        "true" => Type::True,
        "int" => Type::Int,
        "long" => Type::Long,
        "double" => Type::Double,
        "int128" => Type::Int128,
        "int256" => Type::Int256,
        "string" => Type::String,
        "bytes" => Type::Bytes,
        "Bool" => Type::Bool,
        "X" | "!X" | "Object" => Type::Rest,
        other => {
            let last = other.rsplit('.').next().unwrap_or(other);
            if last.starts_with(|c: char| c.is_ascii_uppercase()) {
                Type::Boxed(other.to_owned())
            } else {
                Type::Bare(other.to_owned())
            }
        }
    }
}
