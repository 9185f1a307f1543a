//! `rookery invite`, `rookery code` and `rookery stats`: what a running node is asked.

use anyhow::Context as _;

use crate::cli::DataArgs;
use crate::control::{self, NumberAndCode, Request};

/// Prints a new invite of the running node.
pub(crate) fn invite(args: &DataArgs) -> anyhow::Result<()> {
    let invite: NumberAndCode = control::ask(&args.data, &Request::Invite)?;
    print(args, &invite, "Whoever logs in with this number and code becomes a member.")
}

/// Prints the code with which a member can log in now.
pub(crate) fn code(args: &DataArgs, phone: &str) -> anyhow::Result<()> {
    let digits: String = phone.chars().filter(char::is_ascii_digit).collect();
    let phone = digits.parse().with_context(|| format!("{phone:?} is not a number"))?;
    let code: NumberAndCode = control::ask(&args.data, &Request::Code { phone })?;
    print(args, &code, "Good for five minutes and one login, whether or not it was asked for yet.")
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
