//! Pages in Debian's Chromium: what a person sees of them, and what is wrong with them.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use super::{install, process, tests_directory};

/// A page takes a second per look on a quiet machine.
const WITHIN: Duration = Duration::from_secs(120);

/// The packages that drive the browser: to be installed before a test closes its way out.
pub(crate) fn packages() -> PathBuf {
    assert!(
        Path::new("/usr/bin/chromium").exists(),
        "pages are looked at in Chromium: apt-get install -y --no-install-recommends chromium"
    );
    install::npm("browser", "browser")
}

/// Opens pages, each on a small telephone and on a wide screen, light and dark, and says what it saw:
/// `[{url, name, width, scheme, status, problems: [..], text}, ..]`. A problem is an error on the console
/// (a breach of the CSP is one), what axe finds, a script, a request to another host, a picture that is not
/// shown, a page that scrolls sideways, a status other than the wanted one.
///
/// A page is its address, or `{url, status, name, cookies: [{name, value}], steps: [..], whole, scripts}`:
/// the status wanted (200), how pictures of it are called, and what is done before it is looked at, step by
/// step: `{"type": [selector, text]}`, `{"click": selector}` for something in the page, `{"submit": selector}`
/// for what leads to another page. `whole` takes pictures of all of it and not of one screen; `scripts`
/// allows scripts.
///
/// Pictures go to `pictures` as `NAME-WIDTH-SCHEME.png`.
pub(crate) fn look(pages: &[Value], pictures: Option<&Path>) -> Vec<Value> {
    if let Some(directory) = pictures {
        std::fs::create_dir_all(directory).expect("a directory");
    }
    let orders = json!({ "pages": pages, "pictures": pictures });
    let looked = drive("look.cjs", &orders);
    looked.as_array().expect("what it saw").clone()
}

/// Asserts that nothing is wrong with any page, and answers the text of each, as often as it was looked at.
pub(crate) fn looks_well(pages: &[Value], pictures: Option<&Path>) -> Vec<String> {
    let looks = look(pages, pictures);
    assert_eq!(looks.len(), 4 * pages.len());
    for seen in &looks {
        assert_eq!(seen["problems"], json!([]), "{seen:#}");
    }
    looks.iter().map(|seen| seen["text"].as_str().expect("text").to_owned()).collect()
}

/// Runs a program of `clients/browser` with orders on its standard input; answers what it prints.
pub(crate) fn drive(program: &str, orders: &Value) -> Value {
    let directory = packages();
    let mut input = tempfile::tempfile().expect("a temporary file");
    std::io::Write::write_all(&mut input, orders.to_string().as_bytes()).expect("write");
    std::io::Seek::rewind(&mut input).expect("rewind");
    let finished = process::run_with_input(
        Command::new("node")
            .arg(tests_directory().join("clients/browser").join(program))
            .current_dir(directory),
        input,
        WITHIN,
    );
    assert!(finished.status.success(), "{}\n{}", finished.stdout, finished.stderr);
    serde_json::from_str(&finished.stdout).expect("one document")
}
