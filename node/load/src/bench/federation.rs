//! Three nodes that share a public group, beside gossip alone and the signatures alone.

use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use keys::NodeIdentity;
use liar::bare::Bare;
use liar::watch::Watch;
use rookery_load::halves::{Ear, Mouth};
use rookery_load::{Member, Received, clock};
use tl::mtproto::types as service;
use tl::{enums, functions as f};

use super::channel::{join, supergroup};
use super::{Gate, Row, Target, median, percentile, process, rng};

/// Messages offered in a second, over all nodes in turns.
const PER_SECOND: u32 = 200;
/// As federation's bars have them.
const P99_US_MAX: f64 = 250_000.0;
const HEAL_S_MAX: f64 = 10.0;
const BYTES_MAX: f64 = 1.2;
const IDLE_MB_MAX: f64 = 300.0;
const FIRST_SCREEN_S_MAX: f64 = 30.0;
const ALL_S_MAX: f64 = 60.0;

/// Groups that one member makes, and another joins: fewer than the node's limits let.
const GROUPS_OF_ONE: usize = 40;

/// What the group is called at its home.
const NAME: &str = "harbour_talk";
/// Letters, as the domains of nodes begin.
const DOMAINS: [&str; 3] = ["a.example", "b.example", "c.example"];

/// A message that takes longer is lost.
const LOST: Duration = Duration::from_secs(60);
/// Messages of a member that are not answered yet, when as many as possible go.
const IN_FLIGHT: u64 = 64;
/// After so long a node may write as much at once as ever: `Pace` of `mesh`.
const FULL_AGAIN: Duration = Duration::from_secs(9);
/// What entries of short messages have: header, body and signature.
const SIGNED_BYTES: usize = 236;

/// Messages between nodes, and a node that was away.
pub(crate) fn rows(short: bool) -> anyhow::Result<Vec<Row>> {
    let mut all = on_three(short)?;
    all.extend(away(short)?);
    Ok(all)
}

/// A member, and the group as it is called there.
type InGroup = (Member, enums::InputPeer);

/// A member who writes and hears at once, taken apart for two threads.
struct Voice {
    mouth: Mouth,
    ear: Ear,
    peer: enums::InputPeer,
}

impl Voice {
    fn new(member: Member, peer: enums::InputPeer) -> anyhow::Result<Self> {
        let (mouth, ear) = member.client.split()?;
        ear.set_timeout(LOST)?;
        Ok(Self { mouth, ear, peer })
    }
}

/// A node that others reach.
fn node(at: usize) -> anyhow::Result<Target> {
    let domain = DOMAINS.get(at).context("a domain")?;
    let listen = "listen = [\"/ip4/127.0.0.1/tcp/0\"]";
    Target::start_with(&format!("[federation]\ndomain = \"{domain}\"\n{listen}\n"))
}

fn text(number: u64) -> String {
    format!("{number:020}, lorem ipsum dolor")
}

fn request(peer: &enums::InputPeer, number: u64) -> anyhow::Result<Vec<u8>> {
    let send = f::messages::SendMessage {
        peer: peer.clone(),
        message: text(number),
        random_id: number as i64 + 1, // 0 is none
        ..f::messages::SendMessage::default()
    };
    Ok(tl::to_bytes(&send, tl::LAYER_MAX)?)
}

/// Nodes that share the group, each connected with those before it, and one member of each.
fn gather(nodes: usize) -> anyhow::Result<(Vec<Target>, Vec<InGroup>)> {
    let nodes: Vec<Target> = (0..nodes).map(node).collect::<Result<_, _>>()?;
    for (at, node) in nodes.iter().enumerate() {
        nodes.iter().take(at).try_for_each(|other| befriend(node, other))?;
    }
    let mut members: Vec<InGroup> = Vec::new();
    for (at, node) in nodes.iter().enumerate() {
        let mut member = node.member(&mut rng())?;
        let peer = match at {
            0 => supergroup(&mut member, NAME)?,
            _ => join(&mut member, &format!("{NAME}@{}", DOMAINS[0]))?,
        };
        members.push((member, peer));
    }
    Ok((nodes, members))
}

