//! `rookery.toml`: every key with its unit and default. No file is needed to run. What is said of keys
//! here is what `config/rookery.toml` says, from which `rookery init` makes an operator's file.
//!
//! Order of precedence: command line, `ROOKERY_<SECTION>_<KEY>` variables, file, defaults.

mod activitypub;
mod codes;
#[cfg(test)]
mod documented;
mod federation;
mod log;
mod media;
mod proxy;
mod tls;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde::Deserialize;
use zeroize::Zeroizing;

pub(crate) use activitypub::{ActivityPubConfig, Scheme, is_public_name};
pub(crate) use codes::{CodesConfig, OidcConfig, SmtpConfig, SmtpSecurity};
pub(crate) use federation::{FederationConfig, NodePolicy};
pub(crate) use log::{LogConfig, LogFormat};
pub(crate) use media::{MediaConfig, S3Config};
pub(crate) use proxy::ProxyConfig;
pub(crate) use tls::{AcmeConfig, TlsConfig};

/// Everything that can be configured.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// `[node]`
    pub(crate) node: NodeConfig,
    /// `[mtproto]`
    pub(crate) mtproto: MtprotoConfig,
    /// `[http]`
    pub(crate) http: HttpConfig,
    /// `[log]`
    pub(crate) log: LogConfig,
    /// `[proxy]`
    pub(crate) proxy: ProxyConfig,
    /// `[registration]`
    pub(crate) registration: RegistrationConfig,
    /// `[tls]`
    pub(crate) tls: Option<TlsConfig>,
    /// `[limits]`
    pub(crate) limits: LimitsConfig,
    /// `[codes]`
    pub(crate) codes: CodesConfig,
    /// `[store]`
    pub(crate) store: StoreConfig,
    /// `[oidc]`
    pub(crate) oidc: Option<OidcConfig>,
    /// `[logins]`
    pub(crate) logins: LoginsConfig,
    /// `[messages]`
    pub(crate) messages: MessagesConfig,
    /// `[previews]`
    pub(crate) previews: PreviewsConfig,
    /// `[media]`
    pub(crate) media: MediaConfig,
    /// `[metrics]`
    pub(crate) metrics: MetricsConfig,
    /// `[federation]`
    pub(crate) federation: FederationConfig,
    /// `[activitypub]`
    pub(crate) activitypub: ActivityPubConfig,
    /// The file that was read.
    #[serde(skip)]
    pub(crate) file: Option<PathBuf>,
}

/// `[metrics]`: what monitoring reads, at `/metrics`, `/healthz` and `/readyz`.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(default, deny_unknown_fields)]
pub(crate) struct MetricsConfig {
    /// Addresses to listen on, for example `["127.0.0.1:9464"]`. Anybody who reaches them may read:
    /// not for the public. Default: none.
    pub(crate) listen: Vec<SocketAddr>,
}

/// `[logins]`: the sessions of members.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LoginsConfig {
    /// Whether a new login ends the account's other one on the same kind of device: telephones and
    /// tablets, computers, browsers, as far as clients tell. Default false.
    pub(crate) one_device_per_kind: bool,
}

/// `[previews]`: what is shown of pages that messages link to. Off unless it is switched on: the
/// node then fetches what members name, and each site learns that somebody here has its address.
///
/// Networks that an interface of this machine is part of are not reached, public or not. What else
/// has a public address is public, also a machine of the operator's own behind another router
/// (IPv6), or an address that is translated to this machine: keep such ones behind a firewall that
/// this node is not behind.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PreviewsConfig {
    /// Whether pages are fetched. Default false.
    pub(crate) enabled: bool,
    /// Networks that may be reached although they are not public, or are this machine's own, for
    /// example `10.1.0.0/16`: an intranet whose pages members link to. Default none.
    pub(crate) allow_ips: Vec<String>,
    /// Ports that may be reached beside 80 and 443. Default none.
    pub(crate) allow_ports: Vec<u16>,
}

