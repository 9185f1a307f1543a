//! What members show to whom: rules, contacts and blocks together.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::world::{Member, World};
use crate::*;

const DAY_S: u64 = 24 * 3600;

async fn three() -> (World, [Member; 3]) {
    let mut world = World::new().await;
    let members = [world.member("Ada").await, world.member("Bob").await, world.member("Eve").await];
    (world, members)
}

fn allow(who: Who) -> PrivacyRule {
    PrivacyRule { allow: true, who }
}

fn deny(who: Who) -> PrivacyRule {
    PrivacyRule { allow: false, who }
}

async fn set(world: &World, owner: Member, key: PrivacyKey, rules: &[PrivacyRule]) {
    world.core.set_privacy(Some(owner.actor()), owner.id, key, rules.to_vec()).await.unwrap();
}

async fn add(world: &World, owner: Member, contact: Member, share_phone: bool) {
    let new = NewContact { first_name: "X".into(), share_phone, ..NewContact::default() };
    world.core.add_contact(None, owner.id, contact.id, new).await.unwrap();
}

fn view(world: &World, viewer: Member, user: Member) -> UserView {
    world.core.view(viewer.id, user.id).unwrap().unwrap()
}

fn sees(world: &World, viewer: Member, owner: Member, key: PrivacyKey) -> bool {
    world.core.may_see(viewer.id, owner.id, What::Key(key)).unwrap()
}

#[tokio::test]
async fn line_57_rules_hold_for_the_number_and_survive_a_restart() {
    let (world, [ada, bob, eve]) = three().await;
    let key = PrivacyKey::PhoneNumber;
    assert_eq!(world.core.privacy(ada.id, key).await.unwrap(), key.default_rules());
    let rules = [deny(Who::Users(vec![eve.id])), allow(Who::All)];
    world.recorder.take();
    set(&world, ada, key, &rules).await;
    let told = world.recorder.take();
    assert!(matches!(
        told[..],
        [Event::Own { owner, change: Own::Privacy(PrivacyKey::PhoneNumber), actor }, Event::Shown { user }]
            if owner == ada.id && user == ada.id && actor == Some(ada.actor())
    ));
    let seen = |world: &World| (view(world, bob, ada).phone, view(world, eve, ada).phone);
    assert_eq!(seen(&world), (Some(ada.phone), None));
    let world = world.reopen();
    assert_eq!(seen(&world), (Some(ada.phone), None));
    assert_eq!(world.core.privacy(ada.id, key).await.unwrap(), rules);
    // A block goes before every rule.
    world.core.set_blocked(None, ada.id, bob.id, true).await.unwrap();
    assert_eq!(seen(&world), (None, None));
    // Nobody but whom one shares it with.
    set(&world, ada, key, &[deny(Who::All)]).await;
    add(&world, ada, eve, false).await;
    assert_eq!(view(&world, eve, ada).phone, None, "a contact, and still not");
    add(&world, ada, eve, true).await;
    assert_eq!(view(&world, eve, ada).phone, Some(ada.phone));
    let rules = world.core.privacy(ada.id, key).await.unwrap();
    assert_eq!(rules, [allow(Who::Users(vec![eve.id])), deny(Who::All)]);
}

#[tokio::test]
async fn rules_are_bounded_and_name_members() {
    let (world, [ada, bob, _]) = three().await;
    let try_set = async |rules: Vec<PrivacyRule>| {
        world.core.set_privacy(None, ada.id, PrivacyKey::About, rules).await
    };
    let full = vec![bob.id; PRIVACY_ENTRIES_MAX];
    try_set(vec![allow(Who::Users(full.clone()))]).await.unwrap();
    let more = try_set(vec![allow(Who::Users(full)), deny(Who::All)]).await;
    assert!(matches!(more, Err(CoreError::TooMany)));
    let nobody = try_set(vec![allow(Who::Users(vec![UserId(5)]))]).await;
    assert!(matches!(nobody, Err(CoreError::UnknownUser)));
}

