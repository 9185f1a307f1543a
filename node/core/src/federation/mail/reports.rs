//! Reports about what lives on other nodes.
//!
//! A report is kept by the node of who made it, and told to the operator there. Beside that it goes to
//! the node of the person whom it is about; one about a group or channel goes to the home, and to the
//! nodes of who wrote the messages. It says which node it comes from, and not who made it. Messages
//! between two people are not named: their log is named after both.

use std::collections::BTreeMap;

use glog::cbor::{List, Text};
use glog::{EntryRef, GroupId, Node16, NodeId};
use node_store::Keyspace;
use serde::{Deserialize, Serialize};

use super::kinds::{Kind, REPORTED_ENTRIES_MAX, Reported, read};
use super::outbox::Post;
use super::{REPORT, key};
use crate::decide::{Decide, scan_prefix};
use crate::federation::is_remote;
use crate::ids::{MessageId, PeerId, UserId};
use crate::limits::Limit;
use crate::record::Record;
use crate::reports::{OF_ONE_MAX, Report, ReportReason, Reporter, TEXT_CHARS_MAX, TEXTS_MAX};
use crate::{Core, CoreError, CoreResult};

/// Nodes that one report goes to.
const NODES_OF_ONE_MAX: usize = 8;

/// Reports of all other nodes that are kept: many nodes can be one operator's.
const OF_ALL_MAX: u64 = 10_000;

/// What another node has reported, as it is kept.
#[derive(Serialize, Deserialize)]
struct FarReport {
    date: i32,
    about: PeerId,
    reason: ReportReason,
    comment: String,
    messages: Vec<(MessageId, Option<String>)>,
    /// So many messages of it are not here.
    elsewhere: u32,
}

impl Record for FarReport {
    const VERSION: u8 = 1;
    const NAME: &'static str = "report of another node";
}

impl Core {
    /// What other nodes have reported.
    pub(crate) fn far_reports(&self) -> CoreResult<Vec<Report>> {
        let rows =
            scan_prefix(&*self.inner.store, Keyspace::NODES, &[REPORT], OF_ALL_MAX as usize + 1)?;
        let mut reports = Vec::with_capacity(rows.len());
        for (key, row) in rows {
            let Some(node) = key.get(1..).and_then(|key| key.first_chunk()) else { continue };
            let FarReport { date, about, reason, comment, messages, elsewhere } =
                FarReport::decode(&row)?;
            let by = Reporter::Node(Node16(*node));
            reports.push(Report { by, date, about, reason, comment, messages, elsewhere });
        }
        Ok(reports)
    }
}

