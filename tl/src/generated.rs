//! The API as `tl-gen` made it from `schema/api.tl`.

// Generated text is not for reading: what it says in a clumsy way, it says 4,000 times.
#![allow(clippy::all, clippy::pedantic, missing_docs, unused_variables, unreachable_pub)]

include!(concat!(env!("OUT_DIR"), "/api.rs"));
