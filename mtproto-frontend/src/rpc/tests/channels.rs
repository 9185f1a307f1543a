//! Channels and supergroups, call by call: who may do what, and what it answers.

use keys::srp;
use node_core::{NewSecret, PasswordChange, UserId};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use tl::{enums, types};

use super::media::{bmp, download, of_photo, range, upload};
use super::members::{error, member, message, named};
use super::*;
use crate::project::Pushed;
use crate::session::NeutralUpdate as _;

const LAYERS: [i32; 2] = [158, 230];

/// The first layer in which adding people says who was not added.
const SAYS_MISSING: i32 = 175;
/// The first layer in which joining answers more than updates.
const JOIN_RESULT: i32 = 226;

fn input(viewer: &Context, user: UserId) -> enums::InputUser {
    let enums::InputPeer::InputPeerUser(user) = named(viewer, user) else { panic!("no user") };
    types::InputUser { user_id: user.user_id, access_hash: user.access_hash }.into()
}

fn channel(viewer: &Context, channel_id: i64) -> enums::InputChannel {
    let (core, user) = (&viewer.shared.core, viewer.user().unwrap());
    let access_hash = core.channel_access_hash(user, node_core::ChannelId(channel_id));
    types::InputChannel { channel_id, access_hash }.into()
}

fn peer(viewer: &Context, channel_id: i64) -> enums::InputPeer {
    let enums::InputChannel::InputChannel(named) = channel(viewer, channel_id) else {
        panic!("no channel")
    };
    types::InputPeerChannel { channel_id, access_hash: named.access_hash }.into()
}

fn bad(name: &str) -> (i32, String) {
    (400, name.to_owned())
}

fn forbidden(name: &str) -> (i32, String) {
    (403, name.to_owned())
}

fn updates(updates: enums::Updates) -> types::Updates {
    let enums::Updates::Updates(updates) = updates else { panic!("no updates") };
    *updates
}

/// An answer that was updates alone before some layer.
async fn done<F: tl::Function>(
    ctx: &Context,
    request: &F,
    since: i32,
    inner: impl FnOnce(F::Result) -> enums::Updates,
) -> RpcResult<types::Updates> {
    let query = tl::to_bytes(request, ctx.layer).unwrap();
    let answer = execute(ctx, &query).await?;
    Ok(updates(if ctx.layer < since {
        tl::from_bytes::<enums::Updates>(&answer, ctx.layer).unwrap()
    } else {
        inner(tl::from_bytes(&answer, ctx.layer).unwrap())
    }))
}

async fn invite(ctx: &Context, id: i64, users: &[UserId]) -> RpcResult<types::Updates> {
    let users = users.iter().map(|user| input(ctx, *user)).collect();
    let request = f::channels::InviteToChannel { channel: channel(ctx, id), users };
    done(ctx, &request, SAYS_MISSING, |invited| {
        let enums::messages::InvitedUsers::InvitedUsers(invited) = invited;
        invited.updates
    })
    .await
}

async fn join(ctx: &Context, id: i64) -> RpcResult<types::Updates> {
    let request = f::channels::JoinChannel { channel: channel(ctx, id) };
    done(ctx, &request, JOIN_RESULT, |joined| {
        let enums::messages::ChatInviteJoinResult::ChatInviteJoinResultOk(joined) = joined else {
            panic!("no updates")
        };
        joined.updates
    })
    .await
}

async fn create(ctx: &Context, megagroup: bool) -> i64 {
    let request = f::channels::CreateChannel {
        broadcast: !megagroup,
        megagroup,
        title: "Harbour".into(),
        about: "Of boats".into(),
        ..Default::default()
    };
    let made = updates(call(ctx, &request).await.unwrap());
    let [
        enums::Update::UpdateMessageId(number),
        enums::Update::UpdateChannel(changed),
        enums::Update::UpdateNewChannelMessage(new),
    ] = &made.updates[..]
    else {
        panic!("{made:?}")
    };
    let enums::Message::MessageService(said) = &new.message else { panic!("{made:?}") };
    assert_eq!(number.id, said.id, "TDLib takes no new channel without it");
    let enums::MessageAction::MessageActionChannelCreate(action) = &said.action else {
        panic!("{said:?}")
    };
    assert_eq!((action.title.as_str(), said.id, new.pts_count), ("Harbour", new.pts, 1));
    let [enums::Chat::Channel(shown)] = &made.chats[..] else { panic!("{made:?}") };
    assert_eq!(shown.id, changed.channel_id);
    assert!(shown.creator && !shown.left && shown.megagroup == megagroup);
    shown.id
}

async fn name(ctx: &Context, id: i64, username: &str) -> RpcResult<bool> {
    let username = username.to_owned();
    call(ctx, &f::channels::UpdateUsername { channel: channel(ctx, id), username }).await
}

async fn post(ctx: &Context, id: i64, text: &str, random_id: i64) -> i32 {
    let sent = call(ctx, &message(text, peer(ctx, id), random_id)).await.unwrap();
    let enums::Updates::Updates(sent) = sent else { panic!("no updates") };
    let sent = sent.updates.iter().find_map(|update| match update {
        enums::Update::UpdateMessageId(sent) => Some(sent.id),
        _ => None,
    });
    sent.unwrap()
}

async fn full(ctx: &Context, id: i64) -> RpcResult<types::ChannelFull> {
    let found = call(ctx, &f::channels::GetFullChannel { channel: channel(ctx, id) }).await?;
    let enums::messages::ChatFull::ChatFull(found) = found;
    let enums::ChatFull::ChannelFull(full) = found.full_chat else { panic!("no channel") };
    Ok(*full)
}

async fn shown(ctx: &Context, id: i64) -> enums::Chat {
    let request = f::channels::GetChannels { id: vec![channel(ctx, id)] };
    let enums::messages::Chats::Chats(chats) = call(ctx, &request).await.unwrap() else {
        panic!("no chats")
    };
    chats.chats.into_iter().next().unwrap()
}

async fn list(
    ctx: &Context,
    id: i64,
    filter: impl Into<enums::ChannelParticipantsFilter>,
    (offset, limit): (i32, i32),
    hash: i64,
) -> RpcResult<enums::channels::ChannelParticipants> {
    let (channel, filter) = (channel(ctx, id), filter.into());
    call(ctx, &f::channels::GetParticipants { channel, filter, offset, limit, hash }).await
}

/// Numbers of those who are listed, and how many there are.
async fn listed(
    ctx: &Context,
    id: i64,
    filter: impl Into<enums::ChannelParticipantsFilter>,
    page: (i32, i32),
) -> RpcResult<(Vec<i64>, i32)> {
    let found = list(ctx, id, filter, page, 0).await?;
    let enums::channels::ChannelParticipants::ChannelParticipants(found) = found else {
        panic!("not modified")
    };
    let users: Vec<i64> = found.participants.iter().map(number).collect();
    let named: Vec<i64> = found.users.iter().map(number_of).collect();
    assert!(users.iter().all(|user| named.contains(user)), "all are named");
    Ok((users, found.count))
}

fn number_of(user: &enums::User) -> i64 {
    match user {
        enums::User::User(user) => user.id,
        enums::User::UserEmpty(user) => user.id,
    }
}

fn number(participant: &enums::ChannelParticipant) -> i64 {
    use enums::ChannelParticipant as P;
    let user = |peer: &enums::Peer| match peer {
        enums::Peer::PeerUser(user) => user.user_id,
        other => panic!("{other:?}"),
    };
    match participant {
        P::ChannelParticipant(of) => of.user_id,
        P::ChannelParticipantSelf(of) => of.user_id,
        P::ChannelParticipantCreator(of) => of.user_id,
        P::ChannelParticipantAdmin(of) => of.user_id,
        P::ChannelParticipantBanned(of) => user(&of.peer),
        P::ChannelParticipantLeft(of) => user(&of.peer),
    }
}

async fn participant(
    ctx: &Context,
    id: i64,
    participant: enums::InputPeer,
) -> RpcResult<enums::ChannelParticipant> {
    let request = f::channels::GetParticipant { channel: channel(ctx, id), participant };
    let enums::channels::ChannelParticipant::ChannelParticipant(found) =
        call(ctx, &request).await?;
    Ok(found.participant)
}

async fn promote(
    ctx: &Context,
    id: i64,
    user: UserId,
    rights: types::ChatAdminRights,
    rank: &str,
) -> RpcResult<types::Updates> {
    let request = f::channels::EditAdmin {
        channel: channel(ctx, id),
        user_id: input(ctx, user),
        admin_rights: rights.into(),
        rank: Some(rank.into()),
    };
    call(ctx, &request).await.map(updates)
}

async fn restrict(
    ctx: &Context,
    id: i64,
    user: UserId,
    rights: types::ChatBannedRights,
) -> RpcResult<types::Updates> {
    let participant = named(ctx, user);
    let (channel, banned_rights) = (channel(ctx, id), rights.into());
    let request = f::channels::EditBanned { channel, participant, banned_rights };
    call(ctx, &request).await.map(updates)
}

fn all_taken() -> types::ChatBannedRights {
    types::ChatBannedRights { view_messages: true, ..Default::default() }
}

async fn leave(ctx: &Context, id: i64) -> RpcResult<types::Updates> {
    call(ctx, &f::channels::LeaveChannel { channel: channel(ctx, id) }).await.map(updates)
}

async fn title(ctx: &Context, id: i64, title: &str) -> RpcResult<types::Updates> {
    let request = f::channels::EditTitle { channel: channel(ctx, id), title: title.into() };
    call(ctx, &request).await.map(updates)
}

async fn get(
    ctx: &Context,
    id: i64,
    ids: Vec<enums::InputMessage>,
) -> RpcResult<types::messages::ChannelMessages> {
    let request = f::channels::GetMessages { channel: channel(ctx, id), id: ids };
    match call(ctx, &request).await? {
        enums::messages::Messages::ChannelMessages(found) => Ok(*found),
        other => panic!("{other:?}"),
    }
}

