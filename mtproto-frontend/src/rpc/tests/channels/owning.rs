//! Photos of channels, handing one over, and its end.

use super::*;

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
