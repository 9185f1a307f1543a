//! Who may do what in channels, who is there, and who cannot be added.

use super::*;

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
