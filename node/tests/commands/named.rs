//! Commands that documents name in a sentence or a table are there, with the options that they are named
//! with.

use std::collections::HashMap;
use std::process::Command;
use std::time::Duration;

use crate::read::documents;
use crate::support::node::binary;
use crate::support::process::run;

/// Begins like a command and is none: what is hashed with a key between nodes (FEDERATION.md).
const NO_COMMAND: &str = "rookery sealed box 1";

/// What `rookery WORDS --help` says; none: there is no such command.
fn help(words: &[&str]) -> Option<String> {
    let done = run(Command::new(binary()).args(words).arg("--help"), Duration::from_secs(60));
    done.status.success().then_some(done.stdout)
}

/// The longest beginning of a command that is one, and its help.
fn longest(words: &[&str], known: &mut HashMap<String, Option<String>>) -> (usize, String) {
    let mut found = (0, String::new());
    for length in 0..=words.len().min(3) {
        let name = words[..length].join(" ");
        let said = known.entry(name).or_insert_with(|| help(&words[..length]));
        match said {
            // clap shows the help of `a` for `a VALUE --help`: another text is another command.
            Some(said) if length == 0 || *said != found.1 => found = (length, said.clone()),
            _ => break,
        }
    }
    found
}

/// What is wrong with `rookery WORDS`.
fn judge(line: &str, known: &mut HashMap<String, Option<String>>) -> Option<String> {
    let words: Vec<&str> = line.split_whitespace().skip(1).collect();
    let plain: Vec<&str> = words
        .iter()
        .copied()
        .take_while(|word| {
            word.chars().all(|c| c.is_ascii_lowercase() || c == '-') && !word.starts_with('-')
        })
        .collect();
    let (length, help) = longest(&plain, known);
    // Where there are commands below, the next word is one.
    if plain.len() > length && help.contains("\nCommands:") {
        return Some(format!("`{line}`: there is no such command"));
    }
    let options = words.iter().filter(|word| word.starts_with("--"));
    let missing = options
        .map(|word| word.trim_end_matches(|c: char| !c.is_ascii_lowercase()))
        .map(|word| word.split('=').next().unwrap_or(word))
        .find(|option| !help.contains(option));
    missing.map(|option| format!("`{line}`: {option} is no option of it"))
}

#[test]
fn every_command_that_the_documents_name_is_there() {
    let mut known = HashMap::new();
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for document in documents() {
        let spans = document.text.split('`').skip(1).step_by(2);
        for span in spans.filter(|span| {
            span.starts_with("rookery ") && *span != NO_COMMAND && !span.contains('\n')
        }) {
            seen += 1;
            wrong.extend(judge(span, &mut known).map(|what| format!("{}: {what}", document.name)));
        }
    }
    assert!(seen > 50, "only {seen} commands were found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_command_that_is_not_there_is_noticed() {
    let mut known = HashMap::new();
    for right in
        ["rookery doctor", "rookery peer add DOMAIN", "rookery export --to FILE", "rookery --help"]
    {
        assert_eq!(judge(right, &mut known), None);
    }
    for wrong in ["rookery heal", "rookery export --from FILE", "rookery peer invite"] {
        assert!(judge(wrong, &mut known).is_some(), "{wrong}");
    }
}
