//! Secret chats, call by call, in the first and the last layer (conformance line 63).

use node_core::UserId;
use tl::enums::{self, EncryptedChat, EncryptedFile, EncryptedMessage};
use tl::types;

use super::media::{noise, number, upload};
use super::members::{error, member, named};
use super::*;

const CHAT: i32 = -77;

fn user(viewer: &Context, user: UserId) -> enums::InputUser {
    let enums::InputPeer::InputPeerUser(named) = named(viewer, user) else { panic!("no user") };
    types::InputUser { user_id: named.user_id, access_hash: named.access_hash }.into()
}

fn chat(viewer: &Context) -> enums::InputEncryptedChat {
    let viewer_id = viewer.user().unwrap();
    let id = node_core::SecretChatId(CHAT);
    let access_hash = viewer.shared.core.secret_access_hash(viewer_id, id);
    types::InputEncryptedChat { chat_id: CHAT, access_hash }.into()
}

fn said(by: &Context, random_id: i64, data: &[u8]) -> f::messages::SendEncrypted {
    let (peer, data) = (chat(by), data.to_vec());
    f::messages::SendEncrypted { silent: false, peer, random_id, data }
}

fn request(by: &Context, to: UserId) -> f::messages::RequestEncryption {
    let (user_id, random_id) = (user(by, to), CHAT);
    f::messages::RequestEncryption { user_id, random_id, g_a: vec![0x41; 256] }
}

fn accept(by: &Context) -> f::messages::AcceptEncryption {
    let (peer, g_b) = (chat(by), vec![0x42; 256]);
    f::messages::AcceptEncryption { peer, g_b, key_fingerprint: 5 }
}

async fn qts(ctx: &Context) -> i32 {
    let enums::updates::State::State(state) = call(ctx, &f::updates::GetState {}).await.unwrap();
    state.qts
}

/// What a client missed that has seen nothing of secret chats, and everything else.
async fn difference(ctx: &Context, qts: i32) -> enums::updates::Difference {
    let enums::updates::State::State(state) = call(ctx, &f::updates::GetState {}).await.unwrap();
    let (pts, date) = (state.pts, state.date);
    let missed = f::updates::GetDifference { pts, date, qts, ..Default::default() };
    call(ctx, &missed).await.unwrap()
}

fn whole(difference: enums::updates::Difference) -> types::updates::Difference {
    let enums::updates::Difference::Difference(whole) = difference else {
        panic!("{difference:?}")
    };
    *whole
}

#[tokio::test]
async fn line_63_the_dh_configuration_has_a_version_and_fresh_random_bytes() {
    let shared = shared();
    let (ada, _) = member(&shared, 5, 230, "Ada").await;
    let ask = |version, random_length| f::messages::GetDhConfig { version, random_length };
    let config = call(&ada, &ask(0, 256)).await.unwrap();
    let enums::messages::DhConfig::DhConfig(config) = config else { panic!("{config:?}") };
    assert_eq!((config.p.len(), config.p[0] >> 7, config.g), (256, 1, keys::dh::G));
    assert_eq!(config.p, keys::dh::prime());
    // Asked for none by some clients: they mix it into their own all the same.
    let again = call(&ada, &ask(config.version, 0)).await.unwrap();
    let enums::messages::DhConfig::DhConfigNotModified(again) = again else { panic!("{again:?}") };
    assert_eq!((config.random.len(), again.random.len()), (256, 256));
    assert_ne!(config.random, again.random);
    for length in [-1, 1025] {
        let refused = call(&ada, &ask(0, length)).await;
        assert_eq!(error(refused), (400, "RANDOM_LENGTH_INVALID".into()));
    }
}

