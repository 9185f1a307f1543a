//! Which hosts are not served, as Mastodon's administrators exchange it.
//!
//! Source: <https://docs.joinmastodon.org/admin/moderation/#server-wide-moderation> and the CSV that
//! its export writes.

use std::collections::{BTreeMap, BTreeSet};

use url::Host;

/// Bytes of a list that is imported.
const CSV_BYTES_MAX: usize = 8 << 20;
/// Rules that are kept.
const RULES_MAX: usize = 100_000;
/// Bytes of a comment.
const COMMENT_BYTES_MAX: usize = 2048;
/// What an export begins with.
const HEADER: &str = "#domain,#severity,#reject_media,#reject_reports,#public_comment,#obfuscate";

/// What is done with a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum BlockSeverity {
    /// Nothing: Mastodon's `noop`.
    #[default]
    None,
    /// Followers and answers only where somebody has asked for them: `silence`.
    Limit,
    /// Neither in nor out: `suspend`.
    Suspend,
}

impl BlockSeverity {
    fn name(self) -> &'static str {
        match self {
            Self::None => "noop",
            Self::Limit => "silence",
            Self::Suspend => "suspend",
        }
    }
}

/// One rule, for a domain and all below it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Block {
    /// How severe it is.
    pub severity: BlockSeverity,
    /// Whether nothing is fetched of its pictures and films.
    pub reject_media: bool,
    /// Whether its reports are dropped.
    pub reject_reports: bool,
    /// Whether the name is told to nobody. Kept for the export.
    pub obfuscate: bool,
    /// Why.
    pub public_comment: String,
}

/// All rules. The longest name that fits a host is the one that counts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Blocks {
    rules: BTreeMap<String, Block>,
    /// If set, every other host is suspended.
    allowed: Option<BTreeSet<String>>,
}

/// A list was not imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CsvError {
    /// Larger than any list is.
    #[error("too long")]
    TooLong,
    /// A quotation mark that is not closed, or a header without domains.
    #[error("line {0} is not CSV of domain blocks")]
    Format(usize),
}

/// What became of a list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Imported {
    /// Rules that are new or changed.
    pub taken: usize,
    /// Names that are none: obfuscated ones (`ex*mple.org`), addresses, mistakes.
    pub skipped: Vec<String>,
}

/// A host's name in one form: small letters, punycode, no dot at the end. `None` for what is no name,
/// such as an address.
#[must_use]
pub fn normalise(host: &str) -> Option<String> {
    let host = host.trim();
    let host = host.strip_suffix('.').unwrap_or(host);
    if host.is_empty() || host.len() > 1024 {
        return None;
    }
    let Host::Domain(name) = Host::parse(host).ok()? else { return None };
    // The parser lets more pass than a name can have, such as the star of an obfuscated one.
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let good =
        name.len() <= 253 && name.bytes().all(plain) && name.split('.').all(|l| !l.is_empty());
    good.then_some(name)
}

impl Blocks {
    /// Sets a rule for a domain, of which `*.` before it says nothing more. `false` if it is no name,
    /// or there are too many.
    pub fn set(&mut self, domain: &str, mut block: Block) -> bool {
        let domain = domain.trim();
        let Some(name) = normalise(domain.strip_prefix("*.").unwrap_or(domain)) else {
            return false;
        };
        if self.rules.len() >= RULES_MAX && !self.rules.contains_key(&name) {
            return false;
        }
        let end = block.public_comment.floor_char_boundary(COMMENT_BYTES_MAX);
        block.public_comment.truncate(end);
        self.rules.insert(name, block);
        true
    }

    /// Takes a rule away.
    pub fn remove(&mut self, domain: &str) -> Option<Block> {
        self.rules.remove(&normalise(domain)?)
    }

