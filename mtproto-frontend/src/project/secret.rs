//! Secret chats in TL's shapes: states of chats, and bytes as the other client gave them.

use node_core::{SecretChat, SecretChatState, SecretFile, SecretMessage, SecretUpdate};
use tl::{enums, types};

use super::{Named, View};

/// How a secret chat stands, for the viewer.
pub(crate) fn encrypted_chat(view: View<'_>, chat: &SecretChat) -> enums::EncryptedChat {
    let (id, date) = (chat.id.0, chat.date);
    let (admin_id, participant_id) = (chat.admin.0, chat.participant.0);
    let access_hash = view.core.secret_access_hash(view.viewer, chat.id);
    match &chat.state {
        SecretChatState::Waiting => {
            types::EncryptedChatWaiting { id, access_hash, date, admin_id, participant_id }.into()
        }
        SecretChatState::Requested(g_a) => types::EncryptedChatRequested {
            folder_id: None,
            id,
            access_hash,
            date,
            admin_id,
            participant_id,
            g_a: g_a.to_wire(),
        }
        .into(),
        SecretChatState::Open(g_a_or_b, key_fingerprint) => types::EncryptedChat {
            id,
            access_hash,
            date,
            admin_id,
            participant_id,
            g_a_or_b: g_a_or_b.to_wire(),
            key_fingerprint: *key_fingerprint,
        }
        .into(),
        SecretChatState::Discarded { history_deleted } => {
            types::EncryptedChatDiscarded { history_deleted: *history_deleted, id }.into()
        }
    }
}

/// A file that a client has encrypted; empty where there is none.
pub(crate) fn encrypted_file(view: View<'_>, file: Option<&SecretFile>) -> enums::EncryptedFile {
    match file {
        Some(file) => types::EncryptedFile {
            id: file.id.0,
            access_hash: view.core.file_access_hash(file.id),
            size: i64::try_from(file.size).unwrap_or(i64::MAX),
            dc_id: view.dc,
            key_fingerprint: file.key_fingerprint,
        }
        .into(),
        None => types::EncryptedFileEmpty {}.into(),
    }
}

/// Something that was said in a secret chat.
pub(crate) fn encrypted_message(
    view: View<'_>,
    message: &SecretMessage,
) -> enums::EncryptedMessage {
    let SecretMessage { chat, random_id, date, service, data, file } = message;
    let (random_id, chat_id, date, bytes) = (*random_id, chat.0, *date, data.to_wire());
    if *service {
        return types::EncryptedMessageService { random_id, chat_id, date, bytes }.into();
    }
    let file = encrypted_file(view, file.as_ref());
    types::EncryptedMessage { random_id, chat_id, date, bytes, file }.into()
}

/// What a device is told of its secret chats; `None` for what is no update by itself.
pub(crate) fn secret_update(
    view: View<'_>,
    update: &SecretUpdate,
    named: &mut Named,
) -> Option<enums::Update> {
    Some(match update {
        SecretUpdate::Chat(chat) => {
            named.user(chat.admin).user(chat.participant);
            let date = chat.changed;
            types::UpdateEncryption { chat: encrypted_chat(view, chat), date }.into()
        }
        SecretUpdate::Message { qts, message } => {
            let (message, qts) = (encrypted_message(view, message), *qts);
            types::UpdateNewEncryptedMessage { message, qts }.into()
        }
        SecretUpdate::Typing(chat) => types::UpdateEncryptedChatTyping { chat_id: chat.0 }.into(),
        SecretUpdate::Read { chat, max_date, date } => {
            let (chat_id, max_date, date) = (chat.0, *max_date, *date);
            types::UpdateEncryptedMessagesRead { chat_id, max_date, date }.into()
        }
        _ => return None,
    })
}
