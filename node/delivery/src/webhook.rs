//! A program behind HTTP takes the code: an SMS provider's bridge, for example.
//!
//! `POST` of a JSON document with the header `Rookery-Signature: t=SECONDS,v1=HEX`, where HEX is the
//! HMAC-SHA-256, under the shared secret, of `SECONDS.BODY`. A receiver computes the same, compares
//! in constant time, and refuses what is older than a few minutes; `id` tells repetitions.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{Request, Uri, header};
use node_core::Outbound;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::error::Failed;
use crate::https::is_private;
use crate::message::document;
use crate::{Https, SetupError};

/// Bytes of an answer that are read before it is thrown away.
const ANSWER_BYTES_MAX: usize = 16 << 10;

/// Shortest secret.
const SECRET_BYTES_MIN: usize = 16;

/// The header with time and signature.
const SIGNATURE: &str = "rookery-signature";

/// Where codes are posted.
pub struct Webhook {
    url: Uri,
    secret: Zeroizing<Vec<u8>>,
    https: Https,
}

impl Webhook {
    /// Posts to `url`, signed under `secret`; an exchange may take `within`. `authorities` is a PEM
    /// file with certificates that are trusted beside the system's.
    ///
    /// # Errors
    /// A url without encryption to another machine, a short secret, unreadable certificates.
    pub fn new(
        url: &str,
        secret: Zeroizing<Vec<u8>>,
        within: Duration,
        authorities: Option<&Path>,
    ) -> Result<Self, SetupError> {
        let parsed: Option<Uri> = url.parse().ok().filter(is_private);
        let parsed = parsed.ok_or_else(|| SetupError::Url(url.to_owned()))?;
        if secret.len() < SECRET_BYTES_MIN {
            return Err(SetupError::SecretTooShort);
        }
        let https = Https::new(authorities, within, ANSWER_BYTES_MAX)?;
        Ok(Self { url: parsed, secret, https })
    }

    /// One attempt.
    pub(crate) async fn deliver(
        &self,
        node: &str,
        id: &str,
        sent: &Outbound,
        now: i32,
    ) -> Result<(), Failed> {
        let body = document(node, id, sent, now).to_string();
        let request = Request::post(&self.url)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::USER_AGENT, "Rookery")
            .header(SIGNATURE, self.sign(now, &body)?)
            .body(body.into_bytes())
            .map_err(|cause| Failed::for_good(cause.to_string()))?;
        let answer = self.https.send(request).await.map_err(|e| Failed::now(e.to_string()))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        let reason = format!("the webhook answered {}", status.as_u16());
        // Busy, late or too early says that it may go better.
        let may_pass = status.is_server_error() || matches!(status.as_u16(), 408 | 425 | 429);
        Err(if may_pass { Failed::now(reason) } else { Failed::for_good(reason) })
    }

    /// `t=SECONDS,v1=HEX`
    fn sign(&self, now: i32, body: &str) -> Result<String, Failed> {
        let mac = Hmac::<Sha256>::new_from_slice(&self.secret);
        let mut mac = mac.map_err(|_| Failed::for_good("the secret cannot be used"))?;
        mac.update(format!("{now}.").as_bytes());
        mac.update(body.as_bytes());
        let mut header = format!("t={now},v1=");
        for byte in mac.finalize().into_bytes() {
            write!(header, "{byte:02x}").map_err(|_| Failed::for_good("no memory"))?;
        }
        Ok(header)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;
    use crate::message::tests::a_code;

    const SECRET: &[u8] = b"0123456789abcdef";

    fn webhook(url: &str) -> Result<Webhook, SetupError> {
        Webhook::new(url, Zeroizing::new(SECRET.to_vec()), Duration::from_secs(5), None)
    }

    /// Delivers to a server that answers `answer`, and returns what it read.
    async fn exchange(answer: &'static str) -> (Result<(), Failed>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/codes", listener.local_addr().unwrap());
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut got = Vec::new();
            while !got.ends_with(b"}") {
                let mut part = [0; 4096];
                let read = stream.read(&mut part).await.unwrap();
                assert!(read > 0, "cut");
                got.extend_from_slice(&part[..read]);
            }
            stream.write_all(answer.as_bytes()).await.unwrap();
            String::from_utf8(got).unwrap()
        });
        let done = webhook(&url).unwrap().deliver("Rookery", "1-1", &a_code(), 1000).await;
        (done, server.await.unwrap())
    }

    #[tokio::test]
    async fn a_post_is_signed_with_its_time() {
        let (done, got) = exchange("HTTP/1.1 204 No Content\r\n\r\n").await;
        done.unwrap();
        let (head, body) = got.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("POST /codes HTTP/1.1\r\n"), "{head}");
        let signature = webhook("https://example.org/").unwrap().sign(1000, body).unwrap();
        assert!(head.contains(&format!("rookery-signature: {signature}")), "{head}");
        assert!(signature.starts_with("t=1000,v1="));
    }

    /// Computed by `printf '1000.{}' | openssl dgst -sha256 -hmac 0123456789abcdef`.
    #[test]
    fn the_signature_is_what_other_programs_compute() {
        let signed = webhook("https://example.org/").unwrap().sign(1000, "{}").unwrap();
        assert_eq!(signed, KNOWN);
    }

    const KNOWN: &str =
        "t=1000,v1=bd3e8b6d13803a2406a848a68bc7a2e80b251fb9d894858564c77ce80a4aa634";

    #[tokio::test]
    async fn answers_say_whether_to_try_again() {
        let redirect =
            exchange("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n").await.0;
        assert!(redirect.unwrap_err().for_good, "a redirect is not followed");
        let refused = exchange("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n").await.0;
        assert!(refused.unwrap_err().for_good);
        let busy = exchange("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n").await.0;
        assert!(!busy.unwrap_err().for_good);
    }

    #[test]
    fn what_would_be_readable_on_the_way_is_refused() {
        assert!(matches!(webhook("http://example.org/"), Err(SetupError::Url(_))));
        assert!(matches!(webhook("codes"), Err(SetupError::Url(_))));
        let short = Webhook::new(
            "https://example.org/",
            Zeroizing::new(b"short".to_vec()),
            Duration::from_secs(1),
            None,
        );
        assert!(matches!(short, Err(SetupError::SecretTooShort)));
    }
}
