//! `contacts.getBirthdays#daeda864 = contacts.ContactBirthdays`
//!
//! Of yesterday, today and tomorrow, as clients ask once a day.
//! Source: <https://core.telegram.org/method/contacts.getBirthdays>

use tl::functions::contacts::GetBirthdays;
use tl::types;
use tl::types::contacts::ContactBirthdays;

use crate::project::{self, Named};
use crate::rpc::{Context, RpcResult};

pub(in crate::rpc) async fn get_birthdays(
    ctx: &Context,
    _: GetBirthdays,
) -> RpcResult<ContactBirthdays> {
    let (owner, core) = (ctx.user()?, &ctx.shared.core);
    let mut named = Named::default();
    let contacts = core.birthdays(owner).await?.into_iter().map(|(user, birthday)| {
        named.user(user);
        let birthday = project::birthday(birthday);
        types::ContactBirthday { contact_id: user.0, birthday }.into()
    });
    let contacts = contacts.collect();
    Ok(ContactBirthdays { contacts, users: named.users(ctx.view()?)? })
}
