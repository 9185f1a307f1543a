//! What the tags of other servers mean.

use html5gum::StartTag;
use node_core::EntityKind;
use url::Url;

use super::html_in::BREAKS_MAX;
use super::shape::{language, link_target};

/// Elements of which nothing is text for people.
pub(super) const SKIPPED: [&str; 14] = [
    "script", "style", "title", "template", "iframe", "object", "svg", "math", "select",
    "textarea", "noscript", "noembed", "noframes", "xmp",
];

/// How an element is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Element {
    Format(EntityKind),
    Link(Link),
    /// Lines of their own; the number is how many line ends part it from what is around it.
    Block(usize),
    Quote,
    Pre,
    /// A list, and the number of its next item, if they are numbered.
    List(Option<u32>),
    Item,
    /// What Mastodon hides: the ends of a long address.
    Invisible,
    /// What Mastodon cuts: an address that goes on.
    Ellipsis,
    Plain,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) target: Option<Url>,
    pub(super) mention: bool,
    pub(super) hashtag: bool,
}

/// An address of the web; nothing else is followed from what others wrote.
pub(super) fn web_target(written: &str) -> Option<Url> {
    let written = written.trim();
    let known = written.get(..4).is_some_and(|scheme| scheme.eq_ignore_ascii_case("http"));
    link_target(written).filter(|url| known && matches!(url.scheme(), "http" | "https"))
}

pub(super) fn element(name: &str, tag: &StartTag<()>) -> Element {
    match name {
        "b" | "strong" => Element::Format(EntityKind::Bold),
        "i" | "em" => Element::Format(EntityKind::Italic),
        "u" | "ins" => Element::Format(EntityKind::Underline),
        "s" | "del" | "strike" => Element::Format(EntityKind::Strike),
        "code" | "kbd" | "samp" | "tt" => Element::Format(EntityKind::Code),
        "a" => Element::Link(Link {
            target: attribute(tag, "href").and_then(|href| web_target(&href)),
            mention: has_class(tag, "mention"),
            hashtag: has_class(tag, "hashtag")
                || attribute(tag, "rel").is_some_and(|rel| rel.split(' ').any(|r| r == "tag")),
        }),
        "span" if has_class(tag, "invisible") => Element::Invisible,
        "span" if has_class(tag, "ellipsis") => Element::Ellipsis,
        "span" if has_class(tag, "spoiler") => Element::Format(EntityKind::Spoiler),
        "p" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "figure" | "table" | "dl" => {
            Element::Block(BREAKS_MAX)
        }
        "div" | "section" | "article" | "header" | "footer" | "address" | "center" | "details"
        | "summary" | "figcaption" | "tr" | "dt" | "dd" | "main" | "aside" | "nav" | "form" => {
            Element::Block(1)
        }
        "blockquote" => Element::Quote,
        "pre" => Element::Pre,
        "ul" | "menu" => Element::List(None),
        "ol" => {
            let start = attribute(tag, "start").and_then(|start| start.trim().parse().ok());
            Element::List(Some(start.unwrap_or(1)))
        }
        "li" => Element::Item,
        _ => Element::Plain,
    }
}

pub(super) fn attribute(tag: &StartTag<()>, name: &str) -> Option<String> {
    let value = tag.attributes.get(name.as_bytes())?;
    Some(String::from_utf8_lossy(&value.value).into_owned())
}

fn has_class(tag: &StartTag<()>, wanted: &str) -> bool {
    let class = attribute(tag, "class").unwrap_or_default();
    class.split_ascii_whitespace().any(|class| class == wanted)
}

/// The language of code, as `class="language-rust"` has it.
pub(super) fn class_language(tag: &StartTag<()>) -> Option<String> {
    let class = attribute(tag, "class")?;
    let found = class
        .split_ascii_whitespace()
        .find_map(|class| class.strip_prefix("language-").or_else(|| class.strip_prefix("lang-")));
    language(found?).map(str::to_owned)
}
