//! What is fetched, and what of it is kept: against real servers on loopback.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use preview::{Fetcher, Kind, PreviewError, Setup};
use support::{Reply, Server, Table, fetcher, html, ok, redirect, setup, with};

const HERE: [u8; 4] = [127, 0, 0, 1];
const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n";

#[tokio::test]
async fn a_page_and_its_picture() {
    let page = "<html><head><title>no</title><meta property=og:title content='  A\n title '>\
        <meta property=og:site_name content=Site><meta name=author content=Somebody>\
        <meta name=description content='What &amp; why'><meta property=og:type content=video.movie>\
        <meta property=og:image content=/picture.png></head>";
    let pages = vec![
        ("/start?x=1", redirect("/film/?y=2#part")),
        ("/film/?y=2", html(page)),
        ("/picture.png", ok("image/png", b"bytes")),
    ];
    let server = Server::start(HERE, pages).await;
    let fetcher = fetcher(&[server.port()]);
    let page = fetcher.fetch(&server.url("/start?x=1#top"), 0).await.unwrap();
    assert_eq!(page.url, server.url("/film/?y=2"));
    assert_eq!(page.display_url, format!("{}/film/?y=2", server.address));
    assert_eq!(page.kind, Kind::Video);
    assert_eq!(page.site_name, "Site");
    assert_eq!(page.title.as_deref(), Some("A title"));
    assert_eq!(page.description.as_deref(), Some("What & why"));
    assert_eq!(page.author.as_deref(), Some("Somebody"));
    let image = page.image.as_ref().unwrap();
    assert_eq!((&image.bytes[..], image.content_type.as_str()), (&b"bytes"[..], "image/png"));
    for request in server.requests() {
        let request = request.to_ascii_lowercase();
        assert!(request.contains("accept-encoding: identity"), "{request}");
        assert!(request.contains(&format!("host: {}\r\n", server.address)), "{request}");
        for word in ["cookie", "referer", "authorization"] {
            assert!(!request.contains(word), "{request}");
        }
    }
}

#[tokio::test]
async fn texts_are_cut_and_a_picture_is_a_page_of_its_own() {
    let long = "wort ".repeat(1000);
    let page = format!("<title>{long}</title><meta name=description content='{long}'>");
    let pages = vec![("/", html(page)), ("/a.jpg", ok("image/jpeg", b"JPEG"))];
    let server = Server::start(HERE, pages).await;
    let fetcher = fetcher(&[server.port()]);
    let page = fetcher.fetch(&server.url("/"), 0).await.unwrap();
    assert_eq!(page.title.as_ref().unwrap().chars().count(), 255); // no space before "…"
    assert_eq!(page.description.as_ref().unwrap().chars().count(), 512);
    let picture = fetcher.fetch(&server.url("/a.jpg"), 0).await.unwrap();
    assert_eq!(picture.kind, Kind::Photo);
    assert_eq!(&picture.image.as_ref().unwrap().bytes[..], b"JPEG");
}

#[tokio::test]
async fn charsets() {
    let cyrillic: &[u8] = b"<title>\xCF\xF0\xE8\xE2\xE5\xF2</title>";
    let japanese: &[u8] = b"<meta charset=shift_jis><title>\x93\xFA\x96{</title>";
    let latin: &[u8] = b"<title>caf\xE9</title>";
    let wide: Vec<u8> = "<title>ü€</title>".encode_utf16().flat_map(u16::to_be_bytes).collect();
    let pages = vec![
        ("/1", ok("text/html; charset=windows-1251", cyrillic)),
        ("/2", ok("text/html", japanese)),
        ("/3", ok("text/html", latin)),
        ("/4", ok("text/html; charset=\"UTF-16BE\"", wide)),
        ("/5", ok("TEXT/HTML;charset=klingon", "<title>ü</title>")),
    ];
    let server = Server::start(HERE, pages).await;
    let fetcher = fetcher(&[server.port()]);
    for (path, title) in
        [("/1", "Привет"), ("/2", "日本"), ("/3", "café"), ("/4", "ü€"), ("/5", "ü")]
    {
        let page = fetcher.fetch(&server.url(path), 0).await.unwrap();
        assert_eq!(page.title.as_deref(), Some(title), "{path}");
    }
}

