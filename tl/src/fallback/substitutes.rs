//! Constructors that stand for others of their type.

use std::any::Any;

use super::Substitute;
use crate::{Field, Shape, types};

/// By type; the first row that applies is taken.
pub static SUBSTITUTES: &[Substitute] = &[
    Substitute {
        of: "MessageMedia",
        by: "messageMediaUnsupported",
        reason: "made for this: the client asks its user to update",
        make: |_| Some(Box::new(types::MessageMediaUnsupported {})),
    },
    Substitute {
        of: "MessageAction",
        by: "messageActionEmpty",
        reason: "a service message must stay where it is, or the box has a hole",
        make: |_| Some(Box::new(types::MessageActionEmpty {})),
    },
    Substitute {
        of: "Update",
        by: "updateChannelPinnedTopic, updateChannelPinnedTopics",
        reason: "topics were of channels only up to 214",
        make: |shape| {
            if let Some(update) = downcast::<types::UpdatePinnedForumTopic>(shape) {
                let channel_id = channel_of(&update.peer)?;
                let (pinned, topic_id) = (update.pinned, update.topic_id);
                return Some(Box::new(types::UpdateChannelPinnedTopic {
                    pinned,
                    channel_id,
                    topic_id,
                }));
            }
            let update = downcast::<types::UpdatePinnedForumTopics>(shape)?;
            let (channel_id, order) = (channel_of(&update.peer)?, update.order.clone());
            Some(Box::new(types::UpdateChannelPinnedTopics { channel_id, order }))
        },
    },
    Substitute {
        of: "PageBlock",
        by: "pageBlockUnsupported",
        reason: "made for this",
        make: |_| Some(Box::new(types::PageBlockUnsupported {})),
    },
    Substitute {
        of: "RichText",
        by: "textEmpty",
        reason: "the text around it can still be shown",
        make: |_| Some(Box::new(types::TextEmpty {})),
    },
    Substitute {
        of: "Reaction",
        by: "reactionEmpty",
        reason: "counters are positional; an unknown kind shows as none",
        make: |_| Some(Box::new(types::ReactionEmpty {})),
    },
    Substitute {
        of: "EmojiStatus",
        by: "emojiStatus of the same document, else emojiStatusEmpty",
        reason: "collectibles (197) show as their emoji",
        make: |shape| {
            let document = downcast::<types::EmojiStatusCollectible>(shape)?.document_id;
            Some(Box::new(types::EmojiStatus { document_id: document, until: None }))
        },
    },
    Substitute {
        of: "SendMessageAction",
        by: "sendMessageTypingAction",
        reason: "the peer is doing something; newer kinds are refinements",
        make: |_| Some(Box::new(types::SendMessageTypingAction {})),
    },
    Substitute {
        of: "BotInlineMessage",
        by: "botInlineMessageText with its text and link",
        reason: "the preview is made by the client's server anyway",
        make: |shape| {
            let page = downcast::<types::BotInlineMessageMediaWebPage>(shape)?.clone();
            Some(Box::new(types::BotInlineMessageText {
                no_webpage: false,
                invert_media: page.invert_media,
                message: page.message,
                entities: page.entities,
                reply_markup: page.reply_markup,
            }))
        },
    },
    Substitute {
        of: "InputStickerSet",
        by: "inputStickerSetEmpty",
        reason: "a sticker stays one without its set",
        make: |_| Some(Box::new(types::InputStickerSetEmpty {})),
    },
    Substitute {
        of: "StarsTransactionPeer",
        by: "starsTransactionPeerUnsupported",
        reason: "made for this",
        make: |_| Some(Box::new(types::StarsTransactionPeerUnsupported {})),
    },
    Substitute {
        of: "auth.SentCodeType",
        by: "auth.sentCodeTypeApp with length 5",
        reason: "every client can ask for a code of digits",
        make: |_| Some(Box::new(types::auth::SentCodeTypeApp { length: 5 })),
    },
    Substitute {
        of: "messages.InvitedUsers",
        by: "its Updates",
        reason: "result of messages.createChat and others up to layer 174",
        make: |shape| {
            Some(Box::new(downcast::<types::messages::InvitedUsers>(shape)?.updates.clone()))
        },
    },
    Substitute {
        of: "messages.ChatInviteJoinResult",
        by: "its Updates",
        reason: "result of channels.joinChannel and messages.importChatInvite up to layer 225",
        make: |shape| {
            let result = downcast::<types::messages::ChatInviteJoinResultOk>(shape)?;
            Some(Box::new(result.updates.clone()))
        },
    },
    Substitute {
        of: "messages.WebPagePreview",
        by: "its MessageMedia",
        reason: "result of messages.getWebPagePreview up to layer 196",
        make: |shape| {
            Some(Box::new(downcast::<types::messages::WebPagePreview>(shape)?.media.clone()))
        },
    },
    Substitute {
        of: "messages.WebPage",
        by: "its WebPage",
        reason: "result of messages.getWebPage up to layer 160",
        make: |shape| Some(Box::new(downcast::<types::messages::WebPage>(shape)?.webpage.clone())),
    },
    Substitute {
        of: "messages.DialogFilters",
        by: "its Vector<DialogFilter>",
        reason: "result of messages.getDialogFilters up to layer 174",
        make: |shape| {
            Some(Box::new(downcast::<types::messages::DialogFilters>(shape)?.filters.clone()))
        },
    },
    Substitute {
        of: "help.AppConfig",
        by: "its JSONValue",
        reason: "result of help.getAppConfig in layer 152",
        make: |shape| Some(Box::new(downcast::<types::help::AppConfig>(shape)?.config.clone())),
    },
    Substitute {
        of: "ReportResult",
        by: "boolTrue",
        reason: "result of messages.report up to layer 186",
        make: |shape| downcast::<types::ReportResultReported>(shape).map(|_| boxed(true)),
    },
    Substitute {
        of: "stories.CanSendStoryCount",
        by: "Bool, whether any is left",
        reason: "result of stories.canSendStory up to layer 202",
        make: |shape| {
            let left = downcast::<types::stories::CanSendStoryCount>(shape)?.count_remains;
            Some(boxed(left > 0))
        },
    },
];

fn downcast<T: Shape>(shape: &dyn Shape) -> Option<&T> {
    let any: &dyn Any = shape;
    any.downcast_ref()
}

fn boxed(value: bool) -> Box<dyn Field> {
    Box::new(value)
}

fn channel_of(peer: &crate::enums::Peer) -> Option<i64> {
    match peer {
        crate::enums::Peer::PeerChannel(channel) => Some(channel.channel_id),
        _ => None,
    }
}
