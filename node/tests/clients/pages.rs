//! The first page and the pages of invites: what they say is true, and everybody can read them.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::json;

use crate::report::SECRET;
use crate::support::node::{Setup, TestNode, binary};
use crate::support::process::{run, run_with_input};
use crate::support::skip::skipped;
use crate::support::{browser, install, tests_directory};

const WITHIN: Duration = Duration::from_secs(60);

/// Configuration of a node that says who runs it.
fn named(more: &str) -> Setup {
    let config = format!(
        "[node]\nname = \"Harbour\"\noperator = \"The Harbour Association, Pier 4.\\nAda keeps the machine running.\"\n\
         contact = \"ada@harbour.example\"\nrules = [\"Be kind.\", \"What is said in private stays private.\"]\n\
         {more}[mtproto]\nsecrets = [\"{SECRET}\"]\n"
    );
    Setup { config, ..Setup::default() }
}

/// A program of the system, by the Debian package that has it.
fn require(program: &str, package: &str) {
    assert!(
        Path::new(program).exists(),
        "this test needs {program}: apt-get install -y --no-install-recommends {package}"
    );
}

/// What a browser without scripts gets: status and body.
fn get(address: &str) -> (String, String) {
    require("/usr/bin/curl", "curl");
    let asked = run(Command::new("curl").args(["-sS", "-w", "\n%{http_code}", address]), WITHIN);
    assert!(asked.status.success(), "{asked:?}");
    let (body, status) = asked.stdout.rsplit_once('\n').expect("a status");
    (status.to_owned(), body.to_owned())
}

/// The address of a new invite's page.
fn invite(node: &TestNode) -> String {
    let invite = node.command(&["invite", "--json"]);
    invite["page"].as_str().expect("an address").to_owned()
}

/// The text of the element with this id.
fn text_of(page: &str, id: &str) -> String {
    let (_, rest) = page.split_once(&format!("id=\"{id}\">")).expect("the element");
    let (inside, _) = rest.split_once("</dd>").expect("its end");
    inside.replace("<span>", "").replace("</span>", "")
}

#[test]
fn whoever_has_an_invites_page_joins_with_telethon_and_then_it_is_over() {
    if skipped(&["telethon", "1.45.0"]) {
        return;
    }
    let node = TestNode::start_with(named(""));
    let address = invite(&node);
    let base = format!("http://{}", node.http);
    assert!(address.starts_with(&format!("{base}/join/")), "{address}");
    // A messenger that fetches the page for a preview uses nothing up.
    let (status, page) = get(&address);
    assert_eq!(status, "200");
    assert_eq!(get(&address).1, page);
    let (number, code) = (text_of(&page, "number"), text_of(&page, "code"));
    assert!(page.contains(&format!("secret={SECRET}")), "a client that trusts the node finds it");

    // With nothing but what the page offers.
    assert!(page.contains("href=\"/programs/telethon.py\""), "{page}");
    let directory = tempfile::tempdir().expect("a temporary directory");
    let (_, program) = get(&format!("{base}/programs/telethon.py"));
    fs::write(directory.path().join("telethon_program.py"), program).expect("write the program");
    let typed = directory.path().join("typed");
    fs::write(&typed, format!("{number}\n{code}\nBea\n")).expect("write what is typed");
    let python = install::python("telethon-1.45.0", "telethon/requirements-1.45.0.txt");
    let mut command = Command::new(python);
    command.arg("telethon_program.py").current_dir(directory.path());
    let ran = run_with_input(&mut command, File::open(typed).expect("just written"), WITHIN);
    assert!(ran.stdout.contains("Logged in as Bea"), "{ran:?}\n{}", node.log());

    let (status, over) = get(&address);
    assert_eq!(status, "404");
    assert!(over.contains("This invitation is over") && !over.contains(&code), "{over}");
    let never = get(&format!("{base}/join/{}", "A".repeat(36)));
    assert_eq!(never, (status, over), "used, and never made: nothing tells them apart");
}