#[tokio::test]
async fn what_is_no_page_is_refused_by_its_reason() {
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    bomb.write_all(&vec![b' '; 50 << 20]).unwrap();
    let bomb = bomb.finish().unwrap();
    let gzip = "Content-Type: text/html\r\nContent-Encoding: gzip\r\n";
    let endless_head = [HEAD.trim_end_matches("\r\n"), "\r\n"].concat();
    let status =
        |line: &str| Reply::Bytes(format!("HTTP/1.1 {line}\r\nContent-Length: 0\r\n\r\n").into());
    let pages = vec![
        ("/bomb", with(gzip, bomb)),
        ("/zip", ok("application/zip", b"PK")),
        ("/svg", ok("image/svg+xml", b"<svg/>")),
        ("/text", ok("text/plain", b"<title>x</title>")),
        ("/none", with("", b"<title>x</title>")),
        ("/404", status("404 Not Found")),
        ("/500", status("500 Internal Server Error")),
        ("/empty", html("")),
        ("/only_picture", html("<meta property=og:image content=/404>")),
        ("/silence", Reply::Silence),
        ("/slow", Reply::Slow(HEAD.into())),
        ("/slow_head", Reply::Slow(b"HTTP/1.1 200 OK\r\nX: ".to_vec())),
        ("/endless", Reply::Endless(HEAD.into(), vec![b'<'; 4096])),
        ("/endless_head", Reply::Endless(endless_head.into(), b"X: y\r\n".repeat(100))),
        ("/endless_line", Reply::Endless(b"HTTP/1.1 200 OK\r\nX: ".to_vec(), vec![b'x'; 4096])),
        ("/no_http", Reply::Bytes(b"SSH-2.0-OpenSSH_9.6\r\n".to_vec())),
        (
            "/cut",
            Reply::Bytes(
                b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 99\r\n\r\n<t"
                    .to_vec(),
            ),
        ),
    ];
    let server = Server::start(HERE, pages).await;
    let fetcher = fetcher(&[server.port()]);
    for (path, wanted) in [
        ("/bomb", PreviewError::Encoded),
        ("/zip", PreviewError::ContentType),
        ("/svg", PreviewError::ContentType),
        ("/text", PreviewError::ContentType),
        ("/none", PreviewError::ContentType),
        ("/404", PreviewError::Status(404)),
        ("/500", PreviewError::Status(500)),
        ("/empty", PreviewError::Empty),
        ("/only_picture", PreviewError::Status(404)),
        ("/silence", PreviewError::Late),
        ("/slow", PreviewError::Late),
        ("/slow_head", PreviewError::Late),
        ("/endless", PreviewError::TooLong),
    ] {
        assert_eq!(fetcher.fetch(&server.url(path), 0).await, Err(wanted), "{path}");
    }
    for path in ["/endless_head", "/endless_line", "/no_http", "/cut"] {
        let refused = fetcher.fetch(&server.url(path), 0).await.unwrap_err();
        assert!(matches!(refused, PreviewError::Connection(_)), "{path}: {refused}");
    }
}

/// A page without an end is read as far as it goes; a picture without one is left out.
#[tokio::test]
async fn long_pages_and_long_pictures() {
    let head = format!("{HEAD}<title>long</title><meta property=og:image content=/endless.png>");
    let nested = "<div><b><p>".repeat(100_000);
    let picture = b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n\r\n".to_vec();
    let pages = vec![
        ("/", Reply::Endless(head.into(), vec![b'x'; 4096])),
        ("/endless.png", Reply::Endless(picture, vec![b'x'; 65_536])),
        ("/nested", html(format!("<title>deep</title>{nested}"))),
        ("/svg", html("<title>t</title><meta property=og:image content=/x.svg>")),
        ("/x.svg", ok("image/svg+xml", b"<svg/>")),
    ];
    let server = Server::start(HERE, pages).await;
    let within = Duration::from_secs(10);
    let setup = Setup { within, ..setup(&[server.port()]) };
    let fetcher = Fetcher::with_resolver(setup, Table::new(&[])).unwrap();
    let page = fetcher.fetch(&server.url("/"), 0).await.unwrap();
    assert_eq!(page.title.as_deref(), Some("long"));
    assert_eq!((&page.image, &page.image_error), (&None, &Some(PreviewError::TooLong)));
    let page = fetcher.fetch(&server.url("/nested"), 0).await.unwrap();
    assert_eq!(page.title.as_deref(), Some("deep"));
    let page = fetcher.fetch(&server.url("/svg"), 0).await.unwrap();
    assert_eq!(page.image_error, Some(PreviewError::ContentType));
}

