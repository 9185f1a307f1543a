//! Generates the types from the schema texts, and for the tests a list of them.

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

use tl_gen::codegen::{self, Input, PRIMITIVES, generate};
use tl_gen::history::{History, Section};
use tl_gen::names::path;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=schema");
    let out = env::var("OUT_DIR")?;
    let out = Path::new(&out);

    let api = History::read(&fs::read_to_string("schema/api.tl")?)?;
    let input = Input { history: &api, root: "crate", methods: true };
    fs::write(out.join("api.rs"), generate(&input))?;

    let service = History::merge(&[(0, &fs::read_to_string("schema/mtproto.tl")?)])?;
    let input = Input { history: &service, root: "crate::mtproto", methods: false };
    fs::write(out.join("mtproto.rs"), generate(&input))?;

    let text = fs::read_to_string("schema/errors.json")?;
    fs::write(out.join("errors.rs"), codegen::errors::generate(&text)?)?;

    if env::var_os("CARGO_FEATURE_SECRET_CHATS").is_some() {
        let secret = History::read_sections(&fs::read_to_string("schema/end_to_end.tl")?)?;
        let input = Input { history: &secret, root: "crate::secret", methods: false };
        fs::write(out.join("secret.rs"), generate(&input))?;
    }

    let mut names = String::new();
    list_all(&mut names, "", "tl", &api)?;
    list_all(&mut names, "SERVICE_", "tl::mtproto", &service)?;
    list(&mut names, "RESULTS", "result", "tl::functions", &names_of(&api.functions))?;
    fs::write(out.join("names.rs"), names)?;
    Ok(())
}

/// What `tests/common` includes: the Rust type of every definition, by TL name.
fn list_all(out: &mut String, prefix: &str, root: &str, history: &History) -> std::fmt::Result {
    let editions = names_of(&history.types).into_iter().flat_map(|name| &history.types[name]);
    let results = editions.map(|edition| edition.definition.result.as_str()).collect();
    for (kind, module, names) in [
        ("TYPES", "types", names_of(&history.types)),
        ("ENUMS", "enums", results),
        ("FUNCTIONS", "functions", names_of(&history.functions)),
    ] {
        list(out, &format!("{prefix}{kind}"), "entry", &format!("{root}::{module}"), &names)?;
    }
    Ok(())
}

fn names_of(section: &Section) -> BTreeSet<&str> {
    section.keys().map(String::as_str).filter(|name| !PRIMITIVES.contains(name)).collect()
}

fn list(
    out: &mut String,
    name: &str,
    make: &str,
    module: &str,
    names: &BTreeSet<&str>,
) -> std::fmt::Result {
    writeln!(out, "/// By TL name.\npub static {name}: &[Entry] = &[")?;
    for name in names {
        writeln!(out, "    {make}::<{module}::{}>(\"{name}\"),", path(name))?;
    }
    writeln!(out, "];")
}
