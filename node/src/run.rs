//! Starts the node: secrets, listeners, the ready line; and ends it.

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use activitypub::Carrier;
use anyhow::{Context as _, anyhow};
use blobs::Blobs;
use mtproto_frontend::{Bounds, Frontend, Profile, Rate, Refusals, Secrets, Setup};
use node_core::{Core, Registration};
use oidc::Oidc;
use pictures::Studio;
use rand::SeedableRng as _;
use sd_notify::NotifyState;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;

use crate::certificates::Keeper as Certificates;
use crate::cli::DataArgs;
use crate::client_config::Ready;
use crate::config::{Config, LimitsConfig, OidcConfig, RegistrationMode, Scheme, secret};
use crate::control::NumberAndCode;
use crate::federation::Federation;
use crate::metrics::Metrics;
use crate::pages::Site;
use crate::{admin, backup, commands, control, delivery, doctor, media, metrics, secrets};

/// How long connections may take to end after SIGTERM.
const SHUTDOWN: Duration = Duration::from_secs(3);

/// Runs until SIGTERM or SIGINT.
pub(crate) fn run(config: Config, args: &DataArgs) -> anyhow::Result<()> {
    crate::log::init(&config.log);
    let client = config.http.web_client.as_deref().map(web_client).transpose()?;
    #[expect(clippy::disallowed_methods, reason = "the binary owns randomness")]
    let opened = secrets::open(&args.data, &config.store, &mut rand::rng())?;
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?
        .block_on(serve(config, args, opened, client))
}

/// What browsers get below `/web/`.
fn web_client(directory: &Path) -> anyhow::Result<web::WebClient> {
    let opened = web::WebClient::open(directory);
    opened.with_context(|| format!("http.web_client: {}", directory.display()))
}

