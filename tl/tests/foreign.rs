//! Bytes of ours through other people's implementations of the same layers: published libraries
//! decode what this crate wrote, encode it again, and the bytes are the same.
//!
//! How: random values of every definition of the layer go through this crate and then, one line of
//! hexadecimal each, through a process of the library (`node/tests/clients/*/codec.*`). The seed is
//! printed; `ROOKERY_FOREIGN_SEED` makes another run, `ROOKERY_TEST_SKIP` leaves out libraries.

#[cfg(test)]
mod common;

#[cfg(test)]
#[path = "../../node/tests/support/install.rs"]
mod install;
#[cfg(test)]
#[path = "../../node/tests/support/process.rs"]
mod process;
#[cfg(test)]
#[path = "../../node/tests/support/skip.rs"]
mod skip;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tl_gen::history::History;
use tl_gen::random::Generator;

/// A library decodes a few thousand values in seconds.
const WITHIN: Duration = Duration::from_secs(180);
/// Fewer compared definitions than this would not be worth a process.
const COMPARED_MIN: usize = 200;
/// Values of a definition before it counts as different.
const ROUNDS: u64 = 6;

/// `node/tests/`: the clients' scripts and manifests, which the files above look for.
fn tests_directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../node/tests")
}

/// The target directory of this build: the tests of the node share the installed clients.
fn target_directory() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("tmp lies in target").to_path_buf()
}

/// A library that knows one layer.
struct Library<'a> {
    name: &'a str,
    version: &'a str,
    layer: i32,
    /// Whether it reads functions too, or only what a server sends.
    functions: bool,
    /// Definitions that its habits always change, at most, of a hundred.
    changed_percent_max: usize,
}

/// A definition, and the bytes that this crate wrote for a random value of it.
struct Sample {
    name: &'static str,
    bytes: Vec<u8>,
}

/// A random value of every definition of the layer, through this crate and unchanged by it.
fn samples(history: &History, library: &Library<'_>, seed: u64) -> Vec<Sample> {
    let mut random = Generator::new(history, library.layer, seed);
    let mut samples = Vec::new();
    let constructors: Vec<&str> = random.constructor_names().collect();
    for name in constructors {
        let bytes = random.constructor(name).expect("it is in the layer");
        samples.push(ours(common::find(common::TYPES, name), bytes, library.layer));
    }
    let functions: Vec<&str> = random.function_names().filter(|_| library.functions).collect();
    for name in functions {
        let bytes = random.function(name).expect("it is in the layer");
        samples.push(ours(common::find(common::FUNCTIONS, name), bytes, library.layer));
    }
    samples
}

fn ours(entry: &common::Entry, bytes: Vec<u8>, layer: i32) -> Sample {
    let again = (entry.again)(&bytes, layer);
    let again = again.expect("of this layer").expect("its own layer can say it");
    assert!(again == bytes, "{} at {layer}", entry.name);
    Sample { name: entry.name, bytes }
}

/// Compares every definition of the layer until a value of it came back as it was sent.
///
/// Not every value can: the libraries have habits of their own. Pyrogram writes an empty optional
/// vector without its flag, gramjs and Telethon change ids below zero inside of messages, Telethon
/// knows no date 0, mtcute no id of more than 53 bits, herokutl refuses calls that end accounts or
/// move money. So a definition gets [`ROUNDS`] values before it counts as different.
#[expect(clippy::print_stdout, reason = "the seed, and what was compared")]
fn compare(library: &Library<'_>, mut command: impl FnMut() -> Command) {
    let seed = common::from_env("ROOKERY_FOREIGN_SEED", 20_260_211_u64);
    let (mut equal, mut different) = (BTreeSet::new(), BTreeMap::new());
    for round in 0..ROUNDS {
        let mut samples = samples(&common::api(), library, seed.wrapping_add(round));
        samples.retain(|sample| !equal.contains(sample.name));
        different.clear();
        for (sample, theirs) in samples.iter().zip(through(library, &mut command(), &samples)) {
            if theirs == hex(&sample.bytes) {
                equal.insert(sample.name);
            } else {
                different.insert(sample.name, format!("{}\n  {theirs}", hex(&sample.bytes)));
            }
        }
    }
    let all = equal.len() + different.len();
    println!(
        "{} {}, layer {}: {} of {all} definitions equal, ROOKERY_FOREIGN_SEED={seed}; not equal: {:?}",
        library.name,
        library.version,
        library.layer,
        equal.len(),
        different.keys()
    );
    assert!(equal.len() >= COMPARED_MIN, "{} are equal", equal.len());
    let one = different.iter().next();
    assert!(
        different.len() * 100 <= all * library.changed_percent_max,
        "{all} definitions, {one:#?}"
    );
}

