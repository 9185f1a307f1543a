//! Why something was not done.

use node_store::StoreError;

use crate::chats::Rights;
use crate::dialogs::FilterError;
use crate::secret::SecretError;
use crate::text::TextError;

/// The answer of a command or a query.
pub type CoreResult<T> = Result<T, CoreError>;

/// Why the rules refused. All up to `Flood` are the caller's to mend.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CoreError {
    /// There is no such user, or not for this viewer.
    #[error("no such user")]
    UnknownUser,
    /// There is no such message in this box, or it may not be used so.
    #[error("no such message")]
    UnknownMessage,
    /// Only who wrote a message may change it.
    #[error("somebody else's message")]
    NotTheAuthor,
    /// It is too late to change the message.
    #[error("too old to be edited")]
    EditTooLate,
    /// The edit changes nothing.
    #[error("nothing changes")]
    NotModified,
    /// The number was used for another message before.
    #[error("random_id was used for something else")]
    RandomIdDuplicate,
    /// More than the record may hold: the text, the poll or the set is too long in all.
    #[error("{0}: too long in all")]
    TooLarge(&'static str),
    /// The quoted text is not in the message.
    #[error("the quote is not in the message")]
    QuoteInvalid,
    /// The text cannot be sent.
    #[error(transparent)]
    Text(#[from] TextError),
    /// Something about a secret chat.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The code is wrong.
    #[error("wrong code")]
    CodeInvalid,
    /// The code was used, replaced, tried too often, or is too old.
    #[error("the code is over")]
    CodeExpired,
    /// Not a mail address.
    #[error("not a mail address")]
    EmailInvalid,
    /// No address is taken here: nothing can mail, or none was asked for.
    #[error("no address is taken")]
    EmailNotAllowed,
    /// Whoever joins has to show a mail address first.
    #[error("a mail address has to be shown first")]
    EmailMissing,
    /// The code does not prove the address.
    #[error("wrong code for the address")]
    EmailCodeInvalid,
    /// No address waits for this code any more.
    #[error("the address was not shown in time")]
    EmailExpired,
    /// There is no login address that could be reset.
    #[error("no login address")]
    NoLoginEmail,
    /// It was asked for before, and will happen.
    #[error("already asked")]
    AlreadyAsked,
    /// Nobody may sign up here any more.
    #[error("registration is closed")]
    RegistrationClosed,
    /// The name is empty or too long.
    #[error("bad name")]
    NameInvalid,
    /// The text about oneself is too long.
    #[error("too long")]
    AboutTooLong,
    /// Nobody was born on that day.
    #[error("no such day")]
    BirthdayInvalid,
    /// The username has a shape that none may have.
    #[error("bad username")]
    UsernameInvalid,
    /// The username is somebody's.
    #[error("the username is taken")]
    UsernameOccupied,
    /// Not a number that an account may have here.
    #[error("not a number for this node")]
    PhoneInvalid,
    /// The number is somebody's, or kept for somebody.
    #[error("the number is taken")]
    PhoneOccupied,
    /// The operator keeps the member out.
    #[error("the account is suspended")]
    Suspended,
    /// The node needs its owner.
    #[error("the owner of the node cannot be suspended or deleted")]
    OwnerStays,
    /// The account may be deleted without its password, but not yet.
    #[error("deletion waits for {wait_s} s")]
    DeletionWaits {
        /// Seconds until it may be asked again.
        wait_s: u32,
    },
    /// The account is no more.
    #[error("a deleted account")]
    Deactivated,
    /// Not a number of days that may be chosen.
    #[error("not that many days")]
    DaysInvalid,
    /// Not what only somebody who knows the password could say.
    #[error("wrong password")]
    PasswordInvalid,
    /// Nobody has asked for the password so, or it was answered.
    #[error("no such question")]
    UnknownQuestion,
    /// The password changed since it was asked for.
    #[error("another password meanwhile")]
    PasswordChanged,
    /// The account has no password.
    #[error("no password")]
    PasswordEmpty,
    /// A change that changes nothing.
    #[error("nothing is to change")]
    NewSettingsEmpty,
    /// A password that cannot be kept.
    #[error("bad password settings")]
    NewSettingsInvalid,
    /// A salt that was not offered, or to which nothing was added.
    #[error("bad salt")]
    NewSaltInvalid,
    /// No mailed code waits, or it is over.
    #[error("no code waits")]
    MailCodeExpired,
    /// The password has no address, or the node sends no mail.
    #[error("the password cannot be recovered")]
    RecoveryNotAvailable,
    /// No code for a new password waits, or it is over.
    #[error("no recovery waits")]
    RecoveryExpired,
    /// Nobody has asked to remove the password.
    #[error("nothing to refuse")]
    ResetMissing,
    /// There is no such login token, or it is another device's.
    #[error("no such login token")]
    TokenInvalid,
    /// The login token is too old.
    #[error("the login token is over")]
    TokenExpired,
    /// Somebody has taken the login token.
    #[error("the login token was taken")]
    TokenTaken,
    /// The waiting device has this account already.
    #[error("the device has this account")]
    TokenExcept,
    /// There is no such login.
    #[error("no such login")]
    UnknownAuthorization,
    /// A login this young may not end others.
    #[error("too fresh to end other logins")]
    FreshReset,
    /// A contact has to have a name.
    #[error("a contact needs a name")]
    ContactNameEmpty,
    /// That is not in the address book.
    #[error("no contact")]
    NotAContact,
    /// Nobody is a contact of oneself.
    #[error("not with oneself")]
    Oneself,
    /// As many dialogs are pinned as may be.
    #[error("too many pinned dialogs")]
    TooManyPinned,
    /// As many messages of a dialog are pinned as may be.
    #[error("too many pinned messages")]
    TooManyPinnedMessages,
    /// A folder that may not be.
    #[error(transparent)]
    Filter(#[from] FilterError),
    /// A setting that is too long, or not what it can be.
    #[error("bad settings")]
    SettingsInvalid,
    /// More than a member may have, or than one request may name.
    #[error("too many")]
    TooMany,
    /// No time after which messages may go.
    #[error("bad timer")]
    TtlInvalid,
    /// Scheduled too far ahead.
    #[error("scheduled too far ahead")]
    ScheduleTooLate,
    /// As many messages of the dialog are scheduled as may be.
    #[error("too many scheduled messages")]
    ScheduleTooMuch,
    /// The other party does not show when it is online.
    #[error("does not show when it is online")]
    ScheduleStatusPrivate,
    /// Not a way in which a message can be scheduled.
    #[error("cannot be scheduled so")]
    ScheduleInvalid,
    /// The other party has not read the message yet.
    #[error("not read yet")]
    NotReadYet,
    /// It is not known any more when the message was read.
    #[error("read too long ago")]
    ReadTooOld,
    /// There is no such group, or it was not shown.
    #[error("no such chat")]
    UnknownChat,
    /// The group was ended.
    #[error("the chat was ended")]
    ChatDeactivated,
    /// Not in this group.
    #[error("not a member")]
    NotAMember,
    /// In this group already.
    #[error("a member already")]
    AlreadyAMember,
    /// Only admins, or only the creator, may do that.
    #[error("not an admin")]
    NotAnAdmin,
    /// The group does not let its members do that.
    #[error("not allowed here")]
    RightMissing(Rights),
    /// A change that changes nothing.
    #[error("nothing is to change")]
    ChatNotModified,
    /// The group is no forum.
    #[error("no forum")]
    ForumMissing,
    /// That is not for forums.
    #[error("a forum")]
    ForumEnabled,
    /// A group in which posts are discussed is no forum, and a forum discusses none.
    #[error("not where posts are discussed")]
    DiscussionUnallowed,
    /// There is no such topic, or not for that.
    #[error("no such topic")]
    TopicInvalid,
    /// A topic's title is empty, or longer than 128 characters.
    #[error("not a title of a topic")]
    TopicTitleInvalid,
    /// The topic is what it is to become.
    #[error("the topic does not change")]
    TopicNotModified,
    /// The topic stands where it is to stand.
    #[error("the topic's place does not change")]
    TopicPinNotModified,
    /// Only who may change the topic writes in it.
    #[error("a closed topic")]
    TopicClosed,
    /// The title of a group is empty or too long.
    #[error("bad title")]
    ChatTitleInvalid,
    /// The description of a group is too long.
    #[error("the description is too long")]
    ChatAboutTooLong,
    /// The title of a member is too long.
    #[error("bad rank")]
    RankInvalid,
    /// A group needs somebody.
    #[error("too few users")]
    UsersTooFew,
    /// A group has as many members as it may have.
    #[error("too many users")]
    UsersTooMuch,
    /// Not what an invite link looks like.
    #[error("no invite link")]
    LinkInvalid,
    /// There is no such invite link, or it leads nowhere any more.
    #[error("the invite link is over")]
    LinkExpired,
    /// The link that an admin has always cannot be changed.
    #[error("a permanent invite link")]
    LinkPermanent,
    /// Only revoked links are forgotten.
    #[error("the invite link is not revoked")]
    LinkNotRevoked,
    /// Not a number of people who may join by a link.
    #[error("bad usage limit")]
    LinkUsageInvalid,
    /// A link that would be over at once.
    #[error("bad expiry")]
    LinkDateInvalid,
    /// That user does not ask to join.
    #[error("no such request to join")]
    NoRequest,
    /// Does not let others be added by this member.
    #[error("does not want to be added")]
    UserPrivacy,
    /// There is no such channel, or not for this member.
    #[error("no such channel")]
    UnknownChannel,
    /// Banned from this channel.
    #[error("banned from the channel")]
    BannedInChannel,
    /// Not in this channel, and to be named so.
    #[error("not a participant")]
    NotAParticipant,
    /// An admin may not do that, or not to that one.
    #[error("an admin's right is missing")]
    AdminRightMissing,
    /// Not somebody in whose name one may write.
    #[error("cannot write in that name")]
    SendAsInvalid,
    /// What was said before is hidden from who joins: it cannot be where a channel is discussed.
    #[error("history is hidden from who joins")]
    HistoryHidden,
    /// The owner is above all admins.
    #[error("the owner of the channel")]
    ChannelOwner,
    /// Nobody in slow mode may write yet.
    #[error("slow mode: wait {wait_s} s")]
    SlowMode {
        /// Seconds until the next message.
        wait_s: u32,
    },
    /// Another node decides about that: this is what it has to be asked.
    #[error("the home of the channel decides")]
    AskHome(Box<crate::federation::Asked>),
    /// The home of the channel has not let this node write in it.
    #[error("this node may not write in the channel")]
    NotWriter,
    /// What takes something away has to say what stays.
    #[error("a cut is missing")]
    CutMissing,
    /// No node of that name is known here.
    #[error("no such node")]
    UnknownNode,
    /// The other node cannot be reached, or did not answer.
    #[error("the other node is not reached")]
    NodeUnreachable,
    /// Too many letters wait for the other node already, or for all.
    #[error("too many letters wait for other nodes")]
    MailboxFull,
    /// What another node has brought is no letter to this one, or of no kind that is known here.
    #[error("no letter that this node can read")]
    NotALetter,
    /// Not done in channels yet.
    #[error("not built for channels")]
    NotBuilt,
    /// These messages may not be forwarded.
    #[error("may not be forwarded")]
    ForwardsRestricted,
    /// There is no such file, or it was not shown.
    #[error("no such file")]
    FileInvalid,
    /// What comes with a message cannot be sent, or not in this place.
    #[error("bad media")]
    MediaInvalid,
    /// A file without a reference.
    #[error("no file reference")]
    ReferenceEmpty,
    /// Not a file reference for this member and file.
    #[error("bad file reference")]
    ReferenceInvalid,
    /// The reference is too old, or the file is not shown there any more.
    #[error("the file reference is over")]
    ReferenceExpired,
    /// Not a reaction here.
    #[error(transparent)]
    Reaction(#[from] crate::reactions::ReactionError),
    /// A poll that cannot be sent, or a vote that does not count.
    #[error(transparent)]
    Poll(#[from] crate::polls::PollError),
    /// A set of stickers that cannot be so.
    #[error(transparent)]
    Sticker(#[from] crate::stickers::StickerError),
    /// What the bridge to the fediverse does not do.
    #[error(transparent)]
    Bridge(#[from] crate::bridge::BridgeError),
    /// The member, or the node, has stored as much as it may.
    #[error("the quota is used up")]
    QuotaExceeded,
    /// The box has reached the last number that clients can say.
    #[error("the box is full")]
    BoxFull,
    /// A number from another life of the database.
    #[error("from another life of the database")]
    FromTheFuture,
    /// Too much in too short a time.
    #[error("wait {wait_s} s")]
    Flood {
        /// Seconds until it may be tried again.
        wait_s: u32,
    },
    /// So much waits for the committer that this was not even queued.
    #[error("busy")]
    Busy,
    /// The disk is full: nothing is written until there is room.
    #[error("the disk is full")]
    DiskFull,
    /// Nothing is written any more: the node has to be restarted.
    #[error("stopped: {0}")]
    Stopped(String),
    /// A stored record cannot be read.
    #[error("damaged record: {0}")]
    Damaged(&'static str),
    /// The store failed.
    #[error("store failed")]
    Store(#[source] StoreError),
}

impl From<StoreError> for CoreError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Full { .. } => Self::DiskFull,
            StoreError::Busy => Self::Busy,
            StoreError::Stopped => Self::Stopped(error.to_string()),
            other => Self::Store(other),
        }
    }
}
