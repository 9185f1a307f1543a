//! What a personal account has, feature by feature.

/// What a personal account has, by the methods that do it; or why some of it comes later.
pub(crate) const FEATURES: &[(&str, &[&str], &str)] = &[
    (
        "Login by code, to other sessions, by mail, webhook or command; by invite",
        &["auth.sendCode", "auth.resendCode", "auth.cancelCode", "auth.signIn", "auth.signUp"],
        "",
    ),
    (
        "Two-step verification, recovery",
        &[
            "account.getPassword",
            "account.updatePasswordSettings",
            "auth.checkPassword",
            "auth.requestPasswordRecovery",
            "auth.recoverPassword",
            "account.resetPassword",
        ],
        "",
    ),
    (
        "Login by QR code",
        &["auth.exportLoginToken", "auth.acceptLoginToken", "auth.importLoginToken"],
        "",
    ),
    ("Passkeys", &[], "a further way in, after those that every client has"),
    ("Login of bots", &[], "bots"),
    (
        "Devices: list, ending, notices, life of unused ones",
        &[
            "account.getAuthorizations",
            "account.resetAuthorization",
            "account.setAuthorizationTTL",
            "account.changeAuthorizationSettings",
            "auth.resetAuthorizations",
        ],
        "",
    ),
    ("Logging out, with a token for the next login", &["auth.logOut"], ""),
    ("All DCs are here", &["auth.exportAuthorization", "auth.importAuthorization"], ""),
    (
        "Deletion of an account, also when unused",
        &["account.deleteAccount", "account.getAccountTTL", "account.setAccountTTL"],
        "",
    ),
    ("Change of number", &["account.sendChangePhoneCode", "account.changePhone"], ""),
    (
        "Usernames",
        &["account.checkUsername", "account.updateUsername"],
        "more than one: with collectible names, never",
    ),
    (
        "Names, bio, birthday, colours",
        &["account.updateProfile", "account.updateBirthday", "account.updateColor"],
        "emoji statuses: with custom emoji; profile photos: with media",
    ),
    (
        "Privacy",
        &[
            "account.getPrivacy",
            "account.setPrivacy",
            "account.getGlobalPrivacySettings",
            "account.setGlobalPrivacySettings",
        ],
        "",
    ),
    (
        "Blocking",
        &["contacts.block", "contacts.unblock", "contacts.getBlocked", "contacts.setBlocked"],
        "",
    ),
    (
        "Notification settings, exceptions",
        &[
            "account.getNotifySettings",
            "account.updateNotifySettings",
            "account.resetNotifySettings",
            "account.getNotifyExceptions",
        ],
        "",
    ),
    (
        "Reports, kept for the operator",
        &["account.reportPeer", "messages.report", "messages.reportSpam"],
        "",
    ),
    (
        "Terms, support, countries",
        &["help.getTermsOfServiceUpdate", "help.getCountriesList", "help.getSupport"],
        "",
    ),
    (
        "Contacts: import, add, delete, notes, search",
        &[
            "contacts.getContacts",
            "contacts.importContacts",
            "contacts.addContact",
            "contacts.deleteContacts",
            "contacts.search",
            "contacts.resolveUsername",
            "contacts.resolvePhone",
        ],
        "",
    ),
    (
        "Users, common chats, presence, typing",
        &[
            "users.getUsers",
            "users.getFullUser",
            "messages.getCommonChats",
            "account.updateStatus",
            "messages.setTyping",
        ],
        "",
    ),
    ("The bar above a dialog", &["messages.getPeerSettings", "messages.hidePeerSettingsBar"], ""),
    ("Top peers, people nearby", &["contacts.getTopPeers"], "the list is empty as yet"),
    (
        "Dialogs: pins, archive",
        &[
            "messages.getDialogs",
            "messages.toggleDialogPin",
            "messages.reorderPinnedDialogs",
            "folders.editPeerFolders",
        ],
        "",
    ),
    (
        "Folders",
        &[
            "messages.getDialogFilters",
            "messages.updateDialogFilter",
            "messages.updateDialogFiltersOrder",
        ],
        "folders to share: with channels",
    ),
    (
        "History, forwards, edits, deletions",
        &[
            "messages.getHistory",
            "messages.forwardMessages",
            "messages.editMessage",
            "messages.deleteMessages",
            "messages.deleteHistory",
        ],
        "",
    ),
    (
        "Read state, read dates",
        &["messages.readHistory", "messages.getOutboxReadDate"],
        "who has read: with groups",
    ),
    ("Unread marks", &["messages.markDialogUnread", "messages.getDialogUnreadMarks"], ""),
    (
        "Mentions",
        &["messages.getUnreadMentions", "messages.readMentions"],
        "counted in groups only",
    ),
    ("Pinned messages", &["messages.updatePinnedMessage", "messages.unpinAllMessages"], ""),
    (
        "Scheduled messages",
        &[
            "messages.getScheduledHistory",
            "messages.sendScheduledMessages",
            "messages.deleteScheduledMessages",
        ],
        "",
    ),
    ("Drafts", &["messages.saveDraft", "messages.getAllDrafts", "messages.clearAllDrafts"], ""),
    (
        "Saved messages by where they came from",
        &["messages.getSavedDialogs", "messages.getSavedHistory", "messages.toggleSavedDialogPin"],
        "",
    ),
    (
        "Messages that go by themselves",
        &["messages.setHistoryTTL", "messages.setDefaultHistoryTTL"],
        "",
    ),
    (
        "Search in a dialog and in all",
        &["messages.search", "messages.searchGlobal", "messages.getSearchCounters"],
        "files and pictures: with media",
    ),
    ("Language packs", &["langpack.getLangPack", "langpack.getLanguages"], "own packs"),
    (
        "Configuration of clients",
        &["help.getConfig", "help.getAppConfig", "help.getNearestDc", "help.getPromoData"],
        "",
    ),
];
