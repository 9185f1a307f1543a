//! What happened in a channel, for many viewers: encoded once for all who see the same.
//!
//! Viewers of a channel see nearly the same bytes. What tells them apart is, first, proofs: access
//! hashes and file references, which are everybody's own; and when one joined. These have a fixed
//! length, so they are written over in a copy. All else is the viewer's [`Shape`]: who has the same
//! shape gets a copy of the same [`Template`]. A template is what the plain encoding of its first viewer
//! is, so nothing is encoded in two ways; what a shape might miss is kept out by [`Plan::of`], and
//! encoded for each.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use node_core::{
    Action, Actor, BoxEvent, BoxRow, ChannelId, ChannelRole, Contact, Core, CoreError, CoreResult,
    FileId, Media, Message, MessageId, Origin, Participant, PostCounts, Seen, Status, UserId,
    UserView,
};
use parking_lot::Mutex;
use tl::enums;

use super::{Named, View, update};
use crate::frontend::Shared;
use crate::session::NeutralUpdate;

/// Shapes of one event that are kept; what has another is encoded by itself. Protects memory and the
/// search through them: a large group has a handful.
const SHAPES_MAX: usize = 32;

/// An event of a channel's box.
pub(crate) struct FanOut {
    core: Core,
    dc: i32,
    channel: ChannelId,
    event: Arc<BoxEvent>,
    /// Good until something changes in the node, which a slow client may see happen.
    current: Mutex<Option<Arc<Snapshot>>>,
}

/// The same for one member's sessions.
pub(crate) struct ForViewer {
    event: Arc<FanOut>,
    viewer: UserId,
}

/// What is known of the event whoever looks, as things are now.
struct Snapshot {
    version: u64,
    now: i32,
    plan: Option<Plan>,
    shapes: Mutex<Vec<(Shape, Arc<Template>)>>,
}

/// What has to be asked about each viewer.
struct Plan {
    /// Who is named, in the order of the answer.
    users: Vec<Option<Seen>>,
    channels: Vec<ChannelId>,
    /// Where what is said to the message stands.
    thread: Option<(ChannelId, MessageId)>,
    /// Posts say how often they were seen.
    is_post: bool,
    file: Option<FileId>,
}

/// All that decides how an event looks to a viewer, but for what lies at a template's places.
#[derive(PartialEq)]
struct Shape {
    layer: i32,
    out: bool,
    mention: Option<bool>,
    unheard: bool,
    counts: Option<PostCounts>,
    read_in_thread: Option<MessageId>,
    users: Vec<Option<UserShape>>,
    channels: Vec<ChannelShape>,
}

#[derive(PartialEq)]
struct UserShape {
    is_self: bool,
    contact: Option<Contact>,
    mutual: bool,
    phone: Option<u64>,
    status: Status,
    photo: Option<FileId>,
}

#[derive(Default, PartialEq)]
struct ChannelShape {
    is_known: bool,
    may_read: bool,
    is_creator: bool,
    is_member: bool,
    is_anonymous: bool,
    role: Option<ChannelRole>,
}

/// An update with places for what is the viewer's own.
struct Template {
    bytes: Vec<u8>,
    /// Ascending; what belongs there follows each other in the same order.
    places: Vec<Range<usize>>,
}

impl FanOut {
    /// An event of this channel's box.
    pub(crate) fn new(shared: &Shared, channel: ChannelId, event: &Arc<BoxEvent>) -> Arc<Self> {
        let (core, dc, event) = (shared.core.clone(), shared.profile.dc, event.clone());
        Arc::new(Self { core, dc, channel, event, current: Mutex::new(None) })
    }

    /// The session that did it, and knows.
    pub(crate) fn actor(&self) -> Option<Actor> {
        self.event.actor
    }

    /// The event for a member's sessions.
    pub(crate) fn to(self: &Arc<Self>, viewer: UserId) -> Arc<ForViewer> {
        Arc::new(ForViewer { event: self.clone(), viewer })
    }

    /// How many encodings there are now for all who looked since something changed.
    #[cfg(test)]
    pub(crate) fn shapes(&self) -> usize {
        self.current.lock().as_ref().map_or(0, |snapshot| snapshot.shapes.lock().len())
    }

