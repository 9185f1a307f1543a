//! What the liar holds of a group, and how it comes into it.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};
use glog::body::{ControlBody, DataBody, Join, Post};
use glog::cbor::{Blob, List, Text, decode, encode};
use glog::{
    Author, Entry, EntryRef, GroupId, Lane, LaneEnd, Node16, NodeId, PENDING_MAX, Replica, UserRef,
};
use mesh::frames::{PAGE_BYTES_MAX, Request, Response};
use mesh::{Call, Heads, LaneName, Reply};

use crate::peer::{Keys, Peer};

glog::record! {
    /// What a node says under a name, as far as it is a group.
    pub struct Found {
        /// A public channel or group.
        pub group: Option<GroupId>,
        /// Nobody.
        pub person: Option<u64>,
    }
}

/// A copy of a group.
pub struct Copy {
    /// Which group.
    pub group: GroupId,
    /// As an honest node would have it.
    pub replica: Replica,
    /// All that was fetched or written, by its place.
    pub stored: BTreeMap<EntryRef, Vec<u8>>,
    /// The control chain.
    pub control: Vec<Vec<u8>>,
}

/// The group that a node knows under a name.
///
/// # Errors
/// Where there is none.
pub async fn find(peer: &Peer, name: &str) -> anyhow::Result<GroupId> {
    let call = Call::Resolve { name: Text::new(name).map_err(|_| anyhow::anyhow!("long"))? };
    let Some(Reply::Found(record)) = call_of(peer, call).await else { bail!("nothing is {name}") };
    let found: Found = decode(&record).map_err(|_| anyhow::anyhow!("no group is {name}"))?;
    found.group.context("no group")
}

/// Asks a node something.
pub async fn call_of(peer: &Peer, call: Call) -> Option<Reply> {
    match peer.ask(&Request::Call(Box::new(call))).await {
        Some(Response::Reply(reply)) => Some(*reply),
        _ => None,
    }
}

/// Becomes a writer of a public group, at its home.
///
/// # Errors
/// Where the home refuses.
pub async fn join(home: &Peer, keys: &Keys, group: GroupId) -> anyhow::Result<()> {
    let join = Join { group, user: 0, cert: keys.cert.clone(), proof: [0; 32] };
    let join = Blob::new(encode(&join)).map_err(|_| anyhow::anyhow!("long"))?;
    match call_of(home, Call::Join { join }).await {
        Some(Reply::Joined { .. }) => Ok(()),
        other => bail!("not let into the group: {other:?}"),
    }
}

/// What a node says that it holds.
///
/// # Errors
/// Where it says nothing.
pub async fn heads(peer: &Peer, group: GroupId) -> anyhow::Result<Heads> {
    match peer.ask(&Request::Heads { group }).await {
        Some(Response::Heads(frame)) => frame.read().map_err(|_| anyhow::anyhow!("disordered")),
        other => bail!("no heads: {other:?}"),
    }
}

pub(crate) async fn pages(
    peer: &Peer,
    group: GroupId,
    lane: LaneName,
    from: u64,
    to: u64,
) -> anyhow::Result<Vec<Vec<u8>>> {
    let mut all = Vec::new();
    while (from + all.len() as u64) < to {
        let begin = from + all.len() as u64;
        let bytes_max = PAGE_BYTES_MAX as u32;
        let request = Request::Fetch { group, lane, from: begin, to, bytes_max };
        let Some(Response::Entries(page)) = peer.ask(&request).await else { bail!("no page") };
        if page.is_empty() {
            bail!("an empty page at {begin} of {to}");
        }
        all.extend(page.into_vec().into_iter().map(|entry| entry.into_vec()));
    }
    Ok(all)
}

impl Copy {
    /// Brings a group here.
    ///
    /// # Errors
    /// Where the node does not give it.
    pub async fn fetch(peer: &Peer, me: NodeId, group: GroupId) -> anyhow::Result<Self> {
        let heads = heads(peer, group).await?;
        let control = pages(peer, group, LaneName::Control, 0, heads.control.seq + 1).await?;
        let mut entries = control.iter().map(|bytes| Entry::decode(bytes));
        let genesis = entries.next().context("no Genesis")??;
        let mut replica = Replica::new(me, genesis, PENDING_MAX)?;
        for entry in entries {
            replica.receive(entry?, 0)?;
        }
        let mut copy = Self { group, replica, stored: BTreeMap::new(), control };
        copy.fetch_lanes(peer, &heads).await?;
        Ok(copy)
    }

    async fn fetch_lanes(&mut self, peer: &Peer, heads: &Heads) -> anyhow::Result<()> {
        for head in &heads.lanes {
            let lane = LaneName::Data { node: head.node, inc: head.inc };
            for bytes in pages(peer, self.group, lane, 0, head.seq + 1).await? {
                self.keep(&bytes)?;
            }
        }
        Ok(())
    }

