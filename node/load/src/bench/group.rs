//! A message in a full basic group: a copy for each member, an update for those who are there.

use std::time::Duration;

use anyhow::Context as _;
use rookery_load::{Client, Member};
use tl::functions as f;
use tl::{enums, types};

use super::{Gate, Row, Target, process, rng};

/// Members of a full group.
const MEMBERS: usize = 200;

/// Calls of `addChatUser` are not needed: all are there from the begin.
pub(crate) fn rows(target: &Target, short: bool) -> anyhow::Result<Vec<Row>> {
    let (rounds, messages, members) = if short { (3, 20, 40) } else { (5, 100, MEMBERS) };
    let rng = &mut rng();
    let mut everybody: Vec<Member> = Vec::with_capacity(members);
    for _ in 0..members {
        everybody.push(target.member(rng)?);
    }
    let mut owner = everybody.pop().context("a member")?;
    let phones: Vec<&str> = everybody.iter().map(|member| member.phone.as_str()).collect();
    let users = owner.find(&phones, rng)?.into_iter().map(|peer| match peer {
        enums::InputPeer::InputPeerUser(user) => {
            types::InputUser { user_id: user.user_id, access_hash: user.access_hash }.into()
        }
        _ => types::InputUserEmpty {}.into(),
    });
    let create = f::messages::CreateChat {
        users: users.collect(),
        title: "Everybody".into(),
        ..f::messages::CreateChat::default()
    };
    let created = owner.client.invoke(&create, tl::LAYER_MAX, rng)?;
    let chat_id = chat_id(&created).context("no chat in the answer")?;
    let peer: enums::InputPeer = types::InputPeerChat { chat_id }.into();
    let mut number = 0;
    let (mut online, mut offline) = (Vec::new(), Vec::new());
    for round in 0..=rounds {
        let spent = cost(target, &mut owner.client, &peer, messages, &mut number)?;
        drain(&mut everybody)?;
        if round > 0 {
            online.push(spent);
        }
    }
    // Nobody but the writer is there any more.
    everybody.clear();
    process::settle(target.pid)?;
    for _ in 0..rounds {
        offline.push(cost(target, &mut owner.client, &peer, messages, &mut number)?);
    }
    let copies = (members - 1) as f64;
    let note = format!("{members} members; one message in flight");
    let pairs: Vec<_> = online.iter().copied().zip(offline.iter().copied()).collect();
    let per_member: Vec<_> =
        pairs.iter().map(|(online, offline)| (online / copies, offline / copies)).collect();
    Ok(vec![
        Row::of_pairs(
            "message in a full group, all online",
            "us server CPU",
            &pairs,
            messages,
            Gate::None,
            format!("{note}; floor: the same while nobody else is online"),
        ),
        Row::of_pairs(
            "the same, for each other member",
            "us server CPU",
            &per_member,
            messages,
            Gate::None,
            note,
        ),
    ])
}

fn chat_id(created: &enums::messages::InvitedUsers) -> Option<i64> {
    let enums::messages::InvitedUsers::InvitedUsers(created) = created;
    let enums::Updates::Updates(updates) = &created.updates else { return None };
    updates.chats.iter().find_map(|chat| match chat {
        enums::Chat::Chat(chat) => Some(chat.id),
        _ => None,
    })
}

/// Server CPU of a message in microseconds.
fn cost(
    target: &Target,
    client: &mut Client,
    peer: &enums::InputPeer,
    messages: usize,
    number: &mut i64,
) -> anyhow::Result<f64> {
    let rng = &mut rng();
    process::settle(target.pid)?;
    let begin = process::cpu_ever(target.pid)?;
    for _ in 0..messages {
        *number += 1;
        let send = f::messages::SendMessage {
            peer: peer.clone(),
            message: format!("{number:020} {}", "lorem ipsum ".repeat(13)),
            random_id: *number,
            ..f::messages::SendMessage::default()
        };
        client.invoke(&send, tl::LAYER_MAX, rng)?;
        client.acknowledge(rng)?;
    }
    process::settle(target.pid)?;
    let spent = process::cpu_ever(target.pid)? - begin;
    Ok(spent.as_secs_f64() * 1e6 / messages as f64)
}

/// Takes what came to the others, so that the node need not keep it.
fn drain(members: &mut [Member]) -> anyhow::Result<()> {
    for member in members {
        // Until nothing comes any more.
        while member.client.wait(Duration::from_millis(20), |_| Some(())).is_ok() {}
        member.client.acknowledge(&mut rng())?;
    }
    Ok(())
}
