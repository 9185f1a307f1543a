//! What the events of a channel become for other servers, and what of them has to wait: an album until it
//! is whole, an edit until it is the last one. Waiting is not going on: the cursor stays, so nothing is lost.

use std::collections::{BTreeMap, BTreeSet};

use node_core::{BridgeEvent, BridgeEvents, BridgeWhat, MessageId, PostRef, Pts};

/// An album is whole once nothing came for so long. Dates are whole seconds.
const ALBUM_QUIET_MS: u64 = 4_000;
/// An edit goes out once it is the last one for so long ...
const EDIT_QUIET_MS: u64 = 10_000;
/// ... or once the first of them has waited for so long.
const EDIT_WAITS_MS: u64 = 30_000;
/// What one step tells: it is one batch.
const TOLD_MAX: usize = 32;

/// Something that other servers are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Told {
    /// A post, or an album with its first one.
    New { id: MessageId },
    /// A post, or one of an album, says something else.
    Changed { id: MessageId, pts: Pts },
    /// A post is gone.
    Gone { id: MessageId, post: PostRef, pts: Pts },
    /// A post stands above the others, or no longer.
    Pinned { id: MessageId, pinned: bool, pts: Pts },
}

/// What is told now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) told: Vec<Told>,
    /// Up to here all is told then.
    pub(crate) to: Pts,
    /// What follows waits until then.
    pub(crate) again_ms: Option<u64>,
    /// There may be more at once.
    pub(crate) more: bool,
}

/// Since when edits wait, of one channel.
#[derive(Debug, Default)]
pub(crate) struct Waits(BTreeMap<MessageId, u64>);

/// Goes through what happened after `from`.
pub(crate) fn plan(found: &BridgeEvents, from: Pts, now_ms: u64, waits: &mut Waits) -> Plan {
    let mut plan = Plan { to: from, ..Plan::default() };
    let events = &found.events;
    let mut made = BTreeSet::new();
    let mut at = 0;
    while let Some(event) = events.get(at) {
        if plan.told.len() >= TOLD_MAX {
            plan.more = true;
            return plan;
        }
        match &event.what {
            BridgeWhat::New { id, message, .. } => {
                let album = album(events, at);
                let (last, date) = match album.last() {
                    Some(last) => (last.pts, date_of(last)),
                    None => (event.pts, message.date),
                };
                let ends = at + album.len().max(1);
                if !album.is_empty() && ends == events.len() {
                    // What is behind the page may belong to it.
                    if !found.last {
                        plan.more = true;
                        return plan;
                    }
                    let due = after(date, ALBUM_QUIET_MS);
                    if due > now_ms {
                        plan.again_ms = Some(due);
                        return plan;
                    }
                }
                made.extend(events.iter().take(ends).skip(at).filter_map(|one| match &one.what {
                    BridgeWhat::New { id, .. } => Some(*id),
                    _ => None,
                }));
                plan.told.push(Told::New { id: *id });
                (plan.to, at) = (last, ends);
                continue;
            }
            BridgeWhat::Edited { id, message, .. } => {
                let is_later = |later: &BridgeEvent| matches!(&later.what, BridgeWhat::Edited { id: of, .. } if of == id);
                let is_last = !events.iter().skip(at + 1).any(is_later);
                // Whoever is told of a post now is told how it is now. What nobody sees as an edit is none.
                if is_last && message.edited != 0 && !made.contains(id) {
                    let since = *waits.0.entry(*id).or_insert(now_ms);
                    let due = after(message.edited, EDIT_QUIET_MS).min(since + EDIT_WAITS_MS);
                    if due > now_ms {
                        plan.again_ms = Some(due);
                        return plan;
                    }
                    plan.told.push(Told::Changed { id: *id, pts: event.pts });
                }
                if is_last {
                    waits.0.remove(id);
                }
            }
            BridgeWhat::Deleted(posts) => {
                for (id, post) in posts {
                    waits.0.remove(id);
                    let gone = Told::Gone { id: *id, post: *post, pts: event.pts };
                    plan.told.push(gone);
                }
            }
            BridgeWhat::Pinned { posts, pinned } => {
                let told = posts.iter().map(|(id, _)| Told::Pinned {
                    id: *id,
                    pinned: *pinned,
                    pts: event.pts,
                });
                plan.told.extend(told);
            }
            // What a later version adds.
            _ => {}
        }
        plan.to = event.pts;
        at += 1;
    }
    plan.to = found.pts;
    plan.more = !found.last;
    plan
}

