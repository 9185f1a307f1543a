//! What admins see of what was done, call by call.

use node_core::{
    AdminRights, Banned, ChannelId, ChannelSetting, LinkTerms, NewChannel, PinHow, Rights, UserId,
};
use tl::{enums, types};

use super::media::{bmp, download, of_photo, range, upload};
use super::members::{error, member, message};
use super::*;

fn named(viewer: &Context, channel: ChannelId) -> enums::InputChannel {
    let (core, user) = (&viewer.shared.core, viewer.user().unwrap());
    let access_hash = core.channel_access_hash(user, channel);
    types::InputChannel { channel_id: channel.0, access_hash }.into()
}

fn peer(viewer: &Context, channel: ChannelId) -> enums::InputPeer {
    let (core, user) = (&viewer.shared.core, viewer.user().unwrap());
    let access_hash = core.channel_access_hash(user, channel);
    types::InputPeerChannel { channel_id: channel.0, access_hash }.into()
}

async fn made(ctx: &Context, broadcast: bool, members: &[UserId]) -> ChannelId {
    let (core, owner, actor) = (&ctx.shared.core, ctx.user().unwrap(), ctx.actor().unwrap());
    let new = NewChannel {
        broadcast,
        title: "Harbour".into(),
        about: String::new(),
        ttl_period: 0,
        forum: false,
    };
    let made = core.create_channel(actor, owner, new).await.unwrap().channel;
    core.add_to_channel(actor, owner, made, members.to_vec()).await.unwrap();
    made
}

async fn log(ctx: &Context, channel: ChannelId) -> RpcResult<types::channels::AdminLogResults> {
    let request = f::channels::GetAdminLog {
        channel: named(ctx, channel),
        q: String::new(),
        events_filter: None,
        admins: None,
        max_id: 0,
        min_id: 0,
        limit: 100,
    };
    let enums::channels::AdminLogResults::AdminLogResults(found) = call(ctx, &request).await?;
    Ok(*found)
}

fn action(event: &enums::ChannelAdminLogEvent) -> &enums::ChannelAdminLogEventAction {
    let enums::ChannelAdminLogEvent::ChannelAdminLogEvent(event) = event;
    &event.action
}