async fn serve(
    config: Config,
    args: &DataArgs,
    opened: secrets::Opened,
    client: Option<web::WebClient>,
) -> anyhow::Result<()> {
    let mut signals = Signals::take()?;
    let public = opened.server_key.public_pem();
    let fingerprint = opened.server_key.fingerprint();
    tracing::info!(node = %opened.identity.public(), "starting");
    let ways = delivery::setup(&config.node.name, clock(), &config.codes)?;
    let core = core(&config, &opened, &ways)?;
    let blobs = media::open(&config.media, &args.data, &opened.master).await?;
    let studio = media::studio(&config.media)?;
    let (delivery, deliver) = ::delivery::Delivery::new(ways);
    core.follow(Arc::new(delivery.clone()));
    let delivering = tokio::spawn(deliver);
    let owner = core.prepare(&config.node.name).await.context("cannot prepare the store")?;
    mtproto_frontend::store_bundled(&core, &blobs).await.context("cannot prepare the store")?;
    let store = opened.store.clone();
    let keeper = media::Keeper {
        core: core.clone(),
        blobs: blobs.clone(),
        clock: clock(),
        upload_kept: Duration::from_secs(config.media.upload_kept_s),
        totals: Arc::default(),
        turn: Arc::default(),
    };
    let tidying = tokio::spawn(keeper.clone().run());
    let operational = keys::NodeIdentity::from_seed(&opened.identity.seed());
    let federated = {
        let (core, blobs) = (core.clone(), blobs.clone());
        Federation::start(&config.federation, operational, core, blobs).await?
    };
    let (federation, federating) = federated.unzip();
    let bridged = match config.activitypub.host.as_str() {
        "" => None,
        _ => {
            let setup = bridge(&config)?;
            #[expect(clippy::disallowed_methods, reason = "the binary owns randomness")]
            let rng = rand::rngs::StdRng::from_rng(&mut rand::rng());
            let started = Carrier::start(setup, core.clone(), blobs.clone(), rng).await;
            Some(started.context("in [activitypub]")?)
        }
    };
    let (bridge, bridging) = bridged.unzip();
    let here = Arc::new(doctor::Here {
        config: config.clone(),
        data: args.data.clone(),
        started: i32::try_from(clock()() / 1000).unwrap_or(i32::MAX),
        ready: OnceLock::new(),
        refusals: Arc::default(),
    });
    let tls = config.tls.as_ref().map(|tls| {
        Certificates::open(tls, &opened.store, &opened.master, clock()).context("no TLS")
    });
    let tls = tls.transpose()?;
    let asked = control::Node {
        core: core.clone(),
        here: here.clone(),
        store: store.clone(),
        delivery,
        keeper,
        federation: federation.clone(),
        bridge: bridge.clone(),
        recovery: Arc::new(opened.recovery_key()),
        rotation: Arc::new(opened.rotation()),
        certificate: tls.as_ref().map(|tls| tls.shown.clone()),
        backup: Arc::new(backup::Source {
            rests: opened.rests.clone(),
            places: backup::Places::of(&config, &args.data)?,
        }),
    };
    let metrics = Arc::new(Metrics {
        node: asked.clone(),
        quotas: media::quotas(&config.media),
        frontend: OnceLock::new(),
        ready: AtomicBool::new(false),
    });
    let (watched, watching) = metrics::listen(&metrics, &config.metrics.listen).await?;
    let more = admin::router(&config, &asked);
    let by_message = commands::start(asked.clone());
    let commands = tokio::spawn(control::listen(&args.data, asked)?);
    leave_last_second(opened.last_write).await;
    let timers = tokio::spawn(timers(core.clone()));
    let site =
        Arc::new(Site::new(core.clone(), clock(), &config, federation.clone(), bridge.clone()));
    let sso = config.oidc.as_ref().map(|sso| oidc(&config, core.clone(), sso)).transpose()?;
    let more = more.merge(sso.as_ref().map_or_else(axum::Router::new, |sso| sso.router()));
    let more = more.merge(bridge.as_ref().map_or_else(axum::Router::new, |bridge| bridge.router()));
    let more = more.merge(client.map_or_else(axum::Router::new, web::WebClient::router));
    let pages = web::router(site.clone(), more);
    let server_config = tls.as_ref().map(|tls| tls.certificates.server_config()).transpose()?;
    let refusals = here.refusals.clone();
    let mut setup = setup(&config, core.clone(), opened, pages, (blobs, studio), refusals)?;
    setup.tls = server_config;
    let frontend = Frontend::new(setup);
    // The first call counts; a node makes one.
    let _ = metrics.frontend.set(frontend.watch());
    let mtproto = frontend.listen(&config.mtproto.listen.to_vec()).await?;
    let http = frontend.listen_for_browsers(&config.http.listen.to_vec()).await?;
    let mut ready = Ready {
        ready: true,
        mtproto: advertised(config.node.public_addresses.first().or(mtproto.first())),
        http: advertised(http.first()),
        metrics: watched.first().map(|address| address.to_string()),
        mesh: federation.as_ref().map(|found| found.addresses()).unwrap_or_default(),
        dc: config.mtproto.dc,
        rsa_fingerprint: format!("{:016x}", fingerprint.cast_unsigned()),
        rsa_pem: public,
        owner: None,
    };
    site.is_ready(&ready);
    // Set once; a second start of one process does not happen.
    let _ = here.ready.set(ready.clone());
    core.pages_are_at(&web::Pages::base(&*site));
    ready.owner = owner.map(|invite| NumberAndCode::of_invite(&core, invite));
    if let Some(sso) = &sso {
        let scheme = if config.tls.is_some() { "https" } else { "http" };
        let here = format!("{scheme}://{}", ready.http);
        sso.is_at(config.http.public_url.as_ref().unwrap_or(&here));
    }
    // The authority can reach the node from now on.
    let certifying = tls.map(|tls| tokio::spawn(tls.run()));
    metrics.ready.store(true, Ordering::Release);
    ready.save(&args.data)?;
    announce(&ready, args)?;
    tell_manager(NotifyState::Ready);
    if let Some(federation) = federation.clone() {
        tokio::spawn(async move {
            let reason = federation.ended().await;
            tracing::error!(%reason, "other nodes are not reached any more");
        });
    }
    let outcome = tokio::select! {
        ended = signals.recv() => {
            tracing::info!(signal = ended, "stopping");
            Ok(())
        }
        // What cannot be written cannot be acknowledged: better no node than one that forgets.
        reason = core.stopped() => Err(anyhow!("the node cannot go on: {reason}")),
        reason = store.failed() => Err(anyhow!("the node cannot go on: {reason}")),
    };
    tell_manager(NotifyState::Stopping);
    commands.abort();
    by_message.abort();
    federating.iter().for_each(JoinHandle::abort);
    bridging.iter().for_each(activitypub::Tasks::abort);
    timers.abort();
    certifying.iter().for_each(JoinHandle::abort);
    tidying.abort();
    delivering.abort();
    watching.iter().for_each(JoinHandle::abort);
    frontend.shutdown(SHUTDOWN).await;
    tokio::task::spawn_blocking(move || core.close()).await?;
    outcome
}

