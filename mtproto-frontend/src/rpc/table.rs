//! The table of all methods: who may call each, how often, and what answers it.
//!
//! The rows come from TL: every method of every supported layer. [`BUILT`] names those that have
//! a handler, with the foreign clients' tests that show them; the rest answer one documented
//! error. `docs/coverage.md` is written from here.

use std::sync::LazyLock;

use futures_util::future::BoxFuture;
use tl::Method;

use super::{
    Context, RpcError, RpcResult, account, aicompose, auth, bots, channels, contacts, folders,
    help, langpack, messages, payments, phone, photos, premium, stickers, stories, updates, upload,
    users,
};

/// Who may call a method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// Anybody with an auth key.
    Open,
    /// A logged-in user; others get 401 AUTH_KEY_UNREGISTERED.
    User,
}

/// How dear a call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rate {
    /// Counts against the requests of its auth key only.
    Light,
    /// Sends something to a person: counts per number, address and key too.
    Code,
    /// Looks through a member's messages, or through all sets of stickers: counts per member too,
    /// whatever the number of keys.
    Search,
}

/// What the longest request may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// 16 KiB: anything before a login.
    Small,
    /// 80 KiB: what one client has encrypted for another, and its envelope.
    Sealed,
    /// 1 MiB: a file part and its envelope.
    Part,
}

impl Size {
    /// The bound in bytes.
    #[must_use]
    pub const fn bytes_max(self) -> usize {
        match self {
            Self::Small => 16 << 10,
            Self::Sealed => 80 << 10,
            Self::Part => 1 << 20,
        }
    }
}

type Handler = for<'a> fn(&'a Context, &'a [u8]) -> BoxFuture<'a, RpcResult<Vec<u8>>>;

/// A method that has a handler.
pub(crate) struct Built {
    method: Method,
    guard: Guard,
    rate: Rate,
    size: Size,
    pub(crate) handler: Handler,
    /// Tests that drive it with a foreign client.
    shown_by: &'static str,
}

/// One line of the table, for `docs/coverage.md`.
#[derive(Debug, Clone, Copy)]
pub struct MethodRow {
    /// As TL has it: `help.getConfig`.
    pub name: &'static str,
    /// Who may call it.
    pub guard: Guard,
    /// How dear it is, if built.
    pub rate: Option<Rate>,
    /// The test that shows it with a foreign client, if built.
    pub shown_by: Option<&'static str>,
}

/// Reads the request in the caller's layer, runs the handler, writes the answer in that layer.
macro_rules! built {
    ($($guard:ident $rate:ident $size:ident $method:ident $request:path => $handler:path, $shown_by:literal;)*) => {
        &[$(Built {
            method: Method::$method,
            guard: Guard::$guard,
            rate: Rate::$rate,
            size: Size::$size,
            handler: |ctx, query| Box::pin(async move {
                let request: $request = tl::from_bytes(query, ctx.layer)?;
                let answer = $handler(ctx, request).await?;
                Ok(tl::to_bytes(&answer, ctx.layer)?)
            }),
            shown_by: $shown_by,
        },)*]
    };
}

