//! Where the names of the node lead, and whether browsers and other servers get an answer there.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use tokio::time::timeout;
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

use super::Finding;
use crate::certificates::Shown;
use crate::config::Config;
use crate::domains::{Looker, WELL_KNOWN};

/// For a name to be looked up.
const RESOLVE_WITHIN: Duration = Duration::from_secs(5);
/// A certificate that ends earlier is to be renewed by now.
const RENEWED_BEFORE_S: i64 = 14 * 86_400;

/// How the node's certificate stands, if it has one.
pub(super) fn certificate(config: &Config, fetched: Option<Shown>, now_ms: u64) -> Option<Finding> {
    let host = config.http.public_url.as_deref().map(host_of);
    let now_s = now_ms / 1000;
    match config.tls.as_ref()?.certificate.as_deref() {
        Some(file) => Some(in_file(file, host, now_s.cast_signed())),
        None => Some(by_acme(fetched?, now_s)),
    }
}

pub(super) async fn examine(config: &Config) -> Vec<Finding> {
    let mut found = Vec::new();
    let Some(url) = config.http.public_url.as_deref() else { return found };
    let url = url.trim_end_matches('/');
    let host = host_of(url).to_owned();
    let lead = resolve(&host).await;
    let told: BTreeSet<IpAddr> =
        config.node.public_addresses.iter().map(|address| address.ip()).collect();
    found.push(leads(&host, &lead, &told));
    if lead.is_empty() || !url.starts_with("https://") {
        return found;
    }
    let Ok(looker) = Looker::new(&config.federation) else { return found };
    found.push(answers(url, looker.text(&format!("{url}/robots.txt")).await));
    let of_federation = !config.federation.listen.is_empty() && config.federation.domain == host;
    let places = [
        (of_federation, WELL_KNOWN, "other nodes add this one by its domain"),
        (config.activitypub.host == host, "/.well-known/nodeinfo", "Mastodon finds its channels"),
    ];
    for (_, path, why) in places.into_iter().filter(|(wanted, _, _)| *wanted) {
        found.push(place(url, path, why, looker.text(&format!("{url}{path}")).await));
    }
    found
}

/// The host of scheme and host.
fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    match rest.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => rest.split(':').next().unwrap_or_default(),
    }
}

async fn resolve(host: &str) -> BTreeSet<IpAddr> {
    match timeout(RESOLVE_WITHIN, tokio::net::lookup_host((host, 0))).await {
        Ok(Ok(found)) => found.map(|found| found.ip()).collect(),
        _ => BTreeSet::new(),
    }
}

/// Where a name leads, and whether clients are told the same.
fn leads(host: &str, lead: &BTreeSet<IpAddr>, told: &BTreeSet<IpAddr>) -> Finding {
    let list =
        |ips: &BTreeSet<IpAddr>| ips.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    if lead.is_empty() {
        return Finding::problem("own-name-nowhere", format!("{host} leads nowhere."))
            .advise("Set an A record (and AAAA, with IPv6) where the domain is registered.");
    }
    if !told.is_empty() && lead.is_disjoint(told) {
        let says = format!("{host} leads to {}, and clients are told {}.", list(lead), list(told));
        return Finding::note("own-name-elsewhere", says).advise(
            "Right where a proxy or a second machine serves the pages; else mend the record, or [node] \
             public_addresses.",
        );
    }
    Finding::well("own-name", format!("{host} leads to {}.", list(lead)))
}

fn answers(url: &str, text: Result<String, String>) -> Finding {
    match text {
        Ok(_) => Finding::well("pages", format!("{url} answers, with a certificate that is trusted.")),
        Err(cause) => Finding::problem("pages", format!("{url} does not answer: {cause}.")).advise(
            "Browsers need a certificate in [tls] and port 443, or a proxy in front of [http] listen.",
        ),
    }
}

fn place(url: &str, path: &str, why: &str, text: Result<String, String>) -> Finding {
    match text {
        Ok(text) if text.trim_start().starts_with('{') => {
            Finding::well("well-known", format!("{url}{path} is there: {why}."))
        }
        other => {
            let cause = other.err().unwrap_or_else(|| "something else answers".into());
            Finding::problem("well-known", format!("{url}{path} is not there ({cause})."))
                .advise(format!("Lead it to this node's web pages, so that {why}."))
        }
    }
}

/// What the node fetches itself.
fn by_acme(shown: Shown, now_s: u64) -> Finding {
    let left_s = shown.until_s.map(|until_s| until_s.saturating_sub(now_s));
    let advice = "Port 443 of each of [tls.acme] domains has to lead here, with nothing in between that ends TLS; \
                  the log says what the authority said.";
    match (left_s, shown.failures) {
        (None | Some(0), failures) => {
            let says =
                format!("There is no certificate: {failures} attempts to get one were in vain.");
            Finding::problem("own-certificate", says).advise(advice)
        }
        (Some(left_s), 0) => {
            let days = left_s / 86_400;
            Finding::well(
                "own-certificate",
                format!("The certificate is good for {days} days, and renewed."),
            )
        }
        (Some(left_s), failures) => {
            let days = left_s / 86_400;
            let says = format!(
                "The certificate ends in {days} days: {failures} attempts to renew it were in vain."
            );
            Finding::problem("own-certificate", says).advise(advice)
        }
    }
}

