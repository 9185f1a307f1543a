//! The ways that codes take out of the node, as `[codes]` has them.

use std::time::Duration;

use anyhow::Context as _;
use delivery::{Command, Security, Smtp, SmtpSetup, Webhook};
use zeroize::Zeroizing;

use crate::config::{CodesConfig, SmtpConfig, SmtpSecurity, secret};

/// Checks and makes what is configured.
pub(crate) fn setup(
    node: &str,
    clock: node_core::Clock,
    config: &CodesConfig,
) -> anyhow::Result<delivery::Setup> {
    let smtp = config.smtp.as_ref().map(smtp).transpose().context("in [codes.smtp]")?;
    if config.require_email && smtp.is_none() {
        anyhow::bail!("codes.require_email needs [codes.smtp]: nothing else can mail");
    }
    let webhook = config.webhook.as_ref().map(|hook| {
        let shared = secret("secret", hook.secret.as_ref(), hook.secret_file.as_deref())?;
        let shared = shared.context("secret or secret_file is needed")?;
        let within = Duration::from_secs(hook.timeout_s);
        let shared = Zeroizing::new(shared.as_bytes().to_vec());
        Ok::<_, anyhow::Error>(Webhook::new(&hook.url, shared, within, hook.ca_file.as_deref())?)
    });
    let command = config.command.as_ref().map(|command| {
        Command::new(command.program.clone(), Duration::from_secs(command.timeout_s))
    });
    Ok(delivery::Setup {
        node: node.to_owned(),
        clock,
        smtp,
        webhook: webhook.transpose().context("in [codes.webhook]")?,
        command: command.transpose().context("in [codes.command]")?,
    })
}

fn smtp(config: &SmtpConfig) -> anyhow::Result<Smtp> {
    let password = secret("password", config.password.as_ref(), config.password_file.as_deref())?;
    let login = match (config.user.clone(), password) {
        (None, None) => None,
        (Some(user), Some(password)) => Some((user, password)),
        _ => anyhow::bail!("user and password belong together"),
    };
    Ok(Smtp::new(SmtpSetup {
        host: config.host.clone(),
        port: config.port,
        security: match config.security {
            SmtpSecurity::StartTls => Security::StartTls,
            SmtpSecurity::Tls => Security::Implicit,
            SmtpSecurity::Plain => Security::Plain,
        },
        allow_plain: config.allow_plain,
        login,
        from: config.from.clone(),
        authorities: config.ca_file.clone(),
        within: Duration::from_secs(config.timeout_s),
    })?)
}
