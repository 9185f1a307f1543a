//! The same behind the interface of `activitypub_federation`, which dereferences with it.
//!
//! Its requests never reach the network by themselves: each is answered by [`Client::get`], so that
//! nothing is weaker than what the node fetches for itself. Other methods are refused.

use http::header::{ACCEPT, CONTENT_TYPE};
use http::{Extensions, Method};
use reqwest::{Request, Response, ResponseBuilderExt as _};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware, Error, Middleware, Next};

use super::{Client, Document, FetchError};

struct Answering(Client);

impl Client {
    /// A client for `FederationConfig::builder().client(…)`. `signed_fetch_actor` stays unset there:
    /// requests are signed here.
    #[must_use]
    pub fn for_federation(&self) -> ClientWithMiddleware {
        ClientBuilder::new(self.0.http.clone()).with(Answering(self.clone())).build()
    }
}

#[async_trait::async_trait]
impl Middleware for Answering {
    async fn handle(
        &self,
        request: Request,
        _: &mut Extensions,
        _: Next<'_>,
    ) -> reqwest_middleware::Result<Response> {
        if request.method() != Method::GET {
            return Err(Error::middleware(Refused));
        }
        let accept = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok());
        let url = request.url().as_str();
        let (fetched, media_type) = if accept.is_some_and(|accept| accept.contains("jrd+json")) {
            (self.0.get_document(url, Document::Jrd).await, "application/jrd+json")
        } else {
            (self.0.get(url).await, "application/activity+json")
        };
        let answer = match fetched {
            Ok(fetched) => http::Response::builder()
                .status(200)
                .header(CONTENT_TYPE, media_type)
                .url(fetched.final_url)
                .body(fetched.bytes),
            // The one status that is understood there.
            Err(FetchError::Gone) => {
                http::Response::builder().status(410).url(request.url().clone()).body("".into())
            }
            Err(error) => return Err(Error::middleware(error)),
        };
        Ok(answer.map_err(Error::middleware)?.into())
    }
}

/// Only `GET` goes this way; deliveries have their own.
#[derive(Debug, thiserror::Error)]
#[error("only GET is answered")]
struct Refused;
