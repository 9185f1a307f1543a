//! What members do, call by call, in every layer: below sessions and sockets.

use node_core::UserId;
use tl::{enums, types};

use super::*;

/// Signs up with an invite, as a client does.
pub(super) async fn member(
    shared: &Arc<Shared>,
    key: u8,
    layer: i32,
    name: &str,
) -> (Context, UserId) {
    let mut ctx = context_of(shared.clone(), key, layer, 0);
    let invite = shared.core.invite(None).await.unwrap();
    let phone_number = format!("+{}", invite.phone);
    let asked = f::auth::SendCode {
        phone_number: phone_number.clone(),
        api_id: 1,
        api_hash: "x".into(),
        ..Default::default()
    };
    let enums::auth::SentCode::SentCode(sent) = call(&ctx, &asked).await.unwrap() else {
        panic!("no code")
    };
    let phone_code_hash = sent.phone_code_hash;
    let sign_in = |code: &str| f::auth::SignIn {
        phone_number: phone_number.clone(),
        phone_code_hash: phone_code_hash.clone(),
        phone_code: Some(code.into()),
        ..Default::default()
    };
    let wrong = call(&ctx, &sign_in("x")).await.unwrap_err();
    assert_eq!((wrong.code, &*wrong.message), (400, "PHONE_CODE_INVALID"));
    let found = call(&ctx, &sign_in(&invite.code)).await.unwrap();
    assert!(matches!(found, enums::auth::Authorization::AuthorizationSignUpRequired(_)));
    let sign_up = f::auth::SignUp {
        phone_number: phone_number.clone(),
        phone_code_hash: phone_code_hash.clone(),
        first_name: name.into(),
        ..Default::default()
    };
    let found = call(&ctx, &sign_up).await.unwrap();
    let enums::auth::Authorization::Authorization(login) = found else { panic!("{layer}") };
    let enums::User::User(user) = login.user else { panic!("no user") };
    assert!(user.self_);
    assert_eq!(user.first_name.as_deref(), Some(name));
    let id = UserId(user.id);
    ctx.standing = ctx.shared.core.standing(ctx.auth_key().unwrap()).await.unwrap();
    assert_eq!(ctx.standing, Standing::LoggedIn(id));
    (ctx, id)
}

/// How `viewer` names somebody: as it was shown.
pub(super) fn named(viewer: &Context, user: UserId) -> enums::InputPeer {
    let view = viewer.shared.core.view(viewer.user().unwrap(), user).unwrap().unwrap();
    types::InputPeerUser { user_id: user.0, access_hash: view.access_hash }.into()
}

pub(super) fn message(
    text: &str,
    to: enums::InputPeer,
    random_id: i64,
) -> f::messages::SendMessage {
    f::messages::SendMessage { peer: to, message: text.into(), random_id, ..Default::default() }
}

pub(super) fn error<T: std::fmt::Debug>(result: RpcResult<T>) -> (i32, String) {
    let error = result.unwrap_err();
    (error.code, error.message.into_owned())
}

#[tokio::test]
async fn line_64_searches_are_limited_per_member() {
    let shared = shared();
    let (ada, ada_id) = member(&shared, 5, 220, "Ada").await;
    let (bob, bob_id) = member(&shared, 6, 220, "Bob").await;
    let search = |of: &Context, with| f::messages::Search {
        peer: named(of, with),
        q: "word".into(),
        limit: 1,
        ..Default::default()
    };
    for _ in 0..200 {
        call(&ada, &search(&ada, bob_id)).await.unwrap();
    }
    let refused = (420, "FLOOD_WAIT_1".to_owned());
    assert_eq!(error(call(&ada, &search(&ada, bob_id)).await), refused);
    // Whatever the way, and whatever the key.
    let counters =
        f::messages::GetSearchCounters { peer: named(&ada, bob_id), ..Default::default() };
    assert_eq!(error(call(&ada, &counters).await), refused);
    let mut other = context_of(shared.clone(), 7, 220, 0);
    other.standing = ada.standing;
    let global = f::messages::SearchGlobal { q: "word".into(), ..Default::default() };
    assert_eq!(error(call(&other, &global).await), refused);
    // Others, and other things, go on.
    call(&bob, &search(&bob, ada_id)).await.unwrap();
    call(&ada, &message("hello", named(&ada, bob_id), 1)).await.unwrap();
}

