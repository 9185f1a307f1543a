//! Pages and differences with many stored messages, beside the same with few.
//!
//! Two nodes that differ in one thing: how much lies in the owner's box. Asked in turns, so that a
//! busy machine hits both.

use std::io::Write as _;

use anyhow::bail;
use rand::RngExt as _;
use rookery_load::{Client, clock};
use tl::functions as f;
use tl::{enums, types};

use super::fill::{Filled, fill};
use super::{Gate, Row, Target, percentile, process, rng};

/// Messages of the small store.
const FEW: u32 = 1_000;
const PAGE: usize = 100;
const DIALOGS: usize = 50;
/// Calls after which the answers are acknowledged.
const ACKNOWLEDGED_AT_ONCE: usize = 16;
/// Costs must not follow the size of the store.
const GATE: Gate = Gate::RatioAtMost(1.5);

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Call {
    Newest,
    Anywhere,
    Dialogs,
    Difference,
}

impl Call {
    pub(super) const ALL: [(Self, &str); 4] = [
        (Self::Newest, "getHistory(100), newest"),
        (Self::Anywhere, "getHistory(100), anywhere in the newer half"),
        (Self::Dialogs, "getDialogs(50)"),
        (Self::Difference, "getDifference(100 events)"),
    ];
}

/// A node, and its owner.
pub(super) struct Side {
    target: Target,
    filled: Filled,
    client: Client,
}

/// Of one call: median latency, and server CPU, in microseconds.
pub(super) type Cost = (f64, f64);

/// The rows.
pub(crate) fn rows(short: bool, messages: u32) -> anyhow::Result<Vec<Row>> {
    let (rounds, calls) = if short { (3, 30) } else { (7, 300) };
    let (mut few, mut many) =
        (Side::fill(Target::start()?, FEW)?, Side::fill(Target::start()?, messages.max(FEW))?);
    let mut rows = Vec::new();
    for (call, name) in Call::ALL {
        let (mut latencies, mut cpu) = (Vec::new(), Vec::new());
        // Whoever profiles wants to know when, and which of the two.
        writeln!(std::io::stderr(), "{name}: the large store is process {}", many.target.pid)?;
        // Once for nothing: the first calls read what was not read before.
        few.cost(call, calls / 10)?;
        many.cost(call, calls / 10)?;
        for _ in 0..rounds {
            let (large, small) = (many.cost(call, calls)?, few.cost(call, calls)?);
            latencies.push((large.0, small.0));
            cpu.push((large.1, small.1));
        }
        let note = format!(
            "{} stored messages; floor: the same at {}; one call in flight",
            many.filled.messages, few.filled.messages
        );
        for (what, unit, values) in [("p50", "us", latencies), ("CPU", "us server CPU", cpu)] {
            let name = format!("{name}, {what}");
            rows.push(Row::of_pairs(name, unit, &values, calls, GATE, note.clone()));
        }
    }
    if let Some(last) = rows.last_mut() {
        last.note += &format!("; the large store: {}", many.describe()?);
    }
    Ok(rows)
}

impl Side {
    /// Puts messages into the box of a new node's owner.
    pub(super) fn fill(target: Target, messages: u32) -> anyhow::Result<Self> {
        let filled = fill(&target, messages)?;
        let mut client = filled.member.client.sibling(target.address, &mut rng())?;
        client.introduce(&mut rng())?;
        process::settle(target.pid)?;
        Ok(Self { target, filled, client })
    }

