//! Posts of other servers that may quote ours: each is agreed to once, and shows the agreement.

use node_store::Keyspace;
use serde::{Deserialize, Serialize};

use super::{
    BlockSeverity, Cid, NewOutgoing, PostRef, PostState, QUOTE, check_host, check_id, key,
};
use crate::limits::Limit;
use crate::record::Record;
use crate::{Core, CoreResult};

/// A quote that was agreed to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    /// What is quoted.
    pub post: PostRef,
    /// The post that quotes it.
    pub quoting: String,
    /// Unix seconds.
    pub date: i32,
}

impl Record for Quote {
    const VERSION: u8 = 1;
    const NAME: &'static str = "quote of a bridged post";
}

pub(super) fn quote_key(cid: &Cid, number: u64) -> Vec<u8> {
    key(QUOTE, &[cid, &number.to_be_bytes()])
}

/// The number of the agreement to a quote: the same whenever it is asked for.
#[must_use]
fn number_of(post: &PostRef, quoting: &str) -> u64 {
    let hash = blake3::hash(&[&post.bytes()[..], quoting.as_bytes()].concat());
    hash.as_bytes().first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes) >> 1)
}

impl Core {
    /// Agrees to a quote, and answers: `accept` makes the answer of the agreement's number. All in one
    /// batch; who asks again is answered again.
    ///
    /// # Errors
    /// [`super::BridgeError::NotBridged`], [`super::BridgeError::UnknownPost`],
    /// [`super::BridgeError::Blocked`], [`super::BridgeError::Invalid`], [`crate::CoreError::Flood`].
    pub async fn bridge_quote(
        &self,
        cid: Cid,
        post: PostRef,
        host: String,
        quoting: String,
        accept: impl FnOnce(u64) -> NewOutgoing + Send + 'static,
    ) -> CoreResult<u64> {
        self.write(None, move |decide| {
            check_id(&quoting)?;
            check_host(&host)?;
            let bridge = decide.bridge_of_cid(&cid)?;
            decide.not_blocked(&host, BlockSeverity::Suspend)?;
            decide.bridged_post(&bridge, &post)?;
            decide.take(Limit::ActsOfHost(super::comments::number_of(&host)), 1)?;
            let number = number_of(&post, &quoting);
            let at = quote_key(&cid, number);
            let known: Option<Quote> = decide.load(Keyspace::BRIDGE, &at)?;
            if known.is_none() {
                let date = decide.now();
                decide.put(Keyspace::BRIDGE, &at, &Quote { post, quoting, date })?;
            }
            decide.append_outgoing(cid, vec![accept(number)])?;
            Ok(number)
        })
        .await
    }

    /// An agreement to a quote, while its post is there.
    ///
    /// # Errors
    /// Those of the store.
    pub fn quote(&self, cid: &Cid, number: u64) -> CoreResult<Option<Quote>> {
        let row = self.inner.store.get(Keyspace::BRIDGE, &quote_key(cid, number))?;
        let Some(quote) = row.map(|row| Quote::decode(&row)).transpose()? else { return Ok(None) };
        let state = self.post_state(cid, &quote.post)?;
        Ok(Some(quote).filter(|_| !matches!(state, Some(PostState::Gone { .. }))))
    }
}
