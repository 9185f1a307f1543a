//! Ordered keyspaces, one atomic batch, durability.
