//! Messages of channels: by number, hidden, in slow mode, deleted.

use super::*;

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
