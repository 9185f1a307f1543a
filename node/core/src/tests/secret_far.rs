//! Secret chats of people on two nodes: the same as on one, whatever happens on the way.

use std::collections::VecDeque;

use glog::cbor::{Blob, List, decode, encode};
use glog::{Node16, NodeId};
use node_store::{Keyspace, Store as _};
use rand::{Rng as _, RngExt as _, SeedableRng as _, rngs::StdRng};

use super::pairs::introduce;
use super::secret::{CHAT, ENDED, Secret, refused, said, states, told, value};
use super::world::{Member, World, first_seed, full, fuzzing};
use crate::federation::{Kind, Post};
use crate::secret::{ACTS_OF_LETTER_MAX, MESSAGES_OF_CHAT_MAX, ON_THE_WAY_MAX, SecretTold};
use crate::*;

const DAY_S: u64 = 86_400;

/// Two nodes, each with somebody.
struct Two {
    here: World,
    there: World,
    ada: Member,
    bob: Member,
    /// As ada's node calls bob.
    bob_here: UserId,
}

async fn two() -> Two {
    let mut here = World::new().await;
    let mut there = World::other(&here, 1).await;
    let (ada, bob) = (here.member("Ada").await, there.member("Bob").await);
    let bob_here = introduce(&here, ada, &there, bob).await;
    there.core.learn_node(here.core.cert()).await.unwrap();
    Two { here, there, ada, bob, bob_here }
}

/// Brings letters until nothing waits; each one `times`. How many there were.
async fn carry_times(from: &World, to: &World, times: usize) -> usize {
    let (node, to_node) = (from.core.node(), to.core.node().short());
    let mut letters = 0;
    while let Some(letter) = from.core.next_letter(to_node).await.unwrap() {
        assert!(letter.sealed.len() <= LETTER_BYTES_MAX);
        letters += 1;
        for _ in 0..times {
            to.core.take_letter(node, letter.sealed.clone()).await.unwrap();
        }
        from.core.letter_answered(&letter, LetterAnswer::Taken).await.unwrap();
    }
    letters
}

impl Two {
    /// All that waits on both sides.
    async fn carry(&self) {
        while carry_times(&self.here, &self.there, 1).await > 0
            || carry_times(&self.there, &self.here, 1).await > 0
        {}
    }

    async fn ask(&self, chat: SecretChatId) -> CoreResult<SecretChat> {
        self.here.ask_secretly(self.ada, self.bob_here, chat).await
    }

    async fn open(&self) {
        self.ask(CHAT).await.unwrap();
        self.carry().await;
        self.there.accept(self.bob, CHAT).await.unwrap();
        self.carry().await;
    }

    fn waits(&self) -> (u32, u32) {
        let of = |world: &World| world.core.mail_waiting().unwrap().iter().map(|m| m.letters).sum();
        (of(&self.here), of(&self.there))
    }
}

#[tokio::test]
async fn line_63_a_secret_chat_across_nodes_goes_all_its_way() {
    let two = two().await;
    let Two { here, there, ada, bob, bob_here } = &two;
    let (ada, bob) = (*ada, *bob);
    let laptop = there.device(bob).await;
    assert_eq!(two.ask(CHAT).await.unwrap().state, SecretChatState::Waiting);
    there.recorder.take();
    two.carry().await;
    let events = there.recorder.take();
    assert_eq!(states(&events, bob), [SecretChatState::Requested(value(1))]);
    assert_eq!(states(&events, laptop).len(), 1);
    here.recorder.take();
    there.accept(laptop, CHAT).await.unwrap();
    assert_eq!(states(&there.recorder.take(), bob), [ENDED], "one device has it");
    two.carry().await;
    assert_eq!(states(&here.recorder.take(), ada), [SecretChatState::Open(value(2), 99)]);

    for n in 0..3 {
        here.say(ada, CHAT, &format!("to {n}")).await.unwrap();
        there.say(laptop, CHAT, &format!("fro {n}")).await.unwrap();
    }
    two.carry().await;
    assert_eq!(there.words(laptop).await, ["to 0", "to 1", "to 2"]);
    assert_eq!(here.words(ada).await, ["fro 0", "fro 1", "fro 2"]);
    assert!(there.words(bob).await.is_empty());
    here.recorder.take();
    there.core.read_secret(laptop.actor(), laptop.id, CHAT, 500).await.unwrap();
    two.carry().await;
    let shown = told(&here.recorder.take(), ada);
    assert!(matches!(&shown[..], [SecretUpdate::Read { max_date: 500, .. }]), "{shown:?}");
    // That somebody is writing is told over the connection, and kept nowhere.
    there.core.secret_typing(laptop.actor(), laptop.id, CHAT).unwrap();
    let events = there.recorder.take();
    let across = events.iter().filter(|event| matches!(event, Event::SecretTyping { .. }));
    assert_eq!((across.count(), two.waits()), (1, (0, 0)));
    let (node, number) = here.core.lives_on(*bob_here).unwrap().unwrap();
    here.core.secret_typing_from(node, number, ada.id.0 as u64, CHAT).unwrap();
    assert!(matches!(&told(&here.recorder.take(), ada)[..], [SecretUpdate::Typing(CHAT)]));

    here.core.discard_secret_chat(ada.actor(), ada.id, CHAT, true).await.unwrap();
    two.carry().await;
    let ended = SecretChatState::Discarded { history_deleted: true };
    assert_eq!(states(&there.recorder.take(), laptop), [ended]);
    assert_eq!(two.waits(), (0, 0));
}

