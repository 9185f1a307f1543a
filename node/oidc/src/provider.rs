//! The provider: what it says of itself, and what a code of it is worth.

use std::collections::HashMap;
use std::pin::Pin;

use chrono::{DateTime, Utc};
use delivery::{Https, HttpsError};
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreErrorResponseType,
    CoreGenderClaim, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm,
    CoreProviderMetadata, CoreRevocableToken, CoreRevocationErrorResponse,
    CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    AdditionalClaims, AsyncHttpClient, AuthorizationCode, ClientId, ClientSecret, CsrfToken,
    EmptyExtraTokenFields, HttpRequest, HttpResponse, IdTokenFields, IssuerUrl, Nonce,
    OAuth2TokenResponse as _, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope,
    StandardErrorResponse, StandardTokenResponse, TokenResponse as _, UserInfoClaims,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Oidc;
use crate::flows::{Begun, Flow};

/// How long what the provider says of itself is believed: it may change its keys.
const BELIEVED_MS: u64 = 5 * 60 * 1000;

/// Claims that no specification names: groups, above all.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Claims {
    #[serde(flatten)]
    all: HashMap<String, Value>,
}

impl AdditionalClaims for Claims {}

type Fields = IdTokenFields<
    Claims,
    EmptyExtraTokenFields,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;

type Client<Auth, Device, Introspect, Revoke, Token, Info> = openidconnect::Client<
    Claims,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    StandardTokenResponse<Fields, CoreTokenType>,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    Auth,
    Device,
    Introspect,
    Revoke,
    Token,
    Info,
>;

type ReadyClient = Client<
    openidconnect::EndpointSet,
    openidconnect::EndpointNotSet,
    openidconnect::EndpointNotSet,
    openidconnect::EndpointNotSet,
    openidconnect::EndpointMaybeSet,
    openidconnect::EndpointMaybeSet,
>;

/// What the provider said of itself.
#[derive(Clone)]
pub(crate) struct Cached {
    metadata: CoreProviderMetadata,
    at_ms: u64,
}

/// Who came back.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Person {
    /// Told apart from all others: issuer and subject.
    pub(crate) identity: String,
    /// Whether the policy lets them join.
    pub(crate) may_join: bool,
}

/// Why nobody did. Carries no secret: it goes to the log.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Failed(String);

fn failed(what: &str) -> impl FnOnce(&dyn std::error::Error) -> Failed + '_ {
    move |cause| Failed(format!("{what}: {cause}"))
}

/// The library's requests, by the node's own client.
struct Exchange(Https);

impl<'c> AsyncHttpClient<'c> for Exchange {
    type Error = HttpsError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, HttpsError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.0.send(request))
    }
}

