//! Which function an id calls.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::{LAYER_MAX, LAYER_MIN, Method};

/// A form of a function: its constructor id, and the layers that have it.
pub type MethodEdition = (u32, &'static [(i32, i32)]);

static BY_ID: LazyLock<HashMap<u32, Method>> = LazyLock::new(|| {
    let ids = |(method, (_, editions)): (&Method, &(&str, &'static [MethodEdition]))| {
        let method = *method;
        editions.iter().map(move |(id, _)| (*id, method))
    };
    Method::ALL.iter().zip(crate::METHODS).flat_map(ids).collect()
});

impl Method {
    /// The function that `id` calls. `None`: no supported layer knows it.
    ///
    /// No id was ever given to a second name, and clients mix layers, so the function is found
    /// whatever the caller's layer; [`Method::is_in`] says whether it belongs to that layer.
    #[must_use]
    pub fn from_id(id: u32, _layer: i32) -> Option<Self> {
        BY_ID.get(&id).copied()
    }

    /// TL name: `help.getConfig`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().0
    }

    /// Constructor ids with the layers that have them, oldest first.
    #[must_use]
    pub fn editions(self) -> &'static [MethodEdition] {
        self.row().1
    }

    /// Whether a layer has the function.
    #[must_use]
    pub fn is_in(self, layer: i32) -> bool {
        let layer = if layer <= 0 { LAYER_MAX } else { layer.clamp(LAYER_MIN, LAYER_MAX) };
        self.editions()
            .iter()
            .any(|(_, layers)| layers.iter().any(|(from, to)| (*from..=*to).contains(&layer)))
    }

    fn row(self) -> (&'static str, &'static [MethodEdition]) {
        // The table has a row for each variant, in their order: both come from one loop.
        crate::METHODS.get(self as usize).copied().unwrap_or(("", &[]))
    }
}
