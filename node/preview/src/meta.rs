//! What a page says of itself in its head.
//!
//! Only tags are read, no tree is built: a hundred thousand tags inside each other cost no more
//! than as many beside each other.
//! Sources: <https://ogp.me>, <https://html.spec.whatwg.org/multipage/semantics.html#the-head-element>

use std::collections::HashMap;

use html5gum::{DefaultEmitter, StartTag, Token, Tokenizer};

/// Names of which a value is kept. The first that is not empty counts.
const NAMES: [&str; 22] = [
    "og:title",
    "og:description",
    "og:site_name",
    "og:type",
    "og:image",
    "og:image:url",
    "og:image:secure_url",
    "og:video",
    "og:video:url",
    "og:video:secure_url",
    "twitter:title",
    "twitter:description",
    "twitter:card",
    "twitter:image",
    "twitter:image:src",
    "twitter:player",
    "application-name",
    "article:author",
    "author",
    "description",
    "title",
    "image_src",
];
/// Characters of one value that are kept; each use cuts them further.
const VALUE_CHARS_MAX: usize = 4096;

/// Values by their names.
#[derive(Debug, Default)]
pub(crate) struct Meta(HashMap<&'static str, String>);

impl Meta {
    /// The first of `names` that the page has.
    pub(crate) fn first(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| Some(self.0.get(*name)?.as_str()))
    }

    fn add(&mut self, name: &str, value: &str) {
        let name = name.trim().to_ascii_lowercase();
        let known = NAMES.iter().find(|known| **known == name);
        if let Some(known) = known
            && !value.trim().is_empty()
        {
            let value = || value.trim().chars().take(VALUE_CHARS_MAX).collect();
            self.0.entry(known).or_insert_with(value);
        }
    }
}

/// Reads the head of a page. Its body is what others may write in: it is not looked at.
pub(crate) fn read(html: &str) -> Meta {
    let mut meta = Meta::default();
    let mut title: Option<String> = None;
    for token in tokens(html) {
        match token {
            Token::StartTag(tag) => match tag.name.as_slice() {
                b"body" => break,
                b"title" => title = Some(String::new()),
                b"meta" => {
                    let name = attribute(&tag, "property").or_else(|| attribute(&tag, "name"));
                    if let (Some(name), Some(content)) = (name, attribute(&tag, "content")) {
                        meta.add(&name, &content);
                    }
                }
                b"link" => {
                    if let (Some(kind), Some(target)) =
                        (attribute(&tag, "rel"), attribute(&tag, "href"))
                        && kind.eq_ignore_ascii_case("image_src")
                    {
                        meta.add("image_src", &target);
                    }
                }
                _ => {}
            },
            Token::String(text) => {
                if let Some(title) = &mut title {
                    title.push_str(&String::from_utf8_lossy(&text.value));
                }
            }
            Token::EndTag(tag) if tag.name.as_slice() == b"title" => {
                if let Some(title) = title.take() {
                    meta.add("title", &title);
                }
            }
            _ => {}
        }
    }
    meta
}

/// The charset that a page says it is in.
pub(crate) fn charset(html: &str) -> Option<String> {
    tokens(html).find_map(|token| {
        let Token::StartTag(tag) = token else { return None };
        if tag.name.as_slice() != b"meta" {
            return None;
        }
        attribute(&tag, "charset").or_else(|| {
            let about = attribute(&tag, "http-equiv")?;
            let content = attribute(&tag, "content")?.to_ascii_lowercase();
            let (_, charset) = content.split_once("charset=")?;
            let charset = charset.split([';', ' ']).next()?.trim_matches(['"', '\'']);
            about.eq_ignore_ascii_case("content-type").then(|| charset.to_owned())
        })
    })
}

fn tokens(html: &str) -> impl Iterator<Item = Token<()>> {
    let mut emitter = DefaultEmitter::default();
    // What stands in scripts, styles and titles is no tag.
    emitter.naively_switch_states(true);
    Tokenizer::new_with_emitter(html, emitter).map_while(Result::ok)
}

fn attribute(tag: &StartTag<()>, name: &str) -> Option<String> {
    let value = tag.attributes.get(name.as_bytes())?;
    Some(String::from_utf8_lossy(&value.value).into_owned())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rustix::time::{ClockId, clock_gettime};

    use super::*;

    #[test]
    fn the_head_is_read() {
        let meta = read(
            "<!doctype html><html><head><script>var x = '<meta name=author content=no>'</script>\
             <title>A &amp; B</title><META Property='og:title' CONTENT='C &lt; D'>\
             <meta property=og:title content=later><meta name=description content=''>\
             <meta name=description content=found><link rel=image_src href=/x.png>\
             <meta property=og:unknown content=x></head><body><title>no</title>\
             <meta property=og:image content=//evil>",
        );
        assert_eq!(meta.first(&["og:title"]), Some("C < D"));
        assert_eq!(meta.first(&["twitter:title", "title"]), Some("A & B"));
        assert_eq!(meta.first(&["description"]), Some("found"));
        assert_eq!(meta.first(&["og:image", "image_src"]), Some("/x.png"));
        assert_eq!(meta.first(&["author"]), None);
        assert_eq!(meta.0.len(), 4);
    }

    /// Processor time that this thread needs to read a page, the least of some tries; the title has
    /// to be `title`.
    fn cost(html: &str, title: &str) -> Duration {
        let now = || {
            let time = clock_gettime(ClockId::ThreadCPUTime);
            Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
        };
        let tries = (0..3).map(|_| {
            let before = now();
            let meta = read(html);
            let spent = now() - before;
            assert_eq!(meta.first(&["title"]), Some(title), "{}", &html[..40]);
            spent
        });
        tries.min().unwrap()
    }

    /// Tags inside each other, attributes without end: neither the stack nor the time per byte
    /// grows. Four times the page would cost sixteen times as much if it did.
    #[test]
    fn hostile_pages_cost_what_their_bytes_do() {
        let parts =
            ["<div>", "<b><p>", "<a href=x>", "<svg><g>", "<!--", "<table><tr><td>", "</x", "<"];
        for part in parts {
            let page = |count: usize| part.repeat(count) + "--><title>end</title>";
            let (one, four) = (cost(&page(10_000), "end"), cost(&page(40_000), "end"));
            assert!(four < one * 10, "{part}: {one:?}, and {four:?} for four times as much");
        }
        let wide = |count: usize| {
            let attributes: String = (0..count).map(|index| format!(" a{index}=x")).collect();
            format!("<meta{attributes}><title>end</title>")
        };
        let (one, four) = (cost(&wide(5_000), "end"), cost(&wide(20_000), "end"));
        assert!(four < one * 10, "{one:?}, and {four:?} for four times as many attributes");
        let long = |count: usize| format!("<title>{}</title>", "x".repeat(count));
        let title = "x".repeat(VALUE_CHARS_MAX);
        let (one, four) = (cost(&long(125_000), &title), cost(&long(500_000), &title));
        assert!(four < one * 10, "{one:?}, and {four:?} for a title four times as long");
    }
}
