//! What happened: told to followers once it is durable, or never stored at all.

use std::sync::Arc;

use crate::channels::ChannelRead;
use crate::dialogs::{FilterId, FolderId, NotifyTarget};
use crate::federation::Doing;
use crate::ids::{
    Actor, AuthKeyId, BoxId, ChannelId, ChatId, MessageId, PeerId, Pts, Talk, UserId,
};
use crate::login::Authorization;
use crate::media::PollId;
use crate::message::{BoxRow, Message};
use crate::privacy::PrivacyKey;
use crate::secret::{SecretChatId, SecretUpdate};
use crate::stickers::SetKind;

/// Something that clients and other edges should learn.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// A box grew. Its rows are a log with a number each, so a follower's durable cursor is a pts
    /// per box.
    Box(Arc<BoxEvent>),
    /// A login came to be; the account's other sessions show it.
    LoggedIn {
        /// Whose.
        user: UserId,
        /// Of which key.
        auth_key: AuthKeyId,
    },
    /// A key has shown a code, and its account has a password: it may only show that.
    PasswordNeeded {
        /// Whose.
        user: UserId,
        /// Of which key.
        auth_key: AuthKeyId,
    },
    /// How a login shows to the account's other sessions: when it is new, and when it is confirmed.
    Login {
        /// Whose.
        user: UserId,
        /// The login.
        login: Arc<Authorization>,
    },
    /// A member has taken the token that this key shows; never stored.
    LoginToken {
        /// The key of the waiting device, which is subscribed to nobody's updates.
        auth_key: AuthKeyId,
    },
    /// A login is over: its connections end, and its key gets 401 from now on.
    LoggedOut {
        /// Whose.
        user: UserId,
        /// Of which key.
        auth_key: AuthKeyId,
        /// Whether another session ended it.
        revoked: bool,
    },
    /// A name, username or the like changed.
    Profile {
        /// Whose.
        user: UserId,
    },
    /// The photo of a member changed.
    Photo {
        /// Whose.
        user: UserId,
    },
    /// What others may see of a member changed.
    Shown {
        /// Whose.
        user: UserId,
    },
    /// An account has another number.
    Phone {
        /// Whose.
        user: UserId,
    },
    /// One member's address book changed: how `owner` sees `user`.
    Contact {
        /// Whose book.
        owner: UserId,
        /// Who is in it, or was.
        user: UserId,
    },
    /// A member changed something that concerns nobody else: the other sessions are told, without a
    /// pts.
    Own {
        /// Whose.
        owner: UserId,
        /// What.
        change: Own,
        /// The session that did it, and knows.
        actor: Option<Actor>,
    },
    /// A basic group changed: its members are told, without a pts.
    Chat {
        /// Which.
        chat: ChatId,
        /// Who is told.
        audience: Vec<UserId>,
        /// What.
        change: ChatChange,
        /// The session that did it, and knows.
        actor: Option<Actor>,
    },
    /// A channel changed: who is in it is told, without a pts.
    Channel {
        /// Which.
        channel: ChannelId,
        /// What.
        change: ChatChange,
        /// The session that did it, and knows.
        actor: Option<Actor>,
    },
    /// The reactions to a message of a channel changed: who is there is told, without a pts.
    ChannelReactions {
        /// Which.
        channel: ChannelId,
        /// The message.
        id: MessageId,
        /// Who reacted and who wrote it: told also where too many are there to tell all.
        concerned: [UserId; 2],
        /// The session that did it, and knows.
        actor: Option<Actor>,
    },
    /// How often posts of a channel were seen or forwarded: who is there is told, without a pts.
    ChannelCounts {
        /// Which.
        channel: ChannelId,
        /// Posts with how often each was seen.
        views: Vec<(MessageId, i32)>,
        /// Posts with how often each was forwarded.
        forwards: Vec<(MessageId, i32)>,
    },
    /// A poll that a message of a channel shows changed: who is there is told, without a pts.
    ChannelPoll {
        /// Which.
        channel: ChannelId,
        /// The message.
        id: MessageId,
        /// The poll.
        poll: PollId,
        /// Who asked it: told also where too many are there to tell all.
        creator: UserId,
        /// The session that did it, and knows.
        actor: Option<Actor>,
    },
    /// Who asks to join a channel: admins who may let them in are told, without a pts.
    ChannelRequests {
        /// Which.
        channel: ChannelId,
        /// Who is told.
        audience: Vec<UserId>,
        /// The session that did it, and knows.
        actor: Option<Actor>,
    },
    /// What somebody is in a channel changed: that member is told, without a pts.
    ChannelMember {
        /// Which.
        channel: ChannelId,
        /// Who.
        user: UserId,
        /// The session that did it, and knows.
        actor: Option<Actor>,
    },
    /// A member has read a channel: the other sessions are told.
    ChannelRead {
        /// Which.
        channel: ChannelId,
        /// Who.
        user: UserId,
        /// How far.
        read: ChannelRead,
        /// The session that did it, and knows.
        actor: Option<Actor>,
    },
    /// Somebody has read further than all others but one: writers see that their messages were read.
    ChannelSeen {
        /// Which.
        channel: ChannelId,
        /// Who has read.
        by: UserId,
        /// What came after this was not read before.
        after: MessageId,
        /// Up to here.
        max_id: MessageId,
    },
    /// A member has read a thread: the other sessions are told.
    ThreadRead {
        /// In which group.
        channel: ChannelId,
        /// The message with which it begins.
        top: MessageId,
        /// Who.
        user: UserId,
        /// Up to here.
        max_id: MessageId,
        /// The session that did it, and knows.
        actor: Option<Actor>,
    },
    /// Somebody has read further in a thread than all others but one: writers see it.
    ThreadSeen {
        /// In which group.
        channel: ChannelId,
        /// The message with which it begins.
        top: MessageId,
        /// Who has read.
        by: UserId,
        /// What came after this was not read before.
        after: MessageId,
        /// Up to here.
        max_id: MessageId,
    },
    /// A topic of a forum stands above the others, or no longer; or they have another order.
    TopicsPinned {
        /// In which group.
        channel: ChannelId,
        /// Which topic, and whether it does; `None`: all of them, in their new order.
        pinned: Option<(MessageId, bool)>,
        /// The session that did it, and knows.
        actor: Option<Actor>,
    },
    /// An entry of a log was written here: other nodes are told.
    Entry(Arc<LogEntry>),
    /// Which groups are shared with other nodes changed.
    GroupsChanged,
    /// A channel of another node is wanted here that this one had let go, or never had.
    Wanted {
        /// Its name in logs.
        group: glog::GroupId,
        /// Nodes that may have it, the likeliest first.
        from: Vec<glog::NodeId>,
    },
    /// A member has written a command to the service account that the rules do not carry out: whoever
    /// does answers by [`crate::Core::answer_by_service`].
    Command {
        /// Who.
        by: UserId,
        /// The message, in that member's box.
        id: MessageId,
        /// The words.
        text: String,
    },
    /// Another node has a newer certificate than was known: who comes with an older one is not it.
    NodeKey {
        /// Which node.
        node: glog::NodeId,
        /// Of the newer one.
        serial: u32,
    },
    /// A letter to another node was written.
    Mail,
    /// A channel is bridged to the fediverse, or no longer, or otherwise; or something has to go out.
    Bridge,
    /// Bytes of files were taken down: they are to be removed.
    TakenDown,
    /// Something of a private group of other nodes cannot be read here for want of its key.
    Locked {
        /// In which channel.
        channel: ChannelId,
    },
    /// Somebody on another node came to be known here, who has no name yet.
    Stranger {
        /// On which.
        node: glog::Node16,
    },
    /// Somebody writes; never stored.
    Typing {
        /// Who.
        from: UserId,
        /// To whom.
        to: PeerId,
        /// What exactly, as the edge named it; `None` from other nodes.
        action: Option<Arc<dyn std::any::Any + Send + Sync>>,
        /// The same as nodes say it; `None` for what stays here.
        doing: Option<Doing>,
        /// In which thread of a supergroup.
        thread: Option<MessageId>,
    },
    /// Somebody here has read what somebody of another node wrote to them, further than that node knows.
    PairRead {
        /// In which log.
        group: glog::GroupId,
    },
    /// Something about a secret chat that one device of a member is told.
    Secret {
        /// Whose.
        user: UserId,
        /// Which one, by its login.
        device: AuthKeyId,
        /// What.
        update: Arc<SecretUpdate>,
        /// The session that did it, and knows.
        actor: Option<Actor>,
    },
    /// Somebody writes in a secret chat with somebody of another node; never stored.
    SecretTyping {
        /// Who.
        from: UserId,
        /// To whom.
        to: UserId,
        /// In which chat.
        chat: SecretChatId,
    },
    /// Somebody came or went; never stored.
    Presence {
        /// Who.
        user: UserId,
    },
    /// A code is to leave the node; never stored. Who cannot deliver it leaves it to the operator.
    Outbound(Arc<Outbound>),
}