fn by_id(id: i32) -> enums::InputMessage {
    types::InputMessageId { id }.into()
}

fn oneself() -> enums::InputPeer {
    types::InputPeerSelf {}.into()
}

fn recent() -> types::ChannelParticipantsRecent {
    types::ChannelParticipantsRecent {}
}

/// What every layer can say.
#[tokio::test]
async fn a_supergroup_in_every_layer() {
    for layer in tl::LAYER_MIN..=tl::LAYER_MAX {
        let shared = shared();
        let (ada, ada_id) = member(&shared, 5, layer, "Ada").await;
        let (bob, bob_id) = member(&shared, 6, layer, "Bob").await;
        let id = create(&ada, true).await;
        let added = invite(&ada, id, &[bob_id]).await.unwrap();
        let [enums::Update::UpdateChannel(_), enums::Update::UpdateNewChannelMessage(new)] =
            &added.updates[..]
        else {
            panic!("{layer}: {added:?}")
        };
        assert_eq!((new.pts, added.users.len()), (3, 2), "{layer}: both are named");
        let said = post(&bob, id, "ahoy", 1).await;
        assert_eq!(said, 4, "{layer}");
        let of_ada = full(&ada, id).await.unwrap();
        assert_eq!((of_ada.about.as_str(), of_ada.participants_count), ("Of boats", Some(2)));
        assert_eq!((of_ada.admins_count, of_ada.kicked_count), (Some(1), Some(0)), "{layer}");
        assert_eq!((of_ada.unread_count, of_ada.pts), (1, said), "{layer}");
        assert!(of_ada.can_set_username && of_ada.can_view_participants, "{layer}");
        let of_bob = full(&bob, id).await.unwrap();
        assert_eq!((of_bob.admins_count, of_bob.can_set_username), (None, false), "{layer}");
        assert_eq!(listed(&bob, id, recent(), (0, 10)).await.unwrap().1, 2, "{layer}");
        let found = get(&ada, id, vec![by_id(said), by_id(99)]).await.unwrap();
        let [enums::Message::Message(ahoy), enums::Message::MessageEmpty(gone)] =
            &found.messages[..]
        else {
            panic!("{layer}: {found:?}")
        };
        assert_eq!((ahoy.message.as_str(), ahoy.out, gone.id), ("ahoy", false, 99), "{layer}");
        let from: enums::Peer = types::PeerUser { user_id: bob_id.0 }.into();
        assert_eq!(ahoy.from_id, Some(from), "{layer}");
        let read = f::channels::ReadHistory { channel: channel(&ada, id), max_id: 0 };
        assert!(call(&ada, &read).await.unwrap(), "{layer}");
        assert_eq!(full(&ada, id).await.unwrap().unread_count, 0, "{layer}");
        assert_eq!(full(&bob, id).await.unwrap().read_outbox_max_id, said, "{layer}");
        // Which groups both are in is nothing that shows here.
        let of_bob = participant(&ada, id, named(&ada, bob_id)).await.unwrap();
        assert!(matches!(of_bob, enums::ChannelParticipant::ChannelParticipant(_)), "{layer}");
        let own = participant(&bob, id, oneself()).await.unwrap();
        let enums::ChannelParticipant::ChannelParticipantSelf(own) = own else { panic!("{layer}") };
        assert_eq!((own.user_id, own.inviter_id), (bob_id.0, ada_id.0), "{layer}");
        let owner = participant(&bob, id, named(&bob, ada_id)).await.unwrap();
        assert!(matches!(owner, enums::ChannelParticipant::ChannelParticipantCreator(_)));
        let rights = types::ChatAdminRights { ban_users: true, ..Default::default() };
        promote(&ada, id, bob_id, rights, "Mate").await.unwrap();
        let of_bob = participant(&ada, id, named(&ada, bob_id)).await.unwrap();
        let enums::ChannelParticipant::ChannelParticipantAdmin(of_bob) = of_bob else {
            panic!("{layer}")
        };
        assert_eq!((of_bob.rank.as_deref(), of_bob.promoted_by), (Some("Mate"), ada_id.0));
        restrict(&ada, id, bob_id, all_taken()).await.unwrap();
        assert!(matches!(shown(&bob, id).await, enums::Chat::ChannelForbidden(_)), "{layer}");
        let ended = f::channels::DeleteChannel { channel: channel(&ada, id) };
        let ended = updates(call(&ada, &ended).await.unwrap());
        assert!(matches!(ended.updates[..], [enums::Update::UpdateChannel(_)]), "{layer}");
        assert!(matches!(shown(&ada, id).await, enums::Chat::ChannelForbidden(_)), "{layer}");
    }
}

#[tokio::test]
async fn what_a_new_channel_cannot_have() {
    for layer in LAYERS {
        let shared = shared();
        let (ada, _) = member(&shared, 5, layer, "Ada").await;
        let new = f::channels::CreateChannel {
            megagroup: true,
            title: "Harbour".into(),
            ..Default::default()
        };
        let point = types::InputGeoPointEmpty {};
        for refused in [
            f::channels::CreateChannel { for_import: true, ..new.clone() },
            f::channels::CreateChannel {
                geo_point: Some(point.into()),
                address: Some("Quay".into()),
                ..new.clone()
            },
        ] {
            assert_eq!(error(call(&ada, &refused).await), bad("NOT_IMPLEMENTED"), "{layer}");
        }
        let nameless = f::channels::CreateChannel { title: " ".into(), ..new.clone() };
        assert_eq!(error(call(&ada, &nameless).await), bad("CHAT_TITLE_EMPTY"), "{layer}");
        let odd = f::channels::CreateChannel { ttl_period: Some(-1), ..new.clone() };
        assert_eq!(error(call(&ada, &odd).await), bad("TTL_PERIOD_INVALID"), "{layer}");
        let long = f::channels::CreateChannel { about: "x".repeat(256), ..new.clone() };
        assert_eq!(error(call(&ada, &long).await), bad("CHAT_ABOUT_TOO_LONG"), "{layer}");
        // Neither the one nor the other: a channel.
        let plain = f::channels::CreateChannel { megagroup: false, ..new };
        let made = updates(call(&ada, &plain).await.unwrap());
        let [enums::Chat::Channel(made)] = &made.chats[..] else { panic!("{layer}") };
        assert!(made.broadcast && !made.megagroup, "{layer}");
    }
}

#[tokio::test]
async fn a_channel_is_named_by_who_was_shown_it() {
    let shared = shared();
    let (ada, _) = member(&shared, 5, 230, "Ada").await;
    let (eve, _) = member(&shared, 6, 230, "Eve").await;
    let id = create(&ada, true).await;
    let of_ada = channel(&ada, id);
    let request = f::channels::GetChannels { id: vec![of_ada.clone()] };
    assert_eq!(error(call(&eve, &request).await), bad("CHANNEL_INVALID"), "another's hash");
    let empty = enums::InputChannel::from(types::InputChannelEmpty {});
    for request in [empty, types::InputChannel { channel_id: 99, access_hash: 0 }.into()] {
        let request = f::channels::GetFullChannel { channel: request };
        assert_eq!(error(call(&ada, &request).await), bad("CHANNEL_INVALID"));
    }
    // With a hash, but private.
    assert!(matches!(shown(&eve, id).await, enums::Chat::ChannelForbidden(_)));
    assert_eq!(error(full(&eve, id).await), bad("CHANNEL_PRIVATE"));
    assert_eq!(error(get(&eve, id, vec![by_id(1)]).await), bad("CHANNEL_PRIVATE"));
    assert_eq!(error(listed(&eve, id, recent(), (0, 9)).await), bad("CHANNEL_PRIVATE"));
    assert_eq!(error(join(&eve, id).await), bad("CHANNEL_PRIVATE"));
    let many = f::channels::GetChannels { id: vec![of_ada; 201] };
    assert_eq!(error(call(&ada, &many).await), bad("LIMIT_INVALID"));
}

