//! Dubtrack's calls. Every answer has its content under `data`; a cookie is the login.

use std::{collections::BTreeMap, sync::Mutex};

use reqwest::{Method, StatusCode, header};
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    event::{Metadata, Peer, PeerId, RoomId},
    net::{self, BodyError, Credential, Trust, build_trusting, limits},
    platform::{PlatformError, PlatformErrorKind},
    protocol::dubtrack::{
        objects::{RoomUser, User},
        role_of, user,
    },
};

/// A client that is logged in, or will be.
#[derive(Debug)]
pub(super) struct Rest {
    http: reqwest::Client,
    api: String,
    name: String,
    password: Credential,
    trust: Trust,
    /// The login is among them.
    cookies: Mutex<BTreeMap<String, String>>,
}

impl Rest {
    pub(super) fn new(api: &str, name: String, password: Credential, trust: Trust) -> Rest {
        let http = client(&trust);
        Rest { http, api: api.to_owned(), name, password, trust, cookies: Mutex::default() }
    }

    pub(super) fn at(self, api: String) -> Rest {
        Rest { api: api.trim_end_matches('/').to_owned(), ..self }
    }

    pub(super) fn trusting(self, trust: Trust) -> Rest {
        Rest { http: client(&trust), trust, ..self }
    }

    pub(super) fn address(&self) -> &str {
        &self.api
    }

    pub(super) fn trust(&self) -> &Trust {
        &self.trust
    }

    /// Logs in, and says who we are.
    pub(super) async fn log_in(&self) -> Result<PeerId, PlatformError> {
        self.password.refresh().ok();
        let password = self.password.token();
        let form = [("username", self.name.as_str()), ("password", password.expose_secret())];
        self.call(Method::POST, "/auth/login", Some(&form)).await?;
        let me: User = read("/auth/session", self.call(Method::GET, "/auth/session", None).await?)?;
        Ok(me.id.into())
    }

    /// A token for one connection of the socket.
    pub(super) async fn socket_token(&self) -> Result<String, PlatformError> {
        let data = self.call(Method::GET, "/auth/token", None).await?;
        let token = data["token"].as_str().ok_or_else(|| unreadable("/auth/token", "it has no token"))?;
        Ok(url::form_urlencoded::byte_serialize(token.as_bytes()).collect())
    }

    /// The id of the room of this name.
    pub(super) async fn room(&self, name: &str) -> Result<RoomId, PlatformError> {
        let path = format!("/room/{}", segment(name));
        let data = self.call(Method::GET, &path, None).await?;
        data["_id"].as_str().map(RoomId::from).ok_or_else(|| unreadable(&path, "it has no _id"))
    }

    /// Becomes one of a room's users.
    pub(super) async fn enter(&self, room: &RoomId) -> Result<(), PlatformError> {
        self.call(Method::POST, &format!("/room/{}/users", segment(room.as_str())), None).await.map(drop)
    }

    /// Who is in a room.
    pub(super) async fn members(&self, room: &RoomId) -> Result<Vec<Peer>, PlatformError> {
        let data = self.call(Method::GET, &format!("/room/{}/users", segment(room.as_str())), None).await?;
        // One that cannot be read costs itself.
        let members = data.as_array().into_iter().flatten();
        Ok(members.filter_map(peer_of).collect())
    }

    pub(super) async fn say(&self, room: &RoomId, text: &str) -> Result<(), PlatformError> {
        let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let form = [("message", text.as_str()), ("realTimeChannel", &format!("room:{room}")), ("type", "chat-message")];
        self.call(Method::POST, &format!("/chat/{}", segment(room.as_str())), Some(&form)).await.map(drop)
    }

    pub(super) async fn delete_message(&self, room: &RoomId, id: &str) -> Result<(), PlatformError> {
        let path = format!("/chat/{}/{}", segment(room.as_str()), segment(id));
        self.call(Method::DELETE, &path, None).await.map(drop)
    }

    pub(super) async fn kick(&self, room: &RoomId, peer: &PeerId) -> Result<(), PlatformError> {
        self.moderate(Method::POST, "kick", room, peer).await
    }

    pub(super) async fn mute(&self, room: &RoomId, peer: &PeerId, muted: bool) -> Result<(), PlatformError> {
        self.moderate(if muted { Method::POST } else { Method::DELETE }, "mute", room, peer).await
    }

