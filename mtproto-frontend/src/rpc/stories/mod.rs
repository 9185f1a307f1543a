//! `stories.*`: nobody has stories. The application configuration says so too.

use tl::enums::{self, InputPeer, Peer, StoriesStealthMode};
use tl::functions::stories as f;
use tl::types::{self, messages, stories as t};

use super::empty::updates;
use super::{Context, RpcError, RpcResult};

/// The only state that the list of active stories has. Not empty: TDLib logs an error then.
const STATE: &str = "0";

/// `stories.getAllStories#eeb0d625 flags:# next:flags.1?true hidden:flags.2?true
/// state:flags.0?string = stories.AllStories`
pub(super) async fn get_all_stories(
    _: &Context,
    request: f::GetAllStories,
) -> RpcResult<enums::stories::AllStories> {
    let stealth_mode = StoriesStealthMode::from(types::StoriesStealthMode::default());
    Ok(if request.state.as_deref() == Some(STATE) {
        t::AllStoriesNotModified { state: STATE.to_owned(), stealth_mode }.into()
    } else {
        t::AllStories { state: STATE.to_owned(), stealth_mode, ..Default::default() }.into()
    })
}

/// `stories.getPeerStories#2c4ada50 peer:InputPeer = stories.PeerStories`
pub(super) async fn get_peer_stories(
    ctx: &Context,
    request: f::GetPeerStories,
) -> RpcResult<t::PeerStories> {
    let peer = peer(ctx, &request.peer)?;
    let stories = types::PeerStories { peer, max_read_id: None, stories: Vec::new() };
    Ok(t::PeerStories { stories: stories.into(), ..Default::default() })
}

/// `stories.getPeerMaxIDs#78499170 id:Vector<InputPeer> = Vector<RecentStory>`
///
/// One for each peer asked about, in their order.
pub(super) async fn get_peer_max_ids(
    ctx: &Context,
    request: f::GetPeerMaxIDs,
) -> RpcResult<MaxIds> {
    let peers = request.id.len();
    Ok(if ctx.layer <= MAX_IDS_ARE_NUMBERS_UNTIL {
        MaxIds::Numbers(vec![0; peers])
    } else {
        MaxIds::Stories(vec![types::RecentStory::default().into(); peers])
    })
}

/// `stories.getAllReadPeerStories#9b5ae7f9 = Updates`
pub(super) async fn get_all_read_peer_stories(
    ctx: &Context,
    _: f::GetAllReadPeerStories,
) -> RpcResult<types::Updates> {
    Ok(updates(ctx))
}

/// `stories.getChatsToSend#a56a8b60 = messages.Chats`
pub(super) async fn get_chats_to_send(
    _: &Context,
    _: f::GetChatsToSend,
) -> RpcResult<messages::Chats> {
    Ok(messages::Chats::default())
}

/// `stories.getPinnedStories#5821a5dc peer:InputPeer offset_id:int limit:int = stories.Stories`
pub(super) async fn get_pinned_stories(
    _: &Context,
    _: f::GetPinnedStories,
) -> RpcResult<t::Stories> {
    Ok(t::Stories::default())
}

/// `stories.getStoriesArchive#b4352016 peer:InputPeer offset_id:int limit:int = stories.Stories`
pub(super) async fn get_stories_archive(
    _: &Context,
    _: f::GetStoriesArchive,
) -> RpcResult<t::Stories> {
    Ok(t::Stories::default())
}

/// `stories.getStoriesByID#5774ca74 peer:InputPeer id:Vector<int> = stories.Stories`
pub(super) async fn get_stories_by_id(_: &Context, _: f::GetStoriesById) -> RpcResult<t::Stories> {
    Ok(t::Stories::default())
}

/// `stories.getAlbums#25b3eac7 peer:InputPeer hash:long = stories.Albums`
pub(super) async fn get_albums(_: &Context, _: f::GetAlbums) -> RpcResult<t::Albums> {
    Ok(t::Albums::default())
}

/// The last layer whose `stories.getPeerMaxIDs` answers with `Vector<int>`.
const MAX_IDS_ARE_NUMBERS_UNTIL: i32 = 216;

/// The answer of `stories.getPeerMaxIDs`.
pub(super) enum MaxIds {
    /// Up to layer 216. 0 stands for no story.
    Numbers(Vec<i32>),
    /// From layer 217 on.
    Stories(Vec<enums::RecentStory>),
}

impl tl::Write for MaxIds {
    fn write(&self, w: &mut tl::Writer) -> Result<(), tl::WriteError> {
        match self {
            Self::Numbers(ids) => ids.write(w),
            Self::Stories(stories) => stories.write(w),
        }
    }
}

/// The peer of an answer about nothing: whom the client named, found or not.
fn peer(ctx: &Context, peer: &InputPeer) -> RpcResult<Peer> {
    let user = |user_id| types::PeerUser { user_id }.into();
    let channel = |channel_id| types::PeerChannel { channel_id }.into();
    Ok(match peer {
        InputPeer::InputPeerSelf(_) => user(ctx.user()?.0),
        InputPeer::InputPeerUser(peer) => user(peer.user_id),
        InputPeer::InputPeerUserFromMessage(peer) => user(peer.user_id),
        InputPeer::InputPeerChat(peer) => types::PeerChat { chat_id: peer.chat_id }.into(),
        InputPeer::InputPeerChannel(peer) => channel(peer.channel_id),
        InputPeer::InputPeerChannelFromMessage(peer) => channel(peer.channel_id),
        InputPeer::InputPeerEmpty(_) => return Err(RpcError::new(400, "PEER_ID_INVALID")),
    })
}