/// Both operators want to be connected: what comes by itself is granted little at first.
fn befriend(one: &Target, other: &Target) -> anyhow::Result<()> {
    one.add_peer(other)?;
    other.add_peer(one)
}

/// What a frame says of new messages: their numbers.
fn numbers(received: &Received) -> anyhow::Result<Vec<u64>> {
    let updates = match tl::from_bytes::<enums::Updates>(&received.body, tl::LAYER_MAX) {
        Ok(enums::Updates::Updates(all)) => all.updates,
        Ok(enums::Updates::UpdateShort(one)) => vec![one.update],
        Ok(enums::Updates::UpdatesTooLong(_)) => {
            bail!("a member is told to ask for what it missed")
        }
        // Acknowledgements and the like.
        _ => return Ok(Vec::new()),
    };
    let mut found = Vec::new();
    for update in updates {
        match update {
            enums::Update::UpdateNewChannelMessage(new) => {
                let enums::Message::Message(message) = new.message else { continue };
                found.extend(
                    message.message.get(..20).and_then(|number| number.parse::<u64>().ok()),
                );
            }
            enums::Update::UpdateChannelTooLong(_) => bail!("a member missed something"),
            _ => {}
        }
    }
    Ok(found)
}

/// Whether it answers a request; an error is one here, too.
fn is_answer(received: &Received) -> anyhow::Result<bool> {
    let Some(result) = received.service::<service::RpcResult>() else { return Ok(false) };
    if let Ok(error) = tl::from_bytes::<service::RpcError>(&result.result.0, 0) {
        bail!("{} {}", error.error_code, error.error_message);
    }
    Ok(true)
}

/// Which messages go, and when.
#[derive(Clone, Copy)]
struct Plan {
    first: u64,
    count: u64,
    voices: u64,
    /// `None`: each as soon as may be.
    due: Option<(Instant, u32)>,
}

impl Plan {
    fn due(&self, number: u64) -> Option<Instant> {
        let (begin, per_second) = self.due?;
        Some(begin + Duration::from_secs(1) * (number - self.first) as u32 / per_second)
    }

    fn of(&self, voice: u64) -> impl Iterator<Item = u64> {
        (self.first + voice..self.first + self.count).step_by(self.voices as usize)
    }
}

/// Hears all that the others say, each once, and all answers; how late each message was, where it was
/// due.
fn hear(
    ear: &mut Ear,
    mouth: &Mutex<&mut Mouth>,
    answered: &AtomicU64,
    plan: Plan,
    voice: u64,
) -> anyhow::Result<Vec<f64>> {
    let own: HashSet<u64> = plan.of(voice).collect();
    let others = plan.count as usize - own.len();
    let (mut heard, mut late) = (HashSet::new(), Vec::new());
    while heard.len() < others || answered.load(Relaxed) < own.len() as u64 {
        for message in ear.hear().context("a message did not come")? {
            let at = clock::now();
            for number in numbers(&message)? {
                if number < plan.first || own.contains(&number) {
                    continue;
                }
                ensure!(heard.insert(number), "message {number} came twice");
                let due = plan.due(number);
                late.extend(due.map(|due| at.saturating_duration_since(due).as_secs_f64() * 1e6));
            }
            if is_answer(&message)? {
                answered.fetch_add(1, Relaxed);
            }
            let Ok(mut mouth) = mouth.lock() else { bail!("a thread ended") };
            // Also when it has said all: the node keeps what is not acknowledged, up to a bound.
            mouth.owe(&message, false, &mut rng())?;
        }
    }
    Ok(late)
}

fn speak(
    mouth: &Mutex<&mut Mouth>,
    peer: &enums::InputPeer,
    answered: &AtomicU64,
    plan: Plan,
    voice: u64,
) -> anyhow::Result<()> {
    let begin = clock::now();
    for (sent, number) in plan.of(voice).enumerate() {
        let request = request(peer, number)?;
        match plan.due(number) {
            Some(due) => thread::sleep(due.saturating_duration_since(clock::now())),
            None => {
                while sent as u64 >= answered.load(Relaxed) + IN_FLIGHT {
                    ensure!(begin.elapsed() < LOST, "a message is not answered");
                    thread::sleep(Duration::from_micros(100));
                }
            }
        }
        let Ok(mut mouth) = mouth.lock() else { bail!("a thread ended") };
        mouth.say(&request, &mut rng())?;
    }
    Ok(())
}

