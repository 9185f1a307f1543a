//! Names of hosts, and lists of blocks as Mastodon's administrators exchange them. What the operator
//! thinks of a host is kept by `node_core`.
//!
//! Source: <https://docs.joinmastodon.org/admin/moderation/#server-wide-moderation> and the CSV that
//! its export writes.

use std::collections::{BTreeMap, BTreeSet};

use node_core::{BlockSeverity, HostBlock, REMARK_BYTES_MAX};
use url::Host;

/// Bytes of a list that is imported.
const CSV_BYTES_MAX: usize = 8 << 20;
/// What an export begins with.
const HEADER: &str = "#domain,#severity,#reject_media,#reject_reports,#public_comment,#obfuscate";

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

/// What a list says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listed {
    /// Each host once, in order; the last word on it counts.
    pub blocks: Vec<HostBlock>,
    /// Names that are none: obfuscated ones (`ex*mple.org`), addresses, mistakes.
    pub skipped: Vec<String>,
}

/// A host's name in one form: small letters, punycode, no dot at the end. `None` for what is no name,
/// such as an address.
#[must_use]
pub(crate) fn normalise(host: &str) -> Option<String> {
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

/// The domain that a rule is for, in one form: `*.` before it says nothing more.
pub(crate) fn domain(name: &str) -> Option<String> {
    let name = name.trim();
    normalise(name.strip_prefix("*.").unwrap_or(name))
}

/// The only hosts that are served, with all below them; or all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Allowed(Option<BTreeSet<String>>);

impl Allowed {
    /// Of names in one form.
    pub(crate) fn only(domains: Option<&[String]>) -> Self {
        Self(domains.map(|all| all.iter().filter_map(|one| domain(one)).collect()))
    }

    /// Whether a host is one of them.
    pub(crate) fn has(&self, host: &str) -> bool {
        let Some(allowed) = &self.0 else { return true };
        let Some(name) = normalise(host) else { return false };
        let mut at = Some(name.as_str());
        std::iter::from_fn(|| {
            let name = at?;
            at = name.split_once('.').map(|(_, rest)| rest);
            Some(name)
        })
        .any(|name| allowed.contains(name))
    }
}

/// Blocks as CSV, as Mastodon imports it.
#[must_use]
pub fn write_blocks(blocks: &[HostBlock]) -> String {
    let mut text = format!("{HEADER}\n");
    for block in blocks {
        let severity = match block.severity {
            BlockSeverity::None => "noop",
            BlockSeverity::Limit => "silence",
            BlockSeverity::Suspend => "suspend",
        };
        let (media, reports) = (block.rejects_media, block.rejects_reports);
        let remark = quoted(&block.remark);
        text += &format!("{},{severity},{media},{reports},{remark},false\n", block.host);
    }
    text
}

/// Reads CSV: Mastodon's export, or one domain a line, which are suspended. Remarks are cut to what is
/// kept.
///
/// # Errors
/// [`CsvError`].
pub fn read_blocks(text: &str) -> Result<Listed, CsvError> {
    if text.len() > CSV_BYTES_MAX {
        return Err(CsvError::TooLong);
    }
    let rows = rows(text.trim_start_matches('\u{feff}'))?;
    let header = rows.first().filter(|row| row.iter().any(|cell| is_header(cell)));
    let names: Vec<String> = match header {
        Some(row) => row.iter().map(|cell| cell.trim().trim_start_matches('#').into()).collect(),
        None => vec!["domain".to_owned()],
    };
    let at = names.iter().position(|name| name == "domain").ok_or(CsvError::Format(1))?;
    let (mut blocks, mut skipped) = (BTreeMap::new(), Vec::new());
    for row in rows.iter().skip(usize::from(header.is_some())) {
        let cell = |wanted: &str| {
            let at = names.iter().position(|name| name == wanted)?;
            row.get(at).map(|cell| cell.trim())
        };
        let flag = |wanted| cell(wanted).is_some_and(|cell| cell.eq_ignore_ascii_case("true"));
        let name = row.get(at).map(|name| name.trim()).unwrap_or_default();
        if name.is_empty() || name.starts_with('#') {
            continue;
        }
        let Some(host) = domain(name) else {
            skipped.push(name.chars().take(255).collect());
            continue;
        };
        let remark = cell("public_comment").unwrap_or_default();
        let remark = remark.get(..remark.floor_char_boundary(REMARK_BYTES_MAX)).unwrap_or_default();
        let severity = cell("severity").and_then(BlockSeverity::named);
        let block = HostBlock {
            host: host.clone(),
            severity: severity.unwrap_or(BlockSeverity::Suspend),
            rejects_media: flag("reject_media"),
            rejects_reports: flag("reject_reports"),
            remark: remark.to_owned(),
            since: 0,
        };
        blocks.insert(host, block);
    }
    Ok(Listed { blocks: blocks.into_values().collect(), skipped })
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
