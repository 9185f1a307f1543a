//! Who begins topics, and who changes them.

use super::edits::Group;
use super::*;
use crate::body::{Topic as Begun, TopicEdit};
use crate::cbor::Blob;
use crate::data::Topic;

fn topic(title: &str) -> DataBody {
    let title = Text::new(title).unwrap();
    DataBody::Topic(Begun { title, icon: Blob::new(vec![7]).unwrap() })
}

fn of(target: Option<EntryRef>) -> TopicEdit {
    TopicEdit { target, title: None, icon: None, closed: None, hidden: None, pinned: None }
}

impl Group {
    fn change(&mut self, node: usize, user: u64, edit: TopicEdit) -> EntryRef {
        self.say(node, user, &DataBody::TopicEdit(edit))
    }

    /// A topic, as both evaluators see it.
    fn topic(&self, at: Option<EntryRef>) -> Option<Topic> {
        let (chain, lanes) = (self.copy.chain(), self.copy.lanes());
        let entries: Vec<_> = lanes.entries().cloned().collect();
        let view = lanes.view(chain);
        assert_eq!(Some(&view), evaluate(chain.entries(), &entries).as_ref());
        assert_eq!(view.topics.get(&at).cloned(), lanes.topic(chain, at.as_ref()));
        view.topics.get(&at).cloned()
    }
}

#[test]
fn a_topic_is_changed_by_who_began_it_and_by_who_manages_topics() {
    let mut group = Group::new(GroupKind::Supergroup);
    let news = group.say(1, 2, &topic("News"));
    let begun = group.topic(Some(news)).unwrap();
    assert_eq!(
        (begun.author, begun.title.as_deref()),
        (Some(group.nodes[1].user(2)), Some("News"))
    );
    assert_eq!(begun.icon.as_deref(), Some(&[7][..]));

    let title = Some(Text::new("Old news").unwrap());
    let renamed = TopicEdit { title, closed: Some(true), ..of(Some(news)) };
    group.change(1, 3, renamed.clone());
    assert_eq!(group.topic(Some(news)), Some(begun.clone()), "somebody else");
    group.change(1, 2, TopicEdit { pinned: Some(1), ..renamed.clone() });
    assert_eq!(group.topic(Some(news)), Some(begun), "pins are not the author's");
    group.change(1, 2, renamed);
    let shown = group.topic(Some(news)).unwrap();
    assert_eq!((shown.title.as_deref(), shown.closed), (Some("Old news"), true));

    // Each field for itself: what another node says of one leaves the others.
    group.grant(group.nodes[0].user(5), Rights::TOPICS, None);
    group.change(0, 5, TopicEdit { pinned: Some(4), closed: Some(false), ..of(Some(news)) });
    let shown = group.topic(Some(news)).unwrap();
    assert_eq!((shown.title.as_deref(), shown.closed, shown.pinned), (Some("Old news"), false, 4));
    group.pass();
    group.change(1, 2, TopicEdit { closed: Some(true), ..of(Some(news)) });
    assert!(group.topic(Some(news)).unwrap().closed, "who knew more rules");

    let delete = DataBody::Delete(Delete { target: news });
    group.say(1, 3, &delete);
    assert!(group.topic(Some(news)).is_some());
    group.say(1, 2, &delete);
    assert_eq!(group.topic(Some(news)), None);
}

#[test]
fn the_general_topic_is_whoevers_who_manages_topics() {
    let mut group = Group::new(GroupKind::Supergroup);
    let hides = TopicEdit { hidden: Some(true), ..of(None) };
    group.change(1, 2, hides.clone());
    assert_eq!(group.topic(None), None);
    group.grant(group.nodes[1].user(2), Rights::TOPICS, None);
    group.change(1, 2, hides);
    assert_eq!(group.topic(None), Some(Topic { hidden: true, ..Topic::default() }));
}

/// To begin one is a right that members have unless it is taken, and a ban takes the changes too.
#[test]
fn who_may_not_begin_topics_begins_none() {
    let mut group = Group::new(GroupKind::Supergroup);
    let user = group.nodes[1].user(2);
    let news = group.say(1, 2, &topic("News"));
    let cut = cut(&[news]);
    let denied = Rights::NEW_TOPIC;
    let restrict = Restrict { user, denied, until_ms: 0, cut: cut.clone() };
    group.control(Some(group.nodes[0].user(1)), Action::Restrict(restrict));
    let late = group.say(1, 2, &topic("More news"));
    assert_eq!(group.topic(Some(late)), None);
    let closes = group.change(1, 2, TopicEdit { closed: Some(true), ..of(Some(news)) });
    assert!(group.topic(Some(news)).unwrap().closed, "one's own stays one's own");
    group.control(Some(group.nodes[0].user(1)), Action::Ban(Ban { user, cut }));
    assert!(!group.counts(closes));
    assert!(!group.topic(Some(news)).unwrap().closed);
}

#[test]
fn a_channel_has_no_topics() {
    let mut group = Group::new(GroupKind::Channel);
    let news = group.say(0, 1, &topic("News"));
    group.change(0, 1, TopicEdit { hidden: Some(true), ..of(None) });
    assert_eq!((group.topic(Some(news)), group.topic(None)), (None, None));
}
