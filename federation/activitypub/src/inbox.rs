//! What other servers say: checked, verified, and done before it is answered, so that 202 means it.

use std::net::IpAddr;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use node_core::{
    ActorState, Audience, BridgeError, BridgeFollower as Follower, Cid, CoreError, CoreResult,
    NewComment, NewOutgoing, PostRef, RemoteActor,
};
use sha2::{Digest as _, Sha256};

use crate::actors::{self, FetchActor};
use crate::guard::{Admitted, BODY_BYTES_MAX, Refusal};
use crate::map;
use crate::object::read::{Object, RemoteNote, Seen, Vote, What, read_activity, same_host};
use crate::object::{self, Activity, Place};
use crate::shared::Shared;
use crate::sign::SignatureError;
use crate::text::{Foreign, from_html};

/// Activities of one report that name posts here.
const FLAGGED_MAX: usize = 100;

/// When what is for a channel that moved away is to come again: names take a while to lead elsewhere.
const MOVED_RETRY_S: &str = "300";

/// Why an activity is not taken.
enum Refused {
    /// It does not pass.
    Guard(Refusal),
    /// The rules do not take it, and it is their last word.
    No(StatusCode),
    /// Something is wrong here, or there, for now.
    Later(String),
    /// Another node answers for it: once it does so under this address, it is to come again.
    Elsewhere,
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self::Guard(refusal)
    }
}

impl From<CoreError> for Refused {
    fn from(error: CoreError) -> Self {
        match error {
            CoreError::Bridge(BridgeError::Blocked) => Self::No(StatusCode::FORBIDDEN),
            CoreError::Bridge(BridgeError::NotBridged | BridgeError::UnknownPost) => {
                Self::No(StatusCode::NOT_FOUND)
            }
            CoreError::Bridge(BridgeError::HandedOver) => Self::Elsewhere,
            CoreError::Bridge(BridgeError::Invalid(_)) => Self::No(StatusCode::BAD_REQUEST),
            CoreError::Flood { .. } | CoreError::TooMany => Self::No(StatusCode::TOO_MANY_REQUESTS),
            CoreError::Busy
            | CoreError::MailboxFull
            | CoreError::Stopped(_)
            | CoreError::Damaged(_) => Self::Later(error.to_string()),
            // What the rules refuse of this one (no rights, banned, not theirs) is no fault of the server.
            _ => Self::No(StatusCode::ACCEPTED),
        }
    }
}

fn answer(refused: &Refused) -> Response {
    match refused {
        Refused::Guard(refusal) => {
            tracing::debug!(%refusal, "an activity is refused");
            let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::BAD_REQUEST);
            let mut response = status.into_response();
            if let Refusal::TooMany { wait_s } = refusal {
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(*wait_s));
            }
            response
        }
        Refused::No(status) => status.into_response(),
        Refused::Elsewhere => {
            (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, MOVED_RETRY_S)])
                .into_response()
        }
        Refused::Later(cause) => {
            tracing::warn!(%cause, "an activity is not taken now");
            (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "30")]).into_response()
        }
    }
}

/// An activity for one of our inboxes.
pub(crate) async fn take(
    shared: &Shared,
    uri: &Uri,
    headers: HeaderMap,
    from: Option<IpAddr>,
    body: Body,
) -> Response {
    match taken(shared, uri, &headers, from, body).await {
        Ok(()) => StatusCode::ACCEPTED.into_response(),
        Err(refused) => answer(&refused),
    }
}

/// Whether who reads has shown who it is, where that is asked for.
pub(crate) async fn reads(
    shared: &Shared,
    uri: &Uri,
    headers: &HeaderMap,
    from: Option<IpAddr>,
) -> Result<(), Response> {
    let check = async {
        let path = path_of(uri);
        let (source, now_ms) = (from.map(|from| from.to_string()), shared.core.now_ms());
        let (signature, key_id) = shared.guard.get(path, headers, source.as_deref(), now_ms)?;
        // The key is in the actor's document, or at an address below it.
        let mut owner = key_id.clone();
        owner.set_fragment(None);
        let mut known = shared.core.remote_actor(owner.as_str())?;
        if known.is_none()
            && let Some((above, _)) = owner.as_str().rsplit_once('/')
        {
            known = shared.core.remote_actor(above)?;
        }
        let document = known.as_ref().and_then(actors::document_of);
        let Some(running) = shared.running() else { return Err(Refused::Later("starting".into())) };
        let signed = (&signature, &key_id);
        let verifier = &running.verifier;
        let fetched =
            verifier.verify_get(&shared.guard, signed, path, headers, document.as_ref()).await?;
        if let Some(fetched) = fetched {
            actors::keep(shared, fetched.json).await.map_err(unfound)?;
        }
        Ok(())
    };
    check.await.map_err(|refused: Refused| answer(&refused))
}

