//! Reactions: `messageReactions` and its parts.

use node_core::{CoreResult, FileId, Message, MessageId, Reacted, Reaction};
use tl::{enums, types};

use super::{Named, View, peer};

/// A reaction in TL's shape.
pub(crate) fn reaction(reaction: &Reaction) -> enums::Reaction {
    match reaction {
        Reaction::Emoji(emoticon) => types::ReactionEmoji { emoticon: emoticon.clone() }.into(),
        Reaction::Custom(file) => types::ReactionCustomEmoji { document_id: file.0 }.into(),
    }
}

/// What a client reacts with; `None` for what is no reaction or none that is not paid for.
pub(crate) fn reaction_from_tl(named: &enums::Reaction) -> Option<Reaction> {
    match named {
        enums::Reaction::ReactionEmoji(emoji) => Some(Reaction::Emoji(emoji.emoticon.clone())),
        enums::Reaction::ReactionCustomEmoji(emoji) => {
            Some(Reaction::Custom(FileId(emoji.document_id)))
        }
        _ => None,
    }
}

/// One reaction of one member.
pub(crate) fn peer_reaction(
    view: View<'_>,
    reacted: &Reacted,
    unread: bool,
) -> enums::MessagePeerReaction {
    types::MessagePeerReaction {
        big: reacted.big,
        unread,
        my: reacted.user == view.viewer,
        peer_id: peer(reacted.user.into()),
        date: reacted.date,
        reaction: reaction(&reacted.reaction),
    }
    .into()
}

/// The reactions to a message of the viewer's box; `None` where nobody ever reacted.
pub(crate) fn message_reactions(
    view: View<'_>,
    id: MessageId,
    stored: &Message,
) -> CoreResult<Option<enums::MessageReactions>> {
    let Some(found) = view.core.reactions(view.viewer, id, stored)? else { return Ok(None) };
    let results = found.counts.iter().map(|count| {
        types::ReactionCount {
            chosen_order: count.chosen,
            reaction: reaction(&count.reaction),
            count: count.count,
        }
        .into()
    });
    let results: Vec<_> = results.collect();
    let recent: Vec<enums::MessagePeerReaction> =
        found.recent.iter().map(|(one, unread)| peer_reaction(view, one, *unread)).collect();
    Ok(Some(
        types::MessageReactions {
            can_see_list: found.can_see_list,
            results,
            recent_reactions: (!recent.is_empty()).then_some(recent),
            ..types::MessageReactions::default()
        }
        .into(),
    ))
}

impl Named {
    /// Names everybody whose reaction is shown with a message.
    pub(crate) fn reactions(
        &mut self,
        view: View<'_>,
        id: MessageId,
        stored: &Message,
    ) -> CoreResult<&mut Self> {
        if let Some(found) = view.core.reactions(view.viewer, id, stored)? {
            for (reacted, _) in &found.recent {
                self.user(reacted.user);
            }
        }
        Ok(self)
    }
}

/// The reactions to a message as an update; none ever: an empty list.
pub(crate) fn reactions_update(
    view: View<'_>,
    id: MessageId,
    stored: &Message,
    named: &mut Named,
) -> CoreResult<enums::Update> {
    named.peer(stored.peer).reactions(view, id, stored)?;
    let reactions = message_reactions(view, id, stored)?;
    Ok(types::UpdateMessageReactions {
        peer: peer(stored.peer),
        msg_id: id.0,
        top_msg_id: None,
        saved_peer_id: stored.saved_from().map(peer),
        reactions: reactions.unwrap_or_else(|| types::MessageReactions::default().into()),
    }
    .into())
}
