//! A queue for tests: what is saved outlives workers, and is all that does.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use url::Url;

use super::{Item, Lane, Outgoing, Page, Queue, QueueError, Seq};

/// Activities that one look reads.
const PAGE: usize = 50;

#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) actor: Url,
    pub(crate) inbox: Url,
    pub(crate) shared: Option<Url>,
}

/// What a later activity may make needless.
pub(crate) enum About {
    /// A new state of an object: needless once there is a newer one.
    Update(String),
    /// The end of an object.
    Delete(String),
}

#[derive(Default)]
pub(crate) struct Memory {
    pub(crate) log: Mutex<Vec<(Arc<Outgoing>, Option<About>)>>,
    pub(crate) followers: Mutex<BTreeMap<String, Vec<Target>>>,
    pub(crate) saved: Mutex<BTreeMap<String, Lane>>,
    pub(crate) gone: Mutex<Vec<String>>,
    /// So many saves fail.
    pub(crate) failing: AtomicU32,
}

impl Memory {
    /// A follower at a host, who gets what is logged from now on.
    pub(crate) fn follow(&self, host: &str, name: &str, base: &str, shared: bool) {
        let url = |path: &str| Url::parse(&format!("{base}{path}")).unwrap();
        let target = Target {
            actor: url(&format!("/u/{name}")),
            inbox: url(&format!("/u/{name}/inbox")),
            shared: shared.then(|| url("/inbox")),
        };
        self.followers.lock().entry(host.to_owned()).or_default().push(target);
        let cursor = self.log.lock().len() as Seq;
        self.saved.lock().entry(host.to_owned()).or_insert_with(|| Lane::new(cursor));
    }

    /// `count` activities to followers.
    pub(crate) fn log_many(&self, count: usize, created_ms: u64) {
        for _ in 0..count {
            self.log(None, created_ms);
        }
    }

    /// An activity of these bytes to followers.
    pub(crate) fn log_body(&self, body: &str) {
        self.put(Bytes::copy_from_slice(body.as_bytes()), None, 0);
    }

    pub(crate) fn log(&self, about: Option<About>, created_ms: u64) -> Seq {
        let seq = self.log.lock().len() + 1;
        let json = format!("{{\"id\":\"https://node.example/a/{seq}\"}}");
        self.put(json.into(), about, created_ms)
    }

    fn put(&self, json: Bytes, about: Option<About>, created_ms: u64) -> Seq {
        let mut log = self.log.lock();
        let seq = log.len() as Seq + 1;
        log.push((Arc::new(Outgoing { seq, actor: [1; 20], json, created_ms }), about));
        seq
    }

    pub(crate) fn page(&self, host: &str, after: Seq) -> Page {
        let log = self.log.lock();
        let followers = self.followers.lock();
        let targets = followers.get(host).map(Vec::as_slice).unwrap_or_default();
        let mut scanned_to = after;
        for (activity, about) in log.iter().skip(after as usize).take(PAGE) {
            scanned_to = activity.seq;
            let shared_inbox = targets.iter().find_map(|target| target.shared.clone());
            let alone = targets.iter().filter(|target| target.shared.is_none());
            let inboxes: Vec<Url> = alone.map(|target| target.inbox.clone()).collect();
            if shared_inbox.is_some() || !inboxes.is_empty() {
                let superseded = matches!(about, Some(About::Update(object)) if log.iter().skip(activity.seq as usize).any(
                    |(_, later)| matches!(later, Some(About::Update(o) | About::Delete(o)) if o == object)
                ));
                let item =
                    Item { activity: Arc::clone(activity), shared_inbox, inboxes, superseded };
                return Page { item: Some(item), scanned_to };
            }
        }
        Page { item: None, scanned_to }
    }

    pub(crate) fn lane(&self, host: &str) -> Lane {
        self.saved.lock()[host].clone()
    }
}

#[async_trait]
impl Queue for Memory {
    async fn lanes(&self) -> Result<Vec<(String, Lane)>, QueueError> {
        Ok(self.saved.lock().clone().into_iter().collect())
    }

    async fn newest(&self) -> Result<Seq, QueueError> {
        Ok(self.log.lock().len() as Seq)
    }

    async fn next(&self, host: &str, after: Seq) -> Result<Page, QueueError> {
        tokio::task::yield_now().await;
        Ok(self.page(host, after))
    }

    async fn save(&self, lanes: Vec<(String, Lane)>) -> Result<(), QueueError> {
        // A crash may come before the write, and after it. It takes longer than a delivery.
        for _ in 0..12 {
            tokio::task::yield_now().await;
        }
        let hosts: HashSet<&String> = lanes.iter().map(|(host, _)| host).collect();
        assert_eq!(hosts.len(), lanes.len(), "one lane twice in one write");
        let fails = |left: u32| left.checked_sub(1);
        if self.failing.fetch_update(Ordering::SeqCst, Ordering::SeqCst, fails).is_ok() {
            return Err(QueueError("full".to_owned()));
        }
        self.saved.lock().extend(lanes);
        tokio::task::yield_now().await;
        Ok(())
    }

    async fn followers_at(&self, host: &str, inbox: &Url) -> Result<Vec<Url>, QueueError> {
        let followers = self.followers.lock();
        let there = followers.get(host).into_iter().flatten().filter(|t| t.inbox == *inbox);
        Ok(there.map(|target| target.actor.clone()).collect())
    }

    async fn drop_follower(&self, host: &str, actor: &Url) -> Result<(), QueueError> {
        self.gone.lock().push(actor.to_string());
        self.followers.lock().entry(host.to_owned()).or_default().retain(|t| t.actor != *actor);
        Ok(())
    }

    async fn drop_inbox(&self, host: &str, inbox: &Url) -> Result<(), QueueError> {
        self.gone.lock().push(inbox.to_string());
        let mut followers = self.followers.lock();
        let all = followers.entry(host.to_owned()).or_default();
        all.retain(|target| target.shared.is_some() || target.inbox != *inbox);
        let told_there = all.iter_mut().filter(|target| target.shared.as_ref() == Some(inbox));
        told_there.for_each(|target| target.shared = None);
        Ok(())
    }

    async fn drop_host(&self, host: &str) -> Result<(), QueueError> {
        self.gone.lock().push(host.to_owned());
        self.followers.lock().remove(host);
        self.saved.lock().remove(host);
        Ok(())
    }
}
