//! The page of an invite: with what somebody joins, and how.

use maud::{Markup, html};

use crate::channel::when;
use crate::home::{Program, coordinates, program_links, trust, who};
use crate::layout::{page, wide};
use crate::pages::About;
use crate::qr;

/// An invite that is good.
#[derive(Debug, Clone)]
pub struct Invitation {
    /// The number, with its `+`.
    pub number: String,
    /// The code.
    pub code: String,
    /// Unix seconds.
    pub expires: i64,
    /// The address of its page.
    pub page: String,
    /// `tg://proxy…` links by which a client that trusts the node finds it.
    pub proxies: Vec<String>,
}

/// `/join/…`
pub(crate) fn invitation(about: &About, invite: &Invitation, programs: &[Program]) -> Markup {
    let name = &about.name;
    // What a link's preview shows holds neither number nor code.
    let head = html! {
        meta property="og:title" content={ "An invitation to " (name) };
        meta property="og:description" content="Open it to join.";
    };
    wide(
        about,
        &format!("An invitation to {name}"),
        &head,
        &html! {
            h1 { "You are invited to " (name) }
            p.lead {
                "A messenger for its members, run by its own people. Log in with this number and code, and the \
                 number is yours from then on."
            }
            div.ticket {
                div {
                    dl {
                        dt { "Number" } dd.big id="number" { (grouped(&invite.number)) }
                        dt { "Code" } dd.big id="code" { (invite.code) }
                    }
                    p.faint {
                        "Good until " (when(invite.expires)) ", for one person. Whoever has this page can use \
                         it: do not pass it on."
                    }
                }
                @if let Some(code) = qr::drawing(&invite.page, "QR code with the address of this page") {
                    figure {
                        (code)
                        figcaption.faint { "This page, for another device" }
                    }
                }
            }
            section {
                h2 { "How to get in" }
                p {
                    "The number is nobody's telephone; type it as it stands, with +888, wherever a client asks for \
                     a phone number. No text message comes: the code above is what the client asks for next."
                }
                @if about.web_client {
                    (way("In this browser", &html! {
                        p { "Nothing to install, on a computer or a telephone." }
                        p { a.button href="/web/" { "Open the web client" } }
                    }))
                }
                (way("Telegram Desktop", &html! {
                    p {
                        "Ask who invited you for the copy of Telegram Desktop that is prepared for " (name) " \
                         (" code { "rookery client-config --repoint" } " makes one, of the Linux program). Start it, \
                         choose “Log in by phone number”, and type number and code. The one from telegram.org cannot connect here."
                    }
                }))
                (way("Apps that are made with TDLib", &html! {
                    p {
                        "They work with a copy of their library, " code { "libtdjson.so" } ", that is prepared for "
                        (name) " in the same way."
                    }
                    @if invite.proxies.is_empty() {
                        p.faint { "This node has no proxy secret yet, by which such a copy finds it." }
                    } @else {
                        p { "Such a copy finds the node by an MTProto proxy. Open this link with it, or type in what it says:" }
                        @for proxy in &invite.proxies {
                            pre.wrap tabindex="0" { a href=(proxy) { (proxy) } }
                        }
                    }
                }))
                (way("Telethon, Pyrogram, gramjs and other libraries", &html! {
                    p { "A client of your own: give the library this node's address and key." }
                    (coordinates(about))
                    (program_links(programs))
                }))
                (way("Telegram's apps for phones", &html! {
                    p {
                        "They cannot connect: the apps from the stores trust Telegram's key alone, and nobody can \
                         point them elsewhere."
                        @if about.web_client { " On a phone, use the web client." }
                    }
                }))
            }
            section {
                h2 { "Before you join" }
                (trust())
            }
            (who(about))
        },
    )
}

/// The same for an invite that was used, one that has expired, and one that never was.
pub(crate) fn over(about: &About) -> Markup {
    page(
        &about.name,
        "This invitation is over",
        &html! {
            h1 { "This invitation is over" }
            p {
                "An invitation is good for one person and a few days. Perhaps it was used, perhaps its time is up, \
                 or a part of the link is missing."
            }
            p { "If you have joined " (about.name) " already, log in with your number as before. If not, ask for a new one." }
            p { a href="/" { "What " (about.name) " is" } }
        },
    )
}

fn way(title: &str, says: &Markup) -> Markup {
    html! { section.way { h3 { (title) } (says) } }
}

/// A number of the reserved range in groups, without spaces in the text: it can be copied.
fn grouped(number: &str) -> Markup {
    let (head, rest) = number.split_at_checked(4).unwrap_or((number, ""));
    let (middle, end) = rest.split_at_checked(4).unwrap_or((rest, ""));
    html! { span { (head) } span { (middle) } span { (end) } }
}
