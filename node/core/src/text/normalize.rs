//! Bringing entities into the one form that is stored.

use super::{
    ENTITIES_MAX, Entity, EntityKind, LANGUAGE_BYTES_MAX, TextError, URL_BYTES_MAX, utf16_len,
};

/// Refuses entities that are not within the text or cut a character; drops those over the bound.
pub(super) fn check(text: &str, entities: Vec<Entity>) -> Result<Vec<Entity>, TextError> {
    let mut borders = vec![0];
    let mut at = 0;
    for c in text.chars() {
        at += c.len_utf16() as i32;
        borders.push(at);
    }
    let mut kept: Vec<Entity> = entities.into_iter().take(ENTITIES_MAX).collect();
    for entity in &mut kept {
        let end = entity.offset.checked_add(entity.length).ok_or(TextError::EntityBounds)?;
        let inside = entity.length > 0
            && borders.binary_search(&entity.offset).is_ok()
            && borders.binary_search(&end).is_ok();
        if !inside {
            return Err(TextError::EntityBounds);
        }
        match &mut entity.kind {
            EntityKind::TextUrl { url } => cut(url, URL_BYTES_MAX),
            EntityKind::Pre { language } => cut(language, LANGUAGE_BYTES_MAX),
            _ => {}
        }
    }
    Ok(kept)
}

fn cut(text: &mut String, bytes_max: usize) {
    text.truncate(text.floor_char_boundary(bytes_max));
}

/// Removes surrounding space and moves the entities along; those of nothing but it go.
pub(super) fn trim(text: &str, entities: Vec<Entity>) -> (String, Vec<Entity>) {
    let without_end = text.trim_end();
    let kept = without_end.trim_start();
    let start = (utf16_len(without_end) - utf16_len(kept)) as i32;
    let end = utf16_len(kept) as i32;
    let moved = entities.into_iter().filter_map(|mut entity| {
        let from = (entity.offset - start).max(0);
        let to = (entity.offset + entity.length - start).min(end);
        entity.offset = from;
        entity.length = to - from;
        (entity.length > 0).then_some(entity)
    });
    (kept.to_owned(), moved.collect())
}

/// Sorts, and splits what overlaps without being inside: the parts then nest. Nothing stays
/// inside code.
pub(super) fn nest(mut entities: Vec<Entity>) -> Vec<Entity> {
    sort(&mut entities);
    let mut out: Vec<Entity> = Vec::with_capacity(entities.len());
    // Ends of the entities that are open at the current place, innermost last.
    let mut open: Vec<(i32, bool)> = Vec::new();
    let mut queue: std::collections::VecDeque<Entity> = entities.into();
    while let Some(entity) = queue.pop_front() {
        open.retain(|(end, _)| *end > entity.offset);
        let end = entity.offset + entity.length;
        if open.iter().any(|(_, verbatim)| *verbatim) {
            // What sticks out of the code goes on behind it.
            let behind = open.iter().filter(|(_, v)| *v).map(|(end, _)| *end).max().unwrap_or(end);
            requeue(&mut queue, &entity, behind, end, out.len());
            continue;
        }
        let inner_end = open.iter().map(|(end, _)| *end).min().unwrap_or(end);
        let cut = end.min(inner_end);
        requeue(&mut queue, &entity, cut, end, out.len());
        open.push((cut, entity.kind.is_verbatim()));
        out.push(Entity { length: cut - entity.offset, ..entity });
    }
    out.dedup();
    out
}

/// Puts the rest of an entity, from `from` to `end`, back in its place of the order.
fn requeue(
    queue: &mut std::collections::VecDeque<Entity>,
    entity: &Entity,
    from: i32,
    end: i32,
    made: usize,
) {
    // Splitting may not make many out of few.
    if from >= end || made + queue.len() >= 2 * ENTITIES_MAX {
        return;
    }
    let rest = Entity { offset: from, length: end - from, kind: entity.kind.clone() };
    let at = queue.partition_point(|other| order(other) <= order(&rest));
    queue.insert(at, rest);
}

fn sort(entities: &mut [Entity]) {
    entities.sort_by_key(order);
}

/// By place; the longer one, which contains the other, first.
fn order(entity: &Entity) -> (i32, i32) {
    (entity.offset, -entity.length)
}