/// In every layer the answers can be said and read: a whole conversation.
#[tokio::test]
async fn a_conversation_in_every_layer() {
    for layer in tl::LAYER_MIN..=tl::LAYER_MAX {
        let shared = shared();
        let (ada, ada_id) = member(&shared, 5, layer, "Ada").await;
        let (bob, bob_id) = member(&shared, 6, layer, "Bob").await;
        let sent = call(&ada, &message("hello @bobby", named(&ada, bob_id), 1)).await.unwrap();
        let enums::Updates::Updates(sent) = sent else { panic!("{layer}") };
        let [enums::Update::UpdateMessageId(id), enums::Update::UpdateNewMessage(new)] =
            &sent.updates[..]
        else {
            panic!("{layer}: not one id and one message")
        };
        let enums::Message::Message(text) = &new.message else { panic!("{layer}") };
        assert_eq!((id.id, id.random_id, new.pts, new.pts_count), (text.id, 1, text.id, 1));
        assert!(text.out && text.entities.as_ref().is_some_and(|e| e.len() == 1));
        assert_eq!(sent.users.len(), 2, "both are named: {layer}");

        let query = f::messages::GetHistory { peer: named(&bob, ada_id), ..Default::default() };
        let history = call(&bob, &query).await.unwrap();
        let enums::messages::Messages::Messages(history) = history else { panic!("{layer}") };
        let [enums::Message::Message(got)] = &history.messages[..] else { panic!("{layer}") };
        assert_eq!((got.message.as_str(), got.out), ("hello @bobby", false));

        let mut answer = message("hi", named(&bob, ada_id), 2);
        if layer < 159 {
            answer.reply_to_msg_id = Some(got.id);
        } else {
            let reply =
                types::InputReplyToMessage { reply_to_msg_id: got.id, ..Default::default() };
            answer.reply_to = Some(reply.into());
        }
        call(&bob, &answer).await.unwrap();
        let read = f::messages::ReadHistory { peer: named(&bob, ada_id), max_id: 0 };
        let enums::messages::AffectedMessages::AffectedMessages(read) =
            call(&bob, &read).await.unwrap();
        assert_eq!(read.pts_count, 1, "{layer}");
        let edit = f::messages::EditMessage {
            peer: named(&ada, bob_id),
            id: text.id,
            message: Some("hello again".into()),
            ..Default::default()
        };
        call(&ada, &edit).await.unwrap();

        let missed = f::updates::GetDifference { pts: new.pts, ..Default::default() };
        let missed = call(&ada, &missed).await.unwrap();
        let enums::updates::Difference::Difference(missed) = missed else { panic!("{layer}") };
        let [enums::Message::Message(reply)] = &missed.new_messages[..] else { panic!("{layer}") };
        let Some(enums::MessageReplyHeader::MessageReplyHeader(header)) = &reply.reply_to else {
            panic!("{layer}: no reply")
        };
        assert_eq!(header.reply_to_msg_id, Some(text.id), "in the receiver's numbers");
        let kinds = (
            matches!(missed.other_updates[0], enums::Update::UpdateReadHistoryOutbox(_)),
            matches!(missed.other_updates[1], enums::Update::UpdateEditMessage(_)),
        );
        assert_eq!((kinds, missed.other_updates.len()), ((true, true), 2), "{layer}");
        let enums::updates::State::State(state) = missed.state;
        assert_eq!(state.pts, new.pts + 3);

        let dialogs = f::messages::GetDialogs { limit: 100, ..Default::default() };
        let enums::messages::Dialogs::Dialogs(dialogs) = call(&ada, &dialogs).await.unwrap() else {
            panic!("{layer}: not all dialogs")
        };
        assert!(dialogs.dialogs.iter().any(|dialog| {
            let enums::Dialog::Dialog(dialog) = dialog else { return false };
            dialog.top_message == reply.id && dialog.read_outbox_max_id == text.id
        }));
        call(&ada, &f::users::GetFullUser { id: types::InputUserSelf {}.into() }).await.unwrap();
        call(&ada, &f::account::GetAuthorizations {}).await.unwrap();
    }
}