    /// What it is about.
    #[cfg(test)]
    pub(crate) fn kind(&self) -> &'static str {
        let Some((_, message)) = self.message() else { return "row" };
        match (&message.action, &message.media) {
            (Some(_), _) => "service",
            (_, None) if message.in_topic => "topic",
            (_, None) => "text",
            (_, Some(Media::Photo { .. })) => "photo",
            (_, Some(Media::Document { .. })) => "document",
            (_, Some(_)) => "media",
        }
    }

    /// What a viewer is told, by itself.
    #[cfg(test)]
    pub(crate) fn alone(&self, viewer: UserId) -> Option<enums::Updates> {
        self.updates(viewer).unwrap()
    }

    fn view(&self, viewer: UserId) -> View<'_> {
        View { core: &self.core, viewer, dc: self.dc }
    }

    /// The event in this viewer's form; `None` if there is nothing to tell.
    fn updates(&self, viewer: UserId) -> CoreResult<Option<enums::Updates>> {
        update::of_channel(self.view(viewer), self.channel, &self.event)
    }

    /// The same as bytes, at a layer.
    ///
    /// # Errors
    /// Those of the store.
    fn encode(&self, viewer: UserId, layer: i32) -> CoreResult<Option<Vec<u8>>> {
        let snapshot = self.snapshot()?;
        let Some(plan) = &snapshot.plan else {
            let updates = self.updates(viewer)?;
            return Ok(updates.and_then(|updates| tl::to_bytes(&updates, layer).ok()));
        };
        let (shape, own) = match self.shape(plan, viewer, layer)? {
            Looks::Nothing => return Ok(None),
            Looks::Like(shape, own) => (shape, own),
            Looks::Alone => {
                let updates = self.updates(viewer)?;
                return Ok(updates.and_then(|updates| tl::to_bytes(&updates, layer).ok()));
            }
        };
        let known = |shapes: &[(Shape, Arc<Template>)]| {
            shapes.iter().find(|(known, _)| *known == shape).map(|(_, found)| found.clone())
        };
        if let Some(template) = known(&snapshot.shapes.lock()) {
            return Ok(template.with(&own));
        }
        let Some(updates) = self.updates(viewer)? else { return Ok(None) };
        let bytes = tl::to_bytes(&updates, layer).ok();
        if let Some(template) = Template::of(updates, layer)
            && template.with(&own) == bytes
            && self.is_current(&snapshot)
        {
            let mut shapes = snapshot.shapes.lock();
            if shapes.len() < SHAPES_MAX {
                shapes.push((shape, Arc::new(template)));
            }
        }
        Ok(bytes)
    }

    fn is_current(&self, snapshot: &Snapshot) -> bool {
        (snapshot.version, snapshot.now) == (self.core.version(), self.core.now())
    }

    fn snapshot(&self) -> CoreResult<Arc<Snapshot>> {
        let mut current = self.current.lock();
        if let Some(found) = current.as_ref().filter(|found| self.is_current(found)) {
            return Ok(found.clone());
        }
        // Before anything is read: what changes meanwhile makes it be read again.
        let (version, now) = (self.core.version(), self.core.now());
        let plan = Plan::of(self)?;
        let snapshot = Arc::new(Snapshot { version, now, plan, shapes: Mutex::default() });
        *current = Some(snapshot.clone());
        Ok(snapshot)
    }

    /// The message that is shown: a new one, or one in its new form.
    fn message(&self) -> Option<(MessageId, &Message)> {
        match &self.event.row {
            BoxRow::Message(message) => Some((MessageId(self.event.pts.0), message)),
            BoxRow::Edited(id) => self.event.edited.as_ref().map(|message| (*id, message)),
            _ => None,
        }
    }

    fn shape(&self, plan: &Plan, viewer: UserId, layer: i32) -> CoreResult<Looks> {
        let (core, mut own) = (&self.core, Vec::with_capacity(32));
        let mut shape = Shape {
            layer,
            out: false,
            mention: None,
            unheard: false,
            counts: None,
            read_in_thread: None,
            users: Vec::with_capacity(plan.users.len()),
            channels: Vec::with_capacity(plan.channels.len()),
        };
        let mut hidden = MessageId(0);
        let mut in_chats = Vec::with_capacity(12);
        for channel in &plan.channels {
            let found = match core.channel_for(viewer, *channel) {
                Err(CoreError::UnknownChannel) => None,
                found => Some(found?),
            };
            let Some(found) = found else {
                shape.channels.push(ChannelShape::default());
                continue;
            };
            let may_read = !found.channel.deleted && found.may_read();
            let participant = found.own.as_ref();
            if *channel == self.channel {
                if !may_read {
                    return Ok(Looks::Nothing);
                }
                hidden = participant.map_or(hidden, |own| own.hidden_below);
            }
            in_chats.extend(core.channel_access_hash(viewer, *channel).to_le_bytes());
            let joined = participant.filter(|own| own.joined);
            if may_read {
                let date = joined.map_or(found.channel.date, |own| own.date);
                in_chats.extend(date.to_le_bytes());
            }
            shape.channels.push(ChannelShape {
                is_known: true,
                may_read,
                is_creator: found.channel.creator == viewer,
                is_member: joined.is_some(),
                is_anonymous: participant.is_some_and(Participant::is_anonymous),
                role: participant.map(|own| own.role.clone()),
            });
        }
        if let Some((id, message)) = self.message() {
            if id <= hidden {
                return Ok(Looks::Alone);
            }
            shape.out = message.is_by(viewer);
            shape.mention = core.mentions(viewer, self.channel, id, message)?;
            shape.unheard = core.is_unheard(viewer, self.channel, id, message)?;
            if plan.is_post {
                shape.counts = Some(core.post_counts(self.channel, id)?);
            }
            if let Some((group, top)) = plan.thread {
                shape.read_in_thread = Some(core.read_in_thread(group, top, viewer)?);
            }
            if let Some(file) = plan.file {
                let origin = Origin::ChannelMessage(self.channel, id);
                own.extend(core.file_reference(viewer, file, origin));
            }
        }
        for seen in &plan.users {
            let Some(seen) = seen else {
                shape.users.push(None);
                continue;
            };
            // All of it, so that what is added to a view is thought of here.
            let UserView { user, access_hash, contact, mutual, phone, status, blocked: _, photo } =
                core.view_of(viewer, seen)?;
            own.extend(access_hash.to_le_bytes());
            let is_self = user.id == viewer;
            let shown = UserShape { is_self, contact, mutual, phone, status, photo };
            shape.users.push(Some(shown));
        }
        own.extend(in_chats);
        Ok(Looks::Like(shape, own))
    }
}

