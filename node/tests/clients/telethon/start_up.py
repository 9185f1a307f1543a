"""Logs in, calls everything that clients ask right after that, with Telethon's own types, and reports what it saw."""

import pathlib
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))
import common
import session
import telethon
from telethon import errors, functions, types
from telethon.tl import TLRequest
from telethon.tl.alltlobjects import LAYER

API = {"api_id": 1, "api_hash": "x" * 32}


class Older(TLRequest):
    """A method that Telethon's layer does not have any more: a name, an id and the bytes behind it."""

    def __init__(self, name, constructor_id, body):
        self.name = name
        self.body = struct.pack("<I", constructor_id) + body

    def _bytes(self):
        return self.body

    def to_dict(self):
        return {"_": self.name}


def vector(*items):
    return struct.pack("<II", 0x1CB5C415, len(items)) + b"".join(bytes(item) for item in items)


def name_of(request):
    if isinstance(request, Older):
        return request.name
    return type(request).__module__.rsplit(".", 1)[-1] + "." + type(request).__name__


def requests():
    """One plausible call of each method; what names a peer names somebody whom nobody resolves."""
    f = functions
    me, user = types.InputPeerSelf(), types.InputPeerUser(5, 6)
    myself, somebody = types.InputUserSelf(), types.InputUser(5, 6)
    channel = types.InputChannel(7, 8)

    yield f.help.GetTermsOfServiceUpdateRequest()
    yield f.help.GetPromoDataRequest()
    yield f.help.GetPremiumPromoRequest()
    yield f.help.HidePromoDataRequest(user)
    yield f.help.DismissSuggestionRequest(types.InputPeerEmpty(), "VALIDATE_PHONE_NUMBER")
    yield f.help.SaveAppLogRequest([types.InputAppEvent(1.0, "start", 0, types.JsonNull())])

    yield f.account.GetThemesRequest("tdesktop", 0)
    yield f.account.GetChatThemesRequest(0)
    yield f.account.GetUniqueGiftChatThemesRequest("", 10, 0)
    yield f.account.GetWallPapersRequest(0)
    yield f.account.GetDefaultEmojiStatusesRequest(0)
    yield f.account.GetRecentEmojiStatusesRequest(0)
    yield f.account.GetCollectibleEmojiStatusesRequest(0)
    yield f.account.GetChannelDefaultEmojiStatusesRequest(0)
    yield f.account.GetDefaultBackgroundEmojisRequest(0)
    yield f.account.GetDefaultProfilePhotoEmojisRequest(0)
    yield f.account.GetDefaultGroupPhotoEmojisRequest(0)
    yield f.account.GetChannelRestrictedStatusEmojisRequest(0)
    yield f.account.GetSavedRingtonesRequest(0)
    yield f.account.GetWebAuthorizationsRequest()
    yield f.account.GetConnectedBotsRequest()
    yield f.account.GetPasskeysRequest()
    yield f.account.GetSavedMusicIdsRequest(0)
    yield f.account.GetWebBrowserSettingsRequest(0)
    yield f.account.GetNotifyExceptionsRequest(compare_sound=True)
    yield f.account.GetAutoDownloadSettingsRequest()
    yield f.account.GetAutoSaveSettingsRequest()
    yield f.account.GetContentSettingsRequest()
    yield f.account.GetNotifySettingsRequest(types.InputNotifyUsers())
    yield f.account.GetReactionsNotifySettingsRequest()
    yield f.account.GetContactSignUpNotificationRequest()
    yield f.account.GetGlobalPrivacySettingsRequest()
    yield f.account.GetPrivacyRequest(types.InputPrivacyKeyPhoneNumber())
    yield f.account.GetPasswordRequest()

    yield f.contacts.GetTopPeersRequest(0, 20, 0, correspondents=True)
    yield f.contacts.GetBirthdaysRequest()
    yield f.contacts.GetSponsoredPeersRequest("a")
    yield f.contacts.GetSavedRequest()

    yield f.messages.GetDialogFiltersRequest()
    yield f.messages.GetSuggestedDialogFiltersRequest()
    yield f.messages.GetAttachMenuBotsRequest(0)
    yield f.messages.GetQuickRepliesRequest(0)
    yield f.messages.GetRecentLocationsRequest(user, 10, 0)
    yield f.messages.GetScheduledHistoryRequest(types.InputPeerSelf(), 0)
    yield f.messages.GetSponsoredMessagesRequest(user)
    yield f.messages.GetDialogUnreadMarksRequest()
    yield f.messages.GetAllDraftsRequest()
    yield f.messages.GetSavedDialogsRequest(None, 0, types.InputPeerEmpty(), 20, 0)
    yield f.messages.GetPinnedSavedDialogsRequest()
    yield f.messages.GetDefaultHistoryTTLRequest()
    yield f.messages.GetWebPagePreviewRequest("https://example.org")
    yield f.messages.GetAvailableReactionsRequest(0)
    yield f.messages.GetAvailableEffectsRequest(0)
    yield f.messages.GetTopReactionsRequest(14, 0)
    yield f.messages.GetRecentReactionsRequest(50, 0)
    yield f.messages.GetDefaultTagReactionsRequest(0)
    yield f.messages.GetSavedReactionTagsRequest(0)
    yield f.messages.GetPaidReactionPrivacyRequest()
    yield f.messages.GetEmojiKeywordsRequest("en")
    yield f.messages.GetEmojiKeywordsDifferenceRequest("en", 1)
    yield f.messages.GetEmojiKeywordsLanguagesRequest(["en", "de"])
    yield f.messages.GetEmojiGroupsRequest(0)
    yield f.messages.GetEmojiStatusGroupsRequest(0)
    yield f.messages.GetEmojiProfilePhotoGroupsRequest(0)
    yield f.messages.GetEmojiStickerGroupsRequest(0)
    yield f.messages.GetStickersRequest("\N{WAVING HAND SIGN}", 0)
    yield f.messages.GetAllStickersRequest(0)
    yield f.messages.GetEmojiStickersRequest(0)
    yield f.messages.GetMaskStickersRequest(0)
    yield f.messages.GetFavedStickersRequest(0)
    yield f.messages.GetRecentStickersRequest(0)
    yield f.messages.GetFeaturedStickersRequest(0)
    yield f.messages.GetFeaturedEmojiStickersRequest(0)
    yield f.messages.GetOldFeaturedStickersRequest(0, 20, 0)
    yield f.messages.GetArchivedStickersRequest(0, 20)
    yield f.messages.GetMyStickersRequest(0, 20)
    yield f.messages.GetCustomEmojiDocumentsRequest([1, 2])
    yield f.messages.SearchStickerSetsRequest("cat", 0)
    yield f.messages.SearchEmojiStickerSetsRequest("cat", 0)
    yield f.messages.SearchStickersRequest("cat", "", ["en"], 0, 20, 0)
    yield f.messages.SearchCustomEmojiRequest("\N{WAVING HAND SIGN}", 0)
    yield f.messages.GetSavedGifsRequest(0)

    yield f.stories.GetAllStoriesRequest()
    yield f.stories.GetPeerStoriesRequest(me)
    yield f.stories.GetPeerMaxIDsRequest([me, user])
    yield f.stories.GetAllReadPeerStoriesRequest()
    yield f.stories.GetChatsToSendRequest()
    yield f.stories.GetPinnedStoriesRequest(me, 0, 20)
    yield f.stories.GetStoriesArchiveRequest(me, 0, 20)
    yield f.stories.GetStoriesByIDRequest(me, [1])
    yield f.stories.GetAlbumsRequest(me, 0)

    yield f.payments.GetStarsStatusRequest(me)
    yield f.payments.GetStarsTransactionsRequest(me, "", 20, ton=True)
    yield f.payments.GetStarsSubscriptionsRequest(me, "")
    yield f.payments.GetStarsTopupOptionsRequest()
    yield f.payments.GetStarsGiftOptionsRequest(somebody)
    yield f.payments.GetStarsGiveawayOptionsRequest()
    yield f.payments.GetPremiumGiftCodeOptionsRequest()
    yield f.payments.GetStarGiftsRequest(0)
    yield f.payments.GetSavedStarGiftsRequest(me, "", 20)
    yield f.payments.GetStarGiftCollectionsRequest(me, 0)
    yield f.payments.GetStarGiftActiveAuctionsRequest(0)
    yield f.premium.GetMyBoostsRequest()
    yield f.phone.GetCallConfigRequest()

    yield f.channels.GetInactiveChannelsRequest()
    yield f.channels.GetAdminedPublicChannelsRequest()
    yield f.channels.GetChannelRecommendationsRequest(channel)
    # channels.getSponsoredMessages#ec210fbf channel:InputChannel, up to layer 186.
    yield Older("channels.GetSponsoredMessagesRequest", 0xEC210FBF, bytes(channel))
    yield f.bots.GetPopularAppBotsRequest("", 20)
    yield f.bots.GetBotRecommendationsRequest(somebody)
    yield f.aicompose.GetTonesRequest(0)
    yield f.users.GetRequirementsToContactRequest([myself, somebody])
    # users.getIsPremiumRequiredToContact#a622aa10 id:Vector<InputUser>, layers 167 to 199.
    yield Older("users.GetIsPremiumRequiredToContactRequest", 0xA622AA10, vector(myself, somebody))
    yield f.users.GetSavedMusicRequest(myself, 0, 20, 0)