fn path_of(uri: &Uri) -> &str {
    uri.path_and_query().map_or(uri.path(), |path| path.as_str())
}

async fn taken(
    shared: &Shared,
    uri: &Uri,
    headers: &HeaderMap,
    from: Option<IpAddr>,
    body: Body,
) -> Result<(), Refused> {
    let (path, now_ms) = (path_of(uri), shared.core.now_ms());
    // Whoever claims to be a server has no share in what that one may send.
    let source = from.map(|from| from.to_string());
    let head = shared.guard.head(path, headers, source.as_deref(), now_ms)?;
    let body = Limited::new(body, BODY_BYTES_MAX).collect().await.map_err(|cause| {
        let is_long = cause.downcast_ref::<LengthLimitError>().is_some();
        Refused::Guard(if is_long { Refusal::TooLong } else { Refusal::Body("cut off") })
    })?;
    let admitted = shared.guard.body(head, headers, &body.to_bytes())?;
    // What was done is not done twice, and costs no fetch.
    if shared.core.was_seen(admitted.id.as_str()).await? {
        return Ok(());
    }
    let actor = admitted.actor.to_string();
    if admitted.is_about_its_actor() && shared.core.remote_actor(&actor)?.is_none() {
        return Ok(());
    }
    let known = shared.core.remote_actor(&actor)?;
    let document = known.as_ref().and_then(actors::document_of);
    let Some(running) = shared.running() else { return Err(Refused::Later("starting".into())) };
    let verifier = &running.verifier;
    let fetched =
        verifier.verify(&shared.guard, &admitted, path, headers, document.as_ref()).await?;
    let from = match (fetched, known) {
        (Some(fetched), _) => actors::keep(shared, fetched.json).await.map_err(unfound)?,
        (None, Some(known)) => known,
        (None, None) => return Err(Refusal::Signature(SignatureError::Wrong).into()),
    };
    shared.heard(&from.host);
    act(shared, from, &admitted).await
}

/// Whoever signed is not there, or no actor.
fn unfound(cause: FetchActor) -> Refused {
    match cause {
        FetchActor::Core(cause) => cause.into(),
        FetchActor::Gone => Refused::No(StatusCode::GONE),
        FetchActor::No(why) => {
            tracing::debug!(why, "whoever signed is not found");
            Refusal::Signature(SignatureError::Wrong).into()
        }
    }
}

/// Does what an activity says.
async fn act(shared: &Shared, from: RemoteActor, admitted: &Admitted) -> Result<(), Refused> {
    let Some(said) = read_activity(&admitted.json) else { return Ok(()) };
    let id = admitted.id.to_string();
    match said.what {
        What::Follow { object } => follow(shared, from, id, &object).await,
        What::Undo { id: undone, of } => undo(shared, &from, id, undone, of.as_deref()).await,
        What::Create(Object::Post(note)) => comment(shared, from, id, &note).await,
        What::Create(Object::Votes(votes)) => vote(shared, from, id, votes).await,
        What::Update(Object::Post(note)) => edit(shared, from, id, &note).await,
        What::Update(Object::Actor(_)) => {
            // Its own server says how it is now: what an activity says is not enough for a key.
            match actors::fetch(shared, &from.id).await {
                Ok(_) => {}
                Err(FetchActor::Core(cause)) => return Err(cause.into()),
                Err(_) => tracing::debug!(actor = from.id, "an actor that changed is not fetched"),
            }
            Ok(shared.core.mark_seen(id).await?)
        }
        What::Delete { object } if object == from.id => {
            shared.core.bridge_forget_actor(from.id.clone()).await?;
            let gone = RemoteActor { state: ActorState::Gone, ..from };
            shared.core.put_remote_actor(gone).await?;
            Ok(shared.core.mark_seen(id).await?)
        }
        What::Delete { object } => {
            if same_host(&object, &from.id) {
                shared.core.bridge_delete_comment(id, from.id, object).await?;
            }
            Ok(())
        }
        What::Like { object, reaction, .. } => {
            let Some((cid, post)) = post_of(shared, &object) else { return Ok(()) };
            shared
                .core
                .bridge_react(cid, post, from, id, reaction.filter(|reaction| is_emoji(reaction)))
                .await?;
            Ok(())
        }
        What::React { object, reaction, .. } => {
            let Some((cid, post)) = post_of(shared, &object) else { return Ok(()) };
            let emoji = Some(reaction).filter(|reaction| is_emoji(reaction));
            shared.core.bridge_react(cid, post, from, id, emoji).await?;
            Ok(())
        }
        What::Announce { object } => {
            let Some((cid, post)) = post_of(shared, &object) else { return Ok(()) };
            shared.core.bridge_announce(cid, post, from, id).await?;
            Ok(())
        }
        What::Flag { objects, comment } => flag(shared, &from, id, &objects, comment).await,
        What::Block { object } => {
            if let Some(cid) = actor_of(shared, &object) {
                shared.core.bridge_block(id, from.id, cid).await?;
            }
            Ok(())
        }
        What::Move { object, target } if object == from.id => {
            moved(shared, &from, id, &target).await
        }
        What::QuoteRequest { object, instrument } => {
            quote(shared, &from, id, &object, &instrument).await
        }
        // Everything else is taken, and nothing comes of it.
        _ => Ok(()),
    }
}

