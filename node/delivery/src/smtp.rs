//! Mail with codes, by the operator's mail server.

use std::path::PathBuf;
use std::time::Duration;

use lettre::address::Envelope;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MessageBuilder};
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use node_core::Outbound;
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::SetupError;
use crate::error::Failed;
use crate::message::{heading, text};
use trust::is_loopback;

/// How the connection to the mail server is kept from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// Plain at first, then TLS; refused where the server cannot.
    StartTls,
    /// TLS from the first byte.
    Implicit,
    /// None.
    Plain,
}

/// The mail server, and who writes.
pub struct SmtpSetup {
    /// Name or address.
    pub host: String,
    /// Port; none: 587, 465 or 25, by `security`.
    pub port: Option<u16>,
    /// How the connection is kept from others.
    pub security: Security,
    /// Plain to another machine is meant.
    pub allow_plain: bool,
    /// User and password, where the server wants them.
    pub login: Option<(String, Zeroizing<String>)>,
    /// `codes@example.org` or `Name <codes@example.org>`.
    pub from: String,
    /// PEM file with certificates that are trusted beside the system's.
    pub authorities: Option<PathBuf>,
    /// How long one mail may take.
    pub within: Duration,
}

/// Sends mails.
pub struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    within: Duration,
}

/// A mail address as lettre reads it.
///
/// # Errors
/// [`SetupError::Address`].
pub fn mailbox(text: &str) -> Result<Mailbox, SetupError> {
    text.parse().map_err(|_| SetupError::Address(text.to_owned()))
}

impl Smtp {
    /// Checks what can be checked without a connection.
    ///
    /// # Errors
    /// See [`SetupError`].
    pub fn new(setup: SmtpSetup) -> Result<Self, SetupError> {
        let SmtpSetup { host, port, security, allow_plain, login, from, authorities, within } =
            setup;
        let from = mailbox(&from)?;
        let other = |cause: Error| SetupError::Other(cause.to_string());
        let mut tls = TlsParameters::builder(host.clone());
        if let Some(path) = &authorities {
            let bad =
                |cause: String| SetupError::Certificates(format!("{}: {cause}", path.display()));
            let pem = std::fs::read(path).map_err(|cause| bad(cause.to_string()))?;
            let found = Certificate::from_pem(&pem).map_err(|cause| bad(cause.to_string()))?;
            tls = tls.add_root_certificate(found);
        }
        let (tls, usual) = match security {
            Security::StartTls => (Tls::Required(tls.build_rustls().map_err(other)?), 587),
            Security::Implicit => (Tls::Wrapper(tls.build_rustls().map_err(other)?), 465),
            Security::Plain if allow_plain || is_loopback(&host) => (Tls::None, 25),
            Security::Plain => return Err(SetupError::PlainAbroad(host)),
        };
        let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host)
            .port(port.unwrap_or(usual))
            .tls(tls)
            // What stands after the @ is the one name of ours that a stranger may know.
            .hello_name(ClientId::Domain(from.email.domain().to_owned()))
            .timeout(Some(within));
        if let Some((user, password)) = login {
            transport = transport.credentials(Credentials::new(user, password.to_string()));
        }
        Ok(Self { transport: transport.build(), from, within })
    }

    /// One attempt.
    pub(crate) async fn deliver(
        &self,
        node: &str,
        id: &str,
        sent: &Outbound,
        now: i32,
    ) -> Result<(), Failed> {
        let Some(email) = &sent.email else { return Ok(()) };
        let mail = self.mail(node, id, email, sent, now)?;
        match timeout(self.within, self.transport.send(mail)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(cause)) => Err(failed(&cause)),
            Err(_) => Err(Failed::now("the mail server took too long")),
        }
    }

    fn mail(
        &self,
        node: &str,
        id: &str,
        email: &str,
        sent: &Outbound,
        now: i32,
    ) -> Result<Message, Failed> {
        let for_good = |_| Failed::for_good("the address cannot be written to");
        let to = email.parse().map(|email| Mailbox::new(None, email)).map_err(for_good)?;
        let domain = self.from.email.domain();
        let from = self.from.email.clone();
        let envelope = Envelope::new(Some(from), vec![to.email.clone()]);
        let mut mail: MessageBuilder = Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(heading(node, sent.purpose))
            .message_id(Some(format!("<{id}@{domain}>")))
            .header(ContentType::TEXT_PLAIN)
            .envelope(envelope.map_err(|_| Failed::for_good("no envelope"))?);
        // No machine is to answer (RFC 3834).
        let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
        mail = mail.raw_header(HeaderValue::new(automatic, "auto-generated".into()));
        let body = text(node, sent, now);
        mail.body(body.to_string()).map_err(|_| Failed::for_good("the mail cannot be written"))
    }
}

