//! Pairs of members: one speaks, the other listens, and every message is accounted for.

use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use keys::PublicKey;

use crate::client::{Client, ClientError};
use crate::halves::{Ear, Mouth};
use crate::member::{Invite, Member};
use crate::open_loop;
use crate::talk::{Judge, Listener, TalkError};

/// A message that takes longer is lost: no floor of a disk is near it.
pub(crate) const LOST_AFTER: Duration = Duration::from_secs(20);
/// Of the open loop of [`rehearse`].
const REHEARSED_PER_SECOND: u32 = 50;
/// What comes twice comes within this.
const DOUBLES_WITHIN: Duration = Duration::from_millis(200);

/// One who speaks and one who listens.
pub struct Pair {
    pub(crate) listener: Listener,
    /// Whether the speaker is told that its message is stored.
    pub(crate) answers: bool,
    pub(crate) speaker: End,
    pub(crate) hearer: End,
}

pub(crate) struct End {
    pub(crate) mouth: Mouth,
    pub(crate) ear: Ear,
    pub(crate) judge: Judge,
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
    pub(crate) fn rests(&mut self) -> Result<(), TalkError> {
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

/// What a row of messages rests on, in small: pairs of new members of the node at `address`, in a
/// closed loop and then in an open one, with `each` messages a pair in either. Returns how many
/// messages were sent, answered, and brought to their listeners.
///
/// # Errors
/// A loss, a double, a gap, a refusal, or the connections'.
pub fn rehearse<R: keys::CryptoRng + ?Sized>(
    address: SocketAddr,
    public: &PublicKey,
    dc: i32,
    invites: &[Invite],
    each: u64,
    rng: &mut R,
) -> Result<u64, TalkError> {
    let connect = |_, rng: &mut R| Client::connect(address, public, dc, rng);
    let mut pairs = meet(invites, connect, rng)?;
    let next = saturate(&mut pairs, 0, each, 2)?;
    let count = each * pairs.len() as u64;
    let (latencies, end) = open_loop::offer(&mut pairs, next, count, REHEARSED_PER_SECOND)?;
    if latencies.arrived.len() as u64 != count || latencies.answered.len() as u64 != count {
        return Err(TalkError::Wrong("a latency is missing".into()));
    }
    Ok(end)
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

pub(crate) fn join_all(
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

pub(crate) fn joined<T>(
    thread: thread::ScopedJoinHandle<'_, Result<T, TalkError>>,
) -> Result<T, TalkError> {
    thread.join().unwrap_or_else(|_| Err(TalkError::Wrong("a thread panicked".into())))
}

pub(crate) fn rng() -> impl keys::CryptoRng {
    #[expect(clippy::disallowed_methods, reason = "a generator's threads own their randomness")]
    rand::rng()
}
