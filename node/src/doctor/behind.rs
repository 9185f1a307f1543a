//! Since when groups are behind.

use std::collections::BTreeMap;

use glog::{GroupId, NodeId};

/// For each node and group, since when that node has had something that this one has not.
#[derive(Debug, Default)]
pub(crate) struct Behind(BTreeMap<(NodeId, GroupId), u64>);

impl Behind {
    /// Takes in what is lacked now. Of a node that is not connected nothing new is known, so nothing is
    /// forgotten either.
    pub(crate) fn look(
        &mut self,
        lags: impl Iterator<Item = (NodeId, Vec<(GroupId, u64)>)>,
        now_ms: u64,
    ) {
        for (node, lags) in lags {
            for (group, lag) in lags {
                if lag == 0 {
                    self.0.remove(&(node, group));
                } else {
                    self.0.entry((node, group)).or_insert(now_ms);
                }
            }
        }
    }

    /// Since when, in milliseconds since 1970, as far as it was looked.
    pub(crate) fn since_ms(&self, node: NodeId, group: GroupId) -> Option<u64> {
        self.0.get(&(node, group)).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_time_stays_until_nothing_is_lacked() {
        let (node, group) = (NodeId([1; 32]), GroupId([2; 32]));
        let mut behind = Behind::default();
        let mut look = |lag, now_ms| {
            behind.look([(node, vec![(group, lag)])].into_iter(), now_ms);
            behind.since_ms(node, group)
        };
        assert_eq!(look(0, 1), None);
        assert_eq!(look(5, 2), Some(2));
        assert_eq!(look(3, 3), Some(2));
        assert_eq!(look(0, 4), None);
        assert_eq!(look(1, 5), Some(5));
        behind.look(std::iter::empty(), 6);
        assert_eq!(behind.since_ms(node, group), Some(5));
    }
}
