//! Everything that clients ask right after a login and that a node has nothing to show for, called
//! by Telethon 1.45.0 (layer 229).

use std::path::Path;

use serde_json::{Value, json};

use crate::report::{self, Arguments};
use crate::support::install;
use crate::support::node::TestNode;
use crate::support::skip::skipped;

/// Every list is empty, every setting is the default, and nothing but a sticker set is refused.
///
/// How: `telethon/start_up.py` logs in with an invite's number and code, and calls each method once;
/// those with a hash of the node's choice once more.
#[test]
fn telethon_calls_every_start_up_method() {
    if skipped(&["telethon", "start-up"]) {
        return;
    }
    let node = TestNode::start();
    let (phone, code) = node.invite();
    let python = install::python("telethon-1.45.0", "telethon/requirements-1.45.0.txt");
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let arguments = Arguments {
        transport: "full",
        phone: Some(&phone),
        code: Some(&code),
        ..Arguments::default()
    };
    let report = report::drive(&node, &python, here, "telethon/start_up.py", &arguments);

    assert_eq!(report["stranger"], json!([401, "AUTH_KEY_UNREGISTERED"]));
    // The node says 406; Telethon's class for the name has a code of its own.
    assert_eq!(
        report["refused"],
        json!({ "messages.GetStickerSetRequest": [400, "STICKERSET_INVALID"] })
    );
    let seen = report["seen"].as_object().expect("an object");
    for (name, found) in expected().as_object().expect("an object") {
        assert_eq!(seen.get(name), Some(found), "{name}");
    }
    assert_eq!(Some(seen.len()), expected().as_object().map(serde_json::Map::len), "{report}");
    assert_eq!(
        report["again"],
        json!({
            "account.GetWebBrowserSettingsRequest": "WebBrowserSettingsNotModified",
            "aicompose.GetTonesRequest": "TonesNotModified",
            "messages.GetAttachMenuBotsRequest": "AttachMenuBotsNotModified",
            "messages.GetAvailableEffectsRequest": "AvailableEffectsNotModified",
            "messages.GetAvailableReactionsRequest": "AvailableReactionsNotModified",
            "messages.GetEmojiGroupsRequest": "EmojiGroupsNotModified",
            "messages.GetEmojiProfilePhotoGroupsRequest": "EmojiGroupsNotModified",
            "messages.GetEmojiStatusGroupsRequest": "EmojiGroupsNotModified",
            "messages.GetEmojiStickerGroupsRequest": "EmojiGroupsNotModified",
            "messages.GetTopReactionsRequest": "ReactionsNotModified",
            "payments.GetStarGiftsRequest": "StarGiftsNotModified",
            "stories.GetAllStoriesRequest": "AllStoriesNotModified",
        })
    );
    assert_eq!(report["filters"], json!(["DialogFilterDefault"]));
    assert_eq!(report["has_password"], false);
    assert_eq!(report["password_bytes"], json!([8, 16, 256, 8, 256]));
    assert_eq!(report["own_stories"], true);
    assert_eq!(report["stars"], 0);
}

/// What Telethon made of each answer: a value, or the types of a vector's elements.
fn expected() -> Value {
    let mut all = json!({
        "help.HidePromoDataRequest": true,
        "help.DismissSuggestionRequest": true,
        "help.SaveAppLogRequest": true,
        "account.GetContactSignUpNotificationRequest": false,
        "contacts.GetSavedRequest": [],
        "messages.GetSuggestedDialogFiltersRequest": [],
        "messages.GetDialogUnreadMarksRequest": [],
        "messages.GetEmojiKeywordsLanguagesRequest": [],
        "messages.GetCustomEmojiDocumentsRequest": [],
        "stories.GetPeerMaxIDsRequest": ["RecentStory", "RecentStory"],
        "payments.GetStarsTopupOptionsRequest": [],
        "payments.GetStarsGiftOptionsRequest": [],
        "payments.GetStarsGiveawayOptionsRequest": [],
        "payments.GetPremiumGiftCodeOptionsRequest": [],
        "users.GetRequirementsToContactRequest": ["RequirementToContactEmpty", "RequirementToContactEmpty"],
        "users.GetIsPremiumRequiredToContactRequest": [false, false],
    });
    for (name, answer) in TYPES {
        all[*name] = json!(answer);
    }
    all
}