    async fn moderate(&self, method: Method, what: &str, room: &RoomId, peer: &PeerId) -> Result<(), PlatformError> {
        let (room, peer) = (segment(room.as_str()), segment(peer.as_str()));
        self.call(method, &format!("/chat/{what}/{room}/user/{peer}"), None).await.map(drop)
    }

    /// Makes a call and gives what is under `data`.
    async fn call(&self, method: Method, path: &str, form: Option<&[(&str, &str)]>) -> Result<Value, PlatformError> {
        let name = format!("{method} {path}");
        let mut request = self.http.request(method, format!("{}{path}", self.api));
        let cookies = self.cookies.lock().expect("no holder panics").clone();
        if !cookies.is_empty() && path != "/auth/login" {
            let pairs: Vec<String> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header(header::COOKIE, pairs.join("; "));
        }
        if let Some(form) = form {
            let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
            request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(body);
        }
        let later = |error: reqwest::Error| {
            let why = net::explain(&net::root_cause(&error));
            PlatformError::new(PlatformErrorKind::Later, format!("{name}: {why}"))
        };
        let response = request.send().await.map_err(later)?;
        let (status, wait) = (response.status(), net::retry_after(response.status(), response.headers()));
        self.keep_cookie(response.headers());
        if !status.is_success() {
            return Err(refused(&name, status, wait));
        }
        let body = net::body(response, LARGEST_BYTES).await.map_err(|error| match error {
            BodyError::Transport(error) => unreadable(&name, &error.to_string()),
            BodyError::TooLarge => unreadable(&name, &format!("it is larger than {} MiB", LARGEST_BYTES >> 20)),
        })?;
        let whole: Value = serde_json::from_slice(&body).map_err(|error| unreadable(&name, &error.to_string()))?;
        Ok(whole.get("data").cloned().unwrap_or_default())
    }

    fn keep_cookie(&self, headers: &header::HeaderMap) {
        let set = headers.get_all(header::SET_COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut cookies = self.cookies.lock().expect("no holder panics");
        for (name, value) in set.filter_map(|cookie| cookie.split(';').next()?.split_once('=')) {
            if cookies.len() < MOST_COOKIES || cookies.contains_key(name.trim()) {
                cookies.insert(name.trim().to_owned(), value.trim().to_owned());
            }
        }
    }
}

fn client(trust: &Trust) -> reqwest::Client {
    build_trusting(trust, reqwest::Client::builder().connect_timeout(limits::CONNECT).timeout(limits::ANSWER))
}

/// A member of a list: the account is under `_user`, or its id alone is.
fn peer_of(listed: &Value) -> Option<Peer> {
    let member = RoomUser::deserialize(listed).ok()?;
    let account = User::deserialize(&member.user).unwrap_or_default();
    let id = [account.id.as_str(), member.userid.as_str()].into_iter().find(|id| !id.is_empty())?;
    let peer = user(&User { id: id.to_owned(), ..account });
    Some(Peer { role: role_of(&member.roleid), metadata: Metadata::new(listed.clone()), ..peer })
}

fn read<T: for<'de> Deserialize<'de>>(name: &str, data: Value) -> Result<T, PlatformError> {
    T::deserialize(data).map_err(|error| unreadable(name, &error.to_string()))
}

fn unreadable(name: &str, why: &str) -> PlatformError {
    let message = format!("{name}: the answer is not Dubtrack's ({why}); check the address");
    PlatformError::new(PlatformErrorKind::Other, message)
}

fn refused(name: &str, status: StatusCode, wait: Option<std::time::Duration>) -> PlatformError {
    let code = status.as_u16();
    // To be kept out of one room is no fault of the login.
    let is_login = name.contains(" /auth/");
    let (kind, advice) = match code {
        400 | 401 | 403 if is_login => (PlatformErrorKind::Unauthorized, "check the user and the password"),
        401 | 403 => (PlatformErrorKind::BadRequest, "the user may not do this"),
        404 if is_login => (PlatformErrorKind::Other, "check the address of the calls"),
        404 => (PlatformErrorKind::NotFound, "check the room's name"),
        429 | 500..=599 => (PlatformErrorKind::Later, "it is tried again"),
        _ => (PlatformErrorKind::BadRequest, "it makes no sense there"),
    };
    let message = format!("{name}: HTTP {code}; {advice}");
    PlatformError { retry_after: wait, ..PlatformError::new(kind, message) }
}

/// What stands between two slashes.
fn segment(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

const MOST_COOKIES: usize = 32;
/// A large room's list.
const LARGEST_BYTES: usize = 8 << 20;
