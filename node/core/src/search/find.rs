//! Reading the index.
//!
//! The lists of all tokens are walked together, from the newest message down: each step goes to
//! the least id that any of them stops at, so the rarest word sets the pace. What the index does
//! not have yet is looked at directly. Either way a message is read, and has to match by its
//! present text, before it is shown.

use std::collections::{BTreeSet, HashMap};

use node_store::{Keyspace, Order};

use super::kinds::{INDEXED, document_of, fits};
use super::rows::{self, Head, Lane};
use super::words::{Token, Words};
use crate::boxes::Dialog;
use crate::dialogs::FolderId;
use crate::history::{ADD_OFFSET_MAX, Place};
use crate::ids::{BoxId, MessageId, PeerId, UserId, box_key, box_number};
use crate::message::{BoxRow, Message};
use crate::record::Record as _;
use crate::{Core, CoreResult, PAGE_MAX, Stored};

/// Messages that are read to count exactly, beside those of the page.
const COUNT_EXACT_MAX: usize = 1000;

/// Places in the lists that are counted at all.
const COUNT_MAX: usize = 100_000;

/// Messages that are read to find those of one page, or all: where next to nothing matches, each of
/// the box would be.
const LOOKS_MAX: usize = COUNT_MAX;

/// Rows of a box that are read in one go.
const ROWS_AT_ONCE: usize = 256;

/// Messages between two turns of others.
const LOOKS_PER_TURN: usize = 64;

/// What messages are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SearchFilter {
    /// All.
    #[default]
    Any,
    /// Those with a link.
    Url,
    /// Those that are pinned.
    Pinned,
    /// Photos.
    Photos,
    /// Films.
    Video,
    /// Photos and films.
    PhotoVideo,
    /// Files that are nothing else.
    Document,
    /// Music.
    Music,
    /// Voice messages.
    Voice,
    /// Round films.
    RoundVideo,
    /// Voice messages and round films.
    RoundVoice,
    /// Films without sound that are played again and again.
    Gif,
    /// Contacts.
    Contacts,
    /// Places.
    Geo,
    /// Those that tell of a new photo of a group.
    ChatPhotos,
    /// Those that mention the box's owner, or answer.
    MyMentions,
    /// Polls.
    Poll,
}

/// With whom the dialogs are that are looked through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SearchKind {
    /// With people and with groups.
    #[default]
    Both,
    /// With people.
    Users,
    /// With groups.
    Groups,
}

impl SearchKind {
    fn takes(self, peer: PeerId) -> bool {
        match self {
            Self::Both => true,
            Self::Users => peer.user().is_some(),
            Self::Groups => peer.chat().is_some(),
        }
    }
}

/// What is searched for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SearchQuery {
    /// As they were typed; empty: all messages.
    pub words: String,
    /// In this dialog; `None`: in all.
    pub peer: Option<PeerId>,
    /// Among the messages to oneself that are filed under this; `peer` is not asked then.
    pub saved: Option<PeerId>,
    /// Of all dialogs: those of one list only.
    pub folder: Option<FolderId>,
    /// Of all dialogs: those with people or with groups only.
    pub kind: SearchKind,
    /// Written by, or in the name of.
    pub from: Option<PeerId>,
    /// In this thread of a supergroup, named after the message with which it begins.
    pub thread: Option<MessageId>,
    /// What kind.
    pub filter: SearchFilter,
    /// Not older than this (unix seconds); 0: all.
    pub min_date: i32,
    /// Not newer than this; 0: all.
    pub max_date: i32,
    /// The page begins below this message; 0: at the newest.
    pub offset_id: i32,
    /// Moves the page towards older messages; below 0 towards newer ones.
    pub add_offset: i32,
    /// At most [`PAGE_MAX`].
    pub limit: usize,
    /// Only messages below this one; 0: all.
    pub max_id: i32,
    /// Only messages above this one.
    pub min_id: i32,
}

/// Messages that were found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SearchPage {
    /// The newest first.
    pub messages: Vec<Stored>,
    /// All that match.
    pub count: i32,
    /// How many of them are newer than the page.
    pub newer: i32,
    /// Whether the numbers are exact: of very many, some are counted by the index alone. The page
    /// ends early where too many messages had to be read for it.
    pub exact: bool,
}

