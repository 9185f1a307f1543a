//! What must not be reached, by any way: a trap listens on an address that is not allowed, and
//! nobody ever connects to it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;

use std::fs;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use preview::{Fetcher, PreviewError, Setup};
use support::{Server, Table, fetcher, html, redirect, setup};

const HERE: [u8; 4] = [127, 0, 0, 1];
/// Loopback, too, but not allowed.
const TRAP: [u8; 4] = [127, 0, 0, 2];

async fn trap() -> Server {
    Server::start(TRAP, vec![("/", html("<title>secret</title>"))]).await
}

fn refused(ip: &str) -> PreviewError {
    PreviewError::Address(ip.parse().unwrap())
}

#[tokio::test]
async fn addresses_in_every_notation() {
    let trap = trap().await;
    let fetcher = fetcher(&[trap.port()]);
    for host in
        ["127.0.0.2", "2130706434", "0x7f000002", "0x7f.2", "0177.0.0.2", "127.2", "127.0.0.2."]
    {
        let url = format!("http://{host}:{}/", trap.port());
        assert_eq!(fetcher.fetch(&url, 0).await, Err(refused("127.0.0.2")), "{host}");
    }
    for (host, ip) in [
        ("[::ffff:127.0.0.2]", "::ffff:127.0.0.2"),
        ("[::ffff:7f00:2]", "::ffff:127.0.0.2"),
        ("[64:ff9b::7f00:2]", "64:ff9b::7f00:2"),
        ("[2002:7f00:2::]", "2002:7f00:2::"),
        ("[::1]", "::1"),
        ("[::]", "::"),
        ("0", "0.0.0.0"),
        ("0.0.0.0", "0.0.0.0"),
        ("169.254.169.254", "169.254.169.254"),
        ("[fd00:ec2::254]", "fd00:ec2::254"),
        ("１２７.0.0.2", "127.0.0.2"),
    ] {
        let url = format!("http://{host}/");
        assert_eq!(fetcher.fetch(&url, 0).await, Err(refused(ip)), "{host}");
    }
    assert_eq!(trap.connections(), 0);
}

#[tokio::test]
async fn names_that_lead_inside() {
    let trap = trap().await;
    let here = Server::start(HERE, vec![("/", html("<title>here</title>"))]).await;
    let table = Table::new(&[
        ("trap.test", &[&["127.0.0.2"]]),
        ("mapped.test", &[&["::ffff:127.0.0.2"]]),
        ("mixed.test", &[&["127.0.0.2", "127.0.0.1"]]),
        ("nothing.test", &[&[]]),
    ]);
    let fetcher = Fetcher::with_resolver(setup(&[trap.port(), here.port()]), table).unwrap();
    let at = |name: &str, server: &Server| format!("http://{name}:{}/", server.port());
    for (name, wanted) in [
        ("trap.test", refused("127.0.0.2")),
        ("mapped.test", refused("::ffff:127.0.0.2")),
        ("nothing.test", PreviewError::Resolve),
        ("unknown.test", PreviewError::Resolve),
    ] {
        assert_eq!(fetcher.fetch(&at(name, &trap), 0).await, Err(wanted), "{name}");
    }
    // Of several addresses only those that may be reached are tried.
    let page = fetcher.fetch(&at("mixed.test", &here), 0).await.unwrap();
    assert_eq!(page.title.as_deref(), Some("here"));
    assert_eq!(trap.connections(), 0);
}

