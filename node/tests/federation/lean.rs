//! Members by the lean client of the load generator: many messages, one after the other.

use std::collections::VecDeque;
use std::time::Duration;

use keys::PublicKey;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rookery_load::{Client, Invite, Member};
use tl::mtproto::types::RpcResult;
use tl::{LAYER_MAX, enums, functions as f, types};

use crate::line::Line;
use crate::many::NAME;
use crate::support::node::TestNode;
use crate::two;

/// Messages that are on their way to the node at once.
const AT_ONCE: usize = 64;
/// An answer comes sooner, also beside a node that takes in thousands of entries.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);

/// What the node's limits let one member do.
pub(crate) const FAST: &str = "[limits]\nrequests_per_key_burst = 1000000\n\
    requests_per_key_per_second = 1000000\n";

/// A member and the group.
pub(crate) struct Lean {
    member: Member,
    rng: StdRng,
    peer: Option<enums::InputPeer>,
    random_id: i64,
}

/// Two nodes with a line between them, and a member of each in a group of the first: ada and bob, each of
/// whom the other's node has heard.
pub(crate) fn pair() -> ([TestNode; 2], Line, [Lean; 2]) {
    let [a, b] = ["a.example", "b.example"].map(|domain| two::node_with(domain, true, FAST));
    let line = Line::to(&a.mesh);
    let added = b.command(&["peer", "add", &line.multiaddress(), "--json"]);
    assert_eq!(added["domain"], "a.example", "{added}");
    let (mut ada, mut bob) = (Lean::join(&a, 1), Lean::join(&b, 2));
    ada.make_group();
    bob.join_group(&format!("{NAME}@a.example"));
    bob.say("bob is here");
    ada.hears("bob is here");
    ([a, b], line, [ada, bob])
}

impl Lean {
    pub(crate) fn join(node: &TestNode, seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let (phone, code) = node.invite();
        let pem = std::fs::read_to_string(node.pem()).expect("the node's key");
        let public = PublicKey::from_pem(&pem).expect("a key");
        let mut client = Client::connect(node.mtproto, &public, 2, &mut rng).expect("connects");
        client.ping(&mut rng).expect("a pong");
        let invite = Invite { phone, code };
        let member = Member::join(client, &invite, "Lean", &mut rng).expect("joins");
        Self { member, rng, peer: None, random_id: 0 }
    }

    /// Connects again, after the node was killed.
    pub(crate) fn reconnect(&mut self, node: &TestNode) {
        self.member.client =
            self.member.client.sibling(node.mtproto, &mut self.rng).expect("connects");
        self.member.client.introduce(&mut self.rng).expect("speaks");
    }

    fn invoke<F: tl::Function>(&mut self, request: &F) -> F::Result {
        let client = &mut self.member.client;
        let answer = client.invoke(request, LAYER_MAX, &mut self.rng).expect("an answer");
        client.acknowledge(&mut self.rng).expect("acknowledged");
        answer
    }

    /// The public group, at its home.
    pub(crate) fn make_group(&mut self) {
        self.make(false);
    }

    /// A channel in its place.
    pub(crate) fn make_channel(&mut self) {
        self.make(true);
    }

    fn make(&mut self, broadcast: bool) {
        let create = f::channels::CreateChannel {
            megagroup: !broadcast,
            broadcast,
            title: "Harbour talk".into(),
            ..f::channels::CreateChannel::default()
        };
        let enums::Updates::Updates(made) = self.invoke(&create) else { panic!("updates") };
        let (channel_id, access_hash) = shown(&made.chats);
        let channel = types::InputChannel { channel_id, access_hash }.into();
        self.invoke(&f::channels::UpdateUsername { channel, username: NAME.to_owned() });
        self.peer = Some(types::InputPeerChannel { channel_id, access_hash }.into());
    }