#[tokio::test]
async fn line_63_letters_that_come_twice_count_once_and_none_is_lost_in_a_crash() {
    let mut two = two().await;
    two.ask(CHAT).await.unwrap();
    for times in 1..3 {
        carry_times(&two.here, &two.there, times).await;
    }
    two.there.accept(two.bob, CHAT).await.unwrap();
    carry_times(&two.there, &two.here, 2).await;
    let mut expected = VecDeque::new();
    for n in 0..12 {
        two.here.say(two.ada, CHAT, &n.to_string()).await.unwrap();
        expected.push_back(n.to_string());
        // Taken there, and the answer is lost in a crash of either.
        if n % 3 == 0 {
            let letter = two.here.core.next_letter(two.there.core.node().short()).await.unwrap();
            let sealed = letter.unwrap().sealed;
            two.there.core.take_letter(two.here.core.node(), sealed).await.unwrap();
        }
        match n % 4 {
            0 => two.here = two.here.crash(),
            1 => two.there = two.there.crash(),
            2 => {
                carry_times(&two.here, &two.there, 2).await;
            }
            _ => {}
        }
    }
    two.carry().await;
    assert_eq!(two.there.words(two.bob).await, Vec::from(expected));
    assert!(two.there.core.queue_is_counted(two.bob.id, two.bob.key));
}

#[tokio::test]
async fn a_message_has_the_date_at_which_it_was_said() {
    let two = two().await;
    two.open().await;
    let sent = two.here.say(two.ada, CHAT, "hello").await.unwrap();
    // Clients mark what they have sent as read up to a date, so both have to mean the same one.
    two.here.pass_s(3 * 3600);
    two.carry().await;
    let came = two.there.missed(two.bob, 1).await.messages;
    assert_eq!(came[0].1.date, sent.date);
}

#[tokio::test]
async fn acts_go_in_few_letters() {
    let two = two().await;
    two.open().await;
    let count = 3 * ACTS_OF_LETTER_MAX + 1;
    for n in 0..count {
        two.here.say(two.ada, CHAT, &n.to_string()).await.unwrap();
    }
    assert_eq!(carry_times(&two.here, &two.there, 1).await, 4);
    assert_eq!(two.there.words(two.bob).await.len(), count);
    // The longest go one by one.
    for _ in 0..3 {
        let long = "x".repeat(SECRET_DATA_BYTES_MAX);
        two.here.say(two.ada, CHAT, &long).await.unwrap();
    }
    assert_eq!(carry_times(&two.here, &two.there, 1).await, 3);
}

#[tokio::test]
async fn what_is_not_heard_in_30_days_ends_the_chat() {
    let two = two().await;
    two.open().await;
    two.here.say(two.ada, CHAT, "hello?").await.unwrap();
    two.here.recorder.take();
    two.here.pass_s(30 * DAY_S - 1);
    two.here.core.tidy_mail().await.unwrap();
    assert!(told(&two.here.recorder.take(), two.ada).is_empty());
    two.here.pass_s(2);
    two.here.core.tidy_mail().await.unwrap();
    assert_eq!(states(&two.here.recorder.take(), two.ada), [ENDED]);
    assert_eq!(refused(two.here.say(two.ada, CHAT, "late").await), SecretError::Discarded);
    // The other one learns it when it says something.
    two.there.say(two.bob, CHAT, "I am back").await.unwrap();
    two.there.recorder.take();
    two.carry().await;
    assert_eq!(states(&two.there.recorder.take(), two.bob), [ENDED]);
    assert_eq!(two.waits(), (0, 0));
}

#[tokio::test]
async fn a_node_that_knows_no_secret_chats_ends_them() {
    let two = two().await;
    two.ask(CHAT).await.unwrap();
    let letter = two.here.core.next_letter(two.there.core.node().short()).await.unwrap().unwrap();
    two.here.recorder.take();
    two.here.core.letter_answered(&letter, LetterAnswer::Refused).await.unwrap();
    assert_eq!(states(&two.here.recorder.take(), two.ada), [ENDED]);
}

