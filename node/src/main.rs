//! The Rookery node.

fn main() {}
