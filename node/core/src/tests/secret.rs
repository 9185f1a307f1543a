//! Secret chats on one node (conformance line 63).

use std::collections::BTreeMap;

use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use super::world::{Member, World, first_seed, full};
use crate::secret::{CONFIRMED_KEPT, MESSAGES_OF_CHAT_MAX, SLICE_MAX};
use crate::*;

pub(super) const CHAT: SecretChatId = SecretChatId(77);

/// A public value in range.
pub(super) fn value(seed: u8) -> PublicValue {
    PublicValue::new(vec![0x40 + seed % 64; 256]).unwrap()
}

pub(super) fn said(random_id: i64, words: &str) -> SecretOutgoing {
    let data = Ciphertext::new(words.as_bytes().to_vec()).unwrap();
    SecretOutgoing { random_id, service: false, data, file: None }
}

/// What a device was told: those of one login among what came since the last call.
pub(super) fn told(events: &[Event], device: Member) -> Vec<SecretUpdate> {
    let of = |event: &Event| match event {
        Event::Secret { device: told, update, .. } if *told == device.key => {
            Some(SecretUpdate::clone(update))
        }
        _ => None,
    };
    events.iter().filter_map(of).collect()
}

/// The states among what a device was told.
pub(super) fn states(events: &[Event], device: Member) -> Vec<SecretChatState> {
    let of = |update| match update {
        SecretUpdate::Chat(chat) => Some(chat.state),
        _ => None,
    };
    told(events, device).into_iter().filter_map(of).collect()
}

pub(super) const ENDED: SecretChatState = SecretChatState::Discarded { history_deleted: false };

pub(super) trait Secret {
    async fn ask_secretly(
        &self,
        from: Member,
        to: UserId,
        chat: SecretChatId,
    ) -> CoreResult<SecretChat>;
    async fn accept(&self, by: Member, chat: SecretChatId) -> CoreResult<SecretChat>;
    async fn say(&self, by: Member, chat: SecretChatId, words: &str) -> CoreResult<SecretSent>;
    async fn end_chat(&self, by: Member, chat: SecretChatId) -> CoreResult<()>;
    async fn missed(&self, of: Member, qts: i32) -> SecretMissed;
    /// All that waits for a device, read slice by slice; it confirms nothing but the slices before.
    async fn words(&self, of: Member) -> Vec<String>;
}

impl Secret for World {
    async fn ask_secretly(
        &self,
        from: Member,
        to: UserId,
        chat: SecretChatId,
    ) -> CoreResult<SecretChat> {
        self.core.request_secret_chat(from.actor(), from.id, to, chat, value(1)).await
    }

    async fn accept(&self, by: Member, chat: SecretChatId) -> CoreResult<SecretChat> {
        self.core.accept_secret_chat(by.actor(), by.id, chat, value(2), 99).await
    }

    async fn say(&self, by: Member, chat: SecretChatId, words: &str) -> CoreResult<SecretSent> {
        self.core.send_secret(by.actor(), by.id, chat, said(self.number(), words)).await
    }

    async fn end_chat(&self, by: Member, chat: SecretChatId) -> CoreResult<()> {
        self.core.discard_secret_chat(by.actor(), by.id, chat, false).await
    }

    async fn missed(&self, of: Member, qts: i32) -> SecretMissed {
        self.core.secret_missed(of.id, of.key, qts, Some(self.core.now())).await.unwrap()
    }

    async fn words(&self, of: Member) -> Vec<String> {
        let (mut words, mut qts) = (Vec::new(), 1);
        loop {
            let missed = self.missed(of, qts).await;
            assert!(missed.messages.len() <= SLICE_MAX);
            for (at, message) in missed.messages {
                assert!(at > qts && at <= missed.qts, "in order, and said to be seen");
                qts = at;
                words.push(String::from_utf8(message.data.to_wire()).unwrap());
            }
            assert!(missed.qts >= qts && (!missed.more || missed.qts == qts));
            qts = missed.qts;
            if !missed.more {
                return words;
            }
        }
    }
}

/// A chat that is open, of two people.
async fn open() -> (World, Member, Member) {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    world.ask_secretly(ada, bob.id, CHAT).await.unwrap();
    world.accept(bob, CHAT).await.unwrap();
    (world, ada, bob)
}

