//! A home as core runs it, by what is public: the chain in memory, of a lane only its end; what it
//! shows of rights, admins and invites; and that it comes back from what was stored.

use glog::body::{
    Action, ControlBody, DataBody, Genesis, GroupKind, Info, Invite, Post, Promote, Restrict,
    Setting,
};
use glog::cbor::{Blob, List, Text};
use glog::control::{Admin, Chain, ControlEntry, Denied, InviteState, Standing, Verdict};
use glog::{
    Author, CertBody, EntryRef, Hash16, LaneEnd, NodeCert, Replica, Rights, UserRef, write_control,
    write_data, write_genesis,
};
use keys::NodeIdentity;
use keys::sealed::BoxSecret;
use rand::SeedableRng;
use rand::rngs::StdRng;

fn certificate(root: &NodeIdentity, op: &NodeIdentity, rng: &mut StdRng) -> NodeCert {
    let body = CertBody {
        root: *root.public().as_bytes(),
        op: *op.public().as_bytes(),
        x25519: *BoxSecret::generate(rng).public().as_bytes(),
        serial: 1,
        not_before_ms: 0,
        domain: Text::new("node.example").expect("a short text"),
        addresses: List::default(),
    };
    NodeCert::sign(body, root)
}

fn post(words: &str) -> DataBody {
    DataBody::Post(Post {
        text: Text::new(words).expect("a short text"),
        links: false,
        media: List::default(),
        reply_to: None,
        extra: Blob::default(),
    })
}

#[test]
fn a_home_runs_a_group_without_a_replica() {
    let mut rng = StdRng::seed_from_u64(3);
    let (root, op) = (NodeIdentity::generate(&mut rng), NodeIdentity::generate(&mut rng));
    let cert = certificate(&root, &op, &mut rng);
    let node = cert.node();
    let author = Author { node, serial: 1, key: &op };
    let user = |id| UserRef { node: node.short(), id };
    let (owner, admin, silent, plain) = (user(1), user(2), user(3), user(4));
    let genesis = ControlBody::bare(Action::Genesis(Box::new(Genesis {
        kind: GroupKind::Supergroup,
        public: true,
        shows_history: true,
        owner,
        recovery: *NodeIdentity::generate(&mut rng).public().as_bytes(),
        nonce: [1; 16],
        defaults: Rights::MEMBER - Rights::POLL,
        cert,
        epoch: None,
    })));
    let first = write_genesis(author, owner, &genesis, 0, &mut rng).unwrap();
    let mut chain = Chain::new(ControlEntry::new(first.clone()).unwrap()).unwrap();
    let mut stored = vec![first];

    let invite = Invite { token: Hash16([5; 16]), limit: 9, until_ms: 77, approval: true };
    let granted = Rights::INVITE | Rights::BAN;
    let rank = Text::new("rook").unwrap();
    let title = Setting::Title(Text::new("Rooks").unwrap());
    let cut = Some(Default::default());
    let acts = [
        (owner, Action::Promote(Promote { user: admin, rights: granted, rank, cut: None })),
        (owner, Action::Info(Info { setting: title.clone(), cut: None, epoch: None })),
        (admin, Action::Invite(invite.clone())),
        (
            admin,
            Action::Restrict(Restrict { user: silent, denied: Rights::TEXT, until_ms: 8, cut }),
        ),
    ];
    for (by, action) in acts {
        let body = ControlBody::bare(action);
        let entry = write_control(&chain, author, Some(by), &body, 0, &mut rng).unwrap();
        let read = ControlEntry::new(entry.clone()).unwrap();
        assert_eq!(chain.would(&read), Ok(Verdict::Applied));
        chain.offer(read).unwrap();
        stored.push(entry);
    }

    let mut lane = LaneEnd { inc: 0, last: None };
    let mut said = Vec::new();
    for words in ["one", "two", "three"] {
        let body = post(words);
        let deps = List::default();
        let entry =
            write_data(&chain, author, lane, None, deps, plain.id, &body, 0, &mut rng).unwrap();
        lane.last = Some((entry.header().seq, entry.id()));
        said.push(entry);
    }

    let control = stored.iter().map(|entry| ControlEntry::new(entry.clone()).unwrap());
    let back = Chain::restore(control).unwrap();
    assert_eq!(back.state().digest(), chain.state().digest());
    let state = back.state();
    assert_eq!((state.kind(), state.is_public()), (GroupKind::Supergroup, true));
    assert_eq!((state.owner, state.shows_history), (owner, true));
    assert_eq!(state.defaults(), Rights::MEMBER - Rights::POLL);
    assert_eq!(state.rights(owner), Rights::ALL);
    assert_eq!(state.rights(admin), Rights::MEMBER | Rights::JOIN | granted);
    assert_eq!(state.rights(plain), (Rights::MEMBER | Rights::JOIN) - Rights::POLL);
    assert!(!state.rights(silent).has(Rights::TEXT));
    let standing = Standing { owner: false, admin: None, denied: Rights::TEXT, admitted: false };
    assert_eq!(state.standing(silent), standing);
    let Admin { rights, rank, by } = &state.admins[&admin];
    assert_eq!((*rights, rank.as_str(), *by), (granted, "rook", owner));
    assert_eq!(state.denied[&silent], Denied { rights: Rights::TEXT, until_ms: 8 });
    assert!(state.settings.values().eq([&title]));
    let InviteState { invite: terms, by, used } = &state.invites[&invite.token];
    assert_eq!((terms, *by, *used), (&invite, admin, 0));

    // Who holds everything shows what was written.
    let mut copy = Replica::new(node, stored[0].clone(), 8).unwrap();
    for entry in stored[1..].iter().chain(&said) {
        copy.receive(entry.clone(), 0).unwrap();
    }
    let at = |(seq, entry): (u64, &glog::Entry)| EntryRef {
        node: node.short(),
        inc: 0,
        seq,
        hash: entry.id().short(),
    };
    for place in (0..).zip(&said).map(at) {
        assert!(copy.lanes().message(copy.chain(), &place).is_some());
    }
}
