//! `docker/`: its files by published checkers, and the image's steps without an engine.

use std::fs::{self, File};
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::folder::{Mounts, done};
use crate::support::isolation::isolated_as_root;
use crate::support::node::binary;
use crate::support::process::{Finished, Guarded, run};
use crate::support::{install, tests_directory};

const WITHIN: Duration = Duration::from_secs(60);

fn docker() -> PathBuf {
    tests_directory().join("../../docker").canonicalize().unwrap()
}

/// A Python environment with hadolint and a reader of compose files that refuses what is none.
fn checkers() -> PathBuf {
    install::python("containers", "containers/requirements.txt")
}

#[test]
fn the_dockerfile_is_clean() {
    let hadolint = checkers().with_file_name("hadolint");
    let check = |file: &Path| run(Command::new(&hadolint).arg("--no-color").arg(file), WITHIN);
    let checked = check(&docker().join("Dockerfile"));
    assert!(checked.status.success() && checked.stdout.is_empty(), "{checked:?}");
    let here = tempfile::tempdir().unwrap();
    let wrong = here.path().join("Dockerfile");
    fs::write(&wrong, "FROM debian\nRUN cd /tmp && apt-get install curl\n").unwrap();
    assert!(!check(&wrong).status.success());
}

#[test]
fn the_compose_files_are_what_compose_reads() {
    let (python, script) = (checkers(), tests_directory().join("packages/compose.py"));
    let check = |file: &Path| run(Command::new(&python).arg(&script).arg(file), WITHIN);
    let here = tempfile::tempdir().unwrap();
    for (name, services) in
        [("compose.yaml", "rookery"), ("three-nodes.compose.yaml", "one two three")]
    {
        let checked = check(&docker().join(name));
        assert_eq!(checked.stdout.trim(), services, "{checked:?}");
        let text = fs::read_to_string(docker().join(name)).unwrap();
        for (right, wrong) in [
            ("    ports:", "    prots:"),
            ("restart: unless-stopped", "restart: often"),
            ("\nvolumes:", "\nx-volumes:"),
        ] {
            let changed = text.replacen(right, wrong, 1);
            assert_ne!(text, changed);
            fs::write(here.path().join(name), changed).unwrap();
            let checked = check(&here.path().join(name));
            assert!(!checked.status.success(), "{name} with {wrong}: {checked:?}");
        }
    }
}

/// A word of the Dockerfile's last stage: what follows it, each time.
fn told(word: &str) -> Vec<String> {
    let text = fs::read_to_string(docker().join("Dockerfile")).unwrap().replace("\\\n", " ");
    let (_, last) = text.rsplit_once("\nFROM ").unwrap();
    let lines = last.lines().filter_map(|line| line.split_once(' '));
    lines.filter(|(first, _)| *first == word).map(|(_, rest)| rest.trim().to_owned()).collect()
}

/// A list of words in JSON, at the end of a line.
fn words(line: &str) -> Vec<String> {
    serde_json::from_str(&line[line.find('[').unwrap()..]).unwrap()
}

/// The image in a folder: of the system only what `distroless/cc` has of what the binary asks for.
struct Image {
    root: PathBuf,
}

impl Image {
    /// The libraries of distroless/cc that matter here: libc6 and libgcc-s1.
    const LIBRARIES: [&str; 4] = ["libc.so.6", "libm.so.6", "libgcc_s.so.1", "ld-linux-"];

    fn make(root: PathBuf) -> Self {
        let linked = done(Command::new("ldd").arg(binary())).stdout;
        for path in linked.split_whitespace().filter(|word| word.starts_with('/')) {
            let name = Path::new(path).file_name().unwrap().to_str().unwrap();
            let is_there = Self::LIBRARIES.iter().any(|library| name.starts_with(library));
            assert!(is_there, "{path} is not in distroless/cc");
            copy(Path::new(path), &root);
        }
        assert!(!linked.contains("not found"), "{linked}");
        // rustls reads them where Debian has them; distroless has them there too.
        copy(Path::new("/etc/ssl/certs/ca-certificates.crt"), &root);
        for folder in ["tmp", "proc", "data"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        let command = &words(&told("ENTRYPOINT")[0])[0];
        let program = root.join(command.trim_start_matches('/'));
        fs::create_dir_all(program.parent().unwrap()).unwrap();
        fs::copy(binary(), program).unwrap();
        Self { root }
    }

    /// A command in it, as compose starts it: not root, without privileges.
    fn command(&self, words: &[String]) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--no-new-privs", "chroot", "--userspec", &told("USER")[0]]);
        command
            .arg(&self.root)
            .args(words)
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        command
    }

    fn is_healthy(&self) -> Finished {
        run(&mut self.command(&words(&told("HEALTHCHECK")[0])), WITHIN)
    }
}

fn copy(from: &Path, root: &Path) {
    let to = root.join(from.strip_prefix("/").unwrap());
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    fs::copy(from, to).unwrap();
}

#[test]
fn the_image_runs_without_root_on_a_disk_that_is_read_only() {
    const TEST: &str = "image::the_image_runs_without_root_on_a_disk_that_is_read_only";
    isolated_as_root(TEST, 3 * WITHIN, || {
        let here = tempfile::tempdir().unwrap();
        let image = Image::make(here.path().join("image"));
        let log = here.path().join("log");
        let volume = here.path().join("volume");
        fs::create_dir(&volume).unwrap();
        let (user, group) =
            told("USER")[0].split_once(':').map(|(u, g)| (u.parse(), g.parse())).unwrap();
        assert_ne!(user, Ok(0));
        chown(&volume, user.ok(), group.ok()).unwrap();
        let mounts = Mounts::below(&image.root);
        mounts.add(&["-t", "proc", "proc"], "proc");
        mounts.add(&["-t", "tmpfs", "tmpfs"], "tmp");
        mounts.add(&["--bind", volume.to_str().unwrap()], "data");
        mounts.add(&["-o", "remount,bind,ro"], "");
        assert!(File::create(image.root.join("etc/written")).is_err());

        assert!(!image.is_healthy().status.success());
        let mut started = words(&told("ENTRYPOINT")[0]);
        started.extend(words(&told("CMD")[0]));
        started.push("--json".into());
        let mut command = image.command(&started);
        command.env("ROOKERY_NODE_PUBLIC_ADDRESSES", "[\"127.0.0.1:10443\"]");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(File::create(&log).unwrap());
        let mut node = Guarded(command.spawn().unwrap());
        let mut line = String::new();
        let mut stdout = std::io::BufReader::new(node.0.stdout.take().unwrap());
        std::io::BufRead::read_line(&mut stdout, &mut line).unwrap();
        assert!(line.contains("\"ready\":true"), "{line}{}", fs::read_to_string(&log).unwrap());
        assert!(line.contains("127.0.0.1:10443"), "{line}");
        let healthy = image.is_healthy();
        assert!(healthy.status.success(), "{healthy:?}");
        assert!(volume.join("master.key").exists());

        done(Command::new("kill").args(["-TERM", &node.0.id().to_string()]));
        assert!(node.0.wait().unwrap().success());
        assert!(!image.is_healthy().status.success());
    });
}
