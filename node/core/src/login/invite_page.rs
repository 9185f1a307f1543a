//! The page that shows an invite to whoever is to join.
//!
//! Its address holds number and code, since only a hash of the code is stored, and a tag that nobody
//! else can make: a number and a code cannot be tried there. It is good as long as the invite.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use node_store::Keyspace;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::codes::CODE_DIGITS;
use super::invites::{Invite, InviteRecord};
use crate::access::{code_hash, invite_tag};
use crate::inner::Inner;
use crate::record::Record as _;
use crate::setup::Registration;
use crate::{Core, CoreResult};

/// Where pages of invites are, below the address of all pages.
const PATH: &str = "/join/";

/// number (8) ++ code (3) ++ tag (16); 36 characters of base64.
const TOKEN_BYTES: usize = 27;
const SAID_BYTES: usize = 11;

impl Core {
    /// Tells where browsers reach this node's pages, for example `https://example.org`. Invites that are
    /// made from now on say where their page is.
    pub fn pages_are_at(&self, base: &str) {
        // Said once, when the node listens.
        let _ = self.inner.pages_at.set(base.trim_end_matches('/').to_owned());
    }

    /// The address of an invite's page; none before [`Core::pages_are_at`].
    #[must_use]
    pub fn invite_page(&self, invite: &Invite) -> Option<String> {
        self.inner.invite_page(invite)
    }

    /// The invite whose page's address ends with `token`. None for one that was used, has expired or was
    /// tried too often, and for what was not made here. Looking changes nothing.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn invite_of_page(&self, token: &str) -> CoreResult<Option<Invite>> {
        let Some((phone, code)) = self.inner.read_invite_token(token) else { return Ok(None) };
        if self.inner.registration == Registration::Closed {
            return Ok(None);
        }
        let row = self.inner.store.get(Keyspace::INVITES, &phone.to_be_bytes())?;
        let found = row.map(|row| InviteRecord::decode(&row)).transpose()?;
        self.settled().await?;
        let hash = code_hash(&self.inner.access_secret, phone, &code);
        let good = found.filter(|invite| invite.is_good(self.now_ms()) && invite.has(&hash));
        Ok(good.map(|invite| Invite { phone, code, expires: invite.expires() }))
    }
}

impl Inner {
    /// See [`Core::invite_page`].
    pub(crate) fn invite_page(&self, invite: &Invite) -> Option<String> {
        let base = self.pages_at.get()?;
        let code: u32 = invite.code.parse().ok()?;
        let mut said = Zeroizing::new([0; SAID_BYTES]);
        let (phone, digits) = said.split_at_mut(8);
        phone.copy_from_slice(&invite.phone.to_be_bytes());
        digits.copy_from_slice(code.to_be_bytes().get(1..)?);
        let tag = invite_tag(&self.access_secret, &said[..]);
        let token = URL_SAFE_NO_PAD.encode([&said[..], &tag].concat());
        Some(format!("{base}{PATH}{token}"))
    }

    fn read_invite_token(&self, token: &str) -> Option<(u64, String)> {
        if token.len() != TOKEN_BYTES.div_ceil(3) * 4 {
            return None;
        }
        let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(token).ok()?);
        let (said, tag) = bytes.split_at_checked(SAID_BYTES)?;
        if !bool::from(tag.ct_eq(&invite_tag(&self.access_secret, said))) {
            return None;
        }
        let (phone, digits) = said.split_first_chunk()?;
        let code = u32::from_be_bytes([0, *digits.first()?, *digits.get(1)?, *digits.get(2)?]);
        Some((u64::from_be_bytes(*phone), format!("{code:0CODE_DIGITS$}")))
    }
}