/// Methods with a handler.
static BUILT: &[Built] = built! {
    User Light Small AccountCancelPasswordEmail tl::functions::account::CancelPasswordEmail => account::cancel_password_email, "a_recovery_address_is_confirmed";
    User Light Small AccountChangeAuthorizationSettings tl::functions::account::ChangeAuthorizationSettings => account::change_authorization_settings, "a_new_login_is_told_and_confirmed";
    User Code  Small AccountChangePhone tl::functions::account::ChangePhone => account::change_phone, "an_account_moves_to_another_number";
    User Light Small AccountCheckUsername tl::functions::account::CheckUsername => account::check_username, "telethon_calls_every_member_method";
    User Code  Small AccountConfirmPasswordEmail tl::functions::account::ConfirmPasswordEmail => account::confirm_password_email, "a_recovery_address_is_confirmed";
    User Light Small AccountDeclinePasswordReset tl::functions::account::DeclinePasswordReset => account::decline_password_reset, "a_forgotten_password_is_removed_by_waiting";
    Open Code  Small AccountDeleteAccount tl::functions::account::DeleteAccount => account::delete_account, "an_account_is_deleted";
    User Light Small AccountDeleteAutoSaveExceptions tl::functions::account::DeleteAutoSaveExceptions => account::delete_auto_save_exceptions, "preferences";
    User Light Small AccountGetAccountTtl tl::functions::account::GetAccountTtl => account::get_account_ttl, "an_account_is_deleted";
    User Light Small AccountGetAuthorizations tl::functions::account::GetAuthorizations => account::get_authorizations, "logout_frees_the_key";
    User Light Small AccountGetAutoDownloadSettings tl::functions::account::GetAutoDownloadSettings => account::get_auto_download_settings, "telethon_calls_every_start_up_method";
    User Light Small AccountGetAutoSaveSettings tl::functions::account::GetAutoSaveSettings => account::get_auto_save_settings, "telethon_calls_every_start_up_method";
    User Light Small AccountGetChannelDefaultEmojiStatuses tl::functions::account::GetChannelDefaultEmojiStatuses => account::get_channel_default_emoji_statuses, "telethon_calls_every_start_up_method";
    User Light Small AccountGetChannelRestrictedStatusEmojis tl::functions::account::GetChannelRestrictedStatusEmojis => account::get_channel_restricted_status_emojis, "telethon_calls_every_start_up_method";
    User Light Small AccountGetChatThemes tl::functions::account::GetChatThemes => account::get_chat_themes, "telethon_calls_every_start_up_method";
    User Light Small AccountGetCollectibleEmojiStatuses tl::functions::account::GetCollectibleEmojiStatuses => account::get_collectible_emoji_statuses, "telethon_calls_every_start_up_method";
    User Light Small AccountGetConnectedBots tl::functions::account::GetConnectedBots => account::get_connected_bots, "telethon_calls_every_start_up_method";
    User Light Small AccountGetContactSignUpNotification tl::functions::account::GetContactSignUpNotification => account::get_contact_sign_up_notification, "telethon_calls_every_start_up_method";
    User Light Small AccountGetContentSettings tl::functions::account::GetContentSettings => account::get_content_settings, "telethon_calls_every_start_up_method";
    User Light Small AccountGetDefaultBackgroundEmojis tl::functions::account::GetDefaultBackgroundEmojis => account::get_default_background_emojis, "telethon_calls_every_start_up_method";
    User Light Small AccountGetDefaultEmojiStatuses tl::functions::account::GetDefaultEmojiStatuses => account::get_default_emoji_statuses, "telethon_calls_every_start_up_method";
    User Light Small AccountGetDefaultGroupPhotoEmojis tl::functions::account::GetDefaultGroupPhotoEmojis => account::get_default_group_photo_emojis, "telethon_calls_every_start_up_method";
    User Light Small AccountGetDefaultProfilePhotoEmojis tl::functions::account::GetDefaultProfilePhotoEmojis => account::get_default_profile_photo_emojis, "telethon_calls_every_start_up_method";
    User Light Small AccountGetGlobalPrivacySettings tl::functions::account::GetGlobalPrivacySettings => account::get_global_privacy_settings, "telethon_calls_every_start_up_method";
    User Light Small AccountGetNotifyExceptions tl::functions::account::GetNotifyExceptions => account::get_notify_exceptions, "notifications";
    User Light Small AccountGetNotifySettings tl::functions::account::GetNotifySettings => account::get_notify_settings, "notifications";
    User Light Small AccountGetPasskeys tl::functions::account::GetPasskeys => account::get_passkeys, "telethon_calls_every_start_up_method";
    Open Light Small AccountGetPassword tl::functions::account::GetPassword => account::get_password, "every_login_needs_the_password";
    User Light Small AccountGetPasswordSettings tl::functions::account::GetPasswordSettings => account::get_password_settings, "a_recovery_address_is_confirmed";
    User Light Small AccountGetPrivacy tl::functions::account::GetPrivacy => account::get_privacy, "telethon_calls_every_start_up_method";
    User Light Small AccountGetReactionsNotifySettings tl::functions::account::GetReactionsNotifySettings => account::get_reactions_notify_settings, "telethon_calls_every_start_up_method";
    User Light Small AccountGetRecentEmojiStatuses tl::functions::account::GetRecentEmojiStatuses => account::get_recent_emoji_statuses, "telethon_calls_every_start_up_method";
    User Light Small AccountGetSavedMusicIds tl::functions::account::GetSavedMusicIds => account::get_saved_music_ids, "telethon_calls_every_start_up_method";
    User Light Small AccountGetSavedRingtones tl::functions::account::GetSavedRingtones => account::get_saved_ringtones, "telethon_calls_every_start_up_method";
    User Light Small AccountGetThemes tl::functions::account::GetThemes => account::get_themes, "telethon_calls_every_start_up_method";
    User Light Small AccountGetUniqueGiftChatThemes tl::functions::account::GetUniqueGiftChatThemes => account::get_unique_gift_chat_themes, "telethon_calls_every_start_up_method";
    User Light Small AccountGetWallPapers tl::functions::account::GetWallPapers => account::get_wall_papers, "telethon_calls_every_start_up_method";
    User Light Small AccountGetWebAuthorizations tl::functions::account::GetWebAuthorizations => account::get_web_authorizations, "telethon_calls_every_start_up_method";
    User Light Small AccountGetWebBrowserSettings tl::functions::account::GetWebBrowserSettings => account::get_web_browser_settings, "telethon_calls_every_start_up_method";
    User Light Small AccountInvalidateSignInCodes tl::functions::account::InvalidateSignInCodes => account::invalidate_sign_in_codes, "a_client_comes_back_without_a_code";
    User Light Small AccountReorderUsernames tl::functions::account::ReorderUsernames => account::reorder_usernames, "profiles";
    User Light Small AccountReportPeer tl::functions::account::ReportPeer => account::report_peer, "reports";
    User Code  Small AccountResendPasswordEmail tl::functions::account::ResendPasswordEmail => account::resend_password_email, "a_recovery_address_is_confirmed";
    User Light Small AccountResetAuthorization tl::functions::account::ResetAuthorization => account::reset_authorization, "telethon_calls_every_member_method";
    User Light Small AccountResetNotifySettings tl::functions::account::ResetNotifySettings => account::reset_notify_settings, "notifications";
    User Light Small AccountResetPassword tl::functions::account::ResetPassword => account::reset_password, "a_forgotten_password_is_removed_by_waiting";
    User Light Small AccountSaveAutoDownloadSettings tl::functions::account::SaveAutoDownloadSettings => account::save_auto_download_settings, "preferences";
    User Light Small AccountSaveAutoSaveSettings tl::functions::account::SaveAutoSaveSettings => account::save_auto_save_settings, "preferences";
    User Code  Small AccountSendChangePhoneCode tl::functions::account::SendChangePhoneCode => account::send_change_phone_code, "an_account_moves_to_another_number";
    Open Code  Small AccountSendVerifyEmailCode tl::functions::account::SendVerifyEmailCode => account::send_verify_email_code, "a_member_logs_in_by_mail";
    User Light Small AccountSetAccountTtl tl::functions::account::SetAccountTtl => account::set_account_ttl, "an_account_is_deleted";
    User Light Small AccountSetAuthorizationTtl tl::functions::account::SetAuthorizationTtl => account::set_authorization_ttl, "unused_logins_end_when_the_member_says";
    User Light Small AccountSetContactSignUpNotification tl::functions::account::SetContactSignUpNotification => account::set_contact_sign_up_notification, "somebody_joins";
    User Light Small AccountSetContentSettings tl::functions::account::SetContentSettings => account::set_content_settings, "preferences";
    User Light Small AccountSetGlobalPrivacySettings tl::functions::account::SetGlobalPrivacySettings => account::set_global_privacy_settings, "privacy_rules";
    User Light Part  AccountSetPrivacy tl::functions::account::SetPrivacy => account::set_privacy, "privacy_rules";
    User Light Small AccountSetReactionsNotifySettings tl::functions::account::SetReactionsNotifySettings => account::set_reactions_notify_settings, "preferences";
    User Light Small AccountToggleUsername tl::functions::account::ToggleUsername => account::toggle_username, "profiles";
    User Light Small AccountUpdateBirthday tl::functions::account::UpdateBirthday => account::update_birthday, "profiles";
    User Light Small AccountUpdateColor tl::functions::account::UpdateColor => account::update_color, "profiles";
    User Light Small AccountUpdateNotifySettings tl::functions::account::UpdateNotifySettings => account::update_notify_settings, "notifications";
    User Light Small AccountUpdatePasswordSettings tl::functions::account::UpdatePasswordSettings => account::update_password_settings, "every_login_needs_the_password";
    User Light Small AccountUpdateProfile tl::functions::account::UpdateProfile => account::update_profile, "telethon_calls_every_member_method";
    User Light Small AccountUpdateStatus tl::functions::account::UpdateStatus => account::update_status, "typing_and_presence";
    User Light Small AccountUpdateUsername tl::functions::account::UpdateUsername => account::update_username, "the_owner_invites_by_the_service_account";
    Open Code  Small AccountVerifyEmail tl::functions::account::VerifyEmail => account::verify_email, "a_member_logs_in_by_mail";
    User Light Small AicomposeGetTones tl::functions::aicompose::GetTones => aicompose::get_tones, "telethon_calls_every_start_up_method";
    User Light Small AuthAcceptLoginToken tl::functions::auth::AcceptLoginToken => auth::accept_login_token, "a_qr_code_logs_in_across_clients";
    Open Light Small AuthBindTempAuthKey tl::functions::auth::BindTempAuthKey => auth::bind_temp_auth_key, "tdlib_through_socks5_with_pfs";
    Open Code  Small AuthCancelCode tl::functions::auth::CancelCode => auth::cancel_code, "telethon_calls_every_open_method";
    Open Code  Small AuthCheckPassword tl::functions::auth::CheckPassword => auth::check_password, "every_login_needs_the_password";
    Open Code  Small AuthCheckRecoveryPassword tl::functions::auth::CheckRecoveryPassword => auth::check_recovery_password, "a_forgotten_password_is_recovered_by_mail";
    Open Light Small AuthDropTempAuthKeys tl::functions::auth::DropTempAuthKeys => auth::drop_temp_auth_keys, "telethon_calls_every_open_method";
    User Light Small AuthExportAuthorization tl::functions::auth::ExportAuthorization => auth::export_authorization, "telethon_calls_every_member_method";
    Open Light Small AuthExportLoginToken tl::functions::auth::ExportLoginToken => auth::export_login_token, "telethon_calls_every_open_method";
    Open Light Small AuthImportAuthorization tl::functions::auth::ImportAuthorization => auth::import_authorization, "telethon_calls_every_member_method";
    Open Light Small AuthImportLoginToken tl::functions::auth::ImportLoginToken => auth::import_login_token, "a_qr_code_logs_in_across_clients";
    Open Light Small AuthLogOut tl::functions::auth::LogOut => auth::log_out, "logout_frees_the_key";
    Open Code  Small AuthRecoverPassword tl::functions::auth::RecoverPassword => auth::recover_password, "a_forgotten_password_is_recovered_by_mail";
    Open Code  Small AuthReportMissingCode tl::functions::auth::ReportMissingCode => auth::report_missing_code, "telethon_calls_every_open_method";
    Open Code  Small AuthRequestPasswordRecovery tl::functions::auth::RequestPasswordRecovery => auth::request_password_recovery, "a_forgotten_password_is_recovered_by_mail";
    Open Code  Small AuthResendCode tl::functions::auth::ResendCode => auth::resend_code, "telethon_calls_every_open_method";
    User Light Small AuthResetAuthorizations tl::functions::auth::ResetAuthorizations => auth::reset_authorizations, "a_session_is_terminated_within_a_second";
    Open Code  Small AuthResetLoginEmail tl::functions::auth::ResetLoginEmail => auth::reset_login_email, "a_login_address_that_cannot_be_read_is_reset";
    Open Code  Small AuthSendCode tl::functions::auth::SendCode => auth::send_code, "telethon_calls_every_open_method";
    Open Code  Small AuthSignIn tl::functions::auth::SignIn => auth::sign_in, "six_clients_talk";
    Open Code  Small AuthSignUp tl::functions::auth::SignUp => auth::sign_up, "six_clients_talk";
    User Light Small BotsGetBotRecommendations tl::functions::bots::GetBotRecommendations => bots::get_bot_recommendations, "telethon_calls_every_start_up_method";
    User Light Small BotsGetPopularAppBots tl::functions::bots::GetPopularAppBots => bots::get_popular_app_bots, "telethon_calls_every_start_up_method";
    User Light Small ChannelsCheckUsername tl::functions::channels::CheckUsername => channels::check_username, "a_channel_from_beginning_to_end";
    User Light Small ChannelsCreateChannel tl::functions::channels::CreateChannel => channels::create_channel, "a_channel_from_beginning_to_end";
    User Light Small ChannelsCreateForumTopic tl::functions::channels::CreateForumTopic => channels::create_forum_topic_until_214, "a_forum_by_many_clients";
    User Light Small ChannelsDeactivateAllUsernames tl::functions::channels::DeactivateAllUsernames => channels::deactivate_all_usernames, "what_owners_change";
    User Light Small ChannelsDeleteChannel tl::functions::channels::DeleteChannel => channels::delete_channel, "a_channel_from_beginning_to_end";
    User Search Small ChannelsDeleteHistory tl::functions::channels::DeleteHistory => channels::delete_history, "what_owners_change";
    User Light Small ChannelsDeleteMessages tl::functions::channels::DeleteMessages => channels::delete_messages, "a_supergroup_with_admins_and_bans";
    User Search Small ChannelsDeleteParticipantHistory tl::functions::channels::DeleteParticipantHistory => channels::delete_participant_history, "what_owners_change";
    User Light Small ChannelsDeleteTopicHistory tl::functions::channels::DeleteTopicHistory => channels::delete_topic_history_until_214, "a_forum_by_many_clients";
    User Light Small ChannelsEditAdmin tl::functions::channels::EditAdmin => channels::edit_admin, "a_supergroup_with_admins_and_bans";
    User Light Small ChannelsEditBanned tl::functions::channels::EditBanned => channels::edit_banned, "a_supergroup_with_admins_and_bans";
    User Light Small ChannelsEditCreator tl::functions::channels::EditCreator => channels::edit_creator, "what_owners_change";
    User Light Small ChannelsEditForumTopic tl::functions::channels::EditForumTopic => channels::edit_forum_topic_until_214, "a_forum_by_many_clients";
    User Light Small ChannelsEditPhoto tl::functions::channels::EditPhoto => channels::edit_photo, "what_owners_change";
    User Light Small ChannelsEditTitle tl::functions::channels::EditTitle => channels::edit_title, "a_supergroup_with_admins_and_bans";
    User Light Small ChannelsExportMessageLink tl::functions::channels::ExportMessageLink => channels::export_message_link, "a_channel_from_beginning_to_end";
    User Search Small ChannelsGetAdminLog tl::functions::channels::GetAdminLog => channels::get_admin_log, "the_log_of_what_admins_do";
    User Light Small ChannelsGetAdminedPublicChannels tl::functions::channels::GetAdminedPublicChannels => channels::get_admined_public_channels, "telethon_calls_every_start_up_method";
    User Light Small ChannelsGetChannelRecommendations tl::functions::channels::GetChannelRecommendations => channels::get_channel_recommendations, "telethon_calls_every_start_up_method";
    User Light Small ChannelsGetChannels tl::functions::channels::GetChannels => channels::get_channels, "a_supergroup_with_admins_and_bans";
    User Light Small ChannelsGetForumTopics tl::functions::channels::GetForumTopics => channels::get_forum_topics_until_214, "a_forum_by_many_clients";
    User Light Small ChannelsGetForumTopicsById tl::functions::channels::GetForumTopicsById => channels::get_forum_topics_by_id_until_214, "a_forum_by_many_clients";
    User Light Small ChannelsGetFullChannel tl::functions::channels::GetFullChannel => channels::get_full_channel, "a_channel_from_beginning_to_end";
    User Light Small ChannelsGetGroupsForDiscussion tl::functions::channels::GetGroupsForDiscussion => channels::get_groups_for_discussion, "comments_to_a_channel";
    User Light Small ChannelsGetInactiveChannels tl::functions::channels::GetInactiveChannels => channels::get_inactive_channels, "telethon_calls_every_start_up_method";
    User Light Small ChannelsGetLeftChannels tl::functions::channels::GetLeftChannels => channels::get_left_channels, "what_owners_change";
    User Light Small ChannelsGetMessages tl::functions::channels::GetMessages => channels::get_messages, "what_owners_change";
    User Light Small ChannelsGetParticipant tl::functions::channels::GetParticipant => channels::get_participant, "a_supergroup_with_admins_and_bans";
    User Search Small ChannelsGetParticipants tl::functions::channels::GetParticipants => channels::get_participants, "a_supergroup_with_admins_and_bans";
    User Light Small ChannelsGetSendAs tl::functions::channels::GetSendAs => channels::get_send_as, "in_whose_name_one_writes";
    User Light Small ChannelsGetSponsoredMessages tl::functions::channels::GetSponsoredMessages => channels::get_sponsored_messages, "telethon_calls_every_start_up_method";
    User Light Small ChannelsInviteToChannel tl::functions::channels::InviteToChannel => channels::invite_to_channel, "a_supergroup_with_admins_and_bans";
    User Light Small ChannelsJoinChannel tl::functions::channels::JoinChannel => channels::join_channel, "a_channel_from_beginning_to_end";
    User Light Small ChannelsLeaveChannel tl::functions::channels::LeaveChannel => channels::leave_channel, "a_channel_from_beginning_to_end";
    User Light Small ChannelsReadHistory tl::functions::channels::ReadHistory => channels::read_history, "a_supergroup_with_admins_and_bans";
    User Light Small ChannelsReadMessageContents tl::functions::channels::ReadMessageContents => channels::read_message_contents, "what_was_listened_to";
    User Light Small ChannelsReorderPinnedForumTopics tl::functions::channels::ReorderPinnedForumTopics => channels::reorder_pinned_forum_topics_until_214, "a_forum_by_many_clients";
    User Light Small ChannelsReorderUsernames tl::functions::channels::ReorderUsernames => channels::reorder_usernames, "what_owners_change";
    User Light Small ChannelsSetDiscussionGroup tl::functions::channels::SetDiscussionGroup => channels::set_discussion_group, "comments_to_a_channel";
    User Light Small ChannelsToggleForum tl::functions::channels::ToggleForum => channels::toggle_forum, "a_forum_by_many_clients";
    User Light Small ChannelsToggleJoinRequest tl::functions::channels::ToggleJoinRequest => channels::toggle_join_request, "what_is_set_in_channels";
    User Light Small ChannelsToggleJoinToSend tl::functions::channels::ToggleJoinToSend => channels::toggle_join_to_send, "what_is_set_in_channels";
    User Light Small ChannelsToggleParticipantsHidden tl::functions::channels::ToggleParticipantsHidden => channels::toggle_participants_hidden, "what_is_set_in_channels";
    User Light Small ChannelsTogglePreHistoryHidden tl::functions::channels::TogglePreHistoryHidden => channels::toggle_pre_history_hidden, "what_owners_change";
    User Light Small ChannelsToggleSignatures tl::functions::channels::ToggleSignatures => channels::toggle_signatures, "what_is_set_in_channels";
    User Light Small ChannelsToggleSlowMode tl::functions::channels::ToggleSlowMode => channels::toggle_slow_mode, "a_supergroup_with_admins_and_bans";
    User Light Small ChannelsToggleUsername tl::functions::channels::ToggleUsername => channels::toggle_username, "what_owners_change";
    User Light Small ChannelsToggleViewForumAsMessages tl::functions::channels::ToggleViewForumAsMessages => channels::toggle_view_forum_as_messages, "a_forum_by_many_clients";
    User Light Small ChannelsUpdatePinnedForumTopic tl::functions::channels::UpdatePinnedForumTopic => channels::update_pinned_forum_topic_until_214, "a_forum_by_many_clients";
    User Light Small ChannelsUpdateUsername tl::functions::channels::UpdateUsername => channels::update_username, "a_channel_from_beginning_to_end";
    User Light Small ContactsAcceptContact tl::functions::contacts::AcceptContact => contacts::accept_contact, "contacts";
    User Light Small ContactsAddContact tl::functions::contacts::AddContact => contacts::add_contact, "telethon_calls_every_member_method";
    User Light Small ContactsBlock tl::functions::contacts::Block => contacts::block, "telethon_calls_every_member_method";
    User Light Part  ContactsDeleteByPhones tl::functions::contacts::DeleteByPhones => contacts::delete_by_phones, "somebody_joins";
    User Light Small ContactsDeleteContacts tl::functions::contacts::DeleteContacts => contacts::delete_contacts, "telethon_calls_every_member_method";
    User Light Part  ContactsEditCloseFriends tl::functions::contacts::EditCloseFriends => contacts::edit_close_friends, "contacts";
    User Light Small ContactsExportContactToken tl::functions::contacts::ExportContactToken => contacts::export_contact_token, "links_lead_to_the_node";
    User Light Small ContactsGetBirthdays tl::functions::contacts::GetBirthdays => contacts::get_birthdays, "telethon_calls_every_start_up_method";
    User Light Small ContactsGetBlocked tl::functions::contacts::GetBlocked => contacts::get_blocked, "telethon_calls_every_member_method";
    User Light Small ContactsGetContactIDs tl::functions::contacts::GetContactIDs => contacts::get_contact_ids, "telethon_calls_every_member_method";
    User Light Small ContactsGetContacts tl::functions::contacts::GetContacts => contacts::get_contacts, "telethon_calls_every_member_method";
    User Light Small ContactsGetSaved tl::functions::contacts::GetSaved => contacts::get_saved, "telethon_calls_every_start_up_method";
    User Light Small ContactsGetSponsoredPeers tl::functions::contacts::GetSponsoredPeers => contacts::get_sponsored_peers, "telethon_calls_every_start_up_method";
    User Light Small ContactsGetStatuses tl::functions::contacts::GetStatuses => contacts::get_statuses, "telethon_calls_every_member_method";
    User Light Small ContactsGetTopPeers tl::functions::contacts::GetTopPeers => contacts::get_top_peers, "telethon_calls_every_start_up_method";
    User Light Small ContactsImportContactToken tl::functions::contacts::ImportContactToken => contacts::import_contact_token, "links_lead_to_the_node";
    User Light Part  ContactsImportContacts tl::functions::contacts::ImportContacts => contacts::import_contacts, "six_clients_talk";
    User Light Small ContactsResetSaved tl::functions::contacts::ResetSaved => contacts::reset_saved, "somebody_joins";
    User Light Small ContactsResolvePhone tl::functions::contacts::ResolvePhone => contacts::resolve_phone, "telethon_calls_every_member_method";
    User Light Small ContactsResolveUsername tl::functions::contacts::ResolveUsername => contacts::resolve_username, "the_owner_invites_by_the_service_account";
    User Light Small ContactsSearch tl::functions::contacts::Search => contacts::search, "telethon_calls_every_member_method";
    User Light Part  ContactsSetBlocked tl::functions::contacts::SetBlocked => contacts::set_blocked, "blocking";
    User Light Small ContactsUnblock tl::functions::contacts::Unblock => contacts::unblock, "telethon_calls_every_member_method";
    User Light Small ContactsUpdateContactNote tl::functions::contacts::UpdateContactNote => contacts::update_contact_note, "contacts";
    User Light Small FoldersEditPeerFolders tl::functions::folders::EditPeerFolders => folders::edit_peer_folders, "the_archive";
    User Light Small HelpDismissSuggestion tl::functions::help::DismissSuggestion => help::dismiss_suggestion, "telethon_calls_every_start_up_method";
    Open Light Small HelpGetAppConfig tl::functions::help::GetAppConfig => help::get_app_config, "telethon_calls_every_open_method";
    Open Light Small HelpGetAppUpdate tl::functions::help::GetAppUpdate => help::get_app_update, "telethon_calls_every_open_method";
    Open Light Small HelpGetCdnConfig tl::functions::help::GetCdnConfig => help::get_cdn_config, "telethon_calls_every_open_method";
    Open Light Small HelpGetConfig tl::functions::help::GetConfig => help::get_config, "telethon_calls_every_open_method";
    Open Light Small HelpGetCountriesList tl::functions::help::GetCountriesList => help::get_countries_list, "telethon_calls_every_open_method";
    Open Light Small HelpGetDeepLinkInfo tl::functions::help::GetDeepLinkInfo => help::get_deep_link_info, "telethon_calls_every_open_method";
    Open Light Small HelpGetInviteText tl::functions::help::GetInviteText => help::get_invite_text, "telethon_calls_every_open_method";
    Open Light Small HelpGetNearestDc tl::functions::help::GetNearestDc => help::get_nearest_dc, "telethon_calls_every_open_method";
    Open Light Small HelpGetPeerColors tl::functions::help::GetPeerColors => help::get_peer_colors, "telethon_calls_every_open_method";
    Open Light Small HelpGetPeerProfileColors tl::functions::help::GetPeerProfileColors => help::get_peer_profile_colors, "telethon_calls_every_open_method";
    User Light Small HelpGetPremiumPromo tl::functions::help::GetPremiumPromo => help::get_premium_promo, "telethon_calls_every_start_up_method";
    User Light Small HelpGetPromoData tl::functions::help::GetPromoData => help::get_promo_data, "telethon_calls_every_start_up_method";
    User Light Small HelpGetSupport tl::functions::help::GetSupport => help::get_support, "preferences";
    User Light Small HelpGetSupportName tl::functions::help::GetSupportName => help::get_support_name, "preferences";
    User Light Small HelpGetTermsOfServiceUpdate tl::functions::help::GetTermsOfServiceUpdate => help::get_terms_of_service_update, "telethon_calls_every_start_up_method";
    Open Light Small HelpGetTimezonesList tl::functions::help::GetTimezonesList => help::get_timezones_list, "telethon_calls_every_open_method";
    User Light Small HelpHidePromoData tl::functions::help::HidePromoData => help::hide_promo_data, "telethon_calls_every_start_up_method";
    Open Light Small HelpSaveAppLog tl::functions::help::SaveAppLog => help::save_app_log, "telethon_calls_every_start_up_method";
    Open Light Small LangpackGetDifference tl::functions::langpack::GetDifference => langpack::get_difference, "telethon_calls_every_open_method";
    Open Light Small LangpackGetLangPack tl::functions::langpack::GetLangPack => langpack::get_lang_pack, "telethon_calls_every_open_method";
    Open Light Small LangpackGetLanguage tl::functions::langpack::GetLanguage => langpack::get_language, "telethon_calls_every_open_method";
    Open Light Small LangpackGetLanguages tl::functions::langpack::GetLanguages => langpack::get_languages, "telethon_calls_every_open_method";
    Open Light Small LangpackGetStrings tl::functions::langpack::GetStrings => langpack::get_strings, "telethon_calls_every_open_method";
    User Light Small MessagesAcceptEncryption tl::functions::messages::AcceptEncryption => messages::accept_encryption, "two_people_of_one_node_have_a_secret_chat";
    User Light Small MessagesAddChatUser tl::functions::messages::AddChatUser => messages::add_chat_user, "a_group_from_beginning_to_end";
    User Light Small MessagesCheckChatInvite tl::functions::messages::CheckChatInvite => messages::check_chat_invite, "invite_links";
    User Light Small MessagesClearAllDrafts tl::functions::messages::ClearAllDrafts => messages::clear_all_drafts, "drafts";
    User Light Small MessagesClearRecentReactions tl::functions::messages::ClearRecentReactions => messages::clear_recent_reactions, "reactions";
    User Light Small MessagesClearRecentStickers tl::functions::messages::ClearRecentStickers => messages::clear_recent_stickers, "stickers";
    User Light Part  MessagesCreateChat tl::functions::messages::CreateChat => messages::create_chat, "a_group_from_beginning_to_end";
    User Light Small MessagesCreateForumTopic tl::functions::messages::CreateForumTopic => channels::create_forum_topic, "a_forum_by_many_clients";
    User Light Small MessagesDeleteChat tl::functions::messages::DeleteChat => messages::delete_chat, "a_group_from_beginning_to_end";
    User Light Small MessagesDeleteChatUser tl::functions::messages::DeleteChatUser => messages::delete_chat_user, "a_group_from_beginning_to_end";
    User Light Small MessagesDeleteExportedChatInvite tl::functions::messages::DeleteExportedChatInvite => messages::delete_exported_chat_invite, "invite_links";
    User Light Small MessagesDeleteHistory tl::functions::messages::DeleteHistory => messages::delete_history, "telethon_calls_every_member_method";
    User Light Small MessagesDeleteMessages tl::functions::messages::DeleteMessages => messages::delete_messages, "six_clients_talk";
    User Light Small MessagesDeleteRevokedExportedChatInvites tl::functions::messages::DeleteRevokedExportedChatInvites => messages::delete_revoked_exported_chat_invites, "invite_links";
    User Light Small MessagesDeleteSavedHistory tl::functions::messages::DeleteSavedHistory => messages::delete_saved_history, "saved_dialogs";
    User Light Small MessagesDeleteScheduledMessages tl::functions::messages::DeleteScheduledMessages => messages::delete_scheduled_messages, "scheduled_messages";
    User Light Small MessagesDeleteTopicHistory tl::functions::messages::DeleteTopicHistory => channels::delete_topic_history, "a_forum_by_many_clients";
    User Light Small MessagesDiscardEncryption tl::functions::messages::DiscardEncryption => messages::discard_encryption, "two_people_of_one_node_have_a_secret_chat";
    User Light Small MessagesEditChatAbout tl::functions::messages::EditChatAbout => messages::edit_chat_about, "a_group_is_managed";
    User Light Small MessagesEditChatAdmin tl::functions::messages::EditChatAdmin => messages::edit_chat_admin, "a_group_is_managed";
    User Light Small MessagesEditChatCreator tl::functions::messages::EditChatCreator => channels::edit_chat_creator, "what_owners_change";
    User Light Small MessagesEditChatDefaultBannedRights tl::functions::messages::EditChatDefaultBannedRights => messages::edit_chat_default_banned_rights, "a_group_is_managed";
    User Light Small MessagesEditChatParticipantRank tl::functions::messages::EditChatParticipantRank => messages::edit_chat_participant_rank, "a_group_is_managed";
    User Light Small MessagesEditChatPhoto tl::functions::messages::EditChatPhoto => messages::edit_chat_photo, "photos_of_people_and_groups";
    User Light Small MessagesEditChatTitle tl::functions::messages::EditChatTitle => messages::edit_chat_title, "a_group_is_managed";
    User Light Small MessagesEditExportedChatInvite tl::functions::messages::EditExportedChatInvite => messages::edit_exported_chat_invite, "invite_links";
    User Light Small MessagesEditForumTopic tl::functions::messages::EditForumTopic => channels::edit_forum_topic, "a_forum_by_many_clients";
    User Light Part  MessagesEditMessage tl::functions::messages::EditMessage => messages::edit_message, "six_clients_talk";
    User Light Small MessagesExportChatInvite tl::functions::messages::ExportChatInvite => messages::export_chat_invite, "invite_links";
    User Light Small MessagesFaveSticker tl::functions::messages::FaveSticker => messages::fave_sticker, "stickers";
    User Light Small MessagesForwardMessages tl::functions::messages::ForwardMessages => messages::forward_messages, "saved_messages_and_history";
    User Light Small MessagesGetAdminsWithInvites tl::functions::messages::GetAdminsWithInvites => messages::get_admins_with_invites, "invite_links";
    User Light Small MessagesGetAllDrafts tl::functions::messages::GetAllDrafts => messages::get_all_drafts, "drafts";
    User Light Small MessagesGetAllStickers tl::functions::messages::GetAllStickers => messages::get_all_stickers, "telethon_calls_every_start_up_method";
    User Light Small MessagesGetArchivedStickers tl::functions::messages::GetArchivedStickers => messages::get_archived_stickers, "telethon_calls_every_start_up_method";
    User Light Small MessagesGetAttachMenuBots tl::functions::messages::GetAttachMenuBots => messages::get_attach_menu_bots, "telethon_calls_every_start_up_method";
    User Light Small MessagesGetAvailableEffects tl::functions::messages::GetAvailableEffects => messages::get_available_effects, "telethon_calls_every_start_up_method";
    User Light Small MessagesGetAvailableReactions tl::functions::messages::GetAvailableReactions => messages::get_available_reactions, "telethon_calls_every_start_up_method";
    User Light Small MessagesGetChatInviteImporters tl::functions::messages::GetChatInviteImporters => messages::get_chat_invite_importers, "invite_links";
    User Light Small MessagesGetChats tl::functions::messages::GetChats => messages::get_chats, "a_group_is_managed";
    User Light Small MessagesGetCommonChats tl::functions::messages::GetCommonChats => messages::get_common_chats, "a_group_is_managed";
    User Light Small MessagesGetCustomEmojiDocuments tl::functions::messages::GetCustomEmojiDocuments => messages::get_custom_emoji_documents, "telethon_calls_every_start_up_method";
    User Light Small MessagesGetDefaultHistoryTtl tl::functions::messages::GetDefaultHistoryTtl => messages::get_default_history_ttl, "messages_that_go_by_themselves";
    User Light Small MessagesGetDefaultTagReactions tl::functions::messages::GetDefaultTagReactions => messages::get_default_tag_reactions, "telethon_calls_every_start_up_method";
    User Light Small MessagesGetDhConfig tl::functions::messages::GetDhConfig => messages::get_dh_config, "two_people_of_one_node_have_a_secret_chat";
    User Light Small MessagesGetDialogFilters tl::functions::messages::GetDialogFilters => messages::get_dialog_filters, "folders";
    User Light Small MessagesGetDialogUnreadMarks tl::functions::messages::GetDialogUnreadMarks => messages::get_dialog_unread_marks, "unread_marks";
    User Light Small MessagesGetDialogs tl::functions::messages::GetDialogs => messages::get_dialogs, "six_clients_talk";
    User Light Small MessagesGetDiscussionMessage tl::functions::messages::GetDiscussionMessage => messages::get_discussion_message, "threads_of_a_supergroup";
    User Light Small MessagesGetEmojiGroups tl::functions::messages::GetEmojiGroups => messages::get_emoji_groups, "telethon_calls_every_start_up_method";
    User Light Small MessagesGetEmojiKeywords tl::functions::messages::GetEmojiKeywords => messages::get_emoji_keywords, "telethon_calls_every_start_up_method";
    User Light Small MessagesGetEmojiKeywordsDifference tl::functions::messages::GetEmojiKeywordsDifference => messages::get_emoji_keywords_difference, "telethon_calls_every_start_up_method";
    User Light Small MessagesGetEmojiKeywordsLanguages tl::functions::messages::GetEmojiKeywordsLanguages => messages::get_emoji_keywords_languages, "telethon_calls_every_start_up_method";
    User Light Small MessagesGetEmojiProfilePhotoGroups tl::functions::messages::GetEmojiProfilePhotoGroups => messages::get_emoji_profile_photo_groups, "telethon_calls_every_start_up_method";
    User Light Small MessagesGetEmojiStatusGroups tl::functions::messages::GetEmojiStatusGroups => messages::get_emoji_status_groups, "telethon_calls_every_start_up_method";
    User Light Small MessagesGetEmojiStickerGroups tl::functions::messages::GetEmojiStickerGroups => messages::get_emoji_sticker_groups, "telethon_calls_every_start_up_method";
    User Light Small MessagesGetEmojiStickers tl::functions::messages::GetEmojiStickers => messages::get_emoji_stickers, "telethon_calls_every_start_up_method";
    User Light Small MessagesGetExportedChatInvite tl::functions::messages::GetExportedChatInvite => messages::get_exported_chat_invite, "invite_links";
    User Light Small MessagesGetExportedChatInvites tl::functions::messages::GetExportedChatInvites => messages::get_exported_chat_invites, "invite_links";
    User Light Small MessagesGetFavedStickers tl::functions::messages::GetFavedStickers => messages::get_faved_stickers, "telethon_calls_every_start_up_method";
    User Light Small MessagesGetFeaturedEmojiStickers tl::functions::messages::GetFeaturedEmojiStickers => messages::get_featured_emoji_stickers, "telethon_calls_every_start_up_method";
    User Light Small MessagesGetFeaturedStickers tl::functions::messages::GetFeaturedStickers => messages::get_featured_stickers, "telethon_calls_every_start_up_method";
    User Light Small MessagesGetForumTopics tl::functions::messages::GetForumTopics => channels::get_forum_topics, "a_forum_by_many_clients";
    User Light Small MessagesGetForumTopicsById tl::functions::messages::GetForumTopicsById => channels::get_forum_topics_by_id, "a_forum_by_many_clients";
    User Light Small MessagesGetFullChat tl::functions::messages::GetFullChat => messages::get_full_chat, "a_group_is_managed";
    User Light Small MessagesGetHistory tl::functions::messages::GetHistory => messages::get_history, "saved_messages_and_history";
    User Light Small MessagesGetMaskStickers tl::functions::messages::GetMaskStickers => messages::get_mask_stickers, "telethon_calls_every_start_up_method";
    User Light Small MessagesGetMessageEditData tl::functions::messages::GetMessageEditData => messages::get_message_edit_data, "telethon_calls_every_member_method";
    User Light Small MessagesGetMessageReactionsList tl::functions::messages::GetMessageReactionsList => messages::get_message_reactions_list, "reactions";
    User Light Small MessagesGetMessageReadParticipants tl::functions::messages::GetMessageReadParticipants => messages::get_message_read_participants, "a_group_from_beginning_to_end";
    User Light Small MessagesGetMessages tl::functions::messages::GetMessages => messages::get_messages, "telethon_calls_every_member_method";
    User Light Small MessagesGetMessagesReactions tl::functions::messages::GetMessagesReactions => messages::get_messages_reactions, "reactions";
    User Light Small MessagesGetMessagesViews tl::functions::messages::GetMessagesViews => messages::get_messages_views, "views_of_posts";
    User Light Small MessagesGetMyStickers tl::functions::messages::GetMyStickers => messages::get_my_stickers, "telethon_calls_every_start_up_method";
    User Light Small MessagesGetOldFeaturedStickers tl::functions::messages::GetOldFeaturedStickers => messages::get_old_featured_stickers, "telethon_calls_every_start_up_method";
    User Light Small MessagesGetOnlines tl::functions::messages::GetOnlines => messages::get_onlines, "a_group_is_managed";
    User Light Small MessagesGetOutboxReadDate tl::functions::messages::GetOutboxReadDate => messages::get_outbox_read_date, "read_dates";
    User Light Small MessagesGetPaidReactionPrivacy tl::functions::messages::GetPaidReactionPrivacy => messages::get_paid_reaction_privacy, "telethon_calls_every_start_up_method";
    User Light Small MessagesGetPeerDialogs tl::functions::messages::GetPeerDialogs => messages::get_peer_dialogs, "telethon_calls_every_member_method";
    User Light Small MessagesGetPeerSettings tl::functions::messages::GetPeerSettings => messages::get_peer_settings, "telethon_calls_every_member_method";
    User Light Small MessagesGetPinnedDialogs tl::functions::messages::GetPinnedDialogs => messages::get_pinned_dialogs, "pinned_dialogs";
    User Light Small MessagesGetPinnedSavedDialogs tl::functions::messages::GetPinnedSavedDialogs => messages::get_pinned_saved_dialogs, "saved_dialogs";
    User Light Small MessagesGetPollResults tl::functions::messages::GetPollResults => messages::get_poll_results, "polls";
    User Light Small MessagesGetPollVotes tl::functions::messages::GetPollVotes => messages::get_poll_votes, "polls";
    User Light Small MessagesGetQuickReplies tl::functions::messages::GetQuickReplies => messages::get_quick_replies, "telethon_calls_every_start_up_method";
    User Light Small MessagesGetRecentLocations tl::functions::messages::GetRecentLocations => messages::get_recent_locations, "telethon_calls_every_start_up_method";
    User Light Small MessagesGetRecentReactions tl::functions::messages::GetRecentReactions => messages::get_recent_reactions, "telethon_calls_every_start_up_method";
    User Light Small MessagesGetRecentStickers tl::functions::messages::GetRecentStickers => messages::get_recent_stickers, "telethon_calls_every_start_up_method";
    User Light Small MessagesGetReplies tl::functions::messages::GetReplies => messages::get_replies, "threads_of_a_supergroup";
    User Light Small MessagesGetSavedDialogs tl::functions::messages::GetSavedDialogs => messages::get_saved_dialogs, "saved_dialogs";
    User Light Small MessagesGetSavedDialogsById tl::functions::messages::GetSavedDialogsById => messages::get_saved_dialogs_by_id, "saved_dialogs";
    User Light Small MessagesGetSavedGifs tl::functions::messages::GetSavedGifs => messages::get_saved_gifs, "telethon_calls_every_start_up_method";
    User Light Small MessagesGetSavedHistory tl::functions::messages::GetSavedHistory => messages::get_saved_history, "saved_dialogs";
    User Light Small MessagesGetSavedReactionTags tl::functions::messages::GetSavedReactionTags => messages::get_saved_reaction_tags, "telethon_calls_every_start_up_method";
    User Light Small MessagesGetScheduledHistory tl::functions::messages::GetScheduledHistory => messages::get_scheduled_history, "scheduled_messages";
    User Light Small MessagesGetScheduledMessages tl::functions::messages::GetScheduledMessages => messages::get_scheduled_messages, "scheduled_messages";
    User Search Small MessagesGetSearchCounters tl::functions::messages::GetSearchCounters => messages::get_search_counters, "searching";
    User Search Small MessagesGetSearchResultsCalendar tl::functions::messages::GetSearchResultsCalendar => messages::get_search_results_calendar, "searching";
    User Search Small MessagesGetSearchResultsPositions tl::functions::messages::GetSearchResultsPositions => messages::get_search_results_positions, "searching";
    User Light Small MessagesGetSponsoredMessages tl::functions::messages::GetSponsoredMessages => messages::get_sponsored_messages, "telethon_calls_every_start_up_method";
    User Light Small MessagesGetStickerSet tl::functions::messages::GetStickerSet => messages::get_sticker_set, "telethon_calls_every_start_up_method";
    User Search Small MessagesGetStickers tl::functions::messages::GetStickers => messages::get_stickers, "telethon_calls_every_start_up_method";
    User Light Small MessagesGetSuggestedDialogFilters tl::functions::messages::GetSuggestedDialogFilters => messages::get_suggested_dialog_filters, "telethon_calls_every_start_up_method";
    User Light Small MessagesGetTopReactions tl::functions::messages::GetTopReactions => messages::get_top_reactions, "telethon_calls_every_start_up_method";
    User Light Small MessagesGetUnreadMentions tl::functions::messages::GetUnreadMentions => messages::get_unread_mentions, "a_group_from_beginning_to_end";
    User Light Small MessagesGetUnreadReactions tl::functions::messages::GetUnreadReactions => messages::get_unread_reactions, "reactions";
    User Light Small MessagesGetWebPage tl::functions::messages::GetWebPage => messages::get_web_page, "links_have_previews";
    User Light Part  MessagesGetWebPagePreview tl::functions::messages::GetWebPagePreview => messages::get_web_page_preview, "telethon_calls_every_start_up_method";
    User Light Small MessagesHideAllChatJoinRequests tl::functions::messages::HideAllChatJoinRequests => messages::hide_all_chat_join_requests, "invite_links";
    User Light Small MessagesHideChatJoinRequest tl::functions::messages::HideChatJoinRequest => messages::hide_chat_join_request, "invite_links";
    User Light Small MessagesHidePeerSettingsBar tl::functions::messages::HidePeerSettingsBar => messages::hide_peer_settings_bar, "the_bar";
    User Light Small MessagesImportChatInvite tl::functions::messages::ImportChatInvite => messages::import_chat_invite, "invite_links";
    User Light Small MessagesInstallStickerSet tl::functions::messages::InstallStickerSet => messages::install_sticker_set, "stickers";
    User Light Small MessagesMarkDialogUnread tl::functions::messages::MarkDialogUnread => messages::mark_dialog_unread, "unread_marks";
    User Light Small MessagesMigrateChat tl::functions::messages::MigrateChat => messages::migrate_chat, "a_group_becomes_a_supergroup";
    User Light Small MessagesReadDiscussion tl::functions::messages::ReadDiscussion => messages::read_discussion, "threads_of_a_supergroup";
    User Light Small MessagesReadEncryptedHistory tl::functions::messages::ReadEncryptedHistory => messages::read_encrypted_history, "two_people_of_one_node_have_a_secret_chat";
    User Light Small MessagesReadHistory tl::functions::messages::ReadHistory => messages::read_history, "six_clients_talk";
    User Light Small MessagesReadMentions tl::functions::messages::ReadMentions => messages::read_mentions, "a_group_from_beginning_to_end";
    User Light Small MessagesReadMessageContents tl::functions::messages::ReadMessageContents => messages::read_message_contents, "a_group_from_beginning_to_end";
    User Light Small MessagesReadReactions tl::functions::messages::ReadReactions => messages::read_reactions, "reactions";
    User Light Small MessagesReceivedMessages tl::functions::messages::ReceivedMessages => messages::received_messages, "telethon_calls_every_member_method";
    User Light Small MessagesReceivedQueue tl::functions::messages::ReceivedQueue => messages::received_queue, "telethon_calls_every_secret_method";
    User Light Small MessagesReorderPinnedDialogs tl::functions::messages::ReorderPinnedDialogs => messages::reorder_pinned_dialogs, "pinned_dialogs";
    User Light Small MessagesReorderPinnedForumTopics tl::functions::messages::ReorderPinnedForumTopics => channels::reorder_pinned_forum_topics, "a_forum_by_many_clients";
    User Light Small MessagesReorderPinnedSavedDialogs tl::functions::messages::ReorderPinnedSavedDialogs => messages::reorder_pinned_saved_dialogs, "saved_dialogs";
    User Light Small MessagesReorderStickerSets tl::functions::messages::ReorderStickerSets => messages::reorder_sticker_sets, "stickers";
    User Light Small MessagesReport tl::functions::messages::Report => messages::report, "reports";
    User Light Small MessagesReportEncryptedSpam tl::functions::messages::ReportEncryptedSpam => messages::report_encrypted_spam, "telethon_calls_every_secret_method";
    User Light Small MessagesReportSpam tl::functions::messages::ReportSpam => messages::report_spam, "reports";
    User Light Small MessagesRequestEncryption tl::functions::messages::RequestEncryption => messages::request_encryption, "two_people_of_one_node_have_a_secret_chat";
    User Light Small MessagesSaveDefaultSendAs tl::functions::messages::SaveDefaultSendAs => channels::save_default_send_as, "in_whose_name_one_writes";
    User Light Small MessagesSaveDraft tl::functions::messages::SaveDraft => messages::save_draft, "drafts";
    User Light Small MessagesSaveGif tl::functions::messages::SaveGif => messages::save_gif, "gifs";
    User Light Small MessagesSaveRecentSticker tl::functions::messages::SaveRecentSticker => messages::save_recent_sticker, "stickers";
    User Search Small MessagesSearch tl::functions::messages::Search => messages::search, "searching";
    User Search Small MessagesSearchCustomEmoji tl::functions::messages::SearchCustomEmoji => messages::search_custom_emoji, "telethon_calls_every_start_up_method";
    User Search Small MessagesSearchEmojiStickerSets tl::functions::messages::SearchEmojiStickerSets => messages::search_emoji_sticker_sets, "telethon_calls_every_start_up_method";
    User Search Small MessagesSearchGlobal tl::functions::messages::SearchGlobal => messages::search_global, "searching";
    User Search Small MessagesSearchSentMedia tl::functions::messages::SearchSentMedia => messages::search_sent_media, "searching";
    User Search Small MessagesSearchStickerSets tl::functions::messages::SearchStickerSets => messages::search_sticker_sets, "telethon_calls_every_start_up_method";
    User Search Small MessagesSearchStickers tl::functions::messages::SearchStickers => messages::search_stickers, "telethon_calls_every_start_up_method";
    User Light Sealed MessagesSendEncrypted tl::functions::messages::SendEncrypted => messages::send_encrypted, "two_people_of_one_node_have_a_secret_chat";
    User Light Sealed MessagesSendEncryptedFile tl::functions::messages::SendEncryptedFile => messages::send_encrypted_file, "two_people_of_one_node_have_a_secret_chat";
    User Light Sealed MessagesSendEncryptedService tl::functions::messages::SendEncryptedService => messages::send_encrypted_service, "two_people_of_one_node_have_a_secret_chat";
    User Light Part  MessagesSendMedia tl::functions::messages::SendMedia => messages::send_media, "files_between_clients";
    User Light Part  MessagesSendMessage tl::functions::messages::SendMessage => messages::send_message, "six_clients_talk";
    User Light Part  MessagesSendMultiMedia tl::functions::messages::SendMultiMedia => messages::send_multi_media, "files_between_clients";
    User Light Small MessagesSendReaction tl::functions::messages::SendReaction => messages::send_reaction, "reactions";
    User Light Small MessagesSendScheduledMessages tl::functions::messages::SendScheduledMessages => messages::send_scheduled_messages, "scheduled_messages";
    User Light Small MessagesSendVote tl::functions::messages::SendVote => messages::send_vote, "polls";
    User Light Small MessagesSetChatAvailableReactions tl::functions::messages::SetChatAvailableReactions => messages::set_chat_available_reactions, "reactions_in_groups";
    User Light Small MessagesSetDefaultHistoryTtl tl::functions::messages::SetDefaultHistoryTtl => messages::set_default_history_ttl, "messages_that_go_by_themselves";
    User Light Small MessagesSetDefaultReaction tl::functions::messages::SetDefaultReaction => messages::set_default_reaction, "reactions";
    User Light Small MessagesSetEncryptedTyping tl::functions::messages::SetEncryptedTyping => messages::set_encrypted_typing, "two_people_of_one_node_have_a_secret_chat";
    User Light Small MessagesSetHistoryTtl tl::functions::messages::SetHistoryTtl => messages::set_history_ttl, "messages_that_go_by_themselves";
    User Light Small MessagesSetTyping tl::functions::messages::SetTyping => messages::set_typing, "typing_and_presence";
    User Light Small MessagesToggleDialogFilterTags tl::functions::messages::ToggleDialogFilterTags => messages::toggle_dialog_filter_tags, "folders";
    User Light Small MessagesToggleDialogPin tl::functions::messages::ToggleDialogPin => messages::toggle_dialog_pin, "pinned_dialogs";
    User Light Small MessagesToggleNoForwards tl::functions::messages::ToggleNoForwards => messages::toggle_no_forwards, "a_group_is_managed";
    User Light Small MessagesToggleSavedDialogPin tl::functions::messages::ToggleSavedDialogPin => messages::toggle_saved_dialog_pin, "saved_dialogs";
    User Light Small MessagesToggleStickerSets tl::functions::messages::ToggleStickerSets => messages::toggle_sticker_sets, "stickers";
    User Light Small MessagesUninstallStickerSet tl::functions::messages::UninstallStickerSet => messages::uninstall_sticker_set, "stickers";
    User Light Small MessagesUnpinAllMessages tl::functions::messages::UnpinAllMessages => messages::unpin_all_messages, "pinned_messages";
    User Light Small MessagesUpdateDialogFilter tl::functions::messages::UpdateDialogFilter => messages::update_dialog_filter, "folders";
    User Light Small MessagesUpdateDialogFiltersOrder tl::functions::messages::UpdateDialogFiltersOrder => messages::update_dialog_filters_order, "folders";
    User Light Small MessagesUpdatePinnedForumTopic tl::functions::messages::UpdatePinnedForumTopic => channels::update_pinned_forum_topic, "a_forum_by_many_clients";
    User Light Small MessagesUpdatePinnedMessage tl::functions::messages::UpdatePinnedMessage => messages::update_pinned_message, "pinned_messages";
    User Light Small MessagesUploadEncryptedFile tl::functions::messages::UploadEncryptedFile => messages::upload_encrypted_file, "telethon_calls_every_secret_method";
    User Light Part  MessagesUploadMedia tl::functions::messages::UploadMedia => messages::upload_media, "files_between_clients";
    User Light Small PaymentsGetPremiumGiftCodeOptions tl::functions::payments::GetPremiumGiftCodeOptions => payments::get_premium_gift_code_options, "telethon_calls_every_start_up_method";
    User Light Small PaymentsGetSavedStarGifts tl::functions::payments::GetSavedStarGifts => payments::get_saved_star_gifts, "telethon_calls_every_start_up_method";
    User Light Small PaymentsGetStarGiftActiveAuctions tl::functions::payments::GetStarGiftActiveAuctions => payments::get_star_gift_active_auctions, "telethon_calls_every_start_up_method";
    User Light Small PaymentsGetStarGiftCollections tl::functions::payments::GetStarGiftCollections => payments::get_star_gift_collections, "telethon_calls_every_start_up_method";
    User Light Small PaymentsGetStarGifts tl::functions::payments::GetStarGifts => payments::get_star_gifts, "telethon_calls_every_start_up_method";
    User Light Small PaymentsGetStarsGiftOptions tl::functions::payments::GetStarsGiftOptions => payments::get_stars_gift_options, "telethon_calls_every_start_up_method";
    User Light Small PaymentsGetStarsGiveawayOptions tl::functions::payments::GetStarsGiveawayOptions => payments::get_stars_giveaway_options, "telethon_calls_every_start_up_method";
    User Light Small PaymentsGetStarsStatus tl::functions::payments::GetStarsStatus => payments::get_stars_status, "telethon_calls_every_start_up_method";
    User Light Small PaymentsGetStarsSubscriptions tl::functions::payments::GetStarsSubscriptions => payments::get_stars_subscriptions, "telethon_calls_every_start_up_method";
    User Light Small PaymentsGetStarsTopupOptions tl::functions::payments::GetStarsTopupOptions => payments::get_stars_topup_options, "telethon_calls_every_start_up_method";
    User Light Small PaymentsGetStarsTransactions tl::functions::payments::GetStarsTransactions => payments::get_stars_transactions, "telethon_calls_every_start_up_method";
    User Light Small PhoneGetCallConfig tl::functions::phone::GetCallConfig => phone::get_call_config, "telethon_calls_every_start_up_method";
    User Light Small PhotosDeletePhotos tl::functions::photos::DeletePhotos => photos::delete_photos, "photos_of_people_and_groups";
    User Light Small PhotosGetUserPhotos tl::functions::photos::GetUserPhotos => photos::get_user_photos, "telethon_calls_every_member_method";
    User Light Small PhotosUpdateProfilePhoto tl::functions::photos::UpdateProfilePhoto => photos::update_profile_photo, "photos_of_people_and_groups";
    User Light Small PhotosUploadProfilePhoto tl::functions::photos::UploadProfilePhoto => photos::upload_profile_photo, "photos_of_people_and_groups";
    User Light Small PremiumGetMyBoosts tl::functions::premium::GetMyBoosts => premium::get_my_boosts, "telethon_calls_every_start_up_method";
    User Light Small StickersAddStickerToSet tl::functions::stickers::AddStickerToSet => stickers::add_sticker_to_set, "stickers";
    User Light Small StickersChangeSticker tl::functions::stickers::ChangeSticker => stickers::change_sticker, "stickers";
    User Light Small StickersChangeStickerPosition tl::functions::stickers::ChangeStickerPosition => stickers::change_sticker_position, "stickers";
    User Light Small StickersCheckShortName tl::functions::stickers::CheckShortName => stickers::check_short_name, "stickers";
    User Light Part  StickersCreateStickerSet tl::functions::stickers::CreateStickerSet => stickers::create_sticker_set, "stickers";
    User Light Small StickersDeleteStickerSet tl::functions::stickers::DeleteStickerSet => stickers::delete_sticker_set, "stickers";
    User Light Small StickersRemoveStickerFromSet tl::functions::stickers::RemoveStickerFromSet => stickers::remove_sticker_from_set, "stickers";
    User Light Small StickersRenameStickerSet tl::functions::stickers::RenameStickerSet => stickers::rename_sticker_set, "stickers";
    User Light Small StickersSetStickerSetThumb tl::functions::stickers::SetStickerSetThumb => stickers::set_sticker_set_thumb, "stickers";
    User Light Small StickersSuggestShortName tl::functions::stickers::SuggestShortName => stickers::suggest_short_name, "stickers";
    User Light Small StoriesGetAlbums tl::functions::stories::GetAlbums => stories::get_albums, "telethon_calls_every_start_up_method";
    User Light Small StoriesGetAllReadPeerStories tl::functions::stories::GetAllReadPeerStories => stories::get_all_read_peer_stories, "telethon_calls_every_start_up_method";
    User Light Small StoriesGetAllStories tl::functions::stories::GetAllStories => stories::get_all_stories, "telethon_calls_every_start_up_method";
    User Light Small StoriesGetChatsToSend tl::functions::stories::GetChatsToSend => stories::get_chats_to_send, "telethon_calls_every_start_up_method";
    User Light Small StoriesGetPeerMaxIDs tl::functions::stories::GetPeerMaxIDs => stories::get_peer_max_ids, "telethon_calls_every_start_up_method";
    User Light Small StoriesGetPeerStories tl::functions::stories::GetPeerStories => stories::get_peer_stories, "telethon_calls_every_start_up_method";
    User Light Small StoriesGetPinnedStories tl::functions::stories::GetPinnedStories => stories::get_pinned_stories, "telethon_calls_every_start_up_method";
    User Light Small StoriesGetStoriesArchive tl::functions::stories::GetStoriesArchive => stories::get_stories_archive, "telethon_calls_every_start_up_method";
    User Light Small StoriesGetStoriesById tl::functions::stories::GetStoriesById => stories::get_stories_by_id, "telethon_calls_every_start_up_method";
    User Light Small UpdatesGetChannelDifference tl::functions::updates::GetChannelDifference => updates::get_channel_difference, "a_channel_from_beginning_to_end";
    User Light Small UpdatesGetDifference tl::functions::updates::GetDifference => updates::get_difference, "six_clients_talk";
    User Light Small UpdatesGetState tl::functions::updates::GetState => updates::get_state, "six_clients_talk";
    User Light Small UploadGetFile tl::functions::upload::GetFile => upload::get_file, "files_between_clients";
    User Light Small UploadGetFileHashes tl::functions::upload::GetFileHashes => upload::get_file_hashes, "files_of_all_sizes";
    User Light Part  UploadSaveBigFilePart tl::functions::upload::SaveBigFilePart => upload::save_big_file_part, "files_of_all_sizes";
    User Light Part  UploadSaveFilePart tl::functions::upload::SaveFilePart => upload::save_file_part, "files_between_clients";
    User Light Small UsersGetFullUser tl::functions::users::GetFullUser => users::get_full_user, "telethon_calls_every_member_method";
    User Light Small UsersGetIsPremiumRequiredToContact tl::functions::users::GetIsPremiumRequiredToContact => users::get_is_premium_required_to_contact, "telethon_calls_every_start_up_method";
    User Light Small UsersGetRequirementsToContact tl::functions::users::GetRequirementsToContact => users::get_requirements_to_contact, "telethon_calls_every_start_up_method";
    User Light Small UsersGetSavedMusic tl::functions::users::GetSavedMusic => users::get_saved_music, "telethon_calls_every_start_up_method";
    User Light Small UsersGetUsers tl::functions::users::GetUsers => users::get_users, "telethon_calls_every_member_method";
};

