//! `messages.getSearchCounters#1bbcf300 flags:# peer:InputPeer saved_peer_id:flags.2?InputPeer
//! top_msg_id:flags.0?int filters:Vector<MessagesFilter> = Vector<messages.SearchCounter>`,
//! `messages.getSearchResultsCalendar#6aa3f6bd flags:# peer:InputPeer
//! saved_peer_id:flags.2?InputPeer filter:MessagesFilter offset_id:int offset_date:int =
//! messages.SearchResultsCalendar`,
//! `messages.getSearchResultsPositions#9c7f2f10 flags:# peer:InputPeer
//! saved_peer_id:flags.2?InputPeer filter:MessagesFilter offset_id:int limit:int =
//! messages.SearchResultsPositions`,
//! `messages.searchSentMedia#107e31a0 q:string filter:MessagesFilter limit:int = messages.Messages`
//!
//! Sources: <https://core.telegram.org/method/messages.getSearchCounters>,
//! <https://core.telegram.org/method/messages.getSearchResultsCalendar>,
//! <https://core.telegram.org/method/messages.getSearchResultsPositions>

use node_core::{BoxId, SearchFilter, SearchQuery, Stored};
use tl::enums;
use tl::enums::MessagesFilter as Filter;
use tl::functions::messages as f;
use tl::types::{self, messages as t};

use super::search::{filter, saved_peer, thread};
use super::{Page, page, page_limit};
use crate::rpc::{Context, RpcError, RpcResult};

/// Filters that one call may name: there are not many more.
const FILTERS_MAX: usize = 32;

/// Days of one answer.
const DAYS_MAX: usize = 100;

/// Places of one answer; clients ask for 2000 at most.
const PLACES_MAX: usize = 2000;

const DAY_S: i32 = 24 * 3600;

const FILTER_NOT_SUPPORTED: RpcError = RpcError::new(400, "FILTER_NOT_SUPPORTED");

pub(in crate::rpc) async fn get_search_counters(
    ctx: &Context,
    request: f::GetSearchCounters,
) -> RpcResult<Vec<enums::messages::SearchCounter>> {
    let (owner, peer) = (ctx.user()?, ctx.peer(&request.peer)?);
    let saved = saved_peer(ctx, peer, request.saved_peer_id.as_ref())?;
    if request.filters.len() > FILTERS_MAX {
        return Err(RpcError::new(400, "LIMIT_INVALID"));
    }
    let min_id = ctx.hidden_below(peer)?.0;
    let thread = thread(ctx, peer, request.top_msg_id)?;
    let mut counters = Vec::with_capacity(request.filters.len());
    // Each is a search: what is named twice is counted once.
    let mut filters: Vec<Filter> = Vec::with_capacity(request.filters.len());
    for named in request.filters {
        if !filters.contains(&named) {
            filters.push(named);
        }
    }
    for named in filters {
        let (mut count, mut inexact) = (0, false);
        if let Some(filter) = filter(&named) {
            let peer = Some(peer);
            let query =
                SearchQuery { peer, saved, thread, filter, min_id, ..SearchQuery::default() };
            let found = ctx.shared.core.search(owner, &query).await?;
            (count, inexact) = (found.count, !found.exact);
        }
        counters.push(t::SearchCounter { inexact, filter: named, count }.into());
    }
    Ok(counters)
}

/// All messages of a filter, the newest first: (id, date).
async fn places(
    ctx: &Context,
    named: &Filter,
    query: SearchQuery,
) -> RpcResult<(Vec<(i32, i32)>, bool)> {
    if matches!(
        named,
        Filter::InputMessagesFilterEmpty(_) | Filter::InputMessagesFilterMyMentions(_)
    ) {
        return Err(FILTER_NOT_SUPPORTED);
    }
    let mut places = Vec::new();
    let Some(filter) = filter(named) else { return Ok((places, true)) };
    let take = |stored: Stored| {
        places.push((stored.id.0, stored.message.date));
        true
    };
    let query = SearchQuery { filter, ..query };
    let all = ctx.shared.core.search_all(ctx.user()?, &query, take).await?;
    Ok((places, all))
}

