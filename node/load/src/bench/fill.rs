//! Fills a store through the API, as members would: the owner writes to many.

use std::io::Write as _;
use std::time::Duration;

use anyhow::ensure;
use rookery_load::halves::{Ear, Mouth};
use rookery_load::talk::{Judge, Listener};
use rookery_load::{Member, clock};
use tl::enums::InputPeer;

use super::{Target, rng};

/// Dialogs with one message each, so that a page of dialogs is full.
const SMALL_DIALOGS: usize = 56;
/// Dialogs that share the rest.
const BULK_DIALOGS: usize = 4;
/// Requests without an answer: two batches of the node's, one that is written and one that waits.
const IN_FLIGHT: usize = 512;
/// Longest time to fill: what is there by then is measured.
const FILL_MAX: Duration = Duration::from_secs(20 * 60);
const TELL_EVERY: Duration = Duration::from_secs(10);

/// A filled box.
pub(crate) struct Filled {
    /// The owner.
    pub(crate) member: Member,
    /// The long dialogs.
    pub(crate) bulk: Vec<InputPeer>,
    /// The box's pts.
    pub(crate) pts: i32,
    pub(crate) messages: u32,
    pub(crate) per_second: f64,
}

/// Makes the owner of a new node and others, and sends `messages` to them.
pub(crate) fn fill(target: &Target, messages: u32) -> anyhow::Result<Filled> {
    let rng = &mut rng();
    // The first is the owner: nobody limits how many strangers it writes to.
    let mut owner = target.member(rng)?;
    let mut phones = Vec::new();
    for _ in 0..SMALL_DIALOGS + BULK_DIALOGS {
        phones.push(target.member(rng)?.phone);
    }
    let phones: Vec<&str> = phones.iter().map(String::as_str).collect();
    let mut peers = owner.find(&phones, rng)?;
    let pts = owner.pts(rng)?;
    owner.client.acknowledge(rng)?;
    let client = owner.client.sibling(target.address, rng)?;
    let (mut mouth, mut ear) = client.split()?;
    let mut judge = Judge::new(Some(pts));
    let listeners: Vec<Listener> = peers.iter().cloned().map(Listener::Member).collect();
    let begin = clock::now();
    let sent = send_all(&listeners, messages, &mut mouth, &mut ear, &mut judge)?;
    let seconds = (clock::now() - begin).as_secs_f64();
    let per_second = f64::from(sent) / seconds;
    ensure!(judge.is_gapless(), "a pts of the owner's box is missing");
    let pts = judge.pts().unwrap_or_default();
    let bulk = peers.split_off(SMALL_DIALOGS);
    Ok(Filled { member: owner, bulk, pts, messages: sent, per_second })
}

fn send_all(
    listeners: &[Listener],
    messages: u32,
    mouth: &mut Mouth,
    ear: &mut Ear,
    judge: &mut Judge,
) -> anyhow::Result<u32> {
    let rng = &mut rng();
    let (begin, mut told) = (clock::now(), clock::now());
    let mut sent = 0;
    let mut end = messages;
    while sent < end || judge.unanswered() > 0 {
        let mut burst = Vec::new();
        // Refilled by halves: a write for every answer would be all that is done here.
        if judge.unanswered() <= IN_FLIGHT / 2 {
            while sent < end && judge.unanswered() < IN_FLIGHT {
                let place = match sent as usize {
                    small if small < SMALL_DIALOGS => small,
                    bulk => SMALL_DIALOGS + bulk % BULK_DIALOGS,
                };
                let request = listeners[place].request(u64::from(sent))?;
                judge.asks(mouth.say_into(&request, &mut burst, rng)?, u64::from(sent));
                sent += 1;
            }
        }
        if !burst.is_empty() {
            mouth.send(&burst)?;
        }
        for message in ear.hear()? {
            mouth.owe(&message, true, rng)?;
            judge.answer(&message)?;
        }
        if told.elapsed() >= TELL_EVERY {
            told = clock::now();
            writeln!(std::io::stderr(), "{sent} of {messages} messages stored")?;
            if begin.elapsed() > FILL_MAX {
                end = sent;
            }
        }
    }
    Ok(sent)
}
