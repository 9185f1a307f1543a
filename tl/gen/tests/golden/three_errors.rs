
/// 420 `2FA_CONFIRM_WAIT_%d`: account reset is pending; wait the given seconds.
#[must_use]
pub fn two_fa_confirm_wait(number: i64) -> Error {
    Error::new(420, format!("2FA_CONFIRM_WAIT_{number}"))
}

/// 400 `PHONE_NUMBER_INVALID`; also with 406.
pub const PHONE_NUMBER_INVALID: Error = Error::fixed(400, "PHONE_NUMBER_INVALID");

/// -503 `Timeout`: no answer in time.
pub const TIMEOUT: Error = Error::fixed(-503, "Timeout");