/// A `:name:` is a picture of another server: it counts as any liking.
fn is_emoji(reaction: &str) -> bool {
    !reaction.starts_with(':')
}

fn actor_of(shared: &Shared, id: &str) -> Option<Cid> {
    match shared.parse(id)? {
        Place::Actor(cid) => Some(cid.0),
        _ => None,
    }
}

/// The post of ours that an id names, or a page of it.
fn post_of(shared: &Shared, id: &str) -> Option<(Cid, PostRef)> {
    match shared.parse(id) {
        Some(Place::Post(cid, mid)) => return Some((cid.0, map::post_ref(&mid))),
        Some(_) => return None,
        None => {}
    }
    let (bridge, mid) = shared.page(id)?;
    Some((bridge.cid, map::post_ref(&object::Mid::parse(mid)?)))
}

/// Something that a channel says to one actor.
fn between(shared: &Shared, cid: &Cid, about: &str, other: &str) -> Activity {
    // The same is said under the same id, however often.
    let hash = Sha256::digest(about);
    let number = hash.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes) | 1 << 63);
    let id = shared.url(&Place::Activity(object::Cid(*cid), number));
    Activity::between(id, shared.actor(cid), other.to_owned())
}

fn to_one(said: Activity, json: &serde_json::Value, inbox: &str) -> NewOutgoing {
    NewOutgoing {
        activity: said.id,
        json: json.to_string().into_bytes(),
        audience: Audience::Inboxes(vec![inbox.to_owned()]),
        object: None,
    }
}

async fn follow(
    shared: &Shared,
    from: RemoteActor,
    id: String,
    object: &str,
) -> Result<(), Refused> {
    let Some(cid) = actor_of(shared, object) else { return Ok(()) };
    let said = between(shared, &cid, &id, &from.id);
    let accept = object::accept_follow(&said, Some(&id), &from.id);
    let accept = to_one(said, &accept, &from.inbox);
    shared.lane_for(&from.host).await?;
    let follower = Follower {
        actor: from.id,
        host: from.host,
        inbox: from.inbox,
        shared_inbox: from.shared_inbox,
        follow: id,
        since: 0,
    };
    shared.core.bridge_follow(cid, follower, accept).await?;
    shared.sent();
    Ok(())
}

async fn undo(
    shared: &Shared,
    from: &RemoteActor,
    id: String,
    undone: Option<String>,
    of: Option<&What>,
) -> Result<(), Refused> {
    match of {
        Some(What::Follow { object }) => {
            if let Some(cid) = actor_of(shared, object) {
                shared.core.bridge_unfollow(cid, from.id.clone(), undone).await?;
            }
        }
        // A block that is taken back changes nothing: they may follow again.
        Some(What::Block { .. }) => {}
        _ => {
            let Some(undone) = undone else { return Ok(()) };
            if !shared.core.bridge_undo(from.id.clone(), undone.clone()).await? && of.is_none() {
                // Only the id was told: it may have been a follow.
                for bridge in shared.core.bridges() {
                    let known = shared.core.follower(&bridge.cid, &from.id).await?;
                    if known.is_some_and(|known| known.follow == undone) {
                        let undone = Some(undone.clone());
                        shared.core.bridge_unfollow(bridge.cid, from.id.clone(), undone).await?;
                    }
                }
            }
        }
    }
    Ok(shared.core.mark_seen(id).await?)
}

