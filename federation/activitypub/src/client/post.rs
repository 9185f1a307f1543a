//! Deliveries: one activity to one inbox, with a second knock in the other scheme.

use bytes::Bytes;
use http::header::RETRY_AFTER;
use tokio::time::timeout;
use url::Url;

use super::get::failed;
use super::{Client, FetchError, SignError, Signer, UrlError};
use crate::guard::host_of;
use crate::sign::{Scheme, parse_date, prepare};

/// What an activity is sent as.
const MEDIA_TYPE: &str = "application/activity+json";
/// The longest wait that a server may ask for.
const RETRY_AFTER_S_MAX: u64 = 24 * 60 * 60;
/// Bytes of an answer that are read so that its connection can be used again.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// What became of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The status, or why there is none.
    pub status: Result<u16, FetchError>,
    /// After how many seconds the server wants to be asked again: a day at most.
    pub retry_after_s: Option<u64>,
    /// The scheme in which it was taken.
    pub scheme: Option<Scheme>,
}

impl Client {
    /// Posts an activity as `signer`, in the `remembered` scheme first, else in draft-cavage. On 400
    /// and 401 the other one is tried, once. Redirects are not followed.
    pub async fn post(
        &self,
        inbox: &Url,
        body: Bytes,
        signer: &Signer,
        remembered: Option<Scheme>,
    ) -> Outcome {
        let first = remembered.unwrap_or_default();
        let work = async {
            let outcome = self.knock(inbox, body.clone(), signer, first).await;
            match outcome.status {
                Ok(400 | 401) => self.knock(inbox, body, signer, first.other()).await,
                _ => outcome,
            }
        };
        timeout(self.0.within, work).await.unwrap_or(Outcome {
            status: Err(FetchError::Late),
            retry_after_s: None,
            scheme: None,
        })
    }

    async fn knock(&self, inbox: &Url, body: Bytes, signer: &Signer, scheme: Scheme) -> Outcome {
        match self.tell(inbox, body, signer, scheme).await {
            Ok(response) => {
                let status = response.status().as_u16();
                let retry_after_s = self.retry_after(&response);
                drain(response).await;
                let scheme = (200..300).contains(&status).then_some(scheme);
                Outcome { status: Ok(status), retry_after_s, scheme }
            }
            Err(error) => Outcome { status: Err(error), retry_after_s: None, scheme: None },
        }
    }

    async fn tell(
        &self,
        inbox: &Url,
        body: Bytes,
        signer: &Signer,
        scheme: Scheme,
    ) -> Result<reqwest::Response, FetchError> {
        let inbox = self.0.reach.parse(inbox.as_str())?;
        let host = host_of(&inbox).ok_or(UrlError("no name of a host"))?;
        if (self.0.is_blocked)(&host) {
            return Err(FetchError::Blocked(host));
        }
        let now_s = (self.0.clock)() / 1000;
        let prepared = prepare(scheme, &inbox, Some(&body), MEDIA_TYPE, &signer.key_id, now_s);
        let prepared = prepared.map_err(SignError::from)?;
        let signature = self.0.pool.sign(signer, prepared.text()).await?;
        let headers = prepared.finish(&signature).map_err(SignError::from)?;
        self.0.http.post(inbox).headers(headers).body(body).send().await.map_err(failed)
    }

    fn retry_after(&self, response: &reqwest::Response) -> Option<u64> {
        let value = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim();
        let now_s = (self.0.clock)() / 1000;
        let seconds = value.parse().ok();
        let seconds = seconds.or_else(|| Some(parse_date(value)?.saturating_sub(now_s)))?;
        Some(seconds.min(RETRY_AFTER_S_MAX))
    }
}

/// Reads a short answer to its end; a long one ends its connection.
async fn drain(mut response: reqwest::Response) {
    let mut read = 0;
    while let Ok(Some(chunk)) = response.chunk().await {
        read += chunk.len();
        if read > ANSWER_BYTES_MAX {
            break;
        }
    }
}
