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

mod links;
mod messages;
mod owning;
mod roles;
mod settings;

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
