//! What all pages of the owner share, and those for whoever is not inside.

use maud::{DOCTYPE, Markup, html};

use super::model::Notice;

/// Where the owner can go.
const PLACES: [(&str, &str); 8] = [
    ("/admin", "Overview"),
    ("/admin/people", "People"),
    ("/admin/invites", "Invites"),
    ("/admin/channels", "Channels"),
    ("/admin/peers", "Nodes"),
    ("/admin/queues", "Queues"),
    ("/admin/reports", "Reports"),
    ("/admin/storage", "Storage"),
];

/// What surrounds a page inside.
pub(super) struct Shell {
    /// The node's name.
    pub(super) node: String,
    /// One of [`PLACES`].
    pub(super) here: &'static str,
    /// What its forms carry.
    pub(super) form: String,
    /// What became of what was asked for last.
    pub(super) notice: Option<Notice>,
}

impl Shell {
    /// A whole page inside.
    pub(super) fn page(&self, body: &Markup) -> Markup {
        let title =
            PLACES.iter().find(|(path, _)| *path == self.here).map_or("", |(_, name)| *name);
        document(
            &format!("{title} · {}", self.node),
            &html! {
                header.top {
                    p.node { (self.node) }
                    form method="post" action="/admin/logout" {
                        (self.token())
                        button.quiet type="submit" { "Log out" }
                    }
                }
                nav.places aria-label="Admin" {
                    ul {
                        @for (path, name) in PLACES {
                            li {
                                @if path == self.here {
                                    a href=(path) aria-current="page" { (name) }
                                } @else {
                                    a href=(path) { (name) }
                                }
                            }
                        }
                    }
                }
                main {
                    @if let Some(notice) = &self.notice { (shown(notice)) }
                    (body)
                }
            },
        )
    }

    /// A page that cannot be shown.
    pub(super) fn cannot(&self, reason: &str) -> Markup {
        self.page(&html! {
            h1 { "Not shown" }
            p.notice.failed { (sentence(reason)) }
        })
    }

    /// The hidden part of every form.
    pub(super) fn token(&self) -> Markup {
        html! { input type="hidden" name="token" value=(self.form); }
    }

    /// A button that does something at once. `fields` are those of [`super::Act`], `do` first.
    pub(super) fn button(&self, fields: &[(&str, &str)], says: &str, class: &str) -> Markup {
        html! {
            form.act method="post" action="/admin/act" {
                (self.token())
                @for (name, value) in fields { input type="hidden" name=(name) value=(value); }
                button class=(class) type="submit" { (says) }
            }
        }
    }

    /// A button behind a second press, which says before what it does.
    pub(super) fn asked_twice(
        &self,
        fields: &[(&str, &str)],
        says: &str,
        means: &str,
        sure: &str,
    ) -> Markup {
        html! {
            details.sure {
                summary { (says) }
                div {
                    p { (means) }
                    (self.button(fields, sure, "danger"))
                }
            }
        }
    }
}

fn shown(notice: &Notice) -> Markup {
    match notice {
        Notice::Done(words) => html! { p.notice.done role="status" { (sentence(words)) } },
        Notice::Failed(words) => html! {
            p.notice.failed role="alert" { "That was not done: " (sentence(words)) }
        },
        Notice::Invite { phone, code } => html! {
            section.notice.done role="status" {
                h2 { "A new invite" }
                dl {
                    dt { "Number" } dd { code.big id="invite-number" { (phone) } }
                    dt { "Code" } dd { code.big id="invite-code" { (code) } }
                }
                p {
                    "Whoever logs in with this number and code becomes a member. The code is shown this \
                     once; it is good for seven days and one person."
                }
            }
        },
    }
}

/// For whoever is not inside.
pub(super) fn welcome(node: &str, form: &str) -> Markup {
    outside(
        node,
        "Admin page",
        &html! {
            h1 { "Admin page" }
            p {
                "For the owner of this node. The node sends a code to the owner's own Telegram app; who \
                 types it here is let in."
            }
            form method="post" action="/admin/code" {
                input type="hidden" name="token" value=(form);
                button type="submit" { "Send me a code" }
            }
            p.faint {
                a href="/admin" { "I am logged in already" }
                " – after a link on another page, a browser has to ask once more."
            }
        },
    )
}

/// Asks for the code; `wrong` says what was not right with the last one.
pub(super) fn code(node: &str, form: &str, wrong: Option<&str>) -> Markup {
    outside(
        node,
        "Type the code",
        &html! {
            h1 { "Type the code" }
            p {
                "If somebody owns this node, a code has come to their Telegram app, in the chat with "
                strong { (node) } ". It is good for five minutes. One that came within this time is still \
                the right one: there is no second message."
            }
            @if let Some(wrong) = wrong { p.notice.failed role="alert" { (wrong) } }
            form.code-form method="post" action="/admin/login" {
                input type="hidden" name="token" value=(form);
                label for="code" { "Code" }
                input.digits id="code" name="code" type="text" inputmode="numeric"
                    autocomplete="one-time-code" maxlength="16" required autofocus;
                button type="submit" { "Log in" }
            }
            p.faint { a href="/admin" { "Back" } }
        },
    )
}

/// A page with a few words.
pub(super) fn message(node: &str, title: &str, says: &str) -> Markup {
    outside(
        node,
        title,
        &html! {
            h1 { (title) }
            p { (says) }
            p { a href="/admin" { "To the admin page" } }
        },
    )
}

fn outside(node: &str, title: &str, body: &Markup) -> Markup {
    document(
        &format!("{title} · {node}"),
        &html! {
            main.outside {
                p.node { (node) }
                (body)
            }
        },
    )
}

fn document(title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                link rel="stylesheet" href="/admin/style.css";
                link rel="icon" href="/icon.svg" type="image/svg+xml";
            }
            body { (body) }
        }
    }
}

/// Words of an error, or of ours, as a sentence.
fn sentence(words: &str) -> String {
    let words = words.trim();
    let mut chars = words.chars();
    let first: String = chars.next().map(|c| c.to_uppercase().collect()).unwrap_or_default();
    let end = if words.ends_with(['.', '!', '?', ':']) { "" } else { "." };
    format!("{first}{}{end}", chars.as_str())
}
