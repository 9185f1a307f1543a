//! The merged history: every edition of every definition, with the layers it is valid in.
//!
//! One line an edition: `152-166,170-230 name#id fields = Result;`, constructors first, then
//! `---functions---`, each sorted by name and then by first layer.

use std::collections::BTreeMap;

use crate::schema::{Definition, ParseError, parse};

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

/// Editions by name, oldest first.
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

impl History {
    /// Merges the texts of single layers, given in ascending order. An unknown layer between two
    /// is served by the higher one.
    ///
    /// # Errors
    /// A line that is no definition.
    pub fn merge(layers: &[(i32, &str)]) -> Result<Self, ParseError> {
        let mut history = Self::default();
        for (layer, text) in layers {
            let from = history.known.last().map_or(*layer, |last| last + 1);
            history.add(from, *layer, text)?;
        }
        Ok(history)
    }

    fn add(&mut self, from: i32, to: i32, text: &str) -> Result<(), ParseError> {
        self.known.push(to);
        let mut functions = false;
        for line in text.lines() {
            match line {
                "" => {}
                "---functions---" => functions = true,
                line if line.starts_with("//") => {}
                line => {
                    let section = if functions { &mut self.functions } else { &mut self.types };
                    add_line(section, from, to, line)?;
                }
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
                section.entry(definition.name.clone()).or_default().push(Edition {
                    layers,
                    text: text.to_owned(),
                    definition,
                });
            }
        }
        Ok(history)
    }

    /// The text of the file.
    #[must_use]
    pub fn print(&self) -> String {
        let known: Vec<String> = self.known.iter().map(ToString::to_string).collect();
        let mut out = format!("// layers {}\n", known.join(" "));
        print_section(&mut out, &self.types);
        out.push_str("---functions---\n");
        print_section(&mut out, &self.functions);
        out
    }
}

fn add_line(section: &mut Section, from: i32, to: i32, line: &str) -> Result<(), ParseError> {
    let definition = parse(line)?;
    let editions = section.entry(definition.name.clone()).or_default();
    if let Some(same) = editions.iter_mut().find(|e| e.text == line) {
        match same.layers.last_mut() {
            Some((_, end)) if *end + 1 == from => *end = to,
            _ => same.layers.push((from, to)),
        }
    } else {
        editions.push(Edition { layers: vec![(from, to)], text: line.to_owned(), definition });
    }
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
