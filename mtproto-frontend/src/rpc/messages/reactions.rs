//! `messages.sendReaction#d30d78d4 flags:# big:flags.1?true add_to_recent:flags.2?true
//! peer:InputPeer msg_id:int reaction:flags.0?Vector<Reaction> = Updates`,
//! `messages.getMessagesReactions#8bba90e6 peer:InputPeer id:Vector<int> = Updates`,
//! `messages.getMessageReactionsList#461b3f48 flags:# peer:InputPeer id:int
//! reaction:flags.0?Reaction offset:flags.1?string limit:int = messages.MessageReactionsList`,
//! `messages.setChatAvailableReactions#864b2581 flags:# peer:InputPeer
//! available_reactions:ChatReactions reactions_limit:flags.0?int paid_enabled:flags.1?Bool =
//! Updates`,
//! `messages.getUnreadReactions#bd7f90ac flags:# peer:InputPeer top_msg_id:flags.0?int
//! saved_peer_id:flags.1?InputPeer offset_id:int add_offset:int limit:int max_id:int min_id:int =
//! messages.Messages`,
//! `messages.readReactions#9ec44f93 flags:# peer:InputPeer top_msg_id:flags.0?int
//! saved_peer_id:flags.1?InputPeer = messages.AffectedHistory`
//!
//! Source: <https://core.telegram.org/api/reactions>

use node_core::{
    BoxId, ChannelReactions, ChatReactions, MessageId, PeerId, REACTIONS_UNIQ_MAX, ReactHow,
    Reaction, Talk,
};
use tl::functions::messages as f;
use tl::types::messages as t;
use tl::{enums, types};

use super::search::thread;
use super::{channel_updates, messages, page_limit, refuse};
use crate::project::{self, Named};
use crate::rpc::{Context, RpcError, RpcResult};

/// Messages that one call may name.
const IDS_MAX: usize = 100;

const REACTION_INVALID: RpcError = RpcError::new(400, "REACTION_INVALID");

pub(in crate::rpc) async fn send_reaction(
    ctx: &Context,
    request: f::SendReaction,
) -> RpcResult<enums::Updates> {
    let (owner, peer) = (ctx.user()?, ctx.peer(&request.peer)?);
    let id = MessageId(request.msg_id);
    let mut reactions: Vec<Reaction> = Vec::new();
    for named in request.reaction.iter().flatten() {
        match named {
            // What older clients say for none.
            enums::Reaction::ReactionEmpty(_) => {}
            named => reactions.push(project::reaction_from_tl(named).ok_or(REACTION_INVALID)?),
        }
    }
    let how = ReactHow { big: request.big, add_to_recent: request.add_to_recent };
    ctx.shared.core.react(ctx.actor()?, owner, peer, id, reactions, how).await?;
    reactions_of(ctx, peer, &[id]).await
}

pub(in crate::rpc) async fn get_messages_reactions(
    ctx: &Context,
    request: f::GetMessagesReactions,
) -> RpcResult<enums::Updates> {
    let peer = ctx.peer(&request.peer)?;
    let ids = request.id.iter().take(IDS_MAX).map(|id| MessageId(*id));
    reactions_of(ctx, peer, &ids.collect::<Vec<_>>()).await
}

/// The reactions to messages of a dialog as they are now.
async fn reactions_of(ctx: &Context, peer: PeerId, ids: &[MessageId]) -> RpcResult<enums::Updates> {
    let mut found = ctx.shared.core.messages(BoxId::of(ctx.user()?, peer), ids).await?;
    let hidden_below = ctx.hidden_below(peer)?;
    found.retain(|stored| stored.id > hidden_below);
    let (mut named, mut updates) = (Named::default(), Vec::with_capacity(found.len()));
    for stored in found.iter().filter(|stored| stored.message.peer == peer) {
        let view = ctx.view()?;
        updates.push(project::reactions_update(view, stored.id, &stored.message, &mut named)?);
    }
    let (users, chats) = named.shown(ctx.view()?)?;
    Ok(types::Updates { updates, users, chats, date: ctx.now(), seq: 0 }.into())
}

pub(in crate::rpc) async fn get_message_reactions_list(
    ctx: &Context,
    request: f::GetMessageReactionsList,
) -> RpcResult<t::MessageReactionsList> {
    let (viewer, peer) = (ctx.user()?, ctx.peer(&request.peer)?);
    let wanted = match &request.reaction {
        Some(named) => Some(project::reaction_from_tl(named).ok_or(REACTION_INVALID)?),
        None => None,
    };
    let from = offset(request.offset.as_deref())?;
    let (id, limit) = (MessageId(request.id), page_limit(request.limit));
    let core = &ctx.shared.core;
    let page = core.reactions_page(viewer, peer, id, wanted.as_ref(), from, limit).await?;
    let mut named = Named::default();
    let view = ctx.view()?;
    let reactions = page.reacted.iter().map(|(reacted, unread)| {
        named.user(reacted.user);
        project::peer_reaction(view, reacted, *unread)
    });
    let reactions = reactions.collect();
    let (users, chats) = named.shown(view)?;
    Ok(t::MessageReactionsList {
        count: i32::try_from(page.count).unwrap_or(i32::MAX),
        reactions,
        chats,
        users,
        next_offset: page.next.map(|next| next.to_string()),
    })
}

