//! Uploads in any order, again, with holes and with sizes that change, against a slow model.

use std::collections::{BTreeMap, HashMap};

use blobs::{AssembleError, Blobs, Kind, Part, PartError};
use bytes::Bytes;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use crate::ground::{Ground, at, content, part};

const STEPS: usize = 250;
const SIZES: [usize; 8] = [1, 1000, 1024, 2048, 3072, 64 << 10, 512 << 10, 512 << 10];

#[derive(Debug, Default, Clone)]
struct Model {
    kind: Option<Kind>,
    total: Option<u32>,
    parts: BTreeMap<u32, Bytes>,
    done: Option<(u32, Vec<u8>)>,
}

impl Model {
    /// What a save answers, in one word.
    fn save(&mut self, part: &Part) -> &'static str {
        let mut after = self.clone();
        if after.kind.is_some_and(|kind| kind != part.kind) {
            return "Parts";
        }
        if let (Some(before), Some(now)) = (after.total, part.total)
            && before != now
        {
            return "Parts";
        }
        after.kind = Some(part.kind);
        after.total = after.total.or(part.total);
        after.parts.insert(part.index, part.bytes.clone());
        let last = *after.parts.keys().max().unwrap();
        if after.total.is_some_and(|total| last >= total) {
            return "Parts";
        }
        let ends = after.total.is_none_or(|total| total == last + 1);
        // There is a size that all parts but the last have, and the last at most.
        let fits = (10..20).map(|power| 1usize << power).any(|size| {
            after.parts.iter().all(|(index, bytes)| {
                bytes.len() == size || *index == last && ends && bytes.len() < size
            })
        });
        if !fits {
            return "Size";
        }
        *self = after;
        "ok"
    }

    /// What an assembly answers: the content, or a word.
    fn assemble(&mut self, count: u32) -> Result<Vec<u8>, String> {
        let known = self.total.is_none_or(|total| total == count);
        let answer = if self.kind.is_none() && self.done.is_none() {
            Err("Missing 0".into())
        } else if !known || self.parts.keys().any(|index| *index >= count) {
            Err("Parts".into())
        } else if let Some(hole) = (0..count).find(|index| !self.parts.contains_key(index)) {
            Err(format!("Missing {hole}"))
        } else {
            Ok(self.parts.values().flatten().copied().collect::<Vec<u8>>())
        };
        match (answer, &self.done) {
            (Ok(content), _) => {
                *self = Self { done: Some((count, content.clone())), ..Self::default() };
                Ok(content)
            }
            (Err(_), Some((parts, content))) if *parts == count => Ok(content.clone()),
            (Err(word), _) => Err(word),
        }
    }
}

fn word(saved: &Result<(), PartError>) -> &'static str {
    match saved {
        Ok(()) => "ok",
        Err(PartError::Size | PartError::SizeChanged) => "Size",
        // The model does not tell which of two wrong numbers is to blame.
        Err(PartError::Parts | PartError::Index) => "Parts",
        Err(other) => panic!("{other:?}"),
    }
}

pub(crate) async fn uploads_are_as_in_the_model(ground: &Ground) {
    for seed in 0..3 {
        run(ground, seed).await;
    }
}

async fn run(ground: &Ground, seed: u64) {
    println!("seed {seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let mut models: HashMap<i64, Model> = HashMap::new();
    let mut blobs = ground.open().await;
    let (mut saved, mut assembled) = (0, 0);
    for step in 0..STEPS {
        let file = 1000 * (seed as i64 + 1) + rng.random_range(0..4);
        let model = models.entry(file).or_default();
        match rng.random_range(0..100) {
            0..4 => {
                drop(blobs);
                blobs = ground.open().await;
            }
            4..30 => {
                let guess = model.parts.keys().max().map_or(1, |last| last + 1);
                let count = if rng.random_bool(0.8) { guess } else { rng.random_range(1..7) };
                let expected = model.assemble(count);
                assembled += usize::from(expected.is_ok());
                let answer = assemble(&blobs, file, count).await;
                let shown = (answer.as_ref().map(Vec::len), expected.as_ref().map(Vec::len));
                assert!(answer == expected, "step {step}, {count} parts: {shown:?}");
            }
            _ => {
                // Mostly one size for a file, so that something comes of it.
                let usual = SIZES[2 + (file % 4) as usize * 5 / 3];
                let size =
                    if rng.random_bool(0.8) { usual } else { *SIZES.choose(&mut rng).unwrap() };
                let total = rng.random_bool(0.1).then(|| rng.random_range(2..6));
                let index = rng.random_range(0..total.unwrap_or(5));
                let kind = if rng.random_bool(0.02) { Kind::Small } else { Kind::Big };
                let bytes = content(seed * 10_000 + step as u64, size);
                let part = Part { total, kind, ..part(file, index, bytes) };
                let expected = model.save(&part);
                saved += usize::from(expected == "ok");
                let answer = blobs.save_part(part.clone(), at(0)).await;
                assert_eq!(word(&answer), expected, "step {step}: {part:?} to {model:?}");
            }
        }
    }
    assert!(saved > STEPS / 5 && assembled > STEPS / 20, "{saved} saved, {assembled} assembled");
}

async fn assemble(blobs: &Blobs, file: i64, count: u32) -> Result<Vec<u8>, String> {
    match blobs.assemble(1, file, count, None).await {
        Ok(blob) => Ok(crate::ground::whole(blobs, &blob).await.to_vec()),
        Err(AssembleError::Parts) => Err("Parts".into()),
        Err(AssembleError::Missing { part }) => Err(format!("Missing {part}")),
        Err(other) => panic!("{other:?}"),
    }
}
