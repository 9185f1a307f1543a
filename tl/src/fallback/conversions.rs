//! Fields of older editions and the newer fields that say the same.

use std::any::Any;

use super::{Conversion, keyboard};
use crate::enums::{self, InputPeer, InputReplyTo, Peer, RecentStory, TextWithEntities};
use crate::types;

macro_rules! conversion {
    (
        $of:literal, $type:ty, $reason:literal,
        |$write:ident| $fill_old:expr, |$read:ident| $fill_new:expr $(,)?
    ) => {
        Conversion {
            of: $of,
            reason: $reason,
            write: |shape| {
                let any: &dyn Any = shape;
                let mut value = any.downcast_ref::<$type>()?.clone();
                let $write = &mut value;
                $fill_old;
                Some(Box::new(value))
            },
            read: |shape| {
                let any: &mut dyn Any = shape;
                if let Some($read) = any.downcast_mut::<$type>() {
                    $fill_new;
                }
            },
        }
    };
}

/// A request whose reply was two numbers up to layer 158 (drafts: 160).
macro_rules! reply_to {
    ($of:literal, $type:ty) => {
        conversion!(
            $of,
            $type,
            "a reply was reply_to_msg_id and top_msg_id before it was an InputReplyTo",
            |v| {
                let (reply, top) = reply_numbers(v.reply_to.as_ref());
                fill(&mut v.reply_to_msg_id, || reply);
                fill(&mut v.top_msg_id, || top);
            },
            |v| {
                let reply = reply_from_numbers(v.reply_to_msg_id, v.top_msg_id);
                fill(&mut v.reply_to, || reply);
            }
        )
    };
}

/// A title or text that got entities.
macro_rules! formatted {
    ($of:literal, $type:ty, $new:ident, $old:ident, $reason:literal) => {
        conversion!(
            $of,
            $type,
            $reason,
            |v| {
                let text = plain(&v.$new);
                fill(&mut v.$old, || text);
            },
            |v| {
                let text = formatted(&v.$old);
                fill(&mut v.$new, || text);
            }
        )
    };
}

/// `user` and `channel` changed in step.
macro_rules! color_and_story {
    ($of:literal, $type:ty) => {
        conversion!(
            $of,
            $type,
            "color was an int with the emoji beside it in layers 161 to 166, stories_max_id an int \
             up to 216",
            |v| {
                if let Some(enums::PeerColor::PeerColor(color)) = &v.color {
                    let (color, emoji) = (color.color, color.background_emoji_id);
                    fill(&mut v.color_until_166, || color);
                    fill(&mut v.background_emoji_id, || emoji);
                }
                if let Some(RecentStory::RecentStory(story)) = &v.stories_max_id {
                    let max_id = story.max_id;
                    fill(&mut v.stories_max_id_until_216, || max_id);
                }
            },
            |v| {
                let (color, background_emoji_id) = (v.color_until_166, v.background_emoji_id);
                if color.is_some() || background_emoji_id.is_some() {
                    let color = types::PeerColor { color, background_emoji_id };
                    fill(&mut v.color, || Some(color.into()));
                }
                if let Some(max_id) = v.stories_max_id_until_216 {
                    let story = types::RecentStory { live: false, max_id: Some(max_id) };
                    fill(&mut v.stories_max_id, || Some(story.into()));
                }
            }
        )
    };
}

/// What only users did, and now channels too.
macro_rules! story_peer {
    ($of:literal, $type:ty) => {
        conversion!(
            $of,
            $type,
            "a user_id became a peer when channels could do it too (159 to 167)",
            |v| {
                let user = user_of(&v.peer);
                fill(&mut v.user_id, || user);
            },
            |v| {
                let peer = types::PeerUser { user_id: v.user_id };
                if v.user_id != 0 {
                    fill(&mut v.peer, || peer.into());
                }
            }
        )
    };
}

