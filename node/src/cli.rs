//! The command line.

mod archive;
mod backup;
mod bridge;
mod operator;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::passphrase::New;
use crate::{
    client_config, codes, config, doctor, init, media, offline, passphrase, peers, reindex, run,
    takedown,
};

/// A self-hosted, federated messenger node that Telegram clients talk to.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: RunArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the node (also without any command).
    Run(RunArgs),
    /// Ask a few questions and write a configuration that says what every key does.
    Init(init::InitArgs),
    /// Print what a client needs to reach the node: address, DC, RSA key, fingerprint.
    ClientConfig(ClientConfigArgs),
    /// Print a number and a code with which somebody can join the running node, and a link to a page that
    /// shows them and how to connect; or look at those that nobody has used.
    Invite(InviteArgs),
    /// See members, and change what only the operator may change of one.
    User(operator::UserArgs),
    /// Print the login code that a member of the running node would get.
    Code(CodeArgs),
    /// Print what members of the running node have reported, the newest first.
    Reports(ReportsArgs),
    /// Remove a message from all nodes that show it, for example because a court says so.
    Takedown(TakedownArgs),
    /// Print the running node at a glance: who and what is there, what is connected, what is stored.
    Status(PeerListArgs),
    /// Print what the running node has written since its start.
    Stats(StatsArgs),
    /// Build the index of words in messages anew: behind the running node, or without one.
    Reindex(ReindexArgs),
    /// Look after the files of members of the running node.
    Media(MediaArgs),
    /// Look after the running node's connections to other nodes.
    Peer(PeerArgs),
    /// Look after channels that the running node shares with others.
    Channel(ChannelArgs),
    /// Look after channels that people of the fediverse follow.
    Bridge(bridge::BridgeArgs),
    /// Give the running node new keys, for example because the old ones may have been stolen. Other nodes
    /// take it for the same node, and who has only the old keys no longer.
    RotateKeys(PeerListArgs),
    /// Say why clients do not connect or nodes do not talk, and what to do. Exits with 1 if something is
    /// wrong.
    Doctor(DoctorArgs),
    /// Write what one member has, or a whole group or channel, as JSON and pages with its files.
    Archive(archive::ArchiveArgs),
    /// Write everything that the store of a stopped node holds into a file. Files of members are not
    /// in the store: copy `media` in the data directory, or keep the bucket.
    Export(ExportArgs),
    /// Fill the empty store of a data directory from an exported file.
    Import(ImportArgs),
    /// Write everything that a node needs on a new machine into one encrypted file, while it runs or not.
    Backup(backup::BackupArgs),
    /// Fill an empty data directory from a backup.
    Restore(backup::RestoreArgs),
    /// Say what is wrong in the store and the files of a stopped node. Exits with 1 if anything is.
    Fsck(backup::FsckArgs),
    /// Rewrite the store of a stopped node without what its log wastes.
    Compact(CompactArgs),
    /// Lock the master key with a passphrase, change it, or take it away.
    Passphrase(PassphraseArgs),
}

/// Where the node keeps everything.
#[derive(Debug, Clone, Args)]
pub(crate) struct DataArgs {
    /// Data directory.
    #[arg(long, value_name = "DIR", default_value = "./rookery-data")]
    pub(crate) data: PathBuf,
    /// One JSON document on standard output instead of text for people.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) data: DataArgs,
    /// Address for Telegram clients; port 0 takes a free one. May be given more than once.
    #[arg(long, value_name = "ADDR")]
    pub(crate) mtproto: Vec<SocketAddr>,
    /// Address for browsers; port 0 takes a free one. May be given more than once.
    #[arg(long, value_name = "ADDR")]
    pub(crate) http: Vec<SocketAddr>,
    /// Address for other nodes, for example /ip4/0.0.0.0/tcp/4040; port 0 takes a free one. May be given
    /// more than once. Without one this node reaches no others.
    #[arg(long, value_name = "MULTIADDR")]
    pub(crate) mesh: Vec<String>,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}

/// Where the configuration is.
#[derive(Debug, Clone, Args)]
pub(crate) struct ConfigArgs {
    /// Configuration file, instead of `rookery.toml` in the data directory, which need not be there.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl ConfigArgs {
    /// The file that is used, if any.
    fn file(&self, data: &DataArgs) -> Option<PathBuf> {
        let beside = || Some(data.data.join(config::FILE)).filter(|file| file.exists());
        self.config.clone().or_else(beside)
    }

