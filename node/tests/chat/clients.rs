//! The six client libraries, what they run with and what each can show.

use std::path::{Path, PathBuf};

use crate::support::skip::skipped;
use crate::support::{install, tests_directory};

/// A published library at the version that the tests pin.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    /// The layer that it speaks, where it says so.
    pub(crate) layer: Option<i32>,
    /// Its driver, from the directory of the chat tests.
    pub(crate) script: &'static str,
    /// Requirements or manifest below `tests/clients`.
    pub(crate) packages: &'static str,
    pub(crate) runtime: Runtime,
    /// Lets its caller choose the random_id of a message.
    pub(crate) chooses_random_id: bool,
    /// Notices a missing update by itself or, by its driver, when it comes online; so that each
    /// message shows as an event exactly once. Kurigram takes the pts of whatever is pushed for
    /// what it has seen: one lost push is lost for its events, and some may come again.
    pub(crate) fills_gaps: bool,
    /// Hands out the edits and deletions of a difference. Telethon 1.45 drops them.
    pub(crate) shows_missed_changes: bool,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Runtime {
    Python,
    Node,
    /// The interpreter of this machine, in a directory of npm packages.
    PythonWithNpm,
}

/// What was installed for a client.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) interpreter: PathBuf,
    /// Where its packages are found, if that is where it has to run.
    pub(crate) directory: Option<PathBuf>,
}

pub(crate) const NONE: Client = Client {
    name: "",
    version: "",
    layer: None,
    script: "",
    packages: "",
    runtime: Runtime::Python,
    chooses_random_id: true,
    fills_gaps: true,
    shows_missed_changes: true,
};

pub(crate) static TELETHON: Client = Client {
    name: "telethon",
    version: "1.45.0",
    layer: Some(229),
    script: "telethon_driver.py",
    packages: "telethon/requirements-1.45.0.txt",
    shows_missed_changes: false,
    ..NONE
};

/// Telethon with commands for files.
#[allow(dead_code, reason = "for the tests of media and of sealing at rest")]
pub(crate) static TELETHON_MEDIA: Client =
    Client { script: "../media/telethon_media.py", ..TELETHON };

pub(crate) static PYROGRAM: Client = Client {
    name: "pyrogram",
    version: "2.0.106",
    layer: Some(158),
    script: "pyrogram_driver.py",
    packages: "pyrogram/pyrogram-2.0.106.txt",
    ..NONE
};

pub(crate) static KURIGRAM: Client = Client {
    name: "kurigram",
    version: "2.2.26",
    layer: Some(229),
    script: "pyrogram_driver.py",
    packages: "pyrogram/kurigram-2.2.26.txt",
    fills_gaps: false,
    ..NONE
};

pub(crate) static GRAMJS: Client = Client {
    name: "gramjs",
    version: "2.26.22",
    layer: Some(198),
    script: "gramjs_driver.cjs",
    packages: "gramjs/2.26.22",
    runtime: Runtime::Node,
    ..NONE
};

pub(crate) static MTCUTE: Client = Client {
    name: "mtcute",
    version: "0.30.3",
    layer: Some(227),
    script: "mtcute_driver.cjs",
    packages: "mtcute/node",
    runtime: Runtime::Node,
    ..NONE
};

/// Has compiled-in addresses: only inside `support::isolation`.
pub(crate) static TDLIB: Client = Client {
    name: "tdlib",
    version: "1.8.67",
    layer: None,
    script: "tdlib_driver.py",
    packages: "tdlib",
    runtime: Runtime::PythonWithNpm,
    chooses_random_id: false,
    ..NONE
};

/// All six, or those that `ROOKERY_TEST_SKIP` leaves.
pub(crate) fn all() -> Vec<&'static Client> {
    [&TELETHON, &PYROGRAM, &KURIGRAM, &GRAMJS, &MTCUTE, &TDLIB]
        .into_iter()
        .filter(|client| !skipped(&[client.name]))
        .collect()
}

/// Whether one of `clients` is to be skipped, and the test with it.
pub(crate) fn any_skipped(clients: &[&Client]) -> bool {
    clients.iter().any(|client| skipped(&[client.name]))
}

/// Installs what will be needed: inside a namespace nothing can be fetched.
pub(crate) fn install(clients: &[&Client]) {
    for client in clients {
        client.install();
    }
}

impl Client {
    /// Installs it if need be.
    pub(crate) fn install(&self) -> Program {
        // The directory's name is that of the tests below `tests/clients`, which share it.
        match self.runtime {
            Runtime::Python => {
                let name = format!("{}-{}", self.name, self.version);
                let interpreter = install::python(&name, self.packages);
                Program { interpreter, directory: None }
            }
            Runtime::Node => {
                let flavour = if self.name == "mtcute" { "mtcute-node" } else { self.name };
                let directory = install::npm(&format!("{flavour}-{}", self.version), self.packages);
                Program { interpreter: Path::new("node").into(), directory: Some(directory) }
            }
            Runtime::PythonWithNpm => {
                let directory = install::npm("tdlib-0.1008067.0", self.packages);
                Program { interpreter: Path::new("python3").into(), directory: Some(directory) }
            }
        }
    }

    pub(crate) fn script(&self) -> PathBuf {
        tests_directory().join("chat").join(self.script)
    }
}
