//! What is set in channels.

use super::*;

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