#[tokio::test]
async fn what_waits_for_one_person_is_bounded() {
    let two = two().await;
    two.open().await;
    for n in 0..ON_THE_WAY_MAX {
        two.here.say(two.ada, CHAT, &n.to_string()).await.unwrap();
    }
    let full = two.here.say(two.ada, CHAT, "more").await;
    assert!(matches!(full, Err(CoreError::Flood { .. })), "{full:?}");
    // What others have to say finds room, and that it ends is told too.
    let mut here = two.here;
    let eve = here.member("Eve").await;
    here.ask_secretly(eve, two.bob_here, SecretChatId(8)).await.unwrap();
    here.end_chat(two.ada, CHAT).await.unwrap();
    let two = Two { here, ..two };
    two.carry().await;
    assert_eq!(two.there.words(two.bob).await.len(), ON_THE_WAY_MAX as usize);
    // Nothing is counted that is not there, also of a chat that is forgotten by then.
    two.ask(SecretChatId(9)).await.unwrap();
    let forget = two.here.core.write(None, move |decide| {
        decide.forget_side(two.ada.id, SecretChatId(9));
        Ok(())
    });
    forget.await.unwrap();
    two.carry().await;
    let rows =
        two.here.disk.scan(Keyspace::SECRET, &[5], Some(&[6]), 10, node_store::Order::Ascending);
    assert!(rows.unwrap().is_empty());
}

#[tokio::test]
async fn an_end_that_could_not_be_told_is_told_later() {
    let two = two().await;
    two.open().await;
    // Nothing more fits into the box.
    let node = two.there.core.node().short();
    let filler = SecretTold {
        chat: 99,
        by: 1,
        to: 4242,
        life: [0; 8],
        number: 1,
        act: 2,
        of: Blob::new(vec![0x81, 0xf4]).unwrap(),
    };
    let fill = two.here.core.write(None, move |decide| {
        while decide.post(Post::secret(node, encode(&filler))?).is_ok() {}
        Ok(())
    });
    fill.await.unwrap();
    two.here.end_chat(two.ada, CHAT).await.unwrap();
    two.there.recorder.take();
    two.carry().await;
    assert!(states(&two.there.recorder.take(), two.bob).is_empty());
    two.there.say(two.bob, CHAT, "hello?").await.unwrap();
    two.carry().await;
    assert_eq!(states(&two.there.recorder.take(), two.bob), [ENDED]);
    assert_eq!(two.waits(), (0, 0));
}

/// The end itself waited too long, or the other node could do nothing with it; and so did what tells of it.
#[tokio::test]
async fn an_end_that_did_not_get_there_is_told_again() {
    let two = two().await;
    two.open().await;
    let node = two.there.core.node().short();
    two.here.end_chat(two.ada, CHAT).await.unwrap();
    two.here.pass_s(31 * DAY_S);
    two.here.core.tidy_mail().await.unwrap();
    assert_eq!(two.waits(), (0, 0));
    for words in ["hello?", "anybody?"] {
        two.there.say(two.bob, CHAT, words).await.unwrap();
        carry_times(&two.there, &two.here, 1).await;
        assert_eq!(two.waits(), (1, 0), "it is told, once");
        let letter = two.here.core.next_letter(node).await.unwrap().unwrap();
        two.here.core.letter_answered(&letter, LetterAnswer::Refused).await.unwrap();
    }
    two.there.say(two.bob, CHAT, "now?").await.unwrap();
    carry_times(&two.there, &two.here, 1).await;
    two.there.say(two.bob, CHAT, "now!").await.unwrap();
    two.there.recorder.take();
    carry_times(&two.here, &two.there, 1).await;
    assert_eq!(states(&two.there.recorder.take(), two.bob), [ENDED]);
    carry_times(&two.there, &two.here, 1).await;
    assert_eq!(two.waits(), (0, 0), "it knows");
}

/// A node that is away is not told again and again what it does not know.
#[tokio::test]
async fn what_is_none_is_said_to_so_many_and_no_more() {
    let hostile = Hostile::new().await;
    for n in 1..=600 {
        hostile.tell(&hostile.act(n, 1, 9, vec![])).await.unwrap();
        hostile.tell(&hostile.act(n, 2, 9, vec![])).await.unwrap();
        hostile.two.there.pass_s(60);
    }
    assert_eq!(hostile.two.waits().1, 500);
}