/// Telegram's rule: who hides the time from somebody does not get that one's either.
#[tokio::test]
async fn line_57_who_hides_the_time_gets_none() {
    let (world, [ada, bob, eve]) = three().await;
    for member in [ada, bob, eve] {
        world.core.set_online(member.id, true).await.unwrap();
        world.core.set_online(member.id, false).await.unwrap();
    }
    let at = Status::Offline { was_online: 1_700_000_000 };
    assert_eq!(view(&world, bob, ada).status, at);
    set(&world, ada, PrivacyKey::Status, &[deny(Who::Users(vec![eve.id])), allow(Who::All)]).await;
    assert_eq!(view(&world, bob, ada).status, at);
    assert_eq!(view(&world, ada, bob).status, at);
    assert_eq!(view(&world, eve, ada).status, Status::Recently { by_me: false });
    assert_eq!(view(&world, ada, eve).status, Status::Recently { by_me: true });
    assert_eq!(view(&world, ada, ada).status, at);
    let mut rough = Vec::new();
    for _ in 0..4 {
        world.pass_s(5 * DAY_S);
        rough.push(view(&world, eve, ada).status);
    }
    let by_me = false;
    let (week, month) = (Status::LastWeek { by_me }, Status::LastMonth { by_me });
    assert_eq!(rough, [week, month, month, month]);
    world.pass_s(10 * DAY_S);
    assert_eq!(view(&world, eve, ada).status, Status::LongAgo);
    // Read receipts follow, if that is wanted.
    let dates = |viewer: Member| world.core.may_see(viewer.id, ada.id, What::ReadDates).unwrap();
    assert!(dates(bob) && dates(eve));
    let hidden = GlobalPrivacy { hide_read_marks: true, ..GlobalPrivacy::default() };
    world.core.set_global_privacy(None, ada.id, hidden).await.unwrap();
    assert!(dates(bob) && !dates(eve));
    assert_eq!(world.core.global_privacy(ada.id).await.unwrap(), hidden);
}

/// Coming and going is no secret told by the moment at which a vague status is pushed.
#[tokio::test]
async fn line_57_only_who_may_know_the_time_is_told_of_it() {
    let (world, [ada, bob, eve]) = three().await;
    world.send(ada, bob, "x").await;
    world.send(ada, eve, "x").await;
    set(&world, ada, PrivacyKey::Status, &[allow(Who::Users(vec![bob.id]))]).await;
    world.core.set_online(ada.id, true).await.unwrap();
    assert_eq!(world.core.presence_audience(ada.id, 10).unwrap(), [bob.id]);
    set(&world, bob, PrivacyKey::Status, &[deny(Who::All)]).await;
    assert!(world.core.presence_audience(ada.id, 10).unwrap().is_empty());
}

#[tokio::test]
async fn line_57_the_last_time_survives_a_restart_roughly() {
    let (world, [ada, bob, _]) = three().await;
    let before = world.pts(ada).await;
    world.core.set_online(ada.id, true).await.unwrap();
    let keys = world.core.keys();
    for _ in 0..5 {
        world.pass_s(240);
        world.core.set_online(ada.id, true).await.unwrap();
    }
    assert_eq!(world.core.keys(), keys, "not a write each time");
    let world = world.reopen();
    assert_eq!(view(&world, bob, ada).status, Status::Offline { was_online: 1_700_000_000 });
    world.core.set_online(ada.id, true).await.unwrap();
    world.pass_s(100);
    world.core.set_online(ada.id, false).await.unwrap();
    let world = world.reopen();
    assert_eq!(view(&world, bob, ada).status, Status::Offline { was_online: 1_700_001_300 });
    assert_eq!(world.pts(ada).await, before, "not in the log");
}

#[tokio::test]
async fn line_57_a_forward_names_its_author_or_only_the_name() {
    let (world, [ada, bob, eve]) = three().await;
    let how = ForwardHow::default();
    let forward = async |id: MessageId| {
        let ids = vec![(id, world.number())];
        let core = &world.core;
        let sent = core.forward(ada.actor(), ada.id, bob.peer(), eve.peer(), ids, how).await;
        sent.unwrap().remove(0).message.forward.unwrap().from
    };
    world.send(bob, ada, "mine").await;
    let id = world.history(ada, bob).await[0].id;
    assert!(forward(id).await == Author::User(bob.id));
    set(&world, bob, PrivacyKey::Forwards, &[deny(Who::All)]).await;
    assert!(forward(id).await == Author::Name("Bob".into()));
    // Once hidden it stays so.
    set(&world, bob, PrivacyKey::Forwards, &[allow(Who::All)]).await;
    let hidden = world.history(eve, ada).await[0].id;
    let (ids, core) = (vec![(hidden, world.number())], &world.core);
    let sent = core.forward(eve.actor(), eve.id, ada.peer(), bob.peer(), ids, how).await.unwrap();
    assert!(sent[0].message.forward.as_ref().unwrap().from == Author::Name("Bob".into()));
}

