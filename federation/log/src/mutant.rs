//! Wrong rules, to prove that the simulator's checks bite: each is switched on by one test, which has
//! to see a check fail. Outside of tests none exists.

/// A rule that must not be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mutant {
    /// A revocation takes nothing that was said under an earlier position.
    NoCut,
    /// A revocation keeps what had come here before it did.
    ImplicitCut,
    /// Of two branches, the number alone says what a cut keeps and what a dependency is.
    LengthOnly,
    /// An entry is accepted only if its date is near the clock.
    AcceptByClock,
    /// A body may be sealed under any key.
    EpochNotTied,
    /// Gossip calls a message by its header.
    GossipIdOverHeader,
}

#[cfg(test)]
thread_local! {
    static ACTIVE: std::cell::Cell<Option<Mutant>> = const { std::cell::Cell::new(None) };
}

impl Mutant {
    /// Whether this rule is in force on this thread.
    #[cfg(test)]
    pub(crate) fn is_active(self) -> bool {
        ACTIVE.get() == Some(self)
    }

    /// Never.
    #[cfg(not(test))]
    pub(crate) const fn is_active(self) -> bool {
        let _ = self;
        false
    }

    /// Runs something under this rule.
    #[cfg(test)]
    pub(crate) fn during<T>(self, run: impl FnOnce() -> T) -> T {
        struct Off;
        impl Drop for Off {
            fn drop(&mut self) {
                ACTIVE.set(None);
            }
        }
        ACTIVE.set(Some(self));
        let _off = Off;
        run()
    }
}
