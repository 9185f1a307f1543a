use std::collections::{HashMap, HashSet};

use html5gum::{Token, Tokenizer};
use node_core::{Entity, EntityKind, TEXT_UNITS_MAX, Text, UserId, utf16_len, utf16_slice};
use proptest::prelude::*;
use serde_json::json;

use super::caption::Caption;
use super::html_out::MENTIONS_MAX;
use super::*;

fn entity(offset: i32, length: i32, kind: EntityKind) -> Entity {
    Entity { offset, length, kind }
}

fn link(url: &str) -> EntityKind {
    EntityKind::TextUrl { url: url.to_owned() }
}

const QUOTE: EntityKind = EntityKind::Blockquote { collapsed: false };

/// `@news` is bridged, `@plain` is a channel that is not, `@ann@far.example` is known.
struct Known;

impl Names for Known {
    fn mention(&self, written: &str) -> MentionTo {
        match written {
            "@news" => MentionTo::Actor(Mentioned {
                actor: "https://ap.example/ap/c/x".to_owned(),
                url: "https://ap.example/@news".to_owned(),
                handle: "@news@example.org".to_owned(),
            }),
            "@ann@far.example" => MentionTo::Actor(Mentioned {
                actor: "https://far.example/users/ann".to_owned(),
                url: "https://far.example/@ann".to_owned(),
                handle: "@ann@far.example".to_owned(),
            }),
            "@plain" => MentionTo::Page("https://ap.example/@plain".to_owned()),
            _ => MentionTo::Nobody,
        }
    }

    fn hashtag(&self, word: &str) -> String {
        format!("https://ap.example/tags/{word}")
    }

    fn emoji(&self, document_id: i64) -> Option<Emoji> {
        let url = format!("https://ap.example/emoji/{document_id}.webp");
        (document_id >= 10).then(|| Emoji { media_type: "image/webp".to_owned(), url })
    }
}

fn html(text: &str, entities: &[Entity]) -> String {
    to_html(text, entities, Spoilers::Warn, &Known).html
}

fn read(html: &str) -> Text {
    let foreign = Foreign { full_url: "https://far.example/@u/1", ..Foreign::default() };
    from_html(html, &foreign)
}

/// Entities by the text that they are of.
fn parts(text: &Text) -> Vec<(&str, EntityKind)> {
    let part = |e: &Entity| (utf16_slice(&text.text, e.offset, e.length).unwrap(), e.kind.clone());
    // The lifetime is that of the text.
    text.entities.iter().map(part).collect()
}

/// Names of emoji stand alone, and each is said once what it looks like.
#[test]
fn emoji_become_names_with_pictures() {
    let at = |offset, number| entity(offset, 1, EntityKind::CustomEmoji { document_id: number });
    let made = to_html("a**b*", &[at(1, 10), at(2, 11), at(4, 10)], Spoilers::Warn, &Known);
    let content = "<p>a\u{200b}:ea:\u{200b}:eb:\u{200b}b\u{200b}:ea:</p>";
    assert_eq!(made.html, content);
    let [first, second] = &made.tags[..] else { panic!("{:?}", made.tags) };
    assert_eq!((&first["type"], &first["name"]), (&json!("Emoji"), &json!(":ea:")));
    assert_eq!(first["icon"]["url"], "https://ap.example/emoji/10.webp");
    assert_eq!(
        (&first["icon"]["mediaType"], &second["name"]),
        (&json!("image/webp"), &json!(":eb:"))
    );
    // In bold they are pictures too; in code they are what they stand for.
    let bold = entity(0, 1, EntityKind::Bold);
    assert_eq!(html("*", &[bold, at(0, 10)]), "<p><strong>:ea:</strong></p>");
    assert_eq!(html("*", &[entity(0, 1, EntityKind::Code), at(0, 10)]), "<p><code>*</code></p>");
    // So many, and no more.
    let many: Vec<Entity> = (0..30).map(|place| at(place * 2, 10 + i64::from(place))).collect();
    let made = to_html(&"* ".repeat(30), &many, Spoilers::Warn, &Known);
    assert_eq!((made.tags.len(), made.html.matches('*').count()), (20, 10));
}

