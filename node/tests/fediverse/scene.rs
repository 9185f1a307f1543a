//! A node with a channel, and servers that follow it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::clients::{self, Client, PYROGRAM, TELETHON_MEDIA};
use crate::driver::Driver;
use crate::many::MANY;
use crate::peer::{self, Peer};
use crate::support::isolation::isolated_with_hosts;
use crate::support::node::{Setup, TestNode};
use crate::support::process;
use crate::team::Team;

const WITHIN: Duration = Duration::from_secs(300);

pub(crate) const CLIENTS: [&Client; 2] = [&TELETHON_MEDIA, &PYROGRAM];

/// Channels are shown as this less their number, by all the libraries.
pub(crate) const CHANNELS: i64 = -1_000_000_000_000;

/// Where everybody is, beside [`MANY`].
pub(crate) const HOSTS: [(&str, &str); 4] = [
    ("127.0.0.2", "rookery.test"),
    ("127.0.0.3", "fedi.test"),
    ("127.0.0.4", "other.test"),
    ("127.0.0.5", "far.test"),
];

/// What a node may reach in a test.
pub(crate) const REACH: &str = "allow_ips = ['127.0.0.0/8']";

/// Who certifies servers.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    directory: TempDir,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        // Under another name than those whom it certifies.
        params.distinguished_name.push(DnType::CommonName, "Authority of the tests");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let directory = tempfile::tempdir().expect("a temporary directory");
        let certificate = params.self_signed(&key).expect("a certificate");
        fs::write(directory.path().join("authority.pem"), certificate.pem()).expect("write it");
        Self { issuer: Issuer::new(params, key), directory }
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Its own certificate.
    pub(crate) fn file(&self) -> PathBuf {
        self.directory().join("authority.pem")
    }

    /// Files with certificate and key of a host.
    pub(crate) fn certificate(&self, name: &str) -> (PathBuf, PathBuf) {
        self.certificate_for(name, &[])
    }

    /// The same with more names.
    fn certificate_for(&self, name: &str, others: &[&str]) -> (PathBuf, PathBuf) {
        let names = [&[name], others].concat();
        let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
        let params = CertificateParams::new(names).expect("names");
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        let file = |end: &str| self.directory().join(format!("{name}.{end}"));
        let (cert, secret) = (file("cert.pem"), file("key.pem"));
        fs::write(&cert, certificate.pem()).expect("write it");
        fs::write(&secret, key.serialize_pem()).expect("write it");
        (cert, secret)
    }
}

/// A node at `https://rookery.test` with two members, and a server at `https://fedi.test`.
pub(crate) struct Scene {
    pub(crate) authority: Authority,
    pub(crate) node: TestNode,
    /// Telethon.
    pub(crate) ada: Driver,
    /// Pyrogram.
    pub(crate) bob: Driver,
    /// Somebody at fedi.test.
    pub(crate) mia: Peer,
}

/// A public channel that is bridged.
pub(crate) struct Bridged {
    /// As the libraries write it.
    pub(crate) id: i64,
    /// Its actor.
    pub(crate) actor: String,
}

/// Plays a scene in a namespace of its own. `test` is the full name of the test.
pub(crate) fn play(test: &str, body: impl FnOnce(Scene)) {
    play_with(test, "", body);
}

/// [`play`] with more in the node's `[activitypub]`.
pub(crate) fn play_with(test: &str, more: &str, body: impl FnOnce(Scene)) {
    play_among(test, &[], &format!("{REACH}\n{more}"), body);
}

/// The same with more names of hosts, and with this in `[activitypub]` instead of what tests reach.
pub(crate) fn play_among(
    test: &str,
    names: &[(&str, &str)],
    settings: &str,
    body: impl FnOnce(Scene),
) {
    staged_among(test, names, || {
        let authority = Authority::new();
        let config = config_with(&authority, "rookery.test", &[], settings);
        let http = "127.0.0.2:443".into();
        let node = TestNode::start_with(Setup { config, http, ..Setup::default() });
        let Team { node, mut members, .. } = Team::gather_on(node, &CLIENTS);
        members.iter_mut().for_each(Driver::show_updates);
        let Ok([ada, bob]) = <[Driver; 2]>::try_from(members) else { unreachable!() };
        let mia = Peer::start(&authority, "fedi.test", "127.0.0.3", "mia");
        body(Scene { authority, node, ada, bob, mia });
    });
}