/// What the library wrote for each sample.
fn through(library: &Library<'_>, command: &mut Command, samples: &[Sample]) -> Vec<String> {
    let name = format!("foreign-{}-{}.hex", library.name, library.version);
    let input = target_directory().join("tmp").join(name);
    let lines: String = samples.iter().map(|sample| hex(&sample.bytes) + "\n").collect();
    std::fs::write(&input, lines).expect("write the samples");
    let input = File::open(&input).expect("just written");
    let finished = process::run_with_input(command, input, WITHIN);
    let mut lines = finished.stdout.lines().map(str::to_owned);
    let head = format!("{} {}", library.version, library.layer);
    assert_eq!(lines.next(), Some(head), "{}", finished.stderr);
    let lines: Vec<String> = lines.collect();
    assert_eq!(lines.len(), samples.len(), "{}", finished.stderr);
    lines
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

fn script(path: &str) -> PathBuf {
    tests_directory().join("clients").join(path)
}

fn python(library: &Library<'_>, requirements: &str, codec: &str, package: &str) {
    if skip::skipped(&[library.name, "foreign"]) {
        return;
    }
    let name = format!("{}-{}", library.name, library.version);
    let python = install::python(&name, requirements);
    compare(library, || {
        let mut command = Command::new(&python);
        command.arg(script(codec)).arg(package).env("PYTHONDONTWRITEBYTECODE", "1");
        command
    });
}

fn npm(library: &Library<'_>, manifest: &str, codec: &str) {
    if skip::skipped(&[library.name, "foreign"]) {
        return;
    }
    let directory = install::npm(&format!("{}-{}", library.name, library.version), manifest);
    compare(library, || {
        let mut command = Command::new("node");
        command.arg(script(codec)).current_dir(&directory);
        command
    });
}

fn telethon(name: &str, version: &str, layer: i32) {
    let library = Library { name, version, layer, functions: true, changed_percent_max: 3 };
    let requirements = match name {
        "telethon" => format!("telethon/requirements-{version}.txt"),
        fork => format!("telethon/requirements-{fork}-{version}.txt"),
    };
    python(&library, &requirements, "telethon/codec.py", name);
}

fn pyrogram(name: &str, version: &str, layer: i32) {
    let library = Library { name, version, layer, functions: true, changed_percent_max: 5 };
    python(&library, &format!("pyrogram/{name}-{version}.txt"), "pyrogram/codec.py", "");
}

fn gramjs(version: &str, layer: i32) {
    let library =
        Library { name: "gramjs", version, layer, functions: true, changed_percent_max: 1 };
    npm(&library, &format!("gramjs/{version}"), "gramjs/codec.cjs");
}

#[test]
fn layer_152_equals_telethon() {
    telethon("telethon", "1.27.0", 152);
}

#[test]
fn layer_158_equals_pyrogram() {
    pyrogram("pyrogram", "2.0.106", 158);
}

#[test]
fn layer_177_equals_gramjs() {
    gramjs("2.20.15", 177);
}

#[test]
fn layer_181_equals_gramjs() {
    gramjs("2.22.2", 181);
}

#[test]
fn layer_193_equals_gramjs() {
    gramjs("2.26.8", 193);
}

#[test]
fn layer_195_equals_kurigram() {
    pyrogram("kurigram", "2.1.35", 195);
}

#[test]
fn layer_198_equals_gramjs() {
    gramjs("2.26.22", 198);
}

#[test]
fn layer_216_equals_kurigram() {
    pyrogram("kurigram", "2.2.14", 216);
}

#[test]
fn layer_222_equals_kurigram() {
    pyrogram("kurigram", "2.2.19", 222);
}

#[test]
fn layer_225_equals_kurigram() {
    pyrogram("kurigram", "2.2.23", 225);
}

#[test]
fn layer_227_equals_mtcute() {
    let library = Library {
        name: "mtcute-node",
        version: "0.30.3",
        layer: 227,

        // Its readers are for what a server sends.
        functions: false,
        changed_percent_max: 25,
    };
    npm(&library, "mtcute/node", "mtcute/codec.cjs");
}

#[test]
fn layer_229_equals_telethon() {
    telethon("telethon", "1.45.0", 229);
}

#[test]
fn layer_229_equals_kurigram() {
    pyrogram("kurigram", "2.2.26", 229);
}

#[test]
fn layer_230_equals_herokutl() {
    telethon("herokutl", "2.2.1", 230);
}
