//! Reports about what lives on another node reach its operator, and do not say who made them.

use super::federation::Two;
use super::mail::{deliver, two};
use super::pairs::introduce;
use super::world::{Member, World, outgoing};
use crate::*;

fn about(peer: PeerId, comment: &str, messages: Vec<MessageId>) -> NewReport {
    NewReport { about: peer, reason: ReportReason::Violence, comment: comment.into(), messages }
}

async fn reports(world: &World) -> Vec<Report> {
    world.core.reports(10_000).await.unwrap()
}

/// What the service account has told the owner of a node of reports.
async fn told(world: &World, owner: Member) -> Vec<String> {
    let all = world.texts(owner, Member { id: UserId::SERVICE, ..owner }).await;
    all.into_iter().filter(|text| text.contains("has reported")).collect()
}

/// A letter as its bytes are before it is sealed, so that a test sees what is in it.
fn waiting_bytes(world: &World) -> Vec<u8> {
    use node_store::{Keyspace, Order, Store as _};
    let rows = world.disk.scan(Keyspace::NODES, &[48], Some(&[49]), 100, Order::Ascending);
    rows.unwrap().into_iter().flat_map(|(_, row)| row).collect()
}

#[tokio::test]
async fn a_person_of_another_node_is_reported_there_and_by_nobody() {
    let mut here = World::new().await;
    let mut there = World::other(&here, 1).await;
    let (ada, bob) = (here.member("Ada").await, here.member("Bob").await);
    let eve = there.member("Eve").await;
    let mallory = there.member("Mallory").await;
    let far = introduce(&here, bob, &there, mallory).await;
    introduce(&there, mallory, &here, bob).await;
    here.try_send(bob, outgoing(Member { id: far, ..bob }, "stop that", 1)).await.unwrap();
    let said = here.history(bob, Member { id: far, ..bob }).await[0].id;
    // Bob is the second member of his node, and has a message with her.
    let new = about(far.into(), " it hurts ", vec![said]);
    here.core.report(Some(bob.actor()), bob.id, new).await.unwrap();
    let bytes = waiting_bytes(&here);
    assert!(bytes.windows(8).any(|found| found == b"it hurts"));
    for secret in ["Bob", "stop that"] {
        let is_in = bytes.windows(secret.len()).any(|found| found == secret.as_bytes());
        assert!(!is_in, "{secret}");
    }
    // It waits through a restart, and is told once.
    let here = here.reopen();
    deliver(&here, &there).await;
    let there = there.reopen();
    let all = reports(&there).await;
    let [report] = &all[..] else { panic!("one: {}", all.len()) };
    assert_eq!(report.by, Reporter::Node(here.core.node().short()));
    assert_eq!((report.about, report.reason), (mallory.peer(), ReportReason::Violence));
    assert_eq!((report.comment.as_str(), report.elsewhere), ("it hurts", 0));
    assert!(report.messages.is_empty(), "their log is named after both of them");
    let told = told(&there, eve).await;
    let name = format!("{}.node", here.core.node().short());
    assert!(told.len() == 1 && told[0].contains("Mallory") && told[0].contains(&name), "{told:?}");
    // The operator here has it as before, with who made it.
    let kept = reports(&here).await;
    assert_eq!((kept[0].by.clone(), kept[0].messages.len()), (Reporter::Member(bob.id), 1));
    let _ = ada;
}

#[tokio::test]
async fn a_member_is_reported_to_nobody_else() {
    let (mut here, there) = two().await;
    let (bob, fay) = (here.member("Bob").await, here.member("Fay").await);
    here.core.report(None, bob.id, about(fay.peer(), "", Vec::new())).await.unwrap();
    assert!(here.core.mail_waiting().unwrap().is_empty());
    assert!(reports(&there).await.is_empty());
}