/// What changed about a basic group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChatChange {
    /// Who is in it, or what they are.
    Members,
    /// What members may not do.
    Rights,
    /// Title, photo, description or settings.
    Info,
    /// Who asks to join: told to admins.
    Requests,
    /// After how long the messages of a channel go.
    Ttl,
}

/// An entry that this node has written into a log.
#[derive(Debug)]
pub struct LogEntry {
    /// Of which group.
    pub group: glog::GroupId,
    /// Anybody may read it.
    pub public: bool,
    /// Other nodes that write in the group.
    pub members: Vec<glog::NodeId>,
    /// The entry, as it was stored.
    pub entry: Vec<u8>,
}

/// A code, and to whom it has to get.
#[derive(Clone, PartialEq, Eq)]
pub struct Outbound {
    /// What the code is good for.
    pub purpose: Purpose,
    /// Whose account it is about; none before there is one.
    pub user: Option<UserId>,
    /// Digits of the number that it is about, without `+`.
    pub phone: u64,
    /// The address that it has to go to; none: by whatever reaches the number.
    pub email: Option<String>,
    /// The page that shows an invite and how to use it, if there is one.
    pub page: Option<String>,
    /// What the person has to type.
    pub code: String,
    /// Unix seconds.
    pub expires: i32,
}

