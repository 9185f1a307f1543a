"""Calls every method that answers before a login, with Telethon's own types, and reports what it saw."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))
import common
import session
import telethon
from telethon import errors, functions, types
from telethon.tl.alltlobjects import LAYER


async def main(args):
    client = await session.connected(args, connection_retries=1, timeout=10, lang_code="en")
    seen, refused = {}, {}

    async def call(request):
        answer = await client(request)
        name = type(request).__module__.rsplit(".", 1)[-1] + "." + type(request).__name__
        seen[name] = type(answer).__name__
        return answer

    help_, langpack, auth = functions.help, functions.langpack, functions.auth
    app = await call(help_.GetAppConfigRequest(hash=0))
    again = await client(help_.GetAppConfigRequest(hash=app.hash))
    seen["help.GetAppConfigRequest again"] = type(again).__name__
    countries = await call(help_.GetCountriesListRequest(lang_code="en", hash=0))
    same = await client(help_.GetCountriesListRequest(lang_code="en", hash=countries.hash))
    seen["help.GetCountriesListRequest again"] = type(same).__name__
    colors = await call(help_.GetPeerColorsRequest(hash=0))
    profile = await call(help_.GetPeerProfileColorsRequest(hash=0))
    zones = await call(help_.GetTimezonesListRequest(hash=0))
    invite = await call(help_.GetInviteTextRequest())
    await call(help_.GetConfigRequest())
    await call(help_.GetNearestDcRequest())
    await call(help_.GetCdnConfigRequest())
    await call(help_.GetAppUpdateRequest(source=""))
    await call(help_.GetDeepLinkInfoRequest(path="nowhere"))
    pack = await call(langpack.GetLangPackRequest(lang_pack="tdesktop", lang_code="en"))
    await call(langpack.GetDifferenceRequest(lang_pack="tdesktop", lang_code="en", from_version=pack.version))
    await call(langpack.GetLanguageRequest(lang_pack="tdesktop", lang_code="en"))
    languages = await call(langpack.GetLanguagesRequest(lang_pack="tdesktop"))
    await call(langpack.GetStringsRequest(lang_pack="tdesktop", lang_code="en", keys=["lng_intro"]))
    token = await call(auth.ExportLoginTokenRequest(api_id=1, api_hash="x" * 32, except_ids=[]))
    sent = await call(auth.SendCodeRequest(args.phone, 1, "x" * 32, types.CodeSettings()))
    resent = await call(auth.ResendCodeRequest(args.phone, sent.phone_code_hash))
    refused["auth.ResendCode of a used hash"] = await session.refusal(
        client(auth.ResendCodeRequest(args.phone, sent.phone_code_hash)))
    await call(auth.ReportMissingCodeRequest(args.phone, resent.phone_code_hash, "01"))
    refused["auth.ReportMissingCode of a used hash"] = await session.refusal(
        client(auth.ReportMissingCodeRequest(args.phone, sent.phone_code_hash, "01")))
    seen["auth.CancelCodeRequest"] = await client(auth.CancelCodeRequest(args.phone, resent.phone_code_hash))
    refused["auth.CancelCode again"] = await session.refusal(
        client(auth.CancelCodeRequest(args.phone, resent.phone_code_hash)))
    seen["auth.DropTempAuthKeysRequest"] = await client(auth.DropTempAuthKeysRequest([]))
    refused["auth.SendCode to nobody"] = await session.refusal(
        client(auth.SendCodeRequest("12", 1, "x" * 32, types.CodeSettings())))
    refused["auth.SendCode without api_id"] = await session.refusal(
        client(auth.SendCodeRequest(args.phone, 0, "x" * 32, types.CodeSettings())))
    refused["langpack.GetLanguage of no language"] = await session.refusal(
        client(langpack.GetLanguageRequest(lang_pack="tdesktop", lang_code="tlh")))
    await client.disconnect()
    return {
        "client": "telethon",
        "version": telethon.__version__,
        "layer": LAYER,
        "seen": seen,
        "refused": refused,
        "countries": len(countries.countries),
        "with_codes": sum(1 for c in countries.countries if c.country_codes),
        "colors": sorted(o.color_id for o in colors.colors),
        "built_in_colors_sent": sum(o.colors is not None for o in colors.colors),
        "color_max": max(c for o in profile.colors for c in o.colors.palette_colors),
        "profile_colors": len(profile.colors),
        "zones": len(zones.timezones),
        "invite": invite.message,
        "languages": [language.lang_code for language in languages],
        "token_bytes": len(token.token),
    }


common.run(main(common.arguments()))