#[tokio::test]
async fn each_kind_of_event_is_told_in_each_layer() {
    for layer in [158, 230] {
        let shared = shared();
        let (ada, ada_id) = member(&shared, 5, layer, "Ada").await;
        let (bob, bob_id) = member(&shared, 6, layer, "Bob").await;
        let (cyd, cyd_id) = member(&shared, 7, layer, "Cyd").await;
        let group = made(&ada, false, &[bob_id]).await;
        let (core, actor) = (&shared.core, ada.actor().unwrap());
        core.edit_channel_title(actor, ada_id, group, "Crew").await.unwrap();
        core.edit_channel_about(actor, ada_id, group, "All hands").await.unwrap();
        for setting in [
            ChannelSetting::SlowMode(30),
            ChannelSetting::Ttl(86_400),
            ChannelSetting::NoForwards(true),
            ChannelSetting::HiddenHistory(true),
            ChannelSetting::HiddenHistory(false),
            // The API has no words for it.
            ChannelSetting::HiddenMembers(true),
        ] {
            core.set_in_channel(actor, ada_id, group, setting).await.unwrap();
        }
        core.edit_channel_rights(actor, ada_id, group, Rights::SEND_POLLS).await.unwrap();
        core.update_channel_username(actor, ada_id, group, "harbour_crew".into()).await.unwrap();
        let asks = ChannelSetting::JoinRequest(true);
        core.set_in_channel(actor, ada_id, group, asks).await.unwrap();
        core.join_channel(cyd.actor().unwrap(), cyd_id, group).await.unwrap();
        core.hide_request(actor, ada_id, group, cyd_id, true).await.unwrap();
        core.leave_channel(cyd.actor().unwrap(), cyd_id, group).await.unwrap();
        let link =
            core.export_link(actor, ada_id, group, false, LinkTerms::default()).await.unwrap();
        core.import_link(cyd.actor().unwrap(), cyd_id, &link.hash).await.unwrap();
        let ended = core.edit_link(actor, ada_id, group, &link.hash, true, LinkTerms::default());
        ended.await.unwrap();
        core.delete_link(actor, ada_id, group, &link.hash).await.unwrap();
        let (rights, rank) = (AdminRights::BAN_USERS, "Mate".to_owned());
        core.edit_channel_admin(actor, ada_id, group, bob_id, rights, rank).await.unwrap();
        let banned = Banned { entirely: true, rights: Rights::NONE, until: 0 };
        core.ban_in_channel(bob.actor().unwrap(), bob_id, group, cyd_id, banned).await.unwrap();
        let sent = call(&ada, &message("ahoy", peer(&ada, group), 9)).await.unwrap();
        let enums::Updates::Updates(sent) = sent else { panic!("{sent:?}") };
        let Some(enums::Update::UpdateMessageId(sent)) = sent.updates.first() else {
            panic!("{layer}")
        };
        let id = node_core::MessageId(sent.id);
        let how = PinHow { pinned: true, one_side: false, silent: false };
        core.pin_message(actor, ada_id, group.into(), id, how).await.unwrap();
        let edit = f::messages::EditMessage {
            peer: peer(&ada, group),
            id: sent.id,
            message: Some("ahoy there".into()),
            ..Default::default()
        };
        call(&ada, &edit).await.unwrap();
        core.delete_in_channel(actor, ada_id, group, vec![id]).await.unwrap();

        let found = log(&ada, group).await.unwrap();
        use enums::ChannelAdminLogEventAction as Is;
        let name = |event: &enums::ChannelAdminLogEvent| {
            let what = format!("{:?}", action(event));
            let what = what.split([' ', '(']).next().unwrap().to_owned();
            what.trim_start_matches("channelAdminLogEventAction").to_owned()
        };
        let names: Vec<String> = found.events.iter().rev().map(name).collect();
        assert_eq!(
            names,
            [
                "ParticipantInvite",
                "ChangeTitle",
                "ChangeAbout",
                "ToggleSlowMode",
                "ChangeHistoryTTL",
                "ToggleNoForwards",
                "TogglePreHistoryHidden",
                "TogglePreHistoryHidden",
                "DefaultBannedRights",
                "ChangeUsername",
                "ParticipantJoinByRequest",
                "ParticipantLeave",
                "ParticipantJoinByInvite",
                "ExportedInviteRevoke",
                "ExportedInviteDelete",
                "ParticipantToggleAdmin",
                "ParticipantToggleBan",
                "UpdatePinned",
                "EditMessage",
                "DeleteMessage",
            ],
            "{layer}"
        );
        let Is::ChannelAdminLogEventActionDeleteMessage(gone) = action(&found.events[0]) else {
            panic!("{layer}")
        };
        let enums::Message::Message(gone) = &gone.message else { panic!("{layer}") };
        assert_eq!((gone.id, gone.message.as_str()), (sent.id, "ahoy there"));
        assert_eq!(found.users.len(), 3, "everybody who is named");
        // Links of others are not given away to admins who may not have them.
        let theirs = log(&bob, group).await.unwrap();
        let Is::ChannelAdminLogEventActionExportedInviteDelete(ended) = action(&theirs.events[5])
        else {
            panic!("{:?}", theirs.events[5])
        };
        let enums::ExportedChatInvite::ChatInviteExported(ended) = &ended.invite else {
            panic!("{layer}")
        };
        assert!(ended.link.ends_with("...") && !ended.link.contains(&link.hash), "{ended:?}");
        // By kind, and by whom.
        let bans = f::channels::GetAdminLog {
            channel: named(&ada, group),
            q: String::new(),
            events_filter: Some(
                types::ChannelAdminLogEventsFilter { kick: true, ..Default::default() }.into(),
            ),
            admins: Some(vec![types::InputUserSelf {}.into()]),
            max_id: 0,
            min_id: 0,
            limit: 10,
        };
        let enums::channels::AdminLogResults::AdminLogResults(none) =
            call(&ada, &bans).await.unwrap();
        assert_eq!(none.events.len(), 0);
        let any = f::channels::GetAdminLog { admins: None, ..bans };
        let enums::channels::AdminLogResults::AdminLogResults(one) =
            call(&ada, &any).await.unwrap();
        assert_eq!(one.events.len(), 1);
        let refused = log(&cyd, group).await;
        assert_eq!(error(refused), (400, "CHANNEL_PRIVATE".into()));
        let news = made(&bob, true, &[]).await;
        core.update_channel_username(bob.actor().unwrap(), bob_id, news, "harbour_news".into())
            .await
            .unwrap();
        assert_eq!(error(log(&cyd, news).await), (400, "CHAT_ADMIN_REQUIRED".into()));
    }
}

