//! Whether a client that goes where clients are told to go comes to this node.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, bail};
use mtproto_frontend::Refusals;
use mtproto_frontend::exchange::envelope;
use tl::mtproto::functions::ReqPqMulti;
use tl::mtproto::types::ResPq;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Finding;
use crate::client_config::Ready;
use crate::config::Config;

/// For a connection and its first answer.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);
/// The longest `resPQ`: eight keys are more than anybody offers.
const ANSWER_BYTES_MAX: u32 = 256;

pub(super) async fn examine(config: &Config, ready: &Ready, refusals: &Refusals) -> Vec<Finding> {
    let mut found = Vec::new();
    let told = match config.node.public_addresses.as_slice() {
        [] => ready.mtproto.parse().into_iter().collect(),
        given => given.to_vec(),
    };
    for address in told {
        let answered = timeout(ANSWERS_WITHIN, fingerprints(address, refusals)).await;
        let answered =
            answered.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into()));
        found.push(judge(address, &ready.rsa_fingerprint, answered));
        if !preview::is_public(address.ip()) && config.http.public_url.is_some() {
            found.push(
                Finding::note(
                    "private-address",
                    format!("Clients are told to go to {address}, which is not reached from the Internet."),
                )
                .advise("Set [node] public_addresses to the address that the router has outside."),
            );
        }
    }
    found
}

/// What an answer at an address means.
fn judge(address: SocketAddr, own: &str, answered: anyhow::Result<Vec<i64>>) -> Finding {
    let open = "Check that the port is open in the firewall and led here by the router.";
    match answered {
        Ok(keys) if keys.iter().any(|key| format!("{:016x}", key.cast_unsigned()) == own) => {
            Finding::well("reached", format!("Clients that go to {address} come to this node."))
        }
        Ok(_) => Finding::problem(
            "reached-another-node",
            format!("Clients are told to go to {address}, and another node answers there."),
        )
        .advise("Mend [node] public_addresses, or where the router leads that port."),
        Err(cause) => match cause.downcast_ref::<io::Error>().map(io::Error::kind) {
            // Some routers do not lead back what comes from inside.
            Some(io::ErrorKind::TimedOut) => Finding::note(
                "not-reached-from-here",
                format!(
                    "Clients are told to go to {address}, which this machine itself does not reach."
                ),
            )
            .advise(format!("Try from another network. {open}")),
            _ => Finding::problem(
                "not-reached",
                format!("Clients are told to go to {address}, and do not get there: {cause:#}."),
            )
            .advise(open),
        },
    }
}

/// The RSA keys that are offered at an address, asked for as a client does.
///
/// Source: <https://core.telegram.org/mtproto/auth_key>
async fn fingerprints(address: SocketAddr, refusals: &Refusals) -> anyhow::Result<Vec<i64>> {
    let mut stream = TcpStream::connect(address).await?;
    // Whoever asks and goes away again looks like a client that trusts another key.
    refusals.expect(stream.local_addr()?);
    let mut nonce = [0; 16];
    #[expect(clippy::disallowed_methods, reason = "the binary owns randomness")]
    rand::Rng::fill_bytes(&mut rand::rng(), &mut nonce);
    let asked = envelope(0, &tl::to_bytes(&ReqPqMulti { nonce }, 0)?);
    let length = u32::try_from(asked.len())?;
    stream.write_all(&[&[0xee; 4][..], &length.to_le_bytes(), &asked].concat()).await?;
    let length = stream.read_u32_le().await?;
    if !(24..=ANSWER_BYTES_MAX).contains(&length) {
        bail!("what answers is no Telegram server");
    }
    let mut answer = vec![0; length as usize];
    stream.read_exact(&mut answer).await?;
    let body = answer.get(20..).unwrap_or_default();
    let answer: ResPq = tl::from_bytes(body, 0).context("what answers is no Telegram server")?;
    if answer.nonce != nonce {
        bail!("what answers is no Telegram server");
    }
    Ok(answer.server_public_key_fingerprints)
}

#[cfg(test)]
mod tests {
    use super::super::super::Level;
    use super::*;

    #[test]
    fn what_answers_is_this_node_or_not() {
        let at = "192.0.2.7:443".parse().unwrap();
        let own = "fedcba9876543210";
        let key = 0xfedc_ba98_7654_3210_u64.cast_signed();
        let level = |answered| judge(at, own, answered).level;
        assert_eq!(level(Ok(vec![1, key])), Level::Well);
        assert_eq!(level(Ok(vec![1])), Level::Problem);
        let failed = |kind: io::ErrorKind| Err(io::Error::from(kind).into());
        assert_eq!(level(failed(io::ErrorKind::TimedOut)), Level::Note);
        assert_eq!(level(failed(io::ErrorKind::ConnectionRefused)), Level::Problem);
        assert_eq!(level(Err(anyhow::anyhow!("no server"))), Level::Problem);
    }
}