#[tokio::test]
async fn line_49_only_what_was_shown_to_the_viewer_can_be_named() {
    let shared = shared();
    let (ada, ada_id) = member(&shared, 5, 230, "Ada").await;
    let (bob, bob_id) = member(&shared, 6, 230, "Bob").await;
    let (_, eve_id) = member(&shared, 7, 230, "Eve").await;
    let enums::InputPeer::InputPeerUser(good) = named(&ada, bob_id) else { panic!() };
    let user = |user_id: i64, access_hash: i64| -> enums::InputPeer {
        types::InputPeerUser { user_id, access_hash }.into()
    };
    let enums::InputPeer::InputPeerUser(bobs) = named(&bob, eve_id) else { panic!() };
    for bad in [
        user(bob_id.0, 0),
        user(bob_id.0, good.access_hash ^ 1),
        user(eve_id.0, good.access_hash),
        user(eve_id.0, bobs.access_hash),
        types::InputPeerEmpty {}.into(),
    ] {
        let refused = call(&ada, &message("x", bad.clone(), 1)).await;
        assert_eq!(error(refused), (400, "PEER_ID_INVALID".into()), "{bad:?}");
        let query = f::messages::GetHistory { peer: bad, ..Default::default() };
        assert_eq!(error(call(&ada, &query).await), (400, "PEER_ID_INVALID".into()));
    }
    let chat = types::InputPeerChat { chat_id: 1 }.into();
    assert_eq!(error(call(&ada, &message("x", chat, 1)).await), (400, "CHAT_ID_INVALID".into()));
    let input = |user_id: i64, access_hash: i64| -> enums::InputUser {
        types::InputUser { user_id, access_hash }.into()
    };
    let users = f::users::GetUsers {
        id: vec![input(bob_id.0, 7), input(bob_id.0, good.access_hash), input(ada_id.0, 0)],
    };
    let users = call(&ada, &users).await.unwrap();
    let enums::User::UserEmpty(empty) = &users[0] else { panic!("one bad name fails alone") };
    assert_eq!(empty.id, bob_id.0);
    assert!(matches!(&users[1], enums::User::User(user) if user.id == bob_id.0));
    assert!(matches!(&users[2], enums::User::User(user) if user.self_), "oneself needs no proof");

    // A message that one has is a proof of its own.
    call(&bob, &message("from bob", named(&bob, ada_id), 5)).await.unwrap();
    let query = f::messages::GetHistory { peer: named(&ada, bob_id), ..Default::default() };
    let enums::messages::Messages::Messages(history) = call(&ada, &query).await.unwrap() else {
        panic!()
    };
    let enums::Message::Message(seen) = &history.messages[0] else { panic!() };
    let from_message = |user_id: i64, msg_id: i32| -> enums::InputPeer {
        let peer = named(&ada, bob_id);
        types::InputPeerUserFromMessage { peer, msg_id, user_id }.into()
    };
    call(&ada, &message("y", from_message(bob_id.0, seen.id), 2)).await.unwrap();
    let refused = call(&ada, &message("y", from_message(eve_id.0, seen.id), 3)).await;
    assert_eq!(error(refused), (400, "PEER_ID_INVALID".into()));
}