/// `[messages]`: how long things are kept.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(default, deny_unknown_fields)]
pub(crate) struct MessagesConfig {
    /// Days after which messages go, from all who have them; 1 to 366, 0 for ever. Holds for those
    /// that are written from then on, and members see the timer on each; the timer of a chat wins
    /// where it is shorter. Messages to oneself stay. Default 0.
    pub(crate) keep_days: u16,
}

/// `[node]`: what the node says of itself.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(default, deny_unknown_fields)]
pub(crate) struct NodeConfig {
    /// Name shown to members. Default `Rookery`.
    pub(crate) name: String,
    /// Addresses that clients are told to connect to, IPv4 and IPv6, as `IP:PORT`. Default: none,
    /// which means the local address that each client already reached.
    pub(crate) public_addresses: Vec<SocketAddr>,
    /// ISO 3166-1 code preselected on the phone number screen. Default `US`.
    pub(crate) country: String,
    /// Who runs the node, in a few words, for the page `/about`. Default: nothing.
    pub(crate) operator: String,
    /// Where abuse is told of: a mail address, or the address of a page. Default: none.
    pub(crate) contact: Option<String>,
    /// What members agree to, one rule each, for the page `/about`. Default: none.
    pub(crate) rules: Vec<String>,
}

impl Default for NodeConfig {
    fn default() -> Self {
        Self {
            name: "Rookery".into(),
            public_addresses: Vec::new(),
            country: "US".into(),
            operator: String::new(),
            contact: None,
            rules: Vec::new(),
        }
    }
}

/// `[registration]`: who may become a member.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RegistrationConfig {
    /// `invite` (default): whoever has a number and code from an invite. `open`: any number, with
    /// a code that the operator gives out by `rookery code`. `closed`: nobody.
    pub(crate) mode: RegistrationMode,
}

/// See [`RegistrationConfig::mode`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(rename_all = "lowercase")]
pub(crate) enum RegistrationMode {
    #[default]
    Invite,
    Open,
    Closed,
}

/// `[store]`: how the node keeps what it knows. `docs/TRUST.md` says what each mode protects.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(default, deny_unknown_fields)]
pub(crate) struct StoreConfig {
    /// What rests sealed under the master key. `secrets` (default): auth keys, the RSA key, the
    /// node's identity, login secrets. `all`: everything. A store of the other mode is changed at
    /// the next start, which needs room for a second copy.
    pub(crate) seal: SealMode,
    /// File of the master key. Default: `master.key` in the data directory.
    pub(crate) master_key: Option<PathBuf>,
    /// Passphrase of the master key, if its file is locked with one (`rookery passphrase`);
    /// `passphrase_file` keeps it out of this file. A terminal is asked when neither is set.
    pub(crate) passphrase: Option<Secret>,
    /// A file whose first line is the passphrase.
    pub(crate) passphrase_file: Option<PathBuf>,
}

/// See [`StoreConfig::seal`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(rename_all = "lowercase")]
pub(crate) enum SealMode {
    #[default]
    Secrets,
    All,
}

impl SealMode {
    /// As it is configured.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Secrets => "secrets",
            Self::All => "all",
        }
    }
}

/// `[mtproto]`: how Telegram clients reach this node.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(default, deny_unknown_fields)]
pub(crate) struct MtprotoConfig {
    /// Addresses to listen on. Default `0.0.0.0:10443`. Any protocol is taken on each.
    pub(crate) listen: OneOrMany,
    /// The DC number that clients are told when they do not name one. Default 2, which is what
    /// most libraries start with. 1 to 5.
    pub(crate) dc: i32,
    /// MTProxy secrets: 32 hex digits, or `dd` and 32 hex digits to require random padding.
    /// Default: none. At most 16.
    pub(crate) secrets: Vec<String>,
    /// Accept the RSA padding from before 2021. Default true: Telethon, Pyrogram and Kurigram
    /// still use it.
    pub(crate) old_rsa_padding: bool,
    /// Seconds of silence after which a connection closes. Default 300: clients ping every 60 s,
    /// or ask for their own delay.
    pub(crate) idle_timeout_s: u64,
    /// Threads for key exchanges. Default: half of the cores, at least one, so that messages
    /// always have the other half.
    pub(crate) handshake_threads: Option<usize>,
}

