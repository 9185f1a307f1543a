//! The rules as an edge sees them, through [`crate::Core`]; `line_…` names the promise that a test
//! is for.

mod account;
mod blocking;
mod channel_life;
mod channel_settings;
mod channels;
mod chats;
mod dialogs;
mod disk;
mod durability;
mod engine;
mod history;
mod identity;
mod keys;
mod limits;
mod login;
mod login_email;
mod login_token;
mod media;
mod messages;
mod password;
mod people;
mod polls;
mod privacy;
mod public;
mod reactions;
mod read_date;
mod read_state;
mod reports;
mod saved;
mod search;
mod stickers;
mod timers;
mod updates;
mod weight;
mod world;
