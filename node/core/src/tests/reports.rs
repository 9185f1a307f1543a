//! What is reported is kept for the operator, and told to the owner.

use super::world::{Member, World};
use crate::*;

async fn three() -> (World, [Member; 3]) {
    let mut world = World::new().await;
    let members =
        [world.member("Owner").await, world.member("Bob").await, world.member("Eve").await];
    (world, members)
}

fn about(member: Member, messages: Vec<MessageId>) -> NewReport {
    let comment = "  look at this ".into();
    NewReport { about: member.peer(), reason: ReportReason::Spam, comment, messages }
}

#[tokio::test]
async fn a_report_is_kept_and_told() {
    let (world, [owner, bob, eve]) = three().await;
    world.send(eve, bob, "buy this").await;
    let spam = world.history(bob, eve).await[0].id;
    world.core.report(None, bob.id, about(eve, vec![spam])).await.unwrap();
    let world = world.reopen();
    let reports = world.core.reports(10).await.unwrap();
    let [report] = &reports[..] else { panic!("one report") };
    assert_eq!((report.by.clone(), report.about), (Reporter::Member(bob.id), eve.peer()));
    assert_eq!((report.date, report.comment.as_str()), (1_700_000_000, "look at this"));
    assert_eq!(report.messages, [(spam, Some("buy this".into()))]);
    let service = Member { id: UserId::SERVICE, ..owner };
    let told = world.texts(owner, service).await;
    let says = |words: &str| told.first().is_some_and(|text| text.contains(words));
    assert!(says("Bob") && says("Eve") && says("spam"), "{told:?}");
    // Only what one has, and of the one that it is about.
    for (id, whom) in [(MessageId(999), eve), (spam, owner)] {
        let refused = world.core.report(None, bob.id, about(whom, vec![id])).await;
        assert!(matches!(refused, Err(CoreError::UnknownMessage)));
    }
    let oneself = world.core.report(None, bob.id, about(bob, Vec::new())).await;
    assert!(matches!(oneself, Err(CoreError::Oneself)));
}

#[tokio::test]
async fn reports_are_bounded() {
    let (world, [_, bob, eve]) = three().await;
    let report = async || world.core.report(None, bob.id, about(eve, Vec::new())).await;
    for _ in 0..20 {
        report().await.unwrap();
    }
    assert!(matches!(report().await, Err(CoreError::Flood { .. })));
    for _ in 0..90 {
        world.pass_s(3600);
        report().await.unwrap();
    }
    let kept = world.core.reports(1000).await.unwrap();
    assert_eq!(kept.len(), 100);
    assert_eq!(kept[0].date, 1_700_000_000 + 90 * 3600, "the newest");
    assert_eq!(world.core.reports(5).await.unwrap().len(), 5);
}
