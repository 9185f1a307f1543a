//! What is said about a code, in words and for programs.

use node_core::{Outbound, Purpose};
use serde_json::{Value, json};
use zeroize::Zeroizing;

/// The name of a purpose towards other programs; never changed.
pub(crate) fn purpose(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::LoginCode => "login",
        Purpose::PasswordRecovery => "password_recovery",
        Purpose::EmailVerification => "email_verification",
        Purpose::Invite => "invite",
        Purpose::ChangePhone => "change_phone",
        Purpose::DeleteAccount => "delete_account",
        // A purpose that came later is worth delivering all the same.
        _ => "other",
    }
}

/// The heading of a mail. Without the code: servers log headings.
pub(crate) fn heading(node: &str, about: Purpose) -> String {
    match about {
        Purpose::LoginCode => format!("Login code for {node}"),
        Purpose::PasswordRecovery => format!("A new password for {node}"),
        Purpose::EmailVerification => format!("Is this your address? ({node})"),
        Purpose::Invite => format!("You are invited to {node}"),
        Purpose::ChangePhone => format!("A new number at {node}"),
        Purpose::DeleteAccount => format!("Your account at {node}"),
        _ => format!("A code for {node}"),
    }
}

/// What a person reads.
pub(crate) fn text(node: &str, sent: &Outbound, now: i32) -> Zeroizing<String> {
    let Outbound { purpose, phone, code, expires, page, .. } = sent;
    let says = match purpose {
        Purpose::LoginCode => format!("{code} is your login code for {node}."),
        Purpose::PasswordRecovery => {
            format!("{code} lets you set a new password at {node}. It opens the account +{phone}.")
        }
        Purpose::EmailVerification => format!("{code} shows {node} that this address is yours."),
        Purpose::Invite => format!(
            "You are invited to {node}. Log in with a Telegram app that is set up for it, with the \
             number +{phone} and the code {code}."
        ),
        Purpose::ChangePhone => format!("{code} moves your account at {node} to +{phone}."),
        Purpose::DeleteAccount => {
            format!("{code} stops the deletion of your account at {node}, which was asked for.")
        }
        _ => format!("{code} is your code for {node}."),
    };
    let minutes = (expires.saturating_sub(now)).max(0) / 60;
    let until = match minutes {
        0 | 1 => "about a minute".to_owned(),
        2..=119 => format!("{minutes} minutes"),
        120..=2879 => format!("{} hours", minutes / 60),
        _ => format!("{} days", minutes / (24 * 60)),
    };
    let page =
        page.as_ref().map(|page| format!("\n\nHow that is done: {page}")).unwrap_or_default();
    Zeroizing::new(format!(
        "{says} It is good for {until}.{page}\n\nDo not give it to anyone: whoever has it can act as \
         you. If you did not ask for it, somebody typed your number or address; ignore it."
    ))
}

/// What a program reads. `id` is the same for every attempt to deliver one code.
pub(crate) fn document(node: &str, id: &str, sent: &Outbound, now: i32) -> Value {
    json!({
        "id": id,
        "node": node,
        "purpose": purpose(sent.purpose),
        "phone": format!("+{}", sent.phone),
        "user": sent.user.map(|user| user.0),
        "code": sent.code,
        "expires": sent.expires,
        "text": text(node, sent, now).as_str(),
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use node_core::UserId;

    use super::*;

    /// A login code for nobody's telephone, good until second 1300.
    pub(crate) fn a_code() -> Outbound {
        Outbound {
            purpose: Purpose::LoginCode,
            user: Some(UserId(1_000_001)),
            phone: 888_1234_5678,
            email: None,
            page: None,
            code: "271828".into(),
            expires: 1300,
        }
    }

    #[test]
    fn a_document_says_what_a_gateway_needs() {
        let said = document("Rookery", "1-2", &a_code(), 1000);
        assert_eq!(said["purpose"], "login");
        assert_eq!(said["phone"], "+88812345678");
        assert_eq!(said["user"], 1_000_001);
        assert_eq!((&said["code"], &said["expires"]), (&json!("271828"), &json!(1300)));
        let text = said["text"].as_str().unwrap();
        assert!(
            text.starts_with("271828 is your login code for Rookery. It is good for 5 minutes.")
        );
    }

    #[test]
    fn a_mailed_invite_leads_to_its_page() {
        let page = Some("https://rookery.example/join/AAAA".to_owned());
        let invite = Outbound { purpose: Purpose::Invite, page, ..a_code() };
        let said = text("Rookery", &invite, 1000);
        let leads =
            "It is good for 5 minutes.\n\nHow that is done: https://rookery.example/join/AAAA\n\n";
        assert!(said.contains(leads), "{}", *said);
    }

    #[test]
    fn no_heading_holds_the_code() {
        assert!(!heading("Rookery", Purpose::LoginCode).contains(&a_code().code));
    }
}
