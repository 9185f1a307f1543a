//! Custom emoji across nodes.
//!
//! An emoji is named by the node that has it and its number there. Here it has a number of its own from
//! when it is first named; what it looks like is asked of its node when a client wants to draw it, and
//! kept. Until then clients draw the plain emoji that it stands for.
//!
//! Keyspace `NODES`: 25 ++ node (16) ++ number there (8) the number here (8); 26 ++ number here (8): node
//! (16) ++ number there (8).

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use glog::{Node16, UserRef};
use node_store::Keyspace;

use super::{EMOJI, EMOJI_OF, people};
use crate::decide::Decide;
use crate::ids::UserId;
use crate::limits::Limit;
use crate::media::{Document, FileId, FileRecord};
use crate::message::Message;
use crate::reactions::{Reaction, is_custom_emoji};
use crate::record::Record as _;
use crate::text::{Entity, EntityKind, Text};
use crate::{Core, CoreResult};

/// Emoji that are asked of one node at once.
pub const EMOJI_AT_ONCE: usize = 100;

/// Bytes of what one is.
const RECORD_BYTES_MAX: usize = 4096;

fn named_key(node: Node16, number: i64) -> Vec<u8> {
    [&[EMOJI][..], &node.0, &number.to_be_bytes()].concat()
}

fn of_key(here: FileId) -> Vec<u8> {
    [&[EMOJI_OF][..], &here.0.to_be_bytes()].concat()
}

/// Node, and number there.
fn read(row: &[u8]) -> Option<(Node16, i64)> {
    let (node, number) = row.split_first_chunk::<16>()?;
    Some((Node16(*node), i64::from_be_bytes(number.try_into().ok()?)))
}

/// How a reaction with another node's emoji is called in logs: 32 letters for node and number.
fn reaction_text(node: Node16, number: i64) -> String {
    URL_SAFE_NO_PAD.encode([&node.0[..], &number.to_be_bytes()].concat())
}

impl Core {
    /// What custom emoji of this node are, for another one: as files of messages are described.
    ///
    /// # Errors
    /// Those of the store.
    pub fn emoji_shown(&self, numbers: &[i64]) -> CoreResult<Vec<(i64, Vec<u8>)>> {
        let mut shown = Vec::new();
        for number in numbers.iter().take(EMOJI_AT_ONCE) {
            let document = self.document(FileId(*number))?.filter(is_custom_emoji);
            let far = self.inner.store.get(Keyspace::NODES, &of_key(FileId(*number)))?;
            // What another node has is that one's to show.
            let Some(document) = document.filter(|_| far.is_none()) else { continue };
            let record = FileRecord::Document(document).encode()?;
            if record.len() <= RECORD_BYTES_MAX {
                shown.push((*number, record));
            }
        }
        Ok(shown)
    }

    /// Asks other nodes what emoji of theirs are that somebody here wants to see. Who does not answer is
    /// asked again the next time.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn fetch_emoji(&self, viewer: UserId, wanted: &[FileId]) -> CoreResult<()> {
        let mut missing: BTreeMap<Node16, Vec<i64>> = BTreeMap::new();
        for here in wanted.iter().take(EMOJI_AT_ONCE) {
            let row = self.inner.store.get(Keyspace::NODES, &of_key(*here))?;
            let Some((node, number)) = row.and_then(|row| read(&row)) else { continue };
            if self.document(*here)?.is_none() {
                missing.entry(node).or_default().push(number);
            }
        }
        // Who asks too often sees the plain ones.
        if missing.is_empty() || self.take(Limit::Lookups(viewer)).await.is_err() {
            return Ok(());
        }
        for (node, numbers) in missing {
            let Some(known) = self.known_node(node)?.filter(|known| !known.blocked) else {
                continue;
            };
            let Ok(network) = self.network() else { return Ok(()) };
            let Ok(given) = network.emoji(known.id, numbers.clone()).await else { continue };
            let asked = given.into_iter().filter(|(number, _)| numbers.contains(number));
            let given: Vec<(i64, Vec<u8>)> = asked.take(EMOJI_AT_ONCE).collect();
            self.write(None, move |decide| decide.learn_emoji(node, given)).await?;
        }
        Ok(())
    }
}