/// The events that bring the rest of the album that begins here; none if none does.
fn album(events: &[BridgeEvent], at: usize) -> &[BridgeEvent] {
    let group = |event: &BridgeEvent| match &event.what {
        BridgeWhat::New { message, .. } => message.grouped_id,
        _ => 0,
    };
    let rest = events.get(at..).unwrap_or_default();
    let first = rest.first().map_or(0, group);
    let count = rest.iter().take_while(|event| first != 0 && group(event) == first).count();
    rest.get(..count).unwrap_or_default()
}

fn date_of(event: &BridgeEvent) -> i32 {
    match &event.what {
        BridgeWhat::New { message, .. } => message.date,
        _ => 0,
    }
}

fn after(unix_s: i32, ms: u64) -> u64 {
    u64::from(unix_s.max(0).unsigned_abs()) * 1000 + ms
}

#[cfg(test)]
mod tests {
    use node_core::{ChannelId, Message, UserId};

    use super::*;

    const NOW: i32 = 1_700_000_000;

    fn at(id: i32) -> PostRef {
        PostRef { node: [1; 16], inc: 0, seq: id.unsigned_abs().into() }
    }

    fn message(date: i32, edited: i32, grouped_id: i64) -> Box<Message> {
        Box::new(Message {
            peer: ChannelId(1).into(),
            from: UserId(1),
            out: false,
            twin: MessageId(0),
            date,
            edited,
            silent: false,
            text: "words".into(),
            entities: Vec::new(),
            reply: None,
            forward: None,
            pinned: false,
            ttl_period: 0,
            scheduled: false,
            action: None,
            media: None,
            grouped_id,
            invert_media: false,
            mentioned: false,
            unread_media: false,
            reacted: false,
            noforwards: false,
            post_author: None,
            thread: None,
            has_thread: false,
            sent_as: None,
            in_topic: false,
        })
    }

    fn new(id: i32, date: i32, grouped_id: i64) -> BridgeEvent {
        let message = message(date, 0, grouped_id);
        BridgeEvent {
            pts: Pts(id),
            what: BridgeWhat::New { id: MessageId(id), post: at(id), message },
        }
    }

    fn edited(pts: i32, id: i32, when: i32) -> BridgeEvent {
        let message = message(NOW - 100, when, 0);
        let what = BridgeWhat::Edited { id: MessageId(id), post: at(id), message };
        BridgeEvent { pts: Pts(pts), what }
    }

    fn events(events: Vec<BridgeEvent>, pts: i32, last: bool) -> BridgeEvents {
        BridgeEvents { events, pts: Pts(pts), last, lost: false }
    }

    fn now_ms(after_s: i32) -> u64 {
        u64::from((NOW + after_s).unsigned_abs()) * 1000
    }

    fn told(plan: &Plan) -> Vec<String> {
        let word = |told: &Told| match told {
            Told::New { id } => format!("new {}", id.0),
            Told::Changed { id, .. } => format!("changed {}", id.0),
            Told::Gone { id, .. } => format!("gone {}", id.0),
            Told::Pinned { id, pinned, .. } => format!("pinned {} {pinned}", id.0),
        };
        plan.told.iter().map(word).collect()
    }

    #[test]
    fn posts_go_out_at_once_and_in_order() {
        let found = events(vec![new(5, NOW, 0), new(7, NOW, 0)], 9, true);
        let plan = plan(&found, Pts(4), now_ms(0), &mut Waits::default());
        assert_eq!(told(&plan), ["new 5", "new 7"]);
        assert_eq!((plan.to, plan.again_ms, plan.more), (Pts(9), None, false));
    }

