//! What a client is told when a call fails.

use std::borrow::Cow;

use node_core::{
    CoreError, FilterError, PollError, ReactionError, Rights, SecretError, StickerError, TextError,
};
use tl::Write as _;

/// `rpc_error`: a code and an upper-case name, never internal text.
///
/// Source: <https://core.telegram.org/api/errors>
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RpcError {
    pub(crate) code: i32,
    pub(crate) message: Cow<'static, str>,
}

/// The answer of a handler.
pub(crate) type RpcResult<T> = Result<T, RpcError>;

impl RpcError {
    /// The key is not logged in: clients show their login screen. Never for anything else.
    pub(crate) const AUTH_KEY_UNREGISTERED: Self = Self::new(401, "AUTH_KEY_UNREGISTERED");
    /// The login was ended from another session: clients show their login screen.
    pub(crate) const SESSION_REVOKED: Self = Self::new(401, "SESSION_REVOKED");
    /// A code was right, and the account has a password: clients ask for it.
    pub(crate) const SESSION_PASSWORD_NEEDED: Self = Self::new(401, "SESSION_PASSWORD_NEEDED");
    /// The method is known and not built; `docs/coverage.md` lists them.
    pub(crate) const NOT_IMPLEMENTED: Self = Self::new(400, "NOT_IMPLEMENTED");
    /// A temporary key that was never bound.
    pub(crate) const AUTH_KEY_PERM_EMPTY: Self = Self::new(401, "AUTH_KEY_PERM_EMPTY");
    /// The client has not said which layer it speaks.
    pub(crate) const CONNECTION_NOT_INITED: Self = Self::new(400, "CONNECTION_NOT_INITED");
    /// Longer than this method's requests can be.
    pub(crate) const INPUT_REQUEST_TOO_LONG: Self = Self::new(400, "INPUT_REQUEST_TOO_LONG");
    /// The request's fields cannot be read.
    pub(crate) const INPUT_FETCH_ERROR: Self = Self::new(400, "INPUT_FETCH_ERROR");

    /// An error with a fixed name.
    pub(crate) const fn new(code: i32, message: &'static str) -> Self {
        Self { code, message: Cow::Borrowed(message) }
    }

    /// Something failed on our side. The cause goes to the log, a bare 500 to the client, which
    /// tries again by itself.
    pub(crate) fn internal(cause: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(cause, "a call failed");
        Self::new(500, "INTERNAL")
    }

    /// No supported layer knows this constructor.
    pub(crate) fn unknown_constructor(id: u32) -> Self {
        Self { code: 400, message: format!("INPUT_METHOD_INVALID_{id}").into() }
    }

    /// What was changed waits for its address: the client asks for the code of so many digits.
    pub(crate) fn email_unconfirmed(digits: usize) -> Self {
        Self { code: 400, message: format!("EMAIL_UNCONFIRMED_{digits}").into() }
    }

    /// Too many calls: seconds until the next one is taken.
    pub(crate) fn flood_wait(seconds: u32) -> Self {
        Self { code: 420, message: format!("FLOOD_WAIT_{seconds}").into() }
    }

    /// As the bytes of `rpc_error`.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut writer = tl::Writer::new(0);
        let error = tl::mtproto::types::RpcError {
            error_code: self.code,
            error_message: self.message.to_string(),
        };
        // A code and a text can always be said.
        let _ = error.write(&mut writer);
        writer.into_bytes()
    }
}

impl From<node_store::StoreError> for RpcError {
    fn from(error: node_store::StoreError) -> Self {
        match error {
            node_store::StoreError::Busy => Self::flood_wait(1),
            other => Self::internal(&other),
        }
    }
}