#[tokio::test]
async fn line_63_a_secret_chat_call_by_call() {
    for layer in [tl::LAYER_MIN, tl::LAYER_MAX] {
        let shared = shared();
        let (ada, ada_id) = member(&shared, 5, layer, "Ada").await;
        let (bob, bob_id) = member(&shared, 6, layer, "Bob").await;
        let asked = call(&ada, &request(&ada, bob_id)).await.unwrap();
        let EncryptedChat::EncryptedChatWaiting(asked) = asked else { panic!("{asked:?}") };
        assert_eq!((asked.id, asked.admin_id, asked.participant_id), (CHAT, ada_id.0, bob_id.0));
        // Bob comes, and is asked; both are named.
        let missed = whole(difference(&bob, 1).await);
        let [enums::Update::UpdateEncryption(update)] = &missed.other_updates[..] else {
            panic!("{:?}", missed.other_updates)
        };
        let EncryptedChat::EncryptedChatRequested(told) = &update.chat else {
            panic!("{update:?}")
        };
        assert_eq!((told.g_a.as_slice(), told.admin_id), (&[0x41; 256][..], ada_id.0));
        assert_eq!(missed.users.len(), 2);
        assert_ne!(told.access_hash, asked.access_hash, "everybody has their own");
        let stolen = f::messages::AcceptEncryption { peer: chat(&ada), ..accept(&bob) };
        assert_eq!(error(call(&bob, &stolen).await), (400, "CHAT_ID_INVALID".into()));
        let opened = call(&bob, &accept(&bob)).await.unwrap();
        let EncryptedChat::EncryptedChat(opened) = opened else { panic!("{opened:?}") };
        assert_eq!((opened.g_a_or_b[0], opened.key_fingerprint), (0x41, 5));

        assert_eq!((qts(&ada).await, qts(&bob).await), (1, 1));
        for (random_id, words) in [(1, b"one"), (2, b"two")] {
            call(&ada, &said(&ada, random_id, words)).await.unwrap();
        }
        let service = f::messages::SendEncryptedService {
            peer: chat(&ada),
            random_id: 3,
            data: b"three".to_vec(),
        };
        call(&ada, &service).await.unwrap();
        assert_eq!((qts(&ada).await, qts(&bob).await), (1, 4));
        let missed = whole(difference(&bob, 1).await);
        let enums::updates::State::State(state) = missed.state;
        assert_eq!(state.qts, 4);
        let [
            EncryptedMessage::EncryptedMessage(one),
            EncryptedMessage::EncryptedMessage(_),
            EncryptedMessage::EncryptedMessageService(three),
        ] = &missed.new_encrypted_messages[..]
        else {
            panic!("{:?}", missed.new_encrypted_messages)
        };
        assert_eq!((one.bytes.as_slice(), one.random_id, one.chat_id), (&b"one"[..], 1, CHAT));
        assert_eq!(one.file, types::EncryptedFileEmpty {}.into());
        assert_eq!((three.bytes.as_slice(), three.random_id), (&b"three"[..], 3));
        let seen = difference(&bob, 4).await;
        assert!(
            matches!(seen, enums::updates::Difference::DifferenceEmpty(_)) || {
                // The chat changed in this second: told again, which changes nothing.
                whole(seen).new_encrypted_messages.is_empty()
            }
        );
        let received = f::messages::ReceivedQueue { max_qts: 4 };
        assert_eq!(call(&bob, &received).await.unwrap(), [1, 2, 3]);
        let beyond = f::messages::ReceivedQueue { max_qts: 5 };
        assert_eq!(error(call(&bob, &beyond).await), (400, "MAX_QTS_INVALID".into()));
        let typing = f::messages::SetEncryptedTyping { peer: chat(&bob), typing: true };
        assert!(call(&bob, &typing).await.unwrap());
        let read = f::messages::ReadEncryptedHistory { peer: chat(&bob), max_date: one.date };
        assert!(call(&bob, &read).await.unwrap());
        let report = f::messages::ReportEncryptedSpam { peer: chat(&bob) };
        assert!(call(&bob, &report).await.unwrap());
        let reports = shared.core.reports(10).await.unwrap();
        assert_eq!((reports.len(), reports[0].about), (1, ada_id.into()));

        let discard = f::messages::DiscardEncryption { delete_history: true, chat_id: CHAT };
        assert!(call(&bob, &discard).await.unwrap());
        let missed = whole(difference(&ada, 1).await);
        let discarded = missed.other_updates.iter().any(|update| {
            let enums::Update::UpdateEncryption(update) = update else { return false };
            let EncryptedChat::EncryptedChatDiscarded(chat) = &update.chat else { return false };
            chat.history_deleted && chat.id == CHAT
        });
        assert!(discarded, "{:?}", missed.other_updates);
    }
}

