//! A message in a supergroup: written once, and an update for those who are there.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use anyhow::Context as _;
use keys::{Side, message};
use rookery_load::{Client, Incoming, Member};
use tl::functions as f;
use tl::{enums, types};

use super::{Gate, Row, Target, process, rng};

/// Those who are there in the small group, and at first in the large one.
const FEW: usize = 50;

/// Names of the two groups.
const SMALL: &str = "small_crowd";
const LARGE: &str = "large_crowd";

/// Longest that a message may take to a member who is there: then it is lost.
const LOST: Duration = Duration::from_secs(10);

/// Longest that is waited for what comes to one member.
const DRAIN: Duration = Duration::from_millis(2);

/// How many join side by side: what one waits for does not keep the others.
const JOINING: usize = 64;

/// `absent` join the large group too, and are never there.
pub(crate) fn rows(target: &Target, short: bool, absent: usize) -> anyhow::Result<Vec<Row>> {
    let (rounds, messages, few, many) =
        if short { (3, 40, FEW / 2, 200) } else { (5, 60, FEW, 1000) };
    let rng = &mut rng();
    let mut everybody: Vec<Member> = Vec::with_capacity(many);
    for _ in 0..=many {
        everybody.push(target.member(rng)?);
    }
    let mut owner = everybody.pop().context("a member")?;
    let small = supergroup(&mut owner, SMALL)?;
    everybody[..few].iter_mut().try_for_each(|member| join(member, SMALL).map(drop))?;
    let large = supergroup(&mut owner, LARGE)?;
    crowd(target, absent)?;
    everybody.iter_mut().try_for_each(|member| join(member, LARGE).map(drop))?;
    drain(&mut everybody)?;
    everybody.iter_mut().try_for_each(catch_up)?;

    let mut number = 0;
    let (mut all, mut in_turn) = (Vec::new(), Vec::new());
    for round in 0..=rounds {
        let client = &mut owner.client;
        let spent = cost(target, client, &large, messages, &mut everybody, &mut number)?;
        drain(&mut everybody)?;
        let in_a_row = cost(target, client, &large, messages, &mut [], &mut number)?;
        drain(&mut everybody)?;
        if round > 0 {
            all.push(spent);
            in_turn.push(in_a_row);
        }
    }
    let frame = frame_bytes(&mut owner, &mut everybody[0], &large, &mut number)?;
    // As many are there as in the small group.
    everybody.truncate(few);
    process::settle(target.pid)?;
    let mut alike = Vec::new();
    for round in 0..=rounds {
        let client = &mut owner.client;
        let in_large = cost(target, client, &large, messages, &mut everybody, &mut number)?;
        let in_small = cost(target, client, &small, messages, &mut everybody, &mut number)?;
        if round > 0 {
            alike.push((in_large, in_small));
        }
        drain(&mut everybody)?;
    }
    everybody.clear();
    process::settle(target.pid)?;
    let mut nobody = Vec::new();
    for _ in 0..rounds {
        nobody.push(cost(target, &mut owner.client, &large, messages, &mut [], &mut number)?);
    }
    let floor = Floor::new(many)?;
    let (mut each, mut each_in_turn) = (Vec::new(), Vec::new());
    for ((all, in_turn), nobody) in all.iter().zip(&in_turn).zip(&nobody) {
        let floor = floor.cost(&owner.client, frame, messages)?;
        each.push(((all - nobody) / many as f64, floor));
        each_in_turn.push(((in_turn - nobody) / many as f64, floor));
    }
    Ok(vec![
        Row::of_pairs(
            format!("message in a supergroup of {}, {few} of them online", many + absent),
            "us server CPU",
            &alike,
            messages,
            Gate::RatioAtMost(1.5),
            format!("floor: the same in one of {few}, all online"),
        ),
        Row::of_pairs(
            format!("the same, {many} online, for each of them"),
            "us server CPU",
            &each,
            messages,
            Gate::RatioAtMost(2.0),
            format!(
                "each message sent when all have the one before; less what it costs with nobody \
                 online; floor: {frame} bytes sealed and written"
            ),
        ),
        Row::of_pairs(
            format!("the same, {many} online, each message sent when its writer has the answer"),
            "us server CPU",
            &each_in_turn,
            messages,
            Gate::RatioAtMost(2.0),
            "what comes to a member meanwhile goes out together",
        ),
    ])
}

