//! What the public pages show of this node.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use activitypub::{Carrier, Named, ShownFile, ShownPost};
use mtproto_frontend::Clock;
use node_core::{ByAddress, ChannelId, Core, CoreResult, MessageId, Rate};
use web::{
    About, Channel, ChannelLink, Comment, Found, FoundPost, Invitation, Media, MediaKind, Pages,
    Poll, Post, PostPage, Profile, Program, Registration,
};

use crate::client_config::{Library, Ready};
use crate::config::{Config, RegistrationMode};
use crate::federation::Federation;

/// Pages of people that one address may open: so many at once, and one more a second.
const LOOK_UPS: Rate = Rate { burst: 60, per_second: 1.0 };

/// Posts of one page of a channel.
const POSTS_OF_PAGE: usize = 20;
/// Comments under a post.
const COMMENTS_SHOWN: usize = 100;

/// Channels on the first page.
const CHANNELS_SHOWN: usize = 20;

/// Programs that browsers may load, with the releases that the tests run them with.
const PROGRAMS: [Program; 5] = [
    Program {
        library: "Telethon (Python)",
        file: "telethon.py",
        install: "pip install telethon==1.45.0",
        run: "python3 telethon.py",
    },
    Program {
        library: "Pyrogram (Python)",
        file: "pyrogram.py",
        install: "pip install pyrogram==2.0.106",
        run: "python3 pyrogram.py",
    },
    Program {
        library: "Kurigram (Python)",
        file: "kurigram.py",
        install: "pip install kurigram==2.2.26",
        run: "python3 kurigram.py",
    },
    Program {
        library: "gramjs (Node.js)",
        file: "gramjs.cjs",
        install: "npm install telegram@2.26.22",
        run: "node gramjs.cjs",
    },
    Program {
        library: "mtcute (Node.js)",
        file: "mtcute.mjs",
        install: "npm install @mtcute/node@0.30.3",
        run: "node mtcute.mjs",
    },
];

/// The node, as browsers see it.
pub(crate) struct Site {
    core: Core,
    clock: Clock,
    name: String,
    operator: String,
    contact: Option<String>,
    rules: Vec<String>,
    registration: Registration,
    /// Where people of another service log in.
    login: Option<&'static str>,
    /// There is a web client.
    web_client: bool,
    /// Pages come over TLS.
    tls: bool,
    /// MTProxy secrets.
    secrets: Vec<String>,
    /// Known once the node listens.
    ready: OnceLock<Ready>,
    look_ups: ByAddress,
    /// None where other nodes are not reached.
    federation: Option<Arc<Federation>>,
    /// None where the node has no name in the fediverse.
    bridge: Option<Arc<Carrier>>,
    /// Where browsers reach the node, as it is configured.
    public_url: Option<String>,
}

impl Site {
    pub(crate) fn new(
        core: Core,
        clock: Clock,
        config: &Config,
        federation: Option<Arc<Federation>>,
        bridge: Option<Arc<Carrier>>,
    ) -> Self {
        Self {
            core,
            clock,
            name: config.node.name.clone(),
            operator: config.node.operator.clone(),
            contact: config.node.contact.clone(),
            rules: config.node.rules.clone(),
            registration: match config.registration.mode {
                RegistrationMode::Invite => Registration::Invite,
                RegistrationMode::Open => Registration::Open,
                RegistrationMode::Closed => Registration::Closed,
            },
            login: config.oidc.as_ref().map(|_| oidc::PATH),
            web_client: config.http.web_client.is_some(),
            tls: config.tls.is_some(),
            secrets: config.mtproto.secrets.clone(),
            ready: OnceLock::new(),
            look_ups: ByAddress::new(LOOK_UPS),
            federation,
            bridge,
            public_url: config
                .http
                .public_url
                .as_deref()
                .map(|url| url.trim_end_matches('/').into()),
        }
    }

    /// The node listens, and this is how it is reached.
    pub(crate) fn is_ready(&self, ready: &Ready) {
        // Set once; a second start of one process does not happen.
        let _ = self.ready.set(Ready { owner: None, ..ready.clone() });
    }
}

