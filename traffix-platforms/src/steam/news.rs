//! Patch notes, and which build they are about.

use chrono::{DateTime, TimeDelta, Utc};

use super::ID;
use super::api::web_api;
use super::wire::{NewsAnswer, NewsItem};
use crate::upstream::{Call, Upstream};
use crate::{Notes, PlatformError};

/// Posts asked for: the newest.
const POSTS: u32 = 20;
/// How far a post may be from the build it is about: posts come before, with or shortly after it. Assumed; the one
/// recorded pair is 30 hours apart.
const REACH: TimeDelta = TimeDelta::days(3);
/// Longest headline kept, in characters.
const MAX_TITLE: usize = 300;
/// The feed of an app is asked again after a quarter of an hour.
const FRESH_SECS: u32 = 900;

/// A post of the developer's own feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Post {
    /// Headline, link and time.
    pub notes: Notes,
    /// Whether it is tagged as patch notes. Not every patch is.
    pub patch: bool,
}

/// The newest posts of the developer of `app`, newest first as the feed has them; none if it has no feed. Posts of the
/// press and names of authors are left out.
///
/// # Errors
/// Those of the request.
pub async fn news(up: &dyn Upstream, app: u32) -> Result<Vec<Post>, PlatformError> {
    let call = Call::new(ID, "GetNewsForApp", up);
    let request = web_api("ISteamNews/GetNewsForApp/v2")
        .query("appid", app)
        .query("count", POSTS)
        // Texts are not read: one character is the shortest that can be asked for.
        .query("maxlength", 1)
        .fresh_for(FRESH_SECS);
    let response = call.response(&request).await?;
    let answer: NewsAnswer = match response.status {
        200..300 => call.parse_json(&response.body)?,
        // The way to say that the app has no feed; a refusal comes as a page of HTML.
        403 if response.body.trim_ascii() == b"{}" => return Ok(Vec::new()),
        404 => return Err(call.not_found(app.to_string())),
        status => return Err(call.malformed("status", status.to_string())),
    };
    let items = answer.appnews.map(|news| news.newsitems).unwrap_or_default();
    Ok(items.into_iter().filter(|item| item.feed_type == Some(1)).filter_map(NewsItem::post).collect())
}

impl NewsItem {
    fn post(self) -> Option<Post> {
        let plain = self.title.chars().filter(|c| !c.is_control()).take(MAX_TITLE).collect::<String>();
        let title = Some(plain.trim().to_owned()).filter(|title| !title.is_empty())?;
        let url = self
            .url
            .and_then(|url| url::Url::parse(&url).ok())
            .filter(|url| matches!(url.scheme(), "http" | "https"));
        let notes = Notes { title, url: url.map(String::from), published_at: self.date };
        Some(Post { notes, patch: self.tags.iter().any(|tag| tag == "patchnotes") })
    }
}

/// The post about a build that went live at `live_at`: the nearest of those tagged as patch notes within three days, else
/// the nearest whose headline speaks of a patch or an update.
pub(super) fn about(posts: &[Post], live_at: DateTime<Utc>) -> Option<&Notes> {
    let nearest = |wanted: &dyn Fn(&Post) -> bool| {
        let near = posts.iter().filter(|post| wanted(post)).filter_map(|post| {
            let distance = (post.notes.published_at? - live_at).abs();
            (distance <= REACH).then_some((distance, &post.notes))
        });
        near.min_by_key(|(distance, _)| *distance).map(|(_, notes)| notes)
    };
    nearest(&|post| post.patch).or_else(|| nearest(&speaks_of_a_patch))
}

fn speaks_of_a_patch(post: &Post) -> bool {
    let title = post.notes.title.to_lowercase();
    ["patch", "update", "hotfix"].iter().any(|word| title.contains(word))
}
