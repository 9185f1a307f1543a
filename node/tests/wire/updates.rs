//! Who is told what, and when: the rules that a client library hides.

use rand::rngs::StdRng;
use rookery_load::wire::Framing;
use rookery_load::{Client, Received, Wire};
use tl::{enums, functions as f, types};

use crate::{LAYER, PATIENCE, join, rng, with_config};

/// Enough for a burst of sends.
const FAST: &str = "[limits]\nrequests_per_key_burst = 100000\n";

/// `updatesTooLong`.
const TOO_LONG: u32 = 0xe317_af7e;

fn to_self(text: &str, random_id: i64) -> f::messages::SendMessage {
    f::messages::SendMessage {
        peer: types::InputPeerSelf {}.into(),
        message: text.into(),
        random_id,
        ..Default::default()
    }
}

/// The texts of new messages that an update brings.
fn texts(message: &Received) -> Vec<String> {
    let Ok(enums::Updates::Updates(updates)) = tl::from_bytes(&message.body, LAYER) else {
        return Vec::new();
    };
    let text = |update: &enums::Update| match update {
        enums::Update::UpdateNewMessage(new) => match &new.message {
            enums::Message::Message(message) => Some(message.message.clone()),
            _ => None,
        },
        _ => None,
    };
    updates.updates.iter().filter_map(text).collect()
}

/// Everything that comes before the answer to a ping sent now.
fn until_now(client: &mut Client, rng: &mut StdRng) -> Vec<Received> {
    let ping_id = 4242;
    let ping = tl::mtproto::functions::Ping { ping_id };
    client.send(&tl::to_bytes(&ping, 0).unwrap(), false, rng).unwrap();
    let mut came = Vec::new();
    client
        .wait(PATIENCE, |message| {
            let pong: Option<tl::mtproto::types::Pong> = message.service();
            if pong.is_some_and(|pong| pong.ping_id == ping_id) {
                return Some(());
            }
            came.push(message.clone());
            None
        })
        .unwrap();
    came
}

/// One session sends: it has its answer and nothing else; its sibling is told; a session that asked
/// for no updates is not.
#[test]
fn the_acting_session_gets_its_answer_and_no_second_copy() {
    let rng = &mut rng(31);
    let node = with_config(FAST);
    let mut ada = join(&node, "Ada", rng);
    let mut sibling = ada.client.sibling(node.mtproto, rng).unwrap();
    sibling.invoke(&f::updates::GetState {}, LAYER, rng).unwrap();
    let mut quiet = ada.client.sibling(node.mtproto, rng).unwrap();
    let state = tl::Rest(tl::to_bytes(&f::updates::GetState {}, LAYER).unwrap());
    quiet.invoke(&f::InvokeWithoutUpdates { query: state }, LAYER, rng).unwrap();
    until_now(&mut quiet, rng);

    let request = tl::to_bytes(&to_self("once", 1), LAYER).unwrap();
    let envelope = ada.client.send(&request, true, rng).unwrap();
    // A copy would come before the answer, or after it.
    let mut acting = Vec::new();
    ada.client
        .wait(PATIENCE, |message| {
            acting.push(message.clone());
            let answer: Option<tl::mtproto::types::RpcResult> = message.service();
            answer.filter(|answer| answer.req_msg_id == envelope.msg_id)
        })
        .unwrap();
    let told = sibling.wait(PATIENCE, |message| {
        let texts = texts(message);
        (!texts.is_empty()).then_some(texts)
    });
    assert_eq!(told.unwrap(), ["once"]);
    // What was to come has come by now: the sibling's copy was queued by the same event.
    acting.extend(until_now(&mut ada.client, rng));
    for (who, came) in
        [("the acting session", acting), ("the quiet one", until_now(&mut quiet, rng))]
    {
        assert!(came.iter().all(|message| texts(message).is_empty()), "{who}: {came:?}");
    }
}

/// A session that was away for more than its queue holds is told so, gets nothing more until it has
/// fetched what it missed, misses nothing then, and is told again from there.
#[test]
fn a_session_that_lags_is_told_too_long_and_then_fetches() {
    const SENT: i64 = 400;
    let rng = &mut rng(32);
    let node = with_config(FAST);
    let mut ada = join(&node, "Ada", rng);
    let mut away = ada.client.sibling(node.mtproto, rng).unwrap();
    let enums::updates::State::State(state) =
        away.invoke(&f::updates::GetState {}, LAYER, rng).unwrap();
    let Client { wire, session, .. } = away;
    drop(wire);
    for number in 0..SENT {
        ada.client.invoke(&to_self(&number.to_string(), number + 1), LAYER, rng).unwrap();
    }
    let wire = Wire::connect(node.mtproto, Framing::Intermediate, None, rng).unwrap();
    let mut back = Client::resume(wire, session);
    let mut came = until_now(&mut back, rng);
    came.extend(until_now(&mut back, rng));
    let too_long = came.iter().filter(|message| message.id() == TOO_LONG).count();
    assert_eq!(too_long, 1, "once: {} messages came", came.len());
    let after = came.iter().skip_while(|message| message.id() != TOO_LONG);
    assert!(after.clone().all(|message| texts(message).is_empty()), "silence after it");
    ada.client.invoke(&to_self("still silent", 900), LAYER, rng).unwrap();
    assert!(until_now(&mut back, rng).iter().all(|message| texts(message).is_empty()));

    let (mut pts, mut found) = (state.pts, Vec::new());
    loop {
        let ask = f::updates::GetDifference { pts, pts_limit: Some(50), ..Default::default() };
        let (messages, state, last) = match back.invoke(&ask, LAYER, rng).unwrap() {
            enums::updates::Difference::Difference(all) => (all.new_messages, all.state, true),
            enums::updates::Difference::DifferenceSlice(some) => {
                (some.new_messages, some.intermediate_state, false)
            }
            other => panic!("{other:?}"),
        };
        for message in messages {
            let enums::Message::Message(message) = message else { panic!("no message") };
            found.push(message.message);
        }
        let enums::updates::State::State(state) = state;
        assert!(state.pts > pts, "strictly ahead");
        pts = state.pts;
        if last {
            break;
        }
    }
    let mut expected: Vec<String> = (0..SENT).map(|number| number.to_string()).collect();
    expected.push("still silent".into());
    assert_eq!(found, expected);

    ada.client.invoke(&to_self("told again", 901), LAYER, rng).unwrap();
    let told = back.wait(PATIENCE, |message| {
        let texts = texts(message);
        (!texts.is_empty()).then_some(texts)
    });
    assert_eq!(told.unwrap(), ["told again"]);
}