/// Tells systemd, where it started this node and waits for it (`Type=notify`).
fn tell_manager(state: NotifyState<'_>) {
    if let Err(cause) = sd_notify::notify(&[state]) {
        tracing::warn!(%cause, "systemd is not told");
    }
}

/// Has the rules do what is due at its time: scheduled messages, and messages that go.
async fn timers(core: Core) {
    // The clock may be set meanwhile: looked at now and then, whatever it said.
    const LOOK_EVERY: Duration = Duration::from_secs(30);
    let mut due = core.due();
    loop {
        let next = *due.borrow_and_update();
        let wait = next.map_or(LOOK_EVERY, |next| {
            let ms = (u64::from(next) * 1000).saturating_sub(core.now_ms());
            Duration::from_millis(ms).min(LOOK_EVERY)
        });
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            changed = due.changed() => match changed {
                Ok(()) => continue,
                Err(_) => return,
            },
        }
        if next.is_some()
            && let Err(cause) = core.tick().await
        {
            tracing::warn!(%cause, "timers wait");
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
}

/// The rules, on the opened store.
fn core(
    config: &Config,
    opened: &secrets::Opened,
    ways: &::delivery::Setup,
) -> anyhow::Result<Core> {
    let setup = node_core::Setup {
        store: opened.store.clone(),
        clock: clock(),
        registration: match config.registration.mode {
            RegistrationMode::Invite => Registration::Invite,
            RegistrationMode::Open => Registration::Open,
            RegistrationMode::Closed => Registration::Closed,
        },
        access_secret: opened.access_secret,
        master: opened.master.clone(),
        stamp: opened.stamp,
        log_keys: opened.log_keys(&config.federation.domain, reached(config), clock()())?,
        can_mail: ways.smtp.is_some(),
        has_login_page: config.oidc.is_some(),
        requires_email: config.codes.require_email,
        one_device_per_kind: config.logins.one_device_per_kind,
        reaches_numbers: ways.webhook.is_some() || ways.command.is_some(),
        quotas: media::quotas(&config.media),
        keep_s: i32::from(config.messages.keep_days) * 86_400,
        follow_s: i32::try_from(config.federation.follow_unused_s).unwrap_or(i32::MAX),
    };
    Core::open(setup).context("the store cannot be read")
}

/// Where other nodes reach this one.
fn reached(config: &Config) -> &[String] {
    let given = &config.federation;
    if given.advertise.is_empty() { &given.listen } else { &given.advertise }
}

/// How the node is known in the fediverse.
fn bridge(config: &Config) -> anyhow::Result<activitypub::Setup> {
    let given = &config.activitypub;
    let domain = Some(&given.handle_domain).filter(|domain| !domain.is_empty());
    let allow_ips = given.allow_ips.iter().map(|network| {
        network.parse().with_context(|| format!("activitypub.allow_ips: {network:?}"))
    });
    Ok(activitypub::Setup {
        host: given.host.clone(),
        handle_domain: domain.unwrap_or(&given.host).clone(),
        plain_http: given.scheme == Scheme::Http,
        allow_ips: allow_ips.collect::<anyhow::Result<_>>()?,
        ca_file: given.ca_file.clone(),
        secure_mode: given.secure_mode,
        allowed_hosts: given.allowed_hosts.clone(),
        deliveries_at_once: given.deliveries_at_once,
        media_bytes_max: given.media_bytes_max,
        about: activitypub::About {
            name: config.node.name.clone(),
            operator: config.node.operator.clone(),
            contact: config.node.contact.clone(),
            rules: config.node.rules.clone(),
            open_registrations: config.registration.mode == RegistrationMode::Open,
        },
        change_host: given.change_host,
    })
}

/// The page for people of another service.
fn oidc(config: &Config, core: Core, sso: &OidcConfig) -> anyhow::Result<Arc<Oidc>> {
    let file = sso.client_secret_file.as_deref();
    let setup = oidc::Setup {
        node: config.node.name.clone(),
        issuer: sso.issuer.clone(),
        client_id: sso.client_id.clone(),
        client_secret: secret("client_secret", sso.client_secret.as_ref(), file)
            .context("in [oidc]")?,
        scopes: sso.scopes.clone(),
        allowed_groups: sso.allowed_groups.clone(),
        groups_claim: sso.groups_claim.clone(),
        allowed_domains: sso.allowed_domains.clone(),
        authorities: sso.ca_file.clone(),
        within: Duration::from_secs(sso.timeout_s),
        clock: clock(),
        #[expect(clippy::disallowed_methods, reason = "the binary owns randomness")]
        random: |bytes| rand::Rng::fill_bytes(&mut rand::rng(), bytes),
    };
    Oidc::new(core, setup).context("in [oidc]")
}

/// Waits for the second after the last write of an earlier run. The frontend takes messages from the
/// begin of its first second on, and what was executed before must not be taken again.
async fn leave_last_second(last_write: Option<SystemTime>) {
    let Some(last_write) = last_write else { return };
    let second = |ms: u64| ms / 1000;
    let last_ms = last_write.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64);
    let now_ms = clock()();
    // A clock that was set back leaves nothing to wait for: ids are judged by it anyway.
    if second(now_ms) == second(last_ms) {
        tokio::time::sleep(Duration::from_millis(1000 - now_ms % 1000)).await;
    }
}