impl From<CoreError> for RpcError {
    fn from(error: CoreError) -> Self {
        let bad = |name| Self::new(400, name);
        match error {
            CoreError::UnknownUser => bad("PEER_ID_INVALID"),
            CoreError::UnknownMessage => bad("MESSAGE_ID_INVALID"),
            CoreError::NotTheAuthor => Self::new(403, "MESSAGE_AUTHOR_REQUIRED"),
            CoreError::EditTooLate => bad("MESSAGE_EDIT_TIME_EXPIRED"),
            CoreError::NotModified => bad("MESSAGE_NOT_MODIFIED"),
            CoreError::RandomIdDuplicate => bad("RANDOM_ID_DUPLICATE"),
            CoreError::QuoteInvalid => bad("QUOTE_TEXT_INVALID"),
            CoreError::Text(TextError::Empty) => bad("MESSAGE_EMPTY"),
            CoreError::Text(TextError::TooLong) => bad("MESSAGE_TOO_LONG"),
            CoreError::Text(TextError::CaptionTooLong) => bad("MEDIA_CAPTION_TOO_LONG"),
            CoreError::Text(TextError::EntityBounds) => bad("ENTITY_BOUNDS_INVALID"),
            CoreError::Secret(error) => secret_error(error),
            CoreError::CodeInvalid => bad("PHONE_CODE_INVALID"),
            CoreError::CodeExpired => bad("PHONE_CODE_EXPIRED"),
            CoreError::EmailInvalid => bad("EMAIL_INVALID"),
            CoreError::EmailNotAllowed => bad("EMAIL_NOT_ALLOWED"),
            CoreError::EmailMissing => bad("EMAIL_NOT_SETUP"),
            CoreError::EmailCodeInvalid => bad("CODE_INVALID"),
            CoreError::EmailExpired => bad("EMAIL_VERIFY_EXPIRED"),
            CoreError::NoLoginEmail => bad("EMAIL_INSTALL_MISSING"),
            CoreError::AlreadyAsked => bad("TASK_ALREADY_EXISTS"),
            CoreError::RegistrationClosed => bad("PHONE_NUMBER_UNOCCUPIED"),
            CoreError::NameInvalid => bad("FIRSTNAME_INVALID"),
            CoreError::AboutTooLong => bad("ABOUT_TOO_LONG"),
            CoreError::BirthdayInvalid => bad("BIRTHDAY_INVALID"),
            CoreError::UsernameInvalid => bad("USERNAME_INVALID"),
            CoreError::UsernameOccupied => bad("USERNAME_OCCUPIED"),
            CoreError::PhoneInvalid => Self::new(406, "PHONE_NUMBER_INVALID"),
            CoreError::PhoneOccupied => bad("PHONE_NUMBER_OCCUPIED"),
            CoreError::Deactivated => bad("INPUT_USER_DEACTIVATED"),
            CoreError::Suspended => bad("PHONE_NUMBER_BANNED"),
            CoreError::DeletionWaits { wait_s } => {
                Self { code: 420, message: format!("2FA_CONFIRM_WAIT_{wait_s}").into() }
            }
            CoreError::DaysInvalid => bad("TTL_DAYS_INVALID"),
            CoreError::PasswordInvalid => bad("PASSWORD_HASH_INVALID"),
            CoreError::UnknownQuestion => bad("SRP_ID_INVALID"),
            CoreError::PasswordChanged => bad("SRP_PASSWORD_CHANGED"),
            CoreError::PasswordEmpty => bad("PASSWORD_EMPTY"),
            CoreError::NewSettingsEmpty => bad("NEW_SETTINGS_EMPTY"),
            CoreError::NewSettingsInvalid => bad("NEW_SETTINGS_INVALID"),
            CoreError::NewSaltInvalid => bad("NEW_SALT_INVALID"),
            CoreError::MailCodeExpired => bad("EMAIL_HASH_EXPIRED"),
            CoreError::RecoveryNotAvailable => bad("PASSWORD_RECOVERY_NA"),
            CoreError::RecoveryExpired => bad("PASSWORD_RECOVERY_EXPIRED"),
            CoreError::ResetMissing => bad("RESET_REQUEST_MISSING"),
            CoreError::TokenInvalid => bad("AUTH_TOKEN_INVALID"),
            CoreError::TokenExpired => bad("AUTH_TOKEN_EXPIRED"),
            CoreError::TokenTaken => bad("AUTH_TOKEN_ALREADY_ACCEPTED"),
            CoreError::TokenExcept => bad("AUTH_TOKEN_EXCEPTION"),
            CoreError::UnknownAuthorization => bad("HASH_INVALID"),
            // 406: clients drop what they had done already, and show nothing of their own.
            CoreError::FreshReset => Self::new(406, "FRESH_RESET_AUTHORISATION_FORBIDDEN"),
            CoreError::ContactNameEmpty => bad("CONTACT_NAME_EMPTY"),
            CoreError::NotAContact => bad("CONTACT_MISSING"),
            CoreError::Oneself => bad("CONTACT_ID_INVALID"),
            CoreError::TooManyPinned => bad("PINNED_DIALOGS_TOO_MUCH"),
            CoreError::TooManyPinnedMessages => bad("PINNED_TOO_MUCH"),
            CoreError::Filter(error) => bad(match error {
                FilterError::Unknown => "FILTER_ID_INVALID",
                FilterError::TitleEmpty => "FILTER_TITLE_EMPTY",
                FilterError::TitleTooLong => "MESSAGE_TOO_LONG",
                FilterError::TakesInNothing => "FILTER_INCLUDE_EMPTY",
                FilterError::TooManyPeers => "USERS_TOO_MUCH",
                FilterError::TooMany => "CHATLISTS_TOO_MUCH",
            }),
            CoreError::SettingsInvalid => bad("SETTINGS_INVALID"),
            CoreError::TooMany => bad("LIMIT_INVALID"),
            CoreError::TtlInvalid => bad("TTL_PERIOD_INVALID"),
            CoreError::ScheduleTooLate => bad("SCHEDULE_DATE_TOO_LATE"),
            CoreError::ScheduleTooMuch => bad("SCHEDULE_TOO_MUCH"),
            CoreError::ScheduleStatusPrivate => bad("SCHEDULE_STATUS_PRIVATE"),
            CoreError::ScheduleInvalid => bad("SCHEDULE_DATE_INVALID"),
            CoreError::NotReadYet => bad("MESSAGE_NOT_READ_YET"),
            CoreError::ReadTooOld => bad("MESSAGE_TOO_OLD"),
            CoreError::UnknownChat | CoreError::ChatDeactivated => bad("CHAT_ID_INVALID"),
            CoreError::NotAMember => bad("USER_NOT_PARTICIPANT"),
            CoreError::AlreadyAMember => bad("USER_ALREADY_PARTICIPANT"),
            CoreError::NotAnAdmin => bad("CHAT_ADMIN_REQUIRED"),
            CoreError::RightMissing(right) => right_missing(right),
            CoreError::ChatNotModified => bad("CHAT_NOT_MODIFIED"),
            CoreError::ForumMissing => bad("CHANNEL_FORUM_MISSING"),
            CoreError::ForumEnabled => bad("FORUM_ENABLED"),
            CoreError::DiscussionUnallowed => bad("CHAT_DISCUSSION_UNALLOWED"),
            CoreError::TopicInvalid => bad("TOPIC_ID_INVALID"),
            CoreError::TopicTitleInvalid => bad("TOPIC_TITLE_EMPTY"),
            CoreError::TopicNotModified => bad("TOPIC_NOT_MODIFIED"),
            CoreError::TopicPinNotModified => bad("PINNED_TOPIC_NOT_MODIFIED"),
            CoreError::TopicClosed => Self::new(406, "TOPIC_CLOSED"),
            CoreError::ChatTitleInvalid => bad("CHAT_TITLE_EMPTY"),
            CoreError::ChatAboutTooLong => bad("CHAT_ABOUT_TOO_LONG"),
            CoreError::RankInvalid => bad("ADMIN_RANK_INVALID"),
            CoreError::UsersTooFew => bad("USERS_TOO_FEW"),
            CoreError::UsersTooMuch => bad("USERS_TOO_MUCH"),
            CoreError::LinkInvalid => bad("INVITE_HASH_INVALID"),
            CoreError::LinkExpired => bad("INVITE_HASH_EXPIRED"),
            CoreError::LinkPermanent => bad("CHAT_INVITE_PERMANENT"),
            CoreError::LinkNotRevoked => bad("INVITE_REVOKED_MISSING"),
            CoreError::LinkUsageInvalid => bad("USAGE_LIMIT_INVALID"),
            CoreError::LinkDateInvalid => bad("EXPIRE_DATE_INVALID"),
            CoreError::NoRequest => bad("HIDE_REQUESTER_MISSING"),
            CoreError::UserPrivacy => Self::new(403, "USER_PRIVACY_RESTRICTED"),
            CoreError::UnknownChannel => bad("CHANNEL_PRIVATE"),
            CoreError::BannedInChannel => bad("USER_BANNED_IN_CHANNEL"),
            CoreError::NotAParticipant => bad("USER_NOT_PARTICIPANT"),
            CoreError::AdminRightMissing => bad("CHAT_ADMIN_REQUIRED"),
            CoreError::SendAsInvalid => bad("SEND_AS_PEER_INVALID"),
            CoreError::HistoryHidden => bad("MEGAGROUP_PREHISTORY_HIDDEN"),
            CoreError::ChannelOwner => bad("USER_CREATOR"),
            CoreError::SlowMode { wait_s } => {
                Self { code: 420, message: format!("SLOWMODE_WAIT_{wait_s}").into() }
            }
            CoreError::NotBuilt => Self::NOT_IMPLEMENTED,
            // Not 5xx, which clients send again, nor 401, which logs them out.
            CoreError::NodeUnreachable | CoreError::MailboxFull | CoreError::AskHome(_) => {
                Self::new(406, "NODE_UNREACHABLE")
            }
            CoreError::NotWriter => Self::new(403, "CHAT_WRITE_FORBIDDEN"),
            CoreError::ForwardsRestricted => bad("CHAT_FORWARDS_RESTRICTED"),
            CoreError::FileInvalid => bad("FILE_ID_INVALID"),
            CoreError::MediaInvalid => bad("MEDIA_INVALID"),
            CoreError::ReferenceEmpty => bad("FILE_REFERENCE_EMPTY"),
            CoreError::ReferenceInvalid => bad("FILE_REFERENCE_INVALID"),
            CoreError::ReferenceExpired => bad("FILE_REFERENCE_EXPIRED"),
            CoreError::Reaction(ReactionError::ListHidden) => Self::new(403, "BROADCAST_FORBIDDEN"),
            CoreError::Reaction(error) => bad(match error {
                ReactionError::TooMany => "REACTIONS_TOO_MANY",
                ReactionError::NotModified => "MESSAGE_NOT_MODIFIED",
                _ => "REACTION_INVALID",
            }),
            CoreError::Poll(error) => poll_error(error),
            CoreError::Sticker(error) => sticker_error(error),
            CoreError::TooLarge(_) => Self::INPUT_REQUEST_TOO_LONG,
            CoreError::QuotaExceeded => bad("STORAGE_QUOTA_EXCEEDED"),
            CoreError::FromTheFuture => bad("PERSISTENT_TIMESTAMP_INVALID"),
            CoreError::Flood { wait_s } => Self::flood_wait(wait_s),
            CoreError::Busy => Self::flood_wait(1),
            // The operator is told by the log; meanwhile reading goes on.
            CoreError::DiskFull => Self::flood_wait(30),
            other => Self::internal(&other),
        }
    }
}

