//! Command line of the schema tools.

use std::error::Error;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs};

use tl_gen::check::check;
use tl_gen::history::History;

const USAGE: &str = "\
tl-gen merge DIR…               prints the history of all DIR/<layer>.tl
tl-gen add-layer HISTORY FILE   adds FILE (first line `// layer N`) and prints what changed
tl-gen check FILE…              checks ids and shape of histories and schemas";

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let mut out = io::stdout().lock();
    let done = match args.as_slice() {
        ["merge", dirs @ ..] if !dirs.is_empty() => merge(dirs, &mut out),
        ["add-layer", history, file] => add_layer(history, file, &mut out),
        ["check", files @ ..] if !files.is_empty() => check_all(files, &mut out),
        _ => Err(USAGE.into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            // Nothing is left to do if standard error is closed as well.
            let _ = writeln!(io::stderr(), "{e}");
            ExitCode::FAILURE
        }
    }
}

fn merge(dirs: &[&str], out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let mut texts: Vec<(i32, String)> = Vec::new();
    for dir in dirs {
        for entry in fs::read_dir(dir)? {
            let path = entry?.path();
            if let Some(layer) = layer_of(&path) {
                texts.push((layer, read(&path)?));
            }
        }
    }
    texts.sort();
    let texts: Vec<(i32, &str)> = texts.iter().map(|(layer, t)| (*layer, t.as_str())).collect();
    write!(out, "{}", History::merge(&texts)?.print())?;
    Ok(())
}

/// `…/152.tl` → 152.
fn layer_of(path: &Path) -> Option<i32> {
    path.file_name()?.to_str()?.strip_suffix(".tl")?.parse().ok()
}

fn add_layer(history: &str, file: &str, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let mut merged = History::read(&read(history)?)?;
    let text = read(file)?;
    let layer = text.lines().next().and_then(|line| line.strip_prefix("// layer "));
    let layer = layer.ok_or("the first line is not `// layer N`")?.parse()?;
    let found = check(&text)?;
    if !found.problems.is_empty() {
        let problems: Vec<String> = found.problems.into_iter().collect();
        return Err(problems.join("\n").into());
    }
    let changes = merged.add_layer(layer, &text)?;
    fs::write(history, merged.print())?;
    write!(out, "{changes}")?;
    Ok(())
}

fn check_all(files: &[&str], out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let mut problems = 0;
    for file in files {
        let report = check(&read(file)?)?;
        writeln!(
            out,
            "{file}: {} definitions, {} known exceptions, {} problems",
            report.definitions,
            report.exceptions,
            report.problems.len()
        )?;
        for problem in &report.problems {
            writeln!(out, "  {problem}")?;
        }
        problems += report.problems.len();
    }
    if problems == 0 { Ok(()) } else { Err(format!("{problems} problems").into()) }
}

/// The file's text; an error names the file.
fn read(path: impl Into<PathBuf>) -> Result<String, String> {
    let path = path.into();
    fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))
}