/// Rules, a profile and the bar, in every layer: what a layer does not have is left out.
#[tokio::test]
async fn line_57_privacy_can_be_set_and_shown_in_every_layer() {
    for layer in tl::LAYER_MIN..=tl::LAYER_MAX {
        let shared = shared();
        let (ada, ada_id) = member(&shared, 5, layer, "Ada").await;
        let (bob, bob_id) = member(&shared, 6, layer, "Bob").await;
        let enums::InputPeer::InputPeerUser(shown) = named(&ada, bob_id) else { panic!() };
        let input = |access_hash: i64| -> enums::InputUser {
            types::InputUser { user_id: bob_id.0, access_hash }.into()
        };
        let set = |access_hash: i64| f::account::SetPrivacy {
            key: types::InputPrivacyKeyForwards {}.into(),
            rules: vec![
                types::InputPrivacyValueDisallowUsers { users: vec![input(access_hash)] }.into(),
                types::InputPrivacyValueAllowAll {}.into(),
            ],
        };
        let enums::account::PrivacyRules::PrivacyRules(rules) =
            call(&ada, &set(shown.access_hash)).await.unwrap();
        let named_users: enums::PrivacyRule =
            types::PrivacyValueDisallowUsers { users: vec![bob_id.0] }.into();
        assert_eq!((&rules.rules[0], rules.users.len()), (&named_users, 1), "{layer}");
        // Line 49: rules name only whom the member was shown.
        let refused = call(&ada, &set(shown.access_hash ^ 1)).await;
        assert_eq!(error(refused), (400, "USER_ID_INVALID".into()));
        call(&bob, &message("buy this", named(&bob, ada_id), 1)).await.unwrap();
        let enums::InputPeer::InputPeerUser(of_ada) = named(&bob, ada_id) else { panic!() };
        let id = types::InputUser { user_id: ada_id.0, access_hash: of_ada.access_hash }.into();
        let full = call(&bob, &f::users::GetFullUser { id }).await.unwrap();
        let enums::users::UserFull::UserFull(full) = full;
        let enums::UserFull::UserFull(full) = full.full_user;
        assert_eq!(full.private_forward_name.as_deref(), Some("Ada"), "{layer}");
        let asked = f::messages::GetPeerSettings { peer: named(&ada, bob_id) };
        let enums::messages::PeerSettings::PeerSettings(bar) = call(&ada, &asked).await.unwrap();
        let enums::PeerSettings::PeerSettings(bar) = bar.settings;
        assert!(bar.report_spam && bar.add_contact && bar.block_contact, "{layer}");
    }
}

#[tokio::test]
async fn line_53_mistakes_have_the_catalogues_names_and_never_500() {
    let shared = shared();
    let (ada, _) = member(&shared, 5, 230, "Ada").await;
    let (_, bob_id) = member(&shared, 6, 230, "Bob").await;
    let to = || named(&ada, bob_id);
    let send = async |request: f::messages::SendMessage| error(call(&ada, &request).await);
    assert_eq!(send(message(" \n", to(), 1)).await.1, "MESSAGE_EMPTY");
    assert_eq!(send(message(&"x".repeat(4097), to(), 1)).await.1, "MESSAGE_TOO_LONG");
    assert_eq!(send(message("x", to(), 0)).await.1, "RANDOM_ID_EMPTY");
    let bold = types::MessageEntityBold { offset: 1, length: 1 };
    let entities = Some(vec![bold.into()]);
    let request = f::messages::SendMessage { entities, ..message("x", to(), 1) };
    assert_eq!(send(request).await, (400, "ENTITY_BOUNDS_INVALID".into()));
    let reply = types::InputReplyToMessage { reply_to_msg_id: 99, ..Default::default() };
    let request =
        f::messages::SendMessage { reply_to: Some(reply.into()), ..message("x", to(), 1) };
    assert_eq!(send(request).await, (400, "REPLY_MESSAGE_ID_INVALID".into()));
    let late = f::messages::SendMessage { schedule_date: Some(i32::MAX), ..message("x", to(), 1) };
    assert_eq!(send(late).await, (400, "SCHEDULE_DATE_TOO_LATE".into()));
    call(&ada, &message("x", to(), 1)).await.unwrap();
    assert_eq!(send(message("y", to(), 1)).await, (400, "RANDOM_ID_DUPLICATE".into()));

    let edit = |id: i32, text: &str| f::messages::EditMessage {
        peer: to(),
        id,
        message: Some(text.into()),
        ..Default::default()
    };
    assert_eq!(error(call(&ada, &edit(99, "y")).await).1, "MESSAGE_ID_INVALID");
    let query = f::messages::GetHistory { peer: to(), ..Default::default() };
    let enums::messages::Messages::Messages(history) = call(&ada, &query).await.unwrap() else {
        panic!()
    };
    let enums::Message::Message(sent) = &history.messages[0] else { panic!() };
    assert_eq!(error(call(&ada, &edit(sent.id, "x")).await).1, "MESSAGE_NOT_MODIFIED");
    let state = |pts: i32| f::updates::GetDifference { pts, ..Default::default() };
    assert_eq!(error(call(&ada, &state(0)).await).1, "PERSISTENT_TIMESTAMP_EMPTY");
    assert_eq!(error(call(&ada, &state(9999)).await).1, "PERSISTENT_TIMESTAMP_INVALID");
    let nobody = f::contacts::ResolveUsername { username: "nobody".into(), referer: None };
    assert_eq!(error(call(&ada, &nobody).await), (400, "USERNAME_NOT_OCCUPIED".into()));
    let username = |name: &str| f::account::UpdateUsername { username: name.into() };
    assert_eq!(error(call(&ada, &username("a b")).await).1, "USERNAME_INVALID");
    call(&ada, &username("ada_1")).await.unwrap();
    assert_eq!(error(call(&ada, &username("ada_1")).await).1, "USERNAME_NOT_MODIFIED");
    let hash = f::account::ResetAuthorization { hash: 5 };
    assert_eq!(error(call(&ada, &hash).await), (400, "HASH_INVALID".into()));
}

