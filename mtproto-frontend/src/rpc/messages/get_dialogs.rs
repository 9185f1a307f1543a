//! `messages.getDialogs#a0f4cb4f flags:# exclude_pinned:flags.0?true folder_id:flags.1?int
//! offset_date:int offset_id:int offset_peer:InputPeer limit:int hash:long = messages.Dialogs`,
//! `messages.getPeerDialogs#e470bcfd peers:Vector<InputDialogPeer> = messages.PeerDialogs`,
//! `messages.getPinnedDialogs#d6b94df2 folder_id:int = messages.PeerDialogs`
//!
//! Source: <https://core.telegram.org/method/messages.getDialogs>

use node_core::{
    CoreError, DialogPage, DialogPlace, DialogQuery, DialogView, FolderId, MessageId, PeerId,
    UserId,
};
use tl::enums::InputDialogPeer;
use tl::functions::messages::{GetDialogs, GetPeerDialogs, GetPinnedDialogs};
use tl::{enums, types};

use super::{messages, page_limit};
use crate::project::{self, Named};
use crate::rpc::updates::state;
use crate::rpc::{Context, RpcError, RpcResult};

/// Dialogs that one call may name.
const PEERS_MAX: usize = 100;

pub(in crate::rpc) async fn get_dialogs(
    ctx: &Context,
    request: GetDialogs,
) -> RpcResult<enums::messages::Dialogs> {
    let owner = ctx.user()?;
    let folder = request.folder_id.map(folder_id).transpose()?;
    let after = match request.offset_id {
        0 if request.offset_date > 0 => older_than(ctx, owner, folder, request.offset_date).await?,
        0 => None,
        id => {
            // Also one that the client has left since.
            let (id, peer) = (MessageId(id), ctx.named_peer(&request.offset_peer).ok());
            let date = match peer.and_then(PeerId::channel) {
                Some(channel) if request.offset_date == 0 => {
                    let top = ctx.shared.core.message(channel, id)?;
                    top.map_or(i32::MAX, |top| top.date)
                }
                _ => request.offset_date,
            };
            Some(DialogPlace { id, date, peer })
        }
    };
    let exclude_pinned = request.exclude_pinned;
    let query = DialogQuery { folder, exclude_pinned, after, limit: page_limit(request.limit) };
    let found = ctx.shared.core.dialogs(owner, query).await?;
    let count = found.count as i32;
    let all = found.dialogs.len() == found.count;
    let Shaped { dialogs, messages, users, chats } = shape(ctx, &found)?;
    Ok(if all {
        types::messages::Dialogs { dialogs, messages, chats, users }.into()
    } else {
        types::messages::DialogsSlice { count, dialogs, messages, chats, users }.into()
    })
}

/// The place behind the last dialog that is not older than `date`: the page begins there.
async fn older_than(
    ctx: &Context,
    owner: UserId,
    folder: Option<FolderId>,
    date: i32,
) -> RpcResult<Option<DialogPlace>> {
    let (mut last, mut own) = (None, None);
    loop {
        let limit = node_core::PAGE_MAX;
        let query = DialogQuery { folder, exclude_pinned: true, after: last, limit };
        let page = ctx.shared.core.dialogs(owner, query).await?;
        let mut is_over = page.dialogs.len() < limit;
        for dialog in &page.dialogs {
            let place = place_of(&page, dialog);
            if place.date < date {
                is_over = true;
                break;
            }
            last = Some(place);
            if dialog.peer.channel().is_none() {
                own = Some(dialog.top);
            }
        }
        if is_over {
            // Above all of the own box, where only channels are as new.
            let id = own.unwrap_or(MessageId(i32::MAX));
            let date = date.saturating_sub(1).max(1);
            return Ok(last.map(|_| DialogPlace { id, date, peer: None }));
        }
    }
}

fn place_of(page: &DialogPage, dialog: &DialogView) -> DialogPlace {
    let (id, peer) = (dialog.top, dialog.peer);
    let top = page.messages.iter().find(|one| one.id == id && one.message.peer == peer);
    DialogPlace { id, date: top.map_or(0, |top| top.message.date), peer: Some(peer) }
}

