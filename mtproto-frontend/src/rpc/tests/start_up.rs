//! What clients ask right after their login has an answer in every layer that has the method.

use std::collections::BTreeSet;

use node_core::{Standing, UserId};
use tl::functions as f;
use tl::{Function, enums, types};

use super::{call, context};
use crate::rpc::table::{Guard, method_rows};
use crate::rpc::{Context, RpcError, execute};

const SELF: i64 = 4_242;

fn member(layer: i32) -> Context {
    Context { standing: Standing::LoggedIn(UserId(SELF)), ..context(layer, 0) }
}

/// Collects what was called, so that no row of the table is forgotten.
struct Calls {
    contexts: Vec<Context>,
    seen: BTreeSet<&'static str>,
}

impl Calls {
    fn new() -> Self {
        let contexts = (tl::LAYER_MIN..=tl::LAYER_MAX).map(member).collect();
        Self { contexts, seen: BTreeSet::new() }
    }

    fn layers_of<F: Function>(&mut self) -> impl Iterator<Item = &Context> {
        self.seen.insert(F::METHOD.name());
        self.contexts.iter().filter(|ctx| F::METHOD.is_in(ctx.layer))
    }

    /// The answer reads back as the method's type, and is what `holds` says.
    async fn check<F: Function>(&mut self, request: F, holds: impl Fn(&F::Result) -> bool) {
        for ctx in self.layers_of::<F>() {
            let answer = call(ctx, &request).await;
            let answer = answer.unwrap_or_else(|e| panic!("{:?} {e:?}", F::METHOD));
            assert!(holds(&answer), "{:?} at {}", F::METHOD, ctx.layer);
        }
    }

    /// The same for a method that answered with another type, `Old`, up to layer `until`.
    async fn check_changed<F: Function, Old: tl::Read>(
        &mut self,
        request: F,
        until: i32,
        old_holds: impl Fn(&Old) -> bool,
        holds: impl Fn(&F::Result) -> bool,
    ) {
        for ctx in self.layers_of::<F>() {
            let query = tl::to_bytes(&request, ctx.layer).unwrap();
            let answer = execute(ctx, &query).await.unwrap();
            let right = if ctx.layer <= until {
                old_holds(&tl::from_bytes::<Old>(&answer, ctx.layer).unwrap())
            } else {
                holds(&tl::from_bytes::<F::Result>(&answer, ctx.layer).unwrap())
            };
            assert!(right, "{:?} at {}", F::METHOD, ctx.layer);
        }
    }
}

/// Methods without a twist: the answer is the default of a type, once as the newest layer has it.
macro_rules! defaults {
    ($calls:ident; $($request:path => $answer:path;)*) => {
        $($calls.check(<$request>::default(), |answer| {
            *answer == <$answer>::default().into()
        }).await;)*
    };
}

macro_rules! no_elements {
    ($calls:ident; $($request:path)*) => {
        $($calls.check(<$request>::default(), |answer| answer.is_empty()).await;)*
    };
}

/// The answer is full for who has nothing or something else, "not modified" for who has it.
macro_rules! chosen_hash {
    ($calls:ident; $(f::$space:ident::$name:ident => $full:path, $not_modified:path;)*) => {
        $(for known in [0, 7] {
            $calls.check(f::$space::$name { hash: known }, |answer| {
                matches!(answer, $full(full) if full.hash == 1)
            }).await;
        }
        $calls.check(f::$space::$name { hash: 1 }, |answer| matches!(answer, $not_modified(_))).await;)*
    };
}

#[tokio::test]
async fn every_start_up_method_answers_in_every_layer() {
    let mut calls = Calls::new();
    lists_are_empty(&mut calls).await;
    hashes_are_stable(&mut calls).await;
    settings_are_the_defaults(&mut calls).await;
    notices_are_none(&mut calls).await;
    answers_follow_the_question(&mut calls).await;
    types_follow_the_layer(&mut calls).await;

    let rows = method_rows().filter(|row| {
        row.shown_by == Some("telethon_calls_every_start_up_method") && row.guard == Guard::User
    });
    let mut rows: BTreeSet<_> = rows.map(|row| row.name).collect();
    // Clients may report before their login too.
    rows.insert("help.saveAppLog");
    // Some of what is called here has a scenario of its own.
    let missing: Vec<_> = rows.difference(&calls.seen).collect();
    assert!(missing.is_empty(), "not called: {missing:?}");
}