#[tokio::test]
async fn a_public_channel_is_joined_and_left() {
    for layer in LAYERS {
        let shared = shared();
        let (ada, ada_id) = member(&shared, 5, layer, "Ada").await;
        let (bob, bob_id) = member(&shared, 6, layer, "Bob").await;
        let id = create(&ada, false).await;
        let check =
            |viewer: &Context, id: Option<i64>, username: &str| f::channels::CheckUsername {
                channel: match id {
                    Some(id) => channel(viewer, id),
                    None => types::InputChannelEmpty {}.into(),
                },
                username: username.into(),
            };
        assert!(call(&ada, &check(&ada, None, "harbour_news")).await.unwrap());
        assert!(call(&ada, &check(&ada, Some(id), "harbour_news")).await.unwrap());
        let invalid = call(&ada, &check(&ada, Some(id), "x")).await;
        assert_eq!(error(invalid), bad("USERNAME_INVALID"), "{layer}");
        let hash = error(name(&bob, id, "harbour_news").await);
        assert_eq!(hash, bad("CHAT_ADMIN_REQUIRED"), "{layer}");
        assert!(name(&ada, id, "harbour_news").await.unwrap());
        assert_eq!(error(name(&ada, id, "harbour_news").await), bad("USERNAME_NOT_MODIFIED"));
        assert!(!call(&bob, &check(&bob, None, "Harbour_News")).await.unwrap(), "taken");
        let other = create(&ada, false).await;
        assert_eq!(error(name(&ada, other, "HARBOUR_news").await), bad("USERNAME_OCCUPIED"));

        // Read before it is joined; who is there is for admins.
        let of_bob = full(&bob, id).await.unwrap();
        assert_eq!((of_bob.unread_count, of_bob.can_view_participants), (0, false), "{layer}");
        let refused = error(listed(&bob, id, recent(), (0, 9)).await);
        assert_eq!(refused, bad("CHAT_ADMIN_REQUIRED"), "{layer}");
        let joined = join(&bob, id).await.unwrap();
        assert!(matches!(joined.updates[..], [enums::Update::UpdateChannel(_)]), "{layer}");
        assert!(matches!(&joined.chats[..], [enums::Chat::Channel(one)] if !one.left), "{layer}");
        assert_eq!(error(join(&bob, id).await), bad("USER_ALREADY_PARTICIPANT"), "{layer}");
        let refused = error(listed(&bob, id, recent(), (0, 9)).await);
        assert_eq!(refused, bad("CHAT_ADMIN_REQUIRED"), "{layer}");
        let refused = error(participant(&bob, id, named(&bob, ada_id)).await);
        assert_eq!(refused, bad("CHAT_ADMIN_REQUIRED"), "{layer}");
        assert!(participant(&bob, id, oneself()).await.is_ok(), "{layer}");
        assert_eq!(listed(&ada, id, recent(), (0, 9)).await.unwrap().1, 2, "{layer}");

        // Whose post it was is nobody's to know.
        let first = post(&ada, id, "first", 7).await;
        let found = get(&bob, id, vec![by_id(first)]).await.unwrap();
        let [enums::Message::Message(said)] = &found.messages[..] else { panic!("{layer}") };
        assert!(said.post && !said.out && said.from_id.is_none(), "{layer}");
        assert_eq!(found.users, [], "{layer}");

        let link = f::channels::ExportMessageLink {
            channel: channel(&bob, id),
            id: first,
            ..Default::default()
        };
        let enums::ExportedMessageLink::ExportedMessageLink(link) =
            call(&bob, &link).await.unwrap();
        assert!(link.link.ends_with(&format!("/harbour_news/{first}")), "{}", link.link);

        let owned = f::channels::GetAdminedPublicChannels::default();
        let ids = |chats: enums::messages::Chats| match chats {
            enums::messages::Chats::Chats(chats) => {
                chats.chats.into_iter().map(|chat| match chat {
                    enums::Chat::Channel(channel) => channel.id,
                    other => panic!("{other:?}"),
                })
            }
            other => panic!("{other:?}"),
        };
        let of_ada: Vec<i64> = ids(call(&ada, &owned).await.unwrap()).collect();
        assert_eq!(of_ada, [id], "{layer}: the other one is private");
        assert_eq!(ids(call(&bob, &owned).await.unwrap()).count(), 0, "{layer}");
        let located = f::channels::GetAdminedPublicChannels { by_location: true, ..owned };
        assert_eq!(ids(call(&ada, &located).await.unwrap()).count(), 0, "{layer}");

        let left = leave(&bob, id).await.unwrap();
        assert!(matches!(&left.chats[..], [enums::Chat::Channel(one)] if one.left), "{layer}");
        assert_eq!(error(leave(&bob, id).await), bad("USER_NOT_PARTICIPANT"), "{layer}");
        assert_eq!(error(leave(&ada, id).await), bad("USER_CREATOR"), "{layer}");
        let gone = error(participant(&bob, id, oneself()).await);
        assert_eq!(gone, bad("USER_NOT_PARTICIPANT"), "{layer}");
        let gone = error(participant(&ada, id, named(&ada, bob_id)).await);
        assert_eq!(gone, bad("USER_NOT_PARTICIPANT"), "{layer}");
        // Private again: who left knows that they are not there, and no more.
        assert!(name(&ada, id, "").await.unwrap());
        assert_eq!(error(full(&bob, id).await), bad("CHANNEL_PRIVATE"), "{layer}");
        let gone = error(participant(&bob, id, oneself()).await);
        assert_eq!(gone, bad("USER_NOT_PARTICIPANT"), "{layer}");
    }
}

#[tokio::test]
async fn a_channel_has_one_username_at_most() {
    let shared = shared();
    let (ada, _) = member(&shared, 5, 230, "Ada").await;
    let (bob, _) = member(&shared, 6, 230, "Bob").await;
    let id = create(&ada, true).await;
    let order = |viewer: &Context, names: &[&str]| f::channels::ReorderUsernames {
        channel: channel(viewer, id),
        order: names.iter().map(|name| (*name).to_owned()).collect(),
    };
    let toggle = |viewer: &Context, username: &str| f::channels::ToggleUsername {
        channel: channel(viewer, id),
        username: username.into(),
        active: false,
    };
    let none =
        |viewer: &Context| f::channels::DeactivateAllUsernames { channel: channel(viewer, id) };
    assert!(call(&ada, &order(&ada, &[])).await.unwrap());
    assert!(name(&ada, id, "harbour_news").await.unwrap());
    assert!(call(&ada, &order(&ada, &["Harbour_news"])).await.unwrap());
    assert_eq!(error(call(&ada, &order(&ada, &["other_name"])).await), bad("ORDER_INVALID"));
    let refused = error(call(&ada, &toggle(&ada, "harbour_news")).await);
    assert_eq!(refused, bad("USERNAME_NOT_MODIFIED"));
    assert_eq!(error(call(&ada, &toggle(&ada, "other_name")).await), bad("USERNAME_INVALID"));
    assert!(call(&ada, &none(&ada)).await.unwrap());
    assert!(matches!(shown(&ada, id).await, enums::Chat::Channel(one) if one.username.is_some()));
    let refused = bad("CHAT_ADMIN_REQUIRED");
    assert_eq!(error(call(&bob, &order(&bob, &["harbour_news"])).await), refused);
    assert_eq!(error(call(&bob, &toggle(&bob, "harbour_news")).await), refused);
    assert_eq!(error(call(&bob, &none(&bob)).await), refused);
    let left = call(&ada, &f::channels::GetLeftChannels { offset: 0 }).await;
    assert_eq!(error(left), forbidden("TAKEOUT_REQUIRED"));
}

#[tokio::test]
async fn who_may_do_what_in_a_supergroup() {
    for layer in LAYERS {
        let shared = shared();
        let (ada, ada_id) = member(&shared, 5, layer, "Ada").await;
        let (bob, bob_id) = member(&shared, 6, layer, "Bob").await;
        let (cat, cat_id) = member(&shared, 7, layer, "Cat").await;
        let (dan, dan_id) = member(&shared, 8, layer, "Dan").await;
        let (eve, eve_id) = member(&shared, 9, layer, "Eve").await;
        let id = create(&ada, true).await;
        name(&ada, id, "harbour_talk").await.unwrap();
        invite(&ada, id, &[bob_id, cat_id, dan_id]).await.unwrap();
        let admin_required = bad("CHAT_ADMIN_REQUIRED");

        // A member, and who is none.
        for who in [&cat, &eve] {
            let refused = error(title(who, id, "Mine").await);
            assert!(refused == admin_required || refused == bad("CHANNEL_PRIVATE"), "{refused:?}");
            let ban = restrict(who, id, dan_id, all_taken()).await;
            assert_eq!(error(ban), admin_required, "{layer}");
            let rights = types::ChatAdminRights { ban_users: true, ..Default::default() };
            let promoted = promote(who, id, dan_id, rights, "").await;
            assert_eq!(error(promoted), admin_required, "{layer}");
            let slow = f::channels::ToggleSlowMode { channel: channel(who, id), seconds: 10 };
            assert_eq!(error(call(who, &slow).await), bad("CHAT_ADMIN_REQUIRED"), "{layer}");
            let hidden =
                f::channels::TogglePreHistoryHidden { channel: channel(who, id), enabled: true };
            assert!(call(who, &hidden).await.is_err(), "{layer}");
            let end = f::channels::DeleteChannel { channel: channel(who, id) };
            assert_eq!(error(call(who, &end).await), bad("CHAT_ADMIN_REQUIRED"), "{layer}");
            let photo = f::channels::EditPhoto {
                channel: channel(who, id),
                photo: types::InputChatPhotoEmpty {}.into(),
            };
            let refused = error(call(who, &photo).await);
            assert!(refused == admin_required || refused == bad("CHANNEL_PRIVATE"), "{refused:?}");
            for filter in [
                enums::ChannelParticipantsFilter::from(types::ChannelParticipantsKicked::default()),
                types::ChannelParticipantsBanned::default().into(),
            ] {
                let refused = error(listed(who, id, filter, (0, 9)).await);
                assert_eq!(refused, admin_required, "{layer}");
            }
        }

        // An admin has what was given, and gives no more.
        let rights =
            types::ChatAdminRights { add_admins: true, change_info: true, ..Default::default() };
        let made = promote(&ada, id, bob_id, rights.clone(), "Mate").await.unwrap();
        assert!(matches!(made.updates[..], [enums::Update::UpdateChannel(_)]), "{layer}");
        let again = promote(&ada, id, bob_id, rights.clone(), "Mate").await;
        assert_eq!(error(again), bad("CHAT_NOT_MODIFIED"), "{layer}");
        let long = promote(&ada, id, bob_id, rights.clone(), &"x".repeat(17)).await;
        assert_eq!(error(long), bad("ADMIN_RANK_INVALID"), "{layer}");
        assert_eq!(title(&bob, id, "Quay").await.unwrap().updates.len(), 2, "{layer}");
        assert_eq!(error(title(&bob, id, "Quay").await), bad("CHAT_NOT_MODIFIED"), "{layer}");
        let more = types::ChatAdminRights { ban_users: true, ..Default::default() };
        let refused = error(promote(&bob, id, cat_id, more.clone(), "").await);
        assert_eq!(refused, forbidden("RIGHT_FORBIDDEN"), "{layer}");
        let ban = restrict(&bob, id, dan_id, all_taken()).await;
        assert_eq!(error(ban), admin_required, "{layer}: without the right");
        let refused = error(promote(&bob, id, ada_id, more.clone(), "").await);
        assert_eq!(refused, bad("USER_CREATOR"), "{layer}");
        promote(&ada, id, cat_id, more.clone(), "").await.unwrap();
        let none = types::ChatAdminRights::default();
        let refused = error(promote(&bob, id, cat_id, none.clone(), "").await);
        assert_eq!(refused, forbidden("RIGHT_FORBIDDEN"), "{layer}: somebody else's");

        // Who may ban, bans members, but neither the owner nor other admins.
        assert_eq!(error(restrict(&cat, id, ada_id, all_taken()).await), bad("USER_ADMIN_INVALID"));
        assert_eq!(error(restrict(&cat, id, bob_id, all_taken()).await), bad("USER_ADMIN_INVALID"));
        assert_eq!(error(restrict(&cat, id, cat_id, all_taken()).await), bad("USER_ID_INVALID"));
        let banned = restrict(&cat, id, dan_id, all_taken()).await.unwrap();
        assert_eq!(banned.updates.len(), 2, "{layer}: said in the group");
        let again = error(restrict(&cat, id, dan_id, all_taken()).await);
        assert_eq!(again, bad("CHAT_NOT_MODIFIED"), "{layer}");
        assert!(matches!(shown(&dan, id).await, enums::Chat::ChannelForbidden(_)), "{layer}");
        assert_eq!(error(full(&dan, id).await), bad("CHANNEL_PRIVATE"), "{layer}");
        assert_eq!(error(join(&dan, id).await), bad("USER_BANNED_IN_CHANNEL"), "{layer}");
        let gone = error(participant(&dan, id, oneself()).await);
        assert_eq!(gone, bad("USER_NOT_PARTICIPANT"), "{layer}");
        let seen = participant(&cat, id, named(&cat, dan_id)).await.unwrap();
        let enums::ChannelParticipant::ChannelParticipantBanned(seen) = seen else {
            panic!("{layer}: {seen:?}")
        };
        assert_eq!((seen.left, seen.kicked_by), (true, cat_id.0), "{layer}");
        let kicked = listed(&cat, id, types::ChannelParticipantsKicked::default(), (0, 9)).await;
        assert_eq!(kicked.unwrap(), (vec![dan_id.0], 1), "{layer}");
        let refused = error(invite(&bob, id, &[dan_id]).await);
        assert_eq!(refused, bad("USER_KICKED"), "{layer}: who may not ban");
        invite(&cat, id, &[dan_id]).await.unwrap();

        // Something is taken, then given back.
        let some = types::ChatBannedRights { send_plain: true, ..Default::default() };
        let told = restrict(&cat, id, dan_id, some.clone()).await.unwrap();
        assert_eq!(told.updates.len(), 1, "{layer}: nothing is said");
        assert_eq!(error(restrict(&cat, id, dan_id, some).await), bad("CHAT_NOT_MODIFIED"));
        let mute = error(call(&dan, &message("words", peer(&dan, id), 5)).await);
        assert_eq!(mute, forbidden("CHAT_SEND_PLAIN_FORBIDDEN"), "{layer}");
        let own = participant(&dan, id, oneself()).await.unwrap();
        let enums::ChannelParticipant::ChannelParticipantBanned(own) = own else {
            panic!("{layer}: {own:?}")
        };
        assert!(!own.left, "{layer}");
        let banned = types::ChannelParticipantsBanned { q: "da".into() };
        let restricted = listed(&cat, id, banned, (0, 9)).await.unwrap();
        assert_eq!(restricted, (vec![dan_id.0], 1), "{layer}");
        let nothing = types::ChatBannedRights::default();
        restrict(&cat, id, dan_id, nothing.clone()).await.unwrap();
        assert_eq!(error(restrict(&cat, id, dan_id, nothing).await), bad("CHAT_NOT_MODIFIED"));
        post(&dan, id, "words", 6).await;
        let group = restrict_peer(&cat, id, peer(&cat, id)).await;
        assert_eq!(error(group), bad("PARTICIPANT_ID_INVALID"), "{layer}");

        // No longer an admin.
        promote(&ada, id, cat_id, none, "").await.unwrap();
        let ban = restrict(&cat, id, dan_id, all_taken()).await;
        assert_eq!(error(ban), admin_required, "{layer}");
        let _ = eve_id;
    }
}

