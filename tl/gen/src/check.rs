//! Checks schema texts: the id of every definition, and the shape of the file.

use std::collections::{BTreeMap, BTreeSet};

use crate::crc::{self, Rule};
use crate::history::History;
use crate::schema::{Definition, ParseError, Type, parse};

/// What a check saw.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Definitions, counted once in every layer that has them.
    pub definitions: usize,
    /// Definitions among them that are in [`crc::EXCEPTIONS`].
    pub exceptions: usize,
    /// What is wrong, a sentence each.
    pub problems: BTreeSet<String>,
}

/// Checks a text of any of the forms: a merged history, one layer, the service schema, the
/// secret-chat schema with its `===N===` sections.
///
/// # Errors
/// A history with a line that is no definition; in the other forms that is a problem of the
/// report.
pub fn check(text: &str) -> Result<Report, ParseError> {
    let mut report = Report::default();
    if text.starts_with("// layers ") {
        let history = History::read(text)?;
        if history.print() != text {
            report.problem("the history is not in its printed form (order, ranges or comments)");
        }
        for layer in &history.known {
            report.text(&history.layer(*layer));
        }
    } else {
        report.text(text);
    }
    Ok(report)
}

/// What one text has shown so far.
#[derive(Default)]
struct Seen<'a> {
    /// Names of the section at hand; the last one is for the order.
    names: BTreeSet<&'a str>,
    last: &'a str,
    constructors: BTreeSet<&'a str>,
    results: BTreeSet<String>,
    /// Type names with a definition that uses them.
    used: BTreeMap<String, &'a str>,
    layers: Vec<i32>,
    functions: bool,
}

impl Report {
    fn problem(&mut self, text: impl Into<String>) {
        self.problems.insert(text.into());
    }

    fn text(&mut self, text: &str) {
        let mut seen = Seen::default();
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with("//")) {
            if line == "---functions---" && !seen.functions {
                seen.functions = true;
                seen.names.clear();
                seen.last = "";
            } else if let Some(layer) = line.strip_prefix("===").and_then(|l| l.strip_suffix("==="))
            {
                let layer = layer.parse().unwrap_or(0);
                if seen.layers.last().is_some_and(|last| *last >= layer) {
                    self.problem(format!("section {layer} is out of order"));
                }
                seen.layers.push(layer);
                seen.names.clear();
                seen.last = "";
            } else {
                self.line(line, &mut seen);
            }
        }
        for (name, by) in &seen.used {
            if !seen.results.contains(name) && !seen.constructors.contains(name.as_str()) {
                self.problem(format!("{by} uses {name}, which has no constructor"));
            }
        }
    }

    fn line<'a>(&mut self, line: &'a str, seen: &mut Seen<'a>) {
        let Ok(definition) = parse(line) else {
            self.problem(format!("not a definition: {line}"));
            return;
        };
        self.definitions += 1;
        self.id(line, &definition);
        let name = line.split('#').next().unwrap_or(line);
        if name < seen.last {
            self.problem(format!("{name} is out of order"));
        }
        seen.last = name;
        if !seen.names.insert(name) {
            self.problem(format!("{name} is there twice"));
        }
        if !seen.functions {
            seen.constructors.insert(name);
            seen.results.insert(definition.result.clone());
        }
        self.fields(&definition);
        for param in &definition.params {
            if let Some(used) = named(&param.ty) {
                seen.used.entry(used.to_owned()).or_insert(name);
            }
        }
    }

    fn id(&mut self, line: &str, definition: &Definition) {
        let Definition { name, id, .. } = definition;
        let rule = crc::rule(name, *id);
        if rule != Rule::Plain {
            self.exceptions += 1;
            if crc::id(line, Rule::Plain) == Some(*id) {
                self.problem(format!("{name} matches, but is listed as an exception"));
            }
        }
        if let Some(want) = crc::id(line, rule).filter(|want| want != id) {
            self.problem(format!(
                "the id of {name} is {id:08x}, but its CRC32 is {want:08x}: {line}"
            ));
        }
    }

    fn fields(&mut self, definition: &Definition) {
        let mut words = BTreeSet::new();
        for param in &definition.params {
            if param.ty == Type::Flags {
                words.insert(&param.name);
            }
            let Some((word, bit)) = &param.flag else { continue };
            if !words.contains(word) {
                self.problem(format!("{} uses {word} before it is declared", definition.name));
            }
            if *bit > 31 {
                self.problem(format!("{} has bit {bit} of {word}", definition.name));
            }
        }
    }
}

/// The type or constructor that a field names, through vectors.
fn named(ty: &Type) -> Option<&str> {
    match ty {
        Type::Vector(inner) | Type::BareVector(inner) => named(inner),
        Type::Boxed(name) | Type::Bare(name) => Some(name),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<String> {
        check(text).map(|r| r.problems.into_iter().collect()).unwrap_or_default()
    }

    const POINT: &str = "point#7d404a13 x:int = Point;\n";

    #[test]
    fn names_what_is_wrong() {
        let id = crc::id(POINT.trim(), Rule::Plain).unwrap_or_default();
        let point = format!("point#{id:08x} x:int = Point;\n");
        assert_eq!(problems(&point), Vec::<String>::new());
        assert!(problems("point#00000001 x:int = Point;\n")[0].contains("CRC32"));
        assert!(problems(&format!("{point}{point}"))[0].contains("twice"));
        assert!(problems("what\n")[0].contains("not a definition"));
        let line = "line to:flags.3?int flags:# end:Nowhere = Line;";
        let id = crc::id(line, Rule::Plain).unwrap_or_default();
        let found = problems(&line.replacen("line", &format!("line#{id:08x}"), 1));
        assert!(found.iter().any(|p| p.contains("before it is declared")), "{found:?}");
        assert!(found.iter().any(|p| p.contains("no constructor")), "{found:?}");
    }

    #[test]
    fn a_history_must_be_in_its_printed_form() -> Result<(), ParseError> {
        let printed = History::merge(&[(1, "boolTrue#997275b5 = Bool;\n")])?.print();
        assert!(check(&printed)?.problems.is_empty());
        let spaced = format!("{printed}\n");
        assert!(!check(&spaced)?.problems.is_empty());
        Ok(())
    }
}
