//! Random bytes of any definition, from the schema alone.
//!
//! For tests of readers and writers: nothing here knows the generated types, so bytes that pass
//! through them unchanged prove both sides. The same seed gives the same bytes.

use std::collections::BTreeMap;

use crate::codegen::PRIMITIVES;
use crate::history::{Edition, History, Section};
use crate::schema::{Definition, Param, Type, parse_type};

/// Constructor id of `Vector<t>`.
const VECTOR: u32 = 0x1cb5_c415;
/// Constructor ids of `Bool`.
const BOOL: [u32; 2] = [0xbc79_9737, 0x9972_75b5];
/// Levels of constructors before only the shallowest is chosen.
const DEPTH_MAX: usize = 4;
/// Bytes before only the shallowest is chosen.
const BYTES_FULL: usize = 4096;

/// Makes values of one layer.
#[derive(Debug, Clone)]
pub struct Generator<'a> {
    constructors: BTreeMap<&'a str, &'a Definition>,
    functions: BTreeMap<&'a str, &'a Definition>,
    /// TL type → its constructors, the shallowest first.
    boxed: BTreeMap<&'a str, Vec<&'a Definition>>,
    rng: SplitMix,
}

impl<'a> Generator<'a> {
    /// A generator of the definitions that `layer` has.
    #[must_use]
    pub fn new(history: &'a History, layer: i32, seed: u64) -> Self {
        let constructors = at(&history.types, layer);
        let mut boxed: BTreeMap<&str, Vec<&Definition>> = BTreeMap::new();
        for definition in constructors.values() {
            boxed.entry(&definition.result).or_default().push(definition);
        }
        let mut generator = Self {
            constructors,
            functions: at(&history.functions, layer),
            boxed,
            rng: SplitMix(seed),
        };
        generator.sort_by_depth();
        generator
    }

    /// The constructors of the layer, without those that are primitives in Rust.
    pub fn constructor_names(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.constructors.keys().copied().collect::<Vec<_>>().into_iter()
    }

    /// The functions of the layer.
    pub fn function_names(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.functions.keys().copied().collect::<Vec<_>>().into_iter()
    }

    /// A value of the constructor, with its id; `None` if the layer has no such constructor.
    pub fn constructor(&mut self, name: &str) -> Option<Vec<u8>> {
        let definition = *self.constructors.get(name)?;
        Some(self.definition(definition))
    }

    /// A call of the function, with its id; `None` if the layer has no such function.
    pub fn function(&mut self, name: &str) -> Option<Vec<u8>> {
        let definition = *self.functions.get(name)?;
        Some(self.definition(definition))
    }

    /// What the function may answer; `None` if the layer has no such function.
    pub fn result(&mut self, function: &str) -> Option<Vec<u8>> {
        let result = parse_type(&self.functions.get(function)?.result);
        let mut out = Vec::new();
        self.value(&result, 0, &mut out);
        Some(out)
    }

    fn definition(&mut self, definition: &Definition) -> Vec<u8> {
        let mut out = definition.id.to_le_bytes().to_vec();
        self.fields(definition, 1, &mut out);
        out
    }

    fn fields(&mut self, definition: &Definition, depth: usize, out: &mut Vec<u8>) {
        let full = depth >= DEPTH_MAX || out.len() >= BYTES_FULL;
        // Few, about half or all of the bits: so each flag is seen alone and with all others.
        let density = if full { 0 } else { self.rng.below(5) };
        let mut words: BTreeMap<&str, u32> = BTreeMap::new();
        let params = &definition.params;
        for (i, param) in params.iter().enumerate() {
            match (&param.ty, &param.flag) {
                (Type::Flags, _) => {
                    let word = self.flag_word(params, &param.name, density);
                    words.insert(&param.name, word);
                    out.extend(word.to_le_bytes());
                }
                (Type::True, _) => {}
                (_, Some((word, bit)))
                    if words.get(word.as_str()).is_none_or(|w| w >> bit & 1 == 0) => {}
                (Type::Int, None) if is_body_length(&params[i..]) => {
                    let mut body = Vec::new();
                    self.value(&Type::Rest, depth, &mut body);
                    out.extend((body.len() as u32).to_le_bytes());
                    out.extend(body);
                    return;
                }
                (ty, _) => self.value(ty, depth, out),
            }
        }
    }

    /// Only bits that some field stands behind.
    fn flag_word(&mut self, params: &[Param], word: &str, density: u64) -> u32 {
        let mut value = 0;
        for (_, bit) in params.iter().filter_map(|p| p.flag.as_ref()).filter(|(w, _)| w == word) {
            if self.rng.below(4) < density {
                value |= 1 << bit;
            }
        }
        value
    }

