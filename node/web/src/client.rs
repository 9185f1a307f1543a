//! A web client that the operator has built, from a directory.

use std::io;
use std::path::{Path, PathBuf};

use axum::Router;
use axum::body::Body;
use axum::extract::{self, Request, State};
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::get;
use tower::ServiceExt as _;
use tower_http::services::ServeDir;

/// What a client in a browser needs: its own scripts, WebAssembly and workers, styles that it makes,
/// pictures and sounds that it has decrypted, and a connection to this host. Nothing of another host.
const POLICY: &str = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:; \
    style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; media-src 'self' data: blob:; \
    font-src 'self' data:; connect-src 'self' data: blob:; object-src 'none'; base-uri 'self'; \
    form-action 'self'; frame-ancestors 'none'";

/// A directory with a built web client. It is what browsers get below `/web/`.
#[derive(Debug, Clone)]
pub struct WebClient {
    /// Without links in it.
    root: PathBuf,
}

impl WebClient {
    /// Takes a directory that holds an `index.html`.
    ///
    /// # Errors
    /// The directory cannot be read, or has no such file.
    pub fn open(directory: &Path) -> io::Result<Self> {
        let root = directory.canonicalize()?;
        if !root.join("index.html").is_file() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "there is no index.html in it"));
        }
        Ok(Self { root })
    }

    /// `/web/` and everything below.
    pub fn router(self) -> Router {
        Router::new()
            .route("/web", get(async || Redirect::permanent("/web/")))
            .route("/web/", get(index))
            .route("/web/{*path}", get(file))
            .with_state(self)
    }

    /// What stands at a path below the directory: a file, or the page that the client itself makes of
    /// the path. None where a name begins with a dot, where a link leads out of the directory, and where a
    /// file is asked for that is not there.
    async fn place(&self, path: &str) -> Option<Place> {
        if path.split('/').any(|name| name.starts_with('.')) {
            return None;
        }
        match tokio::fs::canonicalize(self.root.join(path)).await {
            Ok(found) if !found.starts_with(&self.root) => None,
            Ok(found) if tokio::fs::metadata(&found).await.is_ok_and(|found| found.is_file()) => {
                Some(Place::File)
            }
            _ => {
                let last = path.rsplit('/').find(|name| !name.is_empty());
                last.is_none_or(|name| !name.contains('.')).then_some(Place::Index)
            }
        }
    }

    /// A file by its path in an address, from `/` on.
    async fn serve(&self, path: &str, mut request: Request) -> Response {
        let Ok(uri) = path.parse::<Uri>() else { return StatusCode::NOT_FOUND.into_response() };
        *request.uri_mut() = uri;
        let Ok(found) = ServeDir::new(&self.root).oneshot(request).await;
        let mut response = found.map(Body::new);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
        // Asked about each time, and then seldom sent: a new build is there at once.
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        response
    }
}

enum Place {
    File,
    Index,
}

async fn index(State(client): State<WebClient>, request: Request) -> Response {
    client.serve("/", request).await
}

async fn file(
    State(client): State<WebClient>,
    extract::Path(path): extract::Path<String>,
    request: Request,
) -> Response {
    match client.place(&path).await {
        None => StatusCode::NOT_FOUND.into_response(),
        Some(Place::Index) => client.serve("/", request).await,
        Some(Place::File) => {
            let path = request.uri().path();
            let path = path.strip_prefix("/web").unwrap_or(path).to_owned();
            client.serve(&path, request).await
        }
    }
}

#[cfg(test)]
mod tests;
