//! `photos.*`: photos of members.
//!
//! Source: <https://core.telegram.org/api/files#profile-pictures>

use node_core::{FileId, Origin, ProfilePhoto, UserId};
use tl::enums::InputPhoto;
use tl::enums::photos::{Photo, Photos};
use tl::functions::photos::{DeletePhotos, GetUserPhotos, UpdateProfilePhoto, UploadProfilePhoto};
use tl::types::photos as t;

use super::media::{self, Uploads};
use super::{Context, RpcError, RpcResult};
use crate::project::{self, Named};

/// Photos of one call.
const PHOTOS_MAX: usize = 100;

const PHOTO_ID_INVALID: RpcError = RpcError::new(400, "PHOTO_ID_INVALID");

/// `photos.getUserPhotos#91cd32a8 user_id:InputUser offset:int max_id:long limit:int =
/// photos.Photos`
///
/// The one that is shown first. `max_id` names one photo; with `offset` -1 it is the answer.
/// Source: <https://core.telegram.org/method/photos.getUserPhotos>
pub(super) async fn get_user_photos(ctx: &Context, request: GetUserPhotos) -> RpcResult<Photos> {
    let (viewer, user) = (ctx.user()?, ctx.named_user(&request.user_id)?);
    let view = ctx.view()?;
    let all = view.core.profile_photos(viewer, user)?;
    let limit = usize::try_from(request.limit).ok().filter(|limit| *limit > 0);
    let limit = limit.unwrap_or(PHOTOS_MAX).min(PHOTOS_MAX);
    // Those after the named one; a negative offset begins before it.
    let named = all.iter().position(|photo| photo.0 == request.max_id);
    let begin = match (request.max_id, named) {
        (0, _) => 0,
        (_, Some(at)) => at + 1,
        (_, None) => all.len(),
    };
    let begin = begin.saturating_add_signed(request.offset as isize).min(all.len());
    let count = all.len() as i32;
    let page = all.iter().skip(begin).take(limit);
    let photos = page.map(|photo| project::photo(view, Origin::Profile(user), *photo));
    let photos: Vec<_> = photos.collect::<Result<_, _>>()?;
    let users = Named::default().user(user).users(view)?;
    Ok(if photos.len() == all.len() {
        t::Photos { photos, users }.into()
    } else {
        t::PhotosSlice { count, photos, users }.into()
    })
}

/// `photos.uploadProfilePhoto#0388a3b5 flags:# fallback:flags.3?true bot:flags.5?InputUser
/// file:flags.0?InputFile video:flags.1?InputFile … = photos.Photo`
///
/// Source: <https://core.telegram.org/method/photos.uploadProfilePhoto>
pub(super) async fn upload_profile_photo(
    ctx: &Context,
    request: UploadProfilePhoto,
) -> RpcResult<Photo> {
    let moving = request.video.is_some() || request.video_emoji_markup.is_some();
    if request.bot.is_some() || moving {
        return Err(RpcError::NOT_IMPLEMENTED);
    }
    let file = request.file.ok_or(RpcError::new(400, "PHOTO_FILE_MISSING"))?;
    let mut uploads = Uploads::default();
    let answer = match uploads.profile(ctx, &file).await {
        Ok(photo) => set(ctx, ProfilePhoto::New(photo), request.fallback).await,
        Err(refused) => Err(refused),
    };
    uploads.settle(ctx);
    answer
}

/// `photos.updateProfilePhoto#09e82039 flags:# fallback:flags.0?true bot:flags.1?InputUser
/// id:InputPhoto = photos.Photo`
///
/// Source: <https://core.telegram.org/method/photos.updateProfilePhoto>
pub(super) async fn update_profile_photo(
    ctx: &Context,
    request: UpdateProfilePhoto,
) -> RpcResult<Photo> {
    if request.bot.is_some() {
        return Err(RpcError::NOT_IMPLEMENTED);
    }
    let photo = match &request.id {
        InputPhoto::InputPhotoEmpty(_) => ProfilePhoto::None,
        named => ProfilePhoto::Known(media::photo(ctx, named)?.id),
    };
    set(ctx, photo, request.fallback).await
}

async fn set(ctx: &Context, photo: ProfilePhoto, fallback: bool) -> RpcResult<Photo> {
    let user = ctx.user()?;
    let set = ctx.shared.core.set_profile_photo(ctx.actor()?, user, photo, fallback).await;
    let shown = set.map_err(|error| match error {
        node_core::CoreError::FileInvalid => PHOTO_ID_INVALID,
        other => other.into(),
    })?;
    shape(ctx, user, shown)
}

fn shape(ctx: &Context, user: UserId, shown: Option<FileId>) -> RpcResult<Photo> {
    let view = ctx.view()?;
    let photo = match shown {
        Some(photo) => project::photo(view, Origin::Profile(user), photo)?,
        None => tl::types::PhotoEmpty { id: 0 }.into(),
    };
    let users = Named::default().user(user).users(view)?;
    Ok(t::Photo { photo, users }.into())
}

/// `photos.deletePhotos#87cf7f2f id:Vector<InputPhoto> = Vector<long>`
///
/// Source: <https://core.telegram.org/method/photos.deletePhotos>
pub(super) async fn delete_photos(ctx: &Context, request: DeletePhotos) -> RpcResult<Vec<i64>> {
    if request.id.len() > PHOTOS_MAX {
        return Err(RpcError::new(400, "LIMIT_INVALID"));
    }
    let (user, core) = (ctx.user()?, &ctx.shared.core);
    let mut photos = Vec::with_capacity(request.id.len());
    for named in &request.id {
        let InputPhoto::InputPhoto(named) = named else { continue };
        // One's own, or they stay: no reference is needed.
        let id = FileId(named.id);
        if core.file_access_hash(id) != named.access_hash {
            return Err(PHOTO_ID_INVALID);
        }
        photos.push(id);
    }
    let gone = core.delete_profile_photos(ctx.actor()?, user, photos).await?;
    Ok(gone.into_iter().map(|photo| photo.0).collect())
}