/// To what a note is said: the post, and the comment that it answers if it is not the post itself.
fn answered(shared: &Shared, to: &str) -> CoreResult<Option<(Cid, PostRef, Option<String>)>> {
    if let Some((cid, post)) = post_of(shared, to) {
        return Ok(Some((cid, post, None)));
    }
    let known = shared.core.far_comment(to)?;
    Ok(known.map(|known| (known.cid, known.post, Some(known.object))))
}

async fn comment(
    shared: &Shared,
    from: RemoteActor,
    id: String,
    note: &RemoteNote,
) -> Result<(), Refused> {
    if note.attributed_to != from.id || !same_host(&note.id, &from.id) {
        return Ok(());
    }
    // Nothing that was not said to everybody is shown to everybody.
    let is_public = matches!(note.seen(), Seen::Public | Seen::Unlisted);
    let to = note.in_reply_to.as_deref().filter(|_| is_public);
    let Some(to) = to else { return Ok(()) };
    let Some((cid, post, parent)) = answered(shared, to)? else { return Ok(()) };
    let Some(text) = words(shared, note, &cid) else { return Ok(()) };
    let new = NewComment {
        cid,
        post,
        author: from,
        activity: id,
        object: note.id.clone(),
        parent,
        text,
        published: seconds(note.published_s, shared.core.now()),
        url: note.url.clone(),
    };
    shared.core.bridge_comment(new).await?;
    Ok(())
}

fn seconds(said_s: Option<i64>, now: i32) -> i32 {
    said_s.and_then(|at| i32::try_from(at).ok()).filter(|at| (1..=now).contains(at)).unwrap_or(now)
}

/// What a note says, as a message; none if it says nothing.
fn words(shared: &Shared, note: &RemoteNote, cid: &Cid) -> Option<node_core::Text> {
    let mentions: Vec<(String, String)> = note
        .mentions
        .iter()
        .filter_map(|mention| Some((mention.href.clone(), mention.name.clone()?)))
        .collect();
    let ours = shared.actor(cid);
    let name = shared.core.bridge_by_cid(cid).and_then(|bridge| shared.core.bridge_name(&bridge));
    let (name, ids) = (name.unwrap_or_default(), shared.ids_of(cid));
    let (page, handle) = (ids.web(&name), ids.handle(&name));
    let full_url = note.url.as_deref().unwrap_or(&note.id);
    let foreign = Foreign { full_url, mentions: &mentions, drop_leading: &[&ours, &page, &handle] };
    let mut html = String::new();
    if let Some(warning) = &note.summary {
        html += &format!("<p><strong>{}</strong></p>", crate::text::escape(warning));
    }
    html += &note.content;
    let rejects_media = shared.core.host_block(&host_of(&note.id)).is_some_and(|b| b.rejects_media);
    for file in note.attachments.iter().filter(|_| !rejects_media) {
        let name = file.name.as_deref().unwrap_or(&file.url);
        let name: String = name.chars().take(100).collect();
        let (url, name) = (crate::text::escape(&file.url), crate::text::escape(&name));
        html += &format!("<p>📎 <a href=\"{url}\">{name}</a></p>");
    }
    let text = from_html(&html, &foreign);
    (!text.text.trim().is_empty()).then_some(text)
}

pub(crate) fn host_of(id: &str) -> String {
    let url = url::Url::parse(id).ok();
    url.as_ref().and_then(crate::guard::host_of).unwrap_or_default()
}

async fn edit(
    shared: &Shared,
    from: RemoteActor,
    id: String,
    note: &RemoteNote,
) -> Result<(), Refused> {
    if note.attributed_to != from.id || !same_host(&note.id, &from.id) {
        return Ok(());
    }
    let Some(known) = shared.core.far_comment(&note.id)? else { return Ok(()) };
    let Some(text) = words(shared, note, &known.cid) else { return Ok(()) };
    let updated = seconds(note.updated_s, shared.core.now());
    shared.core.bridge_edit_comment(id, from.id, note.id.clone(), text, updated).await?;
    Ok(())
}

