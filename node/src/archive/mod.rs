//! `rookery archive`: what one member has, or one whole group or channel, as files that people and programs
//! read: `result.json` in the shape of Telegram Desktop's export, pages of HTML, and the media beside them.
//!
//! The running node is asked page by page (`ask`), and says each message in that shape (`shape`); this
//! command writes the files (`write`, `html`), as whoever calls it. A member's archive is what the member
//! sees, by the same rules as in a client. Secret chats are in none: the node cannot read them.
//! Source: <https://core.telegram.org/import-export>, and the fields that Telegram Desktop writes.

mod ask;
mod html;
mod personal;
mod shape;
mod text;
mod write;

use std::io::IsTerminal as _;
use std::path::Path;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

pub(crate) use ask::{Asked, answer};

use crate::cli::DataArgs;
use ask::Subject;
use write::{Writer, Written};

/// Writes what a member has.
pub(crate) fn user(args: &DataArgs, phone: &str, to: &Path) -> anyhow::Result<()> {
    let phone = crate::operator::number(phone)?;
    write(args, &Asked::User { phone }, to)
}

/// Writes a group or channel.
pub(crate) fn channel(args: &DataArgs, channel: &str, to: &Path) -> anyhow::Result<()> {
    write(args, &Asked::Channel { channel: channel.to_owned() }, to)
}

fn write(args: &DataArgs, asked: &Asked, to: &Path) -> anyhow::Result<()> {
    let subject: Subject = ask::ask(&args.data, asked)?;
    let bar = bar(subject.messages());
    let written = Writer::new(&args.data, to, &bar)?.run(&subject);
    bar.finish_and_clear();
    let Written { messages, files, bytes, missing } = written?;
    #[expect(clippy::print_stdout, reason = "the command's output")]
    if args.json {
        let said =
            json!({ "messages": messages, "files": files, "bytes": bytes, "missing": missing });
        println!("{said}");
    } else {
        println!("{messages} messages, {files} files ({bytes} bytes) in {}", to.display());
        if missing > 0 {
            println!("{missing} files could not be read now: result.json says which.");
        }
    }
    Ok(())
}

/// Shows how far it is, on a terminal only.
fn bar(messages: u64) -> ProgressBar {
    let bar = ProgressBar::new(messages);
    if !std::io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} messages, {msg}, {eta} left");
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar
}