/// Runs something where all the hosts have names, if nothing that it needs is to be skipped.
pub(crate) fn staged(test: &str, body: impl FnOnce()) {
    staged_among(test, &[], body);
}

fn staged_among(test: &str, names: &[(&str, &str)], body: impl FnOnce()) {
    if clients::any_skipped(&CLIENTS) || crate::support::skip::skipped(&["fedify"]) {
        return;
    }
    clients::install(&CLIENTS);
    peer::install();
    let hosts: Vec<_> = HOSTS.iter().chain(&MANY).chain(names).copied().collect();
    isolated_with_hosts(test, WITHIN, &hosts, body);
}

/// What a node is told that is known by this name, and certified for others as well. It ends in
/// `[activitypub]`.
pub(crate) fn config(authority: &Authority, name: &str, others: &[&str]) -> String {
    config_with(authority, name, others, REACH)
}

fn config_with(authority: &Authority, name: &str, others: &[&str], settings: &str) -> String {
    let (cert, key) = authority.certificate_for(name, others);
    format!(
        "[node]\noperator = 'Ada and friends'\ncontact = 'abuse@{name}'\n\
         [http]\npublic_url = 'https://{name}'\n\
         [tls]\ncertificate = {cert:?}\nkey = {key:?}\n\
         [activitypub]\nhost = '{name}'\n{settings}\nca_file = {:?}\n",
        authority.file()
    )
}

impl Scene {
    /// A public channel of ada's.
    pub(crate) fn channel(&mut self, title: &str, name: &str) -> i64 {
        let new = json!({ "title": title, "about": "Ships & harbours", "broadcast": true });
        let made = self.ada.invoke("channels.CreateChannel", new);
        let id = CHANNELS - made["chats"][0]["id"].as_i64().expect("a channel");
        let named = json!({ "channel": { "channel": id }, "username": name });
        self.ada.invoke("channels.UpdateUsername", named);
        id
    }

    /// A public channel of ada's, bridged by the operator.
    pub(crate) fn bridged(&mut self, title: &str, name: &str) -> Bridged {
        let id = self.channel(title, name);
        let on = self.node.command(&["bridge", "on", name, "--json"]);
        let actor = on["actor"].as_str().unwrap_or_else(|| panic!("{on}")).to_owned();
        Bridged { id, actor }
    }

    /// A public group of ada's, `harbour_talk`, in which her channel is discussed: its number at her node.
    pub(crate) fn discussion(&mut self, channel: &Bridged) -> i64 {
        let new = json!({ "title": "Harbour talk", "about": "", "megagroup": true });
        let made = self.ada.invoke("channels.CreateChannel", new);
        let group = CHANNELS - made["chats"][0]["id"].as_i64().expect("a group");
        let named = json!({ "channel": { "channel": group }, "username": "harbour_talk" });
        self.ada.invoke("channels.UpdateUsername", named);
        let linked =
            json!({ "broadcast": { "channel": channel.id }, "group": { "channel": group } });
        self.ada.invoke("channels.SetDiscussionGroup", linked);
        group
    }

    /// What the node answers to somebody without an account: the body.
    pub(crate) fn https(&self, path: &str) -> String {
        let authority = self.authority.file();
        let mut asked = Command::new("curl");
        asked.args(["--silent", "--show-error", "--cacert"]).arg(authority);
        let answer = process::run(asked.arg(format!("https://rookery.test{path}")), WITHIN);
        assert!(answer.status.success(), "{}", answer.stderr);
        answer.stdout
    }

    /// Mia follows a channel, and it is accepted.
    pub(crate) fn follow(&mut self, channel: &Bridged) -> String {
        let follow = self.mia.acts(&channel.actor, "Follow", &json!(channel.actor));
        let accepted = self.mia.hears("an Accept", is("Accept"));
        let of = &accepted["object"];
        assert!(of["id"] == json!(follow) || *of == json!(follow), "{accepted}");
        follow
    }
}

/// Whether an activity is of a kind.
pub(crate) fn is(kind: &'static str) -> impl Fn(&Value) -> bool {
    move |activity| activity["type"] == kind
}

/// Whether an activity is of a kind, and says something in its object.
pub(crate) fn says(kind: &'static str, words: &'static str) -> impl Fn(&Value) -> bool {
    move |activity| {
        let content = activity["object"]["content"].as_str();
        activity["type"] == kind && content.is_some_and(|content| content.contains(words))
    }
}