impl std::fmt::Debug for Outbound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outbound").field("purpose", &self.purpose).finish_non_exhaustive()
    }
}

/// What a code is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Purpose {
    /// Logging in.
    LoginCode,
    /// A new password, where the old one is forgotten.
    PasswordRecovery,
    /// Showing that an e-mail address is one's own.
    EmailVerification,
    /// Joining, with the number that it names.
    Invite,
    /// Moving the account to another number.
    ChangePhone,
    /// Showing that the number is one's own, so that somebody else's request to delete the account
    /// is refused.
    DeleteAccount,
}

/// What a member changed for oneself.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Own {
    /// A dialog was marked as unread, or no longer is.
    UnreadMark {
        /// The dialog.
        peer: PeerId,
        /// Whether it is.
        unread: bool,
    },
    /// Nothing that was said in a channel is shown any more, up to a message.
    ChannelCleared {
        /// Which channel.
        channel: ChannelId,
        /// Up to and including this one.
        hidden_below: MessageId,
    },
    /// Whether a forum is shown as one conversation.
    ForumAsMessages {
        /// Which.
        channel: ChannelId,
        /// Whether it is.
        so: bool,
    },
    /// A draft was saved, or is gone.
    Draft {
        /// Where.
        to: Talk,
    },
    /// A dialog was pinned or is no longer.
    Pinned {
        /// The dialog.
        peer: PeerId,
        /// In which list.
        folder: FolderId,
        /// Whether it is.
        pinned: bool,
    },
    /// The order of a list's pinned dialogs.
    PinnedOrder(FolderId),
    /// Dialogs moved between the lists.
    Folders {
        /// Each with the list that it is in now.
        moved: Vec<(PeerId, FolderId)>,
        /// Where the box was: clients want it beside a count of none.
        pts: Pts,
    },
    /// Notification settings.
    Notify(NotifyTarget),
    /// A folder was made, changed or removed.
    Filter(FilterId),
    /// The order of folders.
    FilterOrder,
    /// Something about all folders.
    Filters,
    /// The rules of one key.
    Privacy(PrivacyKey),
    /// Somebody was blocked, or no longer is.
    Blocked {
        /// Who.
        user: UserId,
        /// Whether.
        blocked: bool,
    },
    /// Contacts without an account were forgotten.
    ContactsReset,
    /// What is saved to the device.
    AutoSave,
    /// A saved dialog was pinned, or is no longer.
    SavedPinned {
        /// What it is filed under.
        source: PeerId,
        /// Whether it is.
        pinned: bool,
    },
    /// The order of the pinned saved dialogs.
    SavedPins,
    /// After how long messages of a dialog go.
    HistoryTtl {
        /// The dialog.
        peer: PeerId,
    },
    /// A message was scheduled, or changed.
    Scheduled {
        /// To whom.
        peer: PeerId,
        /// Among the scheduled messages of the dialog.
        id: MessageId,
    },
    /// The reactions to a message, as this member sees them.
    Reactions {
        /// The dialog.
        peer: PeerId,
        /// The message.
        id: MessageId,
    },
    /// What came with messages of a channel was listened to: by the member, or of their own by somebody
    /// else.
    ReadContents {
        /// Which.
        channel: ChannelId,
        /// The messages.
        ids: Vec<MessageId>,
    },
    /// The home of a channel could not be reached: what the member wanted there is not done.
    HomeAway {
        /// Which.
        channel: ChannelId,
        /// It is a ban: asked again until it is answered, and what that person writes is hidden.
        bans: bool,
    },
    /// What the member reacted with lately.
    RecentReactions,
    /// With what the member reacts by a double tap; part of the configuration.
    DefaultReaction,
    /// A poll that the member can see.
    Poll(PollId),
    /// Sets of stickers were installed, archived or removed.
    StickerSets(SetKind),
    /// A set of stickers was installed.
    NewStickerSet(i64),
    /// The order of the installed sets.
    StickerSetsOrder(SetKind),
    /// Stickers that were used lately.
    RecentStickers,
    /// Favourite stickers.
    FavedStickers,
    /// GIFs that are kept.
    SavedGifs,
    /// Scheduled messages were sent, or are gone.
    ScheduledGone {
        /// To whom.
        peer: PeerId,
        /// Which.
        ids: Vec<MessageId>,
        /// As what they were sent, if they were.
        sent: Vec<MessageId>,
    },
}

/// One event of one box.
#[derive(Debug, Clone)]
pub struct BoxEvent {
    /// Which box.
    pub owner: BoxId,
    /// The box's pts after it.
    pub pts: Pts,
    /// How many pts it counts.
    pub pts_count: i32,
    /// What happened.
    pub row: BoxRow,
    /// Of an edit: the message in its new form.
    pub edited: Option<Message>,
    /// The session that caused it.
    pub actor: Option<Actor>,
}

/// Is told what happened, in the order of commits.
///
/// Runs on the committer's thread: it must hand over quickly and never block.
pub trait Follower: Send + Sync {
    /// Something happened, and is durable if it is stored at all.
    fn happened(&self, event: &Event);
}
