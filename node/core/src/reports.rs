//! What members report to the operator: kept, and told to the owner. What it is about may live on
//! another node, whose operator learns of it too (`federation::mail`).

use glog::Node16;
use node_store::{Keyspace, Order};
use serde::{Deserialize, Serialize};

use crate::decide::Decide;
use crate::ids::{Actor, BoxId, MessageId, PeerId, UserId, pair_key};
use crate::limits::Limit;
use crate::record::Record;
use crate::{Core, CoreError, CoreResult};

/// Reports of one member, or one other node, that are kept; a newer one takes the place of the oldest.
pub(crate) const OF_ONE_MAX: usize = 100;

/// Longest comment, in characters.
pub const REPORT_COMMENT_CHARS_MAX: usize = 512;

/// Messages that one report may name.
pub const REPORT_MESSAGES_MAX: usize = 100;

/// Messages of a report whose text is kept, and how much of each, in characters.
pub(crate) const TEXTS_MAX: usize = 20;
pub(crate) const TEXT_CHARS_MAX: usize = 500;

/// Why something is reported. The order is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
#[expect(missing_docs, reason = "named as in the API")]
pub enum ReportReason {
    Spam,
    Violence,
    ChildAbuse,
    Pornography,
    IllegalDrugs,
    PersonalDetails,
    Fake,
    Copyright,
    GeoIrrelevant,
    Other,
}

/// A report as it is made.
#[derive(Clone)]
pub struct NewReport {
    /// About whom.
    pub about: PeerId,
    /// Why.
    pub reason: ReportReason,
    /// In the member's own words; may be empty.
    pub comment: String,
    /// Messages in the member's box that show it.
    pub messages: Vec<MessageId>,
}

/// Who has reported something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reporter {
    /// A member.
    Member(UserId),
    /// Somebody on another node, which does not say who.
    Node(Node16),
    /// A server of the fediverse, which does not say who.
    Host(String),
}

/// A report as the operator reads it.
#[derive(Clone, PartialEq, Eq)]
pub struct Report {
    /// Who reports.
    pub by: Reporter,
    /// Unix seconds.
    pub date: i32,
    /// About whom.
    pub about: PeerId,
    /// Why.
    pub reason: ReportReason,
    /// In the member's own words; may be empty.
    pub comment: String,
    /// The messages, with the beginnings of the first ones' texts.
    pub messages: Vec<(MessageId, Option<String>)>,
    /// So many messages of it are not here.
    pub elsewhere: u32,
}

/// Key: reporter (8) ++ number (8), which grows.
#[derive(Serialize, Deserialize)]
struct ReportRecord {
    date: i32,
    about: PeerId,
    reason: ReportReason,
    comment: String,
    messages: Vec<(MessageId, Option<String>)>,
}

impl Record for ReportRecord {
    const VERSION: u8 = 1;
    const NAME: &'static str = "report";
}

impl Core {
    /// Keeps a report, and tells the owner.
    ///
    /// # Errors
    /// [`CoreError::UnknownUser`], [`CoreError::UnknownMessage`], [`CoreError::TooMany`],
    /// [`CoreError::Oneself`], [`CoreError::Flood`].
    pub async fn report(&self, actor: Option<Actor>, by: UserId, new: NewReport) -> CoreResult<()> {
        self.write(actor, move |decide| decide.report(by, new)).await
    }

    /// All reports, the newest first; at most `limit`.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn reports(&self, limit: usize) -> CoreResult<Vec<Report>> {
        let mut reports = Vec::new();
        let mut from = Vec::new();
        loop {
            let store = &self.inner.store;
            let rows = store.scan(Keyspace::REPORTS, &from, None, 1000, Order::Ascending)?;
            for (key, value) in &rows {
                let by = key.first_chunk().map_or(0, |by| i64::from_be_bytes(*by));
                let ReportRecord { date, about, reason, comment, messages } =
                    ReportRecord::decode(value)?;
                let by = Reporter::Member(UserId(by));
                reports.push(Report { by, date, about, reason, comment, messages, elsewhere: 0 });
            }
            match rows.last() {
                Some((last, _)) if rows.len() == 1000 => {
                    from.clone_from(last);
                    from.push(0);
                }
                _ => break,
            }
        }
        reports.extend(self.far_reports()?);
        reports.extend(self.flags()?);
        reports.sort_by_key(|report| std::cmp::Reverse(report.date));
        reports.truncate(limit);
        self.settled().await?;
        Ok(reports)
    }
}

