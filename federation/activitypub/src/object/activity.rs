//! What an actor here does.

use serde_json::{Map, Value, json};

use super::context::{PUBLIC, fields, put, with_context};
use super::date::write_date;

/// What every activity has.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Activity {
    /// Its id.
    pub(crate) id: String,
    /// Id of who does it.
    pub(crate) actor: String,
    /// Ids of whom it is for.
    pub(crate) to: Vec<String>,
    /// Ids of whom it is for as well.
    pub(crate) cc: Vec<String>,
}

impl Activity {
    /// Something that an actor does before everybody and its followers.
    pub(crate) fn public(id: String, actor: String, followers: String) -> Self {
        Self { id, actor, to: vec![PUBLIC.to_owned()], cc: vec![followers] }
    }

    /// Something between two actors.
    pub(crate) fn between(id: String, actor: String, other: String) -> Self {
        Self { id, actor, to: vec![other], cc: Vec::new() }
    }

    fn document(&self, kind: &str, object: Value) -> Map<String, Value> {
        let mut document = fields(json!({
            "id": self.id, "type": kind, "actor": self.actor, "object": object, "to": self.to,
        }));
        put(&mut document, "cc", (!self.cc.is_empty()).then(|| self.cc.clone()));
        document
    }

    fn finish(&self, kind: &str, object: Value) -> Value {
        with_context(Value::Object(self.document(kind, object)))
    }
}

/// Who a post is for is who its activity is for.
fn of_post(id: String, post: &Value) -> Activity {
    let ids = |name: &str| -> Vec<String> {
        let list = post.get(name).and_then(Value::as_array).into_iter().flatten();
        list.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let actor = post.get("attributedTo").and_then(Value::as_str).unwrap_or_default().to_owned();
    Activity { id, actor, to: ids("to"), cc: ids("cc") }
}

/// A post is there. `post` is what [`super::note`] made. An outbox holds the same, without context.
pub(crate) fn create(id: String, post: &Value) -> Value {
    let mut document = of_post(id, post).document("Create", post.clone());
    put(&mut document, "published", post.get("published").cloned());
    with_context(Value::Object(document))
}

/// A post or an actor, whole, is as it is now.
pub(crate) fn update(of: &Activity, object: Value) -> Value {
    embedding(of, "Update", object)
}

/// What is left of a post: served with 410 for ever.
pub(crate) fn tombstone(id: &str, deleted_s: Option<i64>) -> Value {
    let mut document = fields(json!({ "id": id, "type": "Tombstone" }));
    put(&mut document, "deleted", deleted_s.map(write_date));
    with_context(Value::Object(document))
}

/// A post is gone.
pub(crate) fn delete(of: &Activity, post: &str) -> Value {
    of.finish("Delete", json!({ "id": post, "type": "Tombstone" }))
}

/// A post of another actor is shared. `published_s`, in unix seconds, says when, where that matters.
pub(crate) fn announce(of: &Activity, post: &str, published_s: Option<i64>) -> Value {
    let mut document = of.document("Announce", json!(post));
    put(&mut document, "published", published_s.map(write_date));
    with_context(Value::Object(document))
}

/// Something that was done is taken back.
pub(crate) fn undo(of: &Activity, done: Value) -> Value {
    embedding(of, "Undo", done)
}

/// The actor itself is gone, for good.
pub(crate) fn delete_actor(of: &Activity) -> Value {
    of.finish("Delete", json!(of.actor))
}

fn embedding(of: &Activity, kind: &str, mut object: Value) -> Value {
    if let Value::Object(fields) = &mut object {
        fields.remove("@context");
    }
    of.finish(kind, object)
}

/// A post is pinned.
pub(crate) fn add(of: &Activity, post: &str, featured: &str) -> Value {
    targeted(of, "Add", post, featured)
}

/// A post is pinned no more.
pub(crate) fn remove(of: &Activity, post: &str, featured: &str) -> Value {
    targeted(of, "Remove", post, featured)
}

fn targeted(of: &Activity, kind: &str, object: &str, target: &str) -> Value {
    let mut document = of.document(kind, json!(object));
    put(&mut document, "target", Some(target));
    with_context(Value::Object(document))
}

/// Somebody may follow. The follow is told in whole: some servers know it by its actor and object
/// only.
pub(crate) fn accept_follow(of: &Activity, follow_id: Option<&str>, follower: &str) -> Value {
    of.finish("Accept", follow(of, follow_id, follower))
}

fn follow(of: &Activity, follow_id: Option<&str>, follower: &str) -> Value {
    let mut follow = fields(json!({ "type": "Follow", "actor": follower, "object": of.actor }));
    put(&mut follow, "id", follow_id);
    Value::Object(follow)
}

/// That somebody asked to quote a post.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct QuoteAsked {
    /// Id of the request.
    pub(crate) id: String,
    /// Who asked.
    pub(crate) actor: String,
    /// Id of the post that quotes.
    pub(crate) quoting: String,
    /// Id of the post here.
    pub(crate) quoted: String,
}

impl QuoteAsked {
    fn document(&self) -> Value {
        json!({
            "id": self.id,
            "type": "QuoteRequest",
            "actor": self.actor,
            "object": self.quoted,
            "instrument": self.quoting,
        })
    }
}

/// A quote is agreed to: `stamp` is the id of the [`quote_authorization`].
pub(crate) fn accept_quote(of: &Activity, asked: &QuoteAsked, stamp: &str) -> Value {
    let mut document = of.document("Accept", asked.document());
    put(&mut document, "result", Some(stamp));
    with_context(Value::Object(document))
}

/// That a quote is agreed to: what other servers fetch to believe it.
/// Source: <https://w3id.org/fep/044f>
pub(crate) fn quote_authorization(id: &str, actor: &str, quoting: &str, quoted: &str) -> Value {
    with_context(json!({
        "id": id,
        "type": "QuoteAuthorization",
        "attributedTo": actor,
        "interactingObject": quoting,
        "interactionTarget": quoted,
    }))
}
