//! A program of this machine takes the code: an SMS stick, a pager, a chat of the operator's.

use std::process::Stdio;
use std::time::Duration;

use node_core::Outbound;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncWriteExt as _;
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::SetupError;
use crate::error::Failed;
use crate::message::{document, purpose, text};

/// Runs once per code: without a shell, with an empty environment but for `PATH` and what it is told
/// (`ROOKERY_PURPOSE`, `ROOKERY_PHONE`, `ROOKERY_USER`, `ROOKERY_CODE`, `ROOKERY_EXPIRES`,
/// `ROOKERY_TEXT`), and with the webhook's JSON document on standard input. Exit status 0 says that
/// the code is on its way; what it prints goes nowhere.
pub struct Command {
    program: Vec<String>,
    within: Duration,
}

impl Command {
    /// `program` and its arguments; it is killed when it takes longer than `within`.
    ///
    /// # Errors
    /// [`SetupError::NoProgram`].
    pub fn new(program: Vec<String>, within: Duration) -> Result<Self, SetupError> {
        if program.first().is_none_or(String::is_empty) {
            return Err(SetupError::NoProgram);
        }
        Ok(Self { program, within })
    }

    /// One attempt.
    pub(crate) async fn deliver(
        &self,
        node: &str,
        id: &str,
        sent: &Outbound,
        now: i32,
    ) -> Result<(), Failed> {
        let [program, arguments @ ..] = self.program.as_slice() else { return Ok(()) };
        let input = Zeroizing::new(document(node, id, sent, now).to_string());
        let mut child = tokio::process::Command::new(program)
            .args(arguments)
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .env("ROOKERY_PURPOSE", purpose(sent.purpose))
            .env("ROOKERY_PHONE", format!("+{}", sent.phone))
            .env("ROOKERY_USER", sent.user.map_or(String::new(), |user| user.0.to_string()))
            .env("ROOKERY_CODE", &sent.code)
            .env("ROOKERY_EXPIRES", sent.expires.to_string())
            .env("ROOKERY_TEXT", text(node, sent, now).as_str())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // A group of its own, so that what it starts ends with it.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|cause| Failed::now(format!("cannot start the program: {cause}")))?;
        let group = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        let stdin = child.stdin.take();
        let run = async {
            if let Some(mut stdin) = stdin {
                // A program that does not read has closed it: its exit status counts.
                let _ = stdin.write_all(input.as_bytes()).await;
            }
            child.wait().await
        };
        match timeout(self.within, run).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(Failed::now(format!("the program ended with {status}"))),
            Ok(Err(cause)) => Err(Failed::now(format!("the program was lost: {cause}"))),
            Err(_) => {
                if let Some(group) = group {
                    // Gone already, if this fails.
                    let _ = kill_process_group(group, Signal::KILL);
                }
                Err(Failed::now("the program took too long"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::tests::a_code;

    fn shell(script: String, within: Duration) -> Command {
        Command::new(vec!["sh".into(), "-c".into(), script], within).unwrap()
    }

    #[tokio::test]
    async fn a_program_gets_the_code_by_environment_and_input() {
        let directory = tempfile::TempDir::new().unwrap();
        let file = directory.path().join("got");
        let script = format!(
            "{{ echo \"$ROOKERY_PURPOSE $ROOKERY_PHONE $ROOKERY_CODE $ROOKERY_USER\"; cat; }} > '{}'",
            file.display()
        );
        let command = shell(script, Duration::from_secs(20));
        command.deliver("Rookery", "1-1", &a_code(), 1000).await.unwrap();
        let got = std::fs::read_to_string(file).unwrap();
        let (line, json) = got.split_once('\n').unwrap();
        assert_eq!(line, "login +88812345678 271828 1000001");
        let json: serde_json::Value = serde_json::from_str(json).unwrap();
        assert_eq!((&json["id"], &json["code"]), (&"1-1".into(), &"271828".into()));
    }

    #[tokio::test]
    async fn arguments_are_not_read_by_a_shell() {
        let odd = ["sh", "-c", "test \"$1\" = '$(id); x'", "sh", "$(id); x"];
        let command = Command::new(odd.map(String::from).to_vec(), Duration::from_secs(20));
        command.unwrap().deliver("Rookery", "1-1", &a_code(), 1000).await.unwrap();
    }

    #[tokio::test]
    async fn a_program_that_fails_or_hangs_is_told_apart_from_one_that_takes_it() {
        let failed = shell("exit 7".into(), Duration::from_secs(20));
        let failed = failed.deliver("Rookery", "1-1", &a_code(), 1000).await.unwrap_err();
        assert!(failed.reason.contains('7') && !failed.for_good, "{failed:?}");
        let hanging = shell("sleep 600 & wait".into(), Duration::from_millis(100));
        let failed = hanging.deliver("Rookery", "1-1", &a_code(), 1000).await.unwrap_err();
        assert!(failed.reason.contains("too long"), "{failed:?}");
        let absent = Command::new(vec!["/no/such/program".into()], Duration::from_secs(1)).unwrap();
        assert!(absent.deliver("Rookery", "1-1", &a_code(), 1000).await.is_err());
        assert!(Command::new(Vec::new(), Duration::from_secs(1)).is_err());
    }
}