pub(in crate::rpc) async fn get_peer_dialogs(
    ctx: &Context,
    request: GetPeerDialogs,
) -> RpcResult<enums::messages::PeerDialogs> {
    let owner = ctx.user()?;
    if request.peers.len() > PEERS_MAX {
        return Err(RpcError::new(400, "LIMIT_INVALID"));
    }
    let mut peers = Vec::with_capacity(request.peers.len());
    for named in &request.peers {
        // A list is no dialog; what is asked besides is answered.
        if !matches!(named, InputDialogPeer::InputDialogPeerFolder(_)) {
            peers.push(ctx.dialog_peer(named)?);
        }
    }
    peer_dialogs(ctx, owner, &peers).await
}

pub(in crate::rpc) async fn get_pinned_dialogs(
    ctx: &Context,
    request: GetPinnedDialogs,
) -> RpcResult<enums::messages::PeerDialogs> {
    let owner = ctx.user()?;
    let core = &ctx.shared.core;
    let mut pins = Vec::new();
    for pin in core.pins(owner, folder_id(request.folder_id)?)? {
        // A channel that is closed to the member since is no dialog any more.
        match pin.channel().map(|channel| core.channel_to_read(owner, channel)) {
            Some(Err(CoreError::UnknownChannel)) => {}
            Some(Err(other)) => return Err(other.into()),
            Some(Ok(_)) | None => pins.push(pin),
        }
    }
    peer_dialogs(ctx, owner, &pins).await
}

async fn peer_dialogs(
    ctx: &Context,
    owner: UserId,
    peers: &[PeerId],
) -> RpcResult<enums::messages::PeerDialogs> {
    let core = &ctx.shared.core;
    let (found, pts) = core.peer_dialogs(owner, peers).await?;
    let qts = core.qts(owner, ctx.auth_key()?).await?;
    let Shaped { dialogs, messages, users, chats } = shape(ctx, &found)?;
    let state = state(ctx, pts, qts, 0);
    Ok(types::messages::PeerDialogs { dialogs, messages, chats, users, state }.into())
}

/// Which list a client means.
pub(in crate::rpc) fn folder_id(number: i32) -> RpcResult<FolderId> {
    match number {
        0 => Ok(FolderId::Main),
        1 => Ok(FolderId::Archive),
        _ => Err(RpcError::new(400, "FOLDER_ID_INVALID")),
    }
}

struct Shaped {
    dialogs: Vec<enums::Dialog>,
    messages: Vec<enums::Message>,
    users: Vec<enums::User>,
    chats: Vec<enums::Chat>,
}

/// Dialogs with everything that they name.
fn shape(ctx: &Context, found: &DialogPage) -> RpcResult<Shaped> {
    let mut named = Named::default();
    let dialogs = found.dialogs.iter().map(|dialog| {
        named.peer(dialog.peer);
        if let Some(draft) = &dialog.draft {
            named.entities(&draft.entities);
        }
        dialog_of(dialog)
    });
    let dialogs = dialogs.collect();
    let mut shown = Vec::with_capacity(found.messages.len());
    for stored in &found.messages {
        let peer = stored.message.peer;
        if peer.channel().is_some() && stored.id <= ctx.hidden_below(peer)? {
            let (id, peer_id) = (stored.id.0, Some(project::peer(peer)));
            shown.push(types::MessageEmpty { id, peer_id }.into());
        } else {
            shown.extend(messages(ctx, std::slice::from_ref(stored), &mut named)?);
        }
    }
    let messages = shown;
    let (users, chats) = named.shown(ctx.view()?)?;
    Ok(Shaped { dialogs, messages, users, chats })
}

/// A dialog as clients list it.
pub(in crate::rpc) fn dialog_of(dialog: &DialogView) -> enums::Dialog {
    let draft = dialog.draft.as_ref();
    types::Dialog {
        pinned: dialog.pinned,
        folder_id: (dialog.folder == FolderId::Archive)
            .then_some(project::folder_id(dialog.folder)),
        draft: draft.map(project::draft),
        peer: project::peer(dialog.peer),
        top_message: dialog.top.0,
        read_inbox_max_id: dialog.read_inbox.0,
        read_outbox_max_id: dialog.read_outbox.0,
        unread_count: dialog.unread,
        ttl_period: (dialog.ttl_period != 0).then_some(dialog.ttl_period),
        unread_mentions_count: dialog.unread_mentions,
        unread_reactions_count: dialog.unread_reactions,
        pts: dialog.pts.map(|pts| pts.0),
        unread_mark: dialog.unread_mark,
        view_forum_as_messages: dialog.forum_as_messages,
        notify_settings: project::notify_settings(&dialog.notify).into(),
        ..types::Dialog::default()
    }
    .into()
}
