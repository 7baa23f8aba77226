//! Who may call an operation, as an argument of its handler.

use poem::{Request, RequestBody};
use poem_openapi::registry::{MetaSecurityScheme, Registry};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};
use traffix_store::{Actor, Role};

use super::Principal;
use crate::http::{Kind, Problem};

/// Anybody, known or not.
pub(crate) struct Caller(pub(crate) Option<Principal>);

/// Somebody with a key of any role.
pub(crate) struct Keyed(pub(crate) Principal);

/// Somebody who may write the catalogue.
pub(crate) struct Moderator(pub(crate) Principal);

impl Moderator {
    /// How the change log names the caller.
    pub(crate) fn actor(&self) -> Actor {
        Actor(format!("key:{}", self.0.name))
    }
}

/// The proven caller of a request; without one, 401.
fn keyed(request: &Request) -> Result<Principal, Problem> {
    let known = request.extensions().get::<Principal>().cloned();
    known.ok_or_else(|| Problem::header(Kind::Unauthenticated, "Authorization", "this needs a key"))
}

fn with_role(request: &Request, needed: Role, name: &str) -> Result<Principal, Problem> {
    let principal = keyed(request)?;
    if principal.role < needed {
        let detail = format!("this needs the role {name} or a higher one");
        return Err(Problem::new(Kind::Forbidden, detail));
    }
    Ok(principal)
}

impl<'a> poem::FromRequest<'a> for Caller {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> poem::Result<Self> {
        Ok(Self(request.extensions().get::<Principal>().cloned()))
    }
}

fn register(registry: &mut Registry) {
    let scheme = MetaSecurityScheme {
        ty: "http",
        description: Some("A key as `traffix keys create` printed it: `trfx_live_<id>_<secret>`."),
        name: None,
        key_in: None,
        scheme: Some("bearer"),
        bearer_format: Some("trfx_live_<id>_<secret>"),
        flows: None,
        openid_connect_url: None,
    };
    registry.create_security_scheme("key", scheme);
}

macro_rules! guard {
    ($name:ident, $extract:expr) => {
        impl<'a> ApiExtractor<'a> for $name {
            const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];
            type ParamType = ();
            type ParamRawType = ();

            fn register(registry: &mut Registry) {
                register(registry);
            }

            fn security_schemes() -> Vec<&'static str> {
                vec!["key"]
            }

            async fn from_request(
                request: &'a Request,
                _: &mut RequestBody,
                _: ExtractParamOptions<()>,
            ) -> poem::Result<Self> {
                let extract: fn(&Request) -> Result<Principal, Problem> = $extract;
                Ok(Self(extract(request)?))
            }
        }
    };
}

guard!(Keyed, keyed);
guard!(Moderator, |request| with_role(request, Role::Moderator, "moderator"));