#[tokio::test]
async fn line_57_who_is_not_to_be_found_by_number_is_not() {
    let (world, [ada, bob, eve]) = three().await;
    set(&world, ada, PrivacyKey::AddedByPhone, &[allow(Who::Contacts), deny(Who::All)]).await;
    add(&world, ada, bob, false).await;
    let contact =
        || vec![(ada.phone, NewContact { first_name: "A".into(), ..NewContact::default() })];
    assert_eq!(world.core.resolve_phone(bob.id, ada.phone).await.unwrap(), ada.id);
    assert!(world.core.resolve_phone(eve.id, ada.phone).await.is_err());
    let found = world.core.import_contacts(None, eve.id, contact()).await.unwrap();
    assert_eq!(found, Imported::default(), "as if it were nobody's");
    assert_eq!(world.core.saved_contacts(eve.id).await.unwrap().len(), 1);
    let found = world.core.import_contacts(None, bob.id, contact()).await.unwrap();
    assert_eq!(found.found, [(0, ada.id)]);
}

/// Everything that may change what is seen.
#[derive(Debug, Clone)]
enum Step {
    Rules(usize, PrivacyKey, Vec<(bool, usize)>),
    Contact(usize, usize, bool),
    CloseFriends(usize, Vec<usize>),
    Block(usize, usize, bool),
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let who = || 0..3_usize;
    let key = prop::sample::select(PrivacyKey::ALL.to_vec());
    let rules = prop::collection::vec((any::<bool>(), 0..9_usize), 0..4);
    prop_oneof![
        4 => (who(), key, rules).prop_map(|(owner, key, rules)| Step::Rules(owner, key, rules)),
        3 => (who(), who(), any::<bool>()).prop_map(|(a, b, on)| Step::Contact(a, b, on)),
        1 => (who(), prop::collection::vec(who(), 0..3)).prop_map(|(a, f)| Step::CloseFriends(a, f)),
        2 => (who(), who(), any::<bool>()).prop_map(|(a, b, on)| Step::Block(a, b, on)),
        1 => Just(Step::Reopen),
    ]
}

/// What a rule of a [`Step::Rules`] says: groups, then pairs of members.
fn rule(members: &[Member; 3], (allow, who): (bool, usize)) -> PrivacyRule {
    let id = |at: usize| members[at % 3].id;
    let who = match who {
        0 => Who::All,
        1 => Who::Contacts,
        2 => Who::CloseFriends,
        3 => Who::Premium,
        4 => Who::Bots,
        at => Who::Users(vec![id(at), id(at + 1)]),
    };
    PrivacyRule { allow, who }
}

/// The same, kept in the plainest way, and asked by the definition.
#[derive(Default)]
struct Slow {
    rules: BTreeMap<(usize, PrivacyKey), Vec<PrivacyRule>>,
    contacts: BTreeMap<(usize, usize), bool>,
    blocked: BTreeSet<(usize, usize)>,
}

impl Slow {
    fn may_see(&self, members: &[Member; 3], viewer: usize, owner: usize, key: PrivacyKey) -> bool {
        if viewer == owner {
            return true;
        }
        if self.blocked.contains(&(owner, viewer)) && key != PrivacyKey::AddedByPhone {
            return false;
        }
        let contact = self.contacts.get(&(owner, viewer));
        let default = key.default_rules();
        for rule in self.rules.get(&(owner, key)).unwrap_or(&default) {
            let fits = match &rule.who {
                Who::All => true,
                Who::Contacts => contact.is_some(),
                Who::CloseFriends => contact == Some(&true),
                Who::Premium | Who::Bots => false,
                Who::Users(users) => users.contains(&members[viewer].id),
                Who::Chats(_) => false,
            };
            if fits {
                return rule.allow;
            }
        }
        false
    }
}

