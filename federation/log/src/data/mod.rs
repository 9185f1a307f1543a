//! Data lanes: what people said, and what of it counts.
//!
//! An entry counts if its author might say it at its position, and if no later control entry takes
//! that from the author, the node or everybody while the entry stands above the cut. That is judged
//! twice here: by [`Lanes`], which remembers and looks only at what can have changed, and by
//! [`oracle`], which reads everything again and again, slowly, in the words of the specification. Both
//! make a [`View`], and tests hold them to each other.

mod judge;
mod lanes;
pub mod oracle;
mod record;
mod view;

pub use judge::{DataVoid, Judgement};
pub use lanes::{Lanes, NoPredecessor};
pub(crate) use record::kinds;
pub use record::{Content, DataEntry};
pub use view::{Message, Topic, View};

#[cfg(test)]
mod tests;
