//! The vectors of `docs/FEDERATION.md`, read by a decoder that shares no code with this crate.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

/// `verify.py` finds what it computes from the text: encodings, ids, signatures, boxes, bodies.
#[test]
fn an_independent_decoder_reads_the_vectors() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = Command::new(python(&here.join("tests/requirements.txt")))
        .arg(here.join("tests/verify.py"))
        .arg(here.join("../../docs/FEDERATION.md"))
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("19 vectors hold"), "{said}");
}

/// The interpreter of an environment below the target directory with exactly these packages.
fn python(requirements: &Path) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("glog-python");
    let wanted = fs::read_to_string(requirements).expect("read the requirements");
    let lock = File::create(directory.with_extension("lock")).expect("make a lock file");
    lock.lock().expect("lock");
    // Written last: a directory without it is half installed, and made anew.
    let stamp = directory.join(".installed");
    let interpreter = directory.join("bin/python");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return interpreter;
    }
    fs::remove_dir_all(&directory).ok();
    run(Command::new("python3").args(["-m", "venv", "--without-pip"]).arg(&directory));
    run(Command::new("python3")
        .args(["-m", "pip", "--disable-pip-version-check", "--no-input", "--python"])
        .arg(&interpreter)
        .args(["install", "--quiet", "--no-deps", "--requirement"])
        .arg(requirements)
        .env("PIP_ROOT_USER_ACTION", "ignore"));
    fs::write(stamp, wanted).expect("write the stamp");
    interpreter
}

fn run(command: &mut Command) {
    let output = command.output().expect("python3 runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
}
