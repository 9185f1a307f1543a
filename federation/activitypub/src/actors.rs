//! Actors of other servers: fetched when they are needed, kept as far as they are.

use std::sync::Arc;

use activitypub_federation::config::FederationConfig;
use activitypub_federation::error::Error;
use activitypub_federation::fetch::object_id::ObjectId;
use activitypub_federation::traits::Object;
use async_trait::async_trait;
use node_core::{ActorState, CoreError, RemoteActor};
use serde_json::Value;
use url::Url;

use crate::guard::host_of;
use crate::object::read::{self, read_actor, same_host};
use crate::shared::Shared;

/// An actor is looked up anew after so long, whatever fits: its inbox may be elsewhere.
const OLD_AFTER_MS: u64 = 24 * 3_600_000;

/// Why an actor is not there.
#[derive(Debug)]
pub(crate) enum FetchActor {
    /// Its server says that it is no more.
    Gone,
    /// It was not reached, or is none.
    No(String),
    /// The rules.
    Core(CoreError),
}

/// What of an actor's document says which keys are its own.
const KEYS: [&str; 3] = ["id", "publicKey", "assertionMethod"];

/// The part of an actor's document that is kept for its keys.
pub(crate) fn document_of(actor: &RemoteActor) -> Option<Value> {
    serde_json::from_slice(&actor.keys).ok()
}

/// Whether what is kept of an actor is to be looked up anew.
pub(crate) fn is_old(actor: &RemoteActor, now_ms: u64) -> bool {
    now_ms >= actor.fetched_at_ms.saturating_add(OLD_AFTER_MS)
}

/// What `activitypub_federation` gets to know.
pub(crate) type Data = activitypub_federation::config::Data<Arc<Shared>>;

/// How it fetches: by our client, which checks and signs each request, and reaches nothing inside.
pub(crate) async fn federation(
    shared: Arc<Shared>,
    host: &str,
    is_closed: bool,
) -> Result<FederationConfig<Arc<Shared>>, String> {
    let client = shared.client.for_federation();
    FederationConfig::builder()
        .domain(host)
        .app_data(shared)
        .client(client)
        // It would resolve each name once more, and refuse the addresses of closed networks.
        .debug(is_closed)
        .build()
        .await
        .map_err(|cause| cause.to_string())
}

/// An actor as it is found.
#[derive(Debug, Clone)]
struct Person {
    id: Url,
    actor: RemoteActor,
    /// None of one that was not asked for again.
    document: Option<read::RemoteActor>,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
enum NoPerson {
    #[error(transparent)]
    Federation(#[from] activitypub_federation::error::Error),
    #[error(transparent)]
    Core(#[from] CoreError),
    #[error("{0}")]
    Not(&'static str),
}

#[async_trait]
impl Object for Person {
    type DataType = Arc<Shared>;
    type Kind = Value;
    type Error = NoPerson;

    fn id(&self) -> &Url {
        &self.id
    }

    async fn read_from_id(id: Url, shared: &Data) -> Result<Option<Self>, NoPerson> {
        let known = shared.core.remote_actor(id.as_str())?;
        let is_fresh = |actor: &RemoteActor| !is_old(actor, shared.core.now_ms());
        Ok(known.filter(is_fresh).map(|actor| Self { id, actor, document: None }))
    }

    async fn into_json(self, _: &Data) -> Result<Value, NoPerson> {
        // What is somebody else's is served by them.
        Err(NoPerson::Not("an actor of another server"))
    }

    async fn verify(json: &Value, expected: &Url, _: &Data) -> Result<(), NoPerson> {
        let document = read_actor(json).ok_or(NoPerson::Not("no actor"))?;
        let is_there = document.id == expected.as_str();
        if is_there { Ok(()) } else { Err(NoPerson::Not("another actor than was asked for")) }
    }

    async fn from_json(json: Value, shared: &Data) -> Result<Self, NoPerson> {
        let document = read_actor(&json).ok_or(NoPerson::Not("no actor"))?;
        let id = Url::parse(&document.id).map_err(|_| NoPerson::Not("no address"))?;
        let host = host_of(&id).ok_or(NoPerson::Not("no host"))?;
        let own = |of: &String| same_host(of, &document.id);
        // In the one form in which deliveries name it.
        let own_inbox = |of: &Option<String>| {
            of.clone().filter(own).and_then(|of| Url::parse(&of).ok()).map(String::from)
        };
        let inbox = own_inbox(&document.inbox).ok_or(NoPerson::Not("no inbox of its own"))?;
        let username = document.username.clone().unwrap_or_else(|| "somebody".to_owned());
        let handle = document.webfinger.clone().unwrap_or_else(|| format!("{username}@{host}"));
        let kept =
            KEYS.iter().filter_map(|name| Some(((*name).to_owned(), json.get(name)?.clone())));
        let kept = Value::Object(kept.collect());
        let actor = RemoteActor {
            id: document.id.clone(),
            host,
            name: document.name.clone().unwrap_or(username),
            handle: handle.trim_start_matches('@').to_owned(),
            inbox,
            shared_inbox: own_inbox(&document.shared_inbox),
            icon: document.icon.clone(),
            url: document.url.clone().filter(own),
            keys: serde_json::to_vec(&kept).map_err(|_| NoPerson::Not("keys"))?,
            fetched_at_ms: shared.core.now_ms(),
            state: ActorState::There,
        };
        shared.core.put_remote_actor(actor.clone()).await?;
        Ok(Self { id, actor, document: Some(document) })
    }
}

/// Fetches an actor, and keeps it.
pub(crate) async fn fetch(shared: &Shared, id: &str) -> Result<RemoteActor, FetchActor> {
    Ok(person(shared, id).await?.actor)
}

/// Keeps an actor whose document was fetched for its key.
pub(crate) async fn keep(shared: &Shared, document: Value) -> Result<RemoteActor, FetchActor> {
    let data = shared.federation().ok_or_else(|| FetchActor::No("not started".to_owned()))?;
    match Person::from_json(document, &data).await {
        Ok(person) => Ok(person.actor),
        Err(NoPerson::Core(cause)) => Err(FetchActor::Core(cause)),
        Err(cause) => Err(FetchActor::No(cause.to_string())),
    }
}

/// The same with all that its document says.
pub(crate) async fn fetch_whole(
    shared: &Shared,
    id: &str,
) -> Result<(RemoteActor, read::RemoteActor), FetchActor> {
    let Person { actor, document, .. } = person(shared, id).await?;
    let document = document.ok_or_else(|| FetchActor::No("not fetched".to_owned()))?;
    Ok((actor, document))
}

async fn person(shared: &Shared, id: &str) -> Result<Person, FetchActor> {
    let no = |why: &dyn std::fmt::Display| FetchActor::No(why.to_string());
    let asked = ObjectId::<Person>::parse(id).map_err(|cause| no(&cause))?;
    let data = shared.federation().ok_or_else(|| no(&"not started"))?;
    asked.dereference_forced(&data).await.map_err(|cause| match cause {
        NoPerson::Federation(Error::ObjectDeleted(_)) => FetchActor::Gone,
        NoPerson::Core(cause) => FetchActor::Core(cause),
        cause => no(&cause),
    })
}
