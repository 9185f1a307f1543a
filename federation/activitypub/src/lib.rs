//! The bridge to the fediverse: public channels as actors that Mastodon users follow and answer.
//!
//! Source: <https://www.w3.org/TR/activitypub/>, and what servers do beside it.

use activitypub_federation as _;
