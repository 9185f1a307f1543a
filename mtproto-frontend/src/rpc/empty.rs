//! What answers about nothing have in common.
//!
//! Clients send a `hash` with what they have, and 0 when they have nothing. "Not modified" is no
//! answer to 0: TDLib takes it for a wrong one, libraries return a value without its list. So:
//! - a list whose hash clients compute from its elements has hash 0 while it is empty, and is
//!   said in full whatever hash comes;
//! - a list whose hash is the server's to choose has [`CHOSEN_HASH`], and is "not modified" for
//!   who sends that back.
//!
//! Source: <https://core.telegram.org/api/offsets#hash-generation>

use tl::types::Updates;

use super::Context;

/// Stable over restarts and never 0. A list that comes to hold something has another hash.
pub(super) const CHOSEN_HASH: i32 = 1;

/// No updates: without a `seq`, so that a client's state stays as it is.
pub(super) fn updates(ctx: &Context) -> Updates {
    Updates { date: (ctx.now_ms / 1000) as i32, ..Updates::default() }
}