/// Clients replace what they know of a user by a whole one, and never by a `min` one.
#[tokio::test]
async fn line_50_users_are_whole_and_a_message_proves_access() {
    let shared = shared();
    shared.core.prepare("Node").await.unwrap();
    let (ada, ada_id) = member(&shared, 5, 230, "Ada").await;
    let (bob, bob_id) = member(&shared, 6, 230, "Bob").await;
    call(&bob, &message("hello", named(&bob, ada_id), 1)).await.unwrap();
    let dialogs = f::messages::GetDialogs { limit: 10, ..Default::default() };
    let enums::messages::Dialogs::Dialogs(dialogs) = call(&ada, &dialogs).await.unwrap() else {
        panic!("not all dialogs")
    };
    assert!(dialogs.users.len() >= 2);
    for user in &dialogs.users {
        let enums::User::User(user) = user else { panic!("{user:?}") };
        assert!(!user.min && user.access_hash.is_some() && user.first_name.is_some());
    }
    // By the message that names him, and by nothing else, without an access hash of his.
    let with = named(&ada, bob_id);
    let seen = dialogs.messages.iter().find_map(|message| match message {
        enums::Message::Message(message) if message.message == "hello" => Some(message.id),
        _ => None,
    });
    let by_message = |msg_id: i32, user_id: i64| f::users::GetUsers {
        id: vec![types::InputUserFromMessage { peer: with.clone(), msg_id, user_id }.into()],
    };
    let found = call(&ada, &by_message(seen.unwrap(), bob_id.0)).await.unwrap();
    assert!(matches!(&found[0], enums::User::User(user) if user.id == bob_id.0));
    for (msg_id, user_id) in [(seen.unwrap() + 1, bob_id.0), (seen.unwrap(), bob_id.0 + 1)] {
        let found = call(&ada, &by_message(msg_id, user_id)).await.unwrap();
        assert!(matches!(&found[0], enums::User::UserEmpty(_)), "{msg_id} {user_id}");
    }
}

