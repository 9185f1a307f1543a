//! `rookery reindex`: the index of words, built anew.

use node_core::{Core, LogKeys, Setup};
use serde_json::{Value, json};

use crate::cli::DataArgs;
use crate::config::StoreConfig;
use crate::{control, run, secrets};

/// Asks the running node; where none runs, does it here and waits until it is done.
pub(crate) fn reindex(args: &DataArgs, config: &StoreConfig) -> anyhow::Result<()> {
    if !args.data.join("STORE.id").exists() {
        anyhow::bail!("there is no store in {}", args.data.display());
    }
    let asked: Option<Value> = control::ask_if_running(&args.data, &control::Request::Reindex)?;
    if let Some(asked) = asked {
        return print(args, &asked, "begun; the old index serves until the new one is whole");
    }
    #[expect(clippy::disallowed_methods, reason = "the binary owns randomness")]
    let mut rng = rand::rng();
    let opened = secrets::open(&args.data, config, &mut rng)?;
    let (store, master) = (opened.store.clone(), opened.master.clone());
    // No log is written.
    let log_keys = LogKeys::generate(&mut rng);
    let setup = Setup::offline(store, run::clock(), opened.access_secret, master, log_keys);
    let core = Core::open(setup)?;
    tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
        core.reindex().await?;
        core.indexed().await
    })?;
    core.close();
    print(args, &json!({ "boxes": core.users(), "done": true }), "done")
}

fn print(args: &DataArgs, answer: &Value, words: &str) -> anyhow::Result<()> {
    #[expect(clippy::print_stdout, reason = "the command's output")]
    if args.json {
        println!("{}", serde_json::to_string(answer)?);
    } else {
        println!("{words}");
    }
    Ok(())
}