async fn lists_are_empty(calls: &mut Calls) {
    use types::{account, bots, contacts, messages, payments, premium, stories, users};
    defaults! { calls;
        f::account::GetThemes => account::Themes;
        f::account::GetChatThemes => account::Themes;
        f::account::GetUniqueGiftChatThemes => account::ChatThemes;
        f::account::GetWallPapers => account::WallPapers;
        f::account::GetDefaultEmojiStatuses => account::EmojiStatuses;
        f::account::GetRecentEmojiStatuses => account::EmojiStatuses;
        f::account::GetCollectibleEmojiStatuses => account::EmojiStatuses;
        f::account::GetChannelDefaultEmojiStatuses => account::EmojiStatuses;
        f::account::GetDefaultBackgroundEmojis => types::EmojiList;
        f::account::GetDefaultProfilePhotoEmojis => types::EmojiList;
        f::account::GetDefaultGroupPhotoEmojis => types::EmojiList;
        f::account::GetChannelRestrictedStatusEmojis => types::EmojiList;
        f::account::GetSavedRingtones => account::SavedRingtones;
        f::account::GetWebAuthorizations => account::WebAuthorizations;
        f::account::GetConnectedBots => account::ConnectedBots;
        f::account::GetPasskeys => account::Passkeys;
        f::account::GetSavedMusicIds => account::SavedMusicIds;
        f::bots::GetPopularAppBots => bots::PopularAppBots;
        f::bots::GetBotRecommendations => users::Users;
        f::channels::GetInactiveChannels => messages::InactiveChats;
        f::channels::GetAdminedPublicChannels => messages::Chats;
        f::channels::GetChannelRecommendations => messages::Chats;
        f::channels::GetSponsoredMessages => messages::SponsoredMessagesEmpty;
        f::contacts::GetTopPeers => contacts::TopPeers;
        f::contacts::GetBirthdays => contacts::ContactBirthdays;
        f::contacts::GetSponsoredPeers => contacts::SponsoredPeersEmpty;
        f::messages::GetQuickReplies => messages::QuickReplies;
        f::messages::GetRecentLocations => messages::Messages;
        f::messages::GetSponsoredMessages => messages::SponsoredMessagesEmpty;
        f::messages::GetSavedDialogs => messages::SavedDialogs;
        f::messages::GetPinnedSavedDialogs => messages::SavedDialogs;
        f::messages::GetAllStickers => messages::AllStickers;
        f::messages::GetEmojiStickers => messages::AllStickers;
        f::messages::GetMaskStickers => messages::AllStickers;
        f::messages::GetFavedStickers => messages::FavedStickers;
        f::messages::GetRecentStickers => messages::RecentStickers;
        f::messages::GetFeaturedStickers => messages::FeaturedStickers;
        f::messages::GetFeaturedEmojiStickers => messages::FeaturedStickers;
        f::messages::GetOldFeaturedStickers => messages::FeaturedStickers;
        f::messages::GetArchivedStickers => messages::ArchivedStickers;
        f::messages::GetMyStickers => messages::MyStickers;
        f::messages::SearchStickerSets => messages::FoundStickerSets;
        f::messages::SearchEmojiStickerSets => messages::FoundStickerSets;
        f::messages::SearchStickers => messages::FoundStickers;
        f::messages::SearchCustomEmoji => types::EmojiList;
        f::messages::GetSavedGifs => messages::SavedGifs;
        f::messages::GetTopReactions => messages::Reactions;
        f::messages::GetRecentReactions => messages::Reactions;
        f::messages::GetDefaultTagReactions => messages::Reactions;
        f::messages::GetSavedReactionTags => messages::SavedReactionTags;
        f::payments::GetSavedStarGifts => payments::SavedStarGifts;
        f::payments::GetStarGiftCollections => payments::StarGiftCollections;
        f::payments::GetStarGiftActiveAuctions => payments::StarGiftActiveAuctions;
        f::premium::GetMyBoosts => premium::MyBoosts;
        f::stories::GetChatsToSend => messages::Chats;
        f::stories::GetPinnedStories => stories::Stories;
        f::stories::GetStoriesArchive => stories::Stories;
        f::stories::GetStoriesById => stories::Stories;
        f::stories::GetAlbums => stories::Albums;
        f::users::GetSavedMusic => users::SavedMusic;
    }
    no_elements! { calls;
        f::contacts::GetSaved
        f::messages::GetSuggestedDialogFilters
        f::messages::GetDialogUnreadMarks
        f::messages::GetEmojiKeywordsLanguages
        f::payments::GetStarsTopupOptions
        f::payments::GetStarsGiftOptions
        f::payments::GetStarsGiveawayOptions
        f::payments::GetPremiumGiftCodeOptions
    }
    let unused = f::messages::GetStickers { emoticon: "\u{2693}".into(), hash: 0 };
    calls.check(unused, |found| *found == messages::Stickers::default().into()).await;
    let unknown = f::messages::GetCustomEmojiDocuments { document_id: vec![1, 2] };
    calls.check(unknown, Vec::is_empty).await;
}

