//! Groups, call by call, in every layer.

use node_core::UserId;
use tl::{enums, types};

use super::members::{error, member, message, named};
use super::*;

fn input(viewer: &Context, user: UserId) -> enums::InputUser {
    let enums::InputPeer::InputPeerUser(user) = named(viewer, user) else { panic!("no user") };
    types::InputUser { user_id: user.user_id, access_hash: user.access_hash }.into()
}

fn peer(chat_id: i64) -> enums::InputPeer {
    types::InputPeerChat { chat_id }.into()
}

/// The answer to adding people: what stands around it came with a layer.
async fn added(ctx: &Context, query: Vec<u8>) -> types::Updates {
    let answer = execute(ctx, &query).await.unwrap();
    let updates = if ctx.layer < 175 {
        tl::from_bytes::<enums::Updates>(&answer, ctx.layer).unwrap()
    } else {
        let invited: enums::messages::InvitedUsers = tl::from_bytes(&answer, ctx.layer).unwrap();
        let enums::messages::InvitedUsers::InvitedUsers(invited) = invited;
        invited.updates
    };
    let enums::Updates::Updates(updates) = updates else { panic!("no updates") };
    *updates
}

#[tokio::test]
async fn a_group_in_every_layer() {
    for layer in tl::LAYER_MIN..=tl::LAYER_MAX {
        let shared = shared();
        let (ada, ada_id) = member(&shared, 5, layer, "Ada").await;
        let (bob, bob_id) = member(&shared, 6, layer, "Bob").await;
        let (eve, eve_id) = member(&shared, 7, layer, "Eve").await;
        let create = f::messages::CreateChat {
            users: vec![input(&ada, bob_id)],
            title: "Team".into(),
            ..Default::default()
        };
        let made = added(&ada, tl::to_bytes(&create, layer).unwrap()).await;
        let [
            enums::Update::UpdateMessageId(number),
            enums::Update::UpdateChatParticipants(_),
            enums::Update::UpdateNewMessage(new),
        ] = &made.updates[..]
        else {
            panic!("{layer}: {made:?}")
        };
        assert_eq!(number.id, new.pts, "TDLib takes no new group without it");
        let enums::Message::MessageService(said) = &new.message else { panic!("{layer}") };
        assert!(matches!(said.action, enums::MessageAction::MessageActionChatCreate(_)));
        assert_eq!(made.users.len(), 2, "{layer}: both are named");
        let [enums::Chat::Chat(chat)] = &made.chats[..] else { panic!("{layer}") };
        assert!(chat.creator && !chat.left, "{layer}");
        let id = chat.id;

        call(&bob, &message("hello @nobody", peer(id), 1)).await.unwrap();
        let missed = f::updates::GetDifference { pts: new.pts, ..Default::default() };
        let missed = call(&ada, &missed).await.unwrap();
        let enums::updates::Difference::Difference(missed) = missed else { panic!("{layer}") };
        let [enums::Message::Message(hello)] = &missed.new_messages[..] else { panic!("{layer}") };
        assert_eq!(hello.peer_id, types::PeerChat { chat_id: id }.into(), "{layer}");
        assert!(matches!(&missed.chats[..], [enums::Chat::Chat(_)]), "{layer}");
        let read = f::messages::ReadHistory { peer: peer(id), max_id: 0 };
        call(&ada, &read).await.unwrap();

        let full = call(&ada, &f::messages::GetFullChat { chat_id: id }).await.unwrap();
        let enums::messages::ChatFull::ChatFull(full) = full;
        let enums::ChatFull::ChatFull(full) = full.full_chat else { panic!("{layer}") };
        let enums::ChatParticipants::ChatParticipants(all) = &full.participants else {
            panic!("{layer}")
        };
        assert_eq!((all.participants.len(), all.version), (2, 1), "{layer}");

        // Outsiders learn nothing but what a link tells.
        let asked = f::messages::GetFullChat { chat_id: id };
        assert_eq!(error(call(&eve, &asked).await), (400, "CHAT_ID_INVALID".into()));
        let export = f::messages::ExportChatInvite { peer: peer(id), ..Default::default() };
        assert_eq!(error(call(&bob, &export).await), (400, "CHAT_ADMIN_REQUIRED".into()));
        let link = call(&ada, &export).await.unwrap();
        let enums::ExportedChatInvite::ChatInviteExported(link) = link else { panic!("{layer}") };
        let (_, hash) = link.link.split_once("/+").unwrap();
        let check = f::messages::CheckChatInvite { hash: hash.into() };
        let enums::ChatInvite::ChatInvite(shown) = call(&eve, &check).await.unwrap() else {
            panic!("{layer}")
        };
        assert_eq!((shown.title.as_str(), shown.participants_count), ("Team", 2));
        assert_eq!(shown.participants, None, "eve knows nobody there");
        let import = f::messages::ImportChatInvite { hash: hash.into() };
        let query = tl::to_bytes(&import, layer).unwrap();
        let joined = execute(&eve, &query).await.unwrap();
        let joined = if layer < 226 {
            tl::from_bytes::<enums::Updates>(&joined, layer).unwrap()
        } else {
            let result: enums::messages::ChatInviteJoinResult =
                tl::from_bytes(&joined, layer).unwrap();
            let enums::messages::ChatInviteJoinResult::ChatInviteJoinResultOk(ok) = result else {
                panic!("{layer}")
            };
            ok.updates
        };
        let enums::Updates::Updates(joined) = joined else { panic!("{layer}") };
        assert_eq!(joined.users.len(), 3, "{layer}: everybody is named");
        assert!(matches!(call(&eve, &check).await, Ok(enums::ChatInvite::ChatInviteAlready(_))));

        // Who does not want to be added: said in the way of the layer.
        let key = types::InputPrivacyKeyChatInvite {}.into();
        let rules = vec![types::InputPrivacyValueDisallowAll {}.into()];
        let (dan, dan_id) = member(&shared, 8, layer, "Dan").await;
        call(&dan, &f::account::SetPrivacy { key, rules }).await.unwrap();
        let user_id = input(&ada, dan_id);
        let add = f::messages::AddChatUser { chat_id: id, user_id, fwd_limit: 0 };
        if layer < 175 {
            let refused = error(call(&ada, &add).await.map(|_| ()));
            assert_eq!(refused, (403, "USER_PRIVACY_RESTRICTED".into()));
        } else {
            let enums::messages::InvitedUsers::InvitedUsers(answer) =
                call(&ada, &add).await.unwrap();
            let [enums::MissingInvitee::MissingInvitee(missing)] = &answer.missing_invitees[..]
            else {
                panic!("{layer}")
            };
            assert_eq!(missing.user_id, dan_id.0);
        }

        // What is left of it for who leaves, for who is removed, and after its end.
        let shown = |ctx: Context| async move {
            let chats = call(&ctx, &f::messages::GetChats { id: vec![id] }).await.unwrap();
            let enums::messages::Chats::Chats(chats) = chats else { panic!("no chats") };
            chats.chats.into_iter().next().unwrap()
        };
        let leave = f::messages::DeleteChatUser {
            chat_id: id,
            user_id: types::InputUserSelf {}.into(),
            ..Default::default()
        };
        call(&eve, &leave).await.unwrap();
        let remove = f::messages::DeleteChatUser {
            chat_id: id,
            user_id: input(&ada, bob_id),
            ..Default::default()
        };
        call(&ada, &remove).await.unwrap();
        let full = call(&eve, &f::messages::GetFullChat { chat_id: id }).await.unwrap();
        let enums::messages::ChatFull::ChatFull(full) = full;
        assert_eq!(full.users.len(), 0, "{layer}: who left does not learn who is there");
        assert!(matches!(shown(eve).await, enums::Chat::Chat(chat) if chat.left));
        assert!(matches!(shown(bob).await, enums::Chat::ChatForbidden(_)));
        call(&ada, &f::messages::DeleteChat { chat_id: id }).await.unwrap();
        assert!(matches!(shown(ada).await, enums::Chat::Chat(chat) if chat.deactivated));
        let _ = (ada_id, eve_id);
    }
}

