//! `messages.report#fc78af9b peer:InputPeer id:Vector<int> option:bytes message:string =
//! ReportResult`, up to layer 186 `messages.report#8953ab4e peer:InputPeer id:Vector<int>
//! reason:ReportReason message:string = Bool`,
//! `messages.reportSpam#cf1592db peer:InputPeer = Bool`
//!
//! Two steps: why, then a comment, which only "something else" has to have. An option is the
//! reason's number; with a byte behind it the comment was asked for.
//! Source: <https://core.telegram.org/method/messages.report>

use node_core::{CoreError, MessageId, NewReport, PeerId, REPORT_COMMENT_CHARS_MAX, ReportReason};
use tl::enums::{self, ReportResult};
use tl::functions::messages::{Report, ReportSpam};
use tl::types;

use crate::rpc::{Context, RpcError, RpcResult};

/// The first layer whose clients choose among options.
const OPTIONS_SINCE: i32 = 187;

/// The reasons that one chooses from, by the number of the option.
const OPTIONS: [(u8, ReportReason, &str); 8] = [
    (1, ReportReason::Spam, "Spam"),
    (2, ReportReason::Violence, "Violence"),
    (3, ReportReason::ChildAbuse, "Child abuse"),
    (4, ReportReason::Pornography, "Pornography"),
    (5, ReportReason::IllegalDrugs, "Illegal goods"),
    (6, ReportReason::PersonalDetails, "Personal details"),
    (7, ReportReason::Fake, "Fraud, or a fake account"),
    (8, ReportReason::Other, "Something else"),
];

/// Behind an option whose comment was asked for.
const COMMENT_ASKED: u8 = b'+';

pub(in crate::rpc) async fn report(ctx: &Context, request: Report) -> RpcResult<ReportResult> {
    let about = ctx.peer(&request.peer)?;
    let ids = request.id.into_iter().map(MessageId).collect();
    if ctx.layer < OPTIONS_SINCE {
        let reason = reason_from_tl(&request.reason);
        report_to_operator(ctx, about, reason, request.message, ids).await?;
        return Ok(types::ReportResultReported {}.into());
    }
    let (number, asked) = match request.option[..] {
        [] => return Ok(choose()),
        [number] => (number, false),
        [number, COMMENT_ASKED] => (number, true),
        _ => return Err(RpcError::new(400, "OPTION_INVALID")),
    };
    let option = OPTIONS.iter().find(|(known, _, _)| *known == number);
    let (_, reason, _) = *option.ok_or(RpcError::new(400, "OPTION_INVALID"))?;
    let optional = reason != ReportReason::Other;
    if request.message.trim().is_empty() && !(asked && optional) {
        let option = vec![number, COMMENT_ASKED];
        return Ok(types::ReportResultAddComment { optional, option }.into());
    }
    report_to_operator(ctx, about, reason, request.message, ids).await?;
    Ok(types::ReportResultReported {}.into())
}

pub(in crate::rpc) async fn report_spam(ctx: &Context, request: ReportSpam) -> RpcResult<bool> {
    let about = ctx.peer(&request.peer)?;
    report_to_operator(ctx, about, ReportReason::Spam, String::new(), Vec::new()).await?;
    Ok(true)
}

fn choose() -> ReportResult {
    let options = OPTIONS.iter().map(|(number, _, text)| {
        let (text, option) = ((*text).to_owned(), vec![*number]);
        types::MessageReportOption { text, option }.into()
    });
    let options = options.collect();
    types::ReportResultChooseOption { title: "What is wrong?".to_owned(), options }.into()
}

/// Keeps a report for the operator.
pub(in crate::rpc) async fn report_to_operator(
    ctx: &Context,
    about: PeerId,
    reason: ReportReason,
    comment: String,
    messages: Vec<MessageId>,
) -> RpcResult<()> {
    if comment.chars().count() > REPORT_COMMENT_CHARS_MAX {
        return Err(RpcError::new(400, "MESSAGE_TOO_LONG"));
    }
    let new = NewReport { about, reason, comment, messages };
    let kept = ctx.shared.core.report(Some(ctx.actor()?), ctx.user()?, new).await;
    kept.map_err(|error| match error {
        CoreError::Oneself => RpcError::new(400, "PEER_ID_INVALID"),
        other => other.into(),
    })
}

/// A reason as clients name it.
pub(in crate::rpc) fn reason_from_tl(reason: &enums::ReportReason) -> ReportReason {
    use enums::ReportReason as R;
    match reason {
        R::InputReportReasonSpam(_) => ReportReason::Spam,
        R::InputReportReasonViolence(_) => ReportReason::Violence,
        R::InputReportReasonChildAbuse(_) => ReportReason::ChildAbuse,
        R::InputReportReasonPornography(_) => ReportReason::Pornography,
        R::InputReportReasonIllegalDrugs(_) => ReportReason::IllegalDrugs,
        R::InputReportReasonPersonalDetails(_) => ReportReason::PersonalDetails,
        R::InputReportReasonFake(_) => ReportReason::Fake,
        R::InputReportReasonCopyright(_) => ReportReason::Copyright,
        R::InputReportReasonGeoIrrelevant(_) => ReportReason::GeoIrrelevant,
        R::InputReportReasonOther(_) => ReportReason::Other,
    }
}
