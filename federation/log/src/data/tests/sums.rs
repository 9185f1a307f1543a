//! What readers have told the home: the home's word, and nobody else's.

use super::edits::Group;
use super::*;
use crate::body::{MoveHome, Readers, Sums};

fn sums(target: EntryRef, votes: u64) -> Sums {
    Sums {
        target,
        reactions: List::new(vec![(Text::new("👍").unwrap(), 2)]).unwrap(),
        votes: List::new(vec![(0, votes)]).unwrap(),
        voters: votes,
        views: 40,
        marks: List::new(vec![[7; 8]]).unwrap(),
    }
}

impl Group {
    fn sums(&mut self, node: usize, target: EntryRef, votes: u64) -> EntryRef {
        self.say(node, 0, &DataBody::Sums(Box::new(sums(target, votes))))
    }

    fn readers(&mut self, node: usize, members: u64) {
        self.say(node, 0, &DataBody::Readers(Readers { members, marks: List::default() }));
    }

    /// Votes of readers for a message, and how many readers there are, as both evaluators see it.
    fn read(&self, at: EntryRef) -> (Option<u64>, Option<u64>) {
        let (chain, lanes) = (self.copy.chain(), self.copy.lanes());
        let entries: Vec<_> = lanes.entries().cloned().collect();
        let view = lanes.view(chain);
        assert_eq!(Some(&view), evaluate(chain.entries(), &entries).as_ref());
        assert_eq!(view.readers, lanes.readers(chain));
        let sums = view.messages[&at].sums.as_ref();
        (sums.map(|sums| sums.votes.iter().map(|(_, count)| count).sum()), view.readers)
    }
}

#[test]
fn only_the_home_says_what_readers_say() {
    for kind in [GroupKind::Channel, GroupKind::Supergroup] {
        let mut group = Group::new(kind);
        let post = group.say(0, 1, &text("which?"));
        assert_eq!(group.read(post), (None, None));
        let other = group.sums(1, post, 9);
        group.readers(1, 9);
        assert!(group.counts(other), "nothing is wrong with it");
        assert_eq!(group.read(post), (None, None), "it is nobody's home");
        group.sums(0, post, 3);
        group.readers(0, 4);
        assert_eq!(group.read(post), (Some(3), Some(4)));
        // The last word, also where it is less; of a person it says nothing.
        group.sums(0, post, 2);
        group.readers(0, 0);
        assert_eq!(group.read(post), (Some(2), Some(0)));
        let by_somebody = group.say(0, 1, &DataBody::Sums(Box::new(sums(post, 7))));
        assert!(!group.counts(by_somebody));
        assert_eq!(group.read(post), (Some(2), Some(0)));
    }
}

#[test]
fn another_home_is_told_anew() {
    let mut group = Group::new(GroupKind::Channel);
    let post = group.say(0, 1, &text("which?"));
    group.sums(0, post, 3);
    group.readers(0, 4);
    let state = group.copy.chain().state();
    let agreed = MoveHome::agreed_bytes(&state.group, &state.generation, &state.head.1);
    let moved = MoveHome {
        node: group.nodes[1].short(),
        key_serial: group.nodes[1].cert.body.serial,
        acceptance: group.nodes[1].op.sign(&agreed),
    };
    group.control(None, Action::MoveHome(moved));
    assert_eq!(group.read(post), (None, None));
    group.sums(0, post, 5);
    assert_eq!(group.read(post), (None, None), "it was the home");
    group.sums(1, post, 1);
    group.readers(1, 2);
    assert_eq!(group.read(post), (Some(1), Some(2)));
}
