//! One host, answer by answer.

use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;
use url::Url;

use super::super::{Item, Lane, LaneState, Outgoing, Page, Plan, Step, Verdict, judge};
use crate::client::{FetchError, Outcome};
use crate::sign::Scheme;

const MIDDLE: u32 = u32::MAX / 2;
const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const RETRY: Verdict = Verdict::Retry { after_s: None };
const DONE: Verdict = Verdict::Done(None);

fn url(path: &str) -> Url {
    Url::parse(&format!("https://peer.test{path}")).unwrap()
}

fn page(seq: u64, inboxes: &[&str], superseded: bool) -> Page {
    let activity = Outgoing { seq, actor: [0; 20], json: Bytes::new(), created_ms: 0 };
    let inboxes = inboxes.iter().map(|path| url(path)).collect();
    let item = Item { activity: Arc::new(activity), shared_inbox: None, inboxes, superseded };
    Page { item: Some(item), scanned_to: seq }
}

fn finish(lane: &mut Lane, page: &Page) -> bool {
    lane.finish(page.item.as_ref().unwrap())
}

#[test]
fn statuses_are_judged_by_the_table() {
    let of =
        |status| judge(&Outcome { status, retry_after_s: Some(9), scheme: Some(Scheme::Rfc9421) });
    for status in [200, 201, 202, 204] {
        assert_eq!(of(Ok(status)), Verdict::Done(Some(Scheme::Rfc9421)));
    }
    for status in [400, 401, 402, 405, 406, 409, 413, 415, 418, 422, 451, 501] {
        assert_eq!(of(Ok(status)), Verdict::Dropped, "{status}");
    }
    assert_eq!(of(Ok(500)), Verdict::Stumbled);
    for status in [408, 425, 429, 502, 503, 504, 520, 530] {
        assert_eq!(of(Ok(status)), Verdict::Retry { after_s: Some(9) }, "{status}");
    }
    assert_eq!(of(Ok(403)), Verdict::Forbidden);
    for (status, gone) in [(301, false), (308, false), (404, false), (410, true)] {
        assert_eq!(of(Ok(status)), Verdict::NoInbox { gone }, "{status}");
    }
    for error in [FetchError::Late, FetchError::Connection(String::new())] {
        assert_eq!(of(Err(error)), Verdict::Retry { after_s: Some(9) });
    }
    assert_eq!(of(Err(FetchError::Blocked("peer.test".into()))), Verdict::Dropped);
}

#[test]
fn waits_grow_to_a_day_and_the_host_is_dormant_after_a_week_and_over_after_sixty_days() {
    let mut lane = Lane::new(0);
    let inbox = url("/inbox");
    let mut now_ms = 1_000_000;
    let start_ms = now_ms;
    let mut waits = Vec::new();
    while !lane.is_over(now_ms) {
        assert_eq!(lane.plan(&page(1, &["/inbox"], false), 1), Plan::Send(vec![inbox.clone()]));
        assert_eq!(lane.answer(&inbox, RETRY, now_ms, MIDDLE), Step::Stop);
        assert!(!finish(&mut lane, &page(1, &["/inbox"], false)));
        let dormant = now_ms - start_ms >= 7 * DAY;
        assert_eq!(
            lane.state == LaneState::Dormant,
            dormant,
            "after {} h",
            (now_ms - start_ms) / HOUR
        );
        waits.push((lane.next_try_ms - now_ms + 1) / MINUTE);
        now_ms = lane.next_try_ms;
    }
    assert_eq!(waits[..9], [1, 5, 15, 60, 180, 360, 720, 1440, 1440]);
    assert!(waits[9..].iter().all(|wait| *wait == 1440));
    assert!((60 * DAY..61 * DAY).contains(&(now_ms - start_ms)));
    assert_eq!(lane.cursor, 0, "nothing was given up meanwhile");
    lane.answer(&inbox, DONE, now_ms, 0);
    assert!(!lane.is_over(now_ms));
    assert_eq!((lane.state, lane.fails, lane.next_try_ms), (LaneState::Live, 0, 0));
    // A fifth shorter, a fifth longer.
    for (chance, wait) in [(0, 48_000), (u32::MAX, 72_000)] {
        let mut lane = Lane::new(0);
        lane.answer(&inbox, RETRY, 0, chance);
        assert_eq!(lane.next_try_ms, wait);
    }
}