#[tokio::test]
async fn a_group_becomes_a_supergroup() {
    for layer in [158, 230] {
        let shared = shared();
        let (ada, _) = member(&shared, 5, layer, "Ada").await;
        let (bob, bob_id) = member(&shared, 6, layer, "Bob").await;
        let (cyd, _) = member(&shared, 7, layer, "Cyd").await;
        let create = f::messages::CreateChat {
            users: vec![input(&ada, bob_id)],
            title: "Team".into(),
            ..Default::default()
        };
        let made = added(&ada, tl::to_bytes(&create, layer).unwrap()).await;
        let [enums::Chat::Chat(chat)] = &made.chats[..] else { panic!("{layer}") };
        let migrate = f::messages::MigrateChat { chat_id: chat.id };
        let refused = call(&bob, &migrate).await;
        assert_eq!(error(refused), (400, "CHAT_ADMIN_REQUIRED".into()));
        let refused = call(&cyd, &migrate).await;
        assert_eq!(error(refused), (400, "CHAT_ID_INVALID".into()));
        let enums::Updates::Updates(done) = call(&ada, &migrate).await.unwrap() else {
            panic!("{layer}")
        };
        let [
            enums::Update::UpdateChannel(changed),
            enums::Update::UpdateNewMessage(there),
            enums::Update::UpdateNewChannelMessage(here),
        ] = &done.updates[..]
        else {
            panic!("{layer}: {done:?}")
        };
        let action = |message: &enums::Message| match message {
            enums::Message::MessageService(said) => said.action.clone(),
            other => panic!("{other:?}"),
        };
        let channel_id = changed.channel_id;
        assert_eq!(action(&there.message), types::MessageActionChatMigrateTo { channel_id }.into());
        let (title, chat_id) = ("Team".to_owned(), chat.id);
        assert_eq!(
            action(&here.message),
            types::MessageActionChannelMigrateFrom { title, chat_id }.into()
        );
        let old = done.chats.iter().find_map(|chat| match chat {
            enums::Chat::Chat(chat) => Some(chat),
            _ => None,
        });
        let Some(enums::InputChannel::InputChannel(to)) = &old.unwrap().migrated_to else {
            panic!("{layer}: {:?}", done.chats)
        };
        assert_eq!(to.channel_id, channel_id, "{layer}");
        assert!(done.chats.iter().any(|chat| matches!(chat, enums::Chat::Channel(_))));
        // Asked again, it says where it is.
        let enums::Updates::Updates(again) = call(&ada, &migrate).await.unwrap() else {
            panic!("{layer}")
        };
        assert!(matches!(&again.updates[..], [enums::Update::UpdateChannel(same)]
            if same.channel_id == channel_id));
        let core = &bob.shared.core;
        let access_hash = core.channel_access_hash(bob_id, node_core::ChannelId(channel_id));
        let channel = types::InputChannel { channel_id, access_hash }.into();
        let full = f::channels::GetFullChannel { channel };
        let enums::messages::ChatFull::ChatFull(full) = call(&bob, &full).await.unwrap();
        let enums::ChatFull::ChannelFull(full) = full.full_chat else { panic!("{layer}") };
        assert_eq!(full.migrated_from_chat_id, Some(chat_id), "{layer}");
        assert!(full.migrated_from_max_id > Some(0), "{layer}");
    }
}
