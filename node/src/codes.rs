//! `rookery invite`, `rookery code`, `rookery user`, `rookery reports` and `rookery stats`: what a
//! running node is asked.

use std::io::IsTerminal as _;

use crate::cli::DataArgs;
use crate::control::{self, NumberAndCode, Request};
use crate::operator::number;

/// Prints a new invite of the running node; mails it to `mail`. With a QR code of its page where a terminal
/// shows it, or `qr` wants it.
pub(crate) fn invite(args: &DataArgs, mail: Option<String>, qr: bool) -> anyhow::Result<()> {
    let meaning = match &mail {
        Some(address) => format!("On its way to {address}, which gets later login codes too."),
        None => "Whoever logs in with this number and code becomes a member.".to_owned(),
    };
    let invite: NumberAndCode = control::ask(&args.data, &Request::Invite { mail })?;
    print(args, &invite, &meaning)?;
    let terminal = std::io::stdout().is_terminal();
    let page = invite.page.filter(|_| !args.json && (qr || terminal));
    if let Some(drawn) = page.and_then(|page| web::qr_text(&page)) {
        // Light modules are drawn: on a terminal with another background than black, they would be dark.
        let (white_on_black, as_before) =
            if terminal { ("\x1b[97;40m", "\x1b[0m") } else { ("", "") };
        let lines = drawn.lines().map(|line| format!("{white_on_black}{line}{as_before}\n"));
        #[expect(clippy::print_stdout, reason = "the command's output")]
        {
            print!("\n{}", lines.collect::<String>());
        }
    }
    Ok(())
}

/// Prints the code with which a member can log in now.
pub(crate) fn code(args: &DataArgs, phone: &str) -> anyhow::Result<()> {
    let phone = number(phone)?;
    let code: NumberAndCode = control::ask(&args.data, &Request::Code { phone })?;
    print(args, &code, "Good for five minutes and one login, whether or not it was asked for yet.")
}

/// Sets the mail address of a member, or removes it.
pub(crate) fn email(args: &DataArgs, phone: &str, address: Option<String>) -> anyhow::Result<()> {
    let phone = number(phone)?;
    let request = Request::UserEmail { phone, address: address.clone() };
    let done: serde_json::Value = control::ask(&args.data, &request)?;
    #[expect(clippy::print_stdout, reason = "the command's output")]
    if args.json {
        println!("{done}");
    } else {
        match address {
            Some(address) => println!("Login codes of +{phone} go to {address}."),
            None => println!("+{phone} has no mail address any more."),
        }
    }
    Ok(())
}

/// Prints what members of the running node have reported.
pub(crate) fn reports(args: &DataArgs) -> anyhow::Result<()> {
    let reports: Vec<serde_json::Value> = control::ask(&args.data, &Request::Reports)?;
    #[expect(clippy::print_stdout, reason = "the command's output")]
    if args.json {
        println!("{}", serde_json::to_string(&reports)?);
    } else {
        for report in &reports {
            let who = |who: &str| {
                let (name, id) = (&report[who]["name"], &report[who]["id"]);
                if report[who]["node"].is_string() {
                    return format!("somebody on {}", printable(name.as_str().unwrap_or_default()));
                }
                format!("{} ({id})", printable(name.as_str().unwrap_or_default()))
            };
            let text = |field: &str| report[field].as_str().unwrap_or_default();
            println!(
                "{}  {} about {}: {}",
                report["date"],
                who("by"),
                who("about"),
                printable(text("reason"))
            );
            for line in text("comment").lines() {
                println!("    {}", printable(line));
            }
            for message in report["messages"].as_array().into_iter().flatten() {
                for line in message["text"].as_str().unwrap_or("(a message)").lines() {
                    println!("    > {}", printable(line));
                }
            }
        }
    }
    Ok(())
}

/// What members wrote, for a terminal: nothing in it commands the terminal, or turns the line
/// around.
pub(crate) fn printable(text: &str) -> String {
    let commands =
        |c: char| c.is_control() || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    text.chars().map(|c| if commands(c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// Prints what the running node has written since its start.
pub(crate) fn stats(args: &DataArgs) -> anyhow::Result<()> {
    let stats: serde_json::Map<String, serde_json::Value> =
        control::ask(&args.data, &Request::Stats)?;
    #[expect(clippy::print_stdout, reason = "the command's output")]
    if args.json {
        println!("{}", serde_json::to_string(&stats)?);
    } else {
        for (name, value) in &stats {
            println!("{name:18} {value}");
        }
    }
    Ok(())
}

fn print(args: &DataArgs, found: &NumberAndCode, meaning: &str) -> anyhow::Result<()> {
    #[expect(clippy::print_stdout, reason = "the command's output")]
    if args.json {
        println!("{}", serde_json::to_string(found)?);
    } else {
        let page = found.page.as_ref().map(|page| format!("Page     {page}\n"));
        let page = page.unwrap_or_default();
        println!("Number   {}\nCode     {}\n{page}\n{meaning}", found.phone, found.code);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_members_wrote_commands_no_terminal() {
        for (written, printed) in [
            ("plain, ärger, 你好 🐦", "plain, ärger, 你好 🐦"),
            ("\u{1b}]0;owned\u{7}\u{1b}[2Jx", "\u{fffd}]0;owned\u{fffd}\u{fffd}[2Jx"),
            ("a\rb\tc\u{9b}31m", "a\u{fffd}b\u{fffd}c\u{fffd}31m"),
            ("\u{202e}evil", "\u{fffd}evil"),
        ] {
            assert_eq!(printable(written), printed);
        }
    }
}
