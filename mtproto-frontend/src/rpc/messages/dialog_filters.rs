//! `messages.getDialogFilters#efd48c89 = messages.DialogFilters`, up to layer 174
//! `messages.getDialogFilters#f19ed96d = Vector<DialogFilter>`,
//! `messages.updateDialogFilter#1ad4a04a flags:# id:int filter:flags.0?DialogFilter = Bool`,
//! `messages.updateDialogFiltersOrder#c563c1e4 order:Vector<int> = Bool`,
//! `messages.toggleDialogFilterTags#fd2dda49 enabled:Bool = Bool`
//!
//! The folders of a member. "All chats" is in the list, or TDLib logs an error. The bare vector is
//! made where the answer is written (`tl::fallback`).
//! Source: <https://core.telegram.org/api/folders>

use node_core::{CoreError, Filter, FilterError, FilterId, PeerId, Text};
use tl::functions::messages::{
    GetDialogFilters, ToggleDialogFilterTags, UpdateDialogFilter, UpdateDialogFiltersOrder,
};
use tl::types::messages::DialogFilters;
use tl::{enums, types};

use crate::project;
use crate::rpc::{Context, RpcError, RpcResult};

const FILTER_ID_INVALID: RpcError = RpcError::new(400, "FILTER_ID_INVALID");

/// Peers of one list of a folder: refused before they are looked at.
const PEERS_MAX: usize = 100;

pub(in crate::rpc) async fn get_dialog_filters(
    ctx: &Context,
    _: GetDialogFilters,
) -> RpcResult<enums::messages::DialogFilters> {
    let (core, owner) = (&ctx.shared.core, ctx.user()?);
    let found = core.filters(owner)?;
    let filters = found.filters.iter().map(|(id, filter)| match filter {
        Some(filter) => project::filter(core, owner, *id, filter),
        None => types::DialogFilterDefault {}.into(),
    });
    Ok(DialogFilters { tags_enabled: found.tags, filters: filters.collect() }.into())
}

pub(in crate::rpc) async fn update_dialog_filter(
    ctx: &Context,
    request: UpdateDialogFilter,
) -> RpcResult<bool> {
    let id = filter_id(request.id)?;
    let filter = match request.filter {
        None => None,
        Some(enums::DialogFilter::DialogFilter(filter)) => Some(filter_of(ctx, *filter)?),
        // "All chats" is there anyway, and shared folders are lists of channels.
        Some(enums::DialogFilter::DialogFilterDefault(_)) => return Err(FILTER_ID_INVALID),
        Some(enums::DialogFilter::DialogFilterChatlist(_)) => {
            return Err(RpcError::NOT_IMPLEMENTED);
        }
    };
    ctx.shared.core.set_filter(ctx.actor()?, ctx.user()?, id, filter).await?;
    Ok(true)
}

fn filter_of(ctx: &Context, sent: types::DialogFilter) -> RpcResult<Filter> {
    let enums::TextWithEntities::TextWithEntities(title) = sent.title;
    // Up to layer 195 a title was a bare text.
    let text = if title.text.is_empty() { sent.title_until_195 } else { title.text };
    let entities = project::entities_from_tl(title.entities, |user| ctx.named_user(user))?;
    let title = Text::draft(text.trim(), entities).map_err(CoreError::from)?;
    let peers = |named: &[enums::InputPeer]| -> RpcResult<Vec<PeerId>> {
        if named.len() > PEERS_MAX {
            return Err(CoreError::from(FilterError::TooManyPeers).into());
        }
        named.iter().map(|peer| ctx.peer(peer)).collect()
    };
    Ok(Filter {
        title: title.text,
        title_entities: title.entities,
        title_noanimate: sent.title_noanimate,
        emoticon: sent.emoticon,
        color: sent.color,
        contacts: sent.contacts,
        non_contacts: sent.non_contacts,
        groups: sent.groups,
        broadcasts: sent.broadcasts,
        bots: sent.bots,
        exclude_muted: sent.exclude_muted,
        exclude_read: sent.exclude_read,
        exclude_archived: sent.exclude_archived,
        pinned: peers(&sent.pinned_peers)?,
        include: peers(&sent.include_peers)?,
        exclude: peers(&sent.exclude_peers)?,
    })
}

pub(in crate::rpc) async fn update_dialog_filters_order(
    ctx: &Context,
    request: UpdateDialogFiltersOrder,
) -> RpcResult<bool> {
    let order = request.order.iter().map(|id| filter_id(*id)).collect::<RpcResult<_>>()?;
    ctx.shared.core.order_filters(ctx.actor()?, ctx.user()?, order).await?;
    Ok(true)
}

pub(in crate::rpc) async fn toggle_dialog_filter_tags(
    ctx: &Context,
    request: ToggleDialogFilterTags,
) -> RpcResult<bool> {
    ctx.shared.core.set_filter_tags(ctx.actor()?, ctx.user()?, request.enabled).await?;
    Ok(true)
}

fn filter_id(id: i32) -> RpcResult<FilterId> {
    u8::try_from(id).map(FilterId).map_err(|_| FILTER_ID_INVALID)
}