    /// Of so many calls.
    pub(super) fn cost(&mut self, call: Call, calls: usize) -> anyhow::Result<Cost> {
        let rng = &mut rng();
        process::settle(self.target.pid)?;
        let begin = process::cpu(self.target.pid)?;
        let mut latencies = Vec::with_capacity(calls);
        for at in 0..calls {
            let request = self.request(call, at)?;
            let sent = clock::now();
            let answer = self.client.invoke_raw(&request, rng)?;
            latencies.push((clock::now() - sent).as_secs_f64() * 1e6);
            self.check(call, &answer)?;
            if at % ACKNOWLEDGED_AT_ONCE == 0 {
                self.client.acknowledge(rng)?;
            }
        }
        process::settle(self.target.pid)?;
        let spent = (process::cpu(self.target.pid)? - begin).as_secs_f64() * 1e6;
        latencies.sort_by(f64::total_cmp);
        Ok((percentile(&latencies, 0.5), spent / calls as f64))
    }

    fn request(&self, call: Call, at: usize) -> anyhow::Result<Vec<u8>> {
        let layer = tl::LAYER_MAX;
        let Filled { bulk, pts, messages, .. } = &self.filled;
        let history = |offset_id: i32| f::messages::GetHistory {
            peer: bulk[at % bulk.len()].clone(),
            offset_id,
            limit: PAGE as i32,
            ..f::messages::GetHistory::default()
        };
        Ok(match call {
            Call::Newest => tl::to_bytes(&history(0), layer)?,
            Call::Anywhere => {
                let half = *messages as i32 / 2;
                let offset_id = rng().random_range(pts - half..=*pts);
                tl::to_bytes(&history(offset_id), layer)?
            }
            Call::Dialogs => {
                let limit = DIALOGS as i32;
                let peer = types::InputPeerEmpty {}.into();
                let get =
                    f::messages::GetDialogs { limit, offset_peer: peer, ..Default::default() };
                tl::to_bytes(&get, layer)?
            }
            Call::Difference => {
                let get = f::updates::GetDifference {
                    pts: pts - PAGE as i32,
                    pts_limit: Some(PAGE as i32),
                    date: 1,
                    ..Default::default()
                };
                tl::to_bytes(&get, layer)?
            }
        })
    }

    fn check(&self, call: Call, answer: &[u8]) -> anyhow::Result<()> {
        let layer = tl::LAYER_MAX;
        let right = match call {
            Call::Newest | Call::Anywhere => {
                let page: enums::messages::Messages = tl::from_bytes(answer, layer)?;
                let enums::messages::Messages::MessagesSlice(page) = page else {
                    bail!("{call:?}: not a slice");
                };
                let ids: Vec<i32> = page.messages.iter().filter_map(id).collect();
                ids.len() == PAGE && ids.is_sorted_by(|newer, older| newer > older)
            }
            Call::Dialogs => {
                let page: enums::messages::Dialogs = tl::from_bytes(answer, layer)?;
                let enums::messages::Dialogs::DialogsSlice(page) = page else {
                    bail!("{call:?}: not a slice");
                };
                page.dialogs.len() == DIALOGS && page.messages.len() == DIALOGS
            }
            Call::Difference => {
                let difference: enums::updates::Difference = tl::from_bytes(answer, layer)?;
                let enums::updates::Difference::Difference(all) = difference else {
                    bail!("{call:?}: not all of it");
                };
                let enums::updates::State::State(state) = &all.state;
                let first = self.filled.pts - PAGE as i32 + 1;
                let ids = all.new_messages.iter().filter_map(id);
                state.pts == self.filled.pts && ids.eq(first..=self.filled.pts)
            }
        };
        if !right {
            bail!("{call:?}: another page than was asked for");
        }
        Ok(())
    }

    fn describe(&self) -> anyhow::Result<String> {
        let messages = f64::from(self.filled.messages);
        Ok(format!(
            "filled at {:.0} messages/s, {:.0} bytes of disk a message, {:.0} MB of RSS",
            self.filled.per_second,
            self.target.disk_bytes()? as f64 / messages,
            process::resident(self.target.pid)? as f64 / 1e6
        ))
    }
}

fn id(message: &enums::Message) -> Option<i32> {
    match message {
        enums::Message::Message(message) => Some(message.id),
        _ => None,
    }
}
