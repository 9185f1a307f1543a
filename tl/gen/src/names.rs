//! TL names as Rust names.

/// `messages.sendMessage` → (`Some("messages")`, `SendMessage`).
#[must_use]
pub fn split(name: &str) -> (Option<&str>, &str) {
    match name.rsplit_once('.') {
        Some((space, last)) => (Some(space), last),
        None => (None, name),
    }
}

/// `JSONValue` → `JsonValue`, `p_q_inner_data_dc` → `PQInnerDataDc`, `inputCheckPasswordSRP` →
/// `InputCheckPasswordSrp`.
#[must_use]
pub fn camel(name: &str) -> String {
    let chars: Vec<char> = name.chars().collect();
    let mut out = String::new();
    let mut start = true;
    for (i, c) in chars.iter().enumerate() {
        if *c == '_' {
            start = true;
            continue;
        }
        let upper_before = i > 0 && chars[i - 1].is_ascii_uppercase();
        let lower_after = chars.get(i + 1).is_some_and(|n| n.is_ascii_lowercase());
        if start {
            out.push(c.to_ascii_uppercase());
        } else if c.is_ascii_uppercase() && upper_before && !lower_after {
            out.push(c.to_ascii_lowercase());
        } else {
            out.push(*c);
        }
        start = false;
    }
    out
}

/// A field's name: lower case, keywords with an underscore behind.
#[must_use]
pub fn field(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    match name.as_str() {
        "type" | "self" | "final" | "static" | "ref" | "loop" | "where" | "in" | "as" | "move"
        | "match" | "use" | "mod" | "fn" | "super" | "crate" | "box" | "default" | "try"
        | "yield" | "async" | "await" | "dyn" | "impl" | "for" | "if" | "else" | "true"
        | "false" | "pub" | "struct" | "enum" | "trait" | "const" | "let" | "mut" | "return"
        | "break" | "continue" | "while" | "unsafe" | "extern" => format!("{name}_"),
        _ => name,
    }
}

/// `help.getConfig` → `help::GetConfig`.
#[must_use]
pub fn path(name: &str) -> String {
    match split(name) {
        (Some(space), last) => format!("{space}::{}", camel(last)),
        (None, last) => camel(last),
    }
}

/// `help.getConfig` → `HelpGetConfig`.
#[must_use]
pub fn method(name: &str) -> String {
    match split(name) {
        (Some(space), last) => format!("{}{}", camel(space), camel(last)),
        (None, last) => camel(last),
    }
}
