//! Custom emoji across nodes: in texts, in reactions, before topics.

use super::nodes::Nodes;
use super::polls::poll;
use super::stickers::files;
use super::world::Member;
use crate::*;

const ALL: HistoryQuery =
    HistoryQuery { offset_id: 0, offset_date: 0, add_offset: 0, limit: 100, max_id: 0, min_id: 0 };

/// Words that end with an emoji.
fn with(emoji: FileId) -> Text {
    let kind = EntityKind::CustomEmoji { document_id: emoji.0 };
    Text::parse("look 🔥", vec![Entity { offset: 5, length: 2, kind }]).unwrap()
}

impl Nodes {
    /// The custom emoji of the newest message of a group on a node, and that message.
    async fn newest_emoji(&self, node: usize, place: ChannelId) -> (MessageId, Option<FileId>) {
        let who = self.people[node];
        let page = self.core(node).history(who.id, place.into(), ALL).await.unwrap();
        let said = page.messages.iter().find(|stored| stored.message.action.is_none()).unwrap();
        let emoji = said.message.entities.iter().find_map(|entity| match entity.kind {
            EntityKind::CustomEmoji { document_id } => Some(FileId(document_id)),
            _ => None,
        });
        (said.id, emoji)
    }

    async fn send_emoji(&self, node: usize, place: ChannelId, emoji: FileId) {
        let (world, who) = (&self.worlds[node], self.people[node]);
        let message = Outgoing::text(place.into(), with(emoji), world.number());
        world.core.send(who.actor(), who.id, message).await.unwrap();
    }

    async fn reacts(&self, node: usize, place: ChannelId, id: MessageId, emoji: FileId) {
        let (core, who): (_, Member) = (self.core(node), self.people[node]);
        let with = vec![Reaction::Custom(emoji)];
        let how = ReactHow::default();
        core.react(who.actor(), who.id, place.into(), id, with, how).await.unwrap();
        self.worlds[node].pass_s(3);
        core.tick().await.unwrap();
    }

    fn reactions(&self, node: usize, place: ChannelId, id: MessageId) -> Vec<(Reaction, i32)> {
        let message = self.core(node).message(place, id).unwrap().unwrap();
        let shown = self.core(node).reactions(self.people[node].id, id, &message).unwrap();
        shown.unwrap_or_default().counts.into_iter().map(|one| (one.reaction, one.count)).collect()
    }
}

