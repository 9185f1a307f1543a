//! `rookery-load`: what a node costs, as ratios to floors taken in the same run.

mod bench;

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Parser, Subcommand, ValueEnum};

/// Load rows of a node, each beside its floor. Loopback only; stops by itself.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    /// A running node; without it, `rookery` beside this program (or the file that ROOKERY_BINARY
    /// names) is started with its limits lifted.
    #[arg(long, value_name = "HOST:PORT", requires = "pem", requires = "pid")]
    node: Option<SocketAddr>,
    /// File with the node's public RSA key.
    #[arg(long, value_name = "FILE")]
    pem: Option<PathBuf>,
    /// Process of the node: its CPU time and memory are read from /proc.
    #[arg(long)]
    pid: Option<u32>,
    /// Data directory of that node, for rows that need members: they are invited.
    #[arg(long, value_name = "DIR", requires = "node")]
    data: Option<PathBuf>,
    /// Rows to run; all without this.
    #[arg(long, value_delimiter = ',')]
    rows: Vec<RowName>,
    /// A few seconds a row instead of a few minutes in all.
    #[arg(long)]
    short: bool,
    /// Auth keys of the idle connections, which share them evenly. Default: one for ten, since an
    /// exchange takes the padded time of its answers.
    #[arg(long)]
    idle_keys: Option<usize>,
    /// Pairs of members of the delivery row: one message of each is in flight.
    #[arg(long, default_value_t = 64)]
    pairs: usize,
    /// Messages of the large store of the scale row; the small one has 1,000.
    #[arg(long, default_value_t = 1_000_000)]
    messages: u32,
    /// Members of the supergroup of the channel row who are never there, beside those who are.
    #[arg(long, default_value_t = 0)]
    absent: usize,
    /// One JSON document on standard output.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The floor of idle connections: a process with one bare task each. Started by the row.
    #[command(hide = true)]
    FloorIdle,
    /// The floor of delivery: a relay with a file. Started by the rows.
    #[command(hide = true)]
    FloorRelay {
        /// Where messages are kept.
        log: PathBuf,
        /// Tell senders that their messages are stored.
        #[arg(long)]
        answers: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum RowName {
    /// Server CPU of a message in and one out.
    Messages,
    /// New auth keys per second and core.
    Keys,
    /// Memory of an idle authorised connection.
    Idle,
    /// Latency beside a core full of handshakes.
    Latency,
    /// Server CPU of a message from member to member.
    Delivery,
    /// How long a message takes to its answer and to the peer.
    SendLatency,
    /// Pages and differences at many stored messages, beside few. On two nodes of its own.
    Scale,
    /// Files up and down.
    Media,
    /// Texts while photos are processed.
    Photos,
    /// A message in a full group.
    Group,
    /// A message in supergroups, to few and to many who are there.
    Channel,
    /// What sealing the whole store costs. On four nodes of its own.
    Sealed,
    /// Deliveries to servers of the fediverse. On a node of its own, in a namespace.
    Bridge,
    /// Messages between nodes, and a node that was away. On nodes of its own.
    Federation,
    /// A long history that a node finds. On nodes of its own.
    Late,
    /// Memory of many groups of two nodes. On nodes of its own.
    Shared,
}

fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    match cli.command {
        Some(Command::FloorIdle) => return bench::idle::floor_process(),
        Some(Command::FloorRelay { log, answers }) => {
            return bench::relay::floor_process(&log, answers);
        }
        None => {}
    }
    let all = [
        RowName::Messages,
        RowName::Keys,
        RowName::Latency,
        RowName::Delivery,
        RowName::SendLatency,
        RowName::Media,
        RowName::Photos,
        RowName::Group,
        RowName::Channel,
        RowName::Scale,
        RowName::Sealed,
        RowName::Bridge,
        RowName::Federation,
        RowName::Late,
        RowName::Shared,
        RowName::Idle,
    ];
    let wanted = if cli.rows.is_empty() { all.to_vec() } else { cli.rows };
    if wanted.contains(&RowName::Bridge)
        && let Some(ended) = bench::bridge::enter()?
    {
        std::process::exit(ended.code().unwrap_or(1));
    }
    let target = match (cli.node, cli.pem, cli.pid) {
        (Some(address), Some(pem), Some(pid)) => {
            bench::Target::running(address, &pem, pid, cli.data)?
        }
        _ => bench::Target::start().context("cannot start a node")?,
    };
    let mut rows = Vec::new();
    for name in wanted {
        rows.extend(match name {
            RowName::Messages => bench::messages::rows(&target, cli.short)?,
            RowName::Keys => vec![bench::keys::row(&target, cli.short)?],
            RowName::Idle => vec![bench::idle::row(&target, cli.short, cli.idle_keys)?],
            RowName::Latency => vec![bench::latency::row(&target, cli.short)?],
            RowName::Delivery => bench::delivery::rows(&target, cli.short, cli.pairs)?,
            RowName::SendLatency => bench::send_latency::rows(&target, cli.short)?,
            RowName::Media => bench::media::rows(&target, cli.short)?,
            RowName::Photos => bench::media::beside_photos(&target, cli.short)?,
            RowName::Group => bench::group::rows(&target, cli.short)?,
            RowName::Channel => bench::channel::rows(&target, cli.short, cli.absent)?,
            RowName::Scale => bench::scale::rows(cli.short, cli.messages)?,
            RowName::Sealed => bench::sealed::rows(cli.short, cli.pairs)?,
            RowName::Bridge => bench::bridge::rows(cli.short)?,
            RowName::Federation => bench::federation::rows(cli.short)?,
            RowName::Late => bench::federation::late(cli.short)?,
            RowName::Shared => vec![bench::federation::idle(cli.short)?],
        });
    }
    let mut out = std::io::stdout().lock();
    if cli.json {
        let rows: Vec<_> = rows.iter().map(bench::Row::json).collect();
        writeln!(out, "{}", serde_json::json!({ "rows": rows, "machine": bench::machine() }))?;
    } else {
        writeln!(out, "{}", bench::machine())?;
        for row in &rows {
            writeln!(out, "{row}")?;
        }
    }
    Ok(())
}
