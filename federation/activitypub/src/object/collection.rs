//! Collections: what is posted, pinned, answered; how many follow.

use serde_json::{Value, json};

use super::context::{fields, put, with_context};

/// Posts that are pinned, at most: others read the first page and no more.
const FEATURED_MAX: usize = 20;

fn document(kind: &str, id: &str, total: Option<u64>) -> serde_json::Map<String, Value> {
    let mut document = fields(json!({ "id": id, "type": kind }));
    put(&mut document, "totalItems", total);
    document
}

/// A collection in order. Without a first page it is a number: Mastodon shows it as hidden.
pub(crate) fn ordered_collection(id: &str, total: u64, first: Option<&str>) -> Value {
    let mut document = document("OrderedCollection", id, Some(total));
    put(&mut document, "first", first);
    with_context(Value::Object(document))
}

/// One page of it.
pub(crate) fn ordered_page(
    id: &str,
    part_of: &str,
    items: Vec<Value>,
    next: Option<&str>,
    prev: Option<&str>,
) -> Value {
    let mut document = document("OrderedCollectionPage", id, None);
    put(&mut document, "partOf", Some(part_of));
    put(&mut document, "orderedItems", Some(items.into_iter().map(bare).collect::<Vec<Value>>()));
    put(&mut document, "next", next);
    put(&mut document, "prev", prev);
    with_context(Value::Object(document))
}

/// A collection without order, all of it in one: likes, shares, or answers by their ids.
pub(crate) fn collection(id: &str, total: u64, items: Option<Vec<Value>>) -> Value {
    let mut document = document("Collection", id, Some(total));
    put(&mut document, "items", items);
    with_context(Value::Object(document))
}

/// The pinned posts, newest first, each in whole: it saves whoever follows a fetch for each.
pub(crate) fn featured(id: &str, posts: Vec<Value>) -> Value {
    let posts: Vec<Value> = posts.into_iter().take(FEATURED_MAX).map(bare).collect();
    let mut document = document("OrderedCollection", id, u64::try_from(posts.len()).ok());
    put(&mut document, "orderedItems", Some(posts));
    with_context(Value::Object(document))
}

fn bare(mut item: Value) -> Value {
    if let Value::Object(fields) = &mut item {
        fields.remove("@context");
    }
    item
}
