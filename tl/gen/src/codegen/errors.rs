//! The error catalogue as constants and functions.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::Value;

/// Writes a constant for each error name, and a function for each with a number in it.
///
/// `json` has `errors`: name → `codes` (the usual one first) and `meaning`; `%d` in a name stands
/// for a number.
///
/// # Errors
/// The text is not of that form.
pub fn generate(json: &str) -> Result<String, String> {
    let root: Value = serde_json::from_str(json).map_err(|error| error.to_string())?;
    let errors = root.get("errors").and_then(Value::as_object).ok_or("no `errors`")?;
    let mut out = String::new();
    let mut taken = BTreeSet::new();
    for (name, error) in errors {
        let codes: Vec<i64> = error
            .get("codes")
            .and_then(Value::as_array)
            .map(|codes| codes.iter().filter_map(Value::as_i64).collect())
            .unwrap_or_default();
        let [code, more @ ..] = codes.as_slice() else { return Err(format!("{name}: no code")) };
        let _ = write!(out, "\n/// {code} `{name}`");
        if let Some(meaning) = error.get("meaning").and_then(Value::as_str)
            && !meaning.is_empty()
        {
            let _ = write!(out, ": {meaning}");
        }
        if !more.is_empty() {
            let more: Vec<String> = more.iter().map(ToString::to_string).collect();
            let _ = write!(out, "; also with {}", more.join(", "));
        }
        out.push_str(".\n");
        let mut ident = identifier(name);
        if !taken.insert(ident.clone()) {
            // `Timeout` beside `TIMEOUT`.
            ident = format!("{ident}_{code}").replace('-', "MINUS_");
        }
        if name.contains("%d") {
            let _ = writeln!(
                out,
                "#[must_use]\npub fn {}(number: i64) -> Error {{\n    \
                 Error::new({code}, format!(\"{}\"))\n}}",
                ident.to_ascii_lowercase(),
                name.replace("%d", "{number}"),
            );
        } else {
            let _ = writeln!(out, "pub const {ident}: Error = Error::fixed({code}, \"{name}\");",);
        }
    }
    Ok(out)
}

/// `2FA_CONFIRM_WAIT_%d` → `TWO_FA_CONFIRM_WAIT`, `FILE_PART_%d_MISSING` → `FILE_PART_MISSING`.
fn identifier(name: &str) -> String {
    let name = name.replace("_%d", "").replace("%d", "").to_ascii_uppercase();
    match name.strip_prefix('2') {
        Some(rest) => format!("TWO_{rest}"),
        None => name,
    }
}
