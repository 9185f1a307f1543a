//! What a member has beside dialogs, in the shape of `result.json`.

use node_core::{Core, PrivacyRule, UserId, Who};
use serde_json::{Value, json};

use super::shape::{Fields, name, set_date};

/// A rule of privacy, in words.
pub(super) fn rule(rule: &PrivacyRule) -> Value {
    let numbers = |all: Vec<i64>| all.iter().map(i64::to_string).collect::<Vec<_>>().join(", ");
    let who = match &rule.who {
        Who::All => "everybody".to_owned(),
        Who::Contacts => "contacts".to_owned(),
        Who::CloseFriends => "close friends".to_owned(),
        Who::Premium => "premium".to_owned(),
        Who::Bots => "bots".to_owned(),
        Who::Users(users) => {
            format!("users {}", numbers(users.iter().map(|user| user.0).collect()))
        }
        Who::Chats(chats) => {
            format!("groups {}", numbers(chats.iter().map(|chat| chat.0).collect()))
        }
        _ => "others".to_owned(),
    };
    format!("{} {who}", if rule.allow { "allow" } else { "refuse" }).into()
}

/// What `result.json` has of a member beside dialogs and photos.
pub(super) async fn personal(core: &Core, user: UserId) -> anyhow::Result<Fields> {
    let mut fields = Fields::new();
    if let Some(view) = core.view(user, user)? {
        let account = &view.user;
        let mut own = Fields::new();
        let mut set = |name: &str, value: Value| own.insert(name.into(), value);
        set("user_id", account.id.0.into());
        set("first_name", account.first_name.clone().into());
        set("last_name", account.last_name.clone().into());
        set("phone_number", format!("+{}", account.phone).into());
        if let Some(username) = &account.username {
            set("username", format!("@{username}").into());
        }
        if !account.about.is_empty() {
            set("bio", account.about.clone().into());
        }
        if let Some(birthday) = account.birthday {
            let year = birthday.year.map_or_else(|| "-".to_owned(), |year| year.to_string());
            set("birthday", format!("{year}-{:02}-{:02}", birthday.month, birthday.day).into());
        }
        set_date(&mut own, "created", account.created);
        fields.insert("personal_information".into(), own.into());
    }
    fields.insert("contacts".into(), json!({ "list": contacts(core, user).await? }));
    fields.insert("blocked".into(), json!({ "list": blocked(core, user).await? }));
    fields.insert("sessions".into(), json!({ "list": sessions(core, user).await? }));
    Ok(fields)
}

async fn contacts(core: &Core, user: UserId) -> anyhow::Result<Vec<Value>> {
    let mut list = Vec::new();
    for contact in core.contacts(user).await? {
        let Some(view) = core.view(user, contact.user)? else { continue };
        let Some(kept) = view.contact else { continue };
        let phone = view.phone.map(|phone| format!("+{phone}")).unwrap_or_default();
        let mut shown = json!({
            "user_id": contact.user.0,
            "first_name": kept.first_name,
            "last_name": kept.last_name,
            "phone_number": phone,
        });
        if let Some(note) = kept.note {
            shown["note"] = note.text.into();
        }
        list.push(shown);
    }
    Ok(list)
}

async fn blocked(core: &Core, user: UserId) -> anyhow::Result<Vec<Value>> {
    let mut list = Vec::new();
    for (other, since) in core.blocked(user).await? {
        let mut shown = Fields::new();
        shown.insert("user_id".into(), other.0.into());
        shown.insert("name".into(), json!(name(core, user, other.into())?));
        set_date(&mut shown, "date", since);
        list.push(shown.into());
    }
    Ok(list)
}

async fn sessions(core: &Core, user: UserId) -> anyhow::Result<Vec<Value>> {
    let mut list = Vec::new();
    for login in core.authorizations(user).await? {
        let mut shown = Fields::new();
        let device = &login.device;
        set_date(&mut shown, "last_active", login.active);
        for (name, value) in [
            ("last_ip", &device.ip),
            ("application_name", &device.lang_pack),
            ("application_version", &device.app_version),
            ("device_model", &device.device_model),
            ("system_version", &device.system_version),
        ] {
            shown.insert(name.into(), value.clone().into());
        }
        set_date(&mut shown, "created", login.created);
        list.push(shown.into());
    }
    Ok(list)
}
