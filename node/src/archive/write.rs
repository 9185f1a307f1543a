//! Writes an archive: `result.json` message by message, pages of HTML, files in pieces.
//!
//! Everything is new and its owner's alone. `result.json` gets its name last: where it is, all is there.

use std::collections::HashMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{BufWriter, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use indicatif::{HumanBytes, ProgressBar};
use node_core::FileId;
use serde_json::{Value, json};

use super::ask::{self, Asked, Dialog, Page, Subject};
use super::html::{self, Pages};
use super::shape::{FileRef, Shown, date, numbered};

/// What stands for a file that could not be read, as in Telegram Desktop's export.
const UNAVAILABLE: &str = "(File unavailable, please try again later)";

/// The longest name of a file, in characters: beyond, file systems refuse it.
const NAME_CHARS_MAX: usize = 60;

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Written {
    pub(super) messages: u64,
    pub(super) files: u64,
    pub(super) bytes: u64,
    /// Files that could not be read.
    pub(super) missing: u64,
}

/// Writes one archive.
pub(super) struct Writer<'a> {
    /// The node's.
    data: &'a Path,
    /// The archive's.
    directory: &'a Path,
    bar: &'a ProgressBar,
    written: Written,
}

impl<'a> Writer<'a> {
    /// In a new directory.
    pub(super) fn new(
        data: &'a Path,
        directory: &'a Path,
        bar: &'a ProgressBar,
    ) -> anyhow::Result<Self> {
        if directory.symlink_metadata().is_ok() {
            bail!("{} is there already: an archive takes a new directory", directory.display());
        }
        make(directory)?;
        Ok(Self { data, directory, bar, written: Written::default() })
    }

    pub(super) fn run(mut self, subject: &Subject) -> anyhow::Result<Written> {
        let unfinished = self.directory.join("result.json.unfinished");
        let mut out = BufWriter::new(create(&unfinished)?);
        match (&subject.personal, subject.dialogs.as_slice()) {
            (Some(personal), dialogs) => {
                let pictures = self.pictures(&subject.photos)?;
                write!(out, "{{")?;
                for (name, value) in personal {
                    write!(out, "\n {}: {value},", json!(name))?;
                }
                write!(out, "\n \"profile_pictures\": {pictures},\n \"chats\": {{\n  \"list\": [")?;
                let mut listed = Vec::new();
                for (at, dialog) in dialogs.iter().enumerate() {
                    write!(out, "{}", if at == 0 { "\n" } else { ",\n" })?;
                    let folder = format!("chats/chat_{:04}", at + 1);
                    let before = self.written.messages;
                    self.dialog(subject, dialog, Some(&folder), &mut out)?;
                    listed.push((dialog, folder, self.written.messages - before));
                }
                write!(out, "\n  ]\n }}\n}}\n")?;
                let index = html::index(personal, &listed).into_string();
                create(&self.directory.join("index.html"))?.write_all(index.as_bytes())?;
            }
            (None, [dialog]) => {
                self.dialog(subject, dialog, None, &mut out)?;
                writeln!(out)?;
            }
            (None, _) => bail!("the node told of no channel"),
        }
        out.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()?;
        fs::rename(&unfinished, self.directory.join("result.json"))?;
        Ok(self.written)
    }

    /// The photos of a profile: the list of them for `result.json`.
    fn pictures(&mut self, photos: &[FileRef]) -> anyhow::Result<Value> {
        let mut list = Vec::new();
        for (at, photo) in photos.iter().enumerate() {
            let path = self.file(photo, None, "profile_pictures", at as u64 + 1)?;
            list.push(json!({
                "date": date(photo.date),
                "date_unixtime": photo.date.to_string(),
                "photo": path.as_deref().unwrap_or(UNAVAILABLE),
            }));
        }
        Ok(list.into())
    }

    /// One dialog: an object of `result.json`, its pages and its files, in a folder of its own or in the
    /// archive's.
    fn dialog(
        &mut self,
        subject: &Subject,
        dialog: &Dialog,
        folder: Option<&str>,
        out: &mut BufWriter<File>,
    ) -> anyhow::Result<()> {
        let at =
            folder.map_or_else(|| self.directory.to_owned(), |folder| self.directory.join(folder));
        if folder.is_some() {
            make(&at)?;
        }
        write!(out, "{{ \"name\": {}, \"type\": {},", json!(dialog.name), json!(dialog.kind))?;
        let (_, id) = numbered(dialog.peer);
        write!(out, " \"id\": {id}, \"messages\": [")?;
        let mut pages = Pages::new(at, dialog, folder.is_some());
        let mut files = Files::default();
        let (mut from, mut first) = (Some(1), true);
        while let Some(start) = from {
            let asked = Asked::Page { viewer: subject.viewer, peer: dialog.peer, from: start };
            let page: Page = ask::ask(self.data, &asked)?;
            for Shown { mut fields, file } in page.messages {
                if let Some(file) = file {
                    let path = self.once(&file, folder, &mut files)?;
                    let path = path.unwrap_or_else(|| UNAVAILABLE.to_owned());
                    fields.insert(file.kind.field().into(), path.into());
                }
                write!(out, "{}", if first { "\n" } else { ",\n" })?;
                serde_json::to_writer(&mut *out, &fields)?;
                pages.add(&fields, folder)?;
                first = false;
                self.written.messages += 1;
                self.bar.inc(1);
                self.bar.set_message(HumanBytes(self.written.bytes).to_string());
            }
            from = page.next;
        }
        pages.end()?;
        write!(out, "\n]")?;
        for (name, value) in &dialog.more {
            write!(out, ", {}: {value}", json!(name))?;
        }
        write!(out, "}}")?;
        Ok(())
    }

