//! The merged history: every edition of every definition, with the layers it is valid in.
//!
//! One line an edition, `152-166,170-230 name#id fields = Result;`: constructors first, then
//! `---functions---`, each sorted by name, the newest edition of a name last.

use std::collections::BTreeMap;

use crate::schema::{Definition, ParseError, parse};

mod changes;
pub use changes::Changes;

/// Layers from..=to, ascending, not touching.
pub type Ranges = Vec<(i32, i32)>;

/// One edition of a definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edition {
    /// Where it is valid.
    pub layers: Ranges,
    /// The line without its layers.
    pub text: String,
    /// The line, taken apart.
    pub definition: Definition,
}

impl Edition {
    /// Whether it is valid in `layer`.
    #[must_use]
    pub fn holds(&self, layer: i32) -> bool {
        self.layers.iter().any(|(from, to)| (*from..=*to).contains(&layer))
    }

    /// The newest layer it is valid in.
    #[must_use]
    pub fn last_layer(&self) -> i32 {
        self.layers.last().map_or(0, |range| range.1)
    }
}

/// Editions by name, newest last.
pub type Section = BTreeMap<String, Vec<Edition>>;

/// A merged history.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    /// Layers whose text was seen, ascending.
    pub known: Vec<i32>,
    /// Constructors.
    pub types: Section,
    /// Functions.
    pub functions: Section,
}

/// Explains the printed form to who opens the file.
const HEADER: &str = "\
// One line per edition of a definition: the layers it is valid in, then the definition as
// published. Constructors first, then functions, sorted by name, the newest edition last.
// The layers above were read; one in between has the editions of the next higher one.
// Written by `tl-gen merge` and `tl-gen add-layer`; sources are in SOURCE.md.
";

impl History {
    /// Merges the texts of single layers, given in ascending order. An unknown layer between two
    /// is served by the higher one.
    ///
    /// # Errors
    /// A line that is no definition.
    pub fn merge(layers: &[(i32, &str)]) -> Result<Self, ParseError> {
        let mut history = Self::default();
        for (layer, text) in layers {
            history.append(*layer, text)?;
        }
        Ok(history)
    }

    /// Reads the secret-chat form: `===N===` opens layer N, which only lists what it adds or
    /// changes. An edition is valid until a newer one of its name, the last up to the last layer.
    ///
    /// # Errors
    /// A line that is no definition.
    pub fn read_sections(text: &str) -> Result<Self, ParseError> {
        let mut history = Self::default();
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with("//")) {
            if let Some(layer) = line.strip_prefix("===").and_then(|l| l.strip_suffix("===")) {
                let layer: i32 = layer.parse().map_err(|_| ParseError(line.to_owned()))?;
                history.known.push(layer);
                for edition in history.types.values_mut().filter_map(|e| e.last_mut()) {
                    edition.layers = vec![(edition.layers[0].0, layer)];
                }
                continue;
            }
            let layer = *history.known.last().ok_or_else(|| ParseError(line.to_owned()))?;
            let definition = parse(line)?;
            let editions = history.types.entry(definition.name.clone()).or_default();
            if let Some(older) = editions.last_mut() {
                older.layers = vec![(older.layers[0].0, layer - 1)];
            }
            editions.push(Edition {
                layers: vec![(layer, layer)],
                text: line.to_owned(),
                definition,
            });
        }
        Ok(history)
    }

    /// Adds the text of the newest layer and says what it changed.
    ///
    /// # Errors
    /// A line that is no definition; a layer that is not newer than those known.
    pub fn add_layer(&mut self, layer: i32, text: &str) -> Result<Changes, ParseError> {
        let before = self.known.last().copied();
        if before.is_some_and(|last| last >= layer) {
            return Err(ParseError(format!("layer {layer} is not newer than the history")));
        }
        self.append(layer, text)?;
        Ok(Changes::between(self, before.unwrap_or(0), layer))
    }

    fn append(&mut self, layer: i32, text: &str) -> Result<(), ParseError> {
        let from = self.known.last().map_or(layer, |last| last + 1);
        self.known.push(layer);
        let mut functions = false;
        for line in text.lines() {
            if line == "---functions---" {
                functions = true;
            } else if !line.is_empty() && !line.starts_with("//") {
                let section = if functions { &mut self.functions } else { &mut self.types };
                add_line(section, (from, layer), line)?;
            }
        }
        Ok(())
    }

    /// Reads what [`History::print`] wrote.
    ///
    /// # Errors
    /// A line that is not of that form.
    pub fn read(text: &str) -> Result<Self, ParseError> {
        let mut history = Self::default();
        let mut functions = false;
        for line in text.lines() {
            if let Some(known) = line.strip_prefix("// layers ") {
                history.known = known.split(' ').filter_map(|l| l.parse().ok()).collect();
            } else if line == "---functions---" {
                functions = true;
            } else if !line.is_empty() && !line.starts_with("//") {
                let error = || ParseError(line.to_owned());
                let (layers, text) = line.split_once(' ').ok_or_else(error)?;
                let layers = parse_ranges(layers).ok_or_else(error)?;
                let definition = parse(text)?;
                let section = if functions { &mut history.functions } else { &mut history.types };
                let edition = Edition { layers, text: text.to_owned(), definition };
                section.entry(edition.definition.name.clone()).or_default().push(edition);
            }
        }
        Ok(history)
    }

    /// The text of the file.
    #[must_use]
    pub fn print(&self) -> String {
        let known: Vec<String> = self.known.iter().map(ToString::to_string).collect();
        let mut out = format!("// layers {}\n{HEADER}", known.join(" "));
        print_section(&mut out, &self.types);
        out.push_str("---functions---\n");
        print_section(&mut out, &self.functions);
        out
    }

    /// The text of one layer, as it was given to [`History::merge`].
    #[must_use]
    pub fn layer(&self, layer: i32) -> String {
        let mut out = format!("// layer {layer}\n");
        for edition in self.types.values().flatten().filter(|e| e.holds(layer)) {
            out.push_str(&format!("{}\n", edition.text));
        }
        out.push_str("---functions---\n");
        for edition in self.functions.values().flatten().filter(|e| e.holds(layer)) {
            out.push_str(&format!("{}\n", edition.text));
        }
        out
    }
}

fn add_line(section: &mut Section, (from, to): (i32, i32), line: &str) -> Result<(), ParseError> {
    let definition = parse(line)?;
    let editions = section.entry(definition.name.clone()).or_default();
    // An edition can come back after a layer without it: then it is the newest again.
    let edition = match editions.iter().position(|e| e.text == line) {
        Some(at) => {
            let mut same = editions.remove(at);
            match same.layers.last_mut() {
                Some((_, end)) if *end + 1 == from => *end = to,
                _ => same.layers.push((from, to)),
            }
            same
        }
        None => Edition { layers: vec![(from, to)], text: line.to_owned(), definition },
    };
    editions.push(edition);
    Ok(())
}

fn print_section(out: &mut String, section: &Section) {
    for edition in section.values().flatten() {
        let ranges: Vec<String> =
            edition.layers.iter().map(|(from, to)| format!("{from}-{to}")).collect();
        out.push_str(&format!("{} {}\n", ranges.join(","), edition.text));
    }
}

fn parse_ranges(text: &str) -> Option<Ranges> {
    let range = |r: &str| {
        let (from, to) = r.split_once('-')?;
        Some((from.parse().ok()?, to.parse().ok()?))
    };
    text.split(',').map(range).collect()
}

#[cfg(test)]
mod tests;