    fn load(&self, data: &DataArgs) -> anyhow::Result<config::Config> {
        config::load(self.file(data).as_deref(), std::env::vars())
    }
}

#[derive(Debug, Args)]
struct ClientConfigArgs {
    #[command(flatten)]
    data: DataArgs,
    /// Print a program instead that logs a member in with this library: it runs as it is.
    #[arg(long = "for", value_name = "LIBRARY", value_enum, conflicts_with = "json")]
    library: Option<client_config::Library>,
    /// Make a copy of a program that trusts this node: of TDLib's library (`libtdjson.so`) or of Telegram
    /// Desktop. The file itself stays as it is.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["json", "library"])]
    repoint: Option<PathBuf>,
    /// Where that copy goes; its name with `-rookery`, here, if not told.
    #[arg(long, value_name = "FILE", requires = "repoint")]
    to: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigArgs,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
struct InviteArgs {
    #[command(subcommand)]
    command: Option<operator::InviteCommand>,
    #[command(flatten)]
    data: DataArgs,
    /// Mail the invite, and keep the address for the member's later login codes.
    #[arg(long, value_name = "ADDRESS")]
    mail: Option<String>,
    /// Draw the address of the invite's page as a QR code, also where no terminal shows it.
    #[arg(long, conflicts_with = "json")]
    qr: bool,
}

#[derive(Debug, Args)]
struct CodeArgs {
    #[command(flatten)]
    data: DataArgs,
    /// The member's number, for example +88812345678.
    #[arg(long, value_name = "NUMBER")]
    phone: String,
}

#[derive(Debug, Args)]
struct ReportsArgs {
    #[command(flatten)]
    data: DataArgs,
}

#[derive(Debug, Args)]
struct TakedownArgs {
    #[command(subcommand)]
    command: TakedownCommand,
}

#[derive(Debug, Subcommand)]
enum TakedownCommand {
    /// Take a message of a group or channel down, which was written here or has its home here.
    Message(TakedownMessageArgs),
    /// Print what was taken down, the newest first, and which nodes have acknowledged it.
    List(PeerListArgs),
}

#[derive(Debug, Args)]
struct TakedownMessageArgs {
    #[command(flatten)]
    data: DataArgs,
    /// A link to the message, or the channel: its public name, at least eight digits of the beginning of
    /// its name in logs, or c/ and its number.
    #[arg(value_name = "LINK|CHANNEL")]
    what: String,
    /// The number of the message, where a channel is given.
    id: Option<i32>,
}

#[derive(Debug, Args)]
struct StatsArgs {
    #[command(flatten)]
    data: DataArgs,
}

#[derive(Debug, Args)]
struct MediaArgs {
    #[command(subcommand)]
    command: MediaCommand,
}

#[derive(Debug, Subcommand)]
enum MediaCommand {
    /// Print how much is stored.
    Usage(MediaUsageArgs),
    /// Remove what nothing keeps any more. The node does it by itself every few minutes.
    Collect(MediaCollectArgs),
}

#[derive(Debug, Args)]
struct MediaUsageArgs {
    #[command(flatten)]
    data: DataArgs,
}

#[derive(Debug, Args)]
struct MediaCollectArgs {
    #[command(flatten)]
    data: DataArgs,
    /// Only say what would be removed.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Args)]
struct PeerArgs {
    #[command(subcommand)]
    command: PeerCommand,
}

#[derive(Debug, Subcommand)]
enum PeerCommand {
    /// Connect to a node from now on, and call its people by its domain: the one that names it, or, by
    /// an address, the one that it says that it has.
    Add(PeerAddressArgs),
    /// Connect to a node no longer.
    Remove(PeerAddressArgs),
    /// Print this node's addresses and what is known of others.
    List(PeerListArgs),
    /// Take the domain for a node that it says it has now, which is another one than before.
    Repin(PeerNameArgs),
    /// Want nothing more of a node. What it has brought stays, and does not change any more.
    Block(PeerNameArgs),
    /// Talk with a blocked node again.
    Unblock(PeerNameArgs),
}

#[derive(Debug, Args)]
struct PeerAddressArgs {
    #[command(flatten)]
    data: DataArgs,
    /// The node's domain, for example rookery.example, or its multiaddress, for example
    /// /dns4/rookery.example/tcp/4040.
    #[arg(value_name = "DOMAIN|MULTIADDR")]
    address: String,
}

#[derive(Debug, Args)]
struct DoctorArgs {
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    config: ConfigArgs,
    /// Look at one node alone: its domain, its multiaddress, or at least eight digits of the beginning of
    /// its name. This node's own domain shows how others see it.
    #[arg(long, value_name = "DOMAIN|MULTIADDR|NAME")]
    peer: Option<String>,
    /// Who is asked how far this machine's clock is off.
    #[arg(long, value_name = "HOST", default_value = "pool.ntp.org")]
    time_server: String,
}

#[derive(Debug, Args)]
struct PeerListArgs {
    #[command(flatten)]
    data: DataArgs,
}

#[derive(Debug, Args)]
struct PeerNameArgs {
    #[command(flatten)]
    data: DataArgs,
    /// The node's domain, or at least eight digits of the beginning of its name.
    name: String,
}

#[derive(Debug, Args)]
struct ChannelArgs {
    #[command(subcommand)]
    command: ChannelCommand,
}

#[derive(Debug, Subcommand)]
enum ChannelCommand {
    /// Print channels and groups with a public name.
    Public(operator::ListArgs),
    /// Print the channels that are shared with other nodes, and who decides about each.
    List(PeerListArgs),
    /// Hand a channel of this node over to another one, whose operator has agreed.
    MoveHome(MoveHomeArgs),
    /// Agree that this node becomes the home of a channel, when its present home asks.
    AcceptHome(AcceptHomeArgs),
    /// Make this node the home of a channel whose home is dead, cheats or was robbed.
    Recover(RecoverArgs),
    /// Print the key that recovers channels that began here. Keep it where no thief of this machine
    /// finds it.
    RecoveryKey(PeerListArgs),
}

#[derive(Debug, Args)]
struct MoveHomeArgs {
    #[command(flatten)]
    data: DataArgs,
    /// The channel: its public name, or at least eight digits of the beginning of its name in logs.
    channel: String,
    /// The node: its domain, or at least eight digits of the beginning of its name.
    #[arg(long, value_name = "NODE")]
    to: String,
}

#[derive(Debug, Args)]
struct AcceptHomeArgs {
    #[command(flatten)]
    data: DataArgs,
    /// As for move-home.
    channel: String,
    /// Take it back.
    #[arg(long)]
    no: bool,
}

#[derive(Debug, Args)]
struct RecoverArgs {
    #[command(flatten)]
    data: DataArgs,
    /// As for move-home.
    channel: String,
    /// A file with the key that `rookery channel recovery-key` printed on the node where the channel
    /// began.
    #[arg(long, value_name = "FILE")]
    key_file: PathBuf,
    /// The home was robbed: what it did since is not done again.
    #[arg(long)]
    undo: bool,
}

#[derive(Debug, Args)]
struct ReindexArgs {
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    config: ConfigArgs,
}

#[derive(Debug, Args)]
struct ExportArgs {
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    config: ConfigArgs,
    /// The file to make; it must not be there yet. It holds no master key.
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
    /// Open the rows of a sealed store, so that any program can read them. Without it, what rests
    /// sealed is exported sealed.
    #[arg(long)]
    clear: bool,
}

#[derive(Debug, Args)]
struct ImportArgs {
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    config: ConfigArgs,
    /// The exported file. `master.key` of the same node belongs beside the store.
    #[arg(long, value_name = "FILE")]
    from: PathBuf,
}

#[derive(Debug, Args)]
struct CompactArgs {
    #[command(flatten)]
    data: DataArgs,
}

#[derive(Debug, Args)]
struct PassphraseArgs {
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    config: ConfigArgs,
    /// A file whose first line is the new passphrase. Without it, a terminal is asked.
    #[arg(long, value_name = "FILE", conflicts_with = "remove")]
    new_file: Option<PathBuf>,
    /// Leave the master key without a passphrase.
    #[arg(long)]
    remove: bool,
}

/// Does what was asked for.
pub(crate) fn execute(cli: Cli) -> anyhow::Result<()> {
    match cli.command {
        None => start(&cli.run),
        Some(Command::Run(args)) => start(&args),
        Some(Command::Init(args)) => init::run(args),
        Some(Command::ClientConfig(args)) => {
            let ClientConfigArgs { data, library, repoint, to, config } = args;
            let secrets = config.load(&data)?.mtproto.secrets;
            client_config::print(&data, library, repoint.map(|file| (file, to)), &secrets)
        }
        Some(Command::Invite(InviteArgs { command: Some(command), .. })) => {
            operator::invites(command)
        }
        Some(Command::Invite(args)) => codes::invite(&args.data, args.mail, args.qr),
        Some(Command::User(args)) => operator::user(args),
        Some(Command::Status(args)) => operator::status(args),
        Some(Command::Code(args)) => codes::code(&args.data, &args.phone),
        Some(Command::Reports(args)) => codes::reports(&args.data),
        Some(Command::Takedown(TakedownArgs { command })) => match command {
            TakedownCommand::Message(args) => takedown::take_down(&args.data, &args.what, args.id),
            TakedownCommand::List(args) => takedown::list(&args.data),
        },
        Some(Command::Stats(args)) => codes::stats(&args.data),
        Some(Command::Media(MediaArgs { command: MediaCommand::Usage(args) })) => {
            media::print_usage(&args.data)
        }
        Some(Command::Media(MediaArgs { command: MediaCommand::Collect(args) })) => {
            media::collect(&args.data, args.dry_run)
        }
        Some(Command::Peer(PeerArgs { command })) => match command {
            PeerCommand::Add(args) => peers::add(&args.data, args.address),
            PeerCommand::Remove(args) => peers::remove(&args.data, args.address),
            PeerCommand::Repin(args) => peers::repin(&args.data, args.name),
            PeerCommand::List(args) => peers::list(&args.data),
            PeerCommand::Block(args) => peers::block(&args.data, args.name, true),
            PeerCommand::Unblock(args) => peers::block(&args.data, args.name, false),
        },
        Some(Command::Channel(ChannelArgs { command })) => match command {
            ChannelCommand::Public(args) => operator::channels(args),
            ChannelCommand::List(args) => peers::channels(&args.data),
            ChannelCommand::MoveHome(args) => peers::move_home(&args.data, args.channel, args.to),
            ChannelCommand::AcceptHome(args) => {
                peers::accept_home(&args.data, args.channel, !args.no)
            }
            ChannelCommand::Recover(args) => {
                peers::recover(&args.data, args.channel, &args.key_file, args.undo)
            }
            ChannelCommand::RecoveryKey(args) => peers::recovery_key(&args.data),
        },
        Some(Command::Archive(args)) => archive::execute(args),
        Some(Command::Bridge(args)) => bridge::execute(args),
        Some(Command::RotateKeys(args)) => peers::rotate_keys(&args.data),
        Some(Command::Doctor(args)) => {
            let config = args.config.load(&args.data)?;
            doctor::run(&args.data, &config, args.peer.as_deref(), &args.time_server)
        }
        Some(Command::Reindex(args)) => {
            reindex::reindex(&args.data, &args.config.load(&args.data)?.store)
        }
        Some(Command::Export(args)) => {
            let clear = args.clear.then(|| args.config.load(&args.data)).transpose()?;
            offline::export(&args.data, &args.to, clear.as_ref().map(|config| &config.store))
        }
        Some(Command::Import(args)) => {
            offline::import(&args.data, &args.from, &args.config.load(&args.data)?.store)
        }
        Some(Command::Backup(args)) => backup::back_up(args),
        Some(Command::Restore(args)) => backup::restore(args),
        Some(Command::Fsck(args)) => backup::fsck(args),
        Some(Command::Passphrase(args)) => {
            let new =
                if args.remove { New::None } else { args.new_file.map_or(New::Asked, New::In) };
            passphrase::change(&args.data, &args.config.load(&args.data)?.store, new)
        }
        Some(Command::Compact(args)) => offline::compact(&args.data),
    }
}

fn start(args: &RunArgs) -> anyhow::Result<()> {
    let mut config = args.config.load(&args.data)?;
    if !args.mtproto.is_empty() {
        config.mtproto.listen = config::OneOrMany::Many(args.mtproto.clone());
    }
    if !args.http.is_empty() {
        config.http.listen = config::OneOrMany::Many(args.http.clone());
    }
    if !args.mesh.is_empty() {
        config.federation.listen.clone_from(&args.mesh);
    }
    run::run(config, &args.data)
}
