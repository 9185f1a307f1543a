//! `messages.search#29ee847a flags:# peer:InputPeer q:string from_id:flags.0?InputPeer
//! saved_peer_id:flags.2?InputPeer saved_reaction:flags.3?Vector<Reaction> top_msg_id:flags.1?int
//! filter:MessagesFilter min_date:int max_date:int offset_id:int add_offset:int limit:int
//! max_id:int min_id:int hash:long = messages.Messages`
//!
//! Source: <https://core.telegram.org/method/messages.search>

use node_core::{
    ChannelId, HistoryQuery, MessageId, PeerId, SearchFilter, SearchKind, SearchPage, SearchQuery,
};
use tl::enums::messages::Messages;
use tl::functions::messages::Search;
use tl::{enums, types};

use super::replies::replies;
use super::{Page, page, page_limit};
use crate::rpc::resolve::hash_of;
use crate::rpc::{Context, RpcError, RpcResult};

pub(in crate::rpc) async fn search(ctx: &Context, request: Search) -> RpcResult<Messages> {
    let owner = ctx.user()?;
    let peer = ctx.peer(&request.peer)?;
    let saved = saved_peer(ctx, peer, request.saved_peer_id.as_ref())?;
    let from = request.from_id.as_ref().map(|from| ctx.peer(from)).transpose()?;
    let thread = thread(ctx, peer, request.top_msg_id)?;
    let tagged = request.saved_reaction.is_some_and(|tags| !tags.is_empty());
    // Basic groups write nothing; who posts in a channel is nobody's to know.
    let by_nobody = from.is_some_and(|from| from.chat().is_some())
        || (from.is_some() && ctx.is_broadcast(peer));
    let Some(filter) = filter(&request.filter).filter(|_| !tagged && !by_nobody) else {
        return match peer.channel() {
            Some(channel) => {
                let nothing = SearchPage { exact: true, ..SearchPage::default() };
                in_channel(ctx, channel, nothing)
            }
            None => Ok(types::messages::Messages::default().into()),
        };
    };
    let query = SearchQuery {
        words: request.q,
        peer: Some(peer),
        saved,
        folder: None,
        kind: SearchKind::Both,
        from,
        thread,
        filter,
        min_date: request.min_date,
        max_date: request.max_date,
        offset_id: request.offset_id,
        add_offset: request.add_offset,
        limit: page_limit(request.limit),
        max_id: request.max_id,
        min_id: request.min_id.max(ctx.hidden_below(peer)?.0),
    };
    // All of a thread is what its index is for.
    if let (Some(channel), Some(top)) = (peer.channel(), thread)
        && takes_all(&query)
    {
        let page = HistoryQuery {
            offset_id: query.offset_id,
            offset_date: 0,
            add_offset: query.add_offset,
            limit: query.limit,
            max_id: query.max_id,
            min_id: query.min_id,
        };
        return replies(ctx, channel, top, page).await;
    }
    let found = ctx.shared.core.search(owner, &query).await?;
    let hash = hash_of(found.messages.iter().map(|stored| stored.id.0.into()));
    if request.hash != 0 && request.hash == hash {
        return Ok(types::messages::MessagesNotModified { count: found.count }.into());
    }
    match peer.channel() {
        Some(channel) => in_channel(ctx, channel, found),
        None => found_messages(ctx, &found, None),
    }
}

/// The thread that is searched; only supergroups have them.
pub(super) fn thread(
    ctx: &Context,
    peer: PeerId,
    top_msg_id: Option<i32>,
) -> RpcResult<Option<MessageId>> {
    let thread = top_msg_id.filter(|id| *id != 0).map(MessageId);
    let none = peer.channel().is_none() || ctx.is_broadcast(peer);
    if thread.is_some() && none {
        return Err(RpcError::new(400, "MSG_ID_INVALID"));
    }
    Ok(thread)
}