async fn restrict_peer(
    ctx: &Context,
    id: i64,
    participant: enums::InputPeer,
) -> RpcResult<enums::Updates> {
    let (channel, banned_rights) = (channel(ctx, id), all_taken().into());
    call(ctx, &f::channels::EditBanned { channel, participant, banned_rights }).await
}

#[tokio::test]
async fn nothing_is_taken_in_pieces_in_a_channel() {
    let shared = shared();
    let (ada, _) = member(&shared, 5, 230, "Ada").await;
    let (_, bob_id) = member(&shared, 6, 230, "Bob").await;
    let id = create(&ada, false).await;
    let added = invite(&ada, id, &[bob_id]).await.unwrap();
    assert_eq!(added.updates.len(), 1, "nothing is said in a channel");
    let some = types::ChatBannedRights { send_plain: true, ..Default::default() };
    let refused = error(restrict(&ada, id, bob_id, some).await);
    assert_eq!(refused, (406, "BANNED_RIGHTS_INVALID".into()));
    assert_eq!(restrict(&ada, id, bob_id, all_taken()).await.unwrap().updates.len(), 1);
}

/// Whom the owner makes an admin may come back, into a private group too.
#[tokio::test]
async fn who_was_removed_is_made_an_admin() {
    for public in [true, false] {
        let shared = shared();
        let (ada, _) = member(&shared, 5, 230, "Ada").await;
        let (bob, bob_id) = member(&shared, 6, 230, "Bob").await;
        let id = create(&ada, true).await;
        if public {
            name(&ada, id, "harbour_talk").await.unwrap();
        }
        invite(&ada, id, &[bob_id]).await.unwrap();
        post(&bob, id, "before", 1).await;
        restrict(&ada, id, bob_id, all_taken()).await.unwrap();
        let rights = types::ChatAdminRights { ban_users: true, ..Default::default() };
        promote(&ada, id, bob_id, rights, "").await.unwrap();
        post(&bob, id, "after", 2).await;
        let kicked = types::ChannelParticipantsKicked::default();
        assert_eq!(listed(&bob, id, kicked, (0, 9)).await.unwrap().1, 0, "{public}");
    }
}

/// A command that is refused has written nothing: one that had would end the node.
#[tokio::test]
async fn a_refusal_comes_before_anything_is_written() {
    let shared = shared();
    let (ada, _) = member(&shared, 5, 230, "Ada").await;
    let (bob, bob_id) = member(&shared, 6, 230, "Bob").await;
    let (_, cat_id) = member(&shared, 7, 230, "Cat").await;
    let id = create(&ada, true).await;
    invite(&ada, id, &[bob_id, cat_id]).await.unwrap();
    let rights =
        types::ChatAdminRights { add_admins: true, invite_users: true, ..Default::default() };
    promote(&ada, id, bob_id, rights, "").await.unwrap();
    // Outside, and something is taken: bob could let her in, but not give that back.
    restrict(&ada, id, cat_id, all_taken()).await.unwrap();
    let some = types::ChatBannedRights { send_plain: true, ..Default::default() };
    restrict(&ada, id, cat_id, some).await.unwrap();
    let rights = types::ChatAdminRights { invite_users: true, ..Default::default() };
    let refused = error(promote(&bob, id, cat_id, rights, "").await);
    assert_eq!(refused, forbidden("RIGHT_FORBIDDEN"));
    title(&ada, id, "Quay").await.unwrap();
}

/// In layers that know ranks apart from rights, who says none keeps it.
#[tokio::test]
async fn a_rank_that_is_not_said_stays() {
    let shared = shared();
    let (ada, _) = member(&shared, 5, 230, "Ada").await;
    let (_, bob_id) = member(&shared, 6, 230, "Bob").await;
    let id = create(&ada, true).await;
    // Whom an owner makes an admin comes in by that.
    let rights = types::ChatAdminRights { ban_users: true, ..Default::default() };
    promote(&ada, id, bob_id, rights, "Mate").await.unwrap();
    let rights = types::ChatAdminRights { pin_messages: true, ..Default::default() };
    let request = f::channels::EditAdmin {
        channel: channel(&ada, id),
        user_id: input(&ada, bob_id),
        admin_rights: rights.into(),
        rank: None,
    };
    call(&ada, &request).await.unwrap();
    let seen = participant(&ada, id, named(&ada, bob_id)).await.unwrap();
    let enums::ChannelParticipant::ChannelParticipantAdmin(seen) = seen else { panic!("{seen:?}") };
    let enums::ChatAdminRights::ChatAdminRights(rights) = &seen.admin_rights;
    assert!(rights.pin_messages && !rights.ban_users && seen.can_edit);
    assert_eq!(seen.rank.as_deref(), Some("Mate"));
}

#[tokio::test]
async fn participants_come_in_pages() {
    for layer in LAYERS {
        let shared = shared();
        let (ada, ada_id) = member(&shared, 5, layer, "Ada").await;
        let mut users = Vec::new();
        for (key, first_name) in [(6, "Bob"), (7, "Cat Stevens"), (8, "Dan"), (9, "Bobby")] {
            users.push(member(&shared, key, layer, first_name).await);
        }
        let id = create(&ada, true).await;
        let ids: Vec<UserId> = users.iter().map(|(_, user)| *user).collect();
        invite(&ada, id, &ids).await.unwrap();
        let bob = &users[0].0;
        let (all, count) = listed(bob, id, recent(), (0, 100)).await.unwrap();
        assert_eq!((all.len(), count), (5, 5), "{layer}");
        let mut paged = Vec::new();
        for offset in [0, 2, 4, 6] {
            let (some, count) = listed(bob, id, recent(), (offset, 2)).await.unwrap();
            assert_eq!(count, 5, "{layer}");
            paged.extend(some);
        }
        assert_eq!(paged, all, "{layer}");
        assert_eq!(listed(bob, id, recent(), (-3, -1)).await.unwrap(), (vec![], 5), "{layer}");

        let hash = crate::rpc::resolve::hash_of(all.iter().copied());
        let same = list(bob, id, recent(), (0, 100), hash).await.unwrap();
        let not_modified = |found: &enums::channels::ChannelParticipants| {
            matches!(found, enums::channels::ChannelParticipants::ChannelParticipantsNotModified(_))
        };
        assert!(not_modified(&same), "{layer}");
        let other = list(bob, id, recent(), (0, 2), hash).await.unwrap();
        assert!(!not_modified(&other), "{layer}");

        let search = |q: &str| types::ChannelParticipantsSearch { q: q.into() };
        let (found, count) = listed(bob, id, search("bob"), (0, 9)).await.unwrap();
        assert_eq!((found.len(), count), (2, 2), "{layer}");
        let found = listed(bob, id, search("stev"), (0, 9)).await.unwrap();
        assert_eq!(found, (vec![ids[1].0], 1), "{layer}: by any word");
        let mentions = types::ChannelParticipantsMentions {
            q: Some("dan".into()),
            ..types::ChannelParticipantsMentions::default()
        };
        assert_eq!(listed(bob, id, mentions, (0, 9)).await.unwrap(), (vec![ids[2].0], 1));
        let anybody = types::ChannelParticipantsMentions::default();
        assert_eq!(listed(bob, id, anybody, (0, 9)).await.unwrap().1, 5, "{layer}");
        let admins = types::ChannelParticipantsAdmins {};
        assert_eq!(listed(bob, id, admins, (0, 9)).await.unwrap(), (vec![ada_id.0], 1));
        let bots = types::ChannelParticipantsBots {};
        assert_eq!(listed(bob, id, bots, (0, 9)).await.unwrap(), (vec![], 0), "{layer}");
        let contacts = types::ChannelParticipantsContacts::default();
        assert_eq!(listed(bob, id, contacts.clone(), (0, 9)).await.unwrap(), (vec![], 0));
        let add = f::contacts::AddContact {
            id: input(bob, ids[2]),
            first_name: "Dan".into(),
            ..Default::default()
        };
        call(bob, &add).await.unwrap();
        let found = listed(bob, id, contacts, (0, 9)).await.unwrap();
        assert_eq!(found, (vec![ids[2].0], 1), "{layer}");
    }
}

