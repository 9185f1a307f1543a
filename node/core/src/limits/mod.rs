//! Flood control that survives a restart: who may do how much of what is dear.
//!
//! One table: what later capabilities limit is one more [`Limit`].

mod bucket;

use std::net::IpAddr;

use node_store::{Keyspace, Order};
use serde::{Deserialize, Serialize};

pub use bucket::{Bucket, Buckets, ByAddress, Rate, address_key};

use crate::decide::Decide;
use crate::ids::{ChannelId, UserId};
use crate::record::Record;
use crate::{Core, CoreError, CoreResult};

/// What is limited, and of whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Key exchanges of one address.
    Handshakes(IpAddr),
    /// Login codes for one number.
    CodesOfNumber(u64),
    /// Login codes asked from one address.
    CodesOfAddress(IpAddr),
    /// Codes to one mail address, by [`Limit::codes_of_email`].
    CodesOfEmail(u64),
    /// Codes shown to one person of another service, by [`Limit::codes_of_identity`].
    CodesOfIdentity(u64),
    /// Attempts to sign in to one number.
    SignInsOfNumber(u64),
    /// Attempts to sign in from one address.
    SignInsOfAddress(IpAddr),
    /// Proofs of an account's password.
    Passwords(UserId),
    /// Codes mailed for an account.
    Mails(UserId),
    /// First messages to people who do not know the sender.
    Strangers(UserId),
    /// First messages of people of one other node to people here who do not know them.
    StrangersOfNode(glog::Node16),
    /// People here whom people of one other node want in groups.
    InvitesOfNode(glog::Node16),
    /// Letters of one other node.
    LettersOfNode(glog::Node16),
    /// Secret chats that people of one other node ask for.
    SecretChatsOfNode(glog::Node16),
    /// Secret chats that somebody asks for.
    SecretChats(UserId),
    /// What somebody says, or has read, in secret chats with people of other nodes.
    SecretActs(UserId),
    /// Reports of one other node that the owner is told of.
    ReportsOfNode(glog::Node16),
    /// Messages that one other node takes down here.
    TakedownsOfNode(glog::Node16),
    /// How often one other node is let out of a group of this one.
    LeavesOfNode(ChannelId, glog::Node16),
    /// Messages of which one other node tells what its people do.
    SumsOfNode(glog::Node16),
    /// Numbers looked up by importing contacts.
    Imports(UserId),
    /// Usernames and numbers looked up.
    Lookups(UserId),
    /// Reports to the operator.
    Reports(UserId),
    /// Comments of one person of a server of the fediverse, by the beginning of the id's hash.
    CommentsOfActor(u64),
    /// Comments from one such server.
    CommentsOfHost(u64),
    /// What else people of one such server do to posts.
    ActsOfHost(u64),
    /// Reports of one such server that anybody is told of.
    FlagsOfHost(u64),
    /// Groups that are made.
    Chats(UserId),
    /// People who are added to groups.
    ChatInvites(UserId),
    /// Invite links of groups: made, taken, and tried that are none.
    Links(UserId),
}

impl Limit {
    /// What may be taken at once.
    pub(crate) fn burst(self) -> u32 {
        self.rate().burst
    }