/// A public supergroup.
pub(super) fn supergroup(owner: &mut Member, name: &str) -> anyhow::Result<enums::InputPeer> {
    let rng = &mut rng();
    let create = f::channels::CreateChannel {
        megagroup: true,
        title: "Everybody".into(),
        ..f::channels::CreateChannel::default()
    };
    let made = owner.client.invoke(&create, tl::LAYER_MAX, rng)?;
    let enums::Updates::Updates(made) = made else { anyhow::bail!("no updates") };
    let (channel_id, access_hash) = shown(&made.chats)?;
    let channel: enums::InputChannel = types::InputChannel { channel_id, access_hash }.into();
    let username = f::channels::UpdateUsername { channel, username: name.to_owned() };
    owner.client.invoke(&username, tl::LAYER_MAX, rng)?;
    owner.client.acknowledge(rng)?;
    Ok(types::InputPeerChannel { channel_id, access_hash }.into())
}

/// Joins a public group by its name.
pub(super) fn join(member: &mut Member, name: &str) -> anyhow::Result<enums::InputPeer> {
    let rng = &mut rng();
    let find = f::contacts::ResolveUsername { username: name.to_owned(), referer: None };
    let enums::contacts::ResolvedPeer::ResolvedPeer(found) =
        member.client.invoke(&find, tl::LAYER_MAX, rng)?;
    let (channel_id, access_hash) = shown(&found.chats)?;
    let channel = types::InputChannel { channel_id, access_hash }.into();
    member.client.invoke(&f::channels::JoinChannel { channel }, tl::LAYER_MAX, rng)?;
    member.client.acknowledge(rng)?;
    Ok(types::InputPeerChannel { channel_id, access_hash }.into())
}

/// So many join the large group, and log out.
fn crowd(target: &Target, members: usize) -> anyhow::Result<()> {
    let left = AtomicUsize::new(members);
    let take = || left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_ok();
    std::thread::scope(|scope| {
        let join_in_turn = || -> anyhow::Result<()> {
            let rng = &mut rng();
            let mut before = None;
            while take() {
                let mut member = target.member_after(before, rng)?;
                join(&mut member, LARGE)?;
                member.client.invoke(&f::auth::LogOut {}, tl::LAYER_MAX, rng)?;
                member.client.acknowledge(rng)?;
                before = Some(member.client);
            }
            Ok(())
        };
        let joining: Vec<_> =
            (0..JOINING.min(members)).map(|_| scope.spawn(join_in_turn)).collect();
        let mut joined = joining.into_iter().map(|one| one.join());
        joined.try_for_each(|one| one.map_err(|_| anyhow::anyhow!("a thread ended"))?)
    })
}

/// Who did not read while others joined was told that it was too much, and is told nothing more until
/// the difference was asked for.
fn catch_up(member: &mut Member) -> anyhow::Result<()> {
    let rng = &mut rng();
    let state = member.client.invoke(&f::updates::GetState {}, tl::LAYER_MAX, rng)?;
    let enums::updates::State::State(state) = state;
    let (pts, date, qts) = (state.pts.max(1), state.date, state.qts);
    let missed =
        f::updates::GetDifference { pts, date, qts, ..f::updates::GetDifference::default() };
    member.client.invoke(&missed, tl::LAYER_MAX, rng)?;
    member.client.acknowledge(rng)?;
    Ok(())
}

/// The channel among these, as whoever was told names it.
pub(super) fn shown(chats: &[enums::Chat]) -> anyhow::Result<(i64, i64)> {
    let shown = chats.iter().find_map(|chat| match chat {
        enums::Chat::Channel(channel) => Some((channel.id, channel.access_hash?)),
        _ => None,
    });
    shown.context("no channel in the answer")
}