/// A picture that was deleted is there for the admins for as long as the log tells of it.
#[tokio::test]
async fn what_was_deleted_is_shown_to_admins_alone() {
    let shared = shared();
    let (ada, ada_id) = member(&shared, 5, 230, "Ada").await;
    let (bob, bob_id) = member(&shared, 6, 230, "Bob").await;
    let group = made(&ada, false, &[bob_id]).await;
    let file = upload(&bob, &bmp(40, 40), "deck.bmp").await;
    let send = f::messages::SendMedia {
        peer: peer(&bob, group),
        media: types::InputMediaUploadedPhoto { file, ..Default::default() }.into(),
        random_id: 5,
        ..Default::default()
    };
    let enums::Updates::Updates(sent) = call(&bob, &send).await.unwrap() else { panic!() };
    let Some(enums::Update::UpdateMessageId(sent)) = sent.updates.first() else { panic!() };
    let id = node_core::MessageId(sent.id);
    let core = &shared.core;
    core.delete_in_channel(ada.actor().unwrap(), ada_id, group, vec![id]).await.unwrap();
    let found = log(&ada, group).await.unwrap();
    let enums::ChannelAdminLogEventAction::ChannelAdminLogEventActionDeleteMessage(gone) =
        action(&found.events[0])
    else {
        panic!("{:?}", found.events[0])
    };
    let enums::Message::Message(gone) = &gone.message else { panic!() };
    let Some(enums::MessageMedia::MessageMediaPhoto(shown)) = &gone.media else { panic!() };
    let Some(enums::Photo::Photo(photo)) = &shown.photo else { panic!() };
    let letter = photo.sizes.iter().find_map(|size| match size {
        enums::PhotoSize::PhotoSize(size) => Some(size.type_.clone()),
        _ => None,
    });
    let location = of_photo(photo, &letter.unwrap());
    assert!(!download(&ada, &location).await.is_empty());
    // Who is an admin no more has it no more.
    core.edit_channel_admin(
        ada.actor().unwrap(),
        ada_id,
        group,
        bob_id,
        AdminRights::BAN_USERS,
        String::new(),
    )
    .await
    .unwrap();
    let theirs = log(&bob, group).await.unwrap();
    let theirs = theirs.events.iter().find_map(|event| match action(event) {
        enums::ChannelAdminLogEventAction::ChannelAdminLogEventActionDeleteMessage(gone) => {
            match &gone.message {
                enums::Message::Message(gone) => gone.media.clone(),
                _ => None,
            }
        }
        _ => None,
    });
    let Some(enums::MessageMedia::MessageMediaPhoto(shown)) = theirs else { panic!() };
    let Some(enums::Photo::Photo(photo)) = &shown.photo else { panic!() };
    let location = of_photo(photo, "m");
    let none = AdminRights::NONE;
    core.edit_channel_admin(ada.actor().unwrap(), ada_id, group, bob_id, none, String::new())
        .await
        .unwrap();
    let refused = range(&bob, &location, 0, 4096).await;
    assert_eq!(error(refused), (400, "FILE_REFERENCE_EXPIRED".into()));
}
