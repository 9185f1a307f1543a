//! A new login: what its key becomes, and how the account's other sessions learn of it.

use time::OffsetDateTime;

use super::device::Device;
use super::{Authorization, Login};
use crate::CoreResult;
use crate::decide::Decide;
use crate::event::Event;
use crate::ids::{AuthKeyId, UserId};

/// How somebody logs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// By a code.
    Code,
    /// By a session of the account, which has taken the token.
    Token,
}

impl Decide<'_> {
    /// Whoever uses the key has shown to be `user`: it acts for the account.
    pub(super) fn log_in(
        &mut self,
        user: UserId,
        auth_key: AuthKeyId,
        device: Device,
        way: Way,
    ) -> CoreResult<Login> {
        self.may_log_in(user)?;
        if self.has_password(user)? {
            self.wait_for_password(user, auth_key, device)?;
            return Ok(Login::PasswordNeeded(user));
        }
        let others = self.others(user, auth_key)?;
        let confirmed = others.is_empty() || way == Way::Token;
        self.authorize(user, auth_key, device, None, confirmed)?;
        self.announce(user, auth_key)?;
        Ok(Login::Done(user))
    }

    /// The key has shown the password, too: whoever uses it is the owner.
    pub(super) fn finish_login(&mut self, user: UserId, auth_key: AuthKeyId) -> CoreResult<()> {
        let device = self.device(user, auth_key)?;
        self.authorize(user, auth_key, device, None, true)?;
        self.announce(user, auth_key)
    }

    /// The logins of the account that act for it, but for one.
    fn others(&self, user: UserId, auth_key: AuthKeyId) -> CoreResult<Vec<Authorization>> {
        let mut others = self.logins(user)?;
        others.retain(|login| {
            login.parent.is_none() && login.pending_until.is_none() && login.auth_key != auth_key
        });
        Ok(others)
    }

    /// Tells the account's other sessions of a login, and all of them by a message.
    fn announce(&mut self, user: UserId, auth_key: AuthKeyId) -> CoreResult<()> {
        let login = self.logins(user)?.into_iter().find(|login| login.auth_key == auth_key);
        let Some(login) = login else { return Ok(()) };
        let text = format!(
            "New login on {}.\n\nDevice: {}\nAddress: {}\n\nIf this was not you, end it under \
             Settings, Devices, and set a password for logins.",
            moment(login.created),
            named(&login.device),
            login.device.ip
        );
        self.event(Event::Login { user, login: login.into() });
        self.service_message(user, text, Vec::new())
    }
}

/// A device, as its owner knows it.
pub(super) fn named(device: &Device) -> String {
    let words = [&device.device_model, &device.system_version, &device.app_version];
    // A line break would let whoever logs in write lines of their own into the message.
    let clean = |word: &&String| word.replace(char::is_control, " ").trim().to_owned();
    let words: Vec<String> = words.iter().map(clean).filter(|word| !word.is_empty()).collect();
    if words.is_empty() { "unknown".to_owned() } else { words.join(", ") }
}

/// Unix seconds as a person reads them.
pub(super) fn moment(seconds: i32) -> String {
    let at =
        OffsetDateTime::from_unix_timestamp(seconds.into()).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let (date, time) = (at.date(), at.time());
    format!(
        "{} {} {}, {:02}:{:02} UTC",
        date.day(),
        date.month(),
        date.year(),
        time.hour(),
        time.minute()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_and_devices_read_well() {
        assert_eq!(moment(1_700_000_000), "14 November 2023, 22:13 UTC");
        let device = Device {
            device_model: "Pixel\n9".into(),
            system_version: " ".into(),
            app_version: "12.1".into(),
            ..Device::default()
        };
        assert_eq!(named(&device), "Pixel 9, 12.1");
        assert_eq!(named(&Device::default()), "unknown");
    }
}