impl Default for MtprotoConfig {
    fn default() -> Self {
        Self {
            listen: OneOrMany::One(([0, 0, 0, 0], 10443).into()),
            dc: 2,
            secrets: Vec::new(),
            old_rsa_padding: true,
            idle_timeout_s: 300,
            handshake_threads: None,
        }
    }
}

/// `[http]`: browsers and web clients.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(default, deny_unknown_fields)]
pub(crate) struct HttpConfig {
    /// Addresses to listen on. Default `0.0.0.0:8080`. Any protocol is taken on each.
    pub(crate) listen: OneOrMany,
    /// Where browsers reach the node's pages, for example `https://example.org`, without a path:
    /// clients make links of it. Default: the listener above, at the address that each client
    /// already reached.
    pub(crate) public_url: Option<String>,
    /// Directory with a built web client, which holds `index.html`: browsers get it below `/web/`.
    /// Default: none.
    pub(crate) web_client: Option<PathBuf>,
    /// Whether the owner looks after the node in a browser, at `/admin`. Default true.
    pub(crate) admin: bool,
}

impl Default for HttpConfig {
    fn default() -> Self {
        let listen = OneOrMany::One(([0, 0, 0, 0], 8080).into());
        Self { listen, public_url: None, web_client: None, admin: true }
    }
}

/// `[limits]`: what one address, and all of them, may use.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LimitsConfig {
    /// Open connections in all. Default 15000: the usual limit of descriptors is 20000.
    pub(crate) connections_max: usize,
    /// Open connections of one address (IPv6: one /64). Default 1000: a whole office may share
    /// one.
    pub(crate) connections_per_address_max: usize,
    /// Key exchanges of one address: this many at once ... Default 60.
    pub(crate) handshakes_per_address_burst: u32,
    /// ... and this many more a minute. Default 60.
    pub(crate) handshakes_per_address_per_minute: u32,
    /// Key exchanges of all addresses waiting for a thread. Default 256, about two seconds' work.
    pub(crate) handshakes_waiting_max: usize,
    /// Requests of one auth key: this many at once ... Default 2000.
    pub(crate) requests_per_key_burst: u32,
    /// ... and this many more a second. Default 100.
    pub(crate) requests_per_key_per_second: u32,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            connections_max: 15_000,
            connections_per_address_max: 1000,
            handshakes_per_address_burst: 60,
            handshakes_per_address_per_minute: 60,
            handshakes_waiting_max: 256,
            requests_per_key_burst: 2000,
            requests_per_key_per_second: 100,
        }
    }
}