/// One activity that a host stumbles over does not keep the next ones from it; a host where all fails is
/// dormant after a week like any other.
#[test]
fn what_a_host_stumbles_over_for_a_day_is_left_out() {
    let mut lane = Lane::new(0);
    let inbox = url("/inbox");
    let mut now_ms = 1_000_000;
    let (start_ms, mut seq, mut passed) = (now_ms, 1, Vec::new());
    while lane.state != LaneState::Dormant {
        let item = page(seq, &["/inbox"], false);
        assert_eq!(lane.plan(&item, seq), Plan::Send(vec![inbox.clone()]));
        // What a proxy says in between is nothing of this activity.
        let verdict = if passed.len() == 1 { RETRY } else { Verdict::Stumbled };
        if lane.answer(&inbox, verdict, now_ms, MIDDLE) == Step::Next {
            assert!(finish(&mut lane, &item));
            passed.push((now_ms - start_ms) / HOUR);
            seq += 1;
        } else {
            assert!(!finish(&mut lane, &item));
            now_ms = lane.next_try_ms;
        }
    }
    assert_eq!(passed, [46], "then what was no answer of its own is waited for");
    let dormant_ms = lane.tried_ms - start_ms;
    assert!(dormant_ms.abs_diff(7 * DAY) <= DAY, "{} h", dormant_ms / HOUR);
    // The next one is taken: it is well.
    let mut lane = Lane::new(0);
    lane.plan(&page(1, &["/inbox"], false), 2);
    assert_eq!(lane.answer(&inbox, Verdict::Stumbled, 0, MIDDLE), Step::Stop);
    assert_eq!(lane.answer(&inbox, Verdict::Stumbled, DAY, MIDDLE), Step::Next);
    assert!(finish(&mut lane, &page(1, &["/inbox"], false)));
    assert_eq!((lane.cursor, lane.fails), (1, 1));
    lane.plan(&page(2, &["/inbox"], false), 2);
    assert_eq!(lane.answer(&inbox, DONE, DAY, MIDDLE), Step::Next);
    assert_eq!((lane.fails, lane.fail_since_ms), (0, None));
}

#[test]
fn retry_after_is_honoured_up_to_a_day() {
    let inbox = url("/inbox");
    for (after_s, least, most) in [
        (0, MINUTE, 72_000),
        (600, 600_000, 720_000),
        (86_400, DAY, DAY + DAY / 5),
        (u64::MAX, DAY, DAY + DAY / 5),
    ] {
        for chance in [0, MIDDLE, u32::MAX] {
            let mut lane = Lane::new(0);
            lane.answer(&inbox, Verdict::Retry { after_s: Some(after_s) }, 0, chance);
            assert!((least..=most).contains(&lane.next_try_ms), "{after_s} {}", lane.next_try_ms);
        }
    }
}

