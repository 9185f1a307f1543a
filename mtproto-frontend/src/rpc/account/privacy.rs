//! `account.getPrivacy#dadbc950 key:InputPrivacyKey = account.PrivacyRules`,
//! `account.setPrivacy#c9f81ce8 key:InputPrivacyKey rules:Vector<InputPrivacyRule> =
//! account.PrivacyRules`
//!
//! The first rule that fits decides; where none does, the answer is no.
//! Source: <https://core.telegram.org/api/privacy>

use node_core::{CoreError, PrivacyKey};
use tl::functions::account::{GetPrivacy, SetPrivacy};
use tl::types::account::PrivacyRules;

use crate::project::{self, Named};
use crate::rpc::{Context, RpcError, RpcResult};

pub(in crate::rpc) async fn get_privacy(
    ctx: &Context,
    request: GetPrivacy,
) -> RpcResult<PrivacyRules> {
    rules(ctx, project::key_from_tl(&request.key)).await
}

pub(in crate::rpc) async fn set_privacy(
    ctx: &Context,
    request: SetPrivacy,
) -> RpcResult<PrivacyRules> {
    let key = project::key_from_tl(&request.key);
    let rules =
        project::rules_from_tl(&request.rules, |user| ctx.named_user(user), |chat| ctx.chat(chat))?;
    let set = ctx.shared.core.set_privacy(Some(ctx.actor()?), ctx.user()?, key, rules).await;
    set.map_err(|error| match error {
        CoreError::TooMany => RpcError::new(400, "PRIVACY_TOO_LONG"),
        other => other.into(),
    })?;
    self::rules(ctx, key).await
}

async fn rules(ctx: &Context, key: PrivacyKey) -> RpcResult<PrivacyRules> {
    let (owner, core) = (ctx.user()?, &ctx.shared.core);
    let set = core.privacy(owner, key).await?;
    let mut named = Named::default();
    let rules = project::privacy_rules(&set, &mut named);
    let (users, chats) = named.shown(ctx.view()?)?;
    Ok(PrivacyRules { rules, chats, users })
}
