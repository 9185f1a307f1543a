//! What federation promises, looked for in the end of a run. Each check says in its own words what
//! must hold, and asks the evaluators for nothing but what they show.

use std::collections::BTreeMap;

use super::network::Sim;
use crate::body::{Action, GroupKind};
use crate::control::{Chain, ControlEntry, Refused, State, Verdict};
use crate::data::{DataEntry, oracle};
use crate::entry::Entry;
use crate::ids::{EntryId, EntryRef, Node16, UserRef};
use crate::replica::{Event, Rejected, Replica};
use crate::rights::Rights;

pub(super) fn all(sim: &Sim) {
    one_world(sim);
    everything_arrived(sim);
    for node in honest(sim) {
        evaluators_agree(sim, node);
        nothing_above_a_cut(sim, node);
        one_branch_of_a_settled_lane(sim, node);
        no_key_of_a_removed_node(sim, node);
        every_member_can_read(sim, node);
        a_stored_chain_comes_back(sim, node);
    }
    let node = honest(sim).next().unwrap();
    let chain = sim.nodes[node].replica.chain();
    one_owner_and_one_home(chain);
    nobody_acts_upwards(chain);
    control_needs_no_data(sim, node);
}

fn honest(sim: &Sim) -> impl Iterator<Item = usize> {
    (0..sim.nodes.len()).filter(|node| !sim.nodes[*node].evil && !sim.nodes[*node].dead)
}

/// The incremental lanes of a node show what the oracle does, from the same entries.
pub(super) fn evaluators_agree(sim: &Sim, node: usize) {
    let replica = &sim.nodes[node].replica;
    let entries: Vec<DataEntry> = replica.lanes().entries().cloned().collect();
    let expected = oracle::evaluate(replica.chain().entries(), &entries).unwrap();
    let shown = replica.lanes().view(replica.chain());
    assert!(shown == expected, "the evaluators differ on node {node}");
    let states = oracle::states(replica.chain().entries()).unwrap();
    assert!(states.last().unwrap().0 == *replica.chain().state(), "the evaluators of rules differ");
}

/// What a chain would make of a control entry that it does not have.
pub(super) fn foretold(chain: &Chain, entry: &Entry) -> Option<Result<Verdict, Refused>> {
    let read = ControlEntry::new(entry.clone()).ok()?;
    let known = chain.find(&read.id()).is_some();
    (!known).then(|| chain.would(&read))
}

/// What came of an entry is what was foretold.
pub(super) fn came_true(
    chain: &Chain,
    entry: &Entry,
    would: Result<Verdict, Refused>,
    received: &Result<Vec<Event>, Rejected>,
) {
    let seq = entry.header().seq;
    let place = chain.at(seq).filter(|at| at.id() == entry.id());
    let became = place.and_then(|_| chain.verdicts().get(usize::try_from(seq).unwrap()));
    let replaced = |event: &Event| matches!(event, Event::Recovered { .. });
    match (would, received) {
        // Another Recover had waited for this entry, or this is one.
        (_, Ok(events)) if events.iter().any(replaced) => {}
        (Ok(would), _) => assert_eq!(Some(&would), became, "a verdict was foretold wrongly"),
        (Err(_), Ok(_)) => assert!(became.is_none(), "a refusal was foretold wrongly"),
        (Err(would), Err(refused)) => {
            // What does not follow may be refused for its signature or for the dispute as well.
            let same = *refused == Rejected::Control(would) || would == Refused::Place;
            assert!(same, "{would:?} was foretold, {refused:?} came");
        }
    }
}

/// A chain that is read back is the one that was written.
fn a_stored_chain_comes_back(sim: &Sim, node: usize) {
    let chain = sim.nodes[node].replica.chain();
    let back = Chain::restore(chain.entries().iter().cloned()).unwrap();
    assert_eq!(back.state(), chain.state());
    assert_eq!(back.state().digest(), chain.state().digest());
    assert_eq!(back.verdicts(), chain.verdicts());
    assert_eq!(back.cite(), chain.cite());
}

/// Equal chains, equal state, equal view on all honest nodes.
fn one_world(sim: &Sim) {
    // Who was removed, or came later and may not have older keys, reads less of what is the same.
    let reads = |node: &usize| sim.nodes[*node].replica.missing_keys().is_empty();
    let first = honest(sim).find(reads).or(honest(sim).next()).unwrap();
    let first = &sim.nodes[first].replica;
    let view = first.lanes().view(first.chain());
    for node in honest(sim) {
        let replica = &sim.nodes[node].replica;
        assert_eq!(replica.chain().state().head, first.chain().state().head, "node {node}");
        assert_eq!(replica.chain().state().digest(), first.chain().state().digest());
        assert!(replica.chain().dispute().is_none(), "disputed after a Recover");
        if !reads(&node) {
            continue;
        }
        let other = replica.lanes().view(replica.chain());
        let apart = |at: &&EntryRef| other.messages.get(at) != view.messages.get(at);
        let all = other.messages.keys().chain(view.messages.keys());
        if let Some(at) = all.into_iter().find(apart) {
            let liar = sim.index(at.node).map(|node| sim.nodes[node].evil);
            panic!(
                "the evaluators show two worlds: {at:?} liar {liar:?} {}\n{:?}\n{:?} {}\n{:?}\n{:?} {}",
                apart_lanes(first, replica),
                first.lanes().judgements(at),
                view.messages.get(at),
                first.explain(at),
                replica.lanes().judgements(at),
                other.messages.get(at),
                replica.explain(at),
            );
        }
        assert!(other == view, "two worlds on node {node}: {}", apart_lanes(first, replica));
    }
}

