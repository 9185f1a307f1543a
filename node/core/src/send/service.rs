//! The service account: it brings login codes, and answers commands.

use crate::decide::Decide;
use crate::event::Event;
use crate::ids::{MessageId, UserId};
use crate::message::{BoxRow, Message};
use crate::text::{Entity, Text};
use crate::user::Role;
use crate::{Core, CoreError, CoreResult};

/// What an owner may write to it.
pub(crate) const OWNER_HELP: &str = "Write here:\n\
    /invite – a number and a code with which somebody can join\n\
    /channel – hand channels over to other nodes, and recover them\n\
    /bridge – let people of Mastodon and other servers follow a public channel\n\
    /help – this text";

const MEMBER_HELP: &str = "Login codes for your account arrive here. \
    Only the node's owner can invite others. \
    Who owns a channel hands it over to another node by /channel, and lets people of Mastodon and \
    other servers follow it by /bridge.";

/// Commands that need more than the rules: other nodes, or what only the operator's side knows.
const ELSEWHERE: [&str; 2] = ["/bridge", "/channel"];

impl Core {
    /// The service account answers a command that [`Event::Command`] told of.
    ///
    /// # Errors
    /// Those of the store, and of texts that are too long.
    pub async fn answer_by_service(&self, to: UserId, text: String) -> CoreResult<()> {
        self.write(None, move |decide| decide.service_message(to, text, Vec::new())).await
    }

    /// Takes away a message to the service account that held a secret.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn forget_command(&self, by: UserId, id: MessageId) -> CoreResult<()> {
        self.write(None, move |decide| decide.delete_messages(by, &[id], true).map(|_| ())).await
    }

    /// Whether somebody owns this node.
    ///
    /// # Errors
    /// Those of the store.
    pub fn owns_node(&self, user: UserId) -> CoreResult<bool> {
        Ok(self.inner.owner()? == Some(user))
    }
}

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

    /// Does what a member wrote to the service account, and answers. What needs more than the rules is
    /// done by whoever follows them, who answers later.
    pub(super) fn answer_command(
        &mut self,
        from: UserId,
        id: MessageId,
        text: &str,
    ) -> CoreResult<()> {
        let owner = self.user(from)?.is_some_and(|user| user.role == Role::Owner);
        let answer = match text.split_whitespace().next().unwrap_or_default() {
            word if ELSEWHERE.contains(&word) => {
                self.event(Event::Command { by: from, id, text: text.to_owned() });
                return Ok(());
            }
            "/invite" if owner => match self.invite(Some(from)) {
                Ok(invite) => {
                    let page = self.inner.invite_page(&invite);
                    let page = page.map(|page| {
                        format!("\n\nThis page shows them both, and how to connect:\n{page}")
                    });
                    format!(
                        "An invite, good for one person and seven days.\n\nNumber: +{}\nCode: {}\n\n\
                         Whoever logs in with this number and code becomes a member.{}",
                        invite.phone,
                        invite.code,
                        page.unwrap_or_default()
                    )
                }
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
