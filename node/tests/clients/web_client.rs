//! `[http] web_client`: a published client library, built into a page, logs in from `/web/`.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::json;

use crate::support::node::{Setup, TestNode, binary};
use crate::support::process::run;
use crate::support::skip::skipped;
use crate::support::{browser, install, tests_directory};

const WITHIN: Duration = Duration::from_secs(60);

/// Builds `clients/mtcute/page` for a node into a directory, as an operator builds a client.
fn build(key: &str, to: &Path) {
    let packages = install::npm("mtcute-page-0.27.8", "mtcute/page");
    let modules = packages.join("node_modules");
    let built = run(
        Command::new(modules.join(".bin/esbuild"))
            .arg(tests_directory().join("clients/mtcute/page/main.mjs"))
            .args(["--bundle", "--format=esm", "--minify", "--log-level=warning"])
            .arg(format!("--outfile={}", to.join("main.js").display()))
            .arg(format!("--define:NODE_KEY={}", json!(key)))
            .env("NODE_PATH", &modules),
        WITHIN,
    );
    assert!(built.status.success(), "{built:?}");
    for file in ["mtcute.wasm", "mtcute-simd.wasm"] {
        let from = modules.join("@mtcute/wasm").join(file);
        fs::copy(from, to.join(file)).expect("copy what the library loads");
    }
}

#[test]
fn mtcute_logs_in_from_the_nodes_own_web_client() {
    if skipped(&["mtcute", "mtcute-web", "chromium"]) {
        return;
    }
    let directory = tempfile::tempdir().expect("a temporary directory");
    let index = tests_directory().join("clients/mtcute/page/index.html");
    fs::copy(index, directory.path().join("index.html")).expect("copy the page");
    let config = format!("[http]\nweb_client = {:?}\n", directory.path());
    let node = TestNode::start_with(Setup { config, ..Setup::default() });
    build(&fs::read_to_string(node.pem()).expect("the node's key"), directory.path());
    let (number, code) = node.invite();
    let home = format!("http://{}/", node.http);
    let orders = json!({ "home": home, "number": number, "code": code, "name": "Ada" });
    let seen = browser::drive("web_client.cjs", &orders);
    assert_eq!(
        seen,
        json!({
            "url": format!("{home}web/"),
            "first": "Logged in as Ada",
            "again": "Logged in as Ada",
            "problems": [],
        }),
        "{}",
        node.log()
    );
}

#[test]
fn a_web_client_without_an_index_stops_the_start_with_one_line() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let config = directory.path().join("rookery.toml");
    let client = directory.path().join("client");
    fs::create_dir(&client).expect("make a directory");
    fs::write(&config, format!("[http]\nweb_client = {client:?}\n"))
        .expect("write the configuration");
    let data = directory.path().join("data");
    let mut command = Command::new(binary());
    command.arg("run").arg("--config").arg(&config).arg("--data").arg(&data);
    let started = run(&mut command, WITHIN);
    assert!(!started.status.success());
    let lines: Vec<&str> = started.stderr.lines().collect();
    assert_eq!(lines.len(), 1, "{}", started.stderr);
    assert!(
        lines[0].contains("http.web_client") && lines[0].ends_with("there is no index.html in it"),
        "{}",
        lines[0]
    );
    assert!(!data.exists(), "nothing was begun");
}
