//! `docs/coverage.md` is what the table of methods says. `ROOKERY_WRITE_DOCS=1` writes it anew.

mod features;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use mtproto_frontend::{Guard, MethodRow, RateClass, method_rows};

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn document() -> String {
    let rows: Vec<MethodRow> = method_rows().collect();
    let built: Vec<&MethodRow> = rows.iter().filter(|row| row.shown_by.is_some()).collect();
    let mut out = format!(
        "# Methods\n\nWritten from the table of methods by `mtproto-frontend/tests/coverage`; \
         do not edit.\n\n{} of {} methods of layers 152 to 230 are built. A method counts as \
         built only with the test that drives it with a foreign client.\n\n\
         - A method that needs a login answers `401 AUTH_KEY_UNREGISTERED` before one, built or \
         not.\n\
         - A known method that is not built answers `400 NOT_IMPLEMENTED`.\n\
         - A constructor that no supported layer knows answers \
         `400 INPUT_METHOD_INVALID_<id>`.\n\
         - `invokeWithLayer`, `initConnection`, `invokeAfterMsg`, `invokeAfterMsgs` and \
         `invokeWithoutUpdates` stand around calls and are taken off before the table is \
         asked.\n\
         - Secret chats are shown with TDLib, and with telethon-secret-chat 0.2.4 on Telethon \
         1.45.0. TDLib ends a chat with that library's defaults (it begins in MTProto 1, and \
         repeats its layer): the tests give it a storage that says MTProto 2. It has no new \
         keys, and files of one part.\n\n\
         {}## Built\n\n| method | open to | counts as | shown by |\n|---|---|---|---|\n",
        built.len(),
        rows.len(),
        features(&built),
    );
    for row in &built {
        let rate = match row.rate {
            Some(RateClass::Code) => "a login code",
            Some(RateClass::Search) => "a search",
            _ => "a call",
        };
        let _ = writeln!(
            out,
            "| `{}` | {} | {rate} | `{}` |",
            row.name,
            open_to(row.guard),
            row.shown_by.unwrap_or_default()
        );
    }
    out.push_str("\n## Not built\n\nBy namespace; those open before a login are marked with *.\n");
    let mut spaces: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.shown_by.is_none()) {
        let (space, name) = row.name.split_once('.').unwrap_or(("wrappers", row.name));
        let mark = if row.guard == Guard::Open { "*" } else { "" };
        spaces.entry(space).or_default().push(format!("{name}{mark}"));
    }
    for (space, names) in spaces {
        let _ = write!(out, "\n### {space} ({})\n\n{}\n", names.len(), names.join(", "));
    }
    out
}

fn open_to(guard: Guard) -> &'static str {
    match guard {
        Guard::Open => "everybody",
        Guard::User => "members",
    }
}

fn features(built: &[&MethodRow]) -> String {
    let mut out = "## A personal account\n\n| what | by | later |\n|---|---|---|\n".to_owned();
    for (feature, methods, later) in features::FEATURES {
        for method in *methods {
            let there = built.iter().any(|row| row.name == *method);
            assert!(there, "{feature}: {method} is not built");
        }
        let by: Vec<String> = methods.iter().map(|method| format!("`{method}`")).collect();
        let _ = writeln!(out, "| {feature} | {} | {later} |", by.join(", "));
    }
    out.push('\n');
    out
}

#[test]
fn coverage_is_what_the_table_says() {
    let path = project().join("docs/coverage.md");
    let document = document();
    if env::var_os("ROOKERY_WRITE_DOCS").is_some() {
        fs::write(&path, &document).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap();
    assert!(written == document, "docs/coverage.md is old: run with ROOKERY_WRITE_DOCS=1");
}

#[test]
fn every_built_method_names_a_test_that_exists() {
    let folders = [
        "account", "channels", "chat", "clients", "delivery", "extras", "groups", "media", "secret",
    ]
    .map(|name| project().join("node/tests").join(name));
    let mut sources = String::new();
    for entry in folders.iter().flat_map(|folder| fs::read_dir(folder).unwrap()) {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            sources.push_str(&fs::read_to_string(path).unwrap());
        }
    }
    for row in method_rows() {
        if let Some(test) = row.shown_by {
            assert!(sources.contains(&format!("fn {test}()")), "{}: no test {test}", row.name);
        }
    }
}
