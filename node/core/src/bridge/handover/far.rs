//! What stands in the lane of a former home: who takes it back or edits it tells the present one, which
//! tells that node. It does what its own ghost may.

use glog::cbor::{Blob, Text, decode};
use glog::{GroupId, Node16};
use serde::{Deserialize, Serialize};

use super::super::{BridgeError, BridgeStage, Cid, CommentPlace, FarComment};
use super::wire::{FarAct, WORDS_BYTES_MAX};
use crate::decide::Decide;
use crate::federation::{Kind, Post};
use crate::record::Record;
use crate::text::Text as Words;
use crate::{CoreError, CoreResult};

const EDITED: u8 = 0;
const DELETED: u8 = 1;
const UNDONE: u8 = 2;

/// What a comment says, as nodes tell each other.
#[derive(Serialize, Deserialize)]
pub(super) struct Said(pub(super) Words);

impl Record for Said {
    const VERSION: u8 = 1;
    const NAME: &'static str = "words of a comment";
}

/// The words of a comment, checked as if they were written here.
pub(super) fn read_words(words: &Blob<WORDS_BYTES_MAX>) -> CoreResult<Words> {
    let Said(said) = Said::decode(words).map_err(|_| CoreError::NotALetter)?;
    Words::parse(&said.text, said.entities).map_err(|_| CoreError::NotALetter)
}

impl Decide<'_> {
    /// A comment in another node's lane says something else.
    pub(in super::super) fn edit_away(
        &mut self,
        comment: &FarComment,
        at: Node16,
        text: &Words,
    ) -> CoreResult<()> {
        let words = Some(super::told::words(text)?);
        let updated = u64::try_from(comment.updated).unwrap_or(0);
        self.tell_far(at, &comment.cid, &comment.actor, (EDITED, &comment.object), words, updated)
    }

    /// It is deleted.
    pub(in super::super) fn delete_away(
        &mut self,
        comment: &FarComment,
        at: Node16,
    ) -> CoreResult<()> {
        self.tell_far(at, &comment.cid, &comment.actor, (DELETED, &comment.object), None, 0)
    }

    /// A reaction that is counted in another node's lane is taken back.
    pub(in super::super) fn undo_away(
        &mut self,
        at: Node16,
        cid: &Cid,
        actor: &str,
        activity: &str,
    ) -> CoreResult<()> {
        self.tell_far(at, cid, actor, (UNDONE, activity), None, 0)
    }

    fn tell_far(
        &mut self,
        to: Node16,
        cid: &Cid,
        actor: &str,
        (what, of): (u8, &str),
        words: Option<Blob<WORDS_BYTES_MAX>>,
        updated: u64,
    ) -> CoreResult<()> {
        let Some(bridge) = self.inner.bridges.by_cid(cid) else { return Ok(()) };
        let group = self.with_chain(bridge.channel, |chain| chain.group())?;
        let text = |text: &str| Text::new(text).map_err(|_| CoreError::TooLarge("id"));
        let (actor, of) = (text(actor)?, text(of)?);
        let said = FarAct { group, actor, what, of, words, updated };
        self.post(Post::new(to, Kind::FAR_ACT, &said)?)
    }

    /// The present home of a channel that was this node's tells what somebody of another server wants.
    pub(crate) fn take_far_act(&mut self, node: Node16, said: &[u8]) -> CoreResult<()> {
        let said: FarAct = decode(said).map_err(|_| CoreError::NotALetter)?;
        let cid = self.may_act_far(node, said.group)?;
        let (actor, of): (&str, &str) = (&said.actor, &said.of);
        let updated = i32::try_from(said.updated).unwrap_or(i32::MAX);
        let done = self.part(|decide| {
            if said.what != UNDONE {
                let comment = decide.comment(of)?.filter(|comment| comment.cid == cid);
                let is_shown =
                    |comment: &FarComment| matches!(comment.place, CommentPlace::Shown { .. });
                if !comment.as_ref().is_some_and(is_shown) {
                    return Ok(false);
                }
            }
            match (said.what, &said.words) {
                (EDITED, Some(words)) => {
                    decide.edit_comment(actor, of, read_words(words)?, updated)
                }
                (DELETED, None) => decide.delete_comment(actor, of),
                (UNDONE, None) => decide.undo_act_of(actor, of, &cid),
                _ => Err(CoreError::NotALetter),
            }
        })?;
        match done {
            Ok(_) => Ok(()),
            Err(cause @ (CoreError::Store(_) | CoreError::Stopped(_))) => Err(cause),
            // What the rules do not let that ghost do is done nowhere.
            Err(cause) => {
                tracing::debug!(%cause, %node, "what a home has told is not done");
                Err(CoreError::NotALetter)
            }
        }
    }

    /// The channel of a group that was handed over to this node.
    fn may_act_far(&self, node: Node16, group: GroupId) -> CoreResult<Cid> {
        let channel = self.channel_of(group)?.ok_or(CoreError::NotALetter)?;
        let bridge = self.bridge_row(channel)?.ok_or(CoreError::NotALetter)?;
        let home = self.with_chain(channel, |chain| chain.state().home.short())?;
        let may = home == node && bridge.stage == BridgeStage::Given;
        if may { Ok(bridge.cid) } else { Err(CoreError::NotALetter) }
    }

    /// Fails for what concerns a channel that another node bridges by now: whoever says it is to say it
    /// again, there.
    pub(in super::super) fn is_not_given(&self, cid: &Cid) -> CoreResult<()> {
        let Some(known) = self.inner.bridges.by_cid(cid) else { return Ok(()) };
        let bridge = self.bridge_row(known.channel)?;
        match bridge.map(|bridge| bridge.stage) {
            Some(BridgeStage::Given) => Err(BridgeError::HandedOver.into()),
            _ => Ok(()),
        }
    }
}
