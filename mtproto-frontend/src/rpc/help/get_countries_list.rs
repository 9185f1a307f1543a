//! `help.getCountriesList#735787a8 lang_code:string hash:int = help.CountriesList`
//!
//! All countries with their calling codes: the phone number screen has no codes without them.
//! Names are English; clients translate by the ISO code where they can.
//! Source: <https://core.telegram.org/method/help.getCountriesList>

use std::sync::LazyLock;

use serde::Deserialize;
use tl::enums::help::CountriesList;
use tl::functions::help::GetCountriesList;
use tl::types::help;

use super::content_hash;
use crate::rpc::{Context, RpcResult};

#[derive(Deserialize)]
struct Country {
    iso2: String,
    name: String,
    codes: Vec<Code>,
}

#[derive(Deserialize)]
struct Code {
    code: String,
    #[serde(default)]
    prefixes: Vec<String>,
    #[serde(default)]
    patterns: Vec<String>,
}

const DATA: &str = include_str!("../../../data/countries.json");

static HASH: LazyLock<i32> = LazyLock::new(|| content_hash(DATA.as_bytes()));

static COUNTRIES: LazyLock<Vec<tl::enums::help::Country>> = LazyLock::new(|| {
    let countries: Vec<Country> =
        serde_json::from_str(DATA).expect("data/countries.json is checked by a test");
    countries.into_iter().map(country).collect()
});

pub(in crate::rpc) async fn get_countries_list(
    _: &Context,
    request: GetCountriesList,
) -> RpcResult<CountriesList> {
    if request.hash == *HASH {
        return Ok(help::CountriesListNotModified {}.into());
    }
    Ok(help::CountriesList { countries: COUNTRIES.clone(), hash: *HASH }.into())
}

fn country(country: Country) -> tl::enums::help::Country {
    let some = |texts: Vec<String>| (!texts.is_empty()).then_some(texts);
    let codes = country.codes.into_iter().map(|code| {
        help::CountryCode {
            country_code: code.code,
            prefixes: some(code.prefixes),
            patterns: some(code.patterns),
        }
        .into()
    });
    help::Country {
        hidden: false,
        iso2: country.iso2,
        default_name: country.name,
        name: None,
        country_codes: codes.collect(),
    }
    .into()
}