pub(super) fn refused<T: std::fmt::Debug>(result: CoreResult<T>) -> SecretError {
    match result {
        Err(CoreError::Secret(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn line_63_one_accept_wins() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let (laptop, own) = (world.device(bob).await, world.device(ada).await);
    world.recorder.take();
    let asked = world.ask_secretly(ada, bob.id, CHAT).await.unwrap();
    assert_eq!((asked.admin, asked.participant), (ada.id, bob.id));
    assert_eq!(asked.state, SecretChatState::Waiting);
    let events = world.recorder.take();
    let requested = [SecretChatState::Requested(value(1))];
    assert_eq!(states(&events, bob), requested);
    assert_eq!(states(&events, laptop), requested);
    assert!(told(&events, ada).is_empty() && told(&events, own).is_empty());
    // Nothing can be said before.
    assert_eq!(refused(world.say(ada, CHAT, "early").await), SecretError::UnknownChat);
    assert_eq!(refused(world.accept(own, CHAT).await), SecretError::UnknownChat);

    let accepted = world.accept(laptop, CHAT).await.unwrap();
    assert_eq!(accepted.state, SecretChatState::Open(value(1), 99));
    let events = world.recorder.take();
    assert_eq!(states(&events, ada), [SecretChatState::Open(value(2), 99)]);
    assert_eq!(states(&events, bob), [ENDED], "the other device lets it go");
    assert!(told(&events, own).is_empty());
    assert_eq!(refused(world.accept(bob, CHAT).await), SecretError::AlreadyAccepted);
    assert_eq!(refused(world.end_chat(bob, CHAT).await), SecretError::AlreadyAccepted);
    assert_eq!(refused(world.say(bob, CHAT, "not mine").await), SecretError::UnknownChat);
    assert_eq!(refused(world.say(own, CHAT, "not mine").await), SecretError::UnknownChat);
    // The answer was lost: the same again. With another key it is another answer.
    assert_eq!(world.accept(laptop, CHAT).await.unwrap(), accepted);
    let other = world.core.accept_secret_chat(laptop.actor(), bob.id, CHAT, value(2), 5).await;
    assert_eq!(refused(other), SecretError::AlreadyAccepted);
}

#[tokio::test]
async fn line_63_a_request_asked_again_is_the_same_chat() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let eve = world.member("Eve").await;
    let first = world.ask_secretly(ada, bob.id, CHAT).await.unwrap();
    world.recorder.take();
    assert_eq!(world.ask_secretly(ada, bob.id, CHAT).await.unwrap(), first);
    assert!(world.recorder.take().is_empty(), "nobody is asked twice");
    // The number is taken for whoever has it already, on either side.
    assert_eq!(refused(world.ask_secretly(ada, eve.id, CHAT).await), SecretError::NumberTaken);
    assert_eq!(refused(world.ask_secretly(eve, bob.id, CHAT).await), SecretError::NumberTaken);
    // A client that was killed has lost its secret value: the new one counts.
    world.core.request_secret_chat(ada.actor(), ada.id, bob.id, CHAT, value(9)).await.unwrap();
    let events = world.recorder.take();
    assert_eq!(states(&events, bob), [SecretChatState::Requested(value(9))]);
    let laptop = world.device(ada).await;
    let other = world.ask_secretly(laptop, bob.id, CHAT).await;
    assert_eq!(refused(other), SecretError::NumberTaken, "another device's chat");
    // Accepted before the first answer came: it is told so.
    world.accept(bob, CHAT).await.unwrap();
    let again = world.ask_secretly(ada, bob.id, CHAT).await.unwrap();
    assert_eq!(again.state, SecretChatState::Open(value(2), 99));
    for (to, why) in [(ada.id, "oneself"), (UserId::SERVICE, "nobody"), (UserId(5), "nobody")] {
        let asked = world.ask_secretly(ada, to, SecretChatId(3)).await;
        assert!(matches!(asked, Err(CoreError::UnknownUser)), "{why}");
    }
}

#[test]
fn line_63_public_values_are_in_range() {
    let prime = keys::dh::prime().to_vec();
    let mut less = prime.clone();
    less[255] -= 1;
    let short = [&[1][..], &[0; 247]].concat();
    let one = [&[0; 255][..], &[1]].concat();
    for bytes in [Vec::new(), vec![0; 256], one, short, less, prime, vec![1; 257]] {
        assert_eq!(PublicValue::new(bytes), Err(SecretError::PublicValueInvalid));
    }
    assert!(PublicValue::new(vec![0x40; 256]).is_ok());
}

#[tokio::test]
async fn line_63_requests_and_accepts_wait_for_who_is_away() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    world.ask_secretly(ada, bob.id, CHAT).await.unwrap();
    let world = world.reopen();
    world.pass_s(3600);
    let updates = async |of: Member| world.missed(of, 1).await.updates;
    let state = |updates: &[SecretUpdate]| match updates {
        [] => None,
        [SecretUpdate::Chat(chat)] => Some(chat.state.clone()),
        other => panic!("{other:?}"),
    };
    // Told until it is answered, whatever the client says to have seen.
    assert_eq!(state(&updates(bob).await), Some(SecretChatState::Requested(value(1))));
    assert_eq!(state(&updates(bob).await), Some(SecretChatState::Requested(value(1))));
    assert_eq!(state(&updates(ada).await), None, "it knows");
    let confirms = world.core.secret_missed(bob.id, bob.key, 1, None).await.unwrap();
    assert!(confirms.updates.is_empty());
    world.accept(bob, CHAT).await.unwrap();
    world.pass_s(3600);
    assert_eq!(state(&updates(bob).await), None);
    assert_eq!(state(&updates(ada).await), Some(SecretChatState::Open(value(2), 99)));
    world.say(ada, CHAT, "here").await.unwrap();
    world.pass_s(1);
    assert_eq!(state(&updates(ada).await), None, "it was there since");
    // The end is told by the time at which it came.
    world.end_chat(bob, CHAT).await.unwrap();
    assert_eq!(state(&updates(ada).await), Some(ENDED));
    world.pass_s(1);
    assert_eq!(state(&updates(ada).await), None);
    assert_eq!(refused(world.say(ada, CHAT, "late").await), SecretError::Discarded);
    // Many clients know no secret chats: what they do not answer is not told for ever.
    world.ask_secretly(ada, bob.id, SecretChatId(78)).await.unwrap();
    world.pass_s(7 * 86_400);
    assert_eq!(state(&updates(bob).await), None);
    world.accept(bob, SecretChatId(78)).await.unwrap();
}

#[tokio::test]
async fn line_63_messages_carry_qts_to_the_one_device() {
    let (world, ada, bob) = open().await;
    let laptop = world.device(bob).await;
    world.recorder.take();
    for words in ["one", "two", "three"] {
        world.say(ada, CHAT, words).await.unwrap();
    }
    let events = world.recorder.take();
    let numbered = told(&events, bob).into_iter().map(|update| match update {
        SecretUpdate::Message { qts, message } => (qts, message.data.to_wire()),
        other => panic!("{other:?}"),
    });
    let expected = [(2, b"one".to_vec()), (3, b"two".to_vec()), (4, b"three".to_vec())];
    assert_eq!(
        numbered.collect::<Vec<_>>(),
        expected,
        "TDLib takes a first message 1 for an error"
    );
    assert!(told(&events, laptop).is_empty() && told(&events, ada).is_empty());
    assert_eq!(world.words(bob).await, ["one", "two", "three"]);
    assert!(world.words(laptop).await.is_empty());
    let qts = async |of: Member| world.core.qts(of.id, of.key).await.unwrap();
    assert_eq!((qts(bob).await, qts(laptop).await, qts(ada).await), (4, 1, 1));
    let missed = world.missed(bob, 3).await;
    assert_eq!((missed.messages.len(), missed.qts, missed.more), (1, 4, false));
    // Answers go the other way.
    world.say(bob, CHAT, "four").await.unwrap();
    assert_eq!(world.words(ada).await, ["four"]);
}

#[tokio::test]
async fn line_63_slices_go_on_strictly_ahead_and_in_order() {
    let (world, ada, bob) = open().await;
    let all: Vec<String> = (0..2 * SLICE_MAX + 7).map(|n| n.to_string()).collect();
    for words in &all {
        world.say(ada, CHAT, words).await.unwrap();
    }
    assert_eq!(world.words(bob).await, all);
    let long = "x".repeat(SECRET_DATA_BYTES_MAX);
    for _ in 0..20 {
        world.say(ada, CHAT, &long).await.unwrap();
    }
    let qts = world.missed(bob, 1 + all.len() as i32).await.qts;
    assert!(qts < 1 + all.len() as i32 + 20, "a slice has bounded bytes");
    assert_eq!(world.words(bob).await.len(), all.len() + 20);
}

#[tokio::test]
async fn line_63_only_received_queue_deletes() {
    let (world, ada, bob) = open().await;
    for n in 0..5 {
        let sent = said(100 + n, &n.to_string());
        world.core.send_secret(ada.actor(), ada.id, CHAT, sent).await.unwrap();
    }
    // Asking from further on says that the rest was seen; a client that has lost its state asks again.
    assert!(world.missed(bob, 6).await.messages.is_empty());
    let world = world.reopen();
    assert_eq!(world.words(bob).await.len(), 5);
    let received = async |qts| world.core.received_queue(bob.actor(), bob.id, qts).await;
    assert_eq!(received(3).await.unwrap(), [100, 101]);
    assert_eq!(world.words(bob).await, ["2", "3", "4"]);
    assert!(received(3).await.unwrap().is_empty());
    assert_eq!(refused(received(7).await), SecretError::QtsInvalid);
    assert_eq!(refused(received(-1).await), SecretError::QtsInvalid);
    assert_eq!(received(6).await.unwrap(), [102, 103, 104]);
    assert_eq!(world.core.counted_queue(bob.key), (0, 0));
    world.say(ada, CHAT, "five").await.unwrap();
    assert_eq!(world.missed(bob, 6).await.qts, 7, "numbers go on");
}

#[tokio::test]
async fn line_63_what_is_said_again_is_the_same_message() {
    let (world, ada, bob) = open().await;
    let send = async |world: &World, words: &str| {
        world.core.send_secret(ada.actor(), ada.id, CHAT, said(5, words)).await.unwrap()
    };
    let first = send(&world, "once").await;
    world.pass_s(100);
    assert_eq!(send(&world, "once").await, first);
    let world = world.reopen();
    // Encrypted anew it looks different, and says the same.
    assert_eq!(send(&world, "otherwise").await, first);
    assert_eq!(world.core.sent_secret(ada.id, CHAT, 5).await.unwrap(), Some(first));
    assert_eq!(world.core.sent_secret(ada.id, CHAT, 6).await.unwrap(), None);
    assert_eq!(world.words(bob).await, ["once"]);
    // The other one's numbers are others.
    let back = world.core.send_secret(bob.actor(), bob.id, CHAT, said(5, "back")).await;
    assert_eq!(back.unwrap().date, world.core.now());
    assert_eq!(world.words(ada).await, ["back"]);
}

#[tokio::test]
async fn line_63_a_power_cut_loses_nothing_that_was_acknowledged() {
    let (world, ada, bob) = open().await;
    let mut expected = Vec::new();
    let mut world = world;
    for n in 0..6 {
        world.say(ada, CHAT, &n.to_string()).await.unwrap();
        expected.push(n.to_string());
        world = world.crash();
    }
    assert_eq!(world.words(bob).await, expected);
}

#[tokio::test]
async fn who_is_told_of_an_end_first_has_what_was_said_before() {
    let (world, ada, bob) = open().await;
    for n in 0..SLICE_MAX + 3 {
        world.say(ada, CHAT, &n.to_string()).await.unwrap();
    }
    world.end_chat(ada, CHAT).await.unwrap();
    // Clients hear of the end before the messages of the same answer, and take nothing after it.
    let first = world.missed(bob, 1).await;
    assert!(first.more && first.updates.is_empty());
    let second = world.missed(bob, first.qts).await;
    assert_eq!((second.messages.len(), second.more), (3, true));
    assert!(second.updates.is_empty());
    let third = world.missed(bob, second.qts).await;
    assert!(third.messages.is_empty() && !third.more);
    assert!(matches!(&third.updates[..], [SecretUpdate::Chat(chat)] if chat.state == ENDED));
}

#[tokio::test]
async fn an_end_is_told_to_the_other_one_and_asked_for_once() {
    let (world, ada, bob) = open().await;
    world.recorder.take();
    world.core.discard_secret_chat(ada.actor(), ada.id, CHAT, true).await.unwrap();
    let events = world.recorder.take();
    assert_eq!(states(&events, bob), [SecretChatState::Discarded { history_deleted: true }]);
    assert_eq!(refused(world.end_chat(ada, CHAT).await), SecretError::AlreadyDiscarded);
    assert_eq!(refused(world.end_chat(bob, CHAT).await), SecretError::AlreadyDiscarded);
    assert_eq!(refused(world.end_chat(bob, SecretChatId(1)).await), SecretError::UnknownChat);
    assert_eq!(refused(world.accept(bob, CHAT).await), SecretError::AlreadyDiscarded);
    let read = world.core.read_secret(ada.actor(), ada.id, CHAT, 5).await;
    assert_eq!(refused(read), SecretError::Discarded);
    // One that was asked for is declined by any device.
    world.ask_secretly(ada, bob.id, SecretChatId(8)).await.unwrap();
    let laptop = world.device(bob).await;
    world.recorder.take();
    world.end_chat(laptop, SecretChatId(8)).await.unwrap();
    let events = world.recorder.take();
    assert_eq!((states(&events, ada), states(&events, bob)), (vec![ENDED], vec![ENDED]));
}

#[tokio::test]
async fn a_login_that_ends_ends_its_chats() {
    let (world, ada, bob) = open().await;
    let laptop = world.device(bob).await;
    let other = SecretChatId(8);
    world.ask_secretly(ada, bob.id, other).await.unwrap();
    world.accept(laptop, other).await.unwrap();
    world.say(ada, CHAT, "to the phone").await.unwrap();
    world.say(ada, other, "to the laptop").await.unwrap();
    world.recorder.take();
    world.core.log_out(bob.id, bob.key).await.unwrap();
    let events = world.recorder.take();
    let ended = told(&events, ada);
    assert!(matches!(&ended[..], [SecretUpdate::Chat(chat)] if chat.id == CHAT), "{ended:?}");
    world.pass_s(1);
    world.core.tick().await.unwrap();
    assert_eq!(world.core.counted_queue(bob.key), (0, 0));
    assert_eq!(refused(world.say(ada, CHAT, "late").await), SecretError::Discarded);
    assert_eq!(world.words(laptop).await, ["to the laptop"]);
    // Ended from another device, and with the account.
    world.core.delete_account(ada.id, ada.key, None).await.unwrap();
    assert_eq!(refused(world.say(laptop, other, "late").await), SecretError::Discarded);
}

#[tokio::test]
async fn what_waits_for_a_login_is_nobody_elses() {
    let (mut world, ada, bob) = open().await;
    for n in 0..1200 {
        world.say(ada, CHAT, &n.to_string()).await.unwrap();
    }
    world.core.log_out(bob.id, bob.key).await.unwrap();
    // The same key logs in again, and has another chat, before what waited is cleared away.
    let again = world.device_with(bob, bob.key).await;
    let other = SecretChatId(8);
    world.ask_secretly(ada, bob.id, other).await.unwrap();
    world.accept(again, other).await.unwrap();
    world.say(ada, other, "to the new one").await.unwrap();
    let qts = world.core.qts(bob.id, bob.key).await.unwrap();
    for _ in 0..5 {
        world.pass_s(1);
        world = world.reopen();
        world.core.tick().await.unwrap();
    }
    let (rows, _) = world.core.counted_queue(bob.key);
    assert_eq!(rows, 1);
    let missed = world.missed(again, qts - 1).await;
    assert_eq!(missed.messages.len(), 1);
    assert!(world.core.queue_is_counted(bob.id, bob.key));
}

#[tokio::test]
async fn nothing_is_said_to_who_has_forgotten_the_chat() {
    let (world, ada, bob) = open().await;
    let forget = world.core.write(None, move |decide| {
        decide.forget_side(bob.id, CHAT);
        Ok(())
    });
    forget.await.unwrap();
    assert_eq!(refused(world.say(ada, CHAT, "hello?").await), SecretError::Discarded);
    world.end_chat(ada, CHAT).await.unwrap();
}

#[tokio::test]
async fn a_device_that_refuses_secret_chats_is_not_asked() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let laptop = world.device(bob).await;
    let change = world.core.change_authorization(bob.id, bob.key, 0, false, Some(false), None);
    change.await.unwrap();
    let change = world.core.change_authorization(bob.id, laptop.key, 0, false, Some(true), None);
    change.await.unwrap();
    world.recorder.take();
    world.ask_secretly(ada, bob.id, CHAT).await.unwrap();
    let events = world.recorder.take();
    assert_eq!((told(&events, bob).len(), told(&events, laptop).len()), (1, 0));
    assert!(world.missed(laptop, 1).await.updates.is_empty());
    assert_eq!(world.missed(bob, 1).await.updates.len(), 1);
    // What it has already goes on, whatever it takes of others.
    world.accept(bob, CHAT).await.unwrap();
    let change = world.core.change_authorization(bob.id, bob.key, 0, false, Some(true), None);
    change.await.unwrap();
    world.recorder.take();
    world.end_chat(ada, CHAT).await.unwrap();
    assert_eq!(states(&world.recorder.take(), bob), [ENDED]);
}