pub(in crate::rpc) async fn get_search_results_calendar(
    ctx: &Context,
    request: f::GetSearchResultsCalendar,
) -> RpcResult<t::SearchResultsCalendar> {
    let (owner, peer) = (ctx.user()?, ctx.peer(&request.peer)?);
    let saved = saved_peer(ctx, peer, request.saved_peer_id.as_ref())?;
    let min_id = ctx.hidden_below(peer)?.0;
    let query = SearchQuery { peer: Some(peer), saved, min_id, ..SearchQuery::default() };
    let (places, all) = places(ctx, &request.filter, query).await?;
    let Some((min_msg_id, min_date)) = places.last().copied() else {
        return Ok(t::SearchResultsCalendar::default());
    };
    let newer = |(id, date): &(i32, i32)| {
        (request.offset_id > 0 && *id >= request.offset_id)
            || (request.offset_date > 0 && *date >= request.offset_date)
    };
    let start = places.iter().take_while(|place| newer(place)).count();
    let mut days: Vec<types::SearchResultsCalendarPeriod> = Vec::new();
    for (id, at) in places.iter().skip(start) {
        // Days of UTC, by their begin.
        let date = at - at.rem_euclid(DAY_S);
        let full = days.len() == DAYS_MAX;
        match days.last_mut() {
            Some(day) if day.date == date => {
                day.min_msg_id = *id;
                day.count += 1;
            }
            _ if full => break,
            _ => {
                let (min_msg_id, max_msg_id) = (*id, *id);
                days.push(types::SearchResultsCalendarPeriod {
                    date,
                    min_msg_id,
                    max_msg_id,
                    count: 1,
                });
            }
        }
    }
    // Clients show the first or the last message of each day.
    let mut ids: Vec<_> = days
        .iter()
        .flat_map(|day| [day.max_msg_id, day.min_msg_id])
        .map(node_core::MessageId)
        .collect();
    ids.dedup();
    let stored = ctx.shared.core.messages(BoxId::of(owner, peer), &ids).await?;
    let Page { messages, users, chats } = page(ctx, &stored)?;
    Ok(t::SearchResultsCalendar {
        inexact: !all,
        count: places.len() as i32,
        min_date,
        min_msg_id,
        offset_id_offset: (start > 0).then_some(start as i32),
        periods: days.into_iter().map(enums::SearchResultsCalendarPeriod::from).collect(),
        messages,
        chats,
        users,
    })
}

pub(in crate::rpc) async fn get_search_results_positions(
    ctx: &Context,
    request: f::GetSearchResultsPositions,
) -> RpcResult<t::SearchResultsPositions> {
    let peer = ctx.peer(&request.peer)?;
    let saved = saved_peer(ctx, peer, request.saved_peer_id.as_ref())?;
    let min_id = ctx.hidden_below(peer)?.0;
    let query = SearchQuery { peer: Some(peer), saved, min_id, ..SearchQuery::default() };
    let (places, _) = places(ctx, &request.filter, query).await?;
    let newer = |id: i32| request.offset_id > 0 && id >= request.offset_id;
    let start = places.iter().take_while(|(id, _)| newer(*id)).count();
    // As many as are wanted, evenly: what a client needs to scroll by.
    let limit = usize::try_from(request.limit).unwrap_or(0).clamp(1, PLACES_MAX);
    let every = (places.len() - start).div_ceil(limit).max(1);
    let positions = places.iter().enumerate().skip(start).step_by(every);
    let positions = positions.map(|(offset, (msg_id, date))| {
        let (msg_id, date, offset) = (*msg_id, *date, offset as i32);
        types::SearchResultPosition { msg_id, date, offset }.into()
    });
    let positions = positions.collect();
    Ok(t::SearchResultsPositions { count: places.len() as i32, positions })
}

/// Files that the caller has sent, in any dialog, the newest first.
pub(in crate::rpc) async fn search_sent_media(
    ctx: &Context,
    request: f::SearchSentMedia,
) -> RpcResult<t::Messages> {
    let owner = ctx.user()?;
    let Some(filter) = filter(&request.filter) else { return Ok(t::Messages::default()) };
    let of_files = matches!(
        filter,
        SearchFilter::Photos
            | SearchFilter::Video
            | SearchFilter::PhotoVideo
            | SearchFilter::Document
            | SearchFilter::Music
            | SearchFilter::Voice
            | SearchFilter::RoundVideo
            | SearchFilter::RoundVoice
            | SearchFilter::Gif
    );
    if !of_files {
        return Err(FILTER_NOT_SUPPORTED);
    }
    let query = SearchQuery {
        words: request.q,
        from: Some(owner.into()),
        filter,
        limit: page_limit(request.limit),
        ..SearchQuery::default()
    };
    let found = ctx.shared.core.search(owner, &query).await?;
    let Page { messages, users, chats } = page(ctx, &found.messages)?;
    Ok(t::Messages { messages, topics: Vec::new(), chats, users })
}
