#!/bin/sh
# Makes a program in `rookery-grammers/` that logs a member of a Rookery node in with grammers 0.11.0, and writes
# a word to Saved messages; and runs it. Run it once more (cargo run), and it is logged in: `member.session`.
#
# The keys that grammers trusts are in a function of its own: the program is built with a copy that has the node's.
set -eu

mkdir rookery-grammers
cd rookery-grammers
mkdir src
cat >Cargo.toml <<'END'
[package]
name = "rookery-grammers"
version = "0.1.0"
edition = "2024"

[workspace]

[dependencies]
grammers-client = { version = "=0.11.0", default-features = false }
grammers-mtsender = "=0.11.0"
grammers-session = { version = "=0.11.0", default-features = false }
tokio = { version = "1", features = ["macros", "rt"] }

[profile.dev]
debug = false
END

cat >src/main.rs <<'END'
use std::error::Error;
use std::io::{Write as _, stdin, stdout};
use std::net::SocketAddr;
use std::sync::Arc;
use std::{fs, path::Path};

use grammers_client::{Client, tl};
use grammers_mtsender::SenderPool;
use grammers_session::{Session as _, SessionData, storages::MemorySession};
use tl::enums::auth::{Authorization, SentCode};

const NODE: (&str, u16) = (@HOST@, @PORT@);
const DC: i32 = @DC@;
const SESSION: &str = "member.session";

type Failed = Box<dyn Error + Send + Sync>;

fn ask(what: &str) -> Result<String, Failed> {
    print!("{what}: ");
    stdout().flush()?;
    let mut line = String::new();
    stdin().read_line(&mut line)?;
    Ok(line.trim().to_owned())
}

/// Where the node is, and the key of an earlier run. What else grammers would keep is asked for anew.
fn session() -> Result<MemorySession, Failed> {
    let mut data = SessionData { home_dc: DC, ..SessionData::default() };
    let address: SocketAddr = format!("{}:{}", NODE.0, NODE.1).parse()?;
    for option in data.dc_options.values_mut() {
        match address {
            SocketAddr::V4(address) => option.ipv4 = address,
            SocketAddr::V6(address) => option.ipv6 = address,
        }
        if option.id == DC && Path::new(SESSION).exists() {
            option.auth_key = Some(fs::read(SESSION)?.as_slice().try_into()?);
        }
    }
    Ok(data.into())
}

async fn log_in(client: &Client) -> Result<(), Failed> {
    let phone_number = ask("Number")?;
    let settings = tl::types::CodeSettings {
        allow_flashcall: false,
        current_number: false,
        allow_app_hash: false,
        allow_missed_call: false,
        allow_firebase: false,
        unknown_number: false,
        logout_tokens: None,
        token: None,
        app_sandbox: None,
    };
    // A node takes any api_id and api_hash.
    let asked = tl::functions::auth::SendCode {
        phone_number: phone_number.clone(),
        api_id: 1,
        api_hash: "any".into(),
        settings: settings.into(),
    };
    let SentCode::Code(sent) = client.invoke(&asked).await? else { return Err("no code".into()) };
    let phone_code_hash = sent.phone_code_hash;
    let sign_in = tl::functions::auth::SignIn {
        phone_number: phone_number.clone(),
        phone_code_hash: phone_code_hash.clone(),
        phone_code: Some(ask("Code")?),
        email_verification: None,
    };
    // grammers' own `sign_in` knows of no new members.
    if let Authorization::SignUpRequired(_) = client.invoke(&sign_in).await? {
        let (first_name, last_name) = (ask("Your name")?, String::new());
        let no_joined_notifications = false;
        client
            .invoke(&tl::functions::auth::SignUp {
                no_joined_notifications,
                phone_number,
                phone_code_hash,
                first_name,
                last_name,
            })
            .await?;
    }
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failed> {
    let session = Arc::new(session()?);
    let SenderPool { runner, handle, .. } = SenderPool::new(session.clone(), 1);
    let client = Client::new(handle);
    let running = tokio::spawn(runner.run());
    if !client.is_authorized().await? {
        log_in(&client).await?;
        let key = session.dc_option(DC)?.and_then(|option| option.auth_key).ok_or("no key")?;
        fs::write(SESSION, key)?;
    }
    let me = client.get_me().await?;
    let to_me = me.to_ref().await?.ok_or("no account")?;
    client.send_message(to_me, "hello from grammers").await?;
    println!("Logged in as {}", me.first_name().unwrap_or_default());
    running.abort();
    Ok(())
}
END

# The library's source comes from crates.io; one key is put before its own.
cargo fetch --quiet
library=$(ls -d "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*/grammers-mtproto-0.11.0 | head -n 1)
cp -R "$library" grammers-mtproto
file=grammers-mtproto/src/authentication.rs
sed 's|// Production|@FINGERPRINT@ => rsa::Key::new("@MODULUS_DECIMAL@", "@EXPONENT_DECIMAL@").unwrap(),|' "$file" >patched
grep -q -e '@FINGERPRINT@ =>' patched || { echo "this grammers-mtproto is another one" >&2; exit 1; }
mv patched "$file"
printf '\n[patch.crates-io]\ngrammers-mtproto = { path = "grammers-mtproto" }\n' >>Cargo.toml

exec cargo run --quiet