/// Who does not want a link in forwards is not to be reached by one.
#[tokio::test]
async fn line_50_a_forward_without_a_link_proves_no_access() {
    for hidden in [false, true] {
        let shared = shared();
        let (ada, ada_id) = member(&shared, 5, 230, "Ada").await;
        let (bob, bob_id) = member(&shared, 6, 230, "Bob").await;
        let (eve, eve_id) = member(&shared, 7, 230, "Eve").await;
        if hidden {
            let key = types::InputPrivacyKeyForwards {}.into();
            let rules = vec![types::InputPrivacyValueDisallowAll {}.into()];
            call(&bob, &f::account::SetPrivacy { key, rules }).await.unwrap();
        }
        call(&bob, &message("hello", named(&bob, eve_id), 1)).await.unwrap();
        let newest = |with: enums::InputPeer| f::messages::GetHistory {
            peer: with,
            limit: 1,
            ..Default::default()
        };
        let got = call(&eve, &newest(named(&eve, bob_id))).await.unwrap();
        let forward = f::messages::ForwardMessages {
            from_peer: named(&eve, bob_id),
            to_peer: named(&eve, ada_id),
            id: vec![message_in(&got).id],
            random_id: vec![5],
            ..Default::default()
        };
        call(&eve, &forward).await.unwrap();
        let got = call(&ada, &newest(named(&ada, eve_id))).await.unwrap();
        let forwarded = message_in(&got);
        let Some(enums::MessageFwdHeader::MessageFwdHeader(header)) = &forwarded.fwd_from else {
            panic!("not forwarded")
        };
        assert_eq!(header.from_id.is_none(), hidden);
        assert_eq!(header.from_name.as_deref(), hidden.then_some("Bob"));
        let by_message = types::InputUserFromMessage {
            peer: named(&ada, eve_id),
            msg_id: forwarded.id,
            user_id: bob_id.0,
        };
        let users = f::users::GetUsers { id: vec![by_message.into()] };
        let found = call(&ada, &users).await.unwrap();
        assert_eq!(matches!(&found[0], enums::User::UserEmpty(_)), hidden);
    }
}

/// The one message of a page.
fn message_in(page: &enums::messages::Messages) -> &types::Message {
    let messages = match page {
        enums::messages::Messages::Messages(page) => &page.messages,
        enums::messages::Messages::MessagesSlice(page) => &page.messages,
        other => panic!("{other:?}"),
    };
    let [enums::Message::Message(message)] = &messages[..] else { panic!("not one message") };
    message
}

/// TDLib confirms with the largest date and limits of 1; a date is no filter.
#[tokio::test]
async fn line_37_a_confirming_difference_is_answered() {
    let shared = shared();
    let (ada, ada_id) = member(&shared, 5, 229, "Ada").await;
    let (bob, _) = member(&shared, 6, 229, "Bob").await;
    for n in 1..=3 {
        call(&bob, &message("x", named(&bob, ada_id), n)).await.unwrap();
    }
    let enums::updates::State::State(state) = call(&ada, &f::updates::GetState {}).await.unwrap();
    let confirm = |pts: i32| f::updates::GetDifference {
        pts,
        pts_limit: Some(1),
        date: i32::MAX,
        qts: 0,
        qts_limit: Some(1),
        ..Default::default()
    };
    let at_end = call(&ada, &confirm(state.pts)).await.unwrap();
    assert!(matches!(at_end, enums::updates::Difference::DifferenceEmpty(_)));
    let behind = call(&ada, &confirm(state.pts - 2)).await.unwrap();
    let enums::updates::Difference::DifferenceSlice(slice) = behind else { panic!("no slice") };
    let enums::updates::State::State(reached) = slice.intermediate_state;
    assert_eq!((reached.pts, slice.new_messages.len()), (state.pts - 1, 1));
}

#[tokio::test]
async fn line_66_a_login_is_carried_to_the_key_of_another_dc() {
    let shared = shared();
    let (ada, ada_id) = member(&shared, 5, 230, "Ada").await;
    let mut media = context_of(shared.clone(), 9, 230, 0);
    let export = f::auth::ExportAuthorization { dc_id: 4 };
    let enums::auth::ExportedAuthorization::ExportedAuthorization(exported) =
        call(&ada, &export).await.unwrap();
    let import = f::auth::ImportAuthorization { id: exported.id, bytes: exported.bytes };
    call(&media, &import).await.unwrap();
    assert_eq!(error(call(&media, &import).await), (400, "AUTH_BYTES_INVALID".into()), "once");
    let key = media.auth_key().unwrap();
    media.standing = shared.core.standing(key).await.unwrap();
    assert_eq!(media.standing, Standing::LoggedIn(ada_id));
    let enums::account::Authorizations::Authorizations(list) =
        call(&ada, &f::account::GetAuthorizations {}).await.unwrap();
    assert_eq!(list.authorizations.len(), 1, "one device");
    call(&ada, &f::auth::LogOut {}).await.unwrap();
    assert_eq!(shared.core.standing(key).await.unwrap(), Standing::Revoked, "it ends with it");
}

