mod documents;
mod ids;
mod incoming;

use serde_json::Value;

use super::context::PUBLIC;
use super::date::read_date;
use super::note::Quoted;
use super::*;
use crate::text::HtmlText;

const CID: Cid = Cid([7; 20]);
const MID: Mid = Mid { node: [1; 16], inc: 2, seq: 30 };

fn ids() -> Ids {
    Ids::new("https://ap.example", "example.org").unwrap()
}

fn post(html: &str) -> Note {
    Note {
        cid: CID,
        mid: MID,
        username: "news".into(),
        published_s: 1_796_028_900,
        updated_s: None,
        text: HtmlText { html: html.into(), ..HtmlText::default() },
        before: Vec::new(),
        behind: Vec::new(),
        warning: None,
        sensitive: false,
        language: None,
        visibility: Visibility::Public,
        in_reply_to: None,
        thread: MID,
        attachments: Vec::new(),
        quoted: None,
        quotable: true,
        poll: None,
        counts: Counts { replies: 3, likes: 4, shares: 5 },
    }
}

/// Every term of a document is declared in its context, or is one of the two that it names.
fn undeclared(document: &Value) -> Vec<String> {
    const KNOWN: &[&str] = &[
        // The vocabulary, and security/v1.
        "id",
        "type",
        "actor",
        "object",
        "target",
        "to",
        "cc",
        "published",
        "updated",
        "content",
        "contentMap",
        "summary",
        "name",
        "url",
        "href",
        "rel",
        "mediaType",
        "width",
        "height",
        "duration",
        "icon",
        "image",
        "tag",
        "attachment",
        "attributedTo",
        "inReplyTo",
        "replies",
        "likes",
        "shares",
        "context",
        "oneOf",
        "anyOf",
        "closed",
        "endTime",
        "first",
        "next",
        "prev",
        "partOf",
        "items",
        "orderedItems",
        "totalItems",
        "inbox",
        "outbox",
        "followers",
        "following",
        "endpoints",
        "sharedInbox",
        "preferredUsername",
        "result",
        "instrument",
        "deleted",
        "publicKey",
        "owner",
        "publicKeyPem",
    ];
    fn walk(value: &Value, terms: &serde_json::Map<String, Value>, wrong: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                for (name, inner) in fields.iter().filter(|(name, _)| *name != "@context") {
                    // Codes of languages are no terms.
                    let known = KNOWN.contains(&name.as_str())
                        || terms.contains_key(name)
                        || name.len() == 2;
                    if !known {
                        wrong.push(name.clone());
                    }
                    walk(inner, terms, wrong);
                }
                assert!(fields.values().all(|value| !value.is_null()), "a null in {value}");
            }
            Value::Array(list) => list.iter().for_each(|inner| walk(inner, terms, wrong)),
            _ => {}
        }
    }
    let terms = document["@context"][2].as_object().expect("a context of its own");
    let mut wrong = Vec::new();
    walk(document, terms, &mut wrong);
    wrong
}
