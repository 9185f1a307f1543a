//! What one layer changed against another.

use std::fmt;

use super::{Edition, History, Section};

/// Full names, constructors before functions, each in the schema's order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Only in the newer layer.
    pub added: Vec<String>,
    /// Only in the older layer.
    pub removed: Vec<String>,
    /// In both, with a different line: the older and the newer one.
    pub changed: Vec<(String, String)>,
}

impl Changes {
    /// From layer `old` to layer `new` of the history.
    #[must_use]
    pub fn between(history: &History, old: i32, new: i32) -> Self {
        let mut changes = Self::default();
        changes.section(&history.types, old, new);
        changes.section(&history.functions, old, new);
        changes
    }

    fn section(&mut self, section: &Section, old: i32, new: i32) {
        for (name, editions) in section {
            let at = |layer| editions.iter().find(|e: &&Edition| e.holds(layer));
            match (at(old), at(new)) {
                (None, Some(_)) => self.added.push(name.clone()),
                (Some(_), None) => self.removed.push(name.clone()),
                (Some(a), Some(b)) if a.text != b.text => {
                    self.changed.push((a.text.clone(), b.text.clone()));
                }
                _ => {}
            }
        }
    }
}

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (added, removed) = (&self.added, &self.removed);
        writeln!(
            f,
            "added {}, removed {}, changed {}",
            added.len(),
            removed.len(),
            self.changed.len()
        )?;
        added.iter().try_for_each(|name| writeln!(f, "+ {name}"))?;
        removed.iter().try_for_each(|name| writeln!(f, "- {name}"))?;
        self.changed.iter().try_for_each(|(old, new)| writeln!(f, "< {old}\n> {new}"))
    }
}