async fn vote(
    shared: &Shared,
    from: RemoteActor,
    id: String,
    votes: Vec<Vote>,
) -> Result<(), Refused> {
    let own = |vote: &Vote| vote.attributed_to.as_ref().is_none_or(|by| *by == from.id);
    let votes: Vec<Vote> = votes.into_iter().filter(own).collect();
    let Some(first) = votes.first() else { return Ok(()) };
    let Some((cid, post)) = post_of(shared, &first.in_reply_to) else { return Ok(()) };
    let of_it = votes.iter().filter(|vote| vote.in_reply_to == first.in_reply_to);
    let answers = of_it.map(|vote| vote.name.clone()).collect();
    shared.core.bridge_vote(cid, post, from, id, answers).await?;
    Ok(())
}

async fn flag(
    shared: &Shared,
    from: &RemoteActor,
    id: String,
    objects: &[String],
    comment: String,
) -> Result<(), Refused> {
    let mut posts: Vec<(Cid, PostRef)> = Vec::new();
    let (mut channels, mut elsewhere) = (Vec::new(), 0);
    for object in objects.iter().take(FLAGGED_MAX) {
        match (post_of(shared, object), actor_of(shared, object)) {
            (Some(post), _) => posts.push(post),
            (None, Some(cid)) => channels.push(cid),
            (None, None) => elsewhere += 1,
        }
    }
    let first = posts.first().map(|(cid, _)| *cid).or_else(|| channels.first().copied());
    let Some(cid) = first else { return Ok(()) };
    let posts = posts.into_iter().filter(|(of, _)| *of == cid).map(|(_, post)| post).collect();
    shared.core.bridge_flag(id, cid, from.host.clone(), posts, elsewhere, comment).await?;
    Ok(())
}

/// Somebody is somebody else from now on, who says the same.
async fn moved(
    shared: &Shared,
    from: &RemoteActor,
    id: String,
    target: &str,
) -> Result<(), Refused> {
    let new = match actors::fetch_whole(shared, target).await {
        Ok((new, document)) if document.also_known_as.contains(&from.id) => new,
        Ok(_) | Err(FetchActor::Gone | FetchActor::No(_)) => return Ok(()),
        Err(FetchActor::Core(cause)) => return Err(cause.into()),
    };
    shared.lane_for(&new.host).await?;
    let follower = Follower {
        actor: new.id,
        host: new.host,
        inbox: new.inbox,
        shared_inbox: new.shared_inbox,
        follow: id.clone(),
        since: 0,
    };
    shared.core.bridge_move_follower(from.id.clone(), follower).await?;
    Ok(shared.core.mark_seen(id).await?)
}

/// Somebody asks whether a post of theirs may quote one of ours: it may.
async fn quote(
    shared: &Shared,
    from: &RemoteActor,
    id: String,
    object: &str,
    quoting: &str,
) -> Result<(), Refused> {
    let Some((cid, post)) = post_of(shared, object) else { return Ok(()) };
    if !same_host(quoting, &from.id) {
        return Err(Refused::No(StatusCode::FORBIDDEN));
    }
    let quoted = shared.url(&Place::Post(object::Cid(cid), map::mid(&post)));
    let asked = object::QuoteAsked {
        id: id.clone(),
        actor: from.id.clone(),
        quoting: quoting.to_owned(),
        quoted,
    };
    let said = between(shared, &cid, &id, &from.id);
    let (ids, inbox) = (shared.ids_of(&cid), from.inbox.clone());
    let accept = move |number: u64| {
        let stamp = ids.url(&Place::Stamp(object::Cid(cid), number));
        let accept = object::accept_quote(&said, &asked, &stamp);
        to_one(said, &accept, &inbox)
    };
    shared.lane_for(&from.host).await?;
    shared.core.bridge_quote(cid, post, from.host.clone(), quoting.to_owned(), accept).await?;
    shared.sent();
    Ok(shared.core.mark_seen(id).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_for_a_channel_that_moved_away_is_to_come_again() {
        let told = |cause: CoreError| answer(&Refused::from(cause));
        let moved = told(BridgeError::HandedOver.into());
        assert_eq!(moved.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(moved.headers()[header::RETRY_AFTER], MOVED_RETRY_S);
        assert_eq!(told(BridgeError::NotBridged.into()).status(), StatusCode::NOT_FOUND);
        // The earlier home gets it as soon as there is room for the letter.
        assert_eq!(told(CoreError::MailboxFull).status(), StatusCode::SERVICE_UNAVAILABLE);
    }
}
