//! A member of the node: logs in by an invite, finds others, and asks where the box is.

use std::net::{IpAddr, Ipv4Addr};

use keys::CryptoRng;
use tl::enums;
use tl::functions as f;
use tl::types;

use crate::client::{Client, ClientError};

/// Members behind one source address: a node limits login codes to 60 an hour for each.
pub const PER_ADDRESS: usize = 50;

/// What lets somebody become a member.
#[derive(Debug, Clone)]
pub struct Invite {
    /// The number, with its `+`.
    pub phone: String,
    /// The code.
    pub code: String,
}

/// A member who is logged in.
pub struct Member {
    /// The connection and session.
    pub client: Client,
    /// The account.
    pub user_id: i64,
    /// The number by which others find it.
    pub phone: String,
}

/// A loopback address for the member with this number: limits count by address.
pub fn source_address(index: usize) -> IpAddr {
    let block = index / PER_ADDRESS;
    // 127.0.1.1 and up, so that 127.0.0.1 stays for whoever logs in by hand.
    Ipv4Addr::new(127, 0, 1 + (block / 250) as u8, 1 + (block % 250) as u8).into()
}

impl Member {
    /// Signs an invited number up, and takes updates from then on.
    ///
    /// # Errors
    /// The refusals of the node, and the connection's.
    pub fn join<R: CryptoRng + ?Sized>(
        mut client: Client,
        invite: &Invite,
        name: &str,
        rng: &mut R,
    ) -> Result<Self, ClientError> {
        client.introduce(rng)?;
        let layer = tl::LAYER_MAX;
        let ask = f::auth::SendCode {
            phone_number: invite.phone.clone(),
            api_id: 1,
            api_hash: "0".repeat(32),
            settings: types::CodeSettings::default().into(),
        };
        let enums::auth::SentCode::SentCode(sent) = client.invoke(&ask, layer, rng)? else {
            return Err(ClientError::Wrong("auth.sentCode"));
        };
        let sign_in = f::auth::SignIn {
            phone_number: invite.phone.clone(),
            phone_code_hash: sent.phone_code_hash.clone(),
            phone_code: Some(invite.code.clone()),
            email_verification: None,
        };
        let mut signed = client.invoke(&sign_in, layer, rng)?;
        if let enums::auth::Authorization::AuthorizationSignUpRequired(_) = signed {
            let sign_up = f::auth::SignUp {
                phone_number: invite.phone.clone(),
                phone_code_hash: sent.phone_code_hash,
                first_name: name.to_owned(),
                ..f::auth::SignUp::default()
            };
            signed = client.invoke(&sign_up, layer, rng)?;
        }
        let enums::auth::Authorization::Authorization(done) = signed else {
            return Err(ClientError::Wrong("auth.authorization"));
        };
        let enums::User::User(user) = done.user else {
            return Err(ClientError::Wrong("user"));
        };
        let mut member = Self { client, user_id: user.id, phone: invite.phone.clone() };
        member.pts(rng)?;
        member.client.acknowledge(rng)?;
        Ok(member)
    }

    /// Where the box is.
    ///
    /// # Errors
    /// As [`Client::invoke`].
    pub fn pts<R: CryptoRng + ?Sized>(&mut self, rng: &mut R) -> Result<i32, ClientError> {
        let get = f::updates::GetState {};
        let enums::updates::State::State(state) = self.client.invoke(&get, tl::LAYER_MAX, rng)?;
        Ok(state.pts)
    }

    /// Finds members by their numbers; they are contacts from then on.
    ///
    /// # Errors
    /// As [`Client::invoke`]; `Wrong` if one of them was not found.
    pub fn find<R: CryptoRng + ?Sized>(
        &mut self,
        phones: &[&str],
        rng: &mut R,
    ) -> Result<Vec<enums::InputPeer>, ClientError> {
        let contacts = phones.iter().enumerate().map(|(place, phone)| {
            types::InputPhoneContact {
                client_id: place as i64,
                phone: (*phone).to_owned(),
                first_name: format!("Peer {place}"),
                ..types::InputPhoneContact::default()
            }
            .into()
        });
        let import = f::contacts::ImportContacts { contacts: contacts.collect() };
        let enums::contacts::ImportedContacts::ImportedContacts(found) =
            self.client.invoke(&import, tl::LAYER_MAX, rng)?;
        let mut peers = vec![None; phones.len()];
        for one in &found.imported {
            let enums::ImportedContact::ImportedContact(one) = one;
            let user = found.users.iter().find_map(|user| match user {
                enums::User::User(user) if user.id == one.user_id => Some(user),
                _ => None,
            });
            let access_hash = user.and_then(|user| user.access_hash);
            if let (Some(place), Some(access_hash)) =
                (peers.get_mut(one.client_id as usize), access_hash)
            {
                *place = Some(types::InputPeerUser { user_id: one.user_id, access_hash }.into());
            }
        }
        let peers: Option<Vec<_>> = peers.into_iter().collect();
        peers.ok_or(ClientError::Wrong("contacts.importedContacts"))
    }
}

impl Client {
    /// Says the layer and the client, as every client does first.
    ///
    /// # Errors
    /// As [`Client::invoke`].
    pub fn introduce<R: CryptoRng + ?Sized>(&mut self, rng: &mut R) -> Result<(), ClientError> {
        let layer = tl::LAYER_MAX;
        let nearest = tl::to_bytes(&f::help::GetNearestDc {}, layer)?;
        let init = f::InitConnection {
            api_id: 1,
            device_model: "load".into(),
            system_version: "1".into(),
            app_version: "1".into(),
            system_lang_code: "en".into(),
            lang_code: "en".into(),
            query: tl::Rest(nearest),
            ..f::InitConnection::default()
        };
        let query = tl::Rest(tl::to_bytes(&init, layer)?);
        self.invoke_raw(&tl::to_bytes(&f::InvokeWithLayer { layer, query }, layer)?, rng)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_address_has_more_members_than_may_log_in_from_it() {
        let of = |index| source_address(index).to_string();
        assert_eq!(of(0), of(PER_ADDRESS - 1));
        assert_ne!(of(0), of(PER_ADDRESS));
        assert_eq!(of(250 * PER_ADDRESS), "127.0.2.1");
    }
}