impl Site {
    /// What is shown of an invite.
    async fn invitation_of(&self, token: &str) -> CoreResult<Option<Invitation>> {
        let Some(invite) = self.core.invite_of_page(token).await? else { return Ok(None) };
        let Some(page) = self.core.invite_page(&invite) else { return Ok(None) };
        let proxies = self.ready.get().and_then(|ready| ready.proxies(&self.secrets).ok());
        Ok(Some(Invitation {
            number: format!("+{}", invite.phone),
            code: invite.code,
            expires: invite.expires.into(),
            page,
            proxies: proxies.unwrap_or_default().lines().map(Into::into).collect(),
        }))
    }

    /// What is shown of a bridged channel above its posts.
    fn head(&self, bridge: &Carrier, id: ChannelId) -> CoreResult<Option<Channel>> {
        let (Some(found), Some(how)) = (self.core.channel(id), self.core.bridge(id)) else {
            return Ok(None);
        };
        let group = found.linked.and_then(|group| self.core.channel(group));
        Ok(Some(Channel {
            id: id.0,
            title: found.title.clone(),
            username: self.core.bridge_name(&how).unwrap_or_default(),
            name_here: found.username.clone(),
            base: how.known.as_ref().map(|known| known.base.clone()),
            about: found.about.clone(),
            photo: bridge.picture(id)?.map(|url| path_of(&url)),
            members: u64::try_from(found.members).unwrap_or(0),
            handle: bridge.handle(id),
            actor: Some(bridge.actor(&how.cid)),
            discussion: group.and_then(|group| group.username.clone()),
            indexable: how.settings.discoverable,
            posts: Vec::new(),
            older: None,
        }))
    }

    async fn channel_page(
        &self,
        named: web::Named<'_>,
        before: Option<i32>,
    ) -> CoreResult<Option<Channel>> {
        let Some(bridge) = &self.bridge else { return Ok(None) };
        let Some((id, name)) = bridge.channel_named(named.host, named.name) else {
            return Ok(None);
        };
        let Some(mut shown) = self.head(bridge, id)? else { return Ok(None) };
        let (posts, older) = bridge.posts(id, before.map(MessageId), POSTS_OF_PAGE).await?;
        shown.posts = posts.into_iter().map(|post| of_post(&name, post)).collect();
        shown.older = older;
        Ok(Some(shown))
    }

    async fn post_page(&self, named: web::Named<'_>, post: &str) -> CoreResult<FoundPost> {
        let Some(bridge) = &self.bridge else { return Ok(FoundPost::None) };
        let Some((id, name)) = bridge.channel_named(named.host, named.name) else {
            return Ok(FoundPost::None);
        };
        let message = match bridge.named(id, post).await? {
            Named::None => return Ok(FoundPost::None),
            Named::Gone => return Ok(FoundPost::Gone),
            Named::At(called) => return Ok(FoundPost::At(format!("/@{name}/{called}"))),
            Named::Here(message) => message,
        };
        let (Some(channel), Some(shown)) =
            (self.head(bridge, id)?, bridge.post(id, message).await?)
        else {
            return Ok(FoundPost::None);
        };
        let comments = bridge.comments(id, message, COMMENTS_SHOWN).await?;
        let comments = comments.into_iter().map(|comment| Comment {
            author: comment.author,
            url: comment.url,
            date: comment.date,
            html: comment.html,
        });
        let page = PostPage { channel, post: of_post(&name, shown), comments: comments.collect() };
        Ok(FoundPost::Page(Box::new(page)))
    }
}

fn of_post(name: &str, shown: ShownPost) -> Post {
    let (views, reactions, comments) = shown.counts;
    Post {
        number: shown.number,
        path: format!("/@{name}/{}", shown.name),
        object: Some(shown.object),
        date: shown.date,
        edited: shown.edited,
        html: shown.html,
        text: shown.text,
        warning: shown.warning,
        media: shown.files.into_iter().map(of_file).collect(),
        poll: shown.poll.map(|poll| Poll {
            question: poll.question,
            options: poll.options,
            voters: poll.voters,
            closed: poll.closed,
        }),
        forwarded: shown.forwarded,
        answers: shown.answers.map(|called| format!("/@{name}/{called}")),
        author: shown.author,
        views,
        reactions,
        comments,
    }
}

fn of_file(file: ShownFile) -> Media {
    Media {
        kind: match file.kind {
            "image" => MediaKind::Image,
            "video" => MediaKind::Video,
            "audio" => MediaKind::Audio,
            _ => MediaKind::File,
        },
        url: path_of(&file.url),
        name: file.name,
        size: file.size,
        bytes: file.bytes,
    }
}