#[tokio::test]
async fn who_is_blocked_asks_and_says_nothing() {
    let (world, ada, bob) = open().await;
    world.core.set_blocked(Some(bob.actor()), bob.id, ada.id, true).await.unwrap();
    assert_eq!(refused(world.say(ada, CHAT, "hello").await), SecretError::Blocked);
    assert_eq!(
        refused(world.ask_secretly(ada, bob.id, SecretChatId(8)).await),
        SecretError::Blocked
    );
    world.recorder.take();
    world.core.secret_typing(ada.actor(), ada.id, CHAT).unwrap();
    assert!(told(&world.recorder.take(), bob).is_empty());
    world.core.set_blocked(Some(bob.actor()), bob.id, ada.id, false).await.unwrap();
    world.say(ada, CHAT, "hello").await.unwrap();
}

#[tokio::test]
async fn reading_and_writing_show_at_the_other_device() {
    let (world, ada, bob) = open().await;
    let laptop = world.device(ada).await;
    world.recorder.take();
    world.core.secret_typing(bob.actor(), bob.id, CHAT).unwrap();
    let read = async |date| world.core.read_secret(bob.actor(), bob.id, CHAT, date).await.unwrap();
    read(500).await;
    read(500).await;
    read(400).await;
    let events = world.recorder.take();
    let now = world.core.now();
    let shown = told(&events, ada);
    assert!(
        matches!(&shown[..], [SecretUpdate::Typing(CHAT), SecretUpdate::Read { chat: CHAT, max_date: 500, date }] if *date == now),
        "{shown:?}"
    );
    assert!(told(&events, laptop).is_empty() && told(&events, bob).is_empty());
    // Who was away learns it later.
    world.say(ada, CHAT, "hello").await.unwrap();
    let updates = world.missed(ada, 1).await.updates;
    assert!(
        updates.iter().any(|update| matches!(update, SecretUpdate::Read { max_date: 500, .. }))
    );
    // A clock that is wrong silences nothing.
    read(i32::MAX).await;
    world.pass_s(3600);
    read(world.core.now()).await;
    let shown = told(&world.recorder.take(), ada);
    assert_eq!(shown.iter().filter(|told| matches!(told, SecretUpdate::Read { .. })).count(), 2);
}

