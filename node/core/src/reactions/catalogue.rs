//! The reactions that a node has.

/// An emoji that members can react with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AvailableReaction {
    /// The emoji, without a selector that asks for a picture.
    pub emoticon: &'static str,
    /// Its name, as clients show it.
    pub title: &'static str,
}

/// All of them, in the order in which clients offer them.
pub const REACTIONS: &[AvailableReaction] = &[
    AvailableReaction { emoticon: "👍", title: "Thumbs Up" },
    AvailableReaction { emoticon: "👎", title: "Thumbs Down" },
    AvailableReaction { emoticon: "❤", title: "Red Heart" },
    AvailableReaction { emoticon: "🔥", title: "Fire" },
    AvailableReaction { emoticon: "🎉", title: "Party Popper" },
    AvailableReaction { emoticon: "😁", title: "Beaming Face" },
    AvailableReaction { emoticon: "😢", title: "Crying Face" },
    AvailableReaction { emoticon: "😱", title: "Screaming Face" },
    AvailableReaction { emoticon: "🤔", title: "Thinking Face" },
    AvailableReaction { emoticon: "👏", title: "Clapping Hands" },
    AvailableReaction { emoticon: "👀", title: "Eyes" },
    AvailableReaction { emoticon: "💯", title: "Hundred Points" },
];

/// What clients react with where the member has not said anything else: `reactions_default`.
pub const DEFAULT_REACTION: &str = "👍";

/// The emoji as it is in the catalogue, however a client writes it.
pub(super) fn known(emoticon: &str) -> Option<&'static str> {
    let plain = emoticon.trim_end_matches('\u{fe0f}');
    REACTIONS.iter().map(|known| known.emoticon).find(|known| *known == plain)
}
