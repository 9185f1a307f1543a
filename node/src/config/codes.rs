//! How people get in: how codes for logging in go out, and who else may say who somebody is.

use std::path::PathBuf;

use serde::Deserialize;

use super::Secret;

/// `[codes]`: how login codes reach members who have no other session. A code goes to the sessions
/// first; asked for again, by mail where the member has a login address; then to the number, by the
/// webhook and the command. Without this section only the sessions and `rookery code` remain.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(default, deny_unknown_fields)]
pub(crate) struct CodesConfig {
    /// Whoever joins has to show a mail address first, unless the invite went to one. Default false.
    /// Needs `[codes.smtp]`. Not every client can do that: Telegram's own apps and TDLib can.
    pub(crate) require_email: bool,
    /// `[codes.smtp]`: mail. Default: none, and no login address is taken.
    pub(crate) smtp: Option<SmtpConfig>,
    /// `[codes.webhook]`: a program behind HTTP. Default: none.
    pub(crate) webhook: Option<WebhookConfig>,
    /// `[codes.command]`: a program of this machine. Default: none.
    pub(crate) command: Option<CommandConfig>,
}

/// `[codes.smtp]`: the mail server that codes are given to.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(deny_unknown_fields)]
pub(crate) struct SmtpConfig {
    /// Name or address.
    pub(crate) host: String,
    /// Port. Default: 587 for `starttls`, 465 for `tls`, 25 for `plain`.
    pub(crate) port: Option<u16>,
    /// `starttls` (default; never falls back to plain), `tls`, or `plain`: only to this machine.
    #[serde(default)]
    pub(crate) security: SmtpSecurity,
    /// Take `plain` to another machine: codes then cross the network in the clear. Default false.
    #[serde(default)]
    pub(crate) allow_plain: bool,
    /// User name. Default: none, no login.
    pub(crate) user: Option<String>,
    /// Password; `password_file` keeps it out of this file.
    pub(crate) password: Option<Secret>,
    /// A file whose first line is the password.
    pub(crate) password_file: Option<PathBuf>,
    /// Who writes: `codes@example.org` or `Name <codes@example.org>`.
    pub(crate) from: String,
    /// PEM file with certificates that are trusted beside the system's. Default: none.
    pub(crate) ca_file: Option<PathBuf>,
    /// Seconds that one mail may take. Default 30.
    #[serde(default = "thirty")]
    pub(crate) timeout_s: u64,
}

/// See [`SmtpConfig::security`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(rename_all = "lowercase")]
pub(crate) enum SmtpSecurity {
    #[default]
    StartTls,
    Tls,
    Plain,
}

/// `[codes.webhook]`: where codes are posted, as JSON, with the header `Rookery-Signature:
/// t=SECONDS,v1=HEX`: HMAC-SHA-256 of `SECONDS.BODY`. Status 2xx takes the code; 408, 425, 429 and
/// 5xx ask for another attempt.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(deny_unknown_fields)]
pub(crate) struct WebhookConfig {
    /// `https://…`, or `http://…` to this machine.
    pub(crate) url: String,
    /// Shared secret of the signature, at least 16 bytes; `secret_file` keeps it out of this file.
    pub(crate) secret: Option<Secret>,
    /// A file whose first line is the secret.
    pub(crate) secret_file: Option<PathBuf>,
    /// PEM file with certificates that are trusted beside the system's. Default: none.
    pub(crate) ca_file: Option<PathBuf>,
    /// Seconds that one exchange may take. Default 10.
    #[serde(default = "ten")]
    pub(crate) timeout_s: u64,
}

/// `[codes.command]`: what is run for each code. It finds `ROOKERY_PURPOSE`, `ROOKERY_PHONE`,
/// `ROOKERY_USER`, `ROOKERY_CODE`, `ROOKERY_EXPIRES` (unix seconds) and `ROOKERY_TEXT` in its
/// environment, and the webhook's JSON on standard input. Exit status 0 takes the code.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(deny_unknown_fields)]
pub(crate) struct CommandConfig {
    /// The program and its arguments; no shell reads them.
    pub(crate) program: Vec<String>,
    /// Seconds after which it is killed. Default 30.
    #[serde(default = "thirty")]
    pub(crate) timeout_s: u64,
}

/// `[oidc]`: people of another service log in at `/login/oidc`, with OpenID Connect, and get a number
/// and a code there. Without this section there is no such page. `[http] public_url` is needed behind
/// a proxy or a name; the redirect URI to register is it, or the listener's address, and
/// `/login/oidc/callback`.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(deny_unknown_fields)]
pub(crate) struct OidcConfig {
    /// `https://…`, exactly as the provider says it.
    pub(crate) issuer: String,
    /// The node's id at the provider.
    pub(crate) client_id: String,
    /// Its secret there; `client_secret_file` keeps it out of this file. Default: none, for a public
    /// client.
    pub(crate) client_secret: Option<Secret>,
    /// A file whose first line is the secret.
    pub(crate) client_secret_file: Option<PathBuf>,
    /// What is asked for beside `openid`. Default `["email"]`.
    #[serde(default = "email_scope")]
    pub(crate) scopes: Vec<String>,
    /// One of these groups is needed to join. Default: none is. Who has joined may always log in.
    #[serde(default)]
    pub(crate) allowed_groups: Vec<String>,
    /// The claim that lists groups. Default `groups`.
    #[serde(default = "groups_claim")]
    pub(crate) groups_claim: String,
    /// A verified mail address of one of these domains is needed to join. Default: none is.
    #[serde(default)]
    pub(crate) allowed_domains: Vec<String>,
    /// PEM file with certificates that are trusted beside the system's. Default: none.
    pub(crate) ca_file: Option<PathBuf>,
    /// Seconds that one exchange with the provider may take. Default 10.
    #[serde(default = "ten")]
    pub(crate) timeout_s: u64,
}

fn email_scope() -> Vec<String> {
    vec!["email".into()]
}

fn groups_claim() -> String {
    "groups".into()
}

fn ten() -> u64 {
    10
}

fn thirty() -> u64 {
    30
}
