//! `contacts.*`

mod add_contact;
mod block;
mod contact_token;
mod empty_lists;
mod get_contacts;
mod import_contacts;
mod resolve;
mod search;

pub(super) use add_contact::{add_contact, delete_contacts};
pub(super) use block::{block, get_blocked, unblock};
pub(super) use contact_token::{export_contact_token, import_contact_token};
pub(super) use empty_lists::{get_birthdays, get_saved, get_sponsored_peers, get_top_peers};
pub(super) use get_contacts::{get_contact_ids, get_contacts, get_statuses};
pub(super) use import_contacts::import_contacts;
pub(super) use resolve::{resolve_phone, resolve_username};
pub(super) use search::search;