#[tokio::test]
async fn an_emoji_of_another_node_is_shown_used_and_reacted_with() {
    let nodes = Nodes::new(3).await;
    let (place, group) = nodes.public(false, "harbour_talk").await;
    let (home, far, third) = (nodes.core(0), nodes.core(1), nodes.core(2));
    let set = nodes.worlds[0].set(nodes.people[0], "Marks", SetKind::Emoji).await;
    let flame = files(&set)[1];
    nodes.send_emoji(0, place, flame).await;
    let there = nodes.join(1, "harbour_talk").await;
    let at_third = nodes.join(2, "harbour_talk").await;
    nodes.heal(&[group]).await;

    // It has a number here before anything is known of it, and then it is what it is there.
    let (id, here) = nodes.newest_emoji(1, there).await;
    let here = here.expect("an emoji");
    assert_eq!(far.document(here).unwrap(), None, "nobody has looked at it");
    far.fetch_emoji(nodes.people[1].id, &[here, FileId(12345)]).await.unwrap();
    let (known, own) = (far.document(here).unwrap().unwrap(), home.document(flame).unwrap());
    let own = own.unwrap();
    assert_eq!((known.id, known.blob, known.size), (here, own.blob, own.size));
    assert_eq!(far.node_of(known.owner).unwrap().map(|node| node.id), Some(home.node()));
    let is = |is: &DocumentAttribute| matches!(is, DocumentAttribute::CustomEmoji { alt, set: None, .. } if alt == "🔥");
    assert!(known.attributes.iter().any(is), "{known:?}");
    // Once: the same message again has the same one, and nothing is asked anew.
    nodes.send_emoji(0, place, flame).await;
    nodes.heal(&[group]).await;
    assert_eq!(nodes.newest_emoji(1, there).await.1, Some(here));

    // Used there, it is the home's own, and on a third node still the home's.
    nodes.send_emoji(1, there, here).await;
    nodes.reacts(1, there, id, here).await;
    nodes.heal(&[group]).await;
    assert_eq!(nodes.newest_emoji(0, place).await.1, Some(flame));
    let (_, on_third) = nodes.newest_emoji(2, at_third).await;
    let on_third = on_third.expect("an emoji");
    third.fetch_emoji(nodes.people[2].id, &[on_third]).await.unwrap();
    assert_eq!(third.document(on_third).unwrap().unwrap().blob, own.blob);
    let entry = far.entry_of(there, id).unwrap();
    let at_home = nodes.message_of(0, place, entry).await;
    assert_eq!(nodes.reactions(0, place, at_home), [(Reaction::Custom(flame), 1)]);
    nodes.reacts(0, place, at_home, flame).await;
    nodes.heal(&[group]).await;
    assert_eq!(nodes.reactions(1, there, id), [(Reaction::Custom(here), 2)]);
    let on_third_id = nodes.message_of(2, at_third, entry).await;
    assert_eq!(nodes.reactions(2, at_third, on_third_id), [(Reaction::Custom(on_third), 2)]);

    // Kept, also over a restart, when nobody answers any more.
    let nodes = nodes.reopen().await;
    assert!(nodes.core(1).document(here).unwrap().is_some());
    nodes.worlds[1].pass_s(2);
    nodes.core(1).collect_files(nodes.core(1).now(), false).await.unwrap();
    assert!(nodes.core(1).document(here).unwrap().is_some());
}

#[tokio::test]
async fn what_is_no_emoji_is_not_told_and_not_taken() {
    let nodes = Nodes::new(2).await;
    let (place, group) = nodes.public(false, "harbour_talk").await;
    let set = nodes.worlds[0].set(nodes.people[0], "Owls", SetKind::Stickers).await;
    let owl = files(&set)[0];
    assert_eq!(nodes.core(0).emoji_shown(&[owl.0, 77, -1]).unwrap(), []);
    // A client may name anything: others show the plain emoji.
    nodes.send_emoji(0, place, owl).await;
    let there = nodes.join(1, "harbour_talk").await;
    nodes.heal(&[group]).await;
    let (_, here) = nodes.newest_emoji(1, there).await;
    let here = here.expect("a number");
    nodes.core(1).fetch_emoji(nodes.people[1].id, &[here]).await.unwrap();
    assert_eq!(nodes.core(1).document(here).unwrap(), None);
    // Of a node that is blocked nothing is asked.
    let home = nodes.core(0).node().short();
    nodes.core(1).block_node(home, true).await.unwrap();
    nodes.core(1).fetch_emoji(nodes.people[1].id, &[here]).await.unwrap();
    assert_eq!(nodes.core(1).document(here).unwrap(), None);
}

#[tokio::test]
async fn the_emoji_before_a_topic_is_the_same_on_all_nodes() {
    let nodes = Nodes::new(2).await;
    let (place, group) = nodes.public(false, "harbour_forum").await;
    let (world, ada) = (&nodes.worlds[0], nodes.people[0]);
    world.set_forum(ada, place, true).await.unwrap();
    let flame = files(&world.set(ada, "Marks", SetKind::Emoji).await)[1];
    let new = NewTopic {
        title: "Fires".into(),
        color: None,
        emoji: Some(flame.0),
        random_id: 0,
        send_as: None,
    };
    world.core.create_topic(ada.actor(), ada.id, place, new).await.unwrap();
    let there = nodes.join(1, "harbour_forum").await;
    nodes.heal(&[group]).await;
    let topics = nodes.worlds[1].topics(nodes.people[1], there).await;
    let fires = topics.iter().find(|shown| shown.topic.title == "Fires").unwrap();
    let here = FileId(fires.topic.icon.emoji.expect("an emoji"));
    nodes.core(1).fetch_emoji(nodes.people[1].id, &[here]).await.unwrap();
    let blob = |node: usize, file| nodes.core(node).document(file).unwrap().unwrap().blob;
    assert_eq!(blob(1, here), blob(0, flame));
}

