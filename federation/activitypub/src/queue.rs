//! What deliveries read and write, as the rules keep it.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use async_trait::async_trait;
use node_core::{
    Audience, BridgeFollower, BridgeStage, Cid, Core, CoreError, CoreResult, FOLLOWERS_AT_ONCE,
    Inboxes, KeptLane, OutgoingActivity as Outgoing,
};
use parking_lot::Mutex;
use url::Url;

use crate::deliver::{self, Handle, Item, Lane, Page, Queue, QueueError, Seq};
use crate::guard::Guard;

/// Activities that one look reads.
const READ: usize = 50;
/// Those behind an activity in which it is looked for a newer state of its object.
const AHEAD: usize = 500;
/// Of those who are told at one inbox, who are asked after when it is gone.
const A_FEW: usize = 4;
/// The newest activities, which most hosts ask for at the same time.
const RECENT: usize = 128;

/// The activity log and the lanes of hosts.
pub(crate) struct Kept {
    core: Core,
    /// Hosts that have a lane.
    hosts: Mutex<BTreeSet<String>>,
    recent: Mutex<VecDeque<Arc<Outgoing>>>,
}

impl Kept {
    pub(crate) async fn open(core: Core) -> CoreResult<Self> {
        let hosts = core.lanes().await?.into_iter().map(|lane| lane.host).collect();
        Ok(Self { core, hosts: Mutex::new(hosts), recent: Mutex::default() })
    }

    /// Gives a host a lane that begins here, if it has none: before anything is logged for it.
    pub(crate) async fn lane_for(&self, host: &str, handle: &Handle) -> CoreResult<()> {
        if self.hosts.lock().contains(host) {
            return Ok(());
        }
        let lane = Lane::new(self.core.newest_outgoing());
        self.core.save_lanes(vec![kept(host.to_owned(), &lane)?]).await?;
        self.hosts.lock().insert(host.to_owned());
        handle.added(host, lane);
        Ok(())
    }

    /// Who is blocked by now is told nothing more: the lanes of all such hosts, and who follows from there,
    /// are dropped.
    pub(crate) async fn drop_blocked(&self, guard: &Guard, handle: &Handle) -> CoreResult<()> {
        let blocked: Vec<String> =
            self.hosts.lock().iter().filter(|host| guard.is_blocked(host)).cloned().collect();
        for host in blocked {
            handle.removed(&host);
            self.drop(&host).await?;
        }
        Ok(())
    }

    async fn drop(&self, host: &str) -> CoreResult<()> {
        self.core.drop_followers_of_host(host).await?;
        self.core.forget_lanes(vec![host.to_owned()]).await?;
        self.hosts.lock().remove(host);
        Ok(())
    }

    /// The inbox where somebody was told is no more: what is left is one of their own.
    async fn tell_alone(&self, cid: Cid, follower: BridgeFollower) -> CoreResult<()> {
        let actor = follower.actor.clone();
        let has_own = follower.told_at() != follower.inbox;
        if has_own {
            let alone = BridgeFollower { shared_inbox: None, ..follower };
            match self.core.change_follower(cid, alone).await {
                // So many are not told one by one.
                Err(CoreError::TooMany) => {}
                changed => return changed.map(drop),
            }
        }
        self.core.bridge_unfollow(cid, actor, None).await.map(drop)
    }

    /// Activities after a number, in order.
    fn after(&self, seq: Seq, at_most: usize) -> CoreResult<Vec<Arc<Outgoing>>> {
        {
            let recent = self.recent.lock();
            if let Some(first) = recent.front()
                && first.seq <= seq + 1
                && recent.back().is_some_and(|last| last.seq >= self.core.newest_outgoing())
            {
                let after = recent.iter().filter(|one| one.seq > seq);
                return Ok(after.take(at_most).cloned().collect());
            }
        }
        let page = self.core.outgoing_after(seq, at_most)?;
        let page: Vec<Arc<Outgoing>> = page.into_iter().map(Arc::new).collect();
        if page.last().is_some_and(|last| last.seq >= self.core.newest_outgoing()) {
            let mut recent = self.recent.lock();
            // Only what follows without a hole is kept: numbers are read in order.
            let known = recent.back().map_or(0, |last| last.seq);
            match page.first() {
                Some(first) if first.seq <= known + 1 && known != 0 => {
                    recent.extend(page.iter().filter(|one| one.seq > known).cloned());
                }
                _ => *recent = page.iter().cloned().collect(),
            }
            while recent.len() > RECENT {
                recent.pop_front();
            }
        }
        Ok(page)
    }