async fn hashes_are_stable(calls: &mut Calls) {
    use enums::{account, aicompose, messages, payments};
    chosen_hash! { calls;
        f::account::GetWebBrowserSettings =>
            account::WebBrowserSettings::WebBrowserSettings,
            account::WebBrowserSettings::WebBrowserSettingsNotModified;
        f::aicompose::GetTones =>
            aicompose::Tones::Tones, aicompose::Tones::TonesNotModified;
        f::messages::GetAttachMenuBots =>
            enums::AttachMenuBots::AttachMenuBots, enums::AttachMenuBots::AttachMenuBotsNotModified;
        f::messages::GetAvailableEffects =>
            messages::AvailableEffects::AvailableEffects,
            messages::AvailableEffects::AvailableEffectsNotModified;
        f::messages::GetEmojiGroups =>
            messages::EmojiGroups::EmojiGroups, messages::EmojiGroups::EmojiGroupsNotModified;
        f::messages::GetEmojiStatusGroups =>
            messages::EmojiGroups::EmojiGroups, messages::EmojiGroups::EmojiGroupsNotModified;
        f::messages::GetEmojiProfilePhotoGroups =>
            messages::EmojiGroups::EmojiGroups, messages::EmojiGroups::EmojiGroupsNotModified;
        f::messages::GetEmojiStickerGroups =>
            messages::EmojiGroups::EmojiGroups, messages::EmojiGroups::EmojiGroupsNotModified;
        f::payments::GetStarGifts =>
            payments::StarGifts::StarGifts, payments::StarGifts::StarGiftsNotModified;
    }
    // The pictures of reactions are put into the store by the binary.
    calls
        .check(f::messages::GetAvailableReactions { hash: 0 }, |all| {
            matches!(all, messages::AvailableReactions::AvailableReactions(a) if a.reactions.is_empty())
        })
        .await;
    // Of a list whose hash clients compute, every question gets all of it: its hash is 0, which
    // also says "I have nothing".
    let stale = f::messages::GetAllStickers { hash: 7 };
    calls
        .check(stale, |all| matches!(all, messages::AllStickers::AllStickers(a) if a.hash == 0))
        .await;
    let next = |state: Option<String>| f::stories::GetAllStories { state, ..Default::default() };
    calls
        .check(next(None), |all| {
            matches!(all, enums::stories::AllStories::AllStories(all)
                if all.state == "0" && all.peer_stories.is_empty() && !all.has_more)
        })
        .await;
    calls
        .check(next(Some("0".into())), |all| {
            matches!(all, enums::stories::AllStories::AllStoriesNotModified(same)
                if same.state == "0")
        })
        .await;
}

