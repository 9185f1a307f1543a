//! The binary, as a maintainer uses it for a new layer.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn tl_gen(args: &[&Path]) -> std::io::Result<Output> {
    Command::new(env!("CARGO_BIN_EXE_tl-gen")).args(args).output()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

const CORE: &str = "boolFalse#bc799737 = Bool;\n";
const OLD: &str = "pong#347773c5 msg_id:long ping_id:long = Pong;\n";
const NEW: &str = "boolTrue#997275b5 = Bool;\n";

#[test]
fn merge_check_and_add_a_layer() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let (layers, history) = (dir.path().join("layers"), dir.path().join("api.tl"));
    fs::create_dir(&layers)?;
    fs::write(layers.join("7.tl"), format!("// layer 7\n{CORE}{OLD}---functions---\n"))?;
    fs::write(layers.join("README"), "not a layer")?;
    let merged = tl_gen(&["merge".as_ref(), &layers])?;
    assert!(merged.status.success(), "{}", said(&merged));
    fs::write(&history, &merged.stdout)?;

    let newer = dir.path().join("newer.tl");
    fs::write(&newer, format!("// layer 9\n{CORE}{NEW}---functions---\n"))?;
    let added = tl_gen(&["add-layer".as_ref(), &history, &newer])?;
    assert_eq!(said(&added), "added 1, removed 1, changed 0\n+ boolTrue\n- pong\n");
    let text = fs::read_to_string(&history)?;
    assert!(text.starts_with("// layers 7 9\n"), "{text}");
    assert!(text.contains("\n8-9 boolTrue#997275b5 = Bool;\n"), "{text}");

    let checked = tl_gen(&["check".as_ref(), &history])?;
    assert!(checked.status.success(), "{}", said(&checked));
    assert!(said(&checked).contains("4 definitions, 0 known exceptions, 0 problems"));
    Ok(())
}

#[test]
fn a_wrong_id_is_named_and_changes_nothing() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let (history, newer) = (dir.path().join("api.tl"), dir.path().join("newer.tl"));
    fs::write(&history, "// layers 7\n7-7 boolFalse#bc799737 = Bool;\n---functions---\n")?;
    fs::write(&newer, "// layer 8\nboolFalse#bc799738 = Bool;\n---functions---\n")?;
    let before = fs::read(&history)?;
    let added = tl_gen(&["add-layer".as_ref(), &history, &newer])?;
    assert!(!added.status.success());
    assert!(said(&added).contains("its CRC32 is bc799737"), "{}", said(&added));
    assert_eq!(fs::read(&history)?, before);
    assert!(!tl_gen(&["check".as_ref(), &newer])?.status.success());
    Ok(())
}

#[test]
fn no_arguments_print_the_usage() -> Result<(), Box<dyn Error>> {
    let output = tl_gen(&[])?;
    assert!(!output.status.success());
    assert!(said(&output).contains("tl-gen add-layer HISTORY FILE"));
    Ok(())
}
