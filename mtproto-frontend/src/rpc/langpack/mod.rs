//! `langpack.*`: English, spoken by the strings that every client has built in.
//!
//! A node has no translations of its own yet. It says so in the protocol's words: one language
//! whose difference is empty. A client then keeps its built-in texts.
//! Source: <https://core.telegram.org/api/translations>

use tl::functions::langpack as f;
use tl::types::{LangPackDifference, LangPackLanguage};

use super::{Context, RpcError, RpcResult};

/// The only language there is.
const ENGLISH: &str = "en";

/// Version of the (empty) pack. Clients ask for a difference from the version that they have.
const VERSION: i32 = 1;

/// Packs that published clients ask for by name.
const PACKS: [&str; 11] = [
    "android",
    "android_x",
    "ios",
    "macos",
    "tdesktop",
    "weba",
    "webk",
    "web",
    "unigram",
    "tdlib",
    "emoji",
];

/// `langpack.getLangPack#f2f2330a lang_pack:string lang_code:string = LangPackDifference`
pub(super) async fn get_lang_pack(
    ctx: &Context,
    request: f::GetLangPack,
) -> RpcResult<LangPackDifference> {
    check_pack(ctx, &request.lang_pack)?;
    check_language(&request.lang_code)?;
    Ok(empty(0))
}

/// `langpack.getDifference#cd984aa5 lang_pack:string lang_code:string from_version:int =
/// LangPackDifference`
pub(super) async fn get_difference(
    ctx: &Context,
    request: f::GetDifference,
) -> RpcResult<LangPackDifference> {
    check_pack(ctx, &request.lang_pack)?;
    check_language(&request.lang_code)?;
    Ok(empty(request.from_version))
}

/// `langpack.getStrings#efea3803 lang_pack:string lang_code:string keys:Vector<string> =
/// Vector<LangPackString>`
pub(super) async fn get_strings(
    ctx: &Context,
    request: f::GetStrings,
) -> RpcResult<Vec<tl::enums::LangPackString>> {
    check_pack(ctx, &request.lang_pack)?;
    check_language(&request.lang_code)?;
    // A key without a string here is shown in the client's own words.
    Ok(Vec::new())
}

/// `langpack.getLanguages#42c6978f lang_pack:string = Vector<LangPackLanguage>`
pub(super) async fn get_languages(
    ctx: &Context,
    request: f::GetLanguages,
) -> RpcResult<Vec<tl::enums::LangPackLanguage>> {
    check_pack(ctx, &request.lang_pack)?;
    Ok(vec![english().into()])
}

/// `langpack.getLanguage#6a596502 lang_pack:string lang_code:string = LangPackLanguage`
pub(super) async fn get_language(
    ctx: &Context,
    request: f::GetLanguage,
) -> RpcResult<LangPackLanguage> {
    check_pack(ctx, &request.lang_pack)?;
    check_language(&request.lang_code)?;
    Ok(english())
}

/// An empty pack name means the one of `initConnection`.
fn check_pack(ctx: &Context, pack: &str) -> RpcResult<()> {
    let known = match pack {
        "" => ctx.key.client().is_some_and(|c| PACKS.contains(&c.lang_pack.as_str())),
        named => PACKS.contains(&named),
    };
    if known { Ok(()) } else { Err(RpcError::new(400, "LANG_PACK_INVALID")) }
}

fn check_language(code: &str) -> RpcResult<()> {
    // Android asks for its built-in English as "en-raw".
    match code {
        ENGLISH | "en-raw" => Ok(()),
        _ => Err(RpcError::new(400, "LANG_CODE_NOT_SUPPORTED")),
    }
}

fn empty(from_version: i32) -> LangPackDifference {
    LangPackDifference {
        lang_code: ENGLISH.to_owned(),
        from_version,
        version: VERSION,
        strings: Vec::new(),
    }
}

fn english() -> LangPackLanguage {
    LangPackLanguage {
        official: true,
        name: "English".to_owned(),
        native_name: "English".to_owned(),
        lang_code: ENGLISH.to_owned(),
        plural_code: ENGLISH.to_owned(),
        ..LangPackLanguage::default()
    }
}