#[tokio::test]
async fn line_63_what_is_refused_has_the_documented_name() {
    let shared = shared();
    let (ada, ada_id) = member(&shared, 5, 230, "Ada").await;
    let (bob, bob_id) = member(&shared, 6, 230, "Bob").await;
    let bad = |name: &str| (400, name.to_owned());
    for (g_a, to) in [(vec![0; 256], bob_id), (vec![0x41; 257], bob_id)] {
        let weak = f::messages::RequestEncryption { g_a, ..request(&ada, to) };
        assert_eq!(error(call(&ada, &weak).await), bad("DH_G_A_INVALID"));
    }
    let oneself = f::messages::RequestEncryption {
        user_id: types::InputUserSelf {}.into(),
        ..request(&ada, bob_id)
    };
    assert_eq!(error(call(&ada, &oneself).await), bad("USER_ID_INVALID"));
    assert_eq!(error(call(&bob, &accept(&bob)).await), bad("CHAT_ID_INVALID"));
    call(&ada, &request(&ada, bob_id)).await.unwrap();
    let (eve, _) = member(&shared, 8, 230, "Eve").await;
    assert_eq!(error(call(&eve, &request(&eve, bob_id)).await), bad("RANDOM_ID_DUPLICATE"));
    let weak = f::messages::AcceptEncryption { g_b: vec![1], ..accept(&bob) };
    assert_eq!(error(call(&bob, &weak).await), bad("DH_G_A_INVALID"));
    assert_eq!(error(call(&ada, &said(&ada, 1, b"early")).await), bad("CHAT_ID_INVALID"));
    call(&bob, &accept(&bob)).await.unwrap();
    let other = f::messages::AcceptEncryption { key_fingerprint: 6, ..accept(&bob) };
    assert_eq!(error(call(&bob, &other).await), bad("ENCRYPTION_ALREADY_ACCEPTED"));
    assert_eq!(error(call(&ada, &said(&ada, 1, b"")).await), bad("DATA_INVALID"));
    let long = vec![1; node_core::SECRET_DATA_BYTES_MAX + 1];
    assert_eq!(error(call(&ada, &said(&ada, 1, &long)).await), bad("DATA_TOO_LONG"));
    let read = f::messages::ReadEncryptedHistory { peer: chat(&ada), max_date: 0 };
    assert_eq!(error(call(&ada, &read).await), bad("MAX_DATE_INVALID"));
    shared.core.set_blocked(None, bob_id, ada_id, true).await.unwrap();
    let blocked = (403, "USER_IS_BLOCKED".to_owned());
    assert_eq!(error(call(&ada, &said(&ada, 1, b"hello")).await), blocked);
    let discard = |chat_id| f::messages::DiscardEncryption { chat_id, delete_history: false };
    assert_eq!(error(call(&ada, &discard(0)).await), bad("CHAT_ID_EMPTY"));
    assert_eq!(error(call(&ada, &discard(5)).await), bad("ENCRYPTION_ID_INVALID"));
    call(&ada, &discard(CHAT)).await.unwrap();
    assert_eq!(error(call(&ada, &discard(CHAT)).await), bad("ENCRYPTION_ALREADY_DECLINED"));
    assert_eq!(error(call(&bob, &accept(&bob)).await), bad("ENCRYPTION_ALREADY_DECLINED"));
    assert_eq!(error(call(&ada, &said(&ada, 1, b"late")).await), bad("ENCRYPTION_DECLINED"));
}

