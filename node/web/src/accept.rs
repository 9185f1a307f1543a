//! What a client of HTTP would rather have.

use axum::http::{HeaderMap, header};

/// Whether somebody asks for an object of ActivityPub rather than for a page. Mastodon asks for both, with
/// less weight on the page; browsers ask for anything, after the page.
///
/// Source: <https://www.rfc-editor.org/rfc/rfc9110#name-accept>
#[must_use]
pub fn wants_activity(headers: &HeaderMap) -> bool {
    let (object, page) = weights(headers);
    object > 0 && object >= page
}

/// Whether somebody asks for a page rather than for an object. Who says neither is no browser.
#[must_use]
pub fn wants_page(headers: &HeaderMap) -> bool {
    let (object, page) = weights(headers);
    page > object
}

/// How much an object of ActivityPub is wanted, and a page, in thousandths.
fn weights(headers: &HeaderMap) -> (u32, u32) {
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
    (object, page)
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
        let asks = |accept: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, accept.parse().unwrap());
            headers
        };
        let wants = |accept: &str| wants_activity(&asks(accept));
        let wants_a_page = |accept: &str| wants_page(&asks(accept));
        for accept in [
            "application/activity+json",
            "application/ld+json; profile=\"https://www.w3.org/ns/activitystreams\"",
            // Mastodon.
            "application/activity+json, application/ld+json; profile=\"https://www.w3.org/ns/activitystreams\", text/html;q=0.1",
            "application/activity+json, application/ld+json, application/json, text/html;q=0.1",
            "application/ld+json;q=0.9, */*;q=0.1",
            "Application/Activity+JSON",
        ] {
            assert!(wants(accept) && !wants_a_page(accept), "{accept}");
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
            assert_eq!(wants_a_page(accept), accept.starts_with("text/html"), "{accept}");
        }
        assert!(!wants_activity(&HeaderMap::new()) && !wants_page(&HeaderMap::new()));
    }
}
