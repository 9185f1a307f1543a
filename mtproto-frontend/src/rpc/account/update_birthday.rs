//! `account.updateBirthday#cc6e0c11 flags:# birthday:flags.0?Birthday = Bool`
//!
//! Source: <https://core.telegram.org/method/account.updateBirthday>

use node_core::Birthday;
use tl::enums;
use tl::functions::account::UpdateBirthday;

use crate::rpc::{Context, RpcError, RpcResult};

pub(in crate::rpc) async fn update_birthday(
    ctx: &Context,
    request: UpdateBirthday,
) -> RpcResult<bool> {
    const INVALID: RpcError = RpcError::new(400, "BIRTHDAY_INVALID");
    let birthday = match request.birthday {
        None => None,
        Some(enums::Birthday::Birthday(sent)) => {
            let day = u8::try_from(sent.day).map_err(|_| INVALID)?;
            let month = u8::try_from(sent.month).map_err(|_| INVALID)?;
            let year = sent.year.map(u16::try_from).transpose().map_err(|_| INVALID)?;
            Some(Birthday { day, month, year })
        }
    };
    ctx.shared.core.set_birthday(Some(ctx.actor()?), ctx.user()?, birthday).await?;
    Ok(true)
}
