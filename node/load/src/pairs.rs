//! Pairs of members: one speaks, the other listens, and every message is accounted for.

use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use crate::client::{Client, ClientError, Received};
use crate::clock;
use crate::halves::{Ear, Mouth};
use crate::member::{Invite, Member};
use crate::talk::{Judge, Listener, TalkError};

/// A message that takes longer is lost: no floor of a disk is near it.
const LOST_AFTER: Duration = Duration::from_secs(20);
/// What comes twice comes within this.
const DOUBLES_WITHIN: Duration = Duration::from_millis(200);

/// One who speaks and one who listens.
pub struct Pair {
    listener: Listener,
    /// Whether the speaker is told that its message is stored.
    answers: bool,
    speaker: End,
    hearer: End,
}

struct End {
    mouth: Mouth,
    ear: Ear,
    judge: Judge,
}

/// Latencies in microseconds from when a message was due, sorted.
#[derive(Debug, Default)]
pub struct Latencies {
    /// To the answer to the speaker.
    pub answered: Vec<f64>,
    /// To the listener's update.
    pub arrived: Vec<f64>,
}

impl End {
    fn new(client: Client, pts: Option<i32>) -> Result<Self, ClientError> {
        let (mouth, ear) = client.split()?;
        ear.set_timeout(LOST_AFTER)?;
        Ok(Self { mouth, ear, judge: Judge::new(pts) })
    }
}

impl Pair {
    /// Two members of a node; the first finds the second by its number.
    ///
    /// # Errors
    /// See [`Member::find`].
    pub fn members<R: keys::CryptoRng + ?Sized>(
        mut speaker: Member,
        mut hearer: Member,
        rng: &mut R,
    ) -> Result<Self, TalkError> {
        let peer = speaker.find(&[&hearer.phone], rng)?.pop();
        let listener = Listener::Member(peer.ok_or(ClientError::Wrong("contact"))?);
        let (from, to) = (speaker.pts(rng)?, hearer.pts(rng)?);
        for member in [&mut speaker, &mut hearer] {
            member.client.acknowledge(rng)?;
        }
        let (speaker, hearer) =
            (End::new(speaker.client, Some(from))?, End::new(hearer.client, Some(to))?);
        Ok(Self { listener, answers: true, speaker, hearer })
    }

    /// Two connections to the relay.
    ///
    /// # Errors
    /// The sockets'.
    pub fn relayed(speaker: Client, hearer: Client, answers: bool) -> Result<Self, ClientError> {
        let (speaker, hearer) = (End::new(speaker, None)?, End::new(hearer, None)?);
        Ok(Self { listener: Listener::Relay, answers, speaker, hearer })
    }

    /// Sends messages `numbers` one after the other, `in_flight` of them at a time.
    fn saturate(
        &mut self,
        numbers: impl Iterator<Item = u64>,
        in_flight: usize,
    ) -> Result<(), TalkError> {
        let rng = &mut rng();
        let Self { listener, answers, speaker, hearer } = self;
        for end in [&speaker.ear, &hearer.ear] {
            end.set_timeout(LOST_AFTER)?;
        }
        let mut numbers = numbers.peekable();
        loop {
            let mut burst = Vec::new();
            while hearer.judge.unarrived() < in_flight
                && speaker.judge.unanswered() < in_flight
                && let Some(number) = numbers.next()
            {
                hearer.judge.awaits(number);
                let msg_id = speaker.mouth.say_into(&listener.request(number)?, &mut burst, rng)?;
                if *answers {
                    speaker.judge.asks(msg_id, number);
                }
            }
            if !burst.is_empty() {
                speaker.mouth.send(&burst)?;
            }
            let open = if numbers.peek().is_some() { in_flight } else { 1 };
            while hearer.judge.unarrived() >= open {
                for message in hearer.ear.hear()? {
                    hearer.mouth.owe(&message, false, rng)?;
                    hearer.judge.arrival(&message)?;
                }
            }
            while speaker.judge.unanswered() >= open {
                for message in speaker.ear.hear()? {
                    speaker.mouth.owe(&message, true, rng)?;
                    speaker.judge.answer(&message)?;
                }
            }
            if numbers.peek().is_none() {
                return Ok(());
            }
        }
    }