#[test]
fn formatting_becomes_tags() {
    let kinds = [
        (EntityKind::Bold, "<p><strong>ab</strong> c</p>"),
        (EntityKind::Italic, "<p><em>ab</em> c</p>"),
        (EntityKind::Underline, "<p><u>ab</u> c</p>"),
        (EntityKind::Strike, "<p><del>ab</del> c</p>"),
        (EntityKind::Code, "<p><code>ab</code> c</p>"),
        (EntityKind::Spoiler, "<p><span class=\"spoiler\">ab</span> c</p>"),
        (QUOTE, "<blockquote><p>ab</p></blockquote><p>c</p>"),
        (
            link("https://a.example/x?a=1&b=2"),
            "<p><a href=\"https://a.example/x?a=1&amp;b=2\">ab</a> c</p>",
        ),
        (link("a.example"), "<p><a href=\"https://a.example/\">ab</a> c</p>"),
        (link("mailto:a@b.example"), "<p><a href=\"mailto:a@b.example\">ab</a> c</p>"),
        (
            EntityKind::Pre { language: "rust".into() },
            "<pre><code class=\"language-rust\">ab</code></pre><p>c</p>",
        ),
        (EntityKind::Pre { language: "\"><script>".into() }, "<pre><code>ab</code></pre><p>c</p>"),
        (EntityKind::BotCommand, "<p>ab c</p>"),
        (EntityKind::Phone, "<p>ab c</p>"),
        (EntityKind::MentionName { user: UserId(7) }, "<p>ab c</p>"),
        (EntityKind::CustomEmoji { document_id: 7 }, "<p>ab c</p>"),
        (EntityKind::CustomEmoji { document_id: 10 }, "<p>:ea: c</p>"),
    ];
    for (kind, expected) in kinds {
        assert_eq!(html("ab c", &[entity(0, 2, kind.clone())]), expected, "{kind:?}");
    }
    for bad in [
        "javascript:alert(1)",
        "tg://resolve?domain=x",
        "data:text/html,x",
        "/x",
        "x",
        "//evil.example",
    ] {
        assert_eq!(html("ab", &[entity(0, 2, link(bad))]), "<p>ab</p>", "{bad}");
    }
    let code = "if a < b && c > \"d\" {\n\n\tx\n}";
    let pre = EntityKind::Pre { language: String::new() };
    let expected = "<pre><code>if a &lt; b &amp;&amp; c &gt; \"d\" {\n\n\tx\n}</code></pre>";
    assert_eq!(html(code, &[entity(0, utf16_len(code) as i32, pre)]), expected);
}

#[test]
fn lines_and_paragraphs() {
    assert_eq!(html("a\nb\n\nc\n\n\n\nd\n", &[]), "<p>a<br>b</p><p>c</p><p>d</p>");
    assert_eq!(html("", &[]), "");
    assert_eq!(html("<b>&\u{0}\u{7}\r\u{202e}x", &[]), "<p>&lt;b&gt;&amp;\u{202e}x</p>");
    // Formatting over a paragraph's end goes on in the next one.
    let bold = [entity(0, 4, EntityKind::Bold)];
    assert_eq!(html("a\n\nb", &bold), "<p><strong>a</strong></p><p><strong>b</strong></p>");
}

#[test]
fn overlaps_are_nested_by_splitting() {
    let overlap = [entity(0, 4, EntityKind::Bold), entity(2, 4, EntityKind::Italic)];
    let expected = "<p><strong>ab<em>cd</em></strong><em>ef</em></p>";
    assert_eq!(html("abcdef", &overlap), expected);
    // Nothing is formatted in code; a link is in no link; a block is in nothing inline.
    let code = [entity(0, 3, EntityKind::Code), entity(1, 4, EntityKind::Bold)];
    assert_eq!(html("abcdef", &code), "<p><code>abc</code><strong>de</strong>f</p>");
    let links =
        [entity(0, 4, link("https://a.example/")), entity(2, 4, link("https://b.example/"))];
    assert_eq!(
        html("abcdef", &links),
        "<p><a href=\"https://a.example/\">abcd</a><a href=\"https://b.example/\">ef</a></p>"
    );
    let code = [entity(0, 3, EntityKind::Code), entity(1, 4, link("https://a.example/"))];
    assert_eq!(
        html("abcdef", &code),
        "<p><code>abc</code><a href=\"https://a.example/\">de</a>f</p>"
    );
    let twice = [entity(0, 3, EntityKind::Bold), entity(1, 4, EntityKind::Bold)];
    assert_eq!(html("abcdef", &twice), "<p><strong>abcde</strong>f</p>");
    let quote = [entity(0, 5, EntityKind::Bold), entity(2, 1, QUOTE)];
    assert_eq!(
        html("a\nb\nc", &quote),
        "<p><strong>a</strong></p><blockquote><p><strong>b</strong></p></blockquote>\
         <p><strong>c</strong></p>"
    );
    // Out of the text, or through a character: no entity.
    let bad = [entity(1, 1, EntityKind::Bold), entity(0, 9, EntityKind::Bold)];
    assert_eq!(html("😀x", &bad), "<p>😀x</p>");
}

