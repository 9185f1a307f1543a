//! An entry of the control chain, read once.

use std::sync::OnceLock;

use keys::VerifyKey;

use super::state::Refused;
use crate::body::{Action, ControlBody, Evidence};
use crate::entry::{Entry, Signer};
use crate::header::{Generation, Header, Lane};
use crate::ids::{ControlRef, EntryId, UserRef};

/// A control entry with its body.
#[derive(Debug, Clone)]
pub struct ControlEntry {
    entry: Entry,
    generation: Generation,
    user: Option<UserRef>,
    /// `None` if the kind is unknown or the body none of that kind: void, for everybody alike.
    body: Option<ControlBody>,
    /// Whether the evidence is signed by this key: asked at every fold, computed once.
    evidence: OnceLock<(VerifyKey, bool)>,
    /// The same of the entry itself, and of the certificates that it carries.
    signature: OnceLock<(Signer, VerifyKey, bool)>,
    certs: OnceLock<bool>,
}

impl ControlEntry {
    /// Reads the body.
    ///
    /// # Errors
    /// [`Refused::NotControl`], or [`Refused::NoBody`]: the control chain is useless without bodies.
    pub fn new(entry: Entry) -> Result<Self, Refused> {
        let Lane::Control { generation, user } = entry.header().lane else {
            return Err(Refused::NotControl);
        };
        let bytes = entry.body().ok_or(Refused::NoBody)?;
        let body = ControlBody::decode(entry.header().kind, bytes).ok();
        let (evidence, signature, certs) = Default::default();
        Ok(Self { entry, generation, user, body, evidence, signature, certs })
    }

    /// As it travels.
    pub fn entry(&self) -> &Entry {
        &self.entry
    }

    /// What is signed.
    pub fn header(&self) -> &Header {
        self.entry.header()
    }

    /// Its name.
    pub fn id(&self) -> EntryId {
        self.entry.id()
    }

    /// The number in the chain.
    pub fn seq(&self) -> u64 {
        self.header().seq
    }

    /// Under whom it was written.
    pub fn generation(&self) -> Generation {
        self.generation
    }

    /// Who asked.
    pub fn user(&self) -> Option<UserRef> {
        self.user
    }

    /// What it does, if it can be read.
    pub fn action(&self) -> Option<&Action> {
        self.body.as_ref().map(|body| &body.action)
    }

    /// The ask that it answers.
    pub fn evidence(&self) -> Option<&Evidence> {
        self.body.as_ref().and_then(|body| body.evidence.as_ref())
    }

    /// How a data entry cites it.
    pub fn cite(&self) -> ControlRef {
        let is_recover = matches!(self.action(), Some(Action::Recover(_)));
        let act = if is_recover { self.id().short() } else { self.generation.act };
        ControlRef {
            recovery: self.generation.recovery,
            act,
            seq: self.seq(),
            hash: self.id().short(),
        }
    }

    /// Whether the entry is signed by this key.
    pub(super) fn is_signed_by(&self, signer: Signer, key: &VerifyKey) -> bool {
        let verify = || self.entry.verify(signer, key).is_ok();
        let (by, with, holds) = self.signature.get_or_init(|| (signer, *key, verify()));
        if (*by, with) == (signer, key) { *holds } else { verify() }
    }

    /// Whether the certificates that its action carries are signed by their root keys.
    pub(super) fn certs_are_signed(&self) -> bool {
        let all = || match self.action() {
            Some(Action::Genesis(genesis)) => genesis.cert.verify().is_ok(),
            Some(Action::AddNode(add)) => add.cert.verify().is_ok(),
            Some(Action::Cert(cert)) => cert.verify().is_ok(),
            Some(Action::Recover(recover)) => {
                let mut certs = std::iter::once(&recover.cert).chain(recover.certs.iter());
                certs.all(|cert| cert.verify().is_ok())
            }
            _ => true,
        };
        *self.certs.get_or_init(all)
    }

    /// Whether the evidence is signed by this key.
    pub(super) fn evidence_is_signed_by(&self, key: &VerifyKey) -> bool {
        let verify = || self.evidence().is_some_and(|evidence| evidence.verify(key).is_ok());
        let (verified_by, is_signed) = self.evidence.get_or_init(|| (*key, verify()));
        if verified_by == key { *is_signed } else { verify() }
    }
}