impl Core {
    /// Messages of one's box that match.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn search(&self, owner: UserId, query: &SearchQuery) -> CoreResult<SearchPage> {
        self.search_within(owner, query, LOOKS_MAX).await
    }

    /// The same, by reading so many messages at most beside those that are only counted.
    pub(crate) async fn search_within(
        &self,
        owner: UserId,
        query: &SearchQuery,
        looks: usize,
    ) -> CoreResult<SearchPage> {
        let mut page = SearchPage { exact: true, ..SearchPage::default() };
        if asks_for_nothing(&query.words) {
            return Ok(page);
        }
        self.whole_history(query.peer.and_then(PeerId::channel)).await?;
        // Again, if the index was replaced meanwhile.
        for _ in 0..3 {
            let mut finder = Finder::new(self, owner, query).await?;
            page = finder.page(query, looks).await?;
            if finder.is_current()? {
                break;
            }
        }
        self.settled().await?;
        Ok(page)
    }

    /// All messages that match, the newest first, until `take` answers false. At most
    /// [`LOOKS_MAX`] are looked at; false if that was not all.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn search_all(
        &self,
        owner: UserId,
        query: &SearchQuery,
        mut take: impl FnMut(Stored) -> bool,
    ) -> CoreResult<bool> {
        self.whole_history(query.peer.and_then(PeerId::channel)).await?;
        let mut finder = Finder::new(self, owner, query).await?;
        let (mut at, low) = finder.bounds(query).await?;
        for _ in 0..LOOKS_MAX {
            let Some(id) = finder.next(at)?.filter(|id| *id > low) else {
                self.settled().await?;
                return Ok(true);
            };
            at = id - 1;
            if let Some(stored) = finder.look(id).await?
                && !take(stored)
            {
                break;
            }
        }
        self.settled().await?;
        Ok(false)
    }
}

/// Whether what was typed has no word: nothing is found by it.
fn asks_for_nothing(typed: &str) -> bool {
    !typed.trim().is_empty() && Words::parse(typed).is_empty()
}

/// The ids of one token, from the newest down.
struct List {
    lane: Lane,
    row: Vec<i32>,
}

impl List {
    /// The greatest id at or below `bound`, which never grows from call to call.
    fn seek(&mut self, core: &Core, bound: i32) -> CoreResult<Option<i32>> {
        if self.row.first().is_none_or(|first| *first > bound) {
            match self.lane.row(&*core.inner.store, bound)? {
                Some(row) => self.row = row,
                None => return Ok(None),
            }
        }
        let below = self.row.partition_point(|id| *id <= bound);
        Ok(below.checked_sub(1).and_then(|at| self.row.get(at)).copied())
    }
}

struct Finder<'a> {
    core: &'a Core,
    owner: BoxId,
    query: &'a SearchQuery,
    words: Words,
    place: Option<Place>,
    lists: Vec<List>,
    /// The number of the generation that is read.
    generation: Option<u8>,
    /// Rows above this are not in the index.
    cursor: i32,
    /// Messages at or below the cursor that were edited since.
    edited: BTreeSet<i32>,
    /// The ids of the dialog that were read last, ascending, and the first that the chunk ever had.
    chunk: Option<(i32, Vec<i32>)>,
    /// If only pinned messages are asked for: those of the place.
    pinned: Option<BTreeSet<i32>>,
    /// Message rows of the box that were read last, ascending; from this number on.
    rows: Option<(i32, Vec<i32>)>,
    known: HashMap<i32, Message>,
    /// What the lists had next, if they were asked.
    ahead: Option<Option<i32>>,
    looks: usize,
}

impl<'a> Finder<'a> {
    async fn new(core: &'a Core, owner: UserId, query: &'a SearchQuery) -> CoreResult<Self> {
        let owner = query.peer.map_or(owner.into(), |peer| BoxId::of(owner, peer));
        let words = Words::parse(&query.words);
        let mut tokens = words.tokens();
        let kind = INDEXED.iter().find(|(filter, _)| *filter == query.filter);
        tokens.extend(kind.map(|(_, name)| Token::kind(name)));
        let (store, secret) = (&*core.inner.store, &core.inner.access_secret);
        let live = Head::load(store, owner)?.readable();
        let mut finder = Self {
            core,
            owner,
            query,
            words,
            place: query.saved.map(Place::Saved).or(query.peer.map(Place::Dialog)),
            lists: Vec::new(),
            generation: live.map(|live| live.number),
            cursor: live.map_or(0, |live| live.cursor),
            edited: BTreeSet::new(),
            chunk: None,
            pinned: None,
            rows: None,
            known: HashMap::new(),
            ahead: None,
            looks: 0,
        };
        if let Some(live) = live {
            let list = |token: &Token| {
                let hashed = rows::hashed(secret, owner, token);
                List { lane: Lane::new(owner, live.number, hashed), row: Vec::new() }
            };
            finder.lists = tokens.iter().map(list).collect();
        }
        if query.filter == SearchFilter::Pinned {
            finder.pinned = Some(finder.read_pinned()?);
        }
        // Without an index, all is looked at.
        if finder.lists.is_empty() {
            finder.cursor = 0;
        } else {
            finder.read_tail().await?;
        }
        Ok(finder)
    }

