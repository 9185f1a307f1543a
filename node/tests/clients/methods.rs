//! Every method that answers before a login, called by Telethon 1.45.0 (layer 229).

use std::path::Path;

use serde_json::json;

use crate::report::{self, Arguments};
use crate::support::install;
use crate::support::node::TestNode;
use crate::support::skip::skipped;

#[test]
fn telethon_calls_every_open_method() {
    if skipped(&["telethon", "methods"]) {
        return;
    }
    let node = TestNode::start();
    let python = install::python("telethon-1.45.0", "telethon/requirements-1.45.0.txt");
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let arguments = Arguments { transport: "full", ..Arguments::default() };
    let report = report::drive(&node, &python, here, "telethon/methods.py", &arguments);

    assert_eq!(
        report["seen"],
        json!({
            "help.GetAppConfigRequest": "AppConfig",
            "help.GetAppConfigRequest again": "AppConfigNotModified",
            "help.GetCountriesListRequest": "CountriesList",
            "help.GetCountriesListRequest again": "CountriesListNotModified",
            "help.GetPeerColorsRequest": "PeerColors",
            "help.GetPeerProfileColorsRequest": "PeerColors",
            "help.GetTimezonesListRequest": "TimezonesList",
            "help.GetInviteTextRequest": "InviteText",
            "help.GetConfigRequest": "Config",
            "help.GetNearestDcRequest": "NearestDc",
            "help.GetCdnConfigRequest": "CdnConfig",
            "help.GetAppUpdateRequest": "NoAppUpdate",
            "help.GetDeepLinkInfoRequest": "DeepLinkInfoEmpty",
            "langpack.GetLangPackRequest": "LangPackDifference",
            "langpack.GetDifferenceRequest": "LangPackDifference",
            "langpack.GetLanguageRequest": "LangPackLanguage",
            "langpack.GetLanguagesRequest": "list",
            "langpack.GetStringsRequest": "list",
            "auth.ExportLoginTokenRequest": "LoginToken",
            "auth.SendCodeRequest": "SentCode",
            "auth.ResendCodeRequest": "SentCode",
            "auth.ReportMissingCodeRequest": "bool",
            "auth.CancelCodeRequest": true,
            "auth.DropTempAuthKeysRequest": true,
        })
    );
    assert_eq!(
        report["refused"],
        json!({
            "auth.ResendCode of a used hash": [400, "PHONE_CODE_EXPIRED"],
            "auth.ReportMissingCode of a used hash": [400, "PHONE_CODE_EXPIRED"],
            "auth.CancelCode again": [400, "PHONE_CODE_EXPIRED"],
            // The node says 406; Telethon's class for the name has a code of its own.
            "auth.SendCode to nobody": [400, "PHONE_NUMBER_INVALID"],
            "auth.SendCode without api_id": [400, "API_ID_INVALID"],
            "langpack.GetLanguage of no language": [400, "LANG_CODE_NOT_SUPPORTED"],
        })
    );
    assert!(report["countries"].as_u64() > Some(200), "{report}");
    assert_eq!(report["countries"], report["with_codes"], "a country without a code");
    assert_eq!(report["colors"], json!([0, 1, 2, 3, 4, 5, 6]));
    // TDLib complains of colours for the numbers that it knows by itself.
    assert_eq!(report["built_in_colors_sent"], 0);
    assert!(report["color_max"].as_u64() <= Some(0x00ff_ffff), "{report}");
    assert_eq!(report["profile_colors"], 7);
    assert!(report["zones"].as_u64() > Some(100), "{report}");
    assert_eq!(report["languages"], json!(["en"]));
    assert_eq!(report["token_bytes"], 32);
}