impl Decide<'_> {
    /// Tells the nodes that can do something about it what somebody here has reported.
    pub(crate) fn report_far(
        &mut self,
        about: PeerId,
        reason: ReportReason,
        comment: &str,
        messages: &[MessageId],
    ) -> CoreResult<()> {
        let comment = Text::new(comment).map_err(|_| CoreError::TooLarge("report"))?;
        let said = |person, group, entries: Vec<EntryRef>| {
            let entries = List::new(entries).map_err(|_| CoreError::TooMany)?;
            let (reason, comment) = (reason as u8, comment.clone());
            Ok::<_, CoreError>(Reported { reason, comment, person, group, entries })
        };
        match about {
            PeerId::User(user) if is_remote(user) => {
                let user = self.user_ref(user)?;
                self.post_report(user.node, &said(Some(user.id), None, Vec::new())?)
            }
            PeerId::Channel(channel) => {
                let Some(row) = self.inner.groups.of(channel) else { return Ok(()) };
                let mut entries = Vec::with_capacity(messages.len());
                for id in messages {
                    entries.extend(self.entry_of_message(channel, *id)?);
                }
                let (group, home) = (GroupId(row.group), NodeId(row.home).short());
                // The home sees all of it; the node of a writer what is that one's.
                let mut of_nodes: BTreeMap<Node16, Vec<EntryRef>> = BTreeMap::new();
                for at in &entries {
                    of_nodes.entry(at.node).or_default().push(*at);
                }
                of_nodes.remove(&home);
                let others = of_nodes.into_iter().take(NODES_OF_ONE_MAX - 1);
                let own = self.inner.logs.keys().node().short();
                for (node, entries) in [(home, entries)].into_iter().chain(others) {
                    if node != own {
                        self.post_report(node, &said(None, Some(group), entries)?)?;
                    }
                }
                Ok(())
            }
            PeerId::User(_) | PeerId::Chat(_) => Ok(()),
        }
    }

    fn post_report(&mut self, node: Node16, said: &Reported) -> CoreResult<()> {
        match self.post(Post::new(node, Kind::REPORT, said)?) {
            // Kept here all the same: the operator here has it.
            Err(CoreError::MailboxFull | CoreError::NodeUnreachable) => Ok(()),
            posted => posted,
        }
    }

    /// Somebody on another node has reported something that is this node's.
    pub(super) fn take_report(&mut self, node: Node16, said: &[u8]) -> CoreResult<()> {
        self.take_reported(node, read(said)?)
    }

    /// Keeps what a node has reported, and tells the owner.
    pub(super) fn take_reported(&mut self, node: Node16, said: Reported) -> CoreResult<()> {
        let Reported { reason, comment, person, group, entries } = said;
        let reason = ReportReason::from_number(reason).ok_or(CoreError::NotALetter)?;
        let (about, name) = match (person, group) {
            (Some(person), None) => {
                let user = UserId(i64::try_from(person).unwrap_or(0));
                let here = !is_remote(user) && user != UserId::SERVICE;
                let found = self.user(user)?.filter(|found| here && !found.deleted);
                let found = found.ok_or(CoreError::NotALetter)?;
                (PeerId::User(user), format!("{} (id {})", found.full_name(), user.0))
            }
            (None, Some(group)) => {
                let channel = self.channel_of(group)?.ok_or(CoreError::NotALetter)?;
                let title = self.channel_row(channel)?.title.clone();
                (PeerId::Channel(channel), format!("the channel {title} (id {})", channel.0))
            }
            _ => return Err(CoreError::NotALetter),
        };
        let (mut messages, mut elsewhere) = (Vec::new(), 0);
        for at in entries.iter().take(REPORTED_ENTRIES_MAX) {
            match self.reported(about, at)? {
                Some((id, text)) => {
                    messages.push((id, (messages.len() < TEXTS_MAX).then_some(text)))
                }
                None => elsewhere += 1,
            }
        }
        let comment = comment.trim().chars().take(crate::REPORT_COMMENT_CHARS_MAX).collect();
        let date = self.now();
        let words = reason.words();
        let report = FarReport { date, about, reason, comment, messages, elsewhere };
        self.keep_far_report(node, &report)?;
        // Beyond, the operator finds it in the list: nobody fills the owner's dialogs.
        match self.take(Limit::ReportsOfNode(node), 1) {
            Err(CoreError::Flood { .. }) => return Ok(()),
            taken => taken?,
        }
        let Some(owner) = self.inner.owner()? else { return Ok(()) };
        let domain = self.domain_of(node)?;
        let text = format!(
            "Somebody on the node {domain} has reported {name}: {words}. `rookery reports` lists all \
             reports."
        );
        self.service_message(owner, text, Vec::new())
    }

    /// The message of an entry that was reported, and the beginning of its text.
    fn reported(&self, about: PeerId, at: &EntryRef) -> CoreResult<Option<(MessageId, String)>> {
        let PeerId::Channel(channel) = about else { return Ok(None) };
        let Some(id) = self.message_of_entry(channel, at)?.filter(|id| id.0 > 0) else {
            return Ok(None);
        };
        let message = self.message(channel, id)?;
        Ok(message.map(|message| (id, message.text.chars().take(TEXT_CHARS_MAX).collect())))
    }

    fn keep_far_report(&mut self, node: Node16, report: &FarReport) -> CoreResult<()> {
        let of_node = key(REPORT, node, &[]);
        let known = self.scan_prefix(Keyspace::NODES, &of_node, OF_ONE_MAX + 1)?;
        let last = known.last().and_then(|(key, _)| key.last_chunk::<8>());
        let number = last.map_or(1, |last| u64::from_be_bytes(*last) + 1);
        let all = self.get(Keyspace::NODES, &[REPORT])?;
        let all =
            all.and_then(|all| all.first_chunk().map(|n| u64::from_be_bytes(*n))).unwrap_or(0);
        match known.first() {
            Some((oldest, _)) if known.len() >= OF_ONE_MAX => {
                self.delete(Keyspace::NODES, oldest);
            }
            _ if all >= OF_ALL_MAX => return Err(CoreError::Flood { wait_s: 3600 }),
            _ => self.put_bytes(Keyspace::NODES, &[REPORT], (all + 1).to_be_bytes().to_vec()),
        }
        self.put(Keyspace::NODES, &key(REPORT, node, &number.to_be_bytes()), report)
    }
}