/// How an event looks to a viewer.
enum Looks {
    /// There is nothing to tell.
    Nothing,
    /// As it does to whoever has this shape, with these bytes at the places.
    Like(Shape, Vec<u8>),
    /// As it does to nobody else.
    Alone,
}

impl Plan {
    /// `None` where a viewer's own shows in more than a [`Shape`] says: votes, reactions, previews.
    fn of(event: &FanOut) -> CoreResult<Option<Self>> {
        let (core, channel) = (&event.core, event.channel);
        // Nobody's point of view: what is asked here is the same for all.
        let view = event.view(UserId(0));
        let mut named = Named::default();
        named.peer(channel.into());
        let (mut thread, mut file, mut is_post) = (None, None, false);
        let message = event.message();
        if let Some((id, message)) = message {
            if message.reacted || message.peer != channel.into() {
                return Ok(None);
            }
            file = match (&message.action, &message.media) {
                (Some(Action::ChatPhoto(Some(_))), _) => return Ok(None),
                (Some(_), _) | (_, None) => None,
                (None, Some(Media::Photo { photo: file, .. })) => Some(*file),
                (None, Some(Media::Document { document: file, .. })) => Some(*file),
                (None, Some(Media::Contact { .. } | Media::Geo(_) | Media::GeoLive { .. })) => None,
                (None, Some(Media::Venue { .. } | Media::Dice { .. })) => None,
                _ => return Ok(None),
            };
            // Of a file that is gone nothing is shown that would have a reference.
            if let Some(wanted) = file
                && core.photo(wanted)?.is_none()
                && core.document(wanted)?.is_none()
            {
                return Ok(None);
            }
            let is_broadcast = core.channel(channel).is_none_or(|channel| channel.broadcast);
            is_post = is_broadcast && message.action.is_none();
            thread = super::thread::place(view, id, message)?;
            named.message(message).repliers(view, id, message)?;
        }
        let Some((users, channels)) = named.ids(view) else { return Ok(None) };
        let users = users.into_iter().map(|user| core.seen(user)).collect::<CoreResult<_>>()?;
        Ok(Some(Self { users, channels, thread, is_post, file }))
    }
}