/// Without the server's words: they may repeat the mail.
fn failed(cause: &Error) -> Failed {
    if let Some(status) = cause.status() {
        let reason = format!("the mail server answered {status}");
        return if cause.is_permanent() { Failed::for_good(reason) } else { Failed::now(reason) };
    }
    Failed::now(if cause.is_timeout() {
        "the mail server took too long".to_owned()
    } else if cause.is_tls() {
        format!("no TLS with the mail server: {cause}")
    } else if cause.is_client() {
        format!("the mail server cannot be used so: {cause}")
    } else {
        "no connection to the mail server".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::tests::a_code;

    fn setup() -> SmtpSetup {
        SmtpSetup {
            host: "127.0.0.1".into(),
            port: Some(1),
            security: Security::Plain,
            allow_plain: false,
            login: None,
            from: "Rookery <codes@example.org>".into(),
            authorities: None,
            within: Duration::from_secs(5),
        }
    }

    #[test]
    fn a_mail_has_what_servers_and_people_expect() {
        let smtp = Smtp::new(setup()).unwrap();
        let mail = smtp.mail("Rabennest", "1-1", "ada@example.org", &a_code(), 1000).unwrap();
        let text = String::from_utf8(mail.formatted()).unwrap();
        for wanted in [
            "From: Rookery <codes@example.org>",
            "To: ada@example.org",
            "Subject: Login code for Rabennest",
            "Message-ID: <1-1@example.org>",
            "Auto-Submitted: auto-generated",
            "Date: ",
            "271828 is your login code for Rabennest.",
        ] {
            assert!(text.contains(wanted), "{wanted}: {text}");
        }
    }

    #[test]
    fn an_address_cannot_add_to_a_mail() {
        let smtp = Smtp::new(setup()).unwrap();
        for odd in ["ada@example.org\r\nBcc: eve@example.org", "ada", "a@b, c@d", "<a@b>", ""] {
            assert!(smtp.mail("R", "1", odd, &a_code(), 1000).unwrap_err().for_good, "{odd:?}");
        }
    }

    #[test]
    fn plain_mail_stays_on_this_machine_unless_it_is_meant() {
        let abroad = || SmtpSetup { host: "mail.example.org".into(), ..setup() };
        assert!(matches!(Smtp::new(abroad()), Err(SetupError::PlainAbroad(_))));
        assert!(Smtp::new(SmtpSetup { allow_plain: true, ..abroad() }).is_ok());
        for security in [Security::StartTls, Security::Implicit] {
            assert!(Smtp::new(SmtpSetup { security, ..abroad() }).is_ok());
        }
        assert!(matches!(
            Smtp::new(SmtpSetup { from: "nobody".into(), ..setup() }),
            Err(SetupError::Address(_))
        ));
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_may_come() {
        let sent = Outbound { email: Some("ada@example.org".into()), ..a_code() };
        let failed = Smtp::new(setup()).unwrap().deliver("R", "1", &sent, 1000).await.unwrap_err();
        assert!(!failed.for_good, "{failed:?}");
    }
}
