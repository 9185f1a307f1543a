//! `account.updateColor#684d214e flags:# for_profile:flags.1?true color:flags.2?PeerColor = Bool`,
//! up to layer 214 `account.updateColor#7cefa15d flags:# for_profile:flags.1?true
//! color:flags.2?int background_emoji_id:flags.0?long = Bool`
//!
//! The colours are those of `help.getPeerColors` and `help.getPeerProfileColors`. There is no
//! emoji that could be painted behind them.
//! Source: <https://core.telegram.org/api/colors>

use node_core::NameColor;
use tl::enums::PeerColor;
use tl::functions::account::UpdateColor;

use crate::rpc::{Context, RpcError, RpcResult, help};

pub(in crate::rpc) async fn update_color(ctx: &Context, request: UpdateColor) -> RpcResult<bool> {
    const INVALID: RpcError = RpcError::new(400, "COLOR_INVALID");
    let (color, emoji) = match request.color {
        Some(PeerColor::PeerColor(sent)) => (sent.color, sent.background_emoji_id),
        Some(_) => return Err(INVALID),
        None => (request.color_until_214, request.background_emoji_id),
    };
    if emoji.is_some_and(|emoji| emoji != 0) {
        return Err(RpcError::new(400, "DOCUMENT_INVALID"));
    }
    let painted = match color {
        None => None,
        Some(color) if !help::is_color(color, request.for_profile) => return Err(INVALID),
        Some(color) => {
            let color = Some(u8::try_from(color).map_err(|_| INVALID)?);
            Some(NameColor { color, background_emoji_id: None })
        }
    };
    let (user, actor) = (ctx.user()?, ctx.actor()?);
    ctx.shared.core.set_color(Some(actor), user, request.for_profile, painted).await?;
    Ok(true)
}
