//! `messages.getWebPagePreview#570d6f6f flags:# message:string
//! entities:flags.3?Vector<MessageEntity> = messages.WebPagePreview`, up to layer 196
//! `messages.getWebPagePreview#8b68b0cc … = MessageMedia`
//!
//! A node fetches no web pages yet: there is never a preview. The bare media of older layers is
//! made where the answer is written (`tl::fallback`).
//! Source: <https://core.telegram.org/method/messages.getWebPagePreview>

use tl::enums::messages::WebPagePreview;
use tl::functions::messages::GetWebPagePreview;
use tl::types::MessageMediaEmpty;
use tl::types::messages::WebPagePreview as Preview;

use crate::rpc::{Context, RpcResult};

pub(in crate::rpc) async fn get_web_page_preview(
    _: &Context,
    _: GetWebPagePreview,
) -> RpcResult<WebPagePreview> {
    let media = MessageMediaEmpty {}.into();
    Ok(Preview { media, ..Preview::default() }.into())
}