impl Oidc {
    /// Where the browser is sent.
    pub(crate) async fn authorize_url(&self, begun: &Begun) -> Result<String, Failed> {
        let client = self.client().await?;
        let verifier = PkceCodeVerifier::new(begun.verifier.to_string());
        let (state, nonce) = (begun.state.clone(), begun.nonce.clone());
        let mut request = client
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                move || CsrfToken::new(state),
                move || Nonce::new(nonce),
            )
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier));
        for scope in &self.setup.scopes {
            request = request.add_scope(Scope::new(scope.clone()));
        }
        Ok(request.url().0.to_string())
    }

    /// Exchanges a code, and reads who it stands for.
    pub(crate) async fn person(&self, flow: Flow, code: String) -> Result<Person, Failed> {
        let client = self.client().await?;
        let http = Exchange(self.https.clone());
        let tokens = client
            .exchange_code(AuthorizationCode::new(code))
            .map_err(|e| failed("the provider has no token endpoint")(&e))?
            .set_pkce_verifier(PkceCodeVerifier::new(flow.verifier.to_string()))
            .request_async(&http)
            .await
            // What the provider answered may repeat the code: only that it refused is said.
            .map_err(|_| Failed("the provider does not take the code".into()))?;
        let token = tokens.id_token().ok_or_else(|| Failed("there is no ID token".into()))?;
        let clock = self.setup.clock.clone();
        let now = move || {
            let now_ms = i64::try_from(clock()).unwrap_or(i64::MAX);
            DateTime::<Utc>::from_timestamp_millis(now_ms).unwrap_or_default()
        };
        let verifier = client.id_token_verifier().set_time_fn(now);
        let claims = token
            .claims(&verifier, &Nonce::new(flow.nonce))
            .map_err(|e| failed("the ID token does not hold")(&e))?;
        let subject = claims.subject();
        let identity = format!("{} {}", claims.issuer().as_str(), subject.as_str());
        let mut known = Known {
            email: claims.email().map(|email| email.to_string()),
            verified: claims.email_verified().unwrap_or(false),
            groups: groups(&claims.additional_claims().all, &self.setup.groups_claim),
        };
        // Many providers keep such claims for whoever asks with the access token.
        if self.asks_more(&known)
            && let Ok(request) =
                client.user_info(tokens.access_token().clone(), Some(subject.clone()))
        {
            let more: Result<UserInfoClaims<Claims, CoreGenderClaim>, _> =
                request.request_async(&http).await;
            let more = more.map_err(|_| Failed("the provider tells nothing of its user".into()))?;
            let groups = groups(&more.additional_claims().all, &self.setup.groups_claim);
            known = Known {
                email: more.email().map(|email| email.to_string()).or(known.email),
                verified: more.email_verified().unwrap_or(known.verified),
                groups: if known.groups.is_empty() { groups } else { known.groups },
            };
        }
        Ok(Person { identity, may_join: self.may_join(&known) })
    }

    async fn client(&self) -> Result<ReadyClient, Failed> {
        let base = self.base.get().ok_or_else(|| Failed("the node is not ready".into()))?;
        let redirect = RedirectUrl::new(format!("{base}{}", crate::CALLBACK_PATH));
        let redirect = redirect.map_err(|e| failed("the node's own address")(&e))?;
        let id = ClientId::new(self.setup.client_id.clone());
        let secret = self.setup.client_secret.as_ref();
        let secret = secret.map(|secret| ClientSecret::new(secret.to_string()));
        let client = Client::from_provider_metadata(self.metadata().await?, id, secret);
        Ok(client.set_redirect_uri(redirect))
    }

    /// What the provider says of itself, asked again now and then.
    async fn metadata(&self) -> Result<CoreProviderMetadata, Failed> {
        let now_ms = (self.setup.clock)();
        let known = self.provider.lock().clone();
        if let Some(known) = known.filter(|known| now_ms.abs_diff(known.at_ms) < BELIEVED_MS) {
            return Ok(known.metadata);
        }
        let issuer = IssuerUrl::new(self.setup.issuer.clone());
        let issuer = issuer.map_err(|e| failed("oidc.issuer")(&e))?;
        let http = Exchange(self.https.clone());
        let found = CoreProviderMetadata::discover_async(issuer, &http).await;
        let metadata = found.map_err(|e| failed("the provider does not describe itself")(&e))?;
        *self.provider.lock() = Some(Cached { metadata: metadata.clone(), at_ms: now_ms });
        Ok(metadata)
    }

    /// Whether the policy needs claims that did not come.
    fn asks_more(&self, known: &Known) -> bool {
        (!self.setup.allowed_groups.is_empty() && known.groups.is_empty())
            || (!self.setup.allowed_domains.is_empty() && known.email.is_none())
    }

    fn may_join(&self, known: &Known) -> bool {
        let crate::Setup { allowed_groups, allowed_domains, .. } = &self.setup;
        let by_group =
            allowed_groups.is_empty() || known.groups.iter().any(|g| allowed_groups.contains(g));
        let domain = known.email.as_deref().filter(|_| known.verified);
        let domain = domain.and_then(|email| email.rsplit_once('@')).map(|(_, domain)| domain);
        let allowed =
            |domain: &str| allowed_domains.iter().any(|one| one.eq_ignore_ascii_case(domain));
        by_group && (allowed_domains.is_empty() || domain.is_some_and(allowed))
    }
}

/// What the policy looks at.
#[derive(Debug, Default)]
struct Known {
    email: Option<String>,
    verified: bool,
    groups: Vec<String>,
}

/// A claim that lists groups, or names one.
fn groups(claims: &HashMap<String, Value>, name: &str) -> Vec<String> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    match claims.get(name) {
        Some(Value::Array(list)) => list.iter().filter_map(text).collect(),
        Some(one) => text(one).into_iter().collect(),
        None => Vec::new(),
    }
}
