//! Codes, sessions and forms, with time as an argument.

use rand::SeedableRng as _;
use rand::rngs::StdRng;

use super::*;

const OWNER: Option<UserId> = Some(UserId(1_000_001));
const OTHER: Option<UserId> = Some(UserId(1_000_002));

/// A gate, and randomness that is the same each time.
fn gate() -> (Gate<&'static str>, StdRng) {
    let mut rng = StdRng::seed_from_u64(1);
    (Gate::new(0, &mut rng), rng)
}

fn from(last: u8) -> Option<SocketAddr> {
    Some(([192, 0, 2, last], 1).into())
}

/// The code that is sent.
fn sent(asked: Asked) -> String {
    match asked {
        Asked::Send(user, code) if Some(user) == OWNER => code,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_right_code_lets_the_owner_in_once() {
    let (mut gate, mut rng) = gate();
    assert_eq!(gate.try_code(from(1), OWNER, "12345678", 0), Tried::Wrong, "none waits");
    let code = sent(gate.ask(from(1), OWNER, 0, &mut rng));
    assert_eq!(code.len(), 8);
    let spaced = format!(" {} {}\n", &code[..4], &code[4..]);
    assert_eq!(gate.try_code(from(2), OWNER, &spaced, 1), Tried::Right(OWNER.unwrap()));
    assert_eq!(gate.try_code(from(1), OWNER, &code, 2), Tried::Wrong, "used up");
}

#[test]
fn a_code_ends_with_its_time_its_tries_and_its_owner() {
    let (mut gate, mut rng) = gate();
    let code = sent(gate.ask(from(1), OWNER, 0, &mut rng));
    assert_eq!(gate.try_code(from(1), OTHER, &code, 1), Tried::Wrong, "somebody else owns it now");
    assert_eq!(gate.try_code(from(1), OWNER, &code, CODE_MS), Tried::Wrong, "too old");
    let code = sent(gate.ask(from(1), OWNER, CODE_MS, &mut rng));
    for last in 0..TRIES_MAX {
        assert_eq!(gate.try_code(from(10 + last), OWNER, "0", CODE_MS), Tried::Wrong);
    }
    assert_eq!(gate.try_code(from(1), OWNER, &code, CODE_MS), Tried::Wrong, "tried too often");
    // It is not replaced before its time: guessing does not bring the owner messages.
    assert_eq!(gate.ask(from(2), OWNER, CODE_MS + 1, &mut rng), Asked::Nothing);
    assert_ne!(sent(gate.ask(from(2), OWNER, 2 * CODE_MS, &mut rng)), code);
}

#[test]
fn nobody_floods_the_owner_with_messages() {
    let (mut gate, mut rng) = gate();
    let mut messages = 0;
    // A hundred addresses, each as often as it likes, for an hour.
    for second in 0..3600 {
        let who = from((second % 100) as u8);
        if matches!(gate.ask(who, OWNER, second * 1000, &mut rng), Asked::Send(..)) {
            messages += 1;
        }
    }
    assert_eq!(messages, 3_600_000 / CODE_MS, "one in five minutes");
    // Where each code is used, all together still get only so many.
    let (mut gate, mut rng) = self::gate();
    let mut messages = 0;
    for second in 0..3600 {
        let now_ms = second * 1000;
        if let Asked::Send(_, code) = gate.ask(from((second % 100) as u8), OWNER, now_ms, &mut rng)
        {
            messages += 1;
            gate.try_code(from(200 + (messages % 50) as u8), OWNER, &code, now_ms);
        }
    }
    assert_eq!(messages, 6 + 3600 / 300 - 1);
}

#[test]
fn one_address_asks_and_tries_only_so_often() {
    let (mut gate, mut rng) = gate();
    for _ in 0..ASKS.burst {
        assert_ne!(gate.ask(from(1), OWNER, 0, &mut rng), Asked::TooMany);
    }
    assert_eq!(gate.ask(from(1), OWNER, 0, &mut rng), Asked::TooMany);
    assert_eq!(gate.ask(from(2), OWNER, 0, &mut rng), Asked::Nothing, "others may");
    for _ in 0..TRIES.burst {
        assert_eq!(gate.try_code(from(1), OWNER, "1", 0), Tried::Wrong);
    }
    assert_eq!(gate.try_code(from(1), OWNER, "1", 0), Tried::TooMany);
    assert_eq!(gate.try_code(from(1), OWNER, "1", 60_000), Tried::Wrong);
}

#[test]
fn what_is_answered_does_not_tell_whether_somebody_owns_the_node() {
    let (mut gate, mut rng) = gate();
    let (mut nobodys, mut same) = self::gate();
    for step in 0..40 {
        let (who, now_ms) = (from(step % 3), u64::from(step) * 20_000);
        let told = |asked: Asked| asked == Asked::TooMany;
        let (here, there) =
            (gate.ask(who, OWNER, now_ms, &mut rng), nobodys.ask(who, None, now_ms, &mut same));
        assert_eq!(told(here), told(there), "{step}");
        let here = gate.try_code(who, OWNER, "00000000", now_ms);
        assert_eq!(here, nobodys.try_code(who, None, "00000000", now_ms), "{step}");
    }
    // Nor does the code that nobody got let anybody in.
    let code = nobodys.code.as_ref().unwrap().digits.clone();
    let late = 40 * 20_000;
    assert_eq!(nobodys.try_code(from(9), None, &code, late), Tried::Wrong);
    assert_eq!(nobodys.try_code(from(9), OWNER, &code, late), Tried::Wrong);
}

#[test]
fn a_session_ends_unused_old_closed_and_with_its_owner() {
    let (mut gate, mut rng) = gate();
    let owner = OWNER.unwrap();
    let first = gate.open(owner, 0, &mut rng);
    assert_eq!(first.len(), TOKEN_CHARS);
    let second = gate.open(owner, 0, &mut rng);
    assert_ne!(first, second);
    assert!(gate.enter(&first, OWNER, 1) && !gate.enter("", OWNER, 1));
    assert!(!gate.enter(&format!("{first}0"), OWNER, 1));
    gate.close(&first);
    assert!(!gate.enter(&first, OWNER, 2) && gate.enter(&second, OWNER, 2));
    assert!(!gate.enter(&second, OWNER, 2 + IDLE_MS), "not used for too long");
    let used = gate.open(owner, 0, &mut rng);
    let mut now_ms = 0;
    while now_ms + IDLE_MS / 2 < SESSION_MS {
        now_ms += IDLE_MS / 2;
        assert!(gate.enter(&used, OWNER, now_ms), "{now_ms}");
    }
    assert!(!gate.enter(&used, OWNER, SESSION_MS), "used, but too old");
    let lost = gate.open(owner, 0, &mut rng);
    assert!(!gate.enter(&lost, OTHER, 1) && !gate.enter(&lost, OWNER, 2), "and does not come back");
    let lost = gate.open(owner, 0, &mut rng);
    assert!(!gate.enter(&lost, None, 1));
    let all = [gate.open(owner, 0, &mut rng), gate.open(owner, 0, &mut rng)];
    gate.close_all();
    assert!(all.iter().all(|session| !gate.enter(session, OWNER, 1)));
}

#[test]
fn sessions_are_bounded_and_the_least_used_makes_room() {
    let (mut gate, mut rng) = gate();
    let owner = OWNER.unwrap();
    let all: Vec<String> =
        (0..SESSIONS_MAX as u64).map(|at| gate.open(owner, at, &mut rng)).collect();
    assert!(gate.enter(&all[0], OWNER, 100));
    gate.open(owner, 101, &mut rng);
    assert!(gate.enter(&all[0], OWNER, 102) && !gate.enter(&all[1], OWNER, 102));
    assert_eq!(gate.sessions.len(), SESSIONS_MAX);
}

#[test]
fn a_form_is_of_one_browser_alone() {
    let (mut gate, mut rng) = gate();
    let (mine, theirs) = (token(&mut rng), token(&mut rng));
    let form = gate.form_token(&mine);
    assert!(gate.is_form_token(&mine, &form));
    assert!(!gate.is_form_token(&theirs, &form) && !gate.is_form_token("", &form));
    for wrong in ["", "0", &form[1..], &mine, &format!("{form}00")] {
        assert!(!gate.is_form_token(&mine, wrong), "{wrong}");
    }
    // Another start of the node makes others.
    let other = Gate::<()>::new(0, &mut rng);
    assert!(!other.is_form_token(&mine, &form));
    // What a session is told once, it is told once.
    let session = gate.open(OWNER.unwrap(), 0, &mut rng);
    gate.notice(&session, "done");
    assert_eq!(gate.take_notice(&mine), None);
    assert_eq!((gate.take_notice(&session), gate.take_notice(&session)), (Some("done"), None));
}
