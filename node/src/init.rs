//! `rookery init`: a few questions, and a `rookery.toml` that says what every key does.

use std::fs::OpenOptions;
use std::io::{BufRead, Write};
use std::net::{IpAddr, ToSocketAddrs as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use serde_json::json;

use crate::cli::DataArgs;
use crate::config::{self, DOCUMENTED, FILE};
use crate::run::own_address;

/// The longest answer, in bytes.
const ANSWER_BYTES_MAX: u64 = 1024;
/// How the name of a section begins, after the end of what is said of it.
const SECTION: [&str; 2] = ["\n[", "\n#["];

/// How often a question is asked again.
const ATTEMPTS: usize = 3;

#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    #[command(flatten)]
    data: DataArgs,
    /// The file to write, instead of `rookery.toml` in the data directory; it must not be there yet.
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    /// What members see as the node's name.
    #[arg(long)]
    name: Option<String>,
    /// A name of the DNS that leads to this machine, in small letters; empty for none.
    #[arg(long)]
    domain: Option<String>,
    /// The address at which members reach this machine.
    #[arg(long, value_name = "IP")]
    address: Option<IpAddr>,
    /// The port for clients and browsers.
    #[arg(long)]
    port: Option<u16>,
    /// Who may join.
    #[arg(long, value_enum)]
    registration: Option<Mode>,
    /// Whether other nodes may share channels with this one.
    #[arg(long, value_name = "yes|no", value_parser = yes_or_no)]
    federation: Option<bool>,
    /// Whether a certificate is fetched from Let's Encrypt, to whose terms you agree then.
    #[arg(long, value_name = "yes|no", value_parser = yes_or_no)]
    certificate: Option<bool>,
    /// Whether public channels may be followed from Mastodon and its like.
    #[arg(long, value_name = "yes|no", value_parser = yes_or_no)]
    bridge: Option<bool>,
    /// Ask nothing: what is not told stays as it is proposed.
    #[arg(long)]
    defaults: bool,
}

/// See [`config::RegistrationMode`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Mode {
    Invite,
    Open,
    Closed,
}

/// What the file is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Answers {
    name: String,
    /// Empty for none.
    domain: String,
    address: IpAddr,
    port: u16,
    registration: Mode,
    certificate: bool,
    federation: bool,
    bridge: bool,
}

/// Asks and writes.
pub(crate) fn run(args: InitArgs) -> anyhow::Result<()> {
    let to = args.to.clone().unwrap_or_else(|| args.data.data.join(FILE));
    if to.exists() {
        bail!("{} is there already: change it with an editor", to.display());
    }
    let (data, quiet) = (args.data.clone(), args.data.json || args.defaults);
    let mut stdin = std::io::stdin().lock();
    let answers = match quiet {
        true => ask(args, &mut std::io::empty(), &mut std::io::sink())?,
        false => ask(args, &mut stdin, &mut std::io::stdout().lock())?,
    };
    let text = document(&answers)?;
    write(&data.data, &to, &text)?;
    let mut out = std::io::stdout().lock();
    if data.json {
        writeln!(out, "{}", json!({ "file": to }))?;
    } else {
        writeln!(out, "\n{}", next_steps(&answers, &to, &data.data))?;
    }
    Ok(())
}

/// Asks what was not told.
fn ask(args: InitArgs, from: &mut impl BufRead, to: &mut impl Write) -> anyhow::Result<Answers> {
    let mut asked = Asked { from, to };
    let name = match args.name {
        Some(name) => name,
        None => {
            asked.question("What is the node called?", "Rookery", |text| Ok(text.to_owned()))?
        }
    };
    let domain = match args.domain {
        Some(domain) => checked_domain(&domain)?,
        None => asked.question(
            "Which name of the DNS leads to this machine, such as chat.example.org? Without one, other \
             nodes and Mastodon cannot find it. (Enter for none)",
            "",
            checked_domain,
        )?,
    };
    let address = match args.address {
        Some(address) => address,
        None => asked.question(
            "At which address do members reach this machine?",
            &proposed_address(&domain).to_string(),
            |text| text.parse().context("that is no IP address"),
        )?,
    };
    let port = match args.port {
        Some(port) => port,
        None => asked.question(
            "On which port? Telegram Desktop connects to 443 alone, which takes root or the unit file's \
             rights to open; other clients take any.",
            if domain.is_empty() { "10443" } else { "443" },
            |text| match text.parse::<u16>() {
                Ok(port @ 1..) => Ok(port),
                _ => bail!("ports are numbers from 1 to 65535"),
            },
        )?,
    };
    let registration = match args.registration {
        Some(registration) => registration,
        None => asked.question("Who may join: invite, open or closed?", "invite", |text| {
            Mode::from_str(text, true).ok().context("it is invite, open or closed")
        })?,
    };
    // All of them need a name that others can look up.
    let mut wanted = |told: Option<bool>, what: &str, question: &str| match (told, &*domain) {
        (Some(true), "") => bail!("--{what} needs a --domain"),
        (Some(told), _) => Ok(told),
        // The authority connects to this port alone.
        (None, _) if what == "certificate" && port != 443 => Ok(false),
        (None, "") => Ok(false),
        (None, _) => {
            asked.question(question, "yes", |text| yes_or_no(text).map_err(anyhow::Error::msg))
        }
    };
    let certificate = wanted(
        args.certificate,
        "certificate",
        "Fetch a certificate from Let's Encrypt, and agree to its terms (https://letsencrypt.org/repository/)?",
    )?;
    let federation =
        wanted(args.federation, "federation", "Share channels with other nodes (port 4040)?")?;
    let bridge = wanted(
        args.bridge,
        "bridge",
        "Let public channels be followed from Mastodon and its like, where their owners switch it on?",
    )?;
    Ok(Answers { name, domain, address, port, registration, certificate, federation, bridge })
}

