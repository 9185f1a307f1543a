//! What a member sets about dialogs: for oneself, beside what follows from the messages.

mod unread_mark;

pub(crate) use unread_mark::UnreadMark;