#[test]
fn tags_and_mentions_are_as_mastodon_wants_them() {
    let text = "#Rust #rust @news @plain @who @ann@far.example https://a.example/ä";
    let parsed = Text::parse(text, Vec::new()).unwrap();
    let done = to_html(&parsed.text, &parsed.entities, Spoilers::Warn, &Known);
    assert_eq!(
        done.html,
        "<p><a href=\"https://ap.example/tags/Rust\" class=\"mention hashtag\" rel=\"tag\">#<span>Rust</span></a> \
         <a href=\"https://ap.example/tags/rust\" class=\"mention hashtag\" rel=\"tag\">#<span>rust</span></a> \
         <span class=\"h-card\"><a href=\"https://ap.example/@news\" class=\"u-url mention\">@<span>news</span></a></span> \
         <a href=\"https://ap.example/@plain\">@plain</a> @who \
         <span class=\"h-card\"><a href=\"https://far.example/@ann\" class=\"u-url mention\">@<span>ann</span></a></span> \
         <a href=\"https://a.example/%C3%A4\">https://a.example/ä</a></p>"
    );
    assert_eq!(
        done.tags,
        [
            json!({"type": "Hashtag", "name": "#Rust", "href": "https://ap.example/tags/Rust"}),
            json!({"type": "Mention", "name": "@news@example.org", "href": "https://ap.example/ap/c/x"}),
            json!({"type": "Mention", "name": "@ann@far.example", "href": "https://far.example/users/ann"}),
        ]
    );
    assert_eq!(done.mentioned, ["https://ap.example/ap/c/x", "https://far.example/users/ann"]);
}

#[test]
fn what_a_spoiler_hides_is_nowhere_before_the_warning() {
    let text = "who did it: #butler and @news";
    let mut parsed = Text::parse(text, vec![entity(12, 7, EntityKind::Spoiler)]).unwrap();
    parsed.entities.push(entity(24, 5, EntityKind::Spoiler));
    let done = to_html(&parsed.text, &parsed.entities, Spoilers::Warn, &Known);
    assert!(done.hidden);
    assert!(done.html.contains("<span class=\"spoiler\"><a href="), "{}", done.html);
    assert!(done.tags.is_empty() && done.mentioned.is_empty(), "{:?}", done.tags);
    assert_eq!(masked(&parsed.text, &parsed.entities), "who did it: ▒▒▒▒▒▒▒ and ▒▒▒▒▒");
    let shown = to_html(&parsed.text, &parsed.entities, Spoilers::Reveal, &Known);
    assert!(!shown.hidden && shown.tags.len() == 2, "{:?}", shown.tags);
    // A hidden letter hides all of its tag.
    let cut = Text::parse("#butler", vec![entity(2, 1, EntityKind::Spoiler)]).unwrap();
    let done = to_html(&cut.text, &cut.entities, Spoilers::Warn, &Known);
    assert!(done.tags.is_empty(), "{:?}", done.tags);
}

#[test]
fn mentions_of_one_note_are_bounded() {
    struct All;
    impl Names for All {
        fn mention(&self, written: &str) -> MentionTo {
            let url = format!("https://a.example/{written}");
            MentionTo::Actor(Mentioned { actor: url.clone(), url, handle: written.to_owned() })
        }
        fn hashtag(&self, _: &str) -> String {
            "nowhere".to_owned()
        }
    }
    let text: String = (0..30).map(|n| format!("@u{n}@a.example ")).collect();
    let done = to_html(&text, &[], Spoilers::Warn, &All);
    assert_eq!(done.mentioned.len(), MENTIONS_MAX);
    assert_eq!(done.html.matches("u-url mention").count(), MENTIONS_MAX);
    assert_eq!(done.html.matches("<a ").count(), 30);
    assert_eq!(
        to_html("#x", &[entity(0, 2, EntityKind::Hashtag)], Spoilers::Warn, &All).html,
        "<p>#x</p>"
    );
}