struct Asked<'a, R, W> {
    from: &'a mut R,
    to: &'a mut W,
}

impl<R: BufRead, W: Write> Asked<'_, R, W> {
    /// One question; the end of the input takes what is proposed.
    fn question<T>(
        &mut self,
        says: &str,
        proposed: &str,
        read: impl Fn(&str) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        for _ in 0..ATTEMPTS {
            write!(self.to, "{says} ")?;
            if !proposed.is_empty() {
                write!(self.to, "[{proposed}] ")?;
            }
            self.to.flush()?;
            let mut line = String::new();
            std::io::Read::take(&mut *self.from, ANSWER_BYTES_MAX).read_line(&mut line)?;
            let answer = line.trim();
            match read(if answer.is_empty() { proposed } else { answer }) {
                Ok(answer) => return Ok(answer),
                Err(cause) => writeln!(self.to, "  {cause:#}.")?,
            }
        }
        bail!("no answer to: {says}")
    }
}

fn yes_or_no(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "y" | "yes" | "true" => Ok(true),
        "n" | "no" | "false" => Ok(false),
        _ => Err("it is yes or no".into()),
    }
}

fn checked_domain(text: &str) -> anyhow::Result<String> {
    let domain = text.trim_end_matches('.').to_ascii_lowercase();
    if !domain.is_empty() && !config::is_public_name(&domain) {
        bail!("{text:?} is no domain like chat.example.org");
    }
    Ok(domain)
}

/// Where the domain leads, or this machine's way out.
fn proposed_address(domain: &str) -> IpAddr {
    let found = match domain {
        "" => None,
        _ => (domain, 0).to_socket_addrs().ok(),
    };
    // Telegram Desktop's copy holds an IPv4 address.
    let found: Vec<IpAddr> = found.into_iter().flatten().map(|found| found.ip()).collect();
    let first = found.iter().find(|ip| ip.is_ipv4()).or(found.first());
    first.copied().unwrap_or_else(own_address)
}

/// The file's text.
fn document(answers: &Answers) -> anyhow::Result<String> {
    let Answers { name, domain, address, port, .. } = answers;
    let text = |text: &str| toml::Value::from(text);
    let list = |items: &[String]| toml::Value::from(items.to_vec());
    let public = std::net::SocketAddr::new(*address, *port).to_string();
    let registration = match answers.registration {
        Mode::Invite => "invite",
        Mode::Open => "open",
        Mode::Closed => "closed",
    };
    let mut file = DOCUMENTED.to_owned();
    let mut put =
        |section: &str, key: &str, value: toml::Value| set(&mut file, section, key, &value);
    put("node", "name", text(name))?;
    put("node", "public_addresses", list(&[public]))?;
    put("mtproto", "listen", text(&format!("0.0.0.0:{port}")))?;
    put("registration", "mode", text(registration))?;
    if !domain.is_empty() {
        put("http", "public_url", text(&format!("https://{domain}")))?;
        put("federation", "domain", text(domain))?;
    }
    if answers.certificate {
        put("tls.acme", "domains", list(std::slice::from_ref(domain)))?;
        put("tls.acme", "accept_terms", true.into())?;
    }
    if answers.federation {
        let of = |host: &str| [format!("{host}/tcp/4040"), format!("{host}/udp/4040/quic-v1")];
        put("federation", "listen", list(&of("/ip4/0.0.0.0")))?;
        put("federation", "advertise", list(&of(&format!("/dns4/{domain}"))))?;
    }
    if answers.bridge {
        put("activitypub", "host", text(domain))?;
    }
    Ok(file)
}

/// Sets a key of a section of the documented file.
fn set(file: &mut String, section: &str, key: &str, value: &toml::Value) -> anyhow::Result<()> {
    // A section that is off without its name.
    if let Some(at) = file.find(&format!("\n#[{section}]\n")) {
        file.remove(at + 1);
    }
    let place = || {
        let start = file.find(&format!("\n[{section}]\n"))?;
        let next = SECTION.iter().filter_map(|begin| file[start + 2..].find(begin)).min();
        let end = next.map_or(file.len(), |end| start + 2 + end);
        let line = start + file[start..end].find(&format!("\n#{key} = "))? + 1;
        Some(line..line + file[line..].find('\n')?)
    };
    let place = place().with_context(|| format!("the documented file has no {section}.{key}"))?;
    file.replace_range(place, &format!("{key} = {value}"));
    Ok(())
}