    /// All rules, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Block)> {
        self.rules.iter().map(|(name, block)| (name.as_str(), block))
    }

    /// Serves only these domains and those below them, or all again.
    pub fn allow_only<'a>(&mut self, domains: Option<impl IntoIterator<Item = &'a str>>) {
        self.allowed = domains.map(|domains| domains.into_iter().filter_map(normalise).collect());
    }

    /// The rule for a host, if there is one. Of what is no name, everything is refused.
    #[must_use]
    pub fn rule(&self, host: &str) -> Option<&Block> {
        let name = normalise(host)?;
        suffixes(&name).find_map(|suffix| self.rules.get(suffix))
    }

    /// How severe it is for a host.
    #[must_use]
    pub fn severity(&self, host: &str) -> BlockSeverity {
        let Some(name) = normalise(host) else { return BlockSeverity::Suspend };
        if let Some(allowed) = &self.allowed
            && !suffixes(&name).any(|suffix| allowed.contains(suffix))
        {
            return BlockSeverity::Suspend;
        }
        self.rule(&name).map(|block| block.severity).unwrap_or_default()
    }

    /// Whether a host's media are left alone.
    #[must_use]
    pub fn rejects_media(&self, host: &str) -> bool {
        self.severity(host) == BlockSeverity::Suspend
            || self.rule(host).is_some_and(|block| block.reject_media)
    }

    /// Whether a host's reports are dropped.
    #[must_use]
    pub fn rejects_reports(&self, host: &str) -> bool {
        self.severity(host) == BlockSeverity::Suspend
            || self.rule(host).is_some_and(|block| block.reject_reports)
    }

    /// All rules as CSV, as Mastodon imports it.
    #[must_use]
    pub fn to_csv(&self) -> String {
        let mut text = format!("{HEADER}\n");
        for (name, block) in &self.rules {
            text += &format!(
                "{name},{},{},{},{},{}\n",
                block.severity.name(),
                block.reject_media,
                block.reject_reports,
                quoted(&block.public_comment),
                block.obfuscate,
            );
        }
        text
    }

    /// Adds the rules of a CSV: Mastodon's export, or one domain a line, which are suspended.
    ///
    /// # Errors
    /// [`CsvError`]; then nothing is changed.
    pub fn import_csv(&mut self, text: &str) -> Result<Imported, CsvError> {
        if text.len() > CSV_BYTES_MAX {
            return Err(CsvError::TooLong);
        }
        let rows = rows(text.trim_start_matches('\u{feff}'))?;
        let header = rows.first().filter(|row| row.iter().any(|cell| is_header(cell)));
        let names: Vec<String> = match header {
            Some(row) => {
                row.iter().map(|cell| cell.trim().trim_start_matches('#').into()).collect()
            }
            None => vec!["domain".to_owned()],
        };
        let domain = names.iter().position(|name| name == "domain").ok_or(CsvError::Format(1))?;
        let mut imported = Imported::default();
        let mut changed = self.clone();
        for row in rows.iter().skip(usize::from(header.is_some())) {
            let cell = |wanted: &str| {
                let at = names.iter().position(|name| name == wanted)?;
                row.get(at).map(|cell| cell.trim())
            };
            let flag = |wanted| cell(wanted).is_some_and(|cell| cell.eq_ignore_ascii_case("true"));
            let name = row.get(domain).map(|name| name.trim()).unwrap_or_default();
            if name.is_empty() || name.starts_with('#') {
                continue;
            }
            let block = Block {
                severity: match cell("severity").map(str::to_ascii_lowercase).as_deref() {
                    Some("noop" | "none") => BlockSeverity::None,
                    Some("silence" | "limit") => BlockSeverity::Limit,
                    _ => BlockSeverity::Suspend,
                },
                reject_media: flag("reject_media"),
                reject_reports: flag("reject_reports"),
                obfuscate: flag("obfuscate"),
                public_comment: cell("public_comment").unwrap_or_default().to_owned(),
            };
            if changed.set(name, block) {
                imported.taken += 1;
            } else {
                imported.skipped.push(name.chars().take(255).collect());
            }
        }
        *self = changed;
        Ok(imported)
    }
}

/// A name, what it is below, and so on.
fn suffixes(name: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(name), |name| name.split_once('.').map(|(_, rest)| rest))
}

fn is_header(cell: &str) -> bool {
    matches!(cell.trim(), "#domain" | "domain" | "#severity" | "severity")
}

fn quoted(text: &str) -> String {
    if text.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

/// Rows of cells, as RFC 4180 has them.
fn rows(text: &str) -> Result<Vec<Vec<String>>, CsvError> {
    let (mut rows, mut row, mut cell) = (Vec::new(), Vec::new(), String::new());
    let mut quoted = false;
    let mut line = 1;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.next_if_eq(&'"').is_some() => cell.push('"'),
            '"' if quoted => quoted = false,
            '"' if cell.trim().is_empty() => {
                cell.clear();
                quoted = true;
            }
            ',' if !quoted => row.push(std::mem::take(&mut cell)),
            '\r' if !quoted => {}
            '\n' if !quoted => {
                line += 1;
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            c => cell.push(c),
        }
    }
    if quoted {
        return Err(CsvError::Format(line));
    }
    if !cell.is_empty() || !row.is_empty() {
        row.push(cell);
        rows.push(row);
    }
    Ok(rows)
}