    /// Whether what was read is still there.
    fn is_current(&self) -> CoreResult<bool> {
        let live = Head::load(&*self.core.inner.store, self.owner)?.readable();
        Ok(self.lists.is_empty() || live.map(|live| live.number) == self.generation)
    }

    fn read_pinned(&self) -> CoreResult<BTreeSet<i32>> {
        let ids =
            |dialog: &Dialog| -> BTreeSet<i32> { dialog.pinned.iter().map(|id| id.0).collect() };
        Ok(match self.place {
            Some(place @ Place::Dialog(_)) => {
                self.core.in_place(self.owner, place, |dialog, _, _| Ok(ids(dialog)))?
            }
            Some(Place::Saved(_)) => match self.owner.user() {
                Some(owner) => {
                    let oneself = Place::Dialog(owner.into());
                    self.core.in_place(self.owner, oneself, |dialog, _, _| Ok(ids(dialog)))?
                }
                None => None,
            },
            None => {
                let cell = self.core.inner.boxes.cell(self.owner);
                let state = cell.lock(&*self.core.inner.store, self.owner)?;
                Some(state.dialogs.values().flat_map(ids).collect())
            }
        }
        .unwrap_or_default())
    }

    /// What was edited since the index has been written.
    async fn read_tail(&mut self) -> CoreResult<()> {
        let mut from = self.cursor;
        loop {
            let rows = self.core.inner.store.scan(
                Keyspace::BOXES,
                &box_key(self.owner, from.saturating_add(1)),
                Some(&self.owner.end()),
                ROWS_AT_ONCE,
                Order::Ascending,
            )?;
            for (key, value) in &rows {
                from = box_number(key);
                match BoxRow::decode(value)? {
                    BoxRow::Message(message) if self.known.len() < 2 * ROWS_AT_ONCE => {
                        self.known.insert(from, message);
                    }
                    BoxRow::Edited(id) if id.0 <= self.cursor => {
                        self.edited.insert(id.0);
                    }
                    _ => {}
                }
            }
            if rows.len() < ROWS_AT_ONCE {
                return Ok(());
            }
            turn().await;
        }
    }

    /// The greatest id at or below `bound`, which never grows from call to call, of a message that
    /// may match.
    fn next(&mut self, bound: i32) -> CoreResult<Option<i32>> {
        if self.lists.is_empty() {
            return self.any(bound);
        }
        if bound > self.cursor {
            let newest = self.any(bound)?;
            if newest.is_some_and(|id| id > self.cursor) {
                return Ok(newest);
            }
        }
        let bound = bound.min(self.cursor);
        let edited = self.edited.range(..=bound).next_back().copied();
        // An edited message may have come before what the lists had next: that stands.
        let indexed = match self.ahead {
            Some(ahead) if ahead.is_none_or(|id| id <= bound) => ahead,
            _ => self.indexed(bound)?,
        };
        self.ahead = Some(indexed);
        Ok(indexed.max(edited))
    }

    /// The greatest id at or below `bound` that all lists have, and the dialog.
    fn indexed(&mut self, bound: i32) -> CoreResult<Option<i32>> {
        let mut at = bound;
        loop {
            let before = at;
            for list in &mut self.lists {
                match list.seek(self.core, at)? {
                    Some(id) => at = id,
                    None => return Ok(None),
                }
            }
            if self.place.is_some() || self.pinned.is_some() {
                match self.any(at)? {
                    Some(id) => at = id,
                    None => return Ok(None),
                }
            }
            // A round that moved nothing: all agree.
            if at == before {
                return Ok(Some(at));
            }
        }
    }

