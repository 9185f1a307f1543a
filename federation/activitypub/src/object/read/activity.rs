//! Activities of other servers.

use serde_json::Value;

use super::actor::{ACTORS, RemoteActor, own_id, picture, read_actor};
use super::json::{all, first, id, id_of, ids, kind, kinds, text};
use super::note::{POSTS, RemoteNote, Vote, audience, read_note, read_vote};

/// Answers that one activity may give: Mastodon allows no more in a poll.
const VOTES_MAX: usize = 20;
/// What one report may name.
const REPORTED_MAX: usize = 100;
/// Longest comment of a report, in bytes.
const COMMENT_BYTES_MAX: usize = 20 << 10;
/// Longest reaction, in bytes: an emoji of several parts, or `:name:`.
const REACTION_BYTES_MAX: usize = 256;
/// Longest name of a type that is told on, in bytes.
const KIND_BYTES_MAX: usize = 64;

/// What was made or changed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Object {
    /// A post.
    Post(Box<RemoteNote>),
    /// Answers to a poll.
    Votes(Vec<Vote>),
    /// An actor.
    Actor(Box<RemoteActor>),
    /// Its id alone: it has to be asked for.
    Elsewhere(String),
    /// Nothing that is known here.
    Other,
}

/// What somebody does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum What {
    Follow {
        object: String,
    },
    Create(Object),
    Update(Object),
    /// Of a post, by its id or its tombstone, or of an actor.
    Delete {
        object: String,
    },
    /// `reaction` is the emoji of servers that have them: itself, or `:name:` with its picture.
    Like {
        object: String,
        reaction: Option<String>,
        picture: Option<String>,
    },
    /// `EmojiReact`.
    React {
        object: String,
        reaction: String,
        picture: Option<String>,
    },
    Dislike {
        object: String,
    },
    Announce {
        object: String,
    },
    /// Actors and posts, and why.
    Flag {
        objects: Vec<String>,
        comment: String,
    },
    Block {
        object: String,
    },
    Move {
        object: String,
        target: String,
    },
    /// `object` is ours, `instrument` the post that quotes it.
    QuoteRequest {
        object: String,
        instrument: String,
    },
    /// `of` is missing where only an id was told, and never an `Undo` itself.
    Undo {
        id: Option<String>,
        of: Option<Box<What>>,
    },
    /// `id` of what was asked for, and what that was, if it was told.
    Accept {
        id: Option<String>,
        of: Option<Box<What>>,
    },
    Reject {
        id: Option<String>,
        of: Option<Box<What>>,
    },
    Add {
        object: String,
        target: String,
    },
    Remove {
        object: String,
        target: String,
    },
    View {
        object: String,
    },
    /// Something else, or one of the above without what it needs; the type as it was written.
    Other {
        kind: String,
    },
}

/// An activity.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Incoming {
    /// Its id. Some servers give none to what is not kept.
    pub(crate) id: Option<String>,
    /// Who does it.
    pub(crate) actor: String,
    /// Ids of whom it is for; everybody is [`crate::object::PUBLIC`].
    pub(crate) to: Vec<String>,
    /// The same.
    pub(crate) cc: Vec<String>,
    /// What it is.
    pub(crate) what: What,
}

/// Reads an activity; `None` only where nobody does it.
pub(crate) fn read_activity(document: &Value) -> Option<Incoming> {
    Some(Incoming {
        id: own_id(document),
        actor: id(document, "actor")?,
        to: audience(document, "to"),
        cc: audience(document, "cc"),
        what: what(document, true),
    })
}

const KNOWN: [&str; 18] = [
    "Follow",
    "Create",
    "Update",
    "Delete",
    "Like",
    "EmojiReact",
    "Dislike",
    "Announce",
    "Flag",
    "Block",
    "Move",
    "QuoteRequest",
    "Undo",
    "Accept",
    "Reject",
    "Add",
    "Remove",
    "View",
];