#[tokio::test]
async fn what_is_read_is_told_when_it_is_news() {
    let two = two().await;
    two.open().await;
    for date in [500, 500, 400, 501] {
        two.here.core.read_secret(two.ada.actor(), two.ada.id, CHAT, date).await.unwrap();
    }
    assert_eq!(two.waits(), (2, 0));
}

#[tokio::test]
async fn who_says_very_much_across_nodes_waits() {
    let two = two().await;
    two.open().await;
    let mut said = 0;
    while two.here.say(two.ada, CHAT, "again").await.is_ok() {
        said += 1;
        if said % 1000 == 0 {
            two.carry().await;
        }
    }
    assert_eq!(said, 3_000);
    two.carry().await;
    two.here.end_chat(two.ada, CHAT).await.unwrap();
    two.here.pass_s(1);
    two.ask(SecretChatId(8)).await.unwrap();
}

#[tokio::test]
async fn secret_chats_leave_other_letters_room() {
    let two = two().await;
    let mut here = two.here;
    let mut people = vec![two.ada];
    for n in 0..3 {
        people.push(here.member(&format!("M{n}")).await);
    }
    let two = Two { here, ..two };
    let chat = |n: usize| SecretChatId(n as i32 + 1);
    for (n, person) in people.iter().enumerate() {
        two.here.ask_secretly(*person, two.bob_here, chat(n)).await.unwrap();
        two.carry().await;
        two.there.accept(two.bob, chat(n)).await.unwrap();
        two.carry().await;
    }
    let mut written = 0;
    for (n, person) in people.iter().enumerate() {
        while two.here.say(*person, chat(n), "away?").await.is_ok() {
            written += 1;
        }
    }
    assert_eq!(written, 7_500, "three quarters of what waits for one node");
    let reported = NewReport {
        about: two.bob_here.into(),
        reason: ReportReason::Spam,
        comment: "still heard".into(),
        messages: Vec::new(),
    };
    two.here.core.report(None, people[1].id, reported).await.unwrap();
    assert_eq!(two.waits().0, 7_501);
}

#[tokio::test]
async fn a_full_queue_holds_up_nobody_else() {
    let two = two().await;
    two.open().await;
    for n in 0..=MESSAGES_OF_CHAT_MAX {
        two.here.say(two.ada, CHAT, &n.to_string()).await.unwrap();
        if n % 1000 == 0 {
            two.there.pass_s(600);
            two.carry().await;
        }
    }
    two.there.pass_s(600);
    two.carry().await;
    // What was taken is kept; the chat can go no further, and both know.
    assert_eq!(two.there.words(two.bob).await.len(), MESSAGES_OF_CHAT_MAX as usize);
    assert_eq!(refused(two.here.say(two.ada, CHAT, "more").await), SecretError::Discarded);
    assert_eq!(refused(two.there.say(two.bob, CHAT, "more").await), SecretError::Discarded);
    two.ask(SecretChatId(8)).await.unwrap();
    two.carry().await;
    two.there.accept(two.bob, SecretChatId(8)).await.unwrap();
}

#[tokio::test]
async fn who_is_blocked_learns_nothing_from_another_node() {
    let two = two().await;
    two.open().await;
    let ada_there = two.there.core.secret_chat_with(two.bob.id, CHAT).unwrap().unwrap();
    let block = two.there.core.set_blocked(Some(two.bob.actor()), two.bob.id, ada_there, true);
    block.await.unwrap();
    two.ask(SecretChatId(8)).await.unwrap();
    two.here.say(two.ada, CHAT, "hello").await.unwrap();
    two.here.recorder.take();
    two.there.recorder.take();
    two.carry().await;
    // What was there ends, as if by hand; what is new waits for ever.
    assert_eq!(states(&two.here.recorder.take(), two.ada), [ENDED]);
    assert_eq!(states(&two.there.recorder.take(), two.bob), [ENDED]);
    let unknown = two.there.accept(two.bob, SecretChatId(8)).await;
    assert_eq!(refused(unknown), SecretError::UnknownChat);
    assert!(two.there.words(two.bob).await.is_empty());
}

#[tokio::test]
async fn files_are_fetched_from_the_node_of_who_sent_them() {
    let two = two().await;
    two.open().await;
    let blob = BlobId([9; 32]);
    let file = NewSecretFile::Uploaded { blob, size: 5000, key_fingerprint: -3 };
    let outgoing = SecretOutgoing { file: Some(file), ..said(1, "look") };
    let sent = two.here.core.send_secret(two.ada.actor(), two.ada.id, CHAT, outgoing).await;
    two.carry().await;
    let messages = two.there.missed(two.bob, 1).await.messages;
    let shown = messages[0].1.file.unwrap();
    assert_eq!((shown.size, shown.key_fingerprint), (5000, -3));
    let found = two.there.core.sealed_file(shown.id).unwrap().unwrap();
    assert_eq!((found.blob, found.size), (blob, 5000));
    let owner = two.there.core.node_of(found.owner).unwrap().unwrap();
    assert_eq!(owner.id, two.here.core.node());
    // It goes with the chat, on both nodes.
    two.there.end_chat(two.bob, CHAT).await.unwrap();
    two.carry().await;
    for (world, file) in [(&two.here, sent.unwrap().file.unwrap()), (&two.there, shown)] {
        world.pass_s(7 * DAY_S);
        world.core.tick().await.unwrap();
        assert_eq!(world.core.held(file.id).unwrap(), Some(0));
    }
}

