//! Every command in the documents is executed.
//!
//! What is fenced as `sh` in `README.md`, `docs/*.md` and `docs/clients/*.md` is run by `bash -eu`, one
//! document after the other, each in a clean directory of its own, block by block from the top, with the
//! built `rookery` first in PATH (and as `target/release/rookery`) and no network but a loopback device of its
//! own. Comments above a block, which no reader sees, say what a reader does beside it; nothing else is added
//! or changed:
//!
//! - `<!-- run: in the background, until "TEXT" -->`: goes on while the rest of the document is run; the next
//!   block follows once it has printed TEXT.
//! - `<!-- run: types "Ada", number 1, code 1 -->`: each is a line that is typed: a text, or the number or
//!   the code of the first, second, … invite that commands of this document have printed.
//! - `<!-- run: needs a running node -->`: `rookery run` on `./rookery-data`, where none runs yet.
//! - `<!-- run: needs a stopped node -->`: ends what runs in the background.
//! - `<!-- not run: WHY -->`.
//!
//! Packages that blocks install by `pip` and `npm` come from files that were loaded before, as there is no
//! network; none of them runs a script at its installation.
#![allow(clippy::panic, clippy::unwrap_used, reason = "tests")]

#[cfg(test)]
mod named;
#[cfg(test)]
mod read;
#[cfg(test)]
mod shell;
#[allow(dead_code, reason = "shared with the tests of other targets")]
#[cfg(test)]
#[path = "../support/mod.rs"]
mod support;

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::time::Duration;

    use crate::read::{Marker, documents};
    use crate::shell::{Packages, Shell};
    use crate::support::isolation::{is_inside, isolated};

    const TEST: &str = "tests::every_command_of_the_documents_is_executed";

    #[test]
    fn every_command_of_the_documents_is_executed() {
        let documents = documents();
        assert!(documents.iter().any(|document| document.name == "README.md"));
        let packages = Packages::load(&documents);
        let (mut run, mut not) = (0, 0);
        for block in documents.iter().flat_map(|document| &document.blocks) {
            match block.markers.iter().find_map(Marker::not_run) {
                Some(why) => {
                    not += 1;
                    say(&format!("not run: {block}: {why}"));
                }
                None => run += 1,
            }
        }
        isolated(TEST, Duration::from_secs(600), || {
            for document in &documents {
                let mut shell = Shell::new(&document.name, &packages);
                document.blocks.iter().for_each(|block| shell.run(block));
            }
            assert!(run > 10, "only {run} blocks were run");
        });
        say(&format!("{run} blocks of {} documents were run, {not} were not", documents.len()));
    }

    /// On the process's own standard error, which the test runner does not capture: what was left out is
    /// said whether or not the test passes.
    fn say(line: &str) {
        if !is_inside(TEST) {
            writeln!(std::io::stderr(), "{line}").ok();
        }
    }
}
