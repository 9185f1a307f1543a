//! `bots.*`: lists in which a node has nothing to show.

use tl::functions::bots as f;
use tl::types::{bots, users};

use crate::rpc::{Context, RpcResult};

/// `bots.getPopularAppBots#c2510192 offset:string limit:int = bots.PopularAppBots`
pub(in crate::rpc) async fn get_popular_app_bots(
    _: &Context,
    _: f::GetPopularAppBots,
) -> RpcResult<bots::PopularAppBots> {
    Ok(bots::PopularAppBots::default())
}

/// `bots.getBotRecommendations#a1b70815 bot:InputUser = users.Users`
pub(in crate::rpc) async fn get_bot_recommendations(
    _: &Context,
    _: f::GetBotRecommendations,
) -> RpcResult<users::Users> {
    Ok(users::Users::default())
}
