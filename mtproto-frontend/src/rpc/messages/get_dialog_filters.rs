//! `messages.getDialogFilters#efd48c89 = messages.DialogFilters`, up to layer 174
//! `messages.getDialogFilters#f19ed96d = Vector<DialogFilter>`
//!
//! The folders of a member. Nobody can make one yet; "All chats" must be in the list all the same,
//! or TDLib logs an error. The bare vector is made where the answer is written (`tl::fallback`).
//! Source: <https://core.telegram.org/api/folders>

use tl::enums::messages::DialogFilters;
use tl::functions::messages::GetDialogFilters;
use tl::types::DialogFilterDefault;
use tl::types::messages::DialogFilters as Filters;

use crate::rpc::{Context, RpcResult};

pub(in crate::rpc) async fn get_dialog_filters(
    _: &Context,
    _: GetDialogFilters,
) -> RpcResult<DialogFilters> {
    let filters = vec![DialogFilterDefault {}.into()];
    Ok(Filters { tags_enabled: false, filters }.into())
}
