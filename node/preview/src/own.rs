//! Networks that this machine is part of, with its own addresses.
//!
//! They may be public, and lie behind a firewall that this machine is not behind.

use std::io;
use std::net::IpAddr;

use if_addrs::{IfAddr, get_if_addrs};
use ipnet::IpNet;

/// The networks of all interfaces, as they are now.
pub(crate) fn networks() -> io::Result<Vec<IpNet>> {
    let interfaces = get_if_addrs()?;
    Ok(interfaces.into_iter().map(|interface| network(&interface.addr)).collect())
}

fn network(address: &IfAddr) -> IpNet {
    let (ip, length): (IpAddr, u8) = match address {
        IfAddr::V4(address) => (address.ip.into(), address.prefixlen),
        IfAddr::V6(address) => (address.ip.into(), address.prefixlen),
    };
    // A tunnel may have no mask, which reads as 0: no network is the whole internet.
    let length = if length == 0 { u8::MAX } else { length };
    IpNet::new(ip, length).unwrap_or_else(|_| ip.into())
}

#[cfg(test)]
mod tests {
    use if_addrs::{Ifv4Addr, Ifv6Addr};

    use super::*;

    #[test]
    fn this_machine_is_in_a_network() {
        let networks = networks().unwrap();
        let loopback: IpAddr = [127, 0, 0, 1].into();
        assert!(networks.iter().any(|network| network.contains(&loopback)), "{networks:?}");
    }

    #[test]
    fn a_missing_mask_is_no_network() {
        let v4 = |prefixlen| {
            let ip = [192, 88, 1, 7].into();
            network(&IfAddr::V4(Ifv4Addr { ip, netmask: ip, prefixlen, broadcast: None }))
        };
        assert_eq!(v4(24).trunc(), "192.88.1.0/24".parse().unwrap());
        assert_eq!(v4(0), "192.88.1.7/32".parse().unwrap());
        let v6 = |prefixlen| {
            let ip = "2a00:1:2:3::7".parse().unwrap();
            network(&IfAddr::V6(Ifv6Addr { ip, netmask: ip, prefixlen, broadcast: None }))
        };
        assert_eq!(v6(64).trunc(), "2a00:1:2:3::/64".parse().unwrap());
        assert_eq!(v6(0), "2a00:1:2:3::7/128".parse().unwrap());
    }
}
