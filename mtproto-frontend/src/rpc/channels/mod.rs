//! `channels.*`: supergroups and channels.

mod empty_lists;

pub(super) use empty_lists::{
    get_admined_public_channels, get_channel_recommendations, get_inactive_channels,
    get_sponsored_messages,
};