/// Methods that a client may call before its login and that have no handler yet.
const OPEN_UNBUILT: &[&str] = &[
    "auth.cancelWebTokenAuthorization",
    "auth.checkPaidAuth",
    "auth.finishFirebasePnvLogin",
    "auth.finishPasskeyLogin",
    "auth.firebasePnvSignUp",
    "auth.importBotAuthorization",
    "auth.importWebTokenAuthorization",
    "auth.initFirebasePnvLogin",
    "auth.initPasskeyLogin",
    "auth.requestFirebaseSms",
    "help.getPassportConfig",
    "help.test",
    "test.useConfigSimple",
    "upload.getCdnFile",
];

/// From method to its place in [`BUILT`].
static INDEX: LazyLock<Vec<Option<&'static Built>>> = LazyLock::new(|| {
    let mut index = vec![None; Method::ALL.len()];
    for built in BUILT {
        if let Some(slot) = index.get_mut(built.method as usize) {
            *slot = Some(built);
        }
    }
    index
});

static GUARDS: LazyLock<Vec<Guard>> = LazyLock::new(|| {
    let open = |method: &Method| match built(*method) {
        Some(built) => built.guard,
        None if OPEN_UNBUILT.contains(&method.name()) => Guard::Open,
        None => Guard::User,
    };
    Method::ALL.iter().map(open).collect()
});