#[tokio::test]
async fn messages_to_oneself_are_filed_and_never_outgoing() {
    let shared = shared();
    // The first member owns the node, and is greeted.
    member(&shared, 4, 230, "Owner").await;
    let (ada, ada_id) = member(&shared, 5, 230, "Ada").await;
    let request = message("note", types::InputPeerSelf {}.into(), 1);
    let enums::Updates::Updates(sent) = call(&ada, &request).await.unwrap() else { panic!() };
    let enums::Update::UpdateNewMessage(new) = &sent.updates[1] else { panic!() };
    let enums::Message::Message(note) = &new.message else { panic!() };
    let own: enums::Peer = types::PeerUser { user_id: ada_id.0 }.into();
    assert!(!note.out);
    assert_eq!((&note.peer_id, &note.saved_peer_id), (&own, &Some(own.clone())));
    let enums::updates::State::State(state) = call(&ada, &f::updates::GetState {}).await.unwrap();
    assert_eq!(state.unread_count, 0);
}

/// What is found: how many, and whether it is exact.
fn count(found: enums::messages::Messages) -> usize {
    match found {
        enums::messages::Messages::Messages(found) => found.messages.len(),
        enums::messages::Messages::MessagesSlice(found) => found.messages.len(),
        other => panic!("{other:?}"),
    }
}

/// `messages.searchGlobal` of people, of groups, or of both.
#[tokio::test]
async fn global_searches_are_of_people_or_of_groups() {
    let shared = shared();
    let (ada, ada_id) = member(&shared, 5, 230, "Ada").await;
    let (bob, bob_id) = member(&shared, 6, 230, "Bob").await;
    let made = shared.core.create_chat(ada.actor().unwrap(), ada_id, "Quay", vec![bob_id], 0);
    let group: enums::InputPeer =
        types::InputPeerChat { chat_id: made.await.unwrap().chat.0 }.into();
    call(&ada, &message("a harbour", named(&ada, bob_id), 1)).await.unwrap();
    call(&ada, &message("a harbour", group.clone(), 2)).await.unwrap();
    call(&ada, &message("a harbour", group.clone(), 3)).await.unwrap();
    let search = async |users_only, groups_only, broadcasts_only| {
        let query = f::messages::SearchGlobal {
            q: "harbour".into(),
            filter: types::InputMessagesFilterEmpty {}.into(),
            limit: 10,
            users_only,
            groups_only,
            broadcasts_only,
            ..Default::default()
        };
        count(call(&bob, &query).await.unwrap())
    };
    assert_eq!(search(false, false, false).await, 3);
    assert_eq!(search(true, false, false).await, 1);
    assert_eq!(search(false, true, false).await, 2);
    assert_eq!(search(false, false, true).await, 0);
    // A group has written nothing itself.
    let by = async |from: enums::InputPeer| {
        let query = f::messages::Search {
            peer: group.clone(),
            q: "harbour".into(),
            filter: types::InputMessagesFilterEmpty {}.into(),
            from_id: Some(from),
            limit: 10,
            ..Default::default()
        };
        count(call(&bob, &query).await.unwrap())
    };
    assert_eq!(by(named(&bob, ada_id)).await, 2);
    assert_eq!(by(group.clone()).await, 0);
    // What is asked for twice is counted once.
    let filters: Vec<enums::MessagesFilter> = vec![
        types::InputMessagesFilterUrl {}.into(),
        types::InputMessagesFilterPhotos {}.into(),
        types::InputMessagesFilterUrl {}.into(),
    ];
    let asked = f::messages::GetSearchCounters {
        peer: group.clone(),
        filters: filters.clone(),
        ..Default::default()
    };
    let counters = call(&bob, &asked).await.unwrap();
    let counted = counters.into_iter().map(|counter| {
        let enums::messages::SearchCounter::SearchCounter(counter) = counter;
        counter.filter
    });
    assert_eq!(counted.collect::<Vec<_>>(), filters[..2]);
}
