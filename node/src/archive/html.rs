//! Pages of an archive: for people, without scripts, readable without a network.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::PathBuf;

use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde_json::{Map, Value};

use super::ask::Dialog;
use super::write::create;

/// Messages of one page.
const PAGE_MESSAGES: usize = 1000;

/// Nothing is loaded but pictures beside the page, and nothing runs: names and texts are of anybody.
const POLICY: &str = "default-src 'none'; img-src * data:; media-src *; style-src 'unsafe-inline'";

const STYLE: &str = "\
:root{color-scheme:light dark}
body{background:#fff;color:#111;font:16px/1.45 system-ui,sans-serif;margin:0 auto;max-width:44rem;padding:1rem}
article{border-top:1px solid #8884;padding:.6rem 0;overflow-wrap:anywhere}
h1{font-size:1.4rem}
.from{font-weight:600}
.date,.note{color:#767676;font-size:.85rem}
.date{float:right}
a{color:#0b57d0}
@media (prefers-color-scheme:dark){
body{background:#121212;color:#e8e8e8}
a{color:#8ab4f8}
.date,.note{color:#a0a0a0}
}
.text{white-space:pre-wrap;margin:.2rem 0}
blockquote{border-left:3px solid #8888;margin:.2rem 0;padding-left:.6rem}
img{max-width:100%;max-height:24rem;height:auto}
.told{text-align:center}
td,th{overflow-wrap:anywhere;text-align:left;padding:.15rem .8rem .15rem 0;vertical-align:top}
";

/// What every page ends with: between, messages are written one by one.
const END: &str = "</main></body></html>";

type Fields = Map<String, Value>;

fn document(title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="referrer" content="no-referrer";
                // A browser that is told of no picture asks for one.
                link rel="icon" href="data:,";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body { main { (body) } }
        }
    }
}

/// How a dialog is called.
fn called(dialog: &Dialog) -> &str {
    match (&dialog.name, dialog.kind.as_str()) {
        (_, "saved_messages") => "Saved messages",
        (Some(name), _) => name,
        (None, _) => "Deleted account",
    }
}

/// The first page of a member's archive.
pub(super) fn index(personal: &Fields, dialogs: &[(&Dialog, String, u64)]) -> Markup {
    let own = personal.get("personal_information");
    let text = |name: &str| own.map(|own| shown(own, name)).unwrap_or_default();
    let title = format!("{} {}", text("first_name"), text("last_name"));
    let list = |name: &str| {
        let list = personal.get(name).and_then(|of| of["list"].as_array());
        list.into_iter().flatten()
    };
    document(
        title.trim(),
        &html! {
            h1 { (title.trim()) }
            table {
                @for (name, label) in [("phone_number", "Number"), ("username", "Username"),
                    ("bio", "About"), ("birthday", "Birthday")] {
                    @if !text(name).is_empty() { tr { th scope="row" { (label) } td { (text(name)) } } }
                }
                tr { th scope="row" { "Member since" } td { (text("created").replace('T', " ")) } }
            }
            h2 { "Chats" }
            table {
                @for (dialog, folder, count) in dialogs {
                    tr {
                        td { a href=(format!("{folder}/messages.html")) { (called(dialog)) } }
                        td { (dialog.kind.replace('_', " ")) }
                        td { (count) }
                    }
                }
            }
            h2 { "Contacts" }
            table {
                @for contact in list("contacts") {
                    tr {
                        td { (shown(contact, "first_name")) " " (shown(contact, "last_name")) }
                        td { (shown(contact, "phone_number")) }
                    }
                }
            }
            h2 { "Logins" }
            table {
                @for login in list("sessions") {
                    tr {
                        td { (shown(login, "device_model")) ", " (shown(login, "system_version")) }
                        td { (shown(login, "last_ip")) }
                        td { (shown(login, "last_active").replace('T', " ")) }
                    }
                }
            }
            p { "Everything, also what is not on these pages, is in " a href="result.json" { "result.json" } "." }
        },
    )
}

fn shown<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

/// Pages of one dialog, written as its messages come.
pub(super) struct Pages {
    directory: PathBuf,
    title: String,
    /// There is a first page of the archive two folders above.
    has_index: bool,
    /// The first message of each page.
    firsts: Vec<i64>,
    on_page: usize,
    out: Option<BufWriter<File>>,
}

impl Pages {
    pub(super) fn new(directory: PathBuf, dialog: &Dialog, has_index: bool) -> Self {
        let title = called(dialog).to_owned();
        Self { directory, title, has_index, firsts: Vec::new(), on_page: 0, out: None }
    }

    /// Adds a message. Paths in it begin at `folder`, where the dialog has one.
    pub(super) fn add(&mut self, fields: &Fields, folder: Option<&str>) -> anyhow::Result<()> {
        let id = fields.get("id").and_then(Value::as_i64).unwrap_or(0);
        if self.on_page == PAGE_MESSAGES || self.out.is_none() {
            self.turn(id)?;
        }
        self.on_page += 1;
        let shown = message(fields, folder, |to| self.page_of(to)).into_string();
        if let Some(out) = &mut self.out {
            out.write_all(shown.as_bytes())?;
        }
        Ok(())
    }

    /// The page on which a message stands, if it is there by now.
    fn page_of(&self, id: i64) -> Option<String> {
        let page = self.firsts.partition_point(|first| *first <= id);
        (page > 0).then(|| page_name(page))
    }

    fn turn(&mut self, first: i64) -> anyhow::Result<()> {
        let next = self.firsts.len() + 1;
        if let Some(mut out) = self.out.take() {
            let link = html! { p { a href=(page_name(next)) { "Next messages" } } };
            writeln!(out, "{}{END}", link.into_string())?;
            out.flush()?;
        }
        let head = document(
            &self.title,
            &html! {
                header {
                    @if self.has_index { p { a href="../../index.html" { "All chats" } } }
                    h1 { (self.title) }
                    @if next > 1 { p { a href=(page_name(next - 1)) { "Previous messages" } } }
                }
            },
        );
        let head = head.into_string();
        let head = head.strip_suffix(END).unwrap_or(&head);
        let mut out = BufWriter::new(create(&self.directory.join(page_name(next)))?);
        out.write_all(head.as_bytes())?;
        self.out = Some(out);
        self.firsts.push(first);
        self.on_page = 0;
        Ok(())
    }

    /// The last page ends; a dialog without messages has one too.
    pub(super) fn end(mut self) -> anyhow::Result<()> {
        if self.out.is_none() {
            self.turn(0)?;
        }
        if let Some(mut out) = self.out {
            writeln!(out, "{END}")?;
            out.flush()?;
        }
        Ok(())
    }
}

fn page_name(page: usize) -> String {
    if page == 1 { "messages.html".to_owned() } else { format!("messages{page}.html") }
}

fn message(
    fields: &Fields,
    folder: Option<&str>,
    page_of: impl Fn(i64) -> Option<String>,
) -> Markup {
    let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
    let who = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or("Deleted account");
    let id = fields.get("id").and_then(Value::as_i64).unwrap_or(0);
    let when = html! {
        time.date datetime=(format!("{}Z", text("date"))) { (text("date").replace('T', " ")) }
    };
    if text("type") == "service" {
        return html! {
            article.told id=(format!("message{id}")) {
                (when) (who("actor")) ": " (text("action").replace('_', " "))
                @for name in ["title", "new_title"] {
                    @if !text(name).is_empty() { " “" (text(name)) "”" }
                }
                @if let Some(members) = fields.get("members").and_then(Value::as_array) {
                    @for member in members { " " (member.as_str().unwrap_or("Deleted account")) }
                }
                (file(fields, folder))
            }
        };
    }
    html! {
        article id=(format!("message{id}")) {
            (when)
            span.from { (who("from")) }
            @if !text("author").is_empty() { ", " (text("author")) }
            @if fields.contains_key("edited") { " " span.note { "edited " (text("edited").replace('T', " ")) } }
            @if fields.contains_key("forwarded_from") {
                div.note { "Forwarded from " (who("forwarded_from")) }
            }
            @if let Some(to) = fields.get("reply_to_message_id").and_then(Value::as_i64) {
                div.note {
                    @match page_of(to) {
                        Some(page) => { a href=(format!("{page}#message{to}")) { "In reply to this message" } }
                        None => { "In reply to an earlier message" }
                    }
                }
            }
            (file(fields, folder))
            (other(fields))
            @if let Some(parts) = fields.get("text_entities").and_then(Value::as_array).filter(|parts| !parts.is_empty()) {
                div.text { @for part in parts { (formatted(part)) } }
            }
            @if let Some(all) = fields.get("reactions").and_then(Value::as_array) {
                div.note {
                    @for one in all { (one["emoji"].as_str().unwrap_or("custom emoji")) " " (one["count"]) " " }
                }
            }
        }
    }
}

/// A photo or a file; a browser shows only what is a picture.
fn file(fields: &Fields, folder: Option<&str>) -> Markup {
    let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
    let (is_photo, path) = match text("photo") {
        "" => (false, text("file")),
        path => (true, path),
    };
    if path.is_empty() {
        return html! {};
    }
    // From the page on: both begin in the same folder.
    let here =
        folder.and_then(|folder| path.strip_prefix(folder)?.strip_prefix('/')).unwrap_or(path);
    let called = if text("file_name").is_empty() { here } else { text("file_name") };
    if path.starts_with('(') {
        return html! { p.note { (text("file_name")) " " (path) } };
    }
    let is_picture = is_photo
        || text("mime_type") == "image/webp"
        || text("media_type") == "sticker" && here.ends_with(".webp");
    html! {
        p {
            a href=(here) download[!is_picture] {
                @if is_picture { img src=(here) alt=(if is_photo { "Photo" } else { "Picture" }) loading="lazy"; }
                @else { (called) }
            }
        }
    }
}

/// What comes with a message and is no file.
fn other(fields: &Fields) -> Markup {
    let value = |name: &str| fields.get(name);
    html! {
        @if let Some(contact) = value("contact_information") {
            p { (shown(contact, "first_name")) " " (shown(contact, "last_name")) " " (shown(contact, "phone_number")) }
        }
        @if let Some(name) = value("place_name") {
            p { (name.as_str().unwrap_or_default()) ", " (value("address").and_then(Value::as_str).unwrap_or_default()) }
        }
        @if let Some(place) = value("location_information") {
            p { (place["latitude"]) ", " (place["longitude"]) }
        }
        @if let Some(dice) = value("dice") { p { (shown(dice, "emoji")) " " (dice["value"]) } }
        @if let Some(poll) = value("poll") {
            p { (shown(poll, "question")) }
            ul {
                @for answer in poll["answers"].as_array().into_iter().flatten() {
                    li { (shown(answer, "text")) ": " (answer["voters"]) @if answer["chosen"] == true { " ✓" } }
                }
            }
        }
    }
}

/// A part of a text.
fn formatted(part: &Value) -> Markup {
    let text = shown(part, "text");
    let link = |address: &str| html! { a href=(address) rel="noreferrer noopener" { (text) } };
    match shown(part, "type") {
        "bold" => html! { strong { (text) } },
        "italic" => html! { em { (text) } },
        "underline" => html! { u { (text) } },
        "strikethrough" => html! { s { (text) } },
        "code" => html! { code { (text) } },
        "pre" => html! { pre { (text) } },
        "blockquote" => html! { blockquote { (text) } },
        "spoiler" => html! { details { summary { "Spoiler" } (text) } },
        "link" if is_web(text) => link(text),
        "link" => link(&format!("https://{text}")),
        "text_link" if is_web(shown(part, "href")) => link(shown(part, "href")),
        "email" => link(&format!("mailto:{text}")),
        _ => html! { (text) },
    }
}

/// Whether a link leads to a page, and to nothing that would run here.
fn is_web(address: &str) -> bool {
    let low = address.trim_start().to_ascii_lowercase();
    low.starts_with("https://") || low.starts_with("http://")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn html_of(fields: &Value) -> String {
        message(fields.as_object().unwrap(), Some("chats/chat_0001"), |_| None).into_string()
    }

    #[test]
    fn what_members_write_is_text_and_runs_nowhere() {
        let evil = "<script>alert(1)</script>";
        let link = json!({ "type": "text_link", "text": evil, "href": "javascript:alert(1)" });
        let shown = html_of(&json!({
            "id": 5, "type": "message", "date": "2026-01-01T00:00:00", "from": evil, "author": evil,
            "forwarded_from": evil, "text_entities": [link, { "type": "bold", "text": evil }],
            "file": "chats/chat_0001/files/000001_x.html", "file_name": evil, "mime_type": "text/html",
            "poll": { "question": evil, "answers": [{ "text": evil, "voters": 1 }] },
            "contact_information": { "first_name": evil }, "place_name": evil, "dice": { "emoji": evil },
            "reactions": [{ "emoji": evil, "count": 1 }],
        }));
        assert!(!shown.contains("<script") && !shown.contains("javascript:"), "{shown}");
        assert!(shown.contains("<a href=\"files/000001_x.html\" download"), "{shown}");
        let shown = html_of(&json!({
            "id": 5, "type": "service", "date": "", "actor": evil, "action": evil, "title": evil,
            "members": [evil],
        }));
        assert!(!shown.contains("<script"), "{shown}");
    }
}