/// Entries that only one of two nodes has delivered, or that they judge otherwise.
fn apart_lanes(a: &Replica, b: &Replica) -> String {
    let mut text = String::new();
    for (one, other) in [(a, b), (b, a)] {
        let mut all: Vec<_> = one.lanes().entries().map(|entry| entry.at).collect();
        all.sort_unstable();
        for at in all {
            let judged = (one.lanes().judgements(&at), other.lanes().judgements(&at));
            if judged.0 != judged.1 {
                text += &format!("\n  {at:?} {judged:?}; there {}", other.explain(&at));
            }
        }
    }
    text
}

/// What an honest node said and made durable is delivered everywhere, whatever liars did; but for what
/// was on a broken disk alone, and what follows it in that lane.
fn everything_arrived(sim: &Sim) {
    let held = |id: &EntryId| honest(sim).any(|node| sim.nodes[node].store.contains_key(id));
    let mut lost: Vec<EntryRef> = Vec::new();
    for (at, id) in &sim.said {
        let author = &sim.nodes[sim.index(at.node).unwrap()];
        let follows = lost.last().is_some_and(|lost| (lost.node, lost.inc) == (at.node, at.inc));
        if (follows || !held(id)) && (author.dead || author.broke) {
            lost.push(*at);
            continue;
        }
        for node in honest(sim) {
            let replica = &sim.nodes[node].replica;
            assert!(
                replica.id_of(at) == Some(*id),
                "{at:?} never arrived on node {node}: {}",
                replica.explain(at)
            );
        }
    }
}

/// Which control entries of a chain had an effect.
fn applied(chain: &Chain) -> impl Iterator<Item = &ControlEntry> {
    let all = chain.entries().iter().zip(chain.verdicts());
    all.filter(|(_, verdict)| **verdict == Verdict::Applied).map(|(entry, _)| entry)
}

/// Who was banned, or whose node was removed, is not shown with anything that cites an earlier
/// position and stands above the kept head; unless it was restored later.
fn nothing_above_a_cut(sim: &Sim, node: usize) {
    let replica = &sim.nodes[node].replica;
    let chain = replica.chain();
    let view = replica.lanes().view(chain);
    let states = oracle::states(chain.entries()).unwrap();
    for entry in applied(chain) {
        let concerns = |author: &UserRef| match entry.action() {
            Some(Action::Ban(ban)) => ban.user == *author,
            Some(Action::RemoveNode(remove)) => remove.node == author.node,
            Some(Action::Recover(recover)) => recover.drop.iter().any(|d| d.0 == author.node),
            _ => false,
        };
        let before = &states[entry.seq().saturating_sub(1) as usize].0;
        for (at, message) in &view.messages {
            if !concerns(&message.author) || message.position >= entry.seq() {
                continue;
            }
            let cut = match entry.action() {
                Some(Action::Recover(recover)) => {
                    recover.drop.iter().find(|d| d.0 == at.node).map(|d| &d.1)
                }
                Some(action) => action.cut(),
                None => None,
            };
            let is_kept = match cut.and_then(|cut| cut.head(at.node, at.inc)) {
                Some(head) => at.seq <= head.seq,
                None => before.nodes.get(&at.node).is_some_and(|node| node.is_closed(at.inc)),
            };
            let restored = replica.chain().timeline().restored(at);
            // What was taken from people comes back; what was closed with its lane does not.
            let is_restored = matches!(entry.action(), Some(Action::Ban(_)))
                && restored.is_some_and(|restored| restored > entry.seq());
            assert!(is_kept || is_restored, "{at:?} is shown above the cut of {}", entry.seq());
        }
    }
}

/// Of a lane that the home has settled, no number is shown twice, and none above the kept one.
fn one_branch_of_a_settled_lane(sim: &Sim, node: usize) {
    let replica = &sim.nodes[node].replica;
    let view = replica.lanes().view(replica.chain());
    let mut shown: BTreeMap<(Node16, u32, u64), EntryRef> = BTreeMap::new();
    for at in view.messages.keys() {
        let settled =
            replica.chain().state().nodes.get(&at.node).and_then(|n| n.settled.get(&at.inc));
        let Some(keep) = settled else { continue };
        let twin = shown.insert((at.node, at.inc, at.seq), *at);
        assert_eq!(twin, None, "two branches of a settled lane are shown");
        assert!(keep.is_some_and(|keep| at.seq <= keep.seq), "shown above what was settled");
    }
}