fn secret_error(error: SecretError) -> RpcError {
    let (code, name) = match error {
        SecretError::UnknownChat => (400, "CHAT_ID_INVALID"),
        SecretError::NumberTaken => (400, "RANDOM_ID_DUPLICATE"),
        SecretError::PublicValueInvalid => (400, "DH_G_A_INVALID"),
        SecretError::AlreadyAccepted => (400, "ENCRYPTION_ALREADY_ACCEPTED"),
        SecretError::AlreadyDiscarded => (400, "ENCRYPTION_ALREADY_DECLINED"),
        SecretError::Discarded => (400, "ENCRYPTION_DECLINED"),
        SecretError::Blocked => (403, "USER_IS_BLOCKED"),
        SecretError::DataInvalid => (400, "DATA_INVALID"),
        SecretError::DataTooLong => (400, "DATA_TOO_LONG"),
        SecretError::QtsInvalid => (400, "MAX_QTS_INVALID"),
    };
    RpcError::new(code, name)
}

fn poll_error(error: PollError) -> RpcError {
    let (code, name) = match error {
        PollError::QuestionInvalid => (400, "POLL_QUESTION_INVALID"),
        PollError::AnswersInvalid => (400, "POLL_ANSWERS_INVALID"),
        PollError::AnswerInvalid => (400, "POLL_ANSWER_INVALID"),
        PollError::OptionInvalid => (400, "POLL_OPTION_INVALID"),
        PollError::OptionDuplicate => (400, "POLL_OPTION_DUPLICATE"),
        PollError::CorrectEmpty => (400, "QUIZ_CORRECT_ANSWERS_EMPTY"),
        PollError::CorrectTooMany => (400, "QUIZ_CORRECT_ANSWERS_TOO_MUCH"),
        PollError::CorrectInvalid => (400, "QUIZ_CORRECT_ANSWER_INVALID"),
        PollError::QuizMultiple => (400, "QUIZ_MULTIPLE_INVALID"),
        PollError::Closed => (400, "MESSAGE_POLL_CLOSED"),
        PollError::UnknownOption => (400, "OPTION_INVALID"),
        PollError::TooManyOptions => (400, "OPTIONS_TOO_MUCH"),
        PollError::RevoteNotAllowed => (400, "REVOTE_NOT_ALLOWED"),
        PollError::PublicInChannel => (400, "BROADCAST_PUBLIC_VOTERS_FORBIDDEN"),
        PollError::NotPublic => (403, "BROADCAST_FORBIDDEN"),
        PollError::VoteRequired => (403, "POLL_VOTE_REQUIRED"),
        _ => (400, "POLL_UNSUPPORTED"),
    };
    RpcError::new(code, name)
}