fn upload(seed: u8) -> NewSecretFile {
    let blob = BlobId([seed; 32]);
    NewSecretFile::Uploaded { blob, size: 1000, key_fingerprint: i32::from(seed) }
}

#[tokio::test]
async fn line_63_files_are_opaque_and_kept_as_long_as_the_chat() {
    let (world, ada, bob) = open().await;
    let send = async |world: &World, random_id, file| {
        let outgoing = SecretOutgoing { file: Some(file), ..said(random_id, "look") };
        world.core.send_secret(ada.actor(), ada.id, CHAT, outgoing).await
    };
    let sent = send(&world, 1, upload(1)).await.unwrap();
    let file = sent.file.unwrap();
    assert_eq!((file.size, file.key_fingerprint), (1000, 1));
    // Said again with the upload gone, and sent on by its number.
    assert_eq!(send(&world, 1, upload(2)).await.unwrap(), sent);
    assert_eq!(send(&world, 2, NewSecretFile::Known(file.id)).await.unwrap().file, Some(file));
    let missed = world.missed(bob, 1).await.messages;
    assert!(missed.iter().all(|(_, message)| message.file == Some(file)) && missed.len() == 2);
    // Both sides keep it, once.
    assert_eq!(world.core.held(file.id).unwrap(), Some(2));
    assert_eq!(world.core.stored(ada.id).unwrap().member_bytes, 1000);
    // It is nothing else: no document, no photo, in no other chat.
    assert!(world.core.document(file.id).unwrap().is_none());
    assert!(world.core.photo(file.id).unwrap().is_none());
    let shown = OutgoingFile::Known { file: file.id, spoiler: false };
    let media = OutgoingMedia { file: shown, fingerprint: [0; 16] };
    let shown = Outgoing { media: Some(media), ..super::world::outgoing(bob, "x", 50) };
    assert!(matches!(world.try_send(ada, shown).await, Err(CoreError::FileInvalid)));
    let unknown = send(&world, 3, NewSecretFile::Known(FileId(5))).await;
    assert!(matches!(unknown, Err(CoreError::FileInvalid)));
    // One that was uploaded and not sent is kept by nothing.
    let kept = world.core.keep_secret_file(ada.actor(), ada.id, CHAT, upload(3)).await.unwrap();
    assert_eq!(world.core.held(kept.id).unwrap(), Some(0));
    world.end_chat(bob, CHAT).await.unwrap();
    let world = world.reopen();
    // A device that was told of it may fetch it still.
    world.pass_s(7 * 86_400 - 1);
    world.core.tick().await.unwrap();
    assert_eq!(world.core.held(file.id).unwrap(), Some(2));
    world.pass_s(1);
    world.core.tick().await.unwrap();
    assert_eq!(world.core.held(file.id).unwrap(), Some(0));
    let collected = world.core.collect_files(world.core.now() + 1, false).await.unwrap();
    assert_eq!((collected.files, collected.blobs.len()), (2, 2));
    assert_eq!(world.core.stored(ada.id).unwrap(), StoredBytes::default());
}

