//! The service account: it brings login codes, and answers commands.

use crate::decide::Decide;
use crate::ids::UserId;
use crate::message::{BoxRow, Message};
use crate::text::{Entity, Text};
use crate::user::Role;
use crate::{CoreError, CoreResult};

/// What an owner may write to it.
pub(crate) const OWNER_HELP: &str = "Write here:\n\
    /invite – a number and a code with which somebody can join\n\
    /help – this text";

const MEMBER_HELP: &str = "Login codes for your account arrive here. \
    Only the node's owner can invite others.";

impl Decide<'_> {
    /// Puts a message from the service account into a member's box.
    pub(crate) fn service_message(
        &mut self,
        to: UserId,
        text: String,
        formatting: Vec<Entity>,
    ) -> CoreResult<()> {
        let text = Text::parse(&text, formatting)?;
        let service = UserId::SERVICE;
        let message = Message::new(service.into(), service, false, self.now(), text);
        // Not the acting session's answer: it has to see it too.
        let actor = self.actor.take();
        let appended = self.append(to, BoxRow::Message(message));
        self.actor = actor;
        appended.map(|_| ())
    }

    /// Does what a member wrote to the service account, and answers.
    pub(super) fn answer_command(&mut self, from: UserId, text: &str) -> CoreResult<()> {
        let owner = self.user(from)?.is_some_and(|user| user.role == Role::Owner);
        let answer = match text.split_whitespace().next().unwrap_or_default() {
            "/invite" if owner => match self.invite(Some(from)) {
                Ok(invite) => format!(
                    "An invite, good for one person and seven days.\n\nNumber: +{}\nCode: {}\n\n\
                     Whoever logs in with this number and code becomes a member.",
                    invite.phone, invite.code
                ),
                Err(CoreError::RegistrationClosed) => {
                    "Nobody can join: registration is closed in this node's configuration.".into()
                }
                Err(other) => return Err(other),
            },
            _ if owner => OWNER_HELP.into(),
            _ => MEMBER_HELP.into(),
        };
        self.service_message(from, answer, Vec::new())
    }
}