async fn settings_are_the_defaults(calls: &mut Calls) {
    use enums::{InputNotifyPeer, PeerNotifySettings, PrivacyRule};
    calls
        .check(f::account::GetAutoDownloadSettings {}, |settings| {
            let enums::account::AutoDownloadSettings::AutoDownloadSettings(settings) = settings;
            let size = |enums::AutoDownloadSettings::AutoDownloadSettings(preset): &_| {
                (preset.photo_size_max, preset.video_size_max, preset.file_size_max)
            };
            [&settings.low, &settings.medium, &settings.high].map(size)
                == [(1 << 20, 0, 0), (1 << 20, 10 << 20, 1 << 20), (1 << 20, 15 << 20, 3 << 20)]
        })
        .await;
    defaults! { calls;
        f::account::GetAutoSaveSettings => types::account::AutoSaveSettings;
        f::account::GetGlobalPrivacySettings => types::GlobalPrivacySettings;
        f::messages::GetDefaultHistoryTtl => types::DefaultHistoryTtl;
    }
    let content =
        types::account::ContentSettings { sensitive_enabled: false, sensitive_can_change: true };
    calls
        .check(f::account::GetContentSettings {}, |settings| *settings == content.clone().into())
        .await;
    calls
        .check(f::account::GetReactionsNotifySettings {}, |settings| {
            let enums::ReactionsNotifySettings::ReactionsNotifySettings(settings) = settings;
            settings.show_previews && settings.messages_notify_from.is_some()
        })
        .await;
    calls.check(f::account::GetContactSignUpNotification {}, |silent| !silent).await;
    let scopes: [InputNotifyPeer; 3] = [
        types::InputNotifyUsers {}.into(),
        types::InputNotifyChats {}.into(),
        types::InputNotifyBroadcasts {}.into(),
    ];
    for peer in scopes {
        calls
            .check(f::account::GetNotifySettings { peer }, |settings| {
                let PeerNotifySettings::PeerNotifySettings(settings) = settings;
                settings.show_previews == Some(true) && settings.mute_until == Some(0)
            })
            .await;
    }
    let oneself = types::InputPeerSelf {}.into();
    let peer = types::InputNotifyPeer { peer: oneself }.into();
    calls
        .check(f::account::GetNotifySettings { peer }, |settings| {
            *settings == types::PeerNotifySettings::default().into()
        })
        .await;
    let rules = |key: enums::InputPrivacyKey| f::account::GetPrivacy { key };
    calls
        .check(rules(types::InputPrivacyKeyPhoneNumber {}.into()), |rules| {
            let enums::account::PrivacyRules::PrivacyRules(rules) = rules;
            matches!(
                *rules.rules,
                [
                    PrivacyRule::PrivacyValueAllowContacts(_),
                    PrivacyRule::PrivacyValueDisallowAll(_)
                ]
            )
        })
        .await;
    calls
        .check(rules(types::InputPrivacyKeyStatusTimestamp {}.into()), |rules| {
            let enums::account::PrivacyRules::PrivacyRules(rules) = rules;
            matches!(*rules.rules, [PrivacyRule::PrivacyValueAllowAll(_)])
        })
        .await;
    calls
        .check(f::account::GetPassword {}, |password| {
            let enums::account::Password::Password(password) = password;
            !password.has_password && password.srp_id.is_none()
        })
        .await;
}

async fn notices_are_none(calls: &mut Calls) {
    let tomorrow = (super::NOW_MS / 1000) as i32 + 86_400;
    calls
        .check(f::help::GetTermsOfServiceUpdate {}, |update| {
            *update == types::help::TermsOfServiceUpdateEmpty { expires: tomorrow }.into()
        })
        .await;
    calls
        .check(f::help::GetPromoData {}, |promo| {
            *promo == types::help::PromoDataEmpty { expires: tomorrow }.into()
        })
        .await;
    defaults! { calls; f::help::GetPremiumPromo => types::help::PremiumPromo; }
    calls.check(f::help::HidePromoData { peer: user(5) }, |done| *done).await;
    let dismissed = f::help::DismissSuggestion { peer: user(5), suggestion: "x".into() };
    calls.check(dismissed, |done| *done).await;
    let event = types::InputAppEvent {
        time: 1.0,
        type_: "start".into(),
        peer: 0,
        data: types::JsonNull {}.into(),
    };
    calls.check(f::help::SaveAppLog { events: vec![event.into()] }, |done| *done).await;

    let nothing_new = types::Updates { date: (super::NOW_MS / 1000) as i32, ..Default::default() };
    let nothing_new = enums::Updates::from(nothing_new);
    let same = |updates: &enums::Updates| *updates == nothing_new;
    calls.check(f::account::GetNotifyExceptions::default(), same).await;
    calls.check(f::messages::GetAllDrafts {}, same).await;
    calls.check(f::messages::GetPaidReactionPrivacy {}, same).await;
    calls.check(f::stories::GetAllReadPeerStories {}, same).await;
    calls
        .check(f::phone::GetCallConfig {}, |config| {
            *config == types::DataJson { data: "{}".into() }.into()
        })
        .await;
}