/// All voices say what is planned and hear each other; how late it came to others, sorted.
fn talk(voices: &mut [Voice], plan: Plan) -> anyhow::Result<Vec<f64>> {
    let answered: Vec<AtomicU64> = voices.iter().map(|_| AtomicU64::new(0)).collect();
    let (mut mouths, mut ears) = (Vec::new(), Vec::new());
    for Voice { mouth, ear, peer } in voices {
        mouths.push((Mutex::new(mouth), &*peer));
        ears.push(ear);
    }
    let mut late = thread::scope(|scope| {
        let (mut speaking, mut hearing) = (Vec::new(), Vec::new());
        for (voice, ((ear, (mouth, peer)), answered)) in
            ears.into_iter().zip(&mouths).zip(&answered).enumerate()
        {
            let voice = voice as u64;
            hearing.push(scope.spawn(move || hear(ear, mouth, answered, plan, voice)));
            speaking.push(scope.spawn(move || speak(mouth, peer, answered, plan, voice)));
        }
        for thread in speaking {
            thread.join().map_err(|_| anyhow::anyhow!("a thread ended"))??;
        }
        let mut late = Vec::new();
        for thread in hearing {
            late.extend(thread.join().map_err(|_| anyhow::anyhow!("a thread ended"))??);
        }
        anyhow::Ok(late)
    })?;
    late.sort_by(f64::total_cmp);
    Ok(late)
}

/// Two hundred a second, and as many as go, on three nodes.
fn on_three(short: bool) -> anyhow::Result<Vec<Row>> {
    let (rounds, seconds, burst) = if short { (2, 2, 150) } else { (5, 10, 2_700) };
    let count = u64::from(PER_SECOND * seconds);
    let (nodes, members) = gather(3)?;
    let mut voices: Vec<Voice> = members
        .into_iter()
        .map(|(member, peer)| Voice::new(member, peer))
        .collect::<Result<_, _>>()?;
    let mut floor = Bare::new()?;
    let mut next = 0;
    let mut plan = |count: u64, per_second: Option<u32>| {
        let first = next;
        next += count;
        let begin = clock::now() + Duration::from_millis(100);
        let due = per_second.map(|per_second| (begin, per_second));
        Plan { first, count, voices: DOMAINS.len() as u64, due }
    };
    // Once for nothing: until all have heard of each other, synchronisation brings it.
    talk(&mut voices, plan(100, Some(50)))?;
    let mut measured = Vec::new();
    for _ in 0..rounds {
        let of_nodes = talk(&mut voices, plan(count, Some(PER_SECOND)))?;
        measured.push((of_nodes, floor.offer(count, PER_SECOND)?));
    }
    let shares = [("p50", 0.5, Gate::None), ("p99", 0.99, Gate::ValueAtMost(P99_US_MAX))];
    let mut rows = Vec::new();
    for (label, share, gate) in shares {
        let of =
            |pair: &(Vec<f64>, Vec<f64>)| (percentile(&pair.0, share), percentile(&pair.1, share));
        rows.push(Row::of_pairs(
            format!("message to members of two other nodes, {label}"),
            "us",
            &measured.iter().map(of).collect::<Vec<_>>(),
            2 * count as usize,
            gate,
            format!(
                "open loop, {PER_SECOND}/s over a member of each of three nodes, from when it was due; \
                 floor: gossip of 300 signed bytes between three swarms"
            ),
        ));
    }
    let mut measured = Vec::new();
    for _ in 0..rounds.min(3) {
        if !short {
            thread::sleep(FULL_AGAIN);
        }
        let begin = clock::now();
        talk(&mut voices, plan(burst, None))?;
        measured.push((burst as f64 / begin.elapsed().as_secs_f64(), floor.burst(burst)?));
    }
    rows.push(Row::of_pairs(
        "messages of three nodes at once, all to all",
        "messages/s",
        &measured,
        burst as usize,
        Gate::None,
        format!(
            "{IN_FLIGHT} of each member in flight, as many in all as the pace takes at once; floor: \
             gossip alone, as many in flight"
        ),
    ));
    drop(nodes);
    Ok(rows)
}

