//! Filling channels behind what else goes on: one thread, one command after the other.

use std::sync::{Arc, Weak};

use glog::EntryRef;
use node_store::Keyspace;

use super::plan::Plan;
use super::{Fill, Stage, Target, fill_key, target_key};
use tracing::Span;

use crate::committer::Command;
use crate::core::{Commands, command};
use crate::decide::Decide;
use crate::ids::ChannelId;
use crate::inner::Inner;
use crate::record::Record as _;
use crate::{CoreError, CoreResult};

/// Entries that one command shows: what a message in the same batch waits for.
const SHOWN_AT_ONCE: usize = 64;

/// Runs until the fills end or nobody takes commands any more.
pub(crate) fn run(inner: &Arc<Inner>, commands: &Weak<Commands>) {
    let filler = Filler { inner, commands };
    while let Some(channel) = inner.fills.next() {
        loop {
            match filler.step(channel) {
                Ok(true) if !inner.fills.has_ended() => {}
                Ok(_) => break,
                Err(CoreError::Stopped(_)) => return,
                Err(cause) => {
                    // It goes on when something comes, or with the next start.
                    tracing::warn!(%cause, channel = channel.0, "a channel is not filled");
                    break;
                }
            }
        }
    }
}

struct Filler<'a> {
    inner: &'a Inner,
    commands: &'a Weak<Commands>,
}

impl Filler<'_> {
    /// Does some work on a channel. True if there may be more.
    fn step(&self, channel: ChannelId) -> CoreResult<bool> {
        let row = self.inner.store.get(Keyspace::CHANNELS, &fill_key(channel))?;
        let Some(fill) = row.map(|row| Fill::decode(&row)).transpose()? else { return Ok(false) };
        match fill.stage {
            Stage::Fetching => {
                let is_all = self.inner.fills.is_stalled(channel);
                self.write(move |decide| decide.end_fetching(channel, is_all))
            }
            Stage::Rising { upto, until_ms, shown } => {
                let plan = self.plan(channel, &fill, (upto, until_ms))?;
                let newer = plan.newer.iter().filter(|(number, _)| *number >= shown);
                let newer: Vec<(u64, EntryRef)> = newer.take(SHOWN_AT_ONCE).copied().collect();
                self.write(move |decide| decide.rise(channel, newer))
            }
            Stage::Falling { upto, until_ms, .. } => {
                self.plan(channel, &fill, (upto, until_ms))?;
                self.write(move |decide| decide.fall(channel))
            }
        }
    }

    /// Found out here, so that the committer need not read all that was said.
    fn plan(
        &self,
        channel: ChannelId,
        fill: &Fill,
        (upto, until_ms): (u64, u64),
    ) -> CoreResult<Arc<Plan>> {
        if let Some(plan) = self.inner.fills.plan(channel) {
            return Ok(plan);
        }
        let store = &*self.inner.store;
        let row = store.get(Keyspace::CHANNELS, &target_key(channel))?;
        let target = row.map(|row| Target::decode(&row)).transpose()?;
        let target = target.ok_or(CoreError::Damaged(Target::NAME))?;
        let plan = Plan::read(store, channel, fill.first, &target, (upto, until_ms))?;
        let plan = Arc::new(plan);
        self.inner.fills.put_plan(channel, plan.clone());
        Ok(plan)
    }

    /// Runs a command and waits until it is durable.
    fn write<T: Send + 'static>(
        &self,
        decide: impl FnOnce(&mut Decide<'_>) -> CoreResult<T> + Send + 'static,
    ) -> CoreResult<T> {
        let stopped = || CoreError::Stopped("the rules have ended".into());
        self.inner.store.admit()?;
        let (run, answer) = command(decide);
        let commands = self.commands.upgrade().ok_or_else(stopped)?;
        commands
            .send(Command { actor: None, run, last: false, span: Span::none() })
            .map_err(|_| stopped())?;
        drop(commands);
        answer.blocking_recv().unwrap_or_else(|_| Err(stopped()))
    }
}
