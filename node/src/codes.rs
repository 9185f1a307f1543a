//! `rookery invite`, `rookery code`, `rookery user`, `rookery reports` and `rookery stats`: what a running node is asked.

use anyhow::Context as _;

use crate::cli::DataArgs;
use crate::control::{self, NumberAndCode, Request};

/// Prints a new invite of the running node; mails it to `mail`.
pub(crate) fn invite(args: &DataArgs, mail: Option<String>) -> anyhow::Result<()> {
    let meaning = match &mail {
        Some(address) => format!("On its way to {address}, which gets later login codes too."),
        None => "Whoever logs in with this number and code becomes a member.".to_owned(),
    };
    let invite: NumberAndCode = control::ask(&args.data, &Request::Invite { mail })?;
    print(args, &invite, &meaning)
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

fn number(text: &str) -> anyhow::Result<u64> {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    digits.parse().with_context(|| format!("{text:?} is not a number"))
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
                format!("{} ({id})", name.as_str().unwrap_or_default())
            };
            let text = |field: &str| report[field].as_str().unwrap_or_default().to_owned();
            println!(
                "{}  {} about {}: {}",
                report["date"],
                who("by"),
                who("about"),
                text("reason")
            );
            for line in text("comment").lines() {
                println!("    {line}");
            }
            for message in report["messages"].as_array().into_iter().flatten() {
                println!("    > {}", message["text"].as_str().unwrap_or("(a message)"));
            }
        }
    }
    Ok(())
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
        println!("Number   {}\nCode     {}\n\n{meaning}", found.phone, found.code);
    }
    Ok(())
}