/// Whether each message of its place is found, whatever it says.
fn takes_all(query: &SearchQuery) -> bool {
    query.words.trim().is_empty()
        && query.from.is_none()
        && query.filter == SearchFilter::Any
        && query.min_date <= 0
        && query.max_date <= 0
}

/// What was found in a channel.
fn in_channel(ctx: &Context, channel: ChannelId, found: SearchPage) -> RpcResult<Messages> {
    let Page { messages, users, chats } = page(ctx, &found.messages)?;
    Ok(types::messages::ChannelMessages {
        inexact: !found.exact,
        pts: ctx.shared.core.channel_state(channel)?.0,
        count: found.count,
        offset_id_offset: (!messages.is_empty()).then_some(found.newer),
        messages,
        topics: Vec::new(),
        chats,
        users,
    }
    .into())
}

/// What was found, as a list or a slice of one.
pub(super) fn found_messages(
    ctx: &Context,
    found: &SearchPage,
    next_rate: Option<i32>,
) -> RpcResult<Messages> {
    let Page { messages, users, chats } = page(ctx, &found.messages)?;
    let topics = Vec::new();
    if found.messages.len() as i32 == found.count && next_rate.is_none() {
        return Ok(types::messages::Messages { messages, topics, chats, users }.into());
    }
    Ok(types::messages::MessagesSlice {
        inexact: !found.exact,
        count: found.count,
        next_rate,
        offset_id_offset: (!messages.is_empty()).then_some(found.newer),
        search_flood: None,
        messages,
        topics,
        chats,
        users,
    }
    .into())
}

/// Which of one's saved dialogs a client names, in a search of `peer`.
pub(super) fn saved_peer(
    ctx: &Context,
    peer: PeerId,
    named: Option<&enums::InputPeer>,
) -> RpcResult<Option<PeerId>> {
    let Some(named) = named else { return Ok(None) };
    if peer != ctx.user()?.into() {
        return Err(RpcError::new(400, "PEER_ID_INVALID"));
    }
    ctx.saved_peer(named).map(Some)
}

/// What a client wants to see; `None` for what there is not.
pub(super) fn filter(named: &enums::MessagesFilter) -> Option<SearchFilter> {
    use enums::MessagesFilter as Filter;
    match named {
        Filter::InputMessagesFilterEmpty(_) => Some(SearchFilter::Any),
        Filter::InputMessagesFilterUrl(_) => Some(SearchFilter::Url),
        Filter::InputMessagesFilterPinned(_) => Some(SearchFilter::Pinned),
        Filter::InputMessagesFilterPhotos(_) => Some(SearchFilter::Photos),
        Filter::InputMessagesFilterVideo(_) => Some(SearchFilter::Video),
        Filter::InputMessagesFilterPhotoVideo(_) => Some(SearchFilter::PhotoVideo),
        Filter::InputMessagesFilterDocument(_) => Some(SearchFilter::Document),
        Filter::InputMessagesFilterMusic(_) => Some(SearchFilter::Music),
        Filter::InputMessagesFilterVoice(_) => Some(SearchFilter::Voice),
        Filter::InputMessagesFilterRoundVideo(_) => Some(SearchFilter::RoundVideo),
        Filter::InputMessagesFilterRoundVoice(_) => Some(SearchFilter::RoundVoice),
        Filter::InputMessagesFilterGif(_) => Some(SearchFilter::Gif),
        Filter::InputMessagesFilterContacts(_) => Some(SearchFilter::Contacts),
        Filter::InputMessagesFilterGeo(_) => Some(SearchFilter::Geo),
        Filter::InputMessagesFilterChatPhotos(_) => Some(SearchFilter::ChatPhotos),
        Filter::InputMessagesFilterMyMentions(_) => Some(SearchFilter::MyMentions),
        Filter::InputMessagesFilterPoll(_) => Some(SearchFilter::Poll),
        // Calls: none is there.
        Filter::InputMessagesFilterPhoneCalls(_) => None,
    }
}