#[tokio::test]
async fn who_does_not_want_to_be_added() {
    for layer in LAYERS {
        let shared = shared();
        let (ada, _) = member(&shared, 5, layer, "Ada").await;
        let (bob, bob_id) = member(&shared, 6, layer, "Bob").await;
        let (_, cat_id) = member(&shared, 7, layer, "Cat").await;
        let key = types::InputPrivacyKeyChatInvite {}.into();
        let rules = vec![types::InputPrivacyValueDisallowAll {}.into()];
        call(&bob, &f::account::SetPrivacy { key, rules }).await.unwrap();
        let id = create(&ada, true).await;
        if layer < SAYS_MISSING {
            let refused = error(invite(&ada, id, &[bob_id]).await);
            assert_eq!(refused, forbidden("USER_PRIVACY_RESTRICTED"), "{layer}");
        } else {
            let users = vec![input(&ada, bob_id)];
            let request = f::channels::InviteToChannel { channel: channel(&ada, id), users };
            let enums::messages::InvitedUsers::InvitedUsers(answer) =
                call(&ada, &request).await.unwrap();
            let [enums::MissingInvitee::MissingInvitee(missing)] = &answer.missing_invitees[..]
            else {
                panic!("{layer}")
            };
            assert_eq!(missing.user_id, bob_id.0, "{layer}");
        }
        // Others come in beside them.
        assert_eq!(invite(&ada, id, &[bob_id, cat_id]).await.unwrap().updates.len(), 2, "{layer}");
        assert_eq!(listed(&ada, id, recent(), (0, 9)).await.unwrap().1, 2, "{layer}");
        let rights = types::ChatAdminRights { ban_users: true, ..Default::default() };
        let refused = error(promote(&ada, id, bob_id, rights, "").await);
        assert_eq!(refused, forbidden("USER_PRIVACY_RESTRICTED"), "{layer}");
        let users = vec![input(&ada, cat_id); 201];
        let request = f::channels::InviteToChannel { channel: channel(&ada, id), users };
        let refused = done(&ada, &request, i32::MAX, |_| panic!("no")).await;
        assert_eq!(error(refused), bad("USERS_TOO_MUCH"), "{layer}");
    }
}

#[tokio::test]
async fn messages_by_number_and_what_is_hidden() {
    for layer in LAYERS {
        let shared = shared();
        let (ada, _) = member(&shared, 5, layer, "Ada").await;
        let (bob, bob_id) = member(&shared, 6, layer, "Bob").await;
        let id = create(&ada, true).await;
        let before = post(&ada, id, "before", 1).await;
        let hidden = |viewer: &Context, enabled| f::channels::TogglePreHistoryHidden {
            channel: channel(viewer, id),
            enabled,
        };
        call(&ada, &hidden(&ada, true)).await.unwrap();
        let again = error(call(&ada, &hidden(&ada, true)).await);
        assert_eq!(again, bad("CHAT_NOT_MODIFIED"), "{layer}");
        assert!(full(&ada, id).await.unwrap().hidden_prehistory, "{layer}");
        invite(&ada, id, &[bob_id]).await.unwrap();
        let mut answer = message("after", peer(&bob, id), 2);
        let question = post(&ada, id, "question", 3).await;
        if layer < 159 {
            answer.reply_to_msg_id = Some(question);
        } else {
            let reply =
                types::InputReplyToMessage { reply_to_msg_id: question, ..Default::default() };
            answer.reply_to = Some(reply.into());
        }
        let sent = call(&bob, &answer).await.unwrap();
        let enums::Updates::Updates(sent) = sent else { panic!("{layer}") };
        let [enums::Update::UpdateMessageId(answered), ..] = &sent.updates[..] else {
            panic!("{layer}")
        };
        let pin = f::messages::UpdatePinnedMessage {
            peer: peer(&ada, id),
            id: question,
            ..Default::default()
        };
        call(&ada, &pin).await.unwrap();

        let of_bob = full(&bob, id).await.unwrap();
        assert_eq!(of_bob.pinned_msg_id, Some(question), "{layer}");
        assert!(of_bob.available_min_id.is_some_and(|below| below >= before), "{layer}");
        let asked = vec![
            by_id(before),
            by_id(answered.id),
            types::InputMessageReplyTo { id: answered.id }.into(),
            types::InputMessagePinned {}.into(),
            by_id(-1),
        ];
        let found = get(&bob, id, asked.clone()).await.unwrap();
        let texts = |found: &types::messages::ChannelMessages| {
            let text = found.messages.iter().map(|message| match message {
                enums::Message::Message(message) => Some(message.message.clone()),
                enums::Message::MessageEmpty(_) => None,
                other => panic!("{other:?}"),
            });
            text.collect::<Vec<_>>()
        };
        let said = |text: &str| Some(text.to_owned());
        let expected = [None, said("after"), said("question"), said("question"), None];
        assert_eq!(texts(&found), expected, "{layer}");
        assert_eq!((found.count, found.users.len(), found.chats.len()), (5, 2, 1), "{layer}");
        let found = get(&ada, id, asked).await.unwrap();
        assert_eq!(texts(&found).first(), Some(&said("before")), "{layer}");
        assert_eq!(error(get(&bob, id, vec![]).await), bad("MESSAGE_IDS_EMPTY"), "{layer}");
        let many = error(get(&bob, id, vec![by_id(1); 101]).await);
        assert_eq!(many, bad("LIMIT_INVALID"), "{layer}");

        let link = |viewer: &Context, message| f::channels::ExportMessageLink {
            channel: channel(viewer, id),
            id: message,
            ..Default::default()
        };
        let enums::ExportedMessageLink::ExportedMessageLink(exported) =
            call(&bob, &link(&bob, question)).await.unwrap();
        assert!(exported.link.ends_with(&format!("/c/{id}/{question}")), "{}", exported.link);
        let refused = error(call(&bob, &link(&bob, before)).await);
        assert_eq!(refused, bad("MESSAGE_ID_INVALID"), "{layer}: hidden from bob");

        // In a public group nothing is hidden; in a channel neither.
        name(&ada, id, "harbour_talk").await.unwrap();
        call(&ada, &hidden(&ada, false)).await.unwrap();
        let refused = error(call(&ada, &hidden(&ada, true)).await);
        assert_eq!(refused, bad("CHAT_LINK_EXISTS"), "{layer}");
        let news = create(&ada, false).await;
        let request =
            f::channels::TogglePreHistoryHidden { channel: channel(&ada, news), enabled: true };
        assert_eq!(error(call(&ada, &request).await), bad("CHAT_ID_INVALID"), "{layer}");
    }
}

#[tokio::test]
async fn slow_mode_is_said_and_shown() {
    for layer in LAYERS {
        let shared = shared();
        let (ada, _) = member(&shared, 5, layer, "Ada").await;
        let (bob, bob_id) = member(&shared, 6, layer, "Bob").await;
        let id = create(&ada, true).await;
        invite(&ada, id, &[bob_id]).await.unwrap();
        let slow = |seconds| f::channels::ToggleSlowMode { channel: channel(&ada, id), seconds };
        assert_eq!(error(call(&ada, &slow(7)).await), bad("SECONDS_INVALID"), "{layer}");
        assert_eq!(error(call(&ada, &slow(0)).await), bad("CHAT_NOT_MODIFIED"), "{layer}");
        call(&ada, &slow(60)).await.unwrap();
        let before = full(&bob, id).await.unwrap();
        assert_eq!((before.slowmode_seconds, before.slowmode_next_send_date), (Some(60), None));
        post(&bob, id, "one", 1).await;
        let after = full(&bob, id).await.unwrap();
        let now = i32::try_from(NOW_MS / 1000).unwrap();
        assert_eq!(after.slowmode_next_send_date, Some(now + 60), "{layer}");
        let refused = error(call(&bob, &message("two", peer(&bob, id), 2)).await);
        assert_eq!(refused, (420, "SLOWMODE_WAIT_60".into()), "{layer}");
        let news = create(&ada, false).await;
        let request = f::channels::ToggleSlowMode { channel: channel(&ada, news), seconds: 10 };
        assert_eq!(error(call(&ada, &request).await), bad("CHAT_ID_INVALID"), "{layer}");
    }
}