/// Whether a certificate is one, until when, and for which name.
fn in_file(file: &Path, host: Option<&str>, now_s: i64) -> Finding {
    let shown = file.display();
    let Some(first) = CertificateDer::pem_file_iter(file).ok().and_then(|mut all| all.next())
    else {
        return Finding::problem("own-certificate", format!("{shown} cannot be read."))
            .advise("Mend [tls] certificate, or the rights of that file.");
    };
    let parsed = first.as_ref().map(|der| X509Certificate::from_der(der));
    let Ok(Ok((_, parsed))) = parsed else {
        return Finding::problem("own-certificate", format!("{shown} holds no certificate."))
            .advise("Mend [tls] certificate.");
    };
    let names = parsed.subject_alternative_name().ok().flatten();
    let names = names.map(|names| names.value.general_names.as_slice()).unwrap_or_default();
    let covers = |host: &str| {
        names.iter().any(|name| matches!(name, GeneralName::DNSName(name) if fits(name, host)))
    };
    let left_s = parsed.validity().not_after.timestamp() - now_s;
    if left_s <= 0 {
        Finding::problem(
            "own-certificate",
            format!("The certificate in {shown} ended {} days ago.", -left_s / 86_400),
        )
        .advise("Renew it: this node reads the file again by itself.")
    } else if let Some(host) = host.filter(|host| !covers(host)) {
        Finding::problem(
            "own-certificate",
            format!("The certificate in {shown} is not for {host}."),
        )
        .advise("Get one for the host of [http] public_url.")
    } else if left_s < RENEWED_BEFORE_S {
        Finding::note(
            "own-certificate",
            format!("The certificate in {shown} ends in {} days.", left_s / 86_400),
        )
        .advise("See to its renewal.")
    } else {
        Finding::well(
            "own-certificate",
            format!("The certificate in {shown} is good for {} days.", left_s / 86_400),
        )
    }
}

/// Whether a name of a certificate is that of a host; `*` stands for one part.
fn fits(name: &str, host: &str) -> bool {
    let parent = |host: &str| host.split_once('.').map(|(_, parent)| parent.to_ascii_lowercase());
    match name.strip_prefix("*.") {
        Some(rest) => parent(host).is_some_and(|parent| parent.eq_ignore_ascii_case(rest)),
        None => name.eq_ignore_ascii_case(host),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::Level;
    use super::*;

    #[test]
    fn a_name_leads_here_elsewhere_or_nowhere() {
        let ips = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        let code = |lead: &[&str], told: &[&str]| leads("a.example", &ips(lead), &ips(told)).code;
        assert_eq!(code(&["192.0.2.1"], &[]), "own-name");
        assert_eq!(code(&["192.0.2.1", "192.0.2.2"], &["192.0.2.2"]), "own-name");
        assert_eq!(code(&["192.0.2.1"], &["192.0.2.2"]), "own-name-elsewhere");
        assert_eq!(code(&[], &["192.0.2.2"]), "own-name-nowhere");
        assert_eq!(host_of("https://a.example:8443"), "a.example");
        assert_eq!(host_of("http://[2001:db8::1]:80"), "2001:db8::1");
    }

    #[test]
    fn certificates_end_and_are_for_names() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("cert.pem");
        let key = rcgen::KeyPair::generate().unwrap();
        let names = vec!["a.example".to_owned(), "*.b.example".to_owned()];
        let mut made = rcgen::CertificateParams::new(names).unwrap();
        made.not_after = rcgen::date_time_ymd(2030, 1, 1);
        std::fs::write(&file, made.self_signed(&key).unwrap().pem()).unwrap();
        // 2030-01-01
        let end_s = 1_893_456_000;
        let level = |host, now_s| in_file(&file, host, now_s).level;
        assert_eq!(level(Some("A.example"), end_s - 86_400 * 60), Level::Well);
        assert_eq!(level(Some("x.b.example"), end_s - 86_400 * 60), Level::Well);
        assert_eq!(level(None, end_s - 86_400), Level::Note);
        assert_eq!(level(Some("x.y.b.example"), end_s - 86_400 * 60), Level::Problem);
        assert_eq!(level(Some("a.example"), end_s + 1), Level::Problem);
        std::fs::write(&file, "nothing").unwrap();
        assert_eq!(level(None, 0), Level::Problem);
    }

    #[test]
    fn what_is_fetched_is_good_or_was_asked_for_in_vain() {
        let level = |until_s, failures| by_acme(Shown { until_s, failures }, 1000).level;
        assert_eq!(level(Some(90_000), 0), Level::Well);
        assert_eq!(level(Some(90_000), 2), Level::Problem);
        assert_eq!(level(Some(900), 0), Level::Problem);
        assert_eq!(level(None, 1), Level::Problem);
    }

    #[test]
    fn documents_are_documents() {
        let of = |text: Result<&str, &str>| {
            place("https://a.example", "/x", "they know", text.map(Into::into).map_err(Into::into))
                .level
        };
        assert_eq!(of(Ok("{\"links\":[]}")), Level::Well);
        assert_eq!(of(Ok("<html>")), Level::Problem);
        assert_eq!(of(Err("status 404")), Level::Problem);
    }
}
