//! Who knows the password.

use crate::decide::Decide;
use crate::ids::{AuthKeyId, UserId};
use crate::limits::Limit;
use crate::{Core, CoreError, CoreResult};

/// The answer to a [`crate::Question`].
#[derive(Clone, PartialEq, Eq)]
pub struct Proof {
    /// Of the question..
    pub id: i64,
    /// The client's public value, at most 256 bytes.
    pub a: Vec<u8>,
    /// What only who knows the password can compute, 32 bytes.
    pub m1: Vec<u8>,
}

impl std::fmt::Debug for Proof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proof").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Core {
    /// Checks a proof: one try, whatever comes of it. Answers the generation of the password, which
    /// what follows has to meet again.
    ///
    /// # Errors
    /// [`CoreError::PasswordInvalid`], [`CoreError::UnknownQuestion`],
    /// [`CoreError::PasswordChanged`], [`CoreError::Flood`].
    pub(in crate::login) async fn prove(
        &self,
        user: UserId,
        auth_key: AuthKeyId,
        proof: Option<Proof>,
    ) -> CoreResult<u32> {
        let Proof { id, a, m1 } = proof.ok_or(CoreError::PasswordInvalid)?;
        let m1 = <[u8; 32]>::try_from(m1).map_err(|_| CoreError::PasswordInvalid)?;
        // The try counts before it is made, durably: a restart gives none back.
        let (generation, challenge) = self
            .write(None, move |decide| {
                let questions = &decide.inner.questions;
                let taken = questions.take(auth_key, user, id, decide.now_ms);
                let (generation, challenge) = taken.ok_or(CoreError::UnknownQuestion)?;
                decide.has_generation(user, generation)?;
                decide.take(Limit::Passwords(user), 1)?;
                Ok((generation, challenge))
            })
            .await?;
        let checked = self.calculate(move || challenge.check(&a, &m1)).await?;
        checked.map_err(|_| CoreError::PasswordInvalid)?;
        Ok(generation)
    }
}

impl Decide<'_> {
    /// A proof was right, and nothing has changed since: the try does not count.
    ///
    /// # Errors
    /// [`CoreError::PasswordChanged`].
    pub(in crate::login) fn has_proven(&mut self, user: UserId, generation: u32) -> CoreResult<()> {
        self.has_generation(user, generation)?;
        self.refuse_deletion(user)?;
        self.give_back(Limit::Passwords(user))
    }

    /// Nothing has changed since the password was asked for.
    ///
    /// # Errors
    /// [`CoreError::PasswordChanged`].
    pub(super) fn has_generation(&self, user: UserId, generation: u32) -> CoreResult<()> {
        if self.password(user)?.generation == generation {
            Ok(())
        } else {
            Err(CoreError::PasswordChanged)
        }
    }
}
