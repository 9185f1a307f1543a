//! The generator's output for a small schema, so that a change to it shows as a readable diff.
//!
//! `GOLDEN=write cargo test -p tl-gen --test golden` writes the files anew.

use std::error::Error;
use std::path::PathBuf;
use std::{env, fs};

use tl_gen::codegen::{Input, errors, generate};
use tl_gen::history::History;

fn golden(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

fn compare(name: &str, output: &str) -> Result<(), Box<dyn Error>> {
    if env::var_os("GOLDEN").is_some() {
        fs::write(golden(name), output)?;
    }
    let kept = fs::read_to_string(golden(name))?;
    let difference = kept.lines().zip(output.lines()).enumerate().find(|(_, (a, b))| a != b);
    if let Some((at, (kept, now))) = difference {
        return Err(format!("{name}:{}\n  kept: {kept}\n  now:  {now}", at + 1).into());
    }
    assert_eq!(kept.len(), output.len(), "{name} goes on");
    Ok(())
}

#[test]
fn ten_lines() -> Result<(), Box<dyn Error>> {
    let history = History::read(&fs::read_to_string(golden("ten_lines.tl"))?)?;
    compare("ten_lines.rs", &generate(&Input { history: &history, root: "crate", methods: true }))
}

#[test]
fn three_errors() -> Result<(), Box<dyn Error>> {
    let json = fs::read_to_string(golden("three_errors.json"))?;
    compare("three_errors.rs", &errors::generate(&json)?)
}
