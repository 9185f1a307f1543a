//! What the operator sees of members, invites and channels, and does about them.

use super::world::{Member, World};
use crate::*;

#[tokio::test]
async fn members_are_found_by_name_number_and_username_and_shown_page_by_page() {
    let mut world = World::new().await;
    let owner = world.member("Owner").await;
    let mut members = vec![owner];
    for name in ["Ada", "Bob", "Adam"] {
        members.push(world.member(name).await);
    }
    let core = &world.core;
    core.update_username(None, members[2].id, "builder_bob".into()).await.unwrap();
    let names = |text: &str, skip, limit| {
        let (total, lines) = core.member_lines(text, skip, limit).unwrap();
        (total, lines.iter().map(|line| line.user.full_name()).collect::<Vec<_>>())
    };
    let is = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    // The newest first; the node itself is no member.
    assert_eq!(names("", 0, 10), (4, is(&["Adam", "Bob", "Ada", "Owner"])));
    assert_eq!(names("", 1, 2), (4, is(&["Bob", "Ada"])));
    assert_eq!(names("", 9, 2), (4, is(&[])));
    assert_eq!(names("ADA", 0, 10), (2, is(&["Adam", "Ada"])));
    assert_eq!(names("@Builder", 0, 10), (1, is(&["Bob"])));
    let phone = members[1].phone;
    assert_eq!(names(&format!("+{phone}"), 0, 10), (1, is(&["Ada"])));
    assert_eq!(names("nobody", 0, 10), (0, is(&[])));
    let line = core.member_line(phone).unwrap();
    assert_eq!((line.user.id, line.stored_bytes), (members[1].id, 0));
    assert!(matches!(core.member_line(42_777), Err(CoreError::UnknownUser)), "the node itself");
    assert!(matches!(core.member_line(1), Err(CoreError::UnknownUser)));
}

#[tokio::test]
async fn who_hides_when_they_were_there_hides_it_from_the_operator_too() {
    let mut world = World::new().await;
    let _owner = world.member("Owner").await;
    let ada = world.member("Ada").await;
    world.core.set_online(ada.id, true).await.unwrap();
    let status = |world: &World| world.core.member_line(ada.phone).unwrap().status;
    assert!(matches!(status(&world), Some(Status::Online { .. })));
    let nobody = vec![PrivacyRule { allow: false, who: Who::All }];
    world.core.set_privacy(None, ada.id, PrivacyKey::Status, nobody).await.unwrap();
    assert!(matches!(status(&world), Some(Status::Recently { .. })));
}

#[tokio::test]
async fn a_login_that_the_operator_ends_is_over_and_its_owner_is_told() {
    let mut world = World::new().await;
    let _owner = world.member("Owner").await;
    let ada = world.member("Ada").await;
    let second = world.device(ada).await;
    let logins = world.core.authorizations(ada.id).await.unwrap();
    let login = logins.iter().find(|login| login.auth_key == second.key).unwrap();
    // Younger or older: the operator may.
    world.core.end_login(ada.id, login.hash).await.unwrap();
    assert_eq!(world.core.standing(second.key).await.unwrap(), Standing::Revoked);
    assert_eq!(world.core.standing(ada.key).await.unwrap(), Standing::LoggedIn(ada.id));
    let again = world.core.end_login(ada.id, login.hash).await;
    assert!(matches!(again, Err(CoreError::UnknownAuthorization)));
    let service = Member { id: UserId::SERVICE, ..ada };
    let told = world.texts(ada, service).await;
    assert!(told[0].starts_with("The operator of this node has ended a login"), "{told:?}");
}

#[tokio::test]
async fn a_suspended_member_is_logged_in_nowhere_until_let_in_again() {
    let mut world = World::new().await;
    let owner = world.member("Owner").await;
    let ada = world.member("Ada").await;
    let second = world.device(ada).await;
    let invite = world.core.invite(Some(ada.id)).await.unwrap();
    let others = world.core.invite(Some(owner.id)).await.unwrap();
    let sent = world.core.send_code(ada.phone, world.address()).await.unwrap();
    let code = world.core.show_code(ada.phone).await.unwrap().0;
    world.core.suspend(ada.id).await.unwrap();
    world.core.suspend(ada.id).await.unwrap();
    for key in [ada.key, second.key] {
        assert_eq!(world.core.standing(key).await.unwrap(), Standing::Revoked);
    }
    assert!(world.core.member_line(ada.phone).unwrap().suspended_since.is_some());
    let open = world.core.open_invites().await.unwrap();
    assert_eq!(open.iter().map(|one| one.phone).collect::<Vec<_>>(), [others.phone]);
    assert_ne!(invite.phone, others.phone);
    // Neither a code that was on its way nor a new one.
    let late = world.core.sign_in(world.request(ada.phone, &sent, &code)).await;
    assert!(matches!(late, Err(CoreError::CodeExpired | CoreError::Suspended)), "{late:?}");
    let again = world.core.send_code(ada.phone, world.address()).await;
    assert!(matches!(again, Err(CoreError::Suspended)), "{again:?}");
    // Others go on writing to her, and what she had is there.
    world.send(owner, ada, "are you there?").await;
    world.core.unsuspend(ada.id).await.unwrap();
    assert!(matches!(world.core.unsuspend(ada.id).await, Err(CoreError::UnknownUser)));
    let third = world.device(ada).await;
    assert_eq!(world.core.standing(third.key).await.unwrap(), Standing::LoggedIn(ada.id));
    assert_eq!(world.texts(ada, owner).await, ["are you there?"]);
}

