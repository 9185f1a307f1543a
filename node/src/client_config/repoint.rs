//! A copy of a client that trusts this node.
//!
//! Clients have the keys of Telegram's servers compiled in, and where those servers are. Both are texts of a
//! length: the node's key has the same one, and its address fits where a longer one was. Only the two kinds of
//! file whose copies the tests run are taken; of others nobody could say what the copy would do.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::Range;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use memchr::memmem;

/// The largest file that is read, in bytes: several times the largest client.
const FILE_BYTES_MAX: u64 = 1 << 30;

const BEGIN: &[u8] = b"-----BEGIN RSA PUBLIC KEY-----";
const END: &[u8] = b"-----END RSA PUBLIC KEY-----";

/// How far behind its beginning a key ends: RSA-2048 needs 425 bytes.
const KEY_BYTES_MAX: usize = 1024;

/// Telegram's networks, as the texts of their addresses begin.
const NETWORKS: [&[u8]; 8] = [
    b"149.154.",
    b"91.108.",
    b"95.161.",
    b"2001:67c:",
    b"2001:067c:",
    b"2001:b28:",
    b"2001:0b28:",
    b"2a0a:f280:",
];

/// The port that Telegram Desktop connects to, whatever its addresses are.
const DESKTOP_PORT: u16 = 443;

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Client {
    /// `libtdjson.so`: two keys. Where the servers are is machine code.
    Tdlib,
    /// Telegram Desktop: three keys, and addresses as texts.
    Desktop,
}

/// A copy that trusts the node.
#[derive(Debug)]
pub(crate) struct Copy {
    pub(crate) client: Client,
    pub(crate) bytes: Vec<u8>,
    /// How many were replaced.
    pub(crate) keys: usize,
    pub(crate) addresses: usize,
}

/// Makes a copy of what is in a file, for a node with this key (PKCS#1 PEM) at this address.
///
/// # Errors
/// Why not, in a line: for the operator.
pub(crate) fn repoint(mut bytes: Vec<u8>, key: &str, address: SocketAddr) -> anyhow::Result<Copy> {
    let ours = key.trim_end().as_bytes();
    let keys: Vec<_> =
        key_places(&bytes).into_iter().filter(|place| place.len() == ours.len()).collect();
    ensure!(!keys.is_empty(), "no server key is in this file as a client has it");
    ensure!(
        !keys.iter().any(|place| &bytes[place.clone()] == ours),
        "this is a copy that trusts the node already"
    );
    let mut addresses = address_places(&bytes);
    let has = |name: &[u8]| memmem::find(&bytes, name).is_some();
    let client = match (keys.len(), addresses.len()) {
        (2, _) if has(b"td_create_client_id") => Client::Tdlib,
        (3, 8..) if has(b"Telegram Desktop") => Client::Desktop,
        (keys, addresses) => bail!(
            "{keys} server keys and {addresses} addresses are in this file: understood are 2 keys in a TDLib, and 3 \
             keys and 8 addresses or more in a Telegram Desktop"
        ),
    };
    match client {
        Client::Tdlib => addresses.clear(),
        Client::Desktop => {
            ensure!(
                address.port() == DESKTOP_PORT,
                "Telegram Desktop connects to port {DESKTOP_PORT}, and the node is at {address}: let it listen there \
                 (--mtproto)"
            );
            for place in &addresses {
                let text = text_for(&bytes[place.clone()], address)?;
                bytes[place.clone()].fill(0);
                bytes[place.start..][..text.len()].copy_from_slice(text.as_bytes());
            }
        }
    }
    for place in &keys {
        bytes[place.clone()].copy_from_slice(ours);
    }
    Ok(Copy { client, bytes, keys: keys.len(), addresses: addresses.len() })
}

/// The node's address as it takes the place of another one.
///
/// Places have room for 13 characters or more, and addresses have up to 15. Qt reads them as `inet_aton` does, where
/// the last number may stand for several bytes: of these ways to write one, the first that fits.
fn text_for(old: &[u8], address: SocketAddr) -> anyhow::Result<String> {
    let SocketAddr::V4(address) = address else {
        bail!("the copy can hold an IPv4 address, and the node is at {address}")
    };
    let [a, b, c, d] = address.ip().octets();
    let ways = match old.contains(&b':') {
        // Clients try both kinds: one that led elsewhere would tell Telegram of the member.
        true => vec![format!("::ffff:{}", address.ip())],
        false => vec![address.ip().to_string(), format!("{a}.{b}.{}", u16::from_be_bytes([c, d]))],
    };
    ways.into_iter().find(|text| text.len() <= old.len()).with_context(|| {
        format!("{} has no room for {}", String::from_utf8_lossy(old), address.ip())
    })
}

