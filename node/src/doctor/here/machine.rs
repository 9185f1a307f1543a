//! What the machine gives the node: ports, room, and the right time.

use std::io;
use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use node_store::Space;
use rsntp::{AsyncSntpClient, Config as SntpConfig};

use super::Finding;
use crate::config::Config;

/// For a time server to answer.
const TIME_WITHIN: Duration = Duration::from_secs(3);
/// MTProto takes messages from 300 s ago to 30 s ahead, by the node's clock.
const CLOCK_OFF_S: f64 = 20.0;
/// So much is seen by people.
const CLOCK_INEXACT_S: f64 = 2.0;

/// Room in the directories that are written to; those on one file system are looked at once.
pub(super) fn disks(config: &Config, data: &Path) -> Vec<Finding> {
    let media = config.media.directory.as_deref().unwrap_or(data);
    let disk = |path: &Path| rustix::fs::stat(path).map(|found| found.st_dev).ok();
    let both = [data, media];
    let written = if disk(media) == disk(data) { &both[..1] } else { &both };
    written.iter().filter_map(|directory| disk_of(directory)).collect()
}

/// None where a directory is not there yet.
fn disk_of(directory: &Path) -> Option<Finding> {
    Some(room(directory, Space::of(directory).ok()?))
}

fn room(directory: &Path, space: Space) -> Finding {
    const GIB: f64 = (1_u64 << 30) as f64;
    let (free, total) = (space.free_bytes as f64 / GIB, space.total_bytes as f64 / GIB);
    let says = format!("{free:.1} of {total:.1} GiB are free in {}", directory.display());
    if space.is_full() {
        Finding::problem("disk-full", format!("{says}: nothing is written any more.")).advise(
            "Make room on that disk, or keep files elsewhere: [media] directory, or a bucket.",
        )
    } else if space.is_nearly_full() {
        Finding::note("disk-nearly-full", format!("{says}: soon nothing is written any more."))
            .advise("Make room, or limit members in [media].")
    } else {
        Finding::well("disk", format!("{says}."))
    }
}

/// By how many seconds the clock of a server is ahead of ours.
async fn ahead_s(server: &str) -> Result<f64, String> {
    let client = AsyncSntpClient::with_config(SntpConfig::default().timeout(TIME_WITHIN));
    let answered = client.synchronize(server).await.map_err(|cause| cause.to_string())?;
    Ok(answered.clock_offset().as_secs_f64())
}

/// How the clock stands to that of a time server.
pub(super) async fn clock(server: &str) -> Finding {
    judge_clock(server, ahead_s(server).await)
}

fn judge_clock(server: &str, ahead_s: Result<f64, String>) -> Finding {
    match ahead_s {
        Err(cause) => Finding::note(
            "own-clock-unknown",
            format!(
                "The clock was compared with nobody's: {server} does not tell the time ({cause})."
            ),
        )
        .advise("Name a time server that this machine reaches: --time-server HOST."),
        Ok(off) if off.abs() > CLOCK_OFF_S => Finding::problem(
            "own-clock",
            format!(
                "The clock is off by {:.0} s: clients cannot connect, or see wrong times.",
                off.abs()
            ),
        )
        .advise("Run NTP: `timedatectl set-ntp true`, or chrony."),
        Ok(off) if off.abs() > CLOCK_INEXACT_S => {
            Finding::note("own-clock", format!("The clock is off by {:.0} s.", off.abs()))
                .advise("Run NTP: `timedatectl set-ntp true`, or chrony.")
        }
        Ok(off) => {
            Finding::well("own-clock", format!("The clock is right within {:.2} s.", off.abs()))
        }
    }
}

/// Whether a node that does not run could open its ports.
pub(super) fn ports(config: &Config) -> Vec<Finding> {
    let addresses = [&config.mtproto.listen, &config.http.listen].map(|listen| listen.to_vec());
    let addresses = addresses.into_iter().flatten().filter(|address| address.port() != 0);
    addresses.map(|address| port(&address.to_string(), TcpListener::bind(address).err())).collect()
}

fn port(address: &str, refused: Option<io::Error>) -> Finding {
    let Some(cause) = refused else {
        return Finding::well("port", format!("{address} is free for this node."));
    };
    let cannot = format!("This node could not listen on {address}");
    match cause.kind() {
        io::ErrorKind::AddrInUse => {
            Finding::problem("port-taken", format!("{cannot}: another program does."))
                .advise("`ss -ltnp` shows which; end it, or change the port.")
        }
        io::ErrorKind::PermissionDenied => Finding::problem(
            "port-forbidden",
            format!("{cannot}: ports below 1024 are root's, unless it gives them away."),
        )
        .advise(
            "As root, once: setcap cap_net_bind_service=+ep on the program; or use the unit file.",
        ),
        io::ErrorKind::AddrNotAvailable => Finding::problem(
            "port-elsewhere",
            format!("{cannot}: this machine does not have that address."),
        )
        .advise("Listen on 0.0.0.0, and name the address in [node] public_addresses."),
        _ => Finding::problem("port", format!("{cannot}: {cause}.")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::Level;
    use super::*;

    #[test]
    fn room_is_what_the_store_goes_by() {
        let code = |free_gib: u64, total_gib: u64| {
            let space = Space { free_bytes: free_gib << 30, total_bytes: total_gib << 30 };
            room(Path::new("/data"), space).code
        };
        assert_eq!(code(100, 200), "disk");
        // A large disk with a twentieth free has enough.
        assert_eq!(code(50, 1000), "disk");
        assert_eq!(code(6, 200), "disk-nearly-full");
        assert_eq!(code(3, 200), "disk-full");
        assert_eq!(code(3, 4), "disk");
    }

    #[test]
    fn a_clock_is_right_inexact_or_wrong() {
        let of = |off| judge_clock("time.example", off);
        assert_eq!(of(Ok(-0.3)).level, Level::Well);
        assert_eq!(of(Ok(5.0)).level, Level::Note);
        assert_eq!(of(Ok(-40.0)).level, Level::Problem);
        assert_eq!(of(Err("no answer".into())).level, Level::Note);
    }

    #[test]
    fn a_port_is_free_taken_or_forbidden() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        assert_eq!(port("there", TcpListener::bind(address).err()).code, "port-taken");
        let elsewhere = TcpListener::bind("192.0.2.7:1443").err();
        assert_eq!(port("there", elsewhere).code, "port-elsewhere");
        let forbidden = Some(io::Error::from(io::ErrorKind::PermissionDenied));
        assert_eq!(port("there", forbidden).code, "port-forbidden");
        assert_eq!(port("there", None).level, Level::Well);
    }
}