impl Nodes {
    /// Asks a poll with an emoji in its question, in its first answer and in its solution.
    async fn ask_about(&self, node: usize, place: ChannelId, emoji: FileId) {
        let quiz = NewPoll { quiz: true, correct: vec![1], ..poll(2) };
        let first = NewAnswer { text: with(emoji), option: vec![0] };
        let answers = [vec![first], quiz.answers[1..].to_vec()].concat();
        let question = with(emoji);
        let asked = NewPoll { question, answers, solution: Some(with(emoji)), ..quiz };
        self.worlds[node].ask(self.people[node], place.into(), asked).await.unwrap();
    }

    /// The custom emoji of the newest poll of a group on a node.
    async fn asked_about(&self, node: usize, place: ChannelId) -> Vec<i64> {
        let who = self.people[node];
        let page = self.core(node).history(who.id, place.into(), ALL).await.unwrap();
        let polls = page.messages.into_iter().find_map(|stored| match stored.message.media {
            Some(Media::Poll(poll)) => Some(poll),
            _ => None,
        });
        let shown = self.core(node).poll(who.id, polls.expect("a poll")).unwrap().unwrap();
        let answers = shown.poll.answers.iter().map(|answer| &answer.text);
        let texts = [&shown.poll.question].into_iter().chain(answers).chain(&shown.poll.solution);
        let entities = texts.flat_map(|text| &text.entities);
        let number = |entity: &Entity| match entity.kind {
            EntityKind::CustomEmoji { document_id } => Some(document_id),
            _ => None,
        };
        entities.filter_map(number).collect()
    }
}

#[tokio::test]
async fn emoji_in_polls_are_the_same_on_all_nodes() {
    let nodes = Nodes::new(3).await;
    let (place, group) = nodes.public(false, "harbour_talk").await;
    let set = nodes.worlds[0].set(nodes.people[0], "Marks", SetKind::Emoji).await;
    let flame = files(&set)[1];
    nodes.ask_about(0, place, flame).await;
    let there = nodes.join(1, "harbour_talk").await;
    let at_third = nodes.join(2, "harbour_talk").await;
    nodes.heal(&[group]).await;
    let blob = nodes.core(0).document(flame).unwrap().unwrap().blob;
    let mut here = Vec::new();
    for (node, place) in [(1, there), (2, at_third)] {
        let (core, who) = (nodes.core(node), nodes.people[node]);
        let found = nodes.asked_about(node, place).await;
        assert!(found.len() == 3 && found.iter().all(|one| *one == found[0]), "{found:?}");
        core.fetch_emoji(who.id, &[FileId(found[0])]).await.unwrap();
        assert_eq!(core.document(FileId(found[0])).unwrap().unwrap().blob, blob, "{node}");
        here.push(found[0]);
    }
    // Somebody of another node asks with it: it stays the home's, everywhere.
    nodes.ask_about(1, there, FileId(here[0])).await;
    nodes.heal(&[group]).await;
    assert_eq!(nodes.asked_about(0, place).await, [flame.0; 3]);
    assert_eq!(nodes.asked_about(2, at_third).await, [here[1]; 3]);
}