    /// Writes a file of a dialog, or names it again.
    fn once(
        &mut self,
        file: &FileRef,
        folder: Option<&str>,
        files: &mut Files,
    ) -> anyhow::Result<Option<String>> {
        if let Some(path) = files.paths.get(&file.id) {
            return Ok(Some(path.clone()));
        }
        files.count += 1;
        let path = self.file(file, folder, file.kind.folder(), files.count)?;
        if let Some(path) = &path {
            files.paths.insert(file.id, path.clone());
        }
        Ok(path)
    }

    /// Writes a file; its path from the archive on, or none where it could not be read.
    fn file(
        &mut self,
        file: &FileRef,
        folder: Option<&str>,
        kind: &str,
        number: u64,
    ) -> anyhow::Result<Option<String>> {
        let parts = folder.into_iter().chain([kind]).collect::<Vec<_>>().join("/");
        let directory = self.directory.join(&parts);
        if !directory.is_dir() {
            make(&directory)?;
        }
        let name = file_name(number, file);
        let path = directory.join(&name);
        let mut out = create(&path)?;
        let mut at = 0;
        while at < file.size {
            let read = ask::read(self.data, file.id, at).ok().filter(|bytes| !bytes.is_empty());
            let Some(bytes) = read else {
                drop(out);
                fs::remove_file(&path)?;
                self.written.missing += 1;
                return Ok(None);
            };
            out.write_all(&bytes).with_context(|| format!("cannot write {}", path.display()))?;
            at += bytes.len() as u64;
            self.written.bytes += bytes.len() as u64;
            self.bar.set_message(HumanBytes(self.written.bytes).to_string());
        }
        self.written.files += 1;
        Ok(Some(format!("{parts}/{name}")))
    }
}

/// Files of one dialog.
#[derive(Default)]
struct Files {
    paths: HashMap<FileId, String>,
    count: u64,
}

/// A name that any system takes, whatever the sender called the file: letters, digits, `.`, `_`, `-`, with a
/// number in front.
fn file_name(number: u64, file: &FileRef) -> String {
    let allowed = |c: char| if c.is_alphanumeric() || "._-".contains(c) { c } else { '_' };
    let name: Vec<char> = file.name.chars().map(allowed).collect();
    // The end tells what it is.
    let name: String = name[name.len().saturating_sub(NAME_CHARS_MAX)..].iter().collect();
    if !name.is_empty() {
        return format!("{number:06}_{name}");
    }
    let ending = match file.mime_type.as_str() {
        "audio/ogg" => ".ogg",
        "video/mp4" => ".mp4",
        "image/webp" => ".webp",
        "video/webm" => ".webm",
        "application/x-tgsticker" => ".tgs",
        "image/jpeg" => ".jpg",
        "image/png" => ".png",
        "audio/mpeg" => ".mp3",
        _ => "",
    };
    format!("{number:06}_file{ending}")
}

fn make(directory: &Path) -> anyhow::Result<()> {
    if let Some(parent) = directory.parent().filter(|parent| !parent.as_os_str().is_empty())
        && !parent.exists()
    {
        DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
    }
    DirBuilder::new().mode(0o700).create(directory).with_context(|| directory.display().to_string())
}

/// A new file of its owner's alone.
pub(super) fn create(path: &PathBuf) -> anyhow::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    options.open(path).with_context(|| format!("cannot make {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::super::shape::Kind;
    use super::*;

    fn named(name: &str, mime_type: &str) -> String {
        let (name, mime_type) = (name.to_owned(), mime_type.to_owned());
        let (id, kind) = (FileId(1), Kind::File);
        file_name(7, &FileRef { id, size: 1, name, kind, date: 0, mime_type })
    }

    #[test]
    fn a_file_gets_a_name_that_leads_nowhere_else() {
        assert_eq!(named("report.pdf", ""), "000007_report.pdf");
        assert_eq!(named("../../etc/passwd", ""), "000007_.._.._etc_passwd");
        assert_eq!(named("a\"b<c>\0\n%2f.txt", ""), "000007_a_b_c____2f.txt");
        assert_eq!(named("привет.ogg", ""), "000007_привет.ogg");
        assert_eq!(named("", "audio/ogg"), "000007_file.ogg");
        assert_eq!(named("", "text/../x"), "000007_file");
        let long = named(&format!("{}.jpg", "x".repeat(500)), "");
        assert!(long.len() <= 7 + NAME_CHARS_MAX && long.ends_with("x.jpg"), "{long}");
    }
}