#[tokio::test]
async fn files_of_what_is_to_be_removed_go_at_once() {
    let (world, ada, bob) = open().await;
    let outgoing = SecretOutgoing { file: Some(upload(1)), ..said(1, "look") };
    let sent = world.core.send_secret(ada.actor(), ada.id, CHAT, outgoing).await.unwrap();
    world.core.discard_secret_chat(bob.actor(), bob.id, CHAT, true).await.unwrap();
    world.core.tick().await.unwrap();
    assert_eq!(world.core.held(sent.file.unwrap().id).unwrap(), Some(0));
}

#[tokio::test]
async fn what_is_too_large_is_refused() {
    let (world, ada, bob) = open().await;
    assert_eq!(Ciphertext::new(Vec::new()), Err(SecretError::DataInvalid));
    let long = vec![1; SECRET_DATA_BYTES_MAX + 1];
    assert_eq!(Ciphertext::new(long), Err(SecretError::DataTooLong));
    world.say(ada, CHAT, &"x".repeat(SECRET_DATA_BYTES_MAX)).await.unwrap();
    assert_eq!(world.words(bob).await[0].len(), SECRET_DATA_BYTES_MAX);
    // Of a file that there is no room for nothing is sent.
    let quotas = Quotas { member_bytes: 999, node_bytes: 999 };
    let world = world.with_quotas(quotas);
    let outgoing = SecretOutgoing { file: Some(upload(1)), ..said(9, "look") };
    let sent = world.core.send_secret(ada.actor(), ada.id, CHAT, outgoing).await;
    assert!(matches!(sent, Err(CoreError::QuotaExceeded)));
    assert_eq!(world.words(bob).await.len(), 1);
}

