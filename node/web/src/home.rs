//! The first page, and who runs the node.

use maud::{Markup, html};

use crate::layout::{first, notice, wide};
use crate::pages::{About, Registration};

/// A channel that its owner shows to everybody.
#[derive(Debug, Clone)]
pub struct ChannelLink {
    /// Its title.
    pub title: String,
    /// As its pages are called.
    pub username: String,
}

/// A program that logs in with a library, filled in for this node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Program {
    /// The library.
    pub library: &'static str,
    /// The file's name.
    pub file: &'static str,
    /// How the library is installed.
    pub install: &'static str,
    /// How the program is started.
    pub run: &'static str,
}

/// `/`
pub(crate) fn home(about: &About, channels: &[ChannelLink], programs: &[Program]) -> Markup {
    let joining = match about.registration {
        Registration::Invite => {
            "People join by invitation: the operator gives you a link to a page with a number and a code."
        }
        Registration::Open => "Anybody may join. The operator gives out the login code.",
        Registration::Closed => "Nobody can join at the moment.",
    };
    first(
        about,
        &html! {
            meta property="og:title" content=(about.name);
            meta name="description" content={ (about.name) ", a messenger that is run by its own people." };
        },
        &html! {
            div.hero {
                img src="/icon.svg" alt="" width="64" height="64";
                h1 { (about.name) }
                p.lead { "A messenger for its members, run by its own people." }
                @if about.web_client || about.login.is_some() {
                    p.actions {
                        @if about.web_client {
                            a.button href="/web/" { "Open the web client" }
                        }
                        @if let Some(login) = about.login {
                            a.button.second[about.web_client] href=(login) { "Get a login code" }
                        }
                    }
                }
            }
            section {
                h2 { "What this is" }
                p {
                    "A Rookery node: a server that speaks the protocol of Telegram's clients, and has nothing \
                     to do with Telegram the company. Members chat here, in private, in groups and in channels."
                }
                p { (joining) }
                (trust())
            }
            @if !channels.is_empty() {
                section {
                    h2 { "Public channels" }
                    ul.channels {
                        @for one in channels {
                            li {
                                a href={ "/@" (one.username) } { (one.title) }
                                span.faint { "@" (one.username) }
                            }
                        }
                    }
                }
            }
            (who(about))
            section {
                h2 { "Connect a client" }
                p {
                    "Telegram's own apps know Telegram's servers only. A client that can be pointed elsewhere \
                     needs the following; then it asks for your number and code."
                }
                (coordinates(about))
                (program_links(programs))
            }
        },
    )
}

/// `/about`
pub(crate) fn about_page(about: &About) -> Markup {
    let title = format!("About {}", about.name);
    wide(
        about,
        &title,
        &html! { meta property="og:title" content=(title); },
        &html! {
            h1 { (title) }
            (who(about))
        },
    )
}

/// Who runs the node, what members agree to, and where abuse is told of.
pub(crate) fn who(about: &About) -> Markup {
    html! {
        section {
            h2 { "Who runs it" }
            @if about.operator.is_empty() {
                p.faint { "Its operator has not said who runs this node." }
            } @else {
                p.about { (about.operator) }
            }
        }
        section {
            h2 { "Rules" }
            @if about.rules.is_empty() {
                p.faint { "None are written down here." }
            } @else {
                ol.rules { @for rule in &about.rules { li { (rule) } } }
            }
        }
        section {
            h2 { "Abuse and takedowns" }
            @match &about.contact {
                Some(contact) if contact.contains("://") => p { a href=(contact) { (contact) } },
                Some(contact) => p { a href={ "mailto:" (contact) } { (contact) } },
                None => p.faint {
                    "No address is given. Members report messages from their apps."
                },
            }
        }
    }
}

/// What somebody should know before they write here. `docs/TRUST.md` is the long form.
pub(crate) fn trust() -> Markup {
    notice(&html! {
        strong { "Who can read what. " }
        "Whoever runs this server can read what is written here, as with a mail server. Secret chats are the \
         exception: they are encrypted between two devices, and no server can open them."
    })
}

/// Address, DC and key, for a client's settings.
pub(crate) fn coordinates(about: &About) -> Markup {
    html! {
        dl {
            dt { "Address" } dd { code { (about.mtproto) } }
            dt { "DC" } dd { code { (about.dc) } }
            dt { "Key fingerprint" } dd { code { "0x" (about.rsa_fingerprint) } }
        }
        details {
            summary { "RSA key" }
            pre tabindex="0" { (about.rsa_pem.trim()) }
        }
    }
}

/// Programs to load, each with how to run it.
pub(crate) fn program_links(programs: &[Program]) -> Markup {
    html! {
        @if !programs.is_empty() {
            details {
                summary { "Programs that log in, to start from" }
                p.faint { "Each is a page long, has the above filled in, and asks for number, code and name." }
                ul.programs {
                    @for one in programs {
                        li {
                            a href={ "/programs/" (one.file) } download { (one.library) }
                            pre tabindex="0" { (one.install) "\n" (one.run) }
                        }
                    }
                }
            }
        }
    }
}