    /// Nothing more comes: no message came twice.
    fn rests(&mut self) -> Result<(), TalkError> {
        for message in self.hearer.ear.rest(DOUBLES_WITHIN)? {
            self.hearer.judge.arrival(&message)?;
        }
        for message in self.speaker.ear.rest(DOUBLES_WITHIN)? {
            self.speaker.judge.answer(&message)?;
        }
        let (lost, silent) = (self.hearer.judge.unarrived(), self.speaker.judge.unanswered());
        let gapless = self.hearer.judge.is_gapless() && self.speaker.judge.is_gapless();
        if lost + silent > 0 || !gapless {
            return Err(TalkError::Wrong(format!("{lost} messages and {silent} answers are lost")));
        }
        Ok(())
    }
}

/// Makes pairs of members of a node, whose sockets come from `connect`.
///
/// # Errors
/// See [`Member::join`].
pub fn meet<R: keys::CryptoRng + ?Sized>(
    invites: &[Invite],
    mut connect: impl FnMut(usize, &mut R) -> Result<Client, ClientError>,
    rng: &mut R,
) -> Result<Vec<Pair>, TalkError> {
    let mut pairs = Vec::with_capacity(invites.len() / 2);
    for (at, two) in invites.chunks_exact(2).enumerate() {
        let mut members = Vec::with_capacity(2);
        for (place, invite) in two.iter().enumerate() {
            let client = connect(2 * at + place, rng)?;
            members.push(Member::join(client, invite, "Load", rng)?);
        }
        if let (Some(hearer), Some(speaker)) = (members.pop(), members.pop()) {
            pairs.push(Pair::members(speaker, hearer, rng)?);
        }
    }
    Ok(pairs)
}

/// Closed loop: every pair sends `each` messages, a thread each. `base` is a number that no
/// message of these pairs had yet; the next one is returned.
///
/// # Errors
/// A loss, a double, a gap, or the connections'.
pub fn saturate(
    pairs: &mut [Pair],
    base: u64,
    each: u64,
    in_flight: usize,
) -> Result<u64, TalkError> {
    let stride = pairs.len() as u64;
    join_all(pairs, |at, pair| {
        let numbers = (0..each).map(|round| base + round * stride + at as u64);
        pair.saturate(numbers, in_flight)
    })?;
    join_all(pairs, |_, pair| pair.rests())?;
    Ok(base + each * stride)
}

fn join_all(
    pairs: &mut [Pair],
    work: impl Fn(usize, &mut Pair) -> Result<(), TalkError> + Sync,
) -> Result<(), TalkError> {
    let work = &work;
    thread::scope(|scope| {
        let threads: Vec<_> = pairs
            .iter_mut()
            .enumerate()
            .map(|(at, pair)| scope.spawn(move || work(at, pair)))
            .collect();
        threads.into_iter().try_for_each(joined)
    })
}

fn joined<T>(thread: thread::ScopedJoinHandle<'_, Result<T, TalkError>>) -> Result<T, TalkError> {
    thread.join().unwrap_or_else(|_| Err(TalkError::Wrong("a thread panicked".into())))
}