/// Where public keys of RSA-2048 are.
fn key_places(bytes: &[u8]) -> Vec<Range<usize>> {
    let is_key = |place: &Range<usize>| {
        let text = std::str::from_utf8(&bytes[place.clone()]).unwrap_or_default();
        keys::PublicKey::from_pem(text).is_ok()
    };
    let whole = |start: usize| {
        let near = &bytes[start..bytes.len().min(start + KEY_BYTES_MAX)];
        Some(start..start + memmem::find(near, END)? + END.len())
    };
    memmem::find_iter(bytes, BEGIN).filter_map(whole).filter(is_key).collect()
}

/// Where addresses of Telegram's servers are: between zeros.
fn address_places(bytes: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for network in NETWORKS {
        let begin = [b"\0", network].concat();
        for at in memmem::find_iter(bytes, &begin) {
            let start = at + 1;
            let longest = &bytes[start..bytes.len().min(start + 64)];
            let Some(length) = memchr::memchr(0, longest) else { continue };
            let text = std::str::from_utf8(&longest[..length]).unwrap_or_default();
            if text.parse::<Ipv4Addr>().is_ok() || text.parse::<Ipv6Addr>().is_ok() {
                found.push(start..start + length);
            }
        }
    }
    found
}

/// Makes a copy of a file beside where the command runs, or where it is told. The file itself stays as it is.
///
/// # Errors
/// Those of [`repoint`], and of the files; one that is there is not overwritten.
pub(crate) fn copy(
    file: &Path,
    to: Option<PathBuf>,
    key: &str,
    address: SocketAddr,
) -> anyhow::Result<(PathBuf, Copy)> {
    let cannot = || format!("cannot read {}", file.display());
    let source = File::open(file).with_context(cannot)?;
    let found = source.metadata().with_context(cannot)?;
    ensure!(found.is_file(), "{} is no file", file.display());
    ensure!(found.len() <= FILE_BYTES_MAX, "{} is too large for a client", file.display());
    let mut bytes = Vec::new();
    source.take(FILE_BYTES_MAX).read_to_end(&mut bytes).with_context(cannot)?;
    let copy = repoint(bytes, key, address).with_context(|| file.display().to_string())?;
    let to = to.unwrap_or_else(|| beside(file));
    let cannot = || format!("cannot write {}", to.display());
    let mode = found.permissions().mode() & 0o777;
    let mut target = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&to)
        .with_context(cannot)?;
    target.write_all(&copy.bytes).and_then(|()| target.sync_all()).with_context(cannot)?;
    Ok((to, copy))
}

