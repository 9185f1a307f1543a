//! Every refusal that a method can give has a name and a code of the catalogue of Telegram's errors:
//! clients act on both.
#![allow(missing_docs, clippy::panic, clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// Names of this node's own, each documented where it is given.
const OWN: [&str; 5] = [
    "NOT_IMPLEMENTED",
    "INTERNAL",
    "CONNECTION_LAYER_INVALID",
    "STORAGE_QUOTA_EXCEEDED",
    "NODE_UNREACHABLE",
];

fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Codes by name, as `tl/schema/errors.json` has them.
fn catalogue() -> BTreeMap<String, Vec<i64>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tl/schema/errors.json");
    let all: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let errors = all["errors"].as_object().unwrap();
    errors
        .iter()
        .map(|(name, known)| {
            let codes = known["codes"].as_array().unwrap();
            (name.clone(), codes.iter().filter_map(Value::as_i64).collect())
        })
        .collect()
}

/// (code, name) of each refusal in a source text: `new(400, "NAME")`, and `bad("NAME")` for 400.
fn refusals(text: &str) -> Vec<(i64, String)> {
    let mut found = Vec::new();
    let name = |rest: &str| rest.split('"').next().unwrap_or_default().to_owned();
    for (at, call) in text.match_indices("::new(") {
        let rest = text[at + call.len()..].trim_start();
        let Some((code, rest)) = rest.split_once(',') else { continue };
        if let (Ok(code), Some(rest)) = (code.trim().parse(), rest.trim_start().strip_prefix('"')) {
            found.push((code, name(rest)));
        }
    }
    for (at, call) in text.match_indices("bad(\"") {
        found.push((400, name(&text[at + call.len()..])));
    }
    found
}

#[test]
fn every_refusal_is_in_the_catalogue() {
    let catalogue = catalogue();
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/rpc"), &mut files);
    let (mut seen, mut wrong) = (0, Vec::new());
    for file in files.iter().filter(|file| !file.to_string_lossy().contains("tests")) {
        for (code, name) in refusals(&fs::read_to_string(file).unwrap()) {
            seen += 1;
            let known = catalogue.get(&name).is_some_and(|codes| codes.contains(&code));
            if !known && !OWN.contains(&name.as_str()) {
                wrong.push(format!("{code} {name} in {}", file.display()));
            }
        }
    }
    assert!(seen > 60, "hardly any refusal was found: {seen}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn refusals_are_found_in_source() {
    let text = "RpcError::new(400, \"A_B\"); Self::new(\n  403,\n \"C\") bad(\"D\") Vec::new()";
    let expected = [(400, "A_B"), (403, "C"), (400, "D")];
    assert_eq!(refusals(text), expected.map(|(code, name)| (code, name.to_owned())));
}