#[test]
fn inboxes_that_answered_are_not_asked_again() {
    let all = ["/a", "/b", "/c", "/b"];
    let mut lane = Lane::new(0);
    let page_ = page(1, &all, false);
    assert_eq!(lane.plan(&page_, 1), Plan::Send(vec![url("/a"), url("/b"), url("/c")]));
    assert_eq!(lane.answer(&url("/a"), DONE, 0, 0), Step::Next);
    assert_eq!(lane.answer(&url("/b"), RETRY, 0, 0), Step::Stop);
    assert!(!finish(&mut lane, &page_));
    // As a restart reads it.
    let bytes = serde_json::to_vec(&lane).unwrap();
    let mut lane: Lane = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(lane.plan(&page_, 1), Plan::Send(vec![url("/b"), url("/c")]));
    lane.answer(&url("/b"), Verdict::Dropped, 0, 0);
    lane.answer(&url("/c"), DONE, 0, 0);
    assert!(finish(&mut lane, &page_));
    assert_eq!((lane.cursor, lane.answered.len()), (1, 0));
    // The shared one once, beside those who have none.
    let mut both = page(2, &["/a", "/inbox"], false);
    both.item.as_mut().unwrap().shared_inbox = Some(url("/inbox"));
    assert_eq!(lane.plan(&both, 2), Plan::Send(vec![url("/inbox"), url("/a")]));
    // Many are not one turn's work.
    let many: Vec<String> = (0..40).map(|n| format!("/{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let many = page(3, &many, false);
    let (mut turns, mut posts) = (0, 0);
    while let Plan::Send(inboxes) = lane.plan(&many, 3) {
        for inbox in &inboxes {
            lane.answer(inbox, DONE, 0, 0);
        }
        (turns, posts) = (turns + 1, posts + inboxes.len());
        finish(&mut lane, &many);
        if lane.cursor == 3 {
            break;
        }
    }
    assert_eq!((turns, posts), (3, 40));
    assert_eq!(lane.plan(&Page { item: None, scanned_to: 9 }, 9), Plan::Nothing);
    assert_eq!(lane.cursor, 9);
}

#[test]
fn who_refuses_is_left_alone_for_a_day_and_twice_means_this_activity() {
    let mut lane = Lane::new(0);
    let (inbox, first) = (url("/inbox"), page(1, &["/inbox"], false));
    lane.plan(&first, 2);
    assert_eq!(lane.answer(&inbox, Verdict::Forbidden, 0, 0), Step::Stop);
    assert!(!finish(&mut lane, &first));
    assert_eq!((lane.state, lane.next_try_ms), (LaneState::Paused, DAY));
    assert!(!lane.heard(HOUR, 2), "it does speak, but not listen");
    lane.plan(&first, 2);
    assert_eq!(lane.answer(&inbox, Verdict::Forbidden, DAY, 0), Step::Stop);
    assert!(finish(&mut lane, &first), "not wanted: the next one may be");
    assert_eq!(lane.next_try_ms, 2 * DAY);
    lane.plan(&page(2, &["/inbox"], false), 2);
    assert_eq!(lane.answer(&inbox, DONE, 2 * DAY, 0), Step::Next);
    assert_eq!(lane.state, LaneState::Live);
    let mut lane = Lane::new(0);
    for day in 0..=60 {
        assert!(!lane.is_over(day * DAY) || day == 60);
        lane.answer(&inbox, Verdict::Forbidden, day * DAY, 0);
        assert_eq!(lane.state == LaneState::Dormant, day >= 7, "{day}");
    }
}

#[test]
fn an_inbox_is_given_up_after_three_times_over_three_days() {
    let mut lane = Lane::new(0);
    let (inbox, none) = (url("/a"), Verdict::NoInbox { gone: false });
    for hour in 0..48 {
        assert_eq!(lane.answer(&inbox, none, hour * HOUR, 0), Step::Next, "{hour}");
    }
    assert_eq!(lane.answer(&inbox, none, 72 * HOUR, 0), Step::DropInbox);
    assert!(lane.missing.is_empty());
    lane.answer(&inbox, none, 0, 0);
    assert_eq!(lane.answer(&inbox, none, 4 * DAY, 0), Step::Next, "only twice");
    lane.answer(&inbox, DONE, 5 * DAY, 0);
    assert_eq!(lane.answer(&inbox, none, 9 * DAY, 0), Step::Next, "it was there meanwhile");
    assert_eq!(lane.answer(&inbox, Verdict::NoInbox { gone: true }, 10 * DAY, 0), Step::AskActor);
    assert_eq!(lane.fails, 0, "the host answers");
    for n in 0..5000 {
        lane.answer(&url(&format!("/{n}")), none, 0, 0);
    }
    assert!(lane.missing.len() <= 1000, "bounded");
}

#[test]
fn a_dormant_host_is_woken_and_spared_what_was_overtaken() {
    let mut lane = Lane::new(0);
    let inbox = url("/inbox");
    let stale = page(1, &["/inbox"], true);
    assert!(matches!(lane.plan(&stale, 5), Plan::Send(_)), "a live one gets every state");
    let mut now_ms = 0;
    while lane.state != LaneState::Dormant {
        lane.answer(&inbox, RETRY, now_ms, MIDDLE);
        now_ms = lane.next_try_ms;
    }
    let tried_ms = lane.tried_ms;
    assert!(lane.heard(tried_ms + 1, 5));
    assert_eq!(
        (lane.state, lane.next_try_ms),
        (LaneState::Live, tried_ms + MINUTE),
        "but not at once"
    );
    assert!(!lane.heard(tried_ms + 2, 5));
    assert_eq!(lane.plan(&stale, 9), Plan::Passed);
    assert!(matches!(lane.plan(&page(2, &["/inbox"], false), 9), Plan::Send(_)));
    assert_eq!(lane.answer(&inbox, RETRY, now_ms, MIDDLE), Step::Stop);
    assert_eq!(lane.state, LaneState::Dormant, "still silent after a week");
    lane.answer(&inbox, DONE, now_ms, 0);
    finish(&mut lane, &page(2, &["/inbox"], false));
    assert_eq!(lane.plan(&page(4, &["/inbox"], true), 9), Plan::Passed);
    assert!(
        matches!(lane.plan(&page(7, &["/inbox"], true), 9), Plan::Send(_)),
        "logged since then"
    );
    assert!(!lane.heard(now_ms, 9), "it answers anyway");
}

fn verdicts() -> impl Strategy<Value = Verdict> {
    prop_oneof![
        3 => Just(Verdict::Done(Some(Scheme::Cavage))),
        2 => proptest::option::of(0u64..200_000).prop_map(|after_s| Verdict::Retry { after_s }),
        1 => Just(Verdict::Forbidden),
        1 => any::<bool>().prop_map(|gone| Verdict::NoInbox { gone }),
        1 => Just(Verdict::Dropped),
    ]
}

proptest! {
    /// Whatever a host answers: its activities go in order, each inbox is asked until it has
    /// answered and never again, waits are bounded, and a lane that is read back goes on the same.
    #[test]
    fn any_answers_keep_the_order(answers in prop::collection::vec((verdicts(), any::<u32>(), any::<bool>()), 1..300)) {
        let mut lane = Lane::new(0);
        let mut now_ms = 1_000_000_000;
        let mut answers = answers.into_iter();
        let mut settled: Vec<(u64, Url)> = Vec::new();
        'all: for seq in 1u64.. {
            let page = page(seq, &["/a", "/b"], false);
            loop {
                let before = lane.cursor;
                lane = serde_json::from_slice(&serde_json::to_vec(&lane).unwrap()).unwrap();
                let Plan::Send(inboxes) = lane.plan(&page, seq) else {
                    prop_assert_eq!(lane.cursor, seq);
                    break;
                };
                for inbox in inboxes {
                    let Some((verdict, chance, heard)) = answers.next() else { break 'all };
                    prop_assert!(!settled.contains(&(seq, inbox.clone())), "asked again");
                    let refused = lane.refused;
                    let step = lane.answer(&inbox, verdict, now_ms, chance);
                    let final_ = !matches!(verdict, Verdict::Retry { .. }) && (verdict != Verdict::Forbidden || refused);
                    if final_ {
                        settled.push((seq, inbox.clone()));
                    }
                    prop_assert_eq!(step == Step::Stop, matches!(verdict, Verdict::Retry { .. } | Verdict::Forbidden));
                    prop_assert!(lane.next_try_ms <= now_ms + DAY + DAY / 5);
                    prop_assert_eq!(lane.fails > 0, step == Step::Stop);
                    prop_assert_eq!(lane.fails > 0, lane.fail_since_ms.is_some());
                    if heard && lane.heard(now_ms, seq) {
                        prop_assert!(lane.next_try_ms <= now_ms + MINUTE);
                    }
                    if step == Step::Stop {
                        prop_assert!(lane.next_try_ms >= now_ms + 48_000);
                        now_ms = lane.next_try_ms;
                        break;
                    }
                    now_ms += 10;
                }
                finish(&mut lane, &page);
                prop_assert!(lane.cursor == before || lane.cursor == seq && before == seq - 1);
                prop_assert_eq!(lane.cursor == seq, ["/a", "/b"].iter().all(|path| settled.contains(&(seq, url(path)))));
                if lane.cursor == seq {
                    break;
                }
            }
        }
    }
}