#[tokio::test]
async fn what_nobody_has_confirmed_never_goes() {
    let (world, ada, bob) = open().await;
    world.recorder.take();
    for n in 0..MESSAGES_OF_CHAT_MAX {
        world.say(ada, CHAT, &n.to_string()).await.unwrap();
    }
    let asked = told(&world.recorder.take(), bob);
    let asked = asked.iter().filter(|update| matches!(update, SecretUpdate::Unconfirmed)).count();
    assert_eq!(asked, 5, "the device is asked to confirm, every thousand");
    let full = world.say(ada, CHAT, "more").await;
    assert!(matches!(full, Err(CoreError::Flood { .. })), "{full:?}");
    // Others still find room.
    world.ask_secretly(ada, bob.id, SecretChatId(8)).await.unwrap();
    world.accept(bob, SecretChatId(8)).await.unwrap();
    world.say(ada, SecretChatId(8), "elsewhere").await.unwrap();
    // It says what it has: the oldest of that make room, the rest stays.
    assert!(world.missed(bob, 11).await.more);
    world.say(ada, CHAT, "more").await.unwrap();
    let (rows, _) = world.core.counted_queue(bob.key);
    assert_eq!(rows, MESSAGES_OF_CHAT_MAX - 10 + 2);
    let words = world.words(bob).await;
    assert_eq!((words[0].as_str(), words.last().unwrap().as_str()), ("10", "more"));
}

