//! Whom a proxy of HTTP speaks for: the headers that it adds to each request.
//!
//! Each proxy on the way appends the address that the request came to it from, so the list is read
//! from its end: as long as an address is that of a trusted proxy, the one before it is believed. The
//! first that is not is the client's; what stands before that the client may have written itself.
//!
//! Sources: <https://www.rfc-editor.org/rfc/rfc7239>,
//! <https://developer.mozilla.org/en-US/docs/Web/HTTP/Headers/X-Forwarded-For>

use std::net::{IpAddr, SocketAddr};

use axum::http::HeaderMap;

use super::proxies::{ForwardedBy, Proxies};

/// Who sent a request that came from `peer`, one of the trusted. The port is 0 where no proxy names it.
pub(super) fn client(headers: &HeaderMap, proxies: &Proxies, peer: SocketAddr) -> SocketAddr {
    match proxies.forwarded {
        ForwardedBy::XForwardedFor => {
            walk(values(headers, "x-forwarded-for").map(node), proxies, peer)
        }
        ForwardedBy::Forwarded => {
            let named = values(headers, "forwarded").map(|element| {
                let pairs = split(element, b';').filter_map(|pair| pair.split_once('='));
                let is_for = |name: &str| name.trim().eq_ignore_ascii_case("for");
                let (_, value) = pairs.filter(|(name, _)| is_for(name)).last()?;
                node(&unquoted(value))
            });
            walk(named, proxies, peer)
        }
    }
}

/// From the last element on, back to the first address that is not trusted.
fn walk(
    elements: impl Iterator<Item = Option<SocketAddr>>,
    proxies: &Proxies,
    peer: SocketAddr,
) -> SocketAddr {
    let mut found = peer;
    for client in elements {
        // A name that is no address ends what is known: whoever gave it stands for who is behind it.
        let Some(client) = client else { break };
        found = client;
        if !proxies.trust(client.ip()) {
            break;
        }
    }
    found
}

/// The members of a list, which several headers may hold together; the last one first.
fn values<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a str> {
    let lines: Vec<&str> = headers.get_all(name).iter().map(|v| v.to_str().unwrap_or("")).collect();
    let members = lines.into_iter().flat_map(|line| split(line, b','));
    members.map(str::trim).filter(|member| !member.is_empty()).collect::<Vec<_>>().into_iter().rev()
}

/// Parts between `by`, but not within quotation marks.
fn split(text: &str, by: u8) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |found: char| {
        let literal = std::mem::take(&mut escaped);
        match found {
            '\\' if quoted && !literal => escaped = true,
            '"' if !literal => quoted = !quoted,
            _ => {}
        }
        !quoted && found == char::from(by)
    })
}

/// A token, or the text of a quoted string.
fn unquoted(value: &str) -> String {
    let value = value.trim();
    let inner = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inner.map_or_else(|| value.to_owned(), |inner| inner.replace('\\', ""))
}

/// `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:80`.
fn node(text: &str) -> Option<SocketAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let ip = bare.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 0));
    // The port may be a word that hides it.
    let without_port = || {
        let (host, _) = text.rsplit_once(':')?;
        let host = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
        Some(SocketAddr::new(host.parse().ok()?, 0))
    };
    let known = ip.or_else(|_| text.parse()).ok().or_else(without_port)?;
    Some(SocketAddr::new(known.ip().to_canonical(), known.port()))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    const PEER: &str = "127.0.0.1:999";

    fn proxies(forwarded: ForwardedBy) -> Proxies {
        let trusted = ["127.0.0.1/32", "10.0.0.0/8", "2001:db8:1::/48"];
        Proxies { trusted: trusted.map(|net| net.parse().unwrap()).to_vec(), forwarded }
    }

    /// The client of a request with these headers.
    fn told(forwarded: ForwardedBy, given: &[(&'static str, &str)]) -> String {
        let mut headers = HeaderMap::new();
        for (name, value) in given {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        client(&headers, &proxies(forwarded), PEER.parse().unwrap()).to_string()
    }

    #[test]
    fn the_last_address_that_is_not_a_proxys_is_the_clients() {
        let told = |lines: &[&str]| {
            let lines: Vec<_> = lines.iter().map(|line| ("x-forwarded-for", *line)).collect();
            told(ForwardedBy::XForwardedFor, &lines)
        };
        assert_eq!(told(&[]), PEER, "the proxy asks for itself");
        assert_eq!(told(&["192.0.2.1"]), "192.0.2.1:0");
        assert_eq!(told(&["192.0.2.1:4711"]), "192.0.2.1:4711");
        assert_eq!(told(&["203.0.113.9, 192.0.2.1"]), "192.0.2.1:0", "what the client wrote");
        assert_eq!(told(&["203.0.113.9", "192.0.2.1, 10.1.2.3"]), "192.0.2.1:0");
        assert_eq!(told(&["10.1.2.3"]), "10.1.2.3:0", "nobody but proxies");
        assert_eq!(told(&["2001:db8::7, 2001:db8:1::1"]), "[2001:db8::7]:0");
        assert_eq!(told(&["[2001:db8::7]:443"]), "[2001:db8::7]:443");
        assert_eq!(told(&["::ffff:192.0.2.1"]), "192.0.2.1:0");
        assert_eq!(told(&["192.0.2.1, unknown"]), PEER, "the proxy does not know");
        assert_eq!(told(&["192.0.2.1, unknown, 10.1.2.3"]), "10.1.2.3:0");
        assert_eq!(told(&["\u{e4}, ,,"]), PEER);
    }

    #[test]
    fn forwarded_is_read_as_rfc_7239_writes_it() {
        let told = |line: &str| told(ForwardedBy::Forwarded, &[("forwarded", line)]);
        assert_eq!(told("for=192.0.2.60;proto=https;by=203.0.113.43"), "192.0.2.60:0");
        assert_eq!(told("For=\"[2001:db8:cafe::17]:4711\""), "[2001:db8:cafe::17]:4711");
        assert_eq!(told("for=192.0.2.43;proto=https, for=10.0.0.1;proto=http"), "192.0.2.43:0");
        assert_eq!(told("for=\"192.0.2.43:_hidden\""), "192.0.2.43:0");
        assert_eq!(told("for=_secret, for=unknown"), PEER);
        // What is quoted is one value, whatever stands in it.
        assert_eq!(told("for=192.0.2.1;host=\"a, for=203.0.113.9\""), "192.0.2.1:0");
        assert_eq!(told("for=192.0.2.1;host=\"\\\", for=203.0.113.9\""), "192.0.2.1:0");
        // One that never ends hides what a proxy appended: then nothing is known.
        assert_eq!(told("host=\"for=203.0.113.9, for=192.0.2.1"), PEER);
    }

    #[test]
    fn one_header_is_read_and_the_other_is_not() {
        let given = [("x-forwarded-for", "192.0.2.1"), ("forwarded", "for=203.0.113.9")];
        assert_eq!(told(ForwardedBy::XForwardedFor, &given), "192.0.2.1:0");
        assert_eq!(told(ForwardedBy::Forwarded, &given), "203.0.113.9:0");
        assert_eq!(told(ForwardedBy::Forwarded, &given[..1]), PEER);
    }
}
