//! What a client of HTTP would rather have.

use axum::http::{HeaderMap, header};

/// Whether somebody asks for an object of ActivityPub rather than for a page. Mastodon asks for both, with
/// less weight on the page; browsers ask for anything, after the page.
///
/// Source: <https://www.rfc-editor.org/rfc/rfc9110#name-accept>
#[must_use]
pub fn wants_activity(headers: &HeaderMap) -> bool {
    let (mut object, mut page) = (0, 0);
    for accepted in headers.get_all(header::ACCEPT) {
        for range in accepted.to_str().unwrap_or_default().split(',') {
            let mut parts = range.split(';').map(str::trim);
            let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
            let weight = thousandths(parts.find_map(|part| part.strip_prefix("q=")).unwrap_or("1"));
            match kind.as_str() {
                "application/activity+json" | "application/ld+json" => object = object.max(weight),
                "text/html" | "application/xhtml+xml" => page = page.max(weight),
                _ => {}
            }
        }
    }
    object > 0 && object >= page
}

/// A weight between 0 and 1, in thousandths; what is none is 0.
fn thousandths(text: &str) -> u32 {
    let (whole, part) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    let digits = format!("{part:0<3}");
    let part = digits.get(..3).and_then(|digits| digits.parse::<u32>().ok());
    match (whole, part) {
        ("1", Some(_)) => 1000,
        ("0" | "", Some(part)) => part,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_get_objects_and_browsers_pages() {
        let wants = |accept: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, accept.parse().unwrap());
            wants_activity(&headers)
        };
        for accept in [
            "application/activity+json",
            "application/ld+json; profile=\"https://www.w3.org/ns/activitystreams\"",
            // Mastodon.
            "application/activity+json, application/ld+json; profile=\"https://www.w3.org/ns/activitystreams\", text/html;q=0.1",
            "application/activity+json, application/ld+json, application/json, text/html;q=0.1",
            "application/ld+json;q=0.9, */*;q=0.1",
            "Application/Activity+JSON",
        ] {
            assert!(wants(accept), "{accept}");
        }
        for accept in [
            "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8",
            "*/*",
            "text/html, application/activity+json;q=0.5",
            "application/activity+json;q=0",
            "application/json",
            "",
        ] {
            assert!(!wants(accept), "{accept}");
        }
        assert!(!wants_activity(&HeaderMap::new()));
    }
}
