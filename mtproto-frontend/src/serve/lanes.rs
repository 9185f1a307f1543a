//! Tells members of channels what happens there, beside the committer.
//!
//! A message in a channel may be for thousands of sessions. Its writer's answer, and whatever is
//! committed after it, must not wait for them: the committer hands the event to a lane, and the lane
//! goes through who is there. A channel's events stay in one lane, and so in their order: what is told
//! beside messages, such as reactions, does not overtake them. What came meanwhile goes to each session
//! in one packet.

use std::sync::{Arc, OnceLock, Weak};

use node_core::{ChannelId, Event};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::hub::{acted, lane};
use super::outlet::Buffers;
use crate::frontend::Shared;
use crate::project::FanOut;

/// Events that wait in one lane. Beyond, the committer hands them to the sessions' outboxes itself, which
/// takes longer and loses nothing: those have a bound of their own.
const WAITING_MAX: usize = 1024;

/// Events that go out together: less than what may wait in an outbox before it is too long.
const TOGETHER_MAX: usize = 64;

/// Members after which others get their turn: some 0.3 ms of work.
const MEMBERS_AT_ONCE: usize = 32;

/// The ways into the lanes; none before they run.
#[derive(Default)]
pub(super) struct Lanes(OnceLock<Vec<mpsc::Sender<Event>>>);

impl Lanes {
    /// Starts as many lanes as there are cores. Called once, inside a tokio runtime.
    pub(super) fn start(&self, shared: &Arc<Shared>) -> Vec<JoinHandle<()>> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let (lanes, tasks) = (0..cores)
            .map(|_| {
                let (lane, events) = mpsc::channel(WAITING_MAX);
                (lane, tokio::spawn(run(Arc::downgrade(shared), events)))
            })
            .unzip();
        // A second start would be another frontend's.
        let _ = self.0.set(lanes);
        tasks
    }

    /// Hands an event to the lane of its channel. False if that is full, or none runs.
    pub(super) fn take(&self, channel: ChannelId, event: &Event) -> bool {
        let Some(lanes) = self.0.get() else { return false };
        let at = channel.0.unsigned_abs() as usize % lanes.len().max(1);
        lanes.get(at).is_some_and(|lane| lane.try_send(event.clone()).is_ok())
    }
}

async fn run(shared: Weak<Shared>, mut events: mpsc::Receiver<Event>) {
    let (mut together, mut buffers) = (Vec::new(), Buffers::default());
    while events.recv_many(&mut together, TOGETHER_MAX).await > 0 {
        let Some(shared) = shared.upgrade() else { return };
        let mut by_channel: Vec<(ChannelId, Vec<Arc<FanOut>>)> = Vec::new();
        for event in together.drain(..) {
            let Some(channel) = lane(&event) else { continue };
            if let Event::Box(event) = &event {
                let event = FanOut::new(&shared, channel, event);
                match by_channel.iter_mut().find(|(known, _)| *known == channel) {
                    Some((_, events)) => events.push(event),
                    None => by_channel.push((channel, vec![event])),
                }
                continue;
            }
            // What it is about may be a message that is still to be told.
            if let Some(at) = by_channel.iter().position(|(known, _)| *known == channel) {
                let (_, events) = by_channel.remove(at);
                tell(&shared, channel, &events, &mut buffers).await;
            }
            shared.push(&event);
        }
        for (channel, events) in by_channel {
            tell(&shared, channel, &events, &mut buffers).await;
        }
    }
}

/// Tells who is there now: who left meanwhile may not read it, and who came has it from the difference.
async fn tell(
    shared: &Arc<Shared>,
    channel: ChannelId,
    events: &[Arc<FanOut>],
    buffers: &mut Buffers,
) {
    for some in shared.hub.present_in(channel).chunks(MEMBERS_AT_ONCE) {
        for viewer in some {
            for session in shared.hub.sessions(*viewer) {
                let news = events.iter().filter(|event| !acted(event.actor(), &session));
                session.push_now(shared, news.map(|event| event.to(*viewer) as _), buffers);
            }
        }
        tokio::task::yield_now().await;
    }
}

#[cfg(test)]
mod tests {
    use node_core::{BoxEvent, BoxRow, MessageId, Pts};

    use super::*;
    use crate::rpc::tests::shared;

    const CHANNEL: ChannelId = ChannelId(5);

    fn event(pts: i32) -> Event {
        let ids = vec![MessageId(1)];
        Event::Box(Arc::new(BoxEvent {
            owner: CHANNEL.into(),
            pts: Pts(pts),
            pts_count: 1,
            row: BoxRow::Deleted { peer: CHANNEL.into(), ids, saved: None },
            edited: None,
            actor: None,
        }))
    }

    #[tokio::test]
    async fn a_full_lane_refuses_and_goes_on_when_it_has_room() {
        let shared = shared();
        let lanes = &shared.hub.lanes;
        assert!(!lanes.take(CHANNEL, &event(1)), "none runs yet");
        let tasks = lanes.start(&shared);
        // Nothing runs in this test until it waits.
        let waiting = i32::try_from(WAITING_MAX).unwrap();
        assert!((1..=waiting).all(|pts| lanes.take(CHANNEL, &event(pts))));
        assert!(!lanes.take(CHANNEL, &event(waiting + 1)), "the committer tells it itself");
        let others = (0..64).filter(|other| lanes.take(ChannelId(*other), &event(1))).count();
        assert_eq!(others == 0, tasks.len() == 1, "each lane has room of its own");
        while !lanes.take(CHANNEL, &event(waiting + 2)) {
            tokio::task::yield_now().await;
        }
    }
}