/// A client that sends on before it is answered: what takes longer does not come later.
#[tokio::test]
async fn line_63_what_goes_with_a_file_keeps_its_place() {
    let shared = shared();
    let (ada, _) = member(&shared, 5, 230, "Ada").await;
    let (bob, bob_id) = member(&shared, 6, 230, "Bob").await;
    call(&ada, &request(&ada, bob_id)).await.unwrap();
    call(&bob, &accept(&bob)).await.unwrap();
    let enums::InputFile::InputFile(sent) = upload(&ada, &noise(900_000), "").await else {
        panic!("big")
    };
    let (id, parts) = (sent.id, sent.parts);
    let file = types::InputEncryptedFileUploaded { id, parts, ..Default::default() }.into();
    let (peer, data) = (chat(&ada), b"first".to_vec());
    let with_file =
        f::messages::SendEncryptedFile { silent: false, peer, random_id: 1, data, file };
    let service = f::messages::SendEncryptedService {
        peer: chat(&ada),
        random_id: 3,
        data: b"third".to_vec(),
    };
    let text = said(&ada, 2, b"second");
    let (first, second, third) =
        tokio::join!(call(&ada, &with_file), call(&ada, &text), call(&ada, &service));
    assert!(first.is_ok() && second.is_ok() && third.is_ok());
    let missed = whole(difference(&bob, 1).await).new_encrypted_messages;
    let order = missed.iter().map(|message| match message {
        EncryptedMessage::EncryptedMessage(message) => message.random_id,
        EncryptedMessage::EncryptedMessageService(message) => message.random_id,
    });
    assert_eq!(order.collect::<Vec<_>>(), [1, 2, 3]);
}

