//! Calls as a client makes them, below any session.

mod admin_log;
mod channel_beside;
mod channel_messages;
mod channels;
mod comments;
mod extras;
mod fan_out;
mod far_files;
mod groups;
mod media;
mod members;
mod secret;
mod start_up;
mod stickers;
mod topics;

use std::sync::Arc;

use keys::{AuthKey, MasterKey};
use node_core::{Core, Standing};
use node_store::MemoryStore;
use tl::functions as f;

use super::*;
use crate::auth_keys::ClientInfo;
use crate::{Bounds, Profile, Setup};

/// When it is.
pub(crate) const NOW_MS: u64 = 1_770_000_000_000;

/// A node that has just started.
pub(crate) fn shared() -> Arc<Shared> {
    let (store, clock) = (Arc::new(MemoryStore::new()), Arc::new(|| NOW_MS));
    let core = Core::open(node_core::Setup {
        store: store.clone(),
        clock: clock.clone(),
        registration: node_core::Registration::Invite,
        access_secret: [2; 32],
        master: Arc::new(MasterKey::from_file_bytes(&[9; 32]).unwrap()),
        can_mail: false,
        requires_email: false,
        stamp: [0; 16],
        has_login_page: false,
        one_device_per_kind: false,
        reaches_numbers: false,
        quotas: node_core::Quotas::default(),
        keep_s: 0,
        follow_s: node_core::FOLLOW_S,
        log_keys: node_core::LogKeys::generate(&mut crate::rng()),
    });
    Shared::new(Setup {
        clock,
        core: core.unwrap(),
        store,
        master: Arc::new(MasterKey::from_file_bytes(&[9; 32]).unwrap()),
        server_keys: Vec::new(),
        secrets: crate::transport::Secrets::default(),
        old_rsa_padding: true,
        salt_secret: [1; 32],
        profile: Profile {
            name: "Test".into(),
            public_addresses: Vec::new(),
            country: "DE".into(),
            dc: 2,
            tls: false,
            public_url: None,
            login_path: None,
        },
        bounds: Bounds::for_tests(),
        tls: None,
        proxies: crate::Proxies::default(),
        pages: axum::Router::new(),
        blobs: blobs(),
        studio: pictures::Studio::start(pictures::Setup::default()).unwrap(),
        previews: None,
        refusals: Arc::default(),
    })
}

/// A place for files, one for all tests of a process: uploads of two tests have different numbers.
fn blobs() -> blobs::Blobs {
    static BLOBS: std::sync::LazyLock<(tempfile::TempDir, blobs::Blobs)> =
        std::sync::LazyLock::new(|| {
            let directory = tempfile::tempdir().unwrap();
            let setup = blobs::Setup {
                place: blobs::Place::Directory(directory.path().join("blobs")),
                spool: directory.path().join("spool"),
                far: directory.path().join("far"),
                bounds: blobs::Bounds { free_bytes_min: 0, ..Default::default() },
            };
            let master = MasterKey::from_file_bytes(&[9; 32]).unwrap();
            // Not in the runtime of the test that comes first, which ends before others.
            let opened = std::thread::spawn(move || {
                let runtime = tokio::runtime::Runtime::new().unwrap();
                runtime.block_on(blobs::Blobs::open(setup, keys::BlobKey::derive(&master)))
            });
            (directory, opened.join().unwrap().unwrap())
        });
    BLOBS.1.clone()
}

fn context(layer: i32, expires_at: i64) -> Context {
    context_of(shared(), 5, layer, expires_at)
}

fn context_of(shared: Arc<Shared>, key: u8, layer: i32, expires_at: i64) -> Context {
    let key = AuthKey::from_slice(&[key; 256]).unwrap();
    Context {
        shared,
        key: Arc::new(KeyEntry::new(key, 1, 0, expires_at, NOW_MS)),
        session_id: 7,
        msg_id: 8,
        now_ms: NOW_MS,
        layer,
        addresses: Addresses {
            local: "[::ffff:192.0.2.1]:10443".parse().unwrap(),
            remote: "192.0.2.9:5000".parse().unwrap(),
        },
        dc: 3,
        standing: Standing::Unknown,
    }
}

async fn call<F: tl::Function>(ctx: &Context, request: &F) -> RpcResult<F::Result> {
    let query = tl::to_bytes(request, ctx.layer).unwrap();
    let answer = execute(ctx, &query).await?;
    Ok(tl::from_bytes(&answer, ctx.layer).unwrap())
}