#[tokio::test]
async fn the_reactions_that_a_group_allows_are_the_same_on_all_nodes() {
    let nodes = Nodes::new(3).await;
    let (place, group) = nodes.public(false, "harbour_talk").await;
    let (home, ada) = (nodes.core(0), nodes.people[0]);
    let of_home = files(&nodes.worlds[0].set(ada, "Marks", SetKind::Emoji).await);
    let there = nodes.join(1, "harbour_talk").await;
    let at_third = nodes.join(2, "harbour_talk").await;
    let of_far = files(&nodes.worlds[1].set(nodes.people[1], "Flags", SetKind::Emoji).await);
    // The home names an emoji of its own and one of another node.
    nodes.send_emoji(1, there, of_far[0]).await;
    nodes.heal(&[group]).await;
    let flag = nodes.newest_emoji(0, place).await.1.expect("an emoji");
    let emoji = vec!["👍".to_owned()];
    let allowed = |custom: &[FileId]| ChannelReactions {
        available: ChatReactions::Some(emoji.clone(), custom.iter().map(|one| one.0).collect()),
        kinds_max: 3,
    };
    let says = allowed(&[of_home[0], flag]);
    home.edit_channel_reactions(ada.actor(), ada.id, place, says.clone()).await.unwrap();
    nodes.heal(&[group]).await;
    assert_eq!(home.channel_reactions(place).unwrap(), says);
    let blobs = [home.document(of_home[0]), nodes.core(1).document(of_far[0])];
    let blobs = blobs.map(|found| found.unwrap().unwrap().blob);
    for (node, place) in [(1, there), (2, at_third)] {
        let (core, who) = (nodes.core(node), nodes.people[node]);
        let shown = core.channel_reactions(place).unwrap();
        assert_eq!(shown.kinds_max, 3);
        let ChatReactions::Some(words, custom) = shown.available else { panic!("{shown:?}") };
        assert_eq!((&words, custom.len()), (&emoji, 2));
        let custom: Vec<FileId> = custom.into_iter().map(FileId).collect();
        core.fetch_emoji(who.id, &custom).await.unwrap();
        for (one, blob) in custom.iter().zip(blobs) {
            assert_eq!(core.document(*one).unwrap().unwrap().blob, blob, "{node}");
        }
    }
    // What is the reader's own has its own number.
    let ChatReactions::Some(_, custom) = nodes.core(1).channel_reactions(there).unwrap().available
    else {
        panic!()
    };
    assert_eq!(custom[1], of_far[0].0);
    // An admin of another node says it of its own: the home has it, and so has the third.
    let user = nodes.known(0, 1).await;
    let rights = AdminRights::CHANGE_INFO;
    home.edit_channel_admin(ada.actor(), ada.id, place, user, rights, "Mate".into()).await.unwrap();
    nodes.heal(&[group]).await;
    let (far, eve) = (nodes.core(1), nodes.people[1]);
    far.edit_channel_reactions(eve.actor(), eve.id, there, allowed(&[of_far[1]])).await.unwrap();
    nodes.heal(&[group]).await;
    assert_eq!(far.channel_reactions(there).unwrap(), allowed(&[of_far[1]]));
    let blob = far.document(of_far[1]).unwrap().unwrap().blob;
    for (node, place) in [(0, place), (2, at_third)] {
        let (core, who) = (nodes.core(node), nodes.people[node]);
        let ChatReactions::Some(_, custom) = core.channel_reactions(place).unwrap().available
        else {
            panic!("{node}")
        };
        let custom: Vec<FileId> = custom.into_iter().map(FileId).collect();
        core.fetch_emoji(who.id, &custom).await.unwrap();
        assert_eq!(core.document(custom[0]).unwrap().unwrap().blob, blob, "{node}");
    }
    // As an earlier version has said it: a number of the home's.
    home.say_reactions(place, ada.id, &["👍", &format!("#{}", of_home[1].0)]).await;
    nodes.heal(&[group]).await;
    let ChatReactions::Some(_, custom) = far.channel_reactions(there).unwrap().available else {
        panic!()
    };
    far.fetch_emoji(eve.id, &[FileId(custom[0])]).await.unwrap();
    let blob = home.document(of_home[1]).unwrap().unwrap().blob;
    assert_eq!(far.document(FileId(custom[0])).unwrap().unwrap().blob, blob);
}