/// Wall time.
pub(crate) fn clock() -> node_core::Clock {
    Arc::new(|| {
        #[expect(clippy::disallowed_methods, reason = "the binary owns the clock")]
        let now = SystemTime::now();
        // Before 1970 there is no MTProto.
        now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
    })
}

/// An address that a client can connect to: one that listens everywhere is told as the one that
/// this machine uses towards others.
fn advertised(address: Option<&SocketAddr>) -> String {
    let Some(address) = address else { return String::new() };
    let ip = if address.ip().is_unspecified() { own_address() } else { address.ip() };
    SocketAddr::new(ip, address.port()).to_string()
}

/// The address of this machine's way out. Connecting a UDP socket sends nothing; it only asks the
/// routing table. 192.0.2.1 is an address of documentation (RFC 5737).
pub(crate) fn own_address() -> IpAddr {
    let local = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).and_then(|socket| {
        socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9))?;
        socket.local_addr()
    });
    match local {
        Ok(local) if !local.ip().is_unspecified() => local.ip(),
        _ => Ipv4Addr::LOCALHOST.into(),
    }
}

fn announce(ready: &Ready, args: &DataArgs) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{}", serde_json::to_string(ready)?)?;
    } else {
        writeln!(out, "This Rookery node is ready.\n\n{}", ready.text()?)?;
        if let Some(owner) = &ready.owner {
            writeln!(
                out,
                "Nobody owns this node yet. Log in with this number and code to become its owner;\n\
                 they are shown once (`rookery invite` makes new ones):\n\n\
                 Number   {}\nCode     {}",
                owner.phone, owner.code
            )?;
            if let Some(page) = &owner.page {
                writeln!(out, "Page     {page}")?;
            }
            writeln!(out)?;
        }
        writeln!(
            out,
            "Point a client at the address and give it the RSA key: README.md shows how, client by\n\
             client. `rookery client-config --data {}` prints this again.",
            args.data.display()
        )?;
    }
    out.flush()?;
    Ok(())
}

