//! Texts between Telegram's form (text and entities, in UTF-16 units) and HTML.
//!
//! caption lines (`CW:`, `ALT:`, `LANG:`) → shape → HTML out; HTML in → shape → text and entities.
//! Pure: whom a name means is the caller's to say.

mod caption;
mod element;
mod html_in;
mod html_out;
mod shape;
#[cfg(test)]
mod tests;

pub(crate) use caption::split_caption;
pub(crate) use html_in::{Foreign, from_html};
pub(crate) use html_out::{
    Emoji, HtmlText, MentionTo, Mentioned, Names, Spoilers, escape, masked, to_html,
};
