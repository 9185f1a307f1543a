//! `updates.getState#edd4882a = updates.State`
//!
//! Source: <https://core.telegram.org/method/updates.getState>

use node_core::Pts;
use tl::enums::updates::State;
use tl::functions::updates::GetState;

use crate::rpc::{Context, RpcResult};

pub(in crate::rpc) async fn get_state(ctx: &Context, _: GetState) -> RpcResult<State> {
    let user = ctx.user()?;
    ctx.resume_updates();
    let core = &ctx.shared.core;
    let (now, qts) = (core.state(user).await?, core.qts(user, ctx.auth_key()?).await?);
    Ok(state(ctx, now.pts, qts, now.unread))
}

/// The state of a client that has seen `pts` and `qts`, and all that has no number. Updates carry no seq.
pub(in crate::rpc) fn state(ctx: &Context, pts: Pts, qts: i32, unread_count: i32) -> State {
    let date = ctx.now();
    tl::types::updates::State { pts: pts.0, qts, date, seq: 0, unread_count }.into()
}

impl Context {
    /// Unix seconds.
    pub(in crate::rpc) fn now(&self) -> i32 {
        (self.now_ms / 1000) as i32
    }

    /// The client fetches what it missed: from now on updates flow again. Called before anything
    /// is read, so that nothing falls between.
    pub(in crate::rpc) fn resume_updates(&self) {
        if let Some(session) = self.shared.sessions.get(self.key.id, self.session_id) {
            session.lock().session.resume_updates();
        }
    }
}