    async fn item(&self, host: &str, activity: &Outgoing) -> CoreResult<Option<Item>> {
        let urls = |all: Vec<String>| all.into_iter().filter_map(|one| Url::parse(&one).ok());
        let (mut shared_inbox, mut inboxes) = (None, BTreeSet::new());
        let bridge = self.core.bridge_by_cid(&activity.cid);
        if bridge.is_some_and(|bridge| bridge.stage == BridgeStage::Given) {
            // Its next home delivers what was not delivered.
            return Ok(None);
        }
        match &activity.audience {
            Audience::Hosts(hosts) if hosts.iter().all(|one| one != host) => {}
            Audience::Followers | Audience::Hosts(_) => {
                let Inboxes { shared, own } = self.core.inboxes_on(host, &activity.cid).await?;
                let mut shared = urls(shared);
                shared_inbox = shared.next();
                inboxes.extend(shared.chain(urls(own)));
            }
            Audience::Inboxes(all) => {
                inboxes.extend(urls(all.clone()).filter(|one| one.host_str() == Some(host)));
            }
        }
        if shared_inbox.is_none() && inboxes.is_empty() {
            return Ok(None);
        }
        let superseded = match &activity.object {
            Some(object) => self.is_superseded(activity.seq, object)?,
            None => false,
        };
        let activity = Arc::new(deliver::Outgoing {
            seq: activity.seq,
            actor: activity.cid,
            json: activity.json.clone().into(),
            created_ms: activity.created_ms,
        });
        let inboxes = inboxes.into_iter().collect();
        Ok(Some(Item { activity, shared_inbox, inboxes, superseded }))
    }

    /// Whether something newer is said of an object, not far behind.
    fn is_superseded(&self, seq: Seq, object: &str) -> CoreResult<bool> {
        let ahead = self.after(seq, AHEAD)?;
        Ok(ahead.iter().any(|later| later.object.as_deref() == Some(object)))
    }
}

fn kept(host: String, lane: &Lane) -> CoreResult<KeptLane> {
    let state = serde_json::to_vec(lane).map_err(|_| CoreError::Damaged("lane"))?;
    Ok(KeptLane { host, cursor: lane.cursor, state })
}

fn failed(cause: CoreError) -> QueueError {
    QueueError(cause.to_string())
}

#[async_trait]
impl Queue for Kept {
    async fn lanes(&self) -> Result<Vec<(String, Lane)>, QueueError> {
        let rows = self.core.lanes().await.map_err(failed)?;
        let read = |KeptLane { host, state, .. }| match serde_json::from_slice(&state) {
            Ok(lane) => Ok((host, lane)),
            Err(cause) => Err(QueueError(format!("lane of {host}: {cause}"))),
        };
        rows.into_iter().map(read).collect()
    }

    async fn newest(&self) -> Result<Seq, QueueError> {
        Ok(self.core.newest_outgoing())
    }

    async fn next(&self, host: &str, after: Seq) -> Result<Page, QueueError> {
        let mut scanned_to = after;
        for activity in self.after(after, READ).map_err(failed)? {
            scanned_to = activity.seq;
            if let Some(item) = self.item(host, &activity).await.map_err(failed)? {
                return Ok(Page { item: Some(item), scanned_to });
            }
        }
        Ok(Page { item: None, scanned_to })
    }

    async fn save(&self, lanes: Vec<(String, Lane)>) -> Result<(), QueueError> {
        let rows = lanes.into_iter().map(|(host, lane)| kept(host, &lane));
        let rows = rows.collect::<CoreResult<Vec<_>>>().map_err(failed)?;
        self.core.save_lanes(rows).await.map_err(failed)
    }

    async fn followers_at(&self, host: &str, inbox: &Url) -> Result<Vec<Url>, QueueError> {
        let mut found = Vec::new();
        for cid in cids(&self.core) {
            let page = self.core.followers_told_at(host, &cid, inbox.as_str(), A_FEW).await;
            let actors = page.map_err(failed)?.into_iter().map(|follower| follower.actor);
            found.extend(actors.filter_map(|actor| Url::parse(&actor).ok()));
        }
        Ok(found)
    }

    async fn drop_follower(&self, _: &str, actor: &Url) -> Result<(), QueueError> {
        for cid in cids(&self.core) {
            let gone = self.core.bridge_unfollow(cid, actor.to_string(), None).await;
            gone.map_err(failed)?;
        }
        Ok(())
    }

    async fn drop_inbox(&self, host: &str, inbox: &Url) -> Result<(), QueueError> {
        for cid in cids(&self.core) {
            loop {
                let there =
                    self.core.followers_told_at(host, &cid, inbox.as_str(), FOLLOWERS_AT_ONCE);
                let there = there.await.map_err(failed)?;
                if there.is_empty() {
                    break;
                }
                for follower in there {
                    self.tell_alone(cid, follower).await.map_err(failed)?;
                }
            }
        }
        Ok(())
    }

    async fn drop_host(&self, host: &str) -> Result<(), QueueError> {
        self.drop(host).await.map_err(failed)
    }
}

fn cids(core: &Core) -> Vec<Cid> {
    core.bridges().iter().map(|bridge| bridge.cid).collect()
}
