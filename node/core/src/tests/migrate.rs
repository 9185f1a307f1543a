//! Groups that become supergroups.

use glog::control::Verdict;

use super::world::{Member, World, text};
use crate::*;

async fn group_of(world: &World, owner: Member, others: &[Member]) -> ChatId {
    let users = others.iter().map(|other| other.id).collect();
    world.core.create_chat(owner.actor(), owner.id, "Crew", users, 0).await.unwrap().chat
}

async fn say(world: &World, from: Member, to: PeerId, words: &str) -> CoreResult<Sent> {
    let message = Outgoing::text(to, text(words), world.number());
    world.core.send(from.actor(), from.id, message).await
}

#[tokio::test]
async fn a_group_becomes_a_supergroup_with_everybody_as_they_were() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let (cyd, eve) = (world.member("Cyd").await, world.member("Eve").await);
    let chat = group_of(&world, ada, &[bob, cyd]).await;
    let core = world.core.clone();
    core.edit_chat_about(ada.actor(), ada.id, chat, "All hands".into()).await.unwrap();
    core.edit_chat_admin(ada.actor(), ada.id, chat, bob.id, true).await.unwrap();
    core.edit_chat_rights(ada.actor(), ada.id, chat, Rights::SEND_POLLS).await.unwrap();
    let link = core.export_link(ada.actor(), ada.id, chat, false, LinkTerms::default());
    let link = link.await.unwrap();
    let some = ChatReactions::some(vec![Reaction::Emoji("🔥".into())]).unwrap();
    core.edit_chat_reactions(ada.actor(), ada.id, chat, some.clone()).await.unwrap();
    say(&world, ada, chat.into(), "hello").await.unwrap();
    // Bob has read it, Cyd has not; Cyd hears nothing of it.
    core.read_history(bob.actor(), bob.id, chat.into(), MessageId(0)).await.unwrap();
    let muted = NotifySettings { mute_until: Some(i32::MAX), ..NotifySettings::default() };
    let target = NotifyTarget::Peer(chat.into());
    core.update_notify(cyd.actor(), cyd.id, target, muted.clone()).await.unwrap();
    let before = world.dialog_with(cyd, chat.into()).await.unread;
    let when = When { date: core.now() + 100, repeat: 0 };
    let later = Outgoing::text(chat.into(), text("later"), world.number());
    core.schedule(bob.actor(), bob.id, later, when).await.unwrap();

    let refused = core.migrate_chat(bob.actor(), bob.id, chat).await;
    assert!(matches!(refused, Err(CoreError::NotAnAdmin)), "{refused:?}");
    let refused = core.migrate_chat(eve.actor(), eve.id, chat).await;
    assert!(matches!(refused, Err(CoreError::NotAMember)), "{refused:?}");
    world.recorder.take();
    let made = core.migrate_chat(ada.actor(), ada.id, chat).await.unwrap();
    let channel = made.channel;
    let said: Vec<_> = made.sent.iter().map(|sent| sent.message.action.clone().unwrap()).collect();
    let title = "Crew".to_owned();
    assert_eq!(said, [Action::ChatMigratedTo(channel), Action::ChatMigratedFrom { title, chat }]);
    // Whoever tells people who are there learns of all of them.
    let told = world.recorder.take();
    for user in [ada, bob, cyd] {
        let is_told = |event: &Event| matches!(event, Event::ChannelMember { user: of, .. } if *of == user.id);
        assert!(told.iter().any(is_told), "{user:?}");
    }
    // Asked again, it is the same one.
    let again = core.migrate_chat(ada.actor(), ada.id, chat).await.unwrap();
    assert_eq!(again, Migrated { channel, sent: Vec::new() });

    let found = core.channel(channel).unwrap();
    assert_eq!((found.title.as_str(), found.about.as_str()), ("Crew", "All hands"));
    assert_eq!((found.members, found.admins, found.migrated_from), (3, 2, Some(chat)));
    assert!(found.banned.contains_all(Rights::SEND_POLLS) && !found.broadcast);
    let own = core.participant(channel, bob.id).unwrap().unwrap();
    assert!(own.admin_rights().contains_all(AdminRights::BAN_USERS), "{own:?}");
    assert!(!own.admin_rights().contains_all(AdminRights::ADD_ADMINS));
    for user in [bob, cyd] {
        assert_eq!(world.dialog_of(user, channel).await.unread, 0, "nothing new there");
    }
    for user in [bob, cyd] {
        world.post(user, channel, "here").await.unwrap();
    }
    assert_eq!(core.channel_reactions(channel).unwrap().available, some);
    let replica = core.replica_of(channel);
    let in_log = replica.chain().state().settings.get(&17);
    assert_eq!(in_log, Some(&core.reactions_setting(channel)));
    assert!(replica.chain().verdicts().iter().all(|verdict| *verdict == Verdict::Applied));
    assert_eq!(replica.lanes().view(replica.chain()).messages.len(), 2);

    // The group is over, and there to be read.
    let old = core.chat(chat).unwrap();
    assert_eq!((old.deactivated, old.migrated_to, old.members.len()), (true, Some(channel), 0));
    let refused = say(&world, ada, chat.into(), "ghost").await;
    assert!(matches!(refused, Err(CoreError::ChatDeactivated)), "{refused:?}");
    assert!(core.import_link(eve.actor(), eve.id, &link.hash).await.is_err());
    assert!(core.knows_chat(cyd.id, chat).unwrap() && !core.knows_chat(eve.id, chat).unwrap());
    let texts = world.history_of(cyd, chat.into()).await;
    assert!(texts.contains(&"hello".to_owned()), "{texts:?}");
    assert_eq!(world.dialog_with(bob, chat.into()).await.unread, 0, "he had read all of it");
    assert_eq!(world.dialog_with(cyd, chat.into()).await.unread, before + 1);
    let target = NotifyTarget::Peer(channel.into());
    assert_eq!(core.notify(cyd.id, target).unwrap(), muted);

    // What waited there is said here; over a restart.
    let world = world.reopen();
    assert_eq!(world.core.chat(chat).unwrap().migrated_to, Some(channel));
    world.pass_s(101);
    world.core.tick().await.unwrap();
    assert_eq!(world.said_in(ada, channel).await, ["here", "here", "later"]);
}