#[tokio::test]
async fn a_restored_node_is_heard_again() {
    let two = two().await;
    two.open().await;
    let backup = two.here.disk.backup();
    for words in ["one", "two"] {
        two.here.say(two.ada, CHAT, words).await.unwrap();
    }
    two.carry().await;
    let here = two.here.restored(backup).await;
    let two = Two { here, ..two };
    // Its numbers begin again, in another life.
    two.here.say(two.ada, CHAT, "three").await.unwrap();
    two.carry().await;
    assert_eq!(two.there.words(two.bob).await, ["one", "two", "three"]);
}

#[tokio::test]
async fn a_restored_node_learns_that_a_chat_has_ended() {
    let two = two().await;
    two.open().await;
    let backup = two.here.disk.backup();
    two.there.end_chat(two.bob, CHAT).await.unwrap();
    two.carry().await;
    let here = two.here.restored(backup).await;
    let two = Two { here, ..two };
    two.here.say(two.ada, CHAT, "hello?").await.unwrap();
    two.here.recorder.take();
    two.carry().await;
    assert_eq!(states(&two.here.recorder.take(), two.ada), [ENDED]);
}

/// What waited in the backup goes in another letter than what is said after it, by which the other node
/// knows it again when the answer was lost.
#[tokio::test]
async fn what_waited_in_a_backup_comes_once() {
    let two = two().await;
    two.open().await;
    two.here.say(two.ada, CHAT, "one").await.unwrap();
    let backup = two.here.disk.backup();
    let here = two.here.restored(backup).await;
    let two = Two { here, ..two };
    two.here.say(two.ada, CHAT, "two").await.unwrap();
    carry_times(&two.here, &two.there, 2).await;
    assert_eq!(two.there.words(two.bob).await, ["one", "two"]);
}

#[tokio::test]
async fn people_of_other_nodes_ask_each_person_so_often() {
    let hostile = Hostile::new().await;
    hostile.two.there.pass_s(90 * DAY_S);
    for n in 1..=11 {
        hostile.tell(&hostile.act(n, 1, 0, request())).await.unwrap();
    }
    let updates = hostile.two.there.missed(hostile.two.bob, 1).await.updates;
    assert_eq!(updates.len(), 10);
    assert_eq!(hostile.answers().await, [(11, 2)]);
}

#[tokio::test]
async fn files_of_people_elsewhere_are_bounded_by_the_node() {
    let mut two = two().await;
    two.open().await;
    let quotas = Quotas { member_bytes: 10, node_bytes: 6_000 };
    two.there = two.there.with_quotas(quotas);
    for n in 1..=2 {
        let blob = BlobId([n; 32]);
        let file = NewSecretFile::Uploaded { blob, size: 5000, key_fingerprint: 1 };
        let outgoing = SecretOutgoing { file: Some(file), ..said(n.into(), "look") };
        let sent = two.here.core.send_secret(two.ada.actor(), two.ada.id, CHAT, outgoing).await;
        sent.unwrap();
    }
    two.carry().await;
    let messages = two.there.missed(two.bob, 1).await.messages;
    let files: Vec<bool> = messages.iter().map(|(_, said)| said.file.is_some()).collect();
    assert_eq!(files, [true, false], "what is said comes without it");
}

/// What another node could write instead.
struct Hostile {
    two: Two,
    ada: u64,
    bob: u64,
}

impl Hostile {
    async fn new() -> Self {
        let two = two().await;
        let (ada, bob) = (two.ada.id.0 as u64, two.bob.id.0 as u64);
        Self { two, ada, bob }
    }

    fn act(&self, chat: i32, number: u64, act: u8, of: Vec<u8>) -> SecretTold {
        let (by, to, life) = (self.ada, self.bob, [0; 8]);
        let of = Blob::new(of).unwrap();
        SecretTold { chat: chat as u32, by, to, life, number, act, of }
    }