#[tokio::test]
async fn the_operator_keeps_out_and_deletes_members_and_nobody_else() {
    let mut world = World::new().await;
    let owner = world.member("Owner").await;
    let ada = world.member("Ada").await;
    let core = world.core.clone();
    assert!(matches!(core.suspend(owner.id).await, Err(CoreError::OwnerStays)));
    assert!(matches!(core.remove_member(owner.id).await, Err(CoreError::OwnerStays)));
    for nobody in [UserId::SERVICE, UserId(77)] {
        assert!(matches!(core.suspend(nobody).await, Err(CoreError::UnknownUser)));
        assert!(matches!(core.remove_member(nobody).await, Err(CoreError::UnknownUser)));
    }
    core.suspend(ada.id).await.unwrap();
    core.remove_member(ada.id).await.unwrap();
    assert!(matches!(core.member_line(ada.phone), Err(CoreError::UnknownUser)));
    assert!(matches!(core.remove_member(ada.id).await, Err(CoreError::UnknownUser)));
    assert_eq!(core.suspended_since(ada.id).unwrap(), None, "nothing is left of it");
}

#[tokio::test]
async fn open_invites_are_listed_and_taken_back() {
    let mut world = World::new().await;
    let first = world.owner_invite.clone().unwrap();
    let listed = world.core.open_invites().await.unwrap();
    assert_eq!(listed.len(), 1);
    assert!(listed[0].makes_owner && listed[0].phone == first.phone && listed[0].by.is_none());
    let owner = world.member("Owner").await;
    let (theirs, used) =
        (world.core.invite(Some(owner.id)).await.unwrap(), world.core.invite(None).await.unwrap());
    world.join(&used, "Ada").await;
    let listed = world.core.open_invites().await.unwrap();
    assert_eq!(listed.len(), 1, "used ones are gone");
    assert_eq!((listed[0].phone, listed[0].by), (theirs.phone, Some(owner.id)));
    assert_eq!((listed[0].expires, listed[0].makes_owner), (theirs.expires, false));
    // Somebody has shown the code already, and has not signed up yet.
    let sent = world.core.send_code(theirs.phone, world.address()).await.unwrap();
    let request = world.request(theirs.phone, &sent, &theirs.code);
    let key = request.auth_key;
    assert_eq!(world.core.sign_in(request).await.unwrap(), Login::SignUpRequired);
    assert!(world.core.revoke_invite(theirs.phone).await.unwrap());
    assert!(!world.core.revoke_invite(theirs.phone).await.unwrap(), "once");
    assert!(world.core.open_invites().await.unwrap().is_empty());
    let (hash, name) = (sent.phone_code_hash, "Eve".to_owned());
    let late =
        world.core.sign_up(theirs.phone, hash, name, String::new(), key, Device::default()).await;
    assert!(matches!(late, Err(CoreError::CodeExpired)), "{late:?}");
    // Those that are over are listed no more.
    world.core.invite(None).await.unwrap();
    world.pass_s(8 * 24 * 3600);
    assert!(world.core.open_invites().await.unwrap().is_empty());
}

#[tokio::test]
async fn only_public_channels_are_shown_to_the_operator() {
    let mut world = World::new().await;
    let owner = world.member("Owner").await;
    let (open, closed) = (world.channel(owner, true).await, world.channel(owner, true).await);
    world.named(owner, open, "harbour_news").await;
    let (total, shown) = world.core.public_channels(0, 10);
    assert_eq!((total, shown.len(), shown[0].id), (1, 1, open));
    assert_ne!(open, closed);
    assert_eq!(world.core.private_channels(), 1);
    assert!(world.core.public_channels(1, 10).1.is_empty());
}