/// The handler's row, if the method has one.
pub(crate) fn built(method: Method) -> Option<&'static Built> {
    INDEX.get(method as usize).copied().flatten()
}

/// Who may call `method`.
pub(crate) fn guard(method: Method) -> Guard {
    GUARDS.get(method as usize).copied().unwrap_or(Guard::User)
}

impl Built {
    /// How long a request may be.
    pub(crate) fn size(&self) -> Size {
        self.size
    }

    /// Whether a request is no longer than it may be.
    ///
    /// # Errors
    /// 400 `INPUT_REQUEST_TOO_LONG`.
    pub(crate) fn check_length(&self, query: &[u8]) -> RpcResult<()> {
        let fits = query.len() <= self.size().bytes_max();
        if fits { Ok(()) } else { Err(RpcError::INPUT_REQUEST_TOO_LONG) }
    }

    /// How dear a call is.
    pub(crate) fn rate(&self) -> Rate {
        self.rate
    }
}

/// The whole table in TL's order.
pub fn method_rows() -> impl Iterator<Item = MethodRow> {
    Method::ALL.iter().map(|method| MethodRow {
        name: method.name(),
        guard: guard(*method),
        rate: built(*method).map(Built::rate),
        shown_by: built(*method).map(|b| b.shown_by),
    })
}