#[test]
fn lines_about_the_text_leave_it() {
    let text = "CW: blood\n😀 hello bold\nALT: a cat\n ALT:\nLANG: de\nALT: a dog: black\nLANG: I like it\nend";
    let at = text.find("bold").map(|at| utf16_len(&text[..at])).unwrap() as i32;
    let end = utf16_len(text) as i32;
    let given = [
        entity(at, 4, EntityKind::Bold),
        entity(0, end, EntityKind::Italic),
        entity(end - 3, 3, EntityKind::Code),
    ];
    let caption = split_caption(text, &given);
    assert_eq!(caption.text, "😀 hello bold\nLANG: I like it\nend");
    assert_eq!(caption.warning.as_deref(), Some("blood"));
    assert_eq!(caption.alts, ["a cat", "", "a dog: black"]);
    assert_eq!(caption.language.as_deref(), Some("de"));
    let done = Text { text: caption.text, entities: caption.entities };
    assert_eq!(
        parts(&done),
        [
            ("bold", EntityKind::Bold),
            ("😀 hello bold\nLANG: I like it\nend", EntityKind::Italic),
            ("end", EntityKind::Code)
        ]
    );
    // At the end, alone, in code; and what a spoiler hides is no warning that can be read.
    assert_eq!(split_caption("hi\nALT: x", &[]).text, "hi");
    let alone = split_caption("CW: x", &[entity(0, 5, EntityKind::Bold)]);
    assert_eq!((alone.text.as_str(), alone.entities.len()), ("", 0));
    let code = split_caption("CW: x", &[entity(0, 5, EntityKind::Code)]);
    assert_eq!((code.text.as_str(), code.warning), ("CW: x", None));
    let hidden = split_caption("CW: he dies\nx", &[entity(7, 4, EntityKind::Spoiler)]);
    assert_eq!(hidden.warning.as_deref(), Some("he ▒▒▒▒"));
    assert_eq!(
        split_caption("x\nCW:\ny", &[]),
        Caption { text: "x\ny".into(), ..Caption::default() }
    );
    assert_eq!(split_caption("LANG: pt-BR", &[]).language.as_deref(), Some("pt-BR"));
    assert_eq!(split_caption("LANG: x", &[]).text, "LANG: x");
    assert_eq!(
        split_caption("cw: no\n  keep  ", &[]).text,
        "cw: no\n  keep  ",
        "nothing to take out"
    );
}

#[test]
fn tags_become_entities() {
    let text = read(
        "<p>a <b>b</b><i>c</i> <u>d</u> <s>e</s> <code>f  g</code></p><p>h<br>i\n j</p>\
         <blockquote><p>q1</p><p>q2</p></blockquote><pre><code class=\"language-rust\">\nfn  x() {\n\ty &lt;\n}\n</code></pre>\
         <h2>t</h2><span class=\"spoiler\">s</span>",
    );
    assert_eq!(text.text, "a bc d e f g\n\nh\ni j\nq1\n\nq2\nfn  x() {\n\ty <\n}\nt\n\ns");
    assert_eq!(
        parts(&text),
        [
            ("b", EntityKind::Bold),
            ("c", EntityKind::Italic),
            ("d", EntityKind::Underline),
            ("e", EntityKind::Strike),
            ("f g", EntityKind::Code),
            ("q1\n\nq2", QUOTE),
            ("fn  x() {\n\ty <\n}", EntityKind::Pre { language: "rust".into() }),
            ("t", EntityKind::Bold),
            ("s", EntityKind::Spoiler),
        ]
    );
}

#[test]
fn lists_pictures_and_scripts() {
    let cases = [
        ("<p>x</p><ul><li>a</li><li><p>b</p></li></ul>y", "x\n\n• a\n• b\n\ny"),
        ("<ol><li>a<li>b<ul><li>c</ul><li>d</ol>", "1. a\n2. b\n\u{2003}• c\n3. d"),
        ("<ol start=7><li>a</ol>", "7. a"),
        ("a <img alt=\":cat:\" src=x> b<img src=y>", "a :cat: b"),
        (":blobcat: x", ":blobcat: x"),
        ("a<script>alert('<b>')</script><style>p{}</style><!-- c -->b", "ab"),
        ("a<svg><svg>x</svg>y</svg>b<svg/>c", "abc"),
        ("a<span class=invisible> b</span>c<pre>d<span class=invisible>e</span></pre>", "ac\nd"),
        ("<title>t</title><template><p>x</p></template>a", "a"),
        ("&lt;b&gt; &amp;amp; &#8238;x&#0;&#1;&#13;y\u{7}", "<b> &amp; \u{202e}x\u{fffd}y"),
        ("a</p>b</br>c", "a\n\nb\nc"),
        ("<table><tr><td>a</td> <td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"),
        ("a\r\n\tb&nbsp;c", "a b\u{a0}c"),
        ("", ""),
        ("<", "<"),
        ("<a href='", ""),
    ];
    for (html, expected) in cases {
        assert_eq!(read(html).text, expected, "{html}");
    }
    // However deep it lies.
    let deep = format!("{}<script>x</script>y", "<div><b>".repeat(200));
    assert_eq!(read(&deep).text, "y");
}

