//! `help.getConfig#c4f9186b = Config`
//!
//! Where the node is, under every DC number that a client may ask for, and its limits. `this_dc`
//! and `test_mode` repeat what the client addressed: TDLib asks again without pause otherwise.
//! Source: <https://core.telegram.org/method/help.getConfig>

use std::net::{IpAddr, SocketAddr};

use tl::functions::help::GetConfig;
use tl::types::{Config, DcOption};

use crate::project;
use crate::rpc::{Context, RpcResult};

/// The DC numbers that clients have in their tables.
const DC_IDS: std::ops::RangeInclusive<i32> = 1..=5;

/// Test DCs count from here.
const TEST_DC_BASE: i32 = 10_000;

/// Seconds until a client asks again. Telegram uses about an hour.
const EXPIRES_S: i32 = 3600;

pub(in crate::rpc) async fn get_config(ctx: &Context, _: GetConfig) -> RpcResult<Config> {
    // Also asked before a login.
    let reactions_default = match ctx.user() {
        Ok(user) => Some(project::reaction(&ctx.shared.core.default_reaction(user)?)),
        Err(_) => None,
    };
    let date = (ctx.now_ms / 1000) as i32;
    let test_mode = ctx.dc > TEST_DC_BASE;
    Ok(Config {
        revoke_pm_inbox: true,
        date,
        expires: date.saturating_add(EXPIRES_S),
        test_mode,
        this_dc: ctx.dc,
        dc_options: dc_options(ctx, test_mode).into_iter().map(Into::into).collect(),
        // Clients ask this name's TXT record for addresses when they cannot connect. Ours have
        // none, and must not fall back to Telegram's.
        dc_txt_domain_name: String::new(),
        chat_size_max: 200,
        megagroup_size_max: 200_000,
        forwarded_count_max: 100,
        online_update_period_ms: 210_000,
        offline_blur_timeout_ms: 5000,
        offline_idle_timeout_ms: 30_000,
        online_cloud_timeout_ms: 300_000,
        notify_cloud_delay_ms: 30_000,
        notify_default_delay_ms: 1500,
        push_chat_period_ms: 60_000,
        push_chat_limit: 2,
        edit_time_limit: 172_800,
        revoke_time_limit: i32::MAX,
        revoke_pm_time_limit: i32::MAX,
        rating_e_decay: 2_419_200,
        stickers_recent_limit: 200,
        channels_read_media_period: 604_800,
        call_receive_timeout_ms: 20_000,
        call_ring_timeout_ms: 90_000,
        call_connect_timeout_ms: 30_000,
        call_packet_timeout_ms: 10_000,
        me_url_prefix: ctx.shared.me_url_prefix(ctx.addresses.local),
        caption_length_max: 1024,
        message_length_max: 4096,
        reactions_default,
        webfile_dc_id: ctx.dc,
        // Fields of older layers. 152 to 157 read limits here that moved to the app config.
        phonecalls_enabled: false,
        pfs_enabled: true,
        saved_gifs_limit: 200,
        stickers_faved_limit: 5,
        pinned_dialogs_count_max: 5,
        pinned_infolder_count_max: 100,
        ..Config::default()
    })
}

/// One option per DC number and address; media goes to the same place.
fn dc_options(ctx: &Context, test_mode: bool) -> Vec<DcOption> {
    let mut addresses = ctx.shared.profile.public_addresses.clone();
    if addresses.is_empty() {
        addresses.push(ctx.addresses.local);
    }
    let mut options = Vec::new();
    for id in DC_IDS {
        for address in &addresses {
            options.push(dc_option(if test_mode { id + TEST_DC_BASE } else { id }, *address));
        }
    }
    options
}

fn dc_option(id: i32, address: SocketAddr) -> DcOption {
    // A dual-stack listener reports IPv4 clients as IPv6-mapped addresses.
    let ip = address.ip().to_canonical();
    DcOption {
        ipv6: matches!(ip, IpAddr::V6(_)),
        // The node may serve something else on 80, 443 or 5222: clients must not try them.
        this_port_only: true,
        id,
        ip_address: ip.to_string(),
        port: i32::from(address.port()),
        ..DcOption::default()
    }
}
