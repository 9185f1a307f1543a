//! `photos.*`: nobody has a picture yet.

use tl::enums::photos::Photos;
use tl::functions::photos::GetUserPhotos;

use super::{Context, RpcResult};

/// `photos.getUserPhotos#91cd32a8 user_id:InputUser offset:int max_id:long limit:int =
/// photos.Photos`
///
/// Source: <https://core.telegram.org/method/photos.getUserPhotos>
pub(super) async fn get_user_photos(ctx: &Context, request: GetUserPhotos) -> RpcResult<Photos> {
    ctx.named_user(&request.user_id)?;
    Ok(tl::types::photos::Photos::default().into())
}
