//! Whether what is known of members and their logins is as it was written.

use node_store::{Keyspace, Store};

use super::authorizations;
use super::invites::InviteRecord;
use super::return_token;
use crate::CoreResult;
use crate::fsck::{Examined, for_each_row};
use crate::ids::UserId;
use crate::record::Record as _;
use crate::user::{Role, User};

/// Looks at all accounts, numbers, logins and invites.
pub(crate) fn examine(
    store: &dyn Store,
    done: &mut Examined,
    trouble: &mut dyn FnMut(String),
) -> CoreResult<()> {
    for_each_row(store, Keyspace::USERS, &[], None, &mut |(key, value)| {
        let id = key.as_slice().try_into().map(|id| UserId(i64::from_be_bytes(id)));
        match (id, User::decode(&value)) {
            (Ok(id), Ok(user)) if user.id == id => {
                done.accounts += 1;
                // The node itself logs in nowhere.
                let logs_in = matches!(user.role, Role::Owner | Role::Member) && !user.deleted;
                if logs_in && by_number(store, user.phone)? != Some(id) {
                    trouble(format!("account {}: its number does not lead to it", id.0));
                }
            }
            (Ok(id), Ok(_)) => trouble(format!("account {} is said to be another one", id.0)),
            (Ok(id), Err(cause)) => trouble(format!("account {}: {cause}", id.0)),
            (Err(_), _) => trouble("a row of accounts has an impossible key".into()),
        }
        Ok(())
    })?;
    for_each_row(store, Keyspace::PHONES, &[], None, &mut |(key, value)| {
        let account = match value.first_chunk::<8>() {
            Some(id) => store.get(Keyspace::USERS, id)?,
            None => None,
        };
        // One that cannot be read is told above.
        let leads = match account.map(|account| User::decode(&account)) {
            Some(Ok(user)) => !user.deleted && user.phone.to_be_bytes() == key.as_slice(),
            Some(Err(_)) => true,
            None => false,
        };
        if !leads {
            trouble("a number leads to an account that does not have it".into());
        }
        Ok(())
    })?;
    for_each_row(store, Keyspace::AUTHORIZATIONS, &[], None, &mut |(key, value)| {
        let known = match key.first() {
            Some(&return_token::PREFIX) => Ok(()),
            _ => authorizations::examine_row(store, &key, &value)?,
        };
        if let Err(what) = known {
            trouble(what);
        }
        Ok(())
    })?;
    for_each_row(store, Keyspace::INVITES, &[], None, &mut |(_, value)| {
        if let Err(cause) = InviteRecord::decode(&value) {
            trouble(format!("an invite: {cause}"));
        }
        Ok(())
    })
}

fn by_number(store: &dyn Store, phone: u64) -> CoreResult<Option<UserId>> {
    let row = store.get(Keyspace::PHONES, &phone.to_be_bytes())?;
    Ok(row.and_then(|row| row.first_chunk().map(|id| UserId(i64::from_be_bytes(*id)))))
}