    /// As a letter of ada's node, which only that can write.
    async fn send(&self, acts: Vec<Vec<u8>>) -> CoreResult<()> {
        let acts: Vec<Blob<LETTER_BYTES_MAX>> =
            acts.into_iter().map(|act| Blob::new(act).unwrap()).collect();
        let body = encode(&List::<_, 1000>::new(acts).unwrap());
        self.send_body(body).await
    }

    async fn send_body(&self, body: Vec<u8>) -> CoreResult<()> {
        let sealed = super::mail::letter_of(0, &self.two.there, Kind::SECRET, body);
        self.two.there.core.take_letter(self.two.here.core.node(), sealed).await
    }

    async fn tell(&self, told: &SecretTold) -> CoreResult<()> {
        self.send(vec![encode(told)]).await
    }

    /// What is said back, of which chats.
    async fn answers(&self) -> Vec<(i32, u8)> {
        let mut answers = Vec::new();
        let node: Node16 = self.two.here.core.node().short();
        while let Some(letter) = self.two.there.core.next_letter(node).await.unwrap() {
            for body in self.two.there.core.secret_rows_of(&letter) {
                let told: SecretTold = decode(&body).unwrap();
                answers.push((told.chat as i32, told.act));
            }
            self.two.there.core.letter_answered(&letter, LetterAnswer::Taken).await.unwrap();
        }
        answers
    }
}

fn request() -> Vec<u8> {
    [&[0x81, 0x59, 1, 0][..], &[0x40; 256]].concat()
}

#[tokio::test]
async fn a_hostile_node_gets_no_further_than_its_own_chats() {
    let hostile = Hostile::new().await;
    let two = &hostile.two;
    // Of a chat that is not there: it has ended.
    hostile.tell(&hostile.act(5, 1, 3, vec![0x85, 1, 5, 0xf4, 0x41, 7, 0xf6])).await.unwrap();
    hostile.tell(&hostile.act(6, 1, 1, vec![])).await.unwrap();
    hostile.tell(&hostile.act(7, 1, 9, vec![])).await.unwrap();
    assert_eq!(hostile.answers().await, [(5, 2), (6, 2), (7, 2)]);
    // That it ends is no news, and no answer to an answer.
    hostile.tell(&hostile.act(5, 1, 2, vec![0x81, 0xf4])).await.unwrap();
    assert_eq!(hostile.answers().await, []);
    // A chat of two people here has a number; another node's person has no part in it.
    two.open().await;
    let stranger = SecretTold {
        by: 5_000_000,
        ..hostile.act(CHAT.0, 99, 3, vec![0x85, 1, 5, 0xf4, 0x41, 7, 0xf6])
    };
    hostile.tell(&stranger).await.unwrap();
    assert_eq!(hostile.answers().await, [(CHAT.0, 2)]);
    let ends = SecretTold { by: 5_000_000, ..hostile.act(CHAT.0, 99, 2, vec![0x81, 0xf5]) };
    hostile.tell(&ends).await.unwrap();
    two.there.say(two.bob, CHAT, "still open").await.unwrap();
    assert!(two.there.words(two.bob).await.is_empty());
    // To nobody, to somebody elsewhere, without a number.
    let nobody = [0, 1 << 63, USER_ID_END as u64 - 1, 4242, UserId::SERVICE.0 as u64];
    for to in nobody {
        let told = SecretTold { to, ..hostile.act(9, 1, 0, request()) };
        hostile.tell(&told).await.unwrap();
    }
    hostile.tell(&hostile.act(0, 1, 0, request())).await.unwrap();
    // A public value out of range.
    let weak = [&[0x81, 0x59, 1, 0][..], &[0; 256]].concat();
    hostile.tell(&hostile.act(9, 1, 0, weak)).await.unwrap();
    let answers = hostile.answers().await;
    let said = answers.iter().filter(|(_, act)| *act == 3).count();
    let denied = answers.iter().filter(|(_, act)| *act == 2).count();
    assert_eq!((said, denied, answers.len()), (1, nobody.len() + 2, nobody.len() + 3));
    assert_eq!(refused(two.there.accept(two.bob, SecretChatId(9)).await), SecretError::UnknownChat);
}

