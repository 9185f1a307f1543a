//! What browsers get of a built client, and what they do not.

use std::fs;
use std::os::unix::fs::symlink;

use axum::http::{HeaderMap, Method};
use http_body_util::BodyExt as _;
use tempfile::TempDir;

use super::*;

/// A built client, and beside it what is nobody's business.
fn built() -> (TempDir, WebClient) {
    let all = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = all.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("dist/index.html", "<!doctype html><title>client</title>");
    write("dist/assets/main.js", "export const letters = 'abcdef'");
    write("dist/assets/core.wasm", "\0asm");
    write("dist/assets/site.webmanifest", "{}");
    write("dist/.env", "SECRET=1");
    write("dist/.git/config", "secret");
    write("secret.txt", "secret");
    write("away/index.html", "secret");
    symlink(all.path().join("secret.txt"), all.path().join("dist/leak.txt")).unwrap();
    symlink(all.path().join("away"), all.path().join("dist/away")).unwrap();
    symlink("main.js", all.path().join("dist/assets/same.js")).unwrap();
    let client = WebClient::open(&all.path().join("dist")).unwrap();
    (all, client)
}

async fn ask(
    client: &WebClient,
    path: &str,
    headers: &[(&str, &str)],
) -> (StatusCode, HeaderMap, String) {
    let mut request = axum::http::Request::builder().method(Method::GET).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::empty()).unwrap();
    let answer = client.clone().router().oneshot(request).await.unwrap();
    let (parts, body) = answer.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (parts.status, parts.headers, String::from_utf8_lossy(&body).into_owned())
}

#[test]
fn a_directory_without_an_index_is_refused() {
    let empty = tempfile::tempdir().unwrap();
    assert!(WebClient::open(empty.path()).unwrap_err().to_string().contains("index.html"));
    assert!(WebClient::open(&empty.path().join("nothing")).is_err());
}

#[tokio::test]
async fn files_come_with_their_kind_and_the_policy_of_a_client() {
    let (_all, client) = built();
    for (path, kind) in [
        ("/web/", "text/html"),
        ("/web/index.html", "text/html"),
        ("/web/assets/main.js", "text/javascript"),
        ("/web/assets/same.js", "text/javascript"),
        ("/web/assets/core.wasm", "application/wasm"),
        ("/web/assets/site.webmanifest", "application/manifest+json"),
    ] {
        let (status, headers, _) = ask(&client, path, &[]).await;
        assert_eq!(status, StatusCode::OK, "{path}");
        assert_eq!(headers["content-type"], kind, "{path}");
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("'wasm-unsafe-eval'") && !policy.contains("script-src 'unsafe"));
        assert_eq!(headers["cache-control"], "no-cache");
    }
    let (status, headers, _) = ask(&client, "/web", &[]).await;
    assert_eq!(
        (status, &headers["location"]),
        (StatusCode::PERMANENT_REDIRECT, &"/web/".parse().unwrap())
    );
}

#[tokio::test]
async fn a_part_is_sent_and_what_did_not_change_is_not() {
    let (_all, client) = built();
    let (status, headers, body) =
        ask(&client, "/web/assets/main.js", &[("range", "bytes=0-5")]).await;
    assert_eq!((status, body.as_str()), (StatusCode::PARTIAL_CONTENT, "export"));
    let modified = headers["last-modified"].to_str().unwrap().to_owned();
    let asked = [("if-modified-since", modified.as_str())];
    let (status, _, body) = ask(&client, "/web/assets/main.js", &asked).await;
    assert_eq!((status, body.as_str()), (StatusCode::NOT_MODIFIED, ""));
    let (status, ..) = ask(&client, "/web/assets/main.js", &[("range", "bytes=900-")]).await;
    assert_eq!(status, StatusCode::RANGE_NOT_SATISFIABLE);
}

#[tokio::test]
async fn a_path_of_the_client_itself_is_its_index_and_a_missing_file_is_not() {
    let (_all, client) = built();
    for path in ["/web/chat/1000001", "/web/settings/", "/web/assets", "/web/assets/"] {
        let (status, headers, body) = ask(&client, path, &[]).await;
        assert_eq!(
            (status, &headers["content-type"]),
            (StatusCode::OK, &"text/html".parse().unwrap()),
            "{path}"
        );
        assert!(body.contains("<title>client"), "{path}: {body}");
    }
    for path in ["/web/assets/gone.js", "/web/favicon.ico"] {
        assert_eq!(ask(&client, path, &[]).await.0, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn nothing_outside_of_the_directory_and_no_hidden_file_is_served() {
    let (all, client) = built();
    let absolute = format!("/web/{}/secret.txt", all.path().display());
    for path in [
        "/web/.env",
        "/web/.git/config",
        "/web/.git/",
        "/web/%2eenv",
        "/web/../secret.txt",
        "/web/%2e%2e/secret.txt",
        "/web/..%2fsecret.txt",
        "/web/assets/../../secret.txt",
        "/web/assets/..%2f..%2fsecret.txt",
        "/web/leak.txt",
        "/web/away/index.html",
        "/web/away",
        &absolute,
        &absolute.replacen("/web/", "/web/%2f", 1),
    ] {
        let (status, _, body) = ask(&client, path, &[]).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
        assert!(!body.contains("secret") && !body.contains("SECRET"), "{path}: {body}");
    }
}
