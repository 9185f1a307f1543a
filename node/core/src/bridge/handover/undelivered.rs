//! What had not reached every server when a channel moved.

use glog::cbor::{Blob, List, encode};
use node_store::{Keyspace, Order};

use super::super::{Audience, BEHIND, Cid, FOLLOWER_BY_HOST, OUTGOING, Outgoing, hash16, key};
use super::told::{PART_BYTES, id, text, too_large};
use super::wire::{OutgoingTold, PART_BYTES_MAX, TARGETS_MAX};
use super::{Behind, host_of};
use crate::CoreResult;
use crate::decide::Decide;
use crate::record::Record as _;

/// All rows, however many.
const ALL: usize = usize::MAX >> 1;

/// Activities that one part looks at.
const ACTIVITIES_AT_ONCE: usize = 50;

/// What is in a letter beside an activity and those to whom it goes: its ids, and the list's own bytes.
const BESIDE_JSON_BYTES: usize = 1200;

pub(super) fn behind_key(cid: &Cid, host: &str) -> Vec<u8> {
    key(BEHIND, &[cid, &hash16(host)])
}

impl Decide<'_> {
    /// Activities that had not reached all servers when the channel moved, and after what there are more.
    ///
    /// `after` is seq (8) ++ how many of that one's targets were told (4).
    pub(super) fn undelivered(
        &self,
        cid: &Cid,
        newest: u64,
        after: &[u8],
    ) -> CoreResult<(Vec<OutgoingTold>, Option<Vec<u8>>)> {
        let rows = self.scan_prefix(Keyspace::BRIDGE, &key(BEHIND, &[cid]), ALL)?;
        let behind = rows.iter().map(|(_, row)| Behind::decode(row));
        let behind: Vec<Behind> = behind.collect::<CoreResult<_>>()?;
        let Some(oldest) = behind.iter().map(|one| one.cursor).min() else {
            return Ok((Vec::new(), None));
        };
        let (first, mut skip) = match after.split_first_chunk::<8>() {
            Some((seq, rest)) => {
                let told = rest.first_chunk().map_or(0, |told| u32::from_be_bytes(*told));
                (u64::from_be_bytes(*seq), told as usize)
            }
            None => (oldest.saturating_add(1), 0),
        };
        let place =
            |seq: u64, told: usize| [&seq.to_be_bytes()[..], &(told as u32).to_be_bytes()].concat();
        let rows = self.store().scan(
            Keyspace::BRIDGE,
            &key(OUTGOING, &[&first.to_be_bytes()]),
            Some(&key(OUTGOING, &[&newest.saturating_add(1).to_be_bytes()])),
            ACTIVITIES_AT_ONCE,
            Order::Ascending,
        )?;
        let (mut items, mut bytes, mut last) = (Vec::new(), 0, first);
        for (_, row) in &rows {
            let activity = Outgoing::decode(row)?;
            let seq = activity.seq;
            let mut told = std::mem::take(&mut skip);
            let lags: Vec<&Behind> = behind.iter().filter(|one| one.cursor < seq).collect();
            let targets = match &activity.audience {
                _ if activity.cid != *cid => Vec::new(),
                Audience::Followers => self.with_followers(cid, lags.iter().map(|b| &b.host))?,
                Audience::Hosts(hosts) => {
                    let lag = |host: &&String| lags.iter().any(|one| one.host == **host);
                    self.with_followers(cid, hosts.iter().filter(lag))?
                }
                Audience::Inboxes(inboxes) => {
                    let lag = |inbox: &&String| {
                        let host = host_of(inbox);
                        lags.iter().any(|one| Some(&one.host) == host.as_ref())
                    };
                    inboxes.iter().filter(lag).cloned().collect()
                }
            };
            while told < targets.len() {
                let some = bounded_targets(&activity, targets.get(told..).unwrap_or_default());
                let count = some.len();
                let audience = match activity.audience {
                    Audience::Inboxes(_) => Audience::Inboxes(some),
                    Audience::Followers | Audience::Hosts(_) => Audience::Hosts(some),
                };
                let item = outgoing_told(&Outgoing { audience, ..activity.clone() });
                if let Ok(Some(item)) = item {
                    bytes += encode(&item).len();
                    if bytes > PART_BYTES && !items.is_empty() {
                        return Ok((items, Some(place(seq, told))));
                    }
                    items.push(item);
                }
                told += count;
            }
            last = seq.saturating_add(1);
        }
        let more = rows.len() == ACTIVITIES_AT_ONCE;
        Ok((items, more.then(|| place(last, 0))))
    }

    /// Those hosts on which anybody follows a channel.
    fn with_followers<'a>(
        &self,
        cid: &Cid,
        hosts: impl Iterator<Item = &'a String>,
    ) -> CoreResult<Vec<String>> {
        let mut found = Vec::new();
        for host in hosts {
            let prefix = key(FOLLOWER_BY_HOST, &[&hash16(host), cid]);
            if !self.scan_prefix(Keyspace::BRIDGE, &prefix, 1)?.is_empty() {
                found.push(host.clone());
            }
        }
        Ok(found)
    }
}

/// As many of an activity's targets as one letter has room for beside it: one at least.
fn bounded_targets(activity: &Outgoing, targets: &[String]) -> Vec<String> {
    let mut room = PART_BYTES_MAX.saturating_sub(activity.json.len() + BESIDE_JSON_BYTES);
    let mut some = Vec::new();
    for target in targets.iter().take(TARGETS_MAX) {
        let bytes = target.len() + 4;
        if bytes > room && !some.is_empty() {
            break;
        }
        room = room.saturating_sub(bytes);
        some.push(target.clone());
    }
    some
}

/// The same as a row of this node's.
pub(super) fn outgoing_of(cid: Cid, seq: u64, told: OutgoingTold) -> Outgoing {
    let OutgoingTold { activity, json, object, created_ms, hosts, inboxes } = told;
    let audience = match inboxes.len() {
        0 => Audience::Hosts(hosts.iter().map(|text| text.to_string()).collect()),
        _ => Audience::Inboxes(inboxes.iter().map(|text| text.to_string()).collect()),
    };
    Outgoing {
        seq,
        cid,
        activity: activity.to_string(),
        json: json.into_vec(),
        audience,
        object: object.as_ref().map(|text| text.to_string()),
        created_ms,
    }
}

pub(super) fn outgoing_told(activity: &Outgoing) -> CoreResult<Option<OutgoingTold>> {
    let (hosts, inboxes) = match &activity.audience {
        Audience::Hosts(hosts) => (hosts.as_slice(), &[][..]),
        Audience::Inboxes(inboxes) => (&[][..], inboxes.as_slice()),
        Audience::Followers => return Ok(None),
    };
    let hosts = hosts.iter().map(|host| text(host)).collect::<CoreResult<_>>()?;
    let inboxes = inboxes.iter().map(|inbox| id(inbox)).collect::<CoreResult<_>>()?;
    Ok(Some(OutgoingTold {
        activity: text(&activity.activity)?,
        json: Blob::new(activity.json.clone()).map_err(|_| too_large())?,
        object: activity.object.as_deref().map(text).transpose()?,
        created_ms: activity.created_ms,
        hosts: List::new(hosts).map_err(|_| too_large())?,
        inboxes: List::new(inboxes).map_err(|_| too_large())?,
    }))
}