/// Somebody else of the other node, who is known here too.
#[tokio::test]
async fn nobody_speaks_in_a_chat_of_others() {
    let hostile = Hostile::new().await;
    let two = &hostile.two;
    two.open().await;
    let eve = 1_234_567;
    hostile.tell(&SecretTold { by: eve, ..hostile.act(8, 1, 0, request()) }).await.unwrap();
    two.there.recorder.take();
    let fields: [(u8, &[u8]); 4] = [
        (3, &[0x85, 1, 5, 0xf4, 0x41, 7, 0xf6]),
        (4, &[0x81, 5]),
        (2, &[0x81, 0xf5]),
        (1, &[&[0x82, 0x59, 1, 0][..], &[0x40; 256], &[5]].concat()),
    ];
    for (act, of) in fields {
        let told = hostile.act(CHAT.0, 1 << 40, act, of.to_vec());
        hostile.tell(&SecretTold { by: eve, ..told }).await.unwrap();
    }
    assert!(told(&two.there.recorder.take(), two.bob).is_empty());
    let denied = hostile.answers().await;
    assert_eq!(denied, [(CHAT.0, 2)], "told once at a time");
    // Ada goes on, with numbers that are lower.
    two.here.say(two.ada, CHAT, "still us").await.unwrap();
    two.carry().await;
    assert_eq!(two.there.words(two.bob).await, ["still us"]);
}

#[tokio::test]
async fn a_hostile_node_asks_for_no_more_chats_than_it_may() {
    let hostile = Hostile::new().await;
    let mut asked = 0;
    for n in 1..=300 {
        let told = SecretTold { by: 1_000_000 + n, ..hostile.act(n as i32, 1, 0, request()) };
        hostile.tell(&told).await.unwrap();
        asked = hostile.two.there.missed(hostile.two.bob, 1).await.updates.len();
    }
    // A new node pays ten times what one that is known for long does.
    assert!((5..=50).contains(&asked), "{asked}");
    let denied = hostile.answers().await.len();
    assert_eq!(denied + asked, 300, "each that is not asked is told so");
    // Nor does one that is asked again and again ring.
    hostile.two.there.recorder.take();
    let mut other = request();
    for n in 0..400u16 {
        other[4] = 0x41 + (n % 2) as u8;
        let told = SecretTold { by: 1_000_001, ..hostile.act(1, 2, 0, other.clone()) };
        hostile.tell(&SecretTold { number: 2 + u64::from(n), ..told }).await.unwrap();
    }
    let shown = states(&hostile.two.there.recorder.take(), hostile.two.bob);
    assert!(shown.len() <= 300 && shown.last() == Some(&ENDED), "{}", shown.len());
}

#[tokio::test]
async fn more_than_a_letter_holds_is_none() {
    let hostile = Hostile::new().await;
    let act = |n: usize| encode(&hostile.act(n as i32 + 1, 1, 9, vec![]));
    let many = (0..=ACTS_OF_LETTER_MAX).map(act).collect();
    assert!(matches!(hostile.send(many).await, Err(CoreError::NotALetter)));
    hostile.send((0..ACTS_OF_LETTER_MAX).map(act).collect()).await.unwrap();
    assert_eq!(hostile.answers().await.len(), ACTS_OF_LETTER_MAX);
}

/// Bodies that no node writes are refused, or end a chat; nothing else comes of them.
#[tokio::test]
async fn hostile_bytes_in_secret_acts_do_no_harm() {
    let mut hostile = Hostile::new().await;
    hostile.two.open().await;
    let (seed, rounds) = fuzzing(if full() { 20_000 } else { 1_500 });
    let mut rng = StdRng::seed_from_u64(seed);
    let message = vec![0x85, 1, 5, 0xf4, 0x43, 1, 2, 3, 0xf6];
    let acts = |hostile: &Hostile, chat: SecretChatId| {
        [
            encode(&hostile.act(chat.0, 7, 3, message.clone())),
            encode(&hostile.act(8, 1, 0, request())),
            encode(&hostile.act(chat.0, 9, 4, vec![0x81, 5])),
            encode(&hostile.act(chat.0, 9, 2, vec![0x81, 0xf4])),
        ]
    };
    let mut open = CHAT;
    let mut sound = acts(&hostile, open);
    for round in 0..rounds {
        // Requests at random fill what two people may have, in time.
        if round > 0 && round % 500 == 0 {
            hostile = Hostile::new().await;
        }
        // Most of it is of an open chat, not of one that it has ended.
        if round % 20 == 0 {
            let two = &hostile.two;
            two.carry().await;
            let _ = two.there.end_chat(two.bob, open).await;
            two.carry().await;
            two.there.pass_s(7200);
            two.here.pass_s(7200);
            open = SecretChatId(1000 + round as i32);
            two.ask(open).await.unwrap();
            two.carry().await;
            two.there.accept(two.bob, open).await.unwrap();
            two.carry().await;
            sound = acts(&hostile, open);
        }
        let body = if round % 3 == 0 {
            let mut body = vec![0; rng.random_range(0..200)];
            rng.fill_bytes(&mut body);
            body
        } else {
            let mut acts: Vec<Blob<LETTER_BYTES_MAX>> = Vec::new();
            for _ in 0..rng.random_range(0..4) {
                let mut act = sound[rng.random_range(0..sound.len())].clone();
                for _ in 0..rng.random_range(0..4) {
                    let at = rng.random_range(0..act.len());
                    act[at] = rng.random();
                }
                act.truncate(rng.random_range(act.len() / 2..=act.len()));
                acts.push(Blob::new(act).unwrap());
            }
            encode(&List::<_, 8>::new(acts).unwrap())
        };
        match hostile.send_body(body).await {
            Ok(()) | Err(CoreError::NotALetter | CoreError::Flood { .. }) => {}
            Err(cause) => panic!("seed {seed}, round {round}: {cause}"),
        }
        assert!(hostile.two.there.core.queue_is_counted(hostile.two.bob.id, hostile.two.bob.key));
    }
}

