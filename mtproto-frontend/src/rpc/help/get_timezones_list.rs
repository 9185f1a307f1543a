//! `help.getTimezonesList#49b30240 hash:int = help.TimezonesList`
//!
//! Source: <https://core.telegram.org/method/help.getTimezonesList>

use std::sync::LazyLock;

use serde::Deserialize;
use tl::enums::help::TimezonesList;
use tl::functions::help::GetTimezonesList;
use tl::types::help;

use super::content_hash;
use crate::rpc::{Context, RpcResult};

#[derive(Deserialize)]
struct Zone {
    id: String,
    name: String,
    /// Seconds east of UTC, without daylight saving.
    utc_offset: i32,
}

const DATA: &str = include_str!("../../../data/timezones.json");

static HASH: LazyLock<i32> = LazyLock::new(|| content_hash(DATA.as_bytes()));

static ZONES: LazyLock<Vec<tl::enums::Timezone>> = LazyLock::new(|| {
    let zones: Vec<Zone> =
        serde_json::from_str(DATA).expect("data/timezones.json is checked by a test");
    let timezone = |zone: Zone| tl::types::Timezone {
        id: zone.id,
        name: zone.name,
        utc_offset: zone.utc_offset,
    };
    zones.into_iter().map(|zone| timezone(zone).into()).collect()
});

pub(in crate::rpc) async fn get_timezones_list(
    _: &Context,
    request: GetTimezonesList,
) -> RpcResult<TimezonesList> {
    if request.hash == *HASH {
        return Ok(help::TimezonesListNotModified {}.into());
    }
    Ok(help::TimezonesList { timezones: ZONES.clone(), hash: *HASH }.into())
}