#[tokio::test]
async fn messages_are_deleted_by_who_may() {
    for layer in LAYERS {
        let shared = shared();
        let (ada, _) = member(&shared, 5, layer, "Ada").await;
        let (bob, bob_id) = member(&shared, 6, layer, "Bob").await;
        let (cat, cat_id) = member(&shared, 7, layer, "Cat").await;
        let id = create(&ada, true).await;
        invite(&ada, id, &[bob_id, cat_id]).await.unwrap();
        let (first, of_cat) = (post(&bob, id, "one", 1).await, post(&cat, id, "mine", 2).await);
        let delete = |viewer: &Context, ids: &[i32]| f::channels::DeleteMessages {
            channel: channel(viewer, id),
            id: ids.to_vec(),
        };
        let refused = error(call(&cat, &delete(&cat, &[first])).await);
        assert_eq!(refused, forbidden("MESSAGE_DELETE_FORBIDDEN"), "{layer}");
        let enums::messages::AffectedMessages::AffectedMessages(gone) =
            call(&bob, &delete(&bob, &[first])).await.unwrap();
        assert_eq!((gone.pts, gone.pts_count), (of_cat + 1, 1), "{layer}");
        let enums::messages::AffectedMessages::AffectedMessages(gone) =
            call(&bob, &delete(&bob, &[first])).await.unwrap();
        assert_eq!((gone.pts, gone.pts_count), (of_cat + 1, 0), "{layer}: gone before");
        let many = error(call(&bob, &delete(&bob, &[1; 101])).await);
        assert_eq!(many, bad("LIMIT_INVALID"), "{layer}");

        // All that somebody has said.
        for random_id in 10..15 {
            post(&bob, id, "more", random_id).await;
        }
        let of_bob = |viewer: &Context| f::channels::DeleteParticipantHistory {
            channel: channel(viewer, id),
            participant: named(viewer, bob_id),
        };
        let refused = error(call(&cat, &of_bob(&cat)).await);
        assert_eq!(refused, bad("CHAT_ADMIN_REQUIRED"), "{layer}");
        let enums::messages::AffectedHistory::AffectedHistory(gone) =
            call(&ada, &of_bob(&ada)).await.unwrap();
        assert_eq!((gone.pts_count, gone.offset), (5, 0), "{layer}");
        let history = |viewer: &Context| f::messages::GetHistory {
            peer: peer(viewer, id),
            limit: 100,
            ..Default::default()
        };
        let count = |found: enums::messages::Messages| match found {
            enums::messages::Messages::ChannelMessages(found) => found.messages.len(),
            other => panic!("{other:?}"),
        };
        assert_eq!(count(call(&cat, &history(&cat)).await.unwrap()), 3, "{layer}");

        // Everything, by the owner.
        let clear = |viewer: &Context, for_everyone| f::channels::DeleteHistory {
            channel: channel(viewer, id),
            for_everyone,
            max_id: 0,
        };
        // For oneself it is out of sight, and others keep it.
        let hidden = updates(call(&cat, &clear(&cat, false)).await.unwrap());
        let [enums::Update::UpdateChannelAvailableMessages(hidden)] = &hidden.updates[..] else {
            panic!("{layer}: {hidden:?}")
        };
        let full = f::channels::GetFullChannel { channel: channel(&cat, id) };
        let enums::messages::ChatFull::ChatFull(full) = call(&cat, &full).await.unwrap();
        let enums::ChatFull::ChannelFull(full) = full.full_chat else { panic!("{layer}") };
        assert_eq!(full.available_min_id, Some(hidden.available_min_id), "{layer}");
        assert_eq!((full.unread_count, full.read_inbox_max_id), (0, hidden.available_min_id));
        assert_eq!(count(call(&cat, &history(&cat)).await.unwrap()), 0, "{layer}");
        assert_eq!(count(call(&ada, &history(&ada)).await.unwrap()), 3, "{layer}");
        let refused = error(call(&cat, &clear(&cat, true)).await);
        assert_eq!(refused, bad("CHAT_ADMIN_REQUIRED"), "{layer}");
        let cleared = updates(call(&ada, &clear(&ada, true)).await.unwrap());
        let [enums::Update::UpdateDeleteChannelMessages(gone)] = &cleared.updates[..] else {
            panic!("{layer}: {cleared:?}")
        };
        assert_eq!((gone.messages.len(), gone.pts_count), (3, 3), "{layer}");
        assert_eq!(count(call(&cat, &history(&cat)).await.unwrap()), 0, "{layer}");
        let nothing = updates(call(&ada, &clear(&ada, true)).await.unwrap());
        assert_eq!(nothing.updates, [], "{layer}");
    }
}

#[tokio::test]
async fn a_photo_is_set_shown_and_loaded() {
    for layer in LAYERS {
        let shared = shared();
        let (ada, _) = member(&shared, 5, layer, "Ada").await;
        let (bob, bob_id) = member(&shared, 6, layer, "Bob").await;
        let id = create(&ada, true).await;
        invite(&ada, id, &[bob_id]).await.unwrap();
        let edit = |photo| f::channels::EditPhoto { channel: channel(&ada, id), photo };
        let none = || enums::InputChatPhoto::from(types::InputChatPhotoEmpty {});
        assert_eq!(error(call(&ada, &edit(none())).await), bad("CHAT_NOT_MODIFIED"), "{layer}");
        let file = Some(upload(&ada, &bmp(320, 320), "quay.bmp").await);
        let uploaded = types::InputChatUploadedPhoto { file, ..Default::default() };
        let set = updates(call(&ada, &edit(uploaded.into())).await.unwrap());
        let [enums::Update::UpdateChannel(_), enums::Update::UpdateNewChannelMessage(new)] =
            &set.updates[..]
        else {
            panic!("{layer}: {set:?}")
        };
        let enums::Message::MessageService(said) = &new.message else { panic!("{layer}") };
        assert!(matches!(said.action, enums::MessageAction::MessageActionChatEditPhoto(_)));
        let enums::Photo::Photo(photo) = full(&bob, id).await.unwrap().chat_photo else {
            panic!("{layer}")
        };
        let location = of_photo(&photo, "a");
        let loaded = download(&bob, &location).await;
        assert!(!loaded.is_empty(), "{layer}");
        let removed = updates(call(&ada, &edit(none())).await.unwrap());
        assert_eq!(removed.updates.len(), 2, "{layer}");
        let expired = range(&bob, &location, 0, 4096).await;
        assert_eq!(error(expired), bad("FILE_REFERENCE_EXPIRED"), "{layer}");
        assert!(matches!(full(&bob, id).await.unwrap().chat_photo, enums::Photo::PhotoEmpty(_)));
    }
}

/// What who knows the password answers.
async fn proof(ctx: &Context, password: &str) -> enums::InputCheckPasswordSrp {
    let (user, key) = (ctx.user().unwrap(), ctx.auth_key().unwrap());
    let question = ctx.shared.core.password(user, key).await.unwrap().question.unwrap();
    let x = srp::password_hash(password.as_bytes(), &question.salt1, &question.salt2);
    let (salt1, salt2) = (&question.salt1, &question.salt2);
    let rng = &mut StdRng::seed_from_u64(5);
    let (a, m1) = srp::answer(&x, salt1, salt2, &question.b, rng).unwrap();
    types::InputCheckPasswordSrp { srp_id: question.id, a: a.to_vec(), m1: m1.to_vec() }.into()
}

async fn set_password(ctx: &Context, password: &str) {
    let (user, key) = (ctx.user().unwrap(), ctx.auth_key().unwrap());
    let offer = ctx.shared.core.password(user, key).await.unwrap().offer;
    let salt1 = [&offer.salt1[..], &[7; 32]].concat();
    let salt2 = offer.salt2.to_vec();
    let x = srp::password_hash(password.as_bytes(), &salt1, &salt2);
    let v = srp::verifier_value(&x).to_vec();
    let secret = Some(NewSecret::Set { salt1, salt2, v, hint: String::new() });
    let change = PasswordChange { secret, email: None };
    ctx.shared.core.update_password(user, key, None, change).await.unwrap();
}

/// As each layer says it: the name of the method is another one since layer 223.
async fn give(
    ctx: &Context,
    id: i64,
    to: UserId,
    password: enums::InputCheckPasswordSrp,
) -> RpcResult<types::Updates> {
    let user_id = input(ctx, to);
    let given = if ctx.layer < 223 {
        let channel = channel(ctx, id);
        call(ctx, &f::channels::EditCreator { channel, user_id, password }).await
    } else {
        let peer = peer(ctx, id);
        call(ctx, &f::messages::EditChatCreator { peer, user_id, password }).await
    };
    given.map(updates)
}

