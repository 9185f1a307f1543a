//! What the documents promise is there.
#![allow(missing_docs, clippy::panic, clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Folder of a crate of the workspace.
fn folder(name: &str) -> Option<&'static str> {
    Some(match name {
        "activitypub" => "federation/activitypub",
        "blobs" => "node/blobs",
        "delivery" => "node/delivery",
        "glog" => "federation/log",
        "mesh" => "federation/mesh",
        "keys" => "keys",
        "mtproto-frontend" => "mtproto-frontend",
        "node-core" => "node/core",
        "node-store" => "node/store",
        "oidc" => "node/oidc",
        "pictures" => "node/pictures",
        "preview" => "node/preview",
        "acme" => "node/acme",
        "rookery" => "node",
        "rookery-load" => "node/load",
        "tl" => "tl",
        "tl-gen" => "tl/gen",
        "trust" => "node/trust",
        "web" => "node/web",
        _ => return None,
    })
}

fn rust_files(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Whether `crate::module::test` names a test function in a file of that module.
fn exists(name: &str) -> bool {
    let parts: Vec<&str> = name.split("::").collect();
    let [krate, modules @ .., function] = parts.as_slice() else { return false };
    let (Some(folder), [_, ..]) = (folder(krate), modules) else { return false };
    let mut files = Vec::new();
    for part in ["src", "tests"] {
        rust_files(&root().join(folder).join(part), &mut files);
    }
    let wanted = format!("fn {function}(");
    files.iter().any(|file| {
        // `tests` may be a module inside the file of the module before it; `main.rs` and `mod.rs`
        // stand for their folder.
        let path = file.to_string_lossy().replace('\\', "/");
        let named = modules
            .iter()
            .filter(|module| **module != "tests")
            .all(|module| path.split(['/', '.']).any(|part| part == *module));
        named && {
            let text = fs::read_to_string(file).unwrap();
            // A macro may make the tests of a list: `crate::cases::it_holds => it_holds,`.
            let listed = text.contains("macro_rules! over_both")
                && text.contains(&format!(" => {function},"));
            // The attribute stands just above: `#[test]`, `#[tokio::test]`, proptest's too.
            let mut found = text.match_indices(&wanted);
            listed || found.any(|(at, _)| text[..at].lines().rev().take(6).any(makes_a_test))
        }
    })
}

/// Whether an attribute stands there that makes a test of the function below.
fn makes_a_test(line: &str) -> bool {
    let line = line.trim();
    line.starts_with("#[") && (line.ends_with("test]") || line.contains("::test("))
}

/// What is wrong with one row's last cell.
fn judge(cell: &str) -> Option<String> {
    if let Some(what) = cell.strip_prefix("waits for: ") {
        return what.trim().is_empty().then(|| "waits for nothing".to_owned());
    }
    let names: Vec<&str> = cell.split('`').skip(1).step_by(2).collect();
    if names.is_empty() {
        return Some("neither a test nor `waits for:`".to_owned());
    }
    let missing: Vec<&str> = names.into_iter().filter(|name| !exists(name)).collect();
    (!missing.is_empty()).then(|| format!("no such test: {}", missing.join(", ")))
}

#[test]
fn every_conformance_row_is_proven_or_waits() {
    let text = fs::read_to_string(root().join("docs/conformance.md")).unwrap();
    let mut numbers = Vec::new();
    let mut wrong = Vec::new();
    for line in text.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [number, _, shown] = cells.as_slice() else { panic!("not three cells: {line}") };
        if *number == "#" {
            continue;
        }
        numbers.push((*number).to_owned());
        if let Some(reason) = judge(shown) {
            wrong.push(format!("row {number}: {reason}"));
        }
    }
    // Features around chats have their own numbers, with gaps.
    let features: Vec<String> = numbers.extract_if(.., |number| number.starts_with('F')).collect();
    let number = |feature: &String| feature[1..].parse::<u32>().expect("F and a number");
    assert!(features.iter().is_sorted_by(|a, b| number(a) < number(b)), "{features:?}");
    let rows = (1..=66).map(|n| n.to_string());
    let clients = (1..=19).map(|n| format!("C{n}"));
    let safety = (1..=20).map(|n| format!("S{n}"));
    assert_eq!(numbers, rows.chain(clients).chain(safety).collect::<Vec<_>>());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A setting under the number of another is read as that one: what is set here ends logins there.
#[test]
fn no_two_settings_have_one_number() {
    let mut files = Vec::new();
    rust_files(&root().join("node/core/src"), &mut files);
    let mut kinds = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let found = text.split("const KIND: u8 = ").skip(1);
        kinds.extend(found.filter_map(|rest| rest.split(';').next()?.parse::<u8>().ok()));
    }
    let all = kinds.len();
    kinds.sort_unstable();
    kinds.dedup();
    assert!(all > 5 && kinds.len() == all, "{kinds:?}");
}

#[test]
fn the_judge_notices_what_is_not_there() {
    assert_eq!(judge("waits for: messages"), None);
    assert_eq!(judge("`rookery::docs::the_judge_notices_what_is_not_there`"), None);
    assert_eq!(judge("`blobs::suite::uploads_expire`"), None);
    assert!(judge("`blobs::suite::uploads_never_expire`").is_some());
    for wrong in ["", "later", "waits for: ", "`rookery::docs::no_such_test`", "`docs::exists`"] {
        assert!(judge(wrong).is_some(), "{wrong:?}");
    }
    // A function that is no test shows nothing, and neither does one in another file.
    assert!(judge("`rookery::docs::rust_files`").is_some());
    assert!(judge("`rookery::wire::the_judge_notices_what_is_not_there`").is_some());
}
