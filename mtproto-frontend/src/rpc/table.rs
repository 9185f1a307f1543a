//! The table of all methods: who may call each, how often, and what answers it.
//!
//! The rows come from TL: every method of every supported layer. [`BUILT`] names those that have
//! a handler, with the foreign clients' tests that show them; the rest answer one documented
//! error. `docs/coverage.md` is written from here.

use std::sync::LazyLock;

use futures_util::future::BoxFuture;
use tl::Method;

use super::{
    Context, RpcResult, account, auth, contacts, help, langpack, messages, photos, updates, users,
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
}

/// What the longest request may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// 16 KiB: anything before a login.
    Small,
    /// 1 MiB: a file part and its envelope.
    Part,
}

impl Size {
    /// The bound in bytes.
    #[must_use]
    pub const fn bytes_max(self) -> usize {
        match self {
            Self::Small => 16 << 10,
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
    Open Light Small AuthBindTempAuthKey tl::functions::auth::BindTempAuthKey => auth::bind_temp_auth_key, "tdlib_through_socks5_with_pfs";
    Open Code  Small AuthCancelCode tl::functions::auth::CancelCode => auth::cancel_code, "telethon_calls_every_open_method";
    Open Light Small AuthDropTempAuthKeys tl::functions::auth::DropTempAuthKeys => auth::drop_temp_auth_keys, "telethon_calls_every_open_method";
    Open Light Small AuthExportLoginToken tl::functions::auth::ExportLoginToken => auth::export_login_token, "telethon_calls_every_open_method";
    Open Code  Small AuthResendCode tl::functions::auth::ResendCode => auth::resend_code, "telethon_calls_every_open_method";
    Open Code  Small AuthSendCode tl::functions::auth::SendCode => auth::send_code, "telethon_calls_every_open_method";
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
    Open Light Small HelpGetTimezonesList tl::functions::help::GetTimezonesList => help::get_timezones_list, "telethon_calls_every_open_method";
    Open Light Small LangpackGetDifference tl::functions::langpack::GetDifference => langpack::get_difference, "telethon_calls_every_open_method";
    Open Light Small LangpackGetLangPack tl::functions::langpack::GetLangPack => langpack::get_lang_pack, "telethon_calls_every_open_method";
    Open Light Small LangpackGetLanguage tl::functions::langpack::GetLanguage => langpack::get_language, "telethon_calls_every_open_method";
    Open Light Small LangpackGetLanguages tl::functions::langpack::GetLanguages => langpack::get_languages, "telethon_calls_every_open_method";
    Open Light Small LangpackGetStrings tl::functions::langpack::GetStrings => langpack::get_strings, "telethon_calls_every_open_method";
    User Light Small AccountCheckUsername tl::functions::account::CheckUsername => account::check_username, "TODO";
    User Light Small AccountGetAuthorizations tl::functions::account::GetAuthorizations => account::get_authorizations, "TODO";
    User Light Small AccountResetAuthorization tl::functions::account::ResetAuthorization => account::reset_authorization, "TODO";
    User Light Small AccountUpdateProfile tl::functions::account::UpdateProfile => account::update_profile, "TODO";
    User Light Small AccountUpdateStatus tl::functions::account::UpdateStatus => account::update_status, "TODO";
    User Light Small AccountUpdateUsername tl::functions::account::UpdateUsername => account::update_username, "TODO";
    User Light Small AuthExportAuthorization tl::functions::auth::ExportAuthorization => auth::export_authorization, "TODO";
    Open Light Small AuthImportAuthorization tl::functions::auth::ImportAuthorization => auth::import_authorization, "TODO";
    User Light Small AuthLogOut tl::functions::auth::LogOut => auth::log_out, "TODO";
    User Light Small AuthResetAuthorizations tl::functions::auth::ResetAuthorizations => auth::reset_authorizations, "TODO";
    Open Code  Small AuthSignIn tl::functions::auth::SignIn => auth::sign_in, "TODO";
    Open Code  Small AuthSignUp tl::functions::auth::SignUp => auth::sign_up, "TODO";
    User Light Small ContactsAddContact tl::functions::contacts::AddContact => contacts::add_contact, "TODO";
    User Light Small ContactsBlock tl::functions::contacts::Block => contacts::block, "TODO";
    User Light Small ContactsDeleteContacts tl::functions::contacts::DeleteContacts => contacts::delete_contacts, "TODO";
    User Light Small ContactsGetBlocked tl::functions::contacts::GetBlocked => contacts::get_blocked, "TODO";
    User Light Small ContactsGetContactIDs tl::functions::contacts::GetContactIDs => contacts::get_contact_ids, "TODO";
    User Light Small ContactsGetContacts tl::functions::contacts::GetContacts => contacts::get_contacts, "TODO";
    User Light Small ContactsGetStatuses tl::functions::contacts::GetStatuses => contacts::get_statuses, "TODO";
    User Light Part  ContactsImportContacts tl::functions::contacts::ImportContacts => contacts::import_contacts, "TODO";
    User Light Small ContactsResolvePhone tl::functions::contacts::ResolvePhone => contacts::resolve_phone, "TODO";
    User Light Small ContactsResolveUsername tl::functions::contacts::ResolveUsername => contacts::resolve_username, "TODO";
    User Light Small ContactsSearch tl::functions::contacts::Search => contacts::search, "TODO";
    User Light Small ContactsUnblock tl::functions::contacts::Unblock => contacts::unblock, "TODO";
    User Light Small MessagesDeleteMessages tl::functions::messages::DeleteMessages => messages::delete_messages, "TODO";
    User Light Part  MessagesEditMessage tl::functions::messages::EditMessage => messages::edit_message, "TODO";
    User Light Small MessagesForwardMessages tl::functions::messages::ForwardMessages => messages::forward_messages, "TODO";
    User Light Small MessagesGetCommonChats tl::functions::messages::GetCommonChats => messages::get_common_chats, "TODO";
    User Light Small MessagesGetDialogs tl::functions::messages::GetDialogs => messages::get_dialogs, "TODO";
    User Light Small MessagesGetHistory tl::functions::messages::GetHistory => messages::get_history, "TODO";
    User Light Small MessagesGetMessageEditData tl::functions::messages::GetMessageEditData => messages::get_message_edit_data, "TODO";
    User Light Small MessagesGetMessages tl::functions::messages::GetMessages => messages::get_messages, "TODO";
    User Light Small MessagesGetPeerDialogs tl::functions::messages::GetPeerDialogs => messages::get_peer_dialogs, "TODO";
    User Light Small MessagesGetPeerSettings tl::functions::messages::GetPeerSettings => messages::get_peer_settings, "TODO";
    User Light Small MessagesGetPinnedDialogs tl::functions::messages::GetPinnedDialogs => messages::get_pinned_dialogs, "TODO";
    User Light Small MessagesReadHistory tl::functions::messages::ReadHistory => messages::read_history, "TODO";
    User Light Small MessagesReadMessageContents tl::functions::messages::ReadMessageContents => messages::read_message_contents, "TODO";
    User Light Small MessagesReceivedMessages tl::functions::messages::ReceivedMessages => messages::received_messages, "TODO";
    User Light Part  MessagesSendMessage tl::functions::messages::SendMessage => messages::send_message, "TODO";
    User Light Small MessagesSetTyping tl::functions::messages::SetTyping => messages::set_typing, "TODO";
    User Light Small PhotosGetUserPhotos tl::functions::photos::GetUserPhotos => photos::get_user_photos, "TODO";
    User Light Small UpdatesGetDifference tl::functions::updates::GetDifference => updates::get_difference, "TODO";
    User Light Small UpdatesGetState tl::functions::updates::GetState => updates::get_state, "TODO";
    User Light Small UsersGetFullUser tl::functions::users::GetFullUser => users::get_full_user, "TODO";
    User Light Small UsersGetUsers tl::functions::users::GetUsers => users::get_users, "TODO";
};

/// Methods that a client may call before its login and that have no handler yet.
const OPEN_UNBUILT: &[&str] = &[
    "auth.cancelWebTokenAuthorization",
    "auth.checkPaidAuth",
    "auth.checkPassword",
    "auth.checkRecoveryPassword",
    "auth.finishFirebasePnvLogin",
    "auth.finishPasskeyLogin",
    "auth.firebasePnvSignUp",
    "auth.importBotAuthorization",
    "auth.importLoginToken",
    "auth.importWebTokenAuthorization",
    "auth.initFirebasePnvLogin",
    "auth.initPasskeyLogin",
    "auth.recoverPassword",
    "auth.reportMissingCode",
    "auth.requestFirebaseSms",
    "auth.requestPasswordRecovery",
    "auth.resetLoginEmail",
    "account.resendPasswordEmail",
    "account.sendVerifyEmailCode",
    "account.verifyEmail",
    "help.getPassportConfig",
    "help.getSupport",
    "help.saveAppLog",
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