#[tokio::test]
async fn one_fetch_for_all_who_ask_and_then_the_cache() {
    let server = Server::start(HERE, vec![("/a", html("<title>a</title>"))]).await;
    let fetcher = fetcher(&[server.port()]);
    let url = server.url("/a");
    let asked = (0..10).map(|_| fetcher.fetch(&url, 100));
    for found in futures_util::future::join_all(asked).await {
        assert_eq!(found.unwrap().title.as_deref(), Some("a"));
    }
    assert_eq!(server.connections(), 1);
    fetcher.fetch(&format!("{url}#part"), 100 + 3599).await.unwrap();
    assert_eq!(server.connections(), 1, "kept for an hour");
    fetcher.fetch(&url, 100 + 3600).await.unwrap();
    assert_eq!(server.connections(), 2, "and no longer");
    let missing = server.url("/missing");
    for (now_s, connections) in [(0, 3), (59, 3), (60, 4)] {
        assert_eq!(fetcher.fetch(&missing, now_s).await, Err(PreviewError::Status(404)));
        assert_eq!(server.connections(), connections, "failures are kept for a minute");
    }
}

#[tokio::test]
async fn the_cache_is_bounded() {
    let page = html("<title>a</title><meta property=og:image content=/p>");
    let pages = vec![("/", page), ("/p", ok("image/png", vec![0; 40_000]))];
    let server = Server::start(HERE, pages).await;
    let setup = Setup { cache_bytes_max: 100_000, ..setup(&[server.port()]) };
    let fetcher = Fetcher::with_resolver(setup, Table::new(&[])).unwrap();
    for path in ["/1", "/2", "/3", "/3", "/2", "/1"] {
        fetcher.fetch(&server.url(path), 0).await.unwrap();
    }
    // Two of them fit: the first was gone when it was asked for again.
    assert_eq!(server.connections(), 2 * 4);
}

/// A bounded number is under way; who goes away makes room.
#[tokio::test]
async fn too_many_at_once_are_refused() {
    let server = Server::start(HERE, vec![("/", Reply::Silence)]).await;
    let setup = Setup {
        at_once_max: 2,
        under_way_max: 3,
        within: Duration::from_secs(60),
        ..setup(&[server.port()])
    };
    let fetcher = Arc::new(Fetcher::with_resolver(setup, Table::new(&[])).unwrap());
    let waiting: Vec<_> = (0..3)
        .map(|index| {
            let (fetcher, url) = (Arc::clone(&fetcher), server.url(&format!("/{index}")));
            tokio::spawn(async move { fetcher.fetch(&url, 0).await })
        })
        .collect();
    while server.connections() < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(server.connections(), 2);
    assert_eq!(fetcher.fetch(&server.url("/more"), 0).await, Err(PreviewError::Busy));
    // What an address itself is refused for needs no turn.
    let refused = fetcher.fetch("http://example.org:22/", 0).await;
    assert_eq!(refused, Err(PreviewError::Url("an unusual port")));
    for task in &waiting {
        task.abort();
    }
    for task in waiting {
        task.await.unwrap_err();
    }
    let url = server.url("/more");
    let more = tokio::time::timeout(Duration::from_millis(200), fetcher.fetch(&url, 0));
    assert!(more.await.is_err(), "it waits for its server");
    assert_eq!(server.connections(), 3);
}