#[tokio::test]
async fn config_names_this_node_under_every_dc_number() {
    let mut ctx = context(230, 0);
    let tl::enums::Config::Config(config) = call(&ctx, &f::help::GetConfig {}).await.unwrap();
    assert_eq!((config.this_dc, config.test_mode), (3, false));
    for id in 1..=5 {
        let option = config.dc_options.iter().find_map(|option| {
            let tl::enums::DcOption::DcOption(option) = option;
            (option.id == id).then_some(option)
        });
        let option = option.unwrap();
        assert_eq!((option.ip_address.as_str(), option.port), ("192.0.2.1", 10443));
        assert!(!option.ipv6 && !option.cdn);
    }
    ctx.dc = 10_002;
    ctx.addresses.local = "[2001:db8::1]:443".parse().unwrap();
    let tl::enums::Config::Config(config) = call(&ctx, &f::help::GetConfig {}).await.unwrap();
    assert_eq!((config.this_dc, config.test_mode), (10_002, true));
    let tl::enums::DcOption::DcOption(option) = &config.dc_options[1];
    assert_eq!((option.id, option.ipv6), (10_002, true));
    assert_eq!(option.ip_address, "2001:db8::1");
}

/// At layer 152 the answer is a bare JSONValue; later it has a hash.
#[tokio::test]
async fn app_config_has_the_shape_of_its_layer() {
    let old = context(152, 0);
    let query = 0x9891_4110_u32.to_le_bytes();
    let answer = execute(&old, &query).await.unwrap();
    let value: tl::enums::JsonValue = tl::from_bytes(&answer, 152).unwrap();
    assert!(matches!(value, tl::enums::JsonValue::JsonObject(_)));

    let new = context(230, 0);
    let first = call(&new, &f::help::GetAppConfig { hash: 0 }).await.unwrap();
    let tl::enums::help::AppConfig::AppConfig(first) = first else { panic!("{first:?}") };
    let again = call(&new, &f::help::GetAppConfig { hash: first.hash }).await.unwrap();
    assert!(matches!(again, tl::enums::help::AppConfig::AppConfigNotModified(_)));
}