async fn run(steps: Vec<Step>) {
    let (mut world, members) = three().await;
    let mut slow = Slow::default();
    for step in steps {
        let core = world.core.clone();
        match step {
            Step::Rules(owner, key, rules) => {
                let rules: Vec<_> = rules.into_iter().map(|made| rule(&members, made)).collect();
                set(&world, members[owner], key, &rules).await;
                slow.rules.insert((owner, key), rules);
            }
            Step::Contact(a, b, _) | Step::Block(a, b, _) if a == b => {}
            Step::Contact(a, b, true) => {
                add(&world, members[a], members[b], false).await;
                slow.contacts.entry((a, b)).or_insert(false);
            }
            Step::Contact(a, b, false) => {
                let (owner, users) = (members[a].id, vec![members[b].id]);
                core.delete_contacts(None, owner, users).await.unwrap();
                slow.contacts.remove(&(a, b));
            }
            Step::CloseFriends(a, friends) => {
                let ids = friends.iter().map(|friend| members[*friend].id).collect();
                core.set_close_friends(None, members[a].id, ids).await.unwrap();
                for ((owner, friend), close) in &mut slow.contacts {
                    if *owner == a {
                        *close = friends.contains(friend);
                    }
                }
            }
            Step::Block(a, b, on) => {
                core.set_blocked(None, members[a].id, members[b].id, on).await.unwrap();
                if on {
                    slow.blocked.insert((a, b));
                } else {
                    slow.blocked.remove(&(a, b));
                }
            }
            Step::Reopen => world = world.reopen(),
        }
        for (viewer, owner) in (0..9).map(|pair| (pair / 3, pair % 3)) {
            for key in PrivacyKey::ALL {
                let fast = sees(&world, members[viewer], members[owner], key);
                let slow = slow.may_see(&members, viewer, owner, key);
                assert_eq!(fast, slow, "{viewer} of {owner}: {key:?}");
            }
            // And what is shown is what may be seen.
            let phone = view(&world, members[viewer], members[owner]).phone.is_some();
            let may = sees(&world, members[viewer], members[owner], PrivacyKey::PhoneNumber);
            assert_eq!(phone, may);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if super::world::full() { 200 } else { 24 }))]

    #[test]
    fn line_57_what_is_seen_equals_a_slow_model(steps in prop::collection::vec(step(), 1..24)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(run(steps));
    }
}

#[tokio::test]
async fn line_57_rules_for_the_members_of_groups_follow_who_is_in_them() {
    let (world, [ada, bob, eve]) = three().await;
    let (key, core) = (PrivacyKey::About, world.core.clone());
    let group = |members: Vec<UserId>| {
        let core = core.clone();
        async move {
            let made = core.create_chat(ada.actor(), ada.id, "Group", members, 0).await;
            made.unwrap().chat
        }
    };
    let (friends, others) = (group(vec![bob.id]).await, group(vec![bob.id, eve.id]).await);
    let rules = [deny(Who::Chats(vec![others])), allow(Who::All)];
    set(&world, ada, key, &rules).await;
    assert!(!sees(&world, bob, ada, key) && !sees(&world, eve, ada, key));
    let rules = [allow(Who::Chats(vec![friends])), deny(Who::All)];
    set(&world, ada, key, &rules).await;
    assert!(sees(&world, bob, ada, key) && !sees(&world, eve, ada, key));
    core.add_chat_user(ada.actor(), ada.id, friends, eve.id, 0).await.unwrap();
    core.remove_chat_user(bob.actor(), bob.id, friends, bob.id).await.unwrap();
    assert!(!sees(&world, bob, ada, key) && sees(&world, eve, ada, key));
    // Only groups that one is in.
    let foreign = vec![allow(Who::Chats(vec![friends]))];
    let refused = core.set_privacy(Some(bob.actor()), bob.id, key, foreign).await;
    assert!(matches!(refused, Err(CoreError::UnknownChat)), "{refused:?}");
    drop(core);
    let world = world.reopen();
    assert!(!sees(&world, bob, ada, key) && sees(&world, eve, ada, key));
    world.core.delete_chat(ada.actor(), ada.id, friends).await.unwrap();
    assert!(!sees(&world, eve, ada, key), "nobody is in it any more");
}
