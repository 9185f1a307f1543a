//! The package, installed in a Debian, and the tarball.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::folder::{self, Mounts, done};
use crate::support::isolation::{is_inside, isolated_as_root};
use crate::support::node::binary;
use crate::support::process::{Finished, Guarded, run, run_with_input};
use crate::support::{install, target_directory, tests_directory};
use crate::unit;

const WITHIN: Duration = Duration::from_secs(60);
const LIMIT: Duration = Duration::from_secs(300);

/// Makes packages of the binary that is tested; answers the file.
fn package(kind: &str, to: &Path) -> PathBuf {
    let mut command = Command::new(tests_directory().join("../packaging/package.sh"));
    command.arg(kind).env("ROOKERY", binary()).env("PACKAGES", to).env("ROOKERY_PACKAGE_FAST", "1");
    command.env("CARGO_TARGET_DIR", target_directory());
    PathBuf::from(done(&mut command).stdout.trim())
}

/// A Debian with the package in it.
struct Machine {
    root: PathBuf,
}

impl Machine {
    /// A path of the machine's.
    fn at(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    fn dpkg(&self, arguments: &[&OsStr]) -> Finished {
        let mut command = Command::new("dpkg");
        // No policy-rc.d is asked: there is no init that could be started.
        command
            .arg("--root")
            .arg(&self.root)
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive");
        done(&mut command)
    }

    fn install(&self, package: &Path) {
        self.dpkg(&["--install".as_ref(), package.as_ref()]);
        let status = self.dpkg(&["--status".as_ref(), "rookery".as_ref()]).stdout;
        assert!(status.contains("Status: install ok installed"), "{status}");
    }

    /// Number of the user and of the group that the package has made.
    fn user(&self) -> (u32, u32) {
        let users = fs::read_to_string(self.at("etc/passwd")).unwrap();
        let line = users.lines().find(|line| line.starts_with("rookery:")).expect("a user");
        let cells: Vec<&str> = line.split(':').collect();
        assert!(cells[6].ends_with("/nologin"), "{line}");
        (cells[2].parse().unwrap(), cells[3].parse().unwrap())
    }

    /// A command of the operator's, who is root there.
    fn operator(&self, arguments: &[&str]) -> Finished {
        let mut command = Command::new("chroot");
        command.arg(&self.root).arg("rookery").args(arguments);
        done(command.args(["--data", "/var/lib/rookery"]))
    }

    /// Starts the node as systemd would by the installed unit: its user, its one capability, its command,
    /// nothing of the disk to write on but its own directory. Returns once it says that it is ready.
    fn start(&self) -> Guarded {
        let (user, group) = self.user();
        let data = self.at("var/lib/rookery");
        // StateDirectory=
        if !data.exists() {
            fs::create_dir(&data).unwrap();
            fs::set_permissions(&data, fs::Permissions::from_mode(0o700)).unwrap();
            std::os::unix::fs::chown(&data, Some(user), Some(group)).unwrap();
        }
        let notify = self.at("run/notify");
        fs::remove_file(&notify).ok();
        let manager = UnixDatagram::bind(&notify).unwrap();
        fs::set_permissions(&notify, fs::Permissions::from_mode(0o777)).unwrap();
        manager.set_read_timeout(Some(WITHIN)).unwrap();

        let capability = unit::values("AmbientCapabilities").concat();
        let capability = format!("-all,+{}", capability.trim_start_matches("CAP_").to_lowercase());
        let command = unit::values("ExecStart").concat();
        let mut node = Command::new("chroot");
        let mask = format!("umask {}; exec \"$@\"", unit::values("UMask").concat());
        node.arg(&self.root).args(["sh", "-c", &mask, "sh"]);
        node.args(["setpriv", "--clear-groups", "--no-new-privs"]);
        node.args(["--reuid", &user.to_string(), "--regid", &group.to_string()]);
        for kind in ["bounding-set", "inh-caps", "ambient-caps"] {
            node.args([format!("--{kind}"), capability.clone()]);
        }
        node.args(command.split_whitespace()).env("NOTIFY_SOCKET", "/run/notify");
        let log = || File::options().create(true).append(true).open(self.at("log")).unwrap();
        node.stdin(Stdio::null()).stdout(log()).stderr(log());
        let node = Guarded(node.spawn().unwrap());
        let mut word = [0; 16];
        let length = manager.recv(&mut word);
        let said = length.map(|length| word[..length].to_vec());
        let log = fs::read_to_string(self.at("log")).unwrap();
        assert_eq!(said.expect(&log), b"READY=1\n", "{log}");
        node
    }

    fn stop(mut node: Guarded) {
        done(Command::new("kill").args(["-TERM", &node.0.id().to_string()]));
        assert!(node.0.wait().unwrap().success());
    }

    fn stats(&self) -> Value {
        serde_json::from_str(&self.operator(&["stats", "--json"]).stdout).unwrap()
    }
}

/// A member logs in by a program that the packaged node printed; without input, from what it kept.
fn log_in(python: &Path, program: &Path, typed: &str) {
    let directory = program.parent().unwrap();
    fs::write(directory.join("typed"), typed).unwrap();
    let mut command = Command::new(python);
    command.arg(program).current_dir(directory);
    let ran = run_with_input(&mut command, File::open(directory.join("typed")).unwrap(), WITHIN);
    assert!(ran.status.success() && ran.stdout.contains("Logged in as Ada"), "{ran:?}");
}

#[test]
fn the_package_is_installed_started_upgraded_and_removed() {
    const TEST: &str = "deb::the_package_is_installed_started_upgraded_and_removed";
    let python = install::python("telethon-1.45.0", "telethon/requirements-1.45.0.txt");
    let packages = target_directory().join("tmp/packages");
    if !is_inside(TEST) {
        fs::remove_dir_all(&packages).ok();
        folder::made();
        package("deb", &packages);
    }
    isolated_as_root(TEST, LIMIT, || {
        let file = fs::read_dir(&packages).unwrap().next().unwrap().unwrap().path();
        let here = tempfile::tempdir().unwrap();
        let machine = Machine { root: here.path().join("debian") };
        folder::debian(&machine.root);
        let mounts = Mounts::below(&machine.root);
        mounts.add(&["-t", "proc", "proc"], "proc");
        mounts.add(&["-t", "tmpfs", "tmpfs"], "run");

        machine.install(&file);
        installed_as_told(&machine);
        let (user, _) = machine.user();

        // An operator's own line, which needs the one capability that is left.
        let config = machine.at("etc/rookery/rookery.toml");
        let text = fs::read_to_string(&config).unwrap();
        let edited = text.replace("#listen = \"0.0.0.0:10443\"", "listen = \"127.0.0.1:443\"");
        assert_ne!(text, edited);
        fs::write(&config, &edited).unwrap();

        let node = machine.start();
        for file in ["", "master.key", "db"] {
            let found = fs::metadata(machine.at("var/lib/rookery").join(file)).unwrap();
            assert_eq!((found.uid(), found.mode() & 0o077), (user, 0), "{file}");
        }
        let invite: Value =
            serde_json::from_str(&machine.operator(&["invite", "--json"]).stdout).unwrap();
        let program = here.path().join("first.py");
        fs::write(&program, machine.operator(&["client-config", "--for", "telethon"]).stdout)
            .unwrap();
        let text = |key: &str| invite[key].as_str().unwrap();
        log_in(&python, &program, &format!("{}\n{}\nAda\n", text("phone"), text("code")));
        let users = machine.stats()["users"].clone();
        Machine::stop(node);

        // Again, over a running node's files: what the operator wrote stays, and so does who is in.
        machine.install(&file);
        assert_eq!(fs::read_to_string(&config).unwrap(), edited);
        let node = machine.start();
        assert_eq!(machine.stats()["users"], users);
        log_in(&python, &program, "");
        Machine::stop(node);

        machine.dpkg(&["--remove".as_ref(), "rookery".as_ref()]);
        assert!(!machine.at("usr/bin/rookery").exists());
        assert_eq!(fs::read_to_string(&config).unwrap(), edited);
        machine.dpkg(&["--purge".as_ref(), "rookery".as_ref()]);
        assert!(!config.exists());
        // The keys of a node cannot be made again: only the operator removes them.
        assert!(machine.at("var/lib/rookery/master.key").exists());
    });
}

/// Every file is where it belongs, and whose it has to be.
fn installed_as_told(machine: &Machine) {
    for (file, mode) in [
        ("usr/bin/rookery", 0o755),
        ("etc/rookery/rookery.toml", 0o644),
        ("lib/systemd/system/rookery.service", 0o644),
        ("usr/share/man/man1/rookery.1.gz", 0o644),
        ("usr/share/doc/rookery/README.md", 0o644),
        ("usr/share/doc/rookery/docs/OPERATOR.md", 0o644),
        ("usr/share/doc/rookery/copyright", 0o644),
    ] {
        let usr = machine.at(&format!("usr/{file}"));
        let path = if usr.exists() { usr } else { machine.at(file) };
        let found = fs::metadata(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert_eq!((found.uid(), found.mode() & 0o7777), (0, mode), "{file}");
    }
    // It starts with the machine, and not before somebody has looked at its configuration.
    let enabled = machine.at("etc/systemd/system/multi-user.target.wants/rookery.service");
    assert!(enabled.symlink_metadata().is_ok());
    assert!(!machine.at("var/lib/rookery").exists());
    // What it is linked with is in every Debian of this age.
    let depends = machine.dpkg(&["--status".as_ref(), "rookery".as_ref()]).stdout;
    let depends = depends.lines().find_map(|line| line.strip_prefix("Depends: ")).unwrap();
    for wanted in ["libc6 (>= ", "ca-certificates"] {
        assert!(depends.contains(wanted), "{depends}");
    }
    // The configuration has only keys that there are, also where they are commented out.
    let config = fs::read_to_string(machine.at("etc/rookery/rookery.toml")).unwrap();
    let is_key = |line: &&str| line.starts_with('[') || line.contains(" = ");
    let lines = config.lines().map(|line| line.strip_prefix('#').unwrap_or(line));
    let lines: Vec<&str> = lines.filter(|line| !line.starts_with(' ')).filter(is_key).collect();
    assert!(lines.len() > 8, "{lines:?}");
    fs::write(machine.at("tmp/all.toml"), lines.join("\n")).unwrap();
    let mut doctor = Command::new("chroot");
    doctor.arg(&machine.root).args(["rookery", "reindex", "--config", "/tmp/all.toml"]);
    let read = run(doctor.args(["--data", "/tmp/nowhere"]), WITHIN);
    assert!(!read.stderr.contains("all.toml") && !read.stderr.contains("unknown"), "{read:?}");
}

#[test]
fn the_tarball_has_the_node_and_what_belongs_to_it() {
    let here = tempfile::tempdir().unwrap();
    let file = package("tarball", here.path());
    assert_eq!(file.parent().unwrap(), here.path());
    done(Command::new("tar").args(["--extract", "--file"]).arg(&file).arg("-C").arg(here.path()));
    let name = file.file_name().unwrap().to_str().unwrap().trim_end_matches(".tar.gz");
    let folder = here.path().join(name);
    let version = done(Command::new(folder.join("rookery")).arg("--version"));
    assert_eq!(version.stdout, format!("rookery {}\n", env!("CARGO_PKG_VERSION")));
    for file in ["README.md", "LICENSE", "docs/OPERATOR.md", "rookery.service", "rookery.sysusers"]
    {
        assert!(folder.join(file).is_file(), "{file}");
    }
    let owned = done(Command::new("tar").args(["--list", "--verbose", "--file"]).arg(&file)).stdout;
    assert!(owned.lines().all(|line| line.contains(" 0/0 ")), "{owned}");
}