async fn answers_follow_the_question(calls: &mut Calls) {
    let keywords = |from_version, version| {
        let lang_code = "pt-br".to_owned();
        types::EmojiKeywordsDifference { lang_code, from_version, version, keywords: Vec::new() }
    };
    let whole = f::messages::GetEmojiKeywords { lang_code: "pt-br".into() };
    calls.check(whole, |all| *all == keywords(0, 1).into()).await;
    for (from_version, version) in [(0, 1), (1, 1), (9, 9)] {
        let lang_code = "pt-br".into();
        let request = f::messages::GetEmojiKeywordsDifference { lang_code, from_version };
        calls.check(request, |all| *all == keywords(from_version, version).into()).await;
    }

    for ton in [false, true] {
        let balance = if ton {
            types::StarsTonAmount { amount: 0 }.into()
        } else {
            types::StarsAmount { amount: 0, nanos: 0 }.into()
        };
        let nothing = |status: &enums::payments::StarsStatus| {
            let enums::payments::StarsStatus::StarsStatus(status) = status;
            let no_tons = status.balance == enums::StarsAmount::default();
            let none = status.history.as_ref().is_none_or(Vec::is_empty);
            none && (status.balance == balance || no_tons) && status.balance_until_193 == 0
        };
        calls.check(f::payments::GetStarsStatus { ton, peer: user(5) }, nothing).await;
        calls.check(f::payments::GetStarsTransactions { ton, ..Default::default() }, nothing).await;
        calls.check(f::payments::GetStarsSubscriptions::default(), nothing).await;
        let request = f::payments::GetStarsStatus { ton, peer: user(5) };
        let enums::payments::StarsStatus::StarsStatus(newest) =
            call(&member(230), &request).await.unwrap();
        assert_eq!(newest.balance, balance);
    }

    let id: Vec<enums::InputUser> = vec![types::InputUserSelf {}.into(); 3];
    let required = f::users::GetRequirementsToContact { id: id.clone() };
    calls.check(required, |all| *all == vec![types::RequirementToContactEmpty {}.into(); 3]).await;
    let required = f::users::GetIsPremiumRequiredToContact { id };
    calls.check(required, |all| *all == [false; 3]).await;

    for (peer, found) in [
        (types::InputPeerSelf {}.into(), enums::Peer::from(types::PeerUser { user_id: SELF })),
        (user(5), types::PeerUser { user_id: 5 }.into()),
        (types::InputPeerChat { chat_id: 6 }.into(), types::PeerChat { chat_id: 6 }.into()),
    ] {
        calls
            .check(f::stories::GetPeerStories { peer }, |all| {
                let enums::stories::PeerStories::PeerStories(all) = all;
                let enums::PeerStories::PeerStories(stories) = &all.stories;
                stories.peer == found && stories.stories.is_empty()
            })
            .await;
    }
    let nobody = f::stories::GetPeerStories { peer: types::InputPeerEmpty {}.into() };
    let invalid = RpcError::new(400, "PEER_ID_INVALID");
    for ctx in calls.layers_of::<f::stories::GetPeerStories>() {
        assert_eq!(call(ctx, &nobody).await, Err(invalid.clone()));
    }

    let set = types::InputStickerSetAnimatedEmoji {}.into();
    let set = f::messages::GetStickerSet { stickerset: set, hash: 0 };
    for ctx in calls.layers_of::<f::messages::GetStickerSet>() {
        assert_eq!(call(ctx, &set).await, Err(RpcError::new(406, "STICKERSET_INVALID")));
    }
}

