//! What all pages share.

use maud::{DOCTYPE, Markup, html};

use crate::pages::About;

/// For light and dark, narrow and wide.
pub(crate) const STYLE: &str = include_str!("style.css");
/// A tower, which is called a rook in chess.
pub(crate) const ICON: &str = include_str!("icon.svg");

/// A page: `title` for the browser, `body` in the middle, the node's name below.
pub(crate) fn page(node: &str, title: &str, body: &Markup) -> Markup {
    let head = html! { meta property="og:title" content=(title); };
    whole(node, title, &head, &html! { (top(node)) main { (body) } })
}

/// A page to read: with more in its head, and text from the left.
pub(crate) fn wide(about: &About, title: &str, head: &Markup, body: &Markup) -> Markup {
    whole(&about.name, title, head, &html! { (top(&about.name)) main.wide { (body) } })
}

/// The first page: it is the one that says the node's name itself.
pub(crate) fn first(about: &About, head: &Markup, body: &Markup) -> Markup {
    whole(&about.name, &about.name, head, &html! { main.wide { (body) } })
}

/// Whose page this is.
fn top(node: &str) -> Markup {
    html! {
        header.site {
            a href="/" { img src="/icon.svg" alt="" width="28" height="28"; span { (node) } }
        }
    }
}

/// Something that nobody should miss.
pub(crate) fn notice(says: &Markup) -> Markup {
    html! { p.notice { (says) } }
}

fn whole(node: &str, title: &str, head: &Markup, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta property="og:site_name" content=(node);
                title { (title) }
                link rel="stylesheet" href="/style.css";
                link rel="icon" href="/icon.svg" type="image/svg+xml";
                (head)
            }
            body {
                (body)
                footer { a href="/" { (node) } " · " a href="/about" { "about" } " · a Rookery node" }
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
