//! Line 30: requests that wait for others.

use super::*;

// ---- 30: invokeAfterMsg ----

#[test]
fn line_30_a_request_waits_for_its_predecessor_only() {
    let mut client = Client::known();
    let (a, b, c) = (client.get_config(), client.get_config(), client.get_config());
    assert_eq!(client.session.wait_for(c, &[b]), Wait::Waiting);
    assert!(client.session.reply(a, bool_true()).is_empty());
    assert_eq!(client.session.reply(b, bool_true()), [Released { msg_id: c, ready: true }]);
    let late = client.get_config();
    assert_eq!(client.session.wait_for(late, &[b, c - 4096, a]), Wait::Ready);
}

#[test]
fn line_30_a_failed_predecessor_gives_msg_wait_failed() {
    let mut client = Client::known();
    let (a, b, c) = (client.get_config(), client.get_config(), client.get_config());
    assert_eq!(client.session.wait_for(b, &[a]), Wait::Waiting);
    assert_eq!(client.session.wait_for(c, &[b]), Wait::Waiting);
    let failed = |msg_id| Released { msg_id, ready: false };
    assert_eq!(client.session.reply_error(a, 400, "PEER_ID_INVALID"), [failed(b), failed(c)]);
    let got = client.poll();
    assert_eq!(got.len(), 3);
    assert_eq!(error_of(&got[0]), (400, "PEER_ID_INVALID".to_owned()));
    for (got, id) in got[1..].iter().zip([b, c]) {
        assert_eq!((got.long(4), error_of(got)), (id, (400, "MSG_WAIT_FAILED".to_owned())));
    }
    // It may have failed before its successor arrives.
    let late = client.get_config();
    assert_eq!(client.session.wait_for(late, &[a]), Wait::Failed(Vec::new()));
    assert_eq!(error_of(&client.only()).1, "MSG_WAIT_FAILED");
}

#[test]
fn line_30_a_dropped_predecessor_has_failed() {
    let mut client = Client::known();
    let (a, b) = (client.get_config(), client.get_config());
    assert_eq!(client.session.wait_for(b, &[a]), Wait::Waiting);
    let (_, events) = client.request(&Tl::new(DROP).long(a).0);
    let released = Event::Released(Released { msg_id: b, ready: false });
    assert_eq!(events, [Event::Cancel { msg_id: a }, released]);
}