impl Decide<'_> {
    /// The number here of an emoji of a node.
    pub(crate) fn emoji_named(&mut self, node: Node16, number: i64) -> CoreResult<FileId> {
        if node == self.inner.logs.keys().node().short() {
            return Ok(FileId(number));
        }
        let key = named_key(node, number);
        let row = self.get(Keyspace::NODES, &key)?;
        if let Some(here) = row.and_then(|row| row.first_chunk().map(|id| i64::from_be_bytes(*id)))
        {
            return Ok(FileId(here));
        }
        let here = FileId((self.rng.next_u64() >> 1).max(1) as i64);
        self.put_bytes(Keyspace::NODES, &key, here.0.to_be_bytes().to_vec());
        let name = [&node.0[..], &number.to_be_bytes()].concat();
        self.put_bytes(Keyspace::NODES, &of_key(here), name);
        Ok(here)
    }

    /// The node whose emoji that is, and its number there; `None` for this node's own.
    pub(crate) fn emoji_name(&self, here: FileId) -> CoreResult<Option<(Node16, i64)>> {
        Ok(self.get(Keyspace::NODES, &of_key(here))?.and_then(|row| read(&row)))
    }

    /// Emoji of other nodes in a message: number here, node, number there.
    pub(crate) fn emoji_in(&self, message: &Message) -> CoreResult<Vec<(i64, [u8; 16], i64)>> {
        self.emoji_named_in(message.entities.iter())
    }

    fn emoji_named_in<'a>(
        &self,
        entities: impl Iterator<Item = &'a Entity>,
    ) -> CoreResult<Vec<(i64, [u8; 16], i64)>> {
        let mut emoji = BTreeMap::new();
        for entity in entities {
            let EntityKind::CustomEmoji { document_id } = entity.kind else { continue };
            if let Some((node, number)) = self.emoji_name(FileId(document_id))? {
                emoji.insert(document_id, (node.0, number));
            }
        }
        Ok(emoji.into_iter().map(|(here, (node, number))| (here, node, number)).collect())
    }

    /// Emoji of other nodes in texts, as [`Decide::emoji_in`].
    pub(crate) fn emoji_in_texts<'a>(
        &self,
        texts: impl Iterator<Item = &'a Text>,
    ) -> CoreResult<Vec<(i64, [u8; 16], i64)>> {
        self.emoji_named_in(texts.flat_map(|text| &text.entities))
    }

    /// How logs call an emoji wherever it is named: by its node and its number there.
    pub(crate) fn emoji_text(&self, here: FileId) -> CoreResult<String> {
        let own = || (self.inner.logs.keys().node().short(), here.0);
        let (node, number) = self.emoji_name(here)?.unwrap_or_else(own);
        Ok(reaction_text(node, number))
    }

    /// What a log calls a reaction: of an emoji of this node `#` and its number, of another node's both.
    pub(crate) fn reaction_in_log(&self, reaction: &Reaction) -> CoreResult<Option<String>> {
        let Reaction::Custom(here) = reaction else { return Ok(None) };
        Ok(self.emoji_name(*here)?.map(|(node, number)| reaction_text(node, number)))
    }

    /// The reaction that a log of a node names; `None` for what is none.
    pub(crate) fn reaction_named(
        &mut self,
        node: Node16,
        text: String,
    ) -> CoreResult<Option<Reaction>> {
        let own = text.strip_prefix('#').map(|number| number.parse().ok());
        let named = match own {
            Some(number) => number.map(|number| (node, number)),
            None => URL_SAFE_NO_PAD.decode(&text).ok().and_then(|bytes| read(&bytes)),
        };
        match (own, named) {
            (_, Some((node, number))) => {
                Ok(Some(Reaction::Custom(self.emoji_named(node, number)?)))
            }
            (Some(_), None) => Ok(None),
            (None, None) => Ok(Some(Reaction::Emoji(text))),
        }
    }

    /// A node has said what emoji of its own are. Nothing of it is trusted.
    fn learn_emoji(&mut self, node: Node16, given: Vec<(i64, Vec<u8>)>) -> CoreResult<()> {
        for (number, record) in given {
            let here = self.emoji_named(node, number)?;
            let Some(document) = self.emoji_given(node, here, &record)? else { continue };
            if self.document(here)?.is_none() && self.keep_file(FileRecord::Document(document))? {
                self.hold_file(Some(here), 1)?;
            }
        }
        Ok(())
    }

    fn emoji_given(
        &mut self,
        node: Node16,
        here: FileId,
        record: &[u8],
    ) -> CoreResult<Option<Document>> {
        if record.len() > RECORD_BYTES_MAX {
            return Ok(None);
        }
        let Ok(FileRecord::Document(document)) = FileRecord::decode(record) else {
            return Ok(None);
        };
        // Who has made it lives there, and the file is asked of their node.
        let maker = UserRef { node, id: document.owner.0.unsigned_abs() };
        if !is_custom_emoji(&document) || people::is_remote(document.owner) {
            return Ok(None);
        }
        let Some(maker) = self.account_named(maker)? else { return Ok(None) };
        match FileRecord::Document(document).renamed(here, maker) {
            Some(FileRecord::Document(document)) => Ok(Some(document)),
            _ => Ok(None),
        }
    }
}

#[cfg(test)]
impl Core {
    /// How logs call an emoji of this node.
    pub(crate) fn own_emoji_text(&self, number: i64) -> String {
        reaction_text(self.node().short(), number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_an_emoji_fits_a_reaction() {
        let text = reaction_text(Node16([255; 16]), i64::MIN);
        assert_eq!(text.len(), 32);
        let bytes = URL_SAFE_NO_PAD.decode(text).unwrap();
        assert_eq!(read(&bytes), Some((Node16([255; 16]), i64::MIN)));
    }
}