/// Three people who have a chat with one device, which is full of the first one's short messages and the
/// second one's long ones.
#[tokio::test]
async fn what_is_confirmed_makes_room_for_any_chat() {
    let (mut world, ada, bob) = open().await;
    let eve = world.member("Eve").await;
    let other = SecretChatId(8);
    world.ask_secretly(eve, bob.id, other).await.unwrap();
    world.accept(bob, other).await.unwrap();
    for n in 0..600 {
        world.say(ada, CHAT, &n.to_string()).await.unwrap();
    }
    let long = "x".repeat(SECRET_DATA_BYTES_MAX);
    let mut said = 0;
    while world.say(eve, other, &long).await.is_ok() {
        said += 1;
    }
    assert_eq!(said, (16 << 20) / (SECRET_DATA_BYTES_MAX + 128));
    let newest = world.core.qts(bob.id, bob.key).await.unwrap();
    world.missed(bob, newest).await;
    world.say(eve, other, &long).await.unwrap();
    assert_eq!(world.core.counted_queue(bob.key).0, 1, "as much went as there had to");
    assert!(world.core.queue_is_counted(bob.id, bob.key));
}

#[tokio::test]
async fn the_newest_of_what_is_confirmed_stays() {
    let (world, ada, bob) = open().await;
    for n in 0..2 * CONFIRMED_KEPT + 700 {
        world.say(ada, CHAT, &n.to_string()).await.unwrap();
    }
    world.missed(bob, 1 + 2 * CONFIRMED_KEPT as i32 + 600).await;
    let world = world.reopen();
    world.core.tick().await.unwrap();
    assert_eq!(world.core.counted_queue(bob.key).0, CONFIRMED_KEPT);
    assert!(world.core.queue_is_counted(bob.id, bob.key));
    // What was never confirmed is among it, and what comes after.
    world.say(ada, CHAT, "last").await.unwrap();
    let words = world.words(bob).await;
    assert_eq!((words[0].as_str(), words.len()), ("1700", CONFIRMED_KEPT as usize + 1));
}

#[tokio::test]
async fn who_says_most_leaves_others_room() {
    let (mut world, ada, bob) = open().await;
    let long = "x".repeat(SECRET_DATA_BYTES_MAX);
    let mut talkers = vec![(ada, CHAT)];
    for n in 0..4 {
        let other = (world.member(&format!("M{n}")).await, SecretChatId(100 + n));
        world.ask_secretly(other.0, bob.id, other.1).await.unwrap();
        world.accept(bob, other.1).await.unwrap();
        talkers.push(other);
    }
    world.recorder.take();
    let mut said = Vec::new();
    for (who, chat) in &talkers {
        let mut count = 0;
        while world.say(*who, *chat, &long).await.is_ok() {
            count += 1;
        }
        said.push(count);
    }
    let fair = (4 << 20) / (SECRET_DATA_BYTES_MAX + 128);
    assert!(said[..3].iter().all(|count| *count > 3 * fair), "{said:?}");
    assert_eq!(said[3..], [fair, fair], "{said:?}");
    // The device is asked to confirm, by what waits too.
    let asked = told(&world.recorder.take(), bob);
    let asked = asked.iter().filter(|update| matches!(update, SecretUpdate::Unconfirmed)).count();
    let bytes = said.iter().sum::<usize>() * (SECRET_DATA_BYTES_MAX + 128);
    assert_eq!(asked, bytes / (4 << 20), "every 4 MiB");
}

#[tokio::test]
async fn a_key_that_becomes_another_logins_ends_its_own_chats() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let laptop = world.device(bob).await;
    world.ask_secretly(ada, bob.id, CHAT).await.unwrap();
    world.accept(laptop, CHAT).await.unwrap();
    world.recorder.take();
    let import = world.core.import_authorization(bob.id, bob.key, laptop.key, Device::default());
    import.await.unwrap();
    assert_eq!(states(&world.recorder.take(), ada), [ENDED]);
}

#[tokio::test]
async fn after_a_restore_no_number_is_given_twice() {
    let (world, ada, bob) = open().await;
    world.say(ada, CHAT, "in the backup").await.unwrap();
    let backup = world.disk.backup();
    world.say(ada, CHAT, "lost").await.unwrap();
    assert_eq!(world.missed(bob, 2).await.qts, 3);
    let world = world.restored(backup).await;
    // The device has seen 3, which this store has not given.
    let missed = world.missed(bob, 3).await;
    assert!(missed.messages.is_empty() && missed.qts > 3);
    world.say(ada, CHAT, "after").await.unwrap();
    let after = world.missed(bob, 3).await;
    assert_eq!(after.messages.len(), 1);
    assert_eq!(after.qts, missed.qts + 1);
    // One that has no queue here any more is believed: what comes next is new to it.
    assert_eq!(world.missed(ada, 500).await.qts, 500);
    world.say(bob, CHAT, "hello").await.unwrap();
    assert_eq!(world.missed(ada, 500).await.qts, 501);
    let wrong = world.core.secret_missed(bob.id, bob.key, i32::MAX, Some(1)).await;
    assert!(matches!(wrong, Err(CoreError::FromTheFuture)));
}

