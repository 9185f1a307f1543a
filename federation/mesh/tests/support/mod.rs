pub mod host;
pub mod raw;
pub mod world;