/// A node comes back to what was said meanwhile.
fn away(short: bool) -> anyhow::Result<Vec<Row>> {
    let (rounds, count) = if short { (1, 400) } else { (3, 10_000) };
    let (mut healed, mut intake, mut bytes) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        let (mut nodes, members) = gather(2)?;
        let [a, b] = &mut nodes[..] else { bail!("two nodes") };
        let [(ada, at_a), (mut bob, at_b)] =
            <[_; 2]>::try_from(members).map_err(|_| anyhow::anyhow!("two members"))?;
        // Both nodes write, so that each has a lane, and what is said before is there.
        say(&mut bob, &at_b, 0)?;
        let mut ada = ada;
        await_newest(&mut ada, &at_a, 0)?;
        say(&mut ada, &at_a, 1)?;
        await_newest(&mut bob, &at_b, 1)?;
        let home = a.mesh.first().context("an address")?.clone();
        let at_home = Watch::new(&home, NAME, &home)?;
        let length = |watch: &Watch| -> anyhow::Result<u64> {
            let lanes = watch.heads()?.lanes;
            lanes.iter().map(|head| head.seq + 1).max().context("a lane")
        };
        let before = length(&at_home)?;
        b.stop()?;
        let mut voices = [Voice::new(ada, at_a)?];
        let plan = Plan { first: 2, count, voices: 1, due: None };
        talk(&mut voices, plan)?;
        ensure!(length(&at_home)? == before + count, "another length than was said");
        let missing = at_home.bytes_from(before)?;
        let begin = clock::now();
        b.resume()?;
        let ready = clock::now();
        bob.client = bob.client.sibling(b.address, &mut rng())?;
        bob.client.introduce(&mut rng())?;
        await_newest(&mut bob, &at_b, count + 1)?;
        healed.push(begin.elapsed().as_secs_f64());
        intake.push((count as f64 / ready.elapsed().as_secs_f64(), verified(count as usize)?));
        let there = Watch::new(&home, NAME, b.mesh.first().context("an address")?)?;
        let end = clock::now() + LOST;
        while there.heads()? != at_home.heads()? {
            ensure!(clock::now() < end, "the nodes do not hold the same");
        }
        // What it counts is made anew four times a second.
        let counted = loop {
            let counted = b.bytes_from(DOMAINS[0])?;
            if counted >= missing {
                break counted;
            }
            ensure!(clock::now() < end, "{counted} bytes for {missing}");
        };
        bytes.push((counted as f64, missing as f64));
    }
    let healing = Row {
        name: format!(
            "a node that was away for {count} messages shows the last, its start included"
        ),
        unit: "s",
        node: median(&healed),
        floor: None,
        ratios: Vec::new(),
        samples: rounds,
        gate: Gate::ValueAtMost(HEAL_S_MAX),
        note: format!("each: {healed:.2?}"),
    };
    let mut rows = vec![healing];
    for (at, name) in FLOORS.iter().enumerate() {
        let pairs: Vec<(f64, f64)> =
            intake.iter().filter_map(|(node, floors)| Some((*node, *floors.get(at)?))).collect();
        if !pairs.is_empty() {
            rows.push(Row::of_pairs(
                "what it takes in meanwhile",
                "entries/s",
                &pairs,
                count as usize,
                Gate::None,
                format!("since it was ready; floor: {name}, on one core"),
            ));
        }
    }
    rows.push(Row::of_pairs(
        "bytes of the other node, to those of the entries that were missing",
        "bytes",
        &bytes,
        count as usize,
        Gate::RatioAtMost(BYTES_MAX),
        "",
    ));
    Ok(rows)
}