#[test]
fn links_are_those_of_the_web() {
    let text = read(
        "<a href=\"https://a.example/x\">word</a> <a href=\"javascript:x\">js</a> <a href=\"/rel\">rel</a> \
         <a href=\"https://a.example\">https://a.example</a> <a href=\"mailto:a@b.c\">mail</a> \
         <a href=\" HTTP://b.example \"><b>o</b>ne<a href=\"https://c.example/\">two</a></a>",
    );
    assert_eq!(text.text, "word js rel https://a.example mail onetwo");
    assert_eq!(
        parts(&text),
        [
            ("word", link("https://a.example/x")),
            ("https://a.example", EntityKind::Url),
            ("one", link("http://b.example/")),
            ("o", EntityKind::Bold),
            ("two", link("https://c.example/")),
        ]
    );
    // As Mastodon shows a long address.
    let long = read(
        "<a href=\"https://a.example/a/long/path\"><span class=\"invisible\">https://</span>\
         <span class=\"ellipsis\">a.example/a/l</span><span class=\"invisible\">ong/path</span></a>",
    );
    assert_eq!(parts(&long), [("a.example/a/l…", link("https://a.example/a/long/path"))]);
    let long = format!("https://a.example/{}", "x".repeat(3000));
    assert_eq!(read(&format!("<a href=\"{long}\">x</a>")).entities, []);
}

#[test]
fn mentions_and_tags_of_other_servers() {
    let reply = "<p><span class=\"h-card\" translate=\"no\"><a href=\"https://ap.example/@news\" class=\"u-url mention\">@<span>news</span></a></span> \
        <span class=\"h-card\"><a href=\"https://social.far.example/@Ann\" class=\"u-url mention\">@<span>Ann</span></a></span> \
        hi <a href=\"https://x.example/@bob\" class=\"mention\">@bob</a> and \
        <a href=\"https://ap.example/@news\" class=\"u-url mention\">@<span>news</span></a> \
        <a href=\"https://x.example/tags/Cat\" class=\"mention hashtag\" rel=\"tag\">#<span>Cat</span></a></p>";
    let mentions = [
        ("https://ap.example/ap/c/x".to_owned(), "@news@example.org".to_owned()),
        ("https://social.far.example/users/Ann".to_owned(), "@Ann@far.example".to_owned()),
    ];
    let foreign = Foreign {
        mentions: &mentions,
        drop_leading: &["https://ap.example/ap/c/x"],
        ..Foreign::default()
    };
    let text = from_html(reply, &foreign);
    assert_eq!(text.text, "@Ann@far.example hi @bob@x.example and @news@example.org #Cat");
    assert_eq!(
        parts(&text),
        [
            ("@Ann@far.example", link("https://social.far.example/@Ann")),
            ("@bob@x.example", link("https://x.example/@bob")),
            ("@news@example.org", link("https://ap.example/@news")),
            ("#Cat", EntityKind::Hashtag),
        ]
    );
    // By page and by handle, and only at the beginning.
    for who in ["https://ap.example/@news", "@NEWS@example.org"] {
        let foreign = Foreign { mentions: &mentions, drop_leading: &[who], ..Foreign::default() };
        assert!(from_html(reply, &foreign).text.starts_with("@Ann@far.example hi"), "{who}");
    }
    let both = ["@news@example.org", "https://social.far.example/users/Ann"];
    let foreign = Foreign { mentions: &mentions, drop_leading: &both, ..Foreign::default() };
    let stripped = from_html(&format!("<b>{reply}</b>"), &foreign);
    assert!(stripped.text.starts_with("hi @bob"), "{stripped:?}");
    assert_eq!(parts(&stripped)[0].0, stripped.text, "formatting begins where the text does");
    let space = from_html(
        "&nbsp;<b><a class=mention href=https://ap.example/@news>@news</a> x</b>",
        &Foreign { drop_leading: &["https://ap.example/@news"], ..Foreign::default() },
    );
    assert_eq!(parts(&space), [("x", EntityKind::Bold)]);
    let bold = from_html(
        "<a class=mention href=https://ap.example/@news><b>@news</b></a> hello",
        &Foreign { drop_leading: &["https://ap.example/@news"], ..Foreign::default() },
    );
    assert_eq!((bold.text.as_str(), bold.entities.len()), ("hello", 0));
    // A mention with words in it is a link.
    let odd = read("<a class=mention href=https://a.example/>@the boss</a>");
    assert_eq!(parts(&odd), [("@the boss", link("https://a.example/"))]);
}

