//! `account.getReactionsNotifySettings#06dd654c = ReactionsNotifySettings`,
//! `account.setReactionsNotifySettings#316ce548 settings:ReactionsNotifySettings =
//! ReactionsNotifySettings`
//!
//! Source: <https://core.telegram.org/method/account.setReactionsNotifySettings>

use node_core::{ReactionsFrom, ReactionsNotify};
use tl::enums::{self, ReactionNotificationsFrom};
use tl::functions::account::{GetReactionsNotifySettings, SetReactionsNotifySettings};
use tl::types::{self, ReactionsNotifySettings};

use crate::project;
use crate::rpc::{Context, RpcResult};

pub(in crate::rpc) async fn get_reactions_notify_settings(
    ctx: &Context,
    _: GetReactionsNotifySettings,
) -> RpcResult<ReactionsNotifySettings> {
    let set = ctx.shared.core.reactions_notify(ctx.user()?).await?;
    Ok(ReactionsNotifySettings {
        messages_notify_from: from(set.messages),
        stories_notify_from: from(set.stories),
        poll_votes_notify_from: from(set.poll_votes),
        sound: project::sound(&set.sound),
        show_previews: set.show_previews,
    })
}

pub(in crate::rpc) async fn set_reactions_notify_settings(
    ctx: &Context,
    request: SetReactionsNotifySettings,
) -> RpcResult<ReactionsNotifySettings> {
    let enums::ReactionsNotifySettings::ReactionsNotifySettings(sent) = request.settings;
    let sent = *sent;
    let set = ReactionsNotify {
        messages: from_tl(sent.messages_notify_from.as_ref()),
        stories: from_tl(sent.stories_notify_from.as_ref()),
        poll_votes: from_tl(sent.poll_votes_notify_from.as_ref()),
        sound: project::sound_from_tl(sent.sound),
        show_previews: sent.show_previews,
    };
    ctx.shared.core.set_reactions_notify(Some(ctx.actor()?), ctx.user()?, set).await?;
    get_reactions_notify_settings(ctx, GetReactionsNotifySettings {}).await
}

fn from(who: ReactionsFrom) -> Option<ReactionNotificationsFrom> {
    match who {
        ReactionsFrom::Nobody => None,
        ReactionsFrom::Contacts => Some(types::ReactionNotificationsFromContacts {}.into()),
        ReactionsFrom::All => Some(types::ReactionNotificationsFromAll {}.into()),
    }
}

fn from_tl(who: Option<&ReactionNotificationsFrom>) -> ReactionsFrom {
    use ReactionNotificationsFrom as From;
    match who {
        None => ReactionsFrom::Nobody,
        Some(From::ReactionNotificationsFromContacts(_)) => ReactionsFrom::Contacts,
        Some(From::ReactionNotificationsFromAll(_)) => ReactionsFrom::All,
    }
}