/// Nothing that is there is replaced; passwords may come to stand in it.
fn write(data: &Path, to: &Path, text: &str) -> anyhow::Result<()> {
    if to.parent() == Some(data) {
        crate::secrets::make_directory(data)?;
    }
    let cannot = || format!("cannot write {}", to.display());
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(to)
        .with_context(cannot)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).with_context(cannot)
}

/// What is left to do, in its order.
fn next_steps(answers: &Answers, file: &Path, data: &Path) -> String {
    let of_data = match data == Path::new("./rookery-data") {
        true => String::new(),
        false => format!(" --data {}", data.display()),
    };
    let of_file = match file == data.join(FILE) {
        true => String::new(),
        false => format!(" --config {}", file.display()),
    };
    let mut steps = vec![format!("{} is written. Look it through; then:", file.display())];
    let mut step = |text: String| steps.push(format!("  {}. {text}", steps.len()));
    if !answers.domain.is_empty() {
        let ports = match answers.federation {
            true => format!("{} (TCP) and 4040 (TCP and UDP)", answers.port),
            false => format!("{} (TCP)", answers.port),
        };
        step(format!("Let {} lead to {}, and open port {ports}.", answers.domain, answers.address));
        if !answers.certificate {
            step(format!(
                "Let https://{} lead to the node's web pages: a certificate in [tls], or a proxy in \
                 front of [http] listen.",
                answers.domain
            ));
        }
    }
    step(format!("rookery run{of_data}{of_file}    prints number and code of the owner"));
    step(format!("rookery doctor{of_data}{of_file}    says what does not work yet, and why"));
    steps.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn args() -> InitArgs {
        let data = DataArgs { data: "./rookery-data".into(), json: false };
        InitArgs {
            data,
            to: None,
            name: None,
            domain: None,
            address: Some([192, 0, 2, 7].into()),
            port: None,
            registration: None,
            certificate: None,
            federation: None,
            bridge: None,
            defaults: false,
        }
    }

    fn answered(lines: &str) -> (anyhow::Result<Answers>, String) {
        let mut said = Vec::new();
        let answers = ask(args(), &mut lines.as_bytes(), &mut said);
        (answers, String::from_utf8(said).unwrap())
    }

    #[test]
    fn what_is_proposed_needs_no_domain() {
        let answers = answered("").0.unwrap();
        let file = document(&answers).unwrap();
        let config: Config = toml::from_str(&file).unwrap();
        let expected = Config::default();
        assert_eq!(config.node.public_addresses, ["192.0.2.7:10443".parse().unwrap()]);
        assert_eq!(config.node.name, expected.node.name);
        assert_eq!(config.mtproto.listen.to_vec(), expected.mtproto.listen.to_vec());
        assert!(config.federation.listen.is_empty() && config.activitypub.host.is_empty());
        // What was not asked for is still said.
        assert!(file.contains("\n#idle_timeout_s = 300\n"), "{file}");
    }

    #[test]
    fn answers_come_into_the_file() {
        let (answers, said) =
            answered("The \"Harbour\"\nnowhere\nChat.Example.org\n\nopen\ny\nyes\nno\n");
        assert!(said.contains("is no domain"), "{said}");
        let answers = answers.unwrap();
        let config: Config = toml::from_str(&document(&answers).unwrap()).unwrap();
        assert_eq!(config.node.name, "The \"Harbour\"");
        assert_eq!(config.http.public_url.as_deref(), Some("https://chat.example.org"));
        assert_eq!(config.mtproto.listen.to_vec(), ["0.0.0.0:443".parse().unwrap()]);
        assert_eq!(config.registration.mode, config::RegistrationMode::Open);
        assert_eq!(config.federation.domain, "chat.example.org");
        assert_eq!(config.federation.advertise[0], "/dns4/chat.example.org/tcp/4040");
        assert!(config.activitypub.host.is_empty());
        let acme = config.tls.unwrap().acme.unwrap();
        assert!(acme.accept_terms && acme.domains == ["chat.example.org"]);
        let steps = next_steps(&answers, Path::new("/d/rookery.toml"), Path::new("/d"));
        assert!(steps.contains("1. Let chat.example.org lead to 192.0.2.7"), "{steps}");
        assert!(steps.contains("3. rookery doctor --data /d "), "{steps}");
    }

    #[test]
    fn what_cannot_be_is_asked_again_and_then_refused() {
        let (refused, said) = answered("N\n\nport\n0\n99999\n");
        assert!(refused.unwrap_err().to_string().contains("On which port"));
        assert_eq!(said.matches("from 1 to 65535").count(), 3);
        let without = InitArgs { federation: Some(true), ..args() };
        let refused = ask(without, &mut std::io::empty(), &mut std::io::sink()).unwrap_err();
        assert!(refused.to_string().contains("--domain"));
    }

    #[test]
    fn a_file_that_is_there_stays() {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().join("data");
        let file = data.join(FILE);
        write(&data, &file, "first").unwrap();
        assert!(write(&data, &file, "second").is_err());
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "first");
    }
}