#[test]
fn a_long_text_is_cut_with_a_link_to_the_whole() {
    for (start, unit) in [("", "😀"), ("a", "😀"), ("", "x"), ("<pre>", "x"), ("<b>", "word ")]
    {
        let html = format!("<p>{start}{}", unit.repeat(5000));
        let text = read(&html);
        let units = utf16_len(&text.text);
        assert!(units <= TEXT_UNITS_MAX && units > TEXT_UNITS_MAX - 20, "{units}");
        assert!(text.text.ends_with("… full text"));
        let last = text.entities.last().unwrap();
        assert_eq!(last.kind, link("https://far.example/@u/1"));
        assert_eq!(last.offset + last.length, units as i32);
        assert!(Text::parse(&text.text, text.entities.clone()).is_ok());
        let again = read(&to_html(&text.text, &text.entities, Spoilers::Warn, &Nobody).html);
        assert_eq!(again, text);
    }
    let exact = "x".repeat(TEXT_UNITS_MAX);
    assert_eq!(read(&exact).text, exact);
    // Nowhere to go: no link.
    let foreign = Foreign { full_url: "javascript:x", ..Foreign::default() };
    assert_eq!(from_html(&"x".repeat(5000), &foreign).entities, []);
    // Many links, and long ones, are no more than a message may have.
    let many = "<a href=https://a.example/>x</a> ".repeat(300);
    assert!(read(&many).entities.len() < 100);
    let long = format!("<a href=https://a.example/{}>x</a> ", "y".repeat(1500)).repeat(50);
    assert_eq!(read(&long).entities.len(), 5);
}

#[test]
fn nesting_costs_nothing() {
    for tag in [
        "b",
        "div",
        "blockquote",
        "ul><li",
        "a href=https://a.example/",
        "pre",
        "span class=invisible",
    ] {
        let html = format!("<{tag}>").repeat(1_000_000 / (tag.len() + 2));
        let text = read(&format!("{html}x")).text;
        assert!(utf16_len(&text) <= TEXT_UNITS_MAX, "{tag}");
    }
    // One token may be all of it.
    let html = format!("{}<pre>{}", "<pre>x</pre>".repeat(1000), "x\n\n".repeat(300_000));
    assert!(utf16_len(&read(&html).text) <= TEXT_UNITS_MAX);
    // Each paragraph is cut for itself, once.
    let html = format!("<b><i><u><a href=https://a.example/>{}", "<p>x</p>".repeat(20_000));
    assert!(read(&html).text.len() <= 3 * TEXT_UNITS_MAX);
    let text = "x\n\n".repeat(1300);
    let long = utf16_len(&text) as i32;
    let all: Vec<Entity> =
        (0..100).map(|n| entity(n, long - n, link("https://a.example/"))).collect();
    assert!(html.len() > 100 && to_html(&text, &all, Spoilers::Warn, &Known).html.len() > 10_000);
}

/// Whom nobody knows is text; hashtags lead somewhere.
struct Nobody;

impl Names for Nobody {
    fn mention(&self, _: &str) -> MentionTo {
        MentionTo::Nobody
    }

    fn hashtag(&self, word: &str) -> String {
        format!("https://ap.example/tags/{word}")
    }
}