async fn types_follow_the_layer(calls: &mut Calls) {
    let all_chats = enums::DialogFilter::from(types::DialogFilterDefault {});
    calls
        .check_changed::<_, Vec<enums::DialogFilter>>(
            f::messages::GetDialogFilters {},
            174,
            |filters| *filters == [all_chats.clone()],
            |filters| {
                let enums::messages::DialogFilters::DialogFilters(filters) = filters;
                filters.filters == [all_chats.clone()] && !filters.tags_enabled
            },
        )
        .await;
    let message = "\u{1F4EC} https://example.org ".repeat(150);
    let none = enums::MessageMedia::from(types::MessageMediaEmpty {});
    calls
        .check_changed::<_, enums::MessageMedia>(
            f::messages::GetWebPagePreview { message, entities: None },
            196,
            |media| *media == none,
            |preview| {
                let enums::messages::WebPagePreview::WebPagePreview(preview) = preview;
                preview.media == none
            },
        )
        .await;
    let no_story = enums::RecentStory::from(types::RecentStory::default());
    calls
        .check_changed::<_, Vec<i32>>(
            f::stories::GetPeerMaxIDs { id: vec![user(5), user(6)] },
            216,
            |ids| *ids == [0, 0],
            |stories| *stories == [no_story.clone(), no_story.clone()],
        )
        .await;
}

/// The prime is the one that clients check theirs against; no salt is given out twice.
#[tokio::test]
async fn the_password_that_nobody_has_comes_with_fresh_salts() {
    let ctx = member(230);
    let mut salts = BTreeSet::new();
    for _ in 0..2 {
        let password = call(&ctx, &f::account::GetPassword {}).await.unwrap();
        let enums::account::Password::Password(password) = password;
        type Algorithm = enums::PasswordKdfAlgo;
        let Algorithm::PasswordKdfAlgoSha256Sha256Pbkdf2Hmacsha512iter100000Sha256ModPow(algorithm) =
            &password.new_algo
        else {
            panic!("{:?}", password.new_algo)
        };
        assert_eq!((algorithm.salt1.len(), algorithm.salt2.len()), (8, 16));
        assert_eq!((algorithm.g, algorithm.p.as_slice()), (3, keys::dh::prime().as_slice()));
        type Secure = enums::SecurePasswordKdfAlgo;
        let Secure::SecurePasswordKdfAlgoPbkdf2Hmacsha512iter100000(secure) =
            &password.new_secure_algo
        else {
            panic!("{:?}", password.new_secure_algo)
        };
        assert_eq!((secure.salt.len(), password.secure_random.len()), (8, 256));
        assert!(!password.has_password && !password.has_recovery && !password.has_secure_values);
        assert_eq!((password.current_algo, password.srp_b, password.hint), (None, None, None));
        salts.extend([algorithm.salt1.clone(), algorithm.salt2.clone(), secure.salt.clone()]);
        salts.insert(password.secure_random);
    }
    // Those of the next password stay until there is one.
    assert_eq!(salts.len(), 6);
}

#[tokio::test]
async fn members_only_methods_refuse_everybody_else_first() {
    let query = tl::to_bytes(&f::messages::GetDialogFilters {}, 230).unwrap();
    let stranger = execute(&context(230, 0), &query).await;
    assert_eq!(stranger, Err(RpcError::AUTH_KEY_UNREGISTERED));
    assert!(execute(&member(230), &query).await.is_ok());
    // Not even whether a method is built, or how long its requests may be, is told before.
    let unbuilt = tl::to_bytes(&f::account::GetAllSecureValues {}, 230).unwrap();
    let stranger = execute(&context(230, 0), &unbuilt).await;
    assert_eq!(stranger, Err(RpcError::AUTH_KEY_UNREGISTERED));
    assert_eq!(execute(&member(230), &unbuilt).await, Err(RpcError::NOT_IMPLEMENTED));
    let long = [query, vec![0; 20_000]].concat();
    let stranger = execute(&context(230, 0), &long).await;
    assert_eq!(stranger, Err(RpcError::AUTH_KEY_UNREGISTERED));
    assert_eq!(execute(&member(230), &long).await, Err(RpcError::INPUT_REQUEST_TOO_LONG));
}

fn user(user_id: i64) -> enums::InputPeer {
    types::InputPeerUser { user_id, access_hash: 9 }.into()
}
