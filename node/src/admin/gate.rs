//! Who may enter the admin page: codes that wait, and sessions. Pure: the time, the owner and randomness are
//! arguments. In memory: a restart logs out.
//!
//! A browser is known by a random token of its own, its cookie, from its first page on. A form carries
//! what is derived from that token, so that no other page can send one. Of a token only the hash is kept.
//!
//! While a code waits, nobody gets another one: the owner has at most one message of strangers in
//! [`CODE_MS`], and may use the code of that message. What is answered does not depend on whether
//! there is an owner.

use std::net::SocketAddr;

use blake3::Hash;
use node_core::{Bucket, ByAddress, Rate, UserId};
use rand::{Rng, RngExt as _};
use subtle::ConstantTimeEq as _;

/// How long a code is good for.
pub(crate) const CODE_MS: u64 = 5 * 60_000;
/// Digits of a code: two more than a login code has, because strangers may have one sent.
const CODE_DIGITS: usize = 8;
/// Wrong tries after which a code is over.
const TRIES_MAX: u8 = 20;

/// A session that is not used for so long is over.
const IDLE_MS: u64 = 12 * 3_600_000;
/// And at the latest after this.
const SESSION_MS: u64 = 7 * 24 * 3_600_000;
/// Sessions at once: the one that was used the longest ago makes room.
const SESSIONS_MAX: usize = 16;

/// Codes that one address may ask for, and that all may.
const ASKS: Rate = Rate { burst: 5, per_second: 1.0 / 120.0 };
const ASKS_IN_ALL: Rate = Rate { burst: 6, per_second: 1.0 / 300.0 };
/// Codes that one address may try: too few to use up those of others, who know the right one.
const TRIES: Rate = Rate { burst: 5, per_second: 1.0 / 60.0 };

/// Hexadecimal digits of a token: 256 bits.
pub(crate) const TOKEN_CHARS: usize = 64;

/// What becomes of somebody who asks for a code.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// This is sent to that member.
    Send(UserId, String),
    /// Nothing is sent: a code waits already, or there is nobody to send it to.
    Nothing,
    /// It was too much.
    TooMany,
}

/// What becomes of somebody who tries one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Tried {
    /// It is the owner's.
    Right(UserId),
    /// It is not, or none waits.
    Wrong,
    /// It was too much.
    TooMany,
}

/// The state.
pub(crate) struct Gate<N> {
    secret: [u8; 32],
    code: Option<Code>,
    asks: ByAddress,
    asks_in_all: Bucket,
    tries: ByAddress,
    sessions: Vec<Session<N>>,
}

struct Code {
    /// None: nobody owns the node, so that no try is right.
    of: Option<UserId>,
    digits: String,
    expires_ms: u64,
    tries: u8,
}

struct Session<N> {
    token: Hash,
    user: UserId,
    created_ms: u64,
    used_ms: u64,
    /// Shown on the next page.
    notice: Option<N>,
}

impl<N> Gate<N> {
    /// Nobody is in, and no code waits.
    pub(crate) fn new(now_ms: u64, rng: &mut dyn Rng) -> Self {
        let mut secret = [0; 32];
        rng.fill_bytes(&mut secret);
        Self {
            secret,
            code: None,
            asks: ByAddress::new(ASKS),
            asks_in_all: Bucket::full(ASKS_IN_ALL, now_ms),
            tries: ByAddress::new(TRIES),
            sessions: Vec::new(),
        }
    }

    /// Somebody wants a code.
    pub(crate) fn ask(
        &mut self,
        from: Option<SocketAddr>,
        owner: Option<UserId>,
        now_ms: u64,
        rng: &mut dyn Rng,
    ) -> Asked {
        if !self.asks.may(from, now_ms) {
            return Asked::TooMany;
        }
        // One that was tried too often waits on: whoever guesses does not get the owner more messages.
        if self.code.as_ref().is_some_and(|code| code.expires_ms > now_ms && code.of == owner) {
            return Asked::Nothing;
        }
        if self.asks_in_all.take(ASKS_IN_ALL, now_ms).is_err() {
            return Asked::TooMany;
        }
        let digits: String =
            (0..CODE_DIGITS).map(|_| char::from(rng.random_range(b'0'..=b'9'))).collect();
        let shown = digits.clone();
        self.code = Some(Code { of: owner, digits, expires_ms: now_ms + CODE_MS, tries: 0 });
        owner.map_or(Asked::Nothing, |owner| Asked::Send(owner, shown))
    }

