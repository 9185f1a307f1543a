//! What is sent in secret chats: files, and many texts.

use std::fs;
use std::path::PathBuf;

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::json;
use tempfile::TempDir;

use crate::person::{Person, number};

/// A file to send, of random bytes.
pub(crate) struct Parcel {
    directory: TempDir,
    name: &'static str,
    pub(crate) content: Vec<u8>,
}

impl Parcel {
    pub(crate) fn new(name: &'static str, length: usize) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let mut content = vec![0; length];
        StdRng::seed_from_u64(length as u64).fill_bytes(&mut content);
        let parcel = Self { directory, name, content };
        fs::write(parcel.path(), &parcel.content).expect("write a file");
        parcel
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join(self.name)
    }

    /// Somebody sends it: the number at their end.
    pub(crate) fn is_sent(&self, by: &mut Person) -> i64 {
        number(&by.secret("secret_file", json!({ "path": self.path() })))
    }

    /// It comes to somebody, byte for byte: the number at their end.
    pub(crate) fn comes(&self, to: &mut Person) -> i64 {
        let message = number(&to.gets("document"));
        let path = self.directory.path().join("came");
        to.secret("secret_download", json!({ "message": message, "path": path }));
        assert!(fs::read(&path).expect("what came") == self.content, "byte for byte");
        fs::remove_file(path).expect("it was there");
        message
    }
}

/// So many texts, each with its number.
pub(crate) fn numbered(what: &str, count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{what} {number:03}")).collect()
}
