//! `contacts.*`

mod add_contact;
mod birthdays;
mod block;
mod close_friends;
mod contact_token;
mod empty_lists;
mod get_contacts;
mod import_contacts;
mod resolve;
mod saved;
mod search;

pub(super) use add_contact::{accept_contact, add_contact, delete_contacts, update_contact_note};
pub(super) use birthdays::get_birthdays;
pub(super) use block::{block, get_blocked, set_blocked, unblock};
pub(super) use close_friends::edit_close_friends;
pub(super) use contact_token::{export_contact_token, import_contact_token};
pub(super) use empty_lists::{get_sponsored_peers, get_top_peers};
pub(super) use get_contacts::{get_contact_ids, get_contacts, get_statuses};
pub(super) use import_contacts::import_contacts;
pub(super) use resolve::{resolve_phone, resolve_username};
pub(super) use saved::{delete_by_phones, get_saved, reset_saved};
pub(super) use search::search;