#[test]
fn an_owner_is_shown_the_page_at_the_first_start_and_by_command() {
    let config = "[http]\npublic_url = \"https://harbour.example/\"\n".to_owned();
    let node = TestNode::start_with(Setup { config, ..Setup::default() });
    let told =
        run(Command::new(binary()).args(["invite", "--qr", "--data"]).arg(node.data()), WITHIN);
    let page = told.stdout.lines().find_map(|line| line.strip_prefix("Page     "));
    let page = page.expect("an address");
    assert!(page.starts_with("https://harbour.example/join/"), "{page}");
    let (_, token) = page.rsplit_once('/').expect("a path");
    let (status, _) = get(&format!("http://{}/join/{token}", node.http));
    assert_eq!(status, "200");
    assert!(told.stdout.contains("\n█████"), "{}", told.stdout);
    assert_eq!(read_codes(&[&drawn(&told.stdout)]), [page]);
    let plain = run(Command::new(binary()).args(["invite", "--data"]).arg(node.data()), WITHIN);
    assert!(!plain.stdout.contains('█') && plain.stdout.contains("Page     "), "{plain:?}");
}

/// A code in characters, as a terminal draws it: a picture of one grey byte a pixel (PGM).
fn drawn(printed: &str) -> tempfile::TempPath {
    const SIDE: usize = 8;
    let lines: Vec<Vec<char>> = printed
        .lines()
        .filter(|line| line.starts_with('█') || line.starts_with('▀'))
        .map(|line| line.chars().collect())
        .collect();
    let (columns, rows) = (lines[0].len(), 2 * lines.len());
    let mut picture = format!("P5 {} {} 255\n", columns * SIDE, rows * SIDE).into_bytes();
    for row in 0..rows * SIDE {
        for column in 0..columns * SIDE {
            let drawn = lines[row / SIDE / 2][column / SIDE];
            let is_light = match (drawn, row / SIDE % 2) {
                ('█', _) | ('▀', 0) | ('▄', 1) => 255,
                _ => 0,
            };
            picture.push(is_light);
        }
    }
    let file = tempfile::Builder::new().suffix(".pgm").tempfile().expect("a temporary file");
    let path = file.into_temp_path();
    fs::write(&path, picture).expect("write the picture");
    path
}

/// What telephones read in pictures, one after the other; the pictures are ImageMagick's to open.
fn read_codes(pictures: &[&Path]) -> Vec<String> {
    require("/usr/bin/convert", "imagemagick");
    let python = install::python("zxing-cpp-2.3.0", "zxing/requirements-2.3.0.txt");
    let script = tests_directory().join("clients/zxing/read.py");
    let read = run(Command::new(python).arg(script).args(pictures), WITHIN);
    assert!(read.status.success(), "{read:?}");
    read.stdout.lines().map(str::to_owned).collect()
}

/// `ROOKERY_TEST_PICTURES=DIR` keeps pictures.
#[test]
fn the_first_page_and_invites_are_for_everybody() {
    if skipped(&["chromium"]) {
        return;
    }
    let client = tests_directory().join("clients/mtcute/page");
    let node = TestNode::start_with(named(&format!(
        "public_addresses = [\"203.0.113.7:443\"]\n[http]\npublic_url = \"https://harbour.example\"\n\
         web_client = {client:?}\n"
    )));
    let base = format!("http://{}", node.http);
    let fresh = invite(&node);
    let here = fresh.replace("https://harbour.example", &base);
    let kept = env::var_os("ROOKERY_TEST_PICTURES").map(PathBuf::from);
    let directory = tempfile::tempdir().expect("a temporary directory");
    let pictures = kept.as_deref().unwrap_or(directory.path());
    let texts = browser::looks_well(
        &[
            json!({ "url": base, "name": "first-page", "whole": true }),
            json!({ "url": base, "name": "first-page-open", "whole": true, "steps": [{ "click": "summary" }] }),
            json!({ "url": here, "name": "invite-page", "whole": true }),
            json!({ "url": format!("{base}/join/used"), "name": "invite-over", "status": 404 }),
            json!({ "url": format!("{base}/about"), "name": "about" }),
        ],
        Some(pictures),
    );
    assert!(texts[0].contains("Ada keeps the machine running.") && texts[0].contains("Be kind."));
    assert!(texts[8].contains("You are invited to Harbour") && texts[8].contains("+888"));
    assert!(texts[12].contains("This invitation is over"), "{}", texts[12]);
    // The code on the page leads to the page, on each screen.
    let screens = ["360-light", "360-dark", "1280-dark", "1280-light"];
    let files = screens.map(|screen| pictures.join(format!("invite-page-{screen}.png")));
    let files: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
    assert_eq!(read_codes(&files), [&*fresh; 4]);
}
