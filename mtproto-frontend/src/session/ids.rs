//! Message ids and sequence numbers.
//!
//! A msg_id is unix time times 2^32; the two lowest bits say who made it and why.
//! Source: <https://core.telegram.org/mtproto/description#message-identifier-msg-id>

/// How far the last id may be ahead of the clock before ids start anew from it. Clients ignore
/// messages more than 30 s ahead.
const LEAD_MAX: i64 = 25 << 32;

/// The msg_id of a moment, its two lowest bits zero.
pub(super) fn msg_id_at(now_ms: u64) -> i64 {
    // Up to 2038, as the protocol's signed 64 bits reach.
    let seconds = i64::try_from(now_ms / 1000).unwrap_or(i64::MAX).min(i64::from(i32::MAX));
    let fraction = ((now_ms % 1000) << 32) / 1000;
    (seconds << 32 | fraction as i64) & !3
}

/// Why the server sends a message: the two lowest bits of its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// It answers one message of the client.
    Answer = 1,
    /// Everything else.
    Other = 3,
}

/// Makes the ids and sequence numbers of one session.
#[derive(Debug, Default)]
pub(super) struct MsgIds {
    last: i64,
    /// Content-related messages so far.
    content: i32,
    /// Restarts after a clock that went back; keeps ids of the same moment apart.
    restarts: u8,
}

impl MsgIds {
    /// The clock went back so far that ids which grow on would be ignored by clients.
    pub(super) fn is_ahead(&self, now_ms: u64) -> bool {
        self.last.saturating_sub(msg_id_at(now_ms)) > LEAD_MAX
    }

    /// Starts anew from the clock.
    pub(super) fn restart(&mut self) {
        self.last = 0;
        self.restarts = self.restarts.wrapping_add(1);
    }

    /// The next id: above all before, and the moment's own if the clock allows.
    pub(super) fn next(&mut self, now_ms: u64, class: Class) -> i64 {
        let moment = msg_id_at(now_ms).saturating_add(i64::from(self.restarts & 31) << 16);
        let base = moment.max((self.last & !3).saturating_add(4));
        self.last = base | class as i64;
        self.last
    }

    /// The number that the next message would have.
    pub(super) fn next_seq_no(&self, content_related: bool) -> i32 {
        self.content.wrapping_mul(2) | i32::from(content_related)
    }

    /// Twice the content-related messages before, plus one if this is one.
    pub(super) fn seq_no(&mut self, content_related: bool) -> i32 {
        let seq_no = self.next_seq_no(content_related);
        self.content = self.content.wrapping_add(i32::from(content_related));
        seq_no
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_770_000_000_123;

    #[test]
    fn ids_grow_and_stay_near_the_clock() {
        let mut ids = MsgIds::default();
        let mut last = 0;
        // Forward, standing still, and back by less than clients forgive.
        for now in [NOW, NOW, NOW, NOW + 5, NOW + 90_000, NOW + 70_000, NOW + 70_001] {
            assert!(!ids.is_ahead(now));
            for class in [Class::Answer, Class::Other] {
                let id = ids.next(now, class);
                assert!(id > last);
                assert_eq!(id & 3, class as i64);
                assert!(((id >> 32) - (now / 1000) as i64).abs() <= 25);
                last = id;
            }
        }
    }

    #[test]
    fn ids_start_anew_when_the_clock_went_far_back_and_repeat_none() {
        let mut ids = MsgIds::default();
        let first: Vec<i64> = (0..100).map(|_| ids.next(NOW, Class::Other)).collect();
        ids.next(NOW + 3_600_000, Class::Other);
        assert!(ids.is_ahead(NOW));
        ids.restart();
        assert!(!ids.is_ahead(NOW));
        let again: Vec<i64> = (0..100).map(|_| ids.next(NOW, Class::Other)).collect();
        assert!(again.iter().all(|id| !first.contains(id)));
        assert_eq!(again[0] >> 32, (NOW / 1000) as i64);
    }

    #[test]
    fn sequence_numbers_count_content() {
        let mut ids = MsgIds::default();
        let flags = [false, true, true, false, true, false];
        assert_eq!(flags.map(|content| ids.seq_no(content)), [0, 1, 3, 4, 5, 6]);
    }

    #[test]
    fn a_clock_at_its_ends_does_not_panic() {
        assert_eq!(msg_id_at(0), 0);
        assert_eq!(msg_id_at(1000), 1 << 32);
        assert!(msg_id_at(u64::MAX) > 0);
    }
}