/// What Mastodon keeps (its `sanitize_config.rb`), with two classes and two schemes that it drops
/// without harm and others show.
fn clean(html: &str) -> String {
    let set = |list: &[&'static str]| list.iter().copied().collect::<HashSet<&str>>();
    let tags = set(&[
        "p",
        "br",
        "span",
        "a",
        "del",
        "s",
        "pre",
        "blockquote",
        "code",
        "b",
        "strong",
        "u",
        "i",
        "em",
        "ul",
        "ol",
        "li",
    ]);
    let attributes = HashMap::from([("a", set(&["href", "rel"]))]);
    let classes = HashMap::from([
        ("a", set(&["mention", "hashtag", "u-url"])),
        ("span", set(&["h-card", "spoiler", "quote-inline"])),
        ("code", CODE_CLASSES.iter().copied().collect()),
    ]);
    ammonia::Builder::new()
        .tags(tags)
        .tag_attributes(attributes)
        .generic_attributes(HashSet::new())
        .allowed_classes(classes)
        .url_schemes(set(&["http", "https", "mailto", "tel"]))
        .link_rel(None)
        .clean(html)
        .to_string()
}

const CODE_CLASSES: [&str; 3] = ["language-rust", "language-c++", "language-x"];

/// Each tag ends where it has to, and no tag is there that is not ours.
fn well_nested(html: &str) -> Result<(), String> {
    let mut open: Vec<Vec<u8>> = Vec::new();
    for token in Tokenizer::new(html).map(|token| token.unwrap()) {
        match token {
            Token::StartTag(tag) if tag.name.as_slice() == b"br" => {}
            Token::StartTag(tag) => {
                let inside = |name: &[u8]| open.iter().any(|open| open == name);
                if tag.name.as_slice() == b"a" && inside(b"a") {
                    return Err(format!("a link in a link: {html}"));
                }
                if matches!(tag.name.as_slice(), b"p" | b"pre" | b"blockquote") && inside(b"p") {
                    return Err(format!("a block in a paragraph: {html}"));
                }
                open.push(tag.name.to_vec());
            }
            Token::EndTag(tag) => {
                if open.pop().as_deref() != Some(tag.name.as_slice()) {
                    return Err(format!("not open: {html}"));
                }
            }
            Token::String(_) => {}
            other => return Err(format!("{other:?} in {html}")),
        }
    }
    if open.is_empty() { Ok(()) } else { Err(format!("not closed: {html}")) }
}

fn any_kind() -> impl Strategy<Value = EntityKind> {
    prop_oneof![
        Just(EntityKind::Bold),
        Just(EntityKind::Italic),
        Just(EntityKind::Underline),
        Just(EntityKind::Strike),
        Just(EntityKind::Spoiler),
        Just(EntityKind::Code),
        Just(EntityKind::Mention),
        Just(EntityKind::Hashtag),
        Just(EntityKind::Url),
        Just(EntityKind::Email),
        Just(EntityKind::MentionName { user: UserId(1) }),
        "(rust|c\\+\\+|x|<b>|)".prop_map(|language| EntityKind::Pre { language }),
        any::<bool>().prop_map(|collapsed| EntityKind::Blockquote { collapsed }),
        prop_oneof![
            Just("https://a.example/?a=\"'<>&b"),
            Just("b.example"),
            Just("mailto:\"<x>@c.example"),
            Just("javascript:\"'<>"),
            Just("tel:+1"),
        ]
        .prop_map(link),
    ]
}

const LETTERS: &str = "([a-c#@_&<>\"' \n\t]|\u{1f600}|\u{1f468}\u{200d}\u{1f469}|\u{5d0}|\u{202e}|\u{a0}|\u{2003}|\u{0}|\r|é|#ab|https://a\\.example/|@a@b\\.example|\n\n| ){0,24}";

/// Tags as they come, in any order, closed or not.
fn any_html() -> impl Strategy<Value = String> {
    let tag = prop_oneof![
        4 => Just("b"), 4 => Just("em"), 2 => Just("u"), 2 => Just("del"), 2 => Just("code"),
        4 => Just("p"), 2 => Just("div"), 3 => Just("blockquote"), 3 => Just("pre"), 2 => Just("ul"),
        2 => Just("li"), 1 => Just("ol"), 1 => Just("h1"), 4 => Just("a"), 2 => Just("span"),
        1 => Just("script"), 1 => Just("svg"), 1 => Just("td"), 1 => Just("x"),
    ];
    let attribute = prop_oneof![
        3 => Just(""),
        2 => Just(" href=\"https://a.example/x?y=1&amp;z\""),
        1 => Just(" href=\"https://a.example/\""),
        1 => Just(" href=\"javascript:x\""),
        1 => Just(" class=\"u-url mention\" href=\"https://a.example/@u\""),
        1 => Just(" class=\"mention hashtag\" href=\"https://a.example/tags/x\""),
        1 => Just(" class=\"spoiler\""),
        1 => Just(" class=\"invisible\""),
        1 => Just(" class=\"ellipsis\""),
        1 => Just(" class=\"language-rust\""),
    ];
    let token = prop_oneof![
        4 => (tag.clone(), attribute).prop_map(|(tag, attribute)| format!("<{tag}{attribute}>")),
        4 => tag.prop_map(|tag| format!("</{tag}>")),
        2 => Just("<br>".to_owned()),
        1 => Just("<img alt=':x: y'>".to_owned()),
        5 => LETTERS,
        2 => "(&lt;|&amp;|&quot;|&nbsp;|&#13;|&#0;|a|b|#ab|@u|https://a\\.example/)",
    ];
    proptest::collection::vec(token, 0..24).prop_map(|tokens| tokens.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    /// What was read once is read the same from what we write of it, for any HTML.
    #[test]
    fn html_to_entities_to_html_is_stable(html in any_html()) {
        let once = read(&html);
        let written = to_html(&once.text, &once.entities, Spoilers::Warn, &Nobody).html;
        let twice = read(&written);
        prop_assert_eq!(&twice, &once, "{} → {}", html, written);
        let again = to_html(&twice.text, &twice.entities, Spoilers::Warn, &Nobody).html;
        prop_assert_eq!(again, written);
    }

    /// What is read keeps the promises of [`Text`].
    #[test]
    fn what_is_read_may_be_stored(html in any_html()) {
        let text = read(&html);
        prop_assert!(!text.text.contains(|c: char| c.is_ascii_control() && c != '\n' && c != '\t'));
        prop_assert!(!text.text.starts_with('\n') && !text.text.ends_with(['\n', ' ']), "{:?}", text);
        for (index, entity) in text.entities.iter().enumerate() {
            let part = utf16_slice(&text.text, entity.offset, entity.length);
            prop_assert!(entity.length > 0 && part.is_some(), "{:?}", text);
            for other in text.entities.iter().skip(index + 1) {
                let inside = other.offset + other.length <= entity.offset + entity.length;
                let behind = entity.offset + entity.length <= other.offset;
                prop_assert!(other.offset >= entity.offset && (inside || behind), "{:?}", text);
            }
        }
        let kept = text.text.trim().is_empty()
            || Text::parse(&text.text, text.entities.clone()).is_ok();
        prop_assert!(kept);
    }

    /// Any entities over any text, emoji and right-to-left too: well nested, escaped, and nothing
    /// that a sanitizer would change.
    #[test]
    fn what_is_written_is_clean(
        text in LETTERS,
        raw in proptest::collection::vec((-1_i32..40, -1_i32..40, any_kind()), 0..10),
        reveal: bool,
    ) {
        let entities: Vec<Entity> =
            raw.into_iter().map(|(offset, length, kind)| entity(offset, length, kind)).collect();
        let spoilers = if reveal { Spoilers::Reveal } else { Spoilers::Warn };
        let done = to_html(&text, &entities, spoilers, &Known);
        well_nested(&done.html).map_err(TestCaseError::fail)?;
        prop_assert_eq!(clean(&done.html), done.html.clone());
        // All that was written is there, in order, whatever formats it.
        let letters = |text: &str| -> String {
            text.chars().filter(|c| !c.is_whitespace() && !c.is_control()).collect()
        };
        let mut shown = String::new();
        for token in Tokenizer::new(&done.html).map(|token| token.unwrap()) {
            if let Token::String(part) = token {
                shown.push_str(&String::from_utf8_lossy(&part.value));
            }
        }
        prop_assert_eq!(letters(&shown), letters(&text).replace("@ann@far.example", "@ann"));
        // And reading it is stable.
        let once = read(&done.html);
        let written = to_html(&once.text, &once.entities, Spoilers::Warn, &Nobody).html;
        prop_assert_eq!(read(&written), once);
    }

    /// What is taken out is whole lines; entities stay on what they were on.
    #[test]
    fn lines_taken_out_move_entities(
        lines in proptest::collection::vec("(CW: x|ALT: 😀|LANG: de|a😀b|ab c|)", 0..8),
        raw in proptest::collection::vec((0_i32..30, 1_i32..30), 0..4),
    ) {
        let text = lines.join("\n");
        let entities: Vec<Entity> =
            raw.into_iter().map(|(at, long)| entity(at, long, EntityKind::Bold)).collect();
        let caption = split_caption(&text, &entities);
        let about = |line: &&String| line.contains(": ");
        let kept: Vec<&str> = lines.iter().filter(|line| !about(line)).map(String::as_str).collect();
        let kept = kept.join("\n");
        prop_assert_eq!(caption.text.trim(), kept.trim());
        prop_assert_eq!(caption.alts.len(), lines.iter().filter(|line| line.starts_with("ALT")).count());
        for entity in &caption.entities {
            prop_assert!(utf16_slice(&caption.text, entity.offset, entity.length).is_some());
        }
    }
}
