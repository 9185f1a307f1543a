//! Logins that wait for the password.

use std::net::IpAddr;

use super::Proof;
use crate::ids::{AuthKeyId, UserId};
use crate::limits::Limit;
use crate::{Core, CoreResult};

impl Core {
    /// The login of a key that waits for the password: shown, it acts for the account.
    ///
    /// # Errors
    /// [`crate::CoreError::UnknownAuthorization`] when none waits, and those of a proof.
    pub async fn check_password(
        &self,
        auth_key: AuthKeyId,
        proof: Option<Proof>,
        from: IpAddr,
    ) -> CoreResult<UserId> {
        let user = self
            .write(None, move |decide| {
                let user = decide.waits_for_password(auth_key)?;
                decide.take(Limit::SignInsOfAddress(from), 1)?;
                Ok(user)
            })
            .await?;
        let generation = self.prove(user, auth_key, proof).await?;
        self.write(None, move |decide| {
            decide.has_proven(user, generation)?;
            decide.finish_login(user, auth_key)?;
            Ok(user)
        })
        .await
    }
}
