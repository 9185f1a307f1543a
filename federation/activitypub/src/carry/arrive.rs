//! A bridge that came from another home begins here.

use std::collections::BTreeSet;

use node_core::{Audience, Bridge, CoreResult};

use crate::inbox;
use crate::shared::Shared;

/// Gives every server a lane that follows a channel which came from another home, then has go out what
/// that one had not delivered.
pub(super) async fn arrive(shared: &Shared, bridge: &Bridge) -> CoreResult<()> {
    shared.forget_signing(bridge.channel);
    let mut after: Option<String> = None;
    let mut hosts = BTreeSet::new();
    loop {
        let page = shared
            .core
            .followers_of(&bridge.cid, after.as_deref(), node_core::FOLLOWERS_AT_ONCE)
            .await?;
        after = page.last().map(|last| last.actor.clone());
        for follower in page {
            if hosts.insert(follower.host.clone()) {
                shared.lane_for(&follower.host).await?;
            }
        }
        if after.is_none() {
            break;
        }
    }
    loop {
        for audience in shared.core.bridge_arrived(bridge.channel).await? {
            match audience {
                Audience::Followers => {}
                Audience::Hosts(hosts) => {
                    for host in hosts {
                        shared.lane_for(&host).await?;
                    }
                }
                Audience::Inboxes(inboxes) => {
                    for inbox in inboxes {
                        shared.lane_for(&inbox::host_of(&inbox)).await?;
                    }
                }
            }
        }
        let is_all = shared.core.bridge_release(bridge.channel).await?;
        shared.sent();
        if is_all {
            return Ok(());
        }
    }
}
