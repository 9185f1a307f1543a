//! The archive in a backup: files by name, each whole, in a fixed order.

use std::io::{self, Read, Write};

use anyhow::{Context as _, bail};
use tar::{Archive, Builder, Entries, Entry, EntryType, Header};

pub(super) const HEAD: &str = "backup.json";
pub(super) const MASTER_KEY: &str = "master.key";
pub(super) const CONFIG: &str = "rookery.toml";
pub(super) const STORE: &str = "store/";
pub(super) const BLOBS: &str = "media/blobs/";
pub(super) const END: &str = "end.json";

/// Bytes of the store in one file of the archive.
const PIECE_BYTES: usize = 1 << 20;

/// Adds a file to an archive.
pub(super) fn add<W: Write>(
    archive: &mut Builder<W>,
    name: &str,
    bytes: u64,
    content: impl Read,
) -> io::Result<()> {
    let mut header = Header::new_ustar();
    header.set_path(name)?;
    header.set_size(bytes);
    header.set_mode(0o600);
    header.set_entry_type(EntryType::Regular);
    header.set_cksum();
    // A file that has become shorter or longer would shift whatever follows.
    let mut content = Counted { inner: content.take(bytes), bytes: 0 };
    archive.append(&header, &mut content)?;
    if content.bytes == bytes {
        Ok(())
    } else {
        Err(io::Error::other(format!("{name} became shorter while it was read")))
    }
}

/// Counts what is read.
pub(super) struct Counted<R> {
    pub(super) inner: R,
    pub(super) bytes: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let got = self.inner.read(into)?;
        self.bytes += got as u64;
        Ok(got)
    }
}

/// Takes the stream of a store and adds it to an archive, piece by piece.
pub(super) struct Pieces<'a, W: Write> {
    archive: &'a mut Builder<W>,
    piece: Vec<u8>,
    index: u32,
    /// Hears of bytes.
    progress: &'a mut dyn FnMut(u64),
}

impl<'a, W: Write> Pieces<'a, W> {
    pub(super) fn new(archive: &'a mut Builder<W>, progress: &'a mut dyn FnMut(u64)) -> Self {
        Self { archive, piece: Vec::with_capacity(PIECE_BYTES), index: 0, progress }
    }

    /// Adds what is left.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.add()
    }

    fn add(&mut self) -> io::Result<()> {
        let name = piece_name(self.index);
        add(self.archive, &name, self.piece.len() as u64, self.piece.as_slice())?;
        self.piece.clear();
        self.index += 1;
        Ok(())
    }
}

fn piece_name(index: u32) -> String {
    format!("{STORE}{index:08x}")
}

impl<W: Write> Write for Pieces<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = PIECE_BYTES - self.piece.len();
        let some = bytes.get(..room).unwrap_or(bytes);
        self.piece.extend_from_slice(some);
        if self.piece.len() == PIECE_BYTES {
            self.add()?;
        }
        (self.progress)(some.len() as u64);
        Ok(some.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads an archive, file by file.
pub(super) struct Files<'a, R: Read> {
    entries: Entries<'a, R>,
    /// Read ahead, and not taken yet.
    next: Option<Entry<'a, R>>,
}

impl<'a, R: Read> Files<'a, R> {
    pub(super) fn new(archive: &'a mut Archive<R>) -> io::Result<Self> {
        // Raw: no names or sizes but those in the headers, whose length is fixed.
        Ok(Self { entries: archive.entries()?.raw(true), next: None })
    }

    /// The next file and its name.
    pub(super) fn next(&mut self) -> anyhow::Result<Option<(String, Entry<'a, R>)>> {
        let entry = match self.next.take() {
            Some(entry) => entry,
            None => match self.entries.next().transpose()? {
                Some(entry) => entry,
                None => return Ok(None),
            },
        };
        let name = name_of(&entry)?;
        Ok(Some((name, entry)))
    }

    /// The stream of the store, whose first piece is `first`.
    pub(super) fn store<'b>(&'b mut self, first: Entry<'a, R>) -> Store<'a, 'b, R> {
        Store { files: self, piece: Some(first), index: 0 }
    }
}

fn name_of<R: Read>(entry: &Entry<'_, R>) -> anyhow::Result<String> {
    if entry.header().entry_type() != EntryType::Regular {
        bail!("it holds something that is no file");
    }
    let name = entry.path_bytes();
    let name = std::str::from_utf8(&name).context("it holds a file with an impossible name")?;
    Ok(name.to_owned())
}

/// The pieces of the store as one stream.
pub(super) struct Store<'a, 'b, R: Read> {
    files: &'b mut Files<'a, R>,
    piece: Option<Entry<'a, R>>,
    index: u32,
}

impl<R: Read> Read for Store<'_, '_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if into.is_empty() {
            return Ok(0);
        }
        while let Some(piece) = &mut self.piece {
            let got = piece.read(into)?;
            if got > 0 {
                return Ok(got);
            }
            self.index += 1;
            self.piece = None;
            if let Some(next) = self.files.entries.next().transpose()? {
                let is_next = name_of(&next).is_ok_and(|name| name == piece_name(self.index));
                *(if is_next { &mut self.piece } else { &mut self.files.next }) = Some(next);
            }
        }
        Ok(0)
    }
}

/// Reads a small file of an archive.
pub(super) fn small(entry: impl Read, bytes_max: u64) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    entry.take(bytes_max + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > bytes_max {
        bail!("it holds a file that is too long");
    }
    Ok(bytes)
}
