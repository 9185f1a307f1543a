//! `rookery.toml` as operators read it, made of what the structures here say of themselves.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use quote::ToTokens as _;
use syn::{Attribute, Expr, Field, Fields, Item, Lit, Meta, Type};

use super::{Config, DOCUMENTED, SECTIONS};

/// What stands for a value that there is no default of.
const UNSET: &str = "\"…\"";

/// Defaults that only the structures' attributes name.
const FUNCTIONS: [(&str, &str); 6] = [
    ("any_region", "\"us-east-1\""),
    ("email_scope", "[\"email\"]"),
    ("groups_claim", "\"groups\""),
    ("lets_encrypt", "\"https://acme-v02.api.letsencrypt.org/directory\""),
    ("ten", "10"),
    ("thirty", "30"),
];

struct Section {
    says: Vec<String>,
    keys: Vec<Key>,
}

struct Key {
    name: String,
    says: Vec<String>,
    kind: String,
    is_option: bool,
    /// What `#[serde(default …)]` names: a function, or nothing.
    default: Option<String>,
}

fn says(attributes: &[Attribute]) -> Vec<String> {
    let line = |attribute: &Attribute| match &attribute.meta {
        Meta::NameValue(meta) if meta.path.is_ident("doc") => match &meta.value {
            Expr::Lit(literal) => match &literal.lit {
                Lit::Str(text) => Some(text.value().trim().to_owned()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    };
    attributes.iter().filter_map(line).collect()
}

/// Set by the program, and no key of the file.
fn is_skipped(field: &Field) -> bool {
    let is = |attribute: &Attribute| attribute.to_token_stream().to_string().contains("(skip");
    field.attrs.iter().any(is)
}

fn key(field: &Field) -> Key {
    let text = |of: &Type| of.to_token_stream().to_string().replace(' ', "");
    let whole = text(&field.ty);
    let inner = whole.strip_prefix("Option<").and_then(|rest| rest.strip_suffix('>'));
    let serde = field.attrs.iter().filter(|attribute| attribute.path().is_ident("serde"));
    let default = serde.map(|attribute| attribute.to_token_stream().to_string()).find_map(|text| {
        let (_, rest) = text.split_once("default")?;
        Some(rest.split('"').nth(1).unwrap_or_default().to_owned())
    });
    Key {
        name: field.ident.as_ref().unwrap().to_string(),
        says: says(&field.attrs),
        kind: inner.unwrap_or(&whole).to_owned(),
        is_option: inner.is_some(),
        default,
    }
}

/// The structures of the configuration by name.
fn structures() -> BTreeMap<String, Section> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let inner = std::fs::read_dir(source.join("config")).unwrap();
    let files = inner.map(|entry| entry.unwrap().path()).chain([source.join("config.rs")]);
    let mut found = BTreeMap::new();
    for file in files.filter(|file| file.extension().is_some_and(|extension| extension == "rs")) {
        let parsed = syn::parse_file(&std::fs::read_to_string(file).unwrap()).unwrap();
        for item in parsed.items {
            let Item::Struct(item) = item else { continue };
            if let Fields::Named(fields) = &item.fields {
                let keys = fields.named.iter().filter(|field| !is_skipped(field)).map(key);
                let keys = keys.collect();
                found.insert(item.ident.to_string(), Section { says: says(&item.attrs), keys });
            }
        }
    }
    found
}

/// A value as it stands after `key = `.
fn value(key: &Key, defaults: Option<&toml::Table>) -> String {
    if let Some(found) = defaults.and_then(|table| table.get(&key.name)) {
        return found.to_string();
    }
    match (key.default.as_deref(), key.kind.as_str()) {
        _ if key.is_option => UNSET.into(),
        (None, kind) if kind.starts_with("Vec<") => format!("[{UNSET}]"),
        (None, _) => UNSET.into(),
        (Some(""), "bool") => "false".into(),
        (Some(""), "String") => "\"\"".into(),
        (Some(""), "SmtpSecurity") => "\"starttls\"".into(),
        (Some(""), kind) if kind.starts_with("Vec<") => "[]".into(),
        (Some(function), kind) => {
            let known = FUNCTIONS.iter().find(|(name, _)| *name == function);
            known.unwrap_or_else(|| panic!("{}: {function} of {kind}", key.name)).1.into()
        }
    }
}

fn write_section(
    out: &mut String,
    path: &str,
    structure: &str,
    is_option: bool,
    defaults: Option<&toml::Table>,
    all: &BTreeMap<String, Section>,
) {
    let section = &all[structure];
    out.push('\n');
    for line in &section.says {
        writeln!(out, "{}", format!("# {line}").trim_end()).unwrap();
    }
    let hidden = if is_option { "#" } else { "" };
    writeln!(out, "{hidden}[{path}]").unwrap();
    let (inner, own): (Vec<_>, Vec<_>) =
        section.keys.iter().partition(|key| all.contains_key(&key.kind));
    for key in own {
        for line in &key.says {
            writeln!(out, "{}", format!("# {line}").trim_end()).unwrap();
        }
        writeln!(out, "#{} = {}", key.name, value(key, defaults)).unwrap();
    }
    for key in inner {
        let defaults = defaults.and_then(|table| table.get(&key.name)?.as_table());
        let path = format!("{path}.{}", key.name);
        write_section(out, &path, &key.kind, is_option || key.is_option, defaults, all);
    }
}

fn made() -> String {
    let all = structures();
    let defaults = toml::Table::try_from(Config::default()).unwrap();
    let mut out = "# How a Rookery node is set up. Every key stands here with its default, or with … where it has none;\n\
                   # take the # away in front of what you change. Sections whose name has a # are off without it.\n\
                   # Each key is also a variable: ROOKERY_NODE_NAME, and so on; lists as they are written here.\n"
        .to_owned();
    for key in &all["Config"].keys {
        let defaults = defaults.get(&key.name).and_then(toml::Value::as_table);
        write_section(&mut out, &key.name, &key.kind, key.is_option, defaults, &all);
    }
    out
}

/// `ROOKERY_WRITE_DOCS=1` writes it.
#[test]
fn the_documented_file_says_what_the_structures_say() {
    let made = made();
    if std::env::var_os("ROOKERY_WRITE_DOCS").is_some() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/config/rookery.toml");
        std::fs::write(file, &made).unwrap();
    } else {
        assert!(made == DOCUMENTED, "run this test with ROOKERY_WRITE_DOCS=1");
    }
}

/// The lines that set something, without their `#`.
fn settings(hidden_too: bool) -> String {
    let mut is_hidden = false;
    let mut out = String::new();
    for line in made().lines() {
        let set = line.strip_prefix('#').unwrap_or(line);
        if set.starts_with('[') {
            is_hidden = line.starts_with('#');
        } else if set.starts_with(' ') || set.is_empty() {
            continue;
        }
        if hidden_too || (!is_hidden && !set.contains('…')) {
            out += &format!("{set}\n");
        }
    }
    out
}

#[test]
fn what_it_says_are_defaults() {
    for text in [DOCUMENTED.to_owned(), settings(false)] {
        let read: Config = toml::from_str(&text).unwrap_or_else(|cause| panic!("{cause}\n{text}"));
        assert_eq!(format!("{read:?}"), format!("{:?}", Config::default()));
    }
}

#[test]
fn every_key_is_one() {
    // What needs another kind of value than text is asked for what it is.
    let text = settings(true)
        .replace("port = \"…\"", "port = 1")
        .replace("handshake_threads = \"…\"", "handshake_threads = 1")
        .replace("allowed_hosts = \"…\"", "allowed_hosts = []");
    toml::from_str::<Config>(&text).unwrap_or_else(|cause| panic!("{cause}\n{text}"));
}

#[test]
fn variables_reach_every_section() {
    let all = structures();
    let mut sections: Vec<&str> = all["Config"].keys.iter().map(|key| key.name.as_str()).collect();
    sections.sort_unstable();
    let mut known = SECTIONS.to_vec();
    known.sort_unstable();
    assert_eq!(sections, known);
}