    /// How the bucket fills, but for handshakes: their rate is configured.
    fn rate(self) -> Rate {
        let per_hour =
            |burst: u32, an_hour: u32| Rate { burst, per_second: f64::from(an_hour) / 3600.0 };
        match self {
            Self::Handshakes(_) => per_hour(60, 3600),
            // A person mistypes and asks again; nobody needs more than this.
            Self::CodesOfNumber(_) => per_hour(5, 5),
            Self::CodesOfEmail(_) => per_hour(5, 5),
            Self::CodesOfIdentity(_) => per_hour(10, 10),
            // An office behind one address logs in on one morning.
            Self::CodesOfAddress(_) => per_hour(60, 60),
            // A code has six digits: at this rate guessing takes decades.
            Self::SignInsOfNumber(_) => per_hour(10, 10),
            Self::SignInsOfAddress(_) => per_hour(100, 100),
            // Whoever guesses has a code already, so this is the last thing in the way.
            Self::Passwords(_) => per_hour(10, 5),
            Self::Mails(_) => per_hour(5, 5),
            // A new member writes to a whole team on the first day.
            Self::Strangers(_) => per_hour(50, 10),
            // Some members that do so on one day; the other node may be nothing but a sender of spam.
            Self::StrangersOfNode(_) => per_hour(100, 20),
            // Twice for each who is added to a private group: whether they would come, and that they do.
            Self::InvitesOfNode(_) => per_hour(600, 200),
            // All that waits for a node that comes back, at once.
            Self::LettersOfNode(_) => per_hour(10_000, 36_000),
            // Each rings at every device of whom it is for.
            Self::SecretChats(_) => per_hour(60, 30),
            Self::SecretChatsOfNode(_) => per_hour(300, 150),
            // A device that comes back says all that it has kept.
            Self::SecretActs(_) => per_hour(3_000, 9_000),
            // As one member may report.
            Self::ReportsOfNode(_) => per_hour(20, 10),
            // An operator does so by hand.
            Self::TakedownsOfNode(_) => per_hour(100, 20),
            // Whoever comes and goes makes the group's chain longer for everybody.
            Self::LeavesOfNode(..) => Rate { burst: 2, per_second: 2.0 / 86_400.0 },
            // All of a large channel anew, and then what people look at.
            Self::SumsOfNode(_) => per_hour(10_000, 50_000),
            // An address book, once; then a few numbers a day.
            Self::Imports(_) => per_hour(1000, 50),
            Self::Lookups(_) => per_hour(100, 200),
            // The owner reads each.
            Self::Reports(_) => per_hour(20, 10),
            // As fast as somebody talks; a server's people may all talk about one post.
            Self::CommentsOfActor(_) => per_hour(20, 60),
            Self::CommentsOfHost(_) => per_hour(300, 600),
            Self::ActsOfHost(_) => per_hour(3000, 6000),
            Self::FlagsOfHost(_) => per_hour(20, 10),
            Self::Chats(_) => per_hour(50, 10),
            // A whole group, one by one.
            Self::ChatInvites(_) => per_hour(300, 100),
            // A hash has 132 bits: nobody guesses one.
            Self::Links(_) => per_hour(100, 50),
        }
    }

    /// [`Limit::CodesOfEmail`] of an address, whatever its case.
    pub(crate) fn codes_of_email(address: &str) -> Self {
        let hash = blake3::hash(address.to_lowercase().as_bytes());
        Self::CodesOfEmail(hash.as_bytes().first_chunk().map_or(0, |b| u64::from_be_bytes(*b)))
    }

    /// [`Limit::CodesOfIdentity`] of the hash of an identity.
    pub(crate) fn codes_of_identity(hash: &[u8; 32]) -> Self {
        Self::CodesOfIdentity(hash.first_chunk().map_or(0, |b| u64::from_be_bytes(*b)))
    }

    /// kind (1) ++ subject.
    fn key(self) -> Vec<u8> {
        let address = |kind: u8, address: IpAddr| {
            let mut key = vec![kind];
            match address_key(address) {
                IpAddr::V4(v4) => key.extend_from_slice(&v4.octets()),
                IpAddr::V6(v6) => key.extend_from_slice(&v6.octets()),
            }
            key
        };
        let number = |kind: u8, number: u64| [&[kind][..], &number.to_be_bytes()].concat();
        match self {
            Self::Handshakes(from) => address(b'h', from),
            Self::CodesOfNumber(phone) => number(b'c', phone),
            Self::CodesOfAddress(from) => address(b'C', from),
            Self::CodesOfEmail(hash) => number(b'e', hash),
            Self::CodesOfIdentity(hash) => number(b'o', hash),
            Self::SignInsOfNumber(phone) => number(b's', phone),
            Self::SignInsOfAddress(from) => address(b'S', from),
            Self::Passwords(user) => number(b'p', user.0.unsigned_abs()),
            Self::Mails(user) => number(b'm', user.0.unsigned_abs()),
            Self::Strangers(user) => number(b'w', user.0.unsigned_abs()),
            Self::StrangersOfNode(node) => [&[b'n'][..], &node.0].concat(),
            Self::InvitesOfNode(node) => [&[b'N'][..], &node.0].concat(),
            Self::LettersOfNode(node) => [&[b'l'][..], &node.0].concat(),
            Self::SecretChatsOfNode(node) => [&[b'k'][..], &node.0].concat(),
            Self::SecretChats(user) => number(b'K', user.0.unsigned_abs()),
            Self::SecretActs(user) => number(b'a', user.0.unsigned_abs()),
            Self::ReportsOfNode(node) => [&[b'T'][..], &node.0].concat(),
            Self::TakedownsOfNode(node) => [&[b't'][..], &node.0].concat(),
            Self::LeavesOfNode(channel, node) => [&[b'v'][..], &channel.bytes(), &node.0].concat(),
            Self::SumsOfNode(node) => [&[b'V'][..], &node.0].concat(),
            Self::Imports(user) => number(b'i', user.0.unsigned_abs()),
            Self::Lookups(user) => number(b'r', user.0.unsigned_abs()),
            Self::Reports(user) => number(b'R', user.0.unsigned_abs()),
            Self::CommentsOfActor(hash) => number(b'a', hash),
            Self::CommentsOfHost(hash) => number(b'A', hash),
            Self::ActsOfHost(hash) => number(b'x', hash),
            Self::FlagsOfHost(hash) => number(b'F', hash),
            Self::Chats(user) => number(b'g', user.0.unsigned_abs()),
            Self::ChatInvites(user) => number(b'G', user.0.unsigned_abs()),
            Self::Links(user) => number(b'L', user.0.unsigned_abs()),
        }
    }
}

