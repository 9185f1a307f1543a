//! Open loop: messages are sent when they are due, whatever comes back.

use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use crate::client::Received;
use crate::clock;
use crate::halves::{Ear, Mouth};
use crate::pairs::{End, LOST_AFTER, Pair, join_all, joined, rng};
use crate::talk::{Judge, TalkError};

/// Latencies in microseconds from when a message was due, sorted.
#[derive(Debug, Default)]
pub struct Latencies {
    /// To the answer to the speaker.
    pub answered: Vec<f64>,
    /// To the listener's update.
    pub arrived: Vec<f64>,
}

/// Open loop: `per_second` messages over all pairs in turns, whatever comes back; latency counts
/// from when a message was due. For `base` see [`crate::pairs::saturate`].
///
/// # Errors
/// As [`crate::pairs::saturate`].
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