async def log_in(client, args):
    auth = functions.auth
    sent = await client(auth.SendCodeRequest(args.phone, settings=types.CodeSettings(), **API))
    answer = await client(auth.SignInRequest(args.phone, sent.phone_code_hash, args.code))
    if isinstance(answer, types.auth.AuthorizationSignUpRequired):
        answer = await client(auth.SignUpRequest(args.phone, sent.phone_code_hash, "Ada", "Lovelace"))
    return answer.user.id


async def main(args):
    client = await session.connected(args, connection_retries=1, timeout=10, lang_code="en")
    stranger = await session.refusal(client(functions.messages.GetDialogFiltersRequest()))
    user_id = await log_in(client, args)

    seen, refused, answers = {}, {}, {}
    for request in requests():
        name = name_of(request)
        try:
            answer = await client(request)
        except errors.RPCError as error:
            refused[name] = [error.code, str(error)]
            continue
        answers[name] = answer
        if isinstance(answer, list):
            seen[name] = [item if isinstance(item, bool) else type(item).__name__ for item in answer]
        else:
            seen[name] = answer if isinstance(answer, bool) else type(answer).__name__
    # The node says 406; Telethon's class for the name has a code of its own.
    sets = functions.messages.GetStickerSetRequest(types.InputStickerSetAnimatedEmoji(), 0)
    refused["messages.GetStickerSetRequest"] = await session.refusal(client(sets))

    # The same again, for a client that already has what there is.
    again = {}
    for request in requests():
        name = name_of(request)
        known = getattr(answers.get(name), "hash", 0)
        if known:
            request.hash = known
            again[name] = type(await client(request)).__name__
    state = answers["stories.GetAllStoriesRequest"].state
    stories = await client(functions.stories.GetAllStoriesRequest(next=True, state=state))
    again["stories.GetAllStoriesRequest"] = type(stories).__name__
    await client.disconnect()

    filters = answers["messages.GetDialogFiltersRequest"].filters
    password = answers["account.GetPasswordRequest"]
    own_stories = answers["stories.GetPeerStoriesRequest"].stories
    return {
        "client": "telethon",
        "version": telethon.__version__,
        "layer": LAYER,
        "stranger": stranger,
        "seen": seen,
        "refused": refused,
        "again": again,
        "filters": [type(f).__name__ for f in filters],
        "has_password": bool(password.has_password),
        "password_bytes": [
            len(password.new_algo.salt1),
            len(password.new_algo.salt2),
            len(password.new_algo.p),
            len(password.new_secure_algo.salt),
            len(password.secure_random),
        ],
        "own_stories": own_stories.peer.user_id == user_id and not own_stories.stories,
        "stars": answers["payments.GetStarsStatusRequest"].balance.amount,
    }


common.run(main(common.arguments()))
