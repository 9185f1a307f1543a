//! A hash of the whole state, for Checkpoints: who joins compares what they folded.

use super::state::State;
use crate::cbor::{Wire, Writer};

const DOMAIN: &[u8] = b"glog1-state";

impl State {
    /// blake3 of `glog1-state` ++ a deterministic encoding of everything that later entries are judged
    /// by. Maps are written in the order of their keys.
    pub fn digest(&self) -> [u8; 32] {
        let mut to = Writer::default();
        self.group.put(&mut to);
        (self.rules.kind, self.rules.public).put(&mut to);
        (self.rules.defaults, self.shows_history).put(&mut to);
        (self.owner, self.home).put(&mut to);
        self.recovery.put(&mut to);
        self.generation.recovery.put(&mut to);
        (self.generation.act, self.generation.term).put(&mut to);
        (self.head.0, self.head.1).put(&mut to);
        (self.home_serial, self.epoch).put(&mut to);
        to.array(self.nodes.len());
        for node in self.nodes.values() {
            (node.id, (node.member, node.floor)).put(&mut to);
            to.array(node.certs.len());
            node.certs.values().for_each(|cert| cert.put(&mut to));
            to.array(node.settled.len());
            node.settled.iter().for_each(|(inc, keep)| (*inc, *keep).put(&mut to));
        }
        to.array(self.admins.len());
        for (user, admin) in &self.admins {
            (*user, (admin.by, admin.rights)).put(&mut to);
        }
        to.array(self.denied.len());
        for (user, denied) in &self.denied {
            (*user, (denied.rights, denied.until_ms)).put(&mut to);
        }
        to.array(self.admitted.len());
        self.admitted.iter().for_each(|user| user.put(&mut to));
        to.array(self.invites.len());
        for invite in self.invites.values() {
            (invite.by, invite.used).put(&mut to);
            invite.invite.put(&mut to);
        }
        to.array(self.settings.len());
        self.settings.values().for_each(|setting| setting.put(&mut to));
        *blake3::Hasher::new().update(DOMAIN).update(&to.into_bytes()).finalize().as_bytes()
    }
}
