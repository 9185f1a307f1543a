//! The [`Post`] over the node's own client.

use std::sync::Arc;

use async_trait::async_trait;
use url::Url;

use super::{Outgoing, Post};
use crate::client::{Client, FetchError, Outcome, Signer};
use crate::sign::Scheme;

/// The key of an actor, if it still has one.
pub(crate) type SignerOf = Arc<dyn Fn(&[u8; 20]) -> Option<Signer> + Send + Sync>;

/// Posts by a [`Client`].
#[derive(Clone)]
pub(crate) struct ClientPost {
    /// What reaches others.
    pub(crate) client: Client,
    /// Who signs. Of an actor without a key nothing is sent any more.
    pub(crate) signer_of: SignerOf,
}

#[async_trait]
impl Post for ClientPost {
    async fn post(&self, activity: &Outgoing, inbox: &Url, scheme: Option<Scheme>) -> Outcome {
        let Some(signer) = (self.signer_of)(&activity.actor) else {
            return Outcome { status: Err(FetchError::Gone), retry_after_s: None, scheme: None };
        };
        self.client.post(inbox, activity.json.clone(), &signer, scheme).await
    }

    async fn is_gone(&self, actor: &Url) -> bool {
        matches!(self.client.get(actor.as_str()).await, Err(FetchError::Gone))
    }
}
