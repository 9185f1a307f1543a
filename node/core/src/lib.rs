//! The rules of the system: users, logins, message boxes, dialogs.
//!
//! [`Core`] is the handle. Every change is a command to one thread, the committer: it reads,
//! decides, numbers, writes one batch, and answers once that batch is durable. Readers work
//! beside it, and answer once what they saw is durable. Edges follow [`Event`]s.
//!
//! Reading order: [`Message`] and [`BoxRow`] (what a box holds), `boxes` (what follows from it),
//! `decide` and `committer` (how it grows), then a file per capability.

mod access;
mod boxes;
mod bridge;
mod channels;
mod chats;
mod committer;
mod contact_token;
mod contacts;
mod core;
mod decide;
mod dialogs;
mod difference;
mod directory;
mod error;
mod event;
mod federation;
mod fsck;
mod history;
mod ids;
mod inner;
mod limits;
mod links;
mod login;
mod media;
mod message;
mod operator;
mod personal;
mod polls;
mod preferences;
mod presence;
mod privacy;
mod profile;
mod profile_photo;
mod reactions;
mod read_date;
mod record;
mod reports;
mod saved;
mod search;
mod secret;
mod send;
mod setup;
mod shown;
mod stickers;
mod text;
mod timers;
mod user;
mod view;