/// The types of the other answers as Telethon names them.
const TYPES: &[(&str, &str)] = &[
    ("help.GetTermsOfServiceUpdateRequest", "TermsOfServiceUpdateEmpty"),
    ("help.GetPromoDataRequest", "PromoDataEmpty"),
    ("help.GetPremiumPromoRequest", "PremiumPromo"),
    ("account.GetThemesRequest", "Themes"),
    ("account.GetChatThemesRequest", "Themes"),
    ("account.GetUniqueGiftChatThemesRequest", "ChatThemes"),
    ("account.GetWallPapersRequest", "WallPapers"),
    ("account.GetDefaultEmojiStatusesRequest", "EmojiStatuses"),
    ("account.GetRecentEmojiStatusesRequest", "EmojiStatuses"),
    ("account.GetCollectibleEmojiStatusesRequest", "EmojiStatuses"),
    ("account.GetChannelDefaultEmojiStatusesRequest", "EmojiStatuses"),
    ("account.GetDefaultBackgroundEmojisRequest", "EmojiList"),
    ("account.GetDefaultProfilePhotoEmojisRequest", "EmojiList"),
    ("account.GetDefaultGroupPhotoEmojisRequest", "EmojiList"),
    ("account.GetChannelRestrictedStatusEmojisRequest", "EmojiList"),
    ("account.GetSavedRingtonesRequest", "SavedRingtones"),
    ("account.GetWebAuthorizationsRequest", "WebAuthorizations"),
    ("account.GetConnectedBotsRequest", "ConnectedBots"),
    ("account.GetPasskeysRequest", "Passkeys"),
    ("account.GetSavedMusicIdsRequest", "SavedMusicIds"),
    ("account.GetWebBrowserSettingsRequest", "WebBrowserSettings"),
    ("account.GetNotifyExceptionsRequest", "Updates"),
    ("account.GetAutoDownloadSettingsRequest", "AutoDownloadSettings"),
    ("account.GetAutoSaveSettingsRequest", "AutoSaveSettings"),
    ("account.GetContentSettingsRequest", "ContentSettings"),
    ("account.GetNotifySettingsRequest", "PeerNotifySettings"),
    ("account.GetReactionsNotifySettingsRequest", "ReactionsNotifySettings"),
    ("account.GetGlobalPrivacySettingsRequest", "GlobalPrivacySettings"),
    ("account.GetPrivacyRequest", "PrivacyRules"),
    ("account.GetPasswordRequest", "Password"),
    ("contacts.GetTopPeersRequest", "TopPeers"),
    ("contacts.GetBirthdaysRequest", "ContactBirthdays"),
    ("contacts.GetSponsoredPeersRequest", "SponsoredPeersEmpty"),
    ("messages.GetDialogFiltersRequest", "DialogFilters"),
    ("messages.GetAttachMenuBotsRequest", "AttachMenuBots"),
    ("messages.GetQuickRepliesRequest", "QuickReplies"),
    ("messages.GetRecentLocationsRequest", "Messages"),
    ("messages.GetScheduledHistoryRequest", "Messages"),
    ("messages.GetSponsoredMessagesRequest", "SponsoredMessagesEmpty"),
    ("messages.GetAllDraftsRequest", "Updates"),
    ("messages.GetSavedDialogsRequest", "SavedDialogs"),
    ("messages.GetPinnedSavedDialogsRequest", "SavedDialogs"),
    ("messages.GetDefaultHistoryTTLRequest", "DefaultHistoryTTL"),
    ("messages.GetWebPagePreviewRequest", "WebPagePreview"),
    ("messages.GetAvailableReactionsRequest", "AvailableReactions"),
    ("messages.GetAvailableEffectsRequest", "AvailableEffects"),
    ("messages.GetTopReactionsRequest", "Reactions"),
    ("messages.GetRecentReactionsRequest", "Reactions"),
    ("messages.GetDefaultTagReactionsRequest", "Reactions"),
    ("messages.GetSavedReactionTagsRequest", "SavedReactionTags"),
    ("messages.GetPaidReactionPrivacyRequest", "Updates"),
    ("messages.GetEmojiKeywordsRequest", "EmojiKeywordsDifference"),
    ("messages.GetEmojiKeywordsDifferenceRequest", "EmojiKeywordsDifference"),
    ("messages.GetEmojiGroupsRequest", "EmojiGroups"),
    ("messages.GetEmojiStatusGroupsRequest", "EmojiGroups"),
    ("messages.GetEmojiProfilePhotoGroupsRequest", "EmojiGroups"),
    ("messages.GetEmojiStickerGroupsRequest", "EmojiGroups"),
    ("messages.GetStickersRequest", "Stickers"),
    ("messages.GetAllStickersRequest", "AllStickers"),
    ("messages.GetEmojiStickersRequest", "AllStickers"),
    ("messages.GetMaskStickersRequest", "AllStickers"),
    ("messages.GetFavedStickersRequest", "FavedStickers"),
    ("messages.GetRecentStickersRequest", "RecentStickers"),
    ("messages.GetFeaturedStickersRequest", "FeaturedStickers"),
    ("messages.GetFeaturedEmojiStickersRequest", "FeaturedStickers"),
    ("messages.GetOldFeaturedStickersRequest", "FeaturedStickers"),
    ("messages.GetArchivedStickersRequest", "ArchivedStickers"),
    ("messages.GetMyStickersRequest", "MyStickers"),
    ("messages.SearchStickerSetsRequest", "FoundStickerSets"),
    ("messages.SearchEmojiStickerSetsRequest", "FoundStickerSets"),
    ("messages.SearchStickersRequest", "FoundStickers"),
    ("messages.SearchCustomEmojiRequest", "EmojiList"),
    ("messages.GetSavedGifsRequest", "SavedGifs"),
    ("stories.GetAllStoriesRequest", "AllStories"),
    ("stories.GetPeerStoriesRequest", "PeerStories"),
    ("stories.GetAllReadPeerStoriesRequest", "Updates"),
    ("stories.GetChatsToSendRequest", "Chats"),
    ("stories.GetPinnedStoriesRequest", "Stories"),
    ("stories.GetStoriesArchiveRequest", "Stories"),
    ("stories.GetStoriesByIDRequest", "Stories"),
    ("stories.GetAlbumsRequest", "Albums"),
    ("payments.GetStarsStatusRequest", "StarsStatus"),
    ("payments.GetStarsTransactionsRequest", "StarsStatus"),
    ("payments.GetStarsSubscriptionsRequest", "StarsStatus"),
    ("payments.GetStarGiftsRequest", "StarGifts"),
    ("payments.GetSavedStarGiftsRequest", "SavedStarGifts"),
    ("payments.GetStarGiftCollectionsRequest", "StarGiftCollections"),
    ("payments.GetStarGiftActiveAuctionsRequest", "StarGiftActiveAuctions"),
    ("premium.GetMyBoostsRequest", "MyBoosts"),
    ("phone.GetCallConfigRequest", "DataJSON"),
    ("channels.GetInactiveChannelsRequest", "InactiveChats"),
    ("channels.GetAdminedPublicChannelsRequest", "Chats"),
    ("channels.GetChannelRecommendationsRequest", "Chats"),
    ("channels.GetSponsoredMessagesRequest", "SponsoredMessagesEmpty"),
    ("bots.GetPopularAppBotsRequest", "PopularAppBots"),
    ("bots.GetBotRecommendationsRequest", "Users"),
    ("aicompose.GetTonesRequest", "Tones"),
    ("users.GetSavedMusicRequest", "SavedMusic"),
];