fn text(number: i64) -> String {
    // Nothing at the end that the node would take away.
    format!("{number:020} {}.", "lorem ipsum ".repeat(13))
}

fn send(client: &mut Client, peer: &enums::InputPeer, number: &mut i64) -> anyhow::Result<()> {
    let rng = &mut rng();
    *number += 1;
    let send = f::messages::SendMessage {
        peer: peer.clone(),
        message: text(*number),
        random_id: *number,
        ..f::messages::SendMessage::default()
    };
    client.invoke(&send, tl::LAYER_MAX, rng)?;
    client.acknowledge(rng)?;
    Ok(())
}

/// Server CPU of a message in microseconds. The next is sent when all who listen have the one before.
fn cost(
    target: &Target,
    client: &mut Client,
    peer: &enums::InputPeer,
    messages: usize,
    listen: &mut [Member],
    number: &mut i64,
) -> anyhow::Result<f64> {
    process::settle(target.pid)?;
    let begin = process::cpu(target.pid)?;
    for _ in 0..messages {
        send(client, peer, number)?;
        let said = text(*number);
        for member in &mut *listen {
            let is_it = |body: &[u8]| body.windows(said.len()).any(|part| part == said.as_bytes());
            let told = member.client.wait(LOST, |message| is_it(&message.body).then_some(()));
            told.context("a message did not come to a member")?;
        }
    }
    process::settle(target.pid)?;
    let spent = process::cpu(target.pid)? - begin;
    Ok(spent.as_secs_f64() * 1e6 / messages as f64)
}

/// Bytes of the frame in which a message comes to a member.
fn frame_bytes(
    owner: &mut Member,
    member: &mut Member,
    peer: &enums::InputPeer,
    number: &mut i64,
) -> anyhow::Result<usize> {
    send(&mut owner.client, peer, number)?;
    let Incoming::Frame(frame) = member.client.wire.receive()? else {
        anyhow::bail!("not a frame");
    };
    Ok(frame.len())
}

/// Takes what came to the members, so that the node need not keep it.
fn drain(members: &mut [Member]) -> anyhow::Result<()> {
    for member in members {
        while member.client.wait(DRAIN, |_| Some(())).is_ok() {}
        member.client.acknowledge(&mut rng())?;
    }
    Ok(())
}

/// As many connections, on which frames are sealed and written, and nothing else is done.
struct Floor {
    ends: Vec<(TcpStream, TcpStream)>,
}

impl Floor {
    fn new(connections: usize) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let mut ends = Vec::with_capacity(connections);
        for _ in 0..connections {
            let here = TcpStream::connect(address)?;
            here.set_nodelay(true)?;
            ends.push((here, listener.accept()?.0));
        }
        Ok(Self { ends })
    }

    /// CPU of one frame in microseconds, of as many as `messages` to everybody.
    fn cost(&self, client: &Client, frame: usize, messages: usize) -> anyhow::Result<f64> {
        let rng = &mut rng();
        // Padded again, it is about as long.
        let plain = vec![0x5a; frame.saturating_sub(44).max(message::HEADER_BYTES)];
        let mut spent = Duration::ZERO;
        let mut heard = vec![0; 64 << 10];
        for _ in 0..messages {
            let begin = process::own_cpu()?;
            for (here, _) in &self.ends {
                let sealed = message::seal(&client.session.key, Side::Server, &plain, rng);
                let mut out = Vec::with_capacity(sealed.len() + 4);
                out.extend_from_slice(&(sealed.len() as u32).to_le_bytes());
                out.extend_from_slice(&sealed);
                let mut here = here;
                here.write_all(&out)?;
            }
            spent += process::own_cpu()? - begin;
            for (_, there) in &self.ends {
                let mut there = there;
                let _ = there.read(&mut heard)?;
            }
        }
        Ok(spent.as_secs_f64() * 1e6 / (messages * self.ends.len()) as f64)
    }
}