pub use crate::core::{Core, Keys};
pub use bridge::{
    ACTIVITY_ID_BYTES_MAX, ActorKind, ActorState, Answer as BridgeAnswer, AnswerStep, AnswerWhat,
    Answers, Audience, BlockSeverity, Bridge, BridgeError, BridgeEvent, BridgeEvents, BridgeKeys,
    BridgeSettings, BridgeStage, BridgeState, BridgeStep, BridgeWhat, Cid, CommentPlace,
    CommentPolicy, FOLLOWERS_AT_ONCE, FORMER_NAME_KEPT_S, FarComment, Follower as BridgeFollower,
    HOST_BYTES_MAX, HandedOver, HostBlock, INBOXES_ON_HOST_MAX, Inboxes, KeptLane, KnownAs,
    NewBridge, NewComment, NewOutgoing, OUTGOING_JSON_BYTES_MAX, Outgoing as OutgoingActivity,
    PostNumbers, PostPage, PostRef, PostState, Published, Quote as BridgeQuote, REMARK_BYTES_MAX,
    RemoteActor, Spoilers, ToldAnswer, is_ghost,
};
pub use channels::{
    AdminAction, AdminEvent, AdminEvents, AdminLogQuery, AdminRights, Banned, BannedSender,
    Channel, ChannelCreated, ChannelDone, ChannelReactions, ChannelRead, ChannelRole,
    ChannelSetting, ChannelView, GENERAL_TOPIC, LogKeys, Migrated, NewChannel, NewTopic,
    Participant, ParticipantFilter, ParticipantPage, PostCopy, PostCounts, ShownTopic, Thread,
    ThreadPage, Topic, TopicChange, TopicIcon, TopicPage, TopicQuery, is_restored,
};
pub use chats::{
    CHAT_ABOUT_CHARS_MAX, CHAT_MEMBERS_MAX, CHAT_TITLE_CHARS_MAX, Chat, ChatCreated, ChatDone,
    ChatMember, ChatPhoto, ChatReactions, ChatRole, Reader, Rights,
};
pub use contacts::{Bar, ContactView, Imported, NOTE_UNITS_MAX, NewContact, Note, SavedContact};
pub use dialogs::{
    DialogPage, DialogPlace, DialogQuery, DialogView, Draft, DraftReply, FILTER_TITLE_CHARS_MAX,
    FILTERS_MAX, Filter, FilterError, FilterId, Filters, FolderId, NotifyScope, NotifySettings,
    NotifyTarget, Sound,
};
pub use difference::{DIFFERENCE_ROWS_MAX, Difference, DifferenceRow, State};
pub use error::{CoreError, CoreResult};
pub use event::{BoxEvent, ChatChange, Event, Follower, LogEntry, Outbound, Own, Purpose};
pub use federation::{
    Asked, Asking, Binding, Card, Confirmed, Dispute, Doing, EMOJI_AT_ONCE, FarInvite, FarPlace,
    FarRead, FarStatus, FarTyping, FoundName, Heads, HomeOffer, KnownNode, LETTER_BYTES_MAX,
    LETTER_KEPT_MS, LaneHealth, LaneName, LetterAnswer, Look, MARK_ENTRIES_MAX, Network, Postman,
    Received, Round, SealedLetter, SharedGroup, SharedPair, Takedown, Told, WaitingMail,
    WantedPeer, is_remote,
};
pub use fsck::{Examined, ExpectedBlob, Trouble, examine};
pub use history::{HistoryPage, HistoryQuery, PAGE_MAX, Stored};
pub use ids::{
    Actor, AuthKeyId, BoxId, CHANNEL_ID_MAX, CHAT_ID_MAX, ChannelId, ChatId, MessageId, PeerId,
    Pts, Talk, USER_ID_END, USER_ID_FIRST, UserId,
};
pub use limits::{Bucket, Buckets, ByAddress, Limit, Rate, address_key};
pub use links::{ChatLink, Importer, LinkFor, LinkTaken, LinkTerms};
pub use login::{
    Authorization, CODE_DIGITS, CONFIRMED_AFTER_S, CodeWay, Device, DeviceKind, EmailOf,
    IdentityCode, Invite, LOGIN_TOKEN_BYTES, Login, LoginToken, NewSecret, OWNER_INVITE_MS, Offer,
    PasswordChange, PasswordChanged, PasswordReset, PasswordView, Proof, Question, Refuses,
    SentCode, SentEmail, SignIn, Standing, clean_email, masked_email,
};
pub use media::{
    BlobId, Collected, Document, DocumentAttribute, Double, FILE_REFERENCE_S, FileId, GeoPoint,
    Media, Origin, Photo, PhotoSize, PollId, SealedFile, StoredBytes, WebPage, WebPageId,
};
pub use message::{Action, Author, BoxRow, Forward, HIDDEN_AUTHOR, Message, Quote, Reply};
pub use operator::{MemberLine, OpenInvite};
pub use polls::{
    NewAnswer, NewPoll, POLL_ANSWERS_MAX, POLL_CLOSE_PERIOD_MAX_S, POLL_QUESTION_CHARS_MAX, Poll,
    PollAnswer, PollError, PollView, Voter, VotesPage,
};
pub use preferences::{
    AutoDownload, AutoSave, AutoSaves, DownloadPreset, ReactionsFrom, ReactionsNotify, SaveScope,
};
pub use presence::{ONLINE_MS, Status};
pub use privacy::{GlobalPrivacy, PRIVACY_ENTRIES_MAX, PrivacyKey, PrivacyRule, What, Who};
pub use profile::PublicProfile;
pub use profile_photo::{PROFILE_PHOTOS_MAX, ProfilePhoto};
pub use reactions::{
    AvailableReaction, DEFAULT_REACTION, REACTIONS, REACTIONS_UNIQ_MAX, REACTIONS_USER_MAX,
    ReactHow, Reacted, Reaction, ReactionCount, ReactionError, ReactionsPage, ReactionsView,
};
pub use read_date::READ_DATE_KEPT_S;
pub use reports::{
    NewReport, REPORT_COMMENT_CHARS_MAX, REPORT_MESSAGES_MAX, Report, ReportReason, Reporter,
};
pub use saved::{SAVED_PINS_MAX, SavedDialog, SavedDialogPage};
pub use search::{SearchFilter, SearchKind, SearchPage, SearchQuery};
pub use secret::{
    Ciphertext, NewSecretFile, PublicValue, SECRET_DATA_BYTES_MAX, SecretChat, SecretChatId,
    SecretChatState, SecretError, SecretFile, SecretMessage, SecretMissed, SecretOutgoing,
    SecretSent, SecretUpdate,
};
pub use send::{
    Affected, Edit, Edited, ForwardHow, LiveStep, Outgoing, OutgoingFile, OutgoingMedia, OwnEvents,
    PinHow, QuoteRequest, Sent,
};
pub use setup::{Clock, FOLLOW_S, Quotas, Registration, Setup};
pub use stickers::{
    FAVED_MAX, Found, InstalledSet, KEPT_MAX, Kept, MaskPoint, NewSet, NewSticker, SetFlags,
    SetKind, SetName, Sticker, StickerError, StickerSet, Toggle,
};
pub use text::{
    CAPTION_UNITS_MAX, ENTITIES_MAX, Entity, EntityKind, TEXT_UNITS_MAX, Text, TextError,
    utf16_len, utf16_slice,
};
pub use timers::{Placed, SCHEDULED_DIALOG_MAX, SEND_WHEN_ONLINE, Scheduled, ScheduledEdit, When};
pub use user::{
    ABOUT_CHARS_MAX, Birthday, Contact, NAME_CHARS_MAX, NameColor, Role, USERNAME_CHARS, User,
    clean_name, is_username,
};
pub use view::{ProfileView, Seen, UserView};

#[cfg(test)]
mod tests;
