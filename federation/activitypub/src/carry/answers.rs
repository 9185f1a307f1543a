//! Carries what admins answer to comments in the channel's name, by a cursor in the group's box.

use node_core::{
    AnswerStep, AnswerWhat, Audience, Bridge, BridgeAnswer, CoreResult, NewOutgoing, ToldAnswer,
};
use serde_json::Value;

use super::{EVENTS_AT_ONCE, OUTGOING_AT_ONCE, number, outgoing, said};
use crate::map;
use crate::object::{self, Activity, Cid, Place};
use crate::shared::Shared;

/// Carries what admins answer to comments in the channel's name.
pub(super) async fn answers(shared: &Shared, bridge: &Bridge) -> CoreResult<()> {
    loop {
        let found = shared.core.bridge_answers(bridge.channel, EVENTS_AT_ONCE).await?;
        let Some(group) = found.group.filter(|_| found.pts > found.from) else { return Ok(()) };
        let mut step = AnswerStep::default();
        let mut to = found.from;
        let mut all = true;
        for answer in &found.answers {
            if step.outgoing.len() >= OUTGOING_AT_ONCE {
                all = false;
                break;
            }
            tell_answer(shared, bridge, answer, &mut step).await?;
            to = answer.pts;
        }
        let (to, is_last) = if all { (found.pts, found.last) } else { (to, false) };
        let any = !step.outgoing.is_empty();
        shared.core.bridge_answered(bridge.channel, group, found.from, to, step).await?;
        if any {
            shared.sent();
        }
        if is_last || to == found.from {
            return Ok(());
        }
    }
}

async fn tell_answer(
    shared: &Shared,
    bridge: &Bridge,
    answer: &BridgeAnswer,
    step: &mut AnswerStep,
) -> CoreResult<()> {
    let cid = &bridge.cid;
    let (id, post) = (answer.id, answer.post);
    let called = map::answer_mid(&post);
    let note_id = shared.url(&Place::Post(Cid(*cid), called));
    let activity = |number: u64| shared.url(&Place::PostActivity(Cid(*cid), called, number));
    let author = |to: &str| -> CoreResult<Option<String>> {
        Ok(shared.core.far_comment(to)?.map(|comment| comment.actor))
    };
    let (author, json) = match &answer.what {
        AnswerWhat::New { to, message } => {
            let note = map::answer_note(shared, bridge, &post, message, to)?;
            let Some((note, author)) = note.zip(author(to)?) else { return Ok(()) };
            let (note_id, to, author_id) = (note_id, to.clone(), author.clone());
            step.answered.push(ToldAnswer { id, post, note: note_id, to, author: author_id });
            (author, object::create(activity(0), &note))
        }
        AnswerWhat::Edited { to, message } => {
            let note = map::answer_note(shared, bridge, &post, message, to)?;
            let Some((note, author)) = note.zip(author(to)?) else { return Ok(()) };
            let number = u64::from(message.edited.max(1).unsigned_abs());
            let said = Activity { id: activity(number), ..said(shared, cid, number) };
            (author, object::update(&said, note))
        }
        AnswerWhat::Deleted { author } => {
            step.gone.push(id);
            let number = number(answer.pts);
            let said = Activity { id: activity(number), ..said(shared, cid, number) };
            (author.clone(), object::delete(&said, &note_id))
        }
        // What a later version adds.
        _ => return Ok(()),
    };
    let id = json.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
    let to_followers = outgoing(id, json, None);
    // Followers see it in their threads; who is answered need not follow.
    if let Some(inbox) = inbox_of(shared, cid, &author).await? {
        let audience = Audience::Inboxes(vec![inbox]);
        step.outgoing.push(NewOutgoing { audience, ..to_followers.clone() });
    }
    step.outgoing.push(to_followers);
    Ok(())
}

/// Where somebody is told of what is said to them, if that is not where followers are told anyway. Their
/// host has a lane.
async fn inbox_of(
    shared: &Shared,
    cid: &node_core::Cid,
    actor: &str,
) -> CoreResult<Option<String>> {
    let Some(author) = shared.core.remote_actor(actor)? else { return Ok(None) };
    let told = shared.core.inboxes_on(&author.host, cid).await?;
    let is_told = match &author.shared_inbox {
        Some(together) => told.shared.contains(together),
        None => told.own.contains(&author.inbox),
    };
    if is_told {
        return Ok(None);
    }
    shared.lane_for(&author.host).await?;
    Ok(Some(author.inbox))
}