/// What counts was never sealed under a key that was handed to a node removed at or before the
/// position that it cites.
fn no_key_of_a_removed_node(sim: &Sim, node: usize) {
    let replica = &sim.nodes[node].replica;
    let chain = replica.chain();
    let states = oracle::states(chain.entries()).unwrap();
    for entry in replica.lanes().entries() {
        let (Some(cite), Some(key)) = (entry.ctl, entry.epoch) else { continue };
        if !replica.lanes().counts(&entry.at) || !chain.is_on_chain(&cite) {
            continue;
        }
        let carried = chain.entries().iter().find(|entry| entry.id().short() == key);
        let Some(epoch) = carried.and_then(ControlEntry::action).and_then(Action::epoch) else {
            panic!("{:?} counts under a key that nobody gave", entry.at);
        };
        let there = &states[cite.seq as usize].0;
        for handed in epoch.boxes.iter() {
            assert!(there.is_member(handed.node), "sealed for a removed node: {:?}", entry.at);
        }
    }
}

/// Members have or can get the key of everything that was said since they came.
fn every_member_can_read(sim: &Sim, node: usize) {
    let replica = &sim.nodes[node].replica;
    let short = sim.nodes[node].keys.short();
    let chain = replica.chain();
    if !chain.state().is_member(short) {
        return;
    }
    for entry in replica.lanes().entries() {
        let Some(key) = entry.epoch.filter(|_| replica.lanes().counts(&entry.at)) else { continue };
        let on_chain = chain.entries().iter().any(|control| control.id().short() == key);
        if on_chain && chain.may_have_key(short, key) {
            // Somebody honest has to be left who was there.
            let held = honest(sim).any(|node| sim.nodes[node].replica.key(&key).is_some());
            assert!(!held || replica.key(&key).is_some(), "{:?} cannot be read", entry.at);
        }
    }
}

/// At every position there is one owner and one home, both able to act.
fn one_owner_and_one_home(chain: &Chain) {
    for (state, _) in oracle::states(chain.entries()).unwrap() {
        assert!(state.is_member(state.home.short()), "the home is no member");
        assert!(state.is_member(state.owner.node), "the owner's node is no member");
        assert!(
            !state.admins.contains_key(&state.owner) && !state.denied.contains_key(&state.owner)
        );
    }
}

/// Nobody has touched themselves, an equal, a superior or the owner.
fn nobody_acts_upwards(chain: &Chain) {
    let states = oracle::states(chain.entries()).unwrap();
    for (pair, entry) in states.windows(2).zip(&chain.entries()[1..]) {
        let [(before, _), (_, verdict)] = pair else { continue };
        let target = match entry.action() {
            Some(Action::Promote(promote)) => promote.user,
            Some(Action::Demote(demote)) => demote.user,
            Some(Action::Ban(ban)) => ban.user,
            Some(Action::Restrict(restrict)) => restrict.user,
            _ => continue,
        };
        if *verdict != Verdict::Applied {
            continue;
        }
        let actor = entry.user().expect("only people act on people");
        assert_ne!(target, actor);
        assert_ne!(target, before.owner);
        let above = superiors(before, target);
        assert!(
            actor == before.owner || above.is_empty() || above.contains(&actor),
            "{actor:?} has acted on {target:?}"
        );
    }
}

/// How many messages show an edit by somebody else: in channels alone, by who might edit where it
/// stands.
pub(super) fn edits_of_others(sim: &Sim) -> u64 {
    let mut seen = 0;
    for node in honest(sim) {
        let replica = &sim.nodes[node].replica;
        let states = oracle::states(replica.chain().entries()).unwrap();
        for message in replica.lanes().view(replica.chain()).messages.values() {
            let Some(edit) = message.edited.and_then(|at| replica.lanes().get(&at)) else {
                continue;
            };
            if edit.user == message.author {
                continue;
            }
            let position = replica.lanes().position(&edit.at).unwrap();
            let (state, _) = &states[usize::try_from(position).unwrap()];
            assert_eq!(state.kind(), GroupKind::Channel, "somebody else's words were changed");
            assert!(state.rights(edit.user).has(Rights::EDIT), "edited without the right to");
            seen += 1;
        }
    }
    seen
}

/// Everybody who stands above an admin, from the tree alone; nobody, for who is none.
fn superiors(state: &State, user: UserRef) -> Vec<UserRef> {
    let mut above = Vec::new();
    let mut at = user;
    while let Some(admin) = state.admins.get(&at) {
        above.push(admin.by);
        at = admin.by;
        assert!(above.len() <= state.admins.len() + 1, "the tree has a ring");
    }
    above
}

/// A chain without any data is as far as one with it.
fn control_needs_no_data(sim: &Sim, node: usize) {
    let entries = sim.nodes[node].replica.chain().entries();
    let mut chain = Chain::new(entries[0].clone()).unwrap();
    for entry in &entries[1..] {
        chain.offer(entry.clone()).unwrap();
    }
    assert_eq!(chain.state(), sim.nodes[node].replica.chain().state());
}
