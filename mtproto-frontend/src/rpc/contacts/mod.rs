//! `contacts.*`: what a client asks about the people whom a member knows.

mod empty_lists;

pub(super) use empty_lists::{get_birthdays, get_saved, get_sponsored_peers, get_top_peers};