/// `outer`: what is undone or accepted is read too, but not what that undoes in turn.
fn what(document: &Value, outer: bool) -> What {
    let kind = kind(document, &KNOWN);
    let other = || {
        let kind = kind.get(..kind.floor_char_boundary(KIND_BYTES_MAX)).unwrap_or_default();
        What::Other { kind: kind.to_owned() }
    };
    known(document, kind, outer).unwrap_or_else(other)
}

fn known(document: &Value, kind: &str, outer: bool) -> Option<What> {
    let object = || id(document, "object");
    let target = || id(document, "target");
    let inner = |wrap: fn(Option<String>, Option<Box<What>>) -> What| {
        let inner = first(document, "object")?;
        let told = outer && inner.is_object() && !kinds(inner).is_empty();
        let of = told.then(|| Box::new(what(inner, false)));
        Some(wrap(id_of(inner), of))
    };
    Some(match kind {
        "Follow" => What::Follow { object: object()? },
        "Create" => What::Create(made(document)),
        "Update" => What::Update(made(document)),
        "Delete" => What::Delete { object: object()? },
        "Like" => {
            let (reaction, picture) =
                reaction(document).map_or((None, None), |(r, p)| (Some(r), p));
            What::Like { object: object()?, reaction, picture }
        }
        "EmojiReact" => {
            let (reaction, picture) = reaction(document)?;
            What::React { object: object()?, reaction, picture }
        }
        "Dislike" => What::Dislike { object: object()? },
        "Announce" => What::Announce { object: object()? },
        "Flag" => {
            let mut objects = ids(document, "object");
            objects.truncate(REPORTED_MAX);
            let comment = text(document, "content", COMMENT_BYTES_MAX).unwrap_or_default();
            What::Flag { objects, comment }
        }
        "Block" => What::Block { object: object()? },
        "Move" => What::Move { object: object()?, target: target()? },
        "QuoteRequest" => {
            What::QuoteRequest { object: object()?, instrument: id(document, "instrument")? }
        }
        "Undo" => inner(|id, of| What::Undo { id, of })?,
        "Accept" => inner(|id, of| What::Accept { id, of })?,
        "Reject" => inner(|id, of| What::Reject { id, of })?,
        "Add" => What::Add { object: object()?, target: target()? },
        "Remove" => What::Remove { object: object()?, target: target()? },
        "View" => What::View { object: object()? },
        _ => return None,
    })
}

/// What a `Create` or an `Update` carries. GoToSocial puts several votes into one.
fn made(document: &Value) -> Object {
    let objects = all(document, "object");
    let votes: Vec<Vote> =
        objects.iter().take(VOTES_MAX).filter_map(|object| read_vote(object)).collect();
    if !votes.is_empty() && votes.len() == objects.len().min(VOTES_MAX) {
        return Object::Votes(votes);
    }
    let Some(object) = objects.first() else { return Object::Other };
    if object.is_string() {
        return id_of(object).map_or(Object::Other, Object::Elsewhere);
    }
    let kinds = kinds(object);
    if kinds.iter().any(|kind| ACTORS.contains(kind)) {
        return read_actor(object).map_or(Object::Other, |actor| Object::Actor(Box::new(actor)));
    }
    if kinds.iter().any(|kind| POSTS.contains(kind)) {
        return read_note(object).map_or(Object::Other, |note| Object::Post(Box::new(note)));
    }
    Object::Other
}

/// The emoji of a reaction, and where its picture is if it is one of the server's own.
fn reaction(document: &Value) -> Option<(String, Option<String>)> {
    let named = ["content", "_misskey_reaction"].into_iter().find_map(|name| {
        let said = text(document, name, REACTION_BYTES_MAX)?;
        let said = said.trim().to_owned();
        (!said.is_empty()).then_some(said)
    })?;
    let emoji = all(document, "tag").into_iter().find(|tag| {
        let name = tag.get("name").and_then(Value::as_str).unwrap_or_default();
        kinds(tag).contains(&"Emoji") && name.trim_matches(':') == named.trim_matches(':')
    });
    let picture = emoji.and_then(|tag| all(tag, "icon").into_iter().find_map(picture));
    Some((named, picture))
}
