//! `aicompose.*`: no text is rewritten here, so there is no tone to choose.

use tl::enums::aicompose as e;
use tl::functions::aicompose as f;
use tl::types::aicompose as t;

use super::empty::CHOSEN_HASH;
use super::{Context, RpcResult};

/// `aicompose.getTones#abd59201 hash:long = aicompose.Tones`
pub(super) async fn get_tones(_: &Context, request: f::GetTones) -> RpcResult<e::Tones> {
    let hash = i64::from(CHOSEN_HASH);
    Ok(if request.hash == hash {
        t::TonesNotModified {}.into()
    } else {
        t::Tones { hash, ..Default::default() }.into()
    })
}