    /// Somebody tries a code. A right one is used up.
    pub(crate) fn try_code(
        &mut self,
        from: Option<SocketAddr>,
        owner: Option<UserId>,
        typed: &str,
        now_ms: u64,
    ) -> Tried {
        if !self.tries.may(from, now_ms) {
            return Tried::TooMany;
        }
        let Some(code) = self.code.as_mut().filter(|code| code.expires_ms > now_ms) else {
            return Tried::Wrong;
        };
        if code.tries >= TRIES_MAX {
            return Tried::Wrong;
        }
        code.tries += 1;
        // As it is shown in groups, or pasted with what stood around it.
        let typed: String =
            typed.chars().filter(|c| !c.is_whitespace() && *c != '-').take(64).collect();
        let is_right = bool::from(code.digits.as_bytes().ct_eq(typed.as_bytes()));
        match code.of {
            Some(user) if is_right && owner == Some(user) => {
                self.code = None;
                Tried::Right(user)
            }
            _ => Tried::Wrong,
        }
    }

    /// A session of somebody who has shown to be the owner. Answers its token, which nobody has seen
    /// before.
    pub(crate) fn open(&mut self, user: UserId, now_ms: u64, rng: &mut dyn Rng) -> String {
        self.sessions.retain(|session| session.is_good(Some(user), now_ms));
        if self.sessions.len() >= SESSIONS_MAX {
            self.sessions.sort_by_key(|session| std::cmp::Reverse(session.used_ms));
            self.sessions.truncate(SESSIONS_MAX - 1);
        }
        let token = token(rng);
        self.sessions.push(Session {
            token: blake3::hash(token.as_bytes()),
            user,
            created_ms: now_ms,
            used_ms: now_ms,
            notice: None,
        });
        token
    }

    /// Whether a token is that of a session of who owns the node now. It is used by that.
    pub(crate) fn enter(&mut self, token: &str, owner: Option<UserId>, now_ms: u64) -> bool {
        self.sessions.retain(|session| session.is_good(owner, now_ms));
        match self.session(token) {
            Some(session) => {
                session.used_ms = now_ms;
                true
            }
            None => false,
        }
    }

    /// The session ends.
    pub(crate) fn close(&mut self, token: &str) {
        let token = blake3::hash(token.as_bytes());
        self.sessions.retain(|session| session.token != token);
    }

    /// All sessions end.
    pub(crate) fn close_all(&mut self) {
        self.sessions.clear();
    }

    /// The session's next page shows this.
    pub(crate) fn notice(&mut self, token: &str, notice: N) {
        if let Some(session) = self.session(token) {
            session.notice = Some(notice);
        }
    }

    /// Takes what the next page shows.
    pub(crate) fn take_notice(&mut self, token: &str) -> Option<N> {
        self.session(token)?.notice.take()
    }

    /// What forms of this browser carry.
    pub(crate) fn form_token(&self, browser: &str) -> String {
        self.form_hash(browser).to_hex().to_string()
    }

    /// Whether a form is one of this browser's.
    pub(crate) fn is_form_token(&self, browser: &str, given: &str) -> bool {
        // Compared in constant time.
        Hash::from_hex(given).is_ok_and(|given| given == self.form_hash(browser))
    }

    fn form_hash(&self, browser: &str) -> Hash {
        blake3::keyed_hash(&self.secret, browser.as_bytes())
    }

    fn session(&mut self, token: &str) -> Option<&mut Session<N>> {
        // By its hash, compared in constant time.
        let token = blake3::hash(token.as_bytes());
        self.sessions.iter_mut().find(|session| session.token == token)
    }
}

impl<N> Session<N> {
    fn is_good(&self, owner: Option<UserId>, now_ms: u64) -> bool {
        owner == Some(self.user)
            && now_ms < self.used_ms.saturating_add(IDLE_MS)
            && now_ms < self.created_ms.saturating_add(SESSION_MS)
    }
}

/// A new token: of a browser, or of a session.
pub(crate) fn token(rng: &mut dyn Rng) -> String {
    let mut secret = [0; TOKEN_CHARS / 2];
    rng.fill_bytes(&mut secret);
    Hash::from_bytes(secret).to_hex().to_string()
}

#[cfg(test)]
mod tests;
