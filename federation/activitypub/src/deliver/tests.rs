//! Crashes at every step, hosts that fail in every way, and the same over real HTTP.

mod crashes;
mod lanes;
mod over_http;
mod simulated;
