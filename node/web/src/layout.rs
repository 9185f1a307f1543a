//! What all pages share.

use maud::{DOCTYPE, Markup, html};

/// For light and dark, narrow and wide.
pub(crate) const STYLE: &str = include_str!("style.css");

/// A page: `title` for the browser, `body` in the middle, the node's name below.
pub(crate) fn page(node: &str, title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta property="og:title" content=(title);
                meta property="og:site_name" content=(node);
                title { (title) }
                link rel="stylesheet" href="/style.css";
            }
            body {
                main { (body) }
                footer { a href="/" { (node) } " · a Rookery node" }
            }
        }
    }
}

/// A page with a few words.
#[must_use]
pub fn message(node: &str, title: &str, says: &str) -> Markup {
    page(
        node,
        title,
        &html! {
            h1 { (title) }
            p { (says) }
        },
    )
}
