//! From TL schema texts to Rust types.
