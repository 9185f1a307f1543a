//! `messages.search#29ee847a flags:# peer:InputPeer q:string from_id:flags.0?InputPeer
//! saved_peer_id:flags.2?InputPeer saved_reaction:flags.3?Vector<Reaction> top_msg_id:flags.1?int
//! filter:MessagesFilter min_date:int max_date:int offset_id:int add_offset:int limit:int
//! max_id:int min_id:int hash:long = messages.Messages`
//!
//! Clients ask for what a dialog cannot have yet (pinned messages, pictures, files, calls) with each
//! chat that they open: there is none. Searching for words is not built.
//! Source: <https://core.telegram.org/method/messages.search>

use tl::enums::messages::Messages;
use tl::functions::messages::Search;
use tl::{enums, types};

use crate::rpc::{Context, RpcError, RpcResult};

pub(in crate::rpc) async fn search(ctx: &Context, request: Search) -> RpcResult<Messages> {
    ctx.peer(&request.peer)?;
    if may_be_there(&request.filter) {
        return Err(RpcError::NOT_IMPLEMENTED);
    }
    Ok(types::messages::Messages::default().into())
}

/// Whether some message of a private chat could pass the filter.
fn may_be_there(filter: &enums::MessagesFilter) -> bool {
    use enums::MessagesFilter as Filter;
    !matches!(
        filter,
        Filter::InputMessagesFilterChatPhotos(_)
            | Filter::InputMessagesFilterContacts(_)
            | Filter::InputMessagesFilterDocument(_)
            | Filter::InputMessagesFilterGeo(_)
            | Filter::InputMessagesFilterGif(_)
            | Filter::InputMessagesFilterMusic(_)
            | Filter::InputMessagesFilterMyMentions(_)
            | Filter::InputMessagesFilterPhoneCalls(_)
            | Filter::InputMessagesFilterPhotoVideo(_)
            | Filter::InputMessagesFilterPhotos(_)
            | Filter::InputMessagesFilterPinned(_)
            | Filter::InputMessagesFilterPoll(_)
            | Filter::InputMessagesFilterRoundVideo(_)
            | Filter::InputMessagesFilterRoundVoice(_)
            | Filter::InputMessagesFilterVideo(_)
            | Filter::InputMessagesFilterVoice(_)
    )
}
