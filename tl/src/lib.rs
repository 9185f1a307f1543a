//! Bytes and shapes of every supported layer of the Telegram API.
