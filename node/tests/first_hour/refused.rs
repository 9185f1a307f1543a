//! What the doctor says of clients that did not get through: Telethon as it is, with settings that are wrong
//! for the node, and curl. No client that we know goes on with a key that it was not offered.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::support::isolation::isolated;
use crate::support::node::{Setup, TestNode};
use crate::support::process::run;
use crate::support::skip::skipped;
use crate::support::{install, tests_directory};
use crate::{WITHIN, doctor, of_code, time_server};

/// An interpreter that has Telethon. Inside a namespace nothing can be fetched.
fn telethon() -> PathBuf {
    install::python("telethon-1.45.0", "telethon/requirements-1.45.0.txt")
}

/// Knocks at a node; what the client says of it.
fn knock(python: &PathBuf, node: &TestNode, how: &str, more: &[&str]) -> String {
    let mut command = Command::new(python);
    command.arg(tests_directory().join("first_hour/knock.py")).arg(how);
    command.args([node.mtproto.ip().to_string(), node.mtproto.port().to_string()]).args(more);
    let knocked = run(&mut command, WITHIN);
    assert!(knocked.status.success(), "{knocked:?}");
    knocked.stdout
}

fn is_kept_out(said: &str) {
    assert!(!said.contains("connected"), "{said}");
}

/// Asks the node for a page over TLS, which fails.
fn curl(node: &TestNode, more: &[&str]) {
    let mut curl = Command::new("curl");
    let asked = run(curl.args(more).arg(format!("https://{}/", node.mtproto)), WITHIN);
    assert!(!asked.status.success(), "{asked:?}");
}

/// Sends a message of the key exchange by curl, as no published client does.
fn post(node: &TestNode, constructor: u32, fields: &[&[u8]]) {
    let message = [&constructor.to_le_bytes()[..], &fields.concat()].concat();
    let length = u32::try_from(message.len()).unwrap().to_le_bytes();
    let file = node.file("message");
    // No auth key, no message id.
    fs::write(&file, [&[0; 16][..], &length, &message].concat()).unwrap();
    let mut curl = Command::new("curl");
    curl.arg("--silent").arg("--data-binary").arg(format!("@{}", file.display()));
    let asked = run(curl.arg(format!("http://{}/apiw1", node.mtproto)), WITHIN);
    assert!(asked.status.success(), "{asked:?}");
}

/// The last client that did not get through: why, and what it would have to do; empty where all did.
fn last(node: &TestNode) -> (String, String) {
    let (_, found) = doctor(&node.data(), &node.file("rookery.toml"), time_server(0));
    let last = of_code(&found, "client-refused").cloned().unwrap_or_default();
    let text = |key: &str| last[key].as_str().unwrap_or_default().to_owned();
    assert!(last == Value::Null || last["level"] == "note", "{last}");
    (text("says"), text("do"))
}

#[test]
fn the_doctor_tells_members_with_wrong_settings_from_each_other() {
    if skipped(&["telethon"]) {
        return;
    }
    let python = telethon();
    let test = "refused::the_doctor_tells_members_with_wrong_settings_from_each_other";
    isolated(test, WITHIN, || {
        let node = TestNode::start();
        assert_eq!(last(&node), Default::default());
        is_kept_out(&knock(&python, &node, "keys", &[]));
        let (says, _) = last(&node);
        assert!(says.contains("fingerprint, and left"), "{says}");
        is_kept_out(&knock(&python, &node, "secret", &[]));
        let (_, advice) = last(&node);
        assert!(advice.contains("MTProxy secret"), "{advice}");
        curl(&node, &["--insecure"]);
        let (says, advice) = last(&node);
        assert!(says.contains("127.0.0.1") && says.contains("no certificate"), "{says}");
        assert!(advice.contains("[tls]"), "{advice}");
    });
}

#[test]
fn the_doctor_tells_members_that_a_node_does_not_let_in_why() {
    if skipped(&["telethon"]) {
        return;
    }
    let python = telethon();
    let test = "refused::the_doctor_tells_members_that_a_node_does_not_let_in_why";
    isolated(test, WITHIN, || {
        let config = "[limits]\nhandshakes_per_address_burst = 1\n\
                      handshakes_per_address_per_minute = 1\n";
        let one = TestNode::start_with(Setup { config: config.into(), ..Setup::default() });
        let its_key = one.pem();
        let its_key = its_key.to_str().unwrap();
        let connected = knock(&python, &one, "trusts", &[its_key]);
        let session = connected.trim().strip_prefix("connected ").expect("the first one comes in");
        is_kept_out(&knock(&python, &one, "trusts", &[its_key]));
        let (says, advice) = last(&one);
        assert!(says.contains("too many new keys from its address"), "{says}");
        assert!(advice.contains("handshakes_per_address_per_minute"), "{advice}");

        let config = "[mtproto]\nold_rsa_padding = false\n".into();
        let other = TestNode::start_with(Setup { config, tls: true, ..Setup::default() });
        let other_key = other.pem();
        let other_key = other_key.to_str().unwrap();
        is_kept_out(&knock(&python, &other, "trusts", &[other_key, session]));
        let (says, advice) = last(&other);
        assert!(says.contains("its session is of another node"), "{says}");
        assert!(advice.contains("session file"), "{advice}");
        // Telethon encrypts with the old padding.
        is_kept_out(&knock(&python, &other, "trusts", &[other_key]));
        let (says, advice) = last(&other);
        assert!(says.contains("RSA key does not open"), "{says}");
        assert!(advice.contains("old_rsa_padding = true"), "{advice}");
        // It asks its own list of authorities.
        curl(&other, &[]);
        let (says, advice) = last(&other);
        assert!(says.contains("TLS failed"), "{says}");
        assert!(advice.contains("certificate in [tls]"), "{advice}");

        let (nonces, number) = ([7; 32], [4, 1, 1, 1, 1, 0, 0, 0]);
        // A string of 256 bytes.
        let sealed = [&[254, 0, 1, 0][..], &[9; 256]].concat();
        // set_client_DH_params, first of all.
        post(&other, 0xf504_5f1f, &[&nonces, &sealed]);
        let (says, _) = last(&other);
        assert!(says.contains("did not follow the key exchange"), "{says}");
        // req_DH_params, for a key of whomever's.
        post(&other, 0xd712_e4be, &[&nonces, &number, &number, &[5; 8], &sealed]);
        let (says, advice) = last(&other);
        assert!(says.contains("for an RSA key that this node does not have"), "{says}");
        assert!(advice.contains("rookery client-config"), "{advice}");
    });
}