/// At most one row a constructor.
pub static CONVERSIONS: &[Conversion] = &[
    color_and_story!("user", types::User),
    color_and_story!("channel", types::Channel),
    formatted!(
        "dialogFilter",
        types::DialogFilter,
        title,
        title_until_195,
        "titles of folders got custom emoji (196)"
    ),
    formatted!(
        "dialogFilterChatlist",
        types::DialogFilterChatlist,
        title,
        title_until_195,
        "titles of folders got custom emoji (196)"
    ),
    formatted!(
        "chatlists.chatlistInvite",
        types::chatlists::ChatlistInvite,
        title,
        title_until_195,
        "titles of folders got custom emoji (196)"
    ),
    formatted!("poll", types::Poll, question, question_until_177, "polls got custom emoji (178)"),
    formatted!(
        "pollAnswer",
        types::PollAnswer,
        text,
        text_until_177,
        "polls got custom emoji (178)"
    ),
    reply_to!("messages.sendMessage", crate::functions::messages::SendMessage),
    reply_to!("messages.sendMedia", crate::functions::messages::SendMedia),
    reply_to!("messages.sendMultiMedia", crate::functions::messages::SendMultiMedia),
    reply_to!("messages.sendInlineBotResult", crate::functions::messages::SendInlineBotResult),
    reply_to!("messages.saveDraft", crate::functions::messages::SaveDraft),
    reply_to!("messages.requestWebView", crate::functions::messages::RequestWebView),
    reply_to!("messages.prolongWebView", crate::functions::messages::ProlongWebView),
    conversion!(
        "messages.sendScreenshotNotification",
        crate::functions::messages::SendScreenshotNotification,
        "a reply was reply_to_msg_id before it was an InputReplyTo",
        |v| {
            let (reply, _) = reply_numbers(Some(&v.reply_to));
            fill(&mut v.reply_to_msg_id, || reply.unwrap_or(0));
        },
        |v| {
            if let Some(reply) = reply_from_numbers(Some(v.reply_to_msg_id), None) {
                fill(&mut v.reply_to, || reply);
            }
        }
    ),
    conversion!(
        "draftMessage",
        types::DraftMessage,
        "a reply was reply_to_msg_id up to layer 160",
        |v| {
            let (reply, _) = reply_numbers(v.reply_to.as_ref());
            fill(&mut v.reply_to_msg_id, || reply);
        },
        |v| {
            let reply = reply_from_numbers(v.reply_to_msg_id, None);
            fill(&mut v.reply_to, || reply);
        }
    ),
    conversion!(
        "documentAttributeVideo",
        types::DocumentAttributeVideo,
        "duration was an int up to layer 158",
        |v| {
            // Saturating; a length of more than 68 years is nobody's.
            let seconds = v.duration.round() as i32;
            fill(&mut v.duration_until_158, || seconds);
        },
        |v| {
            let seconds = f64::from(v.duration_until_158);
            fill(&mut v.duration, || seconds);
        }
    ),
    conversion!(
        "pollResults",
        types::PollResults,
        "recent voters were user ids up to layer 158",
        |v| {
            let users = v.recent_voters.as_ref().map(|peers| peers.iter().map(user_of).collect());
            fill(&mut v.recent_voters_until_158, || users);
        },
        |v| {
            let peer = |user_id: &i64| types::PeerUser { user_id: *user_id }.into();
            let users = v.recent_voters_until_158.as_ref();
            let peers = users.map(|users| users.iter().map(peer).collect());
            fill(&mut v.recent_voters, || peers);
        }
    ),
    story_peer!("messageReplyStoryHeader", types::MessageReplyStoryHeader),
    story_peer!("messageMediaStory", types::MessageMediaStory),
    story_peer!("updateMessagePollVote", types::UpdateMessagePollVote),
    conversion!(
        "messageActionRequestedPeer",
        types::MessageActionRequestedPeer,
        "one peer became several (167)",
        |v| {
            if let Some(first) = v.peers.first().cloned() {
                fill(&mut v.peer, || first);
            }
        },
        |v| {
            if v.peer != Peer::default() {
                let peers = vec![v.peer.clone()];
                fill(&mut v.peers, || peers);
            }
        }
    ),
    conversion!(
        "messages.sendBotRequestedPeer",
        crate::functions::messages::SendBotRequestedPeer,
        "one peer became several (167)",
        |v| {
            if let Some(first) = v.requested_peers.first().cloned() {
                fill(&mut v.requested_peer, || first);
            }
        },
        |v| {
            if v.requested_peer != InputPeer::default() {
                let peers = vec![v.requested_peer.clone()];
                fill(&mut v.requested_peers, || peers);
            }
        }
    ),
    Conversion {
        of: "replyInlineMarkup",
        reason: "inline buttons were KeyboardButtons up to layer 228",
        write: |shape| {
            let any: &dyn Any = shape;
            let mut markup = any.downcast_ref::<types::ReplyInlineMarkup>()?.clone();
            let rows = keyboard::old_rows(&markup.rows);
            fill(&mut markup.rows_until_228, || rows);
            Some(Box::new(markup))
        },
        read: |_| (),
    },
    Conversion {
        of: "keyboardButton",
        reason: "each kind of button was a constructor of its own up to layer 228",
        write: |shape| {
            let any: &dyn Any = shape;
            any.downcast_ref().and_then(keyboard::old_button)
        },
        read: |_| (),
    },
];

/// Older fields win if the caller filled them.
fn fill<T: Default + PartialEq>(place: &mut T, value: impl FnOnce() -> T) {
    if *place == T::default() {
        *place = value();
    }
}

fn plain(text: &TextWithEntities) -> String {
    let TextWithEntities::TextWithEntities(text) = text;
    text.text.clone()
}

fn formatted(text: &str) -> TextWithEntities {
    types::TextWithEntities { text: text.to_owned(), entities: Vec::new() }.into()
}

fn reply_numbers(reply: Option<&InputReplyTo>) -> (Option<i32>, Option<i32>) {
    match reply {
        Some(InputReplyTo::InputReplyToMessage(reply)) => {
            let number = Some(reply.reply_to_msg_id);
            (number.filter(|_| reply.top_msg_id != number), reply.top_msg_id)
        }
        _ => (None, None),
    }
}

/// A message into a topic had `top_msg_id` alone: it answers the message that opened the topic.
fn reply_from_numbers(reply: Option<i32>, top: Option<i32>) -> Option<InputReplyTo> {
    let reply_to_msg_id = reply.or(top)?;
    let reply =
        types::InputReplyToMessage { reply_to_msg_id, top_msg_id: top, ..Default::default() };
    Some(reply.into())
}

/// 0 for what is no user: older layers knew of users only.
fn user_of(peer: &Peer) -> i64 {
    match peer {
        Peer::PeerUser(user) => user.user_id,
        _ => 0,
    }
}
