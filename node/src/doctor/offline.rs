//! What can be seen without a running node: its configuration, and whether anybody listens elsewhere.

use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs as _};
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;

use super::examine::new_domain;
use super::{Finding, here, off};
use crate::config::{Config, FederationConfig};
use crate::domains::{self, Looker};
use crate::federation::policy;

/// For a machine to take a connection.
const CONNECT_WITHIN: Duration = Duration::from_secs(3);

pub(super) fn examine(
    data: &Path,
    config: &Config,
    peer: Option<&str>,
    time_server: &str,
) -> anyhow::Result<Vec<Finding>> {
    let says = format!(
        "No node runs on {}: this is what the configuration and the network tell without it.",
        data.display()
    );
    let mut found = vec![Finding::problem("not-running", says).advise(
        "Start it, or name its directory: --data DIR. Nodes that were added by `rookery \
                     peer add` are looked at while it runs.",
    )];
    if peer.is_none() {
        let now_ms = crate::run::clock()();
        let examined = here::examine_stopped(config, data, time_server, now_ms);
        found.extend(runtime()?.block_on(examined));
    }
    let config = &config.federation;
    if config.listen.is_empty() {
        found.push(off(peer.is_some()));
    }
    if let Err(cause) = policy(config) {
        found.push(
            Finding::problem("configuration", format!("The configuration is refused: {cause:#}."))
                .advise("Mend [federation]."),
        );
    }
    match peer {
        Some(address) if address.starts_with('/') => found.push(at_address(address)),
        Some(asked) => match domains::domain(asked) {
            Some(domain) => found.extend(by_domain(config, &domain)?),
            None => found.push(Finding::problem(
                "unknown",
                format!("{asked} is neither a domain nor an address; names need the running node."),
            )),
        },
        None if config.peers.is_empty() && !config.listen.is_empty() => {
            found.push(Finding::note("nobody", "The configuration names no other node."));
        }
        None => found.extend(config.peers.iter().map(|address| at_address(address))),
    }
    Ok(found)
}

fn by_domain(config: &FederationConfig, domain: &str) -> anyhow::Result<Vec<Finding>> {
    let looker = Looker::new(config)?;
    let runtime = runtime()?;
    let mut found = runtime.block_on(new_domain(&looker, domain, None));
    if let Ok(names) = runtime.block_on(looker.look(domain)) {
        found.extend(names.addresses.iter().map(|address| at_address(address)));
    }
    Ok(found)
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.context("cannot start the runtime")
}

/// Whether somebody takes connections at an address. Who it is shows only to a running node.
fn at_address(address: &str) -> Finding {
    let finding = match target(address) {
        None => Finding::problem("bad-address", "This is no address of a node.")
            .advise("Addresses look like /dns4/HOST/tcp/PORT or /ip4/ADDRESS/udp/PORT/quic-v1."),
        Some((host, port)) => match (host, 0).to_socket_addrs() {
            Err(_) => Finding::problem("unresolved", format!("{host} does not resolve."))
                .advise("Check the name, and that this machine can ask its name server."),
            Ok(found) => match port {
                None => Finding::note(
                    "not-tried",
                    "It resolves; UDP is tried by the running node alone.",
                ),
                Some(port) => connect(found.map(|found| found.ip()), port),
            },
        },
    };
    finding.about(address)
}

fn connect(ips: impl Iterator<Item = IpAddr>, port: u16) -> Finding {
    let mut refused = None;
    for ip in ips {
        match TcpStream::connect_timeout(&SocketAddr::new(ip, port), CONNECT_WITHIN) {
            Ok(_) => return Finding::well("listens", "Something takes connections there."),
            Err(cause) => refused = Some(cause),
        }
    }
    match refused {
        Some(cause) if cause.kind() == std::io::ErrorKind::ConnectionRefused => {
            Finding::problem("nobody-listens", "The connection is refused: nobody listens there.")
                .advise("Check that the other node runs, that it listens there, and the port.")
        }
        Some(cause) if cause.kind() == std::io::ErrorKind::TimedOut => {
            Finding::problem("timed-out", "Nothing answers in time.")
                .advise("Check firewalls and port forwarding on both sides.")
        }
        _ => Finding::problem("unreachable", "It is not reached.")
            .advise("Check the network between the two machines."),
    }
}

/// Host of a multiaddress, and its port of TCP; none for UDP.
fn target(address: &str) -> Option<(&str, Option<u16>)> {
    let host = domains::host(address)?;
    let mut parts = address.split('/').skip(3);
    match (parts.next()?, parts.next()?.parse().ok()?) {
        ("tcp", port) => Some((host, Some(port))),
        ("udp", _) => Some((host, None)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;

    #[test]
    fn where_an_address_leads() {
        assert_eq!(target("/ip4/192.0.2.1/tcp/4040"), Some(("192.0.2.1", Some(4040))));
        assert_eq!(target("/dns/b.example/udp/4040/quic-v1"), Some(("b.example", None)));
        for none in ["", "b.example", "/ip4/192.0.2.1", "/ip4/192.0.2.1/tcp", "/ip4/x/sctp/1"] {
            assert_eq!(target(none), None, "{none}");
        }
    }

    #[test]
    fn somebody_listens_or_not() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("/ip4/127.0.0.1/tcp/{}", listener.local_addr().unwrap().port());
        assert_eq!(at_address(&address).level, Level::Well);
        drop(listener);
        assert_eq!(at_address(&address).code, "nobody-listens");
        assert_eq!(at_address("b.example").code, "bad-address");
    }

    #[test]
    fn a_node_that_is_off_and_does_not_run() {
        let directory = tempfile::tempdir().unwrap();
        let config = Config::default();
        let of = |peer| examine(directory.path(), &config, peer, "127.0.0.1:1").unwrap();
        let (alone, asked) = (of(None), of(Some("abcd")));
        let level = |found: &[Finding], code: &str| {
            found.iter().find(|finding| finding.code == code).map(|finding| finding.level)
        };
        assert_eq!(level(&alone, "not-running"), Some(Level::Problem));
        assert_eq!(level(&alone, "off"), Some(Level::Note));
        assert_eq!(level(&alone, "own-clock-unknown"), Some(Level::Note));
        assert_eq!(level(&asked, "off"), Some(Level::Problem));
        assert_eq!(asked.last().unwrap().code, "unknown");
    }
}
