//! `help.getPeerColors#da80f42f hash:int = help.PeerColors`,
//! `help.getPeerProfileColors#abcfa9fd hash:int = help.PeerColors`
//!
//! The colours that names and profiles may have. Colours 0 to 6 must be listed: Web A cannot
//! draw a message otherwise. Each value is 0xRRGGBB, which TDLib checks.
//! Source: <https://core.telegram.org/api/colors>

use tl::enums::help::{PeerColorSet, PeerColors};
use tl::functions::help::{GetPeerColors, GetPeerProfileColors};
use tl::types::help::{PeerColorOption, PeerColorProfileSet};

use super::content_hash;
use crate::rpc::{Context, RpcResult};

/// Red, orange, violet, green, cyan, blue, pink: clients know the colours of these numbers by
/// themselves, and TDLib complains of any that are sent along.
const ACCENTS: std::ops::Range<i32> = 0..7;

/// The upper and lower colour of a profile's background, in the same order.
const PROFILES: [[i32; 2]; 7] = [
    [0xba5650, 0xdd7a73],
    [0xc27c3e, 0xe29e55],
    [0x956ac8, 0xb48be0],
    [0x49a355, 0x74bd6f],
    [0x3e97ad, 0x62b5c8],
    [0x5a8fbb, 0x7fadd4],
    [0xb85378, 0xd77a9b],
];

/// Whether a name or a profile can have it.
pub(in crate::rpc) fn is_color(color: i32, of_profile: bool) -> bool {
    let profiles = 0..PROFILES.len() as i32;
    if of_profile { profiles.contains(&color) } else { ACCENTS.contains(&color) }
}

pub(in crate::rpc) async fn get_peer_colors(
    _: &Context,
    request: GetPeerColors,
) -> RpcResult<PeerColors> {
    let options =
        ACCENTS.map(|color_id| PeerColorOption { color_id, ..PeerColorOption::default() });
    answer(options.collect(), request.hash)
}

pub(in crate::rpc) async fn get_peer_profile_colors(
    _: &Context,
    request: GetPeerProfileColors,
) -> RpcResult<PeerColors> {
    let set = |[upper, lower]: [i32; 2]| {
        PeerColorSet::from(PeerColorProfileSet {
            palette_colors: vec![upper],
            bg_colors: vec![upper],
            story_colors: vec![upper, lower],
        })
    };
    let options = (0..).zip(PROFILES).map(|(color_id, colors)| PeerColorOption {
        color_id,
        colors: Some(set(colors)),
        // TDLib takes a profile colour only with both.
        dark_colors: Some(set(colors)),
        ..PeerColorOption::default()
    });
    answer(options.collect(), request.hash)
}

fn answer(options: Vec<PeerColorOption>, known: i32) -> RpcResult<PeerColors> {
    let colors: Vec<tl::enums::help::PeerColorOption> =
        options.into_iter().map(Into::into).collect();
    let hash = content_hash(&tl::to_bytes(&colors, tl::LAYER_MAX)?);
    Ok(if known == hash {
        tl::types::help::PeerColorsNotModified {}.into()
    } else {
        tl::types::help::PeerColors { hash, colors }.into()
    })
}
