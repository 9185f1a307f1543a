//! Buttons as layers up to 228 have them: one constructor a kind.

use crate::enums::{
    ButtonType, InlineButtonType, KeyboardButton, KeyboardButtonRow, KeyboardInlineButton,
    KeyboardInlineButtonRow,
};
use crate::{Shape, types};

pub(super) fn old_rows(rows: &[KeyboardInlineButtonRow]) -> Vec<KeyboardButtonRow> {
    rows.iter()
        .map(|KeyboardInlineButtonRow::KeyboardInlineButtonRow(row)| {
            let buttons = row.buttons.iter().filter_map(old_inline_button).collect();
            types::KeyboardButtonRow { buttons }.into()
        })
        .collect()
}

/// `None`: the kind did not exist, or only clients sent it.
fn old_inline_button(button: &KeyboardInlineButton) -> Option<KeyboardButton> {
    let KeyboardInlineButton::KeyboardInlineButton(button) = button;
    let types::KeyboardInlineButton { style, text, type_ } = (**button).clone();
    Some(match type_ {
        InlineButtonType::InlineButtonTypeUrl(kind) => {
            types::KeyboardButtonUrl { style, text, url: kind.url }.into()
        }
        InlineButtonType::InlineButtonTypeCallback(kind) => {
            let types::InlineButtonTypeCallback { requires_password, data } = *kind;
            types::KeyboardButtonCallback { requires_password, style, text, data }.into()
        }
        InlineButtonType::InlineButtonTypeSwitchInline(kind) => {
            let types::InlineButtonTypeSwitchInline { same_peer, query, peer_types } = *kind;
            types::KeyboardButtonSwitchInline { same_peer, style, text, query, peer_types }.into()
        }
        InlineButtonType::InlineButtonTypeGame(_) => {
            types::KeyboardButtonGame { style, text }.into()
        }
        InlineButtonType::InlineButtonTypeBuy(_) => types::KeyboardButtonBuy { style, text }.into(),
        InlineButtonType::InlineButtonTypeUrlAuth(kind) => {
            let types::InlineButtonTypeUrlAuth { fwd_text, url, button_id } = *kind;
            types::KeyboardButtonUrlAuth { style, text, fwd_text, url, button_id }.into()
        }
        InlineButtonType::InlineButtonTypeUserProfile(kind) => {
            types::KeyboardButtonUserProfile { style, text, user_id: kind.user_id }.into()
        }
        InlineButtonType::InlineButtonTypeWebView(kind) => {
            types::KeyboardButtonWebView { style, text, url: kind.url }.into()
        }
        InlineButtonType::InlineButtonTypeCopy(kind) => {
            types::KeyboardButtonCopy { style, text, copy_text: kind.copy_text }.into()
        }
        InlineButtonType::InlineButtonTypeDisabled(_)
        | InlineButtonType::InputInlineButtonTypeUrlAuth(_)
        | InlineButtonType::InputInlineButtonTypeUserProfile(_) => return None,
    })
}

/// `None`: a plain button, whose constructor kept its name.
pub(super) fn old_button(button: &types::KeyboardButton) -> Option<Box<dyn Shape>> {
    let types::KeyboardButton { style, text, type_ } = button.clone();
    Some(match type_ {
        ButtonType::ButtonTypeDefault(_) | ButtonType::InputButtonTypeRequestPeer(_) => {
            return None;
        }
        ButtonType::ButtonTypeRequestPhone(_) => {
            Box::new(types::KeyboardButtonRequestPhone { style, text })
        }
        ButtonType::ButtonTypeRequestGeoLocation(_) => {
            Box::new(types::KeyboardButtonRequestGeoLocation { style, text })
        }
        ButtonType::ButtonTypeRequestPoll(kind) => {
            Box::new(types::KeyboardButtonRequestPoll { style, quiz: kind.quiz, text })
        }
        ButtonType::ButtonTypeRequestPeer(kind) => {
            let types::ButtonTypeRequestPeer { button_id, peer_type, max_quantity } = *kind;
            let button = types::KeyboardButtonRequestPeer {
                style,
                text,
                button_id,
                peer_type,
                max_quantity,
            };
            Box::new(button)
        }
        ButtonType::ButtonTypeSimpleWebView(kind) => {
            Box::new(types::KeyboardButtonSimpleWebView { style, text, url: kind.url })
        }
    })
}