/// Open loop: `per_second` messages over all pairs in turns, whatever comes back; latency counts
/// from when a message was due. For `base` see [`saturate`].
///
/// # Errors
/// As [`saturate`].
pub fn offer(
    pairs: &mut [Pair],
    base: u64,
    count: u64,
    per_second: u32,
) -> Result<(Latencies, u64), TalkError> {
    let begin = clock::now() + Duration::from_millis(100);
    let due = |number: u64| begin + Duration::from_secs(1) * (number - base) as u32 / per_second;
    let stride = pairs.len();
    let mut latencies = Latencies::default();
    let mut sending = Vec::with_capacity(stride);
    let mut hearing = Vec::with_capacity(2 * stride);
    for (at, pair) in pairs.iter_mut().enumerate() {
        let Pair { listener, answers, speaker, hearer } = pair;
        let mine = (base + at as u64..base + count).step_by(stride);
        mine.clone().for_each(|number| hearer.judge.awaits(number));
        let expected = mine.count();
        let End { mouth, ear, judge } = speaker;
        let speaking = Mutex::new((mouth, judge));
        sending.push((listener, *answers, speaking));
        hearing.push((ear, hearer, expected));
    }
    let (sending, due) = (&sending, &due);
    thread::scope(|scope| {
        let mut threads = Vec::new();
        for ((ear, hearer, expected), (_, answers, speaking)) in hearing.into_iter().zip(sending) {
            threads.push((false, scope.spawn(move || hear_arrivals(hearer, expected, due))));
            if *answers {
                threads
                    .push((true, scope.spawn(move || hear_answers(ear, speaking, expected, due))));
            }
        }
        for number in base..base + count {
            thread::sleep(due(number).saturating_duration_since(clock::now()));
            let at = (number - base) as usize % stride;
            let Some((listener, answers, speaking)) = sending.get(at) else { continue };
            let request = listener.request(number)?;
            let Ok(mut speaking) = speaking.lock() else { continue };
            let msg_id = speaking.0.say(&request, &mut rng())?;
            if *answers {
                speaking.1.asks(msg_id, number);
            }
        }
        for (answers, thread) in threads {
            let some = joined(thread)?;
            if answers { &mut latencies.answered } else { &mut latencies.arrived }.extend(some);
        }
        Ok::<(), TalkError>(())
    })?;
    latencies.answered.sort_by(f64::total_cmp);
    latencies.arrived.sort_by(f64::total_cmp);
    join_all(pairs, |_, pair| pair.rests())?;
    Ok((latencies, base + count))
}

fn since(due: Instant) -> f64 {
    clock::now().saturating_duration_since(due).as_secs_f64() * 1e6
}

fn hear_arrivals(
    hearer: &mut End,
    expected: usize,
    due: &(impl Fn(u64) -> Instant + Sync),
) -> Result<Vec<f64>, TalkError> {
    let mut latencies = Vec::with_capacity(expected);
    hearer.ear.set_timeout(LOST_AFTER)?;
    while latencies.len() < expected {
        for message in hearer.ear.hear()? {
            let numbers = hearer.judge.arrival(&message)?;
            latencies.extend(numbers.into_iter().map(|number| since(due(number))));
            hearer.mouth.owe(&message, false, &mut rng())?;
        }
    }
    Ok(latencies)
}

fn hear_answers(
    ear: &mut Ear,
    speaking: &Mutex<(&mut Mouth, &mut Judge)>,
    expected: usize,
    due: &(impl Fn(u64) -> Instant + Sync),
) -> Result<Vec<f64>, TalkError> {
    let mut latencies = Vec::with_capacity(expected);
    ear.set_timeout(LOST_AFTER)?;
    while latencies.len() < expected {
        let messages: Vec<Received> = ear.hear()?;
        let heard = clock::now();
        let Ok(mut speaking) = speaking.lock() else { break };
        for message in messages {
            if let Some(number) = speaking.1.answer(&message)? {
                let late = heard.saturating_duration_since(due(number));
                latencies.push(late.as_secs_f64() * 1e6);
            }
            speaking.0.owe(&message, true, &mut rng())?;
        }
    }
    Ok(latencies)
}

fn rng() -> impl keys::CryptoRng {
    #[expect(clippy::disallowed_methods, reason = "a generator's threads own their randomness")]
    rand::rng()
}
