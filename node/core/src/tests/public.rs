//! What is shown to who is no member, and links for a while.

use super::world::World;

#[tokio::test]
async fn public_profiles_are_those_with_a_username() {
    let mut world = World::new().await;
    let ada = world.member("Ada").await;
    let core = &world.core;
    assert_eq!(core.public_profile("ada_lovelace").unwrap(), None);
    core.update_username(None, ada.id, "Ada_Lovelace".into()).await.unwrap();
    let about = Some("Numbers".to_owned());
    let last = Some("Lovelace".to_owned());
    core.update_profile(None, ada.id, None, last, about).await.unwrap();
    let shown = core.public_profile("ADA_lovelace").unwrap().unwrap();
    assert_eq!((&*shown.name, &*shown.username), ("Ada Lovelace", "Ada_Lovelace"));
    assert_eq!((shown.id, shown.about.as_deref()), (ada.id, Some("Numbers")));
}

#[tokio::test]
async fn public_links_end_and_cannot_be_made_up() {
    let mut world = World::new().await;
    let ada = world.member("Ada").await;
    let (token, expires) = world.core.contact_token(ada.id);
    assert_eq!(expires, world.core.now() + 24 * 3600);
    let user = |token: &str| {
        let (core, token) = (world.core.clone(), token.to_owned());
        async move { core.user_of_token(&token).await.unwrap() }
    };
    assert_eq!(user(&token).await, Some(ada.id));
    for at in [0, 20, token.len() - 1] {
        let mut forged = token.clone().into_bytes();
        forged[at] = if forged[at] == b'1' { b'2' } else { b'1' };
        assert_eq!(user(std::str::from_utf8(&forged).unwrap()).await, None, "{at}");
    }
    for odd in ["", "12", &token[2..], &format!("{token}00"), &"é".repeat(28), &"+".repeat(56)] {
        assert_eq!(user(odd).await, None, "{odd}");
    }
    world.pass_s(24 * 3600);
    assert_eq!(user(&token).await, None);
}