    /// Finds the group by a name, and joins it.
    pub(crate) fn join_group(&mut self, name: &str) {
        let find = f::contacts::ResolveUsername { username: name.to_owned(), referer: None };
        let enums::contacts::ResolvedPeer::ResolvedPeer(found) = self.invoke(&find);
        let (channel_id, access_hash) = shown(&found.chats);
        let channel = types::InputChannel { channel_id, access_hash }.into();
        self.invoke(&f::channels::JoinChannel { channel });
        self.peer = Some(types::InputPeerChannel { channel_id, access_hash }.into());
    }

    fn message(&mut self, words: &str) -> Vec<u8> {
        self.random_id += 1;
        let send = f::messages::SendMessage {
            peer: self.peer.clone().expect("a group"),
            message: words.to_owned(),
            random_id: self.random_id,
            ..f::messages::SendMessage::default()
        };
        tl::to_bytes(&send, LAYER_MAX).expect("encodes")
    }

    pub(crate) fn say(&mut self, words: &str) {
        let bytes = self.message(words);
        self.member.client.invoke_raw(&bytes, &mut self.rng).expect("sent");
        self.member.client.acknowledge(&mut self.rng).expect("acknowledged");
    }

    /// Sends all of these, each acknowledged by the node when it returns.
    pub(crate) fn say_all(&mut self, words: impl Iterator<Item = String>) {
        let mut waiting = VecDeque::new();
        for words in words {
            let bytes = self.message(&words);
            let sent = self.member.client.send(&bytes, true, &mut self.rng).expect("sent");
            waiting.push_back(sent.msg_id);
            if waiting.len() >= AT_ONCE {
                self.answered(&mut waiting, AT_ONCE / 2);
            }
        }
        self.answered(&mut waiting, 0);
    }

    /// Takes answers, in whatever order they come, until at most so many are left.
    fn answered(&mut self, waiting: &mut VecDeque<i64>, left: usize) {
        while waiting.len() > left {
            let client = &mut self.member.client;
            let result = client.wait(ANSWER_WITHIN, |message| message.service::<RpcResult>());
            let result = result.expect("an answer");
            let error = tl::from_bytes::<tl::mtproto::types::RpcError>(&result.result.0, 0);
            assert!(error.is_err(), "{error:?}");
            waiting.retain(|id| *id != result.req_msg_id);
        }
        self.member.client.acknowledge(&mut self.rng).expect("acknowledged");
    }

    /// Waits for a message with these words; whatever comes before it is dropped.
    pub(crate) fn hears(&mut self, words: &str) {
        let is_it = |body: &[u8]| body.windows(words.len()).any(|part| part == words.as_bytes());
        let heard =
            self.member.client.wait(ANSWER_WITHIN, |message| is_it(&message.body).then_some(()));
        heard.unwrap_or_else(|error| panic!("{words}: {error}"));
        self.member.client.acknowledge(&mut self.rng).expect("acknowledged");
    }

    /// All words in the group, oldest first.
    pub(crate) fn words(&mut self) -> Vec<String> {
        let mut words = Vec::new();
        let mut offset_id = 0;
        loop {
            let ask = f::messages::GetHistory {
                peer: self.peer.clone().expect("a group"),
                offset_id,
                limit: 100,
                ..f::messages::GetHistory::default()
            };
            let page = match self.invoke(&ask) {
                enums::messages::Messages::ChannelMessages(page) => page.messages,
                enums::messages::Messages::Messages(page) => page.messages,
                other => panic!("{other:?}"),
            };
            let id = |message: &enums::Message| match message {
                enums::Message::Message(message) => message.id,
                enums::Message::MessageService(message) => message.id,
                enums::Message::MessageEmpty(message) => message.id,
            };
            let Some(last) = page.last() else { break };
            offset_id = id(last);
            words.extend(page.into_iter().filter_map(|message| match message {
                enums::Message::Message(message) => Some(message.message),
                _ => None,
            }));
        }
        words.reverse();
        words
    }
}

fn shown(chats: &[enums::Chat]) -> (i64, i64) {
    let shown = chats.iter().find_map(|chat| match chat {
        enums::Chat::Channel(channel) => Some((channel.id, channel.access_hash?)),
        _ => None,
    });
    shown.expect("a channel")
}
