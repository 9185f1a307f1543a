//! The error catalogue as names.

use tl::errors;

#[test]
fn names_have_code_and_text() {
    assert_eq!(errors::PHONE_NUMBER_INVALID.to_string(), "400 PHONE_NUMBER_INVALID");
    assert_eq!(errors::PHONE_NUMBER_INVALID.with_code(406).code, 406);
    assert_eq!(errors::AUTH_KEY_UNREGISTERED.code, 401);
}

#[test]
fn numbers_go_where_they_stand_in_the_name() {
    assert_eq!(errors::flood_wait(30).to_string(), "420 FLOOD_WAIT_30");
    assert_eq!(errors::file_part_missing(4).text, "FILE_PART_4_MISSING");
    assert_eq!(errors::two_fa_confirm_wait(60).text, "2FA_CONFIRM_WAIT_60");
}
