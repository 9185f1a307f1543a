//! `account.getNotifySettings#12b3ad31 peer:InputNotifyPeer = PeerNotifySettings`,
//! `account.updateNotifySettings#84be5b93 peer:InputNotifyPeer settings:InputPeerNotifySettings =
//! Bool`,
//! `account.resetNotifySettings#db7e1747 = Bool`,
//! `account.getNotifyExceptions#53577479 flags:# compare_sound:flags.1?true
//! compare_stories:flags.2?true peer:flags.0?InputNotifyPeer = Updates`
//!
//! Source: <https://core.telegram.org/method/account.updateNotifySettings>

use node_core::{MessageId, NotifyScope, NotifySettings, NotifyTarget};
use tl::enums::InputNotifyPeer;
use tl::functions::account::{
    GetNotifyExceptions, GetNotifySettings, ResetNotifySettings, UpdateNotifySettings,
};
use tl::{enums, types};

use crate::project::{self, Named};
use crate::rpc::{Context, RpcError, RpcResult};

const PEER_ID_INVALID: RpcError = RpcError::new(400, "PEER_ID_INVALID");

/// Exceptions that one answer lists.
const EXCEPTIONS_MAX: usize = 1000;

fn target(ctx: &Context, named: &InputNotifyPeer) -> RpcResult<NotifyTarget> {
    Ok(match named {
        InputNotifyPeer::InputNotifyUsers(_) => NotifyTarget::Scope(NotifyScope::Users),
        InputNotifyPeer::InputNotifyChats(_) => NotifyTarget::Scope(NotifyScope::Chats),
        InputNotifyPeer::InputNotifyBroadcasts(_) => NotifyTarget::Scope(NotifyScope::Broadcasts),
        InputNotifyPeer::InputNotifyPeer(named) => NotifyTarget::Peer(ctx.peer(&named.peer)?),
        InputNotifyPeer::InputNotifyForumTopic(named) => {
            let (peer, topic) = (ctx.peer(&named.peer)?, MessageId(named.top_msg_id));
            let channel = peer.channel().ok_or(PEER_ID_INVALID)?;
            if ctx.shared.core.topic(channel, topic)?.is_none() {
                return Err(RpcError::new(400, "TOPIC_ID_INVALID"));
            }
            NotifyTarget::Topic(peer, topic)
        }
        // Communities are not there.
        InputNotifyPeer::InputNotifyCommunity(_) => return Err(PEER_ID_INVALID),
    })
}

pub(in crate::rpc) async fn get_notify_settings(
    ctx: &Context,
    request: GetNotifySettings,
) -> RpcResult<types::PeerNotifySettings> {
    let target = target(ctx, &request.peer)?;
    let settings = ctx.shared.core.notify(ctx.user()?, target)?;
    Ok(match target {
        NotifyTarget::Scope(_) => project::default_notify_settings(&settings),
        NotifyTarget::Peer(_) | NotifyTarget::Topic(..) => project::notify_settings(&settings),
    })
}

pub(in crate::rpc) async fn update_notify_settings(
    ctx: &Context,
    request: UpdateNotifySettings,
) -> RpcResult<bool> {
    let target = target(ctx, &request.peer)?;
    let enums::InputPeerNotifySettings::InputPeerNotifySettings(sent) = request.settings;
    let change = NotifySettings {
        show_previews: sent.show_previews,
        silent: sent.silent,
        mute_until: sent.mute_until,
        sound: sent.sound.map(project::sound_from_tl),
        stories_muted: sent.stories_muted,
        stories_hide_sender: sent.stories_hide_sender,
        stories_sound: sent.stories_sound.map(project::sound_from_tl),
    };
    ctx.shared.core.update_notify(ctx.actor()?, ctx.user()?, target, change).await?;
    Ok(true)
}

pub(in crate::rpc) async fn reset_notify_settings(
    ctx: &Context,
    _: ResetNotifySettings,
) -> RpcResult<bool> {
    ctx.shared.core.reset_notify(ctx.actor()?, ctx.user()?).await?;
    Ok(true)
}

pub(in crate::rpc) async fn get_notify_exceptions(
    ctx: &Context,
    request: GetNotifyExceptions,
) -> RpcResult<enums::Updates> {
    let (core, owner) = (&ctx.shared.core, ctx.user()?);
    let of = request.peer.as_ref().map(|named| target(ctx, named)).transpose()?;
    let mut named = Named::default();
    let mut updates = Vec::new();
    for (target, settings) in core.notify_exceptions(owner)?.into_iter().take(EXCEPTIONS_MAX) {
        let asked = match of {
            // All dialogs are private chats.
            None | Some(NotifyTarget::Scope(NotifyScope::Users)) => true,
            Some(NotifyTarget::Scope(_)) => false,
            // Of a dialog, with its topics.
            Some(NotifyTarget::Peer(one)) => match target {
                NotifyTarget::Peer(peer) | NotifyTarget::Topic(peer, _) => one == peer,
                NotifyTarget::Scope(_) => false,
            },
            Some(topic) => topic == target,
        };
        let muted = settings.mute_until.is_some() || settings.silent.is_some();
        let sound = request.compare_sound && settings.sound.is_some();
        let stories = request.compare_stories && settings.stories_muted.is_some();
        if asked && (muted || sound || stories || settings.show_previews.is_some()) {
            updates.push(project::notify_update(core, owner, target, &mut named)?);
        }
    }
    let (users, chats) = named.shown(ctx.view()?)?;
    Ok(types::Updates { updates, users, chats, date: core.now(), seq: 0 }.into())
}