impl Template {
    /// `None` where places cannot be told from the rest.
    fn of(mut updates: enums::Updates, layer: i32) -> Option<Self> {
        let mut with = |byte| {
            fill(&mut updates, byte);
            tl::to_bytes(&updates, layer).ok()
        };
        // No byte of a place is the same in both, and all others are.
        let (bytes, other) = (with(0x00)?, with(0xff)?);
        if bytes.len() != other.len() {
            return None;
        }
        let mut places: Vec<Range<usize>> = Vec::new();
        for (at, _) in bytes.iter().zip(&other).enumerate().filter(|(_, (a, b))| a != b) {
            match places.last_mut() {
                Some(last) if last.end == at => last.end += 1,
                _ => places.push(at..at + 1),
            }
        }
        Some(Self { bytes, places })
    }

    /// The update of who has these bytes at the places; `None` if they do not fill them.
    fn with(&self, own: &[u8]) -> Option<Vec<u8>> {
        let (mut bytes, mut rest) = (self.bytes.clone(), own);
        for place in &self.places {
            let (here, after) = rest.split_at_checked(place.len())?;
            bytes.get_mut(place.clone())?.copy_from_slice(here);
            rest = after;
        }
        rest.is_empty().then_some(bytes)
    }
}

/// Puts `byte` wherever a viewer's own proofs and dates are.
fn fill(updates: &mut enums::Updates, byte: u8) {
    let (long, int) = (i64::from_le_bytes([byte; 8]), i32::from_le_bytes([byte; 4]));
    let enums::Updates::Updates(updates) = updates else { return };
    for update in &mut updates.updates {
        let message = match update {
            enums::Update::UpdateNewChannelMessage(update) => &mut update.message,
            enums::Update::UpdateEditChannelMessage(update) => &mut update.message,
            _ => continue,
        };
        let enums::Message::Message(message) = message else { continue };
        match &mut message.media {
            Some(enums::MessageMedia::MessageMediaPhoto(media)) => {
                if let Some(enums::Photo::Photo(photo)) = &mut media.photo {
                    photo.file_reference.fill(byte);
                }
            }
            Some(enums::MessageMedia::MessageMediaDocument(media)) => {
                if let Some(enums::Document::Document(document)) = &mut media.document {
                    document.file_reference.fill(byte);
                }
            }
            _ => {}
        }
    }
    for user in &mut updates.users {
        if let enums::User::User(user) = user {
            user.access_hash = Some(long);
        }
    }
    for chat in &mut updates.chats {
        match chat {
            enums::Chat::Channel(channel) => {
                (channel.access_hash, channel.date) = (Some(long), int);
            }
            enums::Chat::ChannelForbidden(channel) => channel.access_hash = long,
            _ => {}
        }
    }
}

impl std::fmt::Debug for ForViewer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ForViewer").field("viewer", &self.viewer).finish_non_exhaustive()
    }
}

impl NeutralUpdate for ForViewer {
    fn encode(&self, layer: i32) -> Option<Bytes> {
        match self.event.encode(self.viewer, layer) {
            Ok(bytes) => bytes.map(Bytes::from),
            Err(cause) => {
                // The client misses a pts, and asks for the difference.
                tracing::error!(%cause, "an update was not encoded");
                None
            }
        }
    }
}
