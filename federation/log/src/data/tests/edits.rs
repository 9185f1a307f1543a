//! Who edits whose messages.

use super::*;
use crate::author::write_control;
use crate::body::{Checkpoint, Post};
use crate::control::Verdict;
use crate::replica::Replica;

/// A group of two nodes, and a copy that holds what both write.
pub(super) struct Group {
    pub(super) nodes: [TestNode; 2],
    pub(super) copy: Replica,
    rng: StdRng,
}

impl Group {
    pub(super) fn new(kind: GroupKind) -> Self {
        let mut rng = seeded(31);
        let nodes = [TestNode::new(&mut rng), TestNode::new(&mut rng)];
        let recovery = NodeIdentity::generate(&mut rng);
        let start = Start { kind, public: true, shows_history: true };
        let (first, _) = genesis(&nodes[0], &recovery, &start, &mut rng);
        let copy = Replica::new(nodes[0].id, first, 8).unwrap();
        let mut group = Self { nodes, copy, rng };
        let cert = group.nodes[1].cert.clone();
        group.control(None, Action::AddNode(Box::new(AddNode { cert, first_inc: 0, epoch: None })));
        group
    }

    pub(super) fn control(&mut self, user: Option<UserRef>, action: Action) {
        let (author, body) = (self.nodes[0].author(), ControlBody::bare(action));
        let chain = self.copy.chain();
        let entry = write_control(chain, author, user, &body, 0, &mut self.rng).unwrap();
        self.copy.receive(entry, 0).unwrap();
        assert_eq!(self.copy.chain().verdicts().last(), Some(&Verdict::Applied));
    }

    /// The owner grants exactly these, and keeps what stands at or below these heads.
    pub(super) fn grant(&mut self, user: UserRef, rights: Rights, keep: Option<&[EntryRef]>) {
        let cut = keep.map(|heads| Cut::new(heads.to_vec()).unwrap());
        let promote = Promote { user, rights, rank: Text::default(), cut };
        self.control(Some(self.nodes[0].user(1)), Action::Promote(promote));
    }

    /// The rules move on by an entry that changes none.
    pub(super) fn pass(&mut self) {
        let state = self.copy.chain().state().digest();
        self.control(None, Action::Checkpoint(Checkpoint { heads: List::default(), state }));
    }

    pub(super) fn say(&mut self, node: usize, user: u64, body: &DataBody) -> EntryRef {
        let author = self.nodes[node].author();
        let entry = self.copy.write_data(author, 0, user, body, 0, &mut self.rng).unwrap();
        self.copy.receive(entry.clone(), 0).unwrap();
        DataEntry::new(&entry, Content::Hidden).unwrap().at
    }

    fn edit(&mut self, node: usize, user: u64, target: EntryRef, words: &str) -> EntryRef {
        let DataBody::Post(post) = text(words) else { unreachable!() };
        self.say(node, user, &DataBody::Edit(Edit { target, post }))
    }

    /// What a message says now, to both evaluators.
    fn shown(&self, at: EntryRef) -> Option<String> {
        let (chain, lanes) = (self.copy.chain(), self.copy.lanes());
        let entries: Vec<_> = lanes.entries().cloned().collect();
        assert_eq!(Some(lanes.view(chain)), evaluate(chain.entries(), &entries));
        lanes.message(chain, &at).and_then(|m| m.post).map(|Post { text, .. }| text.to_string())
    }

    pub(super) fn counts(&self, at: EntryRef) -> bool {
        self.copy.lanes().counts(&at)
    }
}