    fn value(&mut self, ty: &Type, depth: usize, out: &mut Vec<u8>) {
        match ty {
            Type::True => {}
            Type::Flags | Type::Int => out.extend((self.rng.next() as u32).to_le_bytes()),
            Type::Long => out.extend(self.rng.next().to_le_bytes()),
            // A number, so that a value equals itself.
            Type::Double => out.extend((f64::from(self.rng.next() as i32) / 8.0).to_le_bytes()),
            Type::Int128 => (0..2).for_each(|_| out.extend(self.rng.next().to_le_bytes())),
            Type::Int256 => (0..4).for_each(|_| out.extend(self.rng.next().to_le_bytes())),
            Type::String => {
                let text = self.text();
                length_prefixed(text.as_bytes(), out);
            }
            Type::Bytes => {
                let length = self.length();
                let bytes: Vec<u8> = (0..length).map(|_| self.rng.next() as u8).collect();
                length_prefixed(&bytes, out);
            }
            Type::Bool => out.extend(BOOL[self.rng.below(2) as usize].to_le_bytes()),
            Type::Vector(inner) => {
                out.extend(VECTOR.to_le_bytes());
                self.elements(inner, depth, out);
            }
            Type::BareVector(inner) => self.elements(inner, depth, out),
            Type::Boxed(name) => {
                let constructors = self.boxed.get(name.as_str());
                let constructors =
                    constructors.expect("a used type has a constructor in its layer");
                let chosen = match constructors.as_slice() {
                    [first, ..] if depth >= DEPTH_MAX || out.len() >= BYTES_FULL => *first,
                    all => all[self.rng.below(all.len() as u64) as usize],
                };
                out.extend(chosen.id.to_le_bytes());
                self.fields(chosen, depth + 1, out);
            }
            Type::Bare(name) => {
                let definition = self
                    .constructors
                    .get(name.as_str())
                    .expect("a used constructor is in its layer");
                self.fields(definition, depth + 1, out);
            }
            Type::Rest => self.rest(out),
        }
    }

    fn elements(&mut self, ty: &Type, depth: usize, out: &mut Vec<u8>) {
        let full = depth >= DEPTH_MAX || out.len() >= BYTES_FULL;
        let count = if full { 0 } else { self.rng.below(4) as u32 };
        out.extend(count.to_le_bytes());
        (0..count).for_each(|_| self.value(ty, depth, out));
    }

    /// A whole other value: a function or constructor without fields.
    fn rest(&mut self, out: &mut Vec<u8>) {
        let all = self.functions.values().chain(self.constructors.values());
        let plain: Vec<u32> = all.filter(|d| d.params.is_empty()).map(|d| d.id).collect();
        if let Some(id) = plain.get(self.rng.below(plain.len().max(1) as u64) as usize) {
            out.extend(id.to_le_bytes());
        }
    }

    /// Mostly short, at times around the length where the long form begins.
    fn length(&mut self) -> u64 {
        match self.rng.below(16) {
            0 => 250 + self.rng.below(10),
            _ => self.rng.below(12),
        }
    }

    fn text(&mut self) -> String {
        const LETTERS: [char; 8] = ['a', 'Z', '0', ' ', 'é', 'я', '語', '🐦'];
        // Half of the texts are plain ASCII.
        let letters = if self.rng.below(2) == 0 { 4 } else { LETTERS.len() as u64 };
        (0..self.length()).map(|_| LETTERS[self.rng.below(letters) as usize]).collect()
    }

    fn sort_by_depth(&mut self) {
        let mut depths: BTreeMap<&str, usize> = BTreeMap::new();
        loop {
            let mut changed = false;
            for (name, constructors) in &self.boxed {
                let shallowest = constructors.iter().filter_map(|d| self.depth(d, &depths)).min();
                if let Some(depth) = shallowest
                    && depths.get(name).is_none_or(|old| depth < *old)
                {
                    depths.insert(name, depth);
                    changed = true;
                }
            }
            if !changed {
                break;
            }
        }
        let mut boxed = std::mem::take(&mut self.boxed);
        for constructors in boxed.values_mut() {
            constructors.sort_by_cached_key(|d| self.depth(d, &depths).unwrap_or(usize::MAX));
        }
        self.boxed = boxed;
    }

    /// Levels of constructors that the definition needs at least; `None` if not known yet.
    fn depth(&self, definition: &Definition, types: &BTreeMap<&str, usize>) -> Option<usize> {
        let mut depth = 0;
        for param in definition.params.iter().filter(|p| p.flag.is_none()) {
            depth = depth.max(match &param.ty {
                Type::Boxed(name) => *types.get(name.as_str())?,
                Type::Bare(name) => self.depth(self.constructors.get(name.as_str())?, types)?,
                _ => 0,
            });
        }
        Some(depth + 1)
    }
}

/// The definitions that are valid in `layer`.
fn at(section: &Section, layer: i32) -> BTreeMap<&str, &Definition> {
    section
        .iter()
        .filter(|(name, _)| !PRIMITIVES.contains(&name.as_str()))
        .filter_map(|(name, editions)| {
            let edition: &Edition = editions.iter().find(|e| e.holds(layer))?;
            Some((name.as_str(), &edition.definition))
        })
        .collect()
}

/// `bytes:int body:Object` at the end of `message`: the number counts the body.
fn is_body_length(params: &[Param]) -> bool {
    matches!(params, [length, body] if length.name == "bytes" && body.ty == Type::Rest)
}

/// One length byte below 254, else 254 and three; zeros to a multiple of four.
fn length_prefixed(bytes: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    match bytes.len() {
        length @ 0..254 => out.push(length as u8),
        length => out.extend(((length as u32) << 8 | 254).to_le_bytes()),
    }
    out.extend(bytes);
    while !(out.len() - start).is_multiple_of(4) {
        out.push(0);
    }
}

/// Sebastiano Vigna's SplitMix64, <https://prng.di.unimi.it/splitmix64.c>.
#[derive(Debug, Clone)]
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

#[cfg(test)]
mod tests;