#[tokio::test]
async fn a_message_is_reported_to_the_home_and_by_its_place_in_the_log() {
    let two = Two::new(false).await;
    two.join(two.eve).await;
    two.say(true, "ships").await;
    two.say(true, "insults").await;
    two.heal().await;
    two.introduce().await;
    let query = HistoryQuery { limit: 10, ..HistoryQuery::default() };
    let page = two.far.core.history(two.eve.id, two.there.into(), query).await.unwrap();
    let bad = page.messages.iter().find(|stored| stored.message.text == "insults").unwrap().id;
    let new = about(two.there.into(), "rude", vec![bad]);
    two.far.core.report(Some(two.eve.actor()), two.eve.id, new).await.unwrap();
    // One letter: the home and the writer's node are one.
    let waiting = two.far.core.mail_waiting().unwrap();
    assert_eq!(waiting.iter().map(|mail| mail.letters).sum::<u32>(), 1);
    deliver(&two.far, &two.home).await;
    let reports = reports(&two.home).await;
    let [report] = &reports[..] else { panic!("one") };
    assert_eq!(report.about, PeerId::from(two.channel));
    let query = HistoryQuery { limit: 10, ..HistoryQuery::default() };
    let page = two.home.core.history(two.ada.id, two.channel.into(), query).await.unwrap();
    let at_home = page.messages.iter().find(|stored| stored.message.text == "insults").unwrap().id;
    assert_eq!(report.messages, [(at_home, Some("insults".into()))]);
    assert!(told(&two.home, two.ada).await[0].contains("violence"));
    // What was deleted since is counted, and not shown.
    let new = about(two.there.into(), "again", vec![bad]);
    two.far.core.report(Some(two.eve.actor()), two.eve.id, new).await.unwrap();
    let gone = vec![at_home];
    two.home.core.delete_in_channel(two.ada.actor(), two.ada.id, two.channel, gone).await.unwrap();
    deliver(&two.far, &two.home).await;
    let reports = self::reports(&two.home).await;
    let again = reports.iter().find(|report| report.comment == "again").unwrap();
    assert_eq!((again.messages.len(), again.elsewhere), (0, 1));
}

#[tokio::test]
async fn what_one_of_this_node_wrote_elsewhere_is_reported_to_it() {
    let two = Two::new(false).await;
    two.join(two.eve).await;
    let said = two.say(false, "insults").await;
    two.heal().await;
    two.introduce().await;
    let _ = said;
    let query = HistoryQuery { limit: 10, ..HistoryQuery::default() };
    let page = two.home.core.history(two.ada.id, two.channel.into(), query).await.unwrap();
    let bad = page.messages.iter().find(|stored| stored.message.text == "insults").unwrap().id;
    let new = about(two.channel.into(), "", vec![bad]);
    two.home.core.report(Some(two.ada.actor()), two.ada.id, new).await.unwrap();
    two.home.core.learn_node(two.far.core.cert()).await.unwrap();
    deliver(&two.home, &two.far).await;
    let reports = reports(&two.far).await;
    let [report] = &reports[..] else { panic!("one") };
    assert_eq!(report.about, PeerId::from(two.there));
    assert_eq!(report.messages, [(said.id, Some("insults".into()))]);
}

#[tokio::test]
async fn reports_of_a_node_are_bounded_and_do_not_fill_a_dialog() {
    let mut here = World::new().await;
    let mut there = World::other(&here, 1).await;
    let bob = here.member("Bob").await;
    let eve = there.member("Eve").await;
    let far = introduce(&here, bob, &there, eve).await;
    introduce(&there, eve, &here, bob).await;
    for number in 0..120 {
        here.pass_s(400);
        let new = about(far.into(), &number.to_string(), Vec::new());
        here.core.report(None, bob.id, new).await.unwrap();
    }
    deliver(&here, &there).await;
    let reports = reports(&there).await;
    assert_eq!(reports.len(), 100);
    assert!(reports.iter().any(|report| report.comment == "119"), "the newest");
    assert!(reports.iter().all(|report| report.comment != "19"));
    assert_eq!(told(&there, eve).await.len(), 20);
    // About nobody: refused, and it does not come again.
    there.core.delete_account(eve.id, eve.key, None).await.unwrap();
    here.core.report(None, bob.id, about(far.into(), "late", Vec::new())).await.unwrap();
    deliver(&here, &there).await;
    assert!(here.core.mail_waiting().unwrap().is_empty());
    assert!(self::reports(&there).await.iter().all(|report| report.comment != "late"));
}