async fn load(ctx: &Context, location: enums::InputFileLocation) -> RpcResult<Vec<u8>> {
    let whole =
        f::upload::GetFile { location, offset: 0, limit: 1 << 20, ..f::upload::GetFile::default() };
    match call(ctx, &whole).await? {
        enums::upload::File::File(file) => Ok(file.bytes),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn line_63_files_are_bytes_that_the_other_device_loads() {
    let shared = shared();
    let (ada, _) = member(&shared, 5, 230, "Ada").await;
    let (bob, bob_id) = member(&shared, 6, 230, "Bob").await;
    call(&ada, &request(&ada, bob_id)).await.unwrap();
    call(&bob, &accept(&bob)).await.unwrap();
    let content = noise(700_000);
    let enums::InputFile::InputFile(sent) = upload(&ada, &content, "").await else { panic!("big") };
    let file: enums::InputEncryptedFile = types::InputEncryptedFileUploaded {
        id: sent.id,
        parts: sent.parts,
        md5_checksum: String::new(),
        key_fingerprint: -9,
    }
    .into();
    let random_id = number();
    let send = |file: enums::InputEncryptedFile, random_id| f::messages::SendEncryptedFile {
        silent: true,
        peer: chat(&ada),
        random_id,
        data: b"look".to_vec(),
        file,
    };
    let shown = |sent| match sent {
        enums::messages::SentEncryptedMessage::SentEncryptedFile(sent) => match sent.file {
            EncryptedFile::EncryptedFile(file) => file,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    };
    let kept = shown(call(&ada, &send(file.clone(), random_id)).await.unwrap());
    assert_eq!((kept.size, kept.key_fingerprint), (700_000, -9));
    // The answer was lost, and the parts are gone.
    let again = types::InputEncryptedFileUploaded { id: 1, parts: 1, ..Default::default() };
    let again = shown(call(&ada, &send(again.into(), random_id)).await.unwrap());
    assert_eq!(again, kept);
    let known = types::InputEncryptedFile { id: kept.id, access_hash: kept.access_hash };
    let passed_on = shown(call(&ada, &send(known.into(), number())).await.unwrap());
    assert_eq!(passed_on, kept);
    let guessed = types::InputEncryptedFile { id: kept.id, access_hash: 5 };
    let refused = call(&ada, &send(guessed.into(), number())).await;
    assert_eq!(error(refused), (400, "FILE_ID_INVALID".into()));

    let at = |access_hash| types::InputEncryptedFileLocation { id: kept.id, access_hash };
    assert_eq!(load(&bob, at(kept.access_hash).into()).await.unwrap(), content);
    assert_eq!(error(load(&bob, at(5).into()).await), (400, "LOCATION_INVALID".into()));
    // What is none of these is not loaded so, and these in no other way.
    let plain = upload(&ada, &noise(5000), "x").await;
    let to = named(&ada, bob_id);
    let sent = super::media::media(to, super::media::document(plain).into(), number());
    let message = super::media::only(call(&ada, &sent).await.unwrap());
    let Some(enums::MessageMedia::MessageMediaDocument(media)) = message.media else {
        panic!("no document")
    };
    let Some(enums::Document::Document(document)) = media.document else { panic!("no document") };
    let wrong =
        types::InputEncryptedFileLocation { id: document.id, access_hash: document.access_hash };
    assert_eq!(error(load(&bob, wrong.into()).await), (400, "LOCATION_INVALID".into()));
    let wrong = types::InputDocumentFileLocation {
        id: kept.id,
        access_hash: kept.access_hash,
        file_reference: document.file_reference.clone(),
        thumb_size: String::new(),
    };
    assert!(load(&ada, wrong.into()).await.is_err());
    // One that is uploaded first, and sent later.
    let enums::InputFile::InputFile(sent) = upload(&ada, &noise(900), "").await else {
        panic!("big")
    };
    let early = f::messages::UploadEncryptedFile {
        peer: chat(&ada),
        file: types::InputEncryptedFileUploaded {
            id: sent.id,
            parts: sent.parts,
            ..Default::default()
        }
        .into(),
    };
    let EncryptedFile::EncryptedFile(early) = call(&ada, &early).await.unwrap() else {
        panic!("no file")
    };
    let known = types::InputEncryptedFile { id: early.id, access_hash: early.access_hash };
    assert_eq!(shown(call(&ada, &send(known.into(), number())).await.unwrap()), early);
}

/// How chats stand comes with the last slice, since the date of before the first.
#[tokio::test]
async fn line_63_an_end_comes_behind_many_messages() {
    let shared = shared();
    let (ada, _) = member(&shared, 5, 230, "Ada").await;
    let (mut bob, bob_id) = member(&shared, 6, 230, "Bob").await;
    call(&ada, &request(&ada, bob_id)).await.unwrap();
    call(&bob, &accept(&bob)).await.unwrap();
    let enums::updates::State::State(mut seen) =
        call(&bob, &f::updates::GetState {}).await.unwrap();
    for n in 0..150 {
        call(&ada, &said(&ada, n, b"word")).await.unwrap();
    }
    let discard = f::messages::DiscardEncryption { chat_id: CHAT, delete_history: false };
    call(&ada, &discard).await.unwrap();
    let (mut messages, mut updates, mut slices) = (0, Vec::new(), 0);
    loop {
        // Each slice is asked for later.
        bob.now_ms += 60_000;
        let (pts, date, qts) = (seen.pts, seen.date, seen.qts);
        let missed = f::updates::GetDifference { pts, date, qts, ..Default::default() };
        match call(&bob, &missed).await.unwrap() {
            enums::updates::Difference::DifferenceSlice(slice) => {
                messages += slice.new_encrypted_messages.len();
                updates.extend(slice.other_updates);
                let enums::updates::State::State(state) = slice.intermediate_state;
                assert_eq!(state.date, date);
                (seen, slices) = (state, slices + 1);
            }
            last => {
                let last = whole(last);
                messages += last.new_encrypted_messages.len();
                updates.extend(last.other_updates);
                let enums::updates::State::State(state) = last.state;
                assert!(state.date > date);
                break;
            }
        }
    }
    assert_eq!((messages, slices), (150, 2));
    let ended = updates.iter().filter(|update| {
        matches!(update, enums::Update::UpdateEncryption(update)
            if matches!(update.chat, EncryptedChat::EncryptedChatDiscarded(_)))
    });
    assert_eq!(ended.count(), 1);
}