/// A group with a long history is found by somebody of a node that knew nothing of it.
pub(crate) fn late(short: bool) -> anyhow::Result<Vec<Row>> {
    let (rounds, count) = if short { (1, 400) } else { (2, 100_000) };
    let a = node(0)?;
    let mut ada = a.member(&mut rng())?;
    let at_a = supergroup(&mut ada, NAME)?;
    talk(&mut [Voice::new(ada, at_a)?], Plan { first: 0, count, voices: 1, due: None })?;
    let (mut first, mut all) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        let b = node(1 + round)?;
        befriend(&b, &a)?;
        let mut bob = b.member(&mut rng())?;
        let begin = clock::now();
        let there = patiently(|| join(&mut bob, &format!("{NAME}@{}", DOMAINS[0])))?;
        patiently(|| await_newest(&mut bob, &there, count - 1))?;
        first.push(begin.elapsed().as_secs_f64());
        patiently(|| read_down(&mut bob, &there, count))?;
        all.push(begin.elapsed().as_secs_f64());
    }
    let row = |what: &str, of: &[f64], max: f64| Row {
        name: format!("a group with {count} messages, found by a node: {what}"),
        unit: "s",
        node: median(of),
        floor: None,
        ratios: Vec::new(),
        samples: rounds,
        gate: Gate::ValueAtMost(max),
        note: format!("each: {of:.2?}"),
    };
    Ok(vec![
        row("the first screen", &first, FIRST_SCREEN_S_MAX),
        row("the first message", &all, ALL_S_MAX),
    ])
}

/// Tries again what the node puts off.
fn patiently<T>(mut ask: impl FnMut() -> anyhow::Result<T>) -> anyhow::Result<T> {
    let end = clock::now() + 3 * LOST;
    loop {
        match ask() {
            Err(cause) if clock::now() > end => return Err(cause),
            // As much as the node answers by itself in the time: asking costs it little.
            Err(_) => thread::sleep(Duration::from_millis(50)),
            Ok(answer) => return Ok(answer),
        }
    }
}

/// Asks for the oldest messages; whether so many are there with the first of them.
fn read_down(member: &mut Member, peer: &enums::InputPeer, count: u64) -> anyhow::Result<()> {
    let ask = f::messages::GetHistory {
        peer: peer.clone(),
        // From the first that was ever said on, upward.
        offset_id: 1,
        add_offset: -20,
        limit: 20,
        ..f::messages::GetHistory::default()
    };
    let client = &mut member.client;
    let enums::messages::Messages::ChannelMessages(page) =
        client.invoke(&ask, tl::LAYER_MAX, &mut rng())?
    else {
        bail!("no page of a channel");
    };
    client.acknowledge(&mut rng())?;
    let words = text(0);
    let is_first = |message: &enums::Message| matches!(message, enums::Message::Message(first) if first.message == words);
    ensure!(page.messages.iter().any(is_first), "the first message is not there");
    ensure!(u64::try_from(page.count)? >= count, "{} messages of {count}", page.count);
    Ok(())
}

fn say(member: &mut Member, peer: &enums::InputPeer, number: u64) -> anyhow::Result<()> {
    member.client.invoke_raw(&request(peer, number)?, &mut rng())?;
    member.client.acknowledge(&mut rng())?;
    Ok(())
}

/// Asks again until this is the newest message that is shown.
fn await_newest(member: &mut Member, peer: &enums::InputPeer, number: u64) -> anyhow::Result<()> {
    let ask = f::messages::GetHistory {
        peer: peer.clone(),
        limit: 1,
        ..f::messages::GetHistory::default()
    };
    let (words, end) = (text(number), clock::now() + LOST);
    loop {
        let client = &mut member.client;
        let page = match client.invoke(&ask, tl::LAYER_MAX, &mut rng())? {
            enums::messages::Messages::ChannelMessages(page) => page.messages,
            _ => bail!("no page of a channel"),
        };
        client.acknowledge(&mut rng())?;
        if let Some(enums::Message::Message(newest)) = page.first()
            && newest.message == words
        {
            return Ok(());
        }
        ensure!(clock::now() < end, "message {number} does not come");
        // Of another process nothing else can be awaited, and asking takes of its time.
        thread::sleep(Duration::from_millis(10));
    }
}

/// What the floors of [`verified`] are.
const FLOORS: [&str; 2] =
    ["each signature verified by itself", "signatures verified in batches of 64"];

