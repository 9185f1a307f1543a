//! `messages.sendMedia#0330e77f flags:# … peer:InputPeer reply_to:flags.0?InputReplyTo
//! media:InputMedia message:string random_id:long … = Updates`,
//! `messages.sendMultiMedia#1bf89d74 flags:# … peer:InputPeer reply_to:flags.0?InputReplyTo
//! multi_media:Vector<InputSingleMedia> … = Updates`,
//! `messages.uploadMedia#14967978 flags:# business_connection_id:flags.0?string peer:InputPeer
//! media:InputMedia = MessageMedia`
//!
//! Sources: <https://core.telegram.org/method/messages.sendMedia>,
//! <https://core.telegram.org/api/files#albums-grouped-media>

use node_core::{MessageId, Outgoing, OutgoingFile, PeerId, QuoteRequest, Text, When};
use rand::RngExt as _;
use tl::enums;
use tl::enums::{InputMedia, InputSingleMedia};
use tl::functions::messages::{SendMedia, SendMultiMedia, UploadMedia};

use super::scheduled::placed_updates;
use super::send_message::{caption, reply_to, send_as, text, to_message};
use super::{refuse, sent_updates};
use crate::rpc::media::{self, Uploads};
use crate::rpc::{Context, RpcError, RpcResult};

/// Media of one album.
const ALBUM_MAX: usize = 10;

/// What all messages of a call have.
struct Common {
    to: PeerId,
    reply: Option<(MessageId, Option<QuoteRequest>)>,
    silent: bool,
    clear_draft: bool,
    invert_media: bool,
    noforwards: bool,
    send_as: Option<PeerId>,
    when: Option<When>,
}

impl Common {
    fn outgoing(&self, text: Text, random_id: i64) -> Outgoing {
        Outgoing {
            silent: self.silent,
            reply: self.reply.clone(),
            clear_draft: self.clear_draft,
            invert_media: self.invert_media,
            noforwards: self.noforwards,
            send_as: self.send_as,
            ..Outgoing::text(self.to, text, random_id)
        }
    }
}

pub(in crate::rpc) async fn send_media(
    ctx: &Context,
    request: SendMedia,
) -> RpcResult<enums::Updates> {
    let to = ctx.peer(&request.peer)?;
    refuse(
        request.quick_reply_shortcut.is_some()
            || request.effect.is_some()
            || request.suggested_post.is_some(),
    )?;
    let send_as = send_as(ctx, to, request.send_as.as_ref(), request.schedule_date.is_some())?;
    let when = request
        .schedule_date
        .map(|date| When { date, repeat: request.schedule_repeat_period.unwrap_or(0) });
    // The time of a poll that closes by itself would run while it waits.
    if let InputMedia::InputMediaPoll(media) = &request.media {
        let enums::Poll::Poll(poll) = &media.poll;
        refuse(when.is_some() && poll.close_period.or(poll.close_date).is_some())?;
    }
    let common = Common {
        to,
        reply: match request.reply_to {
            Some(reply) => reply_to(ctx, to, reply)?,
            // Before layer 159 a number stood here.
            None => request.reply_to_msg_id.map(|id| (MessageId(id), None)),
        },
        silent: request.silent,
        clear_draft: request.clear_draft,
        invert_media: request.invert_media,
        noforwards: request.noforwards,
        send_as,
        when,
    };
    let mut uploads = Uploads::default();
    let item = (request.media, request.message, request.entities, request.random_id);
    let answer = send_one(ctx, &common, item, &mut uploads).await;
    uploads.settle(ctx);
    answer
}

/// Media, text, formatting, `random_id`.
type Item = (InputMedia, String, Option<Vec<enums::MessageEntity>>, i64);

/// The message as it is told from others, before its files are looked at.
fn unread(ctx: &Context, common: &Common, item: &mut Item) -> RpcResult<Outgoing> {
    let (media, message, entities, random_id) = item;
    if *random_id == 0 {
        return Err(RpcError::new(400, "RANDOM_ID_EMPTY"));
    }
    let entities = entities.take();
    if matches!(media, InputMedia::InputMediaEmpty(_)) {
        return Ok(common.outgoing(text(ctx, message, entities)?, *random_id));
    }
    let text =
        if media::has_caption(media) { caption(ctx, message, entities)? } else { Text::none() };
    let media = Some(media::unread(media::fingerprint(media)?));
    Ok(Outgoing { media, ..common.outgoing(text, *random_id) })
}

async fn send_one(
    ctx: &Context,
    common: &Common,
    mut item: Item,
    uploads: &mut Uploads,
) -> RpcResult<enums::Updates> {
    let (from, core) = (ctx.user()?, &ctx.shared.core);
    let mut outgoing = unread(ctx, common, &mut item)?;
    let random_id = outgoing.random_id;
    if let Some(placed) = core.placed(from, &outgoing).await? {
        return placed_updates(ctx, &[(placed, random_id)]);
    }
    if let Some(unread) = outgoing.media.take() {
        outgoing.media = Some(media::read(ctx, item.0, unread.fingerprint, uploads).await?);
    }
    if let Some(when) = common.when {
        // Its time would run while it waits.
        let closes = outgoing.media.as_ref().is_some_and(|media| match &media.file {
            OutgoingFile::NewPoll(poll) => poll.close_period.or(poll.close_date).is_some(),
            _ => false,
        });
        refuse(closes)?;
        let placed = core.schedule(ctx.actor()?, from, outgoing, when).await;
        return placed_updates(ctx, &[(placed.map_err(to_message)?, random_id)]);
    }
    let sent = core.send(ctx.actor()?, from, outgoing).await.map_err(to_message)?;
    sent_updates(ctx, &[(sent, random_id)])
}