fn setup(
    config: &Config,
    core: Core,
    opened: secrets::Opened,
    pages: axum::Router,
    (blobs, studio): (Blobs, Studio),
    refusals: Arc<Refusals>,
) -> anyhow::Result<Setup> {
    let secrets = config.mtproto.secrets.iter().map(|s| s.parse()).collect::<Result<_, _>>();
    let secrets = secrets.and_then(Secrets::new).context("in mtproto.secrets")?;
    Ok(Setup {
        clock: clock(),
        core,
        store: opened.store,
        master: opened.master,
        server_keys: vec![opened.server_key],
        secrets,
        old_rsa_padding: config.mtproto.old_rsa_padding,
        salt_secret: opened.salt_secret,
        profile: Profile {
            name: config.node.name.clone(),
            public_addresses: config.node.public_addresses.clone(),
            country: config.node.country.clone(),
            dc: config.mtproto.dc,
            tls: config.tls.is_some(),
            login_path: config.oidc.as_ref().map(|_| oidc::PATH),
            public_url: config.http.public_url.clone(),
        },
        bounds: bounds(&config.limits, config),
        pages,
        tls: None,
        proxies: config.proxy.proxies()?,
        blobs,
        studio,
        previews: previews(config)?,
        refusals,
    })
}

/// What fetches pages, where the operator wants previews.
fn previews(config: &Config) -> anyhow::Result<Option<preview::Fetcher>> {
    let asked = &config.previews;
    if !asked.enabled {
        return Ok(None);
    }
    let allow_ips = asked.allow_ips.iter().map(|network| {
        let parsed = network.parse();
        parsed.with_context(|| format!("in previews.allow_ips: {network} is not a network"))
    });
    let setup = preview::Setup {
        allow_ips: allow_ips.collect::<anyhow::Result<_>>()?,
        allow_ports: asked.allow_ports.clone(),
        ..preview::Setup::default()
    };
    Ok(Some(preview::Fetcher::new(setup).context("in [previews]")?))
}

fn bounds(limits: &LimitsConfig, config: &Config) -> Bounds {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Bounds {
        connections_max: limits.connections_max,
        connections_per_address_max: limits.connections_per_address_max,
        handshakes_per_address: Rate {
            burst: limits.handshakes_per_address_burst,
            per_second: f64::from(limits.handshakes_per_address_per_minute) / 60.0,
        },
        handshakes_waiting_max: limits.handshakes_waiting_max,
        handshake_threads: config.mtproto.handshake_threads.unwrap_or((cores / 2).max(1)),
        requests_per_key: Rate {
            burst: limits.requests_per_key_burst,
            per_second: f64::from(limits.requests_per_key_per_second),
        },
        idle_timeout: Duration::from_secs(config.mtproto.idle_timeout_s),
    }
}

/// The operator's word to end.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Taken from now on: before anybody is told that the node is ready.
    fn take() -> anyhow::Result<Self> {
        let terminate = signal(SignalKind::terminate())?;
        Ok(Self { terminate, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for one.
    async fn recv(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