/// A bucket as it is stored.
#[derive(Debug, Serialize, Deserialize)]
struct BucketRecord {
    tokens: f64,
    at_ms: u64,
    /// When it is full again, and can be forgotten.
    full_ms: u64,
}

impl Record for BucketRecord {
    const VERSION: u8 = 1;
    const NAME: &'static str = "token bucket";
}

impl Decide<'_> {
    /// Takes `count` tokens of a limit.
    ///
    /// # Errors
    /// [`CoreError::Flood`] with the seconds until that many are there; nothing is taken then.
    pub(crate) fn take(&mut self, limit: Limit, count: u32) -> CoreResult<()> {
        self.take_at(limit, limit.rate(), count)
    }

    fn take_at(&mut self, limit: Limit, rate: Rate, count: u32) -> CoreResult<()> {
        let key = limit.key();
        let known: Option<BucketRecord> = self.load(Keyspace::LIMITS, &key)?;
        let mut bucket = known.map_or_else(
            || Bucket::full(rate, self.now_ms),
            |known| Bucket::new(known.tokens, known.at_ms),
        );
        bucket.take_many(rate, count, self.now_ms).map_err(|wait_s| CoreError::Flood { wait_s })?;
        let (tokens, at_ms) = bucket.parts();
        let full_ms = at_ms.saturating_add(bucket.fills_in_ms(rate));
        self.put(Keyspace::LIMITS, &key, &BucketRecord { tokens, at_ms, full_ms })
    }
}

impl Decide<'_> {
    /// Puts a token back: what it was taken for was no reason to limit anybody.
    pub(crate) fn give_back(&mut self, limit: Limit) -> CoreResult<()> {
        let (key, rate) = (limit.key(), limit.rate());
        let known: Option<BucketRecord> = self.load(Keyspace::LIMITS, &key)?;
        let Some(known) = known else { return Ok(()) };
        let mut bucket = Bucket::new(known.tokens, known.at_ms);
        bucket.give_back(rate, 1);
        let (tokens, at_ms) = bucket.parts();
        let full_ms = at_ms.saturating_add(bucket.fills_in_ms(rate));
        self.put(Keyspace::LIMITS, &key, &BucketRecord { tokens, at_ms, full_ms })
    }
}

/// Rows that one purge looks at in one go.
const PURGE_ROWS: usize = 1000;

impl Core {
    /// Takes one token; the answer comes once that is durable, so a restart does not refill.
    ///
    /// # Errors
    /// [`CoreError::Flood`].
    pub async fn take(&self, limit: Limit) -> CoreResult<()> {
        self.write(None, move |decide| decide.take(limit, 1)).await
    }

    /// [`Core::take`] at a configured rate.
    ///
    /// # Errors
    /// [`CoreError::Flood`].
    pub async fn take_at(&self, limit: Limit, rate: Rate) -> CoreResult<()> {
        self.write(None, move |decide| decide.take_at(limit, rate, 1)).await
    }

    /// Forgets buckets that are full again.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn purge_limits(&self) -> CoreResult<()> {
        let mut from = Vec::new();
        loop {
            let store = &self.inner.store;
            let rows = store.scan(Keyspace::LIMITS, &from, None, PURGE_ROWS, Order::Ascending)?;
            let now_ms = self.inner.now_ms();
            let full: Vec<Vec<u8>> = rows
                .iter()
                .filter(|(_, value)| {
                    BucketRecord::decode(value).is_ok_and(|bucket| bucket.full_ms <= now_ms)
                })
                .map(|(key, _)| key.clone())
                .collect();
            if !full.is_empty() {
                self.write(None, move |decide| {
                    for key in &full {
                        // Used again meanwhile: it stays.
                        let known: Option<BucketRecord> = decide.load(Keyspace::LIMITS, key)?;
                        if known.is_some_and(|bucket| bucket.full_ms <= decide.now_ms) {
                            decide.delete(Keyspace::LIMITS, key);
                        }
                    }
                    Ok(())
                })
                .await?;
            }
            match rows.last() {
                Some((key, _)) if rows.len() == PURGE_ROWS => {
                    from.clone_from(key);
                    from.push(0);
                }
                _ => return Ok(()),
            }
        }
    }
}
