//! What an operator sees of a message: its measurements, its way through the log, and the dashboard.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::program;
use crate::support::node::{Setup, TestNode};
use crate::support::{install, process, tests_directory};

const WITHIN: Duration = Duration::from_secs(60);
/// What the script of the client says to itself.
const TEXT: &str = "quincunx";

/// A node that measures, logs everything as JSON, and has all that a dashboard shows.
fn node() -> TestNode {
    let config = "[metrics]\nlisten = [\"127.0.0.1:0\"]\n[log]\nformat = \"json\"\n\
                  [federation]\nlisten = [\"/ip4/127.0.0.1/tcp/0\"]\n\
                  [activitypub]\nhost = \"n.rookery.test\"\nscheme = \"http\"\n";
    let variables = vec![("ROOKERY_LOG", "debug".into())];
    TestNode::start_with(Setup { config: config.into(), variables, tls: true, ..Setup::default() })
}

fn metrics(node: &TestNode) -> String {
    let ready = fs::read_to_string(node.data().join("ready.json")).unwrap();
    let ready: Value = serde_json::from_str(&ready).unwrap();
    let address: SocketAddr = ready["metrics"].as_str().unwrap().parse().unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.0\r\nHost: n\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

/// A text as the parser of Prometheus' own client library reads it.
fn parsed(node: &TestNode, text: &str) -> Value {
    let python = install::python("prometheus-0.23.1", "prometheus/requirements-0.23.1.txt");
    let file = node.file("metrics.txt");
    fs::write(&file, text).unwrap();
    let mut command = Command::new(python);
    command.arg(tests_directory().join("edge/families.py"));
    let done = process::run_with_input(&mut command, File::open(&file).unwrap(), WITHIN);
    assert!(done.status.success(), "{done:?}\n{text}");
    serde_json::from_str(&done.stdout).unwrap()
}

/// The value of the sample with these labels.
fn sample(families: &Value, family: &str, name: &str, labels: &[(&str, &str)]) -> f64 {
    let samples = families[family]["samples"].as_array().unwrap();
    let fits = |sample: &&Value| {
        sample[0] == name && labels.iter().all(|(label, value)| sample[1][label] == *value)
    };
    samples.iter().find(fits).unwrap_or_else(|| panic!("{name} {labels:?}"))[2].as_f64().unwrap()
}

/// A member sends a message: it is counted and timed under its method, its way can be followed through the
/// log by one id, its text is in neither, and the dashboard asks for nothing that is not there.
#[test]
fn a_message_is_measured_and_traced() {
    let node = node();
    let said = program::telethon(&node, "telethon_says.py", node.mtproto, &[]);
    assert_eq!(said["refused"][0], 400, "{said}");
    let text = metrics(&node);
    measured(&node, &text);
    traced(&node);
    shown(&text);
    assert!(!text.contains(TEXT));
}

fn measured(node: &TestNode, text: &str) {
    let families = parsed(node, text);
    let (name, method) = ("rookery_rpc_duration_seconds", ("method", "messages.sendMessage"));
    assert_eq!(families[name]["type"], "histogram");
    let of = |suffix: &str, labels: &[(&str, &str)]| {
        sample(&families, name, &format!("{name}{suffix}"), labels)
    };
    assert!(of("_count", &[method]) >= 1.0);
    assert_eq!(of("_bucket", &[method, ("le", "+Inf")]), of("_count", &[method]));
    assert!(of("_bucket", &[method, ("le", "10")]) >= of("_bucket", &[method, ("le", "0.00025")]));
    let sum = of("_sum", &[method]);
    assert!(sum > 0.0 && sum < 60.0, "{sum}");
    let ended = |method, outcome| {
        let labels = [("method", method), ("outcome", outcome)];
        sample(&families, "rookery_rpc", "rookery_rpc_total", &labels)
    };
    assert!(ended("messages.sendMessage", "ok") >= 1.0);
    assert!(ended("contacts.resolveUsername", "400") >= 1.0);
    let keys =
        sample(&families, "rookery_handshakes", "rookery_handshakes_total", &[("outcome", "ok")]);
    assert!(keys >= 1.0);
    for gauge in ["rookery_sessions", "rookery_store_disk_free_bytes"] {
        assert!(sample(&families, gauge, gauge, &[]) >= 1.0, "{gauge}");
    }
    // Names of methods are the only thing that calls add, and nobody invents one.
    assert!(!text.contains("unknown"), "{text}");
}

/// One id leads from the packet to the store.
fn traced(node: &TestNode) {
    let log = fs::read_to_string(node.file("log")).unwrap();
    assert!(!log.contains(TEXT), "the text of a message is in the log");
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let call = lines.iter().find(|line| {
        line["message"] == "answered" && line["span"]["method"] == "messages.sendMessage"
    });
    let trace = call.expect("an answer")["span"]["trace"].as_str().unwrap();
    let about = |line: &&Value| line["trace"] == trace || line["span"]["trace"] == trace;
    let found: Vec<&Value> = lines.iter().filter(about).collect();
    // As grep finds them: the id stands in the line as it is.
    assert_eq!(found.len(), log.lines().filter(|line| line.contains(trace)).count());
    let said: Vec<&str> = found.iter().filter_map(|line| line["message"].as_str()).collect();
    let place = |text: &str| said.iter().position(|said| *said == text).expect(text);
    assert!(place("a packet came") < place("decided"), "{said:?}");
    assert!(place("decided") < place("stored") && place("stored") < place("answered"), "{said:?}");
    let part = |text: &str| found[place(text)]["target"].as_str().unwrap().to_owned();
    assert!(part("a packet came").starts_with("mtproto_frontend"), "{found:?}");
    assert!(part("stored").starts_with("node_core"), "{found:?}");
    // And the store's own line says the same number.
    let ticket = found[place("stored")]["ticket"].as_u64().unwrap();
    let synced = lines.iter().filter(|line| line["message"] == "synced");
    let mut synced = synced.filter_map(|line| line["ticket"].as_u64());
    assert!(synced.any(|last| last >= ticket));
}

/// Each name that the dashboard's questions use is one that the node gives.
fn shown(text: &str) {
    let docker = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docker");
    let dashboard = fs::read_to_string(docker.join("grafana-dashboard.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&dashboard).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().into_iter().flatten());
    let questions: Vec<&str> = targets.map(|target| target["expr"].as_str().unwrap()).collect();
    assert!(questions.len() > 15, "{questions:?}");
    let known: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '))
        .map(|(name, _)| name)
        .collect();
    let part = |c: char| !c.is_ascii_alphanumeric() && c != '_';
    for question in questions {
        for name in question.split(part).filter(|name| name.starts_with("rookery_")) {
            let family = name.strip_suffix("_bucket").unwrap_or(name);
            assert!(known.contains(&name) || known.contains(&family), "{name} in {question}");
        }
    }
    let scraped = fs::read_to_string(docker.join("prometheus.yml")).unwrap();
    assert!(scraped.contains("rookery:9464"), "{scraped}");
}