fn sticker_error(error: StickerError) -> RpcError {
    let (code, name) = match error {
        StickerError::UnknownSet => (406, "STICKERSET_INVALID"),
        StickerError::UnknownSticker => (400, "STICKER_INVALID"),
        StickerError::StickerInvalid => (400, "STICKER_ID_INVALID"),
        StickerError::NoGif => (400, "GIF_ID_INVALID"),
        StickerError::NameInvalid => (400, "PACK_SHORT_NAME_INVALID"),
        StickerError::NameOccupied => (400, "PACK_SHORT_NAME_OCCUPIED"),
        StickerError::TitleInvalid => (400, "PACK_TITLE_INVALID"),
        StickerError::KindInvalid => (400, "PACK_TYPE_INVALID"),
        StickerError::Empty => (400, "STICKERS_EMPTY"),
        StickerError::TooMany => (400, "STICKERS_TOO_MUCH"),
        StickerError::EmojiInvalid => (400, "STICKER_EMOJI_INVALID"),
        StickerError::TooManySets => (400, "LIMIT_INVALID"),
        _ => (400, "STICKER_FILE_INVALID"),
    };
    RpcError::new(code, name)
}

/// What a group does not let its members do.
fn right_missing(right: Rights) -> RpcError {
    let named = [
        (Rights::SEND, "CHAT_WRITE_FORBIDDEN"),
        (Rights::SEND_PHOTOS, "CHAT_SEND_PHOTOS_FORBIDDEN"),
        (Rights::SEND_VIDEOS, "CHAT_SEND_VIDEOS_FORBIDDEN"),
        (Rights::SEND_ROUND_VIDEOS, "CHAT_SEND_ROUNDVIDEOS_FORBIDDEN"),
        (Rights::SEND_AUDIOS, "CHAT_SEND_AUDIOS_FORBIDDEN"),
        (Rights::SEND_VOICES, "CHAT_SEND_VOICES_FORBIDDEN"),
        (Rights::SEND_DOCS, "CHAT_SEND_DOCS_FORBIDDEN"),
        (Rights::SEND_STICKERS, "CHAT_SEND_STICKERS_FORBIDDEN"),
        (Rights::SEND_GIFS, "CHAT_SEND_GIFS_FORBIDDEN"),
        (Rights::SEND_POLLS, "CHAT_SEND_POLL_FORBIDDEN"),
        (Rights::SEND_PLAIN, "CHAT_SEND_PLAIN_FORBIDDEN"),
        (Rights::SEND_REACTIONS, "CHAT_WRITE_FORBIDDEN"),
    ];
    let name = named.iter().find(|(known, _)| right.contains_any(*known));
    match name {
        Some((_, name)) => RpcError::new(403, name),
        None => RpcError::new(400, "CHAT_ADMIN_REQUIRED"),
    }
}

impl From<tl::ReadError> for RpcError {
    fn from(_: tl::ReadError) -> Self {
        Self::INPUT_FETCH_ERROR
    }
}

impl From<tl::WriteError> for RpcError {
    fn from(error: tl::WriteError) -> Self {
        Self::internal(&error)
    }
}