/// `libtdjson.so` becomes `libtdjson-rookery.so`.
fn beside(file: &Path) -> PathBuf {
    let text =
        |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
    let (stem, extension) = (text(file.file_stem()), text(file.extension()));
    match extension.as_str() {
        "" => format!("{stem}-rookery").into(),
        extension => format!("{stem}-rookery.{extension}").into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two keys of RSA-2048.
    const OURS: &str = include_str!("repoint/ours.pem");
    const THEIRS: &str = include_str!("repoint/theirs.pem");

    fn node(address: &str) -> SocketAddr {
        address.parse().unwrap()
    }

    fn desktop() -> Vec<u8> {
        let theirs = THEIRS.trim_end();
        let mut file = format!("\x7fELF Telegram Desktop\0{theirs}\0{theirs}\0{theirs}\0");
        file += "-----BEGIN RSA PUBLIC KEY-----\nshort\n-----END RSA PUBLIC KEY-----\0";
        for n in 0..7 {
            file += &format!("149.154.167.5{n}\0");
        }
        file +=
            "149.154.171.5\x002001:067c:04e8:f002:0000:0000:0000:000a\x002001:4860:4860::8888\0";
        file += "149.154.171.5 in a sentence\x00149.154.1.2.3\0the end";
        file.into_bytes()
    }

    fn tdlib() -> Vec<u8> {
        let theirs = THEIRS.trim_end();
        format!("\x7fELF td_create_client_id\0{theirs}\0 149.154.167.51 {theirs}\0").into_bytes()
    }

    fn refusal(file: Vec<u8>, address: &str) -> String {
        repoint(file, OURS, node(address)).unwrap_err().to_string()
    }

    #[test]
    fn a_telegram_desktop_has_three_keys_and_addresses() {
        let before = desktop();
        let copy = repoint(before.clone(), OURS, node("192.0.2.7:443")).unwrap();
        assert_eq!((copy.client, copy.keys, copy.addresses), (Client::Desktop, 3, 9));
        assert_eq!(copy.bytes.len(), before.len());
        let text = String::from_utf8(copy.bytes).unwrap();
        assert_eq!(text.matches(OURS.trim_end()).count(), 3);
        assert_eq!(text.matches("\x00192.0.2.7\0").count(), 8);
        assert_eq!(text.matches("\0::ffff:192.0.2.7\0").count(), 1);
        for kept in [
            "short",
            "\x002001:4860:4860::8888\0",
            "149.154.171.5 in a sentence",
            "\x00149.154.1.2.3\0the end",
        ] {
            assert!(text.contains(kept), "{kept}");
        }
        assert!(!text.contains(THEIRS.trim_end()));
        assert!(refusal(text.into_bytes(), "192.0.2.7:443").contains("already"));
    }

    #[test]
    fn a_long_address_is_written_shorter_where_it_has_to_be() {
        let copy = repoint(desktop(), OURS, node("192.168.100.99:443")).unwrap();
        let text = String::from_utf8(copy.bytes).unwrap();
        // Seven, and the end of the one below.
        assert_eq!(text.matches("192.168.100.99\0").count(), 8);
        // 100 * 256 + 99
        assert_eq!(text.matches("\x00192.168.25699\0").count(), 1);
        assert_eq!(text.matches("\0::ffff:192.168.100.99\0").count(), 1);
        let longest = text_for(b"149.154.171.5", node("255.255.255.255:443")).unwrap();
        assert_eq!(longest, "255.255.65535");
        assert!(text_for(b"8.8.8.8", node("255.255.255.255:443")).is_err());
    }

    #[test]
    fn a_tdlib_has_two_keys() {
        let copy = repoint(tdlib(), OURS, node("[2001:db8::7]:10443")).unwrap();
        assert_eq!((copy.client, copy.keys, copy.addresses), (Client::Tdlib, 2, 0));
        let text = String::from_utf8(copy.bytes).unwrap();
        assert_eq!(text.matches(OURS.trim_end()).count(), 2);
        assert!(text.contains(" 149.154.167.51 "));
    }

    #[test]
    fn what_is_not_understood_is_refused_with_a_reason() {
        assert!(refusal(b"\x7fELF".to_vec(), "192.0.2.7:443").contains("no server key"));
        assert!(refusal(desktop(), "192.0.2.7:10443").contains("port 443"));
        assert!(refusal(desktop(), "[2001:db8::7]:443").contains("IPv4"));
        let mut more = desktop();
        more.extend(THEIRS.trim_end().as_bytes());
        assert!(refusal(more, "192.0.2.7:443").contains("4 server keys"));
        let nameless = String::from_utf8(tdlib()).unwrap().replace("td_create", "other");
        assert!(refusal(nameless.into_bytes(), "192.0.2.7:443").contains("understood"));
        // Cut in the middle of a key.
        let cut = tdlib()[..300].to_vec();
        assert!(refusal(cut, "192.0.2.7:443").contains("no server key"));
    }

    #[test]
    fn a_copy_has_a_name_of_its_own_and_overwrites_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let (file, to) = (directory.path().join("libtdjson.so"), directory.path().join("copy.so"));
        std::fs::write(&file, tdlib()).unwrap();
        let make = || copy(&file, Some(to.clone()), OURS, node("192.0.2.7:10443"));
        make().unwrap();
        assert_eq!(std::fs::read(&file).unwrap(), tdlib());
        assert!(format!("{:#}", make().unwrap_err()).contains("cannot write"));
        let none = copy(directory.path(), None, OURS, node("192.0.2.7:10443")).unwrap_err();
        assert!(none.to_string().contains("no file"), "{none:#}");
        assert_eq!(beside(&file), Path::new("libtdjson-rookery.so"));
        assert_eq!(
            beside(Path::new("/usr/bin/telegram-desktop")),
            Path::new("telegram-desktop-rookery")
        );
    }
}
