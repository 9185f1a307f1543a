//! `webPage`.

use node_core::{CoreResult, Origin, WebPage};
use tl::{enums, types};

use super::{View, photo};

/// A page whose preview is shown.
pub(crate) fn web_page(view: View<'_>, page: &WebPage) -> CoreResult<enums::WebPage> {
    let said = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let picture = page.photo.map(|file| photo(view, Origin::WebPage(page.id.0), file));
    Ok(types::WebPage {
        id: page.id.0,
        url: page.url.clone(),
        display_url: page.display_url.clone(),
        type_: said(&page.kind),
        site_name: said(&page.site_name),
        title: said(&page.title),
        description: said(&page.description),
        photo: picture.transpose()?,
        author: said(&page.author),
        ..types::WebPage::default()
    }
    .into())
}