/// Where a page begins: what the page before said, which is a number here.
pub(super) fn offset(said: Option<&str>) -> RpcResult<usize> {
    match said {
        None | Some("") => Ok(0),
        Some(said) => said.parse().map_err(|_| RpcError::new(400, "OFFSET_INVALID")),
    }
}

pub(in crate::rpc) async fn set_chat_available_reactions(
    ctx: &Context,
    request: f::SetChatAvailableReactions,
) -> RpcResult<enums::Updates> {
    let (owner, peer) = (ctx.user()?, ctx.group_peer(&request.peer)?);
    // Basic groups have no limit of their own; nothing is paid for.
    let limited = request.reactions_limit.is_some() && peer.channel().is_none();
    refuse(limited || request.paid_enabled == Some(true))?;
    let wanted = match &request.available_reactions {
        enums::ChatReactions::ChatReactionsAll(_) => ChatReactions::All,
        enums::ChatReactions::ChatReactionsNone(_) => ChatReactions::None,
        enums::ChatReactions::ChatReactionsSome(some) => {
            let named = some.reactions.iter().map(project::reaction_from_tl);
            ChatReactions::some(named.collect::<Option<_>>().ok_or(REACTION_INVALID)?)?
        }
    };
    let core = &ctx.shared.core;
    let chat = match peer {
        PeerId::Channel(channel) => {
            let kinds_max = match request.reactions_limit {
                Some(limit) => u8::try_from(limit).unwrap_or(0),
                None => REACTIONS_UNIQ_MAX as u8,
            };
            let wanted = ChannelReactions { available: wanted, kinds_max };
            core.edit_channel_reactions(ctx.actor()?, owner, channel, wanted).await?;
            return channel_updates(ctx, channel, &[]);
        }
        peer => peer.chat().ok_or(RpcError::new(400, "PEER_ID_INVALID"))?,
    };
    core.edit_chat_reactions(ctx.actor()?, owner, chat, wanted).await?;
    let (users, chats) = Named::default().peer(peer).shown(ctx.view()?)?;
    let updates = vec![types::UpdateChat { chat_id: chat.0 }.into()];
    Ok(types::Updates { updates, users, chats, date: ctx.now(), seq: 0 }.into())
}

pub(in crate::rpc) async fn get_unread_reactions(
    ctx: &Context,
    request: f::GetUnreadReactions,
) -> RpcResult<enums::messages::Messages> {
    let (owner, peer) = (ctx.user()?, ctx.peer(&request.peer)?);
    refuse(request.saved_peer_id.is_some())?;
    let core = &ctx.shared.core;
    let topic = thread(ctx, peer, request.top_msg_id)?;
    let mut all = core.unread_reactions(owner, Talk { peer, topic })?;
    all.retain(|id| (request.max_id == 0 || id.0 < request.max_id) && id.0 > request.min_id);
    // As in a history: the page begins below `offset_id`, `add_offset` messages further down.
    let first = match request.offset_id {
        0 => 0,
        id => all.iter().take_while(|known| known.0 >= id).count(),
    };
    let first = i64::try_from(first).unwrap_or(0).saturating_add(request.add_offset.into());
    let wanted = all
        .iter()
        .skip(usize::try_from(first).unwrap_or(0))
        .take(page_limit(request.limit))
        .copied();
    let stored = core.messages(BoxId::of(owner, peer), &wanted.collect::<Vec<_>>()).await?;
    let mut named = Named::default();
    let messages = messages(ctx, &stored, &mut named)?;
    let (users, chats) = named.shown(ctx.view()?)?;
    let count = i32::try_from(all.len()).unwrap_or(i32::MAX);
    Ok(t::MessagesSlice { count, messages, chats, users, ..Default::default() }.into())
}

pub(in crate::rpc) async fn read_reactions(
    ctx: &Context,
    request: f::ReadReactions,
) -> RpcResult<t::AffectedHistory> {
    refuse(request.saved_peer_id.is_some())?;
    let peer = ctx.peer(&request.peer)?;
    let talk = Talk { peer, topic: thread(ctx, peer, request.top_msg_id)? };
    let affected = ctx.shared.core.read_reactions(ctx.actor()?, ctx.user()?, talk).await?;
    if let Some(channel) = peer.channel() {
        // It is no event of the channel.
        let pts = ctx.shared.core.channel_state(channel)?.0;
        return Ok(t::AffectedHistory { pts, pts_count: 0, offset: 0 });
    }
    Ok(t::AffectedHistory { pts: affected.pts.0, pts_count: affected.pts_count, offset: 0 })
}
