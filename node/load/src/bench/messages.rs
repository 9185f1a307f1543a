//! Server CPU of one message in and one out, beside the cryptography of just that.

use keys::{Side, message};
use rookery_load::{Client, Incoming, Session};
use tl::functions as f;
use tl::mtproto::{functions, types};

use super::{Gate, Row, Target, process, rng};

/// Messages in flight: one write carries so many frames.
const DEPTHS: [usize; 2] = [1, 32];

/// The two requests, each at both depths.
pub(crate) fn rows(target: &Target, short: bool) -> anyhow::Result<Vec<Row>> {
    let (pairs, messages) = if short { (3, 4_000) } else { (7, 40_000) };
    let rng = &mut rng();
    let mut client = target.client(rng)?;
    let nearest = tl::to_bytes(&f::help::GetNearestDc {}, tl::LAYER_MAX)?;
    client.introduce(rng)?;
    let ping = tl::to_bytes(&functions::Ping { ping_id: 1 }, 0)?;
    let mut rows = Vec::new();
    for (name, body, content) in [("ping", &ping, false), ("help.getNearestDc", &nearest, true)] {
        for depth in DEPTHS {
            let answer_bytes = node_cost(target, &mut client, body, content, depth, depth * 50)?.1;
            let mut measured = Vec::new();
            for _ in 0..pairs {
                let (node, _) = node_cost(target, &mut client, body, content, depth, messages)?;
                let floor = floor_cost(&client.session, body, answer_bytes, messages)?;
                measured.push((node, floor));
            }
            rows.push(Row::of_pairs(
                format!("message in and out, {name}, {depth} in flight"),
                "us server CPU",
                &measured,
                messages,
                Gate::None,
                "floor: KDF + IGE + SHA-256 of one such message in and one out, same crates; \
                 sockets not included",
            ));
        }
    }
    Ok(rows)
}

/// Server CPU per request in microseconds, and the mean plaintext bytes of an answer.
fn node_cost(
    target: &Target,
    client: &mut Client,
    body: &[u8],
    content: bool,
    depth: usize,
    messages: usize,
) -> anyhow::Result<(f64, usize)> {
    let rng = &mut rng();
    process::settle(target.pid)?;
    let begin = process::cpu(target.pid)?;
    let (mut answered, mut bytes, mut unacknowledged) = (0, 0, Vec::new());
    while answered < messages {
        let mut burst = Vec::new();
        for _ in 0..depth {
            let envelope = client.session.next(content);
            push_frame(&mut burst, &client.session.seal(envelope, body, rng));
        }
        if unacknowledged.len() >= 64 {
            let msg_ids = std::mem::take(&mut unacknowledged);
            let envelope = client.session.next(false);
            let acks = tl::to_bytes(&types::MsgsAck { msg_ids }, 0)?;
            push_frame(&mut burst, &client.session.seal(envelope, &acks, rng));
        }
        client.wire.send_raw(&burst)?;
        let mut waiting = depth;
        while waiting > 0 {
            let Incoming::Frame(frame) = client.wire.receive()? else {
                anyhow::bail!("not a frame");
            };
            bytes += frame.len() - message::PREFIX_BYTES;
            let opened = message::open(&client.session.key, Side::Server, &frame)
                .map_err(|_| anyhow::anyhow!("a frame does not open"))?;
            waiting -=
                count_answers(&opened.body, opened.msg_id, &mut unacknowledged)?.min(waiting);
        }
        answered += depth;
    }
    process::settle(target.pid)?;
    let spent = process::cpu(target.pid)? - begin;
    Ok((spent.as_secs_f64() * 1e6 / answered as f64, bytes / answered))
}

/// Pongs and results in one packet; anything unexpected ends the run.
fn count_answers(body: &[u8], msg_id: i64, unacknowledged: &mut Vec<i64>) -> anyhow::Result<usize> {
    if let Ok(container) = tl::from_bytes::<types::MsgContainer>(body, 0) {
        let mut answers = 0;
        for inner in container.messages {
            answers += count_answers(&inner.body.0, inner.msg_id, unacknowledged)?;
        }
        return Ok(answers);
    }
    if let Ok(result) = tl::from_bytes::<types::RpcResult>(body, 0) {
        if tl::from_bytes::<types::RpcError>(&result.result.0, 0).is_ok() {
            anyhow::bail!("an rpc_error");
        }
        unacknowledged.push(msg_id);
        return Ok(1);
    }
    if tl::from_bytes::<types::Pong>(body, 0).is_ok() {
        return Ok(1);
    }
    if tl::from_bytes::<types::BadMsgNotification>(body, 0).is_ok()
        || tl::from_bytes::<types::BadServerSalt>(body, 0).is_ok()
    {
        anyhow::bail!("a refused message");
    }
    Ok(0)
}

fn push_frame(out: &mut Vec<u8>, frame: &[u8]) {
    out.extend_from_slice(&(frame.len() as u32).to_le_bytes());
    out.extend_from_slice(frame);
}

/// CPU in microseconds of opening such a request and sealing such an answer.
fn floor_cost(
    session: &Session,
    body: &[u8],
    answer_bytes: usize,
    messages: usize,
) -> anyhow::Result<f64> {
    let rng = &mut rng();
    let envelope = rookery_load::session::Envelope {
        salt: 0,
        session_id: session.session_id,
        msg_id: session.msg_id_at(0),
        seq_no: 1,
    };
    let request = session.seal(envelope, body, rng);
    // What is left without the padding: header and body.
    let answer = vec![7; answer_bytes.saturating_sub(20).max(message::HEADER_BYTES)];
    let begin = process::own_cpu()?;
    for _ in 0..messages {
        let opened = message::open(&session.key, Side::Client, std::hint::black_box(&request));
        std::hint::black_box(opened.is_ok());
        std::hint::black_box(message::seal(&session.key, Side::Server, &answer, rng));
    }
    let spent = process::own_cpu()? - begin;
    Ok(spent.as_secs_f64() * 1e6 / messages as f64)
}
