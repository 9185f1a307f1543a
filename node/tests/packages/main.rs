//! What operators install: the unit, the package, the tarball, the image. No systemd and no container
//! engine runs in these tests: what those would do stands in them step by step.
#![allow(clippy::panic, clippy::unwrap_used, reason = "tests")]

#[cfg(test)]
mod deb;
#[cfg(test)]
mod folder;
#[cfg(test)]
mod image;
#[allow(dead_code, reason = "shared with the tests of other targets")]
#[cfg(test)]
#[path = "../support/mod.rs"]
mod support;
#[cfg(test)]
mod unit;