#[tokio::test]
async fn who_asks_and_asks_is_stopped() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    for n in 1..=10 {
        world.ask_secretly(ada, bob.id, SecretChatId(n)).await.unwrap();
    }
    assert!(matches!(
        world.ask_secretly(ada, bob.id, SecretChatId(11)).await,
        Err(CoreError::Flood { .. })
    ));
    world.end_chat(ada, SecretChatId(4)).await.unwrap();
    world.ask_secretly(ada, bob.id, SecretChatId(11)).await.unwrap();
    // A request asked anew rings too.
    let mut again = 0;
    let anew = async |n| {
        let asked = SecretChatId(11);
        world.core.request_secret_chat(ada.actor(), ada.id, bob.id, asked, value(n)).await
    };
    while anew(2 + again % 2).await.is_ok() {
        again += 1;
    }
    assert_eq!(again, 60 - 11);
    // Of many who ask one person, the oldest requests of who has asked most go.
    for n in 0..45 {
        let other = world.member(&format!("M{n}")).await;
        world.ask_secretly(other, bob.id, SecretChatId(100 + n)).await.unwrap();
    }
    assert_eq!(refused(world.accept(bob, SecretChatId(1)).await), SecretError::AlreadyDiscarded);
    for n in 0..4 {
        let other = world.member(&format!("N{n}")).await;
        world.ask_secretly(other, bob.id, SecretChatId(200 + n)).await.unwrap();
    }
    let lost = SecretChatId(8);
    assert_eq!(refused(world.accept(bob, lost).await), SecretError::AlreadyDiscarded);
    world.accept(bob, SecretChatId(100)).await.unwrap();
    world.accept(bob, SecretChatId(144)).await.unwrap();
}

/// Whatever happens in which order, what a device gets is what was said to it, each once and in order; and
/// what is counted is what is there.
#[tokio::test]
async fn line_63_nothing_is_lost_or_comes_twice() {
    for seed in first_seed()..first_seed() + if full() { 200 } else { 12 } {
        run_at_random(seed).await;
    }
}

async fn run_at_random(seed: u64) {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut world = World::new().await;
    let people = [world.member("Ada").await, world.member("Bob").await, world.member("Eve").await];
    let mut devices = people.to_vec();
    devices.push(world.device(people[0]).await);
    devices.push(world.device(people[1]).await);
    // Of each device: what it was sent, what it has got, and up to which number.
    let mut sent: BTreeMap<i64, Vec<String>> = BTreeMap::new();
    let mut got: BTreeMap<i64, (i32, Vec<String>)> = BTreeMap::new();
    let mut open: Vec<(SecretChatId, Member, Member)> = Vec::new();
    for step in 0..120 {
        let by = *devices.choose(&mut rng).unwrap();
        match rng.random_range(0..12) {
            0 => {
                let chat = SecretChatId(step + 1);
                let to = people[rng.random_range(0..3)];
                if to.id != by.id && world.ask_secretly(by, to.id, chat).await.is_ok() {
                    let other = devices.iter().filter(|device| device.id == to.id);
                    let other: Vec<Member> = other.copied().collect();
                    let other = *other.choose(&mut rng).unwrap();
                    world.accept(other, chat).await.unwrap();
                    open.push((chat, by, other));
                }
            }
            1 => world = world.crash(),
            2 if !open.is_empty() && rng.random_range(0..3) == 0 => {
                let (chat, one, _) = open.swap_remove(rng.random_range(0..open.len()));
                world.end_chat(one, chat).await.unwrap();
            }
            3 => {
                let (qts, words) = got.entry(by.key.0).or_insert((1, Vec::new()));
                let missed = world.missed(by, *qts).await;
                *qts = missed.qts;
                let said = missed.messages.into_iter().map(|(_, message)| message.data.to_wire());
                words.extend(said.map(|said| String::from_utf8(said).unwrap()));
            }
            4 => {
                let (qts, _) = got.get(&by.key.0).cloned().unwrap_or((1, Vec::new()));
                world.core.received_queue(by.actor(), by.id, qts).await.unwrap();
            }
            _ if !open.is_empty() => {
                let (chat, one, other) = open[rng.random_range(0..open.len())];
                let (from, to) = if rng.random() { (one, other) } else { (other, one) };
                let words = format!("{step} in {}", chat.0);
                world.say(from, chat, &words).await.unwrap();
                sent.entry(to.key.0).or_default().push(words);
            }
            _ => {}
        }
    }
    for device in devices {
        let (qts, mut words) = got.remove(&device.key.0).unwrap_or((1, Vec::new()));
        let mut at = qts;
        loop {
            let missed = world.missed(device, at).await;
            let said = missed.messages.into_iter().map(|(_, message)| message.data.to_wire());
            words.extend(said.map(|said| String::from_utf8(said).unwrap()));
            at = missed.qts;
            if !missed.more {
                break;
            }
        }
        assert_eq!(words, sent.remove(&device.key.0).unwrap_or_default(), "seed {seed}");
        assert!(world.core.queue_is_counted(device.id, device.key), "seed {seed}");
    }
}

#[tokio::test]
async fn a_key_of_another_dc_acts_for_its_login() {
    let (world, ada, bob) = open().await;
    let files = Member { key: AuthKeyId(world.number()), ..ada };
    let import = world.core.import_authorization(ada.id, ada.key, files.key, Device::default());
    import.await.unwrap();
    world.say(files, CHAT, "from there").await.unwrap();
    world.say(bob, CHAT, "back").await.unwrap();
    assert_eq!(world.words(files).await, ["back"], "one queue for both");
}