/// A sealed box that was changed on its way opens for nobody, and a letter that was cut is none.
#[tokio::test]
async fn hostile_bytes_are_no_letters() {
    let two = two().await;
    two.ask(CHAT).await.unwrap();
    let letter = two.here.core.next_letter(two.there.core.node().short()).await.unwrap().unwrap();
    let (seed, rounds) = fuzzing(if full() { 20_000 } else { 1_000 });
    let mut rng = StdRng::seed_from_u64(seed);
    for round in 0..rounds {
        let mut sealed = letter.sealed.clone();
        match rng.random_range(0..4) {
            0 => {
                sealed = vec![0; rng.random_range(0..300)];
                rng.fill_bytes(&mut sealed);
            }
            1 => sealed.truncate(rng.random_range(0..sealed.len())),
            2 => sealed.extend(vec![rng.random::<u8>(); rng.random_range(1..70_000)]),
            _ => {
                let at = rng.random_range(0..sealed.len());
                sealed[at] ^= rng.random_range(1..=u8::MAX);
            }
        }
        match two.there.core.take_letter(two.here.core.node(), sealed).await {
            Err(CoreError::NotALetter | CoreError::UnknownNode) => {}
            other => panic!("seed {seed}, round {round}: {other:?}"),
        }
    }
    assert!(two.there.missed(two.bob, 1).await.updates.is_empty());
    two.carry().await;
    assert_eq!(two.there.missed(two.bob, 1).await.updates.len(), 1);
}

/// Whatever is cut, crashes or comes twice: each message once, in order, at the other one.
#[tokio::test]
async fn line_63_nothing_is_lost_or_comes_twice_between_nodes() {
    for seed in first_seed()..first_seed() + if full() { 100 } else { 6 } {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut two = two().await;
        two.open().await;
        let (mut to_bob, mut to_ada) = (Vec::new(), Vec::new());
        for step in 0..150 {
            let words = step.to_string();
            match rng.random_range(0..10) {
                0..4 => {
                    two.here.say(two.ada, CHAT, &words).await.unwrap();
                    to_bob.push(words);
                }
                4..7 => {
                    two.there.say(two.bob, CHAT, &words).await.unwrap();
                    to_ada.push(words);
                }
                7 => {
                    let (from, to) = match rng.random::<bool>() {
                        true => (&two.here, &two.there),
                        false => (&two.there, &two.here),
                    };
                    let Some(letter) = from.core.next_letter(to.core.node().short()).await.unwrap()
                    else {
                        continue;
                    };
                    for _ in 0..rng.random_range(0..3) {
                        let sealed = letter.sealed.clone();
                        to.core.take_letter(from.core.node(), sealed).await.unwrap();
                    }
                }
                8 => two.here = two.here.crash(),
                _ => two.there = two.there.crash(),
            }
        }
        two.carry().await;
        assert_eq!(two.there.words(two.bob).await, to_bob, "seed {seed}");
        assert_eq!(two.here.words(two.ada).await, to_ada, "seed {seed}");
    }
}

/// Letters about other things keep their place, and come too.
#[tokio::test]
async fn other_letters_go_between_secret_ones() {
    let two = two().await;
    two.open().await;
    two.here.say(two.ada, CHAT, "before").await.unwrap();
    let gone = crate::federation::Reported {
        reason: 0,
        comment: glog::cbor::Text::new("between").unwrap(),
        person: Some(two.bob.id.0 as u64),
        group: None,
        entries: List::default(),
    };
    let to: NodeId = two.there.core.node();
    let post = Post::new(to.short(), Kind::REPORT, &gone).unwrap();
    two.here.core.write(None, move |decide| decide.post(post)).await.unwrap();
    two.here.say(two.ada, CHAT, "after").await.unwrap();
    assert_eq!(carry_times(&two.here, &two.there, 1).await, 3);
    assert_eq!(two.there.words(two.bob).await, ["before", "after"]);
    assert_eq!(two.there.core.reports(10).await.unwrap().len(), 1);
}
