//! How many are in a channel on other nodes, of whom nothing but the number is known here.

use super::Channel;
use crate::CoreResult;
use crate::decide::Decide;
use crate::event::ChatChange;
use crate::ids::ChannelId;

impl Channel {
    /// How many are in it, here and on other nodes.
    #[must_use]
    pub fn members_everywhere(&self) -> i32 {
        self.members.saturating_add(self.elsewhere)
    }
}

impl Decide<'_> {
    /// So many are in a channel on other nodes.
    pub(crate) fn put_elsewhere(&mut self, channel: ChannelId, elsewhere: i32) -> CoreResult<()> {
        let found = self.channel_row(channel)?;
        if found.elsewhere == elsewhere {
            return Ok(());
        }
        self.put_channel(Channel { elsewhere, ..found })?;
        self.tell_channel(channel, ChatChange::Members);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::UserId;
    use crate::record::Record as _;

    /// As the version before other nodes' members wrote it: without what stands at the end.
    #[test]
    fn the_first_version_is_read() {
        let found = Channel::new(UserId(1), 5, "Harbour".into(), "ships".into());
        let found = Channel { members: 3, ..found };
        let now = found.encode().unwrap();
        let before = [&[1][..], now[1..].strip_suffix(&[0]).unwrap()].concat();
        for row in [before, now] {
            assert_eq!(Channel::decode(&row).unwrap(), found);
        }
    }
}