    /// The greatest id at or below `bound` of any message of the dialog, or of the box.
    fn any(&mut self, bound: i32) -> CoreResult<Option<i32>> {
        if let Some(pinned) = &self.pinned {
            return Ok(pinned.range(..=bound).next_back().copied());
        }
        match self.place {
            Some(place) => self.any_of_place(place, bound),
            None => self.any_of_box(bound),
        }
    }

    fn any_of_place(&mut self, place: Place, mut bound: i32) -> CoreResult<Option<i32>> {
        loop {
            if self.chunk.as_ref().is_none_or(|(first, _)| *first > bound) {
                let found = self.core.in_place(self.owner, place, |dialog, chunks, peer| {
                    dialog.index.chunk_at(bound, chunks, peer)
                })?;
                let Some((first, entries)) = found.flatten() else { return Ok(None) };
                self.chunk = Some((first, entries.iter().map(|entry| entry.id).collect()));
            }
            let Some((first, ids)) = &self.chunk else { return Ok(None) };
            let below = ids.partition_point(|id| *id <= bound);
            if let Some(id) = below.checked_sub(1).and_then(|at| ids.get(at)) {
                return Ok(Some(*id));
            }
            bound = first - 1;
        }
    }

    fn any_of_box(&mut self, mut bound: i32) -> CoreResult<Option<i32>> {
        loop {
            if self.rows.as_ref().is_none_or(|(from, _)| *from > bound) {
                let rows = self.core.inner.store.scan(
                    Keyspace::BOXES,
                    &box_key(self.owner, 0),
                    Some(&box_key(self.owner, bound.saturating_add(1))),
                    ROWS_AT_ONCE,
                    Order::Descending,
                )?;
                let Some((last, _)) = rows.last() else { return Ok(None) };
                let from = box_number(last);
                let mut ids = Vec::new();
                self.known.clear();
                for (key, value) in rows.iter().rev() {
                    if let BoxRow::Message(message) = BoxRow::decode(value)? {
                        ids.push(box_number(key));
                        self.known.insert(box_number(key), message);
                    }
                }
                self.rows = Some((from, ids));
            }
            let Some((from, ids)) = &self.rows else { return Ok(None) };
            let below = ids.partition_point(|id| *id <= bound);
            if let Some(id) = below.checked_sub(1).and_then(|at| ids.get(at)) {
                return Ok(Some(*id));
            }
            bound = from - 1;
        }
    }

    /// The message, if it is there and matches.
    async fn look(&mut self, id: i32) -> CoreResult<Option<Stored>> {
        self.looks += 1;
        if self.looks.is_multiple_of(LOOKS_PER_TURN) {
            turn().await;
        }
        let message = match self.known.get(&id) {
            Some(message) => Some(message.clone()),
            None => self.core.message(self.owner, MessageId(id))?,
        };
        let query = self.query;
        // Before what is dearer.
        let message = message.filter(|message| query.kind.takes(message.peer));
        if let (Some(message), Some(folder), Some(owner)) =
            (&message, query.folder, self.owner.user())
            && self.core.folder(owner, message.peer)? != folder
        {
            return Ok(None);
        }
        let document = match &message {
            Some(message) => document_of(&*self.core.inner.store, message)?,
            None => None,
        };
        let in_place = |message: &Message| match self.place {
            None => true,
            Some(Place::Dialog(peer)) => message.peer == peer,
            Some(Place::Saved(source)) => message.saved_from() == Some(source),
        };
        Ok(message
            .filter(|message| {
                in_place(message)
                    // In whose name it is: who writes as the group is not found by their own.
                    && query.from.is_none_or(|from| message.author() == from)
                    && query.thread.is_none_or(|top| message.stands_in(top))
                    && (query.min_date <= 0 || message.date >= query.min_date)
                    && (query.max_date <= 0 || message.date <= query.max_date)
                    && fits(query.filter, message, document.as_ref())
                    && self.words.are_in(message, document.as_ref())
            })
            .map(|message| Stored { id: MessageId(id), message }))
    }

    /// Whether each message that may match does.
    fn takes_all(&self) -> bool {
        self.words.is_empty()
            && self.query.from.is_none()
            && self.query.thread.is_none()
            && self.query.folder.is_none()
            && self.query.kind == SearchKind::Both
            && self.query.filter == SearchFilter::Any
            && self.query.min_date <= 0
            && self.query.max_date <= 0
    }