/// An address on this host without scheme and host: pages load nothing from elsewhere.
fn path_of(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.find('/').and_then(|at| rest.get(at..)).unwrap_or_default().to_owned()
}

impl Pages for Site {
    fn about(&self) -> About {
        let ready = self.ready.get();
        let text =
            |of: fn(&Ready) -> &String| ready.map_or(String::new(), |ready| of(ready).clone());
        About {
            name: self.name.clone(),
            registration: self.registration,
            mtproto: text(|ready| &ready.mtproto),
            dc: ready.map_or(0, |ready| ready.dc),
            rsa_fingerprint: text(|ready| &ready.rsa_fingerprint),
            rsa_pem: text(|ready| &ready.rsa_pem),
            web_client: self.web_client,
            login: self.login,
            operator: self.operator.clone(),
            contact: self.contact.clone(),
            rules: self.rules.clone(),
        }
    }

    fn profile(&self, username: &str) -> Option<Profile> {
        let found = self.core.public_profile(username);
        let found = found.inspect_err(|cause| tracing::warn!(%cause, "a page is not shown"));
        let member = found.ok()??;
        Some(Profile {
            id: member.id.0,
            name: member.name,
            username: member.username,
            about: member.about,
        })
    }

    fn binding(&self) -> Option<String> {
        self.federation.as_ref().map(|federation| federation.document())
    }

    fn channels(&self) -> Vec<ChannelLink> {
        if self.bridge.is_none() {
            return Vec::new();
        }
        let shown = self.core.bridges().into_iter().filter(|bridge| {
            // Those that came from another node have their pages at its address.
            let here = bridge.known.is_none() && self.core.is_bridged(bridge.channel);
            here && bridge.settings.discoverable
        });
        let links = shown.filter_map(|bridge| {
            let username = self.core.bridge_name(&bridge)?;
            let title = self.core.channel(bridge.channel)?.title.clone();
            Some(ChannelLink { title, username })
        });
        let mut links: Vec<_> = links.take(CHANNELS_SHOWN).collect();
        links.sort_by(|a, b| a.title.cmp(&b.title));
        links
    }

    fn programs(&self) -> &'static [Program] {
        &PROGRAMS
    }

    fn program(&self, file: &str) -> Option<String> {
        let library = match file {
            "telethon.py" => Library::Telethon,
            "pyrogram.py" => Library::Pyrogram,
            "kurigram.py" => Library::Kurigram,
            "gramjs.cjs" => Library::Gramjs,
            "mtcute.mjs" => Library::Mtcute,
            _ => return None,
        };
        self.ready.get()?.program(library, &[]).ok()
    }

    fn invitation<'a>(&'a self, token: &'a str) -> Found<'a, Option<Invitation>> {
        Box::pin(async move {
            let found = self.invitation_of(token).await;
            found.inspect_err(|cause| tracing::warn!(%cause, "a page is not shown")).ok()?
        })
    }

    fn channel<'a>(
        &'a self,
        named: web::Named<'a>,
        before: Option<i32>,
    ) -> Found<'a, Option<Channel>> {
        Box::pin(async move {
            let shown = self.channel_page(named, before).await;
            shown.inspect_err(|cause| tracing::warn!(%cause, "a page is not shown")).ok()?
        })
    }

    fn post<'a>(&'a self, named: web::Named<'a>, post: &'a str) -> Found<'a, FoundPost> {
        Box::pin(async move {
            let shown = self.post_page(named, post).await;
            shown.unwrap_or_else(|cause| {
                tracing::warn!(%cause, "a page is not shown");
                FoundPost::None
            })
        })
    }

    fn base(&self) -> String {
        let of_bridge = || self.bridge.as_ref().map(|bridge| bridge.base().to_owned());
        let listener = || {
            let ready = self.ready.get()?;
            // Every listener answers browsers.
            let address = if ready.http.is_empty() { &ready.mtproto } else { &ready.http };
            Some(format!("{}://{address}", if self.tls { "https" } else { "http" }))
        };
        self.public_url.clone().or_else(of_bridge).or_else(listener).unwrap_or_default()
    }

    fn may_look_up(&self, from: Option<SocketAddr>) -> bool {
        self.look_ups.may(from, (self.clock)())
    }
}