impl Decide<'_> {
    fn report(&mut self, by: UserId, new: NewReport) -> CoreResult<()> {
        let NewReport { about, reason, comment, messages } = new;
        if about == by.into() {
            return Err(CoreError::Oneself);
        }
        if messages.len() > REPORT_MESSAGES_MAX {
            return Err(CoreError::TooMany);
        }
        let (name, id) = match about {
            PeerId::User(user) => {
                (self.user(user)?.ok_or(CoreError::UnknownUser)?.full_name(), user.0)
            }
            PeerId::Chat(chat) => (format!("the group {}", self.chat(chat)?.title), chat.0),
            PeerId::Channel(channel) => {
                (format!("the channel {}", self.channel_seen_by(by, channel)?.title), channel.0)
            }
        };
        let mut shown = Vec::with_capacity(messages.len());
        for (at, id) in messages.into_iter().enumerate() {
            let message =
                self.message(BoxId::of(by, about), id)?.filter(|message| message.peer == about);
            let message = message.ok_or(CoreError::UnknownMessage)?;
            let text = message.text.chars().take(TEXT_CHARS_MAX).collect();
            shown.push((id, (at < TEXTS_MAX).then_some(text)));
        }
        self.take(Limit::Reports(by), 1)?;
        let known = self.scan_prefix(Keyspace::REPORTS, &by.bytes(), OF_ONE_MAX + 1)?;
        let last = known.last().and_then(|(key, _)| key.last_chunk::<8>());
        let number = last.map_or(1, |last| i64::from_be_bytes(*last) + 1);
        if known.len() >= OF_ONE_MAX
            && let Some((oldest, _)) = known.first()
        {
            self.delete(Keyspace::REPORTS, oldest);
        }
        let comment: String = comment.trim().chars().take(REPORT_COMMENT_CHARS_MAX).collect();
        let ids: Vec<MessageId> = shown.iter().map(|(id, _)| *id).collect();
        self.report_far(about, reason, &comment, &ids)?;
        let record = ReportRecord { date: self.now(), about, reason, comment, messages: shown };
        self.put(Keyspace::REPORTS, &pair_key(by.0, number), &record)?;
        let Some(owner) = self.inner.owner()?.filter(|owner| *owner != by) else { return Ok(()) };
        let reporter = self.user(by)?.map(|user| user.full_name()).unwrap_or_default();
        let text = format!(
            "{reporter} (id {}) has reported {name} (id {id}): {}. `rookery reports` lists all \
             reports.",
            by.0,
            reason.words(),
        );
        self.service_message(owner, text, Vec::new())
    }
}

impl ReportReason {
    /// All, in the order in which they are stored.
    const ALL: [Self; 10] = [
        Self::Spam,
        Self::Violence,
        Self::ChildAbuse,
        Self::Pornography,
        Self::IllegalDrugs,
        Self::PersonalDetails,
        Self::Fake,
        Self::Copyright,
        Self::GeoIrrelevant,
        Self::Other,
    ];

    /// The one at a place, as nodes name it to each other.
    pub(crate) fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// For people.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Spam => "spam",
            Self::Violence => "violence",
            Self::ChildAbuse => "child abuse",
            Self::Pornography => "pornography",
            Self::IllegalDrugs => "illegal drugs",
            Self::PersonalDetails => "personal details",
            Self::Fake => "a fake account",
            Self::Copyright => "copyright",
            Self::GeoIrrelevant => "the wrong place",
            Self::Other => "something else",
        }
    }
}
