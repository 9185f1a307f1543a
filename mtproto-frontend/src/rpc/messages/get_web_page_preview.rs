//! `messages.getWebPagePreview#570d6f6f flags:# message:string
//! entities:flags.3?Vector<MessageEntity> = messages.WebPagePreview`, up to layer 196
//! `messages.getWebPagePreview#8b68b0cc … = MessageMedia`,
//! `messages.getWebPage#8d9692a3 url:string hash:int = messages.WebPage`, up to layer 160
//! `messages.getWebPage#32ca8f91 … = WebPage`
//!
//! Nothing is shown where the operator wants no previews. The bare answers of older layers are made
//! where the answer is written (`tl::fallback`).
//! Source: <https://core.telegram.org/method/messages.getWebPagePreview>

use node_core::{Media, Text};
use tl::functions::messages::{GetWebPage, GetWebPagePreview};
use tl::types;

use crate::previews::first_link;
use crate::project;
use crate::rpc::{Context, RpcError, RpcResult};

pub(in crate::rpc) async fn get_web_page_preview(
    ctx: &Context,
    request: GetWebPagePreview,
) -> RpcResult<tl::enums::messages::WebPagePreview> {
    let entities = request.entities.unwrap_or_default();
    let entities = project::entities_from_tl(entities, |user| ctx.named_user(user))?;
    // A text that could not be sent has no preview either.
    let text = Text::parse(&request.message, entities).unwrap_or_else(|_| Text::none());
    let page = match first_link(&text.text, &text.entities) {
        Some(url) => ctx.shared.web_page(ctx.user()?, &url).await,
        None => None,
    };
    let media = match page {
        Some(page) => {
            let (force_large, force_small) = (false, false);
            let media = Media::WebPage { page: page.id, force_large, force_small, manual: false };
            project::media(ctx.view()?, node_core::Origin::WebPage(page.id.0), &media)?
        }
        None => None,
    };
    let media = media.unwrap_or_else(|| types::MessageMediaEmpty {}.into());
    Ok(types::messages::WebPagePreview { media, ..Default::default() }.into())
}

pub(in crate::rpc) async fn get_web_page(
    ctx: &Context,
    request: GetWebPage,
) -> RpcResult<tl::enums::messages::WebPage> {
    const URL_INVALID: RpcError = RpcError::new(400, "WC_CONVERT_URL_INVALID");
    if request.url.len() > 2048 {
        return Err(URL_INVALID);
    }
    let webpage = match ctx.shared.web_page(ctx.user()?, &request.url).await {
        Some(page) => project::web_page(ctx.view()?, &page)?,
        None => types::WebPageEmpty { id: 0, url: Some(request.url) }.into(),
    };
    Ok(types::messages::WebPage { webpage, ..Default::default() }.into())
}
