//! Invite links of channels, and requests to join them.

use super::*;

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