/// A name that changes between two questions: there is no second question.
#[tokio::test]
async fn a_name_is_resolved_once() {
    let here = Server::start(HERE, vec![("/", html("<title>here</title>"))]).await;
    // Under the port that the name is asked for with: a second answer would lead there.
    let trap = Server::start_at((TRAP, here.port()), vec![("/", html("<title>no</title>"))]).await;
    let table = Table::new(&[("rebind.test", &[&["127.0.0.1"], &["127.0.0.2"]])]);
    let resolver = Arc::clone(&table);
    let fetcher = Fetcher::with_resolver(setup(&[here.port()]), resolver).unwrap();
    let page = fetcher.fetch(&format!("http://rebind.test:{}/", here.port()), 0).await.unwrap();
    assert_eq!(page.title.as_deref(), Some("here"));
    assert_eq!(table.asked.load(Ordering::SeqCst), 1);
    assert_eq!(trap.connections(), 0);
}

#[tokio::test]
async fn redirects_are_checked_like_the_first_address() {
    let trap = trap().await;
    let inside = trap.url("/");
    let picture = format!("<title>x</title><meta property=og:image content='{inside}'>");
    let by_name = format!("http://trap.test:{}/", trap.port());
    let pages = vec![
        ("/inside", redirect(&inside)),
        ("/by_name", redirect(&by_name)),
        ("/slashes", redirect("//127.0.0.2/")),
        ("/metadata", redirect("http://169.254.169.254/latest/")),
        ("/file", redirect("file:///etc/passwd")),
        ("/gopher", redirect("gopher://127.0.0.1/")),
        ("/port", redirect("http://127.0.0.1:22/")),
        ("/password", redirect("http://a:b@127.0.0.1/")),
        ("/loop", redirect("/loop")),
        ("/1", redirect("/2")),
        ("/2", redirect("/3")),
        ("/3", redirect("/4")),
        ("/4", redirect("/5")),
        ("/5", redirect("/6")),
        ("/6", html("<title>six</title>")),
        ("/0", redirect("/1")),
        ("/picture", html(picture)),
        ("/picture2", html("<title>x</title><meta property=og:image content=/inside>")),
    ];
    let here = Server::start(HERE, pages).await;
    let table = Table::new(&[("trap.test", &[&["127.0.0.2"]])]);
    let fetcher = Fetcher::with_resolver(setup(&[here.port(), trap.port()]), table).unwrap();
    for (path, wanted) in [
        ("/inside", refused("127.0.0.2")),
        ("/by_name", refused("127.0.0.2")),
        ("/slashes", refused("127.0.0.2")),
        ("/metadata", refused("169.254.169.254")),
        ("/file", PreviewError::Url("neither http nor https")),
        ("/gopher", PreviewError::Url("neither http nor https")),
        ("/port", PreviewError::Url("an unusual port")),
        ("/password", PreviewError::Url("it has a name or a password")),
        ("/loop", PreviewError::Redirects),
        ("/0", PreviewError::Redirects),
    ] {
        assert_eq!(fetcher.fetch(&here.url(path), 0).await, Err(wanted), "{path}");
    }
    let page = fetcher.fetch(&here.url("/1"), 0).await.unwrap();
    assert_eq!(page.title.as_deref(), Some("six"), "five redirects are followed");
    for path in ["/picture", "/picture2"] {
        let page = fetcher.fetch(&here.url(path), 0).await.unwrap();
        assert_eq!(page.image_error, Some(refused("127.0.0.2")), "{path}");
    }
    assert_eq!(trap.connections(), 0);
}

#[tokio::test]
async fn addresses_that_no_preview_is_made_of() {
    let fetcher = fetcher(&[]);
    for (url, wanted) in [
        ("ftp://example.org/", "neither http nor https"),
        ("javascript:alert(1)", "neither http nor https"),
        ("http://user@example.org/", "it has a name or a password"),
        ("http://:pass@example.org/", "it has a name or a password"),
        ("http://example.org:8080/", "an unusual port"),
        ("http://example.org:6379/", "an unusual port"),
        ("example.org", "not an address"),
        ("http://", "not an address"),
    ] {
        assert_eq!(fetcher.fetch(url, 0).await, Err(PreviewError::Url(wanted)), "{url}");
    }
    let long = format!("http://example.org/{}", "x".repeat(3000));
    assert_eq!(fetcher.fetch(&long, 0).await, Err(PreviewError::Url("too long")));
}