#[tokio::test]
async fn every_built_answer_can_be_said_in_every_layer() {
    for layer in tl::LAYER_MIN..=tl::LAYER_MAX {
        let ctx = context(layer, 0);
        call(&ctx, &f::help::GetConfig {}).await.unwrap();
        call(&ctx, &f::help::GetNearestDc {}).await.unwrap();
        let countries = f::help::GetCountriesList { lang_code: "en".into(), hash: 0 };
        let countries = call(&ctx, &countries).await.unwrap();
        let tl::enums::help::CountriesList::CountriesList(list) = countries else {
            panic!("no list")
        };
        assert!(list.countries.len() > 200);
        let query = f::auth::SendCode {
            phone_number: format!("+888{:08}", layer),
            api_id: 1,
            api_hash: "x".into(),
            ..Default::default()
        };
        call(&ctx, &query).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_not_built_or_not_allowed_says_so() {
    let ctx = context(230, 0);
    let error = |result: RpcResult<Vec<u8>>| {
        let error = result.unwrap_err();
        (error.code, error.message.into_owned())
    };
    let unknown = execute(&ctx, &0x1234_5678_u32.to_le_bytes()).await;
    assert_eq!(error(unknown), (400, format!("INPUT_METHOD_INVALID_{}", 0x1234_5678)));
    let state = tl::to_bytes(&f::updates::GetState {}, 230).unwrap();
    assert_eq!(error(execute(&ctx, &state).await), (401, "AUTH_KEY_UNREGISTERED".into()));
    let unbuilt = tl::to_bytes(&f::auth::ImportBotAuthorization::default(), 230).unwrap();
    assert_eq!(error(execute(&ctx, &unbuilt).await), (400, "NOT_IMPLEMENTED".into()));
    let truncated = tl::to_bytes(&f::auth::SendCode::default(), 230).unwrap();
    assert_eq!(error(execute(&ctx, &truncated[..8]).await), (400, "INPUT_FETCH_ERROR".into()));
    assert_eq!(error(execute(&ctx, &[1, 2]).await), (400, "INPUT_FETCH_ERROR".into()));
    let config = tl::to_bytes(&f::help::GetConfig {}, 230).unwrap();
    let silent = context(0, 0);
    assert_eq!(error(execute(&silent, &config).await), (400, "CONNECTION_NOT_INITED".into()));
    let unbound = context(230, (NOW_MS / 1000 + 60) as i64);
    assert_eq!(error(execute(&unbound, &config).await), (401, "AUTH_KEY_PERM_EMPTY".into()));
}

#[tokio::test]
async fn codes_are_limited_per_number_with_an_honest_wait() {
    let ctx = context(230, 0);
    let request = f::auth::SendCode {
        phone_number: "+88812345678".into(),
        api_id: 1,
        api_hash: "x".into(),
        ..Default::default()
    };
    for _ in 0..5 {
        call(&ctx, &request).await.unwrap();
    }
    let error = call(&ctx, &request).await.unwrap_err();
    assert_eq!((error.code, &*error.message), (420, "FLOOD_WAIT_720"));
}

#[tokio::test]
async fn the_language_pack_is_english_and_empty() {
    let ctx = context(230, 0);
    let pack = |name: &str, code: &str| f::langpack::GetLangPack {
        lang_pack: name.into(),
        lang_code: code.into(),
    };
    let difference = call(&ctx, &pack("weba", "en")).await.unwrap();
    let tl::enums::LangPackDifference::LangPackDifference(difference) = difference;
    assert_eq!((difference.from_version, difference.strings.len()), (0, 0));
    let error = call(&ctx, &pack("weba", "xx")).await.unwrap_err();
    assert_eq!(error.message, "LANG_CODE_NOT_SUPPORTED");
    let error = call(&ctx, &pack("nonsense", "en")).await.unwrap_err();
    assert_eq!(error.message, "LANG_PACK_INVALID");
}

fn wrapped(layer: i32, query: Vec<u8>) -> Vec<u8> {
    let inner = f::InitConnection {
        api_id: 4,
        device_model: "d\u{e9}vice".repeat(100),
        query: tl::Rest(query),
        ..Default::default()
    };
    let inner = tl::Rest(tl::to_bytes(&inner, 230).unwrap());
    tl::to_bytes(&f::InvokeWithLayer { layer, query: inner }, 230).unwrap()
}

#[test]
fn wrappers_come_off_in_any_order() {
    let query = tl::to_bytes(&f::help::GetConfig {}, 230).unwrap();
    let found = unwrap(&wrapped(158, query.clone()).into(), 0).unwrap();
    assert_eq!((found.layer, &found.query[..]), (Some(158), query.as_slice()));
    let client = found.client.unwrap();
    assert_eq!(client.api_id, 4);
    assert!(client.device_model.len() <= 128 && client.device_model.starts_with("d\u{e9}"));

    let after = f::InvokeAfterMsg { msg_id: 9, query: tl::Rest(wrapped(200, query.clone())) };
    let after = tl::to_bytes(&after, 230).unwrap();
    let silent = f::InvokeWithoutUpdates { query: tl::Rest(after) };
    let found = unwrap(&tl::to_bytes(&silent, 230).unwrap().into(), 0).unwrap();
    assert!(found.without_updates);
    assert_eq!((found.layer, found.after), (Some(200), vec![9]));

    for layer in [0, 151, 231, -1] {
        let error = unwrap(&wrapped(layer, query.clone()).into(), 0).unwrap_err();
        assert_eq!(error.message, "CONNECTION_LAYER_INVALID", "{layer}");
    }
    let mut deep = query;
    for _ in 0..20 {
        deep = tl::to_bytes(&f::InvokeWithoutUpdates { query: tl::Rest(deep) }, 230).unwrap();
    }
    assert!(unwrap(&deep.into(), 0).is_err());
}

/// TDLib packs the call inside initConnection, as a zlib stream.
#[test]
fn a_packed_call_is_unpacked_once() {
    use std::io::Write as _;
    let pack = |data: &[u8]| {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(data).unwrap();
        let packed_data = encoder.finish().unwrap();
        tl::to_bytes(&tl::mtproto::types::GzipPacked { packed_data }, 0).unwrap()
    };
    let query = tl::to_bytes(&f::help::GetConfig {}, 230).unwrap();
    let found = unwrap(&wrapped(229, pack(&query)).into(), 0).unwrap();
    assert_eq!(found.query, query);
    assert!(unwrap(&wrapped(229, pack(&pack(&query))).into(), 0).is_err());
}

#[test]
fn the_table_has_every_method_once() {
    let rows: Vec<_> = method_rows().collect();
    assert_eq!(rows.len(), tl::Method::ALL.len());
    let built = rows.iter().filter(|row| row.shown_by.is_some()).count();
    assert!(built >= 22, "{built}");
    let _ = ClientInfo::default();
}

/// Line 42: a session that loads and uploads gets no updates for that.
#[test]
fn calls_about_bytes_ask_for_no_updates() {
    let layer = tl::LAYER_MAX;
    let about = |query: Vec<u8>| is_about_bytes(&query, layer);
    let get = tl::functions::upload::GetFile {
        location: tl::types::InputTakeoutFileLocation {}.into(),
        offset: 0,
        limit: 4096,
        ..tl::functions::upload::GetFile::default()
    };
    assert!(about(tl::to_bytes(&get, layer).unwrap()));
    let save = tl::functions::upload::SaveFilePart { file_id: 1, file_part: 0, bytes: vec![0] };
    assert!(about(tl::to_bytes(&save, layer).unwrap()));
    assert!(!about(tl::to_bytes(&tl::functions::updates::GetState {}, layer).unwrap()));
    assert!(!about(Vec::new()));
}