    /// Takes an entry as an honest node would.
    ///
    /// # Errors
    /// For what is none.
    pub fn keep(&mut self, bytes: &[u8]) -> anyhow::Result<EntryRef> {
        let entry = Entry::decode(bytes)?;
        let at = place(&entry).context("an entry of a lane")?;
        self.stored.insert(at, bytes.to_vec());
        let _ = self.replica.receive(entry, 0); // it may be one of its own lies
        Ok(at)
    }

    /// Writes the next entry of the chain, and keeps it: as its home, or as who claims to be that.
    ///
    /// # Errors
    /// Where it is too long, or is none of the chain's.
    pub fn rule(
        &mut self,
        keys: &Keys,
        by: Option<UserRef>,
        body: &ControlBody,
    ) -> anyhow::Result<Vec<u8>> {
        let (chain, rng) = (self.replica.chain(), &mut rand::rng());
        let entry = glog::write_control(chain, author(keys), by, body, now_ms(), rng)
            .map_err(|_| anyhow::anyhow!("too long"))?;
        let bytes = entry.encode();
        self.keep_control(&bytes)?;
        Ok(bytes)
    }

    /// Takes the next entry of the chain.
    ///
    /// # Errors
    /// For what is none.
    pub fn keep_control(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        self.replica.receive(Entry::decode(bytes)?, 0)?;
        self.control.push(bytes.to_vec());
        Ok(())
    }

    /// Where this node's lane ends.
    pub fn end(&self, me: Node16) -> LaneEnd {
        let last = self.stored.iter().rfind(|(at, _)| at.node == me);
        let last = last.and_then(|(at, bytes)| Some((at.seq, Entry::decode(bytes).ok()?.id())));
        LaneEnd { inc: 0, last }
    }

    /// Writes a post behind `end`, as anybody; `deps` are entries that it names. It is not kept.
    ///
    /// # Errors
    /// Where it is too long, or the chain does not know the author.
    pub fn write(
        &self,
        author: Author<'_>,
        end: LaneEnd,
        deps: Vec<EntryRef>,
        user: u64,
        words: &str,
    ) -> anyhow::Result<Vec<u8>> {
        let post = Post {
            text: Text::new(words).map_err(|_| anyhow::anyhow!("long"))?,
            links: false,
            media: List::default(),
            reply_to: None,
            extra: Blob::default(),
        };
        self.write_as(author, end, deps, user, &DataBody::Post(post))
    }

    /// [`Self::write`] with anything.
    ///
    /// # Errors
    /// As there.
    pub fn write_as(
        &self,
        author: Author<'_>,
        end: LaneEnd,
        deps: Vec<EntryRef>,
        user: u64,
        body: &DataBody,
    ) -> anyhow::Result<Vec<u8>> {
        let deps = List::new(deps).map_err(|_| anyhow::anyhow!("too many"))?;
        let entry = glog::write_data(
            self.replica.chain(),
            author,
            end,
            None,
            deps,
            user,
            body,
            now_ms(),
            &mut rand::rng(),
        )?;
        Ok(entry.encode())
    }

    /// Says something in this node's lane, and keeps it.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub fn say(&mut self, keys: &Keys, words: &str) -> anyhow::Result<Vec<u8>> {
        let bytes =
            self.write(author(keys), self.end(keys.node().short()), Vec::new(), 7, words)?;
        self.keep(&bytes)?;
        Ok(bytes)
    }

    /// Entries of a lane.
    pub fn lane(&self, node: Node16, from: u64, to: u64) -> Vec<Vec<u8>> {
        let of_lane = self.stored.iter().filter(|(at, _)| at.node == node);
        let wanted = of_lane.filter(|(at, _)| (from..to).contains(&at.seq));
        wanted.map(|(_, bytes)| bytes.clone()).collect()
    }

    /// Ends of all lanes.
    pub fn heads(&self) -> Vec<EntryRef> {
        let mut heads = BTreeMap::new();
        for at in self.stored.keys() {
            heads.insert((at.node, at.inc), *at);
        }
        heads.into_values().collect()
    }
}

/// As which an entry of this node is signed.
pub fn author(keys: &Keys) -> Author<'_> {
    Author { node: keys.node(), serial: 1, key: &keys.op }
}

/// Where an entry of a lane stands.
pub fn place(entry: &Entry) -> Option<EntryRef> {
    let header = entry.header();
    let Lane::Data { inc, .. } = header.lane else { return None };
    Some(EntryRef { node: header.node.short(), inc, seq: header.seq, hash: entry.id().short() })
}

/// Milliseconds since 1970.
pub fn now_ms() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |now| now.as_millis() as u64)
}