/// https works with its certificate checked against the name, and does not lead back to http.
#[tokio::test]
async fn https() {
    let authority = rcgen::generate_simple_self_signed(["good.test".to_owned()]).unwrap();
    let file = std::env::temp_dir().join(format!("preview-{}.pem", std::process::id()));
    fs::write(&file, authority.cert.pem()).unwrap();
    let key = rustls_pki_types::PrivateKeyDer::Pkcs8(authority.signing_key.serialize_der().into());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![authority.cert.der().clone()], key)
        .unwrap();
    let plain = Server::start(HERE, vec![("/", html("<title>plain</title>"))]).await;
    let pages = vec![("/good", html("<title>good</title>")), ("/down", redirect(&plain.url("/")))];
    let server = Server::start_with((HERE, 0), pages, Some(Arc::new(config).into())).await;
    let table = Table::new(&[("good.test", &[&["127.0.0.1"]]), ("bad.test", &[&["127.0.0.1"]])]);
    let setup = Setup { authorities: Some(file.clone()), ..setup(&[server.port(), plain.port()]) };
    let fetcher = Fetcher::with_resolver(setup, table).unwrap();
    fs::remove_file(file).unwrap();
    let at = |name: &str, path: &str| format!("https://{name}:{}{path}", server.port());
    let page = fetcher.fetch(&at("good.test", "/good"), 0).await.unwrap();
    assert_eq!(page.title.as_deref(), Some("good"));
    let wrong = fetcher.fetch(&at("bad.test", "/good"), 0).await.unwrap_err();
    assert!(matches!(wrong, PreviewError::Connection(_)), "{wrong}");
    let down = fetcher.fetch(&at("good.test", "/down"), 0).await;
    assert_eq!(down, Err(PreviewError::Downgrade));
    // A document for the node itself: whatever its type, whole or not at all, and by https alone.
    let document = fetcher.document(&at("good.test", "/good"), 100).await.unwrap();
    assert_eq!(&document[..], b"<title>good</title>");
    let long = fetcher.document(&at("good.test", "/good"), 18).await;
    assert_eq!(long, Err(PreviewError::TooLong));
    let wrong = fetcher.document(&at("bad.test", "/good"), 100).await.unwrap_err();
    assert!(matches!(wrong, PreviewError::Connection(_)), "{wrong}");
    let down = fetcher.document(&at("good.test", "/down"), 100).await;
    assert_eq!(down, Err(PreviewError::Downgrade));
    let by_http = fetcher.document(&plain.url("/"), 100).await;
    assert_eq!(by_http, Err(PreviewError::Url("not https")));
    assert_eq!(plain.connections(), 0);
}

/// A host may be connected to by other means only if all of its addresses may be reached.
#[tokio::test]
async fn hosts_that_lead_inside() {
    let answers: [(&str, &[&[&str]]); 3] = [
        ("good.test", &[&["127.0.0.1"]]),
        ("mixed.test", &[&["127.0.0.1", "127.0.0.2"]]),
        ("inside.test", &[&["10.0.0.1"]]),
    ];
    let fetcher = Fetcher::with_resolver(setup(&[]), Table::new(&answers)).unwrap();
    for host in ["good.test", "127.0.0.1", "::ffff:127.0.0.1", "8.8.8.8"] {
        assert_eq!(fetcher.may_reach(host).await, Ok(()), "{host}");
    }
    for (host, ip) in [
        ("mixed.test", "127.0.0.2"),
        ("inside.test", "10.0.0.1"),
        ("169.254.169.254", "169.254.169.254"),
        ("::1", "::1"),
    ] {
        assert_eq!(fetcher.may_reach(host).await, Err(refused(ip)), "{host}");
    }
    assert_eq!(fetcher.may_reach("nobody.test").await, Err(PreviewError::Resolve));
}
