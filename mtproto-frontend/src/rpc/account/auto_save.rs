//! `account.getAutoSaveSettings#adcbbcda = account.AutoSaveSettings`,
//! `account.saveAutoSaveSettings#d69b8361 flags:# users:flags.0?true chats:flags.1?true
//! broadcasts:flags.2?true peer:flags.3?InputPeer settings:AutoSaveSettings = Bool`,
//! `account.deleteAutoSaveExceptions#53bc0020 = Bool`
//!
//! What clients save to a device's gallery; nothing, until that is set.
//! Source: <https://core.telegram.org/method/account.saveAutoSaveSettings>

use node_core::{AutoSave, CoreError, SaveScope};
use tl::enums;
use tl::functions::account::{DeleteAutoSaveExceptions, GetAutoSaveSettings, SaveAutoSaveSettings};
use tl::types::{self, account as t};

use crate::project::{self, Named};
use crate::rpc::{Context, RpcError, RpcResult};

pub(in crate::rpc) async fn get_auto_save_settings(
    ctx: &Context,
    _: GetAutoSaveSettings,
) -> RpcResult<t::AutoSaveSettings> {
    let (owner, core) = (ctx.user()?, &ctx.shared.core);
    let saves = core.auto_saves(owner).await?;
    let mut named = Named::default();
    let exceptions = saves.exceptions.iter().map(|(peer, set)| {
        named.peer(*peer);
        types::AutoSaveException { peer: project::peer(*peer), settings: shown(set) }.into()
    });
    Ok(t::AutoSaveSettings {
        users_settings: shown(&saves.users),
        chats_settings: shown(&saves.chats),
        broadcasts_settings: shown(&saves.broadcasts),
        exceptions: exceptions.collect(),
        chats: named.chats(ctx.view()?)?,
        users: named.users(ctx.view()?)?,
    })
}

pub(in crate::rpc) async fn save_auto_save_settings(
    ctx: &Context,
    request: SaveAutoSaveSettings,
) -> RpcResult<bool> {
    let scope = match (&request.peer, request.users, request.chats, request.broadcasts) {
        (Some(peer), ..) => SaveScope::Peer(ctx.peer(peer)?),
        (None, true, ..) => SaveScope::Users,
        (None, _, true, _) => SaveScope::Chats,
        (None, _, _, true) => SaveScope::Broadcasts,
        _ => return Err(RpcError::new(400, "SETTINGS_INVALID")),
    };
    let enums::AutoSaveSettings::AutoSaveSettings(sent) = request.settings;
    let types::AutoSaveSettings { photos, videos, video_max_size } = sent;
    let set = AutoSave { photos, videos, video_max_size };
    let (owner, actor) = (ctx.user()?, ctx.actor()?);
    let saved = ctx.shared.core.set_auto_save(Some(actor), owner, scope, set).await;
    saved.map_err(|error| match error {
        CoreError::TooMany => RpcError::new(400, "SETTINGS_INVALID"),
        other => other.into(),
    })?;
    Ok(true)
}

pub(in crate::rpc) async fn delete_auto_save_exceptions(
    ctx: &Context,
    _: DeleteAutoSaveExceptions,
) -> RpcResult<bool> {
    ctx.shared.core.delete_auto_save_exceptions(Some(ctx.actor()?), ctx.user()?).await?;
    Ok(true)
}

fn shown(set: &AutoSave) -> enums::AutoSaveSettings {
    let AutoSave { photos, videos, video_max_size } = *set;
    types::AutoSaveSettings { photos, videos, video_max_size }.into()
}