/// Text that no log shows.
#[derive(Clone, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(transparent)]
pub(crate) struct Secret(String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// The secret `name`: from the configuration, or the first line of a file.
///
/// # Errors
/// Both or an unreadable file.
pub(crate) fn secret(
    name: &str,
    given: Option<&Secret>,
    file: Option<&Path>,
) -> anyhow::Result<Option<Zeroizing<String>>> {
    match (given, file) {
        (Some(_), Some(_)) => bail!("{name} and {name}_file are both set"),
        (Some(Secret(text)), None) => Ok(Some(Zeroizing::new(text.clone()))),
        (None, Some(path)) => {
            let text = std::fs::read_to_string(path).map(Zeroizing::new);
            let text = text.with_context(|| format!("cannot read {}", path.display()))?;
            Ok(Some(Zeroizing::new(text.lines().next().unwrap_or_default().to_owned())))
        }
        (None, None) => Ok(None),
    }
}

/// One value or a list of them.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(untagged)]
pub(crate) enum OneOrMany {
    /// `listen = "127.0.0.1:10443"`
    One(SocketAddr),
    /// `listen = ["127.0.0.1:10443", "[::1]:10443"]`
    Many(Vec<SocketAddr>),
}

impl OneOrMany {
    /// As a list.
    pub(crate) fn to_vec(&self) -> Vec<SocketAddr> {
        match self {
            Self::One(one) => vec![*one],
            Self::Many(many) => many.clone(),
        }
    }
}

/// What it is called in a data directory.
pub(crate) const FILE: &str = "rookery.toml";

/// Every key with what is said of it here, all left at their defaults.
pub(crate) const DOCUMENTED: &str = include_str!("config/rookery.toml");

/// The sections that variables may address. Other `ROOKERY_…` variables are not configuration.
const SECTIONS: [&str; 18] = [
    "activitypub",
    "federation",
    "metrics",
    "node",
    "mtproto",
    "http",
    "log",
    "proxy",
    "registration",
    "tls",
    "limits",
    "codes",
    "store",
    "logins",
    "messages",
    "previews",
    "media",
    "oidc",
];

/// Sections within sections: `ROOKERY_CODES_SMTP_HOST` is `host` of `[codes.smtp]`.
const INNER_SECTIONS: [(&str, &str); 5] = [
    ("codes", "smtp"),
    ("codes", "webhook"),
    ("codes", "command"),
    ("media", "s3"),
    ("tls", "acme"),
];

/// Reads `file` (if any) and the variables.
///
/// # Errors
/// Unreadable file, wrong types, unknown keys, values out of range: with the place.
pub(crate) fn load(
    file: Option<&Path>,
    variables: impl Iterator<Item = (String, String)>,
) -> anyhow::Result<Config> {
    let mut table = match file {
        None => toml::Table::new(),
        Some(path) => std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {}", path.display()))?
            .parse()
            .with_context(|| format!("{} is not valid TOML", path.display()))?,
    };
    for (name, value) in variables {
        let Some(rest) = name.strip_prefix("ROOKERY_") else { continue };
        let rest = rest.to_ascii_lowercase();
        let Some((outer, key)) = rest.split_once('_') else { continue };
        if !SECTIONS.contains(&outer) {
            continue;
        }
        let mut section = subsection(&mut table, outer)?;
        let mut key = key;
        if let Some((inner, rest)) = key.split_once('_')
            && INNER_SECTIONS.contains(&(outer, inner))
        {
            (section, key) = (subsection(section, inner)?, rest);
        }
        // "5" is a number, "[…]" a list; whatever is not TOML is text.
        let value = format!("v = {value}")
            .parse::<toml::Table>()
            .ok()
            .and_then(|mut t| t.remove("v"))
            .unwrap_or(toml::Value::String(value));
        section.insert(key.to_owned(), value);
    }
    let mut config: Config = table.try_into().context("in the configuration")?;
    config.file = file.map(Path::to_owned);
    if !(1..=5).contains(&config.mtproto.dc) {
        bail!("mtproto.dc is {}, but clients know 1 to 5 only", config.mtproto.dc);
    }
    if config.messages.keep_days > 366 {
        bail!("messages.keep_days is {}, but can be at most 366", config.messages.keep_days);
    }
    if let Some(url) = &config.http.public_url
        && !is_origin(url)
    {
        bail!("http.public_url is {url:?}, but has to be like https://example.org");
    }
    config.activitypub.check()?;
    config.proxy.proxies()?;
    if let Some(tls) = &config.tls {
        tls.check()?;
    }
    if config.mtproto.listen.to_vec().is_empty() {
        bail!("mtproto.listen is empty: clients could not reach the node");
    }
    Ok(config)
}

/// Whether a text is scheme and host of a website, and nothing else.
fn is_origin(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let host = rest.map_or("", |rest| rest.trim_end_matches('/'));
    let fits = |b: u8| b.is_ascii_alphanumeric() || b".-:[]".contains(&b);
    !host.is_empty() && host.len() <= 253 && host.bytes().all(fits)
}

/// The table `name` of a table, made if it is not there.
fn subsection<'a>(table: &'a mut toml::Table, name: &str) -> anyhow::Result<&'a mut toml::Table> {
    table
        .entry(name.to_owned())
        .or_insert_with(|| toml::Value::Table(toml::Table::new()))
        .as_table_mut()
        .with_context(|| format!("[{name}] is not a section"))
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn from_text(text: &str, variables: &[(&str, &str)]) -> anyhow::Result<Config> {
        let directory = std::env::temp_dir().join(format!("rookery-config-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let path = directory.join(format!("{}.toml", text.len() * 1000 + variables.len()));
        std::fs::write(&path, text).unwrap();
        load(Some(&path), variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())))
    }

    #[test]
    fn defaults_need_no_file() {
        let config = load(None, std::iter::empty()).unwrap();
        assert_eq!(config.mtproto.listen.to_vec()[0].port(), 10443);
        assert_eq!(config.mtproto.dc, 2);
    }

    #[test]
    fn variables_override_the_file() {
        let config = from_text(
            "[mtproto]\nlisten = ['127.0.0.1:1', '[::1]:2']\ndc = 3\n",
            &[("ROOKERY_MTPROTO_DC", "4"), ("ROOKERY_NODE_NAME", "Ours"), ("ROOKERY_TEST", "full")],
        )
        .unwrap();
        assert_eq!(config.mtproto.dc, 4);
        assert_eq!(config.node.name, "Ours");
        assert_eq!(config.mtproto.listen.to_vec().len(), 2);
    }

    #[test]
    fn secrets_of_the_ways_come_from_variables_and_files() {
        let text = "[codes.smtp]\nhost = 'localhost'\nfrom = 'codes@example.org'\nport = 2525\n";
        let config = from_text(
            text,
            &[("ROOKERY_CODES_SMTP_PASSWORD", "hunter2"), ("ROOKERY_CODES_SMTP_SECURITY", "tls")],
        );
        let smtp = config.unwrap().codes.smtp.unwrap();
        assert_eq!((smtp.security, smtp.port, smtp.timeout_s), (SmtpSecurity::Tls, Some(2525), 30));
        assert!(!format!("{smtp:?}").contains("hunter2"));
        let found = secret("password", smtp.password.as_ref(), None).unwrap().unwrap();
        assert_eq!(*found, "hunter2");
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "from a file\n").unwrap();
        let found = secret("password", None, Some(file.path())).unwrap().unwrap();
        assert_eq!(*found, "from a file");
        assert!(secret("password", smtp.password.as_ref(), Some(file.path())).is_err());
    }

    #[test]
    fn a_bucket_comes_from_variables_too() {
        let text = "[media]\nmember_bytes = 1000\n[media.s3]\nendpoint = 'http://127.0.0.1:1'\n\
                    bucket = 'b'\naccess_key = 'a'\n";
        let secret = ("ROOKERY_MEDIA_S3_SECRET_KEY", "hunter2");
        let config = from_text(text, &[secret, ("ROOKERY_MEDIA_UPLOAD_KEPT_S", "60")]).unwrap();
        assert_eq!((config.media.member_bytes, config.media.upload_kept_s), (1000, 60));
        let s3 = config.media.s3.unwrap();
        assert_eq!((s3.region.as_str(), s3.allow_http), ("us-east-1", false));
        assert!(s3.secret_key.is_some() && !format!("{s3:?}").contains("hunter2"));
    }

    #[test]
    fn unknown_keys_and_bad_values_are_refused() {
        assert!(from_text("[mtproto]\nlissten = '127.0.0.1:1'\n", &[]).is_err());
        assert!(from_text("[mtproto]\ndc = 9\n", &[]).is_err());
        assert!(from_text("[http]\npublic_url = 'example.org'\n", &[]).is_err());
        assert!(from_text("[http]\npublic_url = 'https://example.org/x'\n", &[]).is_err());
        assert!(from_text("[http]\npublic_url = 'https://example.org/'\n", &[]).is_ok());
        assert!(from_text("[messages]\nkeep_days = 367\n", &[]).is_err());
        assert!(from_text("[messages]\nkeep_days = 30\n", &[]).is_ok());
        assert!(from_text("[other]\n", &[]).is_err());
        assert!(from_text("[store]\nseal = 'none'\n", &[]).is_err());
        assert!(from_text("", &[("ROOKERY_LIMITS_CONNECTIONS_MAX", "many")]).is_err());
    }
}
