//! What other programs make of our files, and we of theirs: Pillow writes and reads, and Telethon
//! puts stripped previews together as clients do.
//!
//! Both are installed at pinned versions below the target directory, by the first run.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::expect_used,
    reason = "tests"
)]

mod common;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{QUADRANTS, assert_near, contains};
use pictures::{Limits, photo};

/// Every file that Pillow wrote becomes sizes and a preview in which Pillow sees the same picture.
#[test]
fn pillow_and_telethon_see_the_picture() {
    let python = python();
    let work = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pictures");
    fs::remove_dir_all(&work).ok();
    let (made, ours) = (work.join("made"), work.join("ours"));
    fs::create_dir_all(&made).unwrap();
    fs::create_dir_all(&ours).unwrap();
    run(&python, "make.py", &made);

    let mut files = 0;
    for entry in fs::read_dir(&made).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let photo = photo(&fs::read(&path).unwrap(), &Limits::PHOTO)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!((photo.width, photo.height), (1500, 900), "{name}");
        assert!(photo.stripped.len() <= 240);
        fs::write(ours.join(format!("{name}.i")), &photo.stripped).unwrap();
        files += 1;
        for size in photo.sizes {
            assert!(!contains(&size.bytes, b"CANARY"), "{name}");
            fs::write(ours.join(format!("{name}.{}", size.letter)), &size.bytes).unwrap();
            for (index, end) in size.progressive.iter().enumerate() {
                let prefix = &size.bytes[..*end as usize];
                let file = format!("{name}.{}{index}.prefix", size.letter);
                fs::write(ours.join(file), prefix).unwrap();
            }
            files += 1 + size.progressive.len();
        }
    }
    assert_eq!(files, 17 * (1 + 4 + 2 * 5), "files by Pillow");

    let seen = run(&python, "look.py", &ours);
    println!("{seen}");
    assert_eq!(seen.lines().count(), files);
    for line in seen.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let [name, width, height, metadata, means @ ..] = words.as_slice() else {
            panic!("{line}")
        };
        assert_eq!(*metadata, "clean", "{line}");
        let side = width.parse::<u32>().unwrap().max(height.parse().unwrap());
        let wanted = match name.rsplit_once('.').unwrap().1 {
            "i" => 20..=40,
            "m" => 320..=320,
            "x" => 800..=800,
            "y" => 1280..=1280,
            _ => 1280..=1500,
        };
        assert!(wanted.contains(&side), "{line}");
        let mut colours = [[0; 3]; 4];
        for (value, mean) in colours.as_flattened_mut().iter_mut().zip(means) {
            *value = mean.parse().unwrap();
        }
        // Pillow's CMYK has no profile: what it stands for is a guess that all decoders share.
        let tolerance = if name.ends_with(".i") || name.starts_with("cmyk") { 25 } else { 10 };
        assert_near(colours, QUADRANTS, tolerance);
    }
}

fn run(python: &Path, script: &str, directory: &Path) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(script);
    finish(Command::new(python).arg("-B").arg(script).arg(directory))
}

/// The interpreter of an environment with exactly the packages of `requirements.txt`.
fn python() -> PathBuf {
    let list = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/requirements.txt");
    let wanted = fs::read_to_string(&list).unwrap();
    let parent = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("clients");
    fs::create_dir_all(&parent).unwrap();
    let directory = parent.join("pictures");
    let lock = File::create(parent.join("pictures.lock")).unwrap();
    lock.lock().unwrap();
    // Written last: what is installed. A directory without it is half installed, and made anew.
    let stamp = directory.join(".installed");
    let python = directory.join("bin/python");
    if !fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        fs::remove_dir_all(&directory).ok();
        finish(Command::new("python3").args(["-m", "venv", "--without-pip"]).arg(&directory));
        finish(
            Command::new("python3")
                .args(["-m", "pip", "--disable-pip-version-check", "--no-input", "--python"])
                .arg(&python)
                .args(["install", "--quiet", "--no-deps", "--only-binary", "pillow"])
                .arg("--requirement")
                .arg(&list)
                .env("PIP_ROOT_USER_ACTION", "ignore"),
        );
        fs::write(stamp, wanted).unwrap();
    }
    python
}

fn finish(command: &mut Command) -> String {
    let output =
        command.output().unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{stderr}", output.status);
    String::from_utf8(output.stdout).unwrap()
}
