//! Fields that may have any of several shapes.

use serde_json::Value;
use url::Url;

/// Longest id, in bytes.
const ID_BYTES_MAX: usize = 2048;
/// Values of one list that are looked at.
pub(super) const LIST_MAX: usize = 200;

/// An id that may be asked for and compared: an address of the web, as it was written.
pub(crate) fn web_id(text: &str) -> Option<&str> {
    let plain = text.len() <= ID_BYTES_MAX
        && !text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '\\');
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    // A browser would skip more slashes; an id has one form.
    let scheme = rest.is_some_and(|rest| !rest.starts_with('/'));
    let url = (plain && scheme).then(|| Url::parse(text).ok()).flatten()?;
    let named = url.host_str().is_some_and(|host| !host.is_empty());
    (named && url.username().is_empty() && url.password().is_none()).then_some(text)
}

/// Whether two ids are of one server: what an actor says of an object of another one counts for
/// nothing (FEP-fe34).
pub(crate) fn same_host(id: &str, actor: &str) -> bool {
    let origin = |id: &str| web_id(id).and_then(|id| Url::parse(id).ok()).map(|url| url.origin());
    origin(id).is_some() && origin(id) == origin(actor)
}

/// The values of a field, whether it is one or a list of them.
pub(super) fn all<'a>(object: &'a Value, name: &str) -> Vec<&'a Value> {
    match object.get(name) {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(list)) => list.iter().take(LIST_MAX).collect(),
        Some(one) => vec![one],
    }
}

/// The first of them.
pub(super) fn first<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    all(object, name).into_iter().next()
}

/// The id of a value: itself, its `id`, or where a link leads.
pub(super) fn id_of(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => Some(text.as_str()),
        Value::Array(list) => return list.first().filter(|one| !one.is_array()).and_then(id_of),
        Value::Object(_) => ["id", "@id", "href"]
            .into_iter()
            .find_map(|name| value.get(name).and_then(Value::as_str)),
        _ => None,
    };
    text.and_then(web_id).map(str::to_owned)
}

/// The id in a field.
pub(super) fn id(object: &Value, name: &str) -> Option<String> {
    all(object, name).into_iter().find_map(id_of)
}

/// All ids in a field, each once.
pub(super) fn ids(object: &Value, name: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for id in all(object, name).into_iter().filter_map(id_of) {
        if !found.contains(&id) {
            found.push(id);
        }
    }
    found
}

/// The text in a field, cut at a number of bytes.
pub(super) fn text(object: &Value, name: &str, bytes_max: usize) -> Option<String> {
    let text = first(object, name)?.as_str()?;
    Some(text.get(..text.floor_char_boundary(bytes_max)).unwrap_or_default().to_owned())
}

/// Whether a field says yes.
pub(super) fn flag(object: &Value, name: &str) -> bool {
    object.get(name).and_then(Value::as_bool).unwrap_or(false)
}

/// A number that fits.
pub(super) fn number(object: &Value, name: &str) -> Option<u32> {
    let number = object.get(name)?;
    let whole = number.as_u64().or_else(|| number.as_f64().filter(|n| *n >= 0.0).map(|n| n as u64));
    whole.and_then(|number| u32::try_from(number).ok())
}

/// The types of an object, without a prefix: a `Note` may be called `as:Note`.
pub(super) fn kinds(object: &Value) -> Vec<&str> {
    let named = match object.get("type") {
        Some(_) => all(object, "type"),
        None => all(object, "@type"),
    };
    let short = |kind: &'_ str| -> usize {
        let prefixes = ["as:", "https://www.w3.org/ns/activitystreams#"];
        prefixes.iter().find(|prefix| kind.starts_with(**prefix)).map_or(0, |prefix| prefix.len())
    };
    named.into_iter().filter_map(Value::as_str).filter_map(|kind| kind.get(short(kind)..)).collect()
}

/// The first type of an object that `known` knows, or just the first.
pub(super) fn kind<'a>(object: &'a Value, known: &[&str]) -> &'a str {
    let kinds = kinds(object);
    let found = kinds.iter().find(|kind| known.contains(kind)).or(kinds.first());
    found.copied().unwrap_or_default()
}
