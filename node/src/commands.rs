//! Commands that members write to the service account and that need more than the rules: the same as on
//! the command line, with the same answers.
//!
//! Who may: of the node, its owner; of a channel, who owns it.

use std::sync::Arc;

use node_core::{Core, Event, Follower, MessageId, UserId};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;

use crate::bridge;
use crate::control::{self, Node, Request};
use crate::peers;

/// Commands that wait. Beyond, nothing is answered: whoever wrote so many writes again.
const WAITING_MAX: usize = 64;

/// Commands at once: other nodes are waited for.
const AT_ONCE: usize = 4;

const HELP: &str = "Write here:\n\
    /bridge on CHANNEL – let people of Mastodon and other servers follow a public channel, read its \
    posts and answer; /bridge off CHANNEL ends it, /bridge status CHANNEL says how it is (who may \
    change the channel's description)\n\
    /channel list – channels that are shared with other nodes (the node's owner)\n\
    /channel move-home CHANNEL NODE – hand a channel over to another node (the channel's owner, on \
    the node that decides about it)\n\
    /channel accept-home CHANNEL – agree that this node becomes the home of a channel; with “no” \
    behind it: no more (the node's owner)\n\
    /channel recover CHANNEL [KEY] [undo] – make this node the home of a channel whose home is dead, \
    cheats or was robbed: with the key that recovers it, or with this node's own where the channel \
    began here; undo: what a robbed home did is not done again (the node's owner)\n\n\
    CHANNEL is its public name, or at least eight digits of its name in logs; NODE is its domain, or \
    at least eight digits of its name.";

const NOT_YOURS: &str = "Only who owns the channel hands it over.";
const NOT_OWNER: &str = "Only the node's owner may do this.";

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    Help,
    Bridge(bridge::Asked),
    BridgeStatus { channel: String },
    List,
    MoveHome { channel: String, to: String },
    AcceptHome { channel: String, agrees: bool },
    Recover { channel: String, key: Option<String>, undo: bool },
}

/// Reads a command; whatever is none asks for help.
fn read(text: &str) -> Asked {
    let words: Vec<&str> = text.split_whitespace().collect();
    match words[..] {
        ["/bridge", "on", channel] => Asked::Bridge(bridge::Asked::On { channel: channel.into() }),
        ["/bridge", "off", channel] => {
            Asked::Bridge(bridge::Asked::Off { channel: channel.into() })
        }
        ["/bridge", "held", channel] => {
            Asked::Bridge(bridge::Asked::Held { channel: channel.into() })
        }
        ["/bridge", decided @ ("approve" | "refuse"), channel, comment] => {
            Asked::Bridge(bridge::Asked::Decide {
                channel: channel.into(),
                comment: comment.into(),
                shown: decided == "approve",
            })
        }
        ["/bridge", "status", channel] => Asked::BridgeStatus { channel: channel.into() },
        ["/channel", "list"] => Asked::List,
        ["/channel", "move-home", channel, to] => {
            Asked::MoveHome { channel: channel.into(), to: to.into() }
        }
        ["/channel", "accept-home", channel] => {
            Asked::AcceptHome { channel: channel.into(), agrees: true }
        }
        ["/channel", "accept-home", channel, "no"] => {
            Asked::AcceptHome { channel: channel.into(), agrees: false }
        }
        ["/channel", "recover", channel, ref rest @ ..] => {
            let (key, undo) = match rest {
                [] => (None, false),
                ["undo"] => (None, true),
                [key] => (Some(*key), false),
                [key, "undo"] => (Some(*key), true),
                _ => return Asked::Help,
            };
            Asked::Recover { channel: channel.into(), key: key.map(Into::into), undo }
        }
        _ => Asked::Help,
    }
}

/// Takes commands from the stream of what happens.
struct Line(mpsc::Sender<(UserId, MessageId, String)>);

impl Follower for Line {
    fn happened(&self, event: &Event) {
        if let Event::Command { by, id, text } = event
            && self.0.try_send((*by, *id, text.clone())).is_err()
        {
            tracing::warn!("too many commands wait: one is not answered");
        }
    }
}