    #[test]
    fn an_album_waits_until_it_is_whole_and_is_one_post() {
        let mut waits = Waits::default();
        let found = || events(vec![new(5, NOW, 0), new(6, NOW, 9), new(7, NOW + 1, 9)], 7, true);
        let early = plan(&found(), Pts(4), now_ms(2), &mut waits);
        assert_eq!(told(&early), ["new 5"]);
        assert_eq!((early.to, early.again_ms), (Pts(5), Some(now_ms(5))));
        let whole = plan(&found(), Pts(4), now_ms(5), &mut waits);
        assert_eq!(told(&whole), ["new 5", "new 6"]);
        assert_eq!(whole.to, Pts(7));
        // What follows shows that it is whole.
        let followed = events(vec![new(6, NOW, 9), new(7, NOW, 9), new(8, NOW, 3)], 8, true);
        let plan = plan(&followed, Pts(5), now_ms(0), &mut waits);
        assert_eq!(told(&plan), ["new 6"]);
        assert_eq!(plan.to, Pts(7));
    }

    #[test]
    fn an_album_at_the_end_of_a_page_waits_for_the_next_page() {
        let found = events(vec![new(5, NOW, 0), new(6, NOW - 500, 9)], 6, false);
        let plan = plan(&found, Pts(4), now_ms(0), &mut Waits::default());
        assert_eq!(told(&plan), ["new 5"]);
        assert_eq!((plan.to, plan.more), (Pts(5), true));
    }

    #[test]
    fn the_last_edit_goes_out_once_it_is_quiet() {
        let mut waits = Waits::default();
        let found = events(vec![edited(8, 3, NOW), new(9, NOW, 0)], 9, true);
        let early = plan(&found, Pts(7), now_ms(1), &mut waits);
        assert_eq!((told(&early), early.to), (Vec::new(), Pts(7)));
        assert_eq!(early.again_ms, Some(now_ms(10)));
        let late = plan(&found, Pts(7), now_ms(10), &mut waits);
        assert_eq!(told(&late), ["changed 3", "new 9"]);
        // Of two edits only the last one counts.
        let twice =
            events(vec![edited(8, 3, NOW), new(9, NOW, 0), edited(10, 3, NOW + 5)], 10, true);
        let plan = plan(&twice, Pts(7), now_ms(15), &mut waits);
        assert_eq!(told(&plan), ["new 9", "changed 3"]);
    }

    /// Whoever edits all the time does not stop their channel.
    #[test]
    fn an_edit_does_not_wait_for_ever() {
        let mut waits = Waits::default();
        for second in 0..30 {
            let found = events(vec![edited(8 + second, 3, NOW + second)], 8 + second, true);
            let plan = plan(&found, Pts(7), now_ms(second), &mut waits);
            assert_eq!(told(&plan), Vec::<String>::new(), "{second}");
        }
        let found = events(vec![edited(38, 3, NOW + 30)], 38, true);
        assert_eq!(told(&plan(&found, Pts(7), now_ms(30), &mut waits)), ["changed 3"]);
    }

    #[test]
    fn what_is_no_edit_to_anybody_is_not_told() {
        let found = events(vec![edited(8, 3, 0), new(9, NOW, 0), edited(10, 9, NOW)], 10, true);
        let plan = plan(&found, Pts(7), now_ms(1), &mut Waits::default());
        assert_eq!(told(&plan), ["new 9"], "who is told now is told how it is now");
        assert_eq!(plan.to, Pts(10));
    }

    #[test]
    fn ends_and_pins_are_told_and_a_step_is_bounded() {
        let gone = BridgeWhat::Deleted(vec![(MessageId(3), at(3)), (MessageId(4), at(4))]);
        let pinned = BridgeWhat::Pinned { posts: vec![(MessageId(5), at(5))], pinned: true };
        let both = vec![
            BridgeEvent { pts: Pts(8), what: gone },
            BridgeEvent { pts: Pts(9), what: pinned },
        ];
        let plan_of = |found: &BridgeEvents| plan(found, Pts(7), now_ms(0), &mut Waits::default());
        let plan = plan_of(&events(both, 9, true));
        assert_eq!(told(&plan), ["gone 3", "gone 4", "pinned 5 true"]);
        let many: Vec<BridgeEvent> = (8..108).map(|id| new(id, NOW, 0)).collect();
        let plan = plan_of(&events(many, 107, true));
        assert_eq!((plan.told.len(), plan.to, plan.more), (TOLD_MAX, Pts(39), true));
    }
}