#[test]
fn in_a_channel_who_may_edit_edits_what_others_said() {
    let mut group = Group::new(GroupKind::Channel);
    let editor = group.nodes[1].user(2);
    let post = group.say(0, 1, &text("first"));
    let early = group.edit(1, 2, post, "by nobody");
    assert!(!group.counts(early));
    group.grant(editor, Rights::BROADCAST, None);
    let poster = group.edit(1, 2, post, "by who may post");
    assert!(!group.counts(poster));
    assert_eq!(group.shown(post).unwrap(), "first");

    group.grant(editor, Rights::EDIT | Rights::BROADCAST, None);
    let edit = group.edit(1, 2, post, "second");
    assert!(group.counts(edit));
    assert_eq!(group.shown(post).unwrap(), "second");
    let message = group.copy.lanes().message(group.copy.chain(), &post).unwrap();
    assert_eq!((message.author, message.edited), (group.nodes[0].user(1), Some(edit)));
    // Whoever knows more rules is later.
    group.pass();
    group.edit(0, 1, post, "third");
    assert_eq!(group.shown(post).unwrap(), "third");
    group.pass();
    group.edit(1, 2, post, "fourth");
    assert_eq!(group.shown(post).unwrap(), "fourth");

    // What is kept stays, what stands above goes; and comes back.
    group.grant(editor, Rights::BROADCAST, Some(&[edit]));
    assert_eq!(group.shown(post).unwrap(), "third");
    let late = group.edit(1, 2, post, "too late");
    assert!(group.counts(edit) && !group.counts(late));
    group.grant(editor, Rights::EDIT, Some(&[late]));
    group.edit(1, 2, post, "fifth");
    assert_eq!(group.shown(post).unwrap(), "fifth");
    let ban = Action::Ban(Ban { user: editor, cut: Some(Cut::default()) });
    group.control(Some(group.nodes[0].user(1)), ban);
    assert!(!group.counts(edit));
    assert_eq!(group.shown(post).unwrap(), "third");
    let restore = Restore { entries: List::new(vec![edit]).unwrap() };
    group.control(Some(group.nodes[0].user(1)), Action::Restore(restore));
    assert!(group.counts(edit));
    assert_eq!(group.shown(post).unwrap(), "third");
}

/// One's own message is edited by the right that brought it, or else by the right to edit.
#[test]
fn in_a_channel_either_right_edits_ones_own() {
    let mut group = Group::new(GroupKind::Channel);
    let user = group.nodes[1].user(2);
    group.grant(user, Rights::BROADCAST, None);
    let post = group.say(1, 2, &text("own"));
    let first = group.edit(1, 2, post, "own, again");
    assert_eq!(group.shown(post).unwrap(), "own, again");
    group.grant(user, Rights::INFO, Some(&[first]));
    let second = group.edit(1, 2, post, "without any right");
    assert!(!group.counts(second));
    group.grant(user, Rights::EDIT, None);
    let third = group.edit(1, 2, post, "as an editor");
    assert_eq!(group.shown(post).unwrap(), "as an editor");
    // Who may both needs what the message needed: the other may go.
    group.grant(user, Rights::EDIT | Rights::BROADCAST, None);
    let fourth = group.edit(1, 2, post, "as both");
    group.grant(user, Rights::BROADCAST, Some(&[]));
    assert!(group.counts(fourth) && !group.counts(third));
    assert_eq!(group.shown(post).unwrap(), "as both");
}

/// In a supergroup nobody changes what somebody else said, the owner neither.
#[test]
fn in_a_supergroup_everybody_edits_their_own() {
    let mut group = Group::new(GroupKind::Supergroup);
    let post = group.say(1, 2, &text("words"));
    group.grant(group.nodes[1].user(3), Rights::ADMIN, None);
    group.edit(1, 3, post, "of an admin");
    group.edit(0, 1, post, "of the owner");
    assert_eq!(group.shown(post).unwrap(), "words");
    group.edit(1, 2, post, "of the author");
    assert_eq!(group.shown(post).unwrap(), "of the author");
}

/// What a ban took comes back by a Restore; what was closed with its lane does not.
#[test]
fn a_restore_brings_nothing_of_a_closed_lane_back() {
    let mut group = Group::new(GroupKind::Supergroup);
    let owner = group.nodes[0].user(1);
    let first = group.say(1, 2, &text("first"));
    let second = group.say(1, 2, &text("second"));
    let restore = |entry| Action::Restore(Restore { entries: List::new(vec![entry]).unwrap() });
    let ban = Action::Ban(Ban { user: group.nodes[1].user(2), cut: Some(Cut::default()) });
    group.control(Some(owner), ban);
    assert!(!group.counts(first) && !group.counts(second));
    group.control(Some(owner), restore(first));
    group.control(Some(owner), restore(second));
    assert!(group.counts(first) && group.counts(second));

    let settle = Settle { node: second.node, inc: second.inc, keep: Some(first) };
    group.control(None, Action::Settle(settle));
    assert!(group.counts(first) && !group.counts(second));
    group.control(Some(owner), restore(second));
    assert!(!group.counts(second));
}
