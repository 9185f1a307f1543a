//! Machines of the operator's that hand clients on.

use std::net::IpAddr;

use bytes::{Buf as _, BytesMut};
use ipnet::IpNet;
use tokio::time::Instant;

use super::listener::read_more;
use super::stream::Stream;
use crate::rpc::Addresses;
use crate::transport::{Handed, handed};

/// Whom the node believes where a client comes from. Nobody by default.
///
/// A trusted address may begin a connection with a PROXY header, and need not: what asks whether the
/// node is alive, and a proxy of HTTP, which speaks by headers, have none. So only those are to be
/// named whose every connection begins with what they write themselves: behind a proxy that hands
/// bytes on and adds nothing, each client could say where it comes from.
#[derive(Debug, Clone, Default)]
pub struct Proxies {
    /// Their networks.
    pub trusted: Vec<IpNet>,
    /// The header by which those of HTTP say so.
    pub forwarded: ForwardedBy,
}

/// The header of HTTP that names clients. One is read: a proxy that sets one of them lets the other
/// through as the client wrote it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ForwardedBy {
    /// `X-Forwarded-For`.
    #[default]
    XForwardedFor,
    /// `Forwarded`, RFC 7239.
    Forwarded,
}

impl Proxies {
    /// Whether what comes from an address is believed.
    pub(crate) fn trust(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        self.trusted.iter().any(|network| network.contains(&ip))
    }
}

/// Reads what a proxy says of a connection that it hands on, and both ends of that; what comes after
/// it is in `first`. `None` to close in silence.
pub(super) async fn read_header(
    stream: &mut impl Stream,
    first: &mut BytesMut,
    own: Addresses,
    deadline: Instant,
) -> Option<Addresses> {
    loop {
        read_more(stream, first, deadline).await?;
        match handed(first) {
            Handed::NeedMore => {}
            Handed::Not => return Some(own),
            Handed::Header { ends, consumed } => {
                first.advance(consumed.min(first.len()));
                return Some(ends.map_or(own, |(remote, local)| Addresses { local, remote }));
            }
            Handed::Reject => return None,
        }
    }
}