pub(in crate::rpc) async fn send_multi_media(
    ctx: &Context,
    request: SendMultiMedia,
) -> RpcResult<enums::Updates> {
    let to = ctx.peer(&request.peer)?;
    refuse(request.quick_reply_shortcut.is_some() || request.effect.is_some())?;
    let send_as = send_as(ctx, to, request.send_as.as_ref(), request.schedule_date.is_some())?;
    let common = Common {
        to,
        reply: match request.reply_to {
            Some(reply) => reply_to(ctx, to, reply)?,
            None => request.reply_to_msg_id.map(|id| (MessageId(id), None)),
        },
        silent: request.silent,
        clear_draft: request.clear_draft,
        invert_media: request.invert_media,
        noforwards: request.noforwards,
        send_as,
        when: request.schedule_date.map(|date| When { date, repeat: 0 }),
    };
    if request.multi_media.is_empty() {
        return Err(RpcError::new(400, "MEDIA_EMPTY"));
    }
    if request.multi_media.len() > ALBUM_MAX {
        return Err(RpcError::new(400, "MULTI_MEDIA_TOO_LONG"));
    }
    let items = request.multi_media.into_iter().map(|item| {
        let InputSingleMedia::InputSingleMedia(item) = item;
        (item.media, item.message, item.entities, item.random_id)
    });
    let mut uploads = Uploads::default();
    let answer = send_album(ctx, &common, items.collect(), &mut uploads).await;
    uploads.settle(ctx);
    answer
}

async fn send_album(
    ctx: &Context,
    common: &Common,
    mut items: Vec<Item>,
    uploads: &mut Uploads,
) -> RpcResult<enums::Updates> {
    let (from, core) = (ctx.user()?, &ctx.shared.core);
    let random_ids: Vec<i64> = items.iter().map(|(.., random_id)| *random_id).collect();
    let mut distinct = random_ids.clone();
    distinct.sort_unstable();
    distinct.dedup();
    if distinct.len() != random_ids.len() {
        return Err(RpcError::new(400, "RANDOM_ID_DUPLICATE"));
    }
    let mut album = Vec::with_capacity(items.len());
    let mut before = Vec::with_capacity(items.len());
    for item in &mut items {
        let outgoing = unread(ctx, common, item)?;
        if outgoing.media.is_none() {
            return Err(RpcError::new(400, "MEDIA_EMPTY"));
        }
        before.extend(core.placed(from, &outgoing).await?);
        album.push(outgoing);
    }
    if before.len() == album.len() {
        let placed: Vec<_> = before.into_iter().zip(random_ids).collect();
        return placed_updates(ctx, &placed);
    }
    let grouped_id = if album.len() > 1 { crate::rng().random_range(1..=i64::MAX) } else { 0 };
    let mut group = None;
    for (at, (outgoing, item)) in album.iter_mut().zip(items).enumerate() {
        let Some(unread) = outgoing.media.take() else { continue };
        let read = media::read(ctx, item.0, unread.fingerprint, uploads).await;
        let read = read.map_err(|error| of_item(error, at))?;
        let of = media::group(ctx, &read)?;
        if of.is_none() || group.is_some_and(|group| group != of) {
            return Err(RpcError::new(400, "MEDIA_GROUPED_INVALID"));
        }
        group = Some(of);
        outgoing.media = Some(read);
        outgoing.grouped_id = grouped_id;
    }
    if let Some(when) = common.when {
        let placed = core.schedule_album(ctx.actor()?, from, album, when).await;
        let placed: Vec<_> = placed.map_err(to_message)?.into_iter().zip(random_ids).collect();
        return placed_updates(ctx, &placed);
    }
    let sent = core.send_album(ctx.actor()?, from, album).await.map_err(to_message)?;
    let sent: Vec<_> = sent.into_iter().zip(random_ids).collect();
    sent_updates(ctx, &sent)
}

/// Of what was wrong with a reference in a list, clients are told which one it was.
///
/// Source: <https://core.telegram.org/api/file_reference>
fn of_item(error: RpcError, at: usize) -> RpcError {
    match error.message.strip_prefix("FILE_REFERENCE_") {
        Some(what) => {
            RpcError { code: error.code, message: format!("FILE_REFERENCE_{at}_{what}").into() }
        }
        None => error,
    }
}

pub(in crate::rpc) async fn upload_media(
    ctx: &Context,
    request: UploadMedia,
) -> RpcResult<enums::MessageMedia> {
    ctx.peer(&request.peer)?;
    refuse(request.business_connection_id.is_some())?;
    let mut uploads = Uploads::default();
    let answer = media::store(ctx, request.media, &mut uploads).await;
    uploads.settle(ctx);
    answer
}
