//! `messages.sendVote#10ea6184 peer:InputPeer msg_id:int options:Vector<bytes> = Updates`,
//! `messages.getPollResults#eda3e33b peer:InputPeer msg_id:int poll_hash:long = Updates`,
//! `messages.getPollVotes#b86e380e flags:# peer:InputPeer id:int option:flags.0?bytes
//! offset:flags.1?string limit:int = messages.VotesList`
//!
//! Source: <https://core.telegram.org/api/poll>

use node_core::{MessageId, PollId, Voter};
use tl::functions::messages as f;
use tl::types::messages as t;
use tl::{enums, types};

use super::page_limit;
use super::reactions::offset;
use crate::project::{self, Named};
use crate::rpc::{Context, RpcError, RpcResult};

pub(in crate::rpc) async fn send_vote(
    ctx: &Context,
    request: f::SendVote,
) -> RpcResult<enums::Updates> {
    let (owner, peer) = (ctx.user()?, ctx.peer(&request.peer)?);
    let (core, id) = (&ctx.shared.core, MessageId(request.msg_id));
    let poll = core.vote(ctx.actor()?, owner, peer, id, request.options).await?;
    poll_updates(ctx, poll, None)
}

pub(in crate::rpc) async fn get_poll_results(
    ctx: &Context,
    request: f::GetPollResults,
) -> RpcResult<enums::Updates> {
    let (owner, peer) = (ctx.user()?, ctx.peer(&request.peer)?);
    let poll = ctx.shared.core.poll_in(owner, peer, MessageId(request.msg_id)).await?;
    poll_updates(ctx, poll, Some(request.poll_hash).filter(|hash| *hash != 0))
}

/// A poll as it is now; `known`: the form that the client has, which need not be said again.
pub(super) fn poll_updates(
    ctx: &Context,
    poll: PollId,
    known: Option<i64>,
) -> RpcResult<enums::Updates> {
    let (view, mut named) = (ctx.view()?, Named::default());
    let update = project::poll_update(view, poll, &mut named)?;
    let mut update = update.ok_or(RpcError::new(400, "MESSAGE_ID_INVALID"))?;
    let found = view.core.poll(view.viewer, poll)?;
    if known.is_some()
        && found.map(|found| project::poll_hash(&found)) == known
        && let enums::Update::UpdateMessagePoll(update) = &mut update
    {
        update.poll = None;
    }
    let (users, chats) = named.shown(view)?;
    Ok(types::Updates { updates: vec![update], users, chats, date: ctx.now(), seq: 0 }.into())
}

pub(in crate::rpc) async fn get_poll_votes(
    ctx: &Context,
    request: f::GetPollVotes,
) -> RpcResult<t::VotesList> {
    let (viewer, peer) = (ctx.user()?, ctx.peer(&request.peer)?);
    let from = offset(request.offset.as_deref())?;
    let (core, id, limit) = (&ctx.shared.core, MessageId(request.id), page_limit(request.limit));
    let option = request.option.as_deref();
    let page = core.votes(viewer, peer, id, option, from, limit).await?;
    let options = |voter: &Voter| -> Vec<Vec<u8>> {
        let answers = voter.chosen.iter().filter_map(|at| page.poll.answers.get(usize::from(*at)));
        answers.map(|answer| answer.option.clone()).collect()
    };
    let mut named = Named::default();
    let (mut votes, mut votes_until_158) = (Vec::new(), Vec::new());
    for voter in &page.voters {
        named.user(voter.user);
        let (peer, user_id, date) = (project::peer(voter.user.into()), voter.user.0, voter.date);
        let mut options = options(voter);
        if option.is_some() {
            votes.push(types::MessagePeerVoteInputOption { peer, date }.into());
            votes_until_158.push(types::MessageUserVoteInputOption { user_id, date }.into());
        } else if page.poll.multiple_choice {
            let old = options.clone();
            votes.push(types::MessagePeerVoteMultiple { peer, options, date }.into());
            let old = types::MessageUserVoteMultiple { user_id, options: old, date };
            votes_until_158.push(old.into());
        } else {
            let option = options.pop().unwrap_or_default();
            let old = types::MessageUserVote { user_id, option: option.clone(), date };
            votes.push(types::MessagePeerVote { peer, option, date }.into());
            votes_until_158.push(old.into());
        }
    }
    let (users, chats) = named.shown(ctx.view()?)?;
    Ok(t::VotesList {
        count: i32::try_from(page.count).unwrap_or(i32::MAX),
        votes,
        chats,
        users,
        next_offset: page.next.map(|next| next.to_string()),
        votes_until_158,
    })
}
