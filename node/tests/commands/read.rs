//! Blocks of commands in the documents, and what stands above them.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::tests_directory;

/// A document with commands.
#[derive(Debug)]
pub(crate) struct Document {
    /// From the root of the source tree on.
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) blocks: Vec<Block>,
}

/// Commands that are run together.
#[derive(Debug)]
pub(crate) struct Block {
    document: String,
    /// Where it begins.
    line: usize,
    pub(crate) commands: String,
    pub(crate) markers: Vec<Marker>,
}

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.document, self.line)
    }
}

/// What a reader does beside a block.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Marker {
    NotRun(String),
    Background { until: String },
    Types(Vec<Typed>),
    NeedsNode,
    NeedsNone,
}

impl Marker {
    pub(crate) fn not_run(&self) -> Option<&str> {
        match self {
            Self::NotRun(why) => Some(why),
            _ => None,
        }
    }
}

/// A line that is typed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Typed {
    Text(String),
    /// Of the invite that was printed at this place, from 1.
    Number(usize),
    Code(usize),
}

/// `README.md` and what lies under `docs/`.
pub(crate) fn documents() -> Vec<Document> {
    let root = tests_directory().join("../..").canonicalize().unwrap();
    let mut files = vec![root.join("README.md")];
    for folder in ["docs", "docs/clients"] {
        let entries = fs::read_dir(root.join(folder)).into_iter().flatten();
        let paths = entries.map(|entry| entry.unwrap().path());
        let mut found: Vec<PathBuf> =
            paths.filter(|path| path.extension().is_some_and(|kind| kind == "md")).collect();
        found.sort();
        files.extend(found);
    }
    files.iter().map(|file| read(&root, file)).collect()
}

fn read(root: &Path, file: &Path) -> Document {
    let name = file.strip_prefix(root).unwrap().display().to_string();
    let text = fs::read_to_string(file).unwrap();
    let blocks = blocks(&name, &text).unwrap_or_else(|wrong| panic!("{wrong}"));
    Document { name, text, blocks }
}

/// The blocks of a text; an error for a marker that is none, and for commands in a block that is not said to
/// have any.
fn blocks(name: &str, text: &str) -> Result<Vec<Block>, String> {
    let (mut blocks, mut markers) = (Vec::new(), Vec::new());
    let mut open: Option<(usize, String, String)> = None;
    for (at, line) in text.lines().enumerate() {
        let place = || format!("{name}:{}", at + 1);
        if let Some((begin, kind, mut commands)) = open.take() {
            if line.trim() != "```" {
                commands += line;
                commands.push('\n');
                open = Some((begin, kind, commands));
                continue;
            }
            let markers = std::mem::take(&mut markers);
            if kind == "sh" {
                let (document, line) = (name.to_owned(), begin);
                blocks.push(Block { document, line, commands, markers });
            } else if !markers.is_empty() || (kind.is_empty() && has_commands(&commands)) {
                return Err(format!("{name}:{begin} has commands and is not fenced as sh"));
            }
        } else if let Some(kind) = line.trim().strip_prefix("```") {
            open = Some((at + 1, kind.to_owned(), String::new()));
        } else if let Some(said) = line.trim().strip_prefix("<!--") {
            let said = said.strip_suffix("-->").ok_or_else(|| format!("{}: no end", place()))?;
            markers.push(marker(said.trim()).ok_or_else(|| format!("{}: {said}", place()))?);
        } else if !line.trim().is_empty() && !markers.is_empty() {
            return Err(format!("{}: no block follows the comment above", place()));
        }
    }
    Ok(blocks)
}

fn has_commands(text: &str) -> bool {
    let first = |line: &str| line.trim_start_matches("$ ").split(' ').next().map(str::to_owned);
    let programs =
        ["rookery", "cargo", "docker", "python3", "pip", "npm", "sudo", "systemctl", "curl"];
    text.lines().filter_map(first).any(|word| programs.contains(&word.as_str()))
}

fn marker(said: &str) -> Option<Marker> {
    let quoted = |text: &str| Some(text.strip_prefix('"')?.strip_suffix('"')?.to_owned());
    let (kind, rest) = said.split_once(": ")?;
    Some(match (kind, rest) {
        ("not run", why) if !why.is_empty() => Marker::NotRun(why.to_owned()),
        ("run", "needs a running node") => Marker::NeedsNode,
        ("run", "needs a stopped node") => Marker::NeedsNone,
        ("run", rest) => {
            if let Some(until) = rest.strip_prefix("in the background, until ") {
                Marker::Background { until: quoted(until)? }
            } else {
                let all = rest.strip_prefix("types ")?.split(", ");
                let typed = all.map(|typed| match typed.split_once(' ') {
                    Some(("number", at)) => Some(Typed::Number(at.parse().ok()?)),
                    Some(("code", at)) => Some(Typed::Code(at.parse().ok()?)),
                    _ => Some(Typed::Text(quoted(typed)?)),
                });
                Marker::Types(typed.collect::<Option<_>>()?)
            }
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_and_what_stands_above_them_are_read() {
        let text = "# A\n\n<!-- run: needs a running node -->\n<!-- run: types \"Ada\", code 2 -->\n\n```sh\nrookery x\n```\n\n```toml\na = 1\n```\n\n<!-- not run: it takes long -->\n```sh\nmake\n```\n";
        let found = blocks("a.md", text).unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!(
            (found[0].to_string(), found[0].commands.as_str()),
            ("a.md:6".into(), "rookery x\n")
        );
        let typed = Marker::Types(vec![Typed::Text("Ada".into()), Typed::Code(2)]);
        assert_eq!(found[0].markers, [Marker::NeedsNode, typed]);
        assert_eq!(found[1].markers[0].not_run(), Some("it takes long"));
    }

    #[test]
    fn what_would_be_left_out_silently_is_an_error() {
        for wrong in [
            "```\nrookery doctor\n```\n",
            "<!-- not run: -->\n```sh\nmake\n```\n",
            "<!-- run: now and then -->\n```sh\nmake\n```\n",
            "<!-- run: needs a running node -->\nText.\n\n```sh\nmake\n```\n",
            "<!-- not run: why -->\n```toml\na = 1\n```\n",
        ] {
            assert!(blocks("a.md", wrong).is_err(), "{wrong}");
        }
    }
}
