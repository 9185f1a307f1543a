//! The pages themselves.

use maud::{Markup, html};

use crate::layout::page;
use crate::links::Link;

/// Colours of faces without a picture.
const FACES: i64 = 7;

/// Who may join a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registration {
    /// Who has an invite.
    Invite,
    /// Anybody.
    Open,
    /// Nobody.
    Closed,
}

/// What a node says of itself.
#[derive(Debug, Clone)]
pub struct About {
    /// Its name.
    pub name: String,
    /// Who may join.
    pub registration: Registration,
    /// `IP:PORT` for clients.
    pub mtproto: String,
    /// The DC number to connect as.
    pub dc: i32,
    /// Fingerprint of the RSA key, as 16 hex digits.
    pub rsa_fingerprint: String,
    /// The RSA key as PKCS#1 PEM.
    pub rsa_pem: String,
    /// Whether `/web/` is a web client.
    pub web_client: bool,
    /// Where members log in by another service, if they can.
    pub login: Option<&'static str>,
    /// Who runs it; may be empty.
    pub operator: String,
    /// Where abuse is told of: a mail address or a page.
    pub contact: Option<String>,
    /// What members agree to, one rule each.
    pub rules: Vec<String>,
}

/// What everybody may see of a member.
#[derive(Debug, Clone)]
pub struct Profile {
    /// Chooses the colour of a face without a picture.
    pub id: i64,
    /// First and last name.
    pub name: String,
    /// As its owner spells it.
    pub username: String,
    /// A few words, if they are for everybody.
    pub about: Option<String>,
}

/// `/NAME`
pub(crate) fn profile(about: &About, member: &Profile) -> Markup {
    let title = format!("{} (@{})", member.name, member.username);
    page(
        &about.name,
        &title,
        &html! {
            div class=(face(member.id)) aria-hidden="true" { (initials(&member.name)) }
            h1 { (member.name) }
            p.faint { "@" (member.username) }
            @if let Some(text) = &member.about {
                p.about { (text) }
            }
            a.button href={ "tg://resolve?domain=" (member.username) } { "Send message" }
            p.faint { "Opens the Telegram app that is set up for " (about.name) "." }
        },
    )
}

/// A page that only leads on.
pub(crate) fn link(about: &About, link: &Link) -> Markup {
    page(
        &about.name,
        &link.title,
        &html! {
            h1 { (link.title) }
            p { (link.says) }
            a.button href=(link.opens) { (link.button) }
            p.faint { "Opens the Telegram app that is set up for " (about.name) "." }
        },
    )
}

/// With what somebody logs in now.
#[must_use]
pub fn code(node: &str, number: &str, code: &str, until_s: i32, is_new: bool) -> Markup {
    let until = match until_s / 60 {
        i32::MIN..=1 => "a minute".to_owned(),
        minutes @ 2..=119 => format!("{minutes} minutes"),
        minutes @ 120..=2879 => format!("{} hours", minutes / 60),
        minutes => format!("{} days", minutes / (24 * 60)),
    };
    page(
        node,
        "Your login code",
        &html! {
            h1 { "Your login code" }
            @if is_new {
                p { "Welcome. This number is yours from now on; your app asks for it, and for the code." }
            } @else {
                p { "Type number and code into your app." }
            }
            p.faint { "Number" }
            p.code id="number" { (number) }
            p.faint { "Code" }
            p.code id="code" { (code) }
            p.faint { "Good for " (until) " and one login. Do not give it to anyone." }
            p { a href="/" { "How to connect an app" } }
        },
    )
}

/// The class of a face without a picture.
pub(crate) fn face(id: i64) -> String {
    format!("face face{}", id.rem_euclid(FACES))
}

/// The first letters of the first two words.
pub(crate) fn initials(name: &str) -> String {
    let first = |word: &str| word.chars().next().map(|c| c.to_uppercase().collect::<String>());
    name.split_whitespace().filter_map(first).take(2).collect()
}