/// How many signatures a second one core verifies, one by one and, where that was built in, in batches.
fn verified(count: usize) -> anyhow::Result<Vec<f64>> {
    let key = NodeIdentity::generate(&mut rng());
    let said: Vec<Vec<u8>> = (0..count)
        .map(|number| {
            let mut said = number.to_be_bytes().to_vec();
            said.resize(SIGNED_BYTES, 7);
            said
        })
        .collect();
    let signatures: Vec<[u8; 64]> = said.iter().map(|said| key.sign(said)).collect();
    let begin = clock::now();
    for (said, signature) in said.iter().zip(&signatures) {
        key.public().verify_strict(said, signature)?;
    }
    let mut floors = vec![count as f64 / begin.elapsed().as_secs_f64()];
    floors.extend(in_batches(&key, &said, &signatures)?);
    Ok(floors)
}

#[cfg(feature = "batch")]
fn in_batches(
    key: &NodeIdentity,
    said: &[Vec<u8>],
    signatures: &[[u8; 64]],
) -> anyhow::Result<Option<f64>> {
    use ed25519_dalek::{Signature, VerifyingKey, verify_batch};
    const BATCH: usize = 64;
    let begin = clock::now();
    let key = VerifyingKey::from_bytes(key.public().as_bytes())?;
    for (said, signatures) in said.chunks(BATCH).zip(signatures.chunks(BATCH)) {
        let messages: Vec<&[u8]> = said.iter().map(Vec::as_slice).collect();
        let signatures: Vec<Signature> = signatures.iter().map(Signature::from_bytes).collect();
        verify_batch(&messages, &signatures, &vec![key; messages.len()])?;
    }
    Ok(Some(said.len() as f64 / begin.elapsed().as_secs_f64()))
}

#[cfg(not(feature = "batch"))]
#[expect(clippy::unnecessary_wraps, reason = "with batches it may fail")]
fn in_batches(_: &NodeIdentity, _: &[Vec<u8>], _: &[[u8; 64]]) -> anyhow::Result<Option<f64>> {
    Ok(None)
}

/// Memory of nodes that share many groups in which nobody says anything.
pub(crate) fn idle(short: bool) -> anyhow::Result<Row> {
    let groups: usize = if short { 5 } else { 1_000 };
    let (a, b) = (node(0)?, node(1)?);
    befriend(&b, &a)?;
    let (mut ada, mut bob) = (a.member(&mut rng())?, b.member(&mut rng())?);
    let megabytes = |node: &Target| -> anyhow::Result<f64> {
        Ok(process::resident(node.pid)? as f64 / f64::from(1 << 20))
    };
    let before = megabytes(&a)?.max(megabytes(&b)?);
    for number in 0..groups {
        // Nobody may make as many groups at once.
        if number % GROUPS_OF_ONE == GROUPS_OF_ONE - 1 {
            (ada, bob) = (a.member(&mut rng())?, b.member(&mut rng())?);
        }
        let name = format!("harbour_{number:04}");
        supergroup(&mut ada, &name)?;
        // A node that has just been chosen is served little for some seconds more.
        patiently(|| join(&mut bob, &format!("{name}@{}", DOMAINS[0]))).context(name)?;
    }
    let (home, there) = (megabytes(&a)?, megabytes(&b)?);
    Ok(Row {
        name: format!("memory of a node with {groups} groups of two nodes"),
        unit: "MB",
        node: home.max(there),
        floor: Some(before),
        ratios: Vec::new(),
        samples: 2,
        gate: Gate::ValueAtMost(IDLE_MB_MAX),
        note: format!(
            "the larger of the home's {home:.0} and the other's {there:.0}; floor: before them"
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_verified_in_each_way_that_was_built_in() {
        let floors = verified(130).unwrap();
        assert_eq!(floors.len(), if cfg!(feature = "batch") { FLOORS.len() } else { 1 });
        assert!(floors.iter().all(|floor| *floor > 0.0), "{floors:?}");
    }

    #[test]
    fn messages_are_due_in_turns_and_each_voice_has_its_own() {
        let begin = clock::now();
        let plan = Plan { first: 100, count: 7, voices: 3, due: Some((begin, 200)) };
        assert_eq!(plan.of(1).collect::<Vec<_>>(), [101, 104]);
        assert_eq!((0..3).map(|voice| plan.of(voice).count()).sum::<usize>(), 7);
        assert_eq!(plan.due(104), Some(begin + Duration::from_millis(20)));
        assert_eq!(Plan { due: None, ..plan }.due(104), None);
    }
}