/// Carries out what members write, until it is ended.
pub(crate) fn start(node: Node) -> JoinHandle<()> {
    let (line, mut commands) = mpsc::channel(WAITING_MAX);
    node.core.follow(Arc::new(Line(line)));
    tokio::spawn(async move {
        let places = Arc::new(Semaphore::new(AT_ONCE));
        while let Some((by, id, text)) = commands.recv().await {
            let Ok(place) = places.clone().acquire_owned().await else { return };
            let node = node.clone();
            tokio::spawn(async move {
                let asked = read(&text);
                let core = node.core.clone();
                if matches!(asked, Asked::Recover { key: Some(_), .. })
                    && let Err(cause) = core.forget_command(by, id).await
                {
                    tracing::warn!(%cause, "a message with a key stays where it was written");
                }
                let words = match carry_out(&node, by, asked).await {
                    Ok(words) => words,
                    Err(cause) => format!("That was not done: {}.", bridge::because(&cause)),
                };
                if let Err(cause) = core.answer_by_service(by, words).await {
                    tracing::warn!(%cause, "a command is not answered");
                }
                drop(place);
            });
        }
    })
}

async fn carry_out(node: &Node, by: UserId, asked: Asked) -> anyhow::Result<String> {
    let anybody_may = matches!(
        asked,
        Asked::Help | Asked::MoveHome { .. } | Asked::Bridge(_) | Asked::BridgeStatus { .. }
    );
    if !anybody_may && !node.core.owns_node(by)? {
        return Ok(NOT_OWNER.into());
    }
    let (request, words) = match asked {
        Asked::Help => return Ok(HELP.into()),
        // Whether they may is for the rules to say.
        Asked::Bridge(asked) => {
            return Ok(bridge::told(&bridge::answer(node, Some(by), asked).await?));
        }
        Asked::BridgeStatus { channel } => {
            return bridge::status(node, by, &channel);
        }
        Asked::List => return peers::listed(control::answer(node, Request::Channels).await?),
        Asked::MoveHome { channel, .. } if !owns(&node.core, by, &channel)? => {
            return Ok(NOT_YOURS.into());
        }
        Asked::MoveHome { channel, to } => (Request::MoveHome { channel, to }, peers::HANDED_OVER),
        Asked::AcceptHome { channel, agrees } => {
            let words = if agrees { peers::TAKES_OVER } else { peers::TAKES_NOT_OVER };
            (Request::AcceptHome { channel, agrees }, words)
        }
        Asked::Recover { channel, key, undo } => {
            let key = key.unwrap_or_else(|| node.recovery.to_string());
            (Request::Recover { channel, key, undo }, peers::RECOVERED)
        }
    };
    control::answer(node, request).await?;
    Ok(words.into())
}

/// Whether somebody owns a channel.
fn owns(core: &Core, user: UserId, channel: &str) -> anyhow::Result<bool> {
    let found = core.channel(core.channel_called(channel)?);
    Ok(found.is_some_and(|found| found.creator == user))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read() {
        let channel = || "harbour".to_owned();
        assert_eq!(read("/channel list"), Asked::List);
        let to = "b.example".to_owned();
        assert_eq!(
            read(" /channel  move-home harbour b.example "),
            Asked::MoveHome { channel: channel(), to }
        );
        let accept = |agrees| Asked::AcceptHome { channel: channel(), agrees };
        assert_eq!(read("/channel accept-home harbour"), accept(true));
        assert_eq!(read("/channel accept-home harbour no"), accept(false));
        let recover = |key: Option<&str>, undo| Asked::Recover {
            channel: channel(),
            key: key.map(Into::into),
            undo,
        };
        assert_eq!(read("/channel recover harbour"), recover(None, false));
        assert_eq!(read("/channel recover harbour undo"), recover(None, true));
        assert_eq!(read("/channel recover harbour 0123"), recover(Some("0123"), false));
        assert_eq!(read("/channel recover harbour 0123 undo"), recover(Some("0123"), true));
        for other in [
            "/channel",
            "/channel move-home harbour",
            "/channel recover",
            "/channel list all",
            "/x",
        ] {
            assert_eq!(read(other), Asked::Help, "{other}");
        }
    }
}