    /// The greatest id that may match, and one below the least.
    async fn bounds(&self, query: &SearchQuery) -> CoreResult<(i32, i32)> {
        let mut high = if query.max_id > 0 { query.max_id - 1 } else { i32::MAX };
        let mut low = query.min_id.max(0);
        // Dates grow with ids.
        if let Some(place) = self.place {
            if query.max_date > 0 && query.max_date < i32::MAX {
                let after = self.core.first_at(self.owner, place, query.max_date + 1).await?;
                high = high.min(after - 1);
            }
            if query.min_date > 0 {
                let first = self.core.first_at(self.owner, place, query.min_date).await?;
                low = low.max(first - 1);
            }
        }
        Ok((high, low))
    }

    /// A page, for which `looks` messages are read at most.
    async fn page(&mut self, query: &SearchQuery, mut looks: usize) -> CoreResult<SearchPage> {
        let (high, low) = self.bounds(query).await?;
        let limit = query.limit.min(PAGE_MAX);
        let add_offset = query.add_offset.clamp(-ADD_OFFSET_MAX, ADD_OFFSET_MAX);
        let offset = if query.offset_id > 0 { query.offset_id - 1 } else { high }.min(high);
        let mut count = Count { exact: true, looks: COUNT_EXACT_MAX, places: COUNT_MAX, found: 0 };
        let mut messages = Vec::new();
        let mut left = limit;
        let wanted = usize::try_from(-i64::from(add_offset)).unwrap_or(0);
        let mut above = Vec::new();
        self.count(high, offset.max(low), &mut count, (wanted > 0).then_some(&mut above)).await?;
        let mut newer = count.found;
        if wanted > 0 {
            // So many places of the page lie at or above the offset.
            let mut near = Vec::new();
            for id in above.into_iter().rev() {
                if looks == 0 {
                    count.exact = false;
                    break;
                }
                looks -= 1;
                near.extend(self.look(id).await?);
                if near.len() == wanted {
                    break;
                }
            }
            left = limit.saturating_sub(wanted);
            near.reverse();
            newer -= near.len();
            let keep = limit.min(wanted).saturating_sub(wanted - near.len());
            messages.extend(near.into_iter().take(keep));
        }
        let mut skip = usize::try_from(add_offset).unwrap_or(0);
        let (mut at, room) = (offset, messages.len() + left);
        while messages.len() < room {
            let Some(id) = self.next(at)?.filter(|id| *id > low) else {
                at = low;
                break;
            };
            if looks == 0 {
                // Clients go on below the last one that they have got.
                count.exact = false;
                break;
            }
            looks -= 1;
            at = id - 1;
            let Some(stored) = self.look(id).await? else { continue };
            count.found += 1;
            if skip > 0 {
                skip -= 1;
                newer += 1;
            } else {
                messages.push(stored);
            }
        }
        self.count(at, low, &mut count, None).await?;
        let number = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
        let (exact, count) = (count.exact, number(count.found));
        Ok(SearchPage { messages, count, newer: number(newer), exact })
    }

    /// Counts what matches in `low+1..=high`, as exactly as `count` has room; `places` gets all ids
    /// that may match.
    async fn count(
        &mut self,
        high: i32,
        low: i32,
        count: &mut Count,
        mut places: Option<&mut Vec<i32>>,
    ) -> CoreResult<()> {
        let (mut at, takes_all) = (high, self.takes_all());
        while at > low {
            let Some(id) = self.next(at)?.filter(|id| *id > low) else { break };
            at = id - 1;
            if let Some(places) = &mut places {
                places.push(id);
            }
            if count.places == 0 {
                count.exact = false;
                break;
            }
            count.places -= 1;
            if takes_all {
                count.found += 1;
            } else if count.looks > 0 {
                count.looks -= 1;
                count.found += usize::from(self.look(id).await?.is_some());
            } else {
                count.exact = false;
                count.found += 1;
            }
        }
        Ok(())
    }
}

/// How far counting went, and may go.
struct Count {
    exact: bool,
    /// Messages that may still be read.
    looks: usize,
    /// Places that may still be counted.
    places: usize,
    found: usize,
}

/// Lets others run.
pub(crate) async fn turn() {
    let mut waited = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut waited, true) {
            return std::task::Poll::Ready(());
        }
        context.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}