#[tokio::test]
async fn a_channel_is_given_away_with_the_password() {
    for layer in LAYERS {
        let shared = shared();
        let (ada, ada_id) = member(&shared, 5, layer, "Ada").await;
        let (bob, bob_id) = member(&shared, 6, layer, "Bob").await;
        let (_, cat_id) = member(&shared, 7, layer, "Cat").await;
        let id = create(&ada, true).await;
        invite(&ada, id, &[bob_id]).await.unwrap();
        let nothing = || enums::InputCheckPasswordSrp::from(types::InputCheckPasswordEmpty {});
        let refused = error(give(&ada, id, bob_id, nothing()).await);
        assert_eq!(refused, bad("PASSWORD_MISSING"), "{layer}");
        set_password(&ada, "correct horse").await;
        let refused = error(give(&ada, id, bob_id, nothing()).await);
        assert_eq!(refused, bad("PASSWORD_HASH_INVALID"), "{layer}");
        let wrong = proof(&ada, "wrong horse").await;
        let refused = error(give(&ada, id, bob_id, wrong).await);
        assert_eq!(refused, bad("PASSWORD_HASH_INVALID"), "{layer}");
        let right = proof(&ada, "correct horse").await;
        let refused = error(give(&ada, id, cat_id, right).await);
        assert_eq!(refused, bad("USER_ID_INVALID"), "{layer}: who is not there");
        let right = proof(&ada, "correct horse").await;
        let given = give(&ada, id, bob_id, right).await.unwrap();
        assert!(matches!(&given.chats[..], [enums::Chat::Channel(one)] if !one.creator));
        assert!(matches!(shown(&bob, id).await, enums::Chat::Channel(one) if one.creator));
        let before = participant(&bob, id, named(&bob, ada_id)).await.unwrap();
        assert!(matches!(before, enums::ChannelParticipant::ChannelParticipantAdmin(_)));
        let right = proof(&ada, "correct horse").await;
        let refused = error(give(&ada, id, bob_id, right).await);
        assert_eq!(refused, bad("CHAT_ADMIN_REQUIRED"), "{layer}: no longer hers");
        leave(&ada, id).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_ended_is_gone() {
    for layer in LAYERS {
        let shared = shared();
        let (ada, _) = member(&shared, 5, layer, "Ada").await;
        let (bob, bob_id) = member(&shared, 6, layer, "Bob").await;
        let id = create(&ada, true).await;
        name(&ada, id, "harbour_talk").await.unwrap();
        invite(&ada, id, &[bob_id]).await.unwrap();
        let end = |viewer: &Context| f::channels::DeleteChannel { channel: channel(viewer, id) };
        assert_eq!(error(call(&bob, &end(&bob)).await), bad("CHAT_ADMIN_REQUIRED"), "{layer}");
        let ended = updates(call(&ada, &end(&ada)).await.unwrap());
        assert!(matches!(ended.chats[..], [enums::Chat::ChannelForbidden(_)]), "{layer}");
        for who in [&ada, &bob] {
            assert_eq!(error(full(who, id).await), bad("CHANNEL_PRIVATE"), "{layer}");
            assert_eq!(error(title(who, id, "New").await), bad("CHANNEL_PRIVATE"), "{layer}");
            assert_eq!(error(get(who, id, vec![by_id(1)]).await), bad("CHANNEL_PRIVATE"));
        }
        let other = create(&ada, false).await;
        assert!(name(&ada, other, "harbour_talk").await.unwrap(), "{layer}: the name is free");
    }
}

async fn export(
    ctx: &Context,
    id: i64,
    request: f::messages::ExportChatInvite,
) -> RpcResult<types::ChatInviteExported> {
    let request = f::messages::ExportChatInvite { peer: peer(ctx, id), ..request };
    let enums::ExportedChatInvite::ChatInviteExported(link) = call(ctx, &request).await? else {
        panic!("no link")
    };
    Ok(*link)
}

fn hash(link: &types::ChatInviteExported) -> String {
    link.link.split_once("/+").unwrap().1.to_owned()
}

async fn check(ctx: &Context, link: &types::ChatInviteExported) -> RpcResult<enums::ChatInvite> {
    call(ctx, &f::messages::CheckChatInvite { hash: hash(link) }).await
}

async fn import(ctx: &Context, link: &types::ChatInviteExported) -> RpcResult<types::Updates> {
    let request = f::messages::ImportChatInvite { hash: hash(link) };
    done(ctx, &request, JOIN_RESULT, |joined| {
        let enums::messages::ChatInviteJoinResult::ChatInviteJoinResultOk(joined) = joined else {
            panic!("no updates")
        };
        joined.updates
    })
    .await
}

async fn answer_request(
    ctx: &Context,
    id: i64,
    user: UserId,
    approved: bool,
) -> RpcResult<types::Updates> {
    let (peer, user_id) = (peer(ctx, id), input(ctx, user));
    call(ctx, &f::messages::HideChatJoinRequest { approved, peer, user_id }).await.map(updates)
}

#[tokio::test]
async fn links_lead_into_supergroups() {
    for layer in LAYERS {
        let shared = shared();
        let (ada, ada_id) = member(&shared, 5, layer, "Ada").await;
        let (bob, bob_id) = member(&shared, 6, layer, "Bob").await;
        let (eve, eve_id) = member(&shared, 7, layer, "Eve").await;
        let id = create(&ada, true).await;
        invite(&ada, id, &[bob_id]).await.unwrap();
        let refused = export(&bob, id, Default::default()).await;
        assert_eq!(error(refused), bad("CHAT_ADMIN_REQUIRED"), "{layer}: a member");
        let refused = export(&eve, id, Default::default()).await;
        assert_eq!(error(refused), bad("CHANNEL_PRIVATE"), "{layer}: an outsider");
        let link = export(&ada, id, Default::default()).await.unwrap();
        assert!(link.permanent && link.admin_id == ada_id.0, "{layer}");
        let of_ada = full(&ada, id).await.unwrap();
        let Some(enums::ExportedChatInvite::ChatInviteExported(shown_link)) =
            of_ada.exported_invite
        else {
            panic!("{layer}: no link")
        };
        assert_eq!(shown_link.link, link.link, "{layer}");
        assert_eq!(full(&bob, id).await.unwrap().exported_invite, None, "{layer}");

        // What it tells an outsider, and a member.
        let enums::ChatInvite::ChatInvite(seen) = check(&eve, &link).await.unwrap() else {
            panic!("{layer}")
        };
        assert_eq!((seen.title.as_str(), seen.participants_count), ("Harbour", 2), "{layer}");
        assert_eq!(
            (seen.channel, seen.megagroup, seen.broadcast, seen.public),
            (true, true, false, false),
            "{layer}"
        );
        assert_eq!((seen.about.as_deref(), seen.request_needed), (Some("Of boats"), false));
        let enums::ChatInvite::ChatInviteAlready(seen) = check(&bob, &link).await.unwrap() else {
            panic!("{layer}")
        };
        assert!(matches!(seen.chat, enums::Chat::Channel(_)), "{layer}");
        let joined = import(&eve, &link).await.unwrap();
        let [enums::Update::UpdateChannel(_), enums::Update::UpdateNewChannelMessage(new)] =
            &joined.updates[..]
        else {
            panic!("{layer}: {joined:?}")
        };
        let enums::Message::MessageService(said) = &new.message else { panic!("{layer}") };
        let enums::MessageAction::MessageActionChatJoinedByLink(by) = &said.action else {
            panic!("{layer}")
        };
        assert_eq!(by.inviter_id, ada_id.0, "{layer}");
        assert_eq!(joined.users.len(), 2, "{layer}: who came, and whose link it is");
        let [enums::Chat::Channel(found)] = &joined.chats[..] else { panic!("{layer}") };
        assert!(!found.left, "{layer}");
        let own = participant(&eve, id, oneself()).await.unwrap();
        let enums::ChannelParticipant::ChannelParticipantSelf(own) = own else { panic!("{layer}") };
        assert_eq!(own.inviter_id, ada_id.0, "{layer}");
        assert_eq!(error(import(&eve, &link).await), bad("USER_ALREADY_PARTICIPANT"));

        // Who is banned does not come back by it.
        restrict(&ada, id, eve_id, all_taken()).await.unwrap();
        let over = (406, "INVITE_HASH_EXPIRED".to_owned());
        assert_eq!(error(import(&eve, &link).await), over, "{layer}");
        assert_eq!(error(check(&eve, &link).await), over, "{layer}");
        restrict(&ada, id, eve_id, types::ChatBannedRights::default()).await.unwrap();

        // Asking: seen by admins who may let in, and by nobody else.
        let asking = f::messages::ExportChatInvite { request_needed: true, ..Default::default() };
        let asks = export(&ada, id, asking).await.unwrap();
        let sent = bad("INVITE_REQUEST_SENT");
        assert_eq!(error(import(&eve, &asks).await), sent, "{layer}");
        let of_ada = full(&ada, id).await.unwrap();
        assert_eq!(of_ada.requests_pending, Some(1), "{layer}");
        assert_eq!(of_ada.recent_requesters, Some(vec![eve_id.0]), "{layer}");
        assert_eq!(full(&bob, id).await.unwrap().requests_pending, None, "{layer}");
        let channel_id = node_core::ChannelId(id);
        let update = Pushed::channel_requests(&shared, ada_id, channel_id).encode(layer).unwrap();
        let pushed: enums::Updates = tl::from_bytes(&update, layer).unwrap();
        let pushed = updates(pushed);
        let [enums::Update::UpdatePendingJoinRequests(waits)] = &pushed.updates[..] else {
            panic!("{layer}: {pushed:?}")
        };
        assert_eq!((waits.requests_pending, &waits.recent_requesters), (1, &vec![eve_id.0]));
        assert_eq!((pushed.users.len(), pushed.chats.len()), (1, 1), "{layer}: both are named");
        assert!(Pushed::channel_requests(&shared, bob_id, channel_id).encode(layer).is_none());
        let list = f::messages::GetChatInviteImporters {
            requested: true,
            peer: peer(&ada, id),
            limit: 10,
            ..Default::default()
        };
        let waiting = call(&ada, &list).await.unwrap();
        let enums::messages::ChatInviteImporters::ChatInviteImporters(waiting) = waiting;
        assert_eq!((waiting.count, waiting.users.len()), (1, 1), "{layer}");
        let refused = answer_request(&bob, id, eve_id, true).await;
        assert_eq!(error(refused), bad("CHAT_ADMIN_REQUIRED"), "{layer}");
        let turned = answer_request(&ada, id, eve_id, false).await.unwrap();
        assert_eq!(turned.updates.len(), 2, "{layer}: the channel, and who waits");
        let refused = answer_request(&ada, id, eve_id, true).await;
        assert_eq!(error(refused), bad("HIDE_REQUESTER_MISSING"), "{layer}");
        assert_eq!(error(import(&eve, &asks).await), sent, "{layer}");
        let all = f::messages::HideAllChatJoinRequests {
            approved: true,
            peer: peer(&ada, id),
            link: Some(asks.link.clone()),
        };
        let done = updates(call(&ada, &all).await.unwrap());
        let Some(enums::Update::UpdateNewChannelMessage(new)) = done.updates.last() else {
            panic!("{layer}: {done:?}")
        };
        let enums::Message::MessageService(said) = &new.message else { panic!("{layer}") };
        let joined = enums::MessageAction::MessageActionChatJoinedByRequest(
            types::MessageActionChatJoinedByRequest {},
        );
        assert_eq!((&said.action, said.out), (&joined, false), "{layer}");
        assert_eq!(full(&ada, id).await.unwrap().requests_pending, None, "{layer}");

        // Listed, changed, revoked and forgotten.
        let mine = |revoked| f::messages::GetExportedChatInvites {
            revoked,
            peer: peer(&ada, id),
            admin_id: types::InputUserSelf {}.into(),
            limit: 10,
            ..Default::default()
        };
        let listed = call(&ada, &mine(false)).await.unwrap();
        let enums::messages::ExportedChatInvites::ExportedChatInvites(listed) = listed;
        assert_eq!(listed.count, 2, "{layer}");
        let edit = f::messages::EditExportedChatInvite {
            revoked: true,
            peer: peer(&ada, id),
            link: asks.link.clone(),
            ..Default::default()
        };
        call(&ada, &edit).await.unwrap();
        let one = f::messages::GetExportedChatInvite { peer: peer(&ada, id), link: asks.link };
        let one = call(&ada, &one).await.unwrap();
        let enums::messages::ExportedChatInvite::ExportedChatInvite(one) = one else {
            panic!("{layer}")
        };
        let enums::ExportedChatInvite::ChatInviteExported(one) = one.invite else {
            panic!("{layer}")
        };
        assert_eq!((one.revoked, one.usage), (true, Some(1)), "{layer}");
        let gone = f::messages::DeleteExportedChatInvite { peer: peer(&ada, id), link: one.link };
        assert!(call(&ada, &gone).await.unwrap(), "{layer}");
        let listed = call(&ada, &mine(true)).await.unwrap();
        let enums::messages::ExportedChatInvites::ExportedChatInvites(listed) = listed;
        assert_eq!(listed.count, 0, "{layer}");
        let rights = types::ChatAdminRights { invite_users: true, ..Default::default() };
        promote(&ada, id, bob_id, rights, "").await.unwrap();
        let of_bob = export(&bob, id, Default::default()).await.unwrap();
        let admins = f::messages::GetAdminsWithInvites { peer: peer(&ada, id) };
        let admins = call(&ada, &admins).await.unwrap();
        let enums::messages::ChatAdminsWithInvites::ChatAdminsWithInvites(admins) = admins;
        assert_eq!((admins.admins.len(), admins.users.len()), (2, 2), "{layer}");
        promote(&ada, id, bob_id, types::ChatAdminRights::default(), "").await.unwrap();
        let (dan, _) = member(&shared, 8, layer, "Dan").await;
        assert_eq!(error(check(&dan, &of_bob).await), over, "{layer}: no admin any more");
        let user = f::messages::ExportChatInvite { peer: oneself(), ..Default::default() };
        assert_eq!(error(call(&ada, &user).await), bad("PEER_ID_INVALID"), "{layer}");
    }
}

#[tokio::test]
async fn links_lead_into_broadcast_channels() {
    for layer in LAYERS {
        let shared = shared();
        let (ada, _) = member(&shared, 5, layer, "Ada").await;
        let (bob, bob_id) = member(&shared, 6, layer, "Bob").await;
        let id = create(&ada, false).await;
        let asking = f::messages::ExportChatInvite { request_needed: true, ..Default::default() };
        let asks = export(&ada, id, asking).await.unwrap();
        name(&ada, id, "harbour_news").await.unwrap();
        let enums::ChatInvite::ChatInvite(seen) = check(&bob, &asks).await.unwrap() else {
            panic!("{layer}")
        };
        assert_eq!(
            (seen.channel, seen.megagroup, seen.broadcast, seen.public),
            (true, false, true, true),
            "{layer}"
        );
        assert!(seen.request_needed, "{layer}");
        name(&ada, id, "").await.unwrap();
        assert_eq!(error(import(&bob, &asks).await), bad("INVITE_REQUEST_SENT"), "{layer}");
        let done = answer_request(&ada, id, bob_id, true).await.unwrap();
        assert_eq!(done.updates.len(), 2, "{layer}: nothing is said about it");
        assert!(matches!(shown(&bob, id).await, enums::Chat::Channel(_)), "{layer}");
        leave(&bob, id).await.unwrap();
        let open = export(&ada, id, Default::default()).await.unwrap();
        let joined = import(&bob, &open).await.unwrap();
        assert!(matches!(joined.updates[..], [enums::Update::UpdateChannel(_)]), "{layer}");
        // It ends with the channel.
        leave(&bob, id).await.unwrap();
        call(&ada, &f::channels::DeleteChannel { channel: channel(&ada, id) }).await.unwrap();
        let over = (406, "INVITE_HASH_EXPIRED".to_owned());
        assert_eq!(error(import(&bob, &open).await), over, "{layer}");
    }
}

#[tokio::test]
async fn what_is_set_shows_and_holds() {
    for layer in LAYERS {
        let shared = shared();
        let (ada, _) = member(&shared, 5, layer, "Ada").await;
        let (bob, bob_id) = member(&shared, 6, layer, "Bob").await;
        let (cyd, _) = member(&shared, 7, layer, "Cyd").await;
        let (group, news) = (create(&ada, true).await, create(&ada, false).await);
        name(&ada, group, "harbour_crew").await.unwrap();
        join(&bob, group).await.unwrap();
        // Each kind has its own.
        let sign = |id, on| f::channels::ToggleSignatures {
            channel: channel(&ada, id),
            signatures_enabled: on,
            profiles_enabled: false,
            enabled: on,
        };
        assert_eq!(error(call(&ada, &sign(group, true)).await), bad("CHAT_ID_INVALID"));
        for on in [true, false] {
            let answer = updates(call(&ada, &sign(news, on)).await.unwrap());
            let [enums::Chat::Channel(shown)] = &answer.chats[..] else { panic!("{answer:?}") };
            assert_eq!(shown.signatures, on);
        }
        if layer == 230 {
            let profiles =
                f::channels::ToggleSignatures { profiles_enabled: true, ..sign(news, true) };
            assert_eq!(error(call(&ada, &profiles).await), bad("NOT_IMPLEMENTED"));
        }
        let hide = |who: &Context, id, enabled| f::channels::ToggleParticipantsHidden {
            channel: channel(who, id),
            enabled,
        };
        assert_eq!(error(call(&ada, &hide(&ada, news, true)).await), bad("CHAT_ID_INVALID"));
        assert_eq!(error(call(&bob, &hide(&bob, group, true)).await), bad("CHAT_ADMIN_REQUIRED"));
        call(&ada, &hide(&ada, group, true)).await.unwrap();
        assert_eq!(error(call(&ada, &hide(&ada, group, true)).await), bad("CHAT_NOT_MODIFIED"));
        let everybody = |who: &Context| f::channels::GetParticipants {
            channel: channel(who, group),
            filter: types::ChannelParticipantsRecent {}.into(),
            offset: 0,
            limit: 100,
            hash: 0,
        };
        let of = |found: enums::channels::ChannelParticipants| match found {
            enums::channels::ChannelParticipants::ChannelParticipants(found) => {
                found.participants.len()
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(of(call(&ada, &everybody(&ada)).await.unwrap()), 2);
        assert_eq!(of(call(&bob, &everybody(&bob)).await.unwrap()), 0, "{layer}");
        let asked = |who: &Context, user| {
            let participant = named(who, user);
            f::channels::GetParticipant { channel: channel(who, group), participant }
        };
        let ada_id = ada.user().unwrap();
        let refused = call(&bob, &asked(&bob, ada_id)).await;
        assert_eq!(error(refused), bad("CHAT_ADMIN_REQUIRED"));
        call(&bob, &asked(&bob, bob_id)).await.unwrap();

        // Who joins waits for an admin.
        let approve = f::channels::ToggleJoinRequest {
            apply_to_invites: false,
            channel: channel(&ada, group),
            enabled: true,
            guard_bot: None,
        };
        let answer = updates(call(&ada, &approve).await.unwrap());
        let [enums::Chat::Channel(shown)] = &answer.chats[..] else { panic!("{answer:?}") };
        assert!(shown.join_request);
        assert_eq!(error(join(&cyd, group).await), bad("INVITE_REQUEST_SENT"));
        let request = f::channels::GetFullChannel { channel: channel(&ada, group) };
        let enums::messages::ChatFull::ChatFull(full) = call(&ada, &request).await.unwrap();
        let enums::ChatFull::ChannelFull(full) = full.full_chat else { panic!("no channel") };
        assert_eq!(full.requests_pending, Some(1));
        assert!(full.participants_hidden && full.can_view_participants);
        let write = f::channels::ToggleJoinToSend { channel: channel(&ada, group), enabled: true };
        let answer = updates(call(&ada, &write).await.unwrap());
        let [enums::Chat::Channel(shown)] = &answer.chats[..] else { panic!("{answer:?}") };
        assert!(shown.join_to_send);

        // Timers and what may not be saved.
        let goes = f::messages::SetHistoryTtl { peer: peer(&ada, group), period: 86_400 };
        let answer = updates(call(&ada, &goes).await.unwrap());
        let said = answer.updates.iter().find_map(|update| match update {
            enums::Update::UpdateNewChannelMessage(new) => match &new.message {
                enums::Message::MessageService(said) => Some(said.action.clone()),
                _ => None,
            },
            _ => None,
        });
        let Some(enums::MessageAction::MessageActionSetMessagesTtl(said)) = said else {
            panic!("{answer:?}")
        };
        assert_eq!(said.period, 86_400);
        let kept = f::messages::ToggleNoForwards {
            peer: peer(&ada, group),
            enabled: true,
            request_msg_id: None,
        };
        let answer = updates(call(&ada, &kept).await.unwrap());
        let [enums::Chat::Channel(shown)] = &answer.chats[..] else { panic!("{answer:?}") };
        assert!(shown.noforwards);
        let enums::messages::ChatFull::ChatFull(full) = call(&ada, &request).await.unwrap();
        let enums::ChatFull::ChannelFull(full) = full.full_chat else { panic!("no channel") };
        assert_eq!(full.ttl_period, Some(86_400));
    }
}
